"""How a merchant comes in: the platform's launch link, a connect link of ours, and the way back from the platform.

    /<slug>/launch                     opened in the platform: signed link, or session token in its frame
    /connect/<slug>                    on to the platform's page of agreement, or the store's
    /oauth/<slug>/callback             back with a code: with our state, or begun by the platform, without one
    /oauth/<slug>/handover/<state>     the store's server posts the keys
    /oauth/<slug>/return/<state>       the browser is back from a hand-over, and waits for the keys
    /oauth/<slug>/farewell             the platform says that the app was removed

A launch comes in two ways. In a window of its own it is signed, and signs the browser in. In the platform's frame it
brings a session token, which is proof enough, connects the shop where it isn't, and needs no cookie and no form.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlencode

from flask import Blueprint, current_app, redirect, request, url_for
from werkzeug.wrappers import Response

from connector import clock, db, telemetry
from connector.access import links
from connector.commerce.shops import queries
from connector.config import Settings
from connector.db import Scope
from connector.errors import ConnectorError, GrantLost, NotFound, SignatureRejected
from connector.oauth import begin, callback, handover
from connector.oauth import embedded as joining
from connector.oauth import farewell as goodbye
from connector.oauth.state import JoinRefused
from connector.platforms import roster
from connector.platforms.contract import Capability, Platform
from connector.web import csp, embedded, pace, problems, sessions
from connector.web.guards import public, signed
from connector.web.layout import page, safe_path

blueprint = Blueprint("oauth", __name__, template_folder="templates")
DASHBOARD = "/dashboard"
FIRST_SYNC = "/dashboard/sync"
SIGNS_IN_WITHIN = timedelta(seconds=90)
# What the way back from the platform carries: such a query is signed too, and is no launch.
_ANSWERS = frozenset({"code", "state"})
_WAYS: tuple[Capability, ...] = ("joins_by_code", "joins_from_platform", "joins_by_handover", "embedded")
_BEGUN_HERE: tuple[Capability, ...] = ("joins_by_code", "joins_by_handover", "embedded")
_OTHER_SITES = frozenset({"cross-site", "same-site"})
_MOST = 64 * 1024  # bytes of a hand-over; two keys have a hundred
# Tries of one address: stores looked at in five minutes; callbacks and hand-overs a minute (a host of many stores has
# one address).
LOOKS, CALLBACKS, KEYS = 20, 60, 120
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
    if platform.frames and shop_id is not None and _just_made(platform, query, now):
        # Opened in the platform's frame, where a cookie of ours wouldn't hold; and elsewhere by a link that was sent.
        return Response(_connected(platform, shop_id, joined=False), mimetype="text/html")
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
    platform = roster.platform(slug)
    typed, browser, origin = request.args.get("shop", ""), sessions.browser_id(), _settings().public_url
    # A hand-over signs in the browser that began it, by a page that anybody's server can play. So another site may not
    # begin one in a visitor's browser, who would find themselves in a stranger's store: there it takes our own form.
    sent = platform.can("joins_by_handover") and request.headers.get("Sec-Fetch-Site") in _OTHER_SITES
    if sent or not any(platform.can(way) for way in _BEGUN_HERE):
        return redirect(url_for("install.platform", slug=slug, shop=typed or None), code=303)  # it says how
    if platform.can("joins_by_handover"):
        pace.hold("handover.begin", LOOKS, 5)  # the address is asked what it is
        return redirect(handover.begin(slug, typed, browser, origin), code=303)
    return redirect(begin.begin(slug, typed, browser, origin), code=303)


@blueprint.get("/oauth/<slug>/callback")
@public("state of this browser and the platform's signature are checked before anything is asked of the store")
def back(slug: str) -> Response | str:
    platform, query, origin = _joinable(slug), _query(), _settings().public_url
    if platform.can("joins_from_platform") and not any(name == "state" for name, _ in query):
        pace.hold("callback", CALLBACKS)
        return _connected(platform, callback.from_platform(slug, query, origin), joined=True)
    shop_id = callback.complete(slug, query, sessions.browser_id(), origin)
    sessions.sign_in_merchant(shop_id)
    return redirect(_way_back(), code=303)


def _connected(platform: Platform, shop_id: str, *, joined: bool) -> str:
    """A page that names the store and leads to its dashboard by a single-use link.

    It may stand in the platform's frame, where no cookie reaches. And who was sent here with somebody else's code or
    link sees whose store it is, twice, before this browser is signed in for it.
    """
    csp.may_be_framed_by(platform.frames)
    with db.write(Scope.shop(shop_id)) as session:
        shop = queries.get(session, shop_id)
        token = links.issue(session, "merchant", shop_id)
        name, domain = shop.name or shop.domain, shop.domain
    return page("oauth/connected.html", platform=platform, name=name, domain=domain, token=token, joined=joined)


@blueprint.post("/oauth/<slug>/handover/<given>")
@signed("keys that a store's server posts: the state names the store, and the keys have to open it")
def hand_over(slug: str, given: str) -> Response:
    """Exactly 200 where the keys are kept; anything else makes the store take them back."""
    pace.hold("handover.keys", KEYS)
    body = request.stream.read(_MOST + 1)
    if len(body) > _MOST:
        return _said(413, "more than keys")
    try:
        handover.handed(slug, given, body)
    except JoinRefused:
        return _said(403, "not a hand-over that was begun here, or too late")
    except ConnectorError as error:
        return _said(error.status if error.status >= 400 else 500, error.title)
    return _said(200, "kept")


def _said(status: int, words: str) -> Response:
    return Response(words, status=status, mimetype="text/plain")


@blueprint.get("/oauth/<slug>/return/<given>")
@public("only the browser that began the hand-over is signed in by it, and only when the store's keys were tried")
def returned(slug: str, given: str) -> Response | str | tuple[str, int]:
    platform = roster.platform(slug)
    seen = handover.returned(slug, given, sessions.browser_id(), _query())
    if seen.shop_id is not None:
        sessions.sign_in_merchant(seen.shop_id)
        return redirect(safe_path(sessions.way_back()) or FIRST_SYNC, code=303)
    again = url_for("install.platform", slug=slug, shop=seen.domain)
    if seen.problem:
        return page("oauth/refused.html", platform=platform, problem=seen.problem, again=again), 422
    return page("oauth/waiting.html", platform=platform, domain=seen.domain, again=again)


@blueprint.get("/oauth/<slug>/farewell")
@public("the platform's signature says which store removed us; without it nothing is looked up")
def farewell(slug: str) -> Response:
    pace.hold("farewell", CALLBACKS)  # the store is asked
    goodbye.hear(slug, _query())
    return _said(200, "heard")


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
    if not any(platform.can(way) for way in _WAYS):
        raise NotFound(f"{platform.title} isn't joined this way")
    return platform


def _query() -> list[tuple[str, str]]:
    """The query as it came: order and repeats kept, since the signature is over all of it."""
    return list(request.args.items(multi=True))


def _settings() -> Settings:
    settings: Settings = current_app.config["CONNECTOR"]
    return settings
