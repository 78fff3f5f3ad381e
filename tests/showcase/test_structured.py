"""The structured data of each page, against the rules of the types it uses: what must be there, of which form, and
nothing that the type doesn't know. The rules are written down here out of schema.org and Google's pages on merchant
listings, product variants, organisations and profile pages, as read in November 2026.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

import pytest

from connector import money
from connector.events import Product, Variant
from connector.insight.feeds import ids
from tests.attribution.world import product
from tests.showcase.conftest import Showcase

Node = dict[str, Any]
GTIN = "4006381333931"
# type → (must have, may have)
TYPES: dict[str, tuple[set[str], set[str]]] = {
    "Product": (
        {"name", "offers"},
        {"@id", "url", "description", "image", "category", "brand", "sku", "gtin", "mpn", "color", "size", "material",
         "pattern"},
    ),
    "ProductGroup": (
        {"name", "url", "productGroupID", "hasVariant"},
        {"@id", "description", "image", "category", "brand", "variesBy"},
    ),
    "Offer": (
        {"url", "price", "priceCurrency", "availability", "itemCondition", "seller"}, {"priceSpecification"},
    ),
    "AggregateOffer": (
        {"url", "lowPrice", "highPrice", "priceCurrency", "offerCount", "availability", "seller"}, set(),
    ),
    "UnitPriceSpecification": ({"price", "priceCurrency", "priceType"}, set()),
    "Brand": ({"name"}, set()),
    "Organization": ({"name"}, {"@id", "url", "sameAs"}),
    "ProfilePage": ({"mainEntity", "url"}, set()),
    "Person": ({"name"}, {"@id", "alternateName", "url"}),
    "ItemList": ({"itemListElement"}, set()),
    "ListItem": ({"position", "name", "url"}, set()),
}  # fmt: skip
WITHIN = {
    "offers": {"Offer", "AggregateOffer"}, "hasVariant": {"Product"}, "brand": {"Brand"}, "seller": {"Organization"},
    "priceSpecification": {"UnitPriceSpecification"}, "mainEntity": {"Person"}, "itemListElement": {"ListItem"},
}  # fmt: skip
ONE_OF = {
    "availability": {"InStock", "OutOfStock", "BackOrder"},
    "itemCondition": {"NewCondition", "RefurbishedCondition", "UsedCondition"},
    "priceType": {"StrikethroughPrice"}, "variesBy": {"color", "size", "material", "pattern"},
}  # fmt: skip


def wrong(node: Any, place: str = "$", expected: set[str] | None = None) -> list[str]:
    """What is against the rules in a node and all within it, each with its path."""
    if not isinstance(node, dict) or node.get("@type") not in TYPES:
        return [f"{place}: {str(node)[:60]} is no node of a type we use"]
    kind = node["@type"]
    must, may = TYPES[kind]
    found = [f"{place}: a {kind} here"] if expected and kind not in expected else []
    found += [f"{place}: {name} is missing" for name in sorted(must - node.keys())]
    found += [f"{place}: {kind} knows no {name}" for name in sorted(node.keys() - must - may - {"@type", "@context"})]
    for name, value in node.items():
        for number, each in enumerate(value if isinstance(value, list) else [value]):
            at = f"{place}.{name}[{number}]" if isinstance(value, list) else f"{place}.{name}"
            found += wrong(each, at, WITHIN[name]) if name in WITHIN else _of_property(name, each, node, at)
        if value in ("", [], None):
            found.append(f"{place}.{name} is empty")
    if kind == "ProductGroup":
        found += _of_group(node, place)
    if kind == "ItemList" and [item["position"] for item in node["itemListElement"]] != list(
        range(1, len(node["itemListElement"]) + 1)
    ):
        found.append(f"{place}: positions don't count from 1")
    return found


def _of_property(name: str, value: Any, node: Node, at: str) -> list[str]:
    if name in ONE_OF and value not in {f"https://schema.org/{word}" for word in ONE_OF[name]}:
        return [f"{at}: {value}"]
    if name in ("url", "@id", "image", "sameAs") and not (urlsplit(value).scheme == "https" and urlsplit(value).netloc):
        return [f"{at}: {value} is no address"]
    if name in ("price", "lowPrice", "highPrice") and "priceCurrency" in node:
        digits = money.exponent(node["priceCurrency"])
        if not isinstance(value, str) or not re.fullmatch(rf"\d+\.\d{{{digits}}}" if digits else r"\d+", value):
            return [f"{at}: {value!r} is no price in {node['priceCurrency']}"]
    if name == "gtin" and not (re.fullmatch(r"\d{8}|\d{12,14}", value) and _checks(value)):
        return [f"{at}: {value} is no GTIN"]
    if name in ("offerCount", "position") and not (isinstance(value, int) and value > 0):
        return [f"{at}: {value} is no number"]
    if name in ("name", "description", "sku", "category") and not (isinstance(value, str) and value.strip()):
        return [f"{at}: {value!r} is no text"]
    return []


def _checks(digits: str) -> bool:
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(digits)))
    return total % 10 == 0


def _of_group(node: Node, place: str) -> list[str]:
    """Google: each variant differs in what the group says it varies by, and each has an offer of its own."""
    names = [each.rpartition("/")[2] for each in node.get("variesBy", [])]
    found = [f"{place}: a group of {len(node['hasVariant'])}"] if len(node["hasVariant"]) < 2 else []
    for name in names:
        if len({each.get(name) for each in node["hasVariant"]}) < 2:
            found.append(f"{place}: its variants don't vary by {name}")
    return found


def data(showcase: Showcase, path: str) -> list[Node]:
    html = showcase.client.get(path).text
    (block,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', html, re.DOTALL)
    assert "<" not in block
    whole = json.loads(block)
    assert whole.pop("@context") == "https://schema.org"
    nodes: list[Node] = whole.get("@graph", [whole])
    assert [problem for node in nodes for problem in wrong(node)] == []
    return nodes


def put(showcase: Showcase, *variants: Variant, **more: Any) -> str:
    showcase.put(
        Product(
            product_ref="S", title=more.pop("title", "Throw"), status="active", currency=more.pop("currency", "EUR"),
            url="https://one.plain.example/products/S", variants=variants, **more,
        )
    )  # fmt: skip
    return f"/products/{showcase.id('S')}"


def test_a_product_of_one_variant(showcase: Showcase) -> None:
    path = put(
        showcase, Variant("1", 6_100, sku="LT", gtin=GTIN, mpn="P-1", compare_at=7_900), vendor="Harbour", brand="Mill",
        taxonomy_ref="hg-1", taxonomy_name="Home & Garden > Throws", condition="used", description="<p>Woven</p>",
        images=("https://cdn.example/1.jpg",),
    )  # fmt: skip
    (node,) = data(showcase, path)
    assert node["@type"] == "Product"
    assert (node["gtin"], node["mpn"], node["brand"]["name"]) == (GTIN, "P-1", "Mill")
    assert node["sku"] == ids.item(showcase.shop_id, "1")  # the feeds' id, never the merchant's SKU
    assert node["offers"]["price"] == "61.00"
    assert node["offers"]["priceSpecification"]["price"] == "79.00"
    assert node["offers"]["itemCondition"].endswith("/UsedCondition")
    assert node["offers"]["availability"].endswith("/InStock")
    assert node["category"] == "Home & Garden > Throws"
    assert node["image"] == ["https://cdn.example/1.jpg"]


def test_a_group_says_what_it_varies_by(showcase: Showcase) -> None:
    path = put(
        showcase,
        *(
            Variant(
                f"{colour}{size}", 6_100 + 100 * n, title=f"{colour} / {size}", sku=f"S-{n}", position=n,
                available=n != 1, stock=(None, 0, -2)[n], options=(("Farbe", colour), ("Size", size), ("Cut", "wide")),
            )
            for n, (colour, size) in enumerate([("Sage", "S"), ("Sage", "M"), ("Clay", "S")])
        ),
    )  # fmt: skip
    (node,) = data(showcase, path)
    assert node["@type"] == "ProductGroup"
    assert node["productGroupID"] == ids.group(showcase.shop_id, "S")
    assert node["variesBy"] == ["https://schema.org/color", "https://schema.org/size"]
    assert [(each["color"], each["size"], each["offers"]["price"]) for each in node["hasVariant"]] == [
        ("Sage", "S", "61.00"), ("Sage", "M", "62.00"), ("Clay", "S", "63.00"),
    ]  # fmt: skip
    assert [each["offers"]["availability"].rpartition("/")[2] for each in node["hasVariant"]] == [
        "InStock", "OutOfStock", "BackOrder",
    ]  # fmt: skip


@pytest.mark.parametrize(("currency", "low", "high"), [("JPY", "6100", "6159"), ("KWD", "6.100", "6.159")])
def test_many_variants_have_one_offer_over_all(showcase: Showcase, currency: str, low: str, high: str) -> None:
    many = [Variant(str(n), 6_100 + n, title=str(n), position=n) for n in range(60)]
    (node,) = data(showcase, put(showcase, *many, currency=currency))
    offer = node["offers"]
    assert (offer["lowPrice"], offer["highPrice"], offer["offerCount"]) == (low, high, 60)


def test_nothing_a_merchant_writes_leaves_the_block(showcase: Showcase) -> None:
    evil = '</script><script>alert(1)</script><!-- " \u2028 & \\'
    path = put(
        showcase, Variant("1", 6_100, title=evil, sku=evil), title=evil, vendor=evil, category=evil, description=evil,
        tags=(evil,),
    )  # fmt: skip
    (node,) = data(showcase, path)
    assert node["name"] == evil
    html = showcase.client.get(path).text
    assert "<script>alert" not in html
    assert len(re.findall("<script", html)) == 3  # two files of ours and the data


def test_shop_and_creator_pages(showcase: Showcase) -> None:
    showcase.put(product("C", title="Candle"))
    showcase.link("x", "C")
    shop, items = data(showcase, f"/shops/{showcase.shop_id}")
    assert (shop["@type"], shop["sameAs"]) == ("Organization", ["https://one.plain.example"])
    assert {each["name"] for each in items["itemListElement"]} == {"Product A", "Product B", "Candle"}
    page, shelf = data(showcase, "/creators/x")
    assert page["mainEntity"] == {
        "@type": "Person", "@id": "https://shop.example/creators/x#creator", "name": "X", "alternateName": "@x",
        "url": "https://shop.example/creators/x",
    }  # fmt: skip
    assert [each["url"] for each in shelf["itemListElement"]] == [f"https://shop.example/products/{showcase.id('C')}"]


def test_the_rules_are_rules() -> None:
    """A structure that is wrong is told as wrong: else the tests above say nothing."""
    good = {
        "@type": "Product", "name": "A", "offers": {
            "@type": "Offer", "url": "https://a.example", "price": "1.00", "priceCurrency": "EUR",
            "availability": "https://schema.org/InStock", "itemCondition": "https://schema.org/NewCondition",
            "seller": {"@type": "Organization", "name": "S"},
        },
    }  # fmt: skip
    assert wrong(good) == []
    for bent in (
        {"name": ""}, {"offers": {}}, {"gtin": "4006381333932"}, {"image": ["cdn.example/1.jpg"]}, {"price": "1.00"},
        {"offers": {**good["offers"], "price": "1,00"}}, {"offers": {**good["offers"], "price": 1.0}},  # type: ignore[dict-item]
        {"offers": {**good["offers"], "availability": "InStock"}}, {"brand": "Mill"},  # type: ignore[dict-item]
    ):  # fmt: skip
        assert wrong({**good, **bent}), bent
