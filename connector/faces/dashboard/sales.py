"""What creators sold for the shop in the last 30 days: by day and by creator, a currency each, drawn and as a table."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
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
from connector.operations import sales as sold
from connector.operations.sales import InCurrency
from connector.web import charts, moments
from connector.web.amounts import LOCALE, plain
from connector.web.charts import Theme
from connector.web.guards import merchant
from connector.web.layout import page

DAYS = 30
LONG_SECONDS, KEPT_SECONDS, MOST_KEPT = 0.5, 60.0, 200
# Named in the picture; the others stand together, so that no more than four colours are needed.
NAMED = charts.MOST_SERIES - 1


@dataclass(frozen=True, slots=True)
class Shown:
    """One currency's sales with what its picture says."""

    of: InCurrency
    finding: str


_kept: OrderedDict[tuple[str, str], tuple[float, list[InCurrency]]] = OrderedDict()
_lock = threading.Lock()


def read(session: Session, shop: Shop) -> list[InCurrency]:
    """The shop's sales. Where working them out takes long (tens of thousands of orders), they are kept for a minute:
    a page and its pictures ask for the same sums within a second."""
    place, began = (str(db.current().url), shop.id), time.monotonic()
    with _lock:
        held = _kept.get(place)
    if held is not None and began - held[0] < KEPT_SECONDS:
        return held[1]
    found = sold.read(session, shop.id, until=clock.now(), zone=moments.zone_named(shop.time_zone), days=DAYS)
    if time.monotonic() - began > LONG_SECONDS:
        with _lock:
            _kept[place] = (time.monotonic(), found)
            while len(_kept) > MOST_KEPT:
                _kept.popitem(last=False)
    return found


@blueprint.get("/sales")
@merchant
def sales() -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    with db.read(Scope.shop(shop.id)) as session:
        found = read(session, shop)
    return page("dashboard/sales.html", shop=shop, shown=[Shown(each, finding(each)) for each in found], days=DAYS)


@blueprint.get("/sales/<currency>/<any(wide, narrow):width>-<any(light, dark):theme>.svg")
@merchant
def sales_chart(currency: str, width: str, theme: str) -> Response:
    """The picture for one currency. An address that names another width or theme is not found."""
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    with db.read(Scope.shop(shop.id)) as session:
        found = read(session, shop)
    mine = next((each for each in found if each.currency == currency), None)
    if mine is None:
        raise NotFound(f"nothing was sold in {currency[:3]!r}", public="Nothing was sold in this currency.")
    days = list(mine.days)
    scale = 10 ** money.exponent(currency)
    body = charts.bars(
        [_short(day) for day in days],
        [(name, [amount / scale for amount in values]) for name, values in _series(mine, days)],
        width=width, theme=cast("Theme", theme), said=lambda value: _axis(value, currency),
    )  # fmt: skip
    return Response(body, mimetype="image/svg+xml")


def finding(mine: InCurrency) -> str:
    """What the picture shows, in a sentence: the alt text, and the line under it."""
    total = plain(mine.total.sales, mine.currency, "code")
    best = max(mine.days.items(), key=lambda each: each[1].sales)
    text = f"Creators sold for {total} in the last {DAYS} days"
    if best[1].sales:
        text += f", most on {_short(best[0])} ({plain(best[1].sales, mine.currency, 'code')})"
    if mine.creators:
        first = mine.creators[0]
        text += f". {first.name} sold the most: {plain(first.total.sales, mine.currency, 'code')}"
    return text + "."


def _series(mine: InCurrency, days: Sequence[date]) -> list[tuple[str, list[int]]]:
    named = mine.creators[:NAMED] if len(mine.creators) > charts.MOST_SERIES else mine.creators
    series = [(each.name, [each.days.get(day, 0) for day in days]) for each in named]
    others = mine.creators[len(named) :]
    if others:
        series.append((f"{len(others)} others", [sum(each.days.get(day, 0) for each in others) for day in days]))
    return series


def _short(day: date) -> str:
    return str(format_date(day, "d MMM", locale=LOCALE))


def _axis(value: float, currency: str) -> str:
    return f"{currency} {format_decimal(round(value, 2), format='#,##0.##', locale=LOCALE)}"
