"""How a merchant joins: the store's own page of approval, whose server then posts us a key pair, or a pasted key pair.

Keys live until somebody deletes them, so nothing is ever renewed. Whichever way they came they are tried on the store:
what is posted is signed by nobody. Source: the fact sheet, sections 1 and 2, seen on WooCommerce 9.5.1.
"""

from __future__ import annotations

import hmac
import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from urllib.parse import urlencode

from connector.errors import (
    ConfigurationWrong,
    ConnectorError,
    GrantLost,
    InputRefused,
    NotFound,
    PayloadUnreadable,
    PlatformBusy,
    PlatformDown,
    PlatformError,
    PlatformRefused,
    SignatureRejected,
)
from connector.events import ShopProfile
from connector.platforms.contract import Client, CredentialField, Grant, Http, Joined, JoinStart, Place
from connector.platforms.reading import decode
from connector.platforms.rest import NoBudget
from connector.platforms.woocommerce import place as places
from connector.platforms.woocommerce.client import (
    Elsewhere,
    Invalid,
    KeyRefused,
    Keys,
    KeyUnknown,
    Store,
    UserRefused,
    WebPage,
)
from connector.platforms.woocommerce.payloads import IndexForm, KeysForm, SettingBody, StatusBody
from connector.platforms.woocommerce.settings import WooCommerceSettings

OLDEST = (5, 8)  # `modified_after` on products and orders
CHECKOUT_LINK = (10, 0)  # `/checkout-link/`, which keeps the query it was called with
BY_LINK = "checkout_link"  # stands among the scopes where the store can do that
_KEY = re.compile(r"ck_[0-9a-f]{40}", re.ASCII)
_SECRET = re.compile(r"cs_[0-9a-f]{40}", re.ASCII)
_STATE = re.compile(r"[A-Za-z0-9._~-]{16,200}", re.ASCII)
_MAKE = "In WooCommerce open Settings > Advanced > REST API"

Pairs = Sequence[tuple[str, str]]


class Authorize:
    """The contract's `Authorize`: a store knows neither codes nor tokens that run out."""

    def domain(self, typed: str, settings: WooCommerceSettings) -> str:
        return places.canonical(typed, settings)

    def begin(self, domain: str, state: str, redirect_uri: str, settings: WooCommerceSettings) -> JoinStart:
        raise NotFound("WooCommerce stores join by handing over keys, not by a code")

    def answered(self, query: Pairs, settings: WooCommerceSettings, now: datetime) -> str | None:
        return None

    def launched(
        self, query: Pairs, settings: WooCommerceSettings, now: datetime, *, within: timedelta | None = None
    ) -> str:
        raise SignatureRejected("WooCommerce signs no launch")

    def complete(
        self, query: Pairs, redirect_uri: str, settings: WooCommerceSettings, http: Http, now: datetime
    ) -> Joined:
        raise SignatureRejected("WooCommerce signs no callback")

    def renew(self, domain: str, grant: Grant, settings: WooCommerceSettings, http: Http, now: datetime) -> Grant:
        raise GrantLost(f"{domain}: a store's keys are never renewed, the merchant must join anew", fatal=True)

    def profile(self, client: Client) -> ShopProfile:
        """Of the API's index, and two of the store's settings."""
        store = Store.of(client)
        index = store.open_index()
        if index is None:
            raise PlatformDown(f"{client.domain}: WooCommerce doesn't answer there")
        general = _values(store, "/settings/general")
        taxes = _values(store, "/settings/tax")
        currency = str(general.get("woocommerce_currency") or "")
        if not re.fullmatch(r"[A-Z]{3}", currency):
            raise PlatformRefused(f"{client.domain}: the store names no currency")
        country = str(general.get("woocommerce_default_country") or "").partition(":")[0]
        return ShopProfile(
            shop_ref=client.domain,
            domain=client.domain,
            name=html.unescape(index.name).strip()[:200] or client.domain,
            currency=currency,
            time_zone=time_zone(index),
            country=country if re.fullmatch(r"[A-Z]{2}", country) else "",
            storefront_url=_storefront(index, client),
            taxes_included=taxes.get("woocommerce_prices_include_tax") == "yes",
        )

    def scopes(self, client: Client) -> tuple[str, ...]:
        """What the key may do now, and what the store's version can."""
        store = Store.of(client)
        version = _version(store) or client.grant.details.get("version", "")
        return _scopes(version, may_write=_may_write(store))


class Handover:
    """The contract's `Handover`: `/wc-auth/v1/authorize` of the store."""

    def locate(self, typed: str, settings: WooCommerceSettings, http: Http) -> Place:
        return places.locate(typed, settings, http)

    def begin(
        self, place: Place, state: str, callback_url: str, return_url: str, settings: WooCommerceSettings
    ) -> JoinStart:
        """`user_id` is ours: the store says it back with the keys. Only letters, digits, `.`, `_`, `-`, `~` survive.

        Errors: ConfigurationWrong for a callback that isn't https: the store wouldn't show its page.
        """
        if not callback_url.startswith("https://") and not settings.dev:
            raise ConfigurationWrong(
                "CONNECTOR_PUBLIC_URL", "isn't https", "A WooCommerce store posts its keys to https addresses only."
            )
        if not _STATE.fullmatch(state):
            raise ValueError("a state with characters that the store would lose")
        query = {
            "app_name": settings.app_name,
            "scope": "read_write",
            "user_id": state,
            "return_url": return_url,
            "callback_url": callback_url,
        }
        here = places.origin(place.domain, settings)
        if "/index.php/" in place.details.get("api", ""):  # the store's server rewrites no addresses
            here += "/index.php"
        return JoinStart(f"{here}/wc-auth/v1/authorize?{urlencode(query)}")

    def denied(self, query: Sequence[tuple[str, str]]) -> bool:
        return ("success", "0") in query

    def handed(
        self, body: bytes, state: str, place: Place, settings: WooCommerceSettings, http: Http, now: datetime
    ) -> Joined:
        """A second approval of one page makes a second key pair: it is taken like the first, the newest counts."""
        form = decode(body, KeysForm)
        if not hmac.compare_digest(str(form.user_id).encode(), state.encode()):
            raise InputRefused("user_id", "isn't the one of this join.", "Begin again in the connector.")
        if not _KEY.fullmatch(form.consumer_key):
            raise PayloadUnreadable("$.consumer_key", "isn't a consumer key")
        if not _SECRET.fullmatch(form.consumer_secret):
            raise PayloadUnreadable("$.consumer_secret", "isn't a consumer secret")
        try:
            return tried(place, Keys(form.consumer_key, form.consumer_secret), settings, http)
        except PlatformDown as error:  # it waits for us while we ask: a host with one worker waits for itself
            raise InputRefused(
                "shop", f"didn't answer us while it handed its keys over: {_after(error)}.",
                "Try again; if that comes back, your host runs one page at a time: make a key and paste it instead.",
            ) from None  # fmt: skip


class Pasted:
    """The contract's `Pasted`: for stores whose page of approval is closed off."""

    fields: Sequence[CredentialField] = (
        CredentialField(
            "shop", "Store address", "As your browser shows it, with the folder where the store is in one.",
            example="your-store.com or your-store.com/shop",
        ),
        CredentialField(
            "consumer_key", "Consumer key", "Begins with ck_. WooCommerce shows it once, when the key is made.",
            example="ck_…",
        ),
        CredentialField(
            "consumer_secret", "Consumer secret", "Begins with cs_. WooCommerce shows it once, beside the key.",
            example="cs_…", secret=True,
        ),
    )  # fmt: skip
    steps: Sequence[str] = (
        "In your store's admin open WooCommerce > Settings > Advanced > REST API.",
        "Choose Add key. Write a description, choose yourself (an administrator or shop manager) as its user, and set "
        "Permissions to Read/Write: webhooks need the right to write.",
        "Choose Generate API key, and copy the consumer key and the consumer secret here before you leave that page.",
    )

    def enter(self, given: Mapping[str, str], settings: WooCommerceSettings, http: Http, now: datetime) -> Joined:
        key, secret = given.get("consumer_key", "").strip(), given.get("consumer_secret", "").strip()
        if _SECRET.fullmatch(key) and _KEY.fullmatch(secret):
            raise InputRefused("consumer_key", "and the secret are in each other's place.", "Swap the two.")
        if not _KEY.fullmatch(key):
            raise InputRefused("consumer_key", "isn't ck_ and 40 characters.", f"Copy it whole. {_MAKE}.")
        if not _SECRET.fullmatch(secret):
            raise InputRefused(
                "consumer_secret", "isn't cs_ and 40 characters.",
                "Copy it whole; where it wasn't kept, make a new key: it is shown once.",
            )  # fmt: skip
        found = places.locate(given.get("shop", "").strip(), settings, http)
        return tried(found, Keys(key, secret), settings, http)


# --- keys, tried on their store ---------------------------------------------------------------------------------------


def tried(place: Place, keys: Keys, settings: WooCommerceSettings, http: Http) -> Joined:
    """The grant, once the keys have read products, orders and webhooks, and may write.

    Errors: InputRefused(`consumer_key`, `consumer_secret` or `shop`, …) in words for the merchant; PlatformDown.
    """
    here = places.origin(place.domain, settings)
    api, home = place.details.get("api") or f"{here}/wp-json", place.details.get("home") or here
    store = Store(http, NoBudget(), place.domain, api, home, keys, tries=2)
    try:
        store = _opened(store)
        for path, what in (("/orders", "orders"), ("/webhooks", "webhooks")):
            _looked(store, path, what)
        store = _wrote(store)
        version = _version(store)
    except WebPage as error:
        raise InputRefused("shop", f"answers with a web page: {_after(error)}.", _LET_THROUGH) from None
    except PlatformBusy as error:
        raise PlatformDown(str(error)) from None
    except PlatformRefused as error:
        raise InputRefused("shop", f"refused a call of ours: {_after(error)}.", _LET_THROUGH) from None
    if version and _numbers(version) < OLDEST:
        raise InputRefused("shop", f"runs WooCommerce {version[:20]}.", "Update it to 5.8 or newer, and try again.")
    details = dict(place.details) | {"api": api, "home": home, "auth": store.auth, "version": version[:20]}
    if store.slash:
        details["slash"] = "1"
    return Joined(place.domain, Grant(keys.joined, scopes=_scopes(version, may_write=True), details=details))


_LET_THROUGH = (
    "A firewall of your host or a security plug-in stands between: allow /wp-json/wc/v3/ for the agent `connector`, "
    "with its Authorization header."
)


def _opened(store: Store) -> Store:
    """The store with the way in which the key goes along. Errors: InputRefused; those of the platform.

    A store that doesn't see that it is reached by https knows no key by the first two ways, and says of every wrong
    signature that it is wrong, an unknown key's too.
    """
    lost: ConnectorError | None = None
    for way in ("basic", "query", "oauth1"):
        now = replace(store, auth=way)
        try:
            _one_way(now, "/products")
        except KeyUnknown as error:
            lost = error
        except KeyRefused as error:
            if way != "oauth1":
                raise _refused_key(now) from None
            lost = error
        except UserRefused:
            raise _no_right("products") from None
        else:
            return now
    raise InputRefused(
        "consumer_key", "isn't known to the store: the key is wrong, or was deleted.",
        f"{_MAKE} and make a new one; check that it is this store's. If it is right, your store doesn't see that it is "
        "reached by https: let the proxy in front tell PHP so (X-Forwarded-Proto).",
    ) from lost  # fmt: skip


def _one_way(store: Store, path: str) -> None:
    """A read by exactly this way of carrying the key."""
    store.sent(store.auth, "GET", path, [("per_page", 1), ("_fields", "id")], None, 30.0)


def _refused_key(store: Store) -> InputRefused:
    """A known key that may not read: one that may only write, or a wrong secret? The same answer, but to a write."""
    try:
        may_write = _may_write(store)
    except PlatformError:
        may_write = False
    if may_write:
        return InputRefused("consumer_key", "may only write.", f"{_MAKE}, edit the key, set Permissions to Read/Write.")
    return InputRefused(
        "consumer_secret", "isn't the secret of this key.", "Copy both again, from one key; or make a new one."
    )


def _looked(store: Store, path: str, what: str) -> None:
    try:
        _one_way(store, path)
    except (UserRefused, KeyUnknown):
        raise _no_right(what) from None


def _no_right(what: str) -> InputRefused:
    return InputRefused(
        "consumer_key", f"is right, and its user may not see {what}.",
        f"{_MAKE} and make a key whose user is an administrator or shop manager.",
    )  # fmt: skip


def _wrote(store: Store) -> Store:
    """The store, once a write got through that changes nothing. Errors: InputRefused."""
    for now in (store, replace(store, slash=True)):
        try:
            if _may_write(now):
                return now
        except Elsewhere:
            if now.slash:
                raise
            continue
        raise InputRefused(
            "consumer_key", "may only read: webhooks need a key that may write.",
            f"{_MAKE}, edit the key and set Permissions to Read/Write; or make a new one.",
        )  # fmt: skip
    raise AssertionError("not reached")


def _may_write(store: Store) -> bool:
    """A batch of nothing: a key that may only read is refused before anybody looks into it."""
    try:
        store.sent(store.auth, "POST", "/webhooks/batch", [], b'{"create":[],"update":[],"delete":[]}', 30.0)
    except (KeyRefused, KeyUnknown, UserRefused):
        return False
    except Invalid:  # it was let in, and found nothing to do
        pass
    return True


def _version(store: Store) -> str:
    """ "" where the store won't say: a slow report of its own state is no reason to turn it away."""
    try:
        found = store.get("/system_status", [("_fields", "environment")]).read(StatusBody).environment
    except (PlatformError, PayloadUnreadable):
        return ""
    version = "" if found is None or isinstance(found, list) else found.version or ""
    return version if re.match(r"\d+\.\d+", version) else ""


def _numbers(version: str) -> tuple[int, int]:
    found = re.match(r"(\d{1,4})\.(\d{1,4})", version)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _scopes(version: str, *, may_write: bool) -> tuple[str, ...]:
    by_link = (BY_LINK,) if _numbers(version) >= CHECKOUT_LINK else ()
    return (*by_link, "read", *(("write",) if may_write else ()))


def _values(store: Store, path: str) -> dict[str, object]:
    rows = store.get(path, [("_fields", "id,value")]).read(list[SettingBody])
    return {row.id: row.value for row in rows}


def _after(error: PlatformError) -> str:
    return str(error).partition(": ")[2] or "no reason given"


def _storefront(index: IndexForm, client: Client) -> str:
    home = index.home.rstrip("/")
    return home if home.startswith("https://") else places.origin(client.domain, client.settings)


# Hours from UTC that are no whole number → a zone that keeps them, for stores that chose an offset and no city.
_ODD = {
    "-9.5": "Pacific/Marquesas", "-3.5": "America/St_Johns", "3.5": "Asia/Tehran", "4.5": "Asia/Kabul",
    "5.5": "Asia/Kolkata", "5.75": "Asia/Kathmandu", "6.5": "Asia/Yangon", "8.75": "Australia/Eucla",
    "9.5": "Australia/Darwin", "10.5": "Australia/Lord_Howe", "12.75": "Pacific/Chatham",
}  # fmt: skip


_FURTHEST = 14  # hours from UTC that any place keeps


def time_zone(index: IndexForm) -> str:
    """The store's city, or the zone of its offset: `Etc/GMT+5` is five hours *behind* UTC."""
    if index.timezone_string:
        return index.timezone_string
    try:
        hours = Decimal(str(index.gmt_offset or 0))
    except InvalidOperation:
        return "UTC"
    if not hours.is_finite() or abs(hours) > _FURTHEST:
        return "UTC"
    hours = hours.normalize()
    if hours != int(hours):
        return _ODD.get(f"{hours}", "UTC")
    whole = int(hours)
    return f"Etc/GMT{'-' if whole > 0 else '+'}{abs(whole)}" if whole and -12 <= whole <= 14 else "UTC"
