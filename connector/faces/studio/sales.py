"""What the creator sold: by video, product, shop, collaboration or day, each figure leading to its orders."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flask import Response, g
from sqlalchemy.orm import Session

from connector import db
from connector.db import Scope
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


@blueprint.get("/sales/report.csv")
@creator
def sales_file() -> Response:
    """The report, a row a value and currency."""
    with reading() as session:
        asked = _question(session)
    return _file(
        f"sales-by-{asked.by}", lambda session: table.as_csv(session, table.read(session, asked.asked, asked.by))
    )


@blueprint.get("/sales/orders.csv")
@creator
def sales_orders_file() -> Response:
    """Every order of the figure. Whether a buyer is new isn't said: of one order it would be said of one person."""
    with reading() as session:
        asked = _question(session)
    return _file("sales-orders", lambda session: table.orders_as_csv(session, asked.asked))


def _file(name: str, rows: Callable[[Session], Iterator[str]]) -> Response:
    scope = Scope.creator(g.creator_id)

    def pieces() -> Iterator[str]:
        with db.snapshot(scope) as session:
            yield from rows(session)

    head = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "private, no-store"}
    return Response(pieces(), mimetype="text/csv", headers=head)


def _question(session: Session) -> Question:
    bound = Asked(creator_id=g.creator_id, zone=moments.zone())
    return reports.question(session, bound, dimensions=DIMENSIONS, by="content")
