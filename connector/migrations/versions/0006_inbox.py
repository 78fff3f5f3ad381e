"""inbox: nothing yet.

Why: a place kept for the room that builds it.
"""

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
