"""What a creator earns on each product, now and as far as anybody knows: the calendar of rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import g, request
from sqlalchemy.orm import Session

from connector import clock
from connector.commerce.catalog import queries as catalog
from connector.commerce.catalog.ids import listing_id
from connector.commerce.shops import queries as shops
from connector.commerce.shops.tables import Shop
from connector.faces.studio.face import blueprint, reading
from connector.programme.collaborations import calendar, promotions, rates
from connector.programme.collaborations.calendar import Span
from connector.programme.collaborations.tables import PromotionRow
from connector.programme.collaborations.terms import NOTICE
from connector.web import cursors, moments, rate_words
from connector.web.guards import creator
from connector.web.layout import page

SHOWN = 50
_LIST = "studio-rates"


@dataclass(frozen=True, slots=True)
class Row:
    """One product that the creator promotes."""

    title: str
    sentence: str
    spans: list[Span]
    notice: str  # what is about to change for them; "" while nothing is
    listing_id: str


@dataclass(frozen=True, slots=True)
class ShopRates:
    shop: Shop
    rows: list[Row]


@blueprint.get("/rates", endpoint="rates")
@creator
def rates_page() -> str:
    with reading() as session:
        after = request.args.get("after")
        key = cursors.unpack(_LIST, after) if after else None
        found = promotions.page_of(session, g.creator_id, after=key, limit=SHOWN + 1)
        shown, more = found[:SHOWN], len(found) > SHOWN
        by_shop = _by_shop(session, shown)
    older = cursors.pack(_LIST, [shown[-1].shop_id, shown[-1].id]) if more else ""
    return page("studio/rates.html", by_shop=by_shop, after=older, first=not after, words=rate_words)


def _by_shop(session: Session, found: Sequence[PromotionRow]) -> list[ShopRates]:
    now, made = clock.now(), []
    for shop_id in dict.fromkeys(row.shop_id for row in found):
        shop = shops.get(session, shop_id)
        products = [row.product_ref for row in found if row.shop_id == shop_id]
        titles = catalog.titles(session, shop_id, products)
        offers = rates.offers(session, shop_id, products, [g.creator_id])
        rows = []
        for product in products:
            spans = calendar.spans(offers, creator_id=g.creator_id, product_ref=product, since=now)
            title = titles.get(product) or "A product that the shop took away"
            rows.append(Row(title, rate_words.calendar(spans), spans, _notice(spans), listing_id(shop_id, product)))
        made.append(ShopRates(shop, sorted(rows, key=lambda row: row.title.casefold())))
    return made


def _notice(spans: Sequence[Span]) -> str:
    """Said from two days before a kept rate ends: the notice that a cut has to give."""
    first = spans[0] if spans else None
    if first is None or first.why != "kept" or first.ends_at is None or len(spans) < 2:
        return ""
    if first.ends_at - clock.now() > NOTICE:
        return ""
    then = spans[1].rate
    return f"From {moments.day(first.ends_at)} on you earn {rate_words.short(then.rate_bp if then else None)}."
