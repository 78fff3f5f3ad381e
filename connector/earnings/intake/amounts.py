"""A refund whose amount the store doesn't give: a person enters it, after seeing what it would do (R7).

Until then every line that it may concern is held. The amount is a recorded act: kept beside what the store said, dated,
with who and why, and part of every later evaluation. A second entry replaces the first; the store's own word, once it
gives one, counts more than both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock, events
from connector.commerce.orders import queries as orders
from connector.commerce.orders import record
from connector.commerce.orders.collect import Entered, with_amount
from connector.commerce.orders.facts import OrderFacts
from connector.commerce.orders.tables import LooseFact, Order
from connector.commerce.shops import queries as shops
from connector.earnings.attribution import credit
from connector.earnings.attribution.tables import DecisionRow
from connector.earnings.commission import accrual, rate
from connector.earnings.commission.rate import LineAssessment
from connector.earnings.intake import take_in
from connector.earnings.intake.take_in import TakenIn
from connector.errors import Conflict, InputRefused, NotFound
from connector.events import Refund

LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Change:
    """One line before and after. Minor units of the order's currency."""

    line_ref: str
    title: str
    creator_id: str | None
    base: int
    back_before: int
    back_after: int
    due_before: int
    due_after: int
    held_after: bool  # by another refund of unknown amount


@dataclass(frozen=True, slots=True)
class Preview:
    """What entering an amount would do. `token` names the facts that it was worked out from."""

    order: Order
    refund_ref: str
    amount: int
    changes: tuple[Change, ...]
    token: str

    @property
    def difference(self) -> int:
        """What the commission of the order changes by."""
        return sum(change.due_after - change.due_before for change in self.changes)


def asked(session: Session, order: Order) -> list[Refund]:
    """The order's refunds that wait for an amount, and those that a person gave one before, oldest first."""
    entered = set(
        session.scalars(
            sa.select(LooseFact.ref).where(LooseFact.order_id == order.id, LooseFact.kind == "amount").distinct()
        )
    )
    return [r for r in orders.facts(order).refunds if r.amount_unknown or r.refund_ref in entered]


def preview(session: Session, order_id: str, refund_ref: str, amount: int) -> Preview:
    """Work out what the amount would do; nothing is written.

    Errors: NotFound for an order or a refund that isn't there; InputRefused for an amount below zero; Conflict for a
    refund whose amount the store itself gives.
    """
    order = session.get(Order, order_id)
    if order is None:
        raise NotFound(f"no order has the id {order_id[:40]!r}")
    if amount < 0:
        raise InputRefused("amount", "is below zero.", "Give what went back to the buyer; 0 if nothing did.")
    facts = orders.facts(order)
    waiting = next((refund for refund in asked(session, order) if refund.refund_ref == refund_ref), None)
    if waiting is None:
        if any(refund.refund_ref == refund_ref for refund in facts.refunds):
            raise Conflict("the store itself says what this refund came to; nothing is to be entered")
        raise NotFound(f"the order has no refund {refund_ref[:60]!r}")
    after = _with(facts, waiting, amount)
    decisions = _decisions(session, order.id)
    rules = accrual.amount_rules(session, order.shop_id, facts.placed_at)
    taken = accrual.forfeited(session, order.id, facts)
    old, new = rate.assess(facts, decisions, rules, taken), rate.assess(after, decisions, rules, taken)
    changes = tuple(_change(before, later) for before, later in zip(old.lines, new.lines, strict=True))
    return Preview(order, refund_ref, amount, changes, _token(order, refund_ref, amount))


def enter(
    session: Session, order_id: str, refund_ref: str, amount: int, *, by: str, why: str, token: str,
    as_of: datetime | None = None,
) -> TakenIn:  # fmt: skip
    """Record the amount and book what follows, in the caller's transaction. `token` is that of the preview shown.

    Errors: as `preview`; InputRefused without a reason; Conflict when the facts moved since the preview.
    """
    why = why.strip()
    if not why:
        raise InputRefused("why", "is empty.", "Say where the amount comes from.")
    order = session.get(Order, order_id, populate_existing=True, with_for_update=True)
    shown = preview(session, order_id, refund_ref, amount)
    if order is None or shown.token != token:
        raise Conflict("something changed since this was worked out: look again, nothing was booked")
    as_of = as_of or clock.now()
    shop = shops.get(session, order.shop_id)
    entered = Entered(amount=amount, entered_at=as_of, by=by, why=why[:LONGEST_REASON])
    record.enter_amount(session, shop, order, refund_ref, entered)
    audit.record(
        session, by, "refund.amount", order.id, shop_id=shop.id, refund=refund_ref, amount=amount,
        currency=order.currency, difference=shown.difference, why=why[:LONGEST_REASON],
    )  # fmt: skip
    return take_in.reevaluate(session, order.id, cause="act:refund_amount", as_of=as_of)


def _with(facts: OrderFacts, waiting: Refund, amount: int) -> OrderFacts:
    """The facts as they would be. An amount that was entered before is taken out first."""
    plain = msgspec.structs.replace(
        waiting,
        amount_unknown=True,
        adjustments=tuple(a for a in waiting.adjustments if not a.adjustment_ref.startswith("entered:")),
    )
    new = with_amount(plain, [Entered(amount, clock.now(), "", "")])
    refunds = tuple(new if refund.refund_ref == waiting.refund_ref else refund for refund in facts.refunds)
    return msgspec.structs.replace(facts, refunds=refunds)


def _decisions(session: Session, order_id: str) -> Mapping[str, rate.Credited]:
    rows = session.scalars(sa.select(DecisionRow).where(DecisionRow.order_id == order_id))
    return {row.line_ref: credit.as_decision(row) for row in rows}


def _change(before: LineAssessment, after: LineAssessment) -> Change:
    return Change(
        line_ref=after.line_ref, title=after.title, creator_id=after.creator_id, base=after.base,
        back_before=before.refunded_base, back_after=after.refunded_base, due_before=before.due, due_after=after.due,
        held_after="refund_amount_unknown" in after.flags,
    )  # fmt: skip


def _token(order: Order, refund_ref: str, amount: int) -> str:
    """Of everything that the preview read, so that a delivery in between is noticed."""
    digest = hashlib.blake2b(digest_size=12)
    for part in (order.id, order.content_hash, order.refunds, refund_ref, str(amount)):
        digest.update(part.encode() + b"\0")
    digest.update(events.encode(orders.facts(order).snapshot))
    return digest.hexdigest()
