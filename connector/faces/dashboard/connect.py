"""The way in for merchants: on to `/install` to connect a store, or back by a single-use link."""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from connector import audit, db
from connector.access import links
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import NotSignedIn
from connector.faces.dashboard.face import blueprint
from connector.platforms import roster
from connector.web import sessions
from connector.web.guards import public
from connector.web.layout import page, safe_path


@blueprint.get("/connect")
@public("an old address of the page where a merchant begins: nobody is known yet")
def connect() -> AnyResponse:
    """Links of before, and whoever isn't signed in, come here; what they brought along goes on with them."""
    way_back = safe_path(request.args.get("next", ""))
    if way_back.startswith("/dashboard"):
        sessions.keep_way_back(way_back)
    kept: dict[str, Any] = {name: request.args[name] for name in ("shop",) if request.args.get(name)}
    slug = request.args.get("platform", "")
    if slug in roster.platforms():
        return redirect(url_for("install.platform", slug=slug, **kept), code=303)
    return redirect(url_for("install.platforms", **kept), code=303)


@blueprint.get("/sign-in/link/<token>")
@public("shows the button that spends a single-use link")
def sign_in_link(token: str) -> str:
    way_back = safe_path(request.args.get("next", ""))
    if way_back.startswith("/dashboard"):
        sessions.keep_way_back(way_back)
    with db.read(Scope.system("a single-use link names its shop")) as read:
        shop = read.get(Shop, links.look(read, "merchant", token))
    return page("dashboard/sign_in_link.html", token=token, shop=shop)


@blueprint.post("/sign-in/link/<token>")
@public("spends a single-use link")
def spend_link(token: str) -> AnyResponse:
    with db.write(Scope.system("a single-use link names its shop")) as write:
        shop_id = links.spend(write, "merchant", token)
        shop = write.get(Shop, shop_id)
        if shop is None or shop.status == "left":
            raise NotSignedIn("the shop of a link left", public="This shop is not connected any more.")
        audit.record(write, f"merchant:{shop_id}", "merchant.sign_in", shop_id, shop_id=shop_id, way="link")
    sessions.sign_in_merchant(shop_id)
    return redirect(sessions.way_back() or "/dashboard", code=303)


@blueprint.post("/sign-out")
@public("signing out needs no one to be known")
def sign_out() -> AnyResponse:
    sessions.sign_out("merchant")
    return redirect(url_for("dashboard.connect"), code=303)
