"""The end of a join by code. In this order, and nothing leaves before the first three hold:

state        ours, unused, fresh, of this browser; it names the shop
signature    the platform's, over the whole query
shop         the one that the state was given for
exchange     code for grant, then the shop's profile and what was granted
connect      shop, sealed grant, and the jobs that follow, in one transaction
"""

from __future__ import annotations

from collections.abc import Sequence

from connector import clock, db, outbound
from connector.db import Scope
from connector.oauth import begin, join, state
from connector.oauth.state import JoinRefused
from connector.platforms import roster
from connector.platforms.contract import Http


def complete(
    platform_slug: str, query: Sequence[tuple[str, str]], browser: str, public_url: str, http: Http | None = None
) -> str:
    """Finish a join; the shop's id.

    Errors: JoinRefused, SignatureRejected or HostRefused before any request leaves; GrantLost when the platform refuses
    the code; PlatformDown when it can't be reached; Conflict when the app was removed meanwhile.
    """
    platform, settings = roster.platform(platform_slug), roster.settings_of(platform_slug)
    expected = _spend(platform_slug, query, browser)
    now, began = clock.wall(), clock.now()
    # Where the platform signs its callbacks, that proves the shop before `complete` asks anything of it.
    proven = platform.authorize.answered(query, settings, now)
    if proven is not None and proven != expected:
        raise JoinRefused("a callback for another shop", "The answer was about another store than the one you chose.")
    http = http or outbound.current()
    joined = platform.authorize.complete(query, begin.redirect_uri(platform_slug, public_url), settings, http, now)
    if expected and joined.domain != expected:
        raise JoinRefused("a grant for another shop", "The answer was about another store than the one you chose.")
    return join.finish(platform, joined, settings, http, began)


def from_platform(
    platform_slug: str, query: Sequence[tuple[str, str]], public_url: str, http: Http | None = None
) -> str:
    """Finish a join that the platform's own pages began; the shop's id. The caller signs nobody in.

    No state of ours vouches for the browser here: anybody can send one to us with a code of their own store. So the
    code connects that store, as its owner agreed, and that is all.
    Errors: SignatureRejected or HostRefused before any request leaves; GrantLost, PlatformDown, Conflict.
    """
    platform, settings = roster.platform(platform_slug), roster.settings_of(platform_slug)
    now, began = clock.wall(), clock.now()
    proven = platform.authorize.answered(query, settings, now)
    http = http or outbound.current()
    joined = platform.authorize.complete(query, begin.redirect_uri(platform_slug, public_url), settings, http, now)
    if proven is not None and joined.domain != proven:
        raise JoinRefused("a grant for another shop", "The answer was about another store than the one you chose.")
    return join.finish(platform, joined, settings, http, began, "platform")


def _spend(platform_slug: str, query: Sequence[tuple[str, str]], browser: str) -> str:
    """Errors: JoinRefused; a state that is refused stays unspent, since it may be somebody else's."""
    given = [value for name, value in query if name == "state"]
    with db.write(Scope.system(join.WHY)) as session:
        return state.spend(session, platform_slug, given[0] if len(given) == 1 else "", browser)
