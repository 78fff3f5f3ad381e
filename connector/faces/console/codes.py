"""Creators' codes over all shops: whose each is, whether it counts, what speaks for a leak, and what was ever said."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import flash, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import audit, clock, db
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.attribution import codes, leaks
from connector.earnings.attribution.tables import Code, CodeRecord, CodeUse
from connector.errors import Conflict, InputRefused
from connector.faces.console.face import WHY, blueprint
from connector.faces.console.runs import name_of, shops_by_id
from connector.programme.creators import queries as creators_of
from connector.programme.creators.tables import Creator
from connector.web import guards, keyset
from connector.web.guards import staff
from connector.web.layout import page

_FILTERS = ("q", "shop", "creator")
_LABELS = {"why": "reason", "since": "time"}
_NAMES = {"q": "Code", "shop": "Shop", "creator": "Creator"}


@blueprint.get("/codes")
@staff("support")
def creator_codes() -> str:
    asked: dict[str, Any] = {name: request.args.get(name, "").strip()[:200] for name in _FILTERS}
    now = clock.now()
    with db.read(Scope.system(WHY)) as session:
        found = keyset.read(session, "codes", _matching(asked), (Code.id,))
        states = codes.states(session, found.rows, now)
        people = creators_of.some(session, {s.creator_id for s in states if s.creator_id} | {asked["creator"]})
        shops = shops_by_id(session, {state.shop_id for state in states} | {asked["shop"]})
        uses = _uses(session, [state.code_id for state in states])
        every = session.scalars(sa.select(Shop).order_by(Shop.name).limit(500)).all()
    shown = {"shop": name_of(shops.get(asked["shop"])), "creator": _creator(people, asked["creator"])}
    chips = [
        (_NAMES[name], shown.get(name, value), url_for(".creator_codes", **_without(asked, name)))
        for name, value in asked.items()
        if value
    ]
    return page(
        "console/codes.html", found=found, states=states, people=people, shops=shops, uses=uses, every=every,
        asked=asked, chips_shown=chips,
    )  # fmt: skip


def _matching(asked: dict[str, Any]) -> sa.Select[Code]:
    query = sa.select(Code)
    if asked["q"]:
        query = query.where(Code.text.startswith(codes.canonical(asked["q"]), autoescape=True))
    if asked["shop"]:
        query = query.where(Code.shop_id == asked["shop"])
    if asked["creator"]:
        theirs = sa.select(CodeRecord.code_id).where(CodeRecord.creator_id == asked["creator"])
        query = query.where(Code.id.in_(theirs))
    return query


def _without(asked: dict[str, Any], name: str) -> dict[str, Any]:
    return {other: value for other, value in asked.items() if value and other != name}


def _creator(people: dict[str, Creator], creator_id: str) -> str:
    return people[creator_id].name if creator_id in people else creator_id


def _uses(session: Session, code_ids: list[str]) -> dict[str, int]:
    rows = session.execute(
        sa.select(CodeUse.code_id, sa.func.count()).where(CodeUse.code_id.in_(code_ids)).group_by(CodeUse.code_id)
    )
    return {row[0]: row[1] for row in rows}


@blueprint.get("/codes/<code_id>")
@staff("support")
def creator_code(code_id: str) -> str:
    return _shown(code_id, {})


def _shown(code_id: str, errors: dict[str, str]) -> str:
    now = clock.now()
    with db.read(Scope.system(WHY)) as session:
        code = codes.get(session, code_id)
        state = codes.state(session, code, now)
        judged = leaks.judge(session, state, now)
        history = codes.history(session, code_id)
        people = creators_of.some(session, {each.creator_id for each in history if each.creator_id})
        shop = shops_by_id(session, {code.shop_id})[code.shop_id]
        used = session.execute(
            sa.select(CodeUse, Order)
            .join(Order, Order.id == CodeUse.order_id)
            .where(CodeUse.code_id == code_id)
            .order_by(CodeUse.placed_at.desc(), CodeUse.order_id)
            .limit(20)
        ).all()
    return page(
        "console/code.html", code=code, state=state, judged=judged, history=history, people=people, shop=shop,
        used=used, errors=errors, form=request.form,
    )  # fmt: skip


@blueprint.post("/codes/<code_id>/<any(move,end,leaked,cleared):what>")
@staff("finance")
def say_of_code(code_id: str, what: str) -> str | AnyResponse:
    """Move or end it, or flag it, from now on. Orders before keep what they were decided by."""
    why = request.form.get("why", "").strip()
    try:
        with db.write(Scope.system(WHY)) as session:
            said = _say(session, code_id, what, why)
    except InputRefused as refused:
        return _shown(code_id, {f"{what}-{refused.field}": in_words(refused)})
    except Conflict as refused:
        return _shown(code_id, {f"{what}-why": str(refused.public)})
    flash(said)
    return redirect(url_for(".creator_code", code_id=code_id), code=303)


def _say(session: Session, code_id: str, what: str, why: str) -> str:
    code, by, now = codes.get(session, code_id), guards.actor(), clock.now()
    if what == "move":
        creator = creator_named(session, request.form.get("creator", ""))
        codes.move(session, code_id, creator.id, by=by, why=why, now=now)
        said = f"{code.shown} is {creator.name}'s from now on. Orders before stay as they were."
    elif what == "end":
        codes.end(session, code_id, by=by, why=why, now=now)
        said = f"{code.shown} is nobody's from now on."
    else:
        codes.mark(session, code, what, by=by, why=why, now=now)
        said = f"{code.shown} {'counts no more' if what == 'leaked' else 'counts again'} from now on."
    audit.record(session, by, f"code.{what}", code_id, shop_id=code.shop_id, why=why)
    return said


def in_words(refused: InputRefused) -> str:
    """A refusal as a sentence under its field."""
    return f"The {_LABELS.get(refused.field, refused.field)} {refused.problem} {refused.remedy}".strip()


def creator_named(session: Session, typed: str) -> Creator:
    """By handle or id. Errors: InputRefused."""
    text = typed.strip()
    if not text:
        raise InputRefused("creator", "is empty.", "Type the creator's handle.")
    found = session.get(Creator, text) or creators_of.by_handle(session, text)
    if found is None:
        raise InputRefused("creator", f"isn't one that we know: {text[:40]}.", "Type a handle, like @mira.")
    return found
