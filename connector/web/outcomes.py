"""What came of a page of orders, for lists: due, who is credited, why not. One query a table, however many orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.orders.tables import Order
from connector.earnings.attribution.tables import DecisionRow
from connector.earnings.commission.tables import Evaluation
from connector.programme.creators import queries as creators_of


@dataclass(slots=True)
class Outcome:
    """`reasons`: code → number of lines, the commonest first. Amounts in the order's currency."""

    reason: str = "not_evaluated"  # of the whole order; "" when its lines decide
    due: int = 0
    estimate: int = 0
    reversed: int = 0
    creators: list[str] = field(default_factory=list)  # names
    reasons: dict[str, int] = field(default_factory=dict)
    drift: bool = False

    @property
    def code(self) -> str:
        """The one reason that a list shows: of the order, else of its first uncredited line, else of its first line."""
        return self.reason or next(iter(self.reasons), "")


def of(session: Session, orders: Sequence[Order]) -> dict[str, Outcome]:
    """order id → outcome, by each order's newest evaluation."""
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
    for row in rows:
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
    drifted = session.scalars(
        sa.select(DecisionRow.order_id).where(DecisionRow.order_id.in_(ids), DecisionRow.drift != "").distinct()
    )
    for order_id in drifted:
        found[order_id].drift = True
    return found
