"""One pass over a shop's orders: what the store changed since the last good moment, compared with what we hold.

What is missing or older here is read and taken in like any other order. The proof is kept: orders at the store = orders
seen = orders evaluated, with the gaps by name. A pass may be repeated or killed at any point: it only ever converges.

Three looks, each a pass of its own length: `hour` over the last hours at least, `day` over three days, `week` over five
weeks. The longer two are deep: a store may change a part of an order (a fulfilment, a payment) without moving the
order's own change time, so the orders whose money hasn't cleared are read again whatever the list says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db, jobs, telemetry
from connector.commerce.orders.tables import Order
from connector.commerce.shops import grants
from connector.commerce.shops import queries as shops
from connector.db import Scope, new_id
from connector.earnings.commission.clearance import DISPUTE, RETURN
from connector.earnings.commission.tables import Clearance
from connector.earnings.intake.portion import said
from connector.errors import ConnectorError
from connector.platforms import roster
from connector.platforms.contract import Http, OrderHead, OrderPage, Platform
from connector.sync import queries, reread
from connector.sync.tables import Reconciliation

NAMED = 1_000  # names kept of a list that may be long
# How far back each look goes at least, whatever earlier passes proved.
LOOKS = {"hour": timedelta(hours=2), "day": timedelta(days=3), "week": timedelta(days=35)}
DEEP = frozenset({"day", "week"})
MOST_REREAD = 3_000  # orders of one deep look, those that were asked for longest ago first
ASKED_LATELY = timedelta(hours=12)
_log = telemetry.logger(__name__)


@dataclass(slots=True)
class _Pass:
    """What a pass found so far."""

    shop_id: str
    platform: Platform
    as_of: datetime
    http: Http | None
    refs: dict[str, str] = field(default_factory=dict)  # order ref → number, of all that the store listed
    look: str = "hour"
    seen_before: int = 0
    reread: int = 0
    unheard: list[str] = field(default_factory=list)  # numbers: they had changed, and the store's list didn't say so
    fetched: int = 0
    missing: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)  # order ref → why it could not be taken in


@jobs.workflow("sync.reconcile")
def job(shop_id: str, look: str = "hour") -> str:
    """The job: the pass's id."""
    return reconcile(shop_id, look=look).id


def reconcile(
    shop_id: str,
    *,
    since: datetime | None = None,
    as_of: datetime | None = None,
    http: Http | None = None,
    look: str = "hour",
) -> Reconciliation:
    """Compare, fetch what is missing, and keep the proof. HTTP: never inside `db.write()`.

    Shape:  `since` None looks from the moment up to which nothing is open (`queries.last_good`), less the platform's
            overlap, and at least as far back as the look goes; never from before the shop's joining. The row's status:
            done | gaps (an order is named that is not taken in or not evaluated) | failed (the pass could not be made
            to its end; `problem` says why).
    Errors: NotFound for an unknown shop.
    """
    as_of = as_of or clock.now()
    with db.write(Scope.shop(shop_id)) as session:
        shop = shops.get(session, shop_id)
        platform = roster.platform(shop.platform)
        overlap = timedelta(seconds=platform.overlap_seconds)
        last = queries.last_good(session, shop_id, shop.installed_at, overlap) or shop.installed_at
        since = since or max(shop.installed_at - overlap, min(last - overlap, as_of - LOOKS[look]))
        _close_interrupted(session, shop_id)
        row = Reconciliation(
            id=new_id("rec"), shop_id=shop_id, since=since, started_at=as_of, finished_at=None, missing=[], gaps=[],
            status="running", look=look, unheard=[],
        )  # fmt: skip
        session.add(row)
        jobs.enqueue(session, "webhooks.subscribe", f"{shop_id}:{row.id}", shop_id=shop_id)
    found = _Pass(shop_id, platform, as_of, http, look=look)
    problem = ""
    try:
        for page in _pages(found, since):
            _compare(found, page)
            jobs.check()
        if look in DEEP or platform.quiet_changes:
            _look_deep(found, since)
    except Exception as error:
        problem = said(error)
        if not isinstance(error, ConnectorError):
            _log.error("reconcile.failed", shop_id=shop_id, exc_info=error)
    return _close(row.id, found, problem)


def _close_interrupted(session: Session, shop_id: str) -> None:
    """A pass that a kill left open is over: this one looks at the same orders again."""
    session.execute(
        sa.update(Reconciliation)
        .where(Reconciliation.shop_id == shop_id, Reconciliation.status == "running")
        .values(
            status="failed", problem="It was interrupted; the next pass began where it did.", finished_at=clock.now()
        )
    )


def _pages(found: _Pass, since: datetime) -> Iterator[OrderPage]:
    """All pages. A store that is busy or away for a moment is asked again; the error goes on when it stays so."""
    changed = found.platform.orders.changed
    checkpoint = None
    while True:
        page = reread.patiently(
            lambda at=checkpoint: grants.calling(  # type: ignore[misc]
                found.shop_id, lambda client: changed(client, since, at), found.http
            )
        )
        yield page
        checkpoint = page.checkpoint
        if checkpoint is None:
            return


def _compare(found: _Pass, page: OrderPage) -> None:
    heads = {head.order_ref: head for head in page.heads}
    with db.read(Scope.shop(found.shop_id)) as session:
        rows = session.execute(
            sa.select(Order.order_ref, Order.changed_at).where(
                Order.shop_id == found.shop_id, Order.order_ref.in_(list(heads))
            )
        )
        held = {row[0]: row[1] for row in rows}
    wanted = []
    for ref, head in heads.items():
        again = ref in found.refs  # it changed while we paged, and is listed a second time
        found.refs[ref] = head.number
        if ref in held and held[ref] >= head.changed_at:
            found.seen_before += not again
            continue
        wanted.append(head)
    _fetch(found, wanted)


def _fetch(found: _Pass, heads: Sequence[OrderHead]) -> None:
    """Read these orders and take them in. Errors: GrantLost, PlatformBusy, PlatformDown end the pass; others name a
    gap."""
    numbers = {head.order_ref: head.number for head in heads}
    for number in numbers.values():
        if number not in found.missing and len(found.missing) < NAMED:
            found.missing.append(number)
    for reading in reread.read_in(found.shop_id, list(numbers), why="reconcile", as_of=found.as_of, http=found.http):
        if reading.outcome == "not_shown":
            found.failed[reading.order_ref] = "the store listed it and no longer has it"
        elif reading.outcome == "failed":
            found.failed[reading.order_ref] = reading.problem
        else:
            found.fetched += 1
            found.failed.pop(reading.order_ref, None)


def _look_deep(found: _Pass, since: datetime) -> None:
    """Read the orders whose money hasn't cleared again, whatever the list says of them.

    Of an older order that is disputed, or of which something is on its way back, too: a bank takes months, its one
    message of the end may get lost, and of a return's end there may be none.
    """
    open_money = sa.exists().where(Clearance.order_id == Order.id, Clearance.state == "open")
    waits = sa.or_(Clearance.blocked.contains(DISPUTE), Clearance.blocked.contains(RETURN))
    disputed = sa.exists().where(Clearance.order_id == Order.id, Clearance.state == "open", waits)
    asked = sa.func.coalesce(Order.read_at, Order.first_seen_at)
    with db.read(Scope.shop(found.shop_id)) as session:
        rows = session.execute(
            sa.select(Order.order_ref, Order.number, Order.changed_at)
            .where(
                Order.shop_id == found.shop_id,
                sa.or_(Order.changed_at >= since, Order.placed_at >= since, disputed),
                sa.or_(Order.read_at.is_(None), Order.read_at < found.as_of - ASKED_LATELY),
                open_money,
            )
            .order_by(asked, Order.id)
            .limit(MOST_REREAD)
        )
        held = {ref: (number, changed_at) for ref, number, changed_at in rows}
    for reading in reread.read_in(found.shop_id, list(held), why="deep_look", as_of=found.as_of, http=found.http):
        number, changed_at = held[reading.order_ref]
        if reading.outcome == "failed":
            found.refs[reading.order_ref] = number
            found.failed[reading.order_ref] = reading.problem
            continue
        found.reread += 1
        if reading.outcome == "applied" and reading.changed_at == changed_at and len(found.unheard) < NAMED:
            found.unheard.append(number)


def _close(row_id: str, found: _Pass, problem: str) -> Reconciliation:
    with db.write(Scope.shop(found.shop_id)) as session:
        row = session.get_one(Reconciliation, row_id)
        evaluated, gaps = _proof(session, found)
        row.at_store, row.seen_before, row.fetched = len(found.refs), found.seen_before, found.fetched
        row.evaluated, row.missing, row.gaps = evaluated, found.missing, gaps
        row.reread, row.unheard = found.reread, found.unheard
        row.status = "failed" if problem else "gaps" if evaluated != len(found.refs) else "done"
        row.problem, row.finished_at = problem, clock.now()
    _log.info(
        "reconcile.done", shop_id=found.shop_id, status=row.status, at_store=row.at_store, fetched=row.fetched,
        evaluated=row.evaluated, reread=row.reread, unheard=len(row.unheard), look=found.look, problem=problem,
    )  # fmt: skip
    return row


def _proof(session: Session, found: _Pass) -> tuple[int, list[dict[str, str]]]:
    """How many of the listed orders are held and evaluated in their newest version; the others by name."""
    evaluated: set[str] = set()
    held: set[str] = set()
    refs = list(found.refs)
    for start in range(0, len(refs), 500):
        rows = session.execute(
            sa.select(Order.order_ref, Order.content_hash, Order.evaluated_hash).where(
                Order.shop_id == found.shop_id, Order.order_ref.in_(refs[start : start + 500])
            )
        )
        for ref, content_hash, evaluated_hash in rows:
            held.add(ref)
            if content_hash == evaluated_hash and ref not in found.failed:
                evaluated.add(ref)
    gaps = [
        {"order": number, "why": found.failed.get(ref) or ("not evaluated yet" if ref in held else "not taken in")}
        for ref, number in found.refs.items()
        if ref not in evaluated
    ]
    return len(evaluated), gaps[:NAMED]
