"""Reads of sync runs, their refusals and logs, and of reconciliation passes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.catalog import refusals as refusals_of
from connector.commerce.catalog.tables import RefusedProduct
from connector.commerce.shops.tables import Shop
from connector.sync.tables import (
    DailyProof,
    Reconciliation,
    SyncDifference,
    SyncNote,
    SyncRefusal,
    SyncRun,
    SyncState,
)  # fmt: skip

QUIET = timedelta(hours=3)  # a living worker compares each shop every hour


def run(session: Session, run_id: str) -> SyncRun | None:
    return session.get(SyncRun, run_id)


def runs(session: Session, *, shop_id: str | None = None, limit: int = 50) -> Sequence[SyncRun]:
    """The newest runs first."""
    asked = sa.select(SyncRun).order_by(SyncRun.queued_at.desc(), SyncRun.id.desc()).limit(limit)
    return session.scalars(asked.where(SyncRun.shop_id == shop_id) if shop_id else asked).all()


def under_way(session: Session, now: datetime) -> bool:
    """Is a run of any shop at work, heard within the last half minute?"""
    moving = (SyncRun.status == "running", SyncRun.heard_at > now - timedelta(seconds=30))
    return session.scalar(sa.select(SyncRun.id).where(*moving).limit(1)) is not None


def newest(session: Session, shop_id: str) -> SyncRun | None:
    return next(iter(runs(session, shop_id=shop_id, limit=1)), None)


def refusals(session: Session, run_id: str, *, after: str = "", limit: int = 100) -> Sequence[SyncRefusal]:
    """A run's refused items by product ref, behind `after`."""
    return session.scalars(
        sa.select(SyncRefusal)
        .where(SyncRefusal.run_id == run_id, SyncRefusal.product_ref > after)
        .order_by(SyncRefusal.product_ref)
        .limit(limit)
    ).all()


def refusal_reasons(session: Session, run_id: str) -> dict[str, int]:
    """reason → how many items of the run were refused for it."""
    found = session.execute(
        sa.select(SyncRefusal.reason, sa.func.count()).where(SyncRefusal.run_id == run_id).group_by(SyncRefusal.reason)
    )
    return {row[0]: row[1] for row in found}


def dead_letters(session: Session, shop_id: str | None = None, *, sample: int = 20) -> list[refusals_of.Group]:
    """What can't be taken in now, of one shop or of all, by cause with its remedy; the most frequent cause first."""
    return refusals_of.groups(session, shop_id, sample=sample)


def dead_letter_count(session: Session, shop_id: str | None = None) -> int:
    """How many products can't be taken in now."""
    counted = sa.select(sa.func.count()).select_from(RefusedProduct)
    return session.scalar(counted.where(RefusedProduct.shop_id == shop_id) if shop_id else counted) or 0


def differences(
    session: Session, run_id: str, *, kind: str = "", after: str = "", limit: int = 100
) -> Sequence[SyncDifference]:
    """What a dry run would change, by product ref behind `after`; only new, changed or gone ones where `kind` says."""
    asked = sa.select(SyncDifference).where(SyncDifference.run_id == run_id, SyncDifference.product_ref > after)
    if kind:
        asked = asked.where(SyncDifference.kind == kind)
    return session.scalars(asked.order_by(SyncDifference.product_ref).limit(limit)).all()


def difference_counts(session: Session, run_id: str) -> dict[str, int]:
    """kind → how many products a dry run would add, change or remove."""
    found = session.execute(
        sa.select(SyncDifference.kind, sa.func.count())
        .where(SyncDifference.run_id == run_id)
        .group_by(SyncDifference.kind)
    )
    return {row[0]: row[1] for row in found}


def state(session: Session, shop_id: str) -> SyncState | None:
    """How far the shop's catalog is, and whether its schedule is paused."""
    return session.get(SyncState, shop_id)


def notes(session: Session, run_id: str) -> Sequence[SyncNote]:
    """A run's log, oldest line first."""
    return session.scalars(
        sa.select(SyncNote).where(SyncNote.run_id == run_id).order_by(SyncNote.at, SyncNote.id)
    ).all()


def reconciliations(session: Session, shop_id: str, limit: int = 50) -> Sequence[Reconciliation]:
    return session.scalars(
        sa.select(Reconciliation)
        .where(Reconciliation.shop_id == shop_id)
        .order_by(Reconciliation.started_at.desc(), Reconciliation.id.desc())
        .limit(limit)
    ).all()


def last_good(session: Session, shop_id: str, joined: datetime, overlap: timedelta) -> datetime | None:
    """The moment up to which passes without gaps join, from the shop's joining on; None: no pass yet.

    A pass that was told to look only at what is recent, behind a hole, proves nothing about the hole: it doesn't count
    before another has closed it.
    """
    passes = session.execute(
        sa.select(Reconciliation.since, Reconciliation.started_at)
        .where(Reconciliation.shop_id == shop_id, Reconciliation.status == "done")
        .order_by(Reconciliation.started_at, Reconciliation.id)
    )
    good: datetime | None = None
    for since, started_at in passes:
        if since <= (good or joined) - overlap:
            good = started_at
    return good


def last_begun(session: Session, shop_id: str, looks: Collection[str] = ()) -> datetime | None:
    """When the newest pass began (of one of these looks, where some are named), whatever became of it."""
    query = sa.select(sa.func.max(Reconciliation.started_at)).where(Reconciliation.shop_id == shop_id)
    return session.scalar(query.where(Reconciliation.look.in_(looks)) if looks else query)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a shop's reconciliation stands."""

    last: Reconciliation | None  # the newest pass that is over
    good_at: datetime | None  # when the newest pass without gaps began
    stuck: bool  # no good pass for QUIET: a shop that is connected is compared hourly
    running: Reconciliation | None


def standing(session: Session, shop: Shop, now: datetime) -> Standing:
    """How the shop's passes go. `now` is business time."""
    rows = session.scalars(
        sa.select(Reconciliation)
        .where(Reconciliation.shop_id == shop.id)
        .order_by(Reconciliation.started_at.desc(), Reconciliation.id.desc())
        .limit(100)
    ).all()
    good_at = next((row.started_at for row in rows if row.status == "done"), None)
    return Standing(
        last=next((row for row in rows if row.status != "running"), None),
        good_at=good_at,
        stuck=shop.status == "connected" and (good_at or shop.installed_at) < now - QUIET,
        running=next((row for row in rows if row.status == "running"), None),
    )


def proofs(
    session: Session, shop_id: str, *, since: str = "", until: str = "", limit: int = 60
) -> Sequence[DailyProof]:
    """A shop's daily proofs, newest day first; `since` and `until` are days, both taken in."""
    query = sa.select(DailyProof).where(DailyProof.shop_id == shop_id)
    if since:
        query = query.where(DailyProof.day >= since)
    if until:
        query = query.where(DailyProof.day <= until)
    return session.scalars(query.order_by(DailyProof.day.desc()).limit(limit)).all()
