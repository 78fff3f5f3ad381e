"""The merchant's orders: who brought each, what it costs, and why; and one order in full."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import g, request, url_for
from sqlalchemy.orm import Session

from connector import db
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.attribution.tables import DecisionRow
from connector.errors import InputRefused, NotFound
from connector.faces.dashboard import partners
from connector.faces.dashboard.face import blueprint
from connector.operations import trace as tracing
from connector.operations import trace_audience
from connector.programme.creators import queries as creators_of
from connector.programme.creators.tables import Creator
from connector.web import explain, keyset, moments, outcomes, stores
from connector.web.guards import merchant
from connector.web.layout import page

_CREDIT = {"some": "Brought by a creator", "nobody": "Brought by nobody"}
_FILTERS = ("q", "credit", "creator", "since", "until")
_NAMES = {"q": "Search", "credit": "Credit", "creator": "Creator", "since": "From", "until": "To"}


@blueprint.get("/orders")
@merchant
def orders() -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    asked: dict[str, Any] = {name: request.args.get(name, "").strip()[:200] for name in _FILTERS}
    with db.read(Scope.shop(shop.id)) as session:
        person = _creator(session, shop.id, asked["creator"]) if asked["creator"] else None
        query = _matching(shop.id, asked, person.id if person else "")
        found = keyset.read(session, f"orders:{shop.id}", query, (Order.placed_at, Order.id))
        came = outcomes.of(session, found.rows, by_line=True)
    shown = {
        "credit": _CREDIT.get(asked["credit"], ""),
        "creator": person.name if person else asked["creator"] if asked["creator"].startswith("@") else "Somebody else",
    }
    chips = [
        (_NAMES[name], shown.get(name, value), url_for(".orders", **_without(asked, name)))
        for name, value in asked.items()
        if value
    ]
    return page(
        "dashboard/orders.html", shop=shop, found=found, lines=[(row, came[row.id]) for row in found.rows],
        chips_shown=chips, asked=asked, credits=_CREDIT, filtered=any(asked.values()),
        handle=f"@{person.handle}" if person else asked["creator"],
    )  # fmt: skip


def _without(asked: dict[str, Any], name: str) -> dict[str, Any]:
    return {other: value for other, value in asked.items() if value and other != name}


def _matching(shop_id: str, asked: dict[str, Any], creator_id: str) -> sa.Select[Order]:
    query = sa.select(Order).where(Order.shop_id == shop_id)
    if asked["q"]:
        text = asked["q"]
        query = query.where(Order.number.in_({text, "#" + text.lstrip("#"), text.lstrip("#")}))
    credited = sa.exists().where(DecisionRow.order_id == Order.id, DecisionRow.creator_id.is_not(None))
    if asked["credit"] in _CREDIT:
        query = query.where(credited if asked["credit"] == "some" else ~credited)
    if asked["creator"]:
        query = query.where(sa.exists().where(DecisionRow.order_id == Order.id, DecisionRow.creator_id == creator_id))
    if asked["since"]:
        query = query.where(Order.placed_at >= moments.first_of(asked["since"], "since"))
    if asked["until"]:
        query = query.where(Order.placed_at < moments.first_of(asked["until"], "until") + timedelta(days=1))
    return query


def _creator(session: Session, shop_id: str, text: str) -> Creator | None:
    """The creator who is meant by id or by handle, if they work with this shop: no others are named."""
    try:
        return partners.known(session, shop_id, creators_of.named(session, text).id)
    except (NotFound, InputRefused):
        return None


@blueprint.get("/orders/<order_id>")
@merchant
def order(order_id: str) -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    with db.read(Scope.shop(shop.id)) as session:
        row = session.scalar(sa.select(Order).where(Order.id == order_id, Order.shop_id == shop.id))
        if row is None:
            raise NotFound(f"no order of this shop has the id {order_id[:40]!r}", public="Your shop has no such order.")
        found = trace_audience.told(tracing.trace(session, row), "merchant")
    return page(
        "dashboard/order.html", shop=shop, trace=found, explain=explain, at_store=stores.order_url(shop, row.order_ref)
    )
