"""The start of a join: check the host, remember a state, say where the merchant goes to agree."""

from __future__ import annotations

from connector import clock, db
from connector.commerce.shops import queries
from connector.db import Scope
from connector.errors import NotFound
from connector.oauth import state
from connector.platforms import roster
from connector.platforms.contract import Platform


def begin(platform_slug: str, typed: str, browser: str, public_url: str) -> str:
    """The platform's own page for shop `typed`, with a fresh state; "" where the platform itself asks which shop it is.

    Errors: HostRefused for what isn't a shop of this platform; nothing was sent anywhere. NotFound where the platform's
    own pages begin.
    """
    platform, settings = roster.platform(platform_slug), roster.settings_of(platform_slug)
    if not (platform.can("joins_by_code") or platform.can("embedded")):
        raise NotFound(
            f"{platform.title} is not joined from here",
            public=f"{platform.title} connects a store from its own pages: install the app there.",
        )
    domain = "" if asks_nobody(platform) else platform.authorize.domain(typed, settings)
    with db.write(Scope.system("joining: there is no shop yet")) as session:
        given = state.give(session, platform_slug, domain, browser)
    return platform.authorize.begin(domain, given, redirect_uri(platform_slug, public_url), settings).url


def asks_nobody(platform: Platform) -> bool:
    """Does only the platform's answer say which shop joins?"""
    by_code = platform.can("joins_by_code")
    return by_code and not platform.address_example


def connected_shop(platform_slug: str, domain: str) -> str | None:
    """The id of a connected shop whose grant is good; None: it must (re)join."""
    with db.read(Scope.system("joining: whether a store is one of ours")) as session:
        shop = queries.find(session, platform_slug, domain)
        if shop is None or not queries.has_good_grant(session, shop, clock.wall()):
            return None
        return shop.id


def redirect_uri(platform_slug: str, public_url: str) -> str:
    return f"{public_url}/oauth/{platform_slug}/callback"
