"""Orders: every version of the snapshot, every fact that came without one, and what follows from all of them together.

No personal data: a buyer is a keyed hash, dropped on erasure.
"""

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
        sa.Index("ix_orders_order_ref", "order_ref"),  # whose is it? over all shops
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
    # JSON list of events.Refund: the merged set, ordered by (created_at, ref); lost disputes as amount-only refunds
    refunds: Mapped[str]
    disputes: Mapped[str] = mapped_column(default="[]")  # JSON list of events.Dispute: the merged set
    returns: Mapped[str] = mapped_column(default="[]", server_default="[]")  # JSON list of events.Return: as disputes
    carriers: Mapped[str]  # JSON list of events.Carrier: the set over all versions, stale ones too
    added_units: Mapped[dict[str, Any]]  # line ref → units known to be added by an edit
    line_products: Mapped[dict[str, Any]]  # line ref → [product ref, variant ref], as any version knows them
    lines_first_seen: Mapped[dict[str, Any]]  # line ref → ISO time of the oldest known version that has it
    oldest_changed_at: Mapped[datetime]  # of the oldest known version: whose buyer counts
    buyer_hash: Mapped[str | None]  # keyed; dropped on erasure
    buyer_hashes: Mapped[str] = mapped_column(default="", server_default="")  # `buyers.hashes`; dropped with it
    first_seen_at: Mapped[datetime]
    gone_at: Mapped[datetime | None]  # deleted at the store
    # Business time of the newest look at the store itself (an API read, or its answer that it no longer shows the
    # order); None: known from deliveries alone.
    read_at: Mapped[datetime | None]
    evaluated_hash: Mapped[str] = mapped_column(default="")  # version last evaluated; == content_hash when up to date


class OrderVersion(Base):
    """One version as it was heard, for audit and rebuild. Unique by (order, change time, content)."""

    __tablename__ = "order_versions"
    __table_args__ = (sa.UniqueConstraint("order_id", "changed_at", "content_hash"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # ver_…
    order_id: Mapped[str] = mapped_column(sa.ForeignKey("orders.id"))
    changed_at: Mapped[datetime]
    triggered_at: Mapped[datetime]  # the latest: a repeated body is no news, but its later trigger time counts
    content_hash: Mapped[str]
    snapshot: Mapped[str]
    buyer_hash: Mapped[str | None]  # keyed; dropped on erasure
    buyer_hashes: Mapped[str] = mapped_column(default="", server_default="")
    source: Mapped[str]  # delivery:<id> | read:<why>
    outcome: Mapped[str]  # what it was when first heard: applied | stale_version | conflict
    superseded: Mapped[bool] = mapped_column(default=False)  # the same delivery was read anew by a newer translator
    heard_at: Mapped[datetime]


class LooseFact(Base):
    """A refund, an edit, a dispute or a return that came without its order, or an amount that a person entered for a
    refund: part of the set for ever; parked while no order is known (D4).

    Kept as heard, one row a content, so that what follows from them doesn't depend on their order of arrival.
    """

    __tablename__ = "loose_facts"
    __table_args__ = (sa.UniqueConstraint("shop_id", "order_ref", "kind", "ref", "content_hash"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # fct_…
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"))
    order_ref: Mapped[str]
    kind: Mapped[str]  # refund | edit | dispute | return | amount
    ref: Mapped[str]  # the refund's, dispute's or return's, or the edit's (its delivery where the platform gives none)
    content_hash: Mapped[str]
    body: Mapped[str]  # JSON of events.Refund, Dispute or Return, of a list of FulfilledLine, or of collect.Entered
    source: Mapped[str]
    heard_at: Mapped[datetime]
    order_id: Mapped[str | None]  # None: parked_orphan
    applied_at: Mapped[datetime | None]
