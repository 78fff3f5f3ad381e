"""Frozen money: what is held, until when somebody may appeal, when it ends; freezing as a money act."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import flash, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from connector import clock, db
from connector.commerce.orders.tables import Order
from connector.db import Scope
from connector.earnings.commission import freezes as acts
from connector.earnings.commission.freezes import APPEAL_DAYS, DECIDE_DAYS, Ask, Preview
from connector.earnings.commission.tables import Freeze
from connector.errors import Conflict, InputRefused, NotFound
from connector.faces.console.face import WHY, blueprint
from connector.faces.console.runs import name_of, shops_by_id
from connector.programme.creators import queries as creators_of
from connector.programme.creators.tables import Creator
from connector.web import amounts, guards, keyset
from connector.web.guards import staff
from connector.web.layout import page

SHOWN = 50  # lines of one freeze
_FIELDS = ("creator", "order", "line", "shop")
_NAMES = {"reason": "The reason", "appeal_days": "The time for an appeal:", "decide_days": "The time to decide:"}


@blueprint.get("/freezes")
@staff("support")
def freezes() -> str:
    only = request.args.get("only", "open")
    with db.read(Scope.system(WHY)) as session:
        asked = sa.select(Freeze)
        if only == "open":
            asked = asked.where(Freeze.ended_at.is_(None))
        elif only == "ended":
            asked = asked.where(Freeze.ended_at.is_not(None))
        found = keyset.read(session, "freezes", asked, (Freeze.frozen_at, Freeze.id))
        still = Freeze.ended_at.is_(None)
        standing = session.scalar(sa.select(sa.func.count()).select_from(Freeze).where(still)) or 0
        now = clock.now()
        number = sa.select(sa.func.count()).select_from(Freeze).where(still)
        decide = session.scalar(number.where(Freeze.appeal_until <= now)) or 0
        answer = number.where(Freeze.appeal_until > now, Freeze.appealed_at.is_not(None))
        asked_for = session.scalar(answer) or 0
        named = _named(session, found.rows)
    saved = [
        ("Frozen now", url_for(".freezes"), standing, only == "open"),
        ("Ended", url_for(".freezes", only="ended"), None, only == "ended"),
        ("All", url_for(".freezes", only="all"), None, only == "all"),
    ]
    return page(
        "console/freezes.html", found=found, saved=saved, standing=standing, decide=decide, asked=asked_for, now=now,
        only=only, **named,
    )  # fmt: skip


@blueprint.get("/freezes/new")
@staff("support")
def freeze_ask() -> str:
    """Whose money; without a reason the question, with one what it would hold."""
    if not any(request.args.get(name, "").strip() for name in ("creator", "order")):
        return page("console/freeze_whose.html")
    return _asked(request.args)


@blueprint.post("/freezes/new")
@staff("finance")
def freeze_make() -> str | AnyResponse:
    form = request.form
    now = clock.now()
    try:
        with db.write(Scope.system(WHY)) as session:
            made = acts.freeze(session, _ask(form), by=guards.actor(), token=form.get("token", ""), as_of=now)
            freeze_id = made.id
    except Conflict as moved:
        return _asked(form, moved.public)
    flash("The money is frozen. Its creator reads why, and until when there is an appeal.")
    return redirect(url_for(".freeze", freeze_id=freeze_id), code=303)


@blueprint.get("/freezes/<freeze_id>")
@staff("support")
def freeze(freeze_id: str) -> str:
    return _shown(freeze_id)


@blueprint.post("/freezes/<freeze_id>/lift")
@staff("finance")
def freeze_lift(freeze_id: str) -> str | AnyResponse:
    why = request.form.get("why", "").strip()
    try:
        with db.write(Scope.system(WHY)) as session:
            acts.lift(session, freeze_id, by=guards.actor(), why=why, as_of=clock.now())
    except InputRefused as refused:
        return _shown(freeze_id, {"lift-why": refused.remedy})
    except Conflict as moved:
        return _shown(freeze_id, {}, moved.public)
    flash("The freeze is lifted. What it held goes on by its own dates.")
    return redirect(url_for(".freeze", freeze_id=freeze_id), code=303)


@blueprint.post("/freezes/<freeze_id>/appeal")
@staff("support")
def freeze_appeal(freeze_id: str) -> str | AnyResponse:
    """Keep what a creator said to support: the studio's own way ends in the same act."""
    said = request.form.get("words", "").strip()
    try:
        with db.write(Scope.system(WHY)) as session:
            acts.appeal(session, freeze_id, by=guards.actor(), words=said, as_of=clock.now())
    except InputRefused as refused:
        return _shown(freeze_id, {"appeal-words": refused.remedy})
    except Conflict as moved:
        return _shown(freeze_id, {}, moved.public)
    flash("The appeal is kept with the freeze.")
    return redirect(url_for(".freeze", freeze_id=freeze_id), code=303)


def _ask(given: MultiDict[str, str]) -> Ask:
    """What a form or an address asks for. Errors: NotFound where it names nothing."""
    asked = {name: given.get(name, "").strip() for name in _FIELDS}
    days = [_days(given, "appeal_days", APPEAL_DAYS[1]), _days(given, "decide_days", DECIDE_DAYS[1])]
    reason = given.get("reason", "").strip()
    if asked["creator"]:
        return Ask(
            "creator", reason, creator_id=asked["creator"], shop_id=asked["shop"] or None, appeal_days=days[0],
            decide_days=days[1],
        )  # fmt: skip
    if not asked["order"]:
        raise NotFound("a freeze is of a creator's, an order's or a line's money")
    return Ask(
        "line" if asked["line"] else "order", reason, order_id=asked["order"], line_ref=asked["line"] or None,
        appeal_days=days[0], decide_days=days[1],
    )  # fmt: skip


def _days(given: MultiDict[str, str], name: str, usual: int) -> int:
    """-1 for what is no number: the act refuses it with its bounds."""
    text = given.get(name, "").strip()
    if not text:
        return usual
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else -1


def _asked(given: MultiDict[str, str], moved: str = "") -> str:
    ask = _ask(given)
    errors: dict[str, str] = {}
    preview, standing = None, ""
    with db.read(Scope.system(WHY)) as session:
        creator = session.get(Creator, ask.creator_id) if ask.creator_id else None
        order = session.get(Order, ask.order_id) if ask.order_id else None
        if creator is None and order is None:
            raise NotFound("nothing of that name can be frozen")
        if ask.reason or "reason" in given:
            try:
                preview = acts.preview(session, ask, clock.now())
            except InputRefused as refused:
                errors[refused.field] = f"{_NAMES.get(refused.field, '')} {refused.problem} {refused.remedy}".strip()
            except Conflict as already:
                standing = already.public
        shop_ids = {given.get("shop", "")} | ({order.shop_id} if order else set())
        shops = shops_by_id(session, shop_ids)
        people = creators_of.some(session, set(preview.creators)) if preview else {}
    shop = shops.get(order.shop_id if order else given.get("shop", ""))
    return page(
        "console/freeze_ask.html", ask=ask, creator=creator, order=order, shop=shop, errors=errors, preview=preview,
        moved=moved, standing=standing, people=people, given={name: given.get(name, "") for name in _FIELDS},
        appeal_bounds=APPEAL_DAYS, decide_bounds=DECIDE_DAYS, sums=_sums(preview) if preview else [],
    )  # fmt: skip


def _sums(preview: Preview) -> list[str]:
    """What it holds, a text a currency: the button says it."""
    whole = preview.ask.scope == "creator"
    held = [(each.pending + each.cleared + (each.settled if whole else 0), each.currency) for each in preview.money]
    return [amounts.plain(amount, currency, "code") for amount, currency in held if amount]


def _shown(freeze_id: str, errors: dict[str, str] | None = None, moved: str = "") -> str:
    now = clock.now()
    with db.read(Scope.system(WHY)) as session:
        found = session.get(Freeze, freeze_id)
        if found is None:
            raise NotFound(f"no freeze has the id {freeze_id[:40]!r}")
        lines = acts.lines_of(session, freeze_id)
        orders = _orders(session, {order_id for order_id, _ in lines[:SHOWN]})
        said = acts.appeals(session, [freeze_id]).get(freeze_id, [])
        people = creators_of.some(session, set(acts.creators_of(session, found)))
        named = _named(session, [found])
    return page(
        "console/freeze.html", freeze=found, lines=lines[:SHOWN], more=max(0, len(lines) - SHOWN), orders=orders,
        people=people, said=said, now=now, may_forfeit=acts.may_forfeit(found, now), errors=errors or {},
        moved=moved, **named,
    )  # fmt: skip


def _orders(session: Session, ids: set[str]) -> dict[str, Order]:
    return {order.id: order for order in session.scalars(sa.select(Order).where(Order.id.in_(ids)))}


def _named(session: Session, rows: Any) -> dict[str, Any]:
    """Names of what the freezes are about."""
    creators = creators_of.some(session, {row.creator_id for row in rows if row.creator_id})
    orders = _orders(session, {row.order_id for row in rows if row.order_id})
    shops = shops_by_id(session, {row.shop_id for row in rows if row.shop_id})

    def about(row: Freeze) -> str:
        if row.scope == "creator":
            who = creators[row.creator_id].name if row.creator_id in creators else row.creator_id or ""
            where = f" at {name_of(shops.get(row.shop_id))}" if row.shop_id else ", every shop"
            return f"All money of {who}{where}"
        order = orders.get(row.order_id or "")
        number = order.number if order else row.order_id
        return f"Order {number}" if row.scope == "order" else f"One line of order {number}"

    return {"about": about, "state": _state}


def _state(row: Freeze, now: datetime) -> tuple[str, str]:
    """(kind, words) of where a freeze stands."""
    if row.ended_at is not None:
        said = {"forfeited": "Forfeited", "lifted": "Lifted", "end_date": "Released on its date"}
        return "idle", said.get(row.ended_why, row.ended_why)
    if row.appealed_at is not None and now < row.appeal_until:
        return "warn", "Appeal to be answered"
    if now >= row.appeal_until:
        return "warn", "To be decided"
    return "hold", "Frozen"
