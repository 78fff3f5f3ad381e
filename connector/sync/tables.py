"""Sync runs, what they refused, their log; reconciliation passes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class SyncRun(Base):
    """One pull of a catalog. count in = written + same + refused, or the run failed."""

    __tablename__ = "sync_runs"
    __table_args__ = (sa.Index("ix_sync_runs_shop_id_queued_at", "shop_id", "queued_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # run_…
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"))
    kind: Mapped[str]  # full | changed | products
    trigger: Mapped[str]  # joined | schedule | webhook | staff:… | merchant | command
    # queued | running | waiting | pausing | paused | stopping | stopped | done | refusals | failed | asks
    status: Mapped[str]
    stage: Mapped[str] = mapped_column(default="")  # export | load | settle: which part it is at
    problem: Mapped[str] = mapped_column(default="")
    large_sweep: Mapped[bool] = mapped_column(default=False)  # a person agreed to removing most of the catalog
    fresh: Mapped[bool] = mapped_column(default=False)  # there was nothing before it: no row needs to be compared
    # The run before it ended early, so that listings may not follow from their variants: all are settled, not only
    # those that this run touched.
    settle_all: Mapped[bool] = mapped_column(default=False)
    dry: Mapped[bool] = mapped_column(default=False, server_default=sa.false())  # nothing is written but differences
    resumed: Mapped[int] = mapped_column(default=0, server_default="0")  # how often after a pause
    holes: Mapped[int] = mapped_column(default=0, server_default="0")  # lines that can't be read: nothing is removed
    since: Mapped[datetime | None]  # kind changed: products that changed at the store since then
    watermark: Mapped[datetime | None]  # the store's newest change when the run began: the next one goes on from it
    operation_ref: Mapped[str] = mapped_column(default="")  # the platform's bulk export
    exported_at: Mapped[datetime | None]  # when the export was asked for: what came later by webhook is newer
    checkpoint: Mapped[str] = mapped_column(default="")  # load: lines taken; settle: the last product ref
    expected: Mapped[int | None]  # objects that the platform announced
    lines_read: Mapped[int] = mapped_column(default=0)
    products_in: Mapped[int] = mapped_column(default=0)
    variants_in: Mapped[int] = mapped_column(default=0)
    images_in: Mapped[int] = mapped_column(default=0)
    written: Mapped[int] = mapped_column(default=0)  # products
    same: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    gone: Mapped[int] = mapped_column(default=0)
    queued_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    loading_at: Mapped[datetime | None]  # when lines began to come: the rate counts from here
    heard_at: Mapped[datetime | None]  # heartbeat
    finished_at: Mapped[datetime | None]


# What a run's file named and we held already as it came, until the run has ended. Appended to and read once as a whole,
# so it has no key: an index would cost more than all the rest of an unchanged sync.
SEEN = sa.Table(
    "sync_seen",
    Base.metadata,
    sa.Column("run_id", sa.Text(), nullable=False),
    sa.Column("kind", sa.Text(), nullable=False),  # product | variant
    sa.Column("key", sa.Text(), nullable=False),  # lst_… | var_…
)


class SyncImage(Base):
    """An image line of a run's export, until the run puts it on its listing. Not the catalog: gone with the run."""

    __tablename__ = "sync_images"
    __table_args__ = (sa.Index("ix_sync_images_run_id_product_ref", "run_id", "product_ref"),)

    run_id: Mapped[str] = mapped_column(primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)  # its place in the file: the order of the images
    product_ref: Mapped[str]
    url: Mapped[str]


class SyncRefusal(Base):
    """An item that a run could not take in, with the reason for the merchant."""

    __tablename__ = "sync_refusals"
    __table_args__ = (sa.UniqueConstraint("run_id", "product_ref"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # ref_…
    run_id: Mapped[str] = mapped_column(sa.ForeignKey("sync_runs.id"))
    shop_id: Mapped[str]
    product_ref: Mapped[str]
    title: Mapped[str]
    reason: Mapped[str]
    detail: Mapped[str]


class SyncDifference(Base):
    """What a dry run would change in one product. `details`: [[what, before, after], …] as a person reads them."""

    __tablename__ = "sync_differences"

    run_id: Mapped[str] = mapped_column(sa.ForeignKey("sync_runs.id"), primary_key=True)
    product_ref: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]  # new | changed | gone
    title: Mapped[str]
    details: Mapped[list[Any]]


class SyncState(Base):
    """How far a shop's catalog is, and whether its scheduled runs are paused."""

    __tablename__ = "sync_states"

    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"), primary_key=True)
    watermark: Mapped[datetime | None]  # the store's clock: all changes up to it are in
    full_at: Mapped[datetime | None]  # when the last full run that ended well began
    changed_at: Mapped[datetime | None]  # when the last run that ended well began, of either kind
    paused_at: Mapped[datetime | None]  # no scheduled run begins
    paused_by: Mapped[str] = mapped_column(default="")


class SyncNote(Base):
    """A line of a run's log."""

    __tablename__ = "sync_notes"
    __table_args__ = (sa.Index("ix_sync_notes_run_id_at", "run_id", "at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(sa.ForeignKey("sync_runs.id"))
    at: Mapped[datetime]
    text: Mapped[str]


class Reconciliation(Base):
    """One pass over a shop's changed orders: at the store = seen = evaluated, with the gaps by name."""

    __tablename__ = "reconciliations"
    __table_args__ = (sa.Index("ix_reconciliations_shop_id_started_at", "shop_id", "started_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # rec_…
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"))
    since: Mapped[datetime]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    at_store: Mapped[int] = mapped_column(default=0)
    seen_before: Mapped[int] = mapped_column(default=0)  # already held, at least as new, when the pass began
    fetched: Mapped[int] = mapped_column(default=0)
    evaluated: Mapped[int] = mapped_column(default=0)
    missing: Mapped[list[Any]]  # order numbers that had been missed or were older here, repaired by this pass
    gaps: Mapped[list[Any]]  # [{order, why}] still open after it
    status: Mapped[str]  # running | done | gaps | failed
    problem: Mapped[str] = mapped_column(default="")
    look: Mapped[str] = mapped_column(default="hour")  # hour | day | week | asked (by a command)
    reread: Mapped[int] = mapped_column(default=0)  # orders read again though the store's list named no change
    unheard: Mapped[list[Any]] = mapped_column(default=list)  # numbers of those that had changed all the same


class DailyProof(Base):
    """A shop's day (of its own zone): orders placed at the store = seen = evaluated, as the newest try found it.

    The hashes are over the sorted ids, and over ids with change times, of each side: equal hashes are equal sets.
    """

    __tablename__ = "daily_proofs"
    __table_args__ = (sa.Index("ix_daily_proofs_status_day", "status", "day"),)

    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"), primary_key=True)
    day: Mapped[str] = mapped_column(primary_key=True)  # 2026-11-20
    time_zone: Mapped[str]  # the shop's, as it was then
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    status: Mapped[str]  # proved | gaps | failed (the store could not be asked; `problem` says why)
    problem: Mapped[str]
    tried_at: Mapped[datetime]
    proved_at: Mapped[datetime | None]  # first time that it held
    tries: Mapped[int]
    at_store: Mapped[int]
    seen: Mapped[int]
    evaluated: Mapped[int]
    fetched: Mapped[int]  # orders that this or an earlier try brought in
    store_ids_hash: Mapped[str]
    our_ids_hash: Mapped[str]
    store_versions_hash: Mapped[str]
    our_versions_hash: Mapped[str]
    gaps: Mapped[list[Any]]  # [{order, order_ref, what, why}]
