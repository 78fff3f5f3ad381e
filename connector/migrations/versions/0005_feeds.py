"""feeds: a shop's catalog for Google, Meta and TikTok; carriers of a touch and a merchant's test click.

Why: each channel reads a file of its own at an address that stays; what was refused must be seen a build at a time.
A touch says by which way it went to the store, so that a trace can tell a lost carrier from one that was never sent.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _time(name: str, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def upgrade() -> None:
    op.create_table(
        "feeds",
        *_texts("id", "shop_id", "channel", "format"),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("every_hours", sa.BigInteger(), nullable=False),
        sa.Column("built_id", sa.Text(), nullable=True),
        _time("created_at", nullable=False),
        _time("removed_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feeds")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_feeds_shop_id")),
        sa.UniqueConstraint("shop_id", "channel", "format", name=op.f("uq_feeds_shop_id_channel_format")),
    )
    op.create_table(
        "feed_builds",
        *_texts("id", "feed_id", "shop_id", "status", "cause"),
        _time("queued_at", nullable=False),
        _time("started_at"), _time("heard_at"), _time("finished_at"),
        *_texts("problem"),
        *(sa.Column(name, sa.BigInteger(), nullable=False)
          for name in ("products", "items", "written", "refused", "warned")),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        *_texts("etag"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed_builds")),
    )  # fmt: skip
    op.create_index("ix_feed_builds_feed_id_queued_at", "feed_builds", ["feed_id", "queued_at"])
    op.create_index("ix_feed_builds_shop_id", "feed_builds", ["shop_id"])
    op.create_table(
        "feed_findings",
        *_texts("build_id"),
        sa.Column("number", sa.BigInteger(), nullable=False),
        *_texts("item_id", "product_ref", "variant_ref", "title", "severity", "code", "field", "detail"),
        sa.PrimaryKeyConstraint("build_id", "number", name=op.f("pk_feed_findings")),
    )
    op.create_table(
        "category_map",
        *_texts("source", "target", "release"),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_category_map")),
    )
    op.add_column("touches", sa.Column("way", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "trial_clicks",
        *_texts("id", "shop_id", "token", "product_ref", "variant_ref", "title", "way"),
        _time("made_at", nullable=False),
        _time("ended_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trial_clicks")),
        sa.UniqueConstraint("token", name=op.f("uq_trial_clicks_token")),
    )
    op.create_table(
        "order_hints",
        *_texts("order_id", "carrier", "value"),
        sa.PrimaryKeyConstraint("order_id", "carrier", "value", name=op.f("pk_order_hints")),
    )
    op.create_index("ix_trial_clicks_shop_id_made_at", "trial_clicks", ["shop_id", "made_at"])
