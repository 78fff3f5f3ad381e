"""BigCommerce's ways into a cart: `/cart.php` with an action, and the addresses of carts that an app made.

Those work once. The pages themselves are shared.
"""

from __future__ import annotations

from flask import Blueprint, make_response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from sandbox.bigcommerce.face import BigCommerce
from sandbox.store.state import Doc
from sandbox.store.store import here as store
from sandbox.store.storefront import CartRefused, Visit, begin_checkout, buying, owner, page_of, problem

room = Blueprint("bigcommerce_storefront", __name__, url_prefix="/bigcommerce/<shop>")
buying(room, BigCommerce.paths)


@room.before_request
def cart_php() -> BaseResponse | None:
    """`action=add|buy` with product_id (or variant_id) and qty; `action=load|loadInCheckout` with id and token."""
    if not request.path.endswith("/cart.php") or request.method != "GET" or request.view_args is None:
        return None
    own, action = owner(request.view_args["shop"]), request.args.get("action", "")
    visit = Visit(store, own, request)
    if action in ("load", "loadInCheckout"):
        return _load(own, visit, in_checkout=action == "loadInCheckout")
    if action not in ("add", "buy") and "variant_id" not in request.args:
        return None
    try:
        quantity = request.args.get("qty", request.args.get("quantity", 1, type=int), type=int)
        visit.add(_variant(own), quantity, [])
    except CartRefused as refused:
        return problem(own, visit, str(refused))
    code = request.args.get("couponcode", "")
    if code.upper() in own["discount_codes"]:
        visit.cart["discounts"] = [code]
    if action == "buy":
        return visit.save(make_response(redirect(begin_checkout(own, visit))))
    return visit.save(make_response(redirect(page_of(own)["cart_url"])))


def _variant(own: Doc) -> int:
    """Of a product with options its first: a real store sends the buyer to the product's page to choose."""
    number = request.args.get("variant_id", type=int)
    if store.state.exists("variants", own["name"], number):
        return int(number or 0)
    product = request.args.get("product_id", type=int)
    if not store.state.exists("products", own["name"], product):
        raise CartRefused("This product is no longer sold here.")
    return int(store.state.variants(product or 0)[0]["id"])


def _load(own: Doc, visit: Visit, *, in_checkout: bool) -> BaseResponse:
    """A cart that an app made takes the place of the buyer's. The address works once."""
    number, key = request.args.get("id", ""), request.args.get("token", "")
    with store.state.writing():
        known = store.state.document("bc_cart", number)
        if known is None or known["shop"] != own["name"] or key not in known["keys"]:
            return visit.save(make_response(redirect(page_of(own)["cart_url"])))
        known["keys"].remove(key)
        store.state.put_document("bc_cart", number, own["name"], known)
    visit.empty()
    visit.cart["token"] = number
    visit.cart["discounts"] = list(known["coupons"])
    try:
        for line in known["lines"]:
            visit.add(line["variant_id"], line["quantity"], [])
    except CartRefused as refused:
        return problem(own, visit, str(refused))
    target = begin_checkout(own, visit) if in_checkout else page_of(own)["cart_url"]
    return visit.save(make_response(redirect(target)))
