"""The inbox: every delivery as received, its state and its tries."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class DeliveryRow(Base):
    """One delivery. `status` is one of waiting | failed | parked | quarantined | done | ignored.

    `waiting` rows are what the drain claims; `failed` ones wait for `next_try_at`; `parked` ones wait for a person,
    a shop or a later version of us and say so in `reason`; `quarantined` ones name ids of another shop and wait for a
    person's word. A repeat makes no row, it raises `repeats` (D2).
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
        # Few rows: those that no privacy request stands for yet are looked for every ten minutes.
        sa.Index(
            "ix_deliveries_privacy", "id",
            sqlite_where=sa.text("reason = 'privacy_request'"), postgresql_where=sa.text("reason = 'privacy_request'"),
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
    body_gone: Mapped[str] = mapped_column(default="", server_default="")  # why there is none: retention | erased
    body_cut_at: Mapped[datetime | None]  # when its person was taken out of it, the rest kept
    passed_by: Mapped[str] = mapped_column(default="", server_default="")  # who let it out of quarantine


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


class Replay(Base):
    """Many deliveries put back to the drain, or the look ahead at that. What it is about is fixed when it is made.

    `status`: queued | running | stopping | stopped | done | failed. A `preview` changes nothing but its own lines.
    """

    __tablename__ = "replays"
    __table_args__ = (sa.Index("ix_replays_asked_at", "asked_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # rpl_…
    kind: Mapped[str]  # preview | run
    preview_id: Mapped[str | None]  # of a run: the preview that it was started from
    asked: Mapped[dict[str, Any]]  # the filter, in the words of `replay.Filter`
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]  # wall time, as all here
    status: Mapped[str]
    total: Mapped[int]
    taken: Mapped[int] = mapped_column(default=0)  # lines looked at, or put back
    entries: Mapped[int] = mapped_column(default=0)  # of a preview: entries that a run would book
    problem: Mapped[str] = mapped_column(default="")
    started_at: Mapped[datetime | None]
    heard_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class ReplayLine(Base):
    """One delivery of a replay; of a preview with what would become of it."""

    __tablename__ = "replay_lines"

    replay_id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)  # 1 is the first that is taken
    delivery_id: Mapped[str]
    shop_id: Mapped[str]
    order_ref: Mapped[str | None]
    taken_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(default="")  # a status of deliveries, or `skipped`
    reason: Mapped[str] = mapped_column(default="")
    entries: Mapped[int] = mapped_column(default=0)
    # Of a preview, where something would be booked: [{account, currency, before, after}], in minor units.
    moves: Mapped[list[Any]] = mapped_column(default=list)


class ShopSubscription(Base):
    """What we last found when a shop's subscriptions were compared with what we need."""

    __tablename__ = "shop_subscriptions"

    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"), primary_key=True)
    address: Mapped[str]
    checked_at: Mapped[datetime]  # wall time
    put_at: Mapped[datetime | None]  # when something last had to be put (back)
    put: Mapped[list[Any]]  # the topics of then
    problem: Mapped[str] = mapped_column(default="")


class ShopHook(Base):
    """The address of a shop's own, where its platform lets each shop have its own secret. The key in it is public:
    whoever knows it can still sign nothing."""

    __tablename__ = "shop_hooks"

    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"), primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    secret_sealed: Mapped[str]
    previous_sealed: Mapped[str | None]  # still taken after a change, until the next one
    made_at: Mapped[datetime]  # wall time
    changed_at: Mapped[datetime | None]
