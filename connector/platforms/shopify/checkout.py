"""Buying: a cart permalink that opens Shopify's own checkout with the touch token in it, and how it is found again.

Checkout stays on Shopify (App Store requirement 1.1.2). Source: create-cart-permalinks on shopify.dev and the fact
sheet, section 7. Three carriers go along, since each is lost now and then:

- cart attribute `<prefix>_touch`        → note_attributes / customAttributes   (lost under some express checkouts)
- line property `_<prefix>_touch`        → properties / customAttributes of the line; a permalink gives it
                                           to the first product only, which is why the attribute goes along
- landing `ref`                          → source_identifier / sourceIdentifier  (not kept by headless stores)
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from urllib.parse import urlencode

from connector.errors import InputRefused
from connector.events import OrderSnapshot
from connector.platforms.contract import CartLine
from connector.platforms.shopify.settings import ShopifySettings
from connector.platforms.shopify.snapshot import TOKEN

MOST_LINES = 250
_KINDS = ("cart_attribute", "line_property", "referral")


class Checkout:
    """The contract's `Checkout` for Shopify."""

    def cart_link(
        self,
        domain: str,
        lines: Sequence[CartLine],
        token: str,
        settings: ShopifySettings,
        *,
        landing: str = "",
    ) -> str:
        """`https://{shop}/cart/{variant}:{quantity},…?attributes[…]=…&properties=…&ref=…`

        `landing` takes the token's place in `ref` where a caller wants another word in the store's own analytics.
        Errors: InputRefused for a token or a line that such a link can't hold.
        """
        if TOKEN.fullmatch(token) is None:
            raise InputRefused("token", "isn't 1 to 40 of A-Z, a-z, 0-9, - and _.")
        if not 1 <= len(lines) <= MOST_LINES:
            raise InputRefused("lines", f"a cart link holds 1 to {MOST_LINES} products.")
        for line in lines:
            if not (line.variant_ref.isascii() and line.variant_ref.isdigit()) or line.quantity < 1:
                raise InputRefused("lines", "a cart link needs a numeric variant and a quantity from 1 on.")
        cart = ",".join(f"{line.variant_ref}:{line.quantity}" for line in lines)
        properties = json.dumps({settings.line_property: token}, separators=(",", ":")).encode()
        query = urlencode(
            {
                f"attributes[{settings.cart_attribute}]": token,
                "properties": base64.urlsafe_b64encode(properties).decode().rstrip("="),
                "ref": landing or token,
            }
        )
        return f"{settings.origin(domain)}/cart/{cart}?{query}"

    def tokens(self, snapshot: OrderSnapshot) -> list[tuple[str, str]]:
        return [(carrier.value, carrier.kind) for carrier in snapshot.carriers if carrier.kind in _KINDS]
