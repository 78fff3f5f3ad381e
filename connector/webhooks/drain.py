"""The drain: from waiting rows to effects, a shop at a time, a batch a transaction.

    claim the shop   one worker a shop; a killed worker's claim runs out by itself; the shops take turns, a batch each
    translate        outside any transaction
    apply            new orders in one savepoint until one fails, else each delivery in its own; commits with its `done`
    afterwards       a failure waits with growing delay, then is parked with its reason

A kill at any point leaves either nothing of a batch or all of it. No HTTP happens here: what must be read from the
store becomes a wish (`wanted`) or a job.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db, jobs, telemetry
from connector.commerce.shops import queries
from connector.commerce.shops.tables import Shop
from connector.config import Settings
from connector.db import HeldBack, Scope
from connector.earnings.intake import ahead
from connector.errors import ConnectorError, InputRefused, LedgerRefused, PayloadUnreadable
from connector.events import OrderSeen
from connector.platforms import roster
from connector.webhooks import claim, effect, inbox, quarantine, translate, wanted
from connector.webhooks.claim import Claim, ClaimLost
from connector.webhooks.effect import Outcome
from connector.webhooks.inbox import Status
from connector.webhooks.tables import DeliveryRow
from connector.webhooks.translate import Read

TRIES = 8
# So many deliveries share a savepoint, and what they ask is read ahead together.
AT_ONCE = 100
# A batch ends early so that nobody waits long: on SQLite it holds the only writer, and webhooks want it too.
BATCH_SECONDS = {True: 0.2, False: 2.0}
# SQLite hands its writer to whoever asks at the right moment: between two batches the web's line gets its chance.
BREATH = 0.01
# A shop with a long queue goes on so long when nobody else waits; when somebody does, its turn is one batch.
TURN_SECONDS = 3.0
PRIVACY_JOB = "privacy.answer"
_log = telemetry.logger(__name__)


@dataclass(slots=True)
class _Batch:
    """What one transaction did."""

    marks: list[dict[str, Any]] = field(default_factory=list)
    reads_orders: bool = False
    products: list[str] = field(default_factory=list)
    privacy: list[str] = field(default_factory=list)


def drain_once(owner: str, settings: Settings, *, stop: Callable[[], bool] = lambda: False) -> int:
    """Give each shop with waiting deliveries one turn; how many deliveries were handled. 0: nothing to do.

    Safe to call from any number of threads and processes. Errors: SQLAlchemy's OperationalError when the database is
    away; nothing is lost, call again later. A shop that fails stops no other.
    """
    _bring_back()
    handled, away = 0, None
    for shop_id in shops_with_work():
        if stop():
            break
        try:
            held = claim.take(shop_id, "drain", owner)
            if held is None:
                continue
            handled += _turn(held, settings, stop)
            held.release()
        except ClaimLost:
            _log.warning("drain.claim_lost", shop_id=shop_id)
        except Exception as error:
            # Its deliveries wait where they were, and its claim runs out by itself. The other shops have their turn.
            _log.error("drain.shop_failed", shop_id=shop_id, exc_info=error)
            away = error if isinstance(error, sa.exc.OperationalError) else away
    if away is not None:
        raise away
    return handled


def shops_with_work() -> list[str]:
    """Shops with waiting deliveries. Walks the index from shop to shop, so that a long queue costs nothing."""
    found: list[str] = []
    with db.read(Scope.system("which shops have deliveries waiting")) as session:
        waiting = sa.select(sa.func.min(DeliveryRow.shop_id)).where(DeliveryRow.status == "waiting")
        shop_id = session.scalar(waiting)
        while shop_id is not None:
            found.append(shop_id)
            shop_id = session.scalar(waiting.where(DeliveryRow.shop_id > shop_id))
    return found


def _bring_back() -> None:
    """Failed deliveries whose time has come, and parked ones whose shop is there now, wait again."""
    now = clock.wall()
    due = sa.and_(DeliveryRow.status == "failed", DeliveryRow.next_try_at <= now)
    with db.read(Scope.system("failed and parked deliveries whose time has come")) as session:
        failed = session.scalar(sa.select(sa.exists().where(due)))
        parked = inbox.releasable(session)
    if failed or parked:
        with db.write(Scope.system("failed and parked deliveries whose time has come")) as session:
            if failed:
                session.execute(sa.update(DeliveryRow).where(due).values(status="waiting", next_try_at=None))
            if parked:
                inbox.release_parked(session)


def _turn(held: Claim, settings: Settings, stop: Callable[[], bool]) -> int:
    """Batches of one shop until nothing waits, or the turn is over.

    A long queue's next batch is read and translated while this one is written: the database works, and we wait.
    """
    handled, until = 0, time.monotonic() + TURN_SECONDS
    with ThreadPoolExecutor(1, "drain reads ahead") as reader:
        read = _next(held.shop_id, settings.drain_batch)
        while read and not stop():
            ahead = None
            if len(read) == settings.drain_batch and all(map(_only_order, read)) and not _others_wait(held.shop_id):
                ahead = reader.submit(copy_context().run, _next, held.shop_id, settings.drain_batch, behind=read[-1].id)
            while read and not stop():
                done = _handle(held, read)
                handled, read = handled + done, read[done:]
                if db.current().is_sqlite:
                    time.sleep(BREATH)
            if time.monotonic() > until or _others_wait(held.shop_id):
                break
            read = _read_ahead(ahead) or _next(held.shop_id, settings.drain_batch)
    return handled


def _read_ahead(ahead: Future[list[Read]] | None) -> list[Read]:
    """What was read meanwhile. Nothing where that failed: it is read again, and if it must it fails then."""
    if ahead is None:
        return []
    if (error := ahead.exception()) is not None:
        _log.warning("drain.not_read_ahead", exc_info=error)
        return []
    return ahead.result()


def _others_wait(shop_id: str) -> bool:
    """Has any other shop waiting deliveries? Two looks at the ends of an index."""
    waiting = DeliveryRow.status == "waiting"
    with db.read(Scope.system("does another shop wait for its turn")) as session:
        ends = session.execute(
            sa.select(
                sa.select(sa.func.min(DeliveryRow.shop_id)).where(waiting).scalar_subquery(),
                sa.select(sa.func.max(DeliveryRow.shop_id)).where(waiting).scalar_subquery(),
            )
        ).one()
    return any(end not in (None, shop_id) for end in ends)


def _next(shop_id: str, limit: int, *, behind: str | None = None) -> list[Read]:
    """The oldest waiting deliveries of a shop, translated. `behind`: those that came after this delivery."""
    asked = sa.select(DeliveryRow).where(DeliveryRow.status == "waiting", DeliveryRow.shop_id == shop_id)
    if behind is not None:
        at = sa.select(DeliveryRow.received_at).where(DeliveryRow.id == behind).scalar_subquery()
        later = sa.or_(DeliveryRow.received_at > at, DeliveryRow.id > behind)
        asked = asked.where(DeliveryRow.received_at >= at, later)
    return understood(shop_id, asked.order_by(DeliveryRow.received_at, DeliveryRow.id).limit(limit))


def understood(shop_id: str, asked: sa.Select[DeliveryRow]) -> list[Read]:
    """Deliveries of a shop with their meaning, or with the problem that hides it. No transaction is open meanwhile."""
    with db.read(Scope.shop(shop_id)) as session:
        shop = queries.get(session, shop_id)
        rows = session.scalars(asked).all()
        session.expunge_all()
    platform = roster.platform(shop.platform)
    return quarantine.screen(shop, platform, [translate.read(row, platform, shop.currency) for row in rows])


def _handle(held: Claim, read: Sequence[Read]) -> int:
    """Commit as many as one transaction may take. A batch that can't be committed is tried one by one, so that the
    delivery which breaks even its transaction is found and set aside."""
    try:
        return _commit(held, read)
    except ClaimLost:
        raise
    except Exception as error:
        _log.error("drain.batch_undone", shop_id=held.shop_id, deliveries=len(read), exc_info=error)
    for each in read:
        try:
            _commit(held, [each])
        except ClaimLost:
            raise
        except Exception as error:
            with db.write(Scope.shop(held.shop_id)) as session:
                held.hold(session)
                _mark(session, [_row(each, _failed(each, error))])
    return len(read)


def _commit(held: Claim, read: Sequence[Read]) -> int:
    """Effects and marks of a batch in one transaction; how many of `read` it took before its time was over."""
    batch = _Batch()
    with db.write(Scope.shop(held.shop_id)) as session:
        held.hold(session)
        shop = queries.get(session, held.shop_id)
        waiting = db.hold_back(session)
        until = _until()
        for group in _groups(read):
            waiting.write()  # outside of its savepoint: what others did must stand when this one is undone
            outcomes = _together(session, shop, group, waiting, until) if len(group) > 1 else None
            if outcomes is None:
                until = _until() if len(group) > 1 else until  # what was undone took its time
                outcomes = _in_turn(session, shop.id, group, until)
            for each, outcome in zip(group, outcomes, strict=False):
                batch.marks.append(_row(each, outcome))
                batch.reads_orders |= outcome.reads_order
                batch.products += outcome.products
                batch.privacy += [each.id] if outcome.privacy else []
            if time.monotonic() > until:
                break
        waiting.write()
        _mark(session, batch.marks)
        _start_jobs(session, shop.id, read[0].id, batch)
        held.hold(session)
    return len(batch.marks)


def _until() -> float:
    return time.monotonic() + BATCH_SECONDS[db.current().is_sqlite]


def _groups(read: Sequence[Read]) -> Iterator[list[Read]]:
    """What may share a savepoint, in its order: each one version of an order that nothing else there is about, so that
    none reads what another one holds back. Anything else is alone."""
    group: dict[str, Read] = {}
    for each in read:
        seen = _only_order(each)
        ref = seen.snapshot.order_ref if seen is not None else None
        if group and (ref is None or ref in group or len(group) >= AT_ONCE):
            yield list(group.values())
            group = {}
        if ref is None:
            yield [each]
        else:
            group[ref] = each
    if group:
        yield list(group.values())


def _only_order(delivery: Read) -> OrderSeen | None:
    """The one version of one order that it is about, if that is all."""
    if delivery.problem is not None or len(delivery.events) != 1:
        return None
    event = delivery.events[0]
    return event if isinstance(event, OrderSeen) else None


def _together(
    session: Session, shop: Shop, group: Sequence[Read], waiting: HeldBack, until: float
) -> list[Outcome] | None:
    """Apply a group in one savepoint, what they ask read ahead, until the time is over. None: one of them failed, all
    are undone, and each is tried for itself."""
    seen = [event for event in map(_only_order, group) if event is not None]
    outcomes: list[Outcome] = []
    before = waiting.mark()
    try:
        with session.begin_nested(), ahead.read(session, shop, seen):
            for each in group:
                outcomes.append(effect.apply(session, shop, each, clock.now()))
                if time.monotonic() > until:
                    break
    except sa.exc.OperationalError:
        raise  # the connection or the disk, not a delivery: undo the batch
    except Exception:
        waiting.back_to(before)
        return None
    return outcomes


def _in_turn(session: Session, shop_id: str, group: Sequence[Read], until: float) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for each in group:
        outcomes.append(one(session, shop_id, each))
        if time.monotonic() > until:
            break
    return outcomes


def one(session: Session, shop_id: str, delivery: Read) -> Outcome:
    """Apply one delivery in a savepoint; whatever goes wrong in it is its own trouble.

    Errors: OperationalError, which is the transaction's trouble.
    """
    if delivery.problem is not None:
        if delivery.problem.lasting:
            status: Status = "quarantined" if delivery.problem.foreign else "parked"
            return Outcome(status, delivery.problem.reason, delivery.problem.detail)
        return _again(delivery, delivery.problem.reason, delivery.problem.detail)
    waiting = db.held_back(session)
    before = waiting.mark() if waiting is not None else {}
    try:
        with session.begin_nested():
            return effect.apply(session, queries.get(session, shop_id), delivery, clock.now())
    except sa.exc.OperationalError:
        raise  # the connection or the disk, not the delivery: undo the batch
    except Exception as error:
        if waiting is not None:
            waiting.back_to(before)
        return _failed(delivery, error)


def _failed(delivery: Read, error: Exception) -> Outcome:
    if isinstance(error, PayloadUnreadable):
        return Outcome("parked", "unreadable", str(error)[:500])
    if isinstance(error, InputRefused):
        return Outcome("parked", "refused", str(error)[:500])
    known = isinstance(error, ConnectorError)
    where = {"delivery_id": delivery.id, "topic": delivery.topic, "tries": delivery.tries + 1}
    if isinstance(error, LedgerRefused) or not known:
        _log.error("delivery.failed", exc_info=error, **where)
    else:
        _log.warning("delivery.failed", error=str(error), **where)
    name = "".join("_" + c.lower() if c.isupper() else c for c in type(error).__name__).lstrip("_")
    # The words of an error that isn't ours may quote the body.
    return _again(delivery, name, str(error)[:500] if known else type(error).__name__)


def _again(delivery: Read, reason: str, detail: str) -> Outcome:
    if delivery.tries + 1 >= TRIES:
        return Outcome("parked", reason, f"{detail} Given up after {TRIES} tries.")
    return Outcome("failed", reason, detail)


def _row(delivery: Read, outcome: Outcome) -> dict[str, Any]:
    now, tries = clock.wall(), delivery.tries + 1
    return {
        "b_id": delivery.id,
        "b_seen": delivery.seen_trigger,
        "b_status": outcome.status,
        "b_reason": outcome.reason,
        "b_detail": outcome.detail,
        "b_effects": outcome.effects,
        "b_order_ref": outcome.order_ref,
        "b_product_ref": outcome.product_ref,
        "b_tries": tries,
        "b_next": now + inbox.due_again(tries) if outcome.status == "failed" else None,
        "b_done": None if outcome.status == "failed" else now,
    }


_table = DeliveryRow.__table__
# Only while the trigger time is the one that was applied: a repeat that came meanwhile with a later one keeps the row
# waiting, and it goes round again.
_MARK = (
    sa.update(DeliveryRow.__table__)  # type: ignore[arg-type]
    .where(
        _table.c.id == sa.bindparam("b_id"),
        _table.c.triggered_at.is_not_distinct_from(sa.bindparam("b_seen", type_=_table.c.triggered_at.type)),
    )
    .values(
        status=sa.bindparam("b_status"),
        reason=sa.bindparam("b_reason"),
        detail=sa.bindparam("b_detail"),
        effects=sa.bindparam("b_effects"),
        order_ref=sa.func.coalesce(sa.bindparam("b_order_ref", type_=sa.Text()), _table.c.order_ref),
        product_ref=sa.func.coalesce(sa.bindparam("b_product_ref", type_=sa.Text()), _table.c.product_ref),
        tries=sa.bindparam("b_tries"),
        next_try_at=sa.bindparam("b_next"),
        done_at=sa.bindparam("b_done"),
    )
)


# The same of all rows at once, as PostgreSQL can: an UPDATE each takes as long as inserting all that an order leaves.
_MARK_ALL = sa.text(
    "UPDATE deliveries AS d SET status = m.b_status, reason = m.b_reason, detail = m.b_detail, effects = m.b_effects,"
    " order_ref = coalesce(m.b_order_ref, d.order_ref), product_ref = coalesce(m.b_product_ref, d.product_ref),"
    " tries = m.b_tries, next_try_at = m.b_next, done_at = m.b_done"
    " FROM json_to_recordset(CAST(:marks AS json)) AS m (b_id text, b_seen timestamptz, b_status text, b_reason text,"
    " b_detail text, b_effects json, b_order_ref text, b_product_ref text, b_tries bigint, b_next timestamptz,"
    " b_done timestamptz)"
    " WHERE d.id = m.b_id AND d.triggered_at IS NOT DISTINCT FROM m.b_seen"
)


def _mark(session: Session, rows: list[dict[str, Any]]) -> None:
    session.flush()
    if db.current().is_sqlite:
        session.connection().execute(_MARK, rows)
    else:
        session.connection().execute(_MARK_ALL, {"marks": msgspec.json.encode(rows).decode()})


def _start_jobs(session: Session, shop_id: str, key: str, batch: _Batch) -> None:
    """One job a batch, named for its first delivery: a batch that is undone and done again starts one all the same."""
    for ref in dict.fromkeys(batch.products):
        wanted.want(session, shop_id, ref, "delivery", kind="product")
    if batch.reads_orders or batch.products:
        wanted.wake(session, shop_id, f"{key}:{clock.wall():%Y%m%dT%H%M%S}")
    for delivery_id in batch.privacy:
        jobs.enqueue(session, PRIVACY_JOB, delivery_id, shop_id=shop_id, delivery_id=delivery_id)


def wait_between(handled: int) -> timedelta:
    """How long a worker rests after a round: not at all while there is work."""
    return timedelta(0) if handled else timedelta(milliseconds=250)
