"""Offers as their creator sees them: the list, one with its answer, a counter-offer, and the thread beside it."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Response, flash, g, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from connector import clock
from connector.commerce.catalog import queries as catalog
from connector.commerce.shops import queries as shops_of
from connector.commerce.shops.tables import Shop
from connector.errors import Conflict, InputRefused
from connector.faces.studio.face import blueprint, reading, writing
from connector.operations import content_fees
from connector.programme.collaborations import approvals, messages, negotiation, promotions
from connector.programme.collaborations.tables import Negotiation
from connector.web import guards, keyset, moments, negotiation_view, offer_forms, words
from connector.web.guards import creator
from connector.web.layout import page
from connector.web.negotiation_desk import Desk
from connector.web.offer_forms import Typed


def _sent(row: Negotiation) -> str:
    return "Agreed: the shop takes such offers at once." if row.state == "agreed" else "Your offer is sent to the shop."


DESK = Desk(
    side="creator",
    template="studio/offer.html",
    at={
        "page": "studio.offer_page", "answer": "studio.answer_offer", "offer": "studio.make_offer",
        "message": "studio.send_message", "report": "studio.report_message", "export": "studio.export_offer",
        "hand_in": "studio.hand_in_content", "withdraw": "studio.withdraw_content", "appeal": "studio.appeal_content",
    },
    did={
        "accept": "Accepted. You find the rate under Rates.", "decline": "Declined.",
        "withdraw": "Your offer is withdrawn.",
    },
    sent=_sent,
    reading=reading,
    writing=writing,
    whose=lambda: {"creator_id": g.creator_id},
    beside=lambda _session, _row: {},
)  # fmt: skip


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
            shop = shops_of.get(session, shop_id)
            moments.use_zone(shop.time_zone)
            given = offer_forms.proposal(typed, shop.currency)
            row = negotiation.begin(session, shop_id, g.creator_id, "creator", given, by=guards.actor())
    except (InputRefused, Conflict) as refused:
        offer_forms.put(typed, refused)
        if isinstance(refused, negotiation.BeginRefused):
            typed.errors["form"] = words.reason(refused.code, "creator") + "."
        return _asking(shop_id, typed)
    flash(_sent(row))
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
    return DESK.shown(negotiation_id)


@blueprint.post("/offers/<negotiation_id>/answer")
@creator
def answer_offer(negotiation_id: str) -> str | AnyResponse:
    return DESK.answer(negotiation_id)


@blueprint.post("/offers/<negotiation_id>/offer")
@creator
def make_offer(negotiation_id: str) -> str | AnyResponse:
    return DESK.offer(negotiation_id)


@blueprint.post("/offers/<negotiation_id>/content")
@creator
def hand_in_content(negotiation_id: str) -> str | AnyResponse:
    """Hand in content for the flat fee of an agreement."""
    try:
        with writing() as session:
            row = DESK.find(session, negotiation_id)
            content_fees.hand_in(session, row.id, request.form.get("video", "")[:64], by=guards.actor())
    except Conflict as refused:
        return DESK.shown(negotiation_id, problem=refused.public)
    flash("Handed in. The shop approves it, or says what is missing.")
    return redirect(url_for(".offer_page", negotiation_id=negotiation_id, _anchor="content"), code=303)


@blueprint.post("/offers/<negotiation_id>/content/<approval_id>/withdraw")
@creator
def withdraw_content(negotiation_id: str, approval_id: str) -> str | AnyResponse:
    """Take content out again, before an answer."""
    try:
        with writing() as session:
            row = approvals.find(session, approval_id, creator_id=g.creator_id)
            content_fees.withdraw(session, row.id, by=guards.actor())
    except Conflict as late:
        return DESK.shown(negotiation_id, problem=late.public)
    flash("Taken out. You can hand in other content.")
    return redirect(url_for(".offer_page", negotiation_id=negotiation_id, _anchor="content"), code=303)


@blueprint.post("/offers/<negotiation_id>/content/<approval_id>/appeal")
@creator
def appeal_content(negotiation_id: str, approval_id: str) -> str | AnyResponse:
    """Ask support about content that was sent back."""
    try:
        with writing() as session:
            row = approvals.find(session, approval_id, creator_id=g.creator_id)
            content_fees.appeal(session, row.id, "creator", request.form.get("words", ""), by=guards.actor())
    except InputRefused as refused:
        return DESK.shown(negotiation_id, wrong={"words": f"This {refused.problem} {refused.remedy}".strip()})
    except Conflict as late:
        return DESK.shown(negotiation_id, problem=late.public)
    flash("Support was asked, and decides.")
    return redirect(url_for(".offer_page", negotiation_id=negotiation_id, _anchor="content"), code=303)


@blueprint.post("/offers/<negotiation_id>/messages")
@creator
def send_message(negotiation_id: str) -> str | AnyResponse:
    return DESK.say(negotiation_id)


@blueprint.post("/offers/<negotiation_id>/messages/<int:number>/report")
@creator
def report_message(negotiation_id: str, number: int) -> str | AnyResponse:
    return DESK.report(negotiation_id, number)


@blueprint.get("/offers/<negotiation_id>/export.<any(csv, json):kind>")
@creator
def export_offer(negotiation_id: str, kind: str) -> Response:
    return DESK.export(negotiation_id, kind)
