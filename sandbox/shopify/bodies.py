"""Webhook bodies of products, stock, shops and compliance topics, in the REST shape of API version 2026-10.

Times are in the shop's zone with an offset, amounts decimal strings in the shop's currency. Orders: order_bodies.py.
Source: the field lists of the recorded bodies in tests/sandbox/samples (see PROVENANCE.md there).
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from sandbox.store.clock import local_text, parse
from sandbox.store.money import decimal_text, exponent, half_up
from sandbox.store.products import price_text
from sandbox.store.state import Doc

MOST_VARIANTS_IN_BODY = 100  # beyond, `variants` is cut and variant_gids tells the whole list


def gid(kind: str, number: int | str) -> str:
    return f"gid://shopify/{kind}/{number}"


def presentment(amount: int, order: Doc) -> tuple[str, str]:
    """An amount as the buyer saw it: (decimal text, currency). The rate is stored with the order."""
    currency: str = order["presentment"]["currency"]
    if currency == order["currency"]:
        return decimal_text(amount, currency), currency
    shop_units = Fraction(decimal_text(amount, order["currency"]))
    seen = shop_units * Fraction(str(order["presentment"]["rate"])) * 10 ** exponent(currency)
    return decimal_text(half_up(seen), currency), currency


def money_set(amount: int, order: Doc) -> Doc:
    seen, currency = presentment(amount, order)
    return {
        "shop_money": {"amount": decimal_text(amount, order["currency"]), "currency_code": order["currency"]},
        "presentment_money": {"amount": seen, "currency_code": currency},
    }


def product_body(shop: Doc, product: Doc, variants: list[Doc], files: str) -> Doc:
    """products/create and products/update. `files` is the address prefix of the shop's images."""

    def time(stamp: str | None) -> str | None:
        return None if stamp is None else local_text(stamp, shop["timezone"])

    media = [_medium(product, m, position, files, time) for position, m in enumerate(product["media"], 1)]
    images = [_image(product, m, position, files, time) for position, m in enumerate(product["media"], 1)]
    return {
        "admin_graphql_api_id": gid("Product", product["id"]),
        "body_html": product["description_html"],
        "created_at": time(product["created_at"]),
        "handle": product["handle"],
        "id": product["id"],
        "product_type": product["product_type"],
        "published_at": time(product["published_at"]),
        "template_suffix": None,
        "title": product["title"],
        "updated_at": time(product["updated_at"]),
        "vendor": product["vendor"],
        "status": product["status"].lower(),
        "published_scope": "global",
        "tags": ", ".join(product["tags"]),
        "variants": [_variant(shop, product, v, time) for v in variants[:MOST_VARIANTS_IN_BODY]],
        "options": [
            {"name": o["name"], "id": o["id"], "product_id": product["id"], "position": position, "values": o["values"]}
            for position, o in enumerate(product["options"], 1)
        ],
        "images": images,
        "image": images[0] if images else None,
        "media": media,
        "variant_gids": [
            {
                "admin_graphql_api_id": gid("ProductVariant", v["id"]),
                "updated_at": v["updated_at"].replace("Z", ".000Z"),
            }
            for v in variants
        ],
        "has_variants_that_requires_components": False,
        "category": None,
    }


def _medium(product: Doc, m: Doc, position: int, files: str, time: Callable[[str | None], str | None]) -> Doc:
    return {
        "id": m["id"],
        "product_id": product["id"],
        "position": position,
        "created_at": time(product["created_at"]),
        "updated_at": time(product["created_at"]),
        "alt": m["alt"],
        "status": "READY",
        "media_content_type": "IMAGE",
        "preview_image": {
            "width": m["width"],
            "height": m["height"],
            "src": f"{files}/{m['id']}.svg",
            "status": "READY",
        },
        "variant_ids": [],
        "admin_graphql_api_id": gid("MediaImage", m["id"]),
    }


def _image(product: Doc, m: Doc, position: int, files: str, time: Callable[[str | None], str | None]) -> Doc:
    return {
        "id": m["id"],
        "alt": m["alt"],
        "position": position,
        "product_id": product["id"],
        "created_at": time(product["created_at"]),
        "updated_at": time(product["created_at"]),
        "admin_graphql_api_id": gid("ProductImage", m["id"]),
        "width": m["width"],
        "height": m["height"],
        "src": f"{files}/{m['id']}.svg",
        "variant_ids": [],
    }


def _variant(shop: Doc, product: Doc, v: Doc, time: Callable[[str | None], str | None]) -> Doc:
    def option(position: int) -> str | None:
        return v["options"][position] if position < len(v["options"]) else None

    return {
        "admin_graphql_api_id": gid("ProductVariant", v["id"]),
        "barcode": v["barcode"],
        "compare_at_price": None
        if v["compare_at_price"] is None
        else decimal_text(v["compare_at_price"], shop["currency"]),
        "created_at": time(v["created_at"]),
        "id": v["id"],
        "inventory_policy": v["inventory_policy"].lower(),
        "position": v["position"],
        "price": price_text(v, shop["currency"]),
        "product_id": product["id"],
        "sku": v["sku"],
        "taxable": v["taxable"],
        "title": v["title"],
        "updated_at": time(v["updated_at"]),
        "option1": option(0),
        "option2": option(1),
        "option3": option(2),
        "image_id": None,
        "inventory_item_id": v["inventory_item_id"],
        "inventory_quantity": v["inventory_quantity"],
        "old_inventory_quantity": v["inventory_quantity"],
    }


def stock_body(shop: Doc, variant: Doc) -> Doc:
    """inventory_levels/update, for the one location that the shop has."""
    return {
        "inventory_item_id": variant["inventory_item_id"],
        "location_id": 70000000001,
        "available": variant["inventory_quantity"],
        "updated_at": local_text(variant["updated_at"], shop["timezone"]),
        "admin_graphql_api_id": gid("InventoryLevel", f"90000000001?inventory_item_id={variant['inventory_item_id']}"),
    }


def shop_body(shop: Doc) -> Doc:
    """shop/update and app/uninstalled."""
    offset = parse(local_text(shop["updated_at"], shop["timezone"])).strftime("%z")
    return {
        "id": shop["id"],
        "name": shop["title"],
        "email": shop["email"],
        "domain": shop["name"],
        "province": None,
        "country": shop["country"],
        "address1": None,
        "zip": None,
        "city": None,
        "source": None,
        "phone": None,
        "latitude": None,
        "longitude": None,
        "primary_locale": "en",
        "address2": None,
        "created_at": local_text(shop["created_at"], shop["timezone"]),
        "updated_at": local_text(shop["updated_at"], shop["timezone"]),
        "country_code": shop["country"],
        "country_name": shop["country"],
        "currency": shop["currency"],
        "customer_email": shop["email"],
        "timezone": f"(GMT{offset[:3]}:{offset[3:]}) {shop['timezone']}",
        "iana_timezone": shop["timezone"],
        "shop_owner": "Sam Sample",
        "money_format": "{{amount}}",
        "money_with_currency_format": f"{{{{amount}}}} {shop['currency']}",
        "weight_unit": "kg",
        "province_code": None,
        "taxes_included": shop["taxes_included"],
        "auto_configure_tax_inclusivity": None,
        "tax_shipping": shop["tax_shipping"],
        "county_taxes": True,
        "plan_display_name": shop["plan"],
        "plan_name": shop["plan"].lower(),
        "has_discounts": bool(shop["discount_codes"]),
        "has_gift_cards": True,
        "myshopify_domain": shop["name"],
        "google_apps_domain": None,
        "google_apps_login_enabled": None,
        "money_in_emails_format": "{{amount}}",
        "money_with_currency_in_emails_format": f"{{{{amount}}}} {shop['currency']}",
        "eligible_for_payments": True,
        "requires_extra_payments_agreement": False,
        "password_enabled": False,
        "has_storefront": True,
        "finances": True,
        "primary_location_id": 70000000001,
        "checkout_api_supported": True,
        "multi_location_enabled": False,
        "setup_required": False,
        "pre_launch_enabled": False,
        "enabled_presentment_currencies": [shop["currency"]],
    }


def compliance_body(topic: str, shop: Doc, wanted: dict[str, Any]) -> Doc:
    """customers/data_request, customers/redact, shop/redact."""
    body: Doc = {"shop_id": shop["id"], "shop_domain": shop["name"]}
    if topic == "shop/redact":
        return body
    customer = wanted.get("customer") or {"id": 6600000000001, "email": "ana@example.com", "phone": None}
    if topic == "customers/data_request":
        body["orders_requested"] = list(wanted.get("orders", []))
    body["customer"] = customer
    if topic == "customers/data_request":
        body["data_request"] = {"id": int(wanted.get("data_request_id", 9999))}
    else:
        body["orders_to_redact"] = list(wanted.get("orders", []))
    return body
