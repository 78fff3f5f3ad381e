"""What feeds need of a product, and what a store may write into one: numbers that check, names that are bounded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connector.errors import PayloadUnreadable
from connector.events import Product, Variant
from connector.platforms.contract import MarketPrice, RefusedItem, StockLevel
from connector.platforms.reading import LONGEST, gtin, mended
from connector.platforms.shopify import catalog
from tests.platforms.shopify.kit import PAYLOADS, Script, graphql, make_client
from tests.platforms.shopify.test_catalog import CATALOG, FILE, Store, line, nodes, one

HEAD = json.loads(FILE.splitlines()[0])


def head(**changed: Any) -> Any:
    return one(HEAD | changed)


def test_facts_for_feeds() -> None:
    category = {"id": "gid://shopify/TaxonomyCategory/aa-1-13-8", "fullName": "Apparel > Clothing Tops > T-Shirts"}
    made = head(category=category, brand={"value": " North "}, condition={"value": "Refurbished"})
    assert (made.taxonomy_ref, made.taxonomy_name) == ("aa-1-13-8", "Apparel > Clothing Tops > T-Shirts")
    assert (made.brand, made.condition) == ("North", "refurbished")
    plain = head(category=None, brand=None, condition={"value": "good as new"})
    assert (plain.taxonomy_ref, plain.brand, plain.condition) == ("", "", "new")


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("4006381333931", "4006381333931"), ("96385074", "96385074"), ("036000291452", "036000291452"),
        ("14006381333938", "14006381333938"), ("978-3-16-148410-0", "9783161484100"), ("4006381333932", ""),
        ("", ""), ("0000000000000", ""), ("SKU-12", ""), ("\u0664\u0660\u0660\u0666\u0663\u0668\u0661\u0663", ""),
        ("9" * 65_536, ""), ("40063813339310", ""),
    ],
)  # fmt: skip
def test_a_trade_item_number_is_one_that_checks(typed: str, read: str) -> None:
    assert gtin(typed) == read


def test_the_barcode_comes_before_the_metafield() -> None:
    both = one(line(barcode="4006381333931", gtin={"value": "96385074"}, mpn={"value": " AB-1 "}))
    assert (both.gtin, both.barcode, both.mpn) == ("4006381333931", "4006381333931", "AB-1")
    wrong = one(line(barcode="shelf 12", gtin={"value": "96385074"}))
    assert (wrong.gtin, wrong.barcode, wrong.mpn) == ("96385074", "shelf 12", "")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Mug \U0001f9e1", "Mug \U0001f9e1"),
        ("\u200fكوب\u200f", "\u200fكوب\u200f"),  # marks of direction that a script needs stay
        ("Price \u202e00.001\u202c", "Price 00.001"),  # what turns the text behind it does not
        ("x" * 65_536, "x" * (LONGEST - 1) + "…"),
        ("\U0001f9e1" * 600, "\U0001f9e1" * (LONGEST - 1) + "…"),
    ],
)
def test_titles(typed: str, kept: str) -> None:
    assert head(title=typed).title == kept
    assert one(line(title=typed)).title == kept


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"Mug \\ud83d", "Mug \ufffd"),
        (b"\\udde1 Mug", "\ufffd Mug"),
        (b"\\ud83e\\udde1 \\ud800", "\U0001f9e1 \ufffd"),
    ],
)
def test_half_a_character_costs_itself_only(written: bytes, read: str) -> None:
    content = FILE.replace(b"Sample Mug", written)
    assert nodes(content)[0].value.title == read
    assert [node.ref for node in nodes(content)] == [node.ref for node in nodes(FILE)]
    answer = json.loads((PAYLOADS / "api/graphql_products_page.json").read_text())["data"]["products"]["nodes"][0]
    reply = graphql({"nodes": [answer]})
    reply.content = reply.content.replace(b"Sample Mug", written)
    page = CATALOG.products(make_client(Script(reply)), ["8000000000001"])
    assert page.products[0].title == read


@pytest.mark.parametrize("body", [b"\\ud8", b'{"a":"\\ud800"', b'{"a":NaN,"b":"\\ud800"}', b'"\xff\\ud800"'])
def test_what_else_is_broken_stays_broken(body: bytes) -> None:
    sound = mended(body)
    assert sound is None or b"NaN" in sound
    with pytest.raises(PayloadUnreadable, match="line 7"):
        nodes(FILE.rstrip(b"\n") + b"\n" + body)


@pytest.mark.parametrize("number", [10**18, 10**40, -(10**30)])
def test_numbers_that_no_stock_has(number: int) -> None:
    made = one(line(inventoryQuantity=number, position=number))
    assert isinstance(made, Variant)
    assert (made.stock, made.position) == (None, 0)


@pytest.mark.parametrize("reference", ["gid://shopify/Product/x", "gid://shopify/Product/" + "1" * 65_536, ""])
def test_an_id_that_is_none_is_a_broken_line(reference: str) -> None:
    with pytest.raises(PayloadUnreadable, match=r"line 1\.id"):
        nodes(json.dumps(HEAD | {"id": reference}).encode())


def test_a_line_without_an_end_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "LINE_LIMIT", 1000)
    with pytest.raises(PayloadUnreadable, match="line 1: is longer than 1,000 bytes"):
        nodes(b'{"a": "' + b"x" * 993)


def test_our_own_publication_decides_where_the_app_is_a_channel() -> None:
    installed = {"app": {"id": "gid://shopify/App/7"}}
    other = {"id": "gid://shopify/Publication/1", "catalog": {"apps": {"nodes": [{"id": "gid://shopify/App/8"}]}}}
    own = {"id": "gid://shopify/Publication/2", "catalog": {"apps": {"nodes": [{"id": "gid://shopify/App/7"}]}}}
    listed = graphql({"currentAppInstallation": installed, "publications": {"nodes": [other, own]}})
    http = Script(listed, graphql({"nodes": []}), graphql({"nodes": []}))
    client = make_client(http, domain="channel.myshopify.com", scopes=("read_publications",))
    CATALOG.products(client, ["1"])
    CATALOG.products(client, ["1"])
    asked = [sent.variables for sent in http.sent[1:]]
    assert [(v["publication"], v["byPublication"]) for v in asked] == [("gid://shopify/Publication/2", True)] * 2
    assert head(publishedAt=None, onPublication=True).published
    assert not head(onPublication=False).published
    http = Script(graphql({"nodes": []}))
    CATALOG.products(make_client(http), ["1"])
    assert not http.sent[0].variables["byPublication"]


def test_stock_of_items() -> None:
    def item(number: int, tracked: bool, *variants: tuple[int, int | None]) -> dict[str, Any]:
        found = [
            {"id": f"gid://shopify/ProductVariant/{v}", "inventoryQuantity": quantity, "availableForSale": True,
             "product": {"id": "gid://shopify/Product/9"}}
            for v, quantity in variants
        ]  # fmt: skip
        return {"__typename": "InventoryItem", "id": f"gid://shopify/InventoryItem/{number}", "tracked": tracked,
                "variants": {"nodes": found}}  # fmt: skip

    http = Script(graphql({"nodes": [item(1, True, (11, -2)), None, item(3, False, (13, 5))]}))
    assert CATALOG.stock(make_client(http), ["1", "2", "3", "1"]) == [
        StockLevel("1", "11", "9", -2, True), StockLevel("3", "13", "9", None, True),
    ]  # fmt: skip
    assert len(http.sent[0].variables["ids"]) == 3


def test_prices_of_a_market_keep_their_own_currency() -> None:
    def variant(number: int, price: str, currency: str, before: tuple[str, str] | None = None) -> dict[str, Any]:
        compare = None if before is None else {"amount": before[0], "currencyCode": before[1]}
        pricing = {"price": {"amount": price, "currencyCode": currency}, "compareAtPrice": compare}
        return {"id": f"gid://shopify/ProductVariant/{number}", "contextualPricing": pricing}

    http = Script(graphql({"nodes": [
        variant(1, "12.5", "EUR", ("20.0", "EUR")), None, variant(2, "3980.0", "JPY"),
        variant(3, "1.0", "EUR", ("9.0", "USD")),
    ]}))  # fmt: skip
    assert CATALOG.market_prices(make_client(http), ["1", "9", "2", "3"], "ES") == [
        MarketPrice("1", "ES", "EUR", 1250, 2000),
        MarketPrice("2", "ES", "JPY", 3980),
        MarketPrice("3", "ES", "EUR", 100),
    ]  # fmt: skip
    http = Script(graphql({"nodes": [variant(1, "1e3", "EUR")]}))
    with pytest.raises(PayloadUnreadable, match="contextualPricing"):
        CATALOG.market_prices(make_client(http), ["1"], "ES")


def test_the_newest_change() -> None:
    found = graphql({"products": {"nodes": [{"updatedAt": "2026-11-20T14:00:00Z"}]}})
    newest = CATALOG.newest_change(make_client(Script(found)))
    assert newest is not None
    assert newest.isoformat() == "2026-11-20T14:00:00+00:00"
    assert CATALOG.newest_change(make_client(Script(graphql({"products": {"nodes": []}})))) is None


def test_a_search_is_windowed_before_its_cursors_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every product comes, in windows that begin at the last change seen; only the seam comes twice."""
    monkeypatch.setattr(catalog, "WINDOW_PAGES", 2)
    store = Store(products=40)
    http = Script(store)
    seen: list[str] = []
    checkpoint = None
    for _ in range(60):
        page = CATALOG.changed(make_client(http), None, checkpoint)
        assert all(isinstance(product, Product) for product in page.products)
        assert not [item for item in page.refused if isinstance(item, RefusedItem)]
        seen += [product.product_ref for product in page.products]
        checkpoint = page.checkpoint
        if checkpoint is None:
            break
    assert set(seen) == {str(number) for number in range(1, 41)}
