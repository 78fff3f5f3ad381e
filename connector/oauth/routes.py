"""How a merchant comes in: the platform's launch link, a connect link of ours, and the way back from the platform.

A launch comes in two ways. In a window of its own it is signed, and signs the browser in. In the platform's frame it
brings a session token, which is proof enough, connects the shop where it isn't, and needs no cookie and no form.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlencode

from flask import Blueprint, current_app, redirect, request
from werkzeug.wrappers import Response

from connector import clock, telemetry
from connector.config import Settings
from connector.errors import GrantLost, NotFound, SignatureRejected
from connector.oauth import begin, callback
from connector.oauth import embedded as joining
from connector.oauth.state import JoinRefused
from connector.platforms import roster
from connector.platforms.contract import Platform
from connector.web import embedded, problems, sessions
from connector.web.guards import public
from connector.web.layout import page, safe_path

blueprint = Blueprint("oauth", __name__)
DASHBOARD = "/dashboard"
FIRST_SYNC = "/dashboard/sync"
SIGNS_IN_WITHIN = timedelta(seconds=90)
# What the way back from the platform carries: such a query is signed too, and is no launch.
_ANSWERS = frozenset({"code", "state"})
_log = telemetry.logger(__name__)


@blueprint.get("/<slug>/launch")
@public("a session token or the platform's signature says which store asks; without either nothing is done")
def launch(slug: str) -> Response:
    """The application URL: the merchant opened us in the store's admin."""
    platform, query = _joinable(slug), _query()
    if any(name in _ANSWERS for name, _ in query):
        raise JoinRefused("an answer to a join, used as a launch link", "The link isn't one that opens the app.")
    if platform.embedded is not None and embedded.in_frame():
        return _in_frame(platform)
    return _in_window(platform, query)


def _in_window(platform: Platform, query: list[tuple[str, str]]) -> Response:
    """A link signs in whoever holds it, so only one that was just made does. An older one, from a history or a log,
    goes the long way through the store, where the merchant must be signed in."""
    now = clock.wall()
    domain = platform.authorize.launched(query, roster.settings_of(platform.slug), now)
    shop_id = begin.connected_shop(platform.slug, domain)
    if shop_id is not None and _just_made(platform, query, now):
        sessions.sign_in_merchant(shop_id)
        return redirect(_way_back(), code=303)
    url = begin.begin(platform.slug, domain, sessions.browser_id(), _settings().public_url)
    return redirect(url, code=303)


def _in_frame(platform: Platform) -> Response:
    """Connect the shop if it isn't, then the page itself; after a join that is the progress of its first sync."""
    try:
        found = embedded.seen()
    except embedded.TokenRefused as refused:
        _log.warning("launch.token_refused", platform=platform.slug, error=str(refused))
        found = None
    if found is None or found.platform is not platform:
        return redirect(embedded.bounce_url(embedded.own_address()), code=303)
    try:
        entered = joining.enter(platform, found.visit)
    except GrantLost as lost:
        _log.warning("launch.exchange_refused", platform=platform.slug, error=str(lost))
        if _rounds() < embedded.ROUNDS:  # the token may have run out on the way: a newer one may do
            return redirect(embedded.bounce_url(embedded.own_address()), code=303)
        return problems.page(
            409,
            "Your store does not let us in",
            f"{platform.title} refused to connect your store, though you are signed in there.",
            "The app may have been removed meanwhile: install it again in your store's admin. Nothing was changed.",
        )
    to = FIRST_SYNC if entered.joined else DASHBOARD
    kept = {name: request.args[name] for name in ("shop", "host") if name in request.args}
    return redirect(f"{to}?{urlencode({**kept, 'embedded': 1, 'id_token': found.visit.token})}", code=303)


@blueprint.get("/oauth/<slug>/bounce")
@public("an empty page that asks the platform for a session token; it shows nothing of anybody")
def bounce(slug: str) -> Response | str:
    """A document in the frame came without a good token: our script asks for one and loads the document again.

    `to` is a path of ours. Who isn't in a frame goes to the page itself, which signs in the usual way.
    """
    platform = _joinable(slug)
    to = safe_path(request.args.get("to", "")) or DASHBOARD
    embedded.show_bounce(platform, embedded.claimed(platform, request.args.get("shop", "")))
    if _rounds() > embedded.ROUNDS:
        return problems.page(
            401,
            "We could not tell who you are",
            f"{platform.title} gave us a confirmation that we can't accept, twice.",
            "Reload the page in your store's admin. If this stays, who runs the connector should compare the app's "
            "client id and secret with the platform's, and look at the server's clock; the log says what was refused.",
        )
    return page("web/bounce.html", to=to, shop=request.args.get("shop", ""))


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
    return redirect(_way_back(), code=303)


def _way_back() -> str:
    """The page that somebody who wasn't signed in had asked for; else the first."""
    return safe_path(sessions.way_back()) or DASHBOARD


def _just_made(platform: Platform, query: list[tuple[str, str]], now: datetime) -> bool:
    try:
        platform.authorize.launched(query, roster.settings_of(platform.slug), now, within=SIGNS_IN_WITHIN)
    except SignatureRejected:
        return False
    return True


def _rounds() -> int:
    given = request.args.get("bounced", "0")
    return int(given) if given in ("1", "2", "3") else 0


def _joinable(slug: str) -> Platform:
    platform = roster.platform(slug)
    if not (platform.can("joins_by_code") or platform.can("embedded")):
        raise NotFound(f"{platform.title} isn't joined this way")
    return platform


def _query() -> list[tuple[str, str]]:
    """The query as it came: order and repeats kept, since the signature is over all of it."""
    return list(request.args.items(multi=True))


def _settings() -> Settings:
    settings: Settings = current_app.config["CONNECTOR"]
    return settings
