"""The clock, stock, the store's order and content move samples on: a round of the worker, each sample by itself.

In this order, since the later is read in the light of the earlier: content that counts; what the newest snapshot of the
order says (shipped, delivered, cancelled); stock and rules, while nothing is ordered; the deadline.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import db, telemetry
from connector.commerce.catalog import queries as catalog
from connector.commerce.orders import queries as orders
from connector.commerce.orders.tables import Order
from connector.db import Scope
from connector.events import OrderSnapshot
from connector.operations.sampling import acts, paying
from connector.programme.samples import asking, bought, moves, steps
from connector.programme.samples.asking import AskRefused
from connector.programme.samples.tables import Sample

# Of what isn't ordered yet, these end it. What comes and goes by itself (a shop that has to sign in again) doesn't.
_ENDING = frozenset(
    {"product_unknown", "product_refused", "product_not_sold", "product_sold_out", "variant_unknown",
     "variant_sold_out"}
)  # fmt: skip
# Of a listing: it comes back by itself, or a person mends it.
_PASSING = frozenset({"syncing", "shop_left", "refused"})
_LAPSED = {"requested": "not_answered", "granted": "not_taken_up"}
_log = telemetry.logger(__name__)


def follow_due(now: datetime, limit: int = 500) -> int:
    """Look at the samples whose time has come; how many moved. One that fails stops no other, and is tried later."""
    with db.read(Scope.system("samples of all shops that something may have moved on")) as session:
        due = session.execute(
            sa.select(Sample.id, Sample.shop_id)
            .where(Sample.look_at <= now)
            .order_by(Sample.look_at, Sample.id)
            .limit(limit)
        ).all()
    moved = 0
    for sample_id, shop_id in due:
        try:
            with db.write(Scope.shop(shop_id)) as session:
                moved += look(session, steps.locked(session, sample_id, shop_id=shop_id), now)
        except Exception:
            _log.exception("sample.not_followed", sample_id=sample_id)
            with db.write(Scope.shop(shop_id)) as session:
                steps.locked(session, sample_id, shop_id=shop_id).look_at = now + steps.LOOK
    return moved


def forget_addresses(now: datetime, limit: int = 500) -> int:
    """Drop the addresses whose time is over, all of them, `limit` in a transaction; how many."""
    gone, done = {"recipient_sealed": None, "forget_at": None}, 0
    while True:
        with db.write(Scope.system("addresses of samples whose time is over")) as session:
            ids = session.scalars(
                sa.select(Sample.id).where(Sample.forget_at <= now).order_by(Sample.forget_at, Sample.id).limit(limit)
            ).all()
            session.execute(sa.update(Sample).where(Sample.id.in_(ids)).values(gone))
        done += len(ids)
        if len(ids) < limit:
            return done


def look(session: Session, row: Sample, now: datetime) -> bool:
    """Move one sample on by what is known now; whether it moved. The caller has locked the row."""
    if row.look_at is None or row.look_at > now:
        return False  # another round was here, or an act
    before = (row.state, row.due_at, row.placing, row.paid_back)
    row.look_at = None
    if row.confirm_by is not None and row.confirm_by <= now and not row.confirmed:
        acts.leave_to_support(session, row, now)
    if row.state == "fulfilled":
        paying.settle(session, row, now)
    else:
        _look(session, row, now)
    if row.look_at is None:
        row.look_at = _next(session, row, now)
    session.flush()
    return before != (row.state, row.due_at, row.placing, row.paid_back)


def _look(session: Session, row: Sample, now: datetime) -> None:
    if row.order_ref is not None and row.state in ("ordered", "shipped", "delivered"):
        _by_order(session, row, now)
    if row.state in ("shipped", "delivered") and acts.fulfil(session, row, now):
        return
    if row.state in ("requested", "approved") and not row.ending:
        _by_stock(session, row, now)
    _by_clock(session, row, now)


def _next(session: Session, row: Sample, now: datetime) -> datetime | None:
    stands = steps.standing(row)
    wanted = steps.next_look(row, stands, now)
    if row.state == "delivered" and wanted is not None and wanted <= now:
        counts = paying.counted(session, row, now)  # it is due, and content may become old enough yet
        wanted = min(counts.at, now + steps.LOOK_AT_CONTENT) if counts and counts.at else now + steps.LOOK
    return wanted if wanted is None or wanted > now else now + steps.LOOK


def _by_clock(session: Session, row: Sample, now: datetime) -> None:
    stands = steps.standing(row)
    if not moves.due(stands, now):
        return
    if row.state == "delivered":
        counts = paying.counted(session, row, now)
        if counts is not None and counts.at is not None:
            return  # the product is in it, and in time: it counts once it was visible long enough
    numbers = steps.numbers_of(session, row)
    after = moves.tick(stands, now, numbers)
    if after.state == "delivered" and row.due_at is not None:
        acts.mark_delivered(session, row, after, "clock", row.due_at, by="clock", now=now)
    elif after.state == "missed" and row.state == "missed":
        row.due_at = None  # nobody may appeal any more: no step of anybody
    elif after.state == "missed":
        steps.take(session, row, after, "miss", side="clock", by="clock", now=now, reason="no_content")
    elif after.state == "lapsed":
        reason = _LAPSED.get(row.state, "not_sent" if row.kind == "free" else "not_bought")
        steps.take(session, row, after, "lapse", side="clock", by="clock", now=now, reason=reason)


def _by_stock(session: Session, row: Sample, now: datetime) -> None:
    """Cancel what can't be had any more, before anything is ordered. What the shop packs by hand it has put aside, and
    an order that may be at the store already has its item. Of a refundable one that was approved the creator may have
    bought the last: it has its time to be named."""
    if row.state == "approved" and (row.placing in ("unknown", "") or row.kind == "refundable"):
        return
    listing = catalog.by_ref(session, row.shop_id, row.product_ref)
    if listing is not None and listing.reason in _PASSING:
        return
    try:
        asking.wanted(session, listing.id if listing else "", row.variant_ref)
    except AskRefused as refused:
        if refused.code in _ENDING:
            stands = moves.cancel(steps.standing(row), now)
            steps.take(session, row, stands, "cancel", side="clock", by="clock", now=now, reason=refused.code)


# ------------------------------------------------------------------ the store's order


def _by_order(session: Session, row: Sample, now: datetime) -> None:
    order = orders.by_ref(session, row.shop_id, row.order_ref or "")
    if order is None:
        return  # its delivery hasn't come yet
    facts = orders.facts(order)
    snapshot = facts.snapshot
    shipped_at, delivered_at = _way(snapshot, row)
    if row.state != "delivered" and (snapshot.cancelled_at is not None or order.gone_at is not None):
        stands = moves.lost_at_store(steps.standing(row))
        reason = "withdrawn_at_store" if stands.state == "withdrawn" else _lost(order)
        steps.take(session, row, stands, "store_cancel", side="store", by="store", now=now, reason=reason)
        return
    numbers = steps.numbers_of(session, row)
    if row.state == "ordered" and shipped_at is not None:
        row.shipped_at = shipped_at
        row.place_at = None
        stands = moves.ship(steps.standing(row), numbers, shipped_at)
        steps.take(session, row, stands, "ship", side="store", by="store", now=now, shipped_at=shipped_at.isoformat())
    if delivered_at is None:
        return
    stands = steps.standing(row)
    if row.state == "shipped":
        stands = moves.deliver(stands, numbers, delivered_at)
        acts.mark_delivered(session, row, stands, "store", delivered_at, by="store", now=now)
    elif row.state == "delivered" and row.delivered_how == "assumed":
        stands = moves.corrected(stands, numbers, delivered_at)
        acts.mark_delivered(session, row, stands, "store", delivered_at, by="store", now=now)


def _lost(order: Order) -> str:
    return "deleted_at_store" if order.gone_at is not None else "cancelled_at_store"


def _way(snapshot: OrderSnapshot, row: Sample) -> tuple[datetime | None, datetime | None]:
    """(shipped, delivered) of the sample's line, by the fulfilments that have it; one that names no line has all."""
    line = bought.line_of(snapshot, row.product_ref, row.variant_ref)
    ref = line.line_ref if line is not None else None
    having = [
        each for each in snapshot.fulfilments if not each.lines or ref in {one.line_ref for one in each.lines}
    ]  # fmt: skip
    if not having:
        return None, None
    arrived = [each.delivered_at for each in having if each.delivered_at is not None]
    return min(each.created_at for each in having), min(arrived) if arrived else None
