"""A creator takes up a product and has its link: one act, whether the app asks or the studio's page.

Whether they may, whether the product can be sold and is open to them, and the limits of a pilot period, each with a
refusal that says what to do. Who has the product already gets the link that is there.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock
from connector.commerce.catalog import queries as catalog
from connector.commerce.catalog.shoppable import REASONS
from connector.commerce.catalog.tables import Listing
from connector.earnings.attribution import links
from connector.earnings.attribution.tables import Link
from connector.errors import Conflict, InputRefused, NotFound
from connector.programme.collaborations import promotions, rates
from connector.programme.collaborations.offer import Rate, rate_at
from connector.programme.creators import eligibility
from connector.programme.creators.tables import Creator, CreatorEligibility
from connector.programme.policies import eligibility as policies

DAY = timedelta(hours=24)


class TakenUp(msgspec.Struct, frozen=True):
    """The link, what the creator earns by it now, and whether the product is new in their list."""

    link: Link
    listing: Listing
    rate: Rate
    is_new: bool


def take_up(
    session: Session, creator_id: str, listing_id: str, *, variant_ref: str | None = None,
    content_id: str | None = None, now: datetime | None = None,
) -> TakenUp:  # fmt: skip
    """The creator promotes the product from now on. Asked for again, it is the same link.

    Errors: NotFound (creator, listing, content); InputRefused for a product that can't be sold now or isn't open to the
    creator, a variant of another product, another's content; Conflict for a creator who may add nothing, or whose pilot
    period's limits are reached.
    """
    now = now or clock.now()
    decision = eligibility.may_add(session, creator_id, now)
    listing = catalog.listing(session, listing_id)
    if listing is None:
        raise NotFound(f"no listing has the id {listing_id[:40]!r}")
    if listing.status != "shoppable":
        known = REASONS.get(listing.reason)
        said = "was taken out of its shop" if listing.status == "gone" else known.title.rstrip(".") if known else ""
        raise InputRefused(
            "listing_id", f"can't be sold now: {said or 'its shop holds it back'}.", "Choose another one."
        )
    offers = rates.offers(session, listing.shop_id, [listing.product_ref], [creator_id])
    rate = rate_at(offers, creator_id=creator_id, product_ref=listing.product_ref, moment=now)
    if rate is None:
        raise InputRefused(
            "listing_id", "isn't open to creators: its shop offers no commission on it.", "Choose another."
        )
    held = promotions.stands(session, creator_id, listing.shop_id, listing.product_ref)
    if not held:
        _within_pilot(session, creator_id, decision, now)
    link = links.create(session, creator_id, listing.id, variant_ref=variant_ref, content_id=content_id, now=now)
    return TakenUp(link, listing, rate, not held)


def may_promote(session: Session, creator_id: str, products: Iterable[tuple[str, str]], now: datetime) -> None:
    """Whether the creator may promote these (shop, product) too, by whichever way they come: a link alone, a video, the
    app's own list. What they promote already is no question: it goes on.

    Errors: NotFound; Conflict for one who may add nothing, or by so many more than a pilot period allows; TermsOwed.
    """
    by_shop: dict[str, set[str]] = {}
    for shop_id, product_ref in products:
        by_shop.setdefault(shop_id, set()).add(product_ref)
    fresh = sum(len(refs - promotions.held(session, creator_id, shop, refs)) for shop, refs in by_shop.items())
    if fresh:
        decision = eligibility.may_add(session, creator_id, now)
        _within_pilot(session, creator_id, decision, now, fresh)


def _within_pilot(
    session: Session, creator_id: str, decision: CreatorEligibility | None, now: datetime, number: int = 1
) -> None:
    if decision is None or decision.pilot_until is None or decision.pilot_until <= now:
        return
    # Two at once: the second one counts what the first one added.
    session.execute(sa.select(Creator.id).where(Creator.id == creator_id).with_for_update())
    numbers = next(each for each in policies.every(session) if each.id == decision.policy_id).numbers
    standing, fresh = promotions.counts(session, creator_id, since=now - DAY)
    until = f"{decision.pilot_until:%Y-%m-%d}"
    if standing + number > numbers.pilot_products:
        raise Conflict(
            f"creator {creator_id} has {standing} products in the pilot period, and would have {number} more",
            public=f"In the pilot period, until {until}, {numbers.pilot_products} products at once are allowed, and "
            f"{standing} are in the list. Take some out of it first.",
        )
    if fresh + number > numbers.pilot_new_a_day:
        raise Conflict(
            f"creator {creator_id} added {fresh} products within a day in the pilot period, and would add {number}",
            public=f"In the pilot period, until {until}, {numbers.pilot_new_a_day} new products in 24 hours are "
            f"allowed, and {fresh} were added. Add the next ones tomorrow.",
        )
