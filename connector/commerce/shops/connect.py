"""A shop comes, changes, leaves, comes back. Its history stays: the row is found again by (platform, domain)."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock, db
from connector.commerce.shops import absences, grants, scopes
from connector.commerce.shops.tables import GrantRow, Shop
from connector.db import new_id
from connector.errors import Conflict
from connector.events import ShopProfile
from connector.platforms.contract import Grant


def connect(
    session: Session,
    platform_slug: str,
    profile: ShopProfile,
    grant: Grant,
    now: datetime | None = None,
    *,
    missing_scopes: tuple[str, ...] = (),
) -> Shop:
    """Put the shop in (or bring it back), seal its grant. Two joins at once end in one shop.

    `now` is the business time at which the join *began*, before the platform was asked: as the store's own trigger
    times are. An uninstall triggered before it is a late delivery of an earlier one; one triggered after it counts,
    though it may be heard before the join is finished (its delivery waits, parked, until the shop is known).
    `missing_scopes` were asked for and not given: the shop is connected and its status names them.
    Errors: Conflict when the merchant removed the app after `now`: the grant is dead already, nothing is stored.
    """
    now = now or clock.now()
    shop = _row(session, platform_slug, profile, now)
    if shop.left_at is not None and shop.left_at > now:
        raise Conflict(
            f"{shop.domain} left at {shop.left_at.isoformat()}, after this join began",
            public="The app was removed from the store while it was being connected. Open it again there to connect.",
        )
    refresh_profile(session, shop, profile)
    shop.profile_at = max(now, shop.profile_at or now)
    absences.end(session, shop.id, now)
    # `left_at` speaks of a shop that is gone now; the absences keep what was.
    shop.status, shop.left_at, shop.installed_at = "connected", None, max(now, shop.installed_at)
    shop.status_reason, shop.status_detail = "", ""
    scopes.say(shop, missing_scopes)
    _say_currency(shop)
    session.flush()
    grants.seal_grant(session, shop.id, grant, scopes_at=now)
    return shop


def leave(session: Session, shop: Shop, at: datetime) -> bool:
    """The merchant uninstalled at `at`. The grant is dropped, since the platform voided it; orders and ledger stay.

    False when `at` is before the last install: a late delivery of an earlier uninstall. The shop stays connected, and
    the time in which it was gone is kept. Where we know of the reinstall only by a visit (a session token that was
    issued after `at`), the grant is gone and the shop is not: whoever opens the app next connects it again.
    """
    if at < shop.installed_at:
        if at >= shop.created_at:
            absences.begin(session, shop.id, at, shop.installed_at)
        return False
    session.execute(sa.delete(GrantRow).where(GrantRow.shop_id == shop.id))
    if shop.visited_at is not None and at < shop.visited_at and shop.status != "left":
        absences.begin(session, shop.id, at, shop.visited_at)
        needs_reconnect(
            session, shop, "grant_lost", "The app was removed and installed again: opening it once connects the store."
        )
        return True
    absences.begin(session, shop.id, at)
    shop.status, shop.status_reason = "left", "uninstalled"
    shop.status_detail = "The merchant removed the app from the store."
    shop.left_at = at
    session.flush()
    return True


def note_visit(session: Session, shop: Shop, at: datetime) -> None:
    """Somebody opened us inside the platform at `at` (business time): the app was installed then."""
    if shop.visited_at is None or shop.visited_at < at:
        shop.visited_at = at
        session.flush()


def refresh_profile(session: Session, shop: Shop, profile: ShopProfile, at: datetime | None = None) -> bool:
    """Take over what the store says of itself at `at` (business time; None: now). False: a newer one came before.

    Another currency is taken over too, and nothing of the shop is settled until a person has looked
    (`accept_currency`): orders carry their own currency and nothing is ever converted, but rates, minimums and the
    merchant's bank were agreed in the one before.
    """
    if at is not None and shop.profile_at is not None and at < shop.profile_at:
        return False
    shop.profile_at = at or shop.profile_at
    if shop.currency and profile.currency and shop.currency != profile.currency:
        shop.currency_before = shop.currency_before or shop.currency
        shop.currency_changed_at = shop.currency_changed_at or at or clock.now()
        shop.currency = profile.currency
    _say_currency(shop)
    shop.shop_ref = profile.shop_ref or shop.shop_ref
    shop.name = profile.name or shop.name
    shop.currency = profile.currency or shop.currency
    shop.time_zone = profile.time_zone or shop.time_zone
    shop.country = profile.country or shop.country
    shop.storefront_url = profile.storefront_url or shop.storefront_url
    shop.taxes_included = profile.taxes_included
    session.flush()
    return True


def accept_currency(session: Session, shop: Shop, by: str) -> None:
    """A person looked at a change of currency: the shop settles again, each currency by itself. Errors: Conflict."""
    if shop.currency_changed_at is None:
        raise Conflict(f"{shop.domain} has no change of currency that waits for anybody.")
    audit.record(
        session, by, "shop.currency_accepted", shop.id, shop_id=shop.id, before=shop.currency_before, now=shop.currency
    )
    shop.currency_before, shop.currency_changed_at = "", None
    if shop.status_reason == "currency_changed":
        shop.status_reason, shop.status_detail = "", ""
    session.flush()


def currency_sentence(shop: Shop) -> str:
    """Both currencies named; empty where there is nothing to look at."""
    if shop.currency_changed_at is None:
        return ""
    if shop.currency_before == shop.currency:
        return f"The store's currency changed and went back to {shop.currency}: nothing is settled until you looked."
    return (
        f"The store's currency changed from {shop.currency_before} to {shop.currency}: nothing is settled until a "
        "person has looked."
    )


def _say_currency(shop: Shop) -> None:
    if shop.currency_changed_at is not None and shop.status == "connected":
        shop.status_reason, shop.status_detail = "currency_changed", currency_sentence(shop)


def needs_reconnect(session: Session, shop: Shop, reason: str, detail: str) -> None:
    """Renewing can't help: the merchant must come back. A shop that left stays left."""
    if shop.status == "left":
        return
    shop.status, shop.status_reason, shop.status_detail = "needs_reconnect", reason, detail
    session.flush()


def _row(session: Session, platform_slug: str, profile: ShopProfile, now: datetime) -> Shop:
    insert = db.insert(session, Shop).values(
        id=new_id("shp"),
        platform=platform_slug,
        domain=profile.domain,
        installed_at=now,
        created_at=now,
        status="connected",
    )
    session.execute(insert.on_conflict_do_nothing(index_elements=["platform", "domain"]))
    return session.scalars(
        sa.select(Shop)
        .where(Shop.platform == platform_slug, Shop.domain == profile.domain)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
