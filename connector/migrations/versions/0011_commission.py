"""commission: a clearance's history and payout, freezes by staff, open returns, excluded products, bonuses of events.

Why: what held a line's money, and until when, must be provable later; a freeze says why, until when there is an appeal
and when it ends by itself; a refund after the payout is told from one before it; an open return keeps lines from
clearing; a shop pays nothing on products that it excludes, from a date on; an event's tiers are counted once it has
closed, and counted anew when an older refund is heard of; a report of sales reads an evaluation's sums, not its lines.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def _time(name: str, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _texts(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=nullable) for name in names]


def _counts(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in names]


def upgrade() -> None:
    op.add_column("orders", sa.Column("returns", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("clearances", sa.Column("changes", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("clearances", _time("paid_at"))
    op.add_column("evaluations", sa.Column("sold", sa.Text(), nullable=True))
    op.create_table(
        "clearance_history",
        *_texts("order_id", "line_ref"), *_counts("number"), _time("clears_at"), *_texts("why", "blocked"),
        _time("until", nullable=False),
        sa.PrimaryKeyConstraint("order_id", "line_ref", "number", name=op.f("pk_clearance_history")),
    )  # fmt: skip
    op.create_index("ix_clearance_blocks_kind_ref", "clearance_blocks", ["kind", "ref"])
    op.create_index("ix_clearance_blocks_shop_id_closed_at", "clearance_blocks", ["shop_id", "closed_at"])
    op.create_table(
        "freezes",
        *_texts("id", "scope"), *_texts("shop_id", "creator_id", "order_id", "line_ref", nullable=True),
        *_texts("reason"), _time("frozen_at", nullable=False), *_texts("frozen_by"),
        _time("appeal_until", nullable=False), _time("ends_at", nullable=False), _time("appealed_at"),
        _time("ended_at"), *_texts("ended_why", "ended_by", "note"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_freezes")),
    )  # fmt: skip
    op.create_index("ix_freezes_ended_at_ends_at", "freezes", ["ended_at", "ends_at"])
    op.create_index("ix_freezes_creator_id", "freezes", ["creator_id"])
    op.create_index("ix_freezes_order_id", "freezes", ["order_id"])
    op.create_table(
        "freeze_appeals",
        *_texts("id", "freeze_id"), *_texts("creator_id", nullable=True), _time("at", nullable=False),
        *_texts("by", "words"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_freeze_appeals")),
        sa.ForeignKeyConstraint(["freeze_id"], ["freezes.id"], name=op.f("fk_freeze_appeals_freeze_id")),
    )  # fmt: skip
    op.create_index("ix_freeze_appeals_freeze_id", "freeze_appeals", ["freeze_id"])
    op.create_table(
        "excluded_products",
        *_texts("id", "shop_id", "product_ref"), _time("starts_at", nullable=False), _time("ends_at"),
        _time("recorded_at", nullable=False), *_texts("recorded_by"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_excluded_products")),
    )  # fmt: skip
    op.create_index(
        "uq_excluded_products_standing", "excluded_products", ["shop_id", "product_ref"], unique=True,
        sqlite_where=sa.text("ends_at IS NULL"), postgresql_where=sa.text("ends_at IS NULL"),
    )  # fmt: skip
    op.create_table(
        "event_closes",
        *_texts("event_id", "shop_id"), _time("closed_at", nullable=False), _time("counted_at", nullable=False),
        *_counts("orders", "creators"),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_event_closes")),
    )  # fmt: skip
    op.create_index("ix_event_closes_shop_id", "event_closes", ["shop_id"])
    op.create_table(
        "event_bonuses",
        *_texts("event_id", "creator_id", "currency", "shop_id"),
        *_counts("orders", "base", "commission", "tier_commission", "bonus", "tier_bp"),
        sa.PrimaryKeyConstraint("event_id", "creator_id", "currency", name=op.f("pk_event_bonuses")),
    )  # fmt: skip
    op.create_index("ix_event_bonuses_creator_id", "event_bonuses", ["creator_id"])
