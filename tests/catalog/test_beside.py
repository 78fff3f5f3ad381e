"""What is kept beside a product as it came: stock by topic, prices by country, and what was refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from connector import clock, db, jobs
from connector.commerce.catalog import markets, queries, read_again, refusals, stock, take
from connector.commerce.catalog.tables import VariantRow
from connector.commerce.shops import queries as shops
from connector.db import Database, Scope
from connector.platforms.contract import MarketPrice, RefusedItem, StockLevel
from connector.webhooks import wanted
from connector.webhooks.tables import WantedRead
from tests.sync import store as stores
from tests.sync.store import Store, new_shop, product

SYSTEM = Scope.system("tests")


@pytest.fixture
def store(database: Database, monkeypatch: pytest.MonkeyPatch) -> Store:
    return stores.open_store(monkeypatch)


@pytest.fixture
def shop_id(store: Store) -> str:
    return new_shop()


def apply(shop_id: str, *products: Any, **given: Any) -> take.Counts:
    with db.write(SYSTEM) as session:
        return take.apply_products(session, shops.get(session, shop_id), products, **given)


def shown(shop_id: str, ref: str) -> tuple[str, bool, dict[str, int | None]]:
    with db.read(SYSTEM) as session:
        row = queries.by_ref(session, shop_id, ref)
        assert row is not None
        return row.reason, row.available, {v.variant_ref: v.stock for v in queries.variants(session, shop_id, ref)}


def test_stock_by_topic_is_collected_asked_once_and_followed(
    store: Store, shop_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(shop_id, product(1, 500, 600), product(2))
    asked: list[list[str]] = []

    def levels(client: Any, refs: list[str]) -> list[StockLevel]:
        asked.append(list(refs))
        found = {"i1": StockLevel("i1", "10001", "1", 0, False), "i2": StockLevel("i2", "10002", "1", -4, False)}
        return [found[ref] for ref in refs if ref in found] + [StockLevel("i9", "99", "9", 1, True)]

    monkeypatch.setattr(stores._Catalog, "stock", staticmethod(levels), raising=False)
    wait = timedelta(seconds=stock.DEBOUNCE)
    now = clock.wall()
    with db.write(SYSTEM) as session:
        for second, item in enumerate(["i1", "i2", "i1", "i1", "i3"]):
            at = now + timedelta(seconds=second)
            wanted.want(session, shop_id, item, "stock", at, kind="stock", wait=wait)
    assert wanted.read_wanted(shop_id) == 0, "they are collected a while"
    monkeypatch.setattr(clock, "wall", lambda: now + wait + timedelta(seconds=5))
    assert wanted.read_wanted(shop_id) == 1
    assert asked == [["i2", "i1", "i3"]]
    assert shown(shop_id, "1") == ("sold_out", False, {"10001": 0, "10002": -4})
    with db.read(SYSTEM) as session:
        assert session.scalars(sa.select(WantedRead)).all() == []
    # The product whole with the stock that it had before is not taken for what is held.
    assert apply(shop_id, product(1, 500, 600)).written == 1
    assert shown(shop_id, "1") == ("", True, {"10001": 5, "10002": 5})


def test_prices_of_a_country_are_asked_for_when_wanted_and_kept_beside(
    store: Store, shop_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(shop_id, product(1, 500, 600), product(2))
    asked: list[tuple[list[str], str]] = []

    def priced(client: Any, refs: list[str], country: str) -> list[MarketPrice]:
        asked.append((list(refs), country))
        return [MarketPrice(ref, country, "EUR", 450 + n, 500 if n else None) for n, ref in enumerate(refs)]

    monkeypatch.setattr(stores._Catalog, "market_prices", staticmethod(priced), raising=False)
    started: list[dict[str, Any]] = []
    monkeypatch.setattr(jobs, "enqueue", lambda session, name, key, **given: started.append({"name": name, **given}))
    with db.write(SYSTEM) as session:
        assert markets.prices(session, shop_id, "1", "ES") == {}
        assert markets.want(session, shop_id, "1", "ES")
        assert not markets.want(session, shop_id, "unknown", "ES")
        with pytest.raises(ValueError, match="two capital letters"):
            markets.want(session, shop_id, "1", "Spain")
    assert [(job["name"], job["product_ref"], job["country"]) for job in started] == [
        ("catalog.market_prices", "1", "ES")
    ]
    assert markets.read(shop_id, "1", "ES") == 2
    assert asked == [(["10001", "10002"], "ES")]

    def held(country: str = "ES", **given: Any) -> dict[str, tuple[int, str, int | None]]:
        with db.read(SYSTEM) as session:
            found = markets.prices(session, shop_id, "1", country, **given)
            return {ref: (row.price, row.currency, row.compare_at) for ref, row in found.items()}

    assert held() == {"10001": (450, "EUR", None), "10002": (451, "EUR", 500)}
    assert held("FR") == {}
    with db.write(SYSTEM) as session:
        assert not markets.want(session, shop_id, "1", "ES"), "known and fresh"
        row = queries.by_ref(session, shop_id, "1")
        assert row is not None
        assert (row.currency, row.price_from, row.price_to) == ("USD", 500, 600), "never mixed"
    assert held(now=clock.wall() + timedelta(days=2)) == {}, "a day old is too old"
    apply(shop_id, product(1, 500, 700))
    assert held() == {"10001": (450, "EUR", None)}, "the price of another content is old"


def test_what_is_refused_by_cause(store: Store, shop_id: str) -> None:
    other = new_shop("second.example")
    with db.write(SYSTEM) as session:
        mine, theirs = shops.get(session, shop_id), shops.get(session, other)
        for _ in range(2):
            take.refuse(session, mine, [RefusedItem(str(n), f"Mug {n}", "price_missing", "Blue") for n in range(5)])
        take.refuse(session, mine, [RefusedItem("3", "", "brand_new_cause", "?")])
        take.refuse(session, theirs, [RefusedItem("1", "Cup", "price_missing")])
    with db.read(SYSTEM) as session:
        many, one = refusals.groups(session, sample=3)
        assert (many.reason, many.count, len(many.items)) == ("price_missing", 5, 3)
        assert (one.reason, one.title, one.items[0].title, one.items[0].times) == (
            "brand_new_cause", refusals.UNKNOWN.title, "Mug 3", 3,
        )  # fmt: skip
        page = refusals.listed(session, limit=4)
        rest = refusals.listed(session, after=(page[-1].shop_id, page[-1].product_ref), limit=10)
        assert len({(row.shop_id, row.product_ref) for row in [*page, *rest]}) == 6
        assert all(cause.title and cause.remedy for cause in refusals.CAUSES.values())
    store.put(product(0), product(1))
    store.refused = {"1": "title_missing"}
    assert read_again.read_part(shop_id, ["0", "1", "2"]) == 1
    with db.read(SYSTEM) as session:
        left = {row.product_ref: row.reason for row in refusals.listed(session, shop_id)}
    assert left == {"1": "title_missing", "3": "brand_new_cause", "4": "price_missing"}, "2 is gone at the store"


def test_force_writes_what_is_the_same(shop_id: str) -> None:
    apply(shop_id, product(1, 500, 600))
    with db.write(SYSTEM) as session:
        session.execute(sa.update(VariantRow).values(sku="damaged"))
    assert apply(shop_id, product(1, 500, 600)).same == 1
    assert apply(shop_id, product(1, 500, 600), force=True).written == 1
    with db.read(SYSTEM) as session:
        assert set(session.scalars(sa.select(VariantRow.sku))) == {"S-1-1", "S-1-2"}
