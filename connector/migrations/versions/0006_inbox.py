"""inbox: quarantine, replays with their lines, subscriptions as last found; privacy requests with findings and files.

Why: a person's word lets a body out of quarantine and must be kept; a replay of many is looked at before it is done;
what a privacy request found and erased is proof for years. Orders are looked up over all shops by the platform's
id, to see whose a body is.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def _time(name: str, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.JSON(), nullable=False)


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        # Sealed bytes can't be compressed: trying took a twentieth of a receipt.
        op.execute("ALTER TABLE deliveries ALTER COLUMN body_sealed SET STORAGE EXTERNAL")
    op.add_column("deliveries", sa.Column("body_gone", sa.Text(), nullable=False, server_default=""))
    op.add_column("deliveries", _time("body_cut_at"))
    op.add_column("deliveries", sa.Column("passed_by", sa.Text(), nullable=False, server_default=""))
    asks = sa.text("reason = 'privacy_request'")
    op.create_index("ix_deliveries_privacy", "deliveries", ["id"], sqlite_where=asks, postgresql_where=asks)
    op.create_index("ix_orders_order_ref", "orders", ["order_ref"])
    op.create_table(
        "replays",
        _text("id"), _text("kind"), _text("preview_id", nullable=True), _json("asked"), _text("asked_by"),
        _time("asked_at", nullable=False), _text("status"), _number("total"), _number("taken"), _number("entries"),
        _text("problem"), _time("started_at"), _time("heard_at"), _time("finished_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replays")),
    )  # fmt: skip
    op.create_index("ix_replays_asked_at", "replays", ["asked_at"])
    op.create_table(
        "replay_lines",
        _text("replay_id"), _number("number"), _text("delivery_id"), _text("shop_id"),
        _text("order_ref", nullable=True),
        _time("taken_at"), _text("outcome"), _text("reason"), _number("entries"), _json("moves"),
        sa.PrimaryKeyConstraint("replay_id", "number", name=op.f("pk_replay_lines")),
    )  # fmt: skip
    op.create_table(
        "shop_subscriptions",
        _text("shop_id"), _text("address"), _time("checked_at", nullable=False), _time("put_at"), _json("put"),
        _text("problem"),
        sa.PrimaryKeyConstraint("shop_id", name=op.f("pk_shop_subscriptions")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_shop_subscriptions_shop_id")),
    )  # fmt: skip
    _privacy()


def _privacy() -> None:
    op.create_table(
        "privacy_requests",
        _text("id"), _text("shop_id"), _text("kind"), _text("delivery_id", nullable=True), _text("request_ref"),
        _text("asked_by"), _time("asked_at", nullable=False), _time("due_at", nullable=False), _text("status"),
        _text("reason"), _text("detail"), _text("subject_sealed", nullable=True), _text("subject_hash", nullable=True),
        _json("order_refs"), _json("found"), _text("scanned_to"), _json("erased"), _json("proof"), _text("proof_hash"),
        _time("resume_at"), _time("heard_at"), _time("done_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_privacy_requests")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_privacy_requests_shop_id")),
        sa.UniqueConstraint("delivery_id", name=op.f("uq_privacy_requests_delivery_id")),
    )  # fmt: skip
    op.create_index("ix_privacy_requests_status_due_at", "privacy_requests", ["status", "due_at"])
    op.create_index("ix_privacy_requests_shop_id", "privacy_requests", ["shop_id"])
    op.create_table(
        "privacy_findings",
        _text("request_id"), _text("kind"), _text("ref"), _text("why"), _time("erased_at"), _text("act"),
        sa.PrimaryKeyConstraint("request_id", "kind", "ref", name=op.f("pk_privacy_findings")),
    )  # fmt: skip
    op.create_table(
        "privacy_exports",
        _text("id"), _text("request_id"), _text("shop_id"), _text("sealed", nullable=True), _number("size"),
        _text("sha256"), _time("made_at", nullable=False), _text("made_by"), _time("expires_at", nullable=False),
        _number("fetched"), _time("fetched_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_privacy_exports")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_privacy_exports_shop_id")),
    )  # fmt: skip
    op.create_index("ix_privacy_exports_request_id", "privacy_exports", ["request_id"])
