"""What came of a page of orders, for lists: due, who is credited, why not. One query a table, however many orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.orders.tables import Order
from connector.earnings.attribution.tables import DecisionRow
from connector.earnings.commission.tables import Evaluation
from connector.programme.creators import queries as creators_of


@dataclass(frozen=True, slots=True)
class OfLine:
    """What came of one line. Amounts in the order's currency."""

    line_ref: str
    title: str
    creator: str  # name; "" when nobody is credited
    reason: str
    due: int
    estimate: int
    rate_bp: int


@dataclass(slots=True)
class Outcome:
    """`reasons`: code → number of lines, the commonest first. Amounts in the order's currency."""

    reason: str = "not_evaluated"  # of the whole order; "" when its lines decide
    due: int = 0
    estimate: int = 0
    reversed: int = 0
    creators: list[str] = field(default_factory=list)  # names
    reasons: dict[str, int] = field(default_factory=dict)
    lines: list[OfLine] = field(default_factory=list)  # where they were asked for
    drift: bool = False

    @property
    def code(self) -> str:
        """The one reason that a list shows: of the order, else of its first uncredited line, else of its first line."""
        return self.reason or next(iter(self.reasons), "")


def of(session: Session, orders: Sequence[Order], *, by_line: bool = False) -> dict[str, Outcome]:
    """order id → outcome, by each order's newest evaluation; `by_line` with what came of each line."""
    ids = [order.id for order in orders]
    found = {order_id: Outcome() for order_id in ids}
    if not ids:
        return found
    newest = (
        sa.select(Evaluation.order_id, sa.func.max(Evaluation.sequence).label("sequence"))
        .where(Evaluation.order_id.in_(ids))
        .group_by(Evaluation.order_id)
        .subquery()
    )
    rows = session.scalars(
        sa.select(Evaluation).join(
            newest,
            sa.and_(Evaluation.order_id == newest.c.order_id, Evaluation.sequence == newest.c.sequence),
        )
    )
    credited: dict[str, set[str]] = {}
    assessed: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        assessed[row.order_id] = row.lines
        outcome = found[row.order_id]
        outcome.reason = row.reason
        lines = sorted(row.lines, key=lambda line: line.get("creator_id") is None)
        for line in lines:
            outcome.due += line["due"]
            outcome.estimate += line["estimate"]
            outcome.reversed += line["reversed"]
            outcome.reasons[line["reason"]] = outcome.reasons.get(line["reason"], 0) + 1
            if line.get("creator_id"):
                credited.setdefault(row.order_id, set()).add(line["creator_id"])
    people = creators_of.some(session, {creator for each in credited.values() for creator in each})
    for order_id, creator_ids in credited.items():
        found[order_id].creators = sorted(people[each].name for each in creator_ids if each in people)
    if by_line:
        for order_id, assessed_lines in assessed.items():
            found[order_id].lines = _lines(assessed_lines, people)
    drifted = session.scalars(
        sa.select(DecisionRow.order_id).where(DecisionRow.order_id.in_(ids), DecisionRow.drift != "").distinct()
    )
    for order_id in drifted:
        found[order_id].drift = True
    return found


def _lines(assessed: Sequence[Mapping[str, Any]], people: Mapping[str, Any]) -> list[OfLine]:
    found = []
    for line in assessed:
        who = people.get(line.get("creator_id") or "")
        found.append(
            OfLine(
                line["line_ref"], line.get("title", ""), who.name if who else "", line["reason"], line["due"],
                line["estimate"], line.get("rate_bp", 0),
            )
        )  # fmt: skip
    return found
