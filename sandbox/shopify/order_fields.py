"""Fields of orders, their lines, refunds, fulfilments and transactions in the Admin schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sandbox.shopify import search
from sandbox.shopify.bodies import gid, presentment
from sandbox.shopify.fields import RESOLVERS, Call, connection, reads, resolves, table_connection, table_count
from sandbox.shopify.nodes import node, orders_since
from sandbox.store import orders
from sandbox.store.money import graph_amount
from sandbox.store.state import Doc

ORDER_SORTS = {"UPDATED_AT": "updated_at", "CREATED_AT": "created_at", "PROCESSED_AT": "created_at", "ID": "id"}


@resolves("QueryRoot", "refund")
def one_refund(source: Any, call: Call, arguments: dict[str, Any]) -> Doc | None:
    call.require("read_orders", "refund")
    return node(source, call, arguments, ("Refund",))


@resolves("QueryRoot", "fulfillment")
def one_fulfillment(source: Any, call: Call, arguments: dict[str, Any]) -> Doc | None:
    call.require("read_orders", "fulfillment")
    return node(source, call, arguments, ("Fulfillment",))


@resolves("QueryRoot", "orders")
def orders_page(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    call.require("read_orders", "orders")
    sort = ORDER_SORTS.get(arguments.get("sortKey") or "PROCESSED_AT", "created_at")
    return table_connection(call, "orders", search.ORDER_FIELDS, sort, arguments, orders_since(call))


@resolves("QueryRoot", "ordersCount")
def orders_count(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    call.require("read_orders", "ordersCount")
    return table_count(call, "orders", search.ORDER_FIELDS, arguments, orders_since(call))


@resolves("QueryRoot", "order")
def order(source: Any, call: Call, arguments: dict[str, Any]) -> Doc | None:
    call.require("read_orders", "order")
    return node(source, call, {"id": arguments["id"]}, ("Order",))


def bag(amount: int, source: Doc) -> Doc:
    """A MoneyBag of an amount of this order."""
    seen, currency = presentment(amount, source)
    return {
        "shopMoney": {"amount": graph_amount(amount, source["currency"]), "currencyCode": source["currency"]},
        "presentmentMoney": {"amount": seen if "." in seen else f"{seen}.0", "currencyCode": currency},
    }


def _amount(name: str, read: Callable[[Doc], int]) -> None:
    RESOLVERS["Order", name] = lambda source, _call, _arguments: bag(read(source), source)


_amount("subtotalPriceSet", lambda o: o["placed"]["subtotal"])
_amount("currentSubtotalPriceSet", lambda o: orders.current(o)["subtotal"])
_amount("totalPriceSet", lambda o: o["placed"]["total"])
_amount("originalTotalPriceSet", lambda o: o["placed"]["total"])
_amount("currentTotalPriceSet", lambda o: orders.current(o)["total"])
_amount("totalTaxSet", lambda o: o["placed"]["tax"])
_amount("currentTotalTaxSet", lambda o: orders.current(o)["tax"])
_amount("totalShippingPriceSet", lambda o: o["placed"]["shipping"])
_amount("currentShippingPriceSet", lambda o: orders.current(o)["shipping"])
_amount("totalDiscountsSet", lambda o: o["placed"]["discounts"])
_amount("currentTotalDiscountsSet", lambda o: orders.current(o)["discounts"])
_amount("totalRefundedSet", orders.given_back)
_amount("totalRefundedShippingSet", lambda o: orders.shipping_refunded(o)[0])
_amount("totalReceivedSet", orders.captured)
_amount("totalOutstandingSet", orders.outstanding)
_amount("totalTipReceivedSet", lambda o: o["tip"])
_amount("netPaymentSet", lambda o: orders.captured(o) - orders.given_back(o))
# Shopify: positive in the merchant's favour; our discrepancy() is positive in the buyer's.
_amount("refundDiscrepancySet", lambda o: -orders.discrepancy(o))

reads(
    "Order",
    {
        "currentTotalDutiesSet": lambda _: None,
        "displayFinancialStatus": lambda source: orders.financial_status(source).upper(),
        "displayFulfillmentStatus": lambda source: {
            None: "UNFULFILLED",
            "partial": "PARTIALLY_FULFILLED",
            "fulfilled": "FULFILLED",
        }[orders.fulfillment_status(source)],
        "returnStatus": lambda source: source.get("return_status", "NO_RETURN"),
        "cancelReason": lambda source: None if source["cancelled_at"] is None else source["cancel_reason"].upper(),
        "number": lambda source: 1000 + source["number"],
        "closed": lambda source: source["closed_at"] is not None,
        "edited": lambda source: bool(source["edits"]),
        "confirmed": lambda _: True,
        "dutiesIncluded": lambda source: bool(source.get("duties_included")),
        "registeredSourceUrl": lambda _: None,
        "currencyCode": lambda source: source["currency"],
        "presentmentCurrencyCode": lambda source: source["presentment"]["currency"],
        "sourceIdentifier": lambda source: source["source_identifier"] or source["landing_site_ref"],
        "app": lambda source: (
            None if source["app_id"] is None else {"id": gid("App", source["app_id"]), "name": source["source_name"]}
        ),
        "attribution": lambda source: (
            {
                "handle": source["source_name"],
                "display_name": "Online Store" if source["source_name"] == "web" else source["source_name"],
            }
        ),
        "customAttributes": lambda source: _attributes(source["note_attributes"]),
        "discountCode": lambda source: (source["discount_codes"] or [None])[0],
        "fullyPaid": lambda source: orders.financial_status(source) in ("paid", "partially_refunded", "refunded"),
        "unpaid": lambda source: orders.financial_status(source) in ("pending", "authorized", "partially_paid"),
        "paymentGatewayNames": lambda source: list(
            dict.fromkeys(t["gateway"] for t in source["transactions"] if t["kind"] in ("sale", "authorization"))
        ),
        "customerLocale": lambda _: "en",
        "disputes": lambda source: [
            {
                "id": gid("OrderDisputeSummary", row["id"]),
                "status": row["status"].upper(),
                "initiated_as": row["type"].upper(),
            }
            for row in source.get("disputes", [])
        ],
        "referrerUrl": lambda source: source["referring_site"],
    },
)


def _attributes(pairs: list[Doc]) -> list[Doc]:
    return [{"key": pair["name"], "value": None if pair["value"] is None else str(pair["value"])} for pair in pairs]


@resolves("Order", "customer")
def customer(source: Doc, call: Call, arguments: dict[str, Any]) -> Doc | None:
    call.require("read_customers", "customer")
    return None if source["customer"] is None else {"id": source["customer"]["id"]}


@resolves("Order", "landingPageUrl")
def landing_page(source: Doc, call: Call, arguments: dict[str, Any]) -> str | None:
    return None if source["landing_site"] is None else f"https://{source['shop']}{source['landing_site']}"


@resolves("Order", "customerJourneySummary")
def journey(source: Doc, call: Call, arguments: dict[str, Any]) -> Doc | None:
    if source["landing_site"] is None:
        return {
            "ready": True,
            "customer_order_index": 0,
            "days_to_conversion": 0,
            "first_visit": None,
            "last_visit": None,
        }
    tags = {k: v[0] for k, v in parse_qs(urlsplit(source["landing_site"]).query).items()}
    utm = {name: tags.get(f"utm_{name}") for name in ("source", "medium", "campaign", "content", "term")}
    visit = {
        "id": gid("CustomerVisit", source["id"]),
        "occurred_at": source["created_at"],
        "landing_page": landing_page(source, call, {}),
        "referrer_url": source["referring_site"],
        "referral_code": source["landing_site_ref"],
        "source": utm["source"] or ("direct" if source["referring_site"] is None else "an unknown source"),
        "source_type": None,
        "utm_parameters": utm if any(utm.values()) else None,
    }
    return {
        "ready": True,
        "customer_order_index": 0,
        "days_to_conversion": 1,
        "first_visit": visit,
        "last_visit": visit,
    }


def _tax_lines(line: Doc, source: Doc) -> list[Doc]:
    return [
        {
            "title": t["title"],
            "rate": float(t["rate"]),
            "rate_percentage": float(t["rate"]) * 100,
            "price_set": bag(t["price"], source),
            "channel_liable": False,
        }
        for t in line["tax_lines"]
    ]


@resolves("Order", "taxLines")
def order_tax_lines(source: Doc, call: Call, arguments: dict[str, Any]) -> list[Doc]:
    sums: dict[tuple[str, str], int] = {}
    for line in [*source["lines"], *source["shipping_lines"]]:
        for row in line["tax_lines"] if not line.get("added_by_edit") else []:
            sums[row["title"], row["rate"]] = sums.get((row["title"], row["rate"]), 0) + row["price"]
    rows = [{"title": title, "rate": rate, "price": price} for (title, rate), price in sums.items()]
    return _tax_lines({"tax_lines": rows}, source)


APPLICATION_TYPES = {
    "discount_code": "DiscountCodeApplication",
    "automatic": "AutomaticDiscountApplication",
    "manual": "ManualDiscountApplication",
    "script": "ScriptDiscountApplication",
}


def applications(source: Doc) -> list[Doc]:
    made = []
    for index, row in enumerate(source["discount_applications"]):
        if row["value_type"] == "fixed_amount":
            value: Doc = {
                "__typename": "MoneyV2",
                "amount": row["value"] if "." in row["value"] else f"{row['value']}.0",
                "currencyCode": source["currency"],
            }
        else:
            value = {"__typename": "PricingPercentageValue", "percentage": float(row["value"])}
        made.append(
            {
                "__typename": APPLICATION_TYPES[row["type"]],
                "index": index,
                "allocation_method": row["allocation_method"].upper(),
                "target_selection": row["target_selection"].upper(),
                "target_type": row["target_type"].upper(),
                "value": value,
                "code": row["code"],
                "title": row["code"],
                "description": None,
            }
        )
    return made


RESOLVERS["Order", "discountApplications"] = lambda source, _call, arguments: connection(
    applications(source), arguments
)


def _allocations(line: Doc, source: Doc) -> list[Doc]:
    known = applications(source)
    return [
        {"allocated_amount_set": bag(a["amount"], source), "discount_application": known[a["index"]]}
        for a in line["allocations"]
    ]


def line_node(line: Doc, source: Doc) -> Doc:
    return {**line, "_order": source, "__typename": "LineItem"}


RESOLVERS["Order", "lineItems"] = lambda source, _call, arguments: connection(
    [line_node(line, source) for line in source["lines"]], arguments
)


def _of_line(name: str, read: Callable[[Doc], int]) -> None:
    RESOLVERS["LineItem", name] = lambda source, _call, _arguments: bag(read(source), source["_order"])


def _before_tax(line: Doc) -> int:
    rest = orders.left(line, orders.net(line))
    return rest - (orders.left(line, orders.tax(line)) if line["_order"]["taxes_included"] else 0)


_of_line("originalUnitPriceSet", lambda line: line["price"])
_of_line("originalTotalSet", lambda line: line["price"] * line["quantity"])
_of_line("totalDiscountSet", lambda _line: 0)
_of_line("priceAfterAllDiscountsBeforeTaxesSet", _before_tax)


@resolves("LineItem", "discountedTotalSet")
def discounted_total(source: Doc, call: Call, arguments: dict[str, Any]) -> Doc:
    order_doc = source["_order"]
    known = order_doc["discount_applications"]
    with_codes = bool(arguments.get("withCodeDiscounts"))
    counted = [
        a["amount"]
        for a in source["allocations"]
        if (known[a["index"]]["type"] == "discount_code" and with_codes)
        or (known[a["index"]]["type"] != "discount_code" and known[a["index"]]["allocation_method"] == "each")
    ]
    return bag(source["price"] * source["quantity"] - sum(counted), order_doc)


reads(
    "LineItem",
    {
        "name": lambda source: (
            source["title"] if not source["variant_title"] else f"{source['title']} - {source['variant_title']}"
        ),
        "currentQuantity": lambda source: orders.current_quantity(source),
        "refundableQuantity": lambda source: orders.current_quantity(source),
        "unfulfilledQuantity": lambda source: max(
            0, orders.current_quantity(source) - orders.fulfilled_units(source["_order"], source)
        ),
        "isGiftCard": lambda source: source["gift_card"],
        "customAttributes": lambda source: _attributes(source["properties"]),
        "duties": lambda source: (
            [{"id": gid("Duty", source["id"]), "price": bag(source["duty"], source["_order"])}]
            if source.get("duty")
            else []
        ),
        "discountAllocations": lambda source: _allocations(source, source["_order"]),
        "taxLines": lambda source: _tax_lines(source, source["_order"]),
    },
)


@resolves("LineItem", "product")
def product_of_line(source: Doc, call: Call, arguments: dict[str, Any]) -> Doc | None:
    """Null for a custom line and after the product was deleted, as on Shopify."""
    try:
        return call.state.product(call.shop["name"], source["product_id"]) if source["product_id"] else None
    except KeyError:
        return None


@resolves("LineItem", "variant")
def variant_of_line(source: Doc, call: Call, arguments: dict[str, Any]) -> Doc | None:
    try:
        return call.state.variant(call.shop["name"], source["variant_id"]) if source["variant_id"] else None
    except KeyError:
        return None


RESOLVERS["Order", "shippingLines"] = lambda source, _call, arguments: connection(
    [shipping_node(line, source) for line in source["shipping_lines"]], arguments
)


def shipping_node(line: Doc, source: Doc) -> Doc:
    back, _ = orders.shipping_refunded(source)
    return {
        "id": gid("ShippingLine", line["id"]),
        "title": line["title"],
        "code": line["title"],
        "source": "shopify",
        "original_price_set": bag(line["price"], source),
        "discounted_price_set": bag(orders.net(line), source),
        "current_discounted_price_set": bag(orders.net(line) - back, source),
        "discount_allocations": _allocations(line, source),
        "tax_lines": _tax_lines(line, source),
        "is_removed": False,
        "custom": False,
    }


def transaction_node(row: Doc, source: Doc) -> Doc:
    return {
        "id": row["id"],
        "kind": row["kind"].upper(),
        "status": row["status"].upper(),
        "gateway": row["gateway"],
        "test": source["test"],
        "created_at": row["created_at"],
        "processed_at": row["processed_at"],
        "parent_transaction": None
        if row["parent_id"] is None
        else transaction_node(next(t for t in source["transactions"] if t["id"] == row["parent_id"]), source),
        "amount_set": bag(row["amount"], source),
        "payment_id": row["payment_id"],
        "error_code": "PROCESSING_ERROR" if row["status"] == "failure" else None,
    }


def _cut(rows: list[Doc], arguments: dict[str, Any]) -> list[Doc]:
    return rows[: arguments["first"]] if arguments.get("first") is not None else rows


RESOLVERS["Order", "transactions"] = lambda source, _call, arguments: _cut(
    [transaction_node(t, source) for t in source["transactions"]], arguments
)
RESOLVERS["Order", "refunds"] = lambda source, _call, arguments: _cut(
    [{**r, "_order": source} for r in source["refunds"]], arguments
)
RESOLVERS["Order", "fulfillments"] = lambda source, _call, arguments: _cut(
    [{**f, "_order": source} for f in source["fulfillments"]], arguments
)

reads(
    "Refund",
    {
        "order": lambda source: source["_order"],
        "updatedAt": lambda source: source["_order"]["updated_at"],
    },
)


@resolves("Refund", "totalRefundedSet")
def total_refunded(source: Doc, call: Call, arguments: dict[str, Any]) -> Doc:
    rows = [t for t in source["_order"]["transactions"] if t["id"] in source["transaction_ids"]]
    return bag(sum(t["amount"] for t in rows if t["status"] == "success"), source["_order"])


@resolves("Refund", "refundLineItems")
def refund_line_items(source: Doc, call: Call, arguments: dict[str, Any]) -> Doc:
    order_doc = source["_order"]
    by_id = {line["id"]: line for line in order_doc["lines"]}
    rows = [
        {
            "id": gid("RefundLineItem", row["id"]),
            "quantity": row["quantity"],
            "restock_type": row["restock_type"].upper(),
            "restocked": row["restock_type"] in ("return", "cancel"),
            "price_set": bag(by_id[row["line_item_id"]]["price"], order_doc),
            "subtotal_set": bag(row["subtotal"], order_doc),
            "total_tax_set": bag(row["tax"], order_doc),
            "line_item": line_node(by_id[row["line_item_id"]], order_doc),
        }
        for row in source["lines"]
    ]
    return connection(rows, arguments)


@resolves("Refund", "refundShippingLines")
def refund_shipping_lines(source: Doc, call: Call, arguments: dict[str, Any]) -> Doc:
    order_doc = source["_order"]
    rows = [
        {
            "id": row["id"],
            "subtotal_amount_set": bag(row["subtotal"], order_doc),
            "tax_amount_set": bag(row["tax"], order_doc),
            "shipping_line": shipping_node(order_doc["shipping_lines"][0], order_doc),
        }
        for row in source["shipping"]
    ]
    return connection(rows, arguments)


@resolves("Refund", "orderAdjustments")
def order_adjustments(source: Doc, call: Call, arguments: dict[str, Any]) -> Doc:
    order_doc = source["_order"]
    rows = [
        {
            "id": a["id"],
            "reason": a["kind"].upper(),
            "amount_set": bag(a["amount"], order_doc),
            "tax_amount_set": bag(a["tax"], order_doc),
        }
        for a in source["adjustments"]
    ]
    return connection(rows, arguments)


@resolves("Refund", "transactions")
def refund_transactions(source: Doc, call: Call, arguments: dict[str, Any]) -> Doc:
    order_doc = source["_order"]
    rows = [t for t in order_doc["transactions"] if t["id"] in source["transaction_ids"]]
    return connection([transaction_node(t, order_doc) for t in rows], arguments)


reads(
    "Fulfillment",
    {
        "status": lambda source: source["status"].upper(),
        "displayStatus": lambda source: "DELIVERED" if source["delivered_at"] else "FULFILLED",
        "estimatedDeliveryAt": lambda _: None,
        "requiresShipping": lambda _: True,
        "totalQuantity": lambda source: sum(r["quantity"] for r in source["lines"]),
        "trackingInfo": lambda source: (
            [{"company": "Sandbox Post", "number": source["tracking_number"], "url": None}]
        ),
    },
)


@resolves("Fulfillment", "fulfillmentLineItems")
def fulfillment_line_items(source: Doc, call: Call, arguments: dict[str, Any]) -> Doc:
    order_doc = source["_order"]
    by_id = {line["id"]: line for line in order_doc["lines"]}
    rows = [
        {"id": row["id"], "quantity": row["quantity"], "line_item": line_node(by_id[row["line_item_id"]], order_doc)}
        for row in source["lines"]
    ]
    return connection(rows, arguments)
