"""Orders and products that must be read from the store: what a stub, a conflict, a thin delivery or a gap becomes.

A wish is one row an order or a product, however often it is wished. The job reads with no transaction open and takes
each order in by a transaction of its own, in which the wish goes; products are taken in by parts, and their wishes go
after. A wish renewed while it was being read stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db, jobs, telemetry
from connector.commerce.catalog import read_again, stock
from connector.commerce.shops import grants, queries
from connector.commerce.shops.tables import Shop
from connector.db import Scope, new_id
from connector.earnings.intake import take_in as intake
from connector.earnings.intake.portion import said
from connector.errors import ConnectorError, GrantLost, PlatformBusy, PlatformDown
from connector.platforms import roster
from connector.platforms.contract import Client, Http
from connector.webhooks.tables import WantedRead

JOB = "webhooks.read_wanted"
TRIES = 12
_log = telemetry.logger(__name__)


@dataclass(frozen=True, slots=True)
class _Wish:
    id: str
    kind: str  # order | product | stock
    ref: str
    why: str
    wanted_at: datetime
    tries: int


def want(
    session: Session,
    shop_id: str,
    ref: str,
    why: str,
    now: datetime | None = None,
    *,
    kind: str = "order",
    wait: timedelta | None = None,
) -> None:
    """Wish an order, a product or a stock item read. The caller enqueues `wake` once for all its wishes.

    `wait`: not before so long, and nobody wakes it but `wake_due`. Wished again meanwhile it isn't put off further, or
    what sells all the time would never be read.
    """
    now = now or clock.wall()
    wish = {"why": why, "wanted_at": now, "tries": 0, "problem": ""}
    first = wish | {"next_try_at": now + wait if wait is not None else None}
    insert = db.insert(session, WantedRead).values(id=new_id("wnt"), shop_id=shop_id, kind=kind, ref=ref, **first)
    again = wish if wait is not None else first
    session.execute(insert.on_conflict_do_update(index_elements=["shop_id", "kind", "ref"], set_=again))


def wake(session: Session, shop_id: str, key: str) -> None:
    """Start the job that reads this shop's wishes when the caller's transaction commits. A key never runs twice."""
    jobs.enqueue(session, JOB, f"{shop_id}:{key}", shop_id=shop_id)


def wake_due(now: datetime | None = None) -> int:
    """Wake the job for shops whose wishes wait past their time (a retry is due, or a job was lost); how many shops."""
    now = now or clock.wall()
    with db.read(Scope.system("which shops have wishes whose time has come")) as session:
        shops = session.scalars(
            sa.select(WantedRead.shop_id)
            .join(Shop, Shop.id == WantedRead.shop_id)
            .where(Shop.status == "connected", WantedRead.tries < TRIES)
            .where(
                sa.or_(
                    WantedRead.next_try_at <= now,
                    sa.and_(WantedRead.next_try_at.is_(None), WantedRead.wanted_at < now - timedelta(seconds=20)),
                )
            )
            .distinct()
        ).all()
    for shop_id in shops:
        with db.write(Scope.shop(shop_id)) as session:
            # One a shop and minute: the key keeps several workers from waking it several times.
            wake(session, shop_id, f"{now:%Y%m%dT%H%M}")
    return len(shops)


@jobs.workflow(JOB)
def read_wanted(shop_id: str, http: Http | None = None) -> int:
    """Read everything wished whose time has come, take it in; how many were taken in.

    What can't be read or taken in, whatever the reason, is tried again with growing delay and says why; the others go
    on. A lost grant or a store that is down ends the pass: its wishes stay.
    """
    wishes = _due(shop_id, clock.wall())
    orders = [[wish] for wish in wishes if wish.kind == "order"]
    products = [wish for wish in wishes if wish.kind == "product"]
    parts = [products[start : start + read_again.PART] for start in range(0, len(products), read_again.PART)]
    items = [wish for wish in wishes if wish.kind == "stock"]
    parts += [items[start : start + stock.PART] for start in range(0, len(items), stock.PART)]
    taken = 0
    while waiting := orders or parts:
        jobs.check()
        part = waiting.pop(0)
        try:
            taken += _take(shop_id, http, part)
        except (GrantLost, PlatformDown, PlatformBusy) as error:
            _put_off(shop_id, part, error)
            break
        except Exception as error:
            if len(part) > 1:
                # One of them breaks the answer or the transaction: found one by one.
                parts[:0] = [[wish] for wish in part]
                continue
            _log.warning(
                "wanted.not_read", shop_id=shop_id, kind=part[0].kind, ref=part[0].ref, error=said(error),
                exc_info=None if isinstance(error, ConnectorError) else error,
            )  # fmt: skip
            _put_off(shop_id, part, error)
    return taken


def _take(shop_id: str, http: Http | None, part: list[_Wish]) -> int:
    if part[0].kind == "order":
        return grants.calling(shop_id, lambda client: _read(shop_id, client, part[0]), http)
    refs = [wish.ref for wish in part]
    if part[0].kind == "stock":
        taken = stock.read_part(shop_id, refs, http)
    else:
        taken = read_again.read_part(shop_id, refs, http)
    with db.write(Scope.shop(shop_id)) as session:
        for wish in part:
            _fulfil(session, wish)
    return taken


def _read(shop_id: str, client: Client, wish: _Wish) -> int:
    with db.read(Scope.shop(shop_id)) as session:
        platform = roster.platform(queries.get(session, shop_id).platform)
    read = platform.orders.one(client, wish.ref)
    with db.write(Scope.shop(shop_id)) as session:
        if read is not None:
            shop = queries.get(session, shop_id)
            intake.take_in(session, shop, read.seen, triggered_at=read.read_at, source=f"read:{wish.why}")
        else:
            _log.warning("wanted.not_there", shop_id=shop_id, order_ref=wish.ref, why=wish.why)
        _fulfil(session, wish)
    return int(read is not None)


def _fulfil(session: Session, wish: _Wish) -> None:
    """The wish goes, unless it was renewed while it was being read."""
    session.execute(sa.delete(WantedRead).where(WantedRead.id == wish.id, WantedRead.wanted_at == wish.wanted_at))


def _due(shop_id: str, now: datetime) -> list[_Wish]:
    with db.read(Scope.shop(shop_id)) as session:
        rows = session.execute(
            sa.select(
                WantedRead.id, WantedRead.kind, WantedRead.ref, WantedRead.why, WantedRead.wanted_at, WantedRead.tries
            )
            .where(WantedRead.shop_id == shop_id, WantedRead.tries < TRIES)
            .where(sa.or_(WantedRead.next_try_at.is_(None), WantedRead.next_try_at <= now))
            .order_by(WantedRead.wanted_at)
            .limit(500)
        )
        return [_Wish(*row) for row in rows]


def _put_off(shop_id: str, part: list[_Wish], error: Exception) -> None:
    with db.write(Scope.shop(shop_id)) as session:
        for wish in part:
            tries = wish.tries + 1
            wait = timedelta(seconds=min(3600, 5 * 2**tries))
            if isinstance(error, PlatformBusy):
                wait = timedelta(seconds=max(1.0, error.retry_after))
                tries = wish.tries  # being asked to wait is no failure
            elif isinstance(error, GrantLost | PlatformDown):
                tries = min(tries, TRIES - 1)  # nor is it the wish's fault: never given up for it
            session.execute(
                sa.update(WantedRead)
                .where(WantedRead.id == wish.id, WantedRead.wanted_at == wish.wanted_at)
                .values(tries=tries, next_try_at=clock.wall() + wait, problem=said(error))
            )
