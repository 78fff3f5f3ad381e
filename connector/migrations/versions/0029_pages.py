"""The merchant's set-up of the programme, step by step, and who works with a shop.

Why: a set-up that was half typed was lost when the merchant left, and whether they had looked at the rules of
acceptance or passed them over was not known: the home page could not say truly how far it was. The list of a shop's
creators goes through the shop's own promotions by creator, which had no index. Support's queue of creators whose counts
aren't believed is few among a million decisions.
"""

import sqlalchemy as sa
from alembic import op

from connector.db import Moment

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "set_up_steps",
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("typed", sa.JSON(), nullable=False),
        sa.Column("moved_at", Moment(), nullable=False),
        sa.Column("moved_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_set_up_steps_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", "step", name=op.f("pk_set_up_steps")),
    )
    op.create_index("ix_promotions_shop_id_creator_id", "promotions", ["shop_id", "creator_id"])
    op.create_index(
        "ix_creators_held", "creators", ["id"], sqlite_where=sa.text("eligibility = 'held'"),
        postgresql_where=sa.text("eligibility = 'held'"),
    )  # fmt: skip
    op.create_index(
        "ix_creator_eligibilities_flagged", "creator_eligibilities", ["decided_at", "id"],
        sqlite_where=sa.text("believed <> followers"), postgresql_where=sa.text("believed <> followers"),
    )  # fmt: skip
