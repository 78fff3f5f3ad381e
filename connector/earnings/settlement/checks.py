"""Standing checks of what settlement keeps, each against its own parts and against the ledger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.earnings.ledger.checks import Wrong
from connector.earnings.ledger.tables import Entry, Posting
from connector.earnings.settlement import pieces
from connector.earnings.settlement.tables import (
    Closing,
    Invoice,
    InvoiceLine,
    InvoiceSeries,
    Receipt,
    Reserve,
    Statement,
    StatementLine,
)


def invoices_are_their_lines(session: Session) -> list[Wrong]:
    """An invoice is the sum of its lines, and what of it is creators' is what its closing's statements settled."""
    name = "invoices_are_their_lines"
    total = InvoiceLine.commission + InvoiceLine.absorbed + InvoiceLine.fee
    lines = _sums(session, InvoiceLine.invoice_id, total)
    closings = {row.id: row.total for row in session.execute(sa.select(Closing.id, Closing.total))}
    wrong = []
    for row in session.scalars(sa.select(Invoice).order_by(Invoice.number)):
        if lines.get(row.id, 0) != row.total:
            wrong.append(Wrong(name, row.id, f"total {row.total}, its lines come to {lines.get(row.id, 0)}"))
        settled = row.earned + row.reversed + row.bonus + row.flat_fee + row.reimbursement
        parts = settled + row.opening + row.absorbed + row.fee
        if parts != row.total:
            wrong.append(Wrong(name, row.id, f"total {row.total}, its parts come to {parts}"))
        if settled != closings.get(row.closing_id):
            wrong.append(Wrong(name, row.id, f"commission {settled}, settled {closings.get(row.closing_id)}"))
    return wrong


def invoice_numbers_have_no_gap(session: Session) -> list[Wrong]:
    """Invoices are numbered 1, 2, 3 … up to the last number given out."""
    count, last = session.execute(sa.select(sa.func.count(), sa.func.max(Invoice.number))).one()
    given = session.scalar(sa.select(InvoiceSeries.last)) or 0
    if count != (last or 0) or given != (last or 0):
        detail = f"{count} invoices, the last has number {last or 0}, {given} were given out"
        return [Wrong("invoice_numbers_have_no_gap", "invoices", detail)]
    return []


def receipts_are_the_ledgers(session: Session) -> list[Wrong]:
    """Each receipt stands in the ledger as money in the bank, and nothing else does."""
    name = "receipts_are_the_ledgers"
    query = (
        sa.select(Entry.subject, Entry.currency, Entry.shop_id, sa.func.sum(Posting.amount))
        .join(Posting, Posting.entry_id == Entry.id)
        .where(Entry.kind == "receipt", Posting.account == "bank")
        .group_by(Entry.subject, Entry.currency, Entry.shop_id)
    )
    booked = {row[0].removeprefix("receipt:"): (row[1], row[2], int(row[3])) for row in session.execute(query)}
    wrong = []
    for row in session.scalars(sa.select(Receipt).order_by(Receipt.id)):
        found = booked.pop(row.id, None)
        if found != (row.currency, row.shop_id, row.amount):
            wrong.append(Wrong(name, row.id, f"{row.amount} {row.currency}, booked {found}"))
    wrong.extend(Wrong(name, receipt_id, "an entry names it, and it isn't there") for receipt_id in booked)
    return wrong


def reserves_are_the_ledgers(session: Session) -> list[Wrong]:
    """What is kept in reserve stands on the creator's reserve, until a statement lets it go."""
    name = "reserves_are_the_ledgers"
    query = (
        sa.select(Entry.subject, sa.func.sum(Posting.amount))
        .join(Posting, Posting.entry_id == Entry.id)
        .where(Entry.kind.in_(("reserve", "reserve_release")), Posting.account == "reserve")
        .group_by(Entry.subject)
    )
    closing = pieces.being_closed(session)  # what they keep and let go is known when they are done
    query = query.where(Entry.shop_id.not_in(closing))
    booked = {row[0].removeprefix("reserve:"): -int(row[1]) for row in session.execute(query)}
    wrong = []
    for row in session.scalars(
        sa.select(Reserve).where(Reserve.shop_id.not_in(closing)).order_by(Reserve.statement_id)
    ):
        held = 0 if row.released_in else row.amount
        if booked.pop(row.statement_id, 0) != held:
            wrong.append(Wrong(name, row.statement_id, f"{held} is kept, the ledger says otherwise"))
    wrong.extend(Wrong(name, statement_id, "is booked and not known") for statement_id in booked)
    return wrong


def statements_add_up(session: Session) -> list[Wrong]:
    """A statement's corrections are those of its lines, and its reserve is the one that is kept."""
    name = "statements_add_up"
    fixed = _sums(
        session, StatementLine.statement_id, sa.case((StatementLine.correction, StatementLine.amount), else_=0)
    )
    kept = {row[0]: row[1] for row in session.execute(sa.select(Reserve.statement_id, Reserve.amount))}
    released = _sums(session, Reserve.released_in, Reserve.amount)
    wrong = []
    columns = (Statement.id, Statement.corrections, Statement.reserved, Statement.released)
    for statement_id, corrections, reserved, let_go in session.execute(sa.select(*columns)):
        if fixed.get(statement_id, 0) != corrections:
            wrong.append(
                Wrong(name, statement_id, f"corrections {corrections}, by its lines {fixed.get(statement_id)}")
            )
        if (kept.get(statement_id, 0), released.get(statement_id, 0)) != (reserved, let_go):
            wrong.append(Wrong(name, statement_id, "its reserves are not those that are kept and let go"))
    return wrong


def closings_follow_each_other(session: Session) -> list[Wrong]:
    """The closings of a shop and currency neither overlap nor leave a gap."""
    wrong = []
    before: Closing | None = None
    query = sa.select(Closing).order_by(Closing.shop_id, Closing.currency, Closing.ends_at)
    for row in session.scalars(query):
        mine = before is not None and (before.shop_id, before.currency) == (row.shop_id, row.currency)
        if mine and before is not None and row.starts_at != before.ends_at:
            detail = f"starts at {row.starts_at.isoformat()}, the one before ended at {before.ends_at.isoformat()}"
            wrong.append(Wrong("closings_follow_each_other", row.id, detail))
        before = row
    return wrong


def lines_have_their_heads(session: Session) -> list[Wrong]:
    """Each line of a statement or an invoice belongs to one that is there, or that a closing under way brings."""
    name = "lines_have_their_heads"
    coming = pieces.statements_to_be(session) | {run.invoice_id for run in pieces.under_way(session)}
    lost = sa.union_all(
        sa.select(StatementLine.statement_id).distinct().where(StatementLine.statement_id.not_in(sa.select(Statement.id))),
        sa.select(InvoiceLine.invoice_id).distinct().where(InvoiceLine.invoice_id.not_in(sa.select(Invoice.id))),
    )  # fmt: skip
    return [
        Wrong(name, head, "has lines, and isn't there") for head in sorted(session.scalars(lost)) if head not in coming
    ]


CHECKS: tuple[Callable[[Session], list[Wrong]], ...] = (
    invoices_are_their_lines,
    invoice_numbers_have_no_gap,
    receipts_are_the_ledgers,
    reserves_are_the_ledgers,
    statements_add_up,
    closings_follow_each_other,
    lines_have_their_heads,
)


def _sums(session: Session, key: Any, amount: Any) -> dict[str, int]:
    query = sa.select(key, sa.func.sum(amount)).group_by(key)
    return {found: int(total) for found, total in session.execute(query) if found is not None}
