"""The inbox: every delivery as received, its state and its tries."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class DeliveryRow(Base):
    """One delivery. `status` is one of waiting | failed | parked | done | ignored.

    `waiting` rows are what the drain claims; `failed` ones wait for `next_try_at`; `parked` ones wait for a person,
    a shop or a later version of us and say so in `reason`. A repeat makes no row, it raises `repeats` (D2).
    List newest first by `id`, which begins with the time of receipt.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        sa.UniqueConstraint("delivery_key"),
        sa.UniqueConstraint("body_key"),
        sa.Index("ix_deliveries_work", "status", "shop_id", "received_at"),
        sa.Index(
            "ix_deliveries_shop_id_order_ref", "shop_id", "order_ref",
            sqlite_where=sa.text("order_ref IS NOT NULL"), postgresql_where=sa.text("order_ref IS NOT NULL"),
        ),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(primary_key=True)  # dlv_…
    platform: Mapped[str]
    domain: Mapped[str]  # as claimed by the header
    shop_id: Mapped[str | None]  # None: no such shop (yet)
    topic: Mapped[str]
    # What makes a repeat, each a hash: (shop, topic, delivery ref), and for a body that carries the whole thing
    # (shop, topic, body). Two columns, since either alone is enough. None: it can't be a repeat that way.
    delivery_key: Mapped[str | None]
    body_key: Mapped[str | None]
    delivery_ref: Mapped[str | None]
    event_ref: Mapped[str | None]  # correlates only
    triggered_at: Mapped[datetime | None]  # the latest one, over all repeats
    api_version: Mapped[str] = mapped_column(default="")
    received_at: Mapped[datetime]  # wall time
    headers: Mapped[dict[str, Any]]  # only those that the inbox names; no cookies, no addresses
    body_sealed: Mapped[str | None]  # zlib, then the vault; None after retention or erasure
    body_hash: Mapped[str]
    body_size: Mapped[int]  # bytes as received
    order_ref: Mapped[str | None]
    product_ref: Mapped[str | None]
    status: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")  # code
    detail: Mapped[str] = mapped_column(default="")
    tries: Mapped[int] = mapped_column(default=0)
    repeats: Mapped[int] = mapped_column(default=0)  # how often it came again
    next_try_at: Mapped[datetime | None]  # wall time
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
    """Who works for a shop right now, one worker at a time and kind of work (`drain`, `read`), by a lease.

    Every batch renews its lease in its own transaction, so the row is locked until the effects are committed: a claim
    can run out between batches, never inside one.
    """

    __tablename__ = "shop_claims"

    shop_id: Mapped[str] = mapped_column(primary_key=True)
    work: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    until: Mapped[datetime]  # wall time
