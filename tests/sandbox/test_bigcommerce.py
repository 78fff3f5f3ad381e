"""The BigCommerce face: installing, signed callbacks, orders to the cent, carts, hooks and the quota."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import requests

from tests.sandbox.faces import Big, bought
from tests.sandbox.stand import CLIENT_ID, SECRET, Receiver

SAMPLES = Path(__file__).parents[1] / "platforms" / "bigcommerce" / "payloads" / "api"


def test_a_code_is_good_once_and_a_new_installation_ends_the_old_token(big: Big) -> None:
    panel = requests.get(f"{big.home}/manage/apps", timeout=10)
    assert "Open the connector" in panel.text
    given = big.code()
    assert given["context"] == f"stores/{big.name}"
    assert big.exchange(given, client_secret="wrong").json() == {"error": "invalid_client"}
    assert big.exchange(given, context="stores/another").json() == {"error": "invalid_grant"}
    reply = big.exchange(given).json()
    assert reply["context"] == given["context"]
    assert "store_cart" in reply["scope"].split(" ")
    assert big.exchange(given).status_code == 400
    assert big.call("GET", "/v2/store").status_code == 401, "the token of the installation before"
    big.token = reply["access_token"]
    store = big.get("/v2/store")
    assert (store["id"], store["currency"], store["secure_url"]) == (big.name, "USD", big.home)


def test_load_and_uninstall_are_signed_alike(big: Big, receiver: Receiver) -> None:
    assert big.hook("store/app/uninstalled").status_code == 200
    opened = requests.get(f"{big.home}/manage/app/{CLIENT_ID}", allow_redirects=False, timeout=10)
    [token] = parse_qs(urlsplit(opened.headers["Location"]).query)["signed_payload_jwt"]
    head, claims, signature = token.split(".")
    wanted = hmac.new(SECRET.encode(), f"{head}.{claims}".encode(), hashlib.sha256).digest()
    assert base64.urlsafe_b64decode(signature + "=") == wanted
    told = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert (told["aud"], told["iss"], told["sub"]) == (CLIENT_ID, "bc", f"stores/{big.name}")
    assert big.own("POST", "/uninstall", {})["uninstalled"]
    big.stand.quiesce()
    assert json.loads(receiver.received[-1][1])["scope"] == "store/app/uninstalled"
    assert big.call("GET", "/v2/store").status_code == 401
    assert "Install the connector" in requests.get(f"{big.home}/manage/apps", timeout=10).text


def test_the_story_is_the_sample_s_to_the_cent(big: Big) -> None:
    sample = json.loads((SAMPLES / "order.json").read_text())
    sold = json.loads((SAMPLES / "order_products.json").read_text())[0]
    order = big.story()
    made = big.get(f"/v2/orders/{order['id']}")
    for name in (
        "status_id", "payment_status", "subtotal_ex_tax", "shipping_cost_ex_tax", "total_ex_tax", "total_inc_tax",
        "total_tax", "discount_amount", "coupon_discount", "default_currency_code", "items_total",
    ):  # fmt: skip
        assert made[name] == sample[name], name
    [line] = big.get(f"/v2/orders/{order['id']}/products")
    for name in ("quantity", "price_ex_tax", "total_ex_tax", "total_tax", "refund_amount", "type"):
        assert line[name] == sold[name], name
    assert {name: line["applied_discounts"][0][name] for name in ("id", "amount", "code", "target")} == {
        "id": "coupon", "amount": "8.0000", "code": "MAYA10", "target": "order",
    }  # fmt: skip
    assert big.get(f"/v2/orders/{order['id']}/coupons")[0]["discount"] == "8.0000"
    assert big.call("GET", f"/v2/orders/{order['id']}/shipments").status_code == 204


def test_refunds_and_the_status_that_each_act_leaves(big: Big) -> None:
    def status(order: object) -> int:
        assert isinstance(order, dict)
        return int(big.get(f"/v2/orders/{order['id']}")["status_id"])

    order = big.story()
    line = order["lines"][0]["id"]
    big.act(order, "fulfil")
    assert status(order) == 2
    big.act(order, "deliver")
    assert status(order) == 10
    big.act(order, "refund", lines=[{"line_item_id": line, "quantity": 1}])
    big.act(order, "refund", amount="1.50")
    assert status(order) == 14
    refunds = big.get("/v3/orders/payment_actions/refunds", **{"order_id:in": str(order["id"])})["data"]
    assert [(item["item_type"], item["quantity"]) for row in refunds for item in row["items"]] == [
        ("PRODUCT", 1), ("ORDER", None),
    ]  # fmt: skip
    assert refunds[1]["items"][0]["requested_amount"] == 1.5
    assert big.get("/v3/orders/payment_actions/refunds", **{"created:min": "2099-01-01T00:00:00Z"})["data"] == []
    big.act(order, "refund", lines="all", shipping="full")
    assert status(order) == 4, "all that was paid is given back"
    pending = big.story(payment="pending", discounts=[])
    assert status(pending) == 7
    big.act(pending, "pay")
    assert status(pending) == 11
    declined = big.act(pending, "refund", lines="all", status="pending")["refunds"][-1]["id"]
    big.act(pending, f"refunds/{declined}/settle", status="failure")
    [row] = big.get("/v3/orders/payment_actions/refunds", **{"order_id:in": str(pending["id"])})["data"]
    assert row["payments"][0]["is_declined"]
    big.act(pending, "cancel", refund=False)
    assert status(pending) == 5


def test_a_cart_s_address_works_once_and_its_metafields_stay_with_the_order(big: Big, receiver: Receiver) -> None:
    assert big.hook("store/cart/*").status_code == 200
    product = big.candle()
    line = {"product_id": product["id"], "variant_id": product["variants"][0]["id"], "quantity": 2}
    answer = big.call("POST", "/v3/carts", {"line_items": [line], "channel_id": 1}, include="redirect_urls")
    assert answer.status_code == 201
    cart = answer.json()["data"]
    field = {"permission_set": "app_only", "namespace": "connector", "key": "touch", "value": "tok_1"}
    assert big.call("POST", f"/v3/carts/{cart['id']}/metafields", field).status_code == 200
    assert big.call("POST", f"/v3/checkouts/{cart['id']}/coupons", {"coupon_code": "NO"}).status_code == 422
    assert big.call("POST", f"/v3/checkouts/{cart['id']}/coupons", {"coupon_code": "MAYA10"}).status_code == 200
    buyer = requests.Session()
    page = buyer.get(cart["redirect_urls"]["checkout_url"], timeout=10)
    again = requests.Session().get(cart["redirect_urls"]["checkout_url"], timeout=10)
    assert "Your cart is empty" in again.text
    order = bought(page, buyer)
    assert (order["lines"][0]["quantity"], order["discount_codes"]) == (2, ["MAYA10"])
    number = big.get(f"/v2/orders/{order['id']}")["cart_id"]
    assert number == cart["id"]
    [kept] = big.get(f"/v3/carts/{number}/metafields", namespace="connector")["data"]
    assert kept["value"] == "tok_1"
    big.stand.quiesce()
    converted = json.loads(receiver.received[-1][1])
    assert converted["data"] == {"type": "cart", "id": cart["id"], "orderId": order["id"]}


def test_a_hook_carries_its_secret_and_a_signature_and_goes_off_after_two_days(big: Big, receiver: Receiver) -> None:
    assert big.hook("store/order/created", **{"X-Connector-Secret": "s3cret"}).status_code == 200
    assert big.hook("store/order/created").status_code == 422, "one scope and address can be had once"
    big.stand.control("PUT", "/deliveries/settings", {"retry_compression": 1e7})
    order = big.story()
    big.stand.quiesce()
    [(headers, body)] = receiver.received
    assert headers["x-connector-secret"] == "s3cret"
    message = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = base64.b64encode(hmac.new(SECRET.encode(), message, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{wanted}"
    told = json.loads(body)
    assert told["data"] == {"type": "order", "id": order["id"]}
    assert told["producer"] == f"stores/{big.name}"
    receiver.received.clear()
    receiver.answer = lambda _count: 302
    big.story()
    big.stand.quiesce()
    assert len(receiver.received) == 14
    assert len({headers["webhook-id"] for headers, _ in receiver.received}) == 1
    [hook] = big.get("/v3/hooks")["data"]
    assert not hook["is_active"]


def test_the_quota_is_told_counted_and_kept(big: Big) -> None:
    answer = big.call("GET", "/v2/store")
    assert answer.headers["X-Rate-Limit-Requests-Quota"] == "150"
    assert answer.headers["X-Rate-Limit-Time-Window-Ms"] == "30000"
    big.own("PUT", "/quota", {"calls": 3, "seconds": 30})
    answers = [big.call("GET", "/v2/orders") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [204, 204, 204, 429, 429]
    assert [answer.headers["X-Rate-Limit-Requests-Left"] for answer in answers] == ["2", "1", "0", "0", "0"]
    assert 0 < int(answers[-1].headers["X-Rate-Limit-Time-Reset-Ms"]) <= 30_000
    assert big.own("GET", "/quota")["refused"] == 2


def test_the_catalog_is_walked_by_id_and_by_change(big: Big) -> None:
    big.control("POST", "/products/generate", {"count": 7, "variants_each": 10, "seed": 3})
    query = {"include": "variants,images", "sort": "id", "direction": "asc", "limit": 5}
    first = big.get("/v3/catalog/products", **query)
    assert first["meta"]["pagination"]["total"] == 7
    rest = big.get("/v3/catalog/products", **query, **{"id:greater": first["data"][-1]["id"]})
    assert len(rest["data"]) == 2
    product = first["data"][0]
    listed = big.get(f"/v3/catalog/products/{product['id']}/variants", limit=250)["data"]
    assert listed == product["variants"]
    assert len(listed) == 10
    brands = big.get("/v3/catalog/brands", **{"id:in": str(product["brand_id"]), "include_fields": "name"})["data"]
    assert [brand["id"] for brand in brands] == [product["brand_id"]]
    at = {"date_modified:min": product["date_modified"], "sort": "date_modified", "limit": 1}
    assert big.get("/v3/catalog/products", **at)["meta"]["pagination"]["total"] == 7, "the second itself is included"
    assert "variants" not in big.get("/v3/catalog/products", limit=1)["data"][0]
