"""Whatever happens to the list, in whatever order, and however far the index is behind."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connector import clock, db
from connector.commerce.catalog import stock, take
from connector.commerce.catalog.tables import Listing
from connector.commerce.shops.tables import Shop
from connector.db import Database, new_id
from connector.events import Product, Variant
from connector.insight.market import index
from connector.insight.market.keys import STEPS, category_of, category_value, price_step
from connector.platforms.contract import RefusedItem, StockLevel
from tests.market.conftest import SYSTEM, Market
from tests.market.test_index import agree

WORDS = ("linen", "throw", "mug", "flax")
CATEGORIES = ("", "Mugs", "Throws")
PRICES = (0, 100, 499, 500, 1_999, 2_000, 10**9)


def drawn(data: st.DataObject) -> Product:
    """A product of a few refs, so that histories meet."""
    ref = str(data.draw(st.integers(1, 4)))
    variants = tuple(
        Variant(f"{ref}-{n}", price, title=str(n), available=available, position=n, options=(("Size", str(n)),))
        for n, (price, available) in enumerate(
            data.draw(st.lists(st.tuples(st.sampled_from(PRICES), st.booleans()), max_size=2))
        )
    )
    return Product(
        product_ref=ref, title=" ".join(data.draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=3))),
        status=data.draw(st.sampled_from(("active", "active", "active", "draft"))), currency="EUR",
        category=data.draw(st.sampled_from(CATEGORIES)), variants=variants,
    )  # fmt: skip


def act(market: Market, shop_id: str, data: st.DataObject) -> None:
    what = data.draw(
        st.sampled_from(("put", "put", "put", "gone", "refused", "stock", "left", "back", "index", "check", "rebuild"))
    )
    if what == "index":
        market.follow()
    elif what == "check":
        index.check()
    elif what == "rebuild":
        index.rebuild()
    else:
        with market.database.write(SYSTEM) as session:
            shop = session.get_one(Shop, shop_id)
            item = drawn(data)
            if what == "put":
                take.apply_products(session, shop, [item], force=data.draw(st.booleans()))
            elif what == "gone":
                # The store's own moment, an hour ago.
                take.mark_gone(session, shop_id, [item.product_ref], clock.now() - timedelta(hours=1))
            elif what == "refused":
                take.refuse(session, shop, [RefusedItem(item.product_ref, "x", "price_missing", "")])
            elif what == "stock":
                level = StockLevel("", f"{item.product_ref}-0", item.product_ref, 0, data.draw(st.booleans()))
                stock.apply(session, shop, [level], clock.now())
            else:
                shop.status = "left" if what == "left" else "connected"
                take.shop_changed(session, shop)


def listed(shop_id: str) -> list[Listing]:
    with db.read(SYSTEM) as session:
        found = session.scalars(sa.select(Listing).where(Listing.shop_id == shop_id)).all()
        session.expunge_all()
        return list(found)


def ids(market: Market, shop_id: str, text: str = "", **asked: object) -> list[str]:
    return [row.product_ref for row in market.found(text, shop_id=shop_id, **asked).listings]


@settings(
    max_examples=15, deadline=None, database=None, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(data=st.data())
def test_the_index_is_the_list(database: Database, data: st.DataObject) -> None:
    market, shop_id = Market(database), new_id("s")
    market.shop(shop_id)
    for _ in range(data.draw(st.integers(1, 12))):
        act(market, shop_id, data)
        # However far behind: what may not be shown isn't, and nothing comes twice.
        rows = {row.product_ref: row for row in listed(shop_id)}
        for_sale = ids(market, shop_id, status="shoppable")
        assert len(for_sale) == len(set(for_sale))
        assert {rows[ref].status for ref in for_sale} <= {"shoppable"}
        assert "gone" not in {rows[ref].status for ref in ids(market, shop_id)}
    market.follow()
    agree(market)
    same(market, shop_id, listed(shop_id))


def same(market: Market, shop_id: str, held: list[Listing]) -> None:
    """Every question that the rows themselves can answer has the same answer in the index."""

    def having(*wanted: bool) -> list[str]:
        return sorted(row.product_ref for row, holds in zip(held, wanted, strict=True) if holds)

    def asked(text: str = "", **narrowed: object) -> list[str]:
        return sorted(ids(market, shop_id, text, **narrowed))

    live = [row.status != "gone" for row in held]
    assert asked() == having(*live)
    for status in ("shoppable", "not_shoppable", "gone"):
        assert asked(status=status) == having(*(row.status == status for row in held))
    for word in WORDS:  # in the title, or in the plural as its category
        named = [word in row.title.split() or row.category == f"{word.capitalize()}s" for row in held]
        assert asked(word) == having(*(row.status != "gone" and there for row, there in zip(held, named, strict=True)))
    for category in CATEGORIES[1:]:
        assert asked(category=category) == having(*(row.status != "gone" and row.category == category for row in held))
    for price in (*PRICES, STEPS[0] - 1):
        fits = [row.status != "gone" and row.variant_count > 0 and row.price_from <= price for row in held]
        assert asked(currency="EUR", price_to=price) == having(*fits)
    found = market.found(shop_id=shop_id, status="shoppable", facets=("category", "price", "availability"))
    sold = [row for row in held if row.status == "shoppable"]
    counted = {name: {each.value: each.count for each in some} for name, some in found.facets.items()}
    assert found.total == len(sold)
    assert counted["category"] == dict(
        Counter(category_value(category_of(row.category, row.taxonomy_name)) for row in sold if row.category)
    )
    assert counted["price"] == dict(Counter(price_step(row.currency, row.price_from) for row in sold))
