"""catalog: what feeds and search need of a product and a variant.

Why: brand, category of the platform's taxonomy, condition, GTIN and part number are asked for by every shopping feed.
Columns have defaults, so that rows written before a sync brings the facts are whole.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _text(name: str, default: str = "") -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, server_default=default)


def upgrade() -> None:
    for column in (_text("brand"), _text("taxonomy_ref"), _text("taxonomy_name"), _text("condition", "new")):
        op.add_column("listings", column)
    op.execute("UPDATE listings SET brand = vendor")
    for column in (_text("gtin"), _text("mpn"), _text("item_ref")):
        op.add_column("variants", column)
