"""A run that a person stopped or paused goes on at its checkpoint, when they say so."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock
from connector.commerce.shops.tables import Shop
from connector.errors import Conflict, NotFound
from connector.sync import runs
from connector.sync.tables import SyncRun

EXPORT_TELLS = timedelta(hours=24)  # an older export tells too little of the store as it is


def why_not(session: Session, run: SyncRun) -> str:
    """Why a run can't go on where it stopped; "" when it can."""
    if run.status not in ("stopped", "paused"):
        return f"the run is neither stopped nor paused ({run.status})"
    if run.kind == "products":
        return "it read single products: ask for them again"
    shop = session.get_one(Shop, run.shop_id)
    if shop.status != "connected":
        return f"{shop.domain} is not connected ({shop.status}): connect it first"
    later = sa.exists().where(SyncRun.shop_id == run.shop_id, SyncRun.id != run.id, SyncRun.queued_at >= run.queued_at)
    if session.scalar(sa.select(later)):
        return "another run began since"
    if run.exported_at is not None and clock.now() - run.exported_at > EXPORT_TELLS:
        return "its export is older than a day: start a new run"
    return ""


def resume(session: Session, run_id: str, by: str) -> SyncRun:
    """Let a stopped or paused run go on at its checkpoint, with the export that it had.

    One that was asked to pause and hasn't reached its checkpoint simply goes on.

    Errors: NotFound; Conflict when it can't go on, with the reason.
    """
    run = session.get(SyncRun, run_id, with_for_update=True)
    if run is None:
        raise NotFound(f"no sync run has the id {run_id}")
    session.get_one(Shop, run.shop_id, with_for_update=True)  # one run a shop: `start` waits for the same row
    pausing = run.status == "pausing"
    reason = "" if pausing else why_not(session, run)
    if reason:
        raise Conflict(reason)
    if pausing:
        run.status = "running"
    else:
        run.status, run.finished_at, run.heard_at, run.resumed = "queued", None, None, run.resumed + 1
    runs.note(session, run.id, f"{by} let it go on.")
    audit.record(session, by, "run.resume", run.id, shop_id=run.shop_id)
    if not pausing:
        runs.enqueue(session, run)
    session.flush()
    return run
