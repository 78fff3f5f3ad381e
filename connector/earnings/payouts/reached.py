"""Which lines a payout has reached, and when: what a store gives back after that is carried or absorbed (R9, F7).

Payouts pay balances, not lines. A creator's statements at a shop are paid in their order: one is paid with the payout
whose sum, with all before it, covers it. Only lines of shops that absorb anything keep the moment, since their money
depends on it; for pages it is worked out when asked. A line's first statement counts, and a payout that came back has
reached nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.orders import queries as orders
from connector.commerce.orders.facts import OrderFacts
from connector.commerce.orders.tables import Order
from connector.commerce.shops import settings
from connector.earnings.commission.tables import Clearance
from connector.earnings.intake import take_in
from connector.earnings.payouts.tables import Payout
from connector.earnings.settlement.tables import Statement, StatementLine

_CHUNK = 500
Whose = tuple[str, str, str]  # (shop, creator, currency)


class Settled(NamedTuple):
    """A statement: what it added to the balance that is paid out, in minor units."""

    id: str
    amount: int


class Paid(NamedTuple):
    amount: int
    at: datetime


def follow(session: Session, rows: Iterable[Payout], as_of: datetime) -> int:
    """Bring the lines up to date after the outcomes of these payouts; how many lines changed.

    An order that the store changed after a payout, and that was heard of before it, is evaluated anew.
    """
    whose = {(row.shop_id, row.creator_id, row.currency) for row in rows}
    absorbing = {shop_id for shop_id in {shop for shop, _, _ in whose} if _absorbs(session, shop_id)}
    wanted = sorted(key for key in whose if key[0] in absorbing)
    changed: dict[tuple[str, str], datetime | None] = {}
    for start in range(0, len(wanted), _CHUNK):
        part = wanted[start : start + _CHUNK]
        reached: dict[str, datetime | None] = {}
        paid = _paid(session, part)
        for key, statements in _statements(session, part).items():
            reached |= covered(statements, paid[key])
        changed |= _lines(session, reached)
    _write(session, changed)
    for order_id in _given_back_since(session, changed):
        take_in.reevaluate(session, order_id, cause="payout", as_of=as_of)
    return len(changed)


def covered(statements: Sequence[Settled], payouts: Sequence[Paid]) -> dict[str, datetime | None]:
    """Statement → when payouts had covered it and all before it; None: not yet. Both in the order of their times. Pure.

    A statement below zero asks for nothing more: it is covered with the one before it.
    """
    found: dict[str, datetime | None] = {}
    needed = most = have = 0
    number = 0
    for statement in statements:
        needed += statement.amount
        most = max(most, needed)
        while have < most and number < len(payouts):
            have += payouts[number].amount
            number += 1
        found[statement.id] = payouts[number - 1].at if number and have >= most else None
    return found


def paid_lines(session: Session, order_ids: Collection[str]) -> dict[tuple[str, str], datetime]:
    """(order, line) → when a payout reached it, of every shop, for pages: worked out from statements and payouts."""
    query = (
        sa.select(
            StatementLine.order_id, StatementLine.line_ref, Statement.id,
            Statement.shop_id, Statement.creator_id, Statement.currency,
        )
        .join(Statement, Statement.id == StatementLine.statement_id)
        .where(StatementLine.order_id.in_(order_ids), StatementLine.correction.is_(False))
    )  # fmt: skip
    lines = [tuple(row) for row in session.execute(query)]
    whose = sorted({(shop_id, creator_id, currency) for *_, shop_id, creator_id, currency in lines})
    moments: dict[str, datetime | None] = {}
    if whose:
        paid = _paid(session, whose)
        for key, statements in _statements(session, whose).items():
            moments |= covered(statements, paid[key])
    return {(order_id, line): at for order_id, line, each, *_ in lines if (at := moments[each]) is not None}


def _absorbs(session: Session, shop_id: str) -> bool:
    """Has the shop ever said so? It counts for orders placed from then on."""
    said = [value for _, value in settings.changes(session, shop_id, "after_payout")]
    return "absorb" in (*said, settings.default("after_payout"))


def _statements(session: Session, whose: Sequence[Whose]) -> dict[Whose, list[Settled]]:
    query = (
        sa.select(
            Statement.shop_id, Statement.creator_id, Statement.currency, Statement.id, Statement.total,
            Statement.opening, Statement.reserved, Statement.released,
        )
        .where(Statement.creator_id.in_({creator_id for _, creator_id, _ in whose}))
        .order_by(Statement.created_at, Statement.id)
    )  # fmt: skip
    found: dict[Whose, list[Settled]] = {key: [] for key in whose}
    for shop_id, creator_id, currency, statement_id, total, opening, reserved, released in session.execute(query):
        if (shop_id, creator_id, currency) in found:
            amount = total + opening - reserved + released
            found[shop_id, creator_id, currency].append(Settled(statement_id, amount))
    return found


def _paid(session: Session, whose: Sequence[Whose]) -> dict[Whose, list[Paid]]:
    query = (
        sa.select(Payout.shop_id, Payout.creator_id, Payout.currency, Payout.amount, Payout.paid_at)
        .where(Payout.creator_id.in_({creator_id for _, creator_id, _ in whose}), Payout.status == "paid")
        .order_by(Payout.paid_at, Payout.id)
    )
    found: dict[Whose, list[Paid]] = defaultdict(list)
    for shop_id, creator_id, currency, amount, paid_at in session.execute(query):
        if paid_at is not None:
            found[shop_id, creator_id, currency].append(Paid(amount, paid_at))
    return found


def _lines(session: Session, reached: dict[str, datetime | None]) -> dict[tuple[str, str], datetime | None]:
    """(order, line) → its new time, of those whose time is another than what is kept."""
    found: dict[tuple[str, str], datetime | None] = {}
    ids = sorted(reached)
    for start in range(0, len(ids), _CHUNK):
        query = (
            sa.select(StatementLine.statement_id, StatementLine.order_id, StatementLine.line_ref, Clearance.paid_at)
            .join(
                Clearance,
                sa.and_(
                    Clearance.order_id == StatementLine.order_id, Clearance.line_ref == StatementLine.line_ref
                ),
            )
            .where(StatementLine.statement_id.in_(ids[start : start + _CHUNK]), StatementLine.correction.is_(False))
        )  # fmt: skip
        for statement_id, order_id, line_ref, paid_at in session.execute(query):
            if reached[statement_id] != paid_at:
                found[order_id, line_ref] = reached[statement_id]
    return found


def _write(session: Session, changed: dict[tuple[str, str], datetime | None]) -> None:
    if not changed:
        return
    table = Clearance.__table__
    statement = (
        sa.update(Clearance)
        .where(Clearance.order_id == sa.bindparam("b_order"), Clearance.line_ref == sa.bindparam("b_line"))
        .values(paid_at=sa.bindparam("b_paid", type_=table.c.paid_at.type))
    )
    rows = [{"b_order": order, "b_line": line, "b_paid": at} for (order, line), at in sorted(changed.items())]
    session.connection().execute(statement, rows)


def _given_back_since(session: Session, changed: dict[tuple[str, str], datetime | None]) -> list[str]:
    """Orders to evaluate anew: changed by the store after a line's payout, or with a payout that came back."""
    moments: dict[str, datetime | None] = {}
    for (order_id, _), at in changed.items():
        earliest = moments.get(order_id, at)
        moments[order_id] = min(earliest, at) if earliest is not None and at is not None else None
    ids = sorted(moments)
    found: list[str] = []
    for start in range(0, len(ids), _CHUNK):
        query = sa.select(Order).where(Order.id.in_(ids[start : start + _CHUNK]))
        for order in session.scalars(query):
            if _later(orders.facts(order), moments[order.id]):
                found.append(order.id)
    return found


def _later(facts: OrderFacts, moment: datetime | None) -> bool:
    """A void or an edit has no time of its own: it came with a version that changed after the payout."""
    cancelled = facts.snapshot.cancelled_at
    times = [refund.created_at for refund in facts.refunds] + ([cancelled] if cancelled is not None else [])
    return moment is None or any(at > moment for at in (facts.snapshot.changed_at, *times))
