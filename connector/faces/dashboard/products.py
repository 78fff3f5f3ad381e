"""The merchant's products: what can be sold, and for the rest why not and what to do."""

from __future__ import annotations

from typing import Any

from flask import g, request, url_for

from connector import db
from connector.commerce.catalog import queries as catalog
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import InputRefused
from connector.faces.dashboard.face import blueprint
from connector.web import cursors, moments
from connector.web.guards import merchant
from connector.web.layout import page

PER_PAGE = 50


@blueprint.get("/products")
@merchant
def products() -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    text, status = request.args.get("q", "").strip()[:200], request.args.get("status", "")
    if status not in ("", "shoppable", "not_shoppable", "gone"):
        raise InputRefused("status", "isn't one of the list.", "Start again without filters.")
    with db.read(Scope.shop(shop.id)) as session:
        rows = catalog.search(
            session, text=text, shop_id=shop.id, status=status or None, cursor=_cursor(shop.id), limit=PER_PAGE + 1
        )
        more = len(rows) > PER_PAGE
        rows = rows[:PER_PAGE]
        after = cursors.pack(f"products:{shop.id}", catalog.place(session, rows[-1])) if more else ""
        numbers = catalog.counts(session, shop.id)
    return page(
        "dashboard/products.html", shop=shop, rows=rows, after=after, text=text, status_asked=status,
        views_shown=_views(text, status, numbers), any_yet=any(numbers.values()),
        chips_shown=[("Search", text, url_for(".products", **_used(status=status)))] if text else [],
    )  # fmt: skip


def _cursor(shop_id: str) -> tuple[str, str] | None:
    given = request.args.get("after", "")
    if not given:
        return None
    title, listing_id = cursors.unpack(f"products:{shop_id}", given)
    return str(title), str(listing_id)


def _views(text: str, status: str, numbers: dict[str, int]) -> list[tuple[str, str, int | None, bool]]:
    views: list[tuple[str, str, int | None, bool]] = [("All", url_for(".products", **_used(q=text)), None, not status)]
    for value in ("shoppable", "not_shoppable", "gone"):
        word = {"shoppable": "Can be sold", "not_shoppable": "Cannot be sold", "gone": "Removed"}[value]
        url = url_for(".products", **_used(q=text, status=value))
        views.append((word, url, numbers.get(value, 0), status == value))
    return views


def _used(**given: str) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value}
