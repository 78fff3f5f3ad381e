"""The daily proof: the orders that were placed on a shop's day at the store = seen here = evaluated.

A day is the shop's own (its IANA zone), from midnight to midnight, cut to begin with the shop's joining. Both sides
are hashed over their sorted ids, and over ids with change times: equal hashes are equal sets, whoever compares them.
What is missing or older here is fetched at once; what then still differs is a gap with a name, a reason, a next try.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db, jobs, telemetry
from connector.commerce.orders import record
from connector.commerce.orders.tables import Order
from connector.commerce.shops import grants
from connector.commerce.shops import queries as shops
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.intake.portion import said
from connector.errors import ConnectorError, InputRefused
from connector.platforms import roster
from connector.platforms.contract import Http, OrderHead
from connector.sync import reread
from connector.sync.tables import DailyProof

JOB = "sync.prove"
NAMED = 1_000  # gaps kept of a day
SETTLES_WITHIN = timedelta(hours=1)  # after midnight: a store's search lags, and late deliveries are on their way
RECENT_DAYS, PROVED_DAYS = 3, 35  # days looked at again daily, and weekly
DAILY, WEEKLY = timedelta(hours=20), timedelta(days=7)
_log = telemetry.logger(__name__)


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a shop as an interval, half open."""

    name: str  # 2026-11-20
    time_zone: str
    starts_at: datetime
    ends_at: datetime


@dataclass(slots=True)
class _Sides:
    """Both sides of a day."""

    listed: dict[str, OrderHead]
    held: dict[str, _Held] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)  # order ref → why it could not be read or taken in
    fetched: int = 0


@dataclass(frozen=True, slots=True)
class _Held:
    number: str
    changed_at: datetime
    evaluated: bool


@jobs.workflow(JOB)
def job(shop_id: str, day: str) -> str:
    """The job: the proof's status."""
    return prove(shop_id, date.fromisoformat(day)).status


def day_of(shop: Shop, day: date) -> Day:
    """The shop's day as an interval of instants: 23 or 25 hours long where the clock changes."""
    zone = zone_of(shop)
    starts = datetime.combine(day, time(), zone).astimezone(UTC)
    ends = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    return Day(day.isoformat(), zone.key, max(starts, shop.installed_at), ends)


def zone_of(shop: Shop) -> ZoneInfo:
    """The shop's zone; UTC where the store names none that is known here."""
    try:
        return ZoneInfo(shop.time_zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def prove(shop_id: str, day: date, *, as_of: datetime | None = None, http: Http | None = None) -> DailyProof:
    """Compare a day that is over, fetch what is missing, and keep the proof. HTTP: never inside `db.write()`.

    Errors: NotFound for an unknown shop; InputRefused for a day that isn't over, or was before the shop joined.
    """
    as_of = as_of or clock.now()
    with db.read(Scope.shop(shop_id)) as session:
        shop = shops.get(session, shop_id)
        whole = day_of(shop, day)
        slug = shop.platform
    if whole.ends_at > as_of:
        raise InputRefused("day", f"{whole.name} isn't over at the shop ({whole.time_zone}).", "Give an earlier day.")
    if whole.starts_at >= whole.ends_at:
        raise InputRefused("day", f"{whole.name} was before the shop joined.", "Give a later day.")
    placed = roster.platform(slug).orders.placed
    sides = _Sides({})
    problem = ""
    try:
        checkpoint: str | None = None
        while True:
            page = reread.patiently(
                lambda at=checkpoint: grants.calling(  # type: ignore[misc]
                    shop_id, lambda client: placed(client, whole.starts_at, whole.ends_at, at), http
                )
            )
            sides.listed |= {head.order_ref: head for head in page.heads}
            checkpoint = page.checkpoint
            jobs.check()
            if checkpoint is None:
                break
        _mend(shop_id, whole, sides, as_of, http)
    except Exception as error:
        problem = said(error)
        if not isinstance(error, ConnectorError):
            _log.error("proof.failed", shop_id=shop_id, day=whole.name, exc_info=error)
    return _keep(shop_id, whole, sides, as_of, problem)


def _mend(shop_id: str, day: Day, sides: _Sides, as_of: datetime, http: Http | None) -> None:
    """Fetch what is missing or older here; ask for what only we hold, which the store may have deleted."""
    with db.read(Scope.shop(shop_id)) as session:
        held = _held(session, shop_id, day, sides.listed)
    late = [ref for ref, head in sides.listed.items() if ref not in held or held[ref].changed_at < head.changed_at]
    only_here = [ref for ref in held if ref not in sides.listed]
    for reading in reread.read_in(shop_id, [*late, *only_here], why="proof", as_of=as_of, http=http):
        ref = reading.order_ref
        if reading.outcome == "failed":
            sides.failed[ref] = reading.problem
        elif reading.outcome != "not_shown":
            sides.fetched += ref in sides.listed
        elif ref in sides.listed:
            sides.failed[ref] = "the store listed it and no longer has it"
        else:
            with db.write(Scope.shop(shop_id)) as session:
                record.mark_gone(session, shop_id, ref, as_of)
    with db.read(Scope.shop(shop_id)) as session:
        sides.held = _held(session, shop_id, day, sides.listed)


def _held(session: Session, shop_id: str, day: Day, listed: Mapping[str, OrderHead]) -> dict[str, _Held]:
    """What we hold of the day: orders placed on it, less deleted ones, and those that the store lists under it."""
    columns = sa.select(
        Order.order_ref, Order.number, Order.changed_at, Order.content_hash == Order.evaluated_hash
    ).where(Order.shop_id == shop_id)
    placed = columns.where(Order.placed_at >= day.starts_at, Order.placed_at < day.ends_at, Order.gone_at.is_(None))
    rows = list(session.execute(placed))
    refs = list(listed)
    for start in range(0, len(refs), 500):
        rows += session.execute(columns.where(Order.order_ref.in_(refs[start : start + 500])))
    return {ref: _Held(number, changed_at, bool(evaluated)) for ref, number, changed_at, evaluated in rows}


def _keep(shop_id: str, day: Day, sides: _Sides, as_of: datetime, problem: str) -> DailyProof:
    gaps = [] if problem else _gaps(sides)
    store, ours = _versions(sides)
    seen = [ref for ref in sides.listed if ref in sides.held]
    figures: dict[str, Any] = {
        "time_zone": day.time_zone, "starts_at": day.starts_at, "ends_at": day.ends_at, "tried_at": as_of,
        "problem": problem, "status": "failed" if problem else "gaps" if gaps else "proved",
        "at_store": len(sides.listed), "seen": len(seen),
        "evaluated": sum(sides.held[ref].evaluated and ref not in sides.failed for ref in seen),
        "store_ids_hash": _hash(sides.listed), "our_ids_hash": _hash(sides.held),
        "store_versions_hash": _hash(store), "our_versions_hash": _hash(ours), "gaps": gaps[:NAMED],
    }  # fmt: skip
    with db.write(Scope.shop(shop_id)) as session:
        row = session.get(DailyProof, (shop_id, day.name), with_for_update=True)
        if row is None:
            row = DailyProof(shop_id=shop_id, day=day.name, tries=0, fetched=0, proved_at=None, **figures)
            session.add(row)
        if problem and row.status == "proved":
            # A day that held once isn't undone by a store that can't be asked today.
            figures = {"problem": problem, "tried_at": as_of}
        for name, value in figures.items():
            setattr(row, name, value)
        row.tries = 1 if row.status == "proved" and not problem else row.tries + 1
        row.fetched += sides.fetched
        if row.status == "proved" and row.proved_at is None:
            row.proved_at = as_of
    _log.info(
        "proof.kept", shop_id=shop_id, day=day.name, status=row.status, at_store=row.at_store, seen=row.seen,
        evaluated=row.evaluated, fetched=sides.fetched, problem=problem,
    )  # fmt: skip
    return row


def _gaps(sides: _Sides) -> list[dict[str, str]]:
    """Every order on which the two sides differ: what it is, and why as far as known."""
    found = []
    for ref, head in sides.listed.items():
        held = sides.held.get(ref)
        if held is None:
            what = "missing_here"
        elif held.changed_at < head.changed_at:
            what = "older_here"
        elif not held.evaluated:
            what = "not_evaluated"
        elif ref in sides.failed:
            what = "unreadable_here"
        else:
            continue
        found.append({"order": head.number, "order_ref": ref, "what": what, "why": sides.failed.get(ref, "")})
    for ref, held in sides.held.items():
        if ref not in sides.listed:
            why = sides.failed.get(ref, "")
            found.append({"order": held.number, "order_ref": ref, "what": "not_listed", "why": why})
    return found


def _versions(sides: _Sides) -> tuple[list[str], list[str]]:
    """Ids with change times, of the store's side and of ours. An order that changed after it was listed counts in its
    newer version on both: the store itself told us that one."""
    ours = {ref: held.changed_at for ref, held in sides.held.items()}
    store = {ref: max(head.changed_at, ours.get(ref, head.changed_at)) for ref, head in sides.listed.items()}
    return _lines(store), _lines(ours)


def _lines(versions: Mapping[str, datetime]) -> list[str]:
    return [f"{ref} {changed_at.astimezone(UTC).isoformat()}" for ref, changed_at in versions.items()]


def _hash(lines: Iterable[str]) -> str:
    """SHA-256 over the sorted lines, a line feed after each: anybody can repeat it with `sort | sha256sum`."""
    return hashlib.sha256("".join(f"{line}\n" for line in sorted(lines)).encode()).hexdigest()


# --- which days are due -----------------------------------------------------------------------------------------------


def days_due(session: Session, shop: Shop, now: datetime, limit: int = 4) -> list[str]:
    """Days to prove now: never proved ones, gaps with growing pauses, the last three daily, five weeks weekly."""
    zone = zone_of(shop)
    today = now.astimezone(zone).date()
    first = max(shop.installed_at.astimezone(zone).date(), today - timedelta(days=PROVED_DAYS))
    names = [(today - timedelta(days=back)).isoformat() for back in range(1, (today - first).days + 1)]
    rows = session.scalars(sa.select(DailyProof).where(DailyProof.shop_id == shop.id, DailyProof.day.in_(names)))
    known = {row.day: row for row in rows}
    due = []
    for back, name in enumerate(names, start=1):
        day = day_of(shop, date.fromisoformat(name))
        over = day.ends_at + SETTLES_WITHIN <= now and day.starts_at < day.ends_at
        if over and _is_due(known.get(name), back, now):
            due.append(name)
    return due[:limit]


def _is_due(row: DailyProof | None, days_back: int, now: datetime) -> bool:
    if row is None:
        return True
    if row.status != "proved" or row.problem:
        return row.tried_at + next_try(row.tries) <= now
    return row.tried_at + (DAILY if days_back <= RECENT_DAYS else WEEKLY) <= now


def next_try(tries: int) -> timedelta:
    """How long a day with gaps rests after so many tries: an hour, doubling, half a day at most."""
    return timedelta(hours=min(12, 2 ** max(0, min(tries, 5) - 1)))
