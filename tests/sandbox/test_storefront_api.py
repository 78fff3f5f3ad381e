"""Carts made through the Storefront API, and what a theme loses on the way to the order."""

from __future__ import annotations

from typing import Any

import requests

from tests.sandbox.stand import Stand, gid

CREATE = """mutation Make($input: CartInput!) { cartCreate(input: $input) {
  cart { id checkoutUrl totalQuantity attributes { key value } discountCodes { code }
         lines(first: 5) { nodes { quantity attributes { key value } merchandise { id } } } }
  userErrors { field message } warnings { code } } }"""
BUYER = {
    "email": "b@example.com", "last_name": "Lee", "address1": "Street 1", "city": "Town", "country_code": "US",
}  # fmt: skip


def ask(stand: Stand, entry: dict[str, Any]) -> dict[str, Any]:
    answer = requests.post(
        f"{stand.origin}/api/2026-10/graphql.json", json={"query": CREATE, "variables": {"input": entry}}, timeout=10
    )
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def pay(address: str, **more: str) -> Any:
    buyer = requests.Session()
    page = buyer.get(address, timeout=10)
    done = buyer.post(page.url, data={**BUYER, **more}, headers={"Accept": "application/json"}, timeout=10)
    assert done.status_code == 201, done.text
    return done.json()["order"]


def test_a_cart_carries_its_attributes_to_the_order(stand: Stand) -> None:
    stand.shop("PATCH", "", {"discount_codes": {"MIRA10": {"type": "percentage", "value": "10"}}})
    variant = stand.product()["variants"][0]["id"]
    entry = {
        "lines": [{"merchandiseId": gid("ProductVariant", variant), "quantity": 2,
                   "attributes": [{"key": "_x_touch", "value": "t1a"}]}],
        "attributes": [{"key": "x_touch", "value": "t1a"}], "discountCodes": ["MIRA10", "NONE"],
    }  # fmt: skip
    made = ask(stand, entry)["data"]["cartCreate"]
    assert (made["userErrors"], made["warnings"], made["cart"]["totalQuantity"]) == ([], [], 2)
    assert made["cart"]["discountCodes"] == [{"code": "MIRA10"}]
    assert made["cart"]["lines"]["nodes"][0]["attributes"] == [{"key": "_x_touch", "value": "t1a"}]
    order = pay(made["cart"]["checkoutUrl"])
    assert order["note_attributes"] == [{"name": "x_touch", "value": "t1a"}]
    assert order["lines"][0]["properties"] == [{"name": "_x_touch", "value": "t1a"}]
    assert order["landing_site"].startswith("/cart/c/")
    assert order["test"] is False
    assert requests.get(made["cart"]["checkoutUrl"][:-3] + "xxx", timeout=10).status_code == 404


def test_what_cannot_be_put_in_a_cart(stand: Stand) -> None:
    gone = stand.product(stock=0, policy="deny")["variants"][0]["id"]
    made = ask(stand, {"lines": [{"merchandiseId": gid("ProductVariant", 999)}]})["data"]["cartCreate"]
    assert made["cart"] is None
    assert made["userErrors"][0]["field"] == ["input", "lines", "0", "merchandiseId"]
    assert ask(stand, {"lines": [{"merchandiseId": "nonsense"}]})["data"]["cartCreate"]["cart"] is None
    assert "errors" in ask(stand, {"lines": [{"quantity": "many"}]})
    sold_out = ask(stand, {"lines": [{"merchandiseId": gid("ProductVariant", gone)}]})["data"]["cartCreate"]
    assert [each["code"] for each in sold_out["warnings"]] in ([], ["MERCHANDISE_OUT_OF_STOCK"])


def test_a_theme_loses_what_it_is_told_to_and_a_test_order_says_so(stand: Stand) -> None:
    variant = stand.product()["variants"][0]["id"]
    link = f"{stand.origin}/cart/{variant}:1?attributes[x_touch]=t1a&properties=eyJfeF90b3VjaCI6InQxYSJ9&ref=t1a"
    whole = pay(link, payment="test")
    assert whole["test"] is True
    assert (len(whole["note_attributes"]), len(whole["lines"][0]["properties"]), whole["landing_site_ref"]) == (
        1,
        1,
        "t1a",
    )
    stand.control("PATCH", "/misbehaviour", {"lose_carriers": ["attributes", "properties", "landing"]})
    bare = pay(link)
    assert (bare["note_attributes"], bare["lines"][0]["properties"], bare["landing_site"]) == ([], [], None)
    assert "lose_carriers" in stand.control("PATCH", "/misbehaviour", {"lose_carriers": ["money"]}, status=422)["error"]
