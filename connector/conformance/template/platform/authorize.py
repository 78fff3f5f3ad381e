"""Joining Example: the merchant pastes the store's address and a key that was made there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NoReturn

from connector.conformance.template.platform.client import api
from connector.conformance.template.platform.payloads import Shop
from connector.conformance.template.platform.settings import ExampleSettings
from connector.errors import GrantLost, HostRefused, InputRefused, NotFound, PlatformRefused, SignatureRejected
from connector.events import ShopProfile
from connector.platforms.contract import Client, CredentialField, Grant, Http, Joined, JoinStart
from connector.platforms.reading import clean
from connector.platforms.rest import NoBudget

Query = Sequence[tuple[str, str]]
# Anchored: this string becomes the place that keys go to.
DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.shops\.example")
LOCAL = re.compile(r"127\.0\.0\.1:\d{2,5}")


class Authorize:
    """The contract's `Authorize` for Example."""

    def domain(self, typed: str, settings: ExampleSettings) -> str:
        """Errors: HostRefused for everything that isn't a store of this platform; nothing was sent."""
        lower = typed.lower() if typed.isascii() else ""
        if DOMAIN.fullmatch(lower) or (settings.env == "dev" and LOCAL.fullmatch(lower)):
            return lower
        raise HostRefused("not a store of Example", public="Write the store's address: your-store.shops.example.")

    def begin(self, domain: str, state: str, redirect_uri: str, settings: ExampleSettings) -> JoinStart:
        raise NotFound("Example is joined by a key")

    def answered(self, query: Query, settings: ExampleSettings, now: datetime) -> None:
        """There is no callback."""

    def launched(
        self, query: Query, settings: ExampleSettings, now: datetime, *, within: timedelta | None = None
    ) -> NoReturn:
        raise SignatureRejected("Example opens no app by a link")

    def complete(self, query: Query, redirect_uri: str, settings: ExampleSettings, http: Http, now: datetime) -> Joined:
        raise NotFound("Example is joined by a key")

    def renew(self, domain: str, grant: Grant, settings: ExampleSettings, http: Http, now: datetime) -> Grant:
        raise GrantLost(f"{domain}: a key isn't renewed, the merchant pastes another one", fatal=True)

    def profile(self, client: Client) -> ShopProfile:
        shop = api(client).get("/shop").read(Shop)
        return ShopProfile(
            shop_ref=shop.id,
            domain=client.domain,
            name=clean(shop.name),
            currency=shop.currency,
            time_zone=shop.time_zone,
            country=shop.country,
            storefront_url=shop.url,
        )

    def scopes(self, client: Client) -> tuple[str, ...]:
        """A key has no scopes here."""
        return ()


class Pasted:
    """The contract's `Pasted` for Example."""

    steps: Sequence[str] = (
        "Open your store's admin, and there Settings, API keys.",
        "Make a key that may read products and orders, and copy it: it is shown once.",
    )
    fields: Sequence[CredentialField] = (
        CredentialField("shop", "Your store's address", "As it stands in your browser.", "your-store.shops.example"),
        CredentialField("key", "API key", "It begins with ex_.", secret=True),
    )

    def enter(self, given: Mapping[str, str], settings: ExampleSettings, http: Http, now: datetime) -> Joined:
        """The key, tried on the store. Errors: HostRefused; InputRefused that names the field; PlatformDown."""
        domain = Authorize().domain(given.get("shop", "").strip(), settings)
        key = given.get("key", "").strip()
        if not re.fullmatch(r"ex_[A-Za-z0-9_-]{8,80}", key):
            raise InputRefused("key", "isn't a key of Example.", "Copy it again: it begins with ex_.")
        grant = Grant(access_token=key)
        client = Client(domain, "", grant, http, NoBudget(), settings)
        try:
            Authorize().profile(client)
        except GrantLost:
            raise InputRefused("key", "your store doesn't know this key.", "Make a new one and paste it.") from None
        except PlatformRefused:
            raise InputRefused("key", "may not read your store.", "Let it read products and orders.") from None
        return Joined(domain, grant)
