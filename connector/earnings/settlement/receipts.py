"""Receipts: what merchants paid in. Recorded by hand, from a bank's file, or as Stripe tells it; once a reference.

    receipt   bank 1000   merchant_receivable -1000

Paid too much, twice or in parts is no error: money that came is recorded as it came, and `funding` sets it against
invoices. One that bounced, or was recorded wrongly, is taken back by a receipt below zero; none is ever changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from connector import audit, clock, money
from connector.commerce.shops import queries as shops
from connector.commerce.shops.tables import Shop
from connector.db import new_id
from connector.earnings.ledger import journal
from connector.earnings.ledger.entry import Draft, DraftPosting
from connector.earnings.settlement import funding
from connector.earnings.settlement.funding import Account
from connector.earnings.settlement.tables import Receipt, ReceiptAsked
from connector.errors import Conflict, InputRefused, NotAllowed, NotFound

LONGEST = 140
# Two transfers of one sum within these days may be one that was sent twice: a person is told.
NEAR = timedelta(days=5)
# Receipts of one shop and currency within a day count together: a large sum isn't split to get round the second person.
TOGETHER = timedelta(hours=24)
# Currency → the largest sum, in minor units, that is recorded without a second person; None: any.
Limit = Callable[[str], int | None]


@dataclass(frozen=True, slots=True)
class Coming:
    """Money that came, or (below zero) went back, before it is recorded. `amount` in minor units of `currency`."""

    shop_id: str
    currency: str
    amount: int
    reference: str
    received_on: date
    source: str  # hand | csv | stripe
    note: str = ""
    undoes: str | None = None


def referenced(text: str) -> str:
    """A reference as it is kept: one blank between words. Errors: InputRefused("reference")."""
    found = " ".join(text.split())
    if not found or len(found) > LONGEST or not found.isprintable():
        raise InputRefused(
            "reference", f"is empty, or longer than {LONGEST} characters, or not text.", "Give the bank's own."
        )
    return found


def record(session: Session, coming: Coming, by: str, as_of: datetime | None = None) -> tuple[Receipt, bool]:
    """Book it; the receipt, and whether it is new: a reference that was recorded before changes nothing.

    Errors: InputRefused for the reference, the amount or the day; MoneyRefused for the currency; NotFound for the shop;
    Conflict when the reference stands for other money, or somebody records it at the same moment.
    """
    as_of = as_of or clock.now()
    reference = _checked(coming, as_of)
    shops.get(session, coming.shop_id)
    known = session.execute(sa.select(Receipt).where(Receipt.reference == reference)).scalar_one_or_none()
    if known is not None:
        if not same(known, coming):
            raise Conflict(f"the reference {reference!r} stands for {known.id}, which is other money")
        return known, False
    row = Receipt(
        id=new_id("rcp"), reference=reference, source=coming.source, shop_id=coming.shop_id, currency=coming.currency,
        amount=coming.amount, received_on=coming.received_on, note=coming.note[:500], undoes=coming.undoes,
        recorded_at=as_of, recorded_by=by,
    )  # fmt: skip
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        raise Conflict("somebody recorded this reference at the same moment; look again") from error
    journal.post(session, _draft(row))
    audit.record(
        session, by, "receipt.record" if row.amount > 0 else "receipt.undo", row.id, shop_id=row.shop_id,
        currency=row.currency, amount=row.amount, source=row.source,
    )  # fmt: skip
    session.flush()
    return row, True


def record_or_ask(
    session: Session, coming: Coming, by: str, limit: Limit, as_of: datetime | None = None
) -> tuple[Receipt | ReceiptAsked, bool]:
    """Record it, or keep it for a second person where its sum asks for one: what it became, and whether that is new.

    Errors: as `record`.
    """
    as_of = as_of or clock.now()
    # FOR NO KEY UPDATE: two receipts of one shop at once would each not see the other's sum. SQLite has one writer.
    session.execute(sa.select(Shop.id).where(Shop.id == coming.shop_id).with_for_update(key_share=True))
    known = session.scalar(sa.select(Receipt.id).where(Receipt.reference == _checked(coming, as_of)))
    if known is None and needs_second(session, coming, limit, as_of):
        return ask(session, coming, by, as_of), True
    return record(session, coming, by, as_of)


def needs_second(session: Session, coming: Coming, limit: Limit, as_of: datetime) -> bool:
    """Does this money, with what was recorded of the shop within a day without a second person, pass the sum?"""
    most = limit(coming.currency)
    return most is not None and coming.amount + alone(session, coming.shop_id, coming.currency, as_of) > most


def alone(session: Session, shop_id: str, currency: str, as_of: datetime) -> int:
    """What was recorded of a shop within a day without a second person, and stands. What Stripe tells is nobody's."""
    undone = sa.select(Receipt.undoes).where(Receipt.undoes.is_not(None))
    approved = sa.select(ReceiptAsked.receipt_id).where(ReceiptAsked.receipt_id.is_not(None))
    query = sa.select(sa.func.coalesce(sa.func.sum(Receipt.amount), 0)).where(
        Receipt.shop_id == shop_id, Receipt.currency == currency, Receipt.source != "stripe", Receipt.amount > 0,
        Receipt.recorded_at > as_of - TOGETHER, Receipt.recorded_at <= as_of,
        Receipt.id.not_in(undone), Receipt.id.not_in(approved),
    )  # fmt: skip
    return int(session.scalar(query) or 0)


def ask(session: Session, coming: Coming, by: str, as_of: datetime | None = None) -> ReceiptAsked:
    """Keep a receipt for a second person: nothing is booked. The same one, asked again while it waits, is that one.

    Errors: as `record`.
    """
    as_of = as_of or clock.now()
    reference = _checked(coming, as_of)
    shops.get(session, coming.shop_id)
    taken = session.execute(sa.select(Receipt).where(Receipt.reference == reference)).scalar_one_or_none()
    if taken is not None:
        raise Conflict(f"the reference {reference!r} stands for {taken.id} already")
    waits = sa.select(ReceiptAsked).where(ReceiptAsked.reference == reference, ReceiptAsked.state == "waits")
    known = session.scalars(waits.limit(1)).first()
    if known is not None:
        if (known.shop_id, known.currency, known.amount) != (coming.shop_id, coming.currency, coming.amount):
            raise Conflict(f"the reference {reference!r} waits as other money ({known.id})")
        return known
    row = ReceiptAsked(
        id=new_id("rca"), state="waits", reference=reference, shop_id=coming.shop_id, currency=coming.currency,
        amount=coming.amount, received_on=coming.received_on, note=coming.note[:500], asked_at=as_of, asked_by=by,
        source=coming.source,
    )  # fmt: skip
    session.add(row)
    audit.record(session, by, "receipt.ask", row.id, shop_id=row.shop_id, currency=row.currency, amount=row.amount)
    session.flush()
    return row


def decide(session: Session, asked_id: str, *, yes: bool, by: str, as_of: datetime | None = None) -> Receipt | None:
    """The second person records it, or refuses: the receipt, or None. Who asked may take it back, and no more.

    Errors: as `record`; NotFound; NotAllowed for whoever asked; Conflict when it doesn't wait any more.
    """
    as_of = as_of or clock.now()
    row = session.get(ReceiptAsked, asked_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(f"no receipt that waits has the id {asked_id[:40]!r}")
    if row.state != "waits":
        raise Conflict(f"{asked_id} is {row.state} already")
    if yes and row.asked_by == by:
        raise NotAllowed("who asks for a receipt approves it", public="Somebody else has to approve: you asked for it.")
    row.state, row.decided_at, row.decided_by = "recorded" if yes else "refused", as_of, by
    audit.record(session, by, "receipt.approve" if yes else "receipt.refuse", row.id, shop_id=row.shop_id)
    if not yes:
        return None
    coming = Coming(row.shop_id, row.currency, row.amount, row.reference, row.received_on, row.source, row.note)
    made, _ = record(session, coming, row.asked_by, as_of)
    row.receipt_id = made.id
    return made


def waiting(session: Session) -> list[ReceiptAsked]:
    """Receipts that wait for a second person, the oldest first."""
    query = sa.select(ReceiptAsked).where(ReceiptAsked.state == "waits")
    return list(session.scalars(query.order_by(ReceiptAsked.asked_at, ReceiptAsked.id)))


def undo(session: Session, receipt_id: str, by: str, why: str, as_of: datetime | None = None) -> Receipt:
    """Take a receipt back: it bounced, or was none. Once.

    Errors: NotFound; InputRefused without a reason; Conflict for one that is taken back already, or takes one back.
    """
    found = get(session, receipt_id)
    if not why.strip():
        raise InputRefused("why", "is empty.", "Say why the money is not there.")
    if found.undoes is not None:
        raise Conflict(f"{receipt_id} takes another receipt back: record the money again instead")
    as_of = as_of or clock.now()
    coming = Coming(
        found.shop_id, found.currency, -found.amount, f"undo {found.id}", as_of.date(), found.source, why.strip(),
        undoes=found.id,
    )  # fmt: skip
    row, fresh = record(session, coming, by, as_of)
    if not fresh:
        raise Conflict(f"{receipt_id} was taken back already")
    return row


def get(session: Session, receipt_id: str) -> Receipt:
    """Errors: NotFound."""
    row = session.get(Receipt, receipt_id)
    if row is None:
        raise NotFound(f"no receipt has the id {receipt_id[:40]!r}")
    return row


def of_shop(
    session: Session, shop_id: str, currency: str | None = None, *, after: tuple[date, str] | None = None, limit: int
) -> list[Receipt]:
    """A shop's receipts, newest first. `after`: the day and id of the one that they go on behind."""
    query = sa.select(Receipt).where(Receipt.shop_id == shop_id)
    query = query.where(Receipt.currency == currency) if currency is not None else query
    if after is not None:
        day, receipt_id = after
        same_day = sa.and_(Receipt.received_on == day, Receipt.id < receipt_id)
        query = query.where(sa.or_(Receipt.received_on < day, same_day))
    return list(session.scalars(query.order_by(Receipt.received_on.desc(), Receipt.id.desc()).limit(limit)))


def same(row: Receipt, coming: Coming) -> bool:
    return (row.shop_id, row.currency, row.amount) == (coming.shop_id, coming.currency, coming.amount)


def near(session: Session, coming: Coming) -> Receipt | None:
    """An earlier receipt of the same shop and sum within a few days: perhaps the same transfer, sent twice."""
    query = sa.select(Receipt).where(
        Receipt.shop_id == coming.shop_id, Receipt.currency == coming.currency, Receipt.amount == coming.amount,
        Receipt.received_on.between(coming.received_on - NEAR, coming.received_on + NEAR),
    )  # fmt: skip
    undone = sa.select(Receipt.undoes).where(Receipt.undoes.is_not(None))
    return session.scalars(query.where(Receipt.id.not_in(undone)).order_by(Receipt.id).limit(1)).first()


@dataclass(frozen=True, slots=True)
class Preview:
    """The shop's account before and after some money comes."""

    before: Account
    after: Account

    @property
    def changes(self) -> list[tuple[str, int, int]]:
        """(invoice, open before, open after) of each invoice that it pays something of."""
        now = {each.invoice.id: each.open for each in self.after.standings}
        pairs = [(each.invoice.id, each.open, now[each.invoice.id]) for each in self.before.standings]
        return [(invoice, was, is_now) for invoice, was, is_now in pairs if was != is_now]


def preview(session: Session, shop_id: str, currency: str, amount: int, today: date) -> Preview:
    """What `amount` more would pay; nothing is booked."""
    before = funding.account(session, shop_id, currency, today)
    return Preview(before, funding.with_more(before, amount, today))


def _checked(coming: Coming, as_of: datetime) -> str:
    money.exponent(coming.currency)
    if coming.amount == 0 or abs(coming.amount) > money.LARGEST:
        raise InputRefused("amount", "is zero, or larger than we book.", "Give what the bank received.")
    if coming.amount < 0 and coming.undoes is None and coming.source != "stripe":
        raise InputRefused("amount", "is below zero.", "Take the receipt back that it is about.")
    # A day ahead of UTC it is tomorrow already somewhere.
    if coming.received_on > (as_of + timedelta(days=1)).date():
        raise InputRefused("received_on", "lies ahead.", "Give the day on which the bank received it.")
    return referenced(coming.reference)


def _draft(row: Receipt) -> Draft:
    return Draft(
        reference=f"receipt:{row.id}", subject=f"receipt:{row.id}", kind="receipt", shop_id=row.shop_id,
        currency=row.currency, reason="received" if row.amount > 0 else "taken_back", occurred_at=row.recorded_at,
        postings=(DraftPosting("bank", row.amount), DraftPosting("merchant_receivable", -row.amount)),
    )  # fmt: skip
