"""catalog: what feeds and search need of a product; what was refused; market prices; incremental and dry runs.

Why: brand, category of the platform's taxonomy, condition, GTIN and part number are asked for by every shopping feed.
Columns have defaults, so that rows written before a sync brings the facts are whole. A refused product is a row until
it can be taken in, so that support sees what is wrong now and not only what a run met.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _text(name: str, default: str = "") -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, server_default=default)


def upgrade() -> None:
    for column in (_text("brand"), _text("taxonomy_ref"), _text("taxonomy_name"), _text("condition", "new")):
        op.add_column("listings", column)
    op.execute("UPDATE listings SET brand = vendor")
    for column in (_text("gtin"), _text("mpn"), _text("item_ref")):
        op.add_column("variants", column)
    _runs()
    _refused_and_prices()


def _runs() -> None:
    moment = sa.DateTime(timezone=True)
    for column in (
        sa.Column("dry", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("resumed", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("holes", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("since", moment),
        sa.Column("watermark", moment),
    ):
        op.add_column("sync_runs", column)
    op.create_table(
        "sync_differences",
        sa.Column("run_id", sa.Text(), sa.ForeignKey("sync_runs.id"), primary_key=True),
        sa.Column("product_ref", sa.Text(), primary_key=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
    )
    op.create_table(
        "sync_states",
        sa.Column("shop_id", sa.Text(), sa.ForeignKey("shops.id"), primary_key=True),
        sa.Column("watermark", moment),
        sa.Column("full_at", moment),
        sa.Column("changed_at", moment),
        sa.Column("paused_at", moment),
        sa.Column("paused_by", sa.Text(), nullable=False),
    )
    # Shops that were synced before: their next scheduled run is a whole one, which finds the mark to go on from.
    op.execute(
        "INSERT INTO sync_states (shop_id, full_at, changed_at, paused_by) "
        "SELECT shop_id, NULL, MAX(started_at), '' FROM sync_runs WHERE status IN ('done', 'refusals') GROUP BY shop_id"
    )


def _refused_and_prices() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "refused_products",
        sa.Column("shop_id", sa.Text(), sa.ForeignKey("shops.id"), primary_key=True),
        sa.Column("product_ref", sa.Text(), primary_key=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.Column("first_at", moment, nullable=False),
        sa.Column("last_at", moment, nullable=False),
    )
    op.create_index("ix_refused_products_shop_id_reason", "refused_products", ["shop_id", "reason"])
    op.create_table(
        "market_prices",
        sa.Column("shop_id", sa.Text(), sa.ForeignKey("shops.id"), primary_key=True),
        sa.Column("variant_ref", sa.Text(), primary_key=True),
        sa.Column("country", sa.Text(), primary_key=True),
        sa.Column("product_ref", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("compare_at", sa.BigInteger()),
        sa.Column("of_hash", sa.Text(), nullable=False),
        sa.Column("read_at", moment, nullable=False),
    )
    op.add_column("api_budgets", sa.Column("flights", sa.JSON(), nullable=False, server_default="[]"))
