"""Buying: the token rides in the address of the storefront's own page, and the storefront puts it into custom fields.

Vendure has no storefront and no checkout of its own, so no link of ours can open a cart. What the storefront has to do
is a few lines, which stand in our plug-in's README; without them a creator's coupon code is all that arrives.
"""

from __future__ import annotations

from collections.abc import Sequence

from connector.errors import InputRefused, PlatformRefused
from connector.events import OrderSnapshot
from connector.platforms.contract import Carrying, CartLine, Client, Way
from connector.platforms.links import check_code, check_token, with_parameters
from connector.platforms.vendure.settings import VendureSettings

MOST_CODE = 64
_KINDS = ("order_metadata", "line_property")
_LANDING: frozenset[Way] = frozenset({"landing"})

CARRIERS = (
    Carrying(
        "order_metadata", _LANDING, "Custom fields of the order: Attribution token",
        "storefronts without our few lines, or a cart that was begun before the visit and never set the field",
        "Install our plug-in, and have the storefront call setOrderCustomFields with the visit's connector_touch.",
    ),
    Carrying(
        "line_property", _LANDING, "Custom fields of the order line: Attribution token",
        "storefronts that add to the cart without the line's custom fields",
        "Give customFields: { attributionToken } to addItemToOrder. Then two creators in one cart are told apart.",
    ),
)  # fmt: skip


class Checkout:
    """The contract's `Checkout` for Vendure."""

    carriers: Sequence[Carrying] = CARRIERS
    hosts: frozenset[str] = frozenset()

    def cart_link(
        self, domain: str, lines: Sequence[CartLine], token: str, settings: VendureSettings, *, landing: str = "",
        code: str = "",
    ) -> str:  # fmt: skip
        raise InputRefused("shop", "has no cart that a link could open.", "Lead to the product's page instead.")

    def landing_link(self, domain: str, url: str, token: str, settings: VendureSettings, *, code: str = "") -> str:
        """The page with the token, with what the store's own analytics reads, and with the code to apply.

        A fragment of the address is dropped: single-page shops route by it, and would lose what stands before.
        """
        check_token(token)
        check_code(code, MOST_CODE)
        ours = {
            settings.link_parameter: token,
            "utm_source": settings.link_source,
            "utm_medium": "creator",
            "utm_content": token,
            **({"coupon": code} if code else {}),
        }
        return with_parameters(url, ours)

    def make_cart(self, client: Client, lines: Sequence[CartLine], token: str, *, code: str = "") -> str:
        raise PlatformRefused(f"{client.domain}: a cart of Vendure lives in the buyer's own session")

    def may_make_carts(self, scopes: Sequence[str]) -> bool:
        return False

    def variant_link(self, url: str, variant_ref: str) -> str:
        """With `variant`, which a storefront may read; one that doesn't shows the product all the same."""
        return with_parameters(url, {"variant": variant_ref})

    def tokens(self, snapshot: OrderSnapshot) -> list[tuple[str, str]]:
        return [(carrier.value, carrier.kind) for carrier in snapshot.carriers if carrier.kind in _KINDS]
