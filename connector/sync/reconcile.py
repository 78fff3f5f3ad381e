"""One plain pass over a shop's orders: what the store changed since the last good moment, compared with what we hold.

What is missing or older here is read and taken in like any other order. The proof is kept: orders at the store = orders
seen = orders evaluated, with the gaps by name. A pass may be repeated or killed at any point: it only ever converges.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from connector import clock, db, jobs, telemetry
from connector.commerce.orders.tables import Order
from connector.commerce.shops import grants
from connector.commerce.shops import queries as shops
from connector.db import Scope, new_id
from connector.earnings.intake import take_in as intake
from connector.earnings.intake.portion import said
from connector.errors import ConnectorError, GrantLost, PlatformBusy, PlatformDown
from connector.events import OrderSeen
from connector.platforms import roster
from connector.platforms.contract import Http, OrderHead, OrderPage, Platform
from connector.sync import queries
from connector.sync.tables import Reconciliation

NAMED = 1_000  # names kept of a list that may be long
TRIES = 5
_log = telemetry.logger(__name__)


@dataclass(slots=True)
class _Pass:
    """What a pass found so far."""

    shop_id: str
    platform: Platform
    as_of: datetime
    http: Http | None
    refs: dict[str, str] = field(default_factory=dict)  # order ref → number, of all that the store listed
    seen_before: int = 0
    fetched: int = 0
    missing: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)  # order ref → why it could not be taken in


@jobs.workflow("sync.reconcile")
def job(shop_id: str) -> str:
    """The job: the pass's id."""
    return reconcile(shop_id).id


def reconcile(
    shop_id: str, *, since: datetime | None = None, as_of: datetime | None = None, http: Http | None = None
) -> Reconciliation:
    """Compare, fetch what is missing, and keep the proof. HTTP: never inside `db.write()`.

    Shape:  `since` None looks from the moment up to which nothing is open (`queries.last_good`), less the platform's
            overlap; at first from the shop's joining. The row's status: done | gaps (an order is named that is not
            taken in or not evaluated) | failed (the pass could not be made to its end; `problem` says why).
    Errors: NotFound for an unknown shop.
    """
    as_of = as_of or clock.now()
    with db.write(Scope.shop(shop_id)) as session:
        shop = shops.get(session, shop_id)
        platform = roster.platform(shop.platform)
        overlap = timedelta(seconds=platform.overlap_seconds)
        last = queries.last_good(session, shop_id, shop.installed_at, overlap) or shop.installed_at
        since = since or last - overlap
        _close_interrupted(session, shop_id)
        row = Reconciliation(
            id=new_id("rec"), shop_id=shop_id, since=since, started_at=as_of, finished_at=None, missing=[], gaps=[],
            status="running",
        )  # fmt: skip
        session.add(row)
        jobs.enqueue(session, "webhooks.subscribe", f"{shop_id}:{row.id}", shop_id=shop_id)
    found = _Pass(shop_id, platform, as_of, http)
    problem = ""
    try:
        for page in _pages(found, since):
            _compare(found, page)
            jobs.check()
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
    checkpoint, tries = None, 0
    while True:
        try:
            page = _page(found, since, checkpoint)
        except (PlatformBusy, PlatformDown) as error:
            tries += 1
            if tries >= TRIES:
                raise
            jobs.pause(min(30.0, error.retry_after if isinstance(error, PlatformBusy) else 2.0**tries))
            continue
        tries = 0
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
    for ref, head in heads.items():
        again = ref in found.refs  # it changed while we paged, and is listed a second time
        found.refs[ref] = head.number
        if ref in held and held[ref] >= head.changed_at:
            found.seen_before += not again
            continue
        _fetch(found, head)


def _page(found: _Pass, since: datetime, checkpoint: str | None) -> OrderPage:
    changed = found.platform.orders.changed
    return grants.calling(found.shop_id, lambda client: changed(client, since, checkpoint), found.http)


def _fetch(found: _Pass, head: OrderHead) -> None:
    """Read an order and take it in. Errors: GrantLost, PlatformBusy, PlatformDown end the pass; others name a gap."""
    jobs.check()
    if head.number not in found.missing and len(found.missing) < NAMED:
        found.missing.append(head.number)
    try:
        one = found.platform.orders.one
        read = grants.calling(found.shop_id, lambda client: one(client, head.order_ref), found.http)
        if read is None:
            found.failed[head.order_ref] = "the store listed it and no longer has it"
            return
        with db.write(Scope.shop(found.shop_id)) as session:
            intake.take_in(
                session, shops.get(session, found.shop_id), OrderSeen(read.snapshot, read.buyer),
                triggered_at=read.read_at, source="read:reconcile", as_of=found.as_of,
            )  # fmt: skip
    except (GrantLost, PlatformBusy, PlatformDown, OperationalError):
        raise
    except Exception as error:
        _log.warning(
            "reconcile.not_taken_in", shop_id=found.shop_id, order_ref=head.order_ref, error=said(error),
            exc_info=None if isinstance(error, ConnectorError) else error,
        )  # fmt: skip
        found.failed[head.order_ref] = said(error)
    else:
        found.fetched += 1
        found.failed.pop(head.order_ref, None)


def _close(row_id: str, found: _Pass, problem: str) -> Reconciliation:
    with db.write(Scope.shop(found.shop_id)) as session:
        row = session.get_one(Reconciliation, row_id)
        evaluated, gaps = _proof(session, found)
        row.at_store, row.seen_before, row.fetched = len(found.refs), found.seen_before, found.fetched
        row.evaluated, row.missing, row.gaps = evaluated, found.missing, gaps
        row.status = "failed" if problem else "gaps" if evaluated != len(found.refs) else "done"
        row.problem, row.finished_at = problem, clock.now()
    _log.info(
        "reconcile.done", shop_id=found.shop_id, status=row.status, at_store=row.at_store, fetched=row.fetched,
        evaluated=row.evaluated, problem=problem,
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
