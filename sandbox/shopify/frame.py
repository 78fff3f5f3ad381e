"""The admin page that frames the app, the stand-in for App Bridge, and what a merchant decides there about scopes.

Source of the behaviour: App Bridge's pages on shopify.dev (id-token, resource-fetching, scopes and navigation APIs) and
shopify-app-js (`id_token` on the frame's address, `shopify-reload` on a bounce page), read 2026-11.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, redirect, render_template, request, send_from_directory
from werkzeug.wrappers import Response as BaseResponse

from sandbox.shopify.pages import SCOPE_WORDS
from sandbox.shopify.store import Store, json_answer


def blueprint(store: Store) -> Blueprint:
    room = Blueprint("frame", __name__, static_folder="static", static_url_path="/shopify/static")
    app = store.settings.app
    parts = urlsplit(app.app_url)
    app_origin = f"{parts.scheme}://{parts.netloc}"

    def known(shop: str) -> dict[str, Any]:
        try:
            return store.state.shop(shop)
        except KeyError:
            abort(404)

    @room.get("/shopifycloud/app-bridge.js")
    def app_bridge() -> Response:
        return send_from_directory(f"{room.root_path}/static", "app-bridge.js", mimetype="text/javascript")

    @room.get(f"/shops/<shop>/admin/apps/{app.client_id}")
    @room.get(f"/shops/<shop>/admin/apps/{app.client_id}/<path:path>")
    def framed(shop: str, path: str = "") -> Response:
        """The app in its frame; the grant screen of managed installation where the merchant has not agreed yet."""
        own = known(shop)
        if store.oauth.scopes_of(shop) is None:
            wanted = [(scope, SCOPE_WORDS.get(scope, scope)) for scope in app.scopes.split(",")]
            page = render_template("install.html", shop=own, scopes=wanted, app_host=parts.netloc)
            return Response(page, content_type="text/html; charset=utf-8")
        query = request.query_string.decode()
        inner = f"/{path}" if path else ""
        url = store.oauth.framed_url(shop, f"{inner}?{query}" if inner and query else inner)
        page = render_template("frame.html", shop=own, url=url, app_origin=app_origin, client_id=app.client_id)
        answer = Response(page, content_type="text/html; charset=utf-8")
        answer.headers["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; "
            f"frame-src {app_origin}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        return answer

    @room.post("/shops/<shop>/admin/install")
    def install(shop: str) -> BaseResponse:
        known(shop)
        store.oauth.install(shop)
        return redirect(f"/shops/{shop}/admin/apps/{app.client_id}", 303)

    @room.post("/shops/<shop>/admin/uninstall")
    def uninstall(shop: str) -> BaseResponse:
        known(shop)
        store.uninstall(shop)
        return redirect(f"/shops/{shop}/admin/apps", 303)

    @room.post("/shops/<shop>/admin/session-token")
    def session_token(shop: str) -> Response:
        """What the admin gives App Bridge. Nobody gets one for a shop that doesn't have the app."""
        known(shop)
        if store.oauth.scopes_of(shop) is None:
            return json_answer({"error": "not installed"}, 403)
        return json_answer({"token": store.oauth.session_token(shop)})

    @room.route("/shops/<shop>/admin/scopes", methods=["GET", "POST"])
    def scopes(shop: str) -> Response:
        """GET what is granted; POST {grant: [...]} or {revoke: [...]} as the merchant's answer in the admin."""
        own = known(shop)
        granted = store.oauth.scopes_of(shop)
        if granted is None:
            return json_answer({"error": "not installed"}, 403)
        held = [scope for scope in granted.split(",") if scope]
        if request.method == "POST":
            wanted = request.get_json(silent=True) or {}
            allowed = set(f"{app.scopes},{app.optional_scopes}".split(","))
            more = [scope for scope in wanted.get("grant", []) if scope in allowed and scope not in held]
            less = set(wanted.get("revoke", []))
            current = [scope for scope in [*held, *more] if scope not in less]
            if current != held:
                with store.state.writing():
                    store.oauth.change_scopes(shop, ",".join(current))
                    body = {
                        "id": 1234567, "previous": held, "current": current, "updated_at": store.clock.stamp(),
                    }  # fmt: skip
                    store.deliveries.emit(own, [("app/scopes_update", body)])
                held = current
        optional = app.optional_scopes.split(",")
        return json_answer({"granted": held, "required": app.scopes.split(","), "optional": optional})

    return room
