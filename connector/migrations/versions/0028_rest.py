"""What earlier sittings left.

Why: a row of a bank's file may wait for a second person too, as one recorded by hand does: `receipts_asked.source` says
which it was, so that the receipt that it becomes says so as well. What waits from before was recorded by hand.
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("receipts_asked", sa.Column("source", sa.Text(), nullable=False, server_default="hand"))
