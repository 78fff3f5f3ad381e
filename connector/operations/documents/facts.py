"""What stands in a statement and in an invoice, with the names that people know: order numbers, products, videos."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.orders.tables import Order
from connector.commerce.shops import queries as shops
from connector.commerce.shops import settings
from connector.commerce.shops.tables import Shop
from connector.earnings.commission import fees
from connector.earnings.commission.tables import Evaluation
from connector.earnings.ledger.tables import Entry
from connector.earnings.settlement import funding, periods, queries
from connector.earnings.settlement.funding import Standing
from connector.earnings.settlement.queries import StatementHead
from connector.earnings.settlement.tables import Invoice, InvoiceLine
from connector.operations.documents.tax import FeeTax
from connector.programme.collaborations.tables import Terms
from connector.programme.content import queries as contents
from connector.programme.creators import queries as creators
from connector.programme.creators.tables import Creator

# What isn't about an order, as documents call it.
BESIDE = {
    "bonus": "Bonus", "flat_fee": "Flat fee", "reimbursement": "Sample paid back", "opening": "Opening balance",
}  # fmt: skip
_CHUNK = 500
MOST_CREATORS = 100  # named on the page of an invoice


@dataclass(frozen=True, slots=True)
class StatementLineTold:
    """One line of a statement. `order` is its number at the store; of what is no order's, what it is (`BESIDE`)."""

    order_id: str
    order: str
    product: str
    content: str  # the video's or live session's title, or its reference; "" for none
    kind: str  # commission | bonus | flat_fee | reimbursement
    correction: bool
    amount: int


@dataclass(frozen=True, slots=True)
class StatementTold:
    head: StatementHead
    shop: Shop
    creator: Creator
    lines: list[StatementLineTold]
    standing: Standing | None  # the invoice that its shop pays it from; None: nothing waits for one
    unfunded: int  # what of it waits for the shop's payment

    @property
    def by_content(self) -> list[tuple[str, int, int]]:
        """(video or live session, lines, amount), the most first; "" holds what came without one."""
        sums: dict[str, list[int]] = {}
        for line in self.lines:
            row = sums.setdefault(line.content, [0, 0])
            row[0] += 1
            row[1] += line.amount
        return sorted(((name, row[0], row[1]) for name, row in sums.items()), key=lambda row: (-row[2], row[0]))


@dataclass(frozen=True, slots=True)
class InvoiceLineTold:
    kind: str  # order | bonus | flat_fee | reimbursement | opening
    order_id: str
    order: str  # number at the store, or what it is about
    placed_on: date | None
    commission: int
    absorbed: int
    fee: int

    @property
    def total(self) -> int:
        return self.commission + self.absorbed + self.fee


@dataclass(frozen=True, slots=True)
class InvoiceTold:
    invoice: Invoice
    standing: Standing
    shop: Shop
    starts_at: datetime
    ends_at: datetime
    lines: list[InvoiceLineTold]
    tax: FeeTax = field(default_factory=FeeTax)  # as the shop's settings stood when it was issued
    creators: list[tuple[str, int]] = field(default_factory=list)  # (name, what its statement settled), most first


def statement(session: Session, statement_id: str, as_of: datetime) -> StatementTold:
    """Errors: NotFound."""
    head = queries.statement(session, statement_id)
    shop = shops.get(session, head.shop_id)
    lines = queries.lines(session, head.id)
    orders = _orders(session, {line.order_id for line in lines if line.order_id})
    titles = _titles(session, orders)
    videos = contents.some(session, {line.content_id for line in lines if line.content_id})
    events = _event_names(session, [line.line_ref for line in lines if line.kind == "bonus"])
    told = []
    for line in lines:
        order = orders.get(line.order_id)
        video = videos.get(line.content_id or "")
        told.append(
            StatementLineTold(
                line.order_id, order.number if order else BESIDE.get(line.kind, ""),
                titles.get((line.order_id, line.line_ref), events.get(line.line_ref, "")),
                (video.title or video.content_ref) if video else "", line.kind, line.correction, line.amount,
            )
        )  # fmt: skip
    told.sort(key=lambda line: (line.kind, line.order_id, line.product, line.amount))
    standing, unfunded = _funding(session, head, shop, as_of)
    return StatementTold(head, shop, creators.get(session, head.creator_id), told, standing, unfunded)


def _funding(session: Session, head: StatementHead, shop: Shop, as_of: datetime) -> tuple[Standing | None, int]:
    row = queries.invoice_of(session, head.closing_id)
    if row is None:
        return None, 0
    today = as_of.astimezone(periods.zone_of(shop.time_zone)).date()
    standing = funding.standing(session, row.id, today)
    if not standing.open or not funding.gated(session, shop, as_of):
        return standing, 0
    waits = funding.unfunded_statements(session, shop.id, head.currency)
    return standing, waits.get((head.id, head.creator_id), 0)


def invoice(session: Session, invoice_id: str, as_of: datetime) -> InvoiceTold:
    """Errors: NotFound."""
    row = queries.invoice(session, invoice_id)
    shop = shops.get(session, row.shop_id)
    today = as_of.astimezone(periods.zone_of(shop.time_zone)).date()
    closing = queries.closing(session, row.closing_id)
    lines = queries.invoice_lines(session, row.id)
    orders = _orders(session, {line.order_id for line in lines if line.order_id})
    zone = periods.zone_of(shop.time_zone)
    owners = _owners(session, lines) | _event_names(session, [line.subject for line in lines if line.kind == "bonus"])
    told = []
    for line in lines:
        order = orders.get(line.order_id or "")
        about = order.number if order else _beside(line, owners)
        placed = order.placed_at.astimezone(zone).date() if order else None
        told.append(
            InvoiceLineTold(
                line.kind, line.order_id or "", about, placed, line.commission, line.absorbed, line.fee
            )
        )  # fmt: skip
    told.sort(key=lambda line: (line.placed_on is None, line.placed_on or date.min, line.order, line.order_id))
    standing = funding.standing(session, row.id, today)
    people = queries.by_creator(session, closing.id, MOST_CREATORS)
    names = creators.some(session, {creator_id for creator_id, _ in people})
    named = [(names[each].name if each in names else each, amount) for each, amount in people]
    tax = FeeTax(
        str(settings.at(session, shop.id, "fee_tax", row.issued_at)),
        settings.whole(session, shop.id, "fee_tax_bp", row.issued_at),
    )
    return InvoiceTold(row, standing, shop, closing.starts_at, closing.ends_at, told, tax, named)


def _beside(line: InvoiceLine, owners: Mapping[str, str]) -> str:
    """`Flat fee, @mira`; `Bonus, Harvest`: what it is, and whose or of which event."""
    said = BESIDE.get(line.kind, line.subject)
    return f"{said}, {owners[line.subject]}" if line.subject in owners else said


def _owners(session: Session, lines: Sequence[InvoiceLine]) -> dict[str, str]:
    """Subject → @handle, of the flat fees and reimbursements of an invoice."""
    subjects = sorted(line.subject for line in lines if fees.kind_of(line.subject) is not None)
    found: dict[str, str] = {}
    for some in _some(subjects):
        query = sa.select(Entry.subject, Creator.handle).join(Creator, Creator.id == Entry.creator_id)
        rows = session.execute(query.where(Entry.subject.in_(some)))
        found.update((subject, f"@{handle}") for subject, handle in rows)
    return found


def _event_names(session: Session, subjects: Sequence[str]) -> dict[str, str]:
    """Subject of a bonus (`bonus:<event>:<creator>`) → the event's name."""
    names: dict[str, str] = {}
    for some in _some(sorted({subject.split(":")[1] for subject in subjects})):
        query = sa.select(Terms.event_id, Terms.name).where(Terms.event_id.in_(some)).distinct()
        names.update({str(event_id): name for event_id, name in session.execute(query)})
    return {subject: names.get(subject.split(":")[1], "") for subject in subjects if names.get(subject.split(":")[1])}


@dataclass(frozen=True, slots=True)
class _Head:
    """As much of an order as a document names."""

    id: str
    number: str
    placed_at: datetime


def _orders(session: Session, order_ids: Collection[str]) -> dict[str, _Head]:
    found: dict[str, _Head] = {}
    for some in _some(sorted(order_ids)):
        rows = session.execute(sa.select(Order.id, Order.number, Order.placed_at).where(Order.id.in_(some)))
        found.update({row[0]: _Head(*row) for row in rows})
    return found


def _titles(session: Session, order_ids: Collection[str]) -> dict[tuple[str, str], str]:
    """(order, line) → the product's title, by each order's newest evaluation."""
    found: dict[tuple[str, str], str] = {}
    for some in _some(sorted(order_ids)):
        newest = (
            sa.select(Evaluation.order_id, sa.func.max(Evaluation.sequence).label("sequence"))
            .where(Evaluation.order_id.in_(some))
            .group_by(Evaluation.order_id)
            .subquery()
        )
        query = sa.select(Evaluation.order_id, Evaluation.lines).join(
            newest, sa.and_(Evaluation.order_id == newest.c.order_id, Evaluation.sequence == newest.c.sequence)
        )
        for order_id, lines in session.execute(query):
            found.update({(order_id, line["line_ref"]): line.get("title", "") for line in lines})
    return found


def _some(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK))
