"""Balances as every fact is worth them. The arithmetic alone: what goes out of one account goes into another."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.operations.rebuild import clearances
from connector.operations.rebuild.tally import Tally

AMOUNT = st.integers(-(10**9), 10**9)


@given(AMOUNT, st.integers(0, 10**6), AMOUNT, st.booleans(), st.sampled_from(["paid", "sent", "unknown", "failed"]))
def test_whatever_happened_the_accounts_sum_to_zero(
    due: int, fee: int, settled: int, cleared: bool, status: str
) -> None:
    tally = Tally()
    lines = frozenset({"1"} if cleared else ())
    tally.order("shp", "EUR", {("1", "crt", None): due}, fee, {("1", "crt", None): 7}, lines)
    tally.bonus("shp", "EUR", "crt", 30)
    tally.bonus_cleared("shp", "EUR", "crt", 30)
    tally.settled("shp", "EUR", "crt", settled)
    tally.reserved("shp", "EUR", "crt", 50)
    tally.received("shp", "EUR", 900)
    tally.opening("shp", "EUR", "crt", 90)
    tally.payout("shp", "EUR", "crt", settled, status)
    assert sum(tally.balances().values()) == 0


def test_e25_and_its_like_end_where_they_should() -> None:
    """Paid 600, refunded afterwards, the next order earns 450: carried -150 (E25), or the app bears it."""
    carried, borne = Tally(), Tally()
    for tally, absorbed in ((carried, {}), (borne, {("1", "crt", None): 600})):
        tally.order("shp", "EUR", {("1", "crt", None): 0}, 0, absorbed, frozenset({"1"}))
        tally.order("shp", "EUR", {("1", "crt", None): 450}, 0, {}, frozenset({"1"}))
        tally.settled("shp", "EUR", "crt", 600)
        tally.payout("shp", "EUR", "crt", 600, "paid")
    assert carried.balances() == {
        ("shp", "EUR", "merchant_receivable", ""): 450,
        ("shp", "EUR", "creator_cleared", "crt"): 150,
        ("shp", "EUR", "bank", "crt"): -600,
    }
    assert borne.balances() == {
        ("shp", "EUR", "merchant_receivable", ""): 450,
        ("shp", "EUR", "loss_absorbed", ""): 600,
        ("shp", "EUR", "creator_cleared", "crt"): -450,
        ("shp", "EUR", "bank", "crt"): -600,
    }


@pytest.mark.parametrize(("switch", "named"), [("carry_negative", []), ("absorb", ["line 2 paid_at"])])
def test_a_shop_that_begins_to_absorb_has_earlier_orders_of_two_creators(
    switch: str, named: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of them was paid since, and has the moment; the other wasn't. Nothing depends on it for such an order."""
    paid_at = datetime(2027, 1, 2, tzinfo=UTC)
    order, shop = Order(id="ord_1", placed_at=paid_at), Shop(id="shp_1")
    monkeypatch.setattr(clearances.settings, "at", lambda *_: switch)
    both = {("ord_1", "1"): paid_at, ("ord_1", "2"): paid_at}
    monkeypatch.setattr(clearances.reached, "paid_lines", lambda *_: both)
    session: Any = None
    rows = {"1": {"paid_at": paid_at}, "2": {"paid_at": None}}
    assert [what for what, _, _ in clearances.paid(session, shop, order, rows)[1]] == named
    monkeypatch.setattr(clearances.reached, "paid_lines", lambda *_: {})
    assert [what for what, _, _ in clearances.paid(session, shop, order, rows)[1]] == ["line 1 paid_at"]
