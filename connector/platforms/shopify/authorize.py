"""How a merchant joins with Shopify: authorization code grant, expiring offline tokens, rotating refresh.

Source: authorization-code-grant, offline-access-tokens and the resilient-refreshes changelog on shopify.dev, read
2026-11; both signature encodings from Shopify's Node and Python libraries (fact sheet, sections 1.1, 1.2, 1.6).

The caller keeps the state (single use, bound to browser and shop) and checks it before `complete`; here stand the
checks that need Shopify's words: signature, host, freshness. All of them come before a request leaves.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlencode

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri

from connector.errors import (
    ConfigurationWrong,
    GrantLost,
    HostRefused,
    PayloadUnreadable,
    PlatformBusy,
    PlatformDown,
    PlatformRefused,
    SignatureRejected,
)
from connector.events import ShopProfile
from connector.platforms.contract import Client, Grant, Http, HttpAnswer, Joined, JoinStart
from connector.platforms.reading import decode
from connector.platforms.shopify import documents
from connector.platforms.shopify.client import ask, retry_after
from connector.platforms.shopify.ids import ref
from connector.platforms.shopify.payloads import ScopesAnswer, ShopAnswer, TokenBody, TokenErrorBody
from connector.platforms.shopify.settings import ShopifySettings

log = logging.getLogger(__name__)

# ASCII: without it `k` would match the Kelvin sign, which lower() turns into a k.
DOMAIN = re.compile(r"[a-z0-9][a-z0-9-]{0,98}\.myshopify\.com", re.ASCII | re.IGNORECASE)
_ADMIN = re.compile(r"(?:https://)?admin\.shopify\.com/store/([a-z0-9][a-z0-9-]{0,98})", re.ASCII | re.IGNORECASE)
CALLBACK_FRESH = timedelta(seconds=90)
LAUNCH_FRESH = timedelta(days=1)
CLOCK_SKEW = timedelta(seconds=90)
TOKEN_LIFE = 3600  # Shopify's, where a reply with a refresh token leaves it out
# Twice at most five seconds to connect and five to be answered: shorter than the lease that a renewal is made under.
# (While a secret rotates it may be longer; then another worker renews too, and the pair that is written last counts.)
RENEW_TRIES = 2
RENEW_TIMEOUT = 5.0

Query = Sequence[tuple[str, str]]


class ClientUnknown(PlatformRefused):
    """`invalid_client`: our own credentials are not Shopify's. Nothing is said about the shop or its grant."""


class Authorize:
    """The contract's `Authorize` for Shopify."""

    def domain(self, typed: str, settings: ShopifySettings) -> str:
        """`Sample-Shop.myshopify.com`, or the admin's address of a store, to `sample-shop.myshopify.com`.

        Errors: HostRefused for everything else, near misses included; nothing was sent.
        """
        rewritten = _ADMIN.fullmatch(typed)
        if rewritten is not None:
            return f"{rewritten[1].lower()}.myshopify.com"
        if DOMAIN.fullmatch(typed) is None:
            raise HostRefused(
                "not a myshopify.com host",
                public="Write the store's address as it is in Shopify's admin: your-store.myshopify.com.",
            )
        return typed.lower()

    def begin(self, domain: str, state: str, redirect_uri: str, settings: ShopifySettings) -> JoinStart:
        """Shopify documents commas between scopes, so they are joined here and not by the library."""
        checked = self.domain(domain, settings)
        if not settings.client_id or not settings.secrets():
            raise ConfigurationWrong(
                "SHOPIFY_CLIENT_ID", "or SHOPIFY_CLIENT_SECRET is empty", "Copy both from the app's page at Shopify."
            )
        return JoinStart(
            prepare_grant_uri(
                f"{settings.origin(checked)}/admin/oauth/authorize",
                client_id=settings.client_id,
                response_type="code",
                redirect_uri=redirect_uri,
                scope=",".join(settings.wanted_scopes()),
                state=state,
            )
        )

    def answered(self, query: Query, settings: ShopifySettings, now: datetime) -> str:
        """A callback is signed as a launch is."""
        return self.launched(query, settings, now)

    def launched(
        self, query: Query, settings: ShopifySettings, now: datetime, *, within: timedelta | None = None
    ) -> str:
        """The domain of an install hit, at most a day old."""
        _check_signature(query, settings)
        _check_time(query, now, LAUNCH_FRESH if within is None else within)
        return self._shop(query, settings)

    def complete(self, query: Query, redirect_uri: str, settings: ShopifySettings, http: Http, now: datetime) -> Joined:
        """All checks, then the code for an expiring offline token."""
        _check_signature(query, settings)
        _check_time(query, now, CALLBACK_FRESH)
        domain = self._shop(query, settings)
        code = _one(query, "code")
        return Joined(domain=domain, grant=trade(http, settings, domain, {"code": code, "expiring": "1"}, now))

    def renew(self, domain: str, grant: Grant, settings: ShopifySettings, http: Http, now: datetime) -> Grant:
        """A new access token and a new refresh token; the caller stores both in one transaction.

        An answer that got lost is asked for again with the same refresh token: it stays usable until the new one is
        first used (at most 30 days). So PlatformDown leaves the stored grant as good as it was.
        """
        checked = self.domain(domain, settings)
        if grant.refresh_token is None:
            raise GrantLost(f"{checked}: there is no refresh token, the merchant must join anew", fatal=True)
        form = {"grant_type": "refresh_token", "refresh_token": grant.refresh_token}
        for attempt in range(RENEW_TRIES):
            try:
                return trade(http, settings, checked, form, now, grant, timeout=RENEW_TIMEOUT)
            except PlatformDown:
                if attempt + 1 == RENEW_TRIES:
                    raise
        raise AssertionError("not reached")

    def profile(self, client: Client) -> ShopProfile:
        shop = ask(client, documents.SHOP, {}, ShopAnswer, cost=4).shop
        if shop.myshopify_domain.lower() != client.domain:
            raise PlatformRefused(f"{client.domain}: the answer speaks of another shop")
        return ShopProfile(
            shop_ref=ref(shop.id, "$.shop.id"),
            domain=client.domain,
            name=shop.name,
            currency=shop.currency_code,
            time_zone=shop.iana_timezone,
            country=(shop.shop_address.country_code_v2 if shop.shop_address else None) or "",
            storefront_url=shop.primary_domain.url,
            taxes_included=shop.taxes_included,
        )

    def scopes(self, client: Client) -> tuple[str, ...]:
        answer = ask(client, documents.SCOPES, {}, ScopesAnswer, cost=3)
        return tuple(sorted(scope.handle for scope in answer.current_app_installation.access_scopes))

    def _shop(self, query: Query, settings: ShopifySettings) -> str:
        shop = _one(query, "shop")
        if DOMAIN.fullmatch(shop) is None:  # the admin's form is for people, never in a signed query
            raise HostRefused("the signed query names a host that isn't myshopify.com")
        return shop.lower()


def _one(query: Query, name: str) -> str:
    """The value of a parameter that must be there once. A repeated one is a way to show two programs two values."""
    values = [value for key, value in query if key == name]
    if len(values) != 1 or not values[0]:
        raise SignatureRejected(f"the query has {len(values)} values of {name}")
    return values[0]


def _check_time(query: Query, now: datetime, fresh: timedelta) -> None:
    text = _one(query, "timestamp")
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise SignatureRejected("the query's timestamp isn't a number of seconds")
    age = now.timestamp() - int(text)
    if age > fresh.total_seconds() or -age > CLOCK_SKEW.total_seconds():
        raise SignatureRejected(f"the query is {age:.0f} seconds old")


def _check_signature(query: Query, settings: ShopifySettings) -> None:
    """The form-encoded message first (Node library), then the legacy one (Python library); every live secret."""
    given = _one(query, "hmac").encode()
    signed = [(key, value) for key, value in query if key not in ("hmac", "signature")]
    for name, message in (("form", form_encoded(signed)), ("legacy", legacy_encoded(signed))):
        for secret in settings.secrets():
            if hmac.compare_digest(hmac.new(secret, message, hashlib.sha256).hexdigest().encode(), given):
                log.debug("query signature matched", extra={"encoding": name})
                return
    raise SignatureRejected("the query's signature is wrong")


def form_encoded(pairs: Query) -> bytes:
    """Sorted by key only and stable, so that repeated `ids[]` keep their order."""
    return urlencode(sorted(pairs, key=lambda pair: pair[0])).encode()


def legacy_encoded(pairs: Query) -> bytes:
    """Raw values but for the delimiters; repeated `ids[]` become `ids=["1", "2"]`."""
    merged: dict[str, list[str]] = {}
    for key, value in pairs:
        merged.setdefault(key, []).append(value)
    parts = []
    for key, values in merged.items():
        name, value = (key[:-2], json.dumps(values)) if key.endswith("[]") else (key, values[0])
        name = name.replace("%", "%25").replace("=", "%3D")
        parts.append(f"{name}={value.replace('%', '%25')}".replace("&", "%26"))
    return "&".join(sorted(parts)).encode()


def trade(
    http: Http,
    settings: ShopifySettings,
    domain: str,
    form: Mapping[str, str],
    now: datetime,
    before: Grant | None = None,
    *,
    timeout: float = 20.0,
) -> Grant:
    """Ask the token endpoint, newest secret first.

    While a secret rotates, one of the two is not Shopify's yet or any more: "invalid_client" is answered before what is
    traded is looked at, so the other secret may be tried with the same code or token.
    Errors: GrantLost(fatal), PlatformBusy, PlatformDown, PlatformRefused.
    """
    secrets = [secret.decode() for secret in settings.secrets()]
    if not secrets:
        raise ConfigurationWrong("SHOPIFY_CLIENT_SECRET", "is empty", "Copy it from the app's page at Shopify.")
    for secret in secrets[:-1]:
        try:
            return _grant(_post(http, settings, domain, secret, form, timeout), domain, now, before)
        except ClientUnknown:
            log.warning("Shopify does not know the newest client secret; the one before is tried")
    return _grant(_post(http, settings, domain, secrets[-1], form, timeout), domain, now, before)


def _post(
    http: Http, settings: ShopifySettings, domain: str, secret: str, form: Mapping[str, str], timeout: float
) -> HttpAnswer:
    return http.send(
        "POST",
        f"{settings.origin(domain)}/admin/oauth/access_token",
        headers={"Accept": "application/json"},
        form={"client_id": settings.client_id, "client_secret": secret, **form},
        timeout=timeout,
    )


def _grant(answer: HttpAnswer, domain: str, now: datetime, before: Grant | None = None) -> Grant:
    """The reply as a grant; whatever else it is, as an error that quotes no more than Shopify's own error code."""
    try:
        if answer.status != 200:
            raise _refusal(answer, domain)
        try:
            reply = decode(answer.content, TokenBody)
        except PayloadUnreadable as error:
            raise PlatformDown(f"{domain}: the token reply can't be read at {error.path}") from None
    finally:
        answer.close()
    # A reply with a refresh token and without a life means the usual hour; "never expires" would brick the shop.
    life = reply.expires_in if reply.expires_in is not None else (TOKEN_LIFE if reply.refresh_token else None)
    refresh_life = reply.refresh_token_expires_in
    return Grant(
        access_token=reply.access_token,
        refresh_token=reply.refresh_token,
        scopes=tuple(sorted(s for s in reply.scope.split(",") if s)) or (before.scopes if before else ()),
        expires_at=None if life is None else now + timedelta(seconds=life),
        refresh_expires_at=None if refresh_life is None else now + timedelta(seconds=refresh_life),
    )


def _refusal(answer: HttpAnswer, domain: str) -> GrantLost | PlatformBusy | PlatformDown | PlatformRefused:
    status = answer.status
    if status >= 500:
        return PlatformDown(f"{domain}: the token endpoint answered {status}")
    if status in (429, 430):
        return PlatformBusy(f"{domain}: too many token requests", retry_after=retry_after(answer, status))
    try:
        word = decode(answer.content, TokenErrorBody).error
    except PayloadUnreadable:
        word = ""
    code = word if re.fullmatch(r"[a-z_]{1,40}", word) else "no reason given"
    if code == "invalid_client":
        return ClientUnknown(f"{domain}: Shopify doesn't know our client id and secret")
    if status in (400, 401, 403):
        return GrantLost(f"{domain}: the token endpoint refused ({status}, {code})", fatal=True)
    return PlatformRefused(f"{domain}: the token endpoint answered {status}")
