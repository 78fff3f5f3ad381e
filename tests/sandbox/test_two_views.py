"""An API read and a webhook body of one order state the same facts, after any history of acts."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest

from tests.sandbox.stand import Stand, gid, operation

FULFILMENTS = """query F($id: ID!) { order(id: $id) { updatedAt fulfillments { id createdAt updatedAt status
  displayStatus deliveredAt inTransitAt
  fulfillmentLineItems(first: 50) { nodes { id quantity lineItem { id } } } } } }"""


def number(identifier: str) -> int:
    return int(identifier.rsplit("/", 1)[1])


def utc(text: str | None) -> str | None:
    from datetime import UTC, datetime

    return None if text is None else datetime.fromisoformat(text).astimezone(UTC).isoformat()


def shop_money(bag: dict[str, Any]) -> Decimal:
    return Decimal(bag["shopMoney"]["amount"])


def from_body(body: dict[str, Any]) -> dict[str, Any]:
    def line(row: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": row["id"],
            "title": row["title"],
            "quantity": row["quantity"],
            "current": row["current_quantity"],
            "price": Decimal(row["price"]),
            "gift_card": row["gift_card"],
            "product": row["product_id"] if row["product_exists"] else None,
            "variant": row["variant_id"],
            "properties": [(p["name"], p["value"]) for p in row["properties"]],
            "discounts": [(a["discount_application_index"], Decimal(a["amount"])) for a in row["discount_allocations"]],
            "tax": sum((Decimal(t["price"]) for t in row["tax_lines"]), Decimal(0)),
        }

    def refund(row: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": row["id"],
            "created": utc(row["created_at"]),
            "lines": [
                (
                    r["id"],
                    r["line_item_id"],
                    r["quantity"],
                    Decimal(r["subtotal_set"]["shop_money"]["amount"]),
                    Decimal(r["total_tax_set"]["shop_money"]["amount"]),
                )
                for r in row["refund_line_items"]
            ],
            "shipping": [
                Decimal(r["subtotal_amount_set"]["shop_money"]["amount"]) for r in row["refund_shipping_lines"]
            ],
            "adjustments": [(a["id"], a["kind"].upper(), Decimal(a["amount"])) for a in row["order_adjustments"]],
            "transactions": [(t["id"], t["status"], Decimal(t["amount"])) for t in row["transactions"]],
        }

    return {
        "updated": utc(body["updated_at"]),
        "created": utc(body["created_at"]),
        "cancelled": utc(body["cancelled_at"]),
        "reason": body["cancel_reason"],
        "financial": body["financial_status"],
        "fulfillment": {None: "UNFULFILLED", "partial": "PARTIALLY_FULFILLED", "fulfilled": "FULFILLED"}[
            body["fulfillment_status"]
        ],
        "test": body["test"],
        "tags": [tag for tag in body["tags"].split(", ") if tag],
        "attributes": [(a["name"], a["value"]) for a in body["note_attributes"]],
        "source": (body["source_name"], body["source_identifier"]),
        "taxes_included": body["taxes_included"],
        "codes": [c["code"] for c in body["discount_codes"]],
        "amounts": {
            "subtotal": Decimal(body["subtotal_price"]),
            "total": Decimal(body["total_price"]),
            "tax": Decimal(body["total_tax"]),
            "discounts": Decimal(body["total_discounts"]),
            "current_subtotal": Decimal(body["current_subtotal_price"]),
            "current_total": Decimal(body["current_total_price"]),
            "current_tax": Decimal(body["current_total_tax"]),
            "current_discounts": Decimal(body["current_total_discounts"]),
            "tip": Decimal(body["total_tip_received"]),
            "shipping": Decimal(body["total_shipping_price_set"]["shop_money"]["amount"]),
            "current_shipping": Decimal(body["current_shipping_price_set"]["shop_money"]["amount"]),
        },
        "lines": [line(row) for row in body["line_items"]],
        "refunds": [refund(row) for row in body["refunds"]],
        "fulfillments": [
            {
                "id": f["id"],
                "created": utc(f["created_at"]),
                "delivered": utc(f["updated_at"]) if f["shipment_status"] == "delivered" else None,
                "lines": [(row["id"], row["quantity"]) for row in f["line_items"]],
            }
            for f in body["fulfillments"]
        ],
    }


def from_api(order: dict[str, Any], refunds: dict[str, Any], fulfilled: dict[str, Any]) -> dict[str, Any]:
    def line(row: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": number(row["id"]),
            "title": row["title"],
            "quantity": row["quantity"],
            "current": row["currentQuantity"],
            "price": shop_money(row["originalUnitPriceSet"]),
            "gift_card": row["isGiftCard"],
            "product": row["product"] and number(row["product"]["id"]),
            "variant": row["variant"] and number(row["variant"]["id"]),
            "properties": [(p["key"], p["value"]) for p in row["customAttributes"]],
            "discounts": [
                (a["discountApplication"]["index"], shop_money(a["allocatedAmountSet"]))
                for a in row["discountAllocations"]
            ],
            "tax": sum((shop_money(t["priceSet"]) for t in row["taxLines"]), Decimal(0)),
        }

    def refund(row: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": number(row["id"]),
            "created": utc(row["createdAt"]),
            "lines": [
                (
                    number(r["id"]),
                    number(r["lineItem"]["id"]),
                    r["quantity"],
                    shop_money(r["subtotalSet"]),
                    shop_money(r["totalTaxSet"]),
                )
                for r in row["refundLineItems"]["nodes"]
            ],
            "shipping": [shop_money(r["subtotalAmountSet"]) for r in row["refundShippingLines"]["nodes"]],
            "adjustments": [
                (number(a["id"]), a["reason"], shop_money(a["amountSet"])) for a in row["orderAdjustments"]["nodes"]
            ],
            "transactions": [
                (number(t["id"]), t["status"].lower(), shop_money(t["amountSet"])) for t in row["transactions"]["nodes"]
            ],
        }

    return {
        "updated": utc(order["updatedAt"]),
        "created": utc(order["createdAt"]),
        "cancelled": utc(order["cancelledAt"]),
        "reason": order["cancelReason"] and order["cancelReason"].lower(),
        "financial": order["displayFinancialStatus"].lower(),
        "fulfillment": order["displayFulfillmentStatus"],
        "test": order["test"],
        "tags": order["tags"],
        "attributes": [(a["key"], a["value"]) for a in order["customAttributes"]],
        "source": (order["sourceName"], order["sourceIdentifier"]),
        "taxes_included": order["taxesIncluded"],
        "codes": order["discountCodes"],
        "amounts": {
            "subtotal": shop_money(order["subtotalPriceSet"]),
            "total": shop_money(order["totalPriceSet"]),
            "tax": shop_money(order["totalTaxSet"]),
            "discounts": shop_money(order["totalDiscountsSet"]),
            "current_subtotal": shop_money(order["currentSubtotalPriceSet"]),
            "current_total": shop_money(order["currentTotalPriceSet"]),
            "current_tax": shop_money(order["currentTotalTaxSet"]),
            "current_discounts": shop_money(order["currentTotalDiscountsSet"]),
            "tip": shop_money(order["totalTipReceivedSet"]),
            "shipping": shop_money(order["totalShippingPriceSet"]),
            "current_shipping": shop_money(order["currentShippingPriceSet"]),
        },
        "lines": [line(row) for row in order["lineItems"]["nodes"]],
        "refunds": [refund(row) for row in refunds["refunds"]],
        "fulfillments": [
            {
                "id": number(f["id"]),
                "created": utc(f["createdAt"]),
                "delivered": utc(f["deliveredAt"]),
                "lines": [
                    (number(row["lineItem"]["id"]), row["quantity"]) for row in f["fulfillmentLineItems"]["nodes"]
                ],
            }
            for f in fulfilled["fulfillments"]
        ],
    }


def both_views(stand: Stand, order_id: int) -> tuple[dict[str, Any], dict[str, Any]]:
    asked = {"id": gid("Order", order_id)}
    api = from_api(
        stand.ask(operation("OrderForSettlement"), asked)["order"],
        stand.ask(operation("OrderRefunds"), asked)["order"],
        stand.ask(FULFILMENTS, asked)["order"],
    )
    return from_body(stand.body(order_id)), api


def act(stand: Stand, rng: random.Random, order_id: int, variants: list[int]) -> None:
    """One act at random; what the store refuses is no act."""
    order = stand.shop("GET", f"/orders/{order_id}")
    line = rng.choice(order["lines"])
    some = {"line_item_id": line["id"], "quantity": 1}
    pending = [r["id"] for r in order["refunds"] if r["status"] == "pending"]
    acts: list[tuple[str, dict[str, Any]]] = [
        ("refund", {"lines": [some], "status": rng.choice(["success", "pending", "failure"])}),
        ("refund", {"amount": rng.choice(["1", "2"])}),
        ("refund", {"shipping": "full"}),
        ("refund", {"lines": [some], "amount": "1"}),
        ("edit", {"remove": [some], "refund_difference": rng.random() < 0.5}),
        ("edit", {"add": [{"variant_id": rng.choice(variants), "quantity": 1}], "collect": rng.random() < 0.5}),
        ("fulfil", {"lines": [some]}),
        ("fulfil", {}),
        ("deliver", {}),
        ("pay", {}),
    ]
    if pending:
        acts.append((f"refunds/{rng.choice(pending)}/settle", {"status": rng.choice(["success", "failure"])}))
    if rng.random() < 0.1:
        acts.append(("cancel", {"refund": rng.random() < 0.5}))
    name, body = rng.choice(acts)
    import requests

    answer = requests.post(
        f"{stand.base}/control/shops/alpha.myshopify.com/orders/{order_id}/{name}", json=body, timeout=30
    )
    assert answer.status_code in (200, 422), answer.text


@pytest.mark.parametrize(("currency", "included"), [("USD", False), ("EUR", True), ("JPY", True), ("KWD", False)])
def test_histories(bare: Stand, currency: str, included: bool) -> None:
    rng = random.Random(f"{currency}/{included}")
    bare.create_shop(currency=currency, taxes_included=included, tax_rate="0.19", sales_move_stock=False)
    bare.shop("PUT", "/bucket", {"maximum": 1_000_000, "restore_rate": 1_000_000})
    bare.install()
    bare.shop("POST", "/products/generate", {"count": 12, "seed": 9, "variants_each": 2})
    products = bare.shop("GET", "/products")["products"]
    variants = [v["id"] for p in products for v in p["variants"]]
    for _ in range(12):
        order = bare.order(
            *(
                {"variant_id": rng.choice(variants), "quantity": rng.randrange(1, 4), "properties": {"_t": "x"}}
                for _ in range(rng.randrange(1, 4))
            ),
            discounts=rng.choice(
                [[], [{"code": "TEN", "value": "10"}], [{"title": "Sale", "type": "fixed_amount", "value": "3"}]]
            ),
            shipping=rng.choice([None, "5"]),
            payment=rng.choice(["paid", "paid", "pending", "authorized", "partially_paid"]),
            presentment=rng.choice([None, {"currency": "USD", "rate": "1.1"}]),
            note_attributes={"token": "abc"},
            ref="r1",
        )
        for _ in range(rng.randrange(0, 8)):
            act(bare, rng, order["id"], variants)
            body, api = both_views(bare, order["id"])
            assert body == api
    bare.shop("DELETE", f"/products/{products[0]['id']}")
    for order in bare.shop("GET", "/orders")["orders"]:
        body, api = both_views(bare, order["id"])
        assert body == api
