"""Samples, every step of them, what shops give as samples, and when content could be seen.

Why: an agreement could promise a sample, and nothing followed from it. A sample is a row that says how it stands and
who has to act until when; its steps say how it came there. Where it goes is sealed and gone a month after it arrived.
The numbers (how long, how many) are dated policies, as those of who may take part. Whether content counts depends on
how long people could see it, which only the app knows: it tells when that changes, and how long a live session was.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from connector.db import Moment

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_HOLDING = (
    "product_ref <> '' AND state IN"
    " ('requested', 'granted', 'approved', 'ordered', 'shipped', 'delivered', 'appealed', 'fulfilled')"
)


def upgrade() -> None:
    _policies()
    _samples()
    _beside()


def _policies() -> None:
    op.create_table(
        "sample_policies",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", Moment(), nullable=False),
        sa.Column("numbers", sa.JSON(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("recorded_at", Moment(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sample_policies")),
        sa.UniqueConstraint("version", name=op.f("uq_sample_policies_version")),
    )
    op.create_table(
        "sample_offers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("product_ref", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("per_month", sa.BigInteger(), nullable=True),
        sa.Column("auto_followers", sa.BigInteger(), nullable=True),
        sa.Column("auto_score", sa.BigInteger(), nullable=True),
        sa.Column("starts_at", Moment(), nullable=False),
        sa.Column("ends_at", Moment(), nullable=True),
        sa.Column("recorded_at", Moment(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_sample_offers_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sample_offers")),
    )
    op.create_index("ix_sample_offers_shop_id_product_ref", "sample_offers", ["shop_id", "product_ref"])


def _samples() -> None:
    text: dict[str, sa.Column[Any]] = {name: sa.Column(name, sa.Text(), nullable=False) for name in (
        "state", "placing", "ending", "product_ref", "variant_ref", "note", "recipient_country", "currency", "problem",
        "problem_field", "problem_words", "order_number", "carrier", "tracking", "delivered_how", "reason", "words",
    )}  # fmt: skip
    flag: dict[str, sa.Column[Any]] = {name: sa.Column(name, sa.Boolean(), nullable=False) for name in (
        "extended", "appealed", "by_hand", "confirmed",
    )}  # fmt: skip
    time: dict[str, sa.Column[Any]] = {name: sa.Column(name, Moment(), nullable=True) for name in (
        "due_at", "forget_at", "place_at", "approved_at", "shipped_at", "delivered_at", "ended_at", "look_at",
        "confirm_by",
    )}  # fmt: skip
    op.create_table(
        "samples",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("creator_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        text["state"],
        time["due_at"],
        text["placing"],
        text["ending"],
        flag["extended"],
        flag["appealed"],
        sa.Column("agreement_id", sa.Text(), nullable=True),
        sa.Column("offer_id", sa.Text(), nullable=True),
        sa.Column("policy_version", sa.BigInteger(), nullable=False),
        text["product_ref"],
        text["variant_ref"],
        text["note"],
        sa.Column("recipient_sealed", sa.Text(), nullable=True),
        text["recipient_country"],
        time["forget_at"],
        sa.Column("standing", sa.JSON(), nullable=False),
        sa.Column("agreed_amount", sa.BigInteger(), nullable=True),
        text["currency"],
        sa.Column("paid_back", sa.BigInteger(), nullable=True),
        flag["by_hand"],
        sa.Column("place_tries", sa.BigInteger(), nullable=False),
        time["place_at"],
        text["problem"],
        text["problem_field"],
        text["problem_words"],
        sa.Column("order_ref", sa.Text(), nullable=True),
        text["order_number"],
        flag["confirmed"],
        time["confirm_by"],
        text["carrier"],
        text["tracking"],
        sa.Column("asked_at", Moment(), nullable=False),
        time["approved_at"],
        time["shipped_at"],
        time["delivered_at"],
        text["delivered_how"],
        time["ended_at"],
        text["reason"],
        text["words"],
        sa.Column("content_id", sa.Text(), nullable=True),
        time["look_at"],
        sa.Column("moved_at", Moment(), nullable=False),
        sa.Column("request_key", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["creator_id"], ["creators.id"], name=op.f("fk_samples_creator_id")),
        sa.ForeignKeyConstraint(["offer_id"], ["sample_offers.id"], name=op.f("fk_samples_offer_id")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_samples_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_samples")),
        sa.UniqueConstraint("agreement_id", name=op.f("uq_samples_agreement_id")),
        sa.UniqueConstraint("creator_id", "request_key", name=op.f("uq_samples_creator_id_request_key")),
        sa.UniqueConstraint("shop_id", "order_ref", name=op.f("uq_samples_shop_id_order_ref")),
    )
    op.create_index("ix_samples_creator_id_state", "samples", ["creator_id", "state", "id"])
    op.create_index("ix_samples_offer_id_approved_at", "samples", ["offer_id", "approved_at"])
    op.create_index("ix_samples_shop_id_id", "samples", ["shop_id", "id"])
    op.create_index("ix_samples_shop_id_state", "samples", ["shop_id", "state", "id"])
    for name in ("forget_at", "look_at", "place_at"):
        few = sa.text(f"{name} IS NOT NULL")
        op.create_index(f"ix_samples_{name}", "samples", [name, "id"], sqlite_where=few, postgresql_where=few)
    op.create_index(
        "uq_samples_one_of_each",
        "samples",
        ["creator_id", "shop_id", "product_ref"],
        unique=True,
        sqlite_where=sa.text(_HOLDING),
        postgresql_where=sa.text(_HOLDING),
    )


def _beside() -> None:
    op.create_table(
        "sample_steps",
        sa.Column("sample_id", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["sample_id"], ["samples.id"], name=op.f("fk_sample_steps_sample_id")),
        sa.PrimaryKeyConstraint("sample_id", "number", name=op.f("pk_sample_steps")),
    )
    op.create_table(
        "sample_contents",
        sa.Column("sample_id", sa.Text(), nullable=False),
        sa.Column("content_id", sa.Text(), nullable=False),
        sa.Column("named_at", Moment(), nullable=False),
        sa.Column("named_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["content_id"], ["contents.id"], name=op.f("fk_sample_contents_content_id")),
        sa.ForeignKeyConstraint(["sample_id"], ["samples.id"], name=op.f("fk_sample_contents_sample_id")),
        sa.PrimaryKeyConstraint("sample_id", "content_id", name=op.f("pk_sample_contents")),
    )
    op.create_table(
        "sample_appeals",
        sa.Column("sample_id", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("made_at", Moment(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("decided_at", Moment(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["sample_id"], ["samples.id"], name=op.f("fk_sample_appeals_sample_id")),
        sa.PrimaryKeyConstraint("sample_id", name=op.f("pk_sample_appeals")),
    )
    op.create_index("ix_sample_appeals_decided_at_made_at", "sample_appeals", ["decided_at", "made_at"])
    op.create_table(
        "content_sightings",
        sa.Column("content_id", sa.Text(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("visible", sa.Boolean(), nullable=False),
        sa.Column("live_seconds", sa.BigInteger(), nullable=True),
        sa.Column("told_by", sa.Text(), nullable=False),
        sa.Column("recorded_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["content_id"], ["contents.id"], name=op.f("fk_content_sightings_content_id")),
        sa.PrimaryKeyConstraint("content_id", "at", name=op.f("pk_content_sightings")),
    )
