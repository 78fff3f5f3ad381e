"""Invoices to merchants, what was paid of them, and statements and invoices as files."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from flask import Response, current_app
from pydantic import Field

from connector import clock, db
from connector.commerce.shops import queries as shops
from connector.db import Scope
from connector.earnings.payouts import policy
from connector.earnings.settlement import funding, invoices, periods, receipts
from connector.earnings.settlement.funding import Account, Standing
from connector.earnings.settlement.receipts import Coming
from connector.earnings.settlement.tables import Receipt
from connector.earnings.settlement.tables import ReceiptAsked as Waiting
from connector.faces.api import shapes
from connector.faces.api.face import blueprint, key_after, page, paged
from connector.operations.documents import facts, files
from connector.web import guards
from connector.web.guards import app_scope

_FILE: dict[int | str, dict[str, str | dict[str, dict[str, Any]]]] = {
    200: {"description": "The document", "content": {"application/pdf": {}, "text/csv": {}}}
}


class InvoicesAsked(shapes.LongPage):
    shop_id: shapes.Ident
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = Field(None, description="ISO 4217.")


class InvoiceShown(shapes.Given):
    id: str
    number: str = Field(description="INV-000001: runs over all shops of the app, without gaps.")
    shop_id: str
    closing_id: str
    period: str
    issued_on: date
    due_on: date
    orders: int
    commission: shapes.Money = Field(description="Less what it reverses of earlier invoices.")
    bonus: shapes.Money
    flat_fee: shapes.Money = Field(description="Of agreements, for content that was approved.")
    reimbursement: shapes.Money = Field(description="What creators paid for refundable samples.")
    opening: shapes.Money
    absorbed: shapes.Money = Field(description="Below zero: given back to the merchant, borne by the app.")
    fee: shapes.Money
    total: shapes.Money = Field(description="Below zero: a credit note.")
    paid: shapes.Money
    open: shapes.Money
    state: str = Field(description="due, overdue, partly_paid, paid or credit.")


class ShopAccountShown(shapes.Given):
    shop_id: str
    currency: str
    received: shapes.Money
    open: shapes.Money
    credit: shapes.Money = Field(description="Paid beyond what was asked; pays the next invoice.")
    ageing: dict[str, shapes.Money] = Field(description="What is open: current, and by days behind its due day.")
    invoices: list[InvoiceShown]


class AccountsShown(shapes.PagedList):
    items: list[ShopAccountShown]


class InvoiceLineShown(shapes.Given):
    kind: str
    order_id: str | None
    order: str
    commission: shapes.Money
    absorbed: shapes.Money
    fee: shapes.Money
    total: shapes.Money


class InvoiceWhole(InvoiceShown):
    lines: list[InvoiceLineShown]


class ReceiptAsked(shapes.Asked):
    model_config = shapes.example(
        shop_id="shp_01j8…",
        currency="EUR",
        amount=191240,
        reference="2026-11-20/17",
        received_on="2026-11-20",
    )

    shop_id: shapes.Ident
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = Field(description="ISO 4217.")
    amount: int = Field(gt=0, le=10**15, description="Integer minor units.")
    reference: Annotated[shapes.Text, Field(min_length=1, max_length=140)] = Field(
        description="The bank's own. One that was recorded before gives that receipt and changes nothing."
    )
    received_on: date
    note: Annotated[shapes.Text, Field(max_length=500)] = ""


class ReceiptShown(shapes.Given):
    id: str
    state: str = Field(
        description="recorded; or waits: with what was recorded of the shop within a day it passes the sum that one "
        "person may record. Nothing is booked until a second person records it in the console."
    )
    reference: str
    source: str
    shop_id: str
    amount: shapes.Money = Field(description="Below zero: takes another one back.")
    received_on: date
    undoes: str | None
    recorded_at: datetime | None


class ReceiptList(shapes.PagedList):
    items: list[ReceiptShown]


class ReceiptsAsked(shapes.LongPage):
    shop_id: shapes.Ident


@blueprint.get("/invoices")
@app_scope("earnings:read")
@blueprint.input(InvoicesAsked, location="query")
@blueprint.output(AccountsShown)
@paged("list_invoices", asked=True)
def list_invoices(query_data: InvoicesAsked) -> AccountsShown:
    """A shop's invoices in each currency, what was paid of them, and how late what is open is"""
    with db.read(Scope.app()) as session:
        shop = shops.get(session, query_data.shop_id)
        today = clock.now().astimezone(periods.zone_of(shop.time_zone)).date()
        found = funding.accounts(session, today, shop_id=shop.id, currency=query_data.currency)
        return AccountsShown(items=[_account(each, today) for each in found])


@blueprint.get("/invoices/<invoice_id>")
@app_scope("earnings:read")
@blueprint.output(InvoiceWhole)
def read_invoice(invoice_id: str) -> InvoiceWhole:
    """One invoice with its lines, an order each"""
    with db.read(Scope.app()) as session:
        told = facts.invoice(session, invoice_id, clock.now())
    currency = told.invoice.currency
    lines = [
        InvoiceLineShown(
            kind=line.kind, order_id=line.order_id or None, order=line.order,
            commission=shapes.as_money(line.commission, currency), absorbed=shapes.as_money(line.absorbed, currency),
            fee=shapes.as_money(line.fee, currency), total=shapes.as_money(line.total, currency),
        )
        for line in told.lines
    ]  # fmt: skip
    return InvoiceWhole(**_invoice(told.standing), lines=lines)


@blueprint.get("/invoices/<invoice_id>/file.<any(pdf, csv):kind>")
@app_scope("earnings:read")
@blueprint.doc(responses=_FILE)
def invoice_file(invoice_id: str, kind: str) -> Response:
    """An invoice as PDF or CSV"""
    with db.read(Scope.app()) as session:
        told = facts.invoice(session, invoice_id, clock.now())
    return files.invoice(told, kind, current_app.config["CONNECTOR"])


@blueprint.get("/statements/<statement_id>/file.<any(pdf, csv):kind>")
@app_scope("earnings:read")
@blueprint.doc(responses=_FILE)
def statement_file(statement_id: str, kind: str) -> Response:
    """A creator's statement as PDF or CSV"""
    with db.read(Scope.app()) as session:
        told = facts.statement(session, statement_id, clock.now())
    return files.statement(told, kind, current_app.config["CONNECTOR"])


@blueprint.get("/receipts")
@app_scope("earnings:read")
@blueprint.input(ReceiptsAsked, location="query")
@blueprint.output(ReceiptList)
def list_receipts(query_data: ReceiptsAsked) -> ReceiptList:
    """What a shop's merchant paid in, newest first"""
    with db.read(Scope.app()) as session:
        shop = shops.get(session, query_data.shop_id)
        key = key_after("list_receipts", query_data.cursor, str, str)
        after = None if key is None else (date.fromisoformat(str(key[0])), str(key[1]))
        rows = receipts.of_shop(session, shop.id, after=after, limit=query_data.limit + 1)
        shown, more = page("list_receipts", rows, query_data.limit, lambda row: [row.received_on.isoformat(), row.id])
        return ReceiptList(items=[_receipt(row) for row in shown], next=more)


@blueprint.post("/receipts")
@app_scope("receipts:write")
@blueprint.input(ReceiptAsked)
@blueprint.output(ReceiptShown)
def record_receipt(json_data: ReceiptAsked) -> ReceiptShown:
    """Record money from a merchant; the oldest invoice is paid first

    Repeating it with the same reference changes nothing. One that passes, with the shop's others of 24 hours, the sum
    of CONNECTOR_PAYOUT_APPROVAL waits for a second person.
    """
    with db.write(Scope.app()) as session:
        coming = Coming(
            json_data.shop_id, json_data.currency, json_data.amount, json_data.reference, json_data.received_on, "hand",
            json_data.note,
        )  # fmt: skip
        row, _ = receipts.record_or_ask(session, coming, guards.actor(), policy.current().limit)
        return _receipt(row)


def _account(found: Account, today: date) -> ShopAccountShown:
    return ShopAccountShown(
        shop_id=found.shop_id, currency=found.currency, received=shapes.as_money(found.received, found.currency),
        open=shapes.as_money(found.open, found.currency), credit=shapes.as_money(found.credit, found.currency),
        ageing={name: shapes.as_money(amount, found.currency) for name, amount in found.ageing(today).items()},
        invoices=[InvoiceShown(**_invoice(each)) for each in found.standings],
    )  # fmt: skip


def _invoice(each: Standing) -> dict[str, Any]:
    row = each.invoice
    sums = {
        "commission": row.earned + row.reversed, "bonus": row.bonus, "flat_fee": row.flat_fee,
        "reimbursement": row.reimbursement, "opening": row.opening, "absorbed": row.absorbed,
        "fee": row.fee, "total": row.total, "paid": each.paid, "open": each.open,
    }  # fmt: skip
    plain = {name: getattr(row, name) for name in ("id", "shop_id", "closing_id", "period", "issued_on", "due_on")}
    return {
        **plain, "number": invoices.number_text(row.number), "orders": row.orders, "state": each.state,
        **{name: shapes.as_money(amount, row.currency) for name, amount in sums.items()},
    }  # fmt: skip


def _receipt(row: Receipt | Waiting) -> ReceiptShown:
    names = ("id", "reference", "source", "shop_id", "received_on")
    shown: dict[str, Any] = {name: getattr(row, name) for name in names}
    if isinstance(row, Receipt):
        shown |= {"state": "recorded", "undoes": row.undoes, "recorded_at": row.recorded_at}
    else:
        shown |= {"state": "waits", "undoes": None, "recorded_at": None}
    return ReceiptShown(**shown, amount=shapes.as_money(row.amount, row.currency))
