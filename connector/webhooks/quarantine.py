"""Bodies that name another shop's ids: set aside before they do anything, until a person says what they are.

A platform-wide signature proves the platform and not the shop; which shop it is stands in a header outside of it. Where
ids are unique over a platform (`can("global_ids")`), one that we know under another shop can't be this shop's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock, db
from connector.commerce.catalog.tables import Listing
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import Conflict, InputRefused, NotFound
from connector.events import (
    Event,
    OrderGone,
    OrderSeen,
    OrderStub,
    PrivacyAsked,
    ProductGone,
    ProductSeen,
    ProductStub,
    ShopSeen,
)
from connector.platforms.contract import Platform
from connector.webhooks.tables import DeliveryRow
from connector.webhooks.translate import Problem, Read

LONGEST_REASON = 500


def screen(shop: Shop, platform: Platform, read: Sequence[Read]) -> list[Read]:
    """The same, those that name another shop's ids with that as their problem. One statement a kind of id."""
    named = {each.id: _named(each.events) for each in read if each.events and not each.passed}
    if not platform.can("global_ids") or not any(named.values()):
        return list(read)
    found: dict[str, str] = {}
    with db.read(Scope.system("whose are the ids that a body names")) as session:
        for kind, ask in _WHOSE.items():
            refs = {ref for ids in named.values() for each, ref in ids if each == kind and ref}
            theirs = ask(session, shop, sorted(refs)) if refs else set()
            for delivery_id, ids in named.items():
                if foreign := next((ref for each, ref in ids if each == kind and ref in theirs), None):
                    found.setdefault(delivery_id, f"It names {kind} {foreign}, which is known under another shop.")
    return [
        replace(each, problem=Problem("other_shops_ids", found[each.id], True, foreign=True))
        if each.id in found
        else each
        for each in read
    ]


def _named(events: Sequence[Event]) -> list[tuple[str, str]]:
    ids: list[tuple[str, str]] = []
    for event in events:
        if isinstance(event, OrderSeen):
            ids.append(("order", event.snapshot.order_ref))
        elif isinstance(event, OrderStub | OrderGone):
            ids.append(("order", event.order_ref))
        elif isinstance(event, ProductSeen):
            ids.append(("product", event.product.product_ref))
        elif isinstance(event, ProductStub | ProductGone):
            ids.append(("product", event.product_ref))
        elif isinstance(event, ShopSeen):
            ids.append(("shop", event.profile.shop_ref))
        elif isinstance(event, PrivacyAsked):
            ids.append(("shop", event.shop_ref))
            ids += [("order", ref) for ref in event.order_refs]
    return ids


def _others(shop: Shop) -> sa.Select[Any]:
    """Other shops of the platform. A store that took another host is two rows here and one store there: it isn't
    a stranger to itself."""
    others = sa.select(Shop.id).where(Shop.platform == shop.platform, Shop.id != shop.id)
    return others.where(Shop.shop_ref != shop.shop_ref) if shop.shop_ref else others


def _orders(session: Session, shop: Shop, refs: list[str]) -> set[str]:
    theirs = sa.select(Order.order_ref).where(db.among(Order.order_ref, "refs"), Order.shop_id.in_(_others(shop)))
    return set(session.scalars(theirs, {"refs": refs}))


def _products(session: Session, shop: Shop, refs: list[str]) -> set[str]:
    # Nearly always all are known here already, so that no other shop is asked at all.
    mine = sa.select(Listing.product_ref).where(Listing.shop_id == shop.id, Listing.product_ref.in_(refs))
    new = sorted(set(refs) - set(session.scalars(mine)))
    if not new:
        return set()
    others = session.scalars(_others(shop)).all()
    found: set[str] = set()
    for start in range(0, len(others), 500):
        # Shops by name, so that their key on (shop, product) answers without an index of its own.
        some = others[start : start + 500]
        theirs = sa.select(Listing.product_ref).where(Listing.shop_id.in_(some), Listing.product_ref.in_(new))
        found |= set(session.scalars(theirs))
    return found


def _shops(session: Session, shop: Shop, refs: list[str]) -> set[str]:
    theirs = sa.select(Shop.shop_ref).where(
        Shop.platform == shop.platform, Shop.id != shop.id, Shop.shop_ref.in_(refs), Shop.shop_ref != shop.shop_ref
    )
    return set(session.scalars(theirs))


_WHOSE = {"order": _orders, "product": _products, "shop": _shops}


def release(session: Session, delivery_id: str, *, by: str, why: str) -> None:
    """It is this shop's after all: it waits again and is not asked whose it is. Errors: as `_held`."""
    row = _held(session, delivery_id, why)
    row.status, row.reason, row.detail, row.tries, row.done_at = "waiting", "", "", 0, None
    row.passed_by = by
    audit.record(session, by, "delivery.release", row.id, shop_id=row.shop_id, why=why.strip())


def discard(session: Session, delivery_id: str, *, by: str, why: str) -> None:
    """It is none of this shop's: nothing of it is done, its body goes at its time. Errors: as `_held`."""
    row = _held(session, delivery_id, why)
    row.status, row.reason, row.done_at = "ignored", "discarded", clock.wall()
    audit.record(session, by, "delivery.discard", row.id, shop_id=row.shop_id, why=why.strip())


def _held(session: Session, delivery_id: str, why: str) -> DeliveryRow:
    """Errors: NotFound; InputRefused without a reason; Conflict when it isn't in quarantine (any more)."""
    if not why.strip() or len(why) > LONGEST_REASON:
        raise InputRefused("why", "is empty or too long.", "Say in a sentence why, for whoever asks later.")
    row = session.get(DeliveryRow, delivery_id, with_for_update=True)
    if row is None:
        raise NotFound(f"no delivery has the id {delivery_id[:40]!r}")
    if row.status != "quarantined":
        raise Conflict(f"{row.id} is {row.status}", public="It is no longer in quarantine: somebody decided meanwhile.")
    return row
