"""Where apps are installed: BigCommerce's own page of an install link, and the store's control panel.

Nobody has to sign in. Source: integrations/apps/guide/{auth,callbacks}.mdx of bigcommerce/docs, 2026-04-01.
"""

from __future__ import annotations

import requests
from flask import Blueprint, Response, abort, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from sandbox.bigcommerce.face import BigCommerce
from sandbox.bigcommerce.oauth import TokenRefused
from sandbox.store import wire
from sandbox.store.control import answers_for, body
from sandbox.store.store import Store, json_answer
from sandbox.store.storefront import owner, page_of

CALL_SECONDS = 10.0


def blueprint(store: Store, face: BigCommerce) -> Blueprint:
    room = Blueprint("bigcommerce_pages", __name__, template_folder="templates")
    app = face.oauth.app

    @room.get(f"/bigcommerce-login/app/{app.client_id}/install")
    def install_link() -> Response:
        """Which store? A real merchant is asked to sign in."""
        shops = [shop for shop in store.state.shops() if shop["platform"] == face.platform]
        chosen = request.args.get("shop")
        return _page(
            "bc_install.html", shops=shops, chosen=chosen, scopes=app.scopes.split(" "), client_id=app.client_id
        )

    @room.post(f"/bigcommerce-login/app/{app.client_id}/install")
    def confirmed() -> BaseResponse:
        """The merchant agreed: the browser goes to the app's auth callback."""
        name = request.form.get("shop", "")
        try:
            own = store.state.shop(name)
        except KeyError:
            abort(404)
        if own["platform"] != face.platform:
            abort(404)
        return redirect(face.oauth.granted_url(name), 302)

    @room.post("/bigcommerce-login/oauth2/token")
    def token() -> Response:
        given = wire.loads(request.get_data() or b"{}")
        if store.misbehaviour.picks("lose_token_answer", ""):
            return Response(status=502)
        try:
            return json_answer(face.oauth.token(given))
        except TokenRefused as refused:
            return json_answer({"error": refused.error}, refused.status)

    @room.get("/bigcommerce/<shop>/manage/apps")
    def panel(shop: str) -> Response:
        own = owner(shop)
        values = page_of(own) | {"installed": face.installed(own), "client_id": app.client_id}
        return _page("bc_apps.html", **values)

    @room.get(f"/bigcommerce/<shop>/manage/app/{app.client_id}")
    def opened(shop: str) -> BaseResponse:
        """The app opened in the control panel: its load callback, signed. Here not in a frame."""
        owner(shop)
        return redirect(face.oauth.load_url(shop), 302)

    @room.post("/bigcommerce/<shop>/manage/uninstall")
    def uninstall(shop: str) -> BaseResponse:
        own = owner(shop)
        _say_farewell(face, shop)
        face.uninstalled(own)
        return redirect(f"/bigcommerce/{shop}/manage/apps", 303)

    return room


def _say_farewell(face: BigCommerce, shop: str) -> int:
    """BigCommerce's server calls the app's uninstall callback; the status it got, 0 for none."""
    try:
        return requests.get(face.oauth.uninstall_url(shop), timeout=CALL_SECONDS, allow_redirects=False).status_code
    except requests.RequestException:
        return 0


def control(store: Store, face: BigCommerce) -> Blueprint:
    """`POST /control/bigcommerce/{hash}/uninstall {farewell: true, hook: true}`, `GET …/hooks`."""
    room = Blueprint("bigcommerce_control", __name__, url_prefix="/control/bigcommerce")
    answers_for(room)

    @room.post("/<shop>/uninstall")
    def uninstall(shop: str) -> Response:
        own, wanted = store.state.shop(shop), body()
        status = _say_farewell(face, shop) if wanted.get("farewell", True) else 0
        face.uninstalled(own)
        return json_answer({"uninstalled": True, "farewell": status})

    @room.get("/<shop>/hooks")
    def hooks(shop: str) -> Response:
        return json_answer({"hooks": face.hooks(shop)})

    @room.post("/<shop>/jwt")
    def jwt(shop: str) -> Response:
        """A signed payload, with claims bent as asked."""
        store.state.shop(shop)
        return json_answer({"jwt": face.oauth.jwt(shop, **body())})

    return room


def _page(template: str, **values: object) -> Response:
    answer = make_response(render_template(template, **values))
    # The form leads on to the app's own address.
    answer.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return answer
