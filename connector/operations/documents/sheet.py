"""A document as plain values: what stands on it, in words and figures that are dressed already. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_date

from connector.earnings.settlement import invoices
from connector.earnings.settlement.funding import State
from connector.operations.documents.facts import InvoiceTold, StatementTold
from connector.operations.documents.tax import in_fees
from connector.web import amounts, moments, rate_words

# Lines that a PDF shows one by one; the rest is summed up, and the CSV file has them all.
MOST_LINES = 1000

_STATES: dict[State, str] = {
    "due": "Due", "overdue": "Overdue", "partly_paid": "Partly paid", "paid": "Paid", "credit": "Credit note",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    share: int  # of the width, in parts
    number: bool = False  # end-aligned


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    columns: tuple[Column, ...]
    rows: Sequence[tuple[str, ...]]
    more: str = ""  # what the rows leave out, in a sentence


@dataclass(frozen=True, slots=True)
class Sheet:
    title: str
    issuer: str  # who gives it out, lines parted by a newline
    to: str
    made_at: datetime  # of the facts, not of the printing: the same facts give the same bytes
    facts: list[tuple[str, str]]
    sums: list[tuple[str, str]]  # the last one is the answer
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def of_invoice(told: InvoiceTold, issuer: str, pay_to: str) -> Sheet:
    """A merchant's invoice. `pay_to`: how to pay, in the operator's words."""
    row, zone = told.invoice, moments.zone_named(told.shop.time_zone)
    credit = row.total < 0
    number = invoices.number_text(row.number)
    facts = [
        ("Number", number),
        ("Period", f"{row.period}: {span(told.starts_at, told.ends_at, zone)}"),
        ("Issued", moments.date_words(row.issued_on)),
    ]
    if not credit:
        facts.append(("Due", moments.date_words(row.due_on)))
    facts += [("Currency", row.currency), ("Status", _STATES[told.standing.state])]
    notes = []
    if not credit and told.standing.open and pay_to:
        notes.append(f"{pay_to}\nGive {number} as the reference.")
    if credit:
        notes.append("This is a credit note: it pays older invoices first, then the next one.")
    notes.append("Each amount is the sum of entries of the ledger.")
    notes.append(_taxed(told))
    return Sheet(
        title=f"{'Credit note' if credit else 'Invoice'} {number}", issuer=issuer,
        to=f"{told.shop.name or told.shop.domain}\n{told.shop.domain}", made_at=row.issued_at, facts=facts,
        sums=_invoice_sums(told), tables=[_invoice_table(told)], notes=notes,
    )  # fmt: skip


def _taxed(told: InvoiceTold) -> str:
    """What the invoice says of tax: of commission always the same, of the fee by the shop's setting."""
    said = [
        "Commission, bonuses, flat fees, paid-back samples and opening balances are the creators' and are passed on: no"
        " tax is asked for them."
    ]
    if told.tax.counted:
        said.append(f"The app fee includes tax of {rate_words.short(told.tax.rate_bp)} on its net amount.")
    elif told.tax.mode == "reverse_charge":
        said.append(told.tax.wording)
    else:
        said.append("No tax is worked out on the app fee.")
    if told.tax.number and told.tax.mode != "none":
        said.append(f"Our tax number: {told.tax.number}.")
    return " ".join(said)


def _invoice_sums(told: InvoiceTold) -> list[tuple[str, str]]:
    row = told.invoice
    named = [
        (f"Commission of {amounts.count(row.orders)} orders", row.earned, True),
        ("Reversed, of earlier invoices", row.reversed, False),
        ("Bonuses", row.bonus, False),
        ("Flat fees for content", row.flat_fee, False),
        ("Samples paid back", row.reimbursement, False),
        ("Opening balances", row.opening, False),
        ("Given back to you, borne by the app", row.absorbed, False),
        ("App fee", row.fee, False),
    ]
    tax = sum(in_fees([line.fee for line in told.lines], told.tax.rate_bp)) if told.tax.counted else 0
    if tax:
        named[-1:] = [
            ("App fee, net", row.fee - tax, False),
            (f"Tax on it, {rate_words.short(told.tax.rate_bp)}", tax, False),
        ]
    sums = [(word, amounts.plain(amount, row.currency, "code")) for word, amount, always in named if amount or always]
    sums.append(("Total", amounts.plain(row.total, row.currency, "code")))
    if told.standing.paid:
        sums.append(("Paid", amounts.plain(-told.standing.paid, row.currency, "code")))
        sums.append(("Still open", amounts.plain(told.standing.open, row.currency, "code")))
    return sums


def _invoice_table(told: InvoiceTold) -> Table:
    currency = told.invoice.currency
    shown = told.lines[:MOST_LINES]
    rows = [
        (
            line.order, moments.date_words(line.placed_on) if line.placed_on else "",
            amounts.plain(line.commission + line.absorbed, currency, "bare"), amounts.plain(line.fee, currency, "bare"),
            amounts.plain(line.total, currency, "bare"),
        )
        for line in shown
    ]  # fmt: skip
    columns = (
        Column("Order", 4), Column("Placed", 3), Column("Commission", 3, True), Column("App fee", 2, True),
        Column("Total", 3, True),
    )  # fmt: skip
    return Table("By order", columns, rows, _more(len(told.lines) - len(shown)))


def of_statement(told: StatementTold, issuer: str) -> Sheet:
    """A creator's statement."""
    head, zone = told.head, moments.zone_named(told.shop.time_zone)

    def said(amount: int) -> str:
        return amounts.plain(amount, head.currency, "code")

    facts = [
        ("Shop", told.shop.name or told.shop.domain),
        ("Period", f"{head.period}: {span(head.starts_at, head.ends_at, zone)}"),
        ("Closed", moments.date_words(head.closed_at.astimezone(zone).date())),
        ("Currency", head.currency),
        ("Reference", head.id),
    ]
    sums = [("Carried over from before", said(head.carried))] if head.carried else []
    if head.opening:
        sums.append(("Opening balance", said(head.opening)))
    sums.append(("Earned in this period", said(head.total - head.corrections)))
    if head.corrections:
        sums.append(("Corrections of earlier statements", said(head.corrections)))
    if head.reserved:
        sums.append(("Kept in reserve", said(-head.reserved)))
    if head.released:
        sums.append(("Let go from reserve", said(head.released)))
    sums.append(("Your balance", said(head.payable)))
    notes = []
    if told.unfunded:
        notes.append(f"{said(told.unfunded)} of it waits until the shop has paid its invoice.")
    if head.payable < 0:
        notes.append("The balance is below zero: it is taken off what you earn next, and nothing is asked back.")
    return Sheet(
        title=f"Statement {head.period}", issuer=issuer, to=f"{told.creator.name}\n@{told.creator.handle}",
        made_at=head.closed_at, facts=facts, sums=sums, tables=_statement_tables(told), notes=notes,
    )  # fmt: skip


def _statement_tables(told: StatementTold) -> list[Table]:
    currency = told.head.currency
    by_video = [
        (name or "Without a video", amounts.count(lines), amounts.plain(amount, currency, "bare"))
        for name, lines, amount in told.by_content
    ]
    shown = told.lines[:MOST_LINES]
    by_order = [
        (
            line.order, line.product + (" (correction)" if line.correction else ""), line.content,
            amounts.plain(line.amount, currency, "bare"),
        )
        for line in shown
    ]  # fmt: skip
    return [
        Table("By video and live session", (Column("Video", 6), Column("Lines", 2, True), Column("Amount", 3, True)),
              by_video),
        Table("By order", (Column("Order", 2), Column("Product", 5), Column("Video", 4), Column("Amount", 3, True)),
              by_order, _more(len(told.lines) - len(shown))),
    ]  # fmt: skip


def _more(left: int) -> str:
    return f"{amounts.count(left)} more lines are in the CSV file." if left else ""


def period_words(name: str) -> str:
    """A period as people say it: `2026-11` is November 2026, `2026-W46` is week 46 of 2026."""
    year, _, rest = name.partition("-")
    if rest.startswith("W"):
        return f"week {int(rest[1:])} of {year}"
    first, _, last = name.partition("_")
    if last:
        days = [moments.date_words(date.fromisoformat(day)) for day in (first, last)]
        return f"{days[0]} to {days[1]}"
    month, _, half = rest.partition("-")
    words = str(format_date(date(int(year), int(month), 1), "MMMM y", locale=amounts.LOCALE))
    return {"H1": f"the first half of {words}", "H2": f"the second half of {words}"}.get(half, words)


def span(starts_at: datetime, ends_at: datetime, zone: ZoneInfo) -> str:
    """`1 Nov 2026 to 30 Nov 2026`: the first and the last day of a half-open span."""
    first = starts_at.astimezone(zone).date()
    last = (ends_at - timedelta(microseconds=1)).astimezone(zone).date()
    return f"{moments.date_words(first)} to {moments.date_words(last)}"
