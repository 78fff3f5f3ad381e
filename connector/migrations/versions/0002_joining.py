"""joining: nothing yet.

Why: a place kept for the room that builds it.
"""

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
