"""How a merchant comes in: the platform's launch link, a connect link of ours, and the way back from the platform."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import Blueprint, current_app, redirect, request
from werkzeug.wrappers import Response

from connector import clock
from connector.config import Settings
from connector.errors import NotFound, SignatureRejected
from connector.oauth import begin, callback
from connector.oauth.state import JoinRefused
from connector.platforms import roster
from connector.platforms.contract import Platform
from connector.web import sessions
from connector.web.guards import public

blueprint = Blueprint("oauth", __name__)
DASHBOARD = "/dashboard"
SIGNS_IN_WITHIN = timedelta(seconds=90)
# What the way back from the platform carries: such a query is signed too, and is no launch.
_ANSWERS = frozenset({"code", "state"})


@blueprint.get("/<slug>/launch")
@public("the platform's signature on the query says which store asks; without it nothing is done")
def launch(slug: str) -> Response:
    """The application URL: the merchant opened us in the store's admin.

    A link signs in whoever holds it, so only one that was just made does. An older one, from a history or a log, goes
    the long way through the store, where the merchant must be signed in.
    """
    platform, query = _joinable(slug), _query()
    if any(name in _ANSWERS for name, _ in query):
        raise JoinRefused("an answer to a join, used as a launch link", "The link isn't one that opens the app.")
    now = clock.wall()
    domain = platform.authorize.launched(query, roster.settings_of(slug), now)
    shop_id = begin.connected_shop(slug, domain)
    if shop_id is not None and _just_made(platform, query, now):
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


def _just_made(platform: Platform, query: list[tuple[str, str]], now: datetime) -> bool:
    try:
        platform.authorize.launched(query, roster.settings_of(platform.slug), now, within=SIGNS_IN_WITHIN)
    except SignatureRejected:
        return False
    return True


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
