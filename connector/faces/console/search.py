"""One box that finds anything: an order, a shop, a delivery, a run, a tap, a link, a creator, a product.

An only hit leads straight to it; otherwise the hits stand by kind. What was pasted is in the address, so a search can
be pasted into a ticket too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import db
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.faces.console.face import WHY, blueprint
from connector.faces.console.runs import name_of, shops_by_id
from connector.operations import find
from connector.web import words
from connector.web.guards import staff
from connector.web.layout import page
from connector.web.words import Badge

# kind → heading, endpoint, name of its id in the address
_KINDS: dict[find.Kind, tuple[str, str, str]] = {
    "order": ("Orders", ".order", "order_id"),
    "shop": ("Shops", ".shop", "shop_id"),
    "delivery": ("Deliveries", ".delivery", "delivery_id"),
    "run": ("Sync runs", ".run", "run_id"),
    "touch": ("Taps", ".touch", "touch_id"),
    "link": ("Links", ".link", "link_id"),
    "creator": ("Creators", ".creator", "creator_id"),
    "product": ("Products", ".product", "listing_id"),
    "sample": ("Samples", ".sample", "sample_id"),
    "content_fee": ("Content for flat fees", ".content_fee", "approval_id"),
    "negotiation": ("Negotiations", ".support_negotiation", "negotiation_id"),
}
# kind → the vocabulary that its note is a status of
_STATUSES: Mapping[str, str] = {
    "delivery": "delivery",
    "run": "run",
    "product": "listing",
    "sample": "sample",
    "content_fee": "content_approval",
    "negotiation": "negotiation",
}
# Where a kind's own list takes the text on, when there is more than is shown.
_LISTS: Mapping[str, str] = {"order": ".orders", "shop": ".shops", "creator": ".creators"}


@blueprint.get("/find")
@staff("support")
def find_anything() -> str | AnyResponse:
    typed = request.args.get("q", "")
    with db.read(Scope.system(WHY)) as session:
        found = find.search(session, typed)
        if found.only is not None:
            return redirect(address(found.only), code=303)
        shops = _shops(session, found)
    groups = [
        (
            _KINDS[kind][0],
            [(hit, address(hit), badge(hit), name_of(shops.get(hit.shop_id)) if hit.shop_id else "") for hit in hits],
            url_for(_LISTS[kind], q=found.asked.text) if kind in found.more and kind in _LISTS else "",
            kind in found.more,
        )
        for kind, hits in found.hits.items()
    ]
    return page("console/find.html", typed=typed.strip(), asked=found.asked, groups=groups, exact=found.exact)


def address(hit: find.Hit) -> str:
    _, endpoint, name = _KINDS[hit.kind]
    named: dict[str, Any] = {name: hit.id}
    return url_for(endpoint, **named)


def badge(hit: find.Hit) -> Badge | None:
    vocabulary = _STATUSES.get(hit.kind)
    return words.status(vocabulary, hit.note) if vocabulary else None


def _shops(session: Session, found: find.Found) -> dict[str, Shop]:
    return shops_by_id(session, {hit.shop_id for hits in found.hits.values() for hit in hits if hit.shop_id})
