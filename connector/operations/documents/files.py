"""The documents as answers of a page or of the API: PDF or CSV, with a name to be saved under."""

from __future__ import annotations

from dataclasses import replace

from flask import Response

from connector.config import Settings
from connector.earnings.settlement import invoices
from connector.operations.documents import sheet, table
from connector.operations.documents.facts import InvoiceTold, StatementTold
from connector.operations.documents.sheet import Sheet


def statement(told: StatementTold, kind: str, settings: Settings) -> Response:
    """`kind`: pdf or csv."""
    name = f"statement-{told.head.period}-{told.head.currency}"
    if kind == "csv":
        return _csv(table.of_statement(told), name)
    return _pdf(sheet.of_statement(told, _lines(settings.invoice_issuer)), name)


def invoice(told: InvoiceTold, kind: str, settings: Settings) -> Response:
    name = invoices.number_text(told.invoice.number)
    if kind == "csv":
        return _csv(table.of_invoice(told), name)
    tax = replace(told.tax, number=settings.invoice_tax_number, wording=settings.invoice_reverse_charge)
    told = replace(told, tax=tax)
    return _pdf(sheet.of_invoice(told, _lines(settings.invoice_issuer), _lines(settings.invoice_pay_to)), name)


def _lines(text: str) -> str:
    """A setting's `|` begins a new line."""
    return "\n".join(part.strip() for part in text.split("|"))


def _pdf(made: Sheet, name: str) -> Response:
    # Late: fonts and their tools are large, and most requests draw nothing.
    from connector.operations.documents import pdf

    return _saved(Response(pdf.render(made), mimetype="application/pdf"), f"{name}.pdf")


def _csv(text: str, name: str) -> Response:
    # The mark in front lets spreadsheets read it as UTF-8.
    return _saved(Response("\ufeff" + text, mimetype="text/csv"), f"{name}.csv")


def _saved(response: Response, name: str) -> Response:
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "private, no-store"
    return response
