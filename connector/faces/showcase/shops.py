"""A shop's public page: what it sells here."""

from __future__ import annotations

from flask import Response, request, url_for

from connector import db
from connector.commerce.catalog import queries as catalog
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.faces.showcase import cards, structured
from connector.faces.showcase.face import WHY, blueprint, missing, public_url, shown
from connector.insight.market import search as market
from connector.web import cursors
from connector.web.guards import public

PER_PAGE = 24


@blueprint.get("/shops/<shop_id>")
@public(WHY)
def shop(shop_id: str) -> Response:
    text, after = request.args.get("q", "").strip()[:200], request.args.get("after", "")
    cursor = cursors.unpack(f"shop:{shop_id}", after) if after else None
    with db.read(Scope.app()) as session:
        row = session.get(Shop, shop_id)
        if row is None:
            return missing(404, "There is no such shop", "Its address is not one that we gave out.")
        if row.status == "left":
            return missing(410, "This shop has left", f"{row.name or row.domain} doesn't sell here any more.")
        asked = market.Asked(text, shop_id=shop_id, status="shoppable")
        found = market.search(session, asked, cursor=cursor, limit=PER_PAGE)
        rows = cards.cards(session, found.listings)
        number = catalog.counts(session, shop_id).get("shoppable", 0)
    url = public_url(url_for(".shop", shop_id=shop_id))
    store = row.storefront_url if row.storefront_url.startswith("https://") else ""
    return shown(
        "showcase/shop.html", row=row, rows=rows, text=text, number=number, store=store, canonical=url, first=not after,
        after=cursors.pack(f"shop:{shop_id}", found.next) if found.next else "",
        data=structured.shop_page(row, url, store, [(each.listing.title, public_url(each.url)) for each in rows]),
    )  # fmt: skip
