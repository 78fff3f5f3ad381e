"""Deciding a line anew: ask, preview, book, and a second person where a statement has been closed over it (F4).

The acts themselves are kept by `earnings.attribution.acts`; here is what needs the whole: what an act would change,
line by line and in money, whether a closed statement has the line, and the evaluation that follows. Nothing is posted
by an act itself: it is a fact, and the ordinary way of an order books the difference.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock
from connector.commerce.orders import queries as orders
from connector.commerce.orders.tables import Order
from connector.commerce.shops import queries as shops
from connector.commerce.shops import settings
from connector.earnings.attribution import acts, codes, credit, queries
from connector.earnings.attribution.acts import ActAsked
from connector.earnings.attribution.rules import Decision
from connector.earnings.attribution.tables import Act, CodeUse, DecisionRow
from connector.earnings.commission import accrual, freezes, rate
from connector.earnings.commission.tables import Freeze
from connector.earnings.intake import take_in
from connector.earnings.settlement.tables import StatementLine
from connector.errors import Conflict, InputRefused, NotFound
from connector.programme.content import queries as contents
from connector.programme.creators import queries as creators

# A leak dated back so far that more orders are concerned is narrowed first: one transaction decides all of them.
MOST_ORDERS = 300
_NO_CREATOR = ("leak_backdated", "forfeit", "engine_fix", "review_passed", "review_refused")


@dataclass(frozen=True, slots=True)
class Change:
    """One line before and after. Minor units of the order's currency."""

    order_id: str
    number: str
    currency: str
    line_ref: str
    title: str
    creator_before: str | None
    creator_after: str | None
    reason_before: str
    reason_after: str
    rate_before: int
    rate_after: int
    due_before: int
    due_after: int
    in_statement: bool  # a closed statement has it: the difference comes in a later one

    @property
    def differs(self) -> bool:
        return (self.creator_before, self.reason_before, self.due_before) != (
            self.creator_after, self.reason_after, self.due_after,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Preview:
    """What an act would do. `token` names the facts that it was worked out from."""

    asked: ActAsked
    changes: tuple[Change, ...]  # lines that the act bears on
    token: str

    @property
    def needs_second(self) -> bool:
        return any(change.in_statement and change.differs for change in self.changes)

    @property
    def by_creator(self) -> dict[tuple[str, str], int]:
        """(creator, currency) → what their commission changes by."""
        found: dict[tuple[str, str], int] = {}
        for change in self.changes:
            for creator_id, amount in (
                (change.creator_before, -change.due_before), (change.creator_after, change.due_after),
            ):  # fmt: skip
                if creator_id is not None and amount:
                    key = (creator_id, change.currency)
                    found[key] = found.get(key, 0) + amount
        return {key: amount for key, amount in sorted(found.items()) if amount}

    @property
    def net(self) -> dict[str, int]:
        """Currency → what the shop owes more; nothing where creators gain what others lose."""
        found: dict[str, int] = {}
        for (_, currency), amount in self.by_creator.items():
            found[currency] = found.get(currency, 0) + amount
        return {currency: amount for currency, amount in found.items() if amount}


def preview(session: Session, asked: ActAsked, now: datetime | None = None) -> Preview:
    """Work out what the act would do; nothing is written.

    Errors: NotFound for what isn't there; InputRefused for what can't be; Conflict where there is nothing to decide.
    """
    now = now or clock.now()
    _possible(session, asked, now)
    changes: list[Change] = []
    digest = hashlib.blake2b(digest_size=12)
    _feed(digest, [*(str(value) for value in _fields(asked))])
    for order in _concerned(session, asked):
        changes += _changes(session, asked, order, digest)
    if not changes and asked.kind != "leak_backdated":
        raise NotFound("the order has no such line", public="The order has no such line.")
    return Preview(asked, tuple(changes), digest.hexdigest())


def enter(
    session: Session, asked: ActAsked, *, by: str, reason: str, token: str, now: datetime | None = None
) -> tuple[Act, Preview]:
    """Record the act and, where no second person is needed, decide anew, in the caller's transaction.

    Errors: as `preview`; InputRefused without a reason; Conflict when the facts moved since the preview.
    """
    now = now or clock.now()
    for order in _concerned(session, asked):
        session.get(Order, order.id, populate_existing=True, with_for_update=True)
    shown = preview(session, asked, now)
    _unmoved(shown, token)
    act = acts.propose(session, asked, actor=by, reason=reason, token=token, needs_second=shown.needs_second, now=now)
    if act.state == "effective":
        _follow(session, act, now)
    return act, shown


def approve(session: Session, act_id: str, *, by: str, token: str, now: datetime | None = None) -> Act:
    """The second person, who has seen a preview of their own. Errors: as `acts.approve`; Conflict when facts moved."""
    now = now or clock.now()
    act = acts.get(session, act_id)
    asked = asked_of(act)
    for order in _concerned(session, asked):
        session.get(Order, order.id, populate_existing=True, with_for_update=True)
    _unmoved(preview(session, asked, now), token)
    act = acts.approve(session, act_id, by=by, now=now)
    _follow(session, act, now)
    return act


def asked_of(act: Act) -> ActAsked:
    return ActAsked(
        kind=act.kind, shop_id=act.shop_id, order_id=act.order_id, line_ref=act.line_ref, creator_id=act.creator_id,
        content_id=act.content_id, code_id=act.code_id, since=act.since,
    )  # fmt: skip


def reviews(session: Session, shop_id: str | None = None, limit: int = 200) -> Sequence[tuple[DecisionRow, Order]]:
    """Lines that wait for a person (D17), the longest first."""
    asked = (
        sa.select(DecisionRow, Order)
        .join(Order, Order.id == DecisionRow.order_id)
        .where(queries.UNDER_REVIEW)
        .order_by(Order.placed_at, Order.id, DecisionRow.line_ref)
        .limit(limit)
    )
    if shop_id is not None:
        asked = asked.where(DecisionRow.shop_id == shop_id)
    return [(row[0], row[1]) for row in session.execute(asked)]


def _unmoved(shown: Preview, token: str) -> None:
    if shown.token != token:
        raise Conflict(
            "the facts of an act moved since its preview", public="Something changed, look again: nothing was booked."
        )


def _follow(session: Session, act: Act, now: datetime) -> None:
    for order in _concerned(session, asked_of(act)):
        take_in.reevaluate(session, order.id, cause=f"act:{act.id}", as_of=now)


# What is asked for


def _possible(session: Session, asked: ActAsked, now: datetime) -> None:
    """Errors as `preview` lists them."""
    if asked.kind not in acts.KINDS:
        raise InputRefused("kind", f"{asked.kind[:40]!r} is no act.", f"Use {', '.join(acts.KINDS)}.")
    if asked.kind not in _NO_CREATOR:
        if asked.creator_id is None:
            raise InputRefused("creator", "is missing.", "Choose the creator by handle.")
        creators.get(session, asked.creator_id)
        if asked.content_id is not None and contents.get(session, asked.content_id).creator_id != asked.creator_id:
            raise InputRefused("content", "is another creator's.", "Choose content of the creator, or none.")
    if asked.kind == "leak_backdated":
        codes.get(session, asked.code_id or "", asked.shop_id)
        if asked.since is None or asked.since >= now:
            raise InputRefused("since", "is missing or in the future.", "Say from when on the code was public.")
    for order in _concerned(session, asked):
        _fits(session, asked, order, now)


def _fits(session: Session, asked: ActAsked, order: Order, now: datetime) -> None:
    rows = [
        row
        for row in session.scalars(sa.select(DecisionRow).where(DecisionRow.order_id == order.id))
        if asked.line_ref in ("", row.line_ref)
    ]
    if asked.kind == "engine_fix" and not any(row.drift for row in rows):
        raise Conflict(f"order {order.id} has no drift", public="The order would be decided as it is: nothing to fix.")
    if asked.kind.startswith("review_") and not any(row.credit_reason == "frozen_review" for row in rows):
        raise Conflict(
            f"order {order.id} isn't under review", public="Nothing of the order is under review (any more)."
        )
    if asked.kind == "binding_moved" and not settings.whole(session, order.shop_id, "lifetime", order.placed_at):
        raise Conflict("no lifetime binding", public="The shop binds no buyers: its setting was off at this order.")
    if asked.kind == "forfeit" and not _appeal_over(session, asked, order, rows, now):
        raise Conflict(
            f"order {order.id} has no freeze whose appeal is over",
            public="Commission is forfeited after a freeze whose time for an appeal is over: there is none on this.",
        )


def _appeal_over(session: Session, asked: ActAsked, order: Order, rows: Iterable[DecisionRow], now: datetime) -> bool:
    held = freezes.of_lines(session, order.id)
    wanted = [row.line_ref for row in rows if row.creator_id is not None]
    return bool(wanted) and all(any(freezes.may_forfeit(f, now) for f in _open(held, ref)) for ref in wanted)


def _open(held: Mapping[str, list[Freeze]], line_ref: str) -> list[Freeze]:
    return [freeze for freeze in held.get(line_ref, []) if freeze.ended_at is None]


def _concerned(session: Session, asked: ActAsked) -> list[Order]:
    """The orders that the act is about. Errors: NotFound; InputRefused for more than one transaction decides."""
    if asked.kind != "leak_backdated":
        order = session.get(Order, asked.order_id or "")
        if order is None or order.shop_id != asked.shop_id:
            raise NotFound(f"no order of the shop has the id {(asked.order_id or '')[:40]!r}")
        return [order]
    used = sa.select(CodeUse.order_id).where(
        CodeUse.shop_id == asked.shop_id, CodeUse.code_id == asked.code_id, CodeUse.placed_at > asked.since
    )
    found = list(session.scalars(sa.select(Order).where(Order.id.in_(used)).order_by(Order.id).limit(MOST_ORDERS + 1)))
    if len(found) > MOST_ORDERS:
        raise InputRefused(
            "since", f"concerns more than {MOST_ORDERS} orders.", "Take a later moment first, then an earlier one."
        )
    return found


# What it would change


def _changes(session: Session, asked: ActAsked, order: Order, digest: hashlib.blake2b) -> list[Change]:
    shop, facts = shops.get(session, order.shop_id), orders.facts(order)
    before, after = credit.with_act(session, shop, order, facts, asked.seen())
    taken = accrual.forfeited(session, order.id, facts)
    would = accrual.forfeited(session, order.id, facts, then=(asked.kind, asked.line_ref))
    rules = accrual.amount_rules(session, order.shop_id, facts.placed_at)
    old, new = rate.assess(facts, before, rules, taken), rate.assess(facts, after, rules, would)
    stated = set(session.scalars(sa.select(StatementLine.line_ref).where(StatementLine.order_id == order.id)))
    _feed(digest, [order.id, order.content_hash, order.refunds, ",".join(sorted(stated))])
    _feed(digest, [_named(decision) for _, decision in sorted(before.items())])
    _feed(digest, [_named(decision) for _, decision in sorted(after.items())])
    found = []
    for was, then in zip(old.lines, new.lines, strict=True):
        if asked.line_ref not in ("", was.line_ref):
            continue
        first, second = before.get(was.line_ref), after.get(was.line_ref)
        found.append(
            Change(
                order_id=order.id,
                number=order.number,
                currency=order.currency,
                line_ref=was.line_ref,
                title=was.title,
                creator_before=was.creator_id,
                creator_after=then.creator_id,
                reason_before=was.reason,
                reason_after=then.reason,
                rate_before=0 if first is None else first.rate_bp,
                rate_after=0 if second is None else second.rate_bp,
                due_before=was.due,
                due_after=then.due,
                in_statement=was.line_ref in stated,
            )
        )
    return found


def _named(decision: Decision) -> str:
    return "|".join(
        str(part)
        for part in (
            decision.line_ref, decision.credit_reason, decision.creator_id, decision.content_id, decision.rate_bp,
            decision.terms_id, decision.pinned,
        )
    )  # fmt: skip


def _fields(asked: ActAsked) -> tuple[object, ...]:
    return (
        asked.kind, asked.shop_id, asked.order_id, asked.line_ref, asked.creator_id, asked.content_id, asked.code_id,
        asked.since,
    )  # fmt: skip


def _feed(digest: hashlib.blake2b, parts: Iterable[str]) -> None:
    for part in parts:
        digest.update(part.encode() + b"\0")
