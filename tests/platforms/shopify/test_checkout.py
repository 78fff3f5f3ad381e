"""Cart links and the way back."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from connector.errors import InputRefused
from connector.events import Carrier, OrderSnapshot
from connector.platforms.contract import CartLine
from connector.platforms.shopify import PLATFORM
from connector.platforms.shopify.snapshot import token_carrier
from tests.platforms.shopify.kit import DOMAIN, make_settings

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
