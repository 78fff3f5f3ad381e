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
from connector.errors import Conflict, InputRefused
from connector.faces.dashboard.face import blueprint
from connector.operations import content_fees
from connector.programme.collaborations import approvals, approving, batches, messages, negotiation
from connector.programme.collaborations.approving import Reply
from connector.programme.collaborations.batches import Choice
from connector.programme.collaborations.tables import ContentApproval, Negotiation
from connector.programme.content import queries as contents
from connector.programme.creators import queries as creators
from connector.web import guards, keyset, moments, offer_forms, rate_words
from connector.web.guards import merchant
from connector.web.layout import page
from connector.web.negotiation_desk import Desk

SHOW = {
    "yours": "Need your answer", "theirs": "Wait for the creator", "agreed": "Agreed", "unread": "Unread",
    "over": "Over", "all": "All",
}  # fmt: skip
CONTENT = {"waiting": "Need your answer", "owed": "Approved", "support": "At support", "all": "All"}
DESK = Desk(
    side="merchant",
    template="dashboard/offer.html",
    at={
        "page": "dashboard.offer_page", "answer": "dashboard.answer_offer", "offer": "dashboard.make_offer",
        "message": "dashboard.send_message", "report": "dashboard.report_message", "export": "dashboard.export_offer",
        "reply": "dashboard.answer_content", "appeal": "dashboard.appeal_content",
    },
    did={"accept": "Accepted. The new rate counts by its dates.", "decline": "Declined.", "withdraw": "Withdrawn."},
    sent=lambda _row: "Your offer is sent. The creator is told in the app.",
    reading=lambda: db.read(Scope.shop(g.shop.id)),
    writing=lambda: db.write(Scope.shop(g.shop.id)),
    whose=lambda: {"shop_id": g.shop.id},
    beside=lambda session, row: {"shop": g.shop, "creator": creators.get(session, row.creator_id)},
)  # fmt: skip


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
        handed_in = session.scalars(_handed_in(shop.id, "waiting").limit(1)).first() is not None
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
        handed_in=handed_in,
    )  # fmt: skip


@blueprint.get("/offers/<negotiation_id>")
@merchant
def offer_page(negotiation_id: str) -> str:
    return DESK.shown(negotiation_id)


@blueprint.post("/offers/<negotiation_id>/answer")
@merchant
def answer_offer(negotiation_id: str) -> str | AnyResponse:
    return DESK.answer(negotiation_id)


@blueprint.post("/offers/<negotiation_id>/offer")
@merchant
def make_offer(negotiation_id: str) -> str | AnyResponse:
    return DESK.offer(negotiation_id)


@blueprint.post("/offers/<negotiation_id>/messages")
@merchant
def send_message(negotiation_id: str) -> str | AnyResponse:
    return DESK.say(negotiation_id)


@blueprint.post("/offers/<negotiation_id>/messages/<int:number>/report")
@merchant
def report_message(negotiation_id: str, number: int) -> str | AnyResponse:
    return DESK.report(negotiation_id, number)


@blueprint.get("/offers/<negotiation_id>/export.<any(csv, json):kind>")
@merchant
def export_offer(negotiation_id: str, kind: str) -> Response:
    return DESK.export(negotiation_id, kind)


@blueprint.get("/offers/content")
@merchant
def content_for_fees() -> str:
    """What creators handed in for flat fees: what waits for an answer first."""
    moments.use_zone(g.shop.time_zone)
    show = request.args.get("show", "")
    with db.read(Scope.shop(g.shop.id)) as session:
        waiting = session.scalar(
            sa.select(sa.func.count()).select_from(_handed_in(g.shop.id, "waiting").subquery())
        ) or 0  # fmt: skip
        show = show if show in CONTENT else "waiting" if waiting else "all"
        found = keyset.read(
            session, f"content:{show}:{g.shop.id}", _handed_in(g.shop.id, show),
            (ContentApproval.handed_in_at, ContentApproval.id),
        )  # fmt: skip
        people = creators.some(session, {row.creator_id for row in found.rows})
        videos = contents.some(session, {row.content_id for row in found.rows})
    tabs = [
        (word, url_for(".content_for_fees", show=name), waiting if name == "waiting" else None, name == show)
        for name, word in CONTENT.items()
    ]  # fmt: skip
    return page(
        "dashboard/content_for_fees.html", shop=g.shop, found=found, people=people, videos=videos, tabs=tabs,
    )  # fmt: skip


@blueprint.post("/offers/<negotiation_id>/content/<approval_id>/answer")
@merchant
def answer_content(negotiation_id: str, approval_id: str) -> str | AnyResponse:
    """Approve content for the flat fee, or send it back with a reason."""
    what: Reply = "approve" if request.form.get("answer") == "approve" else "send_back"
    try:
        with db.write(Scope.shop(g.shop.id)) as session:
            row = approvals.find(session, approval_id, shop_id=g.shop.id)
            content_fees.answer(session, row.id, what, by=guards.actor(), reason=request.form.get("reason", ""))
    except InputRefused as refused:
        return DESK.shown(negotiation_id, wrong={"reason": f"The reason {refused.problem} {refused.remedy}".strip()})
    except Conflict as late:
        return DESK.shown(negotiation_id, problem=late.public)
    flash("Approved: the flat fee is owed." if what == "approve" else "Sent back. The creator reads why.")
    return redirect(url_for(".offer_page", negotiation_id=negotiation_id, _anchor="content"), code=303)


@blueprint.post("/offers/<negotiation_id>/content/<approval_id>/appeal")
@merchant
def appeal_content(negotiation_id: str, approval_id: str) -> str | AnyResponse:
    """Ask support about content that was approved."""
    try:
        with db.write(Scope.shop(g.shop.id)) as session:
            row = approvals.find(session, approval_id, shop_id=g.shop.id)
            content_fees.appeal(session, row.id, "merchant", request.form.get("words", ""), by=guards.actor())
    except InputRefused as refused:
        return DESK.shown(negotiation_id, wrong={"words": f"This {refused.problem} {refused.remedy}".strip()})
    except Conflict as late:
        return DESK.shown(negotiation_id, problem=late.public)
    flash("Support was asked. Until it has decided the fee stays owed.")
    return redirect(url_for(".offer_page", negotiation_id=negotiation_id, _anchor="content"), code=303)


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
            seen = batches.look(session, g.shop.id, chosen, clock.now())
            if seen is None or request.form.get("seen") != seen.mark:
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
    moments.use_zone(g.shop.time_zone)
    seen = None
    if look:
        try:
            with db.read(Scope.shop(g.shop.id)) as session:
                seen = batches.look(session, g.shop.id, _choice(typed), clock.now())
        except InputRefused as refused:
            errors = errors | {refused.field: f"{refused.problem} {refused.remedy}".strip()}
    return page(
        "dashboard/offers_many.html", shop=g.shop, typed=typed, errors=errors, seen=seen, looked=look, words=rate_words,
        last_moment=offer_forms.last_moment,
    )  # fmt: skip


def _choice_typed() -> dict[str, str]:
    return {name: request.values.get(name, "").strip()[:20] for name in ("most", "followers", "sample", "fee")}


def _choice(typed: dict[str, str]) -> Choice:
    followers = typed["followers"].replace(",", "").replace(" ", "")
    if followers and not (followers.isascii() and followers.isdigit() and len(followers) < 12):
        raise InputRefused("followers", "This is no number.", "Write how many, like 50000.")
    return Choice(
        rate_words.typed(typed["most"], "most") if typed["most"] else None,
        int(followers) if followers else None,
        without_sample=bool(typed["sample"]),
        most_fee=offer_forms.fee_typed(typed["fee"], g.shop.currency) if typed["fee"] else None,
    )


def _handed_in(shop_id: str, show: str) -> sa.Select[ContentApproval]:
    asked = sa.select(ContentApproval).where(ContentApproval.shop_id == shop_id)
    which = {"waiting": ["waiting"], "owed": list(approving.OWED), "support": ["appealed", "contested"]}.get(show)
    return asked if which is None else asked.where(ContentApproval.state.in_(which))


def _those(shop_id: str, show: str) -> sa.Select[Negotiation]:
    asked = sa.select(Negotiation).where(Negotiation.shop_id == shop_id)
    now = clock.now()
    which = {
        "yours": negotiation.waits_for("merchant", now),
        "theirs": negotiation.waits_for("creator", now),
        "agreed": Negotiation.state == "agreed",
        "unread": Negotiation.messages > Negotiation.merchant_read,
        "over": sa.and_(Negotiation.state != "agreed", sa.not_(negotiation.living(now))),
    }
    return asked.where(which[show]) if show in which else asked


def _counts(session: Session, shop_id: str) -> dict[str, int]:
    return {
        show: session.scalar(sa.select(sa.func.count()).select_from(_those(shop_id, show).subquery())) or 0
        for show in ("yours", "theirs", "agreed", "unread", "all")
    }
