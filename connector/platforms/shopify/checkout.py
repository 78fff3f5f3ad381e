"""Buying: a cart permalink or a Storefront cart that opens Shopify's own checkout with the touch token in it.

Checkout stays on Shopify (App Store requirement 1.1.2). Sources: create-cart-permalinks on shopify.dev, the Storefront
API's cartCreate (2026-10), and the fact sheet, section 7. `CARRIERS` lists where the token rides, since each is lost
now and then; the order is the one in which a merchant should mend them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from connector.errors import HostRefused, InputRefused, PlatformBusy, PlatformDown, PlatformRefused
from connector.events import OrderSnapshot
from connector.platforms.contract import Carrying, CartLine, Client, Way
from connector.platforms.links import check_code, check_token, with_parameters
from connector.platforms.shopify.settings import ShopifySettings

MOST_LINES = 250
MOST_CODE = 64
STOREFRONT_SCOPE = "unauthenticated_write_checkouts"
# A buyer waits meanwhile; a store that takes longer is reached by the permalink.
CART_SECONDS = 3.0
_KINDS = ("cart_attribute", "line_property", "referral")
_BY_CART: frozenset[Way] = frozenset({"permalink", "storefront_cart"})
_BY_ADDRESS: frozenset[Way] = frozenset({"permalink", "landing"})

CARRIERS = (
    Carrying(
        "cart_attribute", _BY_CART, "Additional details of the order",
        "express checkouts that begin a cart of their own, and apps or themes that clear the cart's attributes",
        "In your theme, keep the cart's attributes when the cart changes: look for code that posts to /cart/clear or "
        "/cart/update with attributes. Try again without other apps that change the cart.",
    ),
    Carrying(
        "line_property", _BY_CART, "Properties of the line item",
        "themes and bundle apps that add the line anew, and on a permalink all lines but the first",
        "In your theme, keep the line item's properties when the cart is drawn or changed: names that begin with _ "
        "belong to apps. Bundle and upsell apps that swap lines often drop them.",
    ),
    Carrying(
        "referral", _BY_ADDRESS, "The referral code (ref) of the visit",
        "stores that are headless or on another address than their checkout, and buyers who refuse cookies",
        "Don't redirect the store's address before the page has loaded, and keep the part behind ? in redirects. A "
        "headless store must pass ref on.",
    ),
    Carrying(
        "landing_page", _BY_ADDRESS, "The first page of the visit",
        "redirects that drop the part behind ?, headless stores, draft orders and the point of sale",
        "Keep the part behind ? in redirects, and let the store's own analytics run after consent.",
    ),
    Carrying(
        "store_journey", _BY_ADDRESS, "Conversion summary of the order",
        "orders whose summary isn't ready yet, headless stores, and buyers who refuse analytics",
        "Let the store's own analytics run after consent.", fallback=True,
    ),
)  # fmt: skip

CART_CREATE = """mutation TouchCart($input: CartInput!) {
  cartCreate(input: $input) {
    cart { checkoutUrl }
    userErrors { field message }
  }
}"""


class _Problem(msgspec.Struct):
    message: str = ""


class _Cart(msgspec.Struct):
    checkout_url: str = msgspec.field(name="checkoutUrl")


class _Created(msgspec.Struct):
    cart: _Cart | None = None
    user_errors: list[_Problem] = msgspec.field(name="userErrors", default_factory=list)


class _Data(msgspec.Struct):
    created: _Created | None = msgspec.field(name="cartCreate", default=None)


class _Answer(msgspec.Struct):
    data: _Data | None = None
    errors: list[_Problem] = msgspec.field(default_factory=list)


class Checkout:
    """The contract's `Checkout` for Shopify."""

    carriers: Sequence[Carrying] = CARRIERS
    hosts = frozenset({"checkout.shopify.com", "pay.shopify.com", "shop.app"})

    def cart_link(
        self,
        domain: str,
        lines: Sequence[CartLine],
        token: str,
        settings: ShopifySettings,
        *,
        landing: str = "",
        code: str = "",
    ) -> str:
        """`https://{shop}/cart/{variant}:{quantity},…?attributes[…]=…&properties=…&ref=…&utm_…[&discount=…]`

        `properties` is given to the first product only, which is why the attribute goes along. `landing` takes the
        token's place in `ref` where a caller wants another word in the store's own analytics.
        Errors: InputRefused for a token, a line or a code that such a link can't hold.
        """
        _check(lines, token, code)
        cart = ",".join(f"{line.variant_ref}:{line.quantity}" for line in lines)
        properties = json.dumps({settings.line_property: token}, separators=(",", ":")).encode()
        query = {
            f"attributes[{settings.cart_attribute}]": token,
            "properties": base64.urlsafe_b64encode(properties).decode().rstrip("="),
            "ref": landing or token,
            **_campaign(token, settings),
        }
        if code:
            query["discount"] = code
        return f"{settings.origin(domain)}/cart/{cart}?{urlencode(query)}"

    def landing_link(self, domain: str, url: str, token: str, settings: ShopifySettings, *, code: str = "") -> str:
        """The page with `ref` and `utm_…`; with a code by `/discount/{code}?redirect=…`, which leads on to it.

        Only the path and query of `url` are used with a code: a discount link redirects inside its own store.
        """
        _check([CartLine("1")], token, code)
        ours = {"ref": token, **_campaign(token, settings)}
        page = with_parameters(url, ours)
        if not code:
            return page
        parts = urlsplit(page)
        target = f"{parts.path}?{parts.query}"
        # The visit begins at the discount link, so the carriers stand on it as well.
        onward = urlencode({"redirect": target, **ours})
        return f"{settings.origin(domain)}/discount/{quote(code, safe='')}?{onward}"

    def make_cart(
        self,
        client: Client,
        lines: Sequence[CartLine],
        token: str,
        *,
        code: str = "",
    ) -> str:
        """`cartCreate` of the Storefront API: attributes on the cart and on every line; its `checkoutUrl` as it is.

        Asked without a token of its own: Shopify serves carts so. Errors: PlatformBusy, PlatformDown,
        PlatformRefused; HostRefused for an address that is neither the shop's nor https (dev: the stand-in's).
        """
        _check(lines, token, code)
        domain, settings, http = client.domain, client.settings, client.http
        origin = settings.origin(domain)
        entry = {
            "lines": [
                {
                    "merchandiseId": f"gid://shopify/ProductVariant/{line.variant_ref}",
                    "quantity": line.quantity,
                    "attributes": [{"key": settings.line_property, "value": line.token or token}],
                }
                for line in lines
            ],
            "attributes": [{"key": settings.cart_attribute, "value": token}],
            "discountCodes": [code] if code else [],
        }
        answer = http.send(
            "POST",
            f"{origin}/api/{settings.api_version}/graphql.json",
            headers={"Content-Type": "application/json", "Accept": "application/json"},
            body=msgspec.json.encode({"query": CART_CREATE, "variables": {"input": entry}}),
            timeout=CART_SECONDS,
        )
        if answer.status in (429, 430):
            raise PlatformBusy(f"{domain}: the storefront is asked too often", retry_after=1.0)
        if answer.status >= 500:
            raise PlatformDown(f"{domain}: the storefront answered {answer.status}")
        if answer.status != 200:
            raise PlatformRefused(f"{domain}: the storefront answered {answer.status}")
        return _trusted(_made(domain, answer.content), origin)

    def may_make_carts(self, scopes: Sequence[str]) -> bool:
        return STOREFRONT_SCOPE in scopes

    def variant_link(self, url: str, variant_ref: str) -> str:
        return with_parameters(url, {"variant": variant_ref})

    def tokens(self, snapshot: OrderSnapshot) -> list[tuple[str, str]]:
        return [(carrier.value, carrier.kind) for carrier in snapshot.carriers if carrier.kind in _KINDS]


def _campaign(token: str, settings: ShopifySettings) -> dict[str, str]:
    """What the store's own analytics shows, and what an order's journey gives back: the token is `utm_content`."""
    return {"utm_source": settings.cart_prefix, "utm_medium": "creator", "utm_content": token}


def _check(lines: Sequence[CartLine], token: str, code: str) -> None:
    check_token(token)
    if not 1 <= len(lines) <= MOST_LINES:
        raise InputRefused("lines", f"a cart link holds 1 to {MOST_LINES} products.")
    for line in lines:
        if not (line.variant_ref.isascii() and line.variant_ref.isdigit()) or line.quantity < 1:
            raise InputRefused("lines", "a cart link needs a numeric variant and a quantity from 1 on.")
    check_code(code, MOST_CODE, commas=False)


def _made(domain: str, body: bytes) -> str:
    try:
        found = msgspec.json.decode(body, type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise PlatformDown(f"{domain}: the storefront's answer can't be read") from None
    created = found.data.created if found.data is not None else None
    if created is None or created.cart is None:
        problems = [*found.errors, *(created.user_errors if created is not None else ())]
        said = problems[0].message[:120] if problems else "no cart"
        raise PlatformRefused(f"{domain}: the storefront made no cart: {said}")
    return created.cart.checkout_url


def _trusted(url: str, origin: str) -> str:
    """A checkout may be on the merchant's own domain; but it is https, names no user, and in dev is the stand-in's."""
    parts, own = urlsplit(url), urlsplit(origin)
    if parts.username is not None or not parts.hostname:
        raise HostRefused("a checkout address names a user or no host")
    if parts.scheme != "https" and (parts.scheme, parts.netloc) != (own.scheme, own.netloc):
        raise HostRefused("a checkout address isn't https")
    return url
