"""How a store joins: BigCommerce begins, and its callback brings a code that we trade. There is no state of ours.

    callback    account_uuid, code, context=stores/<hash>, scope: unsigned, so nothing in it is believed
    exchange    the code for a token that lasts until the app is removed or accepted anew; its own `context` names
                the store
    load        the app opened in the control panel: a JWT, HS256 with the client secret
    uninstall   the app removed: a JWT of the same form, sent by BigCommerce's server

Source: integrations/apps/guide/auth.mdx and callbacks.mdx of bigcommerce/docs, 2026-04-01 (fact sheet, section 2).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from joserfc import jwt

from connector.errors import (
    ConfigurationWrong,
    GrantLost,
    PayloadUnreadable,
    PlatformBusy,
    PlatformDown,
    PlatformRefused,
    SignatureRejected,
)
from connector.events import ShopProfile
from connector.platforms import claims
from connector.platforms.bigcommerce import ids
from connector.platforms.bigcommerce.client import rest
from connector.platforms.bigcommerce.payloads import StoreInfo, TokenRefusal, TokenReply
from connector.platforms.bigcommerce.settings import BigCommerceSettings
from connector.platforms.contract import Client, Grant, Http, HttpAnswer, Joined, JoinStart
from connector.platforms.reading import decode
from connector.platforms.rest import NoBudget, retry_after

log = logging.getLogger(__name__)

Query = Sequence[tuple[str, str]]

LEEWAY = 300  # seconds: the documented example is valid five seconds before it was issued
LONGEST = 8192  # characters of a token: BigCommerce's have some six hundred
TRADE_SECONDS = 15.0


class SecretUnknown(PlatformRefused):
    """BigCommerce doesn't know our client id and secret: nothing is said about the code."""


class Authorize:
    """The contract's `Authorize` for BigCommerce."""

    def domain(self, typed: str, settings: BigCommerceSettings) -> str:
        """`https://store-ABC123.mybigcommerce.com/manage` or `stores/abc123` to `store-abc123.mybigcommerce.com`."""
        return ids.typed(typed)

    def begin(self, domain: str, state: str, redirect_uri: str, settings: BigCommerceSettings) -> JoinStart:
        """The app's install link: BigCommerce asks the merchant to agree, then calls us back without our state."""
        if not settings.install_url:
            raise ConfigurationWrong(
                "BIGCOMMERCE_CLIENT_ID", "or BIGCOMMERCE_CLIENT_SECRET is empty",
                "Copy both from the app's profile in BigCommerce's Developer Portal.",
            )  # fmt: skip
        return JoinStart(settings.install_url)

    def answered(self, query: Query, settings: BigCommerceSettings, now: datetime) -> None:
        """BigCommerce signs no callback: only the exchange's reply says whose it is."""
        return

    def launched(
        self, query: Query, settings: BigCommerceSettings, now: datetime, *, within: timedelta | None = None
    ) -> str:
        """The domain of a load callback; BigCommerce lets one be 24 hours old."""
        domain, issued_at = signed(query, settings, now)
        if within is not None and now - issued_at > within:
            raise SignatureRejected(f"the link is {(now - issued_at).total_seconds():.0f} seconds old")
        return domain

    def complete(
        self, query: Query, redirect_uri: str, settings: BigCommerceSettings, http: Http, now: datetime
    ) -> Joined:
        """Trade the code. The reply's context is the store; one that differs from the callback's is refused."""
        code, context, scope = _one(query, "code"), _one(query, "context"), _one(query, "scope")
        if ids.of_context(context) is None:
            raise SignatureRejected("the callback names no store")
        if not settings.client_id or not settings.secrets():
            raise ConfigurationWrong(
                "BIGCOMMERCE_CLIENT_SECRET", "is empty", "Copy it from the app's profile at BigCommerce."
            )
        form = {
            "client_id": settings.client_id, "code": code, "context": context, "scope": scope,
            "grant_type": "authorization_code", "redirect_uri": redirect_uri,
        }  # fmt: skip
        reply = _trade(http, settings, form)
        domain = ids.of_context(reply.context)
        if domain is None or reply.context != context:
            raise GrantLost("the token is another store's than the callback named", fatal=True)
        if not reply.access_token:
            raise PlatformDown(f"{domain}: the token reply holds no token")
        grant = Grant(access_token=reply.access_token, scopes=held(reply.scope))
        # Tried at once; carts are made in the storefront that the store itself calls its first.
        info = store(Client(domain, "", grant, http, NoBudget(), settings))
        channel = {"channel": str(info.default_channel_id)} if info.default_channel_id else {}
        return Joined(domain, replace(grant, details=channel))

    def renew(self, domain: str, grant: Grant, settings: BigCommerceSettings, http: Http, now: datetime) -> Grant:
        raise GrantLost(
            f"{domain}: a BigCommerce token can't be renewed: open the app in the control panel, or install it again",
            fatal=True,
        )

    def profile(self, client: Client) -> ShopProfile:
        info = store(client)
        zone = info.timezone.name if info.timezone is not None else ""
        return ShopProfile(
            shop_ref=info.id,
            domain=client.domain,
            name=info.name,
            currency=info.currency,
            time_zone=zone or "UTC",
            country=info.country_code,
            storefront_url=info.secure_url or (f"https://{info.domain}" if info.domain else ""),
            taxes_included=info.is_price_entered_with_tax,
        )

    def scopes(self, client: Client) -> tuple[str, ...]:
        """What the token's reply said: BigCommerce has no call that tells it, and a change comes as a new callback."""
        return client.grant.scopes


class Farewell:
    """The contract's `Farewell`: the uninstall callback."""

    def said(self, query: Query, settings: BigCommerceSettings, now: datetime) -> tuple[str, datetime]:
        return signed(query, settings, now)


def store(client: Client) -> StoreInfo:
    """What the store says of itself. Errors: PlatformRefused when it is another one than we asked."""
    info = rest(client).get("/v2/store").read(StoreInfo)
    if info.id != ids.store_hash(client.domain):
        raise PlatformRefused(f"{client.domain}: the answer speaks of another store")
    return info


def held(scope: str) -> tuple[str, ...]:
    """The scopes of a reply, sorted. A scope to modify holds the one to read, under a name of its own."""
    given = {word for word in scope.split() if re.fullmatch(r"[a-z0-9_]{1,80}", word)}
    return tuple(sorted(given | {f"{word}_read_only" for word in given if not word.endswith("_read_only")}))


def signed(query: Query, settings: BigCommerceSettings, now: datetime) -> tuple[str, datetime]:
    """The domain that a callback's JWT proves, and when it was issued. Errors: SignatureRejected, quoting nothing."""
    said = _claims(_one(query, "signed_payload_jwt"), settings, now)
    domain = ids.of_context(said["sub"]) if isinstance(said["sub"], str) else None
    if domain is None:
        raise SignatureRejected("the signed callback names no store")
    return domain, datetime.fromtimestamp(said["iat"], UTC)


def _claims(token: str, settings: BigCommerceSettings, now: datetime) -> dict[str, Any]:
    registry = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()), leeway=LEEWAY,
        aud={"essential": True, "value": settings.client_id}, iss={"essential": True, "value": "bc"},
        sub={"essential": True}, exp={"essential": True}, iat={"essential": True},
    )  # fmt: skip
    secrets = settings.secrets() if settings.client_id else ()
    return claims.signed(token, secrets, registry, longest=LONGEST, what="signed callback")


def _one(query: Query, name: str) -> str:
    """The value of a parameter that must be there once. A repeated one is a way to show two programs two values."""
    values = [value for key, value in query if key == name]
    if len(values) != 1 or not values[0]:
        raise SignatureRejected(f"the query has {len(values)} values of {name}")
    return values[0]


def _trade(http: Http, settings: BigCommerceSettings, form: dict[str, str]) -> TokenReply:
    """Ask with the newest secret; with the one before only where BigCommerce says that it doesn't know ours."""
    secrets = [secret.decode() for secret in settings.secrets()]
    for secret in secrets[:-1]:
        try:
            return _post(http, settings, {**form, "client_secret": secret})
        except SecretUnknown:
            log.warning("BigCommerce does not know the newest client secret; the one before is tried")
    return _post(http, settings, {**form, "client_secret": secrets[-1]})


def _post(http: Http, settings: BigCommerceSettings, form: dict[str, str]) -> TokenReply:
    answer = http.send(
        "POST",
        f"{settings.login_origin}/oauth2/token",
        headers={"Accept": "application/json", "Content-Type": "application/json"},
        body=msgspec.json.encode(form),
        timeout=TRADE_SECONDS,
    )
    try:
        if answer.status != 200:
            raise _refusal(answer)
        try:
            return decode(answer.content, TokenReply)
        except PayloadUnreadable as error:
            raise PlatformDown(f"the token reply can't be read at {error.path}") from None
    finally:
        answer.close()


def _refusal(answer: HttpAnswer) -> GrantLost | PlatformBusy | PlatformDown | PlatformRefused:
    status = answer.status
    if status >= 500:
        return PlatformDown(f"BigCommerce's token endpoint answered {status}")
    if status == 429:
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return PlatformBusy("too many token requests (429)", retry_after=retry_after(headers, 5.0))
    try:
        word = decode(answer.content, TokenRefusal).error
    except PayloadUnreadable:
        word = ""
    if word == "invalid_client":
        return SecretUnknown("BigCommerce doesn't know our client id and secret")
    reason = word if re.fullmatch(r"[a-z_]{1,40}", word) else f"status {status}"
    if 300 <= status < 400:
        return PlatformRefused(f"the token endpoint leads elsewhere ({status})")
    return GrantLost(f"BigCommerce refused the code ({reason})", fatal=True)
