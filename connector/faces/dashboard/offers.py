"""Offers to creators and from them: the list, one negotiation with its thread, and an answer to many at once."""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa
from flask import Response, flash, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import clock, db
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import Conflict, InputRefused, TooOften
from connector.faces.dashboard.face import blueprint
from connector.programme.collaborations import batches, messages, negotiation
from connector.programme.collaborations.batches import Choice
from connector.programme.collaborations.moves import Answer
from connector.programme.collaborations.tables import Negotiation
from connector.programme.creators import queries as creators
from connector.web import guards, keyset, moments, negotiation_view, offer_forms, rate_words
from connector.web.guards import merchant
from connector.web.layout import page
from connector.web.offer_forms import Typed

AT = {
    "page": "dashboard.offer_page", "answer": "dashboard.answer_offer", "offer": "dashboard.make_offer",
    "message": "dashboard.send_message", "report": "dashboard.report_message", "export": "dashboard.export_offer",
}  # fmt: skip
SHOW = {
    "yours": "Need your answer", "theirs": "Wait for the creator", "agreed": "Agreed", "unread": "Unread",
    "over": "Over", "all": "All",
}  # fmt: skip
DID = {"accept": "Accepted. The new rate counts by its dates.", "decline": "Declined.", "withdraw": "Withdrawn."}


@blueprint.get("/offers")
@merchant
def offers() -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    show = request.args.get("show", "")
    with db.read(Scope.shop(shop.id)) as session:
        counts = _counts(session, shop.id)
        show = show if show in SHOW else "yours" if counts["yours"] else "all"
        found = keyset.read(
            session, f"offers:{show}:{shop.id}", _those(shop.id, show), (Negotiation.moved_at, Negotiation.id)
        )
        made = negotiation.offers(session, [row.id for row in found.rows])
        people = creators.some(session, {row.creator_id for row in found.rows})
        lists = batches.newest(session, shop.id, 5)
        came = batches.outcomes(session, [each.id for each in lists])
    tabs = [(word, url_for(".offers", show=name), counts.get(name), name == show) for name, word in SHOW.items()]
    rows = [
        (
            row, people[row.creator_id], made[row.id][-1], offer_forms.badge_of(row, "merchant"),
            messages.unread(row, "merchant"),
        )
        for row in found.rows
    ]  # fmt: skip
    return page(
        "dashboard/offers.html", shop=shop, rows=rows, found=found, tabs=tabs, show=show, counts=counts, lists=lists,
        came=came, first=not counts["all"], last_moment=offer_forms.last_moment,
    )  # fmt: skip


@blueprint.get("/offers/<negotiation_id>")
@merchant
def offer_page(negotiation_id: str) -> str:
    return _shown(negotiation_id)


@blueprint.post("/offers/<negotiation_id>/answer")
@merchant
def answer_offer(negotiation_id: str) -> str | AnyResponse:
    what = _answer_of(request.form.get("answer", ""))
    try:
        with db.write(Scope.shop(g.shop.id)) as session:
            row = negotiation.find(session, negotiation_id, shop_id=g.shop.id)
            number = negotiation_view.number("number")
            negotiation.answer(session, row.id, "merchant", what, number, by=guards.actor())
    except Conflict as late:
        return _shown(negotiation_id, problem=late.public)
    flash(DID[what])
    return redirect(url_for(".offer_page", negotiation_id=negotiation_id), code=303)


@blueprint.post("/offers/<negotiation_id>/offer")
@merchant
def make_offer(negotiation_id: str) -> str | AnyResponse:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    typed = offer_forms.typed(request.form)
    try:
        with db.write(Scope.shop(shop.id)) as session:
            row = negotiation.find(session, negotiation_id, shop_id=shop.id)
            negotiation.offer(
                session, row.id, "merchant", negotiation_view.number("number"), offer_forms.proposal(typed),
                agreed=negotiation_view.number("agreed"), by=guards.actor(),
            )  # fmt: skip
    except (InputRefused, Conflict) as refused:
        offer_forms.put(typed, refused)
        return _shown(negotiation_id, typed=typed)
    flash("Your offer is sent. The creator is told in the app.")
    return redirect(url_for(".offer_page", negotiation_id=negotiation_id), code=303)


@blueprint.post("/offers/<negotiation_id>/messages")
@merchant
def send_message(negotiation_id: str) -> str | AnyResponse:
    text = request.form.get("text", "")
    try:
        with db.write(Scope.shop(g.shop.id)) as session:
            row = negotiation.find(session, negotiation_id, shop_id=g.shop.id)
            messages.post(session, row.id, "merchant", text, by=guards.actor())
    except InputRefused as refused:
        return _shown(negotiation_id, text=text, text_problem=negotiation_view.in_words(refused))
    except TooOften as often:
        return _shown(negotiation_id, text=text, text_problem=often.public)
    return redirect(url_for(".offer_page", negotiation_id=negotiation_id, _anchor="messages"), code=303)


@blueprint.post("/offers/<negotiation_id>/messages/<int:number>/report")
@merchant
def report_message(negotiation_id: str, number: int) -> AnyResponse:
    with db.write(Scope.shop(g.shop.id)) as session:
        row = negotiation.find(session, negotiation_id, shop_id=g.shop.id)
        messages.report(session, row.id, number, "merchant", request.form.get("words", ""), by=guards.actor())
    flash("Reported. Support reads it.")
    return redirect(url_for(".offer_page", negotiation_id=negotiation_id, _anchor="messages"), code=303)


@blueprint.get("/offers/<negotiation_id>/export.<any(csv, json):kind>")
@merchant
def export_offer(negotiation_id: str, kind: str) -> Response:
    with db.read(Scope.shop(g.shop.id)) as session:
        return negotiation_view.export(session, negotiation.find(session, negotiation_id, shop_id=g.shop.id), kind)


@blueprint.get("/offers/many")
@merchant
def many_offers() -> str:
    """How many offers would be answered: looked at first."""
    return _many(_choice_typed(), {}, look="look" in request.args)


@blueprint.post("/offers/many")
@merchant
def answer_many() -> str | AnyResponse:
    typed = _choice_typed()
    act: Literal["accept", "decline"] = "decline" if request.form.get("answer") == "decline" else "accept"
    try:
        with db.write(Scope.shop(g.shop.id)) as session:
            chosen = _choice(typed)
            if request.form.get("seen") != str(batches.count(session, g.shop.id, chosen, clock.now())[0]):
                raise Conflict("offers came or went", public="Offers came or went meanwhile: look again.")
            batch = batches.answer(session, g.shop.id, act, chosen, by=guards.actor())
            if batch.rows > batches.SMALL:
                batches.start(session, batch)
    except InputRefused as refused:
        return _many(typed, {refused.field: f"{refused.problem} {refused.remedy}".strip()}, look=False)
    except Conflict as late:
        return _many(typed, {"form": late.public}, look=True)
    if batch.rows <= batches.SMALL:
        batches.work(batch.id, g.shop.id)
    return redirect(url_for(".offer_batch", batch_id=batch.id), code=303)


def _many(typed: dict[str, str], errors: dict[str, str], *, look: bool) -> str:
    seen = None
    if look:
        try:
            with db.read(Scope.shop(g.shop.id)) as session:
                seen = batches.count(session, g.shop.id, _choice(typed), clock.now())
        except InputRefused as refused:
            errors = errors | {refused.field: f"{refused.problem} {refused.remedy}".strip()}
    return page("dashboard/offers_many.html", shop=g.shop, typed=typed, errors=errors, seen=seen, words=rate_words)


def _choice_typed() -> dict[str, str]:
    return {name: request.values.get(name, "").strip()[:20] for name in ("most", "followers", "sample")}


def _choice(typed: dict[str, str]) -> Choice:
    followers = typed["followers"].replace(",", "").replace(" ", "")
    if followers and not (followers.isascii() and followers.isdigit() and len(followers) < 12):
        raise InputRefused("followers", "This is no number.", "Write how many, like 50000.")
    return Choice(
        rate_words.typed(typed["most"], "most") if typed["most"] else None,
        int(followers) if followers else None,
        without_sample=bool(typed["sample"]),
    )


def _shown(
    negotiation_id: str, *, typed: Typed | None = None, problem: str = "", text: str = "", text_problem: str = ""
) -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    with db.read(Scope.shop(shop.id)) as session:
        row = negotiation.find(session, negotiation_id, shop_id=shop.id)
        view = negotiation_view.of(session, row, "merchant")
        creator = creators.get(session, row.creator_id)
        state = offer_forms.badge_of(row, "merchant")
    if view.latest and view.read < row.messages:
        with db.write(Scope.shop(shop.id)) as session:
            messages.read(session, negotiation_id, "merchant", row.messages)
    typed = typed or offer_forms.of_offer(view.offers[-1], clock.now())
    errors = typed.errors | ({"form": problem} if problem else {}) | ({"text": text_problem} if text_problem else {})
    return page(
        "dashboard/offer.html", shop=shop, view=view, creator=creator, state=state, typed=typed, errors=errors, at=AT,
        text=text, text_problem=text_problem, waits=offer_forms.WAITS,
    )  # fmt: skip


def _answer_of(text: str) -> Answer:
    """Errors: InputRefused."""
    if text not in DID:
        raise InputRefused("answer", "is none.", "Choose to accept or to decline.")
    return text  # type: ignore[return-value]  # one of DID's keys


def _those(shop_id: str, show: str) -> sa.Select[Negotiation]:
    asked = sa.select(Negotiation).where(Negotiation.shop_id == shop_id)
    now = clock.now()
    living = sa.and_(Negotiation.state == "open", Negotiation.expires_at > now)
    which = {
        "yours": sa.and_(living, Negotiation.turn == "merchant"),
        "theirs": sa.and_(living, Negotiation.turn == "creator"),
        "agreed": Negotiation.state == "agreed",
        "unread": Negotiation.messages > Negotiation.merchant_read,
        "over": sa.and_(Negotiation.state != "agreed", sa.not_(living)),
    }
    return asked.where(which[show]) if show in which else asked


def _counts(session: Session, shop_id: str) -> dict[str, int]:
    return {
        show: session.scalar(sa.select(sa.func.count()).select_from(_those(shop_id, show).subquery())) or 0
        for show in ("yours", "theirs", "agreed", "unread", "all")
    }
