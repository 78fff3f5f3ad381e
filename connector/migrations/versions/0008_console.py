"""console: saved views of staff, and the codes that came to `/go` and are none of ours.

Why: support comes back to the same filters all day; a creator's broken link is seen before the creator complains.
Both tables are small and new: nothing to fill in.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "saved_views",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
        sa.UniqueConstraint("place", "owner", "name", name=op.f("uq_saved_views_place_owner_name")),
    )
    op.create_table(
        "unknown_codes",
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("nearest", sa.Text(), nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("text", name=op.f("pk_unknown_codes")),
    )
    op.create_index("ix_unknown_codes_first_at", "unknown_codes", ["first_at"])
    op.create_index("ix_unknown_codes_last_at", "unknown_codes", ["last_at"])
