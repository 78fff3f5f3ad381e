"""From a tap to a payment link of Square's, in which the touch token rides as the order's reference and metadata.

Square's own shop pages take nothing of ours along, so a link that we make is the only way that credits anybody.
Source: Square's Checkout API (fact sheet, section 7).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from connector.errors import HostRefused, InputRefused, NotFound
from connector.events import OrderSnapshot
from connector.platforms.contract import Carrying, CartLine, Client
from connector.platforms.links import check_token
from connector.platforms.square.catalog import LocationReply
from connector.platforms.square.client import api
from connector.platforms.square.payloads import PaymentLinkReply
from connector.platforms.square.settings import SquareSettings

MOST_LINES = 50
CART_SECONDS = 6.0  # the buyer waits
NEEDS = frozenset({"ORDERS_WRITE", "PAYMENTS_WRITE"})
_HOSTS = re.compile(r"(?:[a-z0-9-]+\.)*(?:square\.link|squareup\.com|squareupsandbox\.com|square\.site)")

CARRIERS = (
    Carrying(
        "order_metadata", frozenset({"storefront_cart"}),
        "The order's reference (`reference_id`), and metadata that only our application sees.",
        "The buyer went to the seller's own shop page instead of following the link, or paid at the counter.",
        "Ask buyers to pay by the link; nothing else at Square takes a creator's touch along.",
    ),
)  # fmt: skip


class Checkout:
    """The contract's `Checkout` for Square."""

    carriers: Sequence[Carrying] = CARRIERS
    hosts = frozenset({"checkout.square.site", "square.link"})

    def cart_link(
        self, domain: str, lines: Sequence[CartLine], token: str, settings: Any, *, landing: str = "", code: str = ""
    ) -> str:
        raise NotFound("Square opens no cart by an address: a payment link is made for each tap")

    def landing_link(self, domain: str, url: str, token: str, settings: Any, *, code: str = "") -> str:
        """The seller's own page. Nothing of ours arrives at an order from there."""
        check_token(token)
        return url

    def make_cart(self, client: Client, lines: Sequence[CartLine], token: str, *, code: str = "") -> str:
        """A payment link over these variations. A tap that is made twice gets the same link: the token is its key.

        `code` is not carried: Square takes no discount code by a link.
        Errors: InputRefused; PlatformRefused without the scopes; HostRefused for an address that isn't Square's.
        """
        check_token(token)
        if not 1 <= len(lines) <= MOST_LINES or any(line.quantity < 1 for line in lines):
            raise InputRefused("lines", f"a payment link holds 1 to {MOST_LINES} products, each at least once.")
        settings: SquareSettings = client.settings
        rest = api(client)
        main = rest.get("/v2/locations/main", timeout=CART_SECONDS).read(LocationReply).location
        body = {
            "idempotency_key": token,
            "order": {
                "location_id": main.id,
                "reference_id": token,
                "metadata": {settings.carrier_key: token},
                "line_items": [
                    {"catalog_object_id": line.variant_ref, "quantity": str(line.quantity)} for line in lines
                ],
            },
            "payment_note": token,
        }
        reply = rest.post("/v2/online-checkout/payment-links", body, timeout=CART_SECONDS).read(PaymentLinkReply)
        return _trusted(reply.payment_link.url or reply.payment_link.long_url, settings)

    def may_make_carts(self, scopes: Sequence[str]) -> bool:
        return set(scopes) >= NEEDS

    def variant_link(self, url: str, variant_ref: str) -> str:
        """Square's pages choose no variation by their address."""
        return url

    def tokens(self, snapshot: OrderSnapshot) -> list[tuple[str, str]]:
        return [(carrier.value, carrier.kind) for carrier in snapshot.carriers if carrier.kind == "order_metadata"]


def _trusted(url: str, settings: SquareSettings) -> str:
    parts, own = urlsplit(url), urlsplit(settings.origin)
    if settings.env == "dev" and (parts.scheme, parts.netloc) == (own.scheme, own.netloc):
        return url
    if parts.scheme != "https" or parts.username is not None or not _HOSTS.fullmatch((parts.hostname or "").lower()):
        raise HostRefused("a payment link's address isn't Square's")
    return url
