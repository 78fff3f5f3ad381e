"""A shop comes, changes, leaves, comes back. Its history stays: the row is found again by (platform, domain)."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db
from connector.commerce.shops import absences, grants
from connector.commerce.shops.tables import GrantRow, Shop
from connector.db import new_id
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

    `now` is business time, as the store's own trigger times are: an uninstall triggered before it is a late delivery.
    `missing_scopes` were asked for and not given: the shop is connected and its status names them.
    """
    now = now or clock.now()
    shop = _row(session, platform_slug, profile, now)
    refresh_profile(session, shop, profile)
    absences.end(session, shop.id, now)
    # `left_at` speaks of a shop that is gone now; the absences keep what was.
    shop.status, shop.left_at, shop.installed_at = "connected", None, now
    if shop.status_reason != "currency_changed":
        shop.status_reason, shop.status_detail = "", ""
    if missing_scopes:
        shop.status_reason = "scopes_missing"
        shop.status_detail = f"The store did not grant {', '.join(missing_scopes)}: reconnect and agree to all of it."
    session.flush()
    grants.seal_grant(session, shop.id, grant)
    return shop


def leave(session: Session, shop: Shop, at: datetime) -> bool:
    """The merchant uninstalled at `at`. The grant is dropped, since the platform voided it; orders and ledger stay.

    False when `at` is before the last install: a late delivery of an earlier uninstall. The shop stays connected, and
    the time in which it was gone is kept.
    """
    if at < shop.installed_at:
        if at >= shop.created_at:
            absences.begin(session, shop.id, at, shop.installed_at)
        return False
    absences.begin(session, shop.id, at)
    shop.status, shop.status_reason = "left", "uninstalled"
    shop.status_detail = "The merchant removed the app from the store."
    shop.left_at = at
    session.execute(sa.delete(GrantRow).where(GrantRow.shop_id == shop.id))
    session.flush()
    return True


def refresh_profile(session: Session, shop: Shop, profile: ShopProfile) -> None:
    """Take over what the store says of itself. Another currency is taken over too, and the status says so: orders carry
    their own currency and nothing is ever converted, but a person must look before a statement mixes the two."""
    if shop.currency and profile.currency and shop.currency != profile.currency:
        shop.status_reason = "currency_changed"
        shop.status_detail = f"The store's currency changed from {shop.currency} to {profile.currency}."
    shop.shop_ref = profile.shop_ref or shop.shop_ref
    shop.name = profile.name or shop.name
    shop.currency = profile.currency or shop.currency
    shop.time_zone = profile.time_zone or shop.time_zone
    shop.country = profile.country or shop.country
    shop.storefront_url = profile.storefront_url or shop.storefront_url
    shop.taxes_included = profile.taxes_included
    session.flush()


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
