"""What the creator sold: by video, product, shop, collaboration or day, each figure leading to its orders."""

from __future__ import annotations

from flask import g
from sqlalchemy.orm import Session

from connector.faces.studio.face import blueprint, reading
from connector.insight.reports import beside, drill, table
from connector.insight.reports.asked import Asked
from connector.web import cursors, moments, reports
from connector.web.guards import creator
from connector.web.layout import page
from connector.web.reports import Question

DIMENSIONS = ("content", "product", "shop", "collaboration", "day")
SHOWN = 25


@blueprint.get("/sales")
@creator
def sales() -> str:
    with reading() as session:
        asked = _question(session)
        found = table.read(session, asked.asked, asked.by)
        shown = reports.shown(session, asked, found, ".sales", SHOWN)
    return page("studio/sales.html", asked=asked, shown=shown)


@blueprint.get("/sales/orders")
@creator
def sales_orders() -> str:
    """The orders that a figure is made of: they sum to it."""
    listing = f"studio-sales:{g.creator_id}"
    with reading() as session:
        asked = _question(session)
        whole = table.read(session, asked.asked, "day").whole
        rows, last = drill.orders(session, asked.asked, before=reports.behind(listing), limit=SHOWN)
        owed = [] if reports.behind(listing) else beside.read(session, asked.asked)
        shops = table.names(session, "shop", {row.shop_id for row in rows})
    older = asked.address(".sales_orders", older=cursors.pack(listing, last)) if last else ""
    return page(
        "studio/sales_orders.html", asked=asked, whole=whole, rows=rows, older=older, shops=shops, owed=owed,
        beside=beside,
    )  # fmt: skip


def _question(session: Session) -> Question:
    bound = Asked(creator_id=g.creator_id, zone=moments.zone())
    return reports.question(session, bound, dimensions=DIMENSIONS, by="content")
