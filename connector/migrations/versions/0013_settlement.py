"""settlement: invoices to merchants, their receipts, reserves; statements name what they correct and keep back.

Why: creators are paid once the merchant paid (R15), so what a merchant owes and has paid is a record of its own, with a
number series without gaps. Closings from before have no invoice: what they settled was paid in advance, and nothing
waits for it. Old lines count as commission that corrects nothing. Shops from before go on being paid as they were, in
advance: the default of `payout_when` is another now, so what stood is written down for them; staff change it by shop.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("corrections", "opening", "reserved", "released"):
        op.add_column("statements", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("statement_lines", sa.Column("kind", sa.Text(), nullable=False, server_default="commission"))
    op.add_column("statement_lines", sa.Column("correction", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "reserves",
        sa.Column("statement_id", sa.Text(), nullable=False),
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("creator_id", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_in", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["statement_id"], ["statements.id"], name=op.f("fk_reserves_statement_id_statements")),
        sa.PrimaryKeyConstraint("statement_id", name=op.f("pk_reserves")),
    )
    op.create_index("ix_reserves_shop_id_released_in", "reserves", ["shop_id", "released_in"])
    _invoices()
    _receipts()
    _paid_as_before()


def _invoices() -> None:
    op.create_table(
        "invoices",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("closing_id", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("orders", "earned", "reversed", "bonus", "opening", "absorbed", "fee", "total")
        ),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_invoices_shop_id_shops")),
        sa.ForeignKeyConstraint(["closing_id"], ["closings.id"], name=op.f("fk_invoices_closing_id_closings")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoices")),
        sa.UniqueConstraint("number", name=op.f("uq_invoices_number")),
        sa.UniqueConstraint("closing_id", name=op.f("uq_invoices_closing_id")),
    )
    op.create_index("ix_invoices_shop_id_currency_number", "invoices", ["shop_id", "currency", "number"])
    op.create_table(
        "invoice_lines",
        sa.Column("invoice_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=True),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("commission", "absorbed", "fee")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_invoice_lines_invoice_id_invoices")),
        sa.PrimaryKeyConstraint("invoice_id", "subject", name=op.f("pk_invoice_lines")),
    )
    op.create_index("ix_invoice_lines_order_id", "invoice_lines", ["order_id"])
    op.create_table(
        "invoice_series",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_invoice_series")),
    )


def _receipts() -> None:
    op.create_table(
        "receipts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("undoes", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_receipts_shop_id_shops")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipts")),
        sa.UniqueConstraint("reference", name=op.f("uq_receipts_reference")),
    )
    op.create_index("ix_receipts_shop_id_currency", "receipts", ["shop_id", "currency"])


def _paid_as_before() -> None:
    op.execute(
        "INSERT INTO shop_settings (id, shop_id, name, value, starts_at, recorded_at, recorded_by) "
        "SELECT 'set_' || substr(shops.id, 5), shops.id, 'payout_when', 'advance', shops.created_at, "
        "CURRENT_TIMESTAMP, 'migration 0013' FROM shops WHERE NOT EXISTS (SELECT 1 FROM shop_settings AS own "
        "WHERE own.shop_id = shops.id AND own.name = 'payout_when' AND own.starts_at <= shops.created_at)"
    )
