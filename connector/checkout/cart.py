"""From a touch to the store's own cart, with the token in every carrier that the platform keeps."""

from __future__ import annotations

from sqlalchemy.orm import Session

from connector.commerce.catalog import ids
from connector.commerce.catalog import queries as listings
from connector.commerce.catalog.tables import Listing, VariantRow
from connector.commerce.shops.tables import Shop
from connector.earnings.attribution.tables import Touch
from connector.errors import Conflict
from connector.platforms import roster
from connector.platforms.contract import CartLine


def link_for(session: Session, shop: Shop, touch: Touch) -> str:
    """The address that opens the store's cart with the touched variant, or the first that may be bought.

    Errors: Conflict when the shop left, or nothing of the product can be bought now.
    """
    variant_ref = buyable(session, shop, touch.product_ref, touch.variant_ref)
    platform = roster.platform(shop.platform)
    return platform.checkout.cart_link(
        shop.domain, [CartLine(variant_ref)], touch.token, roster.settings_of(shop.platform)
    )


def buyable(session: Session, shop: Shop, product_ref: str, variant_ref: str | None) -> str:
    """The variant that a tap leads to. Asked before a touch is recorded: what can't be bought earns nobody anything.

    A wanted variant that is sold out leads to the product's first one on sale: the buyer chooses there.
    Errors: Conflict, whose public text is for the buyer.
    """
    if shop.status == "left":
        raise Conflict(f"shop {shop.id} left", public="This store doesn't sell here any more.")
    listing = session.get(Listing, ids.listing_id(shop.id, product_ref))
    if listing is None or listing.status == "gone":
        raise Conflict(
            f"product {product_ref} of {shop.id} is gone", public="The store doesn't sell this product any more."
        )
    if listing.status != "shoppable":
        raise Conflict(
            f"listing {listing.id} is not shoppable: {listing.reason}",
            public="It is sold out."
            if listing.reason == "sold_out"
            else "The store doesn't sell this product right now.",
        )
    if variant_ref is not None:
        wanted = session.get(VariantRow, ids.variant_id(shop.id, variant_ref))
        if wanted is not None and wanted.available and wanted.gone_at is None and wanted.product_ref == product_ref:
            return wanted.variant_ref
    first = listings.first_buyable(session, shop.id, product_ref)
    if first is None:
        raise Conflict(f"listing {listing.id} has nothing to buy", public="It is sold out.")
    return first.variant_ref


def shop_window(listing: Listing | None, shop: Shop) -> str:
    """Where a program that follows a link may look: the product's page at the store, without any token."""
    if listing is not None and listing.url.startswith("https://"):
        return listing.url
    return shop.storefront_url or f"https://{shop.domain}/"
