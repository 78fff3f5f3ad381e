"""The merchant's creator codes: whose each is, whether it counts, and a form to make and end one; and a sale that the
merchant assigns by hand: ask, preview, result (F4)."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from flask import flash, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import audit, clock, db
from connector.commerce.orders import queries as orders_of
from connector.commerce.orders.tables import Order
from connector.commerce.shops import settings
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.attribution import codes
from connector.earnings.attribution.acts import ActAsked
from connector.earnings.attribution.tables import Code, CodeUse
from connector.errors import Conflict, InputRefused, NotFound
from connector.faces.dashboard.face import blueprint
from connector.operations.crediting import deciding
from connector.operations.crediting.deciding import Preview
from connector.programme.creators import queries as creators_of
from connector.programme.creators.tables import Creator
from connector.web import guards, keyset, moments
from connector.web.guards import merchant
from connector.web.layout import page

# A sale older than that is settled and paid as a rule: staff decide about it.
ASSIGNED_WITHIN = timedelta(days=60)


@blueprint.get("/codes")
@merchant
def creator_codes() -> str:
    return _codes({})


def _codes(errors: dict[str, str]) -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    now = clock.now()
    with db.read(Scope.shop(shop.id)) as session:
        query = sa.select(Code).where(Code.shop_id == shop.id)
        found = keyset.read(session, f"codes:{shop.id}", query, (Code.id,))
        states = codes.states(session, found.rows, now)
        people = creators_of.some(session, {state.creator_id for state in states if state.creator_id})
        rows = session.execute(
            sa.select(CodeUse.code_id, sa.func.count())
            .where(CodeUse.shop_id == shop.id, CodeUse.code_id.in_([row.id for row in found.rows]))
            .group_by(CodeUse.code_id)
        )
        uses = {row[0]: row[1] for row in rows}
        policy = settings.at(session, shop.id, "code_policy", now)
    return page(
        "dashboard/codes.html", shop=shop, found=found, states=states, people=people, uses=uses, policy=policy,
        errors=errors, form=request.form,
    )  # fmt: skip


@blueprint.post("/codes")
@merchant
def make_code() -> str | AnyResponse:
    shop: Shop = g.shop
    try:
        with db.write(Scope.shop(shop.id)) as session:
            creator = _creator_named(session, request.form.get("creator", ""))
            code = codes.create(session, shop.id, creator.id, request.form.get("code", ""), by=guards.actor())
            audit.record(session, guards.actor(), "code.create", code.id, shop_id=shop.id, creator=creator.id)
            said = f"{code.shown} is {creator.name}'s from now on. Make the discount with this code in your store too."
    except InputRefused as refused:
        return _codes({refused.field: _in_words(refused)})
    except Conflict as refused:
        return _codes({"code": str(refused.public)})
    flash(said)
    return redirect(url_for(".creator_codes"), code=303)


@blueprint.post("/codes/<code_id>/end")
@merchant
def end_code(code_id: str) -> AnyResponse:
    shop: Shop = g.shop
    with db.write(Scope.shop(shop.id)) as session:
        code = codes.get(session, code_id, shop.id)
        codes.end(session, code.id, by=guards.actor(), why="ended by the shop")
        audit.record(session, guards.actor(), "code.end", code.id, shop_id=shop.id)
        said = f"{code.shown} counts for nobody from now on. Orders before stay as they were."
    flash(said)
    return redirect(url_for(".creator_codes"), code=303)


# A sale assigned by hand (D9)


@blueprint.get("/orders/<order_id>/assign")
@merchant
def assign(order_id: str) -> str:
    """Without a creator the question, with one what it would do."""
    return _assign(order_id, {name: request.args.get(name, "").strip()[:600] for name in ("line", "creator", "why")})


@blueprint.post("/orders/<order_id>/assign")
@merchant
def book_assignment(order_id: str) -> str | AnyResponse:
    shop: Shop = g.shop
    typed = {name: request.form.get(name, "").strip()[:600] for name in ("line", "creator", "why")}
    try:
        with db.write(Scope.shop(shop.id)) as session:
            asked = _asked(session, shop, order_id, typed)
            act, _ = deciding.enter(
                session, asked, by=guards.actor(), reason=typed["why"], token=request.form.get("token", "")
            )
            waits = act.state == "proposed"
    except (Conflict, InputRefused) as moved:
        return _assign(order_id, typed, moved=str(moved.public))
    flash(
        "It waits for us to approve: a statement has been closed over it."
        if waits
        else "The sale is assigned. The commission follows from it."
    )
    return redirect(url_for(".order", order_id=order_id), code=303)


def _assign(order_id: str, typed: dict[str, str], moved: str = "") -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    errors: dict[str, str] = {}
    preview: Preview | None = None
    people: dict[str, str] = {}
    with db.read(Scope.shop(shop.id)) as session:
        order = _order(session, shop, order_id)
        lines = orders_of.facts(order).snapshot.lines
        late = clock.now() - order.placed_at > ASSIGNED_WITHIN
        if typed["creator"] or typed["why"]:
            try:
                preview = deciding.preview(session, _asked(session, shop, order_id, typed))
            except InputRefused as refused:
                errors[refused.field] = _in_words(refused)
            except Conflict as refused:
                errors["line"] = str(refused.public)
            if not typed["why"]:
                errors["why"] = "Say why, in a sentence for whoever asks later."
        if preview is not None:
            ids = {each for change in preview.changes for each in (change.creator_before, change.creator_after) if each}
            people = {row.id: row.name for row in creators_of.some(session, ids).values()}
    return page(
        "dashboard/assign.html", shop=shop, order=order, lines=lines, typed=typed, errors=errors,
        preview=None if errors else preview, people=people, moved=moved, late=late,
    )  # fmt: skip


def _order(session: Session, shop: Shop, order_id: str) -> Order:
    order = session.scalar(sa.select(Order).where(Order.id == order_id, Order.shop_id == shop.id))
    if order is None:
        raise NotFound(f"no order of this shop has the id {order_id[:40]!r}", public="Your shop has no such order.")
    return order


def _asked(session: Session, shop: Shop, order_id: str, typed: dict[str, str]) -> ActAsked:
    order = _order(session, shop, order_id)
    if clock.now() - order.placed_at > ASSIGNED_WITHIN:
        raise Conflict(
            "an order too old for the merchant", public="This order is more than 60 days old: ask us to assign it."
        )
    creator = _creator_named(session, typed["creator"])
    return ActAsked(kind="manual", shop_id=shop.id, order_id=order.id, line_ref=typed["line"], creator_id=creator.id)


def _creator_named(session: Session, typed: str) -> Creator:
    """By handle. Errors: InputRefused."""
    if not typed.strip():
        raise InputRefused("creator", "is empty.", "Type the creator's handle, like @mira.")
    found = creators_of.by_handle(session, typed)
    if found is None:
        raise InputRefused("creator", f"isn't one that we know: {typed.strip()[:40]}.", "Type a handle, like @mira.")
    return found


def _in_words(refused: InputRefused) -> str:
    """A refusal as a sentence under its field."""
    return f"The {refused.field} {refused.problem} {refused.remedy}".strip()
