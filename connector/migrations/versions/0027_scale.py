"""What a large programme asks for.

Why: a report adds what creators are owed beside orders (bonuses, flat fees, reimbursements, balances brought along).
These are few among millions of entries, so that they have indexes of their own. At each tap the taps of its journey
within the last minute are counted, in whichever shop: the journey alone is enough to find them, at an order too.
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
    op.create_index("ix_touches_journey_received_at", "touches", ["journey", "received_at"])
    op.drop_index("ix_touches_shop_id_journey", table_name="touches")
