"""Products in content with the time each is there, views as the app told them, and reports by more than the creator.

Why: a video was known by its taps alone. What it shows is now a dated fact (`content_products`), so that a product that
the store deletes makes its place in the video inactive and nothing else; how often it was seen comes from the app as a
count at a moment (`content_views`).

`evaluations.sold` kept each order's sums by creator; a report by video, product or collaboration needs them by line.
What was kept in the old form is emptied: a report reads such an order's lines themselves, as it always could. Taps are
counted by shop and time, and what the platform bore of refunds after a payout is found without reading all postings.
"""

import sqlalchemy as sa
from alembic import op

from connector.db import Moment

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "content_products",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("content_id", sa.Text(), nullable=False),
        sa.Column("listing_id", sa.Text(), nullable=False),
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("product_ref", sa.Text(), nullable=False),
        sa.Column("starts_at", Moment(), nullable=False),
        sa.Column("ends_at", Moment(), nullable=True),
        sa.Column("recorded_at", Moment(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["content_id"], ["contents.id"], name=op.f("fk_content_products_content_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_content_products")),
    )
    op.create_index("ix_content_products_content_id", "content_products", ["content_id"])
    op.create_index("ix_content_products_shop_id_product_ref", "content_products", ["shop_id", "product_ref"])
    op.create_table(
        "content_views",
        sa.Column("content_id", sa.Text(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("views", sa.BigInteger(), nullable=False),
        sa.Column("told_by", sa.Text(), nullable=False),
        sa.Column("recorded_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["content_id"], ["contents.id"], name=op.f("fk_content_views_content_id")),
        sa.PrimaryKeyConstraint("content_id", "at", name=op.f("pk_content_views")),
    )
    op.create_index("ix_touches_shop_id_at", "touches", ["shop_id", "at"])
    op.create_index(
        "ix_ledger_postings_absorbed", "ledger_postings", ["shop_id"],
        sqlite_where=sa.text("account = 'loss_absorbed'"), postgresql_where=sa.text("account = 'loss_absorbed'"),
    )  # fmt: skip
    op.execute("UPDATE evaluations SET sold = NULL WHERE sold IS NOT NULL")
