"""Rules of what may be promoted.

Why: a product that may not be promoted must not be sold, and whoever sells it must read why and be heard. So there are
versions of the rules, in each listing the rule that keeps it out and the content that the rules were asked about,
refusals with their appeals, breaches with their strikes, and terms of use with who accepted which version.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _listings()
    _rules()
    _violations()
    _terms_of_use()


def _listings() -> None:
    op.add_column("listings", sa.Column("rule", sa.Text(), nullable=False, server_default=""))
    op.add_column("listings", sa.Column("screened", sa.Text(), nullable=False, server_default=""))
    waits = sa.text("screened <> content_hash AND gone_at IS NULL")
    op.create_index("ix_listings_unscreened", "listings", ["id"], sqlite_where=waits, postgresql_where=waits)


def _rules() -> None:
    op.create_table(
        "rules_versions",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("disclosure", sa.JSON(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_rules_versions")),
    )
    op.create_table(
        "rules_applied",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rules_applied")),
    )
    text = ("id", "listing_id", "shop_id", "product_ref", "title", "rule")
    op.create_table(
        "listing_refusals",
        *(sa.Column(name, sa.Text(), nullable=False) for name in text),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("found", sa.JSON(), nullable=False),
        sa.Column("refused_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=False),
        *_heard(),
        sa.Column("appealed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listing_refusals")),
    )
    op.create_index("ix_listing_refusals_listing_id", "listing_refusals", ["listing_id"])
    op.create_index("ix_listing_refusals_shop_id_ended_at", "listing_refusals", ["shop_id", "ended_at"])
    _appeals("listing_refusals")


def _heard() -> tuple[sa.Column[Any], ...]:
    """What was said against it, and what was decided."""
    return (
        sa.Column("appeal", sa.Text(), nullable=False),
        sa.Column("appealed_at", MOMENT, nullable=True),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
    )


def _appeals(table: str) -> None:
    waits = sa.text("decided_at IS NULL")
    op.create_index(f"ix_{table}_appeals", table, ["appealed_at"], sqlite_where=waits, postgresql_where=waits)


def _violations() -> None:
    op.create_table(
        "violations",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("id", "subject", "subject_id", "rule")),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("strikes", sa.Integer(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("appeal_until", MOMENT, nullable=False),
        sa.Column("ends_at", MOMENT, nullable=False),
        *_heard(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_violations")),
    )
    op.create_index("ix_violations_subject_id", "violations", ["subject_id"])
    _appeals("violations")


def _terms_of_use() -> None:
    op.create_table(
        "use_terms",
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("audience", "version", name=op.f("pk_use_terms")),
    )
    op.create_table(
        "use_terms_accepted",
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text_hash", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("audience", "subject_id", "version", name=op.f("pk_use_terms_accepted")),
    )
