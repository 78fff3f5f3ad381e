"""Joining by a pasted key, each way in which it fails, and our plug-in's side of the store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connector.errors import GrantLost, HostRefused, InputRefused, NotFound, PlatformDown, PlatformRefused
from connector.platforms.contract import Grant, Hook, Joined
from connector.platforms.medusa import PLATFORM
from connector.platforms.medusa.address import base, canonical
from tests.platforms.medusa.kit import (
    DOMAIN,
    KEY,
    PUBLIC,
    SECRET,
    TOKEN,
    Reply,
    Shop,
    data,
    make_settings,
    page,
    refused,
)

NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)
HOOK = Hook("https://connector.example/webhooks/medusa/k3y", SECRET)
GIVEN = {"address": f"https://{DOMAIN}/", "secret_key": KEY, "storefront": "https://www.candles.example"}


def enter(shop: Shop, **given: str) -> Joined:
    assert PLATFORM.pasted is not None
    return PLATFORM.pasted.enter({**GIVEN, **given}, make_settings(), shop, NOW)


def test_a_key_that_opens_the_store_joins_it() -> None:
    shop = Shop("EUR")
    joined = enter(shop, product_page="/eu/p/{handle}")
    assert joined.domain == DOMAIN
    assert joined.grant.access_token == KEY
    assert joined.grant.details == {
        "store": "store_1", "storefront": "https://www.candles.example", "product_page": "/eu/p/{handle}",
        "publishable_key": PUBLIC, "channels": "sc_1", "region": "reg_1",
    }  # fmt: skip
    assert KEY not in repr(joined)
    assert all(sent.url.startswith(f"https://{DOMAIN}/admin/") for sent in shop.sent)
    assert {sent.method for sent in shop.sent} == {"GET"}, "a join writes nothing"
    profile = PLATFORM.authorize.profile(shop.client)
    assert (profile.shop_ref, profile.currency, profile.storefront_url) == (
        "store_1",
        "EUR",
        "https://www.candles.example",
    )


def test_of_several_publishable_keys_the_default_channels_is_taken() -> None:
    shop = Shop()
    shop.publishable.append(
        {"id": "apk_2", "token": "pk_" + "1" * 64, "revoked_at": None, "sales_channels": [{"id": "sc_2"}]}
    )
    assert enter(shop).grant.details["publishable_key"] == PUBLIC
    other = enter(shop, publishable_key="pk_" + "1" * 64).grant.details
    assert (other["publishable_key"], other["channels"]) == ("pk_" + "1" * 64, "sc_2")
    shop.publishable[0]["revoked_at"] = "2026-11-20T00:00:00Z"
    assert enter(shop).grant.details["channels"] == "sc_2"
    with pytest.raises(InputRefused, match="live key"):
        enter(shop, publishable_key=PUBLIC)


BASIC = {"www-authenticate": 'Basic realm="staging"', "content-type": "text/html"}


@pytest.mark.parametrize(
    ("answer", "field", "word"),
    [
        (refused(), "secret_key", "Authorization header"),
        (Reply(401, b"<p>Sign in", BASIC), "address", "password of its own"),
        (refused(403), "secret_key", "403"),
        (page(), "address", "web page"),
        (page(status=404), "address", "web page"),
        (data({"type": "not_found"}, 404), "address", "404"),
        (Reply(301, b"", {"location": f"https://www.{DOMAIN}/"}), "address", "leads on"),
        (data({"shop": "another program"}), "address", "something else"),
        (data({"stores": []}), "address", "no store"),
        (data({"stores": [{"id": "s", "supported_currencies": []}]}), "address", "currency"),
        (PlatformDown("api.candles.example: refused the connection"), "address", "refused the connection"),
    ],
)
def test_what_is_wrong_is_said_in_a_merchants_words(answer: Any, field: str, word: str) -> None:
    shop = Shop()

    def say(request: Any) -> Reply:
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    shop.before = say
    with pytest.raises(InputRefused) as error:
        enter(shop)
    assert error.value.field == field
    assert word in str(error.value)
    assert error.value.remedy, "what to do"
    assert KEY not in str(error.value)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_store_that_is_down_is_no_wrong_key(status: int) -> None:
    shop = Shop()
    shop.before = lambda request: data({}, status)
    with pytest.raises(PlatformDown):
        enter(shop)


def test_a_key_with_too_narrow_a_role_is_named_by_what_it_lacks() -> None:
    shop = Shop()
    shop.before = lambda request: refused(403) if request.path.endswith(("/orders", "/returns")) else None
    with pytest.raises(InputRefused, match="its orders, returns"):
        enter(shop)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"secret_key": PUBLIC}, "secret_key"),
        ({"secret_key": "eyJhbGciOi.x.y"}, "secret_key"),
        ({"secret_key": "sk_8e0***252"}, "secret_key"),
        ({"publishable_key": "pk"}, "publishable_key"),
        ({"storefront": "http://www.candles.example"}, "storefront"),
        ({"product_page": "/products/{name}"}, "product_page"),
        ({"product_page": "products/{handle}"}, "product_page"),
    ],
)
def test_what_cant_be_right_is_not_sent(given: dict[str, str], field: str) -> None:
    shop = Shop()
    with pytest.raises(InputRefused) as error:
        enter(shop, **given)
    assert (error.value.field, shop.sent) == (field, [])


def test_only_dev_goes_to_loopback_and_by_http() -> None:
    dev = make_settings(env="dev")
    assert base(canonical("http://127.0.0.1:9000/", dev), dev) == "http://127.0.0.1:9000"
    assert base(canonical("localhost:9000", dev), dev) == "http://localhost:9000"
    for typed in ("http://api.candles.example", "http://10.0.0.1:9000", "192.168.0.1"):
        for settings in (dev, make_settings()):
            with pytest.raises(HostRefused) as error:
                canonical(typed, settings)
            assert error.value.public
    assert base(DOMAIN, make_settings()) == f"https://{DOMAIN}"


def test_there_is_no_other_way_in() -> None:
    settings = make_settings()
    with pytest.raises(NotFound):
        PLATFORM.authorize.begin(DOMAIN, "s", "https://c.example", settings)
    with pytest.raises(GrantLost) as lost:
        PLATFORM.authorize.renew(DOMAIN, Grant(KEY), settings, Shop(), NOW)
    assert lost.value.fatal


# --- the plug-in ------------------------------------------------------------------------------------------------------


def test_the_plugin_is_told_where_to_post() -> None:
    shop = Shop()
    assert PLATFORM.webhooks.subscribe(shop.client, HOOK) == [], "no plug-in: orders are polled"
    shop.plugin = {"version": "1.0.0", "address": None, "set_by": None}
    assert PLATFORM.webhooks.subscribe(shop.client, HOOK) == sorted(PLATFORM.webhooks.topics)
    assert PLATFORM.webhooks.subscribe(shop.client, HOOK) == []
    moved = Hook("https://elsewhere.example/webhooks/medusa/k3y", SECRET)
    assert PLATFORM.webhooks.subscribe(shop.client, moved) == sorted(PLATFORM.webhooks.topics)
    assert PLATFORM.parting is not None
    PLATFORM.parting.part(shop.client, HOOK)
    assert shop.plugin["address"] is None


def test_what_the_merchant_set_in_the_server_stays() -> None:
    shop = Shop()
    shop.plugin = {"version": "1.0.0", "address": HOOK.address, "set_by": "environment"}
    assert PLATFORM.webhooks.subscribe(shop.client, HOOK) == []
    shop.plugin["address"] = "https://another.example"
    with pytest.raises(PlatformRefused, match="CONNECTOR_ADDRESS"):
        PLATFORM.webhooks.subscribe(shop.client, HOOK)


# --- buying -----------------------------------------------------------------------------------------------------------


def test_the_token_rides_in_the_address_of_the_stores_own_page() -> None:
    checkout, settings = PLATFORM.checkout, make_settings()
    url = "https://www.candles.example/products/candle?v_id=variant_1&connector_touch=old"
    link = checkout.landing_link(DOMAIN, url, TOKEN, settings, code="MAYA10")
    assert link.startswith("https://www.candles.example/products/candle?v_id=variant_1&")
    assert f"connector_touch={TOKEN}" in link
    assert "old" not in link
    assert link.endswith("promo=MAYA10")
    assert checkout.variant_link(url, "variant_2").endswith("connector_touch=old&v_id=variant_2")
    for token in ("", "x" * 41, "a b", "a&b"):
        with pytest.raises(InputRefused):
            checkout.landing_link(DOMAIN, url, token, settings)
