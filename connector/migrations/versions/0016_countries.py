"""countries: where a creator is, and in which countries the programme is off.

Why: a creator in a country that is off earns nothing by orders placed meanwhile (D16 of the rules). Both are dated and
never edited, so that an order is decided by what stood when it was placed. Both tables are new and empty: nobody is
held back by the change itself.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "creator_countries",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("creator_id", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["creator_id"], ["creators.id"], name=op.f("fk_creator_countries_creator_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_creator_countries")),
    )
    op.create_index("ix_creator_countries_creator_id_starts_at", "creator_countries", ["creator_id", "starts_at"])
    op.create_table(
        "country_switches",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("starts_at", MOMENT, nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_country_switches")),
    )
