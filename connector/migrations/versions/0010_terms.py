"""terms: more kinds of terms with what belongs to them, and which creator promotes which product since when.

Why: a rate may be one creator's, an event's or the shop's own, and may differ for ads, new buyers and codes; who
promoted a product before its rate was cut keeps the old one for 30 days, so "since when" has to be a dated fact.
Whoever has a share link already promotes its product since the link was made, or since the first tap in content.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("ads_bp", sa.BigInteger(), nullable=True),
        sa.Column("new_buyer_bp", sa.BigInteger(), nullable=True),
        sa.Column("code_rates", sa.JSON(), nullable=False, server_default="{}"),
        sa.Column("notice_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False, server_default=""),
        sa.Column("tiers", sa.JSON(), nullable=False, server_default="[]"),
        sa.Column("calls_off", sa.Text(), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_by", sa.Text(), nullable=False, server_default=""),
    ):
        op.add_column("terms", column)
    op.create_index("ix_terms_creator_id_shop_id", "terms", ["creator_id", "shop_id"])
    op.create_table(
        "promotions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("creator_id", sa.Text(), nullable=False),
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("product_ref", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["creator_id"], ["creators.id"], name=op.f("fk_promotions_creator_id")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_promotions_shop_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promotions")),
    )
    op.create_index(
        "ix_promotions_shop_id_product_ref_creator_id", "promotions", ["shop_id", "product_ref", "creator_id"]
    )
    op.create_index(
        "uq_promotions_standing", "promotions", ["creator_id", "shop_id", "product_ref"], unique=True,
        sqlite_where=sa.text("ends_at IS NULL"), postgresql_where=sa.text("ends_at IS NULL"),
    )  # fmt: skip
    op.create_table(
        "cut_notices",
        sa.Column("terms_id", sa.Text(), nullable=False),
        sa.Column("creator_id", sa.Text(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["terms_id"], ["terms.id"], name=op.f("fk_cut_notices_terms_id")),
        sa.PrimaryKeyConstraint("terms_id", "creator_id", name=op.f("pk_cut_notices")),
    )
    # The id of the first link or tap of each stands in: ids need only be their own, and this is written once.
    op.execute(
        "INSERT INTO promotions (id, creator_id, shop_id, product_ref, starts_at, ends_at, recorded_at) "
        "SELECT 'prm_' || substr(MIN(id), 5), creator_id, shop_id, product_ref, MIN(since), NULL, MIN(since) FROM ("
        "SELECT id, creator_id, shop_id, product_ref, created_at AS since FROM links UNION ALL "
        "SELECT id, creator_id, shop_id, product_ref, at AS since FROM touches WHERE content_id IS NOT NULL"
        ") AS shown GROUP BY creator_id, shop_id, product_ref"
    )
