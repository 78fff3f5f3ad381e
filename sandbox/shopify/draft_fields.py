"""Draft orders, and the cancellation of orders: what an app may write beside its subscriptions.

As on Shopify a draft is completed once, whatever is left of its goods; the order keeps its tags, note and attributes.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from sandbox.shopify.bodies import gid
from sandbox.shopify.fields import Call, connection, number_of, reads, resolves
from sandbox.shopify.nodes import visible_order
from sandbox.store.money import graph_amount, half_up
from sandbox.store.orders import ActRefused, fulfilled_units
from sandbox.store.state import Doc

KIND = "draft_order"


@resolves("QueryRoot", "draftOrders")
def draft_orders(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    call.require("read_draft_orders", "draftOrders")
    rows = call.state.documents(KIND, call.shop["name"])
    for wanted in re.findall(r"tag:'?([^'\s]+)'?", arguments.get("query") or ""):
        rows = [row for row in rows if wanted.lower() in {tag.lower() for tag in row["tags"]}]
    return connection(rows, arguments)


@resolves("QueryRoot", "draftOrder")
def draft_order(source: Any, call: Call, arguments: dict[str, Any]) -> Doc | None:
    call.require("read_draft_orders", "draftOrder")
    return _draft(call, arguments["id"])


reads(
    "DraftOrder",
    {
        "name": lambda source: f"#D{source['number']}",
        "customAttributes": lambda source: source["attributes"],
        "note2": lambda source: source["note"],
        "totalPriceSet": lambda source: {
            name: {"amount": graph_amount(source["total"], source["currency"]), "currencyCode": source["currency"]}
            for name in ("shopMoney", "presentmentMoney")
        },
    },
)


@resolves("DraftOrder", "order")
def order_of(source: Doc, call: Call, arguments: dict[str, Any]) -> Doc | None:
    return visible_order(call, source["order_id"]) if source["order_id"] else None


@resolves("Mutation", "draftOrderCreate")
def create(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    call.require("write_draft_orders", "draftOrderCreate")
    given, shop = arguments["input"], call.shop["name"]
    lines: list[Doc] = []
    worth = 0
    for row in given.get("lineItems") or []:
        number = number_of(row.get("variantId") or "", "ProductVariant")
        if number is None or not call.state.exists("variants", shop, number):
            return _refused(["lineItems"], "A product is no longer available.")
        lines.append({"variant_id": number, "quantity": row["quantity"]})
        worth += call.state.variant(shop, number)["price"] * row["quantity"]
    if not lines:
        return _refused(["lineItems"], "Add at least 1 product")
    email = given.get("email") or ""
    if email and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
        return _refused(["email"], "Email is invalid")
    off = given.get("appliedDiscount") or {}
    percent = off.get("value", 0) if off.get("valueType") == "PERCENTAGE" else 0
    with call.state.writing():
        number = call.state.next_id(KIND)
        now = call.clock.stamp()
        doc = {
            "id": number, "shop": shop, "number": len(call.state.documents(KIND, shop)) + 1, "status": "OPEN",
            "created_at": now, "updated_at": now, "completed_at": None, "order_id": None,
            "tags": list(given.get("tags") or []),
            "note": given.get("note"), "attributes": given.get("customAttributes") or [], "email": email or None,
            "address": given.get("shippingAddress"), "lines": lines, "percent": str(percent),
            "title": off.get("title") or "Discount", "currency": call.shop["currency"],
            "total": worth - half_up(Fraction(str(percent)) * worth / 100),
        }  # fmt: skip
        call.state.put_document(KIND, str(number), shop, doc)
    return {"draft_order": doc, "user_errors": []}


def _refused(field: list[str], message: str) -> Doc:
    return {"draft_order": None, "user_errors": [{"field": field, "message": message}]}


@resolves("Mutation", "draftOrderComplete")
def complete(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    call.require("write_draft_orders", "draftOrderComplete")
    with call.state.writing():
        doc = _draft(call, arguments["id"])
        if doc is None:
            return _refused(["id"], "Draft order not found")
        if doc["order_id"]:
            return _refused(["id"], "This order has been paid")
        address = doc["address"] or {}
        placed = call.services.shared.acts.place_order(call.shop["name"], {
            "lines": doc["lines"], "tags": doc["tags"], "note": doc["note"], "source_name": "shopify_draft_order",
            "note_attributes": [{"name": pair["key"], "value": pair["value"]} for pair in doc["attributes"]],
            "customer": {"email": doc["email"], "first_name": address.get("firstName"),
                         "last_name": address.get("lastName"), "phone": address.get("phone")} if doc["email"] else None,
            "address": {"address1": address.get("address1"), "city": address.get("city"), "zip": address.get("zip"),
                        "country_code": address.get("countryCode")},
            "discounts": [{"type": "percentage", "value": doc["percent"], "kind": "manual", "title": doc["title"]}],
            "shipping": "0", "tax_rate": "0",
        })  # fmt: skip
        now = call.clock.stamp()
        doc |= {"status": "COMPLETED", "order_id": placed["id"], "completed_at": now, "updated_at": now}
        call.state.put_document(KIND, str(doc["id"]), call.shop["name"], doc)
    return {"draft_order": doc, "user_errors": []}


@resolves("Mutation", "orderCancel")
def cancel(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    """At once, where Shopify's own job takes a second or two."""
    call.require("write_orders", "orderCancel")
    number = number_of(arguments["orderId"], "Order")
    try:
        order = call.state.order(call.shop["name"], number or 0)
    except KeyError:
        return _kept("NOT_FOUND", "Order does not exist")
    if any(fulfilled_units(order, line) for line in order["lines"]):
        return _kept("INVALID", "Cannot cancel a fulfilled order")
    try:
        call.services.shared.acts.cancel(
            call.shop["name"], order["id"], refund=False, reason=arguments["reason"].lower(),
            restock=arguments["restock"],
        )  # fmt: skip
    except ActRefused as refused:
        return _kept("INVALID", str(refused))
    return {"job": {"id": gid("Job", order["id"]), "done": False}, "order_cancel_user_errors": []}


def _kept(code: str, message: str) -> Doc:
    return {"job": None, "order_cancel_user_errors": [{"field": ["orderId"], "message": message, "code": code}]}


def _draft(call: Call, identifier: str) -> Doc | None:
    number = number_of(identifier, "DraftOrder")
    found = call.state.document(KIND, str(number))
    return found if found is not None and found["shop"] == call.shop["name"] else None
