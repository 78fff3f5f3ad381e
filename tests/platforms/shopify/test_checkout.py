"""Cart links and the way back."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from connector.errors import HostRefused, InputRefused, PlatformBusy, PlatformDown, PlatformRefused
from connector.events import Carrier, OrderSnapshot
from connector.platforms.contract import CartLine
from connector.platforms.shopify import PLATFORM
from connector.platforms.shopify.snapshot import landing_carriers, token_carrier
from tests.platforms.shopify.kit import DOMAIN, Reply, Script, graphql, make_client, make_settings

TOKEN = "t1abcdefghij012345ABCDEFGHIJ-_6789"


def test_a_link_has_the_token_in_three_carriers(settings: Any) -> None:
    link = PLATFORM.checkout.cart_link(
        DOMAIN, [CartLine("45000000000001", 2), CartLine("45000000000004")], TOKEN, settings
    )
    parts = urlsplit(link)
    assert (parts.scheme, parts.netloc, parts.path) == ("https", DOMAIN, "/cart/45000000000001:2,45000000000004:1")
    query = parse_qs(parts.query)
    assert query["attributes[connector_touch]"] == [TOKEN]
    assert query["ref"] == [TOKEN]
    packed = query["properties"][0]
    assert "=" not in packed
    assert json.loads(base64.urlsafe_b64decode(packed + "==")) == {"_connector_touch": TOKEN}


def test_the_landing_word_may_be_another(settings: Any) -> None:
    link = PLATFORM.checkout.cart_link(DOMAIN, [CartLine("1")], TOKEN, settings, landing="mia & co")
    assert parse_qs(urlsplit(link).query)["ref"] == ["mia & co"]


@pytest.mark.parametrize(
    "lines",
    [[], [CartLine("gid://shopify/ProductVariant/1")], [CartLine("1", 0)], [CartLine("1:2,3")], [CartLine("1")] * 251],
)
def test_carts_that_no_link_can_hold_are_refused(settings: Any, lines: list[CartLine]) -> None:
    with pytest.raises(InputRefused):
        PLATFORM.checkout.cart_link(DOMAIN, lines, TOKEN, settings)


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("connector_touch", TOKEN, True),
        ("_connector_touch", TOKEN, True),
        ("otherapp_touch", TOKEN, True),  # a prefix that was set before
        ("connector_touch", f"{TOKEN}x" * 2, False),
        ("connector_touch", "Ana Prueba", False),
        ("connector_touch", 5, False),
        ("connector_touch", None, False),
        ("gift_message", TOKEN, False),
        ("touch", TOKEN, False),
        ("connector_touch\n", TOKEN, False),
        ("connector_touch", f"{TOKEN}\n", True),  # what was added around it is taken off
        ("connector_touch", f" ({TOKEN}). ", True),
        ("connector_touch", f"{TOKEN}abcd", True),  # the attribution room reads the token out of it
        ("___connector_touch", TOKEN, False),
    ],
)
def test_only_our_own_attributes_are_kept(name: str, value: Any, kept: bool) -> None:
    assert (token_carrier(name, value) is not None) is kept


def test_tokens_name_the_carriers_that_survived(settings: Any) -> None:
    carriers = (
        Carrier("cart_attribute", "a1", "connector_touch"),
        Carrier("code", "MIA10"),
        Carrier("line_property", "a2", "_connector_touch", "15"),
        Carrier("line_property", "a2", "_connector_touch", "16"),
        Carrier("referral", "a3", "source_identifier"),
    )
    moment = __import__("datetime").datetime.fromisoformat("2026-11-20T15:15:30+00:00")
    order = OrderSnapshot(
        order_ref="1", number="#1", created_at=moment, changed_at=moment, currency="USD", payment_status="paid",
        taxes_included=False, lines=(), carriers=carriers,
    )  # fmt: skip
    assert PLATFORM.checkout.tokens(order) == [
        ("a1", "cart_attribute"), ("a2", "line_property"), ("a2", "line_property"), ("a3", "referral"),
    ]  # fmt: skip


def test_another_prefix_names_the_carriers() -> None:
    link = PLATFORM.checkout.cart_link(DOMAIN, [CartLine("1")], TOKEN, make_settings(cart_prefix="exampleapp"))
    assert "exampleapp_touch" in link


def test_a_link_says_who_sent_the_buyer_and_carries_a_code(settings: Any) -> None:
    link = PLATFORM.checkout.cart_link(DOMAIN, [CartLine("1")], TOKEN, settings, code="MIRA10")
    query = parse_qs(urlsplit(link).query)
    assert (query["utm_source"], query["utm_medium"], query["utm_content"]) == (["connector"], ["creator"], [TOKEN])
    assert query["discount"] == ["MIRA10"]
    assert "discount" not in PLATFORM.checkout.cart_link(DOMAIN, [CartLine("1")], TOKEN, settings)
    for code in ("A,B", "x" * 65, " A", "A\n", "\u202eA"):
        with pytest.raises(InputRefused):
            PLATFORM.checkout.cart_link(DOMAIN, [CartLine("1")], TOKEN, settings, code=code)


def test_a_landing_link_keeps_the_page_and_a_code_leads_there_by_the_store_s_own_link(settings: Any) -> None:
    page = "https://brand.example/en/products/mug?variant=7&ref=old#top"
    link = urlsplit(PLATFORM.checkout.landing_link(DOMAIN, page, TOKEN, settings))
    assert (link.netloc, link.path, link.fragment) == ("brand.example", "/en/products/mug", "")
    assert parse_qs(link.query)["variant"] == ["7"]
    assert parse_qs(link.query)["ref"] == [TOKEN]
    link = urlsplit(PLATFORM.checkout.landing_link(DOMAIN, page, TOKEN, settings, code="MIRA 10/é"))
    assert (link.netloc, link.path) == (DOMAIN, "/discount/MIRA%2010%2F%C3%A9")
    onward = urlsplit(parse_qs(link.query)["redirect"][0])
    assert (onward.netloc, onward.path, parse_qs(onward.query)["ref"]) == ("", "/en/products/mug", [TOKEN])
    assert parse_qs(link.query)["ref"] == [TOKEN]


def test_a_variant_s_page_has_no_token(settings: Any) -> None:
    page = "https://brand.example/products/mug?variant=1&utm_source=x"
    assert PLATFORM.checkout.variant_link(page, "7") == "https://brand.example/products/mug?utm_source=x&variant=7"


def made(reply: Any, settings: Any, **more: Any) -> tuple[str, Script]:
    http = Script(reply)
    client = make_client(http, settings)
    return PLATFORM.checkout.make_cart(client, [CartLine("1", 2), CartLine("4")], TOKEN, **more), http


def cart(url: str) -> Reply:
    return graphql({"cartCreate": {"cart": {"checkoutUrl": url}, "userErrors": []}})


def test_a_storefront_cart_has_the_token_on_the_cart_and_on_every_line(settings: Any) -> None:
    url, http = made(cart("https://checkout.brand.example/cart/c/abc?key=k"), settings, code="MIRA10")
    assert url == "https://checkout.brand.example/cart/c/abc?key=k"
    (sent,) = http.sent
    assert sent.url == f"https://{DOMAIN}/api/2026-10/graphql.json"
    assert "X-Shopify-Access-Token" not in sent.headers  # the Admin token never goes to the storefront
    entry = sent.variables["input"]
    assert entry["attributes"] == [{"key": "connector_touch", "value": TOKEN}]
    assert [line["attributes"] for line in entry["lines"]] == [[{"key": "_connector_touch", "value": TOKEN}]] * 2
    assert entry["lines"][0]["merchandiseId"] == "gid://shopify/ProductVariant/1"
    assert entry["discountCodes"] == ["MIRA10"]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(429), PlatformBusy), (Reply(430), PlatformBusy), (Reply(503), PlatformDown),
        (Reply(404), PlatformRefused), (Reply(200, content=b"<html>password</html>"), PlatformDown),
        (graphql(None, errors=[{"message": "no"}]), PlatformRefused),
        (graphql({"cartCreate": {"cart": None, "userErrors": [{"message": "gone"}]}}), PlatformRefused),
        (graphql({"cartCreate": None}), PlatformRefused), (cart("http://brand.example/cart/c/a"), HostRefused),
        (cart("https://user@evil.example/"), HostRefused), (cart("javascript:alert(1)"), HostRefused),
        (PlatformDown("timed out"), PlatformDown),
    ],
)  # fmt: skip
def test_a_cart_that_could_not_be_made_is_told_so(settings: Any, reply: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        made(reply, settings)


def test_carts_are_made_only_where_the_merchant_agreed() -> None:
    may = PLATFORM.checkout.may_make_carts
    assert may(("read_orders", "unauthenticated_write_checkouts"))
    assert not may(("read_orders", "unauthenticated_read_checkouts"))
    assert PLATFORM.can("storefront_carts")


def test_every_carrier_is_listed_with_a_remedy() -> None:
    listed = {each.name: each for each in PLATFORM.checkout.carriers}
    assert list(listed) == ["cart_attribute", "line_property", "referral", "landing_page", "store_journey"]
    assert all(each.remedy and each.lost_when and each.shown_as and each.ways for each in listed.values())
    assert {name for name, each in listed.items() if "storefront_cart" in each.ways} == {
        "cart_attribute",
        "line_property",
    }


@pytest.mark.parametrize(
    ("address", "found"),
    [
        (f"/cart/1:1?attributes%5Bconnector_touch%5D={TOKEN}&ref={TOKEN}", ["attributes[connector_touch]", "ref"]),
        (f"/products/mug?utm_content={TOKEN}.", ["utm_content"]), (f"https://brand.example/?ref={TOKEN}", ["ref"]),
        ("/?ref=newsletter", []), ("/?ref=mara.lindqvist%40example.com", []), (f"/?email={TOKEN}", []), (None, []),
        ("https://[", []), ("", []),
    ],
)  # fmt: skip
def test_a_landing_page_gives_what_may_be_a_token_and_nothing_else(address: str | None, found: list[str]) -> None:
    carriers = landing_carriers(address)
    assert [(each.kind, each.name, each.value) for each in carriers] == [("landing_page", n, TOKEN) for n in found]
