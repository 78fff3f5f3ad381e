"""A platform says by a signed call that a merchant removed the app: as a delivery that means `ShopLeft`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from connector import audit, clock, db, telemetry
from connector.commerce.catalog import take as catalog
from connector.commerce.shops import connect, queries
from connector.db import Scope
from connector.errors import NotFound
from connector.platforms import roster

_log = telemetry.logger(__name__)


def hear(platform_slug: str, query: Sequence[tuple[str, str]]) -> bool:
    """Take the call in; hearing it twice is once. False: it changed nothing (no such shop, or it came back since).

    Errors: NotFound where the platform has no such call; SignatureRejected, then nothing is looked up.
    """
    platform, settings = roster.platform(platform_slug), roster.settings_of(platform_slug)
    if platform.farewell is None:
        raise NotFound(f"{platform.title} says no farewell")
    domain, said_at = platform.farewell.said(query, settings, clock.wall())
    at = _business_time(said_at)
    with db.write(Scope.system("which shop left is said by the platform")) as session:
        shop = queries.find(session, platform_slug, domain)
        if shop is None or (shop.status == "left" and shop.left_at is not None and shop.left_at >= at):
            return False
        left = connect.leave(session, shop, at)
        if left:
            catalog.shop_changed(session, shop)
            audit.record(session, f"platform:{platform_slug}", "shop.farewell", shop.id, shop_id=shop.id)
        shop_id = shop.id
    _log.info("shop.farewell", shop_id=shop_id, left=left)
    return left


def _business_time(said_at: datetime) -> datetime:
    """As every time of a join, on our business clock; never ahead of it."""
    return clock.now() - max(clock.wall() - said_at, timedelta(0))
