"""How each field of the Admin schema subset is read from the stored documents.

One registry serves both the live API (graphql-core) and the bulk export (a compiled projection): a field without a
function here is the document's value of the same name in snake_case. `id` becomes a gid of its type.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from graphql import GraphQLError

from sandbox.shopify import orders, products, search
from sandbox.shopify.bodies import gid, presentment
from sandbox.shopify.clock import Clock, parse, utc_text
from sandbox.shopify.money import decimal_text, graph_amount, short_amount
from sandbox.shopify.state import Doc, State

API_VERSION = "2026-10"
ORDER_DAYS_WITHOUT_ALL_ORDERS = 60


@dataclass
class Call:
    """What a resolver may know of the request it serves."""

    state: State
    clock: Clock
    shop: Doc
    scopes: frozenset[str]
    origin: str  # http://127.0.0.1:P/shops/{shop}
    services: Any  # the running sandbox: bulk, subscriptions, oauth
    warnings: list[Doc] = field(default_factory=list)

    def has(self, scope: str) -> bool:
        return scope in self.scopes or scope.replace("read_", "write_") in self.scopes

    def require(self, scope: str, name: str) -> None:
        """Raise Shopify's ACCESS_DENIED for a field when the grant has not the scope (write_x implies read_x)."""
        if self.has(scope):
            return
        wanted = f"`{scope}` access scope."
        raise GraphQLError(
            f"Access denied for {name} field. Required access: {wanted}",
            extensions={
                "code": "ACCESS_DENIED",
                "documentation": "https://shopify.dev/api/usage/access-scopes",
                "requiredAccess": wanted,
            },
        )


Resolver = Callable[[Any, Call, dict[str, Any]], Any]
RESOLVERS: dict[tuple[str, str], Resolver] = {}


def resolves(type_name: str, *names: str) -> Callable[[Resolver], Resolver]:
    def keep(function: Resolver) -> Resolver:
        for name in names:
            RESOLVERS[type_name, name] = function
        return function

    return keep


def reads(type_name: str, fields: dict[str, Callable[[Doc], Any]]) -> None:
    """Fields of a type that need nothing but the document."""

    def one(read: Callable[[Doc], Any]) -> Resolver:
        return lambda source, _call, _arguments: read(source)

    for name, read in fields.items():
        RESOLVERS[type_name, name] = one(read)


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def plain(type_name: str, name: str) -> Resolver:
    """The resolver of a field that has none of its own."""
    key = snake(name)
    if name == "id":
        return lambda source, _call, _arguments: (
            source["id"] if isinstance(source["id"], str) else f"gid://shopify/{type_name}/{source['id']}"
        )
    if name == "legacyResourceId":
        return lambda source, _call, _arguments: str(source["id"])
    if name == key:
        return lambda source, _call, _arguments: source.get(name)
    return lambda source, _call, _arguments: source[key] if key in source else source.get(name)


def number_of(identifier: str, kind: str) -> int | None:
    """The number in gid://shopify/{kind}/{number}; None when it is another kind's or no gid."""
    match = re.fullmatch(rf"gid://shopify/{kind}/(\d+)", identifier)
    return int(match.group(1)) if match else None


# --- connections --------------------------------------------------------------------------------------------------


# The arguments that the bulk export gives: all nodes, no pages.
EVERYTHING: dict[str, Any] = {}


def cursor(value: Doc) -> str:
    return base64.b64encode(json.dumps(value, separators=(",", ":")).encode()).decode()


def read_cursor(text: str) -> Doc:
    try:
        value = json.loads(base64.b64decode(text, validate=True))
        if isinstance(value, dict):
            return value
    except ValueError:
        pass
    raise GraphQLError(f"Invalid cursor for current pagination sort: {text}", extensions={"code": "BAD_REQUEST"})


def page_size(arguments: dict[str, Any]) -> int:
    size = arguments.get("first") if arguments.get("first") is not None else arguments.get("last")
    if size is None:
        raise GraphQLError("you must provide one of first or last", extensions={"code": "BAD_REQUEST"})
    if not 0 <= size <= 250:
        raise GraphQLError(f"first must be between 0 and 250, was {size}", extensions={"code": "BAD_REQUEST"})
    return int(size)


def pages(rows: list[Doc], keys: list[Doc], has_next: bool, has_previous: bool) -> Doc:
    cursors = [cursor(key) for key in keys]
    return {
        "nodes": rows,
        "edges": [{"cursor": c, "node": row} for c, row in zip(cursors, rows, strict=True)],
        "page_info": {
            "has_next_page": has_next,
            "has_previous_page": has_previous,
            "start_cursor": cursors[0] if cursors else None,
            "end_cursor": cursors[-1] if cursors else None,
        },
    }


def connection(rows: list[Doc], arguments: dict[str, Any]) -> Doc:
    """A connection over a list in memory; the cursor is the place in the list."""
    if arguments is EVERYTHING:
        return {"nodes": rows}
    if arguments.get("reverse"):
        rows = rows[::-1]
    start = read_cursor(arguments["after"])["at"] + 1 if arguments.get("after") else 0
    stop = read_cursor(arguments["before"])["at"] if arguments.get("before") else len(rows)
    size = page_size(arguments)
    if arguments.get("first") is not None:
        stop = min(stop, start + size)
    else:
        start = max(start, stop - size)
    picked = rows[start:stop]
    return pages(picked, [{"at": start + n} for n in range(len(picked))], stop < len(rows), start > 0)


def table_connection(
    call: Call, table: str, columns: dict[str, str], sort: str, arguments: dict[str, Any], extra: str = "1"
) -> Doc:
    """A connection over a table of the shop by keyset: the cursor is the last row's sort value and id."""
    size = page_size(arguments)
    where = search.to_sql(arguments.get("query"), columns)
    if where.warnings:
        call.warnings.append({"path": [table], "query": arguments.get("query"), "warnings": where.warnings})
    backwards = arguments.get("first") is None
    descending = bool(arguments.get("reverse")) != backwards
    clauses, parameters = [f"shop = ? AND {extra} AND ({where.sql})"], [call.shop["name"], *where.parameters]
    for name, further in (("after", not bool(arguments.get("reverse"))), ("before", bool(arguments.get("reverse")))):
        if arguments.get(name):
            last = read_cursor(arguments[name])
            clauses.append(f"({sort}, id) {'>' if further else '<'} (?, ?)")
            parameters += [last.get("last_value"), last.get("last_id")]
    direction = "DESC" if descending else "ASC"
    sql = (
        f"SELECT id, {sort}, doc FROM {table} WHERE {' AND '.join(clauses)}"
        f" ORDER BY {sort} {direction}, id {direction} LIMIT ?"
    )
    with call.state.lock:
        found = call.state.con.execute(sql, [*parameters, size + 1]).fetchall()
    more = len(found) > size
    found = found[:size]
    if backwards:
        found.reverse()
    keys = [{"last_id": row[0], "last_value": row[1]} for row in found]
    has_next = bool(arguments.get("before")) if backwards else more
    has_previous = more if backwards else bool(arguments.get("after"))
    return pages([json.loads(row[2]) for row in found], keys, has_next, has_previous)


def table_count(call: Call, table: str, columns: dict[str, str], arguments: dict[str, Any], extra: str = "1") -> Doc:
    where = search.to_sql(arguments.get("query"), columns)
    with call.state.lock:
        row = call.state.con.execute(
            f"SELECT count(*) FROM {table} WHERE shop = ? AND {extra} AND ({where.sql})",
            [call.shop["name"], *where.parameters],
        ).fetchone()
    return {"count": row[0], "precision": "EXACT"}


# --- shop and installation ----------------------------------------------------------------------------------------


@resolves("QueryRoot", "shop")
def shop(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    own = call.shop
    address = f"https://{own['name']}"
    offset = parse(own["updated_at"]).astimezone(ZoneInfo(own["timezone"])).strftime("%z")
    sign = -1 if offset.startswith("-") else 1
    return {
        "id": own["id"],
        "name": own["title"],
        "email": own["email"],
        "contact_email": own["email"],
        "myshopify_domain": own["name"],
        "primary_domain": {"id": gid("Domain", own["id"]), "host": own["name"], "url": address, "ssl_enabled": True},
        "url": address,
        "currency_code": own["currency"],
        "iana_timezone": own["timezone"],
        "timezone_offset": offset,
        "timezone_offset_minutes": sign * (int(offset[1:3]) * 60 + int(offset[3:5])),
        "shop_address": {"countryCodeV2": own["country"], "country": own["country"]},
        "plan": {
            "public_display_name": own["plan"],
            "partner_development": False,
            "shopify_plus": own["plan"] == "Plus",
        },
        "taxes_included": own["taxes_included"],
        "tax_shipping": own["tax_shipping"],
        "enabled_presentment_currencies": [own["currency"]],
        "created_at": own["created_at"],
        "updated_at": own["updated_at"],
        "setup_required": False,
    }


@resolves("QueryRoot", "currentAppInstallation")
def current_app_installation(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    return {
        "id": call.shop["id"],
        "access_scopes": [{"handle": scope} for scope in sorted(call.scopes)],
        "app": {"id": 1234567, "handle": "connector", "title": "connector"},
    }


# --- products -----------------------------------------------------------------------------------------------------

PRODUCT_SORTS = {
    "UPDATED_AT": "updated_at",
    "CREATED_AT": "created_at",
    "ID": "id",
    "TITLE": "title",
    "VENDOR": "vendor",
}
ORDER_SORTS = {"UPDATED_AT": "updated_at", "CREATED_AT": "created_at", "PROCESSED_AT": "created_at", "ID": "id"}


@resolves("QueryRoot", "products")
def products_page(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    call.require("read_products", "products")
    sort = PRODUCT_SORTS.get(arguments.get("sortKey") or "ID", "id")
    return table_connection(call, "products", search.PRODUCT_FIELDS, sort, arguments)


@resolves("QueryRoot", "productsCount")
def products_count(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    call.require("read_products", "productsCount")
    return table_count(call, "products", search.PRODUCT_FIELDS, arguments)


@resolves("QueryRoot", "productVariants")
def variants_page(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    call.require("read_products", "productVariants")
    return table_connection(call, "variants", search.VARIANT_FIELDS, "id", arguments)


@resolves("QueryRoot", "product")
def product(source: Any, call: Call, arguments: dict[str, Any]) -> Doc | None:
    call.require("read_products", "product")
    return node(source, call, {"id": arguments["id"]}, ("Product",))


@resolves("QueryRoot", "productVariant")
def product_variant(source: Any, call: Call, arguments: dict[str, Any]) -> Doc | None:
    call.require("read_products", "productVariant")
    return node(source, call, {"id": arguments["id"]}, ("ProductVariant",))


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


@resolves("QueryRoot", "refund")
def one_refund(source: Any, call: Call, arguments: dict[str, Any]) -> Doc | None:
    call.require("read_orders", "refund")
    return node(source, call, arguments, ("Refund",))


@resolves("QueryRoot", "fulfillment")
def one_fulfillment(source: Any, call: Call, arguments: dict[str, Any]) -> Doc | None:
    call.require("read_orders", "fulfillment")
    return node(source, call, arguments, ("Fulfillment",))


NODE_KINDS = ("Product", "ProductVariant", "Order", "Refund", "Fulfillment", "BulkOperation")


@resolves("QueryRoot", "node")
def one_node(source: Any, call: Call, arguments: dict[str, Any]) -> Doc | None:
    return node(source, call, arguments, NODE_KINDS)


@resolves("QueryRoot", "nodes")
def many_nodes(source: Any, call: Call, arguments: dict[str, Any]) -> list[Doc | None]:
    if len(arguments["ids"]) > 250:
        raise GraphQLError("The input array size of ids is greater than the maximum allowed of 250.")
    return [node(source, call, {"id": identifier}, NODE_KINDS) for identifier in arguments["ids"]]


def product_variants(source: Doc, call: Call) -> list[Doc]:
    """All variants of a product; the bulk export puts them in beforehand."""
    if "_variants" not in source:
        source["_variants"] = call.state.variants(source["id"])
    found: list[Doc] = source["_variants"]
    return found


@resolves("Product", "onlineStoreUrl")
def online_store_url(source: Doc, call: Call, arguments: dict[str, Any]) -> str | None:
    return f"{call.origin}/products/{source['handle']}" if source["published_at"] else None


@resolves("Product", "description")
def description(source: Doc, call: Call, arguments: dict[str, Any]) -> str:
    text = re.sub(r"<[^>]+>", "", source["description_html"])
    return text[: arguments["truncateAt"]] if arguments.get("truncateAt") else text


RESOLVERS["Product", "totalInventory"] = lambda source, call, _arguments: sum(
    v["inventory_quantity"] for v in product_variants(source, call)
)
RESOLVERS["Product", "tracksInventory"] = lambda source, call, _arguments: any(
    v["tracked"] for v in product_variants(source, call)
)
RESOLVERS["Product", "hasOutOfStockVariants"] = lambda source, call, _arguments: any(
    not products.available(v) for v in product_variants(source, call)
)
RESOLVERS["Product", "variantsCount"] = lambda source, call, _arguments: (
    {
        "count": len(product_variants(source, call)),
        "precision": "EXACT",
    }
)
RESOLVERS["Product", "variants"] = lambda source, call, arguments: connection(product_variants(source, call), arguments)
RESOLVERS["Product", "media"] = lambda source, call, arguments: connection(media_of(source, call), arguments)
reads(
    "Product",
    {
        "hasOnlyDefaultVariant": lambda source: source["options"][0]["values"] == ["Default Title"],
        "category": lambda _: None,
        "mediaCount": lambda source: (
            {
                "count": len(source["media"]),
                "precision": "EXACT",
            }
        ),
    },
)


@resolves("Product", "options")
def options(source: Doc, call: Call, arguments: dict[str, Any]) -> list[Doc]:
    rows = [{**option, "position": position} for position, option in enumerate(source["options"], 1)]
    return rows[: arguments["first"]] if arguments.get("first") else rows


def media_of(source: Doc, call: Call) -> list[Doc]:
    return [_media(m, source, call) for m in source["media"]]


def _media(row: Doc, source: Doc, call: Call) -> Doc:
    image = {
        "id": gid("ImageSource", row["id"]),
        "url": f"{call.origin}/files/{row['id']}.svg",
        "width": row["width"],
        "height": row["height"],
        "alt_text": row["alt"],
    }
    return {
        "__typename": "MediaImage",
        "id": row["id"],
        "alt": row["alt"],
        "media_content_type": "IMAGE",
        "status": "READY",
        "image": image,
        "preview": {"image": image, "status": "READY"},
        "created_at": source["created_at"],
        "updated_at": source["created_at"],
    }


@resolves("Product", "featuredMedia")
def featured_media(source: Doc, call: Call, arguments: dict[str, Any]) -> Doc | None:
    return _media(source["media"][0], source, call) if source["media"] else None


@resolves("Product", "priceRangeV2")
def price_range(source: Doc, call: Call, arguments: dict[str, Any]) -> Doc:
    prices = [v["price"] for v in product_variants(source, call)] or [0]
    currency = call.shop["currency"]
    return {
        "minVariantPrice": {"amount": short_amount(min(prices), currency), "currencyCode": currency},
        "maxVariantPrice": {"amount": short_amount(max(prices), currency), "currencyCode": currency},
    }


RESOLVERS["ProductVariant", "displayName"] = lambda source, call, _arguments: (
    f"{call.state.product(call.shop['name'], source['product_id'])['title']} - {source['title']}"
)
RESOLVERS["ProductVariant", "price"] = lambda source, call, _arguments: products.price_text(
    source, call.shop["currency"]
)
RESOLVERS["ProductVariant", "compareAtPrice"] = lambda source, call, _arguments: (
    None if source["compare_at_price"] is None else decimal_text(source["compare_at_price"], call.shop["currency"])
)
RESOLVERS["ProductVariant", "media"] = lambda _source, _call, arguments: connection([], arguments)
reads(
    "ProductVariant",
    {
        "availableForSale": lambda source: products.available(source),
        "sellableOnlineQuantity": lambda source: source["inventory_quantity"],
        "inventoryItem": lambda source: (
            {
                "id": source["inventory_item_id"],
                "tracked": source["tracked"],
                "requires_shipping": source["requires_shipping"],
                "sku": source["sku"],
            }
        ),
    },
)


@resolves("ProductVariant", "product")
def product_of_variant(source: Doc, call: Call, arguments: dict[str, Any]) -> Doc:
    return call.state.product(call.shop["name"], source["product_id"])


@resolves("ProductVariant", "selectedOptions")
def selected_options(source: Doc, call: Call, arguments: dict[str, Any]) -> list[Doc]:
    names = source.get("_option_names")
    if names is None:
        parent = call.state.product(call.shop["name"], source["product_id"])
        names = [option["name"] for option in parent["options"]]
    return [{"name": name, "value": value} for name, value in zip(names, source["options"], strict=False)]


# --- orders -------------------------------------------------------------------------------------------------------


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
        "returnStatus": lambda _: "NO_RETURN",
        "cancelReason": lambda source: None if source["cancelled_at"] is None else source["cancel_reason"].upper(),
        "number": lambda source: 1000 + source["number"],
        "closed": lambda source: source["closed_at"] is not None,
        "edited": lambda source: bool(source["edits"]),
        "confirmed": lambda _: True,
        "dutiesIncluded": lambda _: False,
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
        "disputes": lambda _: ([]),
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
        "duties": lambda _: ([]),
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


# --- bulk operations and webhook subscriptions ---------------------------------------------------------------------


@resolves("QueryRoot", "bulkOperation")
def bulk_operation(source: Any, call: Call, arguments: dict[str, Any]) -> Doc | None:
    return node(source, call, {"id": arguments["id"]}, ("BulkOperation",))


@resolves("QueryRoot", "bulkOperations")
def bulk_operations(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    rows = call.services.bulk.all(call.shop["name"])[::-1]  # newest first
    for name, value in re.findall(r"(status|operation_type):(\w+)", arguments.get("query") or ""):
        rows = [row for row in rows if row["status" if name == "status" else "type"].lower() == value.lower()]
    return connection(rows, arguments)


@resolves("QueryRoot", "currentBulkOperation")
def current_bulk_operation(source: Any, call: Call, arguments: dict[str, Any]) -> Doc | None:
    rows: list[Doc] = call.services.bulk.all(call.shop["name"])
    return rows[-1] if rows else None


@resolves("Mutation", "bulkOperationRunQuery")
def bulk_run_query(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    operation, errors = call.services.bulk.start(call, arguments["query"], bool(arguments["groupObjects"]))
    return {"bulk_operation": operation, "user_errors": errors}


@resolves("Mutation", "bulkOperationCancel")
def bulk_cancel(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    number = number_of(arguments["id"], "BulkOperation")
    operation, errors = call.services.bulk.cancel(call.shop["name"], number)
    return {"bulk_operation": operation, "user_errors": errors}


@resolves("QueryRoot", "webhookSubscriptions")
def webhook_subscriptions(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    rows = call.services.subscriptions.of_shop(call.shop["name"])
    if arguments.get("topics"):
        rows = [row for row in rows if row["topic"] in arguments["topics"]]
    if arguments.get("uri"):
        rows = [row for row in rows if row["uri"] == arguments["uri"]]
    return connection(rows, arguments)


@resolves("QueryRoot", "webhookSubscriptionsCount")
def webhook_subscriptions_count(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    return {"count": len(call.services.subscriptions.of_shop(call.shop["name"])), "precision": "EXACT"}


@resolves("QueryRoot", "webhookSubscription")
def webhook_subscription(source: Any, call: Call, arguments: dict[str, Any]) -> Doc | None:
    number = number_of(arguments["id"], "WebhookSubscription")
    found: Doc | None = call.services.subscriptions.find(call.shop["name"], number)
    return found


reads(
    "WebhookSubscription",
    {
        "apiVersion": lambda _: (
            {
                "handle": API_VERSION,
                "display_name": API_VERSION,
                "supported": True,
            }
        ),
    },
)


@resolves("Mutation", "webhookSubscriptionCreate")
def subscription_create(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    made, errors = call.services.subscriptions.create(call, arguments["topic"], arguments["webhookSubscription"])
    return {"webhook_subscription": made, "user_errors": errors}


@resolves("Mutation", "webhookSubscriptionUpdate")
def subscription_update(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    number = number_of(arguments["id"], "WebhookSubscription")
    made, errors = call.services.subscriptions.update(call, number, arguments["webhookSubscription"])
    return {"webhook_subscription": made, "user_errors": errors}


@resolves("Mutation", "webhookSubscriptionDelete")
def subscription_delete(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    number = number_of(arguments["id"], "WebhookSubscription")
    if number is None or not call.services.subscriptions.delete(call.shop["name"], number):
        missing = {"field": ["id"], "message": "Webhook subscription does not exist"}
        return {"deleted_webhook_subscription_id": None, "user_errors": [missing]}
    return {"deleted_webhook_subscription_id": arguments["id"], "user_errors": []}


@resolves("Mutation", "appUninstall")
def app_uninstall(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    call.services.uninstall(call.shop["name"])
    return {"app": {"id": 1234567, "handle": "connector", "title": "connector"}, "user_errors": []}
