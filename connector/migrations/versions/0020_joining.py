"""Joining in more ways than a code: what a grant's calls need beside its tokens, the store that a hand-over was begun
for and how it ended, and an address with a secret of its own for each shop of a platform that signs by shop."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("grants", sa.Column("details", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("pending_joins", sa.Column("details", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("pending_joins", sa.Column("shop_id", sa.Text(), nullable=True))
    op.add_column("pending_joins", sa.Column("problem", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "shop_hooks",
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("secret_sealed", sa.Text(), nullable=False),
        sa.Column("previous_sealed", sa.Text(), nullable=True),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_shop_hooks_shop_id")),
        sa.PrimaryKeyConstraint("shop_id", name=op.f("pk_shop_hooks")),
        sa.UniqueConstraint("key", name=op.f("uq_shop_hooks_key")),
    )
