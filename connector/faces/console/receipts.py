"""What merchants paid in: recorded by hand as a money act (ask, preview, book), or from a bank's file after a look."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

import sqlalchemy as sa
from flask import flash, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import clock, db, money
from connector.commerce.shops import queries as shops_of
from connector.db import Scope
from connector.earnings.payouts import policy
from connector.earnings.settlement import bank_file, invoices, receipts
from connector.earnings.settlement.funding import Account
from connector.earnings.settlement.receipts import Coming, Preview
from connector.earnings.settlement.tables import Invoice, Receipt, ReceiptAsked
from connector.errors import Conflict, ConnectorError, InputRefused
from connector.faces.console.face import WHY, blueprint
from connector.faces.console.runs import shops_by_id
from connector.web import guards, keyset
from connector.web.guards import staff
from connector.web.layout import page

_LARGEST = 400_000  # bytes of a file; its text grows a little when it is sent back
_FIELDS = ("invoice", "amount", "reference", "received_on", "note")


@blueprint.get("/money/receipts")
@staff("finance")
def receipt_list() -> str:
    shop_id = request.args.get("shop", "").strip()
    with db.read(Scope.system(WHY)) as session:
        asked = sa.select(Receipt)
        if shop_id:
            asked = asked.where(Receipt.shop_id == shop_id)
        found = keyset.read(session, "receipts", asked, (Receipt.recorded_at, Receipt.id))
        waiting = receipts.waiting(session)
        named = {row.shop_id for row in found.rows} | {each.shop_id for each in waiting}
        shops = shops_by_id(session, named | {shop_id})
    return page(
        "console/receipts.html", found=found, shops=shops, shop=shops.get(shop_id), waiting=waiting, me=guards.actor()
    )


@blueprint.get("/money/receipts/new")
@staff("finance")
def receipt_new() -> str:
    """Without an amount the question, with one what it would pay."""
    return _asked({name: request.args.get(name, "").strip() for name in _FIELDS})


def _asked(typed: dict[str, str], moved: str = "") -> str:
    errors: dict[str, str] = {}
    preview: Preview | None = None
    found: Invoice | None = None
    shop, alike, rows = None, None, {}
    sum_, second = 0, False
    with db.read(Scope.system(WHY)) as session:
        if typed["invoice"]:
            try:
                found = invoices.by_number(session, invoices.number_of(typed["invoice"]))
                shop = shops_of.get(session, found.shop_id)
                if typed["amount"] or typed["reference"]:
                    coming = _coming(found, typed, errors)
                    if coming is not None:
                        preview = receipts.preview(
                            session, coming.shop_id, coming.currency, coming.amount, clock.now().date()
                        )
                        alike = receipts.near(session, coming)
                        sum_, second = (
                            coming.amount,
                            receipts.needs_second(session, coming, policy.current().limit, clock.now()),
                        )
            except ConnectorError as refused:
                errors["invoice"] = refused.public
        if preview is not None:
            rows = {each.invoice.id: each.invoice for each in preview.after.standings}
    return page(
        "console/receipt_new.html", typed=typed, errors=errors, preview=preview, invoice=found, shop=shop, alike=alike,
        rows=rows, moved=moved, number=invoices.number_text, sum=sum_, second=second,
        token=_token(preview.before) if preview else "",
        today=clock.now().date().isoformat(),
    )  # fmt: skip


def _coming(found: Invoice, typed: dict[str, str], errors: dict[str, str]) -> Coming | None:
    """The money as it was typed; None, with what is off in `errors`."""
    amount, day, reference = 0, clock.now().date(), ""
    try:
        amount = money.parse(typed["amount"], found.currency, "amount")
        if amount <= 0:
            errors["amount"] = "Give an amount above zero."
    except InputRefused as refused:
        errors["amount"] = refused.public
    try:
        reference = receipts.referenced(typed["reference"])
    except InputRefused as refused:
        errors["reference"] = refused.public
    try:
        day = date.fromisoformat(typed["received_on"]) if typed["received_on"] else day
    except ValueError:
        errors["received_on"] = "Write the day as 2026-11-20."
    if errors:
        return None
    return Coming(found.shop_id, found.currency, amount, reference, day, "hand", typed["note"])


@blueprint.post("/money/receipts/new")
@staff("finance")
def record_receipt() -> str | AnyResponse:
    typed = {name: request.form.get(name, "").strip() for name in _FIELDS}
    errors: dict[str, str] = {}
    try:
        with db.write(Scope.system(WHY)) as session:
            found = invoices.by_number(session, invoices.number_of(typed["invoice"]))
            coming = _coming(found, typed, errors)
            if coming is None:
                return _asked(typed)
            _same_as_seen(session, coming)
            row, fresh = receipts.record_or_ask(session, coming, guards.actor(), policy.current().limit)
            receipt_id, waits = row.id, isinstance(row, ReceiptAsked)
    except Conflict as conflict:
        return _asked(typed, moved=conflict.public)
    except ConnectorError:
        return _asked(typed)
    if waits:
        flash("Its sum, with what was recorded of the shop within a day, asks for a second person: somebody else "
              "records it from the list.")  # fmt: skip
        return redirect(url_for(".receipt_list"), code=303)
    flash("The payment is recorded." if fresh else "This reference was recorded before: nothing was booked again.")
    return redirect(url_for(".receipt", receipt_id=receipt_id), code=303)


@blueprint.post("/money/receipts/waiting/<asked_id>")
@staff("finance")
def decide_receipt(asked_id: str) -> AnyResponse:
    yes = request.form.get("act", "") == "approve"
    try:
        with db.write(Scope.system(WHY)) as session:
            made = receipts.decide(session, asked_id, yes=yes, by=guards.actor())
            receipt_id = made.id if made is not None else ""
    except Conflict as conflict:
        flash(conflict.public, "warn")
        return redirect(url_for(".receipt_list"), code=303)
    flash("The payment is recorded." if receipt_id else "It is not recorded.")
    where = url_for(".receipt", receipt_id=receipt_id) if receipt_id else url_for(".receipt_list")
    return redirect(where, code=303)


def _same_as_seen(session: Session, coming: Coming) -> None:
    """Errors: Conflict when the account isn't the one that the preview showed. A repeat is let through: it is known."""
    known = session.scalar(sa.select(Receipt.id).where(Receipt.reference == coming.reference))
    now = receipts.preview(session, coming.shop_id, coming.currency, coming.amount, clock.now().date()).before
    if known is None and request.form.get("token", "") != _token(now):
        raise Conflict("Something changed, look again. Nothing was booked.")


def _token(account: Account) -> str:
    parts = f"{account.received} {account.credit} {[(each.invoice.id, each.open) for each in account.standings]}"
    return hashlib.blake2b(parts.encode(), digest_size=8).hexdigest()


@blueprint.get("/money/receipts/<receipt_id>")
@staff("finance")
def receipt(receipt_id: str) -> str:
    return _one(receipt_id)


def _one(receipt_id: str, problem: str = "") -> str:
    with db.read(Scope.system(WHY)) as session:
        row = receipts.get(session, receipt_id)
        shop = shops_of.get(session, row.shop_id)
        undone = session.scalar(sa.select(Receipt.id).where(Receipt.undoes == row.id))
        preview = receipts.preview(session, row.shop_id, row.currency, -row.amount, clock.now().date())
        rows = {each.invoice.id: each.invoice for each in preview.after.standings}
    return page(
        "console/receipt.html", receipt=row, shop=shop, undone=undone, preview=preview, rows=rows, problem=problem,
        number=invoices.number_text,
    )  # fmt: skip


@blueprint.post("/money/receipts/<receipt_id>/undo")
@staff("finance")
def undo_receipt(receipt_id: str) -> str | AnyResponse:
    try:
        with db.write(Scope.system(WHY)) as session:
            made = receipts.undo(session, receipt_id, guards.actor(), request.form.get("why", ""))
            undo_id = made.id
    except (Conflict, InputRefused) as refused:
        return _one(receipt_id, problem=refused.public)
    flash("The payment is taken back. What it paid is open again.")
    return redirect(url_for(".receipt", receipt_id=undo_id), code=303)


@blueprint.get("/money/receipts/file")
@staff("finance")
def bank_statement() -> str:
    return page("console/bank_file.html", text="", rows=None, errors={}, counts={})


@blueprint.post("/money/receipts/file")
@staff("finance")
def read_bank_statement() -> str:
    """A dry run, or (with `book`) the recording of what is new."""
    text, booking = "", request.form.get("book") == "1"
    rows: list[bank_file.Judged] | None = None
    errors: dict[str, str] = {}
    try:
        text = _text_sent()
        lines = bank_file.rows_of(text)
        if booking:
            with db.write(Scope.system(WHY)) as session:
                rows = bank_file.book(session, lines, guards.actor(), policy.current().limit)
        else:
            with db.read(Scope.system(WHY)) as session:
                rows = bank_file.judge(session, lines, policy.current().limit)
    except InputRefused as refused:
        errors["text"] = refused.public
    counts: dict[str, Any] = {}
    for each in rows or ():
        counts[each.outcome] = counts.get(each.outcome, 0) + 1
    return page("console/bank_file.html", text=text, rows=rows, errors=errors, counts=counts, booked=booking)


def _text_sent() -> str:
    """The file, or its text. Errors: InputRefused("text") for what isn't text, or too long to be sent back with a look.

    What was looked at is sent back as a field, and fields have a bound of their own.
    """
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        return request.form.get("text", "")
    raw = sent.read(_LARGEST + 1)
    if len(raw) > _LARGEST:
        raise InputRefused("text", "is larger than 400 kB.", "Record it by `connector receipt import`.")
    try:
        return str(raw, "utf-8-sig")
    except UnicodeDecodeError:
        raise InputRefused("text", "isn't UTF-8.", "Save it as CSV in UTF-8.") from None
