"""A platform says by a signed call that a merchant removed the app: as a delivery that means `ShopLeft`.

The call is heard, and the store asked. A platform may sign a farewell as it signs other links, which browsers of the
store's staff hold (BigCommerce's load link, for a day): nothing in it says which it is. So a shop whose permission
still opens the store has not left. Who says farewell before it takes the permission back is asked again, for some
minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from connector import audit, clock, db, jobs, telemetry
from connector.commerce.catalog import take as catalog
from connector.commerce.shops import connect, grants, queries
from connector.db import Scope
from connector.errors import ConnectorError, GrantLost, NotFound
from connector.platforms import roster
from connector.platforms.contract import Client

JOB = "shops.farewell"
LOOKS_AGAIN = (15.0, 60.0, 300.0)  # seconds before each further look; what comes later is heard by the next sync run
_log = telemetry.logger(__name__)


def hear(platform_slug: str, query: Sequence[tuple[str, str]]) -> bool:
    """Take the call in; hearing it twice is once. False: it changed nothing (no such shop, it came back since, or our
    permission still opens the store: then a job looks again).

    Errors: NotFound where the platform has no such call; SignatureRejected, then nothing is looked up. HTTP: never
    inside `db.write()`.
    """
    platform, settings = roster.platform(platform_slug), roster.settings_of(platform_slug)
    if platform.farewell is None:
        raise NotFound(f"{platform.title} says no farewell")
    domain, said_at = platform.farewell.said(query, settings, clock.wall())
    at = _business_time(said_at)
    with db.read(Scope.system("which shop left is said by the platform")) as session:
        shop = queries.find(session, platform_slug, domain)
        if shop is None:
            return False
        shop_id, late = shop.id, at < shop.installed_at
    if late or not _opens(shop_id):
        return _leave(shop_id, at)
    with db.write(Scope.shop(shop_id)) as session:
        jobs.enqueue(session, JOB, f"{shop_id}:{said_at:%Y%m%dT%H%M%S}", shop_id=shop_id, at=at.isoformat())
    _log.warning("shop.farewell_doubted", shop_id=shop_id)
    return False


@jobs.workflow(JOB)
def look_again(shop_id: str, at: str) -> bool:
    """The job: did the shop leave after all? False: its permission opened the store to the last."""
    for pause in LOOKS_AGAIN:
        jobs.pause(pause)
        if not _opens(shop_id):
            return _leave(shop_id, clock.parse(at))
    return False


def _opens(shop_id: str) -> bool:
    """Does our permission still open the store? A store that doesn't answer has not said no."""

    def look(client: Client) -> None:
        platform.authorize.profile(client)

    with db.read(Scope.shop(shop_id)) as session:
        shop = queries.get(session, shop_id)
        if shop.status == "left":
            return False
        platform = roster.platform(shop.platform)
    try:
        grants.calling(shop_id, look)
    except GrantLost:
        return False
    except ConnectorError as error:
        _log.warning("shop.farewell_unclear", shop_id=shop_id, problem=type(error).__name__)
    return True


def _leave(shop_id: str, at: datetime) -> bool:
    with db.write(Scope.shop(shop_id)) as session:
        shop = queries.get(session, shop_id)
        if shop.status == "left" and shop.left_at is not None and shop.left_at >= at:
            return False
        left = connect.leave(session, shop, at)
        if left:
            catalog.shop_changed(session, shop)
            audit.record(session, f"platform:{shop.platform}", "shop.farewell", shop.id, shop_id=shop.id)
    _log.info("shop.farewell", shop_id=shop_id, left=left)
    return left


def _business_time(said_at: datetime) -> datetime:
    """As every time of a join, on our business clock; never ahead of it."""
    return clock.now() - max(clock.wall() - said_at, timedelta(0))
