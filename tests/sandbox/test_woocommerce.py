"""The WooCommerce face: keys, lists, orders to the cent, webhooks that are never sent again, ways into a cart."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.sandbox.faces import Woo, bought
from tests.sandbox.stand import Receiver

RECORDED = Path(__file__).parents[1] / "platforms" / "woocommerce" / "payloads"


@pytest.mark.parametrize(
    ("decision", "answer", "keeps"), [("approve", 200, True), ("approve", 500, False), ("deny", 200, False)]
)
def test_keys_are_posted_inside_the_click_and_stay_only_if_that_was_heard(
    woo: Woo, receiver: Receiver, decision: str, answer: int, keeps: bool
) -> None:
    receiver.answer = lambda _count: answer
    asked = {
        "app_name": "Ours", "scope": "read_write", "user_id": "state-1~a", "return_url": "http://127.0.0.1:9/back",
        "callback_url": receiver.url,
    }  # fmt: skip
    page = requests.get(f"{woo.home}/wc-auth/v1/authorize", params=asked, timeout=10)
    assert page.status_code == 200
    assert "Approve" in page.text
    address = f"{woo.home}/wc-auth/v1/access_granted"
    done = requests.post(address, data={**asked, "decision": decision}, allow_redirects=False, timeout=10)
    if decision == "deny":
        assert receiver.received == []
    else:
        [(headers, body)] = receiver.received
        told = json.loads(body)
        assert told["user_id"] == "state-1~a"
        assert not any(name.startswith("x-wc") for name in headers), "signed by nobody"
        key = {"key": told["consumer_key"], "secret": told["consumer_secret"]}
        assert woo.call("GET", "/products", key=key).status_code == (200 if keeps else 401)
    if answer == 200:
        back = parse_qs(urlsplit(done.headers["Location"]).query)
        assert back == {"success": ["1" if keeps else "0"], "user_id": ["state-1~a"]}
    else:
        assert done.status_code == 401


@pytest.mark.parametrize("missing", ["scope", "callback_url", "user_id"])
def test_a_page_of_approval_wants_all_that_it_needs(woo: Woo, missing: str) -> None:
    asked = dict.fromkeys(("app_name", "user_id", "return_url"), "http://x.example") | {
        "scope": "read", "callback_url": "https://x.example/k",
    }  # fmt: skip
    del asked[missing]
    page = requests.get(f"{woo.home}/wc-auth/v1/authorize", params=asked, timeout=10)
    assert page.status_code == 401
    assert f"Missing parameter {missing}" in page.text


def test_refusals_are_as_odd_as_a_real_store_s(woo: Woo) -> None:
    reads = woo.own("POST", "/keys", {"permissions": "read"})
    wrong = {"key": woo.key["key"], "secret": "cs_no"}
    unknown = {"key": "ck_no", "secret": "cs_no"}

    def code(answer: requests.Response) -> tuple[int, str]:
        return answer.status_code, answer.json()["code"]

    assert code(woo.call("GET", "/products", key=unknown)) == (401, "woocommerce_rest_cannot_view")
    assert code(woo.call("GET", "/products", key=wrong)) == (401, "woocommerce_rest_authentication_error")
    assert code(woo.call("POST", "/webhooks/batch", {}, key=reads)) == (401, "woocommerce_rest_authentication_error")
    assert woo.call("GET", "/orders", key=reads).json() == []
    assert code(woo.call("GET", "/products", per_page=101)) == (400, "rest_invalid_param")
    assert code(woo.call("GET", "/orders/77")) == (404, "woocommerce_rest_shop_order_invalid_id")
    query = {"consumer_key": reads["key"], "consumer_secret": reads["secret"]}
    assert requests.get(f"{woo.home}/wp-json/wc/v3/orders", params=query, timeout=10).status_code == 200


def test_lists_are_walked_by_id_and_filtered_by_change(woo: Woo) -> None:
    woo.control("POST", "/products/generate", {"count": 12, "variants_each": 3})
    simple = woo.candle()
    page = woo.call("GET", "/products", per_page=5, offset=10, orderby="id", order="asc", _fields="id,type,variations")
    assert (page.headers["X-WP-Total"], page.headers["X-WP-TotalPages"]) == ("13", "3")
    last = page.json()[-1]
    assert last == {"id": simple["id"], "type": "simple", "variations": []}
    assert simple["variants"][0]["id"] == simple["id"], "a product without versions has one number"
    variable = page.json()[0]
    rows = woo.get(f"/products/{variable['id']}/variations", orderby="id", order="asc")
    assert [row["id"] for row in rows] == variable["variations"]
    changed = woo.get(f"/products/{simple['id']}")["date_modified_gmt"]
    strictly = {"modified_after": changed, "dates_are_gmt": "true", "_fields": "id"}
    assert woo.get("/products", **strictly) == []
    assert woo.get("/products", include=str(simple["id"]), _fields="id") == [{"id": simple["id"]}]


def test_the_story_is_the_recorded_one_to_the_cent(woo: Woo) -> None:
    """Amounts of the fact sheet's order, and of a unit given back: base 72.00, then 36.00."""
    recorded = json.loads((RECORDED / "order.story.json").read_text())
    order = woo.story()
    made = woo.get(f"/orders/{order['id']}")
    for name in ("total", "total_tax", "discount_total", "shipping_total", "status", "prices_include_tax", "currency"):
        assert made[name] == recorded[name], name
    for name in ("quantity", "subtotal", "subtotal_tax", "total", "total_tax", "variation_id"):
        assert made["line_items"][0][name] == recorded["line_items"][0][name], name
    assert made["coupon_lines"][0] | {"id": 0} == {
        "id": 0,
        "code": "maya10",
        "discount": "8.00",
        "discount_tax": "0.71",
    }
    line = order["lines"][0]["id"]
    refund = woo.act(order, "refund", lines=[{"line_item_id": line, "quantity": 1}])["refunds"][0]
    [told] = woo.get(f"/orders/{order['id']}/refunds")
    row = told["line_items"][0]
    assert (told["id"], told["amount"], row["quantity"], row["total"]) == (refund["id"], "39.20", -1, "-36.00")
    assert row["meta_data"] == [{"id": 1, "key": "_refunded_item_id", "value": str(line)}]
    assert woo.get(f"/orders/{order['id']}")["refunds"][0]["total"] == "-39.20"
    woo.control("DELETE", f"/orders/{order['id']}")
    assert woo.get("/orders", _fields="id") == [], "the list hides what was trashed"
    assert woo.get(f"/orders/{order['id']}")["status"] == "trash"


def test_prices_with_tax_stand_without_it_in_lines(woo: Woo) -> None:
    woo.control("PATCH", "", {"taxes_included": True, "tax_rate": "0.25"})
    made = woo.get(f"/orders/{woo.story(discounts=[])['id']}")
    line = made["line_items"][0]
    assert (line["subtotal"], line["total"], line["total_tax"], made["total"]) == ("64.00", "64.00", "16.00", "85.00")
    assert {row["id"]: row["value"] for row in woo.get("/settings/tax")} == {"woocommerce_prices_include_tax": "yes"}


def test_a_webhook_is_greeted_signed_over_its_bytes_and_tells_the_present(woo: Woo, receiver: Receiver) -> None:
    hook = woo.hook()
    ping, body = receiver.received.pop()
    assert body == f"webhook_id={hook['id']}".encode()
    assert "x-wc-webhook-signature" not in ping
    assert "secret" not in hook
    woo.story(note="é/")
    woo.stand.quiesce()
    headers, body = receiver.received[-1]
    wanted = base64.b64encode(hmac.new(b"s3cret", body, hashlib.sha256).digest()).decode()
    assert headers["x-wc-webhook-signature"] == wanted
    assert headers["x-wc-webhook-topic"] == "order.updated"
    assert b"\\/" in body, "as PHP escapes slashes: who signs parsed JSON anew gets it wrong"
    number = json.loads(body)["id"]
    assert json.loads(body) == woo.get(f"/orders/{number}")


def test_nothing_is_sent_twice_and_the_seventh_failure_switches_off(woo: Woo, receiver: Receiver) -> None:
    hook = woo.hook()
    receiver.received.clear()
    receiver.answer = lambda _count: 500
    order = woo.story()
    woo.stand.quiesce()
    assert len(receiver.received) == 1
    for _ in range(5):
        woo.act(order, "refund", amount="0.10")
        woo.stand.quiesce()
    assert woo.get("/webhooks")[0]["status"] == "active"
    woo.act(order, "refund", amount="0.10")
    woo.stand.quiesce()
    assert len(receiver.received) == 7
    assert woo.get("/webhooks")[0]["status"] == "disabled"
    woo.act(order, "refund", amount="0.10")
    assert woo.stand.quiesce()["failed"] == 7
    assert woo.call("POST", f"/webhooks/{hook['id']}", {"status": "active"}).json()["status"] == "active"
    assert woo.call("DELETE", f"/webhooks/{hook['id']}").status_code == 501
    assert woo.call("DELETE", f"/webhooks/{hook['id']}", force="true").status_code == 200


def test_the_first_page_s_words_go_with_the_order(woo: Woo) -> None:
    product = woo.candle()
    address = woo.get(f"/products/{product['id']}")["permalink"]
    buyer = requests.Session()
    page = buyer.get(f"{address}?utm_source=connector&utm_content=tok_1", timeout=10)
    assert "add-to-cart" in page.text
    buyer.get(f"{woo.home}/cart/", params={"add-to-cart": product["id"], "quantity": 2}, timeout=10)
    order = bought(buyer.get(f"{woo.home}/checkout/", timeout=10), buyer)
    told = {row["key"]: row["value"] for row in woo.get(f"/orders/{order['id']}")["meta_data"]}
    attribution = "_wc_order_attribution_"
    assert told[f"{attribution}utm_content"] == "tok_1"
    assert told[f"{attribution}session_entry"] == f"{address}?utm_source=connector&utm_content=tok_1"
    assert order["lines"][0]["quantity"] == 2


def test_a_checkout_link_is_known_from_ten_on(woo: Woo) -> None:
    link = f"{woo.home}/checkout-link/?products={woo.candle()['id']}:3&coupon=MAYA10&utm_content=tok_2"
    assert requests.get(link, timeout=10).status_code == 404
    woo.control("PATCH", "", {"platform_version": "10.3.0"})
    assert woo.get("/system_status")["environment"]["version"] == "10.3.0"
    buyer = requests.Session()
    order = bought(buyer.get(link, timeout=10), buyer)
    assert (order["lines"][0]["quantity"], order["discount_codes"]) == (3, ["MAYA10"])
    told = {row["key"]: row["value"] for row in woo.get(f"/orders/{order['id']}")["meta_data"]}
    assert told["_wc_order_attribution_utm_content"] == "tok_2"


def test_a_host_s_limit_is_counted_and_answers_no_json(woo: Woo) -> None:
    woo.own("PUT", "/quota", {"calls": 3, "seconds": 60})
    answers = [woo.call("GET", "/orders") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert "html" in answers[-1].headers["Content-Type"]
    seen = woo.own("GET", "/quota")
    assert (seen["taken"], seen["refused"], seen["busiest"]) == (3, 2, 3)
