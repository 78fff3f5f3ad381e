"""Orders read from their store again, several at a time: before their commission clears, and by a deep look.

Nothing clears on a stale body: an order whose hold is over is read through the API first, and only then settlement
takes it (`earnings.settlement.clear`). A store that can't be asked keeps its orders waiting, each with the reason and
the next try. The HTTP happens with no transaction open; each order is taken in by a savepoint of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from connector import clock, db, jobs, telemetry
from connector.commerce.orders import queries as orders
from connector.commerce.orders import record
from connector.commerce.shops import grants
from connector.commerce.shops import queries as shops
from connector.db import Scope
from connector.earnings.intake import take_in as intake
from connector.earnings.intake.portion import crossed, said
from connector.earnings.settlement import clear
from connector.earnings.settlement.tables import WaitingReread
from connector.errors import ConnectorError, GrantLost, PlatformBusy, PlatformDown
from connector.platforms import roster
from connector.platforms.contract import Http, OrderRead

JOB = "sync.reread"
PART = 24  # orders of one call; a platform puts as many of them into a question as its limits allow
TRIES = 5
OF_THE_SHOP = frozenset({"store_away", "store_busy", "grant_lost"})
SECONDS = 50.0  # of one job: the queue of short jobs is the shop's other work too
_log = telemetry.logger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of reading one order: an outcome of `orders.record`, or not_shown, or failed with the problem."""

    order_ref: str
    outcome: str
    changed_at: datetime | None = None
    problem: str = ""


@dataclass(slots=True)
class Round:
    """`read`: orders that the store was asked about; `waits`: order id → why it could not be asked."""

    asked: set[str] = field(default_factory=set)
    waits: dict[str, str] = field(default_factory=dict)

    @property
    def read(self) -> int:
        return len(self.asked)


@jobs.workflow(JOB)
def job(shop_id: str) -> int:
    """The job: how many orders were read."""
    return before_clearing(shop_id, seconds=SECONDS).read


def before_clearing(
    shop_id: str,
    as_of: datetime | None = None,
    *,
    http: Http | None = None,
    seconds: float | None = None,
    at_once: bool = False,
) -> Round:
    """Read the orders of a shop that are due to clear at `as_of` and were not asked for since they became due.

    What failed last time waits for its next try, unless `at_once`. HTTP: never inside `db.write()`.
    """
    as_of, total = as_of or clock.now(), Round()
    until = None if seconds is None else time.monotonic() + seconds
    while until is None or time.monotonic() < until:
        jobs.check()
        due = _due(shop_id, as_of, total, at_once=at_once)
        if not due:
            break
        refs = {order_ref: order_id for order_id, order_ref, _ in due}
        since = {order_id: moment for order_id, _, moment in due}
        try:
            for reading in read_in(shop_id, list(refs), why="clearing", as_of=as_of, http=http):
                order_id = refs[reading.order_ref]
                if reading.outcome == "failed":
                    total.waits[order_id] = reading.problem
                    _wait(shop_id, {order_id: since[order_id]}, "order_unreadable", reading.problem)
                else:
                    total.asked.add(order_id)
        except (GrantLost, PlatformBusy, PlatformDown) as error:
            left = {
                order_id: moment for order_id, moment in since.items() if order_id not in {*total.waits, *total.asked}
            }
            total.waits |= dict.fromkeys(left, said(error))
            _wait(shop_id, left, _reason(error), said(error), error)
            break
    return total


def read_in(
    shop_id: str, order_refs: Sequence[str], *, why: str, as_of: datetime, http: Http | None = None
) -> Iterator[Reading]:
    """Read these orders and take each in. One that breaks the answer, or can't be taken in, is named alone.

    `as_of` is the business moment at which they are asked for. Errors: GrantLost, PlatformBusy and PlatformDown, after
    a few tries, and OperationalError: those are about the shop or the database, not about an order.
    """
    for start in range(0, len(order_refs), PART):
        part = list(order_refs[start : start + PART])
        jobs.check()
        try:
            found = _asked(shop_id, part, http)
        except (GrantLost, PlatformBusy, PlatformDown):
            raise
        except Exception as error:
            # One of them breaks the answer for all: found one by one.
            if len(part) == 1:
                yield _failed(shop_id, part[0], error)
                continue
            for order_ref in part:
                yield from read_in(shop_id, [order_ref], why=why, as_of=as_of, http=http)
            continue
        for order_ref in part:
            yield _take(shop_id, order_ref, found.get(order_ref), why, as_of)


def _asked(shop_id: str, order_refs: list[str], http: Http | None) -> dict[str, OrderRead | None]:
    with db.read(Scope.shop(shop_id)) as session:
        some = roster.platform(shops.get(session, shop_id).platform).orders.some
    return patiently(lambda: dict(grants.calling(shop_id, lambda client: some(client, order_refs), http)))


def patiently(ask: Callable[[], T]) -> T:
    """Ask; a store that is busy or away for a moment is asked again. Errors: as `ask`, when it stays so."""
    for tries in range(1, TRIES):
        try:
            return ask()
        except (PlatformBusy, PlatformDown) as error:
            jobs.pause(min(30.0, error.retry_after if isinstance(error, PlatformBusy) else 2.0**tries))
    return ask()


def _take(shop_id: str, order_ref: str, read: OrderRead | None, why: str, as_of: datetime) -> Reading:
    try:
        with db.write(Scope.shop(shop_id)) as session:
            shop = shops.get(session, shop_id)
            outcome = "not_shown"
            if read is not None:
                taken = intake.take_in(
                    session, shop, read.seen, triggered_at=read.read_at, source=f"read:{why}", as_of=as_of
                )
                outcome = taken.outcome
            order = orders.by_ref(session, shop_id, order_ref)
            if order is not None:
                # Asked and not shown counts as asked: the store can't say more than what is known.
                record.asked_at(order, as_of)
                session.execute(sa.delete(WaitingReread).where(WaitingReread.order_id == order.id))
    except OperationalError:
        raise
    except Exception as error:
        if crossed(error):
            raise
        return _failed(shop_id, order_ref, error)
    if read is None:
        _log.warning("reread.not_shown", shop_id=shop_id, order_ref=order_ref, why=why)
    return Reading(order_ref, outcome, read.snapshot.changed_at if read else None)


def _failed(shop_id: str, order_ref: str, error: Exception) -> Reading:
    _log.warning(
        "reread.failed", shop_id=shop_id, order_ref=order_ref, error=said(error),
        exc_info=None if isinstance(error, ConnectorError) else error,
    )  # fmt: skip
    return Reading(order_ref, "failed", problem=said(error))


def wanted(session: Session, shop_id: str, as_of: datetime) -> bool:
    """Is there an order to be read now?"""
    resting = _resting(session, shop_id)
    return resting is not None and bool(clear.unread(session, shop_id, as_of, 1, skip=resting))


def _due(shop_id: str, as_of: datetime, total: Round, *, at_once: bool) -> list[tuple[str, str, datetime]]:
    with db.read(Scope.shop(shop_id)) as session:
        resting = [] if at_once else _resting(session, shop_id)
        if resting is None:
            return []
        return clear.unread(session, shop_id, as_of, PART, skip={*resting, *total.waits, *total.asked})


def _resting(session: Session, shop_id: str) -> list[str] | None:
    """Orders whose next try lies ahead; None while the store itself is away: all of its orders rest then."""
    rows = session.execute(
        sa.select(WaitingReread.order_id, WaitingReread.reason).where(
            WaitingReread.shop_id == shop_id, WaitingReread.next_try_at > clock.wall()
        )
    ).all()
    if any(row[1] in OF_THE_SHOP for row in rows):
        return None
    return [row[0] for row in rows]


def _reason(error: Exception) -> str:
    if isinstance(error, GrantLost):
        return "grant_lost"
    return "store_busy" if isinstance(error, PlatformBusy) else "store_away"


def _wait(shop_id: str, due: dict[str, datetime], reason: str, problem: str, error: Exception | None = None) -> None:
    """These orders go on waiting: the reason, and when they are tried again (a minute, doubling, an hour at most)."""
    now = clock.wall()
    with db.write(Scope.shop(shop_id)) as session:
        for order_id, since in due.items():
            row = session.get(WaitingReread, order_id)
            tries = 1 if row is None else row.tries + 1
            pause = timedelta(minutes=min(60, 2 ** min(tries, 6) // 2))
            if isinstance(error, PlatformBusy):
                pause = timedelta(seconds=max(1.0, error.retry_after))
            if row is None:
                row = WaitingReread(order_id=order_id, shop_id=shop_id, due_at=since, tries=0)
                session.add(row)
            row.reason, row.problem, row.tries = reason, problem, tries
            row.tried_at, row.next_try_at = now, now + pause
    _log.warning("reread.waits", shop_id=shop_id, orders=len(due), reason=reason, problem=problem)
