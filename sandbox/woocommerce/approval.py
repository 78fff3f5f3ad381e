"""The store's page of approval, `/wc-auth/v1/authorize`.

The store's server posts a key pair to the app's callback inside the merchant's click; anything but 200 takes it back.

Seen on a real WooCommerce 9.5.1 (fact sheet, section 2). Nobody has to sign in here; the callback may be http on this
machine, where a real store wants https.
"""

from __future__ import annotations

import re
import secrets
from urllib.parse import urlencode, urlsplit

import requests
from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from sandbox.store.clock import wall
from sandbox.store.state import Doc
from sandbox.store.store import Store
from sandbox.store.storefront import owner, page_of

ASKED = ("app_name", "user_id", "return_url", "callback_url", "scope")
SCOPES = {
    "read": ["View coupons", "View customers", "View orders and sales reports", "View products"],
    "write": ["Create webhooks", "Create coupons", "Create customers", "Create orders", "Create products"],
    "read_write": ["Create webhooks", "View and manage coupons", "View and manage customers",
                   "View and manage orders and sales reports", "View and manage products"],
}  # fmt: skip
POST_SECONDS = 60.0


def blueprint(store: Store) -> Blueprint:
    room = Blueprint(
        "woocommerce_approval", __name__, url_prefix="/woocommerce/<shop>/wc-auth/v1", template_folder="templates"
    )

    @room.get("/authorize")
    def authorize(shop: str) -> Response:
        own = owner(shop)
        wrong = _wrong()
        if wrong:
            return _page(own, "woo_error.html", 401, message=wrong)
        asked = {name: request.args[name] for name in ASKED}
        return _page(own, "woo_approve.html", asked=asked, rights=SCOPES[asked["scope"]])

    @room.post("/access_granted")
    def granted(shop: str) -> BaseResponse:
        """Approve: a key is made and posted; only where the callback says 200 does it stay."""
        own = owner(shop)
        asked = {name: request.form.get(name, "") for name in ASKED}
        if request.form.get("decision") != "approve":
            return redirect(_back(asked, success=False), 302)
        key = make_key(store, own, asked["scope"], asked["app_name"])
        body = {
            "key_id": key["id"], "user_id": asked["user_id"], "consumer_key": key["key"],
            "consumer_secret": key["secret"], "key_permissions": asked["scope"],
        }  # fmt: skip
        try:
            status = requests.post(
                asked["callback_url"], json=body, timeout=POST_SECONDS, allow_redirects=False
            ).status_code
        except requests.RequestException:
            status = 0
        if status != 200:
            store.state.drop_document("woo_key", key["key"])
            return _page(own, "woo_error.html", 401, message="Error: An error occurred in the request and at the time "
                         "were unable to send the consumer data.")  # fmt: skip
        return redirect(_back(asked, success=True), 302)

    return room


def make_key(store: Store, own: Doc, permissions: str, description: str) -> Doc:
    """A key pair as the store keeps it: {id, key, secret, permissions}."""
    with store.state.writing():
        made = {
            "id": store.state.next_id("subscription"), "shop": own["name"], "key": f"ck_{secrets.token_hex(20)}",
            "secret": f"cs_{secrets.token_hex(20)}", "permissions": permissions, "description": description,
            "at": wall(),
        }  # fmt: skip
        store.state.put_document("woo_key", made["key"], own["name"], made)
    return made


def _wrong() -> str:
    """What is wrong with the request, in WooCommerce's words."""
    for name in ASKED:
        if not request.args.get(name):
            return f"Error: Missing parameter {name}."
    if request.args["scope"] not in SCOPES:
        return f"Error: Invalid scope {request.args['scope']}."
    for name in ("return_url", "callback_url"):
        parts = urlsplit(request.args[name])
        if not parts.hostname:
            return f"Error: The {name} is not a valid URL."
    callback = urlsplit(request.args["callback_url"])
    if callback.scheme != "https" and callback.hostname not in ("127.0.0.1", "localhost"):
        return "Error: The callback_url needs to be over SSL."
    return ""


def _back(asked: dict[str, str], *, success: bool) -> str:
    """What `user_id` keeps is letters, digits, `.`, `_`, `-`, `~` alone."""
    user = re.sub(r"[^A-Za-z0-9._~-]", "", asked["user_id"])
    query = urlencode({"success": int(success), "user_id": user})
    return f"{asked['return_url']}{'&' if urlsplit(asked['return_url']).query else '?'}{query}"


def _page(own: Doc, template: str, status: int = 200, **values: object) -> Response:
    answer = make_response(render_template(template, **page_of(own), **values), status)
    # The form leads on to the app's own address.
    answer.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return answer
