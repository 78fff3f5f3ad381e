"""Fields of products and variants in the Admin schema."""

from __future__ import annotations

import re
from typing import Any

from sandbox.shopify import search
from sandbox.shopify.bodies import gid
from sandbox.shopify.fields import RESOLVERS, Call, connection, reads, resolves, table_connection, table_count
from sandbox.shopify.nodes import node
from sandbox.store import products
from sandbox.store.money import decimal_text, exponent, short_amount
from sandbox.store.state import Doc

PRODUCT_SORTS = {
    "UPDATED_AT": "updated_at",
    "CREATED_AT": "created_at",
    "ID": "id",
    "TITLE": "title",
    "VENDOR": "vendor",
}


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
        "category": lambda source: source.get("category"),
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
                "variant_id": source["id"],
            }
        ),
    },
)


@resolves("Product", "metafield")
@resolves("ProductVariant", "metafield")
def metafield(source: Doc, call: Call, arguments: dict[str, Any]) -> Doc | None:
    """`metafields` of a document: {"namespace.key": value}."""
    space, key = arguments.get("namespace") or "custom", arguments["key"]
    value = (source.get("metafields") or {}).get(f"{space}.{key}")
    if value is None:
        return None
    number = sum(key.encode()) * 1000 + source["id"] % 1000
    return {"id": number, "namespace": space, "key": key, "type": "single_line_text_field", "value": value}


@resolves("Product", "publishedOnPublication")
def published_on(source: Doc, call: Call, arguments: dict[str, Any]) -> bool:
    """Our own channel has what the online store has, but for what the merchant took off it."""
    call.require("read_publications", "publishedOnPublication")
    return source["published_at"] is not None and not source.get("off_channel", False)


@resolves("QueryRoot", "publications")
def publications(source: Any, call: Call, arguments: dict[str, Any]) -> Doc:
    """The online store's, and our own where the shop's document says that the app is a channel."""
    call.require("read_publications", "publications")
    own = call.shop.get("publication")
    rows = []
    if own is not None and arguments.get("catalogType") in (None, "APP"):
        app = {"id": 1, "handle": "connector", "title": "connector"}
        catalog = {"__typename": "AppCatalog", "id": own, "title": "connector", "apps": [app]}
        rows.append({"id": own, "catalog": catalog})
    return connection(rows, arguments)


RESOLVERS["AppCatalog", "apps"] = lambda source, _call, arguments: connection(source["apps"], arguments)


@resolves("ProductVariant", "contextualPricing")
def contextual_pricing(source: Doc, call: Call, arguments: dict[str, Any]) -> Doc:
    """The shop's price, or its market's: `markets` of a shop is {"ES": {"currency": "EUR", "factor": 0.9}}."""
    country = (arguments.get("context") or {}).get("country")
    market = (call.shop.get("markets") or {}).get(country) or {"currency": call.shop["currency"], "factor": 1}
    before = exponent(call.shop["currency"])
    scale = market["factor"] * 10 ** (exponent(market["currency"]) - before)

    def money(price: int | None) -> Doc | None:
        if price is None:
            return None
        return {"amount": short_amount(round(price * scale), market["currency"]), "currencyCode": market["currency"]}

    return {"price": money(source["price"]), "compareAtPrice": money(source["compare_at_price"])}


@resolves("InventoryItem", "variants")
def variants_of_item(source: Doc, call: Call, arguments: dict[str, Any]) -> Doc:
    rows = [call.state.variant(call.shop["name"], source["variant_id"])] if source.get("variant_id") else []
    return connection(rows, arguments)


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
