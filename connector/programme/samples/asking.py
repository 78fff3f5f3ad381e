"""May this creator ask for a sample of this product? Everything that stands in the way, by field and code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.catalog import queries as catalog
from connector.commerce.catalog.tables import Listing, VariantRow
from connector.commerce.shops import queries as shops
from connector.commerce.shops.tables import Shop
from connector.errors import Conflict
from connector.programme.collaborations import rates
from connector.programme.collaborations.offer import plan_at
from connector.programme.creators import eligibility
from connector.programme.creators.tables import Creator
from connector.programme.samples import moves, offers
from connector.programme.samples.policy import Numbers
from connector.programme.samples.tables import Sample, SampleOffer

# code → (field, what whoever asks reads)
REFUSALS = {
    "creator_not_eligible": ("creator_id", "The creator can take up nothing new now."),
    "shop_not_connected": ("shop_id", "The shop isn't connected now."),
    "product_unknown": ("listing_id", "There is no such product."),
    "product_refused": ("listing_id", "The rules of the programme keep this product out."),
    "product_not_sold": ("listing_id", "This product isn't for sale now."),
    "product_sold_out": ("listing_id", "This product is out of stock."),
    "product_not_open": ("listing_id", "The shop hasn't opened this product to creators."),
    "product_not_agreed": ("listing_id", "The agreement isn't about this product."),
    "not_offered": ("kind", "The shop gives no samples of this kind for this product."),
    "none_left_this_month": ("listing_id", "The shop has given all samples of this product for this month."),
    "variant_unknown": ("variant_ref", "The product has no such variant."),
    "variant_sold_out": ("variant_ref", "This variant is out of stock."),
    "variant_not_shipped": ("variant_ref", "This item isn't shipped, so there is nothing to send."),
    "have_one": ("listing_id", "There is a sample of this product already: one of each."),
    "retry_later": ("listing_id", "It was asked for not long ago and came to nothing. Try again later."),
    "limit_reached": ("creator_id", "As many samples are open as may be at once."),
    "order_unknown": ("order", "The shop has no such order yet. A new order may take some minutes to arrive here."),
    "order_taken": ("order", "This order was named for another sample."),
    "order_is_none": ("order", "This is a test order or a sample order."),
    "order_called_off": ("order", "This order was cancelled."),
    "order_before_approval": ("order", "This order is older than the shop's approval."),
    "order_without_item": ("order", "The product isn't in this order."),
    "order_in_other_currency": ("order", "This order is in another currency than was agreed."),
    "content_unknown": ("content_id", "The creator has no such content."),
    "content_without_product": ("content_id", "The product isn't in this content."),
    "content_too_old": ("content_id", "This content is older than the sample."),
    "content_too_many": ("content_id", "As many contents are named for this sample as may be."),
}


class AskRefused(Conflict):
    """What can't be asked for now; `code` is one of REFUSALS, `field` what it is about. `until`: ask again then."""

    def __init__(self, code: str, *, until: datetime | None = None, words: str = "") -> None:
        field, said = REFUSALS[code]
        said = words or said
        super().__init__(code, public=f"{said} From {until:%Y-%m-%d %H:%M} UTC on." if until else said)
        self.code, self.field, self.until = code, field, until


@dataclass(frozen=True, slots=True)
class Wanted:
    """What would be sent."""

    shop: Shop
    listing: Listing
    variant: VariantRow


def lock_creator(session: Session, creator_id: str) -> None:
    """One request of a creator at a time, so that together they don't exceed what may be open."""
    session.execute(sa.select(Creator.id).where(Creator.id == creator_id).with_for_update(key_share=True))


def wanted(session: Session, listing_id: str, variant_ref: str, *, in_stock: bool = True) -> Wanted:
    """The shop, product and variant, as they can be sent now. `variant_ref` "": the first that can be bought.

    Errors: AskRefused.
    """
    listing = catalog.listing(session, listing_id)
    if listing is None or listing.status == "gone":
        raise AskRefused("product_unknown")
    shop = shops.get(session, listing.shop_id)
    if shop.status != "connected":
        raise AskRefused("shop_not_connected")
    if listing.rule or listing.reason == "against_rules":
        raise AskRefused("product_refused")
    if listing.status != "shoppable":
        if listing.reason != "sold_out":
            raise AskRefused("product_not_sold")
        if in_stock:
            raise AskRefused("product_sold_out")
    if variant_ref:
        variant = catalog.variant(session, shop.id, variant_ref)
    else:
        variant = catalog.first_buyable(session, shop.id, listing.product_ref)
    if variant is None or variant.product_ref != listing.product_ref or variant.gone_at is not None:
        raise AskRefused("variant_unknown")
    if in_stock and not variant.available:
        raise AskRefused("variant_sold_out")
    if not variant.requires_shipping:
        raise AskRefused("variant_not_shipped")
    return Wanted(shop, listing, variant)


def eligible(session: Session, creator_id: str, now: datetime) -> None:
    """May the creator take up anything new? Errors: NotFound; AskRefused in the policy's own words, but where a refusal
    names a field of its own."""
    try:
        eligibility.may_add(session, creator_id, now)
    except Conflict as refused:
        if refused.field:
            raise
        raise AskRefused("creator_not_eligible", words=refused.public) from refused


def given(session: Session, asked: Wanted, creator_id: str, kind: str, now: datetime) -> SampleOffer:
    """By which of the shop's offers it is given. Errors: AskRefused where the product isn't open to the creator, isn't
    given, or all of this month's are."""
    found = rates.offers(session, asked.shop.id, [asked.listing.product_ref], [creator_id])
    plan = plan_at(found, creator_id=creator_id, product_ref=asked.listing.product_ref, moment=now)
    if plan is None or plan.rate_bp is None:
        raise AskRefused("product_not_open")
    offer = offers.for_product(session, asked.shop.id, asked.listing.product_ref, kind, now)
    if offer is None:
        raise AskRefused("not_offered")
    if offers.left_this_month(session, offer, now) == 0:
        raise AskRefused("none_left_this_month")
    return offer


def one_of_each(
    session: Session, creator_id: str, asked: Wanted, numbers: Numbers, now: datetime, *, but: str = ""
) -> None:
    """Errors: AskRefused for a second sample of a product, or one asked for again too soon. What the shop cancelled,
    or support excused, may be asked for at once."""
    rows = session.execute(
        sa.select(Sample.state, Sample.ended_at).where(
            Sample.creator_id == creator_id, Sample.shop_id == asked.shop.id,
            Sample.product_ref == asked.listing.product_ref, Sample.id != but,
        )
    ).all()  # fmt: skip
    if any(state in moves.HOLDING for state, _ in rows):
        raise AskRefused("have_one")
    wait = timedelta(days=numbers.retry_days)
    ends = [at + wait for state, at in rows if state in RETRIED and at is not None]
    if ends and now < max(ends):
        raise AskRefused("retry_later", until=max(ends))


# After these ends the same product is asked for again only some days later.
RETRIED = ("declined", "withdrawn", "lapsed", "missed")
