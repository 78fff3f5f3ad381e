"""The lines of a statement and of an invoice as CSV. Cells that people typed are defused; amounts stay numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from connector import money
from connector.earnings.payouts.rails import defused
from connector.earnings.settlement import invoices
from connector.operations.documents.facts import InvoiceTold, StatementTold
from connector.operations.documents.tax import in_fees

STATEMENT = ("statement", "period", "order", "product", "video", "kind", "amount", "currency")
INVOICE = (
    "invoice", "period", "kind", "order", "placed", "commission", "absorbed", "fee", "tax in fee", "total", "currency",
)  # fmt: skip


def of_statement(told: StatementTold) -> str:
    """A row a line; then what is carried, opened, kept back and let go, so that the column sums to the balance."""
    head = told.head
    rows: list[Sequence[str]] = [
        (
            head.id, head.period, defused(line.order), defused(line.product), defused(line.content),
            "correction" if line.correction else line.kind, money.text(line.amount, head.currency), head.currency,
        )
        for line in told.lines
    ]  # fmt: skip
    for kind, amount in (
        ("carried", head.carried), ("opening", head.opening), ("reserve", -head.reserved),
        ("reserve_release", head.released),
    ):  # fmt: skip
        if amount:
            rows.append((head.id, head.period, "", "", "", kind, money.text(amount, head.currency), head.currency))
    return _written(STATEMENT, rows)


def of_invoice(told: InvoiceTold) -> str:
    """A row an order (or bonus, flat fee …); the column `total` sums to the invoice's total."""
    row = told.invoice
    number = invoices.number_text(row.number)
    taxes = in_fees([line.fee for line in told.lines], told.tax.rate_bp if told.tax.counted else 0)
    return _written(
        INVOICE,
        (
            (
                number, row.period, line.kind, defused(line.order),
                line.placed_on.isoformat() if line.placed_on else "",
                *(
                    money.text(amount, row.currency)
                    for amount in (line.commission, line.absorbed, line.fee, tax, line.total)
                ),
                row.currency,
            )
            for line, tax in zip(told.lines, taxes, strict=True)
        ),
    )  # fmt: skip


def _written(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(names)
    writer.writerows(rows)
    return out.getvalue()
