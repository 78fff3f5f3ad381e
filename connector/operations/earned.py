"""What a creator earned, line by line, and what of it is where: for the creator's own pages.

Every sum is the ledger's. A list of lines is read in a fixed number of queries, however many lines it has; each line
has its state and the reason for it, in codes (`web/words` has the wordings). Nothing of the buyer and of no other
creator is in it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.earnings.attribution.tables import DecisionRow, PassedOver
from connector.earnings.commission.tables import Clearance, ClearanceBlock, Evaluation, Freeze
from connector.earnings.ledger import queries as ledger
from connector.earnings.payouts import reached
from connector.earnings.settlement import funding
from connector.operations import trace_audience
from connector.programme.content import queries as contents
from connector.web.explain import HELD

# What holds money back, what says most about it first.
FROZEN = tuple(sorted(HELD, key=("freeze", "review", "dispute", "refund_amount_unknown").index))
# Lines held back are few; beyond so many the sum is still told, of those.
_MOST_FROZEN = 500
_MONEY = ("creator_pending", "creator_cleared", "creator_settled")


@dataclass(slots=True)
class Standing:
    """A creator's money in one currency, of all shops. Parts don't overlap: frozen money isn't counted as pending."""

    currency: str
    pending: int = 0
    cleared: int = 0
    settled: int = 0  # in statements, and not handed to a payout
    reserve: int = 0
    frozen: int = 0
    in_transit: int = 0
    paid: int = 0
    unfunded: int = 0  # the part of `settled` that waits for shops' payments
    carried: int = 0  # zero or below: what shops took back beyond what they owe, and new earnings there cover first
    shops: int = 0

    @property
    def on_its_way(self) -> int:
        """What the next payouts are made of: a shop's minus stays there, and takes nothing off another's (R17)."""
        return self.settled - self.carried + self.in_transit


@dataclass(slots=True)
class Line:
    """One line of an order, as its creator may see it. Amounts in minor units of `currency`."""

    order_id: str
    number: str
    shop: str
    placed_at: datetime
    currency: str
    line_ref: str
    title: str
    content: str  # the title of the video or live session, "" for none
    kind: str  # video | live | ""
    due: int
    estimate: int
    reversed: int
    state: str  # estimate | pending | cleared | settled | paid | frozen | reversed | none
    reason: str  # code: why it pays what it pays, or what it waits for
    clears_at: datetime | None = None
    evidence: dict[str, Any] = field(default_factory=dict)  # the candidate that says it, for ages and windows


@dataclass(frozen=True, slots=True)
class Held:
    """A line that is frozen, with what the creator is told of it."""

    order_id: str
    number: str
    shop: str
    currency: str
    title: str
    amount: int
    reason: str  # code
    said: str  # the words of who froze it, "" where a rule holds it
    explain_until: datetime | None
    ends_at: datetime | None


def standings(
    session: Session, creator_id: str, as_of: datetime, held: Sequence[Held] | None = None
) -> list[Standing]:  # fmt: skip
    """The creator's money by currency. Currencies are never added. `held`: as `frozen` gives it, if at hand."""
    found: dict[str, Standing] = {}
    for balance in ledger.balances(session, creator_id=creator_id):
        row = found.setdefault(balance.currency, Standing(balance.currency))
        for name in ("pending", "cleared", "settled", "reserve", "in_transit", "paid"):
            setattr(row, name, getattr(row, name) + getattr(balance, name))
        row.shops += 1
        row.carried += min(0, balance.settled)
        if balance.settled > 0:
            waits = funding.funded(session, balance.shop_id, balance.currency, as_of)
            row.unfunded += balance.settled - waits.payable(creator_id, balance.settled)
    for each in frozen(session, creator_id) if held is None else held:
        row = found.setdefault(each.currency, Standing(each.currency))
        row.frozen += each.amount
        row.pending -= each.amount
    return [found[currency] for currency in sorted(found)]


def frozen(session: Session, creator_id: str) -> list[Held]:
    """Lines that are held back, the one whose time runs out first in front."""
    query = (
        sa.select(DecisionRow.order_id, DecisionRow.line_ref, Clearance.blocked, DecisionRow.evidence)
        .join(
            Clearance,
            sa.and_(Clearance.order_id == DecisionRow.order_id, Clearance.line_ref == DecisionRow.line_ref),
        )
        .where(DecisionRow.creator_id == creator_id, Clearance.state == "open", Clearance.blocked != "")
        .limit(_MOST_FROZEN)
    )
    rows = [row for row in session.execute(query) if set(row.blocked.split()) & set(FROZEN)]
    order_ids = {row.order_id for row in rows}
    orders, shops = _orders(session, order_ids)
    assessed, money = _assessed(session, order_ids), ledger.of_lines(session, creator_id, order_ids)
    freezes = _freezes(session, order_ids)
    found = []
    for row in rows:
        order = orders[row.order_id]
        key = (row.order_id, row.line_ref)
        stands = freezes.get(key)
        amount = money.get(key, {}).get("creator_pending", 0)
        if stands and not amount:
            continue  # a freeze of everything holds lines too on which nothing stands
        code = next(kind for kind in FROZEN if kind in row.blocked.split())
        review = row.evidence.get("review") or {}
        until = stands.appeal_until if stands else _moment(review.get("until"))
        found.append(
            Held(
                row.order_id, order.number, shops[order.shop_id], order.currency, _title(assessed, key),
                amount, "frozen_review" if code == "review" else code,
                stands.reason if stands else "", until, stands.ends_at if stands else None,
            )
        )  # fmt: skip
    return sorted(found, key=lambda held: (held.explain_until is None, held.explain_until, held.order_id))


def stopped(session: Session, creator_id: str) -> Freeze | None:
    """The freeze that holds all of the creator's money, settled money too, if one stands."""
    return session.scalars(
        sa.select(Freeze)
        .where(
            Freeze.creator_id == creator_id, Freeze.scope == "creator", Freeze.shop_id.is_(None),
            Freeze.ended_at.is_(None),
        )
        .order_by(Freeze.ends_at.desc())
        .limit(1)
    ).first()  # fmt: skip


def earned(
    session: Session, creator_id: str, *, content_id: str = "", before: str = "", limit: int = 25
) -> tuple[list[Line], str]:
    """Lines that the creator is credited for, the newest heard first, and where the next page begins ("": nowhere)."""
    query = sa.select(DecisionRow).where(DecisionRow.creator_id == creator_id)
    if content_id:
        query = query.where(DecisionRow.content_id == content_id)
    if before:
        query = query.where(DecisionRow.id < before)
    rows = list(session.scalars(query.order_by(DecisionRow.id.desc()).limit(limit + 1)))
    shown = rows[:limit]
    return _lines(session, creator_id, shown), shown[-1].id if len(rows) > limit else ""


def nothing(
    session: Session, creator_id: str, *, content_id: str = "", before: Sequence[Any] = (), limit: int = 25
) -> tuple[list[Line], Sequence[Any]]:
    """Lines that a tap or a code of the creator's was on and that pay them nothing, the newest order first.

    `before` is where the last page ended: (placed_at, order, line).
    """
    key = (PassedOver.placed_at, PassedOver.order_id, PassedOver.line_ref)
    query = sa.select(PassedOver).where(PassedOver.creator_id == creator_id)
    if content_id:
        query = query.where(PassedOver.content_id == content_id)
    if before:
        there = sa.tuple_(*(sa.bindparam(None, part, column.type) for part, column in zip(before, key, strict=True)))
        query = query.where(sa.tuple_(*key) < there)
    rows = list(session.scalars(query.order_by(*(column.desc() for column in key)).limit(limit + 1)))
    shown = rows[:limit]
    wanted = {(row.order_id, row.line_ref): place for place, row in enumerate(shown)}
    decisions = session.scalars(sa.select(DecisionRow).where(DecisionRow.order_id.in_({row.order_id for row in shown})))
    known = [row for row in decisions if (row.order_id, row.line_ref) in wanted]
    lines = _lines(session, creator_id, sorted(known, key=lambda row: wanted[row.order_id, row.line_ref]))
    last = shown[-1] if len(rows) > limit else None
    return lines, (last.placed_at, last.order_id, last.line_ref) if last is not None else ()


def by_number(session: Session, number: str, creator_id: str, limit: int = 20) -> list[tuple[str, str]]:
    """(order, shop's name) of orders with that number on which something is the creator's.

    Whether there are others isn't told: an order that is none of theirs and one that doesn't exist look the same.
    """
    typed = number.strip().lstrip("#")[:60]
    if not typed:
        return []
    rows = session.execute(
        sa.select(Order.id, Shop.name, Shop.domain)
        .join(Shop, Shop.id == Order.shop_id)
        .where(Order.shop_id.in_(sa.select(Shop.id)), Order.number.in_([typed, f"#{typed}"]))
        .order_by(Order.placed_at.desc())
        .limit(limit)
    ).all()
    mine = _concerning(session, {row[0] for row in rows}, creator_id)
    return [(order_id, name or domain) for order_id, name, domain in rows if order_id in mine]


def _concerning(session: Session, order_ids: Collection[str], creator_id: str) -> set[str]:
    found = set()
    for row in session.scalars(sa.select(DecisionRow).where(DecisionRow.order_id.in_(list(order_ids)))):
        named = [*row.evidence.get("candidates", []), *row.evidence.get("codes", []), row.evidence.get("bound") or {}]
        if row.creator_id == creator_id or any(each.get("creator_id") == creator_id for each in named):
            found.add(row.order_id)
    return found


# Lines -----------------------------------------------------------------------------------------------------------


def _lines(session: Session, creator_id: str, rows: Sequence[DecisionRow]) -> list[Line]:
    order_ids = {row.order_id for row in rows}
    orders, shops = _orders(session, order_ids)
    assessed, money = _assessed(session, order_ids), ledger.of_lines(session, creator_id, order_ids)
    clearances, paid = _clearances(session, order_ids), reached.paid_lines(session, order_ids)
    videos = contents.some(session, {row.content_id for row in rows if row.content_id})
    found = []
    for row in rows:
        key = (row.order_id, row.line_ref)
        order, figures = orders[row.order_id], assessed.get(key, {})
        mine = row.creator_id == creator_id
        video = videos.get(row.content_id or "") if mine else None
        line = Line(
            row.order_id, order.number, shops[order.shop_id], order.placed_at, order.currency, row.line_ref,
            str(figures.get("title", "")), (video.title or video.content_ref) if video else "",
            video.kind if video else "", 0, 0, 0, "none", str(figures.get("reason") or "not_evaluated"),
        )  # fmt: skip
        if mine:
            _credited(line, figures, clearances.get(key), money.get(key, {}), paid=key in paid)
        else:
            _uncredited(line, row, creator_id)
        found.append(line)
    return found


def _credited(
    line: Line, figures: Mapping[str, Any], clearance: Clearance | None, money: Mapping[str, int], *, paid: bool
) -> None:
    line.due, line.estimate = int(figures.get("due", 0)), int(figures.get("estimate", 0))
    line.reversed = int(figures.get("reversed", 0))
    if line.reason == "awaiting_payment":
        line.state = "estimate"
        return
    if line.due == 0:
        line.state = "reversed" if line.reversed else "none"
        return
    if clearance is None:
        line.state = "pending"
        return
    blocked = clearance.blocked.split()
    held = next((kind for kind in FROZEN if kind in blocked), "")
    if clearance.state != "cleared":
        line.state, line.clears_at = ("frozen" if held else "pending"), clearance.clears_at
        if held or blocked:
            line.reason = "frozen_review" if held == "review" else held or blocked[0]
        elif clearance.clears_at is None:
            line.reason = clearance.why  # it waits for something, and says for what
        return
    places = [name.removeprefix("creator_") for name in _MONEY if money.get(name, 0) > 0]
    line.state = "paid" if paid and "cleared" not in places else places[0] if places else "cleared"


def _uncredited(line: Line, row: DecisionRow, creator_id: str) -> None:
    """Why it pays this creator nothing, out of what became of their own taps and codes."""
    evidence = row.evidence
    mine = [each for each in evidence.get("candidates", []) if each["creator_id"] == creator_id]
    said: dict[str, Any] = {
        "reason": line.reason,
        "decision": {
            "credit_reason": row.credit_reason, "candidates": mine, "bound": None,
            "codes": [each for each in evidence.get("codes", []) if each["creator_id"] == creator_id],
        },
    }  # fmt: skip
    line.reason = trace_audience.own_reason(said)
    line.evidence = next((each for each in mine if each["outcome"] == line.reason), mine[0] if mine else {})
    if not any(each["product_ref"] == evidence.get("product_ref") for each in mine) and not said["decision"]["codes"]:
        line.title = ""  # what else was in the cart is the buyer's


def _orders(session: Session, order_ids: Collection[str]) -> tuple[dict[str, Order], dict[str, str]]:
    orders = {row.id: row for row in session.scalars(sa.select(Order).where(Order.id.in_(list(order_ids))))}
    shops = session.execute(
        sa.select(Shop.id, Shop.name, Shop.domain).where(Shop.id.in_({row.shop_id for row in orders.values()}))
    )
    return orders, {shop_id: name or domain for shop_id, name, domain in shops}


def _assessed(session: Session, order_ids: Collection[str]) -> dict[tuple[str, str], dict[str, Any]]:
    """(order, line) → the line's figures in the newest evaluation."""
    newest = (
        sa.select(Evaluation.order_id, sa.func.max(Evaluation.sequence).label("sequence"))
        .where(Evaluation.order_id.in_(list(order_ids)))
        .group_by(Evaluation.order_id)
        .subquery()
    )
    rows = session.scalars(
        sa.select(Evaluation).join(
            newest, sa.and_(Evaluation.order_id == newest.c.order_id, Evaluation.sequence == newest.c.sequence)
        )
    )
    return {(row.order_id, line["line_ref"]): line for row in rows for line in row.lines}


def _clearances(session: Session, order_ids: Collection[str]) -> dict[tuple[str, str], Clearance]:
    rows = session.scalars(sa.select(Clearance).where(Clearance.order_id.in_(list(order_ids))))
    return {(row.order_id, row.line_ref): row for row in rows}


def _freezes(session: Session, order_ids: Collection[str]) -> dict[tuple[str, str], Freeze]:
    rows = session.execute(
        sa.select(ClearanceBlock.order_id, ClearanceBlock.line_ref, Freeze)
        .join(Freeze, Freeze.id == ClearanceBlock.ref)
        .where(
            ClearanceBlock.order_id.in_(list(order_ids)),
            ClearanceBlock.kind == "freeze",
            ClearanceBlock.closed_at.is_(None),
        )
        .order_by(Freeze.frozen_at)
    )
    return {(order_id, line_ref): freeze for order_id, line_ref, freeze in rows}


def _title(assessed: Mapping[tuple[str, str], Mapping[str, Any]], key: tuple[str, str]) -> str:
    return str(assessed.get(key, {}).get("title", ""))


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
