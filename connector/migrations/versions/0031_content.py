"""Empty so far.

Why: to be written by whoever owns it, or removed.
"""

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
