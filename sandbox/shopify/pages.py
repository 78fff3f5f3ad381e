"""Pages of the merchant's side (consent, admin) and files on the same port (bulk results, product images)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, send_file
from werkzeug.wrappers import Response as BaseResponse

from sandbox.shopify.oauth import TokenRefused
from sandbox.shopify.store import Store, json_answer
from sandbox.store.clock import wall

SCOPE_WORDS = {
    "read_products": "See products, variants, prices and stock",
    "read_inventory": "See stock by location",
    "read_orders": "See orders of the last 60 days, their refunds and fulfilments",
    "read_all_orders": "See all orders, older ones too",
    "read_fulfillments": "Hear of parcels and their delivery",
    "read_customers": "See who bought",
    "read_publications": "See what is published where",
    "read_discounts": "See discount codes",
    "write_discounts": "Create discount codes",
    "write_orders": "Change orders",
}


def blueprint(store: Store) -> Blueprint:
    room = Blueprint("pages", __name__, template_folder="templates")
    app = store.settings.app
    csrf_key = secrets.token_bytes(32)

    def csrf(session: str, shop: str) -> str:
        return hmac.new(csrf_key, f"{session}/{shop}".encode(), hashlib.sha256).hexdigest()

    def known_shop(shop: str) -> dict[str, object]:
        try:
            return store.state.shop(shop)
        except KeyError:
            abort(404)

    # --- consent ---

    def refusal(shop: str, message: str) -> Response:
        page = render_template("oauth_error.html", shop=shop, message=message)
        return Response(page, 400, content_type="text/html; charset=utf-8")

    def checked(shop: str, given: dict[str, str]) -> str | None:
        """What is wrong with an authorize request, in Shopify's words; None when nothing is."""
        if given.get("client_id") != app.client_id:
            return "Oauth error application_cannot_be_found: Application with the given API key could not be found."
        if given.get("redirect_uri") not in app.redirect_uris:
            return "Oauth error invalid_request: The redirect_uri is not whitelisted."
        if not given.get("scope"):
            return "Oauth error invalid_scope: No scope was asked for."
        return None

    @room.get("/shops/<shop>/admin/oauth/authorize")
    def authorize(shop: str) -> Response:
        known_shop(shop)
        given = request.args.to_dict()
        wrong = checked(shop, given)
        if wrong:
            return refusal(shop, wrong)
        session = request.cookies.get("_secure_admin_session_id") or secrets.token_hex(16)
        scopes = [scope.strip() for scope in given["scope"].replace(" ", ",").split(",") if scope.strip()]
        answer = make_response(
            render_template(
                "consent.html",
                shop=store.state.shop(shop),
                scopes=[(scope, SCOPE_WORDS.get(scope, scope)) for scope in scopes],
                given=given,
                token=csrf(session, shop),
                app_host=urlsplit(app.app_url).netloc,
            )
        )
        answer.set_cookie(
            "_secure_admin_session_id", session, httponly=True, samesite="Lax", path=f"/shops/{shop}/admin"
        )
        origin = urlsplit(given["redirect_uri"])
        # the browser follows the form's redirect to the app, so the policy must allow that origin
        answer.headers["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
            f"form-action 'self' {origin.scheme}://{origin.netloc}"
        )
        return answer

    @room.post("/shops/<shop>/admin/oauth/authorize")
    def decide(shop: str) -> BaseResponse:
        known_shop(shop)
        given = request.form.to_dict()
        session = request.cookies.get("_secure_admin_session_id", "")
        if not session or not hmac.compare_digest(given.get("authenticity_token", ""), csrf(session, shop)):
            return refusal(shop, "This page has expired. Go back to the app and start the installation again.")
        wrong = checked(shop, given)
        if wrong:
            return refusal(shop, wrong)
        if given.get("decision") != "install":
            return redirect(f"{store.origin(shop)}/admin", 303)
        scopes = ",".join(s.strip() for s in given["scope"].replace(" ", ",").split(",") if s.strip())
        return redirect(store.oauth.grant(shop, scopes, given["redirect_uri"], given.get("state", "")), 302)

    @room.post("/shops/<shop>/admin/oauth/access_token")
    @room.post("/shops/<shop>/admin/oauth/access_token.json")
    def access_token(shop: str) -> Response:
        known_shop(shop)
        given = request.get_json(silent=True) if request.is_json else request.form.to_dict()
        late = float(store.misbehaviour.switches(shop)["answer_late_seconds"])
        if late:
            time.sleep(late)
        try:
            answer = store.oauth.token(shop, given if isinstance(given, dict) else {})
            if store.misbehaviour.picks("lose_token_answer", shop):
                return json_answer({"errors": "Bad Gateway"}, 502)
            return json_answer(answer)
        except TokenRefused as refused:
            return json_answer(refused.body, refused.status)

    @room.get("/shops/<shop>/admin/oauth/access_scopes.json")
    def access_scopes(shop: str) -> Response:
        grant = store.oauth.find(shop, request.headers.get("X-Shopify-Access-Token", ""))
        if grant is None:
            return json_answer({"errors": "[API] Invalid API key or access token"}, 401)
        return json_answer({"access_scopes": [{"handle": scope} for scope in grant["scopes"].split(",")]})

    # --- the admin's page of apps ---

    @room.get("/shops/<shop>/admin")
    @room.get("/shops/<shop>/admin/apps")
    def admin_apps(shop: str) -> str:
        known_shop(shop)
        return render_template(
            "admin_apps.html",
            shop=store.state.shop(shop),
            installed=store.oauth.installed(shop),
            launch=store.oauth.launch_url(shop),
            framed=f"/shops/{shop}/admin/apps/{app.client_id}",
        )

    # --- files ---

    @room.get("/bulk/bulk-<int:number>.jsonl")
    def bulk_file(number: int) -> Response:
        """The result of a bulk operation, as its storage host serves it: no Shopify header, a signed address."""
        expires = int(request.args.get("Expires", 0))
        signed = hmac.compare_digest(request.args.get("Signature", ""), store.bulk.sign(number, expires))
        path = store.bulk.path(number)
        if not signed or expires < wall():
            return Response("<Error><Code>AccessDenied</Code></Error>", 403, content_type="application/xml")
        operation = store.state.document("bulk", str(number))
        if operation is None or not path.exists():
            return Response("<Error><Code>NoSuchKey</Code></Error>", 404, content_type="application/xml")
        switches = store.misbehaviour.switches(operation["shop"])
        if switches["truncate_bulk"] is not None:
            return cut_file(path, float(switches["truncate_bulk"]), str(switches["truncate_mode"]))
        return send_file(path, mimetype="application/jsonl", conditional=True)

    return room


def cut_file(path: Path, share: float, mode: str) -> Response:
    """A bulk file that ends too early: as a short file, or as a connection that breaks."""
    whole = path.stat().st_size
    keep = int(whole * share)

    def pieces() -> Iterator[bytes]:
        left = keep
        with path.open("rb") as file:
            while left and (piece := file.read(min(65536, left))):
                left -= len(piece)
                yield piece
        if mode == "connection":
            raise ConnectionAbortedError("the bulk file is cut off on purpose")

    answer = Response(pieces(), content_type="application/jsonl")
    answer.content_length = whole if mode == "connection" else keep
    return answer
