"""What creators sold, for support: of a shop, a creator or all together, each figure leading to its orders."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flask import Response, request
from sqlalchemy.orm import Session

from connector import db
from connector.commerce.shops import queries as shops
from connector.db import Scope
from connector.errors import InputRefused
from connector.faces.console.face import WHY, blueprint
from connector.insight.reports import asked as asking
from connector.insight.reports import beginnings, beside, drill, table
from connector.insight.reports.asked import Asked
from connector.web import cursors, moments, reports
from connector.web.guards import staff
from connector.web.layout import page
from connector.web.reports import Question

DIMENSIONS = ("shop", "creator", "content", "product", "collaboration", "day")
# Of every shop together no more than this at once: it is the whole trade of the app.
MOST_DAYS_OF_ALL = 31


@blueprint.get("/sales")
@staff("support")
def sales() -> str:
    with db.read(Scope.system(WHY)) as session:
        asked = _question(session)
        found = table.read(session, asked.asked, asked.by, with_buyers=True)
        shown = reports.shown(session, asked, found, ".sales")
        begun = beginnings.read(session, asked.asked) if set(asked.filters) <= {"shop", "creator"} else None
    return page("console/sales.html", asked=asked, shown=shown, begun=begun)


@blueprint.get("/sales/orders")
@staff("support")
def sales_orders() -> str:
    """The orders that a figure is made of: they sum to it."""
    listing = "console-sales"
    with db.read(Scope.system(WHY)) as session:
        asked = _question(session)
        whole = table.read(session, asked.asked, "day", with_buyers=True).whole
        rows, last = drill.orders(session, asked.asked, before=reports.behind(listing), with_buyers=True)
        owed = [] if reports.behind(listing) else beside.read(session, asked.asked)
        people = table.names(session, "creator", {each.entry.creator_id for each in owed[: beside.SHOWN]})
        known = table.names(session, "shop", {row.shop_id for row in rows})
    older = asked.address(".sales_orders", older=cursors.pack(listing, last)) if last else ""
    return page(
        "console/sales_orders.html", asked=asked, whole=whole, rows=rows, older=older, shops=known, owed=owed,
        beside=beside, people=people,
    )  # fmt: skip


@blueprint.get("/sales/report.csv")
@staff("support")
def sales_file() -> Response:
    """The report, a row a value and currency."""
    with db.read(Scope.system(WHY)) as session:
        asked = _question(session)

    def rows(session: Session) -> Iterator[str]:
        yield from table.as_csv(session, table.read(session, asked.asked, asked.by, with_buyers=True))

    return _file(f"sales-by-{asked.by}.csv", rows)


@blueprint.get("/sales/orders.csv")
@staff("support")
def sales_orders_file() -> Response:
    """Every order of the figure."""
    with db.read(Scope.system(WHY)) as session:
        asked = _question(session)
    return _file("sales-orders.csv", lambda session: table.orders_as_csv(session, asked.asked, with_buyers=True))


def _question(session: Session) -> Question:
    """A shop's days are its own; of several together they are the viewer's."""
    bound = Asked(zone=moments.zone())
    shop_id = request.args.get("shop", "").strip()[:64]
    if shop_id:
        bound = reports.in_zone(bound, shops.get(session, shop_id).time_zone)
    asked = reports.question(session, bound, dimensions=DIMENSIONS, by="shop")
    if not {"shop", "creator", "content"} & set(asked.filters) and len(asking.span(asked.asked)) > MOST_DAYS_OF_ALL:
        raise InputRefused(
            "since", f"is more than {MOST_DAYS_OF_ALL} days before the last day, of every shop together.",
            "Choose a shop or a creator first, or a shorter time.",
        )  # fmt: skip
    return asked


def _file(name: str, rows: Callable[[Session], Iterator[str]]) -> Response:
    def pieces() -> Iterator[str]:
        with db.snapshot(Scope.system(WHY)) as session:
            yield from rows(session)

    head = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return Response(pieces(), mimetype="text/csv", headers=head)
