"""What a large programme asks for.

Why: a report adds what creators are owed beside orders (bonuses, flat fees, reimbursements, balances brought along).
These are few among millions of entries, so that they have indexes of their own.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

BESIDE = sa.text("kind IN ('bonus', 'flat_fee', 'opening', 'reimbursement')")


def upgrade() -> None:
    for name, column in (("shop", "shop_id"), ("creator", "creator_id")):
        op.create_index(
            f"ix_ledger_entries_beside_{name}", "ledger_entries", [column, "occurred_at"], sqlite_where=BESIDE,
            postgresql_where=BESIDE,
        )  # fmt: skip
