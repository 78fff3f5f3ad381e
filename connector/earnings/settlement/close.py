"""Closing a period: cleared money becomes statements, once.

A line belongs to the month, in the shop's own zone, in which it cleared. A closing names its instant: amounts are what
occurred up to then, so a refund between the end of the month and its closing is taken off at once, and one after it
is a new negative line of the next statement (F6). A total below zero is settled too and carried forward (E25). Nothing
is ever reopened.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit
from connector.commerce.orders.tables import Order
from connector.commerce.shops import connect
from connector.commerce.shops.tables import Shop
from connector.db import new_id
from connector.earnings.ledger import journal, outstanding, queries
from connector.earnings.ledger.entry import Draft, line_subject, moved
from connector.earnings.ledger.outstanding import Unsettled
from connector.earnings.settlement.periods import Period, period
from connector.earnings.settlement.tables import Closing, Statement, StatementLine
from connector.errors import Conflict, NotFound

_CHUNK = 500


def close_period(session: Session, shop_id: str, name: str, as_of: datetime, by: str) -> list[Closing]:
    """Close a shop's month in each of its currencies; the closings, one a currency, also where nothing had cleared.

    Two at once: the second waits for the first and is refused.
    Errors: NotFound for the shop; InputRefused for a name that isn't a month; Conflict when the month isn't over at
    `as_of`, when it or a later one is closed already, when the books were closed after `as_of`, or when the shop's
    currency changed and nobody has looked at that yet.
    """
    shop = _locked(session, shop_id)
    month = period(name, shop.time_zone)
    if changed := connect.currency_sentence(shop):
        raise Conflict(f"{changed} Run `connector shop accept-currency {shop.domain}` when it is right.")
    _refuse(session, shop_id, month, as_of)
    closings = []
    for currency in sorted({*outstanding.currencies(session, shop_id), shop.currency} - {""}):
        lines = _unsettled(session, shop_id, currency, month, as_of)
        closings.append(_close(session, shop_id, currency, month, as_of, by, lines))
    for closing in closings:
        audit.record(
            session, by, "period.close", closing.id, shop_id=shop_id, period=name, currency=closing.currency,
            total=closing.total, as_of=as_of.isoformat(),
        )  # fmt: skip
    session.flush()
    return closings


def _locked(session: Session, shop_id: str) -> Shop:
    # FOR NO KEY UPDATE: one closing of a shop at a time, while orders that refer to the shop still come in.
    query = sa.select(Shop).where(Shop.id == shop_id).with_for_update(key_share=True)
    shop = session.execute(query.execution_options(populate_existing=True)).scalar_one_or_none()
    if shop is None:
        raise NotFound(f"no shop has the id {shop_id!r}")
    return shop


def _refuse(session: Session, shop_id: str, month: Period, as_of: datetime) -> None:
    if as_of < month.ends_at:
        raise Conflict(f"{month.name} isn't over yet: it ends at {month.ends_at.isoformat()}")
    query = sa.select(Closing).where(Closing.shop_id == shop_id).order_by(Closing.period.desc()).limit(1)
    last = session.execute(query).scalar_one_or_none()
    if last is None:
        return
    if last.period == month.name:
        raise Conflict(f"{month.name} is closed already, at {last.closed_at.isoformat()}")
    if last.period > month.name:
        raise Conflict(f"{last.period} is closed already, and {month.name} lies before it")
    if as_of < last.closed_at:
        raise Conflict(f"the books were closed at {last.closed_at.isoformat()}; no closing may lie before that")


def _unsettled(session: Session, shop_id: str, currency: str, month: Period, as_of: datetime) -> list[Unsettled]:
    """What the month settles, read again once its orders are ours: nothing else moves them then."""
    first = outstanding.cleared(session, shop_id, currency, cleared_before=month.ends_at, until=as_of)
    order_ids = sorted({line.order_id for line in first})
    for start in range(0, len(order_ids), _CHUNK):
        chunk = order_ids[start : start + _CHUNK]
        session.execute(sa.select(Order.id).where(Order.id.in_(chunk)).order_by(Order.id).with_for_update())
    ours = set(order_ids)
    again = outstanding.cleared(session, shop_id, currency, cleared_before=month.ends_at, until=as_of)
    return [line for line in again if line.order_id in ours]


def _close(
    session: Session, shop_id: str, currency: str, month: Period, as_of: datetime, by: str, lines: Sequence[Unsettled]
) -> Closing:
    closing = Closing(
        id=new_id("cls"), shop_id=shop_id, currency=currency, period=month.name, starts_at=month.starts_at,
        ends_at=month.ends_at, closed_at=as_of, closed_by=by, total=sum(line.amount for line in lines),
    )  # fmt: skip
    session.add(closing)
    session.flush()
    balances = queries.balances(session, shop_id=shop_id, currency=currency)
    carried = {balance.creator_id: balance.settled for balance in balances}
    statements: list[dict[str, object]] = []
    rows: list[dict[str, object]] = []
    drafts: list[Draft] = []
    for creator_id, group in groupby(lines, key=lambda line: line.creator_id):
        own = list(group)
        statement_id = new_id("stm")
        statement = {
            "id": statement_id, "closing_id": closing.id, "shop_id": shop_id, "creator_id": creator_id,
            "currency": currency, "total": sum(line.amount for line in own), "carried": carried.get(creator_id, 0),
            "created_at": as_of,
        }  # fmt: skip
        statements.append(statement)
        rows.extend(_rows(statement_id, own))
        drafts.extend(_transfers(closing, statement_id, own))
    if statements:
        session.execute(sa.insert(Statement), statements)
        session.execute(sa.insert(StatementLine), rows)
    journal.post_all(session, drafts)
    return closing


def _rows(statement_id: str, lines: Sequence[Unsettled]) -> Iterator[dict[str, object]]:
    for line in lines:
        yield {
            "id": new_id("stl"), "statement_id": statement_id, "order_id": line.order_id, "line_ref": line.line_ref,
            "content_id": line.content_id, "amount": line.amount,
        }  # fmt: skip


def _transfers(closing: Closing, statement_id: str, lines: Sequence[Unsettled]) -> Iterator[Draft]:
    for line in lines:
        subject = line_subject(line.order_id, line.line_ref)
        yield Draft(
            reference=f"settle:{closing.id}:{subject}:{line.creator_id}:{line.content_id or '-'}", subject=subject,
            kind="settlement", shop_id=closing.shop_id, currency=closing.currency, reason="period_closed",
            occurred_at=closing.closed_at, order_id=line.order_id, line_ref=line.line_ref, creator_id=line.creator_id,
            content_id=line.content_id, statement_id=statement_id,
            postings=moved("creator_cleared", "creator_settled", line.amount, line.creator_id, line.content_id),
        )  # fmt: skip
