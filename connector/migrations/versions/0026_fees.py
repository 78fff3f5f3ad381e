"""Flat fees of agreements, the content that is handed in for them, and both beside commission on an invoice.

Why: an offer could promise a rate and no fixed sum, though a merchant often pays for the video itself. An offer, its
agreement and a rule of acceptance say the fee; content that a creator hands in waits for the merchant's answer, or for
its time, and what is approved is owed beside the orders. Invoices show fees and paid-back samples as sums of their own.
"""

import sqlalchemy as sa
from alembic import op

from connector.db import Moment

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("offers", "agreements"):
        op.add_column(table, sa.Column("flat_fee", sa.BigInteger(), nullable=False, server_default="0"))
        op.add_column(table, sa.Column("fee_currency", sa.Text(), nullable=False, server_default=""))
    op.add_column("acceptance_rules", sa.Column("most_fee", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("offer_batch_rows", sa.Column("flat_fee", sa.BigInteger(), nullable=True))
    for name in ("flat_fee", "reimbursement"):
        op.add_column("invoices", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "content_approvals",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("negotiation_id", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("agreement_id", sa.Text(), nullable=False),
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("creator_id", sa.Text(), nullable=False),
        sa.Column("content_id", sa.Text(), nullable=False),
        sa.Column("flat_fee", sa.BigInteger(), nullable=False),
        sa.Column("fee_currency", sa.Text(), nullable=False),
        sa.Column("product_refs", sa.JSON(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("handed_in_at", Moment(), nullable=False),
        sa.Column("handed_in_by", sa.Text(), nullable=False),
        sa.Column("answer_by", Moment(), nullable=False),
        sa.Column("answered_at", Moment(), nullable=True),
        sa.Column("answered_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("again_until", Moment(), nullable=True),
        sa.Column("appeal_side", sa.Text(), nullable=False),
        sa.Column("appealed_at", Moment(), nullable=True),
        sa.Column("appealed_by", sa.Text(), nullable=False),
        sa.Column("appeal", sa.Text(), nullable=False),
        sa.Column("proposed_at", Moment(), nullable=True),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("decided_at", Moment(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["agreement_id"], ["agreements.id"], name=op.f("fk_content_approvals_agreement_id")),
        sa.ForeignKeyConstraint(["content_id"], ["contents.id"], name=op.f("fk_content_approvals_content_id")),
        sa.ForeignKeyConstraint(["creator_id"], ["creators.id"], name=op.f("fk_content_approvals_creator_id")),
        sa.ForeignKeyConstraint(
            ["negotiation_id"], ["negotiations.id"], name=op.f("fk_content_approvals_negotiation_id")
        ),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_content_approvals_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_content_approvals")),
        sa.UniqueConstraint("negotiation_id", "number", name=op.f("uq_content_approvals_negotiation_id_number")),
    )
    op.create_index("ix_content_approvals_shop_id_state", "content_approvals", ["shop_id", "state", "id"])
    op.create_index("ix_content_approvals_creator_id", "content_approvals", ["creator_id", "id"])
    op.create_index("ix_content_approvals_state_answer_by", "content_approvals", ["state", "answer_by"])
    op.create_index("ix_content_approvals_content_id", "content_approvals", ["content_id"])
