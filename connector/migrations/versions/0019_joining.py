"""Joining in more ways than a code.

Why: a platform may hand its keys over from server to server, or a merchant pastes them. So a grant keeps what its calls
need beside the tokens, a pending join the store that it was begun for and how it ended, a shop the way in which it
came; and where each shop signs with a secret of its own, an address and that secret.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("grants", sa.Column("details", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("pending_joins", sa.Column("details", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("pending_joins", sa.Column("shop_id", sa.Text(), nullable=True))
    op.add_column("pending_joins", sa.Column("problem", sa.Text(), nullable=False, server_default=""))
    op.add_column("shops", sa.Column("joined_by", sa.Text(), nullable=False, server_default=""))
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
