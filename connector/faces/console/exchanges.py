"""The app's own exchanges at its bank: what is open, a look at what one would close, and recording it."""

from __future__ import annotations

import hashlib
from datetime import date

from flask import flash, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import clock, db, money
from connector.db import Scope
from connector.earnings.payouts import exchange, policy
from connector.earnings.payouts.exchange import Deal, Part
from connector.errors import Conflict, ConnectorError, InputRefused
from connector.faces.console.face import WHY, blueprint
from connector.faces.console.payouts_heard import said
from connector.faces.console.runs import shops_by_id
from connector.web import guards
from connector.web.guards import staff
from connector.web.layout import page

_FIELDS = ("sold", "sold_currency", "bought", "bought_currency", "reference", "on", "note")


@blueprint.get("/payouts/exchanges")
@staff("finance")
def exchange_list() -> str:
    """What is open and what was exchanged; with an amount, what it would close."""
    return _shown({name: request.args.get(name, "").strip() for name in _FIELDS})


def _shown(typed: dict[str, str], moved: str = "", problem: str = "") -> str:
    errors: dict[str, str] = {}
    parts: list[Part] = []
    deal, second, token = None, False, ""
    with db.read(Scope.system(WHY)) as session:
        opened, rows = exchange.positions(session), exchange.newest(session)
        if typed["sold"] or typed["bought"] or typed["reference"]:
            try:
                deal = _deal(typed)
                parts, second = exchange.look(session, deal, policy.current().limit, clock.now())
                token = _token(session, deal)
            except ConnectorError as refused:
                errors[getattr(refused, "field", "sold")], deal = said(refused), None
        named = {part.shop_id for part in parts} | {shop for by_shop in opened.values() for shop in by_shop}
        shops = shops_by_id(session, named)
    return page(
        "console/exchanges.html", typed=typed, errors=errors, opened=opened, rows=rows, deal=deal, parts=parts,
        second=second, token=token, moved=moved, problem=problem, shops=shops, me=guards.actor(),
        today=clock.now().date().isoformat(), taken_back={row.undoes for row in rows if row.undoes},
    )  # fmt: skip


def _deal(typed: dict[str, str]) -> Deal:
    """Errors: InputRefused, MoneyRefused, by the field's name."""
    sums = {}
    for name in ("sold", "bought"):
        currency = typed[f"{name}_currency"].upper()
        if not currency:
            raise InputRefused(f"{name}_currency", "is empty.", "Give its three letters, like EUR.")
        sums[name] = money.parse(typed[name], currency, name), currency
    try:
        on = date.fromisoformat(typed["on"]) if typed["on"] else clock.now().date()
    except ValueError:
        raise InputRefused("on", "is no day.", "Write it as 2026-11-20.") from None
    return Deal(*sums["sold"], *sums["bought"], typed["reference"], on, typed["note"])


@blueprint.post("/payouts/exchanges")
@staff("finance")
def record_exchange() -> str | AnyResponse:
    typed = {name: request.form.get(name, "").strip() for name in _FIELDS}
    try:
        with db.write(Scope.system(WHY)) as session:
            deal = _deal(typed)
            if request.form.get("token", "") != _token(session, deal):
                raise Conflict("Something changed, look again. Nothing was booked.")
            row = exchange.record(session, deal, guards.actor(), policy.current().limit)
            waits = row.state == "waits"
    except Conflict as conflict:
        return _shown(typed, moved=conflict.public)
    except ConnectorError:
        return _shown(typed)
    flash(
        "Its sum asks for a second person: somebody else records it from the list."
        if waits
        else "The exchange is recorded."
    )
    return redirect(url_for(".exchange_list"), code=303)


@blueprint.post("/payouts/exchanges/<exchange_id>")
@staff("finance")
def decide_exchange(exchange_id: str) -> str | AnyResponse:
    """A second person's word on one that waits, or taking back one that stands."""
    act = request.form.get("act", "")
    try:
        with db.write(Scope.system(WHY)) as session:
            if act == "undo":
                exchange.undo(session, exchange_id, guards.actor(), request.form.get("why", ""))
            else:
                exchange.decide(session, exchange_id, yes=act == "approve", by=guards.actor())
    except (Conflict, InputRefused) as refused:
        return _shown(dict.fromkeys(_FIELDS, ""), problem=refused.public)
    words = {"undo": "The exchange is taken back: what it closed is open again.", "approve": "It is recorded."}
    flash(words.get(act, "It is not recorded."))
    return redirect(url_for(".exchange_list"), code=303)


def _token(session: Session, deal: Deal) -> str:
    """Names what is open of the pair: what a look showed is what is booked."""
    opened = exchange.positions(session, deal.pair)
    return hashlib.blake2b(repr((deal, sorted(opened.get(deal.pair, {}).items()))).encode(), digest_size=8).hexdigest()
