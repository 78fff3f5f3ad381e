"""Facts of money beside amounts: how it was paid, what is on its way back, and money that no rule can count."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connector.errors import PayloadUnreadable
from connector.platforms.reading import decode
from connector.platforms.shopify import snapshot
from connector.platforms.shopify.bodies import to_snapshot
from connector.platforms.shopify.payloads import OrderBody
from tests.platforms.shopify.kit import PAYLOADS

REFUNDED = "orders_updated.after_refund"


def body(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text())
    return found


def read(name: str, **changes: Any) -> Any:
    return to_snapshot(decode(json.dumps(body(name) | changes).encode(), OrderBody))


def test_a_gift_card_among_the_payments_is_a_fact() -> None:
    assert read(REFUNDED, payment_gateway_names=["shopify_payments", "gift_card"]).gift_card_payment
    assert not read(REFUNDED, payment_gateway_names=["shopify_payments"]).gift_card_payment
    assert not read(REFUNDED, payment_gateway_names=[]).gift_card_payment


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("NO_RETURN", "closed"), ("RETURN_REQUESTED", "open"), ("IN_PROGRESS", "open"),
        ("INSPECTION_COMPLETE", "closed"), ("RETURNED", "closed"), ("RETURN_FAILED", "closed"), ("NEW_WORD", "closed"),
    ],
)  # fmt: skip
def test_goods_on_their_way_back_hold_and_unknown_words_hold_nothing(word: str, status: str) -> None:
    assert snapshot.return_status(word) == status


def test_a_refund_of_another_currency_is_named_and_refused() -> None:
    refunds = body(REFUNDED)["refunds"]
    refunds[0]["refund_line_items"][0]["subtotal_set"]["shop_money"]["currency_code"] = "EUR"
    with pytest.raises(PayloadUnreadable) as refused:
        read(REFUNDED, refunds=refunds)
    assert refused.value.path == "$.refunds[0].shop_money.currency_code"


@pytest.mark.parametrize("price", ["19.999", "19.9900000000000000000000000000000000001", "1e3", "12,50", ""])
def test_more_decimals_than_the_currency_has_are_refused_at_their_place(price: str) -> None:
    lines = body(REFUNDED)["line_items"]
    lines[0]["price"] = price
    with pytest.raises(PayloadUnreadable) as refused:
        read(REFUNDED, line_items=lines)
    assert refused.value.path == "$.line_items[0].price"


def test_an_unknown_currency_is_refused() -> None:
    with pytest.raises(PayloadUnreadable, match="ISO 4217"):
        read(REFUNDED, currency="XXZ")
