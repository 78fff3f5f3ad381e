"""What earlier sittings left.

Why: a row of a bank's file may wait for a second person too, as one recorded by hand does: `receipts_asked.source` says
which it was, so that the receipt that it becomes says so as well. What waits from before was recorded by hand.
Converted payouts leave the account fx open; what the app's own bank gave for it had no place: `bank_exchanges`, and
the share of each shop.
Versions of the terms of use were recorded as accepted and held nobody to it: `use_terms.due_at` says by when one has to
be. Those from before have none, and stop nobody.
A write of the app's back end whose answer was lost was a repeat by what it is about, and some repeats are refused:
`app_answers` keeps what each was answered, under the key that the app sends with it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("receipts_asked", sa.Column("source", sa.Text(), nullable=False, server_default="hand"))
    op.add_column("use_terms", sa.Column("due_at", MOMENT, nullable=True))
    _exchanges()
    op.create_table(
        "app_answers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("token_id", sa.Text(), nullable=False),
        sa.Column("request_key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=False),
        sa.Column("mimetype", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=True),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_answers")),
        sa.UniqueConstraint("token_id", "request_key", name=op.f("uq_app_answers_token_id_request_key")),
    )
    op.create_index("ix_app_answers_made_at", "app_answers", ["made_at"])


def _exchanges() -> None:
    op.create_table(
        "bank_exchanges",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("sold", sa.BigInteger(), nullable=False),
        sa.Column("sold_currency", sa.Text(), nullable=False),
        sa.Column("bought", sa.BigInteger(), nullable=False),
        sa.Column("bought_currency", sa.Text(), nullable=False),
        sa.Column("exchanged_on", sa.Date(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("undoes", sa.Text(), nullable=True),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_exchanges")),
        sa.UniqueConstraint("undoes", name=op.f("uq_bank_exchanges_undoes")),
    )
    op.create_index("ix_bank_exchanges_reference", "bank_exchanges", ["reference"])
    op.create_index("ix_bank_exchanges_asked_at", "bank_exchanges", ["asked_at"])
    op.create_table(
        "bank_exchange_parts",
        sa.Column("exchange_id", sa.Text(), nullable=False),
        sa.Column("shop_id", sa.Text(), nullable=False),
        sa.Column("sold", sa.BigInteger(), nullable=False),
        sa.Column("bought", sa.BigInteger(), nullable=False),
        sa.Column("covers", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["exchange_id"], ["bank_exchanges.id"], name=op.f("fk_bank_exchange_parts_exchange_id")
        ),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_bank_exchange_parts_shop_id")),
        sa.PrimaryKeyConstraint("exchange_id", "shop_id", name=op.f("pk_bank_exchange_parts")),
    )
