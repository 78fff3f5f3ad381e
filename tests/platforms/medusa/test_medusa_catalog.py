"""The catalog by its three lists, and stores that answer oddly."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from connector.errors import PayloadUnreadable, PlatformDown, PlatformRefused
from connector.events import Product
from connector.platforms import rest
from connector.platforms.medusa import PLATFORM
from tests.platforms.medusa.kit import PUBLIC, Shop, data, make_client, make_settings, page, recorded

catalog = PLATFORM.catalog


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "pause", lambda seconds: None)


def walked(shop: Shop, since: datetime | None = None, between: Callable[[int], None] = lambda _: None) -> list[Product]:
    found: list[Product] = []
    at: str | None = None
    for number in range(200):
        part = catalog.changed(shop.client, since, at)
        found += part.products
        at = part.checkpoint
        if at is None:
            return found
        between(number)
    raise AssertionError("no end")


def test_each_change_is_found_where_it_stands() -> None:
    shop = Shop()
    refs = [shop.product(f"Thing {number}", [1000, 2000]) for number in range(9)]
    acts: list[Callable[[], None]] = [
        lambda: shop.rename(refs[1], "Else"), lambda: shop.reprice(refs[3], 1500), lambda: shop.restock(refs[5], 3)
    ]  # fmt: skip
    for number, act in enumerate(acts):
        mark = catalog.newest_change(shop.client)
        assert mark is not None
        act()
        newer = catalog.newest_change(shop.client)
        assert newer is not None
        assert newer > mark
        seen = {product.product_ref for product in walked(shop, mark + timedelta(milliseconds=1))}
        assert seen == {refs[2 * number + 1]}
    since, at, everything = shop.now() - timedelta(days=1), None, []
    while True:
        part = catalog.changed(make_client(shop, settings=make_settings()), since, at)
        everything += [product.product_ref for product in part.products]
        at = part.checkpoint
        if at is None:
            break
    assert sorted(everything) == sorted(refs), "what moved in three lists is read once"
    whole = {product.product_ref: product for product in walked(shop)}
    assert set(whole) == set(refs)
    assert whole[refs[3]].variants[0].price == 1500
    assert whole[refs[5]].variants[0].stock == 3


def test_a_deletion_in_the_middle_of_a_walk_loses_nobody() -> None:
    shop = Shop()
    refs = [shop.product(f"Thing {number}", [1000]) for number in range(20)]
    gone = {0: refs[:2], 1: [refs[4]], 3: refs[7:9]}

    def between(number: int) -> None:
        for ref in gone.get(number, []):
            shop.products.pop(ref, None)
        if number == 2:
            refs.append(shop.product("Late", [1000]))

    found = [product.product_ref for product in walked(shop, None, between)]
    assert set(refs) - {ref for part in gone.values() for ref in part} <= set(found)
    assert len(found) == len(set(found)), "nobody comes twice"


@pytest.mark.parametrize("since", [None, datetime.fromisoformat("2026-11-20T15:00:00+00:00")])
@pytest.mark.parametrize("kind", ["products", "variants", "stock", "orders", "payments"])
def test_pages_that_repeat_for_ever_end(kind: str, since: datetime | None) -> None:
    shop = Shop()
    for number in range(9):
        shop.order(shop.product(f"Thing {number}", [1000, 2000]), 1, "t")
    shop.repeats = True
    start = since or datetime.fromisoformat("2026-11-20T15:00:00+00:00")
    ask = PLATFORM.orders.changed if kind in ("orders", "payments") else catalog.changed
    first = f"{kind}|0" if kind in ("stock", "payments") else f"{kind}|2026-11-20T15:00:00.000Z|0"
    at = None if since is None and kind == "products" else first
    asked_since = None if at is None else start

    def walk(at: str | None) -> None:
        for _ in range(20):
            at = ask(shop.client, asked_since, at).checkpoint  # type: ignore[arg-type]

    with pytest.raises(PlatformRefused, match="again and again"):
        walk(at)


def test_a_filter_that_is_passed_over_is_noticed() -> None:
    """Medusa answers a misspelt filter with everything, and so may a version that lacks ours."""
    shop = Shop()
    for number in range(9):
        shop.product(f"Thing {number}", [1000])
    shop.repeats = True  # everything, from the first page on
    with pytest.raises(PlatformRefused, match="passes over our filter"):
        catalog.changed(shop.client, shop.now(), None)


def test_what_is_sold_and_what_is_not() -> None:
    shop = Shop()
    sold = shop.product("Sold", [1000])
    draft = shop.product("Draft", [1000], status="draft")
    elsewhere = shop.product("Elsewhere", [1000], sales_channels=[{"id": "sc_2"}, None])
    unnamed = shop.product("", [1000])
    odd = shop.product("Odd", [1000], status="imagined")
    bare = shop.product("Bare", [])
    foreign = shop.product("Foreign", [1000])
    for price in shop.products[foreign]["variants"][0]["prices"]:
        price["currency_code"] = "eur"
    part = catalog.products(shop.client, list(shop.products))
    found = {product.product_ref: product for product in part.products}
    assert {ref: (found[ref].status, found[ref].published) for ref in (sold, draft, elsewhere)} == {
        sold: ("active", True), draft: ("draft", True), elsewhere: ("active", False)
    }  # fmt: skip
    assert {item.product_ref: item.reason for item in part.refused} == {
        unnamed: "title_missing", odd: "status_unknown", foreign: "price_missing"
    }  # fmt: skip
    assert found[bare].variants == (), "listed with that reason, not sold"
    assert found[sold].url == "https://www.candles.example/products/sold"


def test_the_price_is_the_general_one_or_what_the_store_asks_for() -> None:
    shop = Shop()
    ref = shop.product("Thing", [1999])
    variant = shop.products[ref]["variants"][0]
    regional = {"amount": 1, "currency_code": "usd", "min_quantity": None, "price_rules": [{"attribute": "region_id"}]}
    many = {"amount": 2, "currency_code": "usd", "min_quantity": 10, "price_rules": []}
    variant["prices"] = [regional, many, *variant["prices"]]
    assert catalog.products(shop.client, [ref]).products[0].variants[0].price == 1999
    shop.calculated[variant["id"]] = (15.005, 19.99)
    client = make_client(shop, details={"publishable_key": PUBLIC})
    (product,) = catalog.products(client, [ref]).products
    assert (product.variants[0].price, product.variants[0].compare_at) == (1501, 1999)
    variant["prices"] = [{"amount": -1, "currency_code": "usd", "price_rules": []}]
    assert catalog.products(shop.client, [ref]).refused[0].reason == "price_negative"


def test_a_set_has_the_stock_of_its_scarcest_part() -> None:
    shop = Shop()
    ref = shop.product("Set", [1000])
    variant = shop.products[ref]["variants"][0]
    (part,) = variant["inventory_items"]
    levels = [{"stocked_quantity": 9, "reserved_quantity": 2}, {"stocked_quantity": 4, "reserved_quantity": 0}, None]
    pairs = {
        "inventory_item_id": "iitem_2",
        "required_quantity": 2,
        "inventory": {"id": "iitem_2", "location_levels": levels},
    }
    variant["inventory_items"] = [part, None, pairs]

    def now() -> tuple[int | None, bool]:
        (made,) = catalog.products(shop.client, [ref]).products[0].variants
        return made.stock, made.available

    assert now() == (5, True)
    levels[0] = levels[1] = None
    assert now() == (0, False)
    variant["allow_backorder"] = True
    assert now() == (0, True)
    variant["manage_inventory"] = False
    assert now() == (None, True)
    (level,) = catalog.stock(shop.client, [part["inventory_item_id"]])
    assert (level.variant_ref, level.product_ref, level.stock) == (variant["id"], ref, None)


def test_the_recorded_page_reads() -> None:
    client = make_client(Shop(), details={"channels": ""})
    client.http.before = lambda request: data(recorded("products"))  # type: ignore[attr-defined]
    part = catalog.changed(client, None, None)
    assert not part.refused
    assert all(product.variants and product.variants[0].price > 0 for product in part.products)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (page(), PlatformDown),
        (data({"products": [{"title": "without an id"}]}), PlatformDown),
        (data({"type": "invalid_data", "message": "secret words"}, 400), PlatformRefused),
        (page("", 302, location="https://elsewhere.example"), PlatformRefused),
        (data({}, 503), PlatformDown),
    ],
)
def test_odd_answers_are_errors_of_the_tree(answer: object, error: type[Exception]) -> None:
    shop = Shop()
    shop.before = lambda request: answer  # type: ignore[assignment,return-value]
    with pytest.raises(error) as refused:
        catalog.changed(shop.client, None, None)
    assert "secret words" not in str(refused.value)


def test_a_product_in_another_shape_does_not_take_the_others_with_it() -> None:
    shop = Shop()
    refs = [shop.product(f"Thing {number}", [1000]) for number in range(7)]
    shop.products[refs[1]]["variants"] = {"x": 1}
    shop.products[refs[3]]["variants"][0]["prices"] = [{"amount": "12", "currency_code": 7}]
    shop.products[refs[5]]["updated_at"] = "yesterday"
    found, refused, at = [], {}, None
    while True:
        part = catalog.changed(shop.client, None, at)
        found += [product.product_ref for product in part.products]
        refused |= {item.product_ref: (item.reason, item.title) for item in part.refused}
        at = part.checkpoint
        if at is None:
            break
    assert found == [refs[0], refs[2], refs[4], refs[6]]
    assert refused == {refs[n]: ("unreadable", f"Thing {n}") for n in (1, 3, 5)}


@pytest.mark.parametrize("time", ["soon", "0001-01-01T00:00:00+14:00"])
def test_a_change_at_no_time_is_named(time: str) -> None:
    shop = Shop("USD")
    shop.product("Candle", [1200])

    def send(*asked: Any, **given: Any) -> Any:
        told = shop.client.http.send(*asked, **given).content.decode()
        return data(json.loads(re.sub(r'(updated_at"\s*:\s*)"[^"]*"', rf'\1"{time}"', told)))

    with pytest.raises(PayloadUnreadable, match="updated_at"):
        PLATFORM.catalog.newest_change(replace(shop.client, http=SimpleNamespace(send=send)))
