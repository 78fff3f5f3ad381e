"""Offers as their creator sees them: the list, one with its answer, a counter-offer, and the thread beside it."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Response, flash, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import clock
from connector.commerce.catalog import queries as catalog
from connector.commerce.shops import queries as shops_of
from connector.commerce.shops.tables import Shop
from connector.errors import Conflict, InputRefused, TooOften
from connector.faces.studio.face import blueprint, reading, writing
from connector.programme.collaborations import messages, negotiation, promotions
from connector.programme.collaborations.moves import Answer
from connector.programme.collaborations.tables import Negotiation
from connector.web import guards, keyset, moments, negotiation_view, offer_forms, words
from connector.web.guards import creator
from connector.web.layout import page
from connector.web.offer_forms import Typed

AT = {
    "page": "studio.offer_page", "answer": "studio.answer_offer", "offer": "studio.make_offer",
    "message": "studio.send_message", "report": "studio.report_message", "export": "studio.export_offer",
}  # fmt: skip
DID = {
    "accept": "Accepted. You find the rate under Rates.", "decline": "Declined.",
    "withdraw": "Your offer is withdrawn.",
}  # fmt: skip


@blueprint.get("/offers")
@creator
def offers() -> str:
    """What needs an answer first, then the rest by its last step."""
    with reading() as session:
        asked = sa.select(Negotiation).where(Negotiation.creator_id == g.creator_id)
        found = keyset.read(session, f"studio:offers:{g.creator_id}", asked, (Negotiation.moved_at, Negotiation.id))
        made = negotiation.offers(session, [row.id for row in found.rows])
        shops = {
            row.id: row
            for row in session.scalars(sa.select(Shop).where(Shop.id.in_({row.shop_id for row in found.rows})))
        }
    rows = [
        (
            row, shops[row.shop_id], made[row.id][-1], offer_forms.badge_of(row, "creator"),
            messages.unread(row, "creator"),
        )
        for row in found.rows
    ]  # fmt: skip
    now = clock.now()
    mine = [each for each in rows if _waits(each[0]) and each[2].expires_at > now]
    return page(
        "studio/offers.html", mine=mine, rest=[each for each in rows if each not in mine],
        found=found, last_moment=offer_forms.last_moment,
    )  # fmt: skip


def _waits(row: Negotiation) -> bool:
    return row.state == "open" and row.turn == "creator"


@blueprint.get("/offers/new")
@creator
def ask_shop() -> str:
    """Ask a shop for a rate of one's own: one whose products the creator promotes, or that the address names."""
    return _asking(request.args.get("shop", "")[:64], Typed())


@blueprint.post("/offers/new")
@creator
def send_ask() -> str | AnyResponse:
    shop_id, typed = request.form.get("shop", "")[:64], offer_forms.typed(request.form)
    try:
        with writing() as session:
            moments.use_zone(shops_of.get(session, shop_id).time_zone)
            row = negotiation.begin(
                session, shop_id, g.creator_id, "creator", offer_forms.proposal(typed), by=guards.actor()
            )
    except (InputRefused, Conflict) as refused:
        offer_forms.put(typed, refused)
        if isinstance(refused, negotiation.BeginRefused):
            typed.errors["form"] = words.reason(refused.code, "creator") + "."
        return _asking(shop_id, typed)
    flash("Agreed: the shop takes such offers at once." if row.state == "agreed" else "Your offer is sent to the shop.")
    return redirect(url_for(".offer_page", negotiation_id=row.id), code=303)


def _asking(shop_id: str, typed: Typed) -> str:
    with reading() as session:
        shop = session.get(Shop, shop_id) if shop_id else None
        if shop is not None and shop.status == "left":
            shop = None
        ids = {row.shop_id for row in promotions.of_creator(session, g.creator_id)}
        asked = sa.select(Shop).where(Shop.id.in_(ids), Shop.status != "left")
        every = session.scalars(asked.order_by(Shop.name, Shop.id)).all()
        known: list[tuple[str, str]] = []
        if shop is not None:
            moments.use_zone(shop.time_zone)
            listed = catalog.by_title(session, shop_id=shop.id, status="shoppable", limit=negotiation_view.CHOICES)
            known = [(each.product_ref, each.title) for each in listed]
    return page("studio/ask.html", shop=shop, every=every, typed=typed, known=known, waits=offer_forms.WAITS)


@blueprint.get("/offers/<negotiation_id>")
@creator
def offer_page(negotiation_id: str) -> str:
    return _shown(negotiation_id)


@blueprint.post("/offers/<negotiation_id>/answer")
@creator
def answer_offer(negotiation_id: str) -> str | AnyResponse:
    what = _answer_of(request.form.get("answer", ""))
    try:
        with writing() as session:
            row = negotiation.find(session, negotiation_id, creator_id=g.creator_id)
            number = negotiation_view.number("number")
            negotiation.answer(session, row.id, "creator", what, number, by=guards.actor())
    except Conflict as late:
        return _shown(negotiation_id, problem=late.public)
    flash(DID[what])
    return redirect(url_for(".offer_page", negotiation_id=negotiation_id), code=303)


@blueprint.post("/offers/<negotiation_id>/offer")
@creator
def make_offer(negotiation_id: str) -> str | AnyResponse:
    typed = offer_forms.typed(request.form)
    try:
        with writing() as session:
            row = negotiation.find(session, negotiation_id, creator_id=g.creator_id)
            _in_the_shops_zone(session, row)
            row = negotiation.offer(
                session, row.id, "creator", negotiation_view.number("number"), offer_forms.proposal(typed),
                agreed=negotiation_view.number("agreed"), by=guards.actor(),
            )  # fmt: skip
    except (InputRefused, Conflict) as refused:
        offer_forms.put(typed, refused)
        return _shown(negotiation_id, typed=typed)
    flash("Agreed: the shop takes such offers at once." if row.state == "agreed" else "Your offer is sent to the shop.")
    return redirect(url_for(".offer_page", negotiation_id=negotiation_id), code=303)


@blueprint.post("/offers/<negotiation_id>/messages")
@creator
def send_message(negotiation_id: str) -> str | AnyResponse:
    text = request.form.get("text", "")
    try:
        with writing() as session:
            row = negotiation.find(session, negotiation_id, creator_id=g.creator_id)
            messages.post(session, row.id, "creator", text, by=guards.actor())
    except InputRefused as refused:
        return _shown(negotiation_id, text=text, text_problem=negotiation_view.in_words(refused))
    except TooOften as often:
        return _shown(negotiation_id, text=text, text_problem=often.public)
    return redirect(url_for(".offer_page", negotiation_id=negotiation_id, _anchor="messages"), code=303)


@blueprint.post("/offers/<negotiation_id>/messages/<int:number>/report")
@creator
def report_message(negotiation_id: str, number: int) -> AnyResponse:
    with writing() as session:
        row = negotiation.find(session, negotiation_id, creator_id=g.creator_id)
        messages.report(session, row.id, number, "creator", request.form.get("words", ""), by=guards.actor())
    flash("Reported. Support reads it.")
    return redirect(url_for(".offer_page", negotiation_id=negotiation_id, _anchor="messages"), code=303)


@blueprint.get("/offers/<negotiation_id>/export.<any(csv, json):kind>")
@creator
def export_offer(negotiation_id: str, kind: str) -> Response:
    with reading() as session:
        row = negotiation.find(session, negotiation_id, creator_id=g.creator_id)
        return negotiation_view.export(session, row, kind)


def _shown(
    negotiation_id: str, *, typed: Typed | None = None, problem: str = "", text: str = "", text_problem: str = ""
) -> str:
    with reading() as session:
        row = negotiation.find(session, negotiation_id, creator_id=g.creator_id)
        _in_the_shops_zone(session, row)
        view = negotiation_view.of(session, row, "creator")
        state = offer_forms.badge_of(row, "creator")
    if view.latest and view.read < row.messages:
        with writing() as session:
            messages.read(session, negotiation_id, "creator", row.messages)
    typed = typed or offer_forms.of_offer(view.offers[-1], clock.now())
    errors = typed.errors | ({"form": problem} if problem else {}) | ({"text": text_problem} if text_problem else {})
    return page(
        "studio/offer.html", view=view, state=state, typed=typed, errors=errors, at=AT, text=text,
        text_problem=text_problem, waits=offer_forms.WAITS,
    )  # fmt: skip


def _in_the_shops_zone(session: Session, row: Negotiation) -> None:
    """Days mean the same to both sides: those of the shop."""
    moments.use_zone(session.get_one(Shop, row.shop_id).time_zone)


def _answer_of(text: str) -> Answer:
    """Errors: InputRefused."""
    if text not in DID:
        raise InputRefused("answer", "is none.", "Choose to accept or to decline.")
    return text  # type: ignore[return-value]  # one of DID's keys
