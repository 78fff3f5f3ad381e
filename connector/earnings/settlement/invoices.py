"""A merchant's invoice: one a closing and currency, commission and the app's fee by order.

    commission   what its statements settled of an order, all creators together; below zero where it corrects
    absorbed     below zero: a refund came after the payout, the merchant gets it back and the app bears it
    fee          the app's, as it stands less what earlier invoices asked: a reversal is a negative amount
    bonus        of an event
    flat_fee     of an agreement, for content that was approved
    reimbursement  what a creator paid for a refundable sample
    opening      balances that creators brought along from before

The fee of an order goes with the first closing that comes after one of its lines has cleared. Numbers run over all
shops of the app, without gaps: they are taken last, under a row lock, in the closing's own transaction. A total below
zero is a credit note and pays older invoices; an invoice of zero asks for nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import db
from connector.commerce.shops import settings
from connector.earnings.commission import fees
from connector.earnings.commission.tables import Clearance
from connector.earnings.ledger import outstanding
from connector.earnings.ledger.outstanding import Unsettled
from connector.earnings.settlement import periods
from connector.earnings.settlement.tables import Closing, Invoice, InvoiceLine, InvoiceSeries, Statement
from connector.errors import InputRefused, NotFound

_CHUNK = 500
_SERIES = "invoice"
PREFIX = "INV-"


@dataclass(slots=True)
class Row:
    """One line of an invoice, in minor units."""

    subject: str
    kind: str  # order | bonus | flat_fee | reimbursement | opening
    order_id: str | None
    commission: int = 0
    absorbed: int = 0
    fee: int = 0

    @property
    def total(self) -> int:
        return self.commission + self.absorbed + self.fee


@dataclass(slots=True)
class Bill:
    """What an invoice will say. No rows: none is written."""

    rows: list[Row] = field(default_factory=list)
    earned: int = 0
    reversed: int = 0

    @property
    def orders(self) -> int:
        return sum(row.kind == "order" for row in self.rows)

    def sum_of(self, kind: str) -> int:
        return sum(row.commission for row in self.rows if row.kind == kind)

    @property
    def absorbed(self) -> int:
        return sum(row.absorbed for row in self.rows)

    @property
    def fee(self) -> int:
        return sum(row.fee for row in self.rows)

    @property
    def total(self) -> int:
        return sum(row.total for row in self.rows)

    def sums(self) -> dict[str, int]:
        """By the invoice's columns."""
        return {
            "orders": self.orders, "earned": self.earned, "reversed": self.reversed, "bonus": self.sum_of("bonus"),
            "flat_fee": self.sum_of("flat_fee"), "reimbursement": self.sum_of("reimbursement"),
            "opening": self.sum_of("opening"), "absorbed": self.absorbed, "fee": self.fee, "total": self.total,
        }  # fmt: skip


def number_text(number: int) -> str:
    """`1` is `INV-000001`."""
    return f"{PREFIX}{number:06d}"


def number_of(text: str) -> int:
    """The number that a person wrote: `INV-000001`, `inv-1` or `1`. Errors: InputRefused("invoice")."""
    digits = text.strip().upper().removeprefix(PREFIX)
    if not (digits.isascii() and digits.isdigit() and 0 < len(digits) <= 12):
        raise InputRefused("invoice", f"{text[:40]!r} is no invoice number.", "Write it like INV-000001.")
    return int(digits)


def by_number(session: Session, number: int) -> Invoice:
    """Errors: NotFound."""
    row = session.execute(sa.select(Invoice).where(Invoice.number == number)).scalar_one_or_none()
    if row is None:
        raise NotFound(f"no invoice has the number {number_text(number)}")
    return row


def new_openings(session: Session, shop_id: str, currency: str, as_of: datetime) -> dict[str, int]:
    """Creator → opening balances that no statement named yet."""
    booked = outstanding.openings(session, [shop_id], currency, as_of)
    if not booked:
        return {}
    named = told_openings(session, currency, [shop_id])
    fresh = {creator: amount - named.get((shop, creator), 0) for (shop, creator), amount in booked.items()}
    return {creator: amount for creator, amount in fresh.items() if amount}


def told_openings(session: Session, currency: str, shop_ids: Sequence[str] | None) -> dict[tuple[str, str], int]:
    """(shop, creator) → opening balances that statements named."""
    query = (
        sa.select(Statement.shop_id, Statement.creator_id, sa.func.sum(Statement.opening))
        .where(Statement.currency == currency, Statement.opening != 0)
        .group_by(Statement.shop_id, Statement.creator_id)
    )
    if shop_ids is not None:
        query = query.where(Statement.shop_id.in_(shop_ids))
    return {(shop, creator): int(amount) for shop, creator, amount in session.execute(query)}


def bill(
    session: Session, shop_id: str, currency: str, lines: Sequence[Unsettled], opened: Mapping[str, int],
    ends_at: datetime, as_of: datetime,
) -> Bill:  # fmt: skip
    """What the closing of these lines asks of the merchant."""
    rows: dict[str, Row] = {}
    for line in lines:
        if line.order_id:
            row = rows.setdefault(line.order_id, Row(line.order_id, "order", line.order_id))
        else:
            row = rows.setdefault(line.subject, Row(line.subject, kind_of(line), None))
        row.commission += line.amount
    for creator_id, amount in opened.items():
        subject = f"opening:{creator_id}"
        rows[subject] = Row(subject, "opening", None, commission=amount)
    of_orders = [line.amount for line in lines if line.order_id]
    asked = _asked(session, shop_id, currency)
    _add_absorbed(session, shop_id, currency, rows, asked, as_of)
    _add_fees(session, shop_id, currency, rows, asked, ends_at, as_of)
    return Bill(
        [rows[subject] for subject in sorted(rows)],
        earned=sum(amount for amount in of_orders if amount > 0),
        reversed=sum(amount for amount in of_orders if amount < 0),
    )


def kind_of(line: Unsettled) -> str:
    """What a settled line is about: commission of an order's line, or a flat fee, a reimbursement, a bonus."""
    if not line.subject:
        return "commission"
    return fees.kind_of(line.subject) or "bonus"


def _asked(session: Session, shop_id: str, currency: str) -> dict[str, tuple[int, int]]:
    """Order → (absorbed, fee) that earlier invoices have, no zeros."""
    absorbed, fee = sa.func.sum(InvoiceLine.absorbed), sa.func.sum(InvoiceLine.fee)
    query = (
        sa.select(InvoiceLine.order_id, absorbed, fee)
        .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
        .where(
            Invoice.shop_id == shop_id,
            Invoice.currency == currency,
            sa.or_(InvoiceLine.absorbed != 0, InvoiceLine.fee != 0),
        )
        .group_by(InvoiceLine.order_id)
    )
    return {str(order): (int(one), int(other)) for order, one, other in session.execute(query)}


def _add_absorbed(
    session: Session, shop_id: str, currency: str, rows: dict[str, Row], asked: Mapping[str, tuple[int, int]],
    as_of: datetime,
) -> None:  # fmt: skip
    for order_id, borne in outstanding.absorbed(session, shop_id, currency, as_of).items():
        change = -borne - asked.get(order_id, (0, 0))[0]
        if change:
            rows.setdefault(order_id, Row(order_id, "order", order_id)).absorbed = change


def _add_fees(
    session: Session, shop_id: str, currency: str, rows: dict[str, Row], asked: Mapping[str, tuple[int, int]],
    ends_at: datetime, as_of: datetime,
) -> None:  # fmt: skip
    booked = outstanding.fees(session, shop_id, currency, as_of)
    changed: dict[str, int] = defaultdict(int)
    for order_id in booked.keys() | asked.keys():
        change = booked.get(order_id, 0) - asked.get(order_id, (0, 0))[1]
        if change:
            changed[order_id] = change
    unknown = [order_id for order_id in changed if order_id not in rows and order_id not in asked]
    ripe = _with_cleared_line(session, unknown, ends_at)
    for order_id, change in changed.items():
        if order_id in rows or order_id in asked or order_id in ripe:
            rows.setdefault(order_id, Row(order_id, "order", order_id)).fee = change


def _with_cleared_line(session: Session, order_ids: Sequence[str], ends_at: datetime) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(order_ids), _CHUNK):
        query = sa.select(Clearance.order_id).where(
            Clearance.order_id.in_(order_ids[start : start + _CHUNK]),
            Clearance.state == "cleared",
            Clearance.clears_at < ends_at,
        )
        found.update(session.scalars(query))
    return found


def line_of(invoice_id: str, row: Row) -> dict[str, Any]:
    """A line as it is stored."""
    return {
        "invoice_id": invoice_id, "subject": row.subject, "kind": row.kind, "order_id": row.order_id,
        "commission": row.commission, "absorbed": row.absorbed, "fee": row.fee,
    }  # fmt: skip


def issue(session: Session, closing: Closing, invoice_id: str, parts: Mapping[str, int], time_zone: str) -> Invoice:
    """Write the invoice of a closing under the series' next number; its lines are there already.

    `parts`: the sums of its bill, by their columns.
    """
    days = settings.whole(session, closing.shop_id, "payment_days", closing.closed_at)
    issued_on = closing.closed_at.astimezone(periods.zone_of(time_zone)).date()
    made = Invoice(
        id=invoice_id, number=_next_number(session), shop_id=closing.shop_id, currency=closing.currency,
        closing_id=closing.id, period=closing.period, issued_at=closing.closed_at, issued_on=issued_on,
        due_on=issued_on + timedelta(days=days), **parts,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def _next_number(session: Session) -> int:
    session.execute(db.insert(session, InvoiceSeries).values(name=_SERIES, last=0).on_conflict_do_nothing())
    step = sa.update(InvoiceSeries).where(InvoiceSeries.name == _SERIES).values(last=InvoiceSeries.last + 1)
    return int(session.execute(step.returning(InvoiceSeries.last)).scalar_one())
