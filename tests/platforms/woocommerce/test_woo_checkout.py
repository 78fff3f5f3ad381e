"""Ways into a store, and what comes back of the token."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from connector.errors import InputRefused, PlatformRefused
from connector.platforms.contract import CartLine, Client
from connector.platforms.woocommerce import PLATFORM
from connector.platforms.woocommerce import checkout as module
from tests.platforms.woocommerce.kit import DOMAIN, TOKEN, Shop, make_client, make_settings, page

checkout = PLATFORM.checkout
NEW = {"scopes": ("checkout_link", "read", "write"), "details": {"home": f"https://www.{DOMAIN}/shop"}}


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_known", {})


def query(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def client(shop: Shop, **more: Any) -> Client:
    return make_client(shop, **(NEW | more))


def test_the_products_page_carries_the_token_as_utm_content() -> None:
    page_url = f"https://{DOMAIN}/shop/product/x/?lang=en&utm_content=old#reviews"
    link = checkout.landing_link(DOMAIN, page_url, TOKEN, make_settings(), code="MINA10")
    assert link.startswith(f"https://{DOMAIN}/shop/product/x/?")
    assert query(link) == {"lang": "en", "utm_source": "connector", "utm_medium": "affiliate", "utm_content": TOKEN}
    assert "#" not in link


def test_stores_from_10_on_are_entered_at_their_checkout() -> None:
    shop = Shop()
    ref = shop.product("Thing", [1000])
    many = shop.product("Many", [1000, 2000])
    variant = str(shop.variations[int(many)][1]["id"])
    shop.variations[int(many)][1]["type"] = "variation"
    lines = [CartLine(ref, 2), CartLine(variant), CartLine(ref)]
    link = checkout.make_cart(client(shop), lines, TOKEN, code="mina 10")
    assert link.startswith(f"https://www.{DOMAIN}/shop/checkout-link/?products={ref}:3,{variant}:1&")
    assert query(link)["coupon"] == "mina 10"
    assert query(link)["utm_content"] == TOKEN
    asked = len(shop.sent)
    checkout.make_cart(client(shop), lines, TOKEN)
    assert len(shop.sent) == asked  # known for a while
    other = shop.product("Other", [1000])
    assert checkout.make_cart(client(shop), [CartLine(other, product_ref=other)], TOKEN)
    assert len(shop.sent) == asked  # a simple product's own variant leaves nothing to choose


def test_a_variation_with_an_open_choice_and_an_old_store_take_no_link() -> None:
    shop = Shop()
    many = shop.product("Many", [1000, 2000])
    row = shop.variations[int(many)][0]
    row |= {"type": "variation", "attributes": []}
    with pytest.raises(PlatformRefused):
        checkout.make_cart(client(shop), [CartLine(str(row["id"]))], TOKEN)
    for ref in (many, "424242"):  # the variable product itself, and what isn't there
        with pytest.raises(PlatformRefused):
            checkout.make_cart(client(shop), [CartLine(ref)], TOKEN)
    gone = shop.product("Not for sale", [1000], purchasable=False)
    with pytest.raises(PlatformRefused):
        checkout.make_cart(client(shop), [CartLine(gone)], TOKEN)
    assert not checkout.may_make_carts(("read", "write"))
    with pytest.raises(PlatformRefused, match="no checkout link"):
        checkout.make_cart(client(shop, scopes=("read",)), [CartLine(gone)], TOKEN)


def test_a_buyer_waits_for_one_answer_at_most() -> None:
    shop = Shop()
    ref = shop.product("Thing", [1000])
    shop.before = lambda request: page(status=429, **{"Retry-After": "0"})
    with pytest.raises(Exception, match="too many requests"):
        checkout.make_cart(client(shop), [CartLine(ref)], TOKEN)
    assert len(shop.sent) == 1


def test_what_no_link_can_hold() -> None:
    settings = make_settings()
    for token in ("", "x" * 41, "a b", "a&b", "a\n", "\u00e9", 'a"b'):
        with pytest.raises(InputRefused):
            checkout.landing_link(DOMAIN, f"https://{DOMAIN}/x", token, settings)
    for lines in ([], [CartLine("x")], [CartLine("1", 0)], [CartLine("1")] * 51):
        with pytest.raises(InputRefused):
            checkout.cart_link(DOMAIN, lines, TOKEN, settings)
    for code in ("a,b", " a", "x" * 65, "a\x00"):
        with pytest.raises(InputRefused):
            checkout.cart_link(DOMAIN, [CartLine("1")], TOKEN, settings, code=code)


def test_a_products_page_is_the_link_of_each_variant() -> None:
    assert checkout.variant_link(f"https://{DOMAIN}/product/x/", "511") == f"https://{DOMAIN}/product/x/"
