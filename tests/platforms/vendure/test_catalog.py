"""Walks that lose nothing while the store changes under them, and what a product becomes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from connector.errors import PayloadUnreadable, PlatformRefused
from connector.events import Product
from connector.platforms.contract import Client, ProductPage
from connector.platforms.vendure import PLATFORM
from connector.platforms.vendure import catalog as walks
from tests.platforms.vendure.store import Reply, Shop, Vendure, client_of


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walks, "PRODUCTS", 4)
    monkeypatch.setattr(walks, "VARIANTS", 5)
    monkeypatch.setattr(walks, "CHANGES", 3)


def pages(client: Client, since: datetime | None = None) -> Iterator[ProductPage]:
    at: str | None = None
    for _ in range(500):
        page = PLATFORM.catalog.changed(client, since, at)
        yield page
        at = page.checkpoint
        if at is None:
            return
    raise AssertionError("no end")


def refs(client: Client, since: datetime | None = None) -> list[str]:
    return [product.product_ref for page in pages(client, since) for product in page.products]


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("limit", [1, 3, 4, 7])
def test_lists_shorter_than_we_ask_for_are_walked_to_their_end(limit: int) -> None:
    store = Vendure(limit=limit)
    wanted = {store.product(f"P{n}", [100 + n] * (n % 3 + 1)): n % 3 + 1 for n in range(11)}
    many = store.product("Many", list(range(23)))
    found = {product.product_ref: product for page in pages(client_of(store)) for product in page.products}
    assert set(found) == {*wanted, many}
    assert [variant.price for variant in found[many].variants] == list(range(23))
    some = PLATFORM.catalog.products(client_of(store), [many, *wanted, "999"])
    assert {product.product_ref for product in some.products} == set(found)


@pytest.mark.usefixtures("_small")
def test_products_that_go_while_we_walk_hide_no_other() -> None:
    """Rows move up when one before them is deleted: by offset alone, the next page would begin too late."""
    for gone in (1, 2, 4, 6):
        store = Vendure()
        wanted = [store.product(f"P{n}", [100]) for n in range(17)]
        client, left, found = client_of(store), wanted[:gone], []
        for page in pages(client):
            found += [product.product_ref for product in page.products]
            for ref in left:
                store.delete(ref)
            left = []
        assert found == wanted[:4] + wanted[max(4, gone) :], f"{gone} deleted"


@pytest.mark.usefixtures("_small")
def test_changes_are_found_in_whatever_order_they_come() -> None:
    """A price moves the variant's time alone; what changes while we walk is met at the end."""
    store = Vendure()
    wanted = [store.product(f"P{n}", [100]) for n in range(12)]
    client = client_of(store)
    mark = PLATFORM.catalog.newest_change(client)
    assert mark is not None
    since = mark + timedelta(milliseconds=1)
    assert refs(client, since) == []
    for ref in wanted[3:10]:
        store.change(store.first(ref), price=200)
    assert PLATFORM.catalog.newest_change(client) > mark  # type: ignore[operator]
    late = wanted[0]
    found: set[str] = set()
    for number, page in enumerate(pages(client, since)):
        found |= {product.product_ref for product in page.products}
        if number == 1:
            store.change(store.first(late), price=300)
            store.change(store.first(wanted[4]), price=400)
    assert found == {*wanted[3:10], late}


@pytest.mark.usefixtures("_small")
def test_many_changes_of_one_moment_end() -> None:
    store = Vendure()
    wanted = [store.product(f"P{n}", [100]) for n in range(10)]
    moment = store.tick()
    for node in store.products.values():
        node["updatedAt"] = moment
    assert set(refs(client_of(store), store.clock)) == set(wanted)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("since", [None, datetime.fromisoformat("2026-11-01T00:00:00Z")])
def test_a_store_that_repeats_a_page_ends_in_words(since: datetime | None) -> None:
    store = Vendure()
    for number in range(9):
        store.product(f"P{number}", [100])
    store.repeats = True
    with pytest.raises(PlatformRefused, match="same page"):
        refs(client_of(store), since)


def one(store: Vendure, **details: str) -> Any:
    page = PLATFORM.catalog.changed(client_of(store, **details), None, None)
    return (page.products or page.refused)[0]


def test_a_product_is_told_whole() -> None:
    store = Vendure()
    ref = store.product(
        "Lamp", [129900], description="<p>Warm &amp; bright</p><script>x</script>",
        featuredAsset={"preview": "https://cdn.example/a.jpg"},
        assets=[{"preview": f"{at}.jpg"} for at in ("https://cdn.example/a", "relative", "https://cdn.example/b")],
        facetValues=[
            {"name": "Electronics", "facet": {"code": "category"}}, {"name": "Lumo", "facet": {"code": "brand"}},
        ],
    )  # fmt: skip
    size = {"name": "13 inch", "group": {"name": "Size"}}
    store.change(store.first(ref), options=[size, {"name": "8GB", "group": {"name": "RAM"}}])
    product: Product = one(store)
    assert (product.title, product.handle, product.status) == ("Lamp", "lamp", "active")
    assert (product.vendor, product.category, product.tags) == ("Lumo", "Electronics", ("Electronics", "Lumo"))
    assert product.description == "Warm & bright"
    assert product.url == "https://www.example.com/products/lamp"
    assert product.images == ("https://cdn.example/a.jpg", "https://cdn.example/b.jpg")
    assert product.changed_at == store.clock, "the variant's time counts"
    (variant,) = product.variants
    assert (variant.title, variant.options) == ("13 inch / 8GB", (("Size", "13 inch"), ("RAM", "8GB")))
    assert (
        one(store, product_page="https://www.example.com/p/{id}-{slug}").url == f"https://www.example.com/p/{ref}-lamp"
    )


@pytest.mark.parametrize(
    ("change", "stock", "available"),
    [
        ({}, 10, True),
        ({"stockLevels": [{"stockOnHand": 10, "stockAllocated": 10}]}, 0, False),
        ({"stockLevels": [{"stockOnHand": 2, "stockAllocated": 1}, {"stockOnHand": 4, "stockAllocated": 0}]}, 5, True),
        ({"trackInventory": "FALSE", "stockLevels": []}, None, True),
        ({"useGlobalOutOfStockThreshold": False, "outOfStockThreshold": -5,
          "stockLevels": [{"stockOnHand": 0, "stockAllocated": 3}]}, -3, True),
        ({"useGlobalOutOfStockThreshold": False, "outOfStockThreshold": 10}, 10, False),
        ({"enabled": False}, 10, False),
    ],
)  # fmt: skip
def test_stock_follows_the_stores_own_rule(change: dict[str, Any], stock: int | None, available: bool) -> None:
    store = Vendure()
    ref = store.product("Lamp", [100])
    store.change(store.first(ref), **change)
    (variant,) = one(store).variants
    assert (variant.stock, variant.available) == (stock, available)
    (level,) = PLATFORM.catalog.stock(client_of(store), [variant.item_ref, "404"])
    assert (level.stock, level.available, level.product_ref) == (stock, available, ref)


def test_the_price_is_the_one_that_the_store_lists() -> None:
    store = Vendure(tax=0.2)
    store.product("Lamp", [1000])
    assert one(store).variants[0].price == 1000
    store.prices_include_tax = True
    assert one(store).variants[0].price == 1200


@pytest.mark.parametrize(
    ("currency", "precision", "kept", "price"),
    [("USD", 2, 1999, 1999), ("JPY", 2, 150000, 1500), ("JPY", 0, 1500, 1500), ("KWD", 3, 12345, 12345),
     ("KWD", 2, 1234, 12340), ("USD", 4, 199900, 1999), ("USD", 0, 20, 2000)],
)  # fmt: skip
def test_prices_are_exact_in_every_precision(currency: str, precision: int, kept: int, price: int) -> None:
    store = Vendure(currency, precision)
    store.product("Lamp", [kept])
    assert one(store).variants[0].price == price


@pytest.mark.parametrize(
    ("currency", "precision", "kept", "reason", "word"),
    [("JPY", 2, 1550, "price_unreadable", "Round the price"), ("USD", 3, 19995, "price_unreadable", "Round the price"),
     ("USD", 2, -1, "price_negative", "below zero")],
)  # fmt: skip
def test_a_price_that_doesnt_fit_is_refused_with_words(
    currency: str, precision: int, kept: int, reason: str, word: str
) -> None:
    store = Vendure(currency, precision)
    store.product("Lamp", [kept])
    refused = one(store)
    assert (refused.reason, word in refused.detail) == (reason, True)


def test_what_cant_be_sold_is_refused_with_words() -> None:
    store = Vendure()
    store.product("Bare", [])
    assert one(store).reason == "price_missing"
    store = Vendure()
    store.product(" ", [100])
    assert one(store).reason == "title_missing"
    store = Vendure()
    ref = store.product("Lamp", [100])
    store.change(store.first(ref), currencyCode="EUR", prices=[{"price": 90, "currencyCode": "USD"}])
    assert one(store).variants[0].price == 90
    store.change(store.first(ref), currencyCode="EUR", prices=[{"price": 90, "currencyCode": "EUR"}])
    assert one(store).reason == "price_missing"


def test_a_product_that_is_switched_off_is_a_draft() -> None:
    store = Vendure()
    store.product("Lamp", [100], enabled=False)
    assert one(store).status == "draft"


@pytest.mark.parametrize("time", ["soon", "0001-01-01T00:00:00+14:00"])
def test_a_change_at_no_time_is_named(time: str) -> None:
    shop = Shop("USD")
    shop.product("Candle", [1200])

    def send(*asked: Any, **given: Any) -> Reply:
        told = shop.client.http.send(*asked, **given).content.decode()
        return Reply(200, re.sub(r'(updatedAt"\s*:\s*)"[^"]*"', rf'\1"{time}"', told).encode())

    with pytest.raises(PayloadUnreadable, match="updatedAt"):
        PLATFORM.catalog.newest_change(replace(shop.client, http=SimpleNamespace(send=send)))
