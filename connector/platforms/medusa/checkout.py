"""Buying: the store's own product page, with the touch token in its address. Medusa has no cart that a link can open.

A storefront belongs to its merchant, so it takes the token into the cart's metadata itself, by a few lines of ours
(`plugin/README.md`). Medusa copies the cart's metadata to the order, and a line's to the order's line. A creator's
promotion code needs no such lines.
"""

from __future__ import annotations

from collections.abc import Sequence

from connector.errors import NotFound
from connector.events import OrderSnapshot
from connector.platforms.contract import Carrying, CartLine, Client, Way
from connector.platforms.links import check_code, check_token, with_parameters
from connector.platforms.medusa.settings import MedusaSettings

_KINDS = ("order_metadata", "line_property")
_LANDING: frozenset[Way] = frozenset({"landing"})

CARRIERS = (
    Carrying(
        "order_metadata", _LANDING, "Metadata of the order",
        "storefronts without our lines of code, and carts that were begun before the tap and are filled elsewhere",
        "Add the lines of our plug-in's README to your storefront, and keep the cart's metadata when you update it.",
    ),
    Carrying(
        "line_property", _LANDING, "Metadata of the order's item",
        "storefronts that add items without our lines of code",
        "Pass the metadata along where your storefront adds an item to the cart.",
    ),
)  # fmt: skip


class Checkout:
    """The contract's `Checkout` for Medusa."""

    carriers: Sequence[Carrying] = CARRIERS
    hosts: frozenset[str] = frozenset()

    def cart_link(
        self, domain: str, lines: Sequence[CartLine], token: str, settings: MedusaSettings, *, landing: str = "",
        code: str = "",
    ) -> str:  # fmt: skip
        raise NotFound("Medusa has no link that opens a cart")

    def landing_link(self, domain: str, url: str, token: str, settings: MedusaSettings, *, code: str = "") -> str:
        """The page with `<prefix>_touch` and `utm_…`, and with the code as `promo`, for the storefront to apply."""
        check_token(token)
        check_code(code, 64)
        ours = {
            settings.carrier: token, "utm_source": settings.cart_prefix, "utm_medium": "creator", "utm_content": token,
            **({"promo": code} if code else {}),
        }  # fmt: skip
        return with_parameters(url, ours)

    def make_cart(self, client: Client, lines: Sequence[CartLine], token: str, *, code: str = "") -> str:
        raise NotFound("a Medusa cart has no address: the storefront keeps it in the buyer's cookie")

    def may_make_carts(self, scopes: Sequence[str]) -> bool:
        return False

    def variant_link(self, url: str, variant_ref: str) -> str:
        """As Medusa's own starter storefront chooses a variant: `v_id`."""
        return with_parameters(url, {"v_id": variant_ref})

    def tokens(self, snapshot: OrderSnapshot) -> list[tuple[str, str]]:
        return [(carrier.value, carrier.kind) for carrier in snapshot.carriers if carrier.kind in _KINDS]
