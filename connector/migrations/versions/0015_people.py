"""people: creators who were signed out everywhere, or passed over; files that merchants bring along, old links.

Why: an account taken over in the app is shut out here too; a creator who had a tap on an order and earned nothing
finds it with the reason; what a merchant brings from an earlier programme is looked at before it is taken, and a link
in a bio that nobody will edit leads on. All tables are new. Who was passed over is known from here on; of orders
decided before, once something new is heard of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "studio_access",
        sa.Column("creator_id", sa.Text(), nullable=False),
        sa.Column("session_epoch", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", MOMENT, nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("creator_id", name=op.f("pk_studio_access")),
    )
    op.create_table(
        "passed_over",
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("line_ref", sa.Text(), nullable=False),
        sa.Column("creator_id", sa.Text(), nullable=False),
        sa.Column("content_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("placed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("order_id", "line_ref", "creator_id", name=op.f("pk_passed_over")),
    )
    op.create_index("ix_passed_over_creator_id_placed_at", "passed_over", ["creator_id", "placed_at"])
    op.create_table(
        "link_tags",
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("link_id", sa.Text(), nullable=False),
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("brought_by", sa.Text(), nullable=False),
        sa.Column("brought_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["link_id"], ["links.id"], name=op.f("fk_link_tags_link_id")),
        sa.PrimaryKeyConstraint("tag", name=op.f("pk_link_tags")),
    )
    op.create_table(
        "imports",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("file_hash", sa.Text(), nullable=False),
        sa.Column("unused", sa.JSON(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("looked_at", MOMENT, nullable=False),
        sa.Column("looked_by", sa.Text(), nullable=False),
        sa.Column("taken_at", MOMENT, nullable=True),
        sa.Column("taken_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
    )
    op.create_index("ix_imports_shop_id_looked_at", "imports", ["shop_id", "looked_at"])
    op.create_table(
        "import_rows",
        sa.Column("import_id", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("said", sa.JSON(), nullable=False),
        sa.Column("meaning", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("result_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name=op.f("fk_import_rows_import_id")),
        sa.PrimaryKeyConstraint("import_id", "number", name=op.f("pk_import_rows")),
    )
    op.create_index("ix_import_rows_import_id_key", "import_rows", ["import_id", "key"])
    op.create_index("ix_import_rows_import_id_outcome_number", "import_rows", ["import_id", "outcome", "number"])
    op.create_table(
        "imports_taken",
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("meaning", sa.Text(), nullable=False),
        sa.Column("import_id", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("result_id", sa.Text(), nullable=False),
        sa.Column("taken_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "kind", "key", name=op.f("pk_imports_taken")),
    )
