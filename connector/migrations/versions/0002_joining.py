"""joining: what a shop's uninstall, its scopes and its currency are weighed by, and the API version that was served.

Why: a late uninstall must not undo a reinstall that we only know by a visit; scope news and profiles come in any order;
a changed currency stops settlement until somebody looked; another API version than asked must be seen by a person.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _time(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, server_default="")


def upgrade() -> None:
    op.add_column("shops", _text("currency_before"))
    for name in ("currency_changed_at", "profile_at", "visited_at"):
        op.add_column("shops", _time(name))
    op.add_column("grants", _time("scopes_at"))
    op.add_column("api_budgets", _text("served_version"))
    op.add_column("api_budgets", _time("served_at"))
