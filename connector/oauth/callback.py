"""The end of a join. In this order, and nothing leaves before the first three hold:

state        ours, unused, fresh, of this browser; it names the shop
signature    the platform's, over the whole query
shop         the one that the state was given for
exchange     code for grant, then the shop's profile and what was granted
connect      shop, sealed grant, and the jobs that follow, in one transaction
"""

from __future__ import annotations

from collections.abc import Sequence

from connector import clock, db, jobs, outbound, telemetry
from connector.commerce.catalog import take as catalog
from connector.commerce.shops import connect
from connector.db import Scope
from connector.oauth import begin, state
from connector.oauth.state import JoinRefused
from connector.platforms import roster
from connector.platforms.contract import Client, Grant, Http, Joined, Platform

_log = telemetry.logger(__name__)


class _NoBudgetYet:
    """A shop that isn't connected has no row to count on; a join is two calls."""

    def wait(self, cost: float) -> None:
        return

    def heard(self, available: float, maximum: float, restore_rate: float) -> None:
        return


def complete(
    platform_slug: str, query: Sequence[tuple[str, str]], browser: str, public_url: str, http: Http | None = None
) -> str:
    """Finish a join; the shop's id.

    Errors: JoinRefused, SignatureRejected or HostRefused before any request leaves; GrantLost when the platform refuses
    the code; PlatformDown when it can't be reached.
    """
    platform, settings = roster.platform(platform_slug), roster.settings_of(platform_slug)
    expected = _spend(platform_slug, query, browser)
    now = clock.wall()
    # A callback is signed like a launch: that proves the shop before `complete` asks anything of it.
    if platform.authorize.launched(query, settings, now) != expected:
        raise JoinRefused("a callback for another shop", "The answer was about another store than the one you chose.")
    http = http or outbound.current()
    joined = platform.authorize.complete(query, begin.redirect_uri(platform_slug, public_url), settings, http, now)
    if joined.domain != expected:
        raise JoinRefused("a grant for another shop", "The answer was about another store than the one you chose.")
    return _connect(platform, joined, settings, http)


def _spend(platform_slug: str, query: Sequence[tuple[str, str]], browser: str) -> str:
    """Errors: JoinRefused; a state that is refused stays unspent, since it may be somebody else's."""
    given = [value for name, value in query if name == "state"]
    with db.write(Scope.system("joining: there is no shop yet")) as session:
        return state.spend(session, platform_slug, given[0] if len(given) == 1 else "", browser)


def _connect(platform: Platform, joined: Joined, settings: object, http: Http) -> str:
    client = Client(
        domain=joined.domain, currency="", grant=joined.grant, http=http, budget=_NoBudgetYet(), settings=settings
    )
    granted = platform.authorize.scopes(client)
    profile = platform.authorize.profile(client)
    grant = Grant(
        access_token=joined.grant.access_token,
        refresh_token=joined.grant.refresh_token,
        scopes=granted,
        expires_at=joined.grant.expires_at,
        refresh_expires_at=joined.grant.refresh_expires_at,
    )
    missing = missing_scopes(asked_scopes(settings), granted)
    with db.write(Scope.system("joining: there is no shop yet")) as session:
        shop = connect.connect(session, platform.slug, profile, grant, clock.now(), missing_scopes=missing)
        catalog.shop_changed(session, shop)
        key = f"{shop.id}:{clock.wall():%Y%m%dT%H%M%S%f}"
        jobs.enqueue(session, "webhooks.subscribe", key, shop_id=shop.id)
        jobs.enqueue(session, "sync.start", key, shop_id=shop.id, trigger="joined")
    _log.info("shop.connected", shop_id=shop.id, platform=platform.slug, missing_scopes=list(missing))
    return shop.id


def asked_scopes(settings: object) -> tuple[str, ...]:
    """What the platform's settings ask for; empty where the platform has no scopes."""
    asked = getattr(settings, "scopes", ())
    return tuple(asked.replace(",", " ").split()) if isinstance(asked, str) else tuple(asked)


def missing_scopes(asked: Sequence[str], granted: Sequence[str]) -> tuple[str, ...]:
    """Asked for and not given. A right to write holds the right to read."""
    held = set(granted) | {"read_" + name.removeprefix("write_") for name in granted if name.startswith("write_")}
    return tuple(name for name in asked if name not in held)
