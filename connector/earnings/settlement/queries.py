"""Reading closings and statements, and what is stalled on its way there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.earnings.commission.tables import Clearance
from connector.earnings.settlement.tables import (
    Closing,
    Invoice,
    InvoiceLine,
    Reserve,
    Statement,
    StatementLine,
    WaitingReread,
)
from connector.errors import NotFound

# A line that is due is cleared within minutes by a living worker.
PATIENCE = timedelta(hours=1)
# How long a line that cleared without any sign of delivery stays listed (R9b).
SHOWN_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class StatementHead:
    """A statement with the period that it belongs to. What its creator may have of it: `payable`."""

    id: str
    shop_id: str
    creator_id: str
    currency: str
    period: str
    starts_at: datetime
    ends_at: datetime
    closed_at: datetime
    total: int
    carried: int
    corrections: int = 0
    opening: int = 0
    reserved: int = 0
    released: int = 0
    closing_id: str = ""

    @property
    def payable(self) -> int:
        """The creator's settled balance after it. Below zero: carried forward."""
        return self.carried + self.opening + self.total - self.reserved + self.released


@dataclass(frozen=True, slots=True)
class SettledLine:
    """A line of an order in a statement."""

    statement: StatementHead
    order_id: str
    line_ref: str
    content_id: str | None
    amount: int


@dataclass(frozen=True, slots=True)
class Stalled:
    """A line whose money doesn't move although one would expect it to; `reason` is a code, `since` when it began."""

    order_id: str
    line_ref: str
    shop_id: str
    reason: str  # what blocks it, waits_for_delivery_signal, not_cleared_yet, no_delivery_signal
    since: datetime


_HEAD: sa.Select[*tuple[Any, ...]] = sa.select(
    Statement.id, Statement.shop_id, Statement.creator_id, Statement.currency, Closing.period, Closing.starts_at,
    Closing.ends_at, Closing.closed_at, Statement.total, Statement.carried, Statement.corrections, Statement.opening,
    Statement.reserved, Statement.released, Statement.closing_id,
).join(Closing, Closing.id == Statement.closing_id)  # fmt: skip


def statements(
    session: Session, *, shop_id: str | None = None, creator_id: str | None = None, before: str | None = None,
    limit: int = 50,
) -> list[StatementHead]:  # fmt: skip
    """Statements of a shop, a creator, or both, newest first; `before` is the id of the last one seen."""
    query = _HEAD.order_by(Statement.id.desc()).limit(limit)
    if shop_id is not None:
        query = query.where(Statement.shop_id == shop_id)
    if creator_id is not None:
        query = query.where(Statement.creator_id == creator_id)
    if before is not None:
        query = query.where(Statement.id < before)
    return [StatementHead(*row) for row in session.execute(query)]


def statement(session: Session, statement_id: str) -> StatementHead:
    """Errors: NotFound."""
    row = session.execute(_HEAD.where(Statement.id == statement_id)).one_or_none()
    if row is None:
        raise NotFound(f"no statement has the id {statement_id[:40]!r}")
    return StatementHead(*row)


def lines(session: Session, statement_id: str) -> list[StatementLine]:
    """A statement's lines, by order and line."""
    query = sa.select(StatementLine).where(StatementLine.statement_id == statement_id)
    return list(session.scalars(query.order_by(StatementLine.order_id, StatementLine.line_ref, StatementLine.id)))


def of_order(session: Session, order_id: str) -> list[SettledLine]:
    """Every statement line of an order, in the order in which the months were closed."""
    query = (
        _HEAD.add_columns(
            StatementLine.order_id, StatementLine.line_ref, StatementLine.content_id, StatementLine.amount
        )
        .join(StatementLine, StatementLine.statement_id == Statement.id)
        .where(StatementLine.order_id == order_id)
        .order_by(Closing.closed_at, StatementLine.id)
    )
    wide = len(_HEAD.selected_columns)
    return [SettledLine(StatementHead(*row[:wide]), *row[wide:]) for row in session.execute(query)]


def closings(session: Session, shop_id: str, limit: int = 24) -> list[Closing]:
    """A shop's closed periods, newest first."""
    query = sa.select(Closing).where(Closing.shop_id == shop_id).order_by(Closing.ends_at.desc(), Closing.currency)
    return list(session.scalars(query.limit(limit)))


def closing(session: Session, closing_id: str) -> Closing:
    """Errors: NotFound."""
    row = session.get(Closing, closing_id)
    if row is None:
        raise NotFound(f"no closing has the id {closing_id[:40]!r}")
    return row


def by_creator(session: Session, closing_id: str, limit: int) -> list[tuple[str, int]]:
    """(creator, total) of a closing's statements, the most first."""
    query = sa.select(Statement.creator_id, Statement.total).where(Statement.closing_id == closing_id)
    rows = session.execute(query.order_by(Statement.total.desc(), Statement.creator_id).limit(limit))
    return [(creator_id, int(total)) for creator_id, total in rows]


def invoice(session: Session, invoice_id: str) -> Invoice:
    """Errors: NotFound."""
    row = session.get(Invoice, invoice_id)
    if row is None:
        raise NotFound(f"no invoice has the id {invoice_id[:40]!r}")
    return row


def invoice_lines(session: Session, invoice_id: str) -> list[InvoiceLine]:
    """An invoice's lines: orders, then bonuses, flat fees, reimbursements, and last opening balances."""
    places = ("order", "bonus", "flat_fee", "reimbursement")
    kinds = sa.case({kind: place for place, kind in enumerate(places)}, value=InvoiceLine.kind, else_=len(places))
    query = sa.select(InvoiceLine).where(InvoiceLine.invoice_id == invoice_id)
    return list(session.scalars(query.order_by(kinds, InvoiceLine.subject)))


def invoice_of(session: Session, closing_id: str) -> Invoice | None:
    """The invoice of a closing; None where it asked for nothing, and for closings from before there were invoices."""
    return session.execute(sa.select(Invoice).where(Invoice.closing_id == closing_id)).scalar_one_or_none()


def invoiced(session: Session, order_id: str) -> list[tuple[Invoice, InvoiceLine]]:
    """Every invoice that names an order, with what it asks for it, oldest first."""
    query = (
        sa.select(Invoice, InvoiceLine)
        .join(InvoiceLine, InvoiceLine.invoice_id == Invoice.id)
        .where(InvoiceLine.order_id == order_id)
        .order_by(Invoice.number)
    )
    return [(invoice, line) for invoice, line in session.execute(query)]


def reserves_of(session: Session, statement_ids: Collection[str]) -> list[Reserve]:
    """What was kept back of these statements."""
    query = sa.select(Reserve).where(Reserve.statement_id.in_(list(statement_ids)))
    return list(session.scalars(query.order_by(Reserve.statement_id)))


def stalled(session: Session, as_of: datetime, *, shop_id: str | None = None, limit: int = 200) -> list[Stalled]:
    """Money that stands still, the longest first: blocked though its hold is over, without a date, due and not cleared.

    Lines that cleared without any sign of delivery are listed for a month (R9b): a person may want to ask.
    """
    held = sa.and_(Clearance.state == "open", Clearance.blocked != "", Clearance.clears_at <= as_of)
    signal = sa.and_(Clearance.state == "open", Clearance.why == "waits_for_delivery_signal")
    late = sa.and_(Clearance.state == "open", Clearance.blocked == "", Clearance.clears_at <= as_of - PATIENCE)
    unheard = sa.and_(
        Clearance.state == "cleared", Clearance.why == "no_delivery_signal", Clearance.cleared_at > as_of - SHOWN_FOR
    )
    since = sa.func.coalesce(Clearance.cleared_at, Clearance.clears_at, Clearance.updated_at)
    query = sa.select(Clearance).where(sa.or_(held, signal, late, unheard)).order_by(since).limit(limit)
    if shop_id is not None:
        query = query.where(Clearance.shop_id == shop_id)
    rows = session.scalars(query).all()
    waits = waiting_reads(session, {row.order_id for row in rows})
    return [_stalled(row, waits.get(row.order_id)) for row in rows]


def waiting_reads(session: Session, order_ids: Collection[str]) -> dict[str, WaitingReread]:
    """Those of the orders whose store could not be asked before they clear."""
    found = session.scalars(sa.select(WaitingReread).where(WaitingReread.order_id.in_(order_ids)))
    return {row.order_id: row for row in found}


def _stalled(row: Clearance, wait: WaitingReread | None) -> Stalled:
    if row.state == "cleared" or row.clears_at is None:
        reason = row.why
    else:
        reason = row.blocked or (wait.reason if wait is not None else "not_cleared_yet")
    since = row.cleared_at or row.clears_at or row.updated_at
    return Stalled(row.order_id, row.line_ref, row.shop_id, reason, since)
