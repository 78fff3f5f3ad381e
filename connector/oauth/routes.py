"""How a merchant comes in: the platform's launch link, a connect link of ours, and the way back from the platform."""

from __future__ import annotations

from flask import Blueprint, current_app, redirect, request
from werkzeug.wrappers import Response

from connector import clock
from connector.config import Settings
from connector.errors import NotFound
from connector.oauth import begin, callback
from connector.platforms import roster
from connector.platforms.contract import Platform
from connector.web import sessions
from connector.web.guards import public

blueprint = Blueprint("oauth", __name__)
DASHBOARD = "/dashboard"


@blueprint.get("/<slug>/launch")
@public("the platform's signature on the query says which store asks; without it nothing is done")
def launch(slug: str) -> Response:
    """The application URL: the merchant opened us in the store's admin."""
    platform = _joinable(slug)
    domain = platform.authorize.launched(_query(), roster.settings_of(slug), clock.wall())
    shop_id = begin.connected_shop(slug, domain)
    if shop_id is not None:
        sessions.sign_in_merchant(shop_id)
        return redirect(DASHBOARD, code=303)
    return redirect(begin.begin(slug, domain, sessions.browser_id(), _settings().public_url), code=303)


@blueprint.get("/connect/<slug>")
@public("it only sends the browser to the store's own page, where the merchant signs in and agrees")
def connect(slug: str) -> Response:
    _joinable(slug)
    typed = request.args.get("shop", "")
    return redirect(begin.begin(slug, typed, sessions.browser_id(), _settings().public_url), code=303)


@blueprint.get("/oauth/<slug>/callback")
@public("state of this browser and the platform's signature are checked before anything is asked of the store")
def back(slug: str) -> Response:
    _joinable(slug)
    shop_id = callback.complete(slug, _query(), sessions.browser_id(), _settings().public_url)
    sessions.sign_in_merchant(shop_id)
    return redirect(DASHBOARD, code=303)


def _joinable(slug: str) -> Platform:
    platform = roster.platform(slug)
    if not platform.can("joins_by_code"):
        raise NotFound(f"{platform.title} isn't joined this way")
    return platform


def _query() -> list[tuple[str, str]]:
    """The query as it came: order and repeats kept, since the signature is over all of it."""
    return list(request.args.items(multi=True))


def _settings() -> Settings:
    settings: Settings = current_app.config["CONNECTOR"]
    return settings
