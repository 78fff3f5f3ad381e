"""Frozen money: why, until when the creator may say something against it, when it ends; and saying it."""

from __future__ import annotations

from flask import flash, g, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from connector import clock
from connector.commerce.orders.tables import Order
from connector.earnings.commission import freezes as acts
from connector.errors import Conflict, InputRefused, NotFound
from connector.faces.studio.face import blueprint, reading, writing
from connector.web import guards
from connector.web.guards import creator
from connector.web.layout import page


@blueprint.get("/frozen")
@creator
def freezes() -> str:
    return _shown()


@blueprint.post("/frozen/<freeze_id>/appeal")
@creator
def appeal(freeze_id: str) -> str | AnyResponse:
    """What the creator says; staff read it before they decide."""
    words = request.form.get("words", "")
    try:
        with writing() as session:
            if freeze_id not in {found.id for found in acts.of_creator(session, g.creator_id)}:
                raise NotFound("no freeze of yours has that id")
            acts.appeal(session, freeze_id, by=guards.actor(), words=words, as_of=clock.now(), creator_id=g.creator_id)
    except InputRefused as refused:
        return _shown(freeze_id, words, refused.remedy)
    except Conflict as late:
        return _shown(freeze_id, words, late.public)
    flash("We have your words. Somebody reads them before anything is decided.")
    return redirect(url_for(".freezes"), code=303)


def _shown(freeze_id: str = "", words: str = "", problem: str = "") -> str:
    with reading() as session:
        rows = acts.of_creator(session, g.creator_id)
        said = acts.appeals(session, [row.id for row in rows], g.creator_id)
        orders = {row.order_id: session.get(Order, row.order_id) for row in rows if row.order_id}
    return page(
        "studio/freezes.html", rows=rows, orders=orders, said=said, now=clock.now(), wrong=freeze_id, words=words,
        problem=problem,
    )  # fmt: skip
