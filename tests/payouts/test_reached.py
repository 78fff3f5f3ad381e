"""When payouts had covered a creator's statements, in their order. Pure."""

from __future__ import annotations

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from connector.earnings.payouts.reached import Paid, Settled, covered
from tests.money.builders import at


def reached(statements: list[int], payouts: list[tuple[int, int]]) -> list[datetime | None]:
    settled = [Settled(str(n), amount) for n, amount in enumerate(statements)]
    found = covered(settled, [Paid(amount, at(day)) for amount, day in payouts])
    return [found[str(n)] for n in range(len(statements))]


def test_a_payout_reaches_what_it_covers_and_all_before() -> None:
    assert reached([600, 400], [(1000, 30)]) == [at(30), at(30)]
    assert reached([600, 400], [(600, 30)]) == [at(30), None]
    assert reached([600, 400], [(600, 30), (400, 60)]) == [at(30), at(60)]
    assert reached([600, 400], [(700, 30)]) == [at(30), None]
    assert reached([600], []) == [None]


def test_a_statement_below_zero_asks_for_nothing_more() -> None:
    """600 paid, 150 taken back, 450 earned: the next payout is of 300 and reaches both."""
    assert reached([600, -150, 450], [(600, 30), (300, 60)]) == [at(30), at(30), at(60)]
    assert reached([-100, 300], [(200, 30)]) == [None, at(30)]


@given(st.lists(st.integers(-500, 900), min_size=1, max_size=8), st.lists(st.integers(1, 900), max_size=6))
def test_times_never_go_back_and_all_is_reached_once_all_is_paid(statements: list[int], payouts: list[int]) -> None:
    times = reached(statements, [(amount, day) for day, amount in enumerate(payouts)])
    known = [moment for moment in times if moment is not None]
    assert known == sorted(known)
    whole = sum(amount for amount in statements if amount > 0)
    if statements[0] > 0:  # before anything was owed nothing is reached
        assert None not in reached(statements, [(whole, 1)])
