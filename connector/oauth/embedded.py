"""Joining inside the platform: it has installed the app already, and a session token takes the code's place.

no shop yet, or one that left       the token is exchanged: the first sync starts, no question is asked
a shop whose grant is lost          exchanged too: opening the app is all that "reconnect" asks of a merchant
a shop with a good grant            only noted: the app was installed when the token was issued
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from connector import clock, db, outbound
from connector.commerce.shops import connect, queries
from connector.db import Scope
from connector.oauth import join
from connector.platforms import roster
from connector.platforms.contract import Http, Platform, Visit
from connector.web import embedded

_NOTED_EVERY = timedelta(minutes=1)
_OLDEST = timedelta(minutes=2)  # a session token lives one


@dataclass(frozen=True, slots=True)
class Entered:
    """Which shop somebody came in by, and whether this visit connected it."""

    shop_id: str
    joined: bool


def enter(platform: Platform, visit: Visit, http: Http | None = None) -> Entered:
    """Make sure that the visitor's shop is connected.

    Errors: GrantLost(fatal) when the platform takes the token for no grant (too old, or the app was removed since);
    PlatformDown, PlatformBusy to be tried again; Conflict when the app was removed meanwhile.
    """
    at = _business_time(visit)
    with db.read(Scope.system("which shop a session token is about")) as session:
        shop = queries.find(session, platform.slug, visit.domain)
        good = shop is not None and queries.has_good_grant(session, shop, clock.wall())
        noted = shop is not None and shop.visited_at is not None and at - shop.visited_at < _NOTED_EVERY
    if shop is None or not good:
        settings = roster.settings_of(platform.slug)
        http = http or outbound.current()
        grant = embedded.inside(platform).exchange(visit, settings, http, clock.wall())
        shop_id, joined = join.finish(platform, grant, settings, http, at, "frame"), True
    else:
        shop_id, joined = shop.id, False
    if joined or not noted:
        with db.write(Scope.shop(shop_id)) as session:
            connect.note_visit(session, queries.get(session, shop_id), at)
    return Entered(shop_id, joined)


def _business_time(visit: Visit) -> datetime:
    """When the token was issued: by the platform's own clock, as the time of an uninstall is, so that the two can be
    compared. It is given in whole seconds: the end of that second is meant, so that who removes the app and installs it
    again in one second comes back. Never ahead of our clock, and never older than a token may be.
    """
    age = clock.wall() - visit.issued_at - timedelta(seconds=1)
    return clock.now() - min(max(age, timedelta(0)), _OLDEST)
