"""Where a content can be seen.

Why: a shop approves a video for a flat fee, or counts it as what a sample was sent for, and knew it by its title alone.
The app may tell its public address; when that was told last is kept beside it, so that who judges a content sees
whether it was changed after it was handed in.
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("contents", sa.Column("url", sa.Text(), nullable=False, server_default=""))
    op.add_column("contents", sa.Column("url_told_at", sa.DateTime(timezone=True), nullable=True))
