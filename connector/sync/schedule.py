"""Scheduled runs: what changed as often as the platform has it, the whole catalog once a week.

Wall time, whatever the demo does to business time. A shop whose last run failed is tried again after an hour; one that
waits for a person's answer about a large removal still hears of changes.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from connector import clock, db
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import Conflict
from connector.platforms import roster
from connector.sync import runs
from connector.sync.tables import SyncRun, SyncState

SOONEST = timedelta(minutes=1)  # no platform's products are asked for more often
FULL_EVERY = timedelta(days=7)  # deletions that no webhook told of
AFTER_FAILURE = timedelta(hours=1)
AT_ONCE = 50  # shops a round: the others have their turn within the next ones


def start_due(now: datetime | None = None) -> int:
    """Queue a run for the shops whose time has come; how many. Several workers may ask: each run is queued once."""
    now = now or clock.wall()
    with db.read(Scope.system("which catalogs are due")) as session:
        asked = session.execute(
            sa.select(Shop.id, Shop.platform, SyncState.changed_at)
            .outerjoin(SyncState, SyncState.shop_id == Shop.id)
            .where(Shop.status == "connected", SyncState.paused_at.is_(None))
            .where(sa.or_(SyncState.changed_at.is_(None), SyncState.changed_at <= now - SOONEST))
            .order_by(SyncState.changed_at.is_(None), SyncState.changed_at)
        ).all()
    due = [shop_id for shop_id, slug, at in asked if at is None or at <= now - every(slug)]
    started = 0
    for shop_id in due[: AT_ONCE * 4]:
        if started >= AT_ONCE:
            break
        started += _start(shop_id, now)
    return started


def _start(shop_id: str, now: datetime) -> bool:
    with db.write(Scope.shop(shop_id)) as session:
        # The shop's row is held by `runs.start` too: what is looked at here stays so.
        slug = session.scalar(sa.select(Shop.platform).where(Shop.id == shop_id).with_for_update()) or ""
        state = session.get(SyncState, shop_id)
        begun = state.changed_at if state is not None else None
        if (begun is not None and begun > now - every(slug)) or runs.live(session, shop_id) is not None:
            return False
        last = session.scalars(
            sa.select(SyncRun)
            .where(SyncRun.shop_id == shop_id, SyncRun.dry.is_(False), SyncRun.kind != "products")
            .order_by(SyncRun.queued_at.desc(), SyncRun.id.desc())
            .limit(1)
        ).first()
        failed = last is not None and last.status == "failed"
        if last is not None and failed and (last.finished_at or last.queued_at) > clock.now() - AFTER_FAILURE:
            return False
        if begun is None and not failed:
            return False  # joining starts the first run; one that a person stopped is theirs to start again
        full = state is None or state.full_at is None or state.full_at <= now - FULL_EVERY
        asked = last is not None and last.status == "asks"
        try:
            runs.start(session, shop_id, "schedule", kind="full" if full and not asked else "changed")
        except Conflict:
            return False
        return True


def every(platform_slug: str) -> timedelta:
    """How often a platform's products are asked for."""
    return roster.platform(platform_slug).products_every


def next_due(state: SyncState | None, platform_slug: str) -> datetime | None:
    """When the shop's next scheduled run may begin (wall time); None while it is paused, or before its first run."""
    if state is None or state.changed_at is None or state.paused_at is not None:
        return None
    return state.changed_at + every(platform_slug)
