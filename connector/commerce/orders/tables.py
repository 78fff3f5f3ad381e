"""Orders: every version of the snapshot, and the set of refunds collected from all of them. No personal data."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class Order(Base):
    """The newest known version of an order, and what is collected over all versions."""

    __tablename__ = "orders"
    __table_args__ = (
        sa.UniqueConstraint("shop_id", "order_ref"),
        sa.Index("ix_orders_shop_id_placed_at", "shop_id", "placed_at"),
        sa.Index("ix_orders_shop_id_number", "shop_id", "number"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # ord_…
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"))
    order_ref: Mapped[str]
    number: Mapped[str]
    currency: Mapped[str]
    placed_at: Mapped[datetime]  # the store's creation time: order time of every rule
    changed_at: Mapped[datetime]  # of the newest version
    triggered_at: Mapped[datetime]  # of the newest version
    content_hash: Mapped[str]
    snapshot: Mapped[str]  # JSON of events.OrderSnapshot
    refunds: Mapped[str]  # JSON list of events.Refund: the merged set, ordered by (created_at, ref)
    carriers: Mapped[str]  # JSON list of events.Carrier: the set over all versions, stale ones too
    added_units: Mapped[dict[str, Any]]  # line ref → units known to be added by an edit
    lines_first_seen: Mapped[dict[str, Any]]  # line ref → ISO time of the oldest known version that has it
    oldest_changed_at: Mapped[datetime]  # of the oldest known version: whose buyer counts
    buyer_hash: Mapped[str | None]  # keyed; dropped on erasure
    first_seen_at: Mapped[datetime]
    gone_at: Mapped[datetime | None]  # deleted at the store
    evaluated_hash: Mapped[str] = mapped_column(
        default=""
    )  # version that was last evaluated; == content_hash when up to date


class OrderVersion(Base):
    """One version as it was heard, for audit and rebuild. Unique by (order, change time, content)."""

    __tablename__ = "order_versions"
    __table_args__ = (sa.UniqueConstraint("order_id", "changed_at", "content_hash"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # ver_…
    order_id: Mapped[str] = mapped_column(sa.ForeignKey("orders.id"))
    changed_at: Mapped[datetime]
    triggered_at: Mapped[datetime]
    content_hash: Mapped[str]
    snapshot: Mapped[str]
    source: Mapped[str]  # delivery:<id> | read:<why>
    outcome: Mapped[str]  # applied | stale_version | conflict
    heard_at: Mapped[datetime]


class OrphanRefund(Base):
    """A refund (or an edit fact) for an order not seen yet (D4): applied when the order arrives."""

    __tablename__ = "orphan_refunds"
    __table_args__ = (sa.UniqueConstraint("shop_id", "order_ref", "refund_ref"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # orp_…
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"))
    order_ref: Mapped[str]
    refund_ref: Mapped[str]
    refund: Mapped[str]  # JSON of events.Refund
    heard_at: Mapped[datetime]
    applied_at: Mapped[datetime | None]
