"""How a merchant joins with Medusa: by a secret key that was made in the store, tried on the store before it is kept.

There is no app to install and nobody to ask for consent. A secret key opens everything, customers and further keys too:
Medusa has no narrower one. What we call with it are reads, and the plug-in's own address (`webhooks`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from connector.errors import (
    GrantLost,
    HostRefused,
    InputRefused,
    NotFound,
    PayloadUnreadable,
    PlatformDown,
    PlatformRefused,
    SignatureRejected,
)
from connector.events import ShopProfile
from connector.platforms.contract import Client, CredentialField, Grant, Http, HttpAnswer, Joined, JoinStart
from connector.platforms.medusa import address
from connector.platforms.medusa.calls import admin, authorization, read
from connector.platforms.medusa.payloads import (
    ApiKeysAnswer,
    PreferencesAnswer,
    RegionsAnswer,
    StoreNode,
    StoresAnswer,
)
from connector.platforms.medusa.settings import MedusaSettings
from connector.platforms.reading import decode, known

T = TypeVar("T")
Query = Sequence[tuple[str, str]]

STORES = (
    "fields=id,name,default_sales_channel_id,default_region_id,supported_currencies.currency_code,"
    "supported_currencies.is_default"
)
PATTERN = "/products/{handle}"
TIMEOUT = 15.0
_KEY = re.compile(r"sk_[A-Za-z0-9]{16,200}")
_PUBLIC = re.compile(r"pk_[A-Za-z0-9]{16,200}")
_PATTERN = re.compile(r"/[A-Za-z0-9._~/{}?=&-]{1,200}")
# What the live check tries: what it is for, and an address that shows whether the key reads it.
_NEEDED = (
    ("products", "/admin/products?limit=1&fields=id"),
    ("stock", "/admin/inventory-items?limit=1&fields=id"),
    ("orders", "/admin/orders?limit=1&fields=id"),
    ("payments", "/admin/payments?limit=1&fields=id"),
    ("returns", "/admin/returns?limit=1&fields=id"),
)

FIELDS = (
    CredentialField(
        "address", "Address of the Medusa server",
        "Where your Medusa server (the backend) is reached, without /admin or /app. Not the storefront's address.",
        "https://api.your-store.example",
    ),
    CredentialField(
        "secret_key", "Secret API key",
        "In the Medusa dashboard under Settings, Secret API keys: create one for this connection alone. It is shown "
        "once. A secret key opens your whole store, customers too: Medusa has no narrower kind. We keep it sealed and "
        "only read with it; you can revoke it there at any time.",
        "sk_…", secret=True,
    ),
    CredentialField(
        "storefront", "Address of your storefront", "Where buyers shop: your site's address.",
        "https://www.your-store.example",
    ),
    CredentialField(
        "product_page", "Path of a product's page",
        "Behind the storefront's address, with {handle} in the place of the product's handle. Empty: "
        "/products/{handle}.",
        "/us/products/{handle}", optional=True,
    ),
    CredentialField(
        "publishable_key", "Publishable API key",
        "Only if your store has several: the one that your storefront uses, under Settings, Publishable API keys. It "
        "says which sales channel is shown.",
        "pk_…", optional=True,
    ),
)  # fmt: skip

STEPS = (
    "In the Medusa dashboard open Settings, Secret API keys, and create a key named after us.",
    "Paste it here with the address of your Medusa server and of your storefront. The key is shown once.",
    "We try the key on your store at once, and say what is wrong if it doesn't open it.",
)


class Authorize:
    """The contract's `Authorize` for Medusa: what begins in the platform's pages, or is renewed, doesn't exist here."""

    def domain(self, typed: str, settings: MedusaSettings) -> str:
        return address.canonical(typed, settings)

    def begin(self, domain: str, state: str, redirect_uri: str, settings: MedusaSettings) -> JoinStart:
        raise NotFound("Medusa has no page of consent: a store is joined by its key")

    def answered(self, query: Query, settings: MedusaSettings, now: datetime) -> str | None:
        raise SignatureRejected("Medusa sends nobody back to us")

    def launched(
        self, query: Query, settings: MedusaSettings, now: datetime, *, within: timedelta | None = None
    ) -> str:
        raise SignatureRejected("Medusa has no launch link")

    def complete(self, query: Query, redirect_uri: str, settings: MedusaSettings, http: Http, now: datetime) -> Joined:
        raise NotFound("Medusa gives no code for a key")

    def renew(self, domain: str, grant: Grant, settings: MedusaSettings, http: Http, now: datetime) -> Grant:
        raise GrantLost(f"{domain}: the key was revoked, the merchant must paste a new one", fatal=True)

    def profile(self, client: Client) -> ShopProfile:
        """Medusa knows no time zone of a store: periods are counted in UTC."""
        store = _one_store(read(admin(client).get(f"/admin/stores?{STORES}"), StoresAnswer), client.domain)
        currency = _currency(store)
        if currency is None:
            raise PlatformRefused(f"{client.domain}: the store has no default currency")
        query: dict[str, str | int] = {"limit": 200, "fields": "attribute,value,is_tax_inclusive"}
        preferences = read(admin(client).get("/admin/price-preferences", query), PreferencesAnswer).price_preferences
        region = client.grant.details.get("region", "")
        said = {(row.attribute, row.value or ""): row.is_tax_inclusive for row in preferences}
        return ShopProfile(
            shop_ref=store.id,
            domain=client.domain,
            name=store.name or client.domain,
            currency=currency,
            time_zone="UTC",
            storefront_url=client.grant.details.get("storefront", ""),
            taxes_included=said.get(("region_id", region), said.get(("currency_code", currency.lower()), False)),
        )

    def scopes(self, client: Client) -> tuple[str, ...]:
        """A secret key has none: it opens everything."""
        return ()


class Pasted:
    """The contract's `Pasted` for Medusa."""

    fields: Sequence[CredentialField] = FIELDS
    steps: Sequence[str] = STEPS

    def enter(self, given: Mapping[str, str], settings: MedusaSettings, http: Http, now: datetime) -> Joined:
        domain = address.canonical(given.get("address", ""), settings)
        key = _secret_key(given.get("secret_key", ""))
        storefront = _storefront(given.get("storefront", ""), settings)
        pattern = _pattern(given.get("product_page", ""))
        public = given.get("publishable_key", "")
        if public and _PUBLIC.fullmatch(public) is None:
            raise InputRefused("publishable_key", "isn't a publishable key.", "Copy the key that begins with pk_.")
        asking = _Asking(http, address.base(domain, settings), domain, key)
        store = asking.store()
        currency = _currency(store)
        if currency is None:
            raise InputRefused(
                "address", "leads to a store without a default currency that we can count in.",
                "In the Medusa dashboard under Settings, Store, choose the store's default currency.",
            )  # fmt: skip
        asking.needed()
        public, channels = asking.publishable(public, store)
        details = {
            "store": store.id, "storefront": storefront, "product_page": pattern, "publishable_key": public,
            "channels": ",".join(channels), "region": asking.region(store, currency),
        }  # fmt: skip
        return Joined(domain=domain, grant=Grant(access_token=key, details=details))


class _Asking:
    """The live check: each way in which a store can fail to open, in words that say what to do."""

    def __init__(self, http: Http, base: str, domain: str, key: str) -> None:
        self._http, self._base, self._domain, self._key = http, base, domain, key

    def store(self) -> StoreNode:
        answer = self._send(f"/admin/stores?{STORES}")
        if answer.status == 401:
            raise self._unknown_key(answer)
        if answer.status == 403:
            raise InputRefused("secret_key", "isn't let in by the store (403).", _FIREWALL)
        try:
            return _one_store(self._read(answer, StoresAnswer), self._domain)
        except PlatformRefused:
            raise _not_medusa("has no store in it") from None

    def needed(self) -> None:
        """Errors: InputRefused that names what the key can't read."""
        shut = [what for what, path in _NEEDED if self._send(path).status in (401, 403)]
        if shut:
            raise InputRefused(
                "secret_key", f"opens the store, but not its {', '.join(shut)}.",
                "Its role is too narrow: give it one that may read them, or make a key without a role.",
            )  # fmt: skip

    def publishable(self, given: str, store: StoreNode) -> tuple[str, tuple[str, ...]]:
        """The storefront's key and its sales channels: the one given, else the only one; else the default channel."""
        answer = self._send(
            "/admin/api-keys?type=publishable&limit=100&fields=id,token,title,revoked_at,sales_channels.id"
        )
        keys = self._read(answer, ApiKeysAnswer).api_keys if answer.status == 200 else []
        live = [key for key in keys if key.revoked_at is None]
        chosen = [key for key in live if key.token == given] if given else [key for key in live if key.sales_channels]
        if given and not chosen:
            raise InputRefused(
                "publishable_key", "isn't a live key of this store.",
                "Copy it from Settings, Publishable API keys; leave it empty if your store has one only.",
            )  # fmt: skip
        default = (store.default_sales_channel_id,) if store.default_sales_channel_id else ()
        if len(chosen) != 1:
            own = [key for key in chosen if any(channel.id in default for channel in key.sales_channels)]
            return (own[0].token if len(own) == 1 else ""), default
        return chosen[0].token, tuple(channel.id for channel in chosen[0].sales_channels) or default

    def region(self, store: StoreNode, currency: str) -> str:
        """Where the shop's own currency is paid: the store's default region, else the first with that currency."""
        answer = self._send("/admin/regions?limit=200&order=created_at&fields=id,currency_code")
        rows = self._read(answer, RegionsAnswer).regions if answer.status == 200 else []
        fitting = [row.id for row in rows if row.currency_code == currency.lower()]
        return store.default_region_id if store.default_region_id in fitting else next(iter(fitting), "")

    def _send(self, path: str) -> HttpAnswer:
        """Errors: HostRefused; InputRefused for an address that doesn't answer, or answers with something else."""
        try:
            answer = self._http.send(
                "GET",
                self._base + path,
                headers={"Accept": "application/json", **authorization(self._key)},
                timeout=TIMEOUT,
            )
        except PlatformDown as error:
            raise InputRefused(
                "address", f"doesn't answer ({_why(error, self._domain)}).",
                "Open it with /health behind it in your browser: a Medusa server says OK there.",
            ) from None  # fmt: skip
        try:
            _ = answer.content
        finally:
            answer.close()
        if 300 <= answer.status < 400:
            raise InputRefused("address", "leads on to another address.", "Write the address that it leads to.")
        if answer.status in (429, 430) or answer.status >= 500:
            raise PlatformDown(f"{self._domain}: the store answered {answer.status}")
        if answer.status == 404 or (answer.status == 200 and _is_page(answer)):
            raise _not_medusa("answers with a web page" if _is_page(answer) else "has no Medusa behind it (404)")
        return answer

    def _unknown_key(self, answer: HttpAnswer) -> InputRefused:
        headers = {name.lower(): value for name, value in answer.headers.items()}
        if headers.get("www-authenticate", "").lower().startswith("basic"):
            return InputRefused(
                "address", "is behind a password of its own (basic authentication).",
                "Medusa's keys travel in the same place: let the paths under /admin through without that password.",
            )  # fmt: skip
        return InputRefused(
            "secret_key", "isn't known to this store.",
            "It may have been revoked, or be of another store: make a new one. If it is right, a proxy in front of "
            "Medusa drops the Authorization header.",
        )  # fmt: skip

    def _read(self, answer: HttpAnswer, kind: type[T]) -> T:
        try:
            return decode(answer.content, kind)
        except PayloadUnreadable:
            raise _not_medusa("answers with something else than Medusa does") from None


_FIREWALL = "A firewall in front of Medusa refuses us, or the key's role is too narrow."


def _not_medusa(how: str) -> InputRefused:
    return InputRefused(
        "address", f"{how}.",
        "Write the address of the Medusa server itself (the backend), not that of the storefront or the dashboard.",
    )  # fmt: skip


def _is_page(answer: HttpAnswer) -> bool:
    kind = {name.lower(): value for name, value in answer.headers.items()}.get("content-type", "")
    return "html" in kind or answer.content[:64].lstrip()[:1] == b"<"


def _why(error: PlatformDown, domain: str) -> str:
    return str(error).removeprefix(f"{domain}: ").removeprefix(f"{domain.partition('/')[0]}: ")[:80]


def _secret_key(text: str) -> str:
    if _PUBLIC.fullmatch(text):
        raise InputRefused(
            "secret_key", "is the publishable key.", "Make one under Settings, Secret API keys: it begins with sk_."
        )
    if text.startswith("eyJ"):
        raise InputRefused("secret_key", "is a sign-in token, which runs out.", "Make a key under Secret API keys.")
    if _KEY.fullmatch(text) is None:
        raise InputRefused(
            "secret_key", "isn't a whole secret key.",
            "Copy it when it is made: it begins with sk_, and is shown shortened (sk_…***…) afterwards.",
        )  # fmt: skip
    return text


def _storefront(text: str, settings: MedusaSettings) -> str:
    try:
        return address.base(address.canonical(text, settings), settings)
    except HostRefused as error:
        raise InputRefused(
            "storefront", str(error).removeprefix("the address ") + ".", "Write it like https://www.your-store.example."
        ) from None


def _pattern(text: str) -> str:
    if not text:
        return PATTERN
    if _PATTERN.fullmatch(text) is None or text.count("{") != 1 or not ("{handle}" in text or "{id}" in text):
        raise InputRefused(
            "product_page", "isn't a path with {handle} in it.", "Copy a product's path and put {handle} for its name."
        )
    return text


def _one_store(answer: StoresAnswer, domain: str) -> StoreNode:
    if not answer.stores:
        raise PlatformRefused(f"{domain}: the store's settings are empty")
    return answer.stores[0]


def _currency(store: StoreNode) -> str | None:
    codes = sorted(store.supported_currencies, key=lambda row: not row.is_default)
    return next((row.currency_code.upper() for row in codes if known(row.currency_code.upper())), None)
