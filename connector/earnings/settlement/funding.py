"""What merchants paid of what they owe, and so which statements may be paid out (R15).

Which invoice a receipt pays is worked out and never written down, so that any order of receipts ends the same:

1. A shop's receipts in a currency, and its credit notes, pay its invoices in that currency, the oldest number first,
   whatever a transfer's text names. What is left over is a credit and pays the next invoice.
2. Money on an invoice goes to creators first and to the app's fee last. An invoice whose creators' part is paid funds
   all its statements.
3. On an invoice of which less is paid, what is there is shared over its statements above zero, in proportion to
   them by largest remainder, ties to the statement that was written first. A statement below zero waits for nothing.
4. A creator may be paid their settled balance less what of their statements isn't funded. What is in reserve stands
   outside of the settled balance, and is in the unfunded part only from when it is let go.

A shop with `payout_when` = `advance` is paid from before its merchant's money came in. One that left never is (R16):
its pending money matures, is invoiced, and stays unfunded until the invoice is paid.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import money
from connector.commerce.shops import settings
from connector.commerce.shops.tables import Shop
from connector.earnings.settlement import invoices
from connector.earnings.settlement.tables import Invoice, Receipt, Reserve, Statement
from connector.errors import NotFound

State = Literal["due", "overdue", "partly_paid", "paid", "credit"]
Bucket = Literal["current", "days_1_30", "days_31_60", "days_over_60"]
BUCKETS: tuple[Bucket, ...] = ("current", "days_1_30", "days_31_60", "days_over_60")
_CHUNK = 500


# ------------------------------------------------------------------ pure


@dataclass(frozen=True, slots=True)
class Allocation:
    """What is paid of each invoice, and what is left: above zero a credit, below zero more was taken back than paid."""

    paid: Mapping[str, int]
    credit: int


def allocated(owed: Sequence[tuple[str, int]], received: int) -> Allocation:
    """Set receipts against (invoice, total) pairs, oldest first; totals below zero are credit notes and pay too."""
    pool = received - sum(total for _, total in owed if total < 0)
    paid: dict[str, int] = {}
    for invoice_id, total in owed:
        if total > 0:
            paid[invoice_id] = min(total, max(pool, 0))
            pool -= paid[invoice_id]
    return Allocation(paid, pool)


def bucket(due_on: date, today: date) -> Bucket:
    """In which column of an ageing an open invoice stands. On its due day it is current."""
    late = (today - due_on).days
    if late <= 0:
        return "current"
    if late <= 30:
        return "days_1_30"
    return "days_31_60" if late <= 60 else "days_over_60"


def ageing(still_open: Iterable[tuple[date, int]], today: date) -> dict[Bucket, int]:
    """(due day, open amount) pairs → what is open in each column. Of one currency: amounts are added."""
    found: dict[Bucket, int] = dict.fromkeys(BUCKETS, 0)
    for due_on, amount in still_open:
        found[bucket(due_on, today)] += amount
    return found


def state_of(total: int, paid: int, due_on: date, today: date) -> State:
    if total < 0:
        return "credit"
    if paid >= total:
        return "paid"
    if today > due_on:
        return "overdue"
    return "partly_paid" if paid else "due"


def uncovered(total: int, fee: int, paid: int, statements: Sequence[tuple[str, int]]) -> dict[str, int]:
    """(statement, amount) pairs of an invoice → what of each isn't covered by what is paid of it; no zeros."""
    for_creators = total - max(fee, 0)
    positive = [(statement_id, amount) for statement_id, amount in statements if amount > 0]
    if paid >= min(total, for_creators) or not positive:
        return {}
    whole = sum(amount for _, amount in positive)
    shares = money.split(min(max(paid, 0), whole), [amount for _, amount in positive])
    found = {statement_id: amount - share for (statement_id, amount), share in zip(positive, shares, strict=True)}
    return {statement_id: amount for statement_id, amount in found.items() if amount}


@dataclass(frozen=True, slots=True)
class Funding:
    """What may be paid to a shop's creators in a currency."""

    gated: bool  # False: the shop is paid in advance of its merchant's money
    unfunded: dict[str, int] = field(default_factory=dict)  # creator → what waits for the merchant; no zeros

    def payable(self, creator_id: str, settled: int) -> int:
        """Of a settled balance, what may be paid now: never below zero."""
        return max(0, settled - (self.unfunded.get(creator_id, 0) if self.gated else 0))


# ------------------------------------------------------------------ reading


@dataclass(frozen=True, slots=True)
class Standing:
    """An invoice and what is paid of it."""

    invoice: Invoice
    paid: int
    state: State

    @property
    def open(self) -> int:
        return max(0, self.invoice.total - self.paid)


@dataclass(frozen=True, slots=True)
class Account:
    """A shop's invoices in one currency, oldest first, and what came in for them."""

    shop_id: str
    currency: str
    standings: tuple[Standing, ...]
    received: int
    credit: int  # above zero: paid beyond what was asked; below: taken back beyond what was paid

    @property
    def open(self) -> int:
        return sum(each.open for each in self.standings) - min(self.credit, 0)

    def ageing(self, today: date) -> dict[Bucket, int]:
        return ageing([(each.invoice.due_on, each.open) for each in self.standings if each.open], today)


def account(session: Session, shop_id: str, currency: str, today: date) -> Account:
    """One shop's invoices and receipts in one currency."""
    found = accounts(session, today, shop_id=shop_id, currency=currency)
    return found[0] if found else Account(shop_id, currency, (), 0, 0)


def accounts(
    session: Session, today: date, *, shop_id: str | None = None, currency: str | None = None, only_open: bool = False
) -> list[Account]:
    """Accounts by shop and currency. `only_open`: those that owe something."""
    received = _received(session, shop_id, currency)
    totals = _totals(session, shop_id, currency)
    wanted = {
        key for key in received.keys() | totals.keys()
        if not only_open or totals.get(key, 0) > received.get(key, 0)
    }  # fmt: skip
    rows: dict[tuple[str, str], list[Invoice]] = defaultdict(list)
    shop_ids = sorted({shop for shop, _ in wanted})
    for start in range(0, len(shop_ids), _CHUNK):
        query = sa.select(Invoice).where(Invoice.shop_id.in_(shop_ids[start : start + _CHUNK]))
        for row in session.scalars(query.order_by(Invoice.number)):
            rows[row.shop_id, row.currency].append(row)
    return [_account(key, rows.get(key, []), received.get(key, 0), today) for key in sorted(wanted)]


def _account(key: tuple[str, str], rows: Sequence[Invoice], received: int, today: date) -> Account:
    shares = allocated([(row.id, row.total) for row in rows], received)
    standings = tuple(
        Standing(row, shares.paid.get(row.id, 0), state_of(row.total, shares.paid.get(row.id, 0), row.due_on, today))
        for row in rows
    )
    return Account(*key, standings, received, shares.credit)


def with_more(before: Account, amount: int, today: date) -> Account:
    """The account as it would stand with `amount` more received."""
    rows = [each.invoice for each in before.standings]
    return _account((before.shop_id, before.currency), rows, before.received + amount, today)


def _received(session: Session, shop_id: str | None, currency: str | None) -> dict[tuple[str, str], int]:
    query = sa.select(Receipt.shop_id, Receipt.currency, sa.func.sum(Receipt.amount))
    query = query.group_by(Receipt.shop_id, Receipt.currency)
    query = query.where(Receipt.shop_id == shop_id) if shop_id is not None else query
    query = query.where(Receipt.currency == currency) if currency is not None else query
    return {(shop, code): int(amount) for shop, code, amount in session.execute(query)}


def _totals(session: Session, shop_id: str | None, currency: str | None) -> dict[tuple[str, str], int]:
    query = sa.select(Invoice.shop_id, Invoice.currency, sa.func.sum(Invoice.total))
    query = query.group_by(Invoice.shop_id, Invoice.currency)
    query = query.where(Invoice.shop_id == shop_id) if shop_id is not None else query
    query = query.where(Invoice.currency == currency) if currency is not None else query
    return {(shop, code): int(amount) for shop, code, amount in session.execute(query)}


def standing(session: Session, invoice_id: str, today: date) -> Standing:
    """Errors: NotFound."""
    row = session.get(Invoice, invoice_id)
    if row is None:
        raise NotFound(f"no invoice has the id {invoice_id[:40]!r}")
    found = account(session, row.shop_id, row.currency, today)
    return next(each for each in found.standings if each.invoice.id == invoice_id)


# ------------------------------------------------------------------ the gate


def gated(session: Session, shop: Shop, as_of: datetime) -> bool:
    """Are this shop's creators paid only from what its merchant paid in?"""
    return shop.status == "left" or settings.at(session, shop.id, "payout_when", as_of) == "funded"


def funded(session: Session, shop_id: str, currency: str, as_of: datetime) -> Funding:
    """What of a shop's statements may be paid, by the rule above. Errors: NotFound for the shop."""
    shop = session.get(Shop, shop_id)
    if shop is None:
        raise NotFound(f"no shop has the id {shop_id[:40]!r}")
    if not gated(session, shop, as_of):
        return Funding(gated=False)
    waiting: dict[str, int] = defaultdict(int)
    for (_, creator_id), amount in unfunded_statements(session, shop_id, currency).items():
        waiting[creator_id] += amount
    # Opening balances that no invoice asked for yet.
    for creator_id, amount in invoices.new_openings(session, shop_id, currency, as_of).items():
        waiting[creator_id] += max(amount, 0)
    return Funding(gated=True, unfunded={creator: amount for creator, amount in waiting.items() if amount})


def unfunded_statements(session: Session, shop_id: str, currency: str) -> dict[tuple[str, str], int]:
    """(statement, creator) → what of it waits for the merchant; no zeros. A statement without an invoice waits for
    nothing: it is from before there were any."""
    found: dict[tuple[str, str], int] = {}
    for each in account(session, shop_id, currency, date.min).standings:
        if each.open:
            found.update(_of_invoice(session, each))
    return found


def due_days(session: Session, shop_id: str, currency: str, creator_id: str) -> list[date]:
    """By when a merchant is asked to pay the invoices that a creator's statements wait for; sorted, [] for none."""
    query = sa.select(Statement.closing_id).where(
        Statement.creator_id == creator_id, Statement.shop_id == shop_id, Statement.currency == currency,
        Statement.total + Statement.opening > 0,
    )  # fmt: skip
    theirs = set(session.scalars(query))
    return sorted(
        each.invoice.due_on
        for each in account(session, shop_id, currency, date.min).standings
        if each.invoice.closing_id in theirs and each.paid < each.invoice.total - max(each.invoice.fee, 0)
    )


def _of_invoice(session: Session, standing: Standing) -> dict[tuple[str, str], int]:
    kept = sa.case((Reserve.released_in.is_(None), Reserve.amount), else_=0)
    query = (
        sa.select(
            Statement.id, Statement.creator_id, Statement.total + Statement.opening, sa.func.coalesce(kept, 0)
        )
        .outerjoin(Reserve, Reserve.statement_id == Statement.id)
        .where(Statement.closing_id == standing.invoice.closing_id)
        .order_by(Statement.id)
    )  # fmt: skip
    rows = session.execute(query).all()
    invoice = standing.invoice
    waits = uncovered(invoice.total, invoice.fee, standing.paid, [(row[0], int(row[2])) for row in rows])
    found = {}
    for statement_id, creator_id, _, reserved in rows:
        # What is still in reserve isn't in the settled balance, so it is not taken off it either.
        amount = waits.get(statement_id, 0) - int(reserved)
        if amount > 0:
            found[statement_id, creator_id] = amount
    return found
