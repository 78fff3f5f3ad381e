"""Events to the app's back end.

Why: an app that has to ask for notices hears late. So each notice says whether an event was made of it, and beside it
stand the endpoints that events go to, the events in their order, each on its way to each endpoint, every attempt, and
how far each shop's ledger was told of.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("notices", sa.Column("untold", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(
        "ix_notices_untold", "notices", ["id"], sqlite_where=sa.text("untold"), postgresql_where=sa.text("untold")
    )
    _endpoints()
    _events()


def _endpoints() -> None:
    op.create_table(
        "told_endpoints",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("off_why", sa.Text(), nullable=False),
        sa.Column("secret_sealed", sa.Text(), nullable=False),
        sa.Column("previous_sealed", sa.Text(), nullable=True),
        sa.Column("previous_until", MOMENT, nullable=True),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("delivered_at", MOMENT, nullable=True),
        sa.Column("failing_since", MOMENT, nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("paused_until", MOMENT, nullable=True),
        sa.Column("leased_by", sa.Text(), nullable=False),
        sa.Column("leased_until", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_told_endpoints")),
    )
    op.create_table(
        "told_chains",
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("shop_id", name=op.f("pk_told_chains")),
    )


def _events() -> None:
    op.create_table(
        "told_events",
        sa.Column("seq", SEQ, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("creator_id", sa.Text(), nullable=True),
        sa.Column("shop_id", sa.Text(), nullable=True),
        sa.Column("notice_id", sa.Text(), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_told_events")),
        sa.UniqueConstraint("id", name=op.f("uq_told_events_id")),
        sa.UniqueConstraint("source", name=op.f("uq_told_events_source")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_told_events_creator_id", "told_events", ["creator_id"])
    op.create_index("ix_told_events_made_at", "told_events", ["made_at"])
    op.create_table(
        "told_sends",
        sa.Column("endpoint_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("first_at", MOMENT, nullable=True),
        sa.Column("delivered_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["endpoint_id"], ["told_endpoints.id"], name=op.f("fk_told_sends_endpoint_id")),
        sa.PrimaryKeyConstraint("endpoint_id", "seq", name=op.f("pk_told_sends")),
    )
    op.create_index("ix_told_sends_endpoint_id_status_due_at", "told_sends", ["endpoint_id", "status", "due_at"])
    op.create_index("ix_told_sends_seq", "told_sends", ["seq"])
    op.create_table(
        "told_attempts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("endpoint_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_told_attempts")),
    )
    op.create_index("ix_told_attempts_endpoint_id_seq", "told_attempts", ["endpoint_id", "seq"])
