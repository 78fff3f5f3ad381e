"""What a shop offers, as staff see it: what stands, what comes, every version, and one creator's calendar."""

from __future__ import annotations

from flask import request
from sqlalchemy.orm import Session

from connector import clock, db
from connector.commerce.shops import queries as shops_of
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import InputRefused
from connector.faces.console import telling
from connector.faces.console.face import WHY, blueprint
from connector.programme.collaborations import calendar, rates
from connector.programme.collaborations.calendar import Span
from connector.programme.creators import queries as creators
from connector.web import moments, rate_words, term_lines
from connector.web.guards import staff
from connector.web.layout import page


@blueprint.get("/shops/<shop_id>/terms")
@staff("support")
def shop_terms(shop_id: str) -> str:
    now, handle, product = clock.now(), request.args.get("creator", "").strip(), request.args.get("product", "").strip()
    with db.read(Scope.system(WHY)) as session:
        shop = shops_of.get(session, shop_id)
        moments.use_zone(shop.time_zone)
        lines, more = term_lines.standing_lines(session, shop, now)
        history = rates.newest(session, shop.id, term_lines.SHOWN)
        names = term_lines.names(session, shop, history)
        spans, error = _calendar(session, shop, handle, product[:200]) if handle else ([], "")
    return page(
        "console/shop_terms.html", shop=shop, lines=lines, more=more, history=history, names=names, spans=spans,
        handle=handle, product=product, error=error, words=rate_words, kinds=rate_words.KINDS, now=now,
        actor_words=telling.actor_words,
    )  # fmt: skip


def _calendar(session: Session, shop: Shop, handle: str, product: str) -> tuple[list[Span], str]:
    """What the creator will earn on the product; or why that can't be said."""
    try:
        creator = creators.by_handle(session, handle)
    except InputRefused:
        creator = None
    if creator is None:
        return [], "No creator has this handle."
    offers = rates.offers(session, shop.id, [product], [creator.id])
    return calendar.spans(offers, creator_id=creator.id, product_ref=product, since=clock.now()), ""
