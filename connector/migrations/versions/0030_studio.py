"""News in the creator's studio: how far each has read it.

Why: notices were read by the app alone, in the order in which they were written. The studio shows a creator their own,
newest first, and says how many are new: so they are found by creator, and how far somebody has read is kept.
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_notices_creator_id_id", "notices", ["creator_id", "id"])
    op.create_table(
        "studio_news",
        sa.Column("creator_id", sa.Text(), nullable=False),
        sa.Column("read_up_to", sa.Text(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("creator_id", name=op.f("pk_studio_news")),
    )
