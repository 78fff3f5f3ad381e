"""WooCommerce's ways into a cart: `?add-to-cart=` on any page, `/checkout/`, and since 10.0 `/checkout-link/`.

The pages themselves are shared. What the first page of a visit says in its query, `utm_…`, goes with the order.
"""

from __future__ import annotations

import re

from flask import Blueprint, make_response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from sandbox.store.state import Doc
from sandbox.store.store import here as store
from sandbox.store.storefront import CartRefused, Visit, begin_checkout, buying, owner, page_of, problem
from sandbox.woocommerce.face import VERSION, WooCommerce

room = Blueprint("woocommerce_storefront", __name__, url_prefix="/woocommerce/<shop>")
buying(room, WooCommerce.paths)


@room.before_request
def add_to_cart() -> BaseResponse | None:
    """`?add-to-cart=ID[&quantity=N]`: a product's number, or a version's."""
    given = request.args.get("variation_id") or request.args.get("add-to-cart")
    if request.method != "GET" or not given or request.view_args is None:
        return None
    own = owner(request.view_args["shop"])
    visit = Visit(store, own, request)
    try:
        visit.add(_variant(own, int(given)), request.args.get("quantity", 1, type=int), [])
    except (CartRefused, ValueError) as refused:
        return problem(own, visit, str(refused))
    # The same page without the order to add, as a theme leads on; what else the address says is kept.
    left = "&".join(
        part for part in request.query_string.decode().split("&")
        if part.partition("=")[0] not in ("add-to-cart", "variation_id", "quantity")
    )  # fmt: skip
    return visit.save(make_response(redirect(f"{request.path}{'?' if left else ''}{left}")))


def _variant(own: Doc, number: int) -> int:
    """Of a product with versions its first: a real store sends the buyer to the product's page to choose."""
    if store.state.exists("variants", own["name"], number):
        return number
    rows = store.state.variants(number) if store.state.exists("products", own["name"], number) else []
    if not rows:
        raise CartRefused("This product is no longer sold here.")
    return int(rows[0]["id"])


@room.get("/checkout/")
def checkout_begins(shop: str) -> BaseResponse:
    """Here a checkout has an address of its own, unlike in a real store."""
    own = owner(shop)
    visit = Visit(store, own, request)
    if not visit.cart["lines"]:
        return visit.save(make_response(redirect(page_of(own)["cart_url"])))
    return visit.save(make_response(redirect(begin_checkout(own, visit))))


@room.get("/checkout-link/")
def checkout_link(shop: str) -> BaseResponse:
    """`?products=511:1,501:2&coupon=…`: fills a new cart and leads on to the checkout. Known from 10.0 on."""
    own = owner(shop)
    visit = Visit(store, own, request)
    version = str(own.get("platform_version") or VERSION)
    parts = [re.fullmatch(r"(\d{1,18})(?::(\d{1,4}))?", one) for one in request.args.get("products", "").split(",")]
    if int(version.partition(".")[0]) < 10 or not all(parts):
        return problem(own, visit, "This link is not complete.", 404)
    visit.empty()
    try:
        for part in parts:
            assert part is not None
            visit.add(_variant(own, int(part[1])), int(part[2] or 1), [])
    except CartRefused as refused:
        return problem(own, visit, str(refused))
    code = request.args.get("coupon", "")
    if code.upper() in own["discount_codes"]:
        visit.cart["discounts"] = [code]
    return visit.save(make_response(redirect(begin_checkout(own, visit))))
