"""The money path, stops 5 to 8, in the caller's transaction: an order heard of becomes commission in the ledger.

Deliveries, polled orders, replays and pins all come through here, and nothing in here commits: a caller's savepoint
undoes everything of one delivery, and a kill leaves nothing of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock
from connector.commerce.orders import queries as orders
from connector.commerce.orders import record
from connector.commerce.orders.record import Applied
from connector.commerce.orders.tables import Order
from connector.commerce.shops import queries as shops
from connector.commerce.shops.tables import Shop
from connector.earnings.attribution import credit, hints
from connector.earnings.attribution.tables import DueForPin
from connector.earnings.commission import accrual, clearance, rate
from connector.earnings.intake import portion
from connector.earnings.intake.portion import Portion
from connector.errors import NotFound
from connector.events import OrderSeen, OrderStub

# No rule of credit is reached: these stand before it in the table, whatever the lines say (D5).
_NO_ORDER = frozenset({"test_order", "not_completed", "sample_order"})


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What a delivery did. `outcome` as `orders.record` says it; `reason` what stops the whole order, or ""."""

    order_id: str
    outcome: str  # applied | same_version | stale_version | conflict: wants a re-read | evaluated
    reason: str
    entries: int  # booked


def take_in(
    session: Session, shop: Shop, seen: OrderSeen, *, triggered_at: datetime, source: str, as_of: datetime | None = None
) -> TakenIn:
    """Take in one version of an order. Errors: PayloadUnreadable(path); Conflict: something moved, try again."""
    applied = record.apply(
        session, shop, seen.snapshot, triggered_at=triggered_at, source=source, buyer=seen.buyer,
        disputes=seen.disputes, returns=seen.returns, evaluated=True,
    )  # fmt: skip  # stop 5
    if seen.hints and hints.keep(session, applied.order.id, seen.hints) and not applied.changed:
        applied = replace(applied, changed=True)  # nothing new of the order itself, but of its way
    return _follow(session, shop, applied, source, as_of or clock.now())


def take_in_stub(
    session: Session, shop: Shop, stub: OrderStub, *, source: str, as_of: datetime | None = None
) -> TakenIn | None:
    """Take in a refund, an edit or a dispute that came alone. None: no such order yet, it is parked (D4)."""
    applied = record.take_stub(session, shop, stub, source=source, evaluated=True)
    return None if applied is None else _follow(session, shop, applied, source, as_of or clock.now())


def reevaluate(session: Session, order_id: str, *, cause: str, as_of: datetime | None = None) -> TakenIn:
    """Evaluate an order again on what is known: at its pin, after an act, after a change of the rules.

    Errors: NotFound.
    """
    order = session.get(Order, order_id, populate_existing=True, with_for_update=True)
    if order is None:
        raise NotFound(f"no order has the id {order_id[:40]!r}")
    shop = shops.get(session, order.shop_id)
    order.evaluated_hash = order.content_hash
    return _evaluate(session, shop, Applied(order, "applied", changed=True), "evaluated", cause, as_of or clock.now())


def pin_due(session: Session, shop_id: str, as_of: datetime | None = None, limit: int = 200) -> int:
    """Evaluate orders whose decisions become final by `as_of`; how many. 0: nothing is left that can be done now."""
    return pin_portion(session, shop_id, as_of or clock.now(), limit).done


def pin_portion(
    session: Session, shop_id: str, as_of: datetime, limit: int = 200, *, skip: Collection[str] = ()
) -> Portion:
    """Make the decisions final that are due, each order in its savepoint, as many as a transaction may take.

    One that another transaction holds right now is left for the next call, and those in `skip` too.
    """
    waiting = (
        sa.select(DueForPin.order_id)
        .where(DueForPin.shop_id == shop_id, DueForPin.pin_at <= as_of, DueForPin.order_id.not_in(skip))
        .order_by(DueForPin.pin_at, DueForPin.order_id)
        .limit(limit)
    )
    ids = session.execute(waiting).scalars().all()
    free = sa.select(Order.id).where(Order.id.in_(ids)).order_by(Order.id).with_for_update(skip_locked=True)
    ours = session.execute(free).scalars().all()

    def pin(group: Sequence[str]) -> int:
        for order_id in group:
            reevaluate(session, order_id, cause="pin", as_of=as_of)
        return len(group)

    return portion.take(session, ours, pin, name="pin")


def _follow(session: Session, shop: Shop, applied: Applied, cause: str, as_of: datetime) -> TakenIn:
    if not applied.changed:
        return TakenIn(applied.order.id, applied.outcome, "", 0)
    return _evaluate(session, shop, applied, applied.outcome, cause, as_of)


def _evaluate(session: Session, shop: Shop, applied: Applied, outcome: str, cause: str, as_of: datetime) -> TakenIn:
    order, created = applied.order, applied.created
    facts = orders.facts(order)
    decisions = {}
    if rate.stopped(facts.snapshot) not in _NO_ORDER:
        decisions = credit.credit_lines(session, shop, order, facts, as_of, created=created)  # stop 6
    elif not created:
        # It was an order before: the pin job must not wait for it any more.
        credit.not_decided(session, order)
    rows = {} if created else clearance.held(session, order.id)
    accrued = accrual.accrue(
        session, shop, order, facts, decisions, cause=cause, as_of=as_of, created=created, rows=rows
    )  # stops 7 and 8
    reviewed = {line_ref for line_ref, decision in decisions.items() if decision.credit_reason == "frozen_review"}
    clearance.follow(session, shop, order, facts, accrued.assessment, as_of, rows=rows, reviewed=reviewed)
    session.flush()
    return TakenIn(order.id, outcome, accrued.assessment.reason, len(accrued.entries))
