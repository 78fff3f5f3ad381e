"""The merchant's products: what can be sold, and for the rest why not and what to do."""

from __future__ import annotations

from typing import Any

from flask import g, request, url_for
from sqlalchemy.orm import Session

from connector import db
from connector.commerce.catalog import queries as catalog
from connector.commerce.catalog import refusals as refused_of
from connector.commerce.catalog.tables import Listing
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import InputRefused
from connector.faces.dashboard.face import blueprint
from connector.insight.market import search as market
from connector.web import cursors, moments, stores, words
from connector.web.guards import merchant
from connector.web.layout import page

PER_PAGE = 50
UNREAD = 50  # products of one cause that could not be read at all


@blueprint.get("/products")
@merchant
def products() -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    text, status = request.args.get("q", "").strip()[:200], request.args.get("status", "")
    reason = request.args.get("reason", "").strip()
    if status not in ("", "shoppable", "not_shoppable", "gone"):
        raise InputRefused("status", "isn't one of the list.", "Start again without filters.")
    with db.read(Scope.shop(shop.id)) as session:
        rows, after = _rows(session, shop.id, text, "not_shoppable" if reason else status or None, reason or None)
        numbers = catalog.counts(session, shop.id)
        against = sorted(catalog.reasons(session, shop.id).items(), key=lambda each: (-each[1], each[0]))
        unread = refused_of.groups(session, shop.id, sample=UNREAD)
    return page(
        "dashboard/products.html", shop=shop, rows=rows, after=after, text=text, status_asked=status, reason=reason,
        views_shown=_views(text, status if not reason else "not_shoppable", numbers), any_yet=any(numbers.values()),
        causes=[(code, number, url_for(".products", reason=code)) for code, number in against], unread=unread,
        chips_shown=_chips(text, status, reason), at_store=lambda ref: stores.product_url(shop, ref),
        number_of=dict(against), said=lambda code: words.reason(code, "merchant").rstrip("."),
    )  # fmt: skip


def _chips(text: str, status: str, reason: str) -> list[tuple[str, str, str]]:
    chips = [("Search", text, url_for(".products", **_used(status=status, reason=reason)))] if text else []
    if reason:
        word = words.reason(reason, "merchant").rstrip(".")
        chips.append(("Because", word, url_for(".products", **_used(q=text, status="not_shoppable"))))
    return chips


def _rows(
    session: Session, shop_id: str, text: str, status: str | None, reason: str | None
) -> tuple[list[Listing], str]:
    """A page and the cursor of the next: with words the best first, without them by title."""
    name, given = f"products:{shop_id}{':found' if text else ''}", request.args.get("after", "")
    key = cursors.unpack(name, given) if given else None
    if text:
        asked = market.Asked(text, shop_id=shop_id, status=status, reason=reason)
        found = market.search(session, asked, cursor=key, limit=PER_PAGE)
        return found.listings, cursors.pack(name, found.next) if found.next else ""
    place = None if key is None else (str(key[0]), str(key[-1]))
    rows = catalog.by_title(session, shop_id=shop_id, status=status, reason=reason, cursor=place, limit=PER_PAGE + 1)
    shown = rows[:PER_PAGE]
    return shown, cursors.pack(name, catalog.place(session, shown[-1])) if len(rows) > PER_PAGE else ""


def _views(text: str, status: str, numbers: dict[str, int]) -> list[tuple[str, str, int | None, bool]]:
    views: list[tuple[str, str, int | None, bool]] = [("All", url_for(".products", **_used(q=text)), None, not status)]
    for value in ("shoppable", "not_shoppable", "gone"):
        word = {"shoppable": "Can be sold", "not_shoppable": "Cannot be sold", "gone": "Removed"}[value]
        url = url_for(".products", **_used(q=text, status=value))
        views.append((word, url, numbers.get(value, 0), status == value))
    return views


def _used(**given: str) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value}
