"""The rules run again over what is kept, under a change, beside what stands. Nothing is written.

What stands is each line's decision as it was made, pinned or not, with the settings of the order's time; what would be
is the whole decision table and the arithmetic anew, with the change in the place of what it replaces. Orders are taken
a batch at a time, oldest first, until the time is over; the answer says how many it covers, and where to go on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.orders import queries as orders
from connector.commerce.orders.tables import Order
from connector.commerce.shops import queries as shops
from connector.commerce.shops import settings
from connector.commerce.shops.tables import Shop
from connector.earnings.attribution import credit, touches
from connector.earnings.attribution.candidates import Gathered
from connector.earnings.attribution.rules import Candidate
from connector.earnings.attribution.tables import DecisionRow, TokenBuyer, Touch
from connector.earnings.commission import accrual, rate
from connector.earnings.commission.rate import Assessment, LineAssessment
from connector.errors import NotFound
from connector.operations.whatif.asked import Change, bent, checked
from connector.programme.collaborations import rates

_BATCH = 100
# Lines that are named one by one; the sums are of all.
LINES = 200
# No rule of credit is reached (D5).
_NO_ORDER = frozenset({"test_order", "not_completed", "sample_order"})


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What is priced: one order; a creator's orders, or a shop's, placed in [since, until)."""

    order_id: str | None = None
    creator_id: str | None = None
    shop_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: tuple[datetime, str] | None = None  # go on behind this order: `Answer.next`


class LineChange(msgspec.Struct, frozen=True):
    """One line, as it stands and as it would be. Minor units; rates in basis points."""

    order_id: str
    number: str
    shop_id: str
    currency: str
    line_ref: str
    title: str
    creator_before: str | None
    creator_after: str | None
    rate_before: int
    rate_after: int
    before: int
    after: int
    reason_before: str
    reason_after: str
    why_rate_before: str
    why_rate_after: str

    @property
    def difference(self) -> int:
        return self.after - self.before

    @property
    def changed(self) -> bool:
        """Would anybody see a difference?"""
        return (self.before, self.creator_before, self.rate_before, self.reason_before) != (
            self.after, self.creator_after, self.rate_after, self.reason_after,
        )  # fmt: skip


class Sums(msgspec.Struct):
    """Of one currency, or of one creator in it."""

    before: int = 0
    after: int = 0
    lines: int = 0  # that differ
    fee_before: int = 0
    fee_after: int = 0

    @property
    def difference(self) -> int:
        return self.after - self.before


class Answer(msgspec.Struct, kw_only=True):
    """What it would pay."""

    covered: int = 0  # orders
    orders: int = 0  # in all
    next: tuple[datetime, str] | None = None  # the last order that was covered, where the time was over
    currencies: dict[str, Sums] = {}
    creators: dict[tuple[str, str], Sums] = {}  # (creator, currency)
    reasons: dict[tuple[str, str, str], Sums] = {}  # (currency, reason before, reason after), where they differ
    lines: list[LineChange] = []  # those that differ, the first of them; all of a single order
    left_out: int = 0  # lines that differ beyond those

    @property
    def finished(self) -> bool:
        return self.next is None


def price(session: Session, scope: Scope, change: Change, *, seconds: int = 20) -> Answer:
    """Price `scope` under `change`, for at most about `seconds`. At least one batch is taken.

    Errors: NotFound (order, shop); InputRefused for a change that can't be, or can't be answered.
    """
    checked(change)
    ids = _chosen(session, scope, change)
    answer = Answer(orders=session.scalar(sa.select(sa.func.count()).select_from(ids.subquery())) or 0)
    if scope.order_id is not None and not answer.orders:
        raise NotFound(f"no order has the id {scope.order_id[:40]!r}")
    until, last = time.monotonic_ns() + seconds * 1_000_000_000, scope.after
    known: dict[str, Shop] = {}
    while True:
        batch = _batch(session, ids, last)
        for order in batch:
            if order.shop_id not in known:
                known[order.shop_id] = shops.get(session, order.shop_id)
            _add(answer, scope, list(lines_of(session, known[order.shop_id], order, change)))
            answer.covered += 1
        if batch:
            last = (batch[-1].placed_at, batch[-1].id)
        for order in batch:  # a quarter isn't held in memory
            session.expunge(order)
        if len(batch) < _BATCH:
            return answer
        if time.monotonic_ns() > until:
            answer.next = last
            return answer


def lines_of(session: Session, shop: Shop, order: Order, change: Change) -> Iterator[tuple[LineChange, int, int]]:
    """(line, app fee before, app fee after) of each line of one order."""
    facts = orders.facts(order)
    rules = accrual.amount_rules(session, shop.id, facts.placed_at)
    taken = accrual.forfeited(session, order.id, facts)
    with ExitStack() as supposed:
        supposed.enter_context(settings.overlaid(session, shop.id, change.settings))
        supposed.enter_context(rates.overlaid(session, shop.id, bent(change)))
        after_rules = accrual.amount_rules(session, shop.id, facts.placed_at)
        before, after = credit.as_if(session, shop, order, facts, lambda g: _windows(session, shop, g, change))
    if rate.stopped(facts.snapshot) in _NO_ORDER:
        before, after = {}, {}
    stands = rate.assess(facts, before, rules, taken)
    would = rate.assess(facts, after, after_rules, taken)
    old_fee, new_fee = _fees(stands), _fees(would)
    for old, new in zip(stands.lines, would.lines, strict=True):
        yield (
            _change(order, stands.currency, old, new),
            old_fee.get(old.line_ref, 0),
            new_fee.get(new.line_ref, 0),
        )


def _windows(session: Session, shop: Shop, gathered: Gathered, change: Change) -> Gathered:
    """A touch keeps the window that stood at the tap; asked what another one would do, it is given that."""
    if not change.moves_windows:
        return gathered

    def other(touch: Candidate) -> Candidate:
        return msgspec.structs.replace(touch, window=touches.window_of(session, shop.id, touch.kind, touch.at))

    return msgspec.structs.replace(gathered, candidates=[other(touch) for touch in gathered.candidates])


def _fees(assessment: Assessment) -> Mapping[str, int]:
    fee = assessment.parts.fee
    return {} if fee is None else {share.line_ref: share.due for share in fee.shares}


def _change(order: Order, currency: str, old: LineAssessment, new: LineAssessment) -> LineChange:
    return LineChange(
        order.id, order.number, order.shop_id, currency, old.line_ref, old.title, old.creator_id, new.creator_id,
        old.rate_bp, new.rate_bp, old.due, new.due, old.reason, new.reason, old.rate_reason,
        new.rate_reason,
    )  # fmt: skip


def _add(answer: Answer, scope: Scope, found: Sequence[tuple[LineChange, int, int]]) -> None:
    for line, fee_before, fee_after in found:
        if scope.creator_id is not None and scope.creator_id not in (line.creator_before, line.creator_after):
            continue
        sums = answer.currencies.setdefault(line.currency, Sums())
        mine = scope.creator_id
        if mine is None or line.creator_before == mine:
            sums.before += line.before
        if mine is None or line.creator_after == mine:
            sums.after += line.after
        sums.fee_before += fee_before
        sums.fee_after += fee_after
        for creator_id, amount, side in (
            (line.creator_before, line.before, "before"), (line.creator_after, line.after, "after"),
        ):  # fmt: skip
            if creator_id is not None and scope.creator_id in (None, creator_id):
                whose = answer.creators.setdefault((creator_id, line.currency), Sums())
                setattr(whose, side, getattr(whose, side) + amount)
                whose.lines += side == "after" and line.changed
        if line.changed:
            sums.lines += 1
        if line.reason_before != line.reason_after:
            why = answer.reasons.setdefault((line.currency, line.reason_before, line.reason_after), Sums())
            why.before += line.before
            why.after += line.after
            why.lines += 1
        if line.changed or scope.order_id is not None:
            if len(answer.lines) < LINES:
                answer.lines.append(line)
            else:
                answer.left_out += 1


def _chosen(session: Session, scope: Scope, change: Change) -> sa.Select[Any]:
    """The orders of a scope. A creator's are those that credit them, or that one of their touches came with; where a
    change moves who is credited, all orders of the shops that they touched."""
    asked = sa.select(Order.id)
    if scope.order_id is not None:
        return asked.where(Order.id == scope.order_id)
    if scope.since is not None:
        asked = asked.where(Order.placed_at >= scope.since)
    if scope.until is not None:
        asked = asked.where(Order.placed_at < scope.until)
    if scope.shop_id is not None:
        shops.get(session, scope.shop_id)
        asked = asked.where(Order.shop_id == scope.shop_id)
    if scope.creator_id is None:
        return asked
    credited = sa.select(DecisionRow.order_id).where(DecisionRow.creator_id == scope.creator_id)
    if set(change.settings) - {"fee_bp", "gift_card_payments", "platform_discounts"}:
        theirs = sa.select(Touch.shop_id).where(Touch.creator_id == scope.creator_id)
        return asked.where(sa.or_(Order.shop_id.in_(theirs), Order.id.in_(credited)))
    brought = (
        sa.select(TokenBuyer.order_id)
        .join(Touch, Touch.id == TokenBuyer.touch_id)
        .where(Touch.creator_id == scope.creator_id)
    )
    return asked.where(sa.or_(Order.id.in_(credited), Order.id.in_(brought)))


def _batch(session: Session, ids: sa.Select[Any], last: tuple[datetime, str] | None) -> Sequence[Order]:
    asked = sa.select(Order).where(Order.id.in_(ids))
    if last is not None:
        placed_at, order_id = last
        later = sa.and_(Order.placed_at == placed_at, Order.id > order_id)
        asked = asked.where(sa.or_(Order.placed_at > placed_at, later))
    return session.scalars(asked.order_by(Order.placed_at, Order.id).limit(_BATCH)).all()
