"""The way in for merchants: connect a store, or come back by a single-use link (dev and stand-alone use)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from connector import audit, db
from connector.access import links
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import ConfigurationWrong, HostRefused, NotSignedIn
from connector.faces.dashboard.face import blueprint
from connector.platforms import roster
from connector.platforms.contract import Platform
from connector.web import sessions
from connector.web.guards import public
from connector.web.layout import page, safe_path


@blueprint.get("/connect")
@public("where a merchant begins: nobody is known yet")
def connect() -> str | tuple[str, int]:
    """Without a store's address the form; with one, a page that goes on to the store, or the form and what is wrong."""
    way_back = safe_path(request.args.get("next", ""))
    if way_back.startswith("/dashboard"):
        sessions.keep_way_back(way_back)
    typed, slug = request.args.get("shop", "").strip(), request.args.get("platform", "")
    chosen = [each for each in roster.platforms().values() if each.can("joins_by_code")]
    shown: dict[str, Any] = {"platforms": chosen, "listed": _listed(chosen), "typed": typed, "slug": slug}
    if "shop" not in request.args:
        return page("dashboard/connect.html", **shown, error="")
    platform = roster.platform(slug or chosen[0].slug)
    try:
        domain = platform.authorize.domain(typed, roster.settings_of(platform.slug))
    except HostRefused as refused:
        return page("dashboard/connect.html", **shown, error=refused.public), 422
    except ConfigurationWrong as wrong:
        error = (
            f"{platform.title} is not set up here: {wrong.setting} {wrong.problem}. Who runs the connector can set it."
        )
        return page("dashboard/connect.html", **shown, error=error), 503
    return page("web/onward.html", url=f"/connect/{platform.slug}?shop={domain}", where=domain)


def _listed(platforms: Sequence[Platform]) -> dict[str, str]:
    """Platform → our page in its store of apps, where one is set: then nobody is asked for a store's address."""
    found = {}
    for each in platforms:
        try:
            url = str(getattr(roster.settings_of(each.slug), "install_url", ""))
        except ConfigurationWrong:
            continue
        if url:
            found[each.slug] = url
    return found


@blueprint.get("/sign-in/link/<token>")
@public("shows the button that spends a single-use link")
def sign_in_link(token: str) -> str:
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
