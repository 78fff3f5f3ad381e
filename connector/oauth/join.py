"""What every join ends with, however the grant came: profile and scopes read, then shop, grant and jobs at once."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from connector import clock, db, jobs, telemetry
from connector.commerce.catalog import take as catalog
from connector.commerce.shops import connect, scopes
from connector.db import Scope
from connector.platforms.contract import Client, Grant, Http, Joined, Platform
from connector.platforms.rest import NoBudget

WHY = "joining: there is no shop yet"
# code: we sent the browser · platform: begun in the platform's pages · handover: the store's server posted the keys
# credentials: a merchant pasted them · frame: opened inside the platform
Way = Literal["code", "platform", "handover", "credentials", "frame"]
_log = telemetry.logger(__name__)


def finish(platform: Platform, joined: Joined, settings: object, http: Http, began: datetime, way: Way = "code") -> str:
    """The shop's id. `began`: business time at which the join began, before the platform was asked for the grant.

    Errors: those of the two calls; Conflict when the merchant removed the app meanwhile. Nothing is stored then.
    """
    client = Client(
        domain=joined.domain, currency="", grant=joined.grant, http=http, budget=NoBudget(), settings=settings
    )
    granted = platform.authorize.scopes(client)
    profile = platform.authorize.profile(client)
    grant = Grant(
        access_token=joined.grant.access_token,
        refresh_token=joined.grant.refresh_token,
        scopes=granted,
        expires_at=joined.grant.expires_at,
        refresh_expires_at=joined.grant.refresh_expires_at,
        details=joined.grant.details,
    )
    missing = scopes.missing(scopes.asked(settings), granted)
    with db.write(Scope.system(WHY)) as session:
        shop = connect.connect(session, platform.slug, profile, grant, began, missing_scopes=missing)
        shop.joined_by = way
        catalog.shop_changed(session, shop)
        key = f"{shop.id}:{clock.wall():%Y%m%dT%H%M%S%f}"
        jobs.enqueue(session, "webhooks.subscribe", key, shop_id=shop.id)
        jobs.enqueue(session, "sync.start", key, shop_id=shop.id, trigger="joined")
    _log.info("shop.connected", shop_id=shop.id, platform=platform.slug, way=way, missing_scopes=list(missing))
    return shop.id
