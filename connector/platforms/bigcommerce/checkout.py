"""Buying: a cart that our server makes at the store, with the touch token in a metafield of it.

    POST /v3/carts?include=redirect_urls      the cart, in the storefront's own currency and prices
    POST /v3/carts/{id}/metafields            the token; readable under the order's `cart_id` after the cart is gone
    POST /v3/checkouts/{id}/coupons           the creator's code, where there is one and the scope for it

The buyer is sent to the redirect address, which works once: each tap makes a cart of its own. Without the scope for
carts, or where the store doesn't answer in time, the way is the product's page; nothing that rides in an address comes
back on an order of BigCommerce, so there only a creator's code credits anybody.
Source: reference/carts.v3.yml, checkouts.v3.yml, add-to-cart-url.mdx and checkout-url.mdx of bigcommerce/docs,
2026-04-01.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from urllib.parse import urlencode, urlsplit

from connector.errors import ConnectorError, HostRefused, InputRefused, PlatformDown, PlatformRefused
from connector.events import OrderSnapshot
from connector.platforms.bigcommerce import ids
from connector.platforms.bigcommerce.client import Envelope, rest
from connector.platforms.bigcommerce.payloads import CartNode, VariantHead
from connector.platforms.bigcommerce.settings import BigCommerceSettings
from connector.platforms.bigcommerce.snapshot import METAFIELD
from connector.platforms.contract import Carrying, CartLine, Client
from connector.platforms.links import check_code, check_token, with_parameters
from connector.platforms.rest import Rest

log = logging.getLogger(__name__)

MOST_LINES = 50
MOST_CODE = 50  # characters of a coupon code that a checkout takes
CARTS, COUPONS = "store_cart", "store_checkouts"
# A buyer waits meanwhile; a store that takes longer is reached by the product's page.
CART_SECONDS = 3.0

CARRIERS = (
    Carrying(
        "order_metadata", frozenset({"storefront_cart"}),
        "Nowhere in the control panel: it is a metafield of the cart that the order was made of",
        "buyers who go on in another browser or begin a cart of their own, and orders that staff make by hand",
        "Let the app keep the permission for carts. Apps and themes that empty the cart and fill it anew lose it.",
    ),
)  # fmt: skip


class Checkout:
    """The contract's `Checkout` for BigCommerce."""

    carriers: Sequence[Carrying] = CARRIERS
    hosts: frozenset[str] = frozenset()  # checkouts are on the store's own hosts

    def cart_link(
        self, domain: str, lines: Sequence[CartLine], token: str, settings: BigCommerceSettings, *, landing: str = "",
        code: str = "",
    ) -> str:  # fmt: skip
        """`/cart.php?action=buy&product_id=…&qty=…[&couponcode=…]`: one product, and no carrier but the code.

        No capability is claimed for it: an order that begins here brings no token back.
        """
        _check(lines, token, code)
        if len(lines) != 1 or not lines[0].product_ref:
            raise InputRefused("lines", "an add-to-cart address of BigCommerce holds exactly one product.")
        query = {"action": "buy", "product_id": lines[0].product_ref, "qty": lines[0].quantity}
        if code:
            query["couponcode"] = code
        return f"{settings.storefront(ids.store_hash(domain))}/cart.php?{urlencode(query)}"

    def landing_link(self, domain: str, url: str, token: str, settings: BigCommerceSettings, *, code: str = "") -> str:
        """The page, with what the store's own analytics shows. A code can't ride in an address: it is left out."""
        _check([CartLine("1")], token, code)
        ours = {"utm_source": settings.metafield_namespace, "utm_medium": "creator", "utm_content": token}
        return with_parameters(url, ours)

    def make_cart(self, client: Client, lines: Sequence[CartLine], token: str, *, code: str = "") -> str:
        """The redirect address of a fresh cart that carries the token.

        A code that the store doesn't take leaves the cart as it is: the sale counts more than the discount.
        Errors: those of the platform; HostRefused for an address that isn't https (dev: the stand-in's).
        """
        _check(lines, token, code)
        api = rest(client, tries=1)
        entry: dict[str, object] = {"line_items": _items(api, lines)}
        if channel := client.grant.details.get("channel"):
            entry["channel_id"] = int(channel)
        answer = api.post("/v3/carts", entry, {"include": "redirect_urls"}, timeout=CART_SECONDS)
        cart = answer.read(Envelope[CartNode]).data
        if cart.redirect_urls is None:
            raise PlatformRefused(f"{client.domain}: the store made a cart without an address")
        url = _trusted(cart.redirect_urls.checkout_url, client)
        path = f"/v3/carts/{_cart_id(cart.id, client.domain)}/metafields"
        field = {
            "permission_set": "app_only", "namespace": client.settings.metafield_namespace, "key": METAFIELD,
            "value": token,
        }  # fmt: skip
        api.post(path, field, timeout=CART_SECONDS)
        if code and COUPONS in client.grant.scopes:
            try:
                api.post(f"/v3/checkouts/{cart.id}/coupons", {"coupon_code": code}, timeout=CART_SECONDS)
            except ConnectorError as error:
                log.warning("cart without its code", extra={"problem": type(error).__name__})
        return url

    def may_make_carts(self, scopes: Sequence[str]) -> bool:
        return CARTS in scopes

    def variant_link(self, url: str, variant_ref: str) -> str:
        """The product's page: BigCommerce's addresses choose a variant by its SKU only, which may change."""
        return url

    def tokens(self, snapshot: OrderSnapshot) -> list[tuple[str, str]]:
        return [(carrier.value, carrier.kind) for carrier in snapshot.carriers if carrier.kind == "order_metadata"]


def _check(lines: Sequence[CartLine], token: str, code: str) -> None:
    check_token(token)
    if not 1 <= len(lines) <= MOST_LINES:
        raise InputRefused("lines", f"a cart is made with 1 to {MOST_LINES} products.")
    for line in lines:
        numbers = (line.variant_ref, line.product_ref or "1")
        if not all(each.isascii() and each.isdigit() for each in numbers) or line.quantity < 1:
            raise InputRefused("lines", "a cart needs a numeric variant and a quantity from 1 on.")
    check_code(code, MOST_CODE)


def _items(api: Rest, lines: Sequence[CartLine]) -> list[dict[str, int]]:
    """A cart wants the product beside the variant; where only the variant is known, the store is asked."""
    items = []
    for line in lines:
        product = int(line.product_ref) if line.product_ref else _product_of(api, line.variant_ref)
        items.append({"product_id": product, "variant_id": int(line.variant_ref), "quantity": line.quantity})
    return items


def _product_of(api: Rest, variant_ref: str) -> int:
    query: dict[str, str | int] = {"id": variant_ref, "include_fields": "product_id", "limit": 1}
    found = api.get("/v3/catalog/variants", query, timeout=CART_SECONDS).read(Envelope[list[VariantHead]]).data
    # Variants of no product are listed too, with the product 0.
    if not found or str(found[0].id) != variant_ref or found[0].product_id < 1:
        raise PlatformRefused(f"{api.domain}: the store has no variant {variant_ref}")
    return found[0].product_id


def _cart_id(given: str, domain: str) -> str:
    if not (given.isascii() and given.replace("-", "").isalnum() and len(given) <= 64):
        raise PlatformDown(f"{domain}: the store made a cart whose id is none")
    return given


def _trusted(url: str, client: Client) -> str:
    """A checkout may be on the merchant's own domain; but it is https, names no user, and in dev is the stand-in's."""
    parts = urlsplit(url)
    own = urlsplit(client.settings.storefront(ids.store_hash(client.domain)))
    if parts.username is not None or not parts.hostname:
        raise HostRefused("a checkout address names a user or no host")
    if parts.scheme != "https" and (parts.scheme, parts.netloc) != (own.scheme, own.netloc):
        raise HostRefused("a checkout address isn't https")
    return url
