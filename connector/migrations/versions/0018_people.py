"""A closing is booked in pieces: what is written down of it, and lines that are there before their statement appears.

Why: a large shop's closing held SQLite's only writer for ten seconds. Now it is worked out first and written down
(`closing_runs`, `closing_pieces`), booked a thousand rows at a time, and appears whole at its end; so lines of
statements and invoices come before the row that they belong to, and no foreign key may ask for it.

A file of balances and a receipt above a set sum wait for a second person: `imports.approved_by` with `note` for why one
wasn't taken, `receipts_asked`.

A creator may be erased: `creators.erased_at` says that handle and name are nobody's since then.
"""

import sqlalchemy as sa
from alembic import op

from connector.db import Moment

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "closing_runs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("starts_at", Moment(), nullable=False),
        sa.Column("ends_at", Moment(), nullable=False),
        sa.Column("closed_at", Moment(), nullable=False),
        sa.Column("closed_by", sa.Text(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("invoice_id", sa.Text(), nullable=True),
        sa.Column("bill", sa.JSON(), nullable=False),
        sa.Column("reserve_days", sa.BigInteger(), nullable=False),
        sa.Column("begun_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_closing_runs_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_closing_runs")),
        sa.UniqueConstraint("shop_id", "currency", name=op.f("uq_closing_runs_shop_id_currency")),
    )
    op.create_table(
        "closing_pieces",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("statements", sa.JSON(), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("bill", sa.JSON(), nullable=False),
        sa.Column("booked_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["closing_runs.id"], name=op.f("fk_closing_pieces_run_id")),
        sa.PrimaryKeyConstraint("run_id", "number", name=op.f("pk_closing_pieces")),
    )
    op.create_table(
        "receipts_asked",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("asked_at", Moment(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("decided_at", Moment(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("receipt_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_receipts_asked_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipts_asked")),
    )
    op.create_index("ix_receipts_asked_state_asked_at", "receipts_asked", ["state", "asked_at"])
    op.add_column("imports", sa.Column("approved_by", sa.Text(), nullable=True))
    op.add_column("imports", sa.Column("note", sa.Text(), nullable=False, server_default=""))
    op.add_column("creators", sa.Column("erased_at", Moment(), nullable=True))
    for table, name in (
        ("statement_lines", "fk_statement_lines_statement_id"),
        ("invoice_lines", "fk_invoice_lines_invoice_id_invoices"),
    ):
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(name, type_="foreignkey")
