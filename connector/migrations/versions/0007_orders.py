"""orders: nothing yet.

Why: a place kept for the room that builds it.
"""

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
