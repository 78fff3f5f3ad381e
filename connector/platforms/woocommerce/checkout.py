"""Buying: the product's own page with the token in its address, or a link into the store's checkout where it has one.

WooCommerce's order attribution (8.5 and newer) keeps the first page of the last visit and its `utm_…` words with the
order: the token is `utm_content`. A stranger's link can carry it on, so these are carriers of the kind landing_page.
Since 10.0 `/checkout-link/` fills a cart, applies a coupon, and leads on to the checkout with all other words of the
address kept. Source: the fact sheet, section 5 [run]; WooCommerce 10.x `CheckoutLink` for the link [source, not run].
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlencode

from connector.errors import InputRefused, PlatformRefused
from connector.events import OrderSnapshot
from connector.platforms.contract import Carrying, CartLine, Client, Way
from connector.platforms.links import check_code, check_token, with_parameters
from connector.platforms.woocommerce.authorize import BY_LINK
from connector.platforms.woocommerce.catalog import SIMPLE
from connector.platforms.woocommerce.client import Store
from connector.platforms.woocommerce.payloads import BuyableBody
from connector.platforms.woocommerce.place import origin
from connector.platforms.woocommerce.settings import WooCommerceSettings

MOST_LINES = 50
MOST_CODE = 64
# A buyer waits meanwhile; a store that takes longer is reached by the product's page.
LOOK_SECONDS = 3.0
KNOWN_FOR = 900.0
_BY_ADDRESS: frozenset[Way] = frozenset({"permalink", "landing", "storefront_cart"})

CARRIERS = (
    Carrying(
        "landing_page", _BY_ADDRESS, "Order attribution: Origin, and the UTM details of the order",
        "stores that switched order attribution off, buyers who refuse cookies or block scripts, redirects that drop "
        "the part behind ?, a later visit by another link, and buyers who leave an in-app browser before they buy",
        "In WooCommerce > Settings > Advanced > Features keep Order Attribution on, let its script run after consent, "
        "and keep the part behind ? in redirects and caches.",
    ),
    Carrying(
        "order_metadata", frozenset(), "Custom fields of the order",
        "all orders but those that a plug-in of yours writes our field into", "Nothing: it is read where it is there.",
        fallback=True,
    ),
)  # fmt: skip


class Checkout:
    """The contract's `Checkout` for WooCommerce."""

    carriers: Sequence[Carrying] = CARRIERS
    hosts: frozenset[str] = frozenset()  # the checkout is a page of the store

    def cart_link(
        self,
        domain: str,
        lines: Sequence[CartLine],
        token: str,
        settings: WooCommerceSettings,
        *,
        landing: str = "",
        code: str = "",
    ) -> str:
        """`/checkout-link/?products=511:1,501:2&coupon=…&utm_…`. Only stores from 10.0 on know it."""
        _check(lines, token, code)
        products: dict[str, int] = {}
        for line in lines:
            products[line.variant_ref] = products.get(line.variant_ref, 0) + line.quantity
        query = {"products": ",".join(f"{ref}:{count}" for ref, count in products.items())}
        if code:
            query["coupon"] = code
        return f"{origin(domain, settings)}/checkout-link/?{urlencode(query | _campaign(token, settings), safe=':,')}"

    def landing_link(self, domain: str, url: str, token: str, settings: WooCommerceSettings, *, code: str = "") -> str:
        """The page with the token as `utm_content`. WooCommerce has no address that applies a coupon to a page: the
        buyer types the code."""
        _check([CartLine("1")], token, code)
        return with_parameters(url, _campaign(token, settings))

    def make_cart(self, client: Client, lines: Sequence[CartLine], token: str, *, code: str = "") -> str:
        """The store's checkout link, once each line is known to go into a cart by it.

        A variation that leaves a choice open does not: its buyer has to choose on the product's page.
        Errors: PlatformRefused for such a line, or an old store; those of the platform.
        """
        _check(lines, token, code)
        if not self.may_make_carts(client.grant.scopes):
            raise PlatformRefused(f"{client.domain}: this version of WooCommerce has no checkout link")
        for line in lines:
            simple = line.product_ref == line.variant_ref  # its own only variant: nothing is left to choose
            if not simple and not _chosen(client, line.variant_ref):
                raise PlatformRefused(f"{client.domain}: {line.variant_ref} can't be bought by a link alone")
        home = client.grant.details.get("home", "")
        link = self.cart_link(client.domain, lines, token, client.settings, code=code)
        return f"{home}{link[len(origin(client.domain, client.settings)) :]}" if home.startswith("https://") else link

    def may_make_carts(self, scopes: Sequence[str]) -> bool:
        return BY_LINK in scopes

    def variant_link(self, url: str, variant_ref: str) -> str:
        """The product's page as it is: its choices are named by attributes, which no id stands for."""
        return url

    def tokens(self, snapshot: OrderSnapshot) -> list[tuple[str, str]]:
        kinds = {each.name for each in CARRIERS}
        return [(carrier.value, carrier.kind) for carrier in snapshot.carriers if carrier.kind in kinds]


def _campaign(token: str, settings: WooCommerceSettings) -> dict[str, str]:
    return {"utm_source": settings.utm_source, "utm_medium": "affiliate", "utm_content": token}


def _check(lines: Sequence[CartLine], token: str, code: str) -> None:
    check_token(token)
    if not 1 <= len(lines) <= MOST_LINES:
        raise InputRefused("lines", f"a link holds 1 to {MOST_LINES} products.")
    for line in lines:
        if not (line.variant_ref.isascii() and line.variant_ref.isdigit()) or line.quantity < 1:
            raise InputRefused("lines", "a link needs a numeric product and a quantity from 1 on.")
    check_code(code, MOST_CODE, commas=False)


_known: dict[tuple[str, str], tuple[float, bool]] = {}


def _chosen(client: Client, variant_ref: str) -> bool:
    """May a cart be filled with it by its id alone? Asked of the store at most every quarter of an hour."""
    key = (client.domain, variant_ref)
    held = _known.get(key)
    if held is not None and time.monotonic() < held[0]:
        return held[1]
    store = replace(Store.of(client), tries=1)
    found = _looked_up(store, variant_ref)
    good = found is not None and found.purchasable and found.type == SIMPLE
    if found is not None and found.purchasable and found.type == "variation":
        parent = _looked_up(store, str(found.parent_id))
        chosen = {each.name for each in found.attributes if each.option}
        good = parent is not None and {each.name for each in parent.attributes if each.variation} <= chosen
    if len(_known) > 10_000:
        _known.clear()
    _known[key] = (time.monotonic() + KNOWN_FOR, good)
    return good


def _looked_up(store: Store, ref: str) -> BuyableBody | None:
    fields = [("_fields", "id,type,parent_id,purchasable,attributes")]
    answer = store.find(f"/products/{ref}", fields, timeout=LOOK_SECONDS)
    return answer.read(BuyableBody) if answer is not None else None
