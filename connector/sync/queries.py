"""Reads of sync runs, their refusals and logs, and of reconciliation passes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.sync.tables import Reconciliation, SyncNote, SyncRefusal, SyncRun


def run(session: Session, run_id: str) -> SyncRun | None:
    return session.get(SyncRun, run_id)


def runs(session: Session, *, shop_id: str | None = None, limit: int = 50) -> Sequence[SyncRun]:
    """The newest runs first."""
    asked = sa.select(SyncRun).order_by(SyncRun.queued_at.desc(), SyncRun.id.desc()).limit(limit)
    return session.scalars(asked.where(SyncRun.shop_id == shop_id) if shop_id else asked).all()


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


def last_begun(session: Session, shop_id: str) -> datetime | None:
    """When the newest pass began, whatever became of it."""
    return session.scalar(sa.select(sa.func.max(Reconciliation.started_at)).where(Reconciliation.shop_id == shop_id))
