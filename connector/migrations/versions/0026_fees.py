"""Flat fees and what is paid back.

Why: nothing yet.
"""

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
