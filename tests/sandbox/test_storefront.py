"""Buying by plain HTTP: permalinks, two creators in one cart, the checkout form, what lands on the order."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
import requests

from tests.sandbox.stand import Stand

BUYER = {"email": "b17@example.com", "last_name": "Lee", "address1": "Street 1", "city": "Town", "country_code": "US"}
JSON = {"Accept": "application/json"}


def properties(value: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.fixture
def two(stand: Stand) -> tuple[int, int]:
    """Variants of two products."""
    stand.shop(
        "PATCH", "", {"shipping_price": "4.90", "discount_codes": {"MIRA10": {"type": "percentage", "value": "10"}}}
    )
    return stand.product("40.00", title="Mug")["variants"][0]["id"], stand.product("20.00", title="Tote")["variants"][
        0
    ]["id"]


def test_permalink_to_order(stand: Stand, two: tuple[int, int]) -> None:
    session = requests.Session()
    page = session.get(
        f"{stand.origin}/cart/{two[0]}:2,{two[1]}:1",
        params={
            "attributes[connector_touch]": "tok_1",
            "properties": properties({"_connector_touch": "tok_1", "Gift wrap": "yes"}),
            "ref": "tok_1",
            "discount": "mira10",
            "note": "hello",
            "utm_source": "app",
        },
        headers={"Referer": "https://app.example/"},
        timeout=10,
    )
    assert page.status_code == 200
    assert "/checkouts/cn/" in page.url
    assert "Gift wrap: yes" in page.text
    assert "_connector_touch" not in page.text  # private properties are not shown
    done = session.post(page.url, data={**BUYER, "payment": "card", "tip": "2.00", "buyer": "17"}, timeout=10)
    assert done.url.endswith("/thank-you")
    assert "Thank you" in done.text
    order = session.get(done.url, headers=JSON, timeout=10).json()["order"]
    assert order["note_attributes"] == [{"name": "connector_touch", "value": "tok_1"}]
    assert order["lines"][0]["properties"] == [
        {"name": "_connector_touch", "value": "tok_1"},
        {"name": "Gift wrap", "value": "yes"},
    ]
    assert order["lines"][1]["properties"] == []  # first line only, as on Shopify
    assert order["landing_site"].startswith(f"/cart/{two[0]}:2,{two[1]}:1?attributes")
    assert (order["landing_site_ref"], order["referring_site"]) == ("tok_1", "https://app.example/")
    assert (order["discount_codes"], order["discounts"], order["tip"]) == (["mira10"], "10.00", "2.00")
    assert (order["buyer"], order["email"], order["financial_status"]) == ("17", "b17@example.com", "paid")
    assert session.get(f"{stand.origin}/cart.js", timeout=10).json()["item_count"] == 0
    again = session.post(page.url, data={**BUYER, "payment": "card"}, timeout=10)
    assert again.url.endswith("/thank-you")
    assert len(stand.shop("GET", "/orders")["orders"]) == 1


def test_two_creators_in_one_cart(stand: Stand, two: tuple[int, int]) -> None:
    session = requests.Session()
    for variant, token, extra in ((two[0], "A", {"storefront": "true"}), (two[1], "B", {})):
        asked = {"attributes[t]": token, "properties": properties({"_t": token}), "ref": token, **extra}
        page = session.get(f"{stand.origin}/cart/{variant}:1", params=asked, timeout=10)
    done = session.post(page.url, data={**BUYER, "payment": "card"}, headers=JSON, timeout=10)
    assert done.status_code == 201
    order = done.json()["order"]
    assert [line["properties"][0]["value"] for line in order["lines"]] == ["A", "B"]
    assert order["note_attributes"] == [{"name": "t", "value": "B"}]  # one map: the later link overwrites
    assert order["landing_site_ref"] == "B"


def test_permalinks_may_replace_the_cart(stand: Stand, two: tuple[int, int]) -> None:
    stand.shop("PATCH", "", {"permalink_adds": False})
    session = requests.Session()
    for variant in two:
        page = session.get(f"{stand.origin}/cart/{variant}:1", timeout=10)
    order = session.post(page.url, data=BUYER, headers=JSON, timeout=10).json()["order"]
    assert [line["variant_id"] for line in order["lines"]] == [two[1]]


def test_same_variant_with_other_properties_is_a_line_of_its_own(stand: Stand, two: tuple[int, int]) -> None:
    session = requests.Session()
    for token in ("A", "B", "B"):
        asked = {"properties": properties({"_t": token}), "storefront": "true"}
        session.get(f"{stand.origin}/cart/{two[0]}:1", params=asked, timeout=10)
    items = session.get(f"{stand.origin}/cart.js", timeout=10).json()["items"]
    assert [(i["properties"], i["quantity"]) for i in items] == [({"_t": "A"}, 1), ({"_t": "B"}, 2)]


def test_buying_through_pages_and_forms(stand: Stand, two: tuple[int, int]) -> None:
    session = requests.Session()
    listing = session.get(f"{stand.origin}/?utm_source=mail", timeout=10)
    handle = re.search(r"/products/([\w-]+)", listing.text)
    assert handle is not None
    product = session.get(f"{stand.origin}/products/{handle[1]}", timeout=10)
    assert 'name="quantity"' in product.text
    form = {"id": str(two[0]), "quantity": "2", "properties[_t]": "x"}
    cart = session.post(f"{stand.origin}/cart/add", data=form, timeout=10)
    assert cart.url.endswith("/cart")
    key = re.search(r'name="key" value="(\w+)"', cart.text)
    assert key is not None
    session.post(f"{stand.origin}/cart/change", data={"key": key[1], "quantity": "3"}, timeout=10)
    checkout = session.post(f"{stand.origin}/cart", data={"checkout": ""}, timeout=10)
    applied = session.post(checkout.url, data={**BUYER, "discount": "MIRA10", "act": "apply"}, timeout=10)
    assert "Discount (MIRA10)" in applied.text
    order = session.post(checkout.url, data={**BUYER, "payment": "later"}, headers=JSON, timeout=10).json()["order"]
    assert (order["lines"][0]["quantity"], order["financial_status"]) == (3, "pending")
    assert order["landing_site"] == "/?utm_source=mail"
    assert order["discounts"] == "12.00"


def test_theme_scripts(stand: Stand, two: tuple[int, int]) -> None:
    session = requests.Session()
    added = {"items": [{"id": two[0], "quantity": 1, "properties": {"_t": "A"}}, {"id": two[1]}]}
    assert session.post(f"{stand.origin}/cart/add.js", json=added, timeout=10).json()["item_count"] == 2
    updated = session.post(f"{stand.origin}/cart/update.js", json={"attributes": {"k": "v"}, "note": "n"}, timeout=10)
    assert updated.json()["attributes"] == {"k": "v"}
    assert session.post(f"{stand.origin}/cart/clear.js", timeout=10).json()["item_count"] == 0


def test_errors_are_told(stand: Stand, two: tuple[int, int]) -> None:
    session = requests.Session()
    page = session.get(f"{stand.origin}/cart/{two[0]}:1", timeout=10)
    wrong = session.post(page.url, data={"email": "no"}, timeout=10)
    assert wrong.status_code == 422
    assert "There is a problem" in wrong.text
    assert "<title>Error:" in wrong.text
    assert set(session.post(page.url, data={"payment": "x"}, headers=JSON, timeout=10).json()["errors"]) == {
        "email", "last_name", "address1", "city", "payment",
    }  # fmt: skip
    unknown = session.post(page.url, data={**BUYER, "discount": "NOPE"}, headers=JSON, timeout=10)
    assert "NOPE" in unknown.json()["errors"]["discount"]
    assert session.get(f"{stand.origin}/cart/999:1", timeout=10).status_code == 422
    assert session.get(f"{stand.origin}/cart/what", timeout=10).status_code == 404
    assert session.get(f"{stand.origin}/products/none", timeout=10).status_code == 404


def test_sold_out_cannot_be_bought(stand: Stand) -> None:
    variant = stand.product("9.00", inventory_quantity=0)["variants"][0]["id"]
    answer = requests.get(f"{stand.origin}/cart/{variant}:1", timeout=10)
    assert answer.status_code == 422
    assert "sold out" in answer.text


def test_product_deleted_between_cart_and_checkout(stand: Stand, two: tuple[int, int]) -> None:
    session = requests.Session()
    page = session.get(f"{stand.origin}/cart/{two[0]}:1", timeout=10)
    product = stand.shop("GET", "/products")["products"][0]["id"]
    stand.shop("DELETE", f"/products/{product}")
    assert session.post(page.url, data=BUYER, timeout=10).status_code == 410
    assert session.get(f"{stand.origin}/cart", timeout=10).status_code == 200


def test_head_changes_nothing(stand: Stand, two: tuple[int, int]) -> None:
    session = requests.Session()
    session.head(f"{stand.origin}/cart/{two[0]}:1", timeout=10)
    assert session.get(f"{stand.origin}/cart.js", timeout=10).json()["item_count"] == 0


def test_shared_discount_stays_in_the_shop(stand: Stand, two: tuple[int, int]) -> None:
    session = requests.Session()
    out = session.get(f"{stand.origin}/discount/MIRA10?redirect=//evil.example", allow_redirects=False, timeout=10)
    assert out.headers["Location"].endswith("/shops/alpha.myshopify.com/")
    page = session.get(f"{stand.origin}/cart/{two[0]}:1", timeout=10)
    order = session.post(page.url, data=BUYER, headers=JSON, timeout=10).json()["order"]
    assert order["discount_codes"] == ["MIRA10"]


def test_titles_are_text(stand: Stand) -> None:
    stand.product("9.00", title="<script>alert(1)</script>")
    listing = requests.get(f"{stand.origin}/", timeout=10)
    assert "<script>" not in listing.text
    assert "&lt;script&gt;" in listing.text
    assert "script-src" not in listing.headers["Content-Security-Policy"]
    assert listing.headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("value", ["not base64 !", "bm8ganNvbg", "WzFd"])
def test_unreadable_properties_are_none(stand: Stand, two: tuple[int, int], value: str) -> None:
    session = requests.Session()
    session.get(f"{stand.origin}/cart/{two[0]}:1", params={"properties": value, "storefront": "true"}, timeout=10)
    items: list[Any] = session.get(f"{stand.origin}/cart.js", timeout=10).json()["items"]
    assert items[0]["properties"] == {}
