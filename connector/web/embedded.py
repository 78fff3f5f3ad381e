"""Requests from inside a platform's frame: who looks, and what the page needs to be shown there.

Cookies don't reach a frame. In their place the platform's own script gives a session token of one minute:

    Authorization: Bearer …    every fetch of our script; read on any route, so that errors can be framed too
    ?id_token=…                the frame's own first load; it counts for GET alone, so no address ever changes anything

A token that is given and does not hold is never passed over in favour of a cookie. Who is shown in the frame without
one (a reload, a link that our script did not load) goes through a page that asks the platform for a token
(`/oauth/<slug>/bounce`); after two rounds a page says what is wrong instead of going round for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Flask, Response, flash, g, get_flashed_messages, request, url_for
from itsdangerous import BadData, URLSafeTimedSerializer

from connector import clock
from connector.errors import ConfigurationWrong, ConnectorError, HostRefused, NotFound, NotSignedIn, SignatureRejected
from connector.platforms import roster
from connector.platforms.contract import Embedded, Frame, Platform, Visit

RETRY = "X-Shopify-Retry-Invalid-Session-Request"  # App Bridge fetches a new token and asks once more
ROUNDS = 2
# Parameters that the platform adds to the frame's address. They are one load's, and no part of a page's address.
PASSING = ("id_token", "bounced", "hmac", "timestamp", "session", "embedded", "shop", "host", "locale")
_SAID_FOR = 60  # seconds that a message of an act waits for the page that shows it


@dataclass(frozen=True, slots=True)
class Seen:
    """A visit whose token holds, and the platform that vouches for it."""

    platform: Platform
    visit: Visit


class TokenRefused(NotSignedIn):
    """A session token was given and does not hold."""


def seen() -> Seen | None:
    """Who looks at us inside a platform; None when nobody says so. Errors: TokenRefused."""
    if "frame_seen" not in g:
        g.frame_seen = _read()
    found: Seen | TokenRefused | None = g.frame_seen
    if isinstance(found, TokenRefused):
        raise found
    return found


def peek() -> Seen | None:
    """`seen`, for what must not fail: headers and error pages."""
    try:
        return seen()
    except TokenRefused:
        return None


def by_fetch() -> bool:
    """Was the token sent by script? A browser never does that by itself, so no other site can have caused it."""
    return "Authorization" in request.headers


def in_frame() -> bool:
    """Is this page shown in a platform's frame (or loaded by the script of a page that is)?"""
    return (
        bool(_token())
        or request.args.get("embedded") == "1"
        or request.headers.get("Sec-Fetch-Dest") == "iframe"
        or "X-Frame" in request.headers
    )


def should_ask() -> bool:
    """Is this a document in a frame whose shop isn't known, and that may go and ask for a token?"""
    return (
        request.method == "GET"
        and not request.path.startswith("/oauth/")
        and not by_fetch()
        and in_frame()
        and frame() is None
        and embedding() is not None
    )


def frame() -> Frame | None:
    """What the page needs in the frame; None for a page that stands alone."""
    if "frame_of_page" not in g:
        g.frame_of_page = _frame()
    found: Frame | None = g.frame_of_page
    return found


def show_bounce(platform: Platform, domain: str | None) -> None:
    """This answer is a page without content that may be framed before anybody is known.

    `domain` is a claim whose pattern was checked: it can only make an empty page be shown by that shop's own admin.
    """
    g.frame_of_page = inside(platform).frame(domain, roster.settings_of(platform.slug))


def inside(platform: Platform) -> Embedded:
    """The platform's part for its frame. Errors: NotFound where it has none."""
    if platform.embedded is None:
        raise NotFound(f"{platform.title} shows no app in a frame")
    return platform.embedded


def bounce_url(target: str) -> str:
    """Where a page in the frame asks for a token, to come back to `target`, a path of ours. Errors: NotFound."""
    platform = embedding()
    if platform is None:
        raise NotFound("no platform shows us in a frame")
    kept = {name: request.args[name] for name in ("shop", "host") if name in request.args}
    rounds = int(request.args["bounced"]) if request.args.get("bounced", "") in ("1", "2") else 0
    query = urlencode({**kept, "to": target, "bounced": rounds + 1})
    return f"{url_for('oauth.bounce', slug=platform.slug)}?{query}"


def embedding() -> Platform | None:
    """The platform whose frame this request comes from, as far as it can be told without a token."""
    shop = request.args.get("shop", "")
    able = [each for each in roster.platforms().values() if each.embedded is not None]
    for each in able:
        if shop and claimed(each, shop):
            return each
    return able[0] if able else None


def claimed(platform: Platform, shop: str) -> str | None:
    """A shop's canonical host out of a query that nobody signed; None for what is no shop's."""
    try:
        return platform.authorize.domain(shop, roster.settings_of(platform.slug))
    except (HostRefused, ConfigurationWrong):
        return None


def own_address() -> str:
    """This page's path and query without what the platform added."""
    kept = [(name, value) for name, value in request.args.items(multi=True) if name not in PASSING]
    return request.path + (f"?{urlencode(kept)}" if kept else "")


def install(app: Flask) -> None:
    """Messages of small acts ("flashes") live in the cookie; in a frame they ride along by a signed header instead."""
    signer = URLSafeTimedSerializer(str(app.secret_key), salt="said in a frame")

    @app.before_request
    def recall() -> None:
        said = request.headers.get("X-Frame-Said", "")
        if said and peek() is not None:
            try:
                for message in signer.loads(said, max_age=_SAID_FOR):
                    flash(str(message))
            except BadData:
                return

    @app.after_request
    def lead_on(response: Response) -> Response:
        """Our script follows a redirect by itself, with a fresh token, and hands on what was said."""
        if "X-Frame" not in request.headers or response.status_code not in (301, 302, 303, 307, 308) or peek() is None:
            return response
        response.headers["X-Frame-Location"] = response.headers.pop("Location")
        response.status_code = 204
        response.set_data(b"")
        messages = get_flashed_messages()
        if messages:
            response.headers["X-Frame-Said"] = signer.dumps(messages)
        return response


def _frame() -> Frame | None:
    found = peek()
    if found is None:
        return None
    return inside(found.platform).frame(found.visit.domain, roster.settings_of(found.platform.slug))


def _token() -> str:
    """A session token in the header, or in the address of a document; "" where there is none."""
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer" and not given.startswith("ctk_"):  # those are app tokens, for /api
        return given.strip() or "none"
    return request.args.get("id_token", "") if request.method in ("GET", "HEAD") else ""


def _read() -> Seen | TokenRefused | None:
    token = _token()
    if not token:
        return None
    reasons = []
    for platform in roster.platforms().values():
        if platform.embedded is None:
            continue
        try:
            visit = platform.embedded.visited(token, roster.settings_of(platform.slug), clock.wall())
            return Seen(platform, visit)
        except SignatureRejected as refused:
            reasons.append(str(refused))
        except ConnectorError as wrong:
            reasons.append(type(wrong).__name__)
    return TokenRefused(
        "; ".join(reasons) or "no platform takes session tokens",
        public="The store's admin did not confirm who you are. Reload the page there.",
    )


def retry_headers(error: Exception) -> Mapping[str, str]:
    """For a fetch whose token does not hold: the platform's script gets a new one and asks again."""
    return {RETRY: "1"} if isinstance(error, TokenRefused) or (by_fetch() and isinstance(error, NotSignedIn)) else {}
