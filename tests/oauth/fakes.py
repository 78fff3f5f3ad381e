"""Platforms of four ways in, none of which signs as Shopify does, over a store that answers by what key it is shown.

stall     approval in the store, whose server posts the keys; or pasted keys; a plug-in with a secret of its own
till      begun here without an address: only the exchange says which shop it is
bazaar    begun in the platform's pages, without a state; signed launches and farewells
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from pydantic_settings import BaseSettings

from connector import outbound
from connector.errors import (
    GrantLost,
    HostRefused,
    InputRefused,
    PayloadUnreadable,
    PlatformDown,
    SignatureRejected,
)
from connector.events import ShopProfile
from connector.platforms import roster
from connector.platforms.contract import (
    Client,
    CredentialField,
    Delivery,
    Envelope,
    Grant,
    Hook,
    Http,
    Joined,
    JoinStart,
    Place,
    Platform,
    Readiness,
)
from connector.platforms.rest import Rest

Query = Sequence[tuple[str, str]]


class Settings(BaseSettings):
    """Nothing to set."""


@dataclass
class Reply:
    status: int
    content: bytes
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})

    def close(self) -> None:
        return


@dataclass
class Stores:
    """The world outside: stores by their host, each with the keys that open it; everything that left is in `sent`."""

    keys: dict[str, set[str]] = field(default_factory=dict)
    wrong: dict[str, Any] = field(default_factory=dict)  # host → an answer, or an error to raise
    sent: list[str] = field(default_factory=list)

    def send(self, method: str, url: str, **given: Any) -> Reply:
        host = url.split("/")[2]
        self.sent.append(f"{method} {url}")
        answer = self.wrong.get(host)
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            return answer  # type: ignore[no-any-return]
        if host not in self.keys:
            raise PlatformDown(f"{host}: can't be reached")
        if (given.get("headers") or {}).get("Key", "") not in self.keys[host]:
            return Reply(401, b"{}")
        return Reply(200, msgspec.json.encode({"name": host.split(".")[0].title()}))


class Named(msgspec.Struct):
    name: str


def asked(domain: str, key: str, http: Http) -> Named:
    budget = SimpleNamespace(wait=lambda cost: None, landed=lambda: None)
    return Rest(http, budget, domain, f"https://{domain}", {"Key": key}).get("/about").read(Named)  # type: ignore[arg-type]


def signature(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), "sha256").hexdigest()


def signed_query(**given: str) -> dict[str, str]:
    return {**given, "sig": signature("bazaar secret", urlencode(sorted(given.items())))}


def _proved(query: Query) -> dict[str, str]:
    given = dict(query)
    said = given.pop("sig", "")
    if not hmac.compare_digest(said, signature("bazaar secret", urlencode(sorted(given.items())))):
        raise SignatureRejected("not the bazaar's signature")
    return given


class Authorize:
    def domain(self, typed: str, settings: Any) -> str:
        if not typed.endswith(".example"):
            raise HostRefused("not an example", public="That is no store of this platform.")
        return typed

    def begin(self, domain: str, state: str, redirect_uri: str, settings: Any) -> JoinStart:
        return JoinStart(f"https://till.example/agree?{urlencode({'state': state, 'for': domain, 'to': redirect_uri})}")

    def answered(self, query: Query, settings: Any, now: datetime) -> str | None:
        return None

    def launched(self, query: Query, settings: Any, now: datetime, *, within: timedelta | None = None) -> str:
        given = _proved(query)
        if within is not None and now - datetime.fromtimestamp(float(given["at"]), UTC) > within:
            raise SignatureRejected("too old")
        return given["shop"]

    def complete(self, query: Query, redirect_uri: str, settings: Any, http: Http, now: datetime) -> Joined:
        code = dict(query).get("code", "")
        domain, _, key = code.partition("|")  # a code is what it is traded for
        if not key:
            raise GrantLost("the code isn't one", fatal=True)
        return Joined(domain, Grant(key))

    def renew(self, domain: str, grant: Grant, settings: Any, http: Http, now: datetime) -> Grant:
        raise GrantLost("a key for ever is not renewed", fatal=True)

    def profile(self, client: Client) -> ShopProfile:
        found = asked(client.domain, client.grant.access_token, client.http)
        return ShopProfile(
            shop_ref="", domain=client.domain, name=found.name, currency="EUR", time_zone="UTC", country="ES"
        )

    def scopes(self, client: Client) -> tuple[str, ...]:
        return ()


class KeysPosted(msgspec.Struct):
    key: str


class Handover:
    def locate(self, typed: str, settings: Any, http: Http) -> Place:
        domain = typed.removeprefix("https://").strip("/").lower()
        if not domain.endswith(".example"):
            raise HostRefused("not an example", public="That is no store's address.")
        try:
            asked(domain, "", http)
        except GrantLost:
            return Place(domain, {"base": f"https://{domain}/api"})
        raise InputRefused("shop", "has no shop behind it.", "Give the address at which buyers see the store.")

    def begin(self, place: Place, state: str, callback_url: str, return_url: str, settings: Any) -> JoinStart:
        return JoinStart(f"https://{place.domain}/approve?{urlencode({'keys': callback_url, 'back': return_url})}")

    def denied(self, query: Query) -> bool:
        return ("agreed", "0") in query

    def handed(self, body: bytes, state: str, place: Place, settings: Any, http: Http, now: datetime) -> Joined:
        try:
            keys = msgspec.json.decode(body, type=KeysPosted)
        except msgspec.MsgspecError:
            raise PayloadUnreadable("$.key", "isn't there") from None
        return tried(place.domain, keys.key, http)


def tried(domain: str, key: str, http: Http) -> Joined:
    try:
        asked(domain, key, http)
    except GrantLost:
        raise InputRefused("key", "doesn't open the store.", "Copy it again from the store, whole.") from None
    if key.startswith("read"):
        raise InputRefused("key", "may only read.", "Make one with the right Read and write.")
    return Joined(domain, Grant(key, details={"base": f"https://{domain}/api"}))


class Pasted:
    fields = (
        CredentialField("shop", "Store address", "As buyers see it.", example="your-store.example"),
        CredentialField("key", "Secret key", "Settings, then Keys. It is shown once.", secret=True),
    )
    steps = ("Open Settings, then Keys, in your store.", "Make a key with the right Read and write.")

    def enter(self, given: Mapping[str, str], settings: Any, http: Http, now: datetime) -> Joined:
        if not given["shop"].endswith(".example"):
            raise HostRefused("not an example", public="That is no store's address.")
        return tried(given["shop"], given["key"], http)


class Farewell:
    def said(self, query: Query, settings: Any, now: datetime) -> tuple[str, datetime]:
        given = _proved(query)
        return given["shop"], datetime.fromtimestamp(float(given["at"]), UTC)


class Webhooks:
    topics = {"order": "OrderStub"}
    ignored: dict[str, str] = {}

    def verify(self, delivery: Delivery, settings: Any) -> Envelope:
        said = delivery.headers.get("x-stall-signature", "")
        if not any(hmac.compare_digest(said, signature(each, delivery.body.decode())) for each in delivery.secrets):
            raise SignatureRejected("not this shop's secret")
        return Envelope(delivery.domain, "order", delivery.headers.get("x-stall-id"))

    def subject(self, envelope: Envelope, body: bytes) -> tuple[str | None, str | None]:
        return "1", None

    def greeting(self, delivery: Delivery) -> bool:
        return delivery.body == b"hello"


class Parting:
    parted: list[tuple[str, str]] = []

    def part(self, client: Client, hook: Hook) -> None:
        asked(client.domain, client.grant.access_token, client.http)
        self.parted.append((client.domain, hook.address))


_NONE: Any = SimpleNamespace(carriers=())
STALL = Platform(
    "stall", "Stall",
    frozenset({"joins_by_handover", "joins_by_credentials", "plugin", "shop_secrets", "landing_links"}), Settings,
    authorize=Authorize(), catalog=_NONE, orders=_NONE, webhooks=Webhooks(), checkout=_NONE, handover=Handover(),  # type: ignore[arg-type]
    pasted=Pasted(), parting=Parting(), address_example="your-store.example",
    needs="the address of your store, and a sign-in as its manager.",
    plugin_steps=("Upload the file connector.zip under Plug-ins.", "Paste address and secret into its settings."),
    readiness=(
        Readiness("Orders and refunds", "proven", "seen on a real store"),
        Readiness("Gift cards", "unproven", "built from the documentation"),
        Readiness("Stock by location", "absent", "one figure for the whole store"),
    ),
)  # fmt: skip
TILL = Platform(
    "till", "Till", frozenset({"joins_by_code", "storefront_carts"}), Settings,
    authorize=Authorize(), catalog=_NONE, orders=_NONE, webhooks=_NONE, checkout=_NONE,  # type: ignore[arg-type]
    needs="your sign-in at Till.",
)  # fmt: skip
BAZAAR = Platform(
    "bazaar", "Bazaar", frozenset({"joins_from_platform", "cart_links"}), Settings,
    authorize=Authorize(), catalog=_NONE, orders=_NONE, webhooks=_NONE, checkout=_NONE, farewell=Farewell(),  # type: ignore[arg-type]
    frames=("https://*.bazaar.example",),
)  # fmt: skip


def open_stores(monkeypatch: pytest.MonkeyPatch, *platforms: Platform) -> Stores:
    """Put the platforms on the roster (all three where none is named), and stand in for the world outside."""
    stores = Stores()
    chosen = {each.slug: each for each in platforms or (STALL, TILL, BAZAAR)}
    monkeypatch.setattr(roster, "platforms", lambda: chosen)
    monkeypatch.setattr(outbound, "_current", stores)
    roster.settings_of.cache_clear()
    return stores


def without(platform: Platform, *capabilities: str) -> Platform:
    return replace(platform, capabilities=platform.capabilities - set(capabilities))  # type: ignore[arg-type]
