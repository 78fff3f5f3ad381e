"""The merchant's pages: what a person does on them happens at the store as if the control API had been asked."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from connector.platforms.shopify import documents
from tests.sandbox.stand import SHOP, Stand, gid


class Merchant:
    """A browser on the admin's pages."""

    def __init__(self, stand: Stand) -> None:
        self.session = requests.Session()
        self.admin = f"{stand.origin}/admin"

    def get(self, path: str) -> str:
        answer = self.session.get(f"{self.admin}{path}", timeout=10)
        assert answer.status_code == 200, answer.text[:300]
        return answer.text

    def post(self, path: str, code: int = 200, **fields: Any) -> str:
        token = re.search(r'name="token" value="(\w+)"', self.get(path))
        assert token is not None
        answer = self.session.post(f"{self.admin}{path}", data={"token": token[1], **fields}, timeout=10)
        assert answer.status_code == code, answer.text[:300]
        return answer.text


@pytest.fixture
def merchant(stand: Stand) -> Merchant:
    return Merchant(stand)


def test_a_product_is_added_changed_and_deleted(stand: Stand, merchant: Merchant) -> None:
    page = merchant.post("/products", title="كوب <b>mug</b>", price="12.50", stock="3")
    number = int(re.search(r"id <code>(\d+)", page)[1])  # type: ignore[index]
    assert "كوب &lt;b&gt;mug&lt;/b&gt;" in page
    variant = stand.shop("GET", f"/products/{number}")["variants"][0]["id"]
    fields = {f"price-{variant}": "14.00", f"stock-{variant}": "0", "title": "Mug", "status": "DRAFT"}
    merchant.post(f"/products/{number}", **fields)
    stood = stand.shop("GET", f"/products/{number}")
    assert (stood["title"], stood["status"], stood["variants"][0]["price"]) == ("Mug", "DRAFT", "14.00")
    refused = merchant.post(f"/products/{number}", 422, **{**fields, f"price-{variant}": "14.005"})
    assert "does not fit USD" in refused
    assert stand.shop("GET", f"/products/{number}")["variants"][0]["price"] == "14.00"
    merchant.post(f"/products/{number}", act="delete")
    assert merchant.session.get(f"{merchant.admin}/products/{number}", timeout=10).status_code == 404


def test_a_sample_says_what_to_pack_is_sent_and_delivered(stand: Stand, merchant: Merchant) -> None:
    """A draft that an app completed: its note and tags, and whereto; each step is told with the tag in the body."""
    stand.install("read_products,read_orders,read_fulfillments,write_draft_orders,write_orders")
    stand.subscribe("ORDERS_CREATE", "ORDERS_FULFILLED", "ORDERS_UPDATED")
    variant = stand.product("40.00", inventory_quantity=4)["variants"][0]["id"]
    given = {
        "lineItems": [{"variantId": gid("ProductVariant", variant), "quantity": 1}], "note": "For @mira, sample 7",
        "appliedDiscount": {"value": 100, "valueType": "PERCENTAGE"}, "tags": ["sample_order", "smp_0000001"],
        "email": "robin@sample.example",
        "shippingAddress": {"firstName": "Robin", "lastName": "Sample", "address1": "1 Row", "city": "Town",
                            "zip": "62701", "countryCode": "US"},
    }  # fmt: skip
    made = stand.ask(documents.SAMPLE_DRAFT, {"input": given})["draftOrderCreate"]["draftOrder"]
    done = stand.ask(documents.SAMPLE_COMPLETE, {"id": made["id"]})["draftOrderComplete"]["draftOrder"]
    number = int(done["order"]["id"].rpartition("/")[2])
    page = merchant.get(f"/orders/{number}")
    for word in ("For @mira, sample 7", "sample_order", "smp_0000001", "Robin Sample, 1 Row, 62701, Town, US"):
        assert word in page, word
    merchant.post(f"/orders/{number}", act="fulfil")
    merchant.post(f"/orders/{number}", act="deliver")
    stand.quiesce()
    bodies = [json.loads(body) for _, body in stand.receiver.received]
    assert {body["tags"] for body in bodies} == {"sample_order, smp_0000001"}
    assert {body["total_price"] for body in bodies} == {"0.00"}
    assert bodies[-1]["fulfillments"][0]["shipment_status"] == "delivered"
    again = stand.ask(documents.SAMPLE_COMPLETE, {"id": made["id"]})["draftOrderComplete"]
    assert again["userErrors"][0]["message"] == "This order has been paid"
    found = stand.ask(documents.SAMPLE_FIND, {"query": "tag:'smp_0000001'"})
    assert [each["id"] for each in found["orders"]["nodes"]] == [done["order"]["id"]]
    other = stand.ask(documents.SAMPLE_FIND, {"query": "tag:'smp_0000002'"})
    assert (other["orders"]["nodes"], other["draftOrders"]["nodes"]) == ([], [])


def test_without_its_scopes_an_app_makes_no_draft_and_cancels_nothing(stand: Stand) -> None:
    variables = {"input": {"lineItems": []}}
    for document, given in (
        (documents.SAMPLE_DRAFT, variables), (documents.SAMPLE_COMPLETE, {"id": gid("DraftOrder", 1)}),
        (documents.SAMPLE_CANCEL, {"id": gid("Order", 1), "note": ""}), (documents.SAMPLE_FIND, {"query": "tag:a"}),
    ):  # fmt: skip
        (error,) = stand.raw(document, given).json()["errors"]
        assert error["extensions"]["code"] == "ACCESS_DENIED"


def test_an_order_lives_through_all_that_can_happen(stand: Stand, merchant: Merchant) -> None:
    stand.subscribe("ORDERS_FULFILLED", "FULFILLMENTS_UPDATE", "REFUNDS_CREATE", "ORDERS_EDITED", "ORDERS_CANCELLED")
    variant = stand.product("40.00")["variants"][0]["id"]
    placed = stand.order({"variant_id": variant, "quantity": 3}, financial_status="paid")
    path, line = f"/orders/{placed['id']}", placed["lines"][0]["id"]
    assert placed["name"] in merchant.get("/orders")
    merchant.post(path, act="fulfil", **{f"send-{line}": "2"})
    merchant.post(path, act="fulfil")
    merchant.post(path, act="deliver")
    merchant.post(path, act="refund", **{f"back-{line}": "1"})
    merchant.post(path, act="refund", amount="5.00", status="pending")
    pending = re.search(r'name="refund" value="(\d+)"', merchant.get(path))
    assert pending is not None
    merchant.post(path, act="settle", refund=pending[1], status="failure")
    merchant.post(path, act="edit", **{f"remove-{line}": "1"}, give_back="1")
    merchant.post(path, act="dispute", type="inquiry", amount="10.00")
    dispute = re.search(r'name="dispute" value="(\d+)"', merchant.get(path))
    assert dispute is not None
    merchant.post(path, act="move_dispute", dispute=dispute[1], status="won")
    assert "nothing to fulfil" in merchant.post(path, 422, act="fulfil")
    merchant.post(path, act="cancel", reason="fraud", refund="1")
    done = stand.shop("GET", path)
    assert done["cancelled_at"] is not None
    assert done["financial_status"] == "refunded"
    stand.quiesce()
    told = set(stand.receiver.topics())
    assert {"orders/fulfilled", "fulfillments/update", "refunds/create", "orders/edited", "orders/cancelled"} <= told


def test_a_form_is_taken_from_its_own_page_only(stand: Stand, merchant: Merchant) -> None:
    number = stand.product("10.00")["id"]
    url = f"{merchant.admin}/products/{number}"
    assert requests.post(url, data={"act": "delete"}, timeout=10).status_code == 403
    merchant.get(f"/products/{number}")
    assert merchant.session.post(url, data={"act": "delete", "token": "0" * 64}, timeout=10).status_code == 403
    assert stand.shop("GET", f"/products/{number}")["id"] == number
    assert (
        requests.get(f"{stand.origin.replace(SHOP, 'nobody.myshopify.com')}/admin/orders", timeout=10).status_code
        == 404
    )


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_the_pages_hold_in_chromium(stand: Stand, chromium: Browser, width: int) -> None:
    """Axe finds nothing and nothing scrolls sideways, with titles that break careless pages."""
    stand.shop("POST", "/products/generate", {"count": 12, "seed": 2, "bad": {"html_title": 6}})
    long = stand.product("1234567.89", title="Donaudampfschiff" * 6)
    placed = stand.order({"variant_id": long["variants"][0]["id"], "quantity": 2}, financial_status="paid")
    stand.act(placed["id"], "refund", {"amount": "3.00", "status": "pending"})
    stand.act(placed["id"], "dispute", {})
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, reduced_motion="reduce", java_script_enabled=True, bypass_csp=True
    )
    page = context.new_page()
    for path in ("products", f"products/{long['id']}", "orders", f"orders/{placed['id']}", "orders?q=none"):
        page.goto(f"{stand.origin}/admin/{path}")
        violations = Axe().run(page).response["violations"]
        assert [(v["id"], [n["target"] for n in v["nodes"]]) for v in violations] == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    page.goto(f"{stand.origin}/admin/orders/{placed['id']}")
    page.get_by_role("button", name="Fulfil").click()
    page.get_by_role("button", name="Mark 1 parcel as delivered").click()
    assert stand.shop("GET", f"/orders/{placed['id']}")["fulfillment_status"] == "fulfilled"
    context.close()
