"""Shopify's ways into a cart: permalinks, /cart/add, /cart.js, /discount/CODE. The pages themselves are shared.

Source: shopify.dev/docs/apps/build/checkout/create-cart-permalinks, read 2026-11.
"""

from __future__ import annotations

import base64
import re
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, Response, make_response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from sandbox.shopify.face import Shopify
from sandbox.store import placing, wire
from sandbox.store.state import Doc
from sandbox.store.store import here as store
from sandbox.store.store import json_answer
from sandbox.store.storefront import (
    CartRefused,
    Visit,
    begin_checkout,
    buying,
    cart_checkout,
    owner,
    problem,
    wants_json,
)

MOST_PROPERTIES = 25

room = Blueprint("storefront", __name__, url_prefix="/shops/<shop>")
buying(room, Shopify.paths)
room.add_url_rule("/cart", view_func=cart_checkout, methods=["POST"])  # the theme's own form


def read_properties(text: str | None) -> list[Doc]:
    """The `properties` parameter of a permalink: unpadded base64url of a JSON object. Unreadable: none."""
    if not text:
        return []
    try:
        value = wire.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        return []
    if not isinstance(value, dict):
        return []
    return [{"name": str(name), "value": str(item)} for name, item in list(value.items())[:MOST_PROPERTIES]]


def bracketed(pairs: list[tuple[str, str]], name: str) -> dict[str, str]:
    """{'a': '1'} from attributes[a]=1."""
    found: dict[str, str] = {}
    for key, value in pairs:
        match = re.fullmatch(rf"{name}\[([^\]]+)\]", key)
        if match:
            found[match.group(1)] = value
    return found


@room.get("/discount/<code>")
def shared_discount(shop: str, code: str) -> BaseResponse:
    own = owner(shop)
    visit = Visit(store, own, request)
    if code.upper() in own["discount_codes"]:
        visit.cart["discounts"] = [code]
    target = request.args.get("redirect", "/")
    if not target.startswith("/") or target.startswith("//"):
        target = "/"
    return visit.save(make_response(redirect(f"/shops/{shop}{target}")))


def cart_json(own: Doc, cart: Doc) -> Doc:
    items = []
    for line in cart["lines"]:
        variant = store.state.variant(own["name"], line["variant_id"])
        product = store.state.product(own["name"], variant["product_id"])
        items.append(
            {
                "key": line["key"],
                "id": line["variant_id"],
                "variant_id": line["variant_id"],
                "product_id": variant["product_id"],
                "quantity": line["quantity"],
                "title": product["title"],
                "properties": {p["name"]: p["value"] for p in line["properties"]},
                "price": variant["price"],
                "sku": variant["sku"],
            }
        )
    return {
        "token": cart["token"],
        "note": cart["note"],
        "attributes": cart["attributes"],
        "item_count": sum(line["quantity"] for line in cart["lines"]),
        "items": items,
        "currency": own["currency"],
    }


@room.get("/cart.js")
def cart_script(shop: str) -> Response:
    own = owner(shop)
    visit = Visit(store, own, request)
    return visit.save(json_answer(cart_json(own, visit.cart)))


@room.post("/cart/add")
@room.post("/cart/add.js")
def cart_add(shop: str) -> BaseResponse:
    own = owner(shop)
    visit = Visit(store, own, request)
    as_json = request.path.endswith(".js")
    try:
        if request.is_json:
            given = request.get_json(silent=True) or {}
            rows = given.get("items") or [given]
            for row in rows:
                visit.add(int(row["id"]), int(row.get("quantity", 1)), placing.as_pairs(row.get("properties") or {}))
        else:
            pairs = list(request.form.items(multi=True))
            visit.add(
                int(request.form.get("id", "0")),
                int(request.form.get("quantity", "1") or 1),
                placing.as_pairs(bracketed(pairs, "properties")),
            )
    except CartRefused as refused:
        return problem(own, visit, str(refused))
    except (ValueError, KeyError, TypeError):
        return problem(own, visit, "The quantity must be a whole number.")
    if as_json or wants_json(request):
        return visit.save(json_answer(cart_json(own, visit.cart)))
    return visit.save(make_response(redirect(f"/shops/{shop}/cart", 303)))


@room.post("/cart/update.js")
def cart_update(shop: str) -> Response:
    own = owner(shop)
    visit = Visit(store, own, request)
    given = request.get_json(silent=True) or {}
    visit.cart["attributes"].update({str(k): str(v) for k, v in (given.get("attributes") or {}).items()})
    if "note" in given:
        visit.cart["note"] = given["note"]
    return visit.save(json_answer(cart_json(own, visit.cart)))


@room.post("/cart/clear.js")
def cart_clear(shop: str) -> Response:
    own = owner(shop)
    visit = Visit(store, own, request)
    visit.empty()
    return visit.save(json_answer(cart_json(own, visit.cart)))


@room.get("/cart/<items>")
def permalink(shop: str, items: str) -> BaseResponse:
    """/cart/{variant}:{qty}[,…] with attributes, properties, note, discount, ref: to the checkout, or with
    storefront=true to the cart. It adds to the cart that the buyer has, unless the shop's permalink_adds is off."""
    own = owner(shop)
    pairs = parse_qsl(request.query_string.decode(), keep_blank_values=True)
    if request.method == "HEAD":
        return redirect(f"/shops/{shop}/cart")
    visit = Visit(store, own, request)
    if not own["permalink_adds"]:
        visit.empty()
    parts = [re.fullmatch(r"(\d{1,18}):(\d{1,4})", part) for part in items.split(",")]
    if not all(parts):
        return problem(own, visit, "This link is not complete.", 404)
    try:
        for position, part in enumerate(parts):
            assert part is not None
            properties = read_properties(request.args.get("properties")) if position == 0 else []
            visit.add(int(part.group(1)), int(part.group(2)), properties)
    except CartRefused as refused:
        return problem(own, visit, str(refused))
    visit.cart["attributes"].update(bracketed(pairs, "attributes"))
    if request.args.get("note"):
        visit.cart["note"] = request.args["note"]
    for code in [c.strip() for c in request.args.get("discount", "").split(",") if c.strip()]:
        if code.upper() in own["discount_codes"] and code not in visit.cart["discounts"]:
            visit.cart["discounts"].append(code)
    if request.args.get("storefront") == "true":
        target = f"/shops/{shop}/cart"
    else:
        target = begin_checkout(own, visit)
        prefill = {**bracketed(pairs, "checkout"), **bracketed(pairs, r"checkout\[shipping_address\]")}
        if prefill:
            target += f"?{urlencode({'prefill_email': prefill.get('email', '')})}"
    return visit.save(make_response(redirect(target)))
