"""The inbox: every delivery as received, its state and its tries."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class DeliveryRow(Base):
    """One delivery. `status` is one of waiting | done | repeat | parked | ignored | failed.

    `waiting` rows are what the drain claims; `failed` ones wait for `next_try_at`; `parked` ones wait for a person,
    a shop or an order and say so in `reason`. Unique keys make a repeat visible without a race (D2).
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        sa.UniqueConstraint("dedupe_key"),
        sa.Index("ix_deliveries_work", "status", "shop_id", "received_at"),
        sa.Index("ix_deliveries_received_at", "received_at"),
        sa.Index("ix_deliveries_shop_id_order_ref", "shop_id", "order_ref"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # dlv_…
    platform: Mapped[str]
    domain: Mapped[str]  # as claimed by the header
    shop_id: Mapped[str | None]  # None: no such shop (yet)
    topic: Mapped[str]
    dedupe_key: Mapped[str]  # hash over (shop, topic, delivery ref) or (shop, topic, body)
    delivery_ref: Mapped[str | None]
    event_ref: Mapped[str | None]
    triggered_at: Mapped[datetime | None]
    received_at: Mapped[datetime]
    headers: Mapped[dict[str, Any]]  # only those that the platform names; no cookies, no addresses
    body_sealed: Mapped[str | None]  # None after retention or erasure
    body_hash: Mapped[str]
    body_size: Mapped[int]
    order_ref: Mapped[str | None]
    product_ref: Mapped[str | None]
    status: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")  # code
    detail: Mapped[str] = mapped_column(default="")
    tries: Mapped[int] = mapped_column(default=0)
    repeats: Mapped[int] = mapped_column(default=0)  # how often it came again
    next_try_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    effects: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON)  # counts: entries, versions …


class RejectedCount(Base):
    """Deliveries refused before they were kept, per platform, day and reason."""

    __tablename__ = "rejected_deliveries"

    platform: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]


class WantedRead(Base):
    """An order or a product that must be read from the store: what a stub, an equal-time conflict or a gap becomes."""

    __tablename__ = "wanted_reads"
    __table_args__ = (sa.UniqueConstraint("shop_id", "kind", "ref"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # wnt_…
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"))
    kind: Mapped[str]  # order | product
    ref: Mapped[str]
    why: Mapped[str]
    wanted_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None]
    problem: Mapped[str] = mapped_column(default="")


class ShopClaim(Base):
    """Who drains a shop right now: one worker at a time, by a lease with a heartbeat."""

    __tablename__ = "shop_claims"

    shop_id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    until: Mapped[datetime]
