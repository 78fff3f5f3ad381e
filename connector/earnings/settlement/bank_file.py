"""A bank's statement as CSV, read into receipts: first judged row by row, then booked. Nothing is guessed.

    date        2026-12-03, the day on which the bank received it
    amount      1912.40, above zero: rows of money that went out are left out
    currency    EUR
    reference   the bank's own, unique; a row that was recorded before is known and changes nothing
    invoice     INV-000001; where the column is missing or empty, the one invoice that `text` names
    shop        the shop's id or host, where no invoice is named
    text        what the payer wrote

Columns come in any order, comma or semicolon between them, first row their names. A row that can't be matched for
certain is a conflict with its reason, and the others go on.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, money
from connector.commerce.shops import queries as shops
from connector.commerce.shops.tables import Shop
from connector.earnings.settlement import invoices, receipts
from connector.earnings.settlement.receipts import Coming, Limit
from connector.earnings.settlement.tables import Invoice, Receipt
from connector.errors import ConnectorError, InputRefused, NotFound

NEEDED = ("date", "amount", "currency", "reference")
KNOWN = (*NEEDED, "invoice", "shop", "text")
MOST_ROWS, MOST_CHARACTERS = 10_000, 4_000_000
_NUMBER = re.compile(r"\bINV-0*([1-9][0-9]{0,11})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Judged:
    """What became, or would become, of one row. `line` counts from 2: the file's own line behind its names."""

    line: int
    outcome: str  # new | asks (it waits, or would wait, for a second person) | known | conflict
    reason: str = ""  # code, for a conflict
    detail: str = ""
    coming: Coming | None = None
    shop: str = ""  # host
    doubtful: str = ""  # an earlier receipt of the same sum, near in time: perhaps sent twice
    receipt_id: str = ""  # once it is booked, or known


class _Doubt(Exception):
    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


def rows_of(text: str) -> list[dict[str, str]]:
    """Read the file into rows by column name. Errors: InputRefused("file"), naming what is missing."""
    if len(text) > MOST_CHARACTERS:
        raise InputRefused("file", "is larger than 4 MB.", "Cut it in parts: a row that comes again changes nothing.")
    text = text.removeprefix("\ufeff").replace("\x00", "")
    first = text.split("\n", 1)[0]
    reader = csv.DictReader(io.StringIO(text), delimiter=";" if first.count(";") > first.count(",") else ",")
    try:
        names = [(name or "").strip().lower() for name in reader.fieldnames or ()]
        missing = [name for name in NEEDED if name not in names]
        if missing:
            raise InputRefused(
                "file", f"has no column {', '.join(missing)}.", f"Its first row names {', '.join(KNOWN)}."
            )
        reader.fieldnames = names
        rows = [{name: (row.get(name) or "").strip() for name in KNOWN} for row in reader]
    except csv.Error as error:
        raise InputRefused("file", f"can't be read as CSV: {error}.") from None
    if len(rows) > MOST_ROWS:
        raise InputRefused("file", f"has more than {MOST_ROWS} rows.", "Cut it in parts.")
    return rows


def judge(
    session: Session, rows: Sequence[Mapping[str, str]], limit: Limit, as_of: datetime | None = None
) -> list[Judged]:
    """What each row would do; nothing is written. `limit`: what one person may record of a shop and currency a day."""
    as_of = as_of or clock.now()
    seen: dict[str, Coming] = {}
    sums: dict[tuple[str, str], int] = {}  # (shop, currency) → what one person recorded, with earlier rows of the file
    found = []
    for number, row in enumerate(rows, 2):
        try:
            judged = _judged(session, number, row, seen)
            coming = judged.coming
            if judged.outcome == "new" and coming is not None:
                whose = (coming.shop_id, coming.currency)
                if whose not in sums:
                    sums[whose] = receipts.alone(session, *whose, as_of)
                most = limit(coming.currency)
                if most is not None and sums[whose] + coming.amount > most:
                    judged = replace(judged, outcome="asks")
                else:
                    sums[whose] += coming.amount
            found.append(judged)
        except _Doubt as doubt:
            found.append(Judged(number, "conflict", doubt.reason, doubt.detail))
        except ConnectorError as refused:
            found.append(Judged(number, "conflict", "row_unreadable", refused.public))
    return found


def book(
    session: Session, rows: Sequence[Mapping[str, str]], by: str, limit: Limit, as_of: datetime | None = None
) -> list[Judged]:
    """Record the rows that are new, and keep for a second person what passes the sum that one may record.

    Conflicts stay out and are named. The same file again changes nothing.
    """
    done = []
    for each in judge(session, rows, limit, as_of):
        if each.coming is None or each.outcome not in ("new", "asks"):
            done.append(each)
            continue
        try:
            with session.begin_nested():
                row, _fresh = receipts.record_or_ask(session, each.coming, by, limit, as_of)
        except ConnectorError as refused:
            done.append(Judged(each.line, "conflict", "row_refused", refused.public, shop=each.shop))
        else:
            recorded = isinstance(row, Receipt)
            done.append(replace(each, outcome="new" if recorded else "asks", receipt_id=row.id if recorded else ""))
    return done


def _judged(session: Session, number: int, row: Mapping[str, str], seen: dict[str, Coming]) -> Judged:
    currency = row["currency"].upper()
    amount = money.parse(row["amount"], currency, "amount")
    if amount <= 0:
        raise _Doubt("not_incoming", row["amount"])
    reference = receipts.referenced(row["reference"])
    try:
        day = date.fromisoformat(row["date"])
    except ValueError:
        raise InputRefused("date", f"{row['date'][:20]!r} is no day.", "Write it as 2026-11-20.") from None
    shop, invoice = _whose(session, row, currency)
    about = invoices.number_text(invoice.number) if invoice is not None else ""
    coming = Coming(shop.id, currency, amount, reference, day, "csv", row["text"][:500])
    known = session.execute(sa.select(Receipt).where(Receipt.reference == reference)).scalar_one_or_none()
    if known is not None:
        if not receipts.same(known, coming):
            raise _Doubt("reference_taken", known.id)
        return Judged(number, "known", detail=about, coming=coming, shop=shop.domain, receipt_id=known.id)
    if (before := seen.setdefault(reference, coming)) is not coming:
        if (before.shop_id, before.currency, before.amount) != (shop.id, currency, amount):
            raise _Doubt("reference_twice", reference)
        return Judged(number, "known", detail=about, coming=coming, shop=shop.domain)
    alike = receipts.near(session, coming)
    return Judged(number, "new", "", about, coming, shop.domain, doubtful=alike.id if alike else "")


def _whose(session: Session, row: Mapping[str, str], currency: str) -> tuple[Shop, Invoice | None]:
    """The shop that paid: by the invoice that the row names, else by the shop's name. Never by the sum."""
    invoice = _invoice(session, row)
    if invoice is not None and invoice.currency != currency:
        raise _Doubt("currency_differs", f"{invoices.number_text(invoice.number)} is in {invoice.currency}")
    named = None
    if row["shop"]:
        try:
            named = shops.by_name(session, row["shop"])
        except NotFound:
            raise _Doubt("shop_unknown", row["shop"][:60]) from None
    if invoice is not None:
        if named is not None and named.id != invoice.shop_id:
            raise _Doubt("shop_differs", invoices.number_text(invoice.number))
        return named or shops.get(session, invoice.shop_id), invoice
    if named is None:
        raise _Doubt("no_invoice_named")
    return named, None


def _invoice(session: Session, row: Mapping[str, str]) -> Invoice | None:
    if row["invoice"]:
        numbers = {invoices.number_of(row["invoice"])}
    else:
        numbers = {int(found) for found in _NUMBER.findall(f"{row['text']} {row['reference']}")}
    if not numbers:
        return None
    if len(numbers) > 1:
        rows = list(session.scalars(sa.select(Invoice).where(Invoice.number.in_(numbers))))
        # Several invoices of one shop and currency in one transfer: it is the shop's account that is paid.
        if len(rows) == len(numbers) and len({(one.shop_id, one.currency) for one in rows}) == 1:
            return min(rows, key=lambda one: one.number)
        raise _Doubt("several_invoices", ", ".join(invoices.number_text(number) for number in sorted(numbers)))
    number = numbers.pop()
    found = session.execute(sa.select(Invoice).where(Invoice.number == number)).scalar_one_or_none()
    if found is None:
        raise _Doubt("invoice_unknown", invoices.number_text(number))
    return found
