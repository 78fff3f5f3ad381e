"""market: the queue of changed listings, and the search index.

Why: search over the whole list within milliseconds needs an index, and both databases must answer alike: its tables
hold bitmaps that the same code reads and writes everywhere. What changed is queued, so that a sync never waits for it.
The list by title gets the indexes of its order.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _bytewise() -> sa.Text:
    # Ranges of words are asked for: in the order of their bytes on both.
    return sa.Text(collation="C") if op.get_bind().dialect.name == "postgresql" else sa.Text()


def upgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "listing_changes",
        sa.Column("seq", sa.BigInteger() if postgresql else sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("product_ref", sa.Text(), nullable=False),
        sa.Column("noted_at", moment, nullable=False),
    )
    op.create_table(
        "search_state",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("documents", sa.BigInteger(), nullable=False),
        sa.Column("terms_until", moment),
        sa.Column("terms_seen", sa.Text(), nullable=False),
    )
    op.create_table(
        "search_documents",
        sa.Column("number", sa.BigInteger() if postgresql else sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("listing_id", sa.Text(), nullable=False),
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("listing_at", moment, nullable=False),
        sa.Column("keys", sa.LargeBinary(), nullable=False),
        sa.Column("facets", sa.Text(), nullable=False),
        sa.UniqueConstraint("listing_id", name="uq_search_documents_listing_id"),
    )
    op.create_table(
        "search_postings",
        sa.Column("key", _bytewise(), primary_key=True),
        sa.Column("segment", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("bits", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "search_terms",
        sa.Column("term", _bytewise(), primary_key=True),
        sa.Column("documents", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "search_spellings",
        sa.Column("spelling", _bytewise(), primary_key=True),
        sa.Column("term", _bytewise(), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "search_values",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("facet", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.UniqueConstraint("facet", "value", name="uq_search_values_facet_value"),
    )
    op.create_table(
        "search_columns",
        sa.Column("facet", sa.Text(), primary_key=True),
        sa.Column("segment", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("ids", sa.LargeBinary(), nullable=False),
    )
    # The order of `catalog.queries.by_title`: bytes of the lower-case beginning of the title.
    place = "lower(substr(title, 1, 80))" + (' COLLATE "C"' if postgresql else "") + ", id"
    op.execute(f"CREATE INDEX ix_listings_title ON listings ({place})")
    op.execute(f"CREATE INDEX ix_listings_shop_id_title ON listings (shop_id, {place})")
    if postgresql:
        # Bits don't shrink; asked for by the hundred, they should come as they are.
        op.execute("ALTER TABLE search_postings ALTER COLUMN bits SET STORAGE EXTERNAL")
        op.execute("ALTER TABLE search_columns ALTER COLUMN ids SET STORAGE EXTERNAL")
