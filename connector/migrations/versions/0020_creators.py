"""creators: sign-up, handles on networks, audiences, decisions about taking part, and openings of collections.

Why: until now a creator was a handle that the app registered. Whoever signs up brings an account of the app
(`creators.account_ref`: handles change, it doesn't), a birth date, a profile, handles that never become another's
(`creator_handles`), an audience, and gets a decision that names its policy version (`creator_eligibilities`,
`eligibility_policies`). `creators.eligibility` "" says of those who are there already that nothing was decided: they go
on as they are. A merchant opens a collection or a whole shop product by product (`openings`, `opened_products`): terms
stay what they are, dated rows of one scope each.
"""

import sqlalchemy as sa
from alembic import op

from connector.db import Moment

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("account_ref", sa.Text(), nullable=True),
        sa.Column("born_on", sa.Date(), nullable=True),
        sa.Column("about", sa.Text(), nullable=False, server_default=""),
        sa.Column("language", sa.Text(), nullable=False, server_default=""),
        sa.Column("topics", sa.JSON(), nullable=False, server_default="[]"),
        sa.Column("eligibility", sa.Text(), nullable=False, server_default=""),
        sa.Column("checked_at", Moment(), nullable=True),
    ):
        op.add_column("creators", column)
    op.create_index("uq_creators_account_ref", "creators", ["account_ref"], unique=True)
    op.create_index("ix_creators_checked_at", "creators", ["checked_at"])
    op.create_table(
        "creator_handles",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("creator_id", sa.Text(), nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.Column("starts_at", Moment(), nullable=False),
        sa.Column("ends_at", Moment(), nullable=True),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["creator_id"], ["creators.id"], name=op.f("fk_creator_handles_creator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_creator_handles")),
        sa.UniqueConstraint("network", "handle", name=op.f("uq_creator_handles_network_handle")),
    )
    op.create_index("ix_creator_handles_creator_id", "creator_handles", ["creator_id"])
    op.create_table(
        "creator_audiences",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("creator_id", sa.Text(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("starts_at", Moment(), nullable=False),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["creator_id"], ["creators.id"], name=op.f("fk_creator_audiences_creator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_creator_audiences")),
    )
    op.create_index("ix_creator_audiences_creator_id_starts_at", "creator_audiences", ["creator_id", "starts_at"])
    op.create_table(
        "creator_eligibilities",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("creator_id", sa.Text(), nullable=False),
        sa.Column("occasion", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("policy_id", sa.Text(), nullable=False),
        sa.Column("policy_version", sa.BigInteger(), nullable=False),
        sa.Column("followers", sa.BigInteger(), nullable=False),
        sa.Column("believed", sa.BigInteger(), nullable=False),
        sa.Column("flags", sa.JSON(), nullable=False),
        sa.Column("pilot_until", Moment(), nullable=True),
        sa.Column("decided_at", Moment(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["creator_id"], ["creators.id"], name=op.f("fk_creator_eligibilities_creator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_creator_eligibilities")),
    )
    op.create_index(
        "ix_creator_eligibilities_creator_id_decided_at", "creator_eligibilities", ["creator_id", "decided_at"]
    )
    op.create_table(
        "eligibility_policies",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", Moment(), nullable=False),
        sa.Column("numbers", sa.JSON(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("recorded_at", Moment(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_eligibility_policies")),
        sa.UniqueConstraint("version", name=op.f("uq_eligibility_policies_version")),
    )
    op.create_table(
        "openings",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("rate_bp", sa.BigInteger(), nullable=False),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("opened_at", Moment(), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("after_ref", sa.Text(), nullable=False),
        sa.Column("whole_at", Moment(), nullable=True),
        sa.Column("looked_at", Moment(), nullable=False),
        sa.Column("opened", sa.BigInteger(), nullable=False),
        sa.Column("kept", sa.BigInteger(), nullable=False),
        sa.Column("replaced_by", sa.Text(), nullable=True),
        sa.Column("closed_at", Moment(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("over_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_openings_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_openings")),
    )
    op.create_index(
        "uq_openings_standing", "openings", ["shop_id", "kind", "value"], unique=True,
        sqlite_where=sa.text("closed_at IS NULL"), postgresql_where=sa.text("closed_at IS NULL"),
    )  # fmt: skip
    op.create_index("ix_openings_over_at", "openings", ["over_at"])
    op.create_table(
        "opened_products",
        sa.Column("opening_id", sa.Text(), nullable=False),
        sa.Column("product_ref", sa.Text(), nullable=False),
        sa.Column("terms_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["opening_id"], ["openings.id"], name=op.f("fk_opened_products_opening_id")),
        sa.ForeignKeyConstraint(["terms_id"], ["terms.id"], name=op.f("fk_opened_products_terms_id")),
        sa.PrimaryKeyConstraint("opening_id", "product_ref", name=op.f("pk_opened_products")),
    )
