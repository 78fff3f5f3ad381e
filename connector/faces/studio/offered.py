"""Products as their pages show them to one creator: what they would earn on each, whether they have it, why not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from flask import current_app, g
from sqlalchemy.orm import Session

from connector import clock
from connector.commerce.catalog.tables import Listing
from connector.commerce.shops.tables import Shop
from connector.programme.collaborations import calendar, promotions, rates
from connector.programme.collaborations.calendar import Span
from connector.programme.collaborations.offer import Rate
from connector.programme.policies import screening
from connector.programme.policies.rules_tables import ListingRefusal
from connector.web import rate_words, words


@dataclass(frozen=True, slots=True)
class Offered:
    """One product; `mine`: the creator has it in the list. `why`: the reason why it can't be sold now, "" where it can.

    `spans` say what they earn now and as far as anybody knows.
    """

    row: Listing
    shop: str
    picture: str
    spans: Sequence[Span]
    mine: bool
    why: str

    @property
    def rate(self) -> Rate | None:
        return self.spans[0].rate if self.spans else None

    @property
    def each(self) -> int:
        """What one sale of its cheapest variant would earn, in minor units, rounded down."""
        return self.row.price_from * self.rate.rate_bp // 10_000 if self.rate else 0

    @property
    def said(self) -> str:
        """`You earn 15 %`, or `15 % for you until 12 Mar 2027, then 12 %` where it is not the same for good."""
        plain = len(self.spans) == 1 and self.rate is not None and not self.spans[0].why
        said = rate_words.calendar(self.spans)
        return f"You earn {said}" if plain else said

    @property
    def is_open(self) -> bool:
        """May the creator add it now, and earn by it?"""
        return self.rate is not None and self.row.status == "shoppable"


def of(session: Session, listings: Collection[Listing]) -> list[Offered]:
    """These listings, in their order, for the creator of this request: few queries a shop, however many there are."""
    now, made = clock.now(), {}
    found = session.scalars(sa.select(Shop).where(Shop.id.in_({row.shop_id for row in listings})))
    shops = {row.id: row for row in found}
    refused = _refused(session, [row.id for row in listings if row.reason == "against_rules"])
    for shop_id, shop in shops.items():
        rows = [row for row in listings if row.shop_id == shop_id]
        refs = [row.product_ref for row in rows]
        offers = rates.offers(session, shop_id, refs, [g.creator_id])
        mine = promotions.held(session, g.creator_id, shop_id, refs)
        for row in rows:
            spans = calendar.spans(offers, creator_id=g.creator_id, product_ref=row.product_ref, since=now)
            why = "" if row.status == "shoppable" else _why(row, refused)
            name = shop.name or shop.domain
            made[row.id] = Offered(row, name, picture(row.image_url), spans, row.product_ref in mine, why)
    return [made[row.id] for row in listings if row.id in made]


def _why(row: Listing, refused: Mapping[str, str]) -> str:
    return refused.get(row.id) or words.reason(row.reason or "deleted", "creator")


def picture(url: str) -> str:
    """A store's picture as pages may show it; "" for what our policy would not load."""
    dev: bool = current_app.config["CONNECTOR"].dev
    return url if url.startswith("https://") or (dev and url.startswith("http://127.0.0.1:")) else ""


def _refused(session: Session, listing_ids: Sequence[str]) -> Mapping[str, str]:
    """Listing → which rule keeps it out, in words."""
    if not listing_ids:
        return {}
    rows = session.execute(
        sa.select(ListingRefusal.listing_id, ListingRefusal.rule).where(
            ListingRefusal.listing_id.in_(listing_ids), ListingRefusal.ended_at.is_(None)
        )
    )
    titles = {rule.code: rule.title for rule in screening.now_in_force(session, clock.now()).rules}
    return {listing_id: f"A rule of the programme keeps it out: {titles.get(rule, rule)}" for listing_id, rule in rows}
