"""What the store lets us do: each thing we do for a merchant, whether its permission is given, and how to give it.

The store's own page asks the merchant; here it is only said what is missing, what that costs, and where to change it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import flash, g, redirect, url_for
from werkzeug.wrappers import Response as AnyResponse

from connector import audit, clock, db, jobs
from connector.commerce.shops import grants, queries, scopes
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.faces.dashboard.face import blueprint
from connector.platforms import roster
from connector.platforms.contract import Platform
from connector.web import guards, moments
from connector.web.guards import merchant
from connector.web.layout import page

# feature → what it is for, and what is missing without it
WORDS: dict[str, tuple[str, str]] = {
    "catalog": ("Read your products, variants and prices", "None of your products can be sold."),
    "orders": ("Read your orders of the last 60 days", "No sale can be credited to a creator."),
    "parcels": ("Hear of parcels and their delivery", "Commission clears later: we can't tell when goods arrived."),
    "old_orders": ("Read orders older than 60 days", "Late refunds of older orders need your support team."),
    "buyers": ("Tell apart buyers", "Own purchases of a creator are found only on orders that a message brought."),
    "stock": ("Hear of stock by location", "Stock is as fresh as the last message about the product."),
    "publications": (
        "See where a product is published",
        "A product that you hide may be shown until it changes.",
    ),
    "carts": (
        "Make a cart or a payment link at your store for each tap",
        "A tap leads to the product's page, and such a sale is credited by a creator's code alone.",
    ),
    "samples": (
        "Order samples for creators at your store",
        "You send a sample by hand, and say so on its page.",
    ),
    "markets": ("Read prices of your markets", "Buyers everywhere see the price in your own currency."),
}


@dataclass(frozen=True, slots=True)
class Permission:
    """One thing that we do. `scopes` are missing; `how`: granted, asked, optional, or closed (not offered here)."""

    name: str
    what: str
    without: str
    how: str
    scopes: tuple[str, ...]


@blueprint.get("/permissions")
@merchant
def permissions() -> str:
    shop: Shop = g.shop
    moments.use_zone(shop.time_zone)
    platform, settings = roster.platform(shop.platform), roster.settings_of(shop.platform)
    with db.read(Scope.shop(shop.id)) as session:
        granted = scopes.granted(session, shop.id)
    rows = _rows(platform, settings, granted)
    return page(
        "dashboard/permissions.html", shop=shop, rows=rows, platform=platform,
        later=sorted({scope for row in rows if row.how in ("asked", "optional") for scope in row.scopes}),
        reconnect=any(row.how == "asked" for row in rows), again=_again(platform, shop),
        admin_url=platform.embedded.admin_url(shop.domain, settings) if platform.embedded else "",
    )  # fmt: skip


@blueprint.post("/permissions")
@merchant
def read_permissions() -> AnyResponse:
    """Ask the store again what it grants. Errors: those of the platform; nothing is changed then."""
    shop: Shop = g.shop
    platform, settings = roster.platform(shop.platform), roster.settings_of(shop.platform)
    at = clock.now()
    now_granted = grants.calling(shop.id, platform.authorize.scopes)
    with db.write(Scope.shop(shop.id)) as session:
        said = scopes.take(session, queries.get(session, shop.id), now_granted, at, scopes.asked(settings))
        if said == "changed":
            key = f"{shop.id}:{clock.wall():%Y%m%dT%H%M%S%f}"
            jobs.enqueue(session, "webhooks.subscribe", key, shop_id=shop.id)
            if not scopes.missing(platform.features.get("catalog", ()), now_granted):
                jobs.enqueue(session, "sync.start", key, shop_id=shop.id, trigger="merchant")
            audit.record(session, guards.actor(), "shop.scopes", shop.id, shop_id=shop.id, granted=len(now_granted))
    flash("Your store allows something else now." if said == "changed" else "Your store allows what it did before.")
    return redirect(url_for(".permissions"), code=303)


def _again(platform: Platform, shop: Shop) -> str:
    """Where the merchant agrees anew; the code grant leads on to the store by itself."""
    if platform.can("joins_by_code"):
        return url_for("oauth.connect", slug=platform.slug, shop=shop.domain)
    return url_for("install.platform", slug=platform.slug, shop=shop.domain)


def _rows(platform: Platform, settings: object, granted: Sequence[str]) -> list[Permission]:
    asked = scopes.asked(settings)
    later: tuple[str, ...] = getattr(settings, "later_scopes", tuple)()
    lacking = scopes.lacking(platform.features, granted)
    rows = []
    for name in platform.features:
        what, without = WORDS.get(name, (name.replace("_", " ").capitalize(), ""))
        lacks = lacking.get(name, ())
        how = "granted"
        if lacks:
            how = "asked" if set(lacks) <= set(asked) else "optional" if set(lacks) <= {*asked, *later} else "closed"
        rows.append(Permission(name, what, without, how, lacks))
    return rows
