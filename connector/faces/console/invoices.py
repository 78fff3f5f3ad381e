"""What merchants owe: invoices with how late they are, one invoice, a statement; closing a period as a money act."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from flask import Response, current_app, flash, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import clock, db, jobs
from connector.commerce.shops import queries as shops_of
from connector.db import Scope
from connector.earnings.settlement import close as closing_of
from connector.earnings.settlement import funding, invoices, pieces, queries, receipts
from connector.earnings.settlement.funding import BUCKETS, Account, Bucket, Standing
from connector.earnings.settlement.plan import Part, Plan, token_of
from connector.earnings.settlement.tables import Invoice
from connector.errors import Conflict, InputRefused
from connector.faces.console.face import WHY, blueprint
from connector.faces.console.runs import shops_by_id
from connector.operations.documents import facts, files
from connector.programme.creators import queries as creators_of
from connector.web import guards, keyset, moments
from connector.web.guards import staff
from connector.web.layout import page

AT_ONCE = 3  # pieces of a closing that are booked while the page waits; more are a job's
SHOWN = 200  # lines of one document on its page: its files have all of them


@blueprint.get("/money/invoices")
@staff("finance")
def invoice_list() -> str:
    shop_id = request.args.get("shop", "").strip()
    today = clock.now().astimezone(moments.zone()).date()
    with db.read(Scope.system(WHY)) as session:
        owing = funding.accounts(session, today, shop_id=shop_id or None, only_open=True)
        asked = sa.select(Invoice)
        if shop_id:
            asked = asked.where(Invoice.shop_id == shop_id)
        found = keyset.read(session, "invoices", asked, (Invoice.issued_at, Invoice.id))
        states = _states(session, [(row.shop_id, row.currency) for row in found.rows], today)
        shops = shops_by_id(session, {each.shop_id for each in owing} | {row.shop_id for row in found.rows} | {shop_id})
    rows = [(each, each.ageing(today)) for each in owing]
    rows.sort(key=lambda row: (row[0].currency, -row[1]["days_over_60"], -row[0].open))
    return page(
        "console/invoices.html", owing=rows, totals=_totals(rows), found=found, states=states, shops=shops,
        shop=shops.get(shop_id), buckets=BUCKETS, number=invoices.number_text,
    )  # fmt: skip


def _states(session: Session, wanted: list[tuple[str, str]], today: date) -> dict[str, Standing]:
    """Invoice id → how it stands, of the accounts that a page shows."""
    found: dict[str, Standing] = {}
    for shop_id, currency in sorted(set(wanted)):
        for each in funding.account(session, shop_id, currency, today).standings:
            found[each.invoice.id] = each
    return found


def _totals(rows: list[tuple[Account, dict[Bucket, int]]]) -> dict[str, dict[Bucket, int]]:
    """Currency → what is open in each column, over all shops."""
    sums: dict[str, dict[Bucket, int]] = {}
    for account, columns in rows:
        total = sums.setdefault(account.currency, dict.fromkeys(BUCKETS, 0))
        for name, amount in columns.items():
            total[name] += amount
    return sums


@blueprint.get("/money/invoices/<invoice_id>")
@staff("finance")
def invoice(invoice_id: str) -> str:
    with db.read(Scope.system(WHY)) as session:
        told = facts.invoice(session, invoice_id, clock.now())
        moments.use_zone(told.shop.time_zone)
        account = funding.account(session, told.shop.id, told.invoice.currency, clock.now().date())
        paid_in = receipts.of_shop(session, told.shop.id, told.invoice.currency, limit=20)
    return page(
        "console/invoice.html", told=told, invoice=told.invoice, shop=told.shop, account=account, receipts=paid_in,
        number=invoices.number_text, shown=SHOWN,
    )  # fmt: skip


@blueprint.get("/money/invoices/<invoice_id>/file.<any(pdf, csv):kind>")
@staff("finance")
def invoice_file(invoice_id: str, kind: str) -> Response:
    with db.read(Scope.system(WHY)) as session:
        told = facts.invoice(session, invoice_id, clock.now())
    return files.invoice(told, kind, current_app.config["CONNECTOR"])


@blueprint.get("/money/statements/<statement_id>")
@staff("finance")
def statement(statement_id: str) -> str:
    with db.read(Scope.system(WHY)) as session:
        told = facts.statement(session, statement_id, clock.now())
    moments.use_zone(told.shop.time_zone)
    return page("console/statement.html", told=told, head=told.head, shown=SHOWN, number=invoices.number_text)


@blueprint.get("/money/statements/<statement_id>/file.<any(pdf, csv):kind>")
@staff("finance")
def statement_file(statement_id: str, kind: str) -> Response:
    with db.read(Scope.system(WHY)) as session:
        told = facts.statement(session, statement_id, clock.now())
    return files.statement(told, kind, current_app.config["CONNECTOR"])


@blueprint.get("/money/close")
@staff("finance")
def close() -> str | AnyResponse:
    """Without a shop, which periods are over; with one, what closing its period would book, or its statements."""
    shop_id, period = request.args.get("shop", "").strip(), request.args.get("period", "").strip()
    if shop_id and period:
        with db.read(Scope.system(WHY)) as session:
            done = next((each for each in queries.closings(session, shop_id) if each.period == period), None)
        if done is not None:
            return redirect(url_for(".closing", closing_id=done.id))
    return _closing(shop_id, period) if shop_id and period else _closings_due()


def _closings_due() -> str:
    now = clock.now()
    with db.read(Scope.system(WHY)) as session:
        due = [(shop, closing_of.due(session, shop, now)) for shop in shops_of.every(session)]
    return page("console/close.html", due=[(shop, periods) for shop, periods in due if periods], now=now)


def _closing(shop_id: str, period: str, moved: str = "") -> str:
    as_of, refused = clock.now(), ""
    plans: list[Plan] = []
    people = {}
    with db.read(Scope.system(WHY)) as session:
        shop = shops_of.get(session, shop_id)
        if pieces.under_way(session, shop_id):
            return page("console/close_under_way.html", shop=shop, **_way(session, shop_id))
        try:
            plans = closing_of.planned(session, shop_id, period, as_of)
        except (Conflict, InputRefused) as error:
            refused = error.public
        firsts = {part.creator_id for plan in plans for part in _largest(plan)}
        people = creators_of.some(session, firsts)
    moments.use_zone(shop.time_zone)
    return page(
        "console/close_one.html", shop=shop, period=period, plans=plans, people=people, refused=refused, moved=moved,
        as_of=as_of, token=token_of(plans), largest=_largest,
    )  # fmt: skip


def _largest(plan: Plan) -> list[Part]:
    return sorted(plan.parts, key=lambda part: (-abs(part.total), part.creator_id))[:10]


@blueprint.post("/money/close")
@staff("finance")
def close_now() -> str | AnyResponse:
    shop_id, period = request.form.get("shop", ""), request.form.get("period", "")
    try:
        as_of = datetime.fromisoformat(request.form.get("as_of", ""))
        if as_of.tzinfo is None or as_of > clock.now():
            raise ValueError
    except ValueError:
        raise InputRefused("as_of", "is no moment that has passed.", "Start again from the preview.") from None
    try:
        token = request.form.get("token", "") or "none"
        begun = closing_of.begin(shop_id, period, as_of, guards.actor(), token=token)
    except Conflict as conflict:
        return _closing(shop_id, period, moved=conflict.public)
    with db.read(Scope.system(WHY)) as session:
        _, whole = pieces.progress(session, shop_id)
    if whole <= AT_ONCE:
        closing_of.carry_on(shop_id)
        flash(f"{period} is closed. Statements and the invoice are written; nothing was paid out.")
        return redirect(url_for(".closing", closing_id=begun[0]), code=303)
    with db.write(Scope.system(WHY)) as session:
        jobs.enqueue(session, "settlement.close", begun[0], shop_id=shop_id)
    return redirect(url_for(".close", shop=shop_id, period=period), code=303)


@blueprint.get("/money/close/<shop_id>/part")
@staff("finance")
def close_part(shop_id: str) -> str:
    """The live part of the page of a closing under way."""
    with db.read(Scope.system(WHY)) as session:
        return page("console/close_part.html", **_way(session, shop_id))


def _way(session: Session, shop_id: str) -> dict[str, Any]:
    """How far a shop's closing is: rows of the page and of its live part."""
    booked, whole = pieces.progress(session, shop_id)
    runs = pieces.under_way(session, shop_id)
    made = [] if runs else queries.closings(session, shop_id, 1)
    return {"runs": runs, "booked": booked, "whole": whole, "closing": made[0] if made else None}
