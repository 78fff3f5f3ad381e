"""A creator's decisions are found with their video and order in the index; balances in the order of their list.

Why: a report of a creator, or of a video, asks for the orders alone. They stood in the rows, one page of the table for
each: of 600 orders' lines that took longer than all else of a creator's month. And the list of all balances was read
whole for each of its pages.
"""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    name = "ix_decisions_creator_id_content_id_order_id"
    op.create_index(name, "decisions", ["creator_id", "content_id", "order_id"])
    op.drop_index("ix_decisions_creator_id", "decisions")
    name = "ix_ledger_balances_shop_id_creator_id_currency"
    op.create_index(name, "ledger_balances", ["shop_id", "creator_id", "currency"])
