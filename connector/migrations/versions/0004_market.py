"""market: nothing yet.

Why: a place kept for the room that builds it.
"""

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
