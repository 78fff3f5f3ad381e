"""attribution: codes, leak flags, lifetime bindings, acts.

Why: a buyer's code, a standing customer, an own purchase and a person's decision count beside taps, and each must be
provable years later: codes and bindings are dated records, acts have actor, reason and preview, creators' own addresses
are keyed hashes. Orders keep the hashes of all that names their buyer, not only of the first: an own purchase may show
in any of them. All tables are new; the new columns of orders are empty for those taken in before.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("buyer_hashes", sa.Text(), nullable=False, server_default=""))
    op.add_column("order_versions", sa.Column("buyer_hashes", sa.Text(), nullable=False, server_default=""))
    op.create_index("ix_token_buyers_buyer_hash", "token_buyers", ["buyer_hash"])
    for name, where in (("drift", "drift <> ''"), ("review", "credit_reason = 'frozen_review'")):
        few = sa.text(where)
        op.create_index(f"ix_decisions_{name}", "decisions", ["order_id"], sqlite_where=few, postgresql_where=few)
    _codes()
    _buyers()
    _acts()


def _moment(name: str, *, nullable: bool = False) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> "sa.Column[object]":
    return sa.Column(name, sa.Text(), nullable=nullable)


def _codes() -> None:
    op.create_table(
        "codes",
        _text("id"), _text("shop_id"), _text("text"), _text("shown"), _moment("created_at"), _text("created_by"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_codes")),
        sa.UniqueConstraint("shop_id", "text", name=op.f("uq_codes_shop_id_text")),
    )  # fmt: skip
    op.create_table(
        "code_records",
        _text("id"), _text("code_id"), _text("kind"), _text("creator_id", nullable=True), _moment("starts_at"),
        _moment("recorded_at"), _text("recorded_by"), _text("why"), sa.Column("evidence", sa.JSON(), nullable=False),
        _text("act_id", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_code_records")),
        sa.ForeignKeyConstraint(["code_id"], ["codes.id"], name=op.f("fk_code_records_code_id")),
    )  # fmt: skip
    op.create_index("ix_code_records_code_id_starts_at", "code_records", ["code_id", "starts_at"])
    op.create_table(
        "code_uses",
        _text("code_id"), _text("order_id"), _text("shop_id"), _moment("placed_at"),
        sa.Column("touched", sa.Boolean(), nullable=False), _text("referrer"),
        sa.PrimaryKeyConstraint("code_id", "order_id", name=op.f("pk_code_uses")),
    )  # fmt: skip
    op.create_index("ix_code_uses_shop_id_code_id_placed_at", "code_uses", ["shop_id", "code_id", "placed_at"])


def _buyers() -> None:
    op.create_table(
        "bindings",
        _text("id"), _text("shop_id"), _text("buyer_hash", nullable=True), _text("creator_id"), _text("order_id"),
        _moment("starts_at"), _moment("recorded_at"), _text("act_id", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bindings")),
    )  # fmt: skip
    op.create_index("ix_bindings_shop_id_buyer_hash_starts_at", "bindings", ["shop_id", "buyer_hash", "starts_at"])
    op.create_index("ix_bindings_order_id", "bindings", ["order_id"])
    op.create_table(
        "known_buyers",
        _text("id"), _text("shop_id"), _text("buyer_hash", nullable=True), _text("order_id"), _moment("since"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_buyers")),
        sa.UniqueConstraint("shop_id", "buyer_hash", name=op.f("uq_known_buyers_shop_id_buyer_hash")),
    )  # fmt: skip
    op.create_index("ix_known_buyers_order_id", "known_buyers", ["order_id"])
    op.create_table(
        "attribution_looks",
        _text("shop_id"), _moment("placed_to"), _moment("looked_at"),
        sa.PrimaryKeyConstraint("shop_id", name=op.f("pk_attribution_looks")),
    )  # fmt: skip
    op.create_table(
        "creator_identities",
        _text("id"), _text("creator_id"), _text("kind"), _text("hash"), _moment("starts_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_creator_identities")),
        sa.ForeignKeyConstraint(["creator_id"], ["creators.id"], name=op.f("fk_creator_identities_creator_id")),
        sa.UniqueConstraint("creator_id", "kind", "hash", name=op.f("uq_creator_identities_creator_id_kind_hash")),
    )  # fmt: skip
    op.create_index("ix_creator_identities_hash", "creator_identities", ["hash"])


def _acts() -> None:
    op.create_table(
        "acts",
        _text("id"), _text("shop_id"), _text("kind"), _text("state"), _text("order_id", nullable=True),
        _text("line_ref"), _text("creator_id", nullable=True), _text("content_id", nullable=True),
        _text("code_id", nullable=True), _moment("since", nullable=True), _text("actor"), _text("reason"),
        _text("token"), _moment("proposed_at"), sa.Column("needs_second", sa.Boolean(), nullable=False),
        _text("approved_by", nullable=True), _moment("approved_at", nullable=True),
        _moment("effective_at", nullable=True), _text("refused_by", nullable=True),
        _moment("refused_at", nullable=True), _text("refused_why"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acts")),
    )  # fmt: skip
    op.create_index("ix_acts_order_id", "acts", ["order_id"])
    op.create_index("ix_acts_state_proposed_at", "acts", ["state", "proposed_at"])
    op.create_index("ix_acts_code_id", "acts", ["code_id"])
