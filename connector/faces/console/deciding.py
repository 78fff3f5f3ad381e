"""Deciding an order's lines anew: ask, preview, result, each with an address; the queue of reviews, and of acts that
wait for a second person (F4)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import flash, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import clock, db
from connector.commerce.orders import queries as orders_of
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.attribution import acts, codes
from connector.earnings.attribution.acts import ActAsked
from connector.earnings.attribution.tables import Act, Code
from connector.errors import Conflict, InputRefused, NotAllowed, NotFound
from connector.faces.console.codes import creator_named, in_words
from connector.faces.console.face import WHY, blueprint
from connector.faces.console.runs import shops_by_id
from connector.operations.crediting import deciding
from connector.operations.crediting.deciding import Preview
from connector.programme.creators import queries as creators_of
from connector.web import guards, words
from connector.web.guards import staff
from connector.web.layout import page

# What staff may do to an order: kind → (title, the button, needs a creator)
ORDER_ACTS: dict[str, tuple[str, str, bool]] = {
    "manual": ("Assign by hand", "Assign", True),
    "review_passed": ("Pass the review", "Pass the review", False),
    "review_refused": ("Refuse after review", "Refuse", False),
    "engine_fix": ("Decide by today's rules", "Decide anew", False),
    "binding_moved": ("Move the customer", "Move the customer", True),
    "forfeit": ("Take frozen commission", "Take the commission", False),
}
LEAK = ("Date a leak back", "Date the leak back", False)


@blueprint.get("/reviews")
@staff("support")
def reviews() -> str:
    """Orders that wait for a person, and acts that wait for a second one."""
    with db.read(Scope.system(WHY)) as session:
        rows = deciding.reviews(session)
        waiting = acts.waiting(session)
        shops = shops_by_id(session, {order.shop_id for _, order in rows} | {act.shop_id for act in waiting})
        people = creators_of.some(
            session,
            {row.creator_id for row, _ in rows if row.creator_id} | {a.creator_id for a in waiting if a.creator_id},
        )
        numbers = _numbers(session, waiting)
    return page(
        "console/reviews.html", rows=rows, waiting=waiting, shops=shops, people=people, numbers=numbers,
        kinds=ORDER_ACTS | {"leak_backdated": LEAK}, now=clock.now(), until=_until,
    )  # fmt: skip


def _until(evidence: dict[str, Any]) -> datetime | None:
    text = evidence.get("review", {}).get("until")
    return datetime.fromisoformat(text) if text else None


def _numbers(session: Session, waiting: Any) -> dict[str, str]:
    """What each act is about, as people call it."""
    found = {}
    for act in waiting:
        order = session.get(Order, act.order_id) if act.order_id else None
        code = session.get(Code, act.code_id) if act.code_id else None
        found[act.id] = order.number if order is not None else code.shown if code is not None else act.id
    return found


@blueprint.get("/orders/<order_id>/decide/<what>")
@staff("support")
def decide_order(order_id: str, what: str) -> str:
    """Without a reason the question, with one what it would do."""
    return _of_order(order_id, what, _typed(request.args))


@blueprint.post("/orders/<order_id>/decide/<what>")
@staff("finance")
def book_decision(order_id: str, what: str) -> str | AnyResponse:
    typed = _typed(request.form)
    try:
        with db.write(Scope.system(WHY)) as session:
            asked = _asked(session, order_id, what, typed)
            act, _ = deciding.enter(
                session, asked, by=guards.actor(), reason=typed["why"], token=request.form.get("token", "")
            )
    except (Conflict, InputRefused) as moved:
        return _of_order(order_id, what, typed, moved=str(moved.public))
    return redirect(url_for(".act_on_credit", act_id=act.id), code=303)


@blueprint.get("/codes/<code_id>/leak")
@staff("support")
def date_leak_back(code_id: str) -> str:
    return _of_code(code_id, _typed(request.args))


@blueprint.post("/codes/<code_id>/leak")
@staff("finance")
def book_leak(code_id: str) -> str | AnyResponse:
    typed = _typed(request.form)
    try:
        with db.write(Scope.system(WHY)) as session:
            asked = _leak(session, code_id, typed)
            act, _ = deciding.enter(
                session, asked, by=guards.actor(), reason=typed["why"], token=request.form.get("token", "")
            )
    except (Conflict, InputRefused) as moved:
        return _of_code(code_id, typed, moved=str(moved.public))
    return redirect(url_for(".act_on_credit", act_id=act.id), code=303)


@blueprint.get("/acts/<act_id>")
@staff("support")
def act_on_credit(act_id: str) -> str:
    """The result: what was done or waits, by whom and why; for whoever approves it what it would do now."""
    return _act(act_id)


@blueprint.post("/acts/<act_id>/<any(approve,refuse):what>")
@staff("finance")
def second_person(act_id: str, what: str) -> str | AnyResponse:
    try:
        with db.write(Scope.system(WHY)) as session:
            if what == "approve":
                deciding.approve(session, act_id, by=guards.actor(), token=request.form.get("token", ""))
                said = "Approved: it is decided and booked."
            else:
                acts.refuse(session, act_id, by=guards.actor(), why=request.form.get("why", ""))
                said = "Refused: nothing was changed."
    except (Conflict, InputRefused, NotAllowed) as refused:
        return _act(act_id, problem=str(refused.public))
    flash(said)
    return redirect(url_for(".act_on_credit", act_id=act_id), code=303)


# The pages


def _typed(given: Any) -> dict[str, str]:
    return {name: given.get(name, "").strip()[:600] for name in ("line", "creator", "content", "since", "why")}


def _of_order(order_id: str, kind: str, typed: dict[str, str], moved: str = "") -> str:
    if kind not in ORDER_ACTS:
        raise NotFound(f"no act is called {kind[:40]!r}")
    errors: dict[str, str] = {}
    preview = None
    with db.read(Scope.system(WHY)) as session:
        order = session.get(Order, order_id)
        if order is None:
            raise NotFound(f"no order has the id {order_id[:40]!r}")
        shop = session.get_one(Shop, order.shop_id)
        lines = orders_of.facts(order).snapshot.lines
        if typed["why"] or typed["creator"] or "why" in request.args:  # the empty form was sent
            preview, errors = _previewed(session, typed, lambda: _asked(session, order_id, kind, typed))
        people = _people(session, preview)
    return page(
        "console/decide.html", title=ORDER_ACTS[kind][0], button=ORDER_ACTS[kind][1], wants_creator=ORDER_ACTS[kind][2],
        kind=kind, order=order, code=None, shop=shop, lines=lines, typed=typed, errors=errors, preview=preview,
        moved=moved, people=people, action=url_for(".decide_order", order_id=order_id, what=kind),
    )  # fmt: skip


def _of_code(code_id: str, typed: dict[str, str], moved: str = "") -> str:
    errors: dict[str, str] = {}
    preview = None
    with db.read(Scope.system(WHY)) as session:
        code = codes.get(session, code_id)
        shop = session.get_one(Shop, code.shop_id)
        if typed["why"] or typed["since"] or "why" in request.args:
            preview, errors = _previewed(session, typed, lambda: _leak(session, code_id, typed))
        people = _people(session, preview)
    return page(
        "console/decide.html", title=LEAK[0], button=LEAK[1], wants_creator=False, kind="leak_backdated", order=None,
        code=code, shop=shop, lines=(), typed=typed, errors=errors, preview=preview, moved=moved, people=people,
        action=url_for(".date_leak_back", code_id=code_id),
    )  # fmt: skip


def _previewed(session: Session, typed: dict[str, str], asked: Any) -> tuple[Preview | None, dict[str, str]]:
    errors: dict[str, str] = {}
    preview = None
    try:
        preview = deciding.preview(session, asked())
    except InputRefused as refused:
        errors[refused.field] = in_words(refused)
    except Conflict as refused:
        errors["line"] = str(refused.public)
    if not typed["why"]:
        errors["why"] = "Say why, in a sentence for whoever asks later."
    return (None if errors else preview), errors


def _people(session: Session, preview: Preview | None) -> dict[str, str]:
    """Names of everybody in a preview."""
    if preview is None:
        return {}
    ids = {each for change in preview.changes for each in (change.creator_before, change.creator_after) if each}
    return {row.id: row.name for row in creators_of.some(session, ids).values()}


def _asked(session: Session, order_id: str, kind: str, typed: dict[str, str]) -> ActAsked:
    order = session.get(Order, order_id)
    if order is None or kind not in ORDER_ACTS:
        raise NotFound(f"no order has the id {order_id[:40]!r}, or no act is called {kind[:40]!r}")
    creator = creator_named(session, typed["creator"]) if ORDER_ACTS[kind][2] else None
    return ActAsked(
        kind=kind, shop_id=order.shop_id, order_id=order.id, line_ref=typed["line"],
        creator_id=None if creator is None else creator.id, content_id=typed["content"] or None,
    )  # fmt: skip


def _leak(session: Session, code_id: str, typed: dict[str, str]) -> ActAsked:
    code = codes.get(session, code_id)
    return ActAsked(kind="leak_backdated", shop_id=code.shop_id, code_id=code.id, since=_moment(typed["since"]))


def _moment(text: str) -> datetime:
    """What a browser's field gives, in UTC. Errors: InputRefused."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InputRefused("since", "can't be read.", "Write it like 2026-11-20T14:30, in UTC.") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _act(act_id: str, problem: str = "") -> str:
    preview, lost = None, ""
    with db.read(Scope.system(WHY)) as session:
        act = acts.get(session, act_id)
        shop = session.get_one(Shop, act.shop_id)
        order = session.get(Order, act.order_id) if act.order_id else None
        code = session.get(Code, act.code_id) if act.code_id else None
        if act.state == "proposed":
            try:
                preview = deciding.preview(session, deciding.asked_of(act))
            except (Conflict, InputRefused, NotFound) as refused:
                lost = str(refused.public)
        people = _people(session, preview)
        creator = creators_of.some(session, {act.creator_id}).get(act.creator_id) if act.creator_id else None
    title = (ORDER_ACTS | {"leak_backdated": LEAK})[act.kind][0]
    return page(
        "console/act.html", act=act, title=title, shop=shop, order=order, code=code, preview=preview, people=people,
        creator=creator, problem=problem, lost=lost, mine=act.actor == guards.actor(), badge_of=_badge(act),
    )  # fmt: skip


def _badge(act: Act) -> words.Badge:
    return words.status("act", act.state)
