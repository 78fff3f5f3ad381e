"""console: nothing yet.

Why: a place kept for the room that builds it.
"""

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
