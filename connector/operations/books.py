"""`connector audit`: the books held against all else that we keep. Each check is named and returns what is wrong.

The ledger's own invariants stand in `earnings.ledger.checks`; here are those that compare rooms with each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.orders.tables import Order
from connector.earnings.attribution.tables import DecisionRow
from connector.earnings.commission.tables import Clearance, Evaluation
from connector.earnings.ledger import checks, sums
from connector.earnings.ledger.checks import Wrong
from connector.earnings.ledger.queries import Key
from connector.earnings.payouts.tables import Payout, PayoutBatch
from connector.earnings.settlement.tables import Closing, Statement, StatementLine

_CHUNK = 500


def orders_are_evaluated(session: Session) -> list[Wrong]:
    """The newest known version of every order was evaluated."""
    query = sa.select(Order.id).where(Order.evaluated_hash != Order.content_hash).order_by(Order.id)
    return [Wrong("orders_are_evaluated", order_id, "a newer version waits") for order_id in session.scalars(query)]


def posted_is_due(session: Session) -> list[Wrong]:
    """What stands in the ledger about each line is what its newest evaluation says is due."""
    wrong: list[Wrong] = []
    for order_ids in _chunks(session):
        due = _due(session, order_ids)
        posted = sums.earned(session, order_ids)
        for order_id in order_ids:
            wrong.extend(_different(order_id, due.get(order_id, {}), posted.get(order_id, {})))
    return wrong


def decisions_stand(session: Session) -> list[Wrong]:
    """No evaluation would decide a line otherwise than its pin, without a recorded act (F4)."""
    query = sa.select(DecisionRow.order_id, DecisionRow.line_ref, DecisionRow.drift).where(DecisionRow.drift != "")
    return [
        Wrong("decisions_stand", f"{order_id} {line_ref}", drift)
        for order_id, line_ref, drift in session.execute(query.order_by(DecisionRow.id))
    ]


def only_cleared_lines_have_cleared_money(session: Session) -> list[Wrong]:
    """Money stands as cleared only about lines that have cleared."""
    query = sa.select(Clearance.order_id, Clearance.line_ref).where(Clearance.state == "cleared")
    cleared = {(order_id, line_ref) for order_id, line_ref in session.execute(query)}
    return [
        Wrong("only_cleared_lines_have_cleared_money", f"{order_id} {line_ref}", "booked as cleared, and isn't")
        for order_id, line_ref in sorted(sums.lines_with_cleared_money(session) - cleared)
    ]


def statements_are_the_ledgers(session: Session) -> list[Wrong]:
    """A closing is the sum of its statements, a statement that of its lines, and both are what was settled."""
    name = "statements_are_the_ledgers"
    lines = _sums(session, StatementLine.statement_id, StatementLine.amount)
    closings = _sums(session, Statement.closing_id, Statement.total)
    settled = sums.settled_by_statement(session)
    wrong = []
    statements = sa.select(Statement.id, Statement.shop_id, Statement.creator_id, Statement.currency, Statement.total)
    for statement_id, shop_id, creator_id, currency, total in session.execute(statements):
        if lines.get(statement_id, 0) != total:
            wrong.append(Wrong(name, statement_id, f"total {total}, its lines come to {lines.get(statement_id, 0)}"))
        booked = settled.pop(statement_id, (shop_id, creator_id, currency, 0))
        if booked != (shop_id, creator_id, currency, total):
            wrong.append(Wrong(name, statement_id, f"total {total} {currency} of {creator_id}, booked {booked}"))
    wrong.extend(Wrong(name, statement_id, "entries name it, and it isn't there") for statement_id in settled)
    for closing_id, total in session.execute(sa.select(Closing.id, Closing.total)):
        if closings.get(closing_id, 0) != total:
            wrong.append(Wrong(name, closing_id, f"total {total}, its statements {closings.get(closing_id, 0)}"))
    return wrong


def payouts_are_the_ledgers(session: Session) -> list[Wrong]:
    """A batch is the sum of its payouts, and each payout stands in the ledger where its status says."""
    name = "payouts_are_the_ledgers"
    booked = sums.by_payout(session)
    totals = _sums(session, Payout.batch_id, Payout.amount)
    wrong = []
    for payout_id, amount, status in session.execute(sa.select(Payout.id, Payout.amount, Payout.status)):
        paid = status == "paid"
        expected = {"creator_settled": amount, "payout_in_transit": 0 if paid else -amount}
        if paid:
            expected["bank"] = -amount
        found = booked.pop(payout_id, {})
        if found != expected:
            wrong.append(Wrong(name, payout_id, f"{status} {amount}, booked {found}"))
    wrong.extend(Wrong(name, payout_id, "entries name it, and it isn't there") for payout_id in booked)
    for batch_id, total in session.execute(sa.select(PayoutBatch.id, PayoutBatch.total)):
        if totals.get(batch_id, 0) != total:
            wrong.append(Wrong(name, batch_id, f"total {total}, its payouts {totals.get(batch_id, 0)}"))
    return wrong


CHECKS: tuple[Callable[[Session], list[Wrong]], ...] = (
    *checks.CHECKS,
    orders_are_evaluated,
    posted_is_due,
    decisions_stand,
    only_cleared_lines_have_cleared_money,
    statements_are_the_ledgers,
    payouts_are_the_ledgers,
)


def examine(session: Session) -> Iterator[tuple[str, str, list[Wrong]]]:
    """(name, what it promises, what is wrong) of every check, one after the other."""
    for check in CHECKS:
        yield check.__name__, (check.__doc__ or "").strip().splitlines()[0], check(session)


def _chunks(session: Session) -> Iterator[list[str]]:
    """All orders' ids, some at a time."""
    last = ""
    while True:
        query = sa.select(Order.id).where(Order.id > last).order_by(Order.id).limit(_CHUNK)
        order_ids = list(session.scalars(query))
        if not order_ids:
            return
        yield order_ids
        last = order_ids[-1]


def _due(session: Session, order_ids: list[str]) -> dict[str, dict[Key, int]]:
    newest = (
        sa.select(Evaluation.order_id, sa.func.max(Evaluation.sequence).label("sequence"))
        .where(Evaluation.order_id.in_(order_ids))
        .group_by(Evaluation.order_id)
        .subquery()
    )
    query = sa.select(Evaluation.order_id, Evaluation.lines).join(
        newest, sa.and_(Evaluation.order_id == newest.c.order_id, Evaluation.sequence == newest.c.sequence)
    )
    found: dict[str, dict[Key, int]] = defaultdict(dict)
    for order_id, lines in session.execute(query):
        for line in lines:
            if line["creator_id"] is not None and line["due"]:
                found[order_id][(line["line_ref"], line["creator_id"], line["content_id"])] = line["due"]
    return found


def _different(order_id: str, due: Mapping[Key, int], posted: Mapping[Key, int]) -> Iterator[Wrong]:
    for key in sorted(due.keys() | posted.keys(), key=str):
        if due.get(key, 0) != posted.get(key, 0):
            about = " ".join([order_id, *(part or "-" for part in key)])
            yield Wrong("posted_is_due", about, f"due {due.get(key, 0)}, posted {posted.get(key, 0)}")


def _sums(session: Session, key: Any, amount: Any) -> dict[str, int]:
    query = sa.select(key, sa.func.sum(amount)).group_by(key)
    return {found: int(total) for found, total in session.execute(query)}
