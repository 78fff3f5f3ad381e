"""Buying: a cart at the store with the token on it, and the ways that are left where none can be made."""

from __future__ import annotations

from typing import Any

import pytest

from connector.errors import GrantLost, HostRefused, InputRefused, PlatformBusy, PlatformDown, PlatformRefused
from connector.platforms import rest as shared
from connector.platforms.bigcommerce import PLATFORM
from connector.platforms.contract import CartLine
from tests.platforms.bigcommerce.kit import (
    CART,
    DOMAIN,
    SCOPES,
    BigCommerce,
    Reply,
    candle,
    client,
    quota,
    reply,
    settings,
    sold,
)

CHECKOUT = PLATFORM.checkout
TOKEN = "t1abcdefghij012345ABCDEFGHIJ-_6789"
LINES = [CartLine("301", 2, "188"), CartLine("302", 1, "189")]
PAGE = "https://candles.example/sage-candle/?utm_content=x&colour=red#top"


@pytest.fixture
def store() -> BigCommerce:
    return BigCommerce()


@pytest.fixture(autouse=True)
def _nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    def pause(seconds: float) -> None:
        raise AssertionError("a buyer waits")

    monkeypatch.setattr(shared, "pause", pause)


def test_a_cart_carries_the_token_and_comes_back_on_its_order(store: BigCommerce) -> None:
    url = CHECKOUT.make_cart(client(store), LINES, TOKEN, code="MAYA10")
    cart, fields, coupon = store.asked
    assert cart.body == {
        "line_items": [
            {"product_id": 188, "variant_id": 301, "quantity": 2},
            {"product_id": 189, "variant_id": 302, "quantity": 1},
        ],
        "channel_id": 1,
    }  # fmt: skip
    (cart_id,) = store.metafields
    assert url == f"https://candles.example/cart.php?action=loadInCheckout&id={cart_id}&token=once"
    assert fields.body == {"permission_set": "app_only", "namespace": "connector", "key": "touch", "value": TOKEN}
    assert coupon.path.endswith(f"/v3/checkouts/{cart_id}/coupons")
    assert store.applied == [(cart_id, "MAYA10")]
    assert TOKEN not in url
    sold(store, cart_id=cart_id)
    order = PLATFORM.orders.one(client(store), "250")
    assert order is not None
    assert CHECKOUT.tokens(order.snapshot) == [(TOKEN, "order_metadata")]
    assert CHECKOUT.make_cart(client(store), LINES, TOKEN) != url, "an address works once: each tap has its own cart"


def test_the_product_of_a_variant_is_asked_for_where_it_is_not_known(store: BigCommerce) -> None:
    candle(store)
    CHECKOUT.make_cart(client(store), [CartLine("301")], TOKEN)
    assert [asked.path.rsplit("/", 1)[-1] for asked in store.asked] == ["variants", "carts", "metafields"]
    assert store.asked[1].body["line_items"] == [{"product_id": 188, "variant_id": 301, "quantity": 1}]
    with pytest.raises(PlatformRefused, match="no variant 9"):
        CHECKOUT.make_cart(client(store), [CartLine("9")], TOKEN)
    store.answers = [reply({"data": [{"id": 7, "product_id": 0}]})]
    with pytest.raises(PlatformRefused, match="no variant 7"):
        CHECKOUT.make_cart(client(store), [CartLine("7")], TOKEN)


def test_a_code_that_the_store_does_not_take_keeps_nobody_from_buying(store: BigCommerce) -> None:
    for answer in (reply({"title": "private"}, 422), Reply(503), PlatformDown("cut")):
        store.answers = [None, None, answer]
        assert CHECKOUT.make_cart(client(store), LINES, TOKEN, code="NOPE").startswith("https://candles.example/")
    store.asked.clear()
    CHECKOUT.make_cart(client(store, scopes=("store_cart",)), LINES, TOKEN, code="MAYA10")
    assert len(store.asked) == 2, "without the scope nobody tries"


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([Reply(429, b"", quota(0, reset=500))], PlatformBusy), ([Reply(401)], GrantLost), ([Reply(503)], PlatformDown),
        ([Reply(422)], PlatformRefused), ([PlatformDown("no answer in time")], PlatformDown),
        ([None, Reply(422)], PlatformRefused), ([reply({"data": {"id": CART}})], PlatformRefused),
        ([Reply(200, b"<html>")], PlatformDown),
        ([reply({"data": {"id": "../store", "redirect_urls": {"checkout_url": "https://x.example/"}}})], PlatformDown),
    ],
)  # fmt: skip
def test_a_store_that_makes_no_cart_says_so_at_once(store: BigCommerce, answers: Any, error: type[Exception]) -> None:
    store.answers = list(answers)
    with pytest.raises(error):
        CHECKOUT.make_cart(client(store), LINES, TOKEN)
    assert len(store.asked) == len(answers), "a buyer waits for no second try"


@pytest.mark.parametrize(
    "url",
    [
        "http://candles.example/cart.php",
        "https://x@candles.example/",
        "javascript:alert(1)",
        "https:///cart",
        "/cart.php",
    ],
)
def test_nobody_is_sent_to_what_is_no_checkout(store: BigCommerce, url: str) -> None:
    store.answers = [reply({"data": {"id": CART, "redirect_urls": {"checkout_url": url}}}, 201)]
    with pytest.raises(HostRefused):
        CHECKOUT.make_cart(client(store), LINES, TOKEN)
    assert len(store.asked) == 1


def test_in_dev_the_stand_ins_own_address_will_do(store: BigCommerce) -> None:
    dev = settings(env="dev", storefront_template="http://127.0.0.1:9/shops/{hash}")
    urls = {"checkout_url": "http://127.0.0.1:9/shops/demo1hash/checkout"}
    store.answers = [reply({"data": {"id": CART, "redirect_urls": urls}}, 201)]
    store.metafields[CART] = []
    assert CHECKOUT.make_cart(client(store, settings=dev), LINES, TOKEN) == urls["checkout_url"]
    store.answers = [reply({"data": {"id": CART, "redirect_urls": {"checkout_url": "http://127.0.0.1:8/"}}}, 201)]
    with pytest.raises(HostRefused):
        CHECKOUT.make_cart(client(store, settings=dev), LINES, TOKEN)


@pytest.mark.parametrize(
    ("lines", "token", "code"),
    [
        ([], TOKEN, ""), ([CartLine("301")] * 51, TOKEN, ""), ([CartLine("v301")], TOKEN, ""),
        ([CartLine("301", 0)], TOKEN, ""), ([CartLine("301", 1, "p188")], TOKEN, ""), ([CartLine("٣")], TOKEN, ""),
        (LINES, "", ""), (LINES, "x" * 41, ""), (LINES, "a b", ""), (LINES, TOKEN, "x" * 51), (LINES, TOKEN, " A"),
        (LINES, TOKEN, "A\n"),
    ],
)  # fmt: skip
def test_what_no_cart_can_hold_is_refused_before_anything_is_sent(
    store: BigCommerce, lines: Any, token: str, code: str
) -> None:
    with pytest.raises(InputRefused):
        CHECKOUT.make_cart(client(store), lines, token, code=code)
    assert store.asked == []


def test_carts_need_their_scope() -> None:
    assert CHECKOUT.may_make_carts(SCOPES)
    assert not CHECKOUT.may_make_carts(["store_cart_read_only", "store_v2_orders"])
    assert not PLATFORM.can("cart_links")
    assert not PLATFORM.can("landing_links"), "nothing of an address comes back on an order"


def test_without_a_cart_the_way_is_the_products_page() -> None:
    link = CHECKOUT.landing_link(DOMAIN, PAGE, TOKEN, settings(), code="MAYA10")
    assert link == (
        f"https://candles.example/sage-candle/?colour=red&utm_source=connector&utm_medium=creator&utm_content={TOKEN}"
    )
    assert CHECKOUT.variant_link(PAGE, "301") == PAGE
    with pytest.raises(InputRefused):
        CHECKOUT.landing_link(DOMAIN, PAGE, "a b", settings())


def test_an_add_to_cart_address_holds_one_product_and_a_code() -> None:
    link = CHECKOUT.cart_link(DOMAIN, LINES[:1], TOKEN, settings(), code="MAYA 10&")
    assert link == f"https://{DOMAIN}/cart.php?action=buy&product_id=188&qty=2&couponcode=MAYA+10%26"
    for lines in (LINES, [CartLine("301")]):
        with pytest.raises(InputRefused, match="exactly one product"):
            CHECKOUT.cart_link(DOMAIN, lines, TOKEN, settings())
