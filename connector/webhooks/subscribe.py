"""Make sure that a store sends us every topic that we need. Safe to repeat: what is there stays.

Asked when a shop joins and by every reconciliation, so each hour: a store drops a subscription after eight deliveries
that failed, and says so to nobody. What had to be put back stands on the shop's timeline.
"""

from __future__ import annotations

from connector import audit, clock, db, jobs, telemetry
from connector.commerce.shops import grants, queries
from connector.config import read_settings
from connector.db import Scope
from connector.earnings.intake.portion import said
from connector.errors import ConnectorError, PlatformBusy, PlatformDown
from connector.platforms import roster
from connector.platforms.contract import Hook, Http
from connector.webhooks import hooks
from connector.webhooks.tables import ShopSubscription

JOB = "webhooks.subscribe"
TRIES = 12
WHO = "connector"  # acts that nobody asked for, in the audit log
_log = telemetry.logger(__name__)


def address(platform_slug: str, public_url: str) -> str:
    return f"{public_url}/webhooks/{platform_slug}"


def ensure(shop_id: str, http: Http | None = None, *, public_url: str | None = None) -> list[str]:
    """Subscribe what is missing; the topics that had to be put (back). HTTP: never inside `db.write()`.

    Errors: GrantLost(fatal) when the merchant must reconnect, PlatformBusy and PlatformDown to try again later,
    PlatformRefused when a topic isn't permitted.
    """
    with db.read(Scope.shop(shop_id)) as session:
        slug = queries.get(session, shop_id).platform
    platform = roster.platform(slug)
    if not platform.can("webhooks_by_api"):
        return []
    origin = public_url or read_settings().public_url
    hook = hooks.hook_of(shop_id, origin) if platform.can("shop_secrets") else Hook(address(slug, origin))
    to = hook.address
    try:
        put = grants.calling(shop_id, lambda client: platform.webhooks.subscribe(client, hook), http)
    except ConnectorError as error:
        _note(shop_id, to, None, said(error))
        raise
    _note(shop_id, to, put, "")
    _log.info("webhooks.subscribed", shop_id=shop_id, put=len(put))
    return put


def part(shop_id: str, http: Http | None = None, *, public_url: str | None = None) -> bool:
    """Take what we put at the store away, while the key still opens it; False where that could not be done.

    For a shop that is about to be given up: best effort, a store that is down keeps subscriptions that nobody answers
    (it drops them by itself after some failures). HTTP: never inside `db.write()`. Never raises a platform's error.
    """
    with db.read(Scope.shop(shop_id)) as session:
        slug = queries.get(session, shop_id).platform
    platform = roster.platform(slug)
    if platform.parting is None:
        return False
    origin = public_url or read_settings().public_url
    hook = hooks.hook_of(shop_id, origin) if platform.can("shop_secrets") else Hook(address(slug, origin))
    parting = platform.parting
    try:
        parting.part(grants.client_for(shop_id, http), hook)
    except ConnectorError as error:
        _log.warning("webhooks.not_parted", shop_id=shop_id, problem=type(error).__name__)
        return False
    return True


def _note(shop_id: str, to: str, put: list[str] | None, problem: str) -> None:
    """Keep what was found, and say on the shop's timeline what had to be put. `put` None: it could not be asked."""
    now = clock.wall()
    with db.write(Scope.shop(shop_id)) as session:
        row = session.get(ShopSubscription, shop_id, with_for_update=True)
        if row is None:
            row = ShopSubscription(shop_id=shop_id, address="", checked_at=now, put_at=None, put=[])
            session.add(row)
        before, row.checked_at, row.problem = row.address, now, problem
        if put is None:
            return
        if put:
            row.put_at, row.put = now, list(put)
            act = "webhooks.subscribed" if not before else "webhooks.moved" if before != to else "webhooks.put_back"
            audit.record(session, WHO, act, shop_id, shop_id=shop_id, topics=list(put))
        row.address = to


@jobs.workflow(JOB)
def subscribe(shop_id: str) -> int:
    """The job: enqueued when a shop joins, and by reconciliation. How many subscriptions had to be put.

    A store that is down or busy is asked again for half an hour; after that the next reconciliation asks.
    """
    for tries in range(TRIES):
        jobs.check()
        try:
            return len(ensure(shop_id))
        except (PlatformDown, PlatformBusy) as error:
            if tries + 1 == TRIES:
                raise
            wait = error.retry_after if isinstance(error, PlatformBusy) else 2.0**tries
            _log.warning("webhooks.not_subscribed", shop_id=shop_id, tries=tries + 1, problem=str(error))
            jobs.pause(min(300.0, max(1.0, wait)))
    return 0
