"""Documents by their gid, as far as the grant may see them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from graphql import GraphQLError

from sandbox.shopify.fields import Call, number_of, resolves
from sandbox.store.clock import parse, utc_text
from sandbox.store.state import Doc

ORDER_DAYS_WITHOUT_ALL_ORDERS = 60


def orders_since(call: Call) -> str:
    """SQL that leaves out what this grant may not see: older than 60 days without read_all_orders, and deleted ones."""
    if "read_all_orders" in call.scopes:
        return "deleted = 0"
    since = utc_text(call.clock.now() - timedelta(days=ORDER_DAYS_WITHOUT_ALL_ORDERS))
    return f"deleted = 0 AND created_at >= '{since}'"


def visible_order(call: Call, number: int) -> Doc | None:
    found = call.state.order(call.shop["name"], number)
    if found["deleted_at"] is not None:
        return None
    age = call.clock.now() - parse(found["created_at"])
    if "read_all_orders" not in call.scopes and age > timedelta(days=ORDER_DAYS_WITHOUT_ALL_ORDERS):
        return None
    return found


def node(source: Any, call: Call, arguments: dict[str, Any], kinds: tuple[str, ...]) -> Doc | None:
    """The document behind a gid of one of these kinds, with its __typename; None when there is none."""
    for kind in kinds:
        number = number_of(arguments["id"], kind)
        if number is None:
            continue
        try:
            if kind == "Product":
                return {**call.state.product(call.shop["name"], number), "__typename": kind}
            if kind == "ProductVariant":
                return {**call.state.variant(call.shop["name"], number), "__typename": kind}
            if kind == "InventoryItem":
                return inventory_item(call, number)
            if kind == "Order":
                found = visible_order(call, number)
                return None if found is None else {**found, "__typename": kind}
            if kind in ("Refund", "Fulfillment"):
                return order_part(call, kind, number)
            if kind == "BulkOperation":
                found = call.services.bulk.find(call.shop["name"], number)
                return None if found is None else {**found, "__typename": kind}
        except KeyError:
            return None
    return None


def order_part(call: Call, kind: str, number: int) -> Doc | None:
    """A refund or a fulfilment by its own number, when its order may be seen."""
    owner = call.state.order_with(kind, number)
    found = None if owner is None else visible_order(call, owner)
    if found is None:
        return None
    rows = found["refunds" if kind == "Refund" else "fulfillments"]
    return next(({**row, "_order": found, "__typename": kind} for row in rows if row["id"] == number), None)


def inventory_item(call: Call, number: int) -> Doc | None:
    """The item with its variant's number; looked for one by one, since stock messages are about few."""
    found = call.state.variant_of_item(call.shop["name"], number)
    if found is None:
        return None
    return {
        "__typename": "InventoryItem", "id": number, "tracked": found["tracked"], "sku": found["sku"],
        "requires_shipping": found["requires_shipping"], "variant_id": found["id"],
    }  # fmt: skip


NODE_KINDS = ("Product", "ProductVariant", "InventoryItem", "Order", "Refund", "Fulfillment", "BulkOperation")


@resolves("QueryRoot", "node")
def one_node(source: Any, call: Call, arguments: dict[str, Any]) -> Doc | None:
    return node(source, call, arguments, NODE_KINDS)


@resolves("QueryRoot", "nodes")
def many_nodes(source: Any, call: Call, arguments: dict[str, Any]) -> list[Doc | None]:
    if len(arguments["ids"]) > 250:
        raise GraphQLError("The input array size of ids is greater than the maximum allowed of 250.")
    return [node(source, call, {"id": identifier}, NODE_KINDS) for identifier in arguments["ids"]]
