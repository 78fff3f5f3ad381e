"""rebuild: earlier decisions, dated follower counts, and conversions in the books.

Why: each evaluation's candidates shall be readable, also before the pin (4b of the rules), so what a decision was
before a change is kept. Whether a creator had followers enough is read as of the tap (F1), so counts are dated facts
with who said them, and a touch keeps the count and the number that was needed then. The counts that stand become facts
from the creators' beginning on, said by this migration: no touch is judged anew by them. A payout that leaves in
another currency goes through the account fx from now on (R14); payouts that were prepared before keep going the way
they were booked.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("decisions", sa.Column("changes", sa.BigInteger(), server_default="0", nullable=False))
    op.create_table(
        "decision_history",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("line_ref", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("credit_reason", sa.Text(), nullable=False),
        sa.Column("rate_reason", sa.Text(), nullable=False),
        sa.Column("creator_id", sa.Text(), nullable=True),
        sa.Column("content_id", sa.Text(), nullable=True),
        sa.Column("touch_id", sa.Text(), nullable=True),
        sa.Column("rate_bp", sa.BigInteger(), nullable=False),
        sa.Column("terms_id", sa.Text(), nullable=True),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("pinned", sa.Boolean(), nullable=False),
        sa.Column("decided_at", MOMENT, nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("order_id", "line_ref", "number", name=op.f("pk_decision_history")),
    )
    op.create_table(
        "creator_followers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("creator_id", sa.Text(), nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["creator_id"], ["creators.id"], name=op.f("fk_creator_followers_creator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_creator_followers")),
    )
    op.create_index("ix_creator_followers_creator_id_starts_at", "creator_followers", ["creator_id", "starts_at"])
    op.execute(
        "INSERT INTO creator_followers (id, creator_id, network, count, starts_at, recorded_at, said_by)"
        " SELECT 'fol_' || substr(id, 5), id, '', followers, created_at, created_at, 'migration:0017' FROM creators"
    )
    op.add_column("touches", sa.Column("followers", sa.BigInteger(), nullable=True))
    op.add_column("touches", sa.Column("followers_needed", sa.BigInteger(), nullable=True))
    op.add_column("payouts", sa.Column("through_fx", sa.Boolean(), server_default=sa.false(), nullable=False))
