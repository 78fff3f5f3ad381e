"""Which invoice a receipt pays, how late what is open is, and what of a statement may be paid out. Pure."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.earnings.settlement import reserves
from connector.earnings.settlement.funding import (
    BUCKETS,
    Funding,
    ageing,
    allocated,
    bucket,
    state_of,
    uncovered,
)

AMOUNTS = st.integers(-5_000, 20_000)
TODAY = date(2026, 12, 20)


@pytest.mark.parametrize(
    ("received", "paid", "credit"),
    [
        (0, {"a": 0, "b": 0}, 0),
        (60, {"a": 60, "b": 0}, 0),  # in parts: the oldest first
        (100, {"a": 100, "b": 0}, 0),
        (130, {"a": 100, "b": 30}, 0),
        (350, {"a": 100, "b": 200}, 50),  # too much: a credit
        (-20, {"a": 0, "b": 0}, -20),  # more was taken back than ever came
    ],
)
def test_the_oldest_invoice_is_paid_first(received: int, paid: dict[str, int], credit: int) -> None:
    shares = allocated([("a", 100), ("b", 200)], received)
    assert (shares.paid, shares.credit) == (paid, credit)


def test_a_credit_note_pays_like_money() -> None:
    shares = allocated([("a", 100), ("b", -30), ("c", 50)], 60)
    assert (shares.paid, shares.credit) == ({"a": 90, "c": 0}, 0)


@given(totals=st.lists(AMOUNTS, max_size=8), received=st.integers(-10_000, 60_000), more=st.integers(0, 9_000))
def test_what_is_paid_and_what_is_left_is_what_came(totals: list[int], received: int, more: int) -> None:
    owed = [(str(number), total) for number, total in enumerate(totals)]
    shares = allocated(owed, received)
    credits = sum(-total for total in totals if total < 0)
    assert sum(shares.paid.values()) + shares.credit == received + credits
    assert all(0 <= shares.paid[name] <= total for name, total in owed if total > 0)
    open_before = False  # nothing of a later invoice is paid while an earlier one is open
    for name, total in owed:
        if total > 0:
            assert not (open_before and shares.paid[name])
            open_before = open_before or shares.paid[name] < total
    later = allocated(owed, received + more)
    assert all(later.paid[name] >= amount for name, amount in shares.paid.items())


@pytest.mark.parametrize(
    ("late", "column"),
    [(-9, "current"), (0, "current"), (1, "days_1_30"), (30, "days_1_30"), (31, "days_31_60"), (60, "days_31_60"),
     (61, "days_over_60"), (400, "days_over_60")],
)  # fmt: skip
def test_an_open_invoice_stands_in_the_column_of_its_days(late: int, column: str) -> None:
    assert bucket(TODAY - timedelta(days=late), TODAY) == column


@given(rows=st.lists(st.tuples(st.integers(-30, 200), st.integers(1, 9_000)), max_size=20))
def test_the_columns_sum_to_what_is_open(rows: list[tuple[int, int]]) -> None:
    found = ageing([(TODAY - timedelta(days=late), amount) for late, amount in rows], TODAY)
    assert tuple(found) == BUCKETS
    assert sum(found.values()) == sum(amount for _, amount in rows)


def test_an_invoices_state_says_who_must_act() -> None:
    due = TODAY + timedelta(days=1)
    late = TODAY - timedelta(days=1)
    assert [state_of(*facts, TODAY) for facts in (
        (100, 0, due), (100, 1, due), (100, 99, late), (100, 100, late), (-5, 0, late), (0, 0, late), (100, 0, TODAY),
    )] == ["due", "partly_paid", "overdue", "paid", "credit", "paid", "due"]  # fmt: skip


def test_a_paid_invoice_funds_all_its_statements_and_an_unpaid_one_none() -> None:
    statements = [("x", 700), ("y", 300), ("z", -50)]
    assert uncovered(950, 0, 950, statements) == {}
    assert uncovered(950, 0, 0, statements) == {"x": 700, "y": 300}


def test_creators_come_before_the_apps_fee() -> None:
    # 1000 for creators, 40 for the app: 1000 is enough for all of them
    assert uncovered(1040, 40, 1000, [("x", 700), ("y", 300)]) == {}
    assert uncovered(1040, 40, 999, [("x", 700), ("y", 300)]) == {"x": 1}


def test_a_part_is_shared_in_proportion_by_largest_remainder() -> None:
    # 100 over 700 : 300 : 1 → 69.93, 29.97, 0.1 → 70, 30, 0
    assert uncovered(1001, 0, 100, [("x", 700), ("y", 300), ("z", 1)]) == {"x": 630, "y": 270, "z": 1}


@given(
    amounts=st.lists(AMOUNTS, min_size=1, max_size=9), fee=st.integers(0, 900), paid=st.integers(0, 40_000),
    absorbed=st.integers(0, 500),
)  # fmt: skip
def test_nobody_is_covered_by_more_than_came(amounts: list[int], fee: int, paid: int, absorbed: int) -> None:
    statements = [(str(number), amount) for number, amount in enumerate(amounts)]
    total = sum(amounts) + fee - absorbed
    waits = uncovered(total, fee, paid, statements)
    assert all(0 < waits[name] <= amount for name, amount in statements if name in waits)
    assert all(amount > 0 for name, amount in statements if name in waits)
    if waits:
        covered = sum(amount - waits.get(name, 0) for name, amount in statements if amount > 0)
        assert covered == paid
    if total > 0 and paid >= total:
        assert waits == {}


def test_what_is_not_funded_is_left_of_the_balance() -> None:
    gate = Funding(gated=True, unfunded={"x": 400, "y": 900})
    assert [gate.payable(who, 700) for who in ("x", "y", "z")] == [300, 0, 700]
    assert gate.payable("z", -5) == 0
    assert Funding(gated=False, unfunded={"x": 400}).payable("x", 700) == 700


def test_a_reserve_is_a_share_of_a_total_above_zero() -> None:
    shares = [reserves.share_of(total, 1000) for total in (1000, 1005, 1004, 4, 5, 0, -800)]
    assert shares == [100, 101, 100, 0, 1, 0, 0]
    assert reserves.share_of(1000, 0) == 0
