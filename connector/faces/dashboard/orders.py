"""The merchant's orders: who brought each, what it costs, and why; and one order in full."""

from __future__ import annotations

import sqlalchemy as sa
from flask import g, request, url_for

from connector import db
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import NotFound
from connector.faces.dashboard.face import blueprint
from connector.operations import trace as tracing
from connector.web import explain, keyset, moments, outcomes
from connector.web.guards import merchant
from connector.web.layout import page


@blueprint.get("/orders")
@merchant
def orders() -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    text = request.args.get("q", "").strip()
    with db.read(Scope.shop(shop.id)) as session:
        asked = sa.select(Order).where(Order.shop_id == shop.id)
        if text:
            asked = asked.where(Order.number.in_({text, "#" + text.lstrip("#"), text.lstrip("#")}))
        found = keyset.read(session, f"orders:{shop.id}", asked, (Order.placed_at, Order.id))
        came = outcomes.of(session, found.rows)
    chips = [("Search", text, url_for(".orders"))] if text else []
    return page(
        "dashboard/orders.html", shop=shop, found=found, lines=[(row, came[row.id]) for row in found.rows],
        chips_shown=chips, text=text,
    )  # fmt: skip


@blueprint.get("/orders/<order_id>")
@merchant
def order(order_id: str) -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    with db.read(Scope.shop(shop.id)) as session:
        row = session.scalar(sa.select(Order).where(Order.id == order_id, Order.shop_id == shop.id))
        if row is None:
            raise NotFound(f"no order of this shop has the id {order_id[:40]!r}", public="Your shop has no such order.")
        found = tracing.trace(session, row)
    return page(
        "dashboard/order.html", shop=shop, trace=found, sentence=explain.sentence(found, "merchant"), explain=explain
    )
