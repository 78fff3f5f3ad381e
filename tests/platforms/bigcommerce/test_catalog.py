"""Catalog: what a product becomes, exact prices, walks that miss nobody, and what can't be listed, with its reason."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.errors import NotFound, PayloadUnreadable, PlatformDown, PlatformRefused
from connector.events import Product
from connector.platforms.bigcommerce import PLATFORM, catalog
from connector.platforms.bigcommerce.catalog import instant, next_window
from connector.platforms.bigcommerce.payloads import ProductStamp
from connector.platforms.contract import Client
from tests.platforms.bigcommerce.kit import DOMAIN, BigCommerce, Reply, candle, client, reply, sample

SINCE = datetime(2025, 11, 1, 12, 30, 5, tzinfo=UTC)


@pytest.fixture
def store() -> BigCommerce:
    return BigCommerce()


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process remembers of stores and brands."""
    monkeypatch.setattr(catalog, "_stores", {})
    monkeypatch.setattr(catalog, "_brand_names", {})


def walk(store: BigCommerce, since: datetime | None = None, of: Client | None = None) -> tuple[list[Any], list[Any]]:
    products, refused, at = [], [], None
    for _ in range(1000):
        page = PLATFORM.catalog.changed(of or client(store), since, at)
        products += page.products
        refused += page.refused
        assert page.gone == ()
        at = page.checkpoint
        if at is None:
            return products, refused
    raise AssertionError("the walk doesn't end")


def one(store: BigCommerce, changes: dict[str, Any] | None = None, variant: dict[str, Any] | None = None,
        currency: str = "USD") -> Any:  # fmt: skip
    """The candle with these changes, as it is read by id: a product, or why it isn't one."""
    product = candle(store)
    product |= changes or {}
    product["variants"][0] |= variant or {}
    page = PLATFORM.catalog.products(client(store, currency=currency), ["188"])
    return page.products[0] if page.products else page.refused[0]


def thing(number: int, at: str = "2025-11-20T09:15:00+00:00", variants: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "id": number, "name": f"Thing {number}", "price": 10.5, "is_visible": True, "date_modified": at, "variants": [
            {"id": number * 1000 + n, "sku": f"S{number}-{n}", "price": None, "option_values": []}
            for n in range(variants)
        ], **changes,
    }  # fmt: skip


def put(store: BigCommerce, *products: dict[str, Any]) -> None:
    store.products |= {product["id"]: product for product in products}


# --- one product ------------------------------------------------------------------------------------------------------


def test_the_sample_becomes_a_product(store: BigCommerce) -> None:
    store.brands[36] = " Lantern & Wick "
    product = one(store, {"brand_id": 36, "upc": "036000291452", "condition": "Used", "mpn": "M-1"})
    assert isinstance(product, Product)
    assert (product.product_ref, product.title, product.status, product.published) == (
        "188", "Sage Candle", "active", True,
    )  # fmt: skip
    assert (product.handle, product.url) == ("sage-candle", "https://candles.example/sage-candle/")
    assert (product.description, product.brand, product.condition) == ("Hand poured.", "Lantern & Wick", "used")
    assert (product.image_url, product.images) == ("https://cdn.example/sage.jpg", ("https://cdn.example/sage.jpg",))
    assert product.changed_at == datetime(2025, 11, 20, 9, 15, tzinfo=UTC)
    (variant,) = product.variants
    assert (variant.variant_ref, variant.price, variant.compare_at, variant.title) == ("301", 4000, None, "Medium")
    assert (variant.sku, variant.options) == ("CAN-SAGE-M", (("Size", "Medium"),))
    assert (variant.stock, variant.available, variant.item_ref) == (14, True, "188")
    assert (variant.gtin, variant.barcode, variant.mpn) == ("036000291452", "036000291452", "M-1")
    assert variant.requires_shipping


@pytest.mark.parametrize(
    ("product", "variant", "price", "before"),
    [
        # A variant's null is the product's; what the storefront asks is `calculated_price` where it is told.
        ({"price": 40}, {"price": None, "calculated_price": 40}, 4000, None),
        ({"price": 40}, {"price": None, "calculated_price": None}, 4000, None),
        ({"price": 40}, {"price": 35.5, "calculated_price": 35.5}, 3550, None),
        ({"price": 40}, {"price": 35.5, "calculated_price": None}, 3550, None),
        ({"price": 40, "sale_price": 30}, {"price": None, "calculated_price": 30}, 3000, 4000),
        ({"price": 40, "sale_price": 30}, {"price": None, "calculated_price": None}, 3000, 4000),
        ({"price": 40, "sale_price": 0}, {"price": None, "sale_price": None, "calculated_price": None}, 4000, None),
        ({"price": 40}, {"price": 50, "sale_price": 45.25, "calculated_price": None}, 4525, 5000),
        ({"price": 40}, {"price": None, "calculated_price": 42}, 4200, None),  # a rule that adds to it
        ({"price": 0}, {"price": None, "calculated_price": 0}, 0, None),
        # Numbers as they are written, never as a float makes of them.
        ({"price": 0.1}, {"price": None, "calculated_price": 0.1}, 10, None),
        ({"price": 1.15}, {"price": None, "calculated_price": 1.15}, 115, None),
        ({"price": 9007199254740.93}, {"price": None, "calculated_price": None}, 900719925474093, None),
        ({"price": 19.0}, {"price": None, "calculated_price": 19.0}, 1900, None),
        ({"price": "12.3400"}, {"price": None, "calculated_price": "12.3400"}, 1234, None),
    ],
)
def test_prices_are_exact_and_inherited(
    store: BigCommerce, product: Any, variant: Any, price: int, before: int | None
) -> None:
    made = one(store, product, variant)
    assert isinstance(made, Product), made
    assert (made.variants[0].price, made.variants[0].compare_at) == (price, before)


@pytest.mark.parametrize(("currency", "price", "minor"), [("JPY", 3980, 3980), ("KWD", 1.234, 1234), ("KWD", 5, 5000)])
def test_prices_have_the_decimals_of_their_currency(store: BigCommerce, currency: str, price: Any, minor: int) -> None:
    made = one(store, {"price": price}, {"price": None, "calculated_price": price}, currency)
    assert (made.variants[0].price, made.currency) == (minor, currency)


@pytest.mark.parametrize(
    ("product", "variant", "reason", "words"),
    [
        ({"name": "  "}, {}, "title_missing", "no name"),
        ({"name": None}, {}, "title_missing", "no name"),
        ({"price": None}, {"price": None, "calculated_price": None}, "price_missing", "Medium"),
        ({}, {"price": 1.005, "calculated_price": 1.005}, "price_unreadable", "more decimals"),
        ({"price": 1.005}, {"price": None, "calculated_price": 1}, "price_unreadable", "more decimals"),
        ({}, {"price": 1e300, "calculated_price": 1e300}, "price_unreadable", "isn't an amount"),
        ({}, {"price": -1, "calculated_price": -1}, "price_negative", "below zero"),
        ({"price": {}}, {}, "unreadable", "price"),
        ({"variants": None}, {}, "unreadable", "variants"),
        ({}, {"price": [1]}, "unreadable", "price"),
    ],
)
def test_what_cannot_be_listed_says_why_and_the_rest_goes_on(
    store: BigCommerce, product: Any, variant: Any, reason: str, words: str
) -> None:
    bad = candle(store)
    bad["variants"][0] |= variant
    bad |= product
    put(store, thing(200))
    page = PLATFORM.catalog.products(client(store), ["188", "200"])
    assert [each.product_ref for each in page.products] == ["200"]
    (refused,) = page.refused
    assert (refused.product_ref, refused.reason) == ("188", reason)
    assert words in refused.detail


def test_a_number_that_no_float_holds_is_refused_and_not_bent(store: BigCommerce) -> None:
    text = json.dumps(sample("products_page")).replace('"calculated_price": 40,', '"calculated_price": 1e999999,', 2)
    store.answers = [Reply(200, text.replace('"price": 40', '"price": 1E+999999', 1).encode())]
    page = PLATFORM.catalog.products(client(store), ["188"])
    assert [each.reason for each in page.refused] == ["price_unreadable"]


@pytest.mark.parametrize(
    ("product", "variant", "stock", "available"),
    [
        ({}, {"inventory_level": 0}, 0, False),
        ({}, {"inventory_level": -3}, -3, False),
        ({}, {"purchasing_disabled": True}, 14, False),
        ({"availability": "disabled"}, {}, 14, False),
        ({"availability": "preorder"}, {}, 14, True),
        ({"inventory_tracking": "none"}, {"inventory_level": 0}, None, True),
        ({"inventory_tracking": "product", "inventory_level": 5}, {"inventory_level": 0}, 5, True),
        ({"inventory_tracking": "product", "inventory_level": 0}, {"inventory_level": 9}, 0, False),
        ({"inventory_tracking": "sometimes"}, {}, None, True),
        ({}, {"inventory_level": 2**40}, None, True),
    ],
)
def test_stock_is_where_it_is_tracked(
    store: BigCommerce, product: Any, variant: Any, stock: int | None, available: bool
) -> None:
    made = one(store, product, variant).variants[0]
    assert (made.stock, made.available) == (stock, available)
    (level,) = PLATFORM.catalog.stock(client(store), ["188"])
    assert (level.item_ref, level.variant_ref, level.product_ref) == ("188", "301", "188")
    assert (level.stock, level.available) == (stock, available)


def test_what_is_hidden_is_there_and_not_published(store: BigCommerce) -> None:
    assert one(store, {"is_visible": False}).published is False
    digital = one(store, {"type": "digital"})
    assert not digital.variants[0].requires_shipping


def test_pictures_come_in_the_stores_order_the_first_in_front(store: BigCommerce) -> None:
    images = [
        {"url_standard": "https://cdn.example/b.jpg", "sort_order": 2}, {"url_standard": None},
        {"url_standard": "https://cdn.example/a.jpg", "sort_order": 1},
        {"url_standard": "https://cdn.example/t.jpg", "is_thumbnail": True, "sort_order": 9},
    ]  # fmt: skip
    product = one(store, {"images": images})
    assert [url[-5] for url in product.images] == ["t", "a", "b"]
    assert product.image_url == product.images[0]


def test_pages_of_a_store_are_where_it_says(store: BigCommerce) -> None:
    one(store)
    assert sum(asked.path.endswith("/v2/store") for asked in store.asked) == 1
    one(store)
    assert sum(asked.path.endswith("/v2/store") for asked in store.asked) == 1, "asked once a quarter of an hour"
    catalog._stores.clear()
    store.answers = [None, reply({"title": "private"}, 403)]  # type: ignore[list-item]
    assert one(store).url == f"https://{DOMAIN}/sage-candle/", "without the scope the canonical address leads there"
    assert one(store, {"custom_url": None}).url == ""


def test_brands_are_asked_for_by_the_page(store: BigCommerce) -> None:
    store.brands = {1: "One", 2: "Two"}
    put(store, *(thing(n, brand_id=n % 4) for n in range(1, 9)))
    products, _ = walk(store)
    assert [product.brand for product in products] == ["One", "Two", "", ""] * 2, "0 is none, and 3 is gone"
    assert [a.query["id:in"] for a in store.asked if a.path.endswith("/brands")] == ["1,2", "3"]


# --- walks ------------------------------------------------------------------------------------------------------------


def test_a_walk_has_every_product_once_with_every_variant(store: BigCommerce) -> None:
    store.included = 50
    put(store, *(thing(n, variants=n % 3 + 1) for n in range(1, 8)), thing(50, variants=50), thing(60, variants=430))
    products, refused = walk(store)
    assert refused == []
    assert [product.product_ref for product in products] == ["1", "2", "3", "4", "5", "6", "7", "50", "60"]
    assert {p.product_ref: len({v.variant_ref for v in p.variants}) for p in products} == {
        **{str(n): n % 3 + 1 for n in range(1, 8)}, "50": 50, "60": 430,
    }  # fmt: skip
    first = next(asked for asked in store.asked if asked.path.endswith("/products"))
    assert first.query == {
        "include": "variants,images", "limit": "250", "sort": "id", "direction": "asc", "id:greater": "0",
    }  # fmt: skip
    lists = [asked.path for asked in store.asked if asked.path.endswith("/variants")]
    assert {path.split("/")[-2] for path in lists} == {"50", "60"}, "a round number may be a page of more"


def test_what_goes_or_comes_meanwhile_moves_nobody_past_the_reader(store: BigCommerce) -> None:
    """A store that is edited between two pages: whoever was there all the while is read."""
    shuffled = random.Random(7)
    for _ in range(5):
        store.products.clear()
        put(store, *(thing(n) for n in range(1, 30)))
        stays = set(store.products)
        seen: set[int] = set()
        at = None
        while True:
            page = PLATFORM.catalog.changed(client(store), None, at)
            seen |= {int(product.product_ref) for product in page.products}
            at = page.checkpoint
            if at is None:
                break
            gone = shuffled.choice(sorted(store.products))
            del store.products[gone]
            stays.discard(gone)
            new = 100 + len(seen)
            put(store, thing(new))
        assert stays <= seen


def test_changes_are_asked_for_with_the_time_of_day_and_all_found(store: BigCommerce) -> None:
    put(store, thing(1, "2025-10-31T09:00:00+00:00"))
    put(store, *(thing(n, f"2025-11-{n:02}T10:00:00-06:00") for n in range(2, 20)))
    products, _ = walk(store, SINCE)
    assert {int(product.product_ref) for product in products} == set(range(2, 20))
    asked = [a.query for a in store.asked if a.path.endswith("/products")]
    assert asked[0]["date_modified:min"] == "2025-11-01T12:30:05Z"
    assert (asked[0]["sort"], asked[0]["direction"]) == ("date_modified", "asc")
    assert asked[-1]["date_modified:min"] > asked[0]["date_modified:min"], "the window moves on with what was seen"
    assert walk(store, datetime(2026, 1, 1, tzinfo=UTC)) == ([], [])


def test_many_changes_of_one_second_are_all_found(store: BigCommerce) -> None:
    put(store, *(thing(n, "2025-11-20T09:15:00+00:00") for n in range(1, 20)))
    put(store, *(thing(n, "2025-11-20T09:15:02+00:00") for n in range(20, 40)))
    products, _ = walk(store, SINCE)
    assert {int(product.product_ref) for product in products} == set(range(1, 40))


def test_a_change_meanwhile_is_found_too(store: BigCommerce) -> None:
    """A product that changes while the walk goes on moves to its end; nobody else is passed over."""
    put(store, *(thing(n, f"2025-11-{n:02}T10:00:00+00:00") for n in range(2, 28)))
    seen: set[str] = set()
    at, later = None, datetime(2025, 12, 1, tzinfo=UTC)
    for step in range(2, 500):
        page = PLATFORM.catalog.changed(client(store), SINCE, at)
        seen |= {product.product_ref for product in page.products}
        at = page.checkpoint
        if at is None:
            break
        if step < 28:
            store.products[step]["date_modified"] = (later + timedelta(seconds=step)).isoformat()
    assert at is None
    assert seen == {str(n) for n in range(2, 28)}


def test_a_window_moves_on_only_past_its_own_first_row() -> None:
    def stamps(*seconds: int) -> list[ProductStamp]:
        return [ProductStamp(n, "", f"2025-11-20T09:15:{s:02}+00:00") for n, s in enumerate(seconds)]

    start = "2025-11-20T09:15:00Z"
    assert next_window(stamps(1, 5, 9), start, 3) == ("2025-11-20T09:15:08Z", "1")
    assert next_window(stamps(5, 5, 5), start, 1) == (start, "2"), "all of one second: the next page of the same window"
    assert next_window(stamps(5, 6), start, 1) == (start, "2")
    assert next_window([ProductStamp(1, "", "soon"), ProductStamp(2)], start, 4) == (start, "5")
    assert instant(SINCE) == "2025-11-01T12:30:05Z"


@pytest.mark.parametrize("since", [None, SINCE])
def test_a_store_that_gives_one_page_for_ever_ends_the_walk(store: BigCommerce, since: datetime | None) -> None:
    rows = [thing(n, "2025-11-20T09:15:00+00:00") for n in (7, 8)]
    page = reply({"data": rows, "meta": {"pagination": {"total": 99, "per_page": 2, "current_page": 1}}})
    facts = reply(store.info)
    store.answers = [page, facts, *[page] * 50]
    with pytest.raises(PlatformRefused, match="again and again"):
        walk(store, since)


def test_a_page_that_is_no_page_is_asked_for_again_later(store: BigCommerce) -> None:
    for body in (b"", b"<p>maintenance</p>", b'{"data": [', b"\xff"):
        store.answers = [Reply(200, body)]
        with pytest.raises((PlatformDown, PayloadUnreadable)):
            PLATFORM.catalog.changed(client(store), None, None)
    for body in ({"data": [{"name": "no id"}]}, {"data": [7]}, {"data": {}}, []):
        store.answers = [reply(body)]
        with pytest.raises(PayloadUnreadable) as unreadable:
            PLATFORM.catalog.changed(client(store), None, None)
        assert unreadable.value.path.startswith("$")


def test_half_a_character_takes_no_page_with_it(store: BigCommerce) -> None:
    text = json.dumps(sample("products_page")).replace("Sage Candle", "Sage \\ud83d")
    store.answers = [Reply(200, text.encode()), reply(store.info)]
    (product,) = PLATFORM.catalog.products(client(store), ["188"]).products
    assert product.title.startswith("Sage ")


def test_products_by_ref_are_asked_for_together(store: BigCommerce) -> None:
    put(store, *(thing(n) for n in range(1, 251)))
    refs = [str(n) for n in range(1, 251)] * 2 + ["nonsense", "-1", "7 8", "999"]
    page = PLATFORM.catalog.products(client(store), refs)
    assert len(page.products) == 250
    assert page.checkpoint is None
    assert sum(asked.path.endswith("/products") for asked in store.asked) == 3
    assert PLATFORM.catalog.products(client(store), []).products == []


def test_the_newest_change_is_the_stores_own_time(store: BigCommerce) -> None:
    assert PLATFORM.catalog.newest_change(client(store)) is None
    put(store, thing(1, "2025-11-20T09:15:00-06:00"), thing(2, "2025-11-20T10:00:00-06:00"))
    assert PLATFORM.catalog.newest_change(client(store)) == datetime(2025, 11, 20, 16, 0, tzinfo=UTC)


def test_what_bigcommerce_hasnt_is_said() -> None:
    none: Any = None
    for call in (
        lambda: PLATFORM.catalog.bulk_start(none), lambda: PLATFORM.catalog.bulk_state(none, ""),
        lambda: PLATFORM.catalog.bulk_cancel(none, ""), lambda: PLATFORM.catalog.bulk_nodes(none, ""),
        lambda: PLATFORM.catalog.market_prices(none, [], "US"),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            call()
