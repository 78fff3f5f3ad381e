"""From a touch to the store's own cart, with the token in every carrier that the platform keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import telemetry
from connector.commerce.catalog import ids
from connector.commerce.catalog import queries as listings
from connector.commerce.catalog.tables import Listing, VariantRow
from connector.commerce.shops import grants
from connector.commerce.shops.tables import GrantRow, Shop
from connector.earnings.attribution.tables import Touch
from connector.errors import Conflict, ConnectorError, PlatformDown
from connector.platforms import roster
from connector.platforms.contract import CartLine, Http, Way

_log = telemetry.logger(__name__)


@dataclass(frozen=True, slots=True)
class Opening:
    """All that is needed to open the store's cart, once no session is open any more."""

    shop_id: str
    domain: str
    platform: str
    lines: tuple[CartLine, ...]
    token: str
    code: str
    page: str  # the product's own page at the store: the way where no link opens a cart
    makes_cart: bool  # the store lets us make a cart; else, and where that fails, a permalink


@dataclass(frozen=True, slots=True)
class Opened:
    """`brings`: how many of the lines stand in what the address opens; of a product's page the last one alone."""

    url: str
    way: Way
    brings: int = 1


def opening(session: Session, shop: Shop, touch: Touch, *, code: str = "", quantity: int = 1) -> Opening:
    """How a touch's cart is opened: with the touched variant, or the first of the product that may be bought.

    `code` is a discount code of the creator's, where there is one: it is only carried here.
    Errors: Conflict when the shop left, or nothing of the product can be bought now.
    """
    variant_ref = buyable(session, shop, touch.product_ref, touch.variant_ref)
    how = to_variant(session, shop, variant_ref, touch.token, code)
    return replace(how, lines=tuple(replace(line, quantity=quantity) for line in how.lines))


def to_variant(session: Session, shop: Shop, variant_ref: str, token: str, code: str = "") -> Opening:
    platform = roster.platform(shop.platform)
    variant = session.get(VariantRow, ids.variant_id(shop.id, variant_ref))
    listing = session.get(Listing, ids.listing_id(shop.id, variant.product_ref)) if variant is not None else None
    product_ref = variant.product_ref if variant is not None else ""
    scopes = ""
    if platform.can("storefront_carts"):
        scopes = session.scalar(sa.select(GrantRow.scopes).where(GrantRow.shop_id == shop.id)) or ""
    return Opening(
        shop.id, shop.domain, shop.platform, (CartLine(variant_ref, product_ref=product_ref),), token, code,
        _page(listing, shop, variant_ref),
        platform.can("storefront_carts") and platform.checkout.may_make_carts(scopes.split()),
    )  # fmt: skip


def together(parts: Sequence[Opening]) -> Opening:
    """One cart of several touches of one shop. Each line has its own touch's token, for platforms whose lines carry
    one; the cart has the last one's, and a product's page, where it must be one, is the last one's too."""
    lines = tuple(replace(line, token=part.token) for part in parts for line in part.lines)
    return replace(parts[-1], lines=lines)


def open_cart(how: Opening, http: Http | None = None, *, strict: bool = False) -> Opened:
    """The address that opens the store's cart with the token in every carrier that the platform keeps.

    HTTP, where the store lets us make the cart: never inside `db.write()`. The buyer waits, so a store that doesn't
    answer at once, or answers anything else than a cart, is reached by the permalink, or else by the product's page.
    `strict`: not by a page that no token reaches; PlatformDown then, for those who can ask again.
    """
    platform, settings = roster.platform(how.platform), roster.settings_of(how.platform)
    checkout = platform.checkout
    if how.makes_cart:
        try:
            client = grants.client_for(how.shop_id, http)
            url = checkout.make_cart(client, how.lines, how.token, code=how.code)
        except ConnectorError as error:
            _log.warning("cart.by_permalink", shop_id=how.shop_id, problem=type(error).__name__)
        else:
            return Opened(url, "storefront_cart", len(how.lines))
    if not (platform.can("cart_links") or platform.can("landing_links")) and strict:
        raise PlatformDown(f"{how.domain}: the store made no cart, and no link opens one")
    if not platform.can("cart_links"):
        return Opened(checkout.landing_link(how.domain, how.page, how.token, settings, code=how.code), "landing")
    url = checkout.cart_link(how.domain, how.lines, how.token, settings, code=how.code)
    return Opened(url, "permalink", len(how.lines))


def trial_link(session: Session, shop: Shop, variant_ref: str, token: str) -> str:
    """The permalink of a merchant's test click."""
    return open_cart(replace(to_variant(session, shop, variant_ref, token), makes_cart=False)).url


def landing_for(shop: Shop, listing: Listing | None, token: str, *, code: str = "") -> str:
    """The product's page at the store with the token in its address, for those who want to look before they buy."""
    checkout = roster.platform(shop.platform).checkout
    url = shop_window(listing, shop)
    return checkout.landing_link(shop.domain, url, token, roster.settings_of(shop.platform), code=code)


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


def _page(listing: Listing | None, shop: Shop, variant_ref: str) -> str:
    url = shop_window(listing, shop)
    return roster.platform(shop.platform).checkout.variant_link(url, variant_ref) if listing is not None else url


def shop_window(listing: Listing | None, shop: Shop) -> str:
    """Where a program that follows a link may look: the product's page at the store, without any token."""
    if listing is not None and (_leads_on(listing.url) or _of_stand_in(listing.url, shop)):
        return listing.url
    return shop.storefront_url or f"https://{shop.domain}/"


def _leads_on(url: str) -> bool:
    """Stores say anything: what can't be parted (`https://[x/`) would fail every cart that its product is in."""
    try:
        return urlsplit(url).scheme == "https" and bool(urlsplit(url).hostname)
    except ValueError:
        return False


def _of_stand_in(url: str, shop: Shop) -> bool:
    """In dev a store is a stand-in on this machine; nobody is sent to the real one of the same name."""
    if not url.startswith("http://127.0.0.1:"):
        return False
    return getattr(roster.settings_of(shop.platform), "env", "") == "dev"


def from_the_store(shop: Shop, referrer: str) -> bool:
    """Does a click come from the store's own pages, or its checkout? Browsers tell other sites the host alone, so that
    is what counts: who is in the store already was not brought there by this link."""
    try:
        host = (urlsplit(referrer).hostname or "").lower()
        own = {shop.domain.lower(), (urlsplit(shop.storefront_url).hostname or "").lower()} - {""}
    except ValueError:
        return False
    known = own | {f"checkout.{name.removeprefix('www.')}" for name in own}
    return bool(host) and host in known | roster.platform(shop.platform).checkout.hosts
