"""Joining: what was pasted, and each refusal in words that name the field and what to do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connector.errors import GrantLost, HostRefused, InputRefused, PlatformDown, PlatformRefused
from connector.platforms.contract import Joined
from connector.platforms.vendure import PLATFORM, address
from tests.platforms.vendure.store import API, DOMAIN, KEY, TOKEN, Reply, Vendure, client_of, make_settings

NOW = datetime(2026, 11, 20, tzinfo=UTC)
SETTINGS = make_settings()
NOT_ALLOWED = b'{"errors": [{"message": "no", "path": ["x"], "extensions": {"code": "FORBIDDEN"}}], "data": null}'


def enter(http: Any, **given: str) -> Joined:
    assert PLATFORM.pasted is not None
    asked = {"admin_api": API, "api_key": KEY, "storefront": "https://www.example.com", **given}
    return PLATFORM.pasted.enter(asked, SETTINGS, http, NOW)


def test_a_join_keeps_all_that_later_calls_need() -> None:
    store = Vendure()
    store.product("Lamp", [129900])
    joined = enter(store, storefront="www.example.com/")
    assert joined.domain == DOMAIN
    assert joined.grant.access_token == KEY
    assert dict(joined.grant.details) == {
        "api": API, "channel_id": "1", "channel_code": "__default_channel__", "channel_token": TOKEN, "precision": "2",
        "precision_said": "2", "storefront": "https://www.example.com", "language": "en",
        "product_page": "https://www.example.com/products/{slug}", "sample": "Lamp 0: 1299.00 USD",
    }  # fmt: skip
    client = client_of(store)
    assert PLATFORM.authorize.scopes(client) == ("ReadCatalog", "ReadOrder")
    profile = PLATFORM.authorize.profile(client)
    assert (profile.domain, profile.currency, profile.name) == (DOMAIN, "USD", "shop.example.com")


class Answering(Vendure):
    """A place that answers everything alike."""

    def __init__(self, reply: Any) -> None:
        super().__init__()
        self.reply = reply

    def send(self, method: str, url: str, **given: Any) -> Reply:
        if isinstance(self.reply, Exception):
            raise self.reply
        return Reply(*self.reply)


@pytest.mark.parametrize(
    ("reply", "field", "word"),
    [
        ((200, b"<!doctype html><title>Dashboard</title>"), "admin_api", "web page"),
        ((200, b""), "admin_api", "isn't an Admin API"),
        ((200, b'{"status": "ok"}'), "admin_api", "isn't an Admin API"),
        ((200, b"[1]"), "admin_api", "isn't an Admin API"),
        ((301, b""), "admin_api", "leads on to another address"),
        ((308, b""), "admin_api", "leads on to another address"),
        ((401, b"", {"WWW-Authenticate": "Basic"}), "admin_api", "basic authentication"),
        ((403, b"blocked"), "admin_api", "firewall"),
        ((404, b""), "admin_api", "404"),
        ((405, b""), "admin_api", "405"),
        (HostRefused("private"), "admin_api", "only your own network"),
        ((400, b'{"errors": [{"message": "Cannot query field", "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}}]}'),
         "admin_api", "Shop API"),
        ((200, NOT_ALLOWED), "api_key", "tokenMethod"),
        ((200, NOT_ALLOWED, {"vendure-auth-token": ""}), "api_key", "revoked"),
    ],
)  # fmt: skip
def test_what_another_place_answers_is_said(reply: Any, field: str, word: str) -> None:
    with pytest.raises(InputRefused) as refused:
        enter(Answering(reply))
    assert refused.value.field == field
    assert word in str(refused.value)
    assert refused.value.remedy
    assert KEY not in str(refused.value)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_store_that_is_down_is_no_fault_of_the_merchant(status: int) -> None:
    with pytest.raises(PlatformDown):
        enter(Answering((status, b"")))


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"api_key": "short"}, "api_key"),
        ({"api_key": "key with spaces in it"}, "api_key"),
        ({"channel": "two words"}, "channel"),
        ({"channel": "no-such-token"}, "channel"),
        ({"admin_api": "http://shop.example.com/admin-api"}, "admin_api"),
        ({"admin_api": "https://127.0.0.1/admin-api"}, "admin_api"),
        ({"admin_api": "https://user:pass@shop.example.com"}, "admin_api"),
        ({"admin_api": "https://shop.example.com/admin-api?x=1"}, "admin_api"),
        ({"storefront": "http://www.example.com"}, "storefront"),
        ({"storefront": "https://www.example.com/?a=b"}, "storefront"),
        ({"storefront": "shop"}, "storefront"),
        ({"product_page": "/products/lamp"}, "product_page"),
        ({"product_page": "https://elsewhere.example/{slug}"}, "product_page"),
        ({"product_page": "/{name}/{slug}"}, "product_page"),
        ({"decimals": "two"}, "decimals"),
        ({"decimals": "11"}, "decimals"),
    ],
)
def test_what_is_pasted_wrongly_is_named(given: dict[str, str], field: str) -> None:
    with pytest.raises(InputRefused) as refused:
        enter(Vendure(), **given)
    assert (refused.value.field, bool(refused.value.remedy)) == (field, True)


def test_a_role_that_is_too_small_is_told_by_its_permission() -> None:
    for missing, name in (("products", "ReadCatalog"), ("orders", "ReadOrder")):
        store = Vendure()
        store.keys[KEY].discard(missing)
        with pytest.raises(InputRefused, match=name):
            enter(store)
        wanted = {"ReadCatalog", "ReadOrder"} - {name}
        assert set(PLATFORM.authorize.scopes(client_of(store))) == wanted


def test_a_price_that_the_currency_cant_hold_asks_for_the_decimals() -> None:
    """1550 yen kept with two decimals is 15.50: perhaps the store means 1550."""
    store = Vendure("JPY", 2)
    store.product("Lamp", [1550])
    with pytest.raises(InputRefused) as refused:
        enter(store)
    assert refused.value.field == "decimals"
    assert enter(store, decimals="0").grant.details["sample"] == "Lamp 0: 1550 JPY"


def test_a_key_that_was_revoked_later_is_a_lost_grant() -> None:
    store = Vendure()
    store.keys.clear()
    client = client_of(store)
    for call in (PLATFORM.authorize.scopes, PLATFORM.authorize.profile, PLATFORM.catalog.newest_change):
        with pytest.raises(GrantLost):
            call(client)
    with pytest.raises(GrantLost) as lost:
        PLATFORM.authorize.renew(DOMAIN, client.grant, SETTINGS, store, NOW)
    assert lost.value.fatal


def test_another_channel_that_answers_is_refused() -> None:
    """An unknown token is answered by the default channel: another merchant's goods, perhaps."""
    client = client_of(Vendure(), channel_id="2", channel_token="changed")
    for call in (
        lambda: PLATFORM.catalog.products(client, ["1"]), lambda: PLATFORM.catalog.changed(client, None, None),
        lambda: PLATFORM.catalog.changed(client, NOW, None), lambda: PLATFORM.orders.one(client, "1"),
        lambda: PLATFORM.orders.changed(client, NOW, None), lambda: PLATFORM.authorize.profile(client),
        lambda: PLATFORM.catalog.stock(client, ["1"]),
    ):  # fmt: skip
        with pytest.raises(GrantLost, match="channel 1 answers instead of 2") as lost:
            call()
        assert lost.value.fatal


def test_a_channel_that_is_gone_is_a_lost_grant() -> None:
    """Only a store with one channel answers an unknown token at all."""
    store = Vendure()
    store.channels["other"] = {"id": "2", "code": "other", "token": "other"}
    client = client_of(store, channel_id="3", channel_token="changed")
    with pytest.raises(GrantLost, match="no channel with our token"):
        PLATFORM.catalog.changed(client, None, None)
    with pytest.raises(InputRefused) as refused:
        enter(store, channel="changed")
    assert refused.value.field == "channel"
    assert enter(store, channel="other").domain == "shop.example.com/channel-2"


def test_a_store_that_counts_otherwise_since_it_joined_is_not_read() -> None:
    store = Vendure()
    client = client_of(store)
    store.precision = 3
    with pytest.raises(PlatformRefused, match="3 decimals now"):
        PLATFORM.authorize.profile(client)


@pytest.mark.parametrize(
    ("typed", "made"),
    [
        ("shop.example.com", "https://shop.example.com/admin-api"),
        ("https://Shop.Example.com/admin-api/", "https://shop.example.com/admin-api"),
        ("https://shop.example.com:443/eu/admin-api", "https://shop.example.com/eu/admin-api"),
        ("https://shop.example.com:8443", "https://shop.example.com:8443/admin-api"),
        ("https://shop.example.com/api/admin", "https://shop.example.com/api/admin"),
    ],
)
def test_addresses_become_one_form(typed: str, made: str) -> None:
    assert address.api_address(typed, dev=False) == made
    assert PLATFORM.authorize.domain(address.tenant(made, "1", dev=False), SETTINGS).endswith("/channel-1")


def test_two_servers_of_one_host_are_two_shops() -> None:
    one = address.tenant("https://host.example.com/a/admin-api", "1", dev=False)
    other = address.tenant("https://host.example.com/b/admin-api", "1", dev=False)
    assert (one, other) == ("host.example.com/a/channel-1", "host.example.com/b/channel-1")


def test_only_dev_may_use_this_machine() -> None:
    assert address.api_address("http://127.0.0.1:3901", dev=True) == "http://127.0.0.1:3901/admin-api"
    assert address.usual_api("127.0.0.1:3901/channel-1", dev=True) == "http://127.0.0.1:3901/admin-api"
    for typed in ("http://127.0.0.1:3901", "https://localhost/admin-api", "http://shop.example.com"):
        with pytest.raises(HostRefused):
            address.api_address(typed, dev=False)
