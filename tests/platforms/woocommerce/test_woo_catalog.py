"""Products: what is sold, at which price, and that none is missed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from connector.commerce.catalog.refusals import CAUSES
from connector.errors import NotFound, PlatformDown, PlatformRefused
from connector.events import Product
from connector.platforms.contract import ProductPage, RefusedItem
from connector.platforms.woocommerce import PLATFORM
from connector.platforms.woocommerce.catalog import NOT_OFFERED, to_product
from connector.platforms.woocommerce.payloads import ProductBody, VariationBody
from tests.platforms.woocommerce.kit import Script, Sent, Shop, data, error, make_client, page, recorded

SINCE = datetime(2026, 11, 20, tzinfo=UTC)


def made(currency: str = "USD", recording: str = "product.simple.json", **more: Any) -> Product | RefusedItem:
    body = msgspec.convert(json.loads(recorded(recording)) | more, ProductBody)
    variations = msgspec.json.decode(recorded("api/variations.json"), type=list[VariationBody])
    return to_product(body, currency, variations if body.type == "variable" else [])


def product(*given: str, **more: Any) -> Product:
    found = made(*given, **more)
    assert isinstance(found, Product), found
    return found


def refused(**more: Any) -> str:
    found = made(**more)
    assert isinstance(found, RefusedItem), found
    return found.reason


def pages(shop: Shop, since: datetime | None = None, at: str | None = None) -> list[ProductPage]:
    found = []
    for _ in range(1000):
        found.append(PLATFORM.catalog.changed(shop.client, since, at))
        at = found[-1].checkpoint
        if at is None:
            return found
    raise AssertionError("the catalog has no end")


def walked(shop: Shop, since: datetime | None = None) -> list[str]:
    return [each.product_ref for part in pages(shop, since) for each in part.products]


# --- one product ------------------------------------------------------------------------------------------------------


def test_a_simple_product_is_its_own_only_variant() -> None:
    found = product()
    (only,) = found.variants
    assert (only.variant_ref, only.price, only.compare_at, only.stock, only.available) == ("501", 2700, 3400, 18, True)
    assert (found.status, found.published, found.category, found.description) == (
        "active",
        True,
        "Lanterns",
        "Hand poured.",
    )


def test_a_variable_product_has_its_variations_and_what_they_leave_open() -> None:
    found = product("USD", "product_variations.variable.json")
    first, second = found.variants
    assert (first.variant_ref, first.title, first.price, first.stock) == ("511", "Rust, Short", 4000, 4)
    assert first.options == (("Colour", "Rust"), ("Length", "Short"))
    assert (second.title, second.options, second.stock) == ("Moss", (("Colour", "Moss"), ("Length", "Any")), None)


def test_names_are_text() -> None:
    found = product(
        name="Caf&eacute; <b>&amp;</b> tea", description="<p>One &amp; <script>x()</script>two</p><p>three</p>",
        categories=[{"name": "Tea &amp; more"}], brands=[{"name": "L&#038;L"}], tags=[{"name": "a &lt;b&gt;"}],
    )  # fmt: skip
    assert (found.title, found.description) == ("Café & tea", "One & two\nthree")
    assert (found.category, found.brand, found.tags) == ("Tea & more", "L&L", ("a <b>",))
    assert product(description="", short_description="<em>Short</em>").description == "Short"


@pytest.mark.parametrize(
    ("more", "status", "published"),
    [
        ({}, "active", True), ({"catalog_visibility": "search"}, "active", True),
        ({"catalog_visibility": "catalog"}, "active", True), ({"catalog_visibility": "hidden"}, "unlisted", True),
        ({"post_password": "x"}, "unlisted", True), ({"status": "draft"}, "draft", False),
        ({"status": "pending"}, "draft", False), ({"status": "private"}, "draft", False),
        ({"status": "future"}, "draft", False), ({"status": "trash"}, "archived", False),
    ],
)  # fmt: skip
def test_what_is_sold_to_everybody(more: dict[str, Any], status: str, published: bool) -> None:
    found = product(**more)
    assert (found.status, found.published) == (status, published)
    assert bool(found.url) == published


def test_what_is_refused_and_why_in_words() -> None:
    assert refused(type="external") == "sold_elsewhere"
    assert refused(type="grouped") == "group_of_products"
    assert refused(type="subscription") == "type_unknown"
    assert refused(name=" <br> ") == "title_missing"
    assert refused(price="") == "price_missing"
    assert refused(price="1e3") == "price_unreadable"
    assert refused(price="-1.00") == "price_unreadable"
    for reason in ("type_unknown", *(reason for reason, _ in NOT_OFFERED.values())):
        assert reason in CAUSES
    assert product(type="external", status="draft").status == "draft"  # nobody has to do anything about a draft
    assert product(price="", status="draft").variants == ()


@pytest.mark.parametrize(
    ("currency", "text", "price"),
    [
        ("USD", "20", 2000), ("USD", "9.99", 999), ("USD", "22.00", 2200), ("USD", "8.264463", 826),
        ("USD", "8.265", 827), ("JPY", "9.99", 10), ("JPY", "20", 20), ("JPY", "20.00", 20), ("KWD", "12.345", 12345),
        ("KWD", "12.3455", 12346), ("USD", "0", 0),
    ],
)  # fmt: skip
def test_prices_are_as_the_store_shows_them(currency: str, text: str, price: int) -> None:
    assert product(currency, price=text, regular_price=text).variants[0].price == price


def test_a_was_price_is_there_only_on_sale() -> None:
    assert product(price="34.00").variants[0].compare_at is None
    assert product(regular_price="x").variants[0].compare_at is None


@pytest.mark.parametrize(
    ("more", "available", "stock"),
    [
        ({"stock_status": "outofstock", "stock_quantity": 0}, False, 0),
        ({"stock_status": "onbackorder", "stock_quantity": -97}, True, -97),
        ({"manage_stock": False, "stock_quantity": None}, True, None), ({"purchasable": False}, False, 18),
        ({"stock_quantity": 10**12}, True, None), ({"stock_quantity": 2.5}, True, 2),
    ],
)  # fmt: skip
def test_stock_is_the_stores_word(more: dict[str, Any], available: bool, stock: int | None) -> None:
    (only,) = product(**more).variants
    assert (only.available, only.stock) == (available, stock)


def test_stock_that_the_parent_holds_and_variations_that_are_not_sold() -> None:
    shop = Shop()
    ref = shop.product("Thing", [1000, 2000, 3000, 4000], manage_stock=True, stock_quantity=7)
    rows = shop.variations[int(ref)]
    rows[0] |= {"manage_stock": "parent", "stock_quantity": None}
    rows[1] |= {"status": "private"}
    rows[2] |= {"price": ""}
    rows[3] |= {"menu_order": -1, "image": {"src": "https://x.example/a.jpg"}, "global_unique_id": "4006381333931"}
    (found,) = PLATFORM.catalog.products(shop.client, [ref]).products
    assert [(each.price, each.stock, each.position) for each in found.variants] == [(4000, 4, 0), (1000, 7, 1)]
    assert (found.variants[0].image_url, found.variants[0].gtin) == ("https://x.example/a.jpg", "4006381333931")


# --- a walk -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spans", [[(0, 30), (60, 80), (100, 101)], [(0, 50), (50, 95)], [(0, 0), (0, 0), (0, 100)], [(10, 11)]]
)
def test_a_walk_misses_nothing_when_rows_go_from_in_front_of_it(spans: list[tuple[int, int]]) -> None:
    shop = Shop()
    refs = [shop.product(f"Thing {n}", [1000 + n]) for n in range(180)]
    gone = [refs[start:end] for start, end in spans]
    goes = iter(gone)

    def less(request: Sent) -> None:
        if len(shop.sent) > 1 and "offset" in request.query:
            for ref in next(goes, []):
                shop.products.pop(int(ref), None)

    shop.before = less
    seen = set(walked(shop))
    assert {str(ref) for ref in shop.products} <= seen
    assert len(shop.products) < 180


@pytest.mark.parametrize(("start", "end"), [(0, 60), (40, 60), (45, 50), (47, 148), (100, 180), (0, 180)])
def test_rows_that_the_store_leaves_out_end_nothing(start: int, end: int) -> None:
    """What it can't load, or may not show, is missing in its page and stands in its count."""
    shop = Shop()
    refs = [shop.product(f"Thing {n}", [1000 + n]) for n in range(180)]
    hidden = set(refs[start:end])
    plain = shop._list

    def shown(request: Sent, rows: list[dict[str, Any]]) -> Any:
        reply = plain(request, rows)
        left = [each for each in json.loads(reply.content) if str(each["id"]) not in hidden]
        return data(left, **{"X-WP-Total": reply.headers["X-WP-Total"]})

    shop._list = shown  # type: ignore[method-assign]
    assert walked(shop) == [ref for ref in refs if ref not in hidden]
    assert len(shop.sent) < 20


def test_more_than_a_page_of_products_and_of_variations() -> None:
    shop = Shop()
    refs = [shop.product(f"Thing {n}", [1000 + n]) for n in range(120)]
    many = shop.product("Many", list(range(1000, 1260)))
    found = {each.product_ref: each for part in pages(shop) for each in part.products}
    assert set(found) == {*refs, many}
    assert len(found[many].variants) == 260
    lists = [each for each in shop.sent if each.path.endswith(("/products", "/variations"))]
    assert all(int(each.query["per_page"]) <= 100 for each in lists)
    assert len(lists) == 3 + 3


def test_a_changed_walk_asks_in_naive_utc_from_the_same_second_on() -> None:
    shop = Shop()
    old, new = shop.product("Old", [1000]), shop.product("New", [1000])
    at = datetime.fromisoformat(shop.products[int(new)]["date_modified_gmt"]).replace(tzinfo=UTC)
    assert walked(shop, at) == [new]
    assert walked(shop, at - timedelta(seconds=1)) == [old, new]
    assert shop.sent[-1].query["modified_after"] == f"{at - timedelta(seconds=2):%Y-%m-%dT%H:%M:%S}"
    assert PLATFORM.catalog.newest_change(shop.client) == at
    assert PLATFORM.catalog.newest_change(Shop().client) is None


def test_a_store_that_can_t_sort_by_change_gives_its_clock() -> None:
    shop = Shop()
    ref = shop.product("Thing", [1000])

    def old(request: Sent) -> Any:
        if request.query.get("orderby") == "modified":
            return error(400, "rest_invalid_param")
        return data([{"id": int(ref)}], Date="Fri, 27 Nov 2026 13:00:00 GMT")

    shop.before = old
    assert PLATFORM.catalog.newest_change(shop.client) == datetime(2026, 11, 27, 13, tzinfo=UTC)
    shop.before = lambda request: old(request) if "orderby" in request.query else data([])
    assert PLATFORM.catalog.newest_change(shop.client) is None


def test_rows_without_a_change_time_are_walked() -> None:
    shop = Shop()
    ref = shop.product("Put in by SQL", [1000], date_modified_gmt=None)
    assert walked(shop) == [ref]


def test_a_store_that_gives_the_same_page_for_ever_ends_the_walk() -> None:
    shop = Shop()
    for n in range(60):
        shop.product(f"Thing {n}", [1000 + n])
    rows = list(shop.products.values())[:50]
    cached = Script(lambda request: data(rows, **{"X-WP-Total": "6000"}))
    for since in (None, SINCE):
        first = PLATFORM.catalog.changed(make_client(cached), since, None)
        assert first.checkpoint is not None
        with pytest.raises(PlatformRefused, match="same page"):
            PLATFORM.catalog.changed(make_client(cached), since, first.checkpoint)


def test_variations_that_repeat_for_ever_end_the_read() -> None:
    shop = Shop()
    ref = shop.product("Many", list(range(1000, 1150)))
    first = shop.variations[int(ref)][:100]
    shop.before = lambda request: data(first, **{"X-WP-Total": "6000"}) if "variations" in request.path else None
    with pytest.raises(PlatformRefused, match="same page"):
        PLATFORM.catalog.products(shop.client, [ref])


def test_a_page_too_heavy_for_the_store_is_asked_in_parts() -> None:
    shop = Shop()
    refs = [shop.product(f"Thing {n}", [1000 + n]) for n in range(45)]

    def heavy(request: Sent) -> Any:
        return page(status=504) if int(request.query.get("per_page", 0)) > 20 else None

    shop.before = heavy
    assert walked(shop) == refs
    shop.before = lambda request: page(status=504)
    with pytest.raises(PlatformDown):
        walked(shop)


def test_a_web_page_is_no_reason_to_ask_for_less() -> None:
    script = Script(lambda request: page())
    with pytest.raises(PlatformDown, match="web page"):
        PLATFORM.catalog.changed(make_client(script), None, None)
    assert len(script.sent) == 1


def test_one_odd_product_takes_no_page_with_it() -> None:
    shop = Shop()
    good = shop.product("Good", [1000])
    odd = shop.product("Odd", [1000], attributes="none", price=12)
    (part,) = pages(shop)
    assert [each.product_ref for each in part.products] == [good]
    assert [(each.product_ref, each.title, each.reason) for each in part.refused] == [(odd, "Odd", "unreadable")]
    assert "$.price" in part.refused[0].detail
    many = shop.product("Many", [1000, 2000])
    shop.variations[int(many)][1]["price"] = 3
    found = PLATFORM.catalog.products(shop.client, [many, good, "x"])
    assert [each.reason for each in found.refused] == ["unreadable"]
    assert [each.product_ref for each in found.products] == [good]


def test_what_there_is_not() -> None:
    catalog, client = PLATFORM.catalog, make_client(Script())
    assert (catalog.stock(client, ["1"]), catalog.market_prices(client, ["1"], "US")) == ([], [])
    for act in (
        lambda: catalog.bulk_start(client), lambda: catalog.bulk_state(client, "1"),
        lambda: catalog.bulk_cancel(client, "1"), lambda: catalog.bulk_nodes(client, "x"),
    ):  # fmt: skip
        with pytest.raises(NotFound):
            act()
