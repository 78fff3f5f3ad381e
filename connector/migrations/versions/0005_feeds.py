"""feeds: nothing yet.

Why: a place kept for the room that builds it.
"""

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
