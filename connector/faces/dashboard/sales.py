"""What creators sold for the shop: by creator, video, product, collaboration or day, drawn and as a table, each figure
leading to its orders."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import cast

from babel.dates import format_date
from babel.numbers import format_decimal
from flask import Response, g
from sqlalchemy.orm import Session

from connector import clock, db, money
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import NotFound
from connector.faces.dashboard.face import blueprint
from connector.insight.reports import asked as asking
from connector.insight.reports import beginnings, beside, drill, table
from connector.insight.reports.asked import NONE, Asked
from connector.insight.reports.engine import InCurrency, Sum
from connector.insight.reports.table import Table
from connector.web import charts, cursors, moments, reports
from connector.web.amounts import LOCALE, plain
from connector.web.charts import Theme
from connector.web.guards import merchant
from connector.web.layout import page
from connector.web.reports import DAYS, WITHOUT, Question

DIMENSIONS = ("creator", "content", "product", "collaboration", "day")
LONG_SECONDS, KEPT_SECONDS, MOST_KEPT = 0.5, 60.0, 200
# Named in the picture; the others stand together, so that no more than four colours are needed.
NAMED = charts.MOST_SERIES - 1


@dataclass(frozen=True, slots=True)
class Shown:
    """One currency's sales with what its picture says. `rows`: the greatest, with their names."""

    of: InCurrency
    finding: str
    rows: Sequence[tuple[str, str, Sum]] = ()  # id, name, sums


_kept: OrderedDict[tuple[str, str, Asked], tuple[float, Table]] = OrderedDict()
_lock = threading.Lock()


def read(session: Session, asked: Asked, by: str) -> Table:
    """The shop's sales. Where working them out takes long (tens of thousands of orders), they are kept for a minute:
    a page and its pictures ask for the same sums within a second."""
    place, began = (str(db.current().url), by, asked), time.monotonic()
    with _lock:
        held = _kept.get(place)
    if held is not None and began - held[0] < KEPT_SECONDS:
        return held[1]
    found = table.read(session, asked, by, drawn=True, with_buyers=True)
    if time.monotonic() - began > LONG_SECONDS:
        with _lock:
            _kept[place] = (time.monotonic(), found)
            while len(_kept) > MOST_KEPT:
                _kept.popitem(last=False)
    return found


def of_shop(shop: Shop) -> Asked:
    return Asked(shop_id=shop.id, zone=moments.zone_named(shop.time_zone))


def this_month(session: Session, shop: Shop, most: int) -> list[Shown]:
    """The last 30 days by creator, for the first page."""
    found = read(session, asking.of_month(of_shop(shop), clock.now(), DAYS), "creator")
    return [_shown(session, found, each, most) for each in found.found]


@blueprint.get("/sales")
@merchant
def sales() -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    with db.read(Scope.shop(shop.id)) as session:
        asked = _question(session, shop)
        found = read(session, asked.asked, asked.by)
        shown = reports.shown(session, asked, found, ".sales")
        drawn = [_shown(session, found, each) for each in found.found]
        begun = beginnings.read(session, asking.in_time(of_shop(shop), asked.asked)) if not asked.filters else None
    return page("dashboard/sales.html", shop=shop, asked=asked, shown=shown, drawn=drawn, begun=begun)


@blueprint.get("/sales/<currency>/<any(wide, narrow):width>-<any(light, dark):theme>.svg")
@merchant
def sales_chart(currency: str, width: str, theme: str) -> Response:
    """The picture for one currency. An address that names another width or theme is not found."""
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    with db.read(Scope.shop(shop.id)) as session:
        asked = _question(session, shop)
        found = read(session, asked.asked, asked.by)
        mine = next((each for each in found.found if each.currency == currency), None)
        if mine is None:
            raise NotFound(f"nothing was sold in {currency[:3]!r}", public="Nothing was sold in this currency.")
        names = _names(session, found, mine, NAMED + 1)
    days = list(mine.days)
    scale = 10 ** money.exponent(currency)
    body = charts.bars(
        [_short(day) for day in days],
        [(name, [amount / scale for amount in values]) for name, values in _series(found, mine, days, names)],
        width=width, theme=cast("Theme", theme), said=lambda value: _axis(value, currency),
    )  # fmt: skip
    return Response(body, mimetype="image/svg+xml")


@blueprint.get("/sales/orders")
@merchant
def sales_orders() -> str:
    """The orders that a figure is made of: they sum to it."""
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    listing = f"sales-orders:{shop.id}"
    with db.read(Scope.shop(shop.id)) as session:
        asked = _question(session, shop)
        whole = table.read(session, asked.asked, "day", with_buyers=True)
        rows, last = drill.orders(session, asked.asked, before=reports.behind(listing), with_buyers=True)
        owed = [] if reports.behind(listing) else beside.read(session, asked.asked)
        people = table.names(session, "creator", {each.entry.creator_id for each in owed[: beside.SHOWN]})
    older = asked.address(".sales_orders", older=cursors.pack(listing, last)) if last else ""
    return page(
        "dashboard/sales_orders.html", shop=shop, asked=asked, whole=whole.whole, rows=rows, older=older, owed=owed,
        beside=beside, people=people,
    )  # fmt: skip


@blueprint.get("/sales/report.csv")
@merchant
def sales_file() -> Response:
    """The report, a row a value and currency."""
    shop: Shop = g.shop
    with db.read(Scope.shop(shop.id)) as session:
        asked = _question(session, shop)

    def rows(session: Session) -> Iterator[str]:
        yield from table.as_csv(session, table.read(session, asked.asked, asked.by, with_buyers=True))

    return _file(shop, f"sales-by-{asked.by}", rows)


@blueprint.get("/sales/orders.csv")
@merchant
def sales_orders_file() -> Response:
    """Every order of the figure."""
    shop: Shop = g.shop
    with db.read(Scope.shop(shop.id)) as session:
        asked = _question(session, shop)
    return _file(shop, "sales-orders", lambda session: table.orders_as_csv(session, asked.asked, with_buyers=True))


def _question(session: Session, shop: Shop) -> Question:
    return reports.question(session, of_shop(shop), dimensions=DIMENSIONS, by="creator")


def _file(shop: Shop, name: str, rows: Callable[[Session], Iterator[str]]) -> Response:
    def pieces() -> Iterator[str]:
        with db.snapshot(Scope.shop(shop.id)) as session:
            yield from rows(session)

    head = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "private, no-store"}
    return Response(pieces(), mimetype="text/csv", headers=head)


def _shown(session: Session, found: Table, mine: InCurrency, most: int = 5) -> Shown:
    names = _names(session, found, mine, max(1, most))
    sold = [row for row in mine.rows[:most] if row.total.orders]  # who is only owed something beside orders has none
    rows = [(_id(row.key[0]), names.get(_id(row.key[0]), ""), row.total) for row in sold]
    return Shown(mine, finding(found, mine, names), rows)


def _names(session: Session, found: Table, mine: InCurrency, most: int) -> dict[str, str]:
    ids = [_id(row.key[0]) for row in mine.rows[:most]]
    if found.by == "day":
        return {}
    known = table.names(session, found.by, [each for each in ids if each != NONE])
    return {each: known.get(each) or (WITHOUT.get(found.by, "None") if each == NONE else each) for each in ids}


def _id(part: object) -> str:
    return NONE if part is None else str(part)


def finding(found: Table, mine: InCurrency, names: dict[str, str]) -> str:
    """What the picture shows, in a sentence: the alt text, and the line under it."""
    total = plain(mine.total.sales, mine.currency, "code")
    best = max(mine.days.items(), key=lambda each: each[1].sales)
    number = len(mine.days)
    today = clock.now().astimezone(found.asked.zone).date()
    days = list(mine.days)
    when = f"in the last {number} days" if days[-1] == today else f"from {_short(days[0])} to {_short(days[-1])}"
    text = f"Creators sold for {total} {when}"
    if best[1].sales and number > 1:
        text += f", most on {_short(best[0])} ({plain(best[1].sales, mine.currency, 'code')})"
    if mine.rows and mine.rows[0].total.sales and found.by != "day":
        first = mine.rows[0]
        text += f". {names[_id(first.key[0])]} sold the most: {plain(first.total.sales, mine.currency, 'code')}"
    return text + "."


def _series(
    found: Table, mine: InCurrency, days: Sequence[date], names: dict[str, str]
) -> list[tuple[str, list[int]]]:  # fmt: skip
    if found.by == "day":
        return [("Sales", [mine.days[day].sales for day in days])]
    sold = sum(1 for row in mine.rows if row.total.sales)  # the greatest come first
    named = mine.rows[: NAMED if sold > charts.MOST_SERIES else sold]
    series = [(names[_id(each.key[0])], [(each.days or {}).get(day, 0) for day in days]) for each in named]
    others = sold - len(named)
    if others:
        # All of it less the named: many thousands of rows aren't gone through once more for each day.
        rest = [mine.days[day].sales - sum((each.days or {}).get(day, 0) for each in named) for day in days]
        series.append((f"{others} others", rest))
    return series


def _short(day: date) -> str:
    return str(format_date(day, "d MMM", locale=LOCALE))


def _axis(value: float, currency: str) -> str:
    return f"{currency} {format_decimal(round(value, 2), format='#,##0.##', locale=LOCALE)}"
