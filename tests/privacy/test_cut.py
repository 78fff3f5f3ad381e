"""A body without its person still says what was bought, to the digit."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connector.operations.privacy import cut
from connector.platforms.contract import Envelope
from connector.platforms.shopify import PLATFORM
from tests.privacy.world import CUSTOMER, MAIL, PHONE, World
from tests.webhooks.conftest import DOMAIN

ENVELOPE = Envelope(DOMAIN, "orders/create")


def test_the_order_stays_and_the_person_goes() -> None:
    whole = World("shp", "tch", "tok.en").order(1, landing_site=f"/p/mug?email={MAIL}&connector_touch=tok.en&ref=r1")
    body = cut.without_person(whole)
    assert body is not None
    text = body.decode()
    for secret in (MAIL, PHONE, str(CUSTOMER), "Ana", "email="):
        assert secret not in text
    (before,) = PLATFORM.webhooks.translate(ENVELOPE, whole, "USD")
    (after,) = PLATFORM.webhooks.translate(ENVELOPE, body, "USD")
    assert PLATFORM.checkout.tokens(after.snapshot) == PLATFORM.checkout.tokens(before.snapshot)  # type: ignore[union-attr]
    assert after.snapshot.lines == before.snapshot.lines  # type: ignore[union-attr]
    assert after.buyer.email is None  # type: ignore[union-attr]
    assert cut.without_person(body) == body, "cutting again cuts nothing"


def test_attributes_as_an_object_lose_what_is_not_ours_too() -> None:
    body = cut.without_person(
        b'{"properties": {"gift for": "Ana Ruiz", "connector_touch": "tok.en"}, "customer_id": 7}'
    )
    assert body is not None
    assert json.loads(body) == {"properties": {"connector_touch": "tok.en"}, "customer_id": None}


def test_what_is_no_json_cannot_be_cut() -> None:
    for raw in (b"{", b"\xff\xfe", b"[" * 100_000):
        assert cut.without_person(raw) is None


amounts = st.one_of(
    st.integers(-(10**30), 10**30), st.decimals(allow_nan=False, allow_infinity=False, places=6), st.text(), st.none()
)


@given(
    st.recursive(amounts, lambda part: st.lists(part) | st.dictionaries(st.sampled_from(["price", "qty", "sku"]), part))
)
def test_everything_else_keeps_its_digits(value: Any) -> None:
    raw = json.dumps({"lines": value}, default=lambda number: _Digits(number)).encode()
    body = cut.without_person(raw)
    assert body is not None
    assert json.loads(body, parse_float=Decimal) == json.loads(raw, parse_float=Decimal)


class _Digits(float):
    """What json writes of a Decimal: as the nearest float; big enough a set of numbers to compare."""
