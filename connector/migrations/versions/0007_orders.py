"""orders: disputes, when the store was last asked about an order, the looks of reconciliation, and the daily proofs.

Why: an open dispute keeps money from clearing, and a lost one takes it back; nothing clears on facts that only
deliveries told; each shop's day has its proof, kept with both sides' hashes; a store that can't be asked is seen.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _time(name: str, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _counts(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in names]


def upgrade() -> None:
    op.add_column("orders", sa.Column("disputes", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("orders", _time("read_at"))
    op.add_column("reconciliations", sa.Column("look", sa.Text(), nullable=False, server_default="hour"))
    op.add_column("reconciliations", sa.Column("reread", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("reconciliations", sa.Column("unheard", sa.JSON(), nullable=False, server_default="[]"))
    op.create_table(
        "daily_proofs",
        *_texts("shop_id", "day", "time_zone", "status", "problem"),
        _time("starts_at", nullable=False), _time("ends_at", nullable=False),
        _time("tried_at", nullable=False), _time("proved_at"),
        *_counts("tries", "at_store", "seen", "evaluated", "fetched"),
        *_texts("store_ids_hash", "our_ids_hash", "store_versions_hash", "our_versions_hash"),
        sa.Column("gaps", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("shop_id", "day", name=op.f("pk_daily_proofs")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_daily_proofs_shop_id")),
    )  # fmt: skip
    op.create_index("ix_daily_proofs_status_day", "daily_proofs", ["status", "day"])
    op.create_table(
        "waiting_rereads",
        *_texts("order_id", "shop_id", "reason", "problem"),
        _time("due_at", nullable=False), _time("tried_at", nullable=False), _time("next_try_at", nullable=False),
        *_counts("tries"),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_waiting_rereads")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_waiting_rereads_order_id")),
        sa.ForeignKeyConstraint(["shop_id"], ["shops.id"], name=op.f("fk_waiting_rereads_shop_id")),
    )  # fmt: skip
    op.create_index("ix_waiting_rereads_shop_id_next_try_at", "waiting_rereads", ["shop_id", "next_try_at"])
