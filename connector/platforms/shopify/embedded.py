"""Inside Shopify's admin: the session token that says who looks, its exchange for a grant, and the admin's frame.

Shopify installs the app by itself (managed installation) and opens it in a frame with `id_token`, a JWT of one minute.
It proves the shop and the person; traded at the token endpoint it becomes the same kind of grant as a code does.

Source: shopify.dev, …/authentication-authorization/id-tokens (called session tokens before), …/token-exchange,
…/set-up-iframe-protection, read 2026-11; leeway and claims as both official libraries have them (fact sheet, 1.4, 1.5).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from joserfc import jwt

from connector.errors import SignatureRejected
from connector.platforms import claims
from connector.platforms.contract import Frame, Http, Joined, Visit
from connector.platforms.shopify.authorize import DOMAIN, trade
from connector.platforms.shopify.settings import REAL_ORIGIN, ShopifySettings

LEEWAY = 10  # seconds: App Bridge's `nbf` is often a little ahead
LONGEST = 4096  # characters; Shopify's tokens have about 600
ADMIN = "https://admin.shopify.com"
SCRIPT = "https://cdn.shopify.com/shopifycloud/app-bridge.js"
_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
_ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105 - a name, no secret
_OFFLINE = "urn:shopify:params:oauth:token-type:offline-access-token"
_ORIGIN = re.compile(r"https://([^/?#]+)", re.ASCII)


class Embedded:
    """The contract's `Embedded` for Shopify."""

    def visited(self, token: str, settings: ShopifySettings, now: datetime) -> Visit:
        """Signature by a live secret, for this app, alive, of one shop, by a person.

        A token of a checkout or customer-account extension is signed with the same secret: its `sub` is a customer's
        GID or missing, and it opens nothing here.
        """
        said = _claims(token, settings, now)
        domain = _shop(said)
        person = said["sub"]
        if not (isinstance(person, str) and re.fullmatch(r"[0-9]{1,20}", person)):
            raise SignatureRejected("the session token isn't a staff member's")
        issued = datetime.fromtimestamp(int(said.get("iat", said["nbf"])), UTC)
        return Visit(domain=domain, person_ref=person, issued_at=issued, token=token)

    def exchange(self, visit: Visit, settings: ShopifySettings, http: Http, now: datetime) -> Joined:
        """An expiring offline token, as a code gives one. The tenant is the token's, never a parameter's."""
        form = {
            "grant_type": _GRANT, "subject_token": visit.token, "subject_token_type": _ID_TOKEN,
            "requested_token_type": _OFFLINE, "expiring": "1",
        }  # fmt: skip
        return Joined(domain=visit.domain, grant=trade(http, settings, visit.domain, form, now))

    def frame(self, domain: str | None, settings: ShopifySettings) -> Frame:
        """Exactly this shop's admin: both of its addresses. In dev the stand-in's origin takes the place of both."""
        if settings.origin_template != REAL_ORIGIN:
            parts = urlsplit(settings.origin_template)
            stand_in = f"{parts.scheme}://{parts.netloc.replace('{shop}', domain or '')}"
            return Frame(
                ancestors=(stand_in,),
                script=f"{stand_in}/shopifycloud/app-bridge.js",
                script_source=f"{stand_in}/shopifycloud/",
                public_id=settings.client_id,
            )
        shop = (f"https://{domain}",) if domain else ()
        return Frame(
            ancestors=(*shop, ADMIN), script=SCRIPT, script_source=SCRIPT.rpartition("/")[0] + "/",
            public_id=settings.client_id,
        )  # fmt: skip

    def admin_url(self, domain: str, settings: ShopifySettings) -> str:
        if settings.origin_template != REAL_ORIGIN:
            return f"{settings.origin(domain)}/admin/apps/{settings.client_id}"
        return f"{ADMIN}/store/{domain.removesuffix('.myshopify.com')}/apps/{settings.client_id}"


def _claims(token: str, settings: ShopifySettings, now: datetime) -> dict[str, Any]:
    """Errors: SignatureRejected, with a reason that quotes nothing of the token."""
    registry = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()), leeway=LEEWAY,
        aud={"essential": True, "value": settings.client_id},
        iss={"essential": True}, dest={"essential": True}, sub={"essential": True},
        exp={"essential": True}, nbf={"essential": True},
    )  # fmt: skip
    secrets = settings.secrets() if settings.client_id else ()
    return claims.signed(token, secrets, registry, longest=LONGEST, what="session token")


def _shop(said: dict[str, Any]) -> str:
    """`dest` and `iss` name one shop, in exactly the form that Shopify gives them."""
    dest, iss = str(said["dest"]), str(said["iss"])
    found = _ORIGIN.fullmatch(dest)
    if found is None or DOMAIN.fullmatch(found[1]) is None or iss != f"{dest}/admin":
        raise SignatureRejected("the session token names no shop, or two")
    return found[1].lower()
