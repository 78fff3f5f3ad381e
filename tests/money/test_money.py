"""Integer money: exponents of every currency of ISO 4217, exact reading, splits that keep the sum."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iso4217 import Currency

from connector import money
from connector.errors import MoneyRefused

# From ISO 4217 itself: everything else has two digits. Codes without a minor unit price nothing.
ZERO = {
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF",
    "XPF",
}  # fmt: skip
THREE = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}
FOUR = {"CLF", "UYW"}
NONE = {
    "XAG", "XAU", "XBA", "XBB", "XBC", "XBD", "XDR", "XPD", "XPT", "XSU", "XTS", "XUA", "XXX",
}  # fmt: skip


def digits(code: str) -> int | None:
    for codes, number in ((ZERO, 0), (THREE, 3), (FOUR, 4)):
        if code in codes:
            return number
    return None if code in NONE else 2


@pytest.mark.parametrize("code", sorted(currency.code for currency in Currency))
def test_every_currency_of_iso_4217(code: str) -> None:
    expected = digits(code)
    if expected is None:
        with pytest.raises(MoneyRefused):
            money.exponent(code)
        return
    assert money.exponent(code) == expected
    smallest = "1" if expected == 0 else "0." + "0" * (expected - 1) + "1"
    assert money.parse(smallest, code) == 1
    assert money.text(1, code) == smallest
    assert money.parse(smallest + "0" if expected else "1.0", code) == 1
    with pytest.raises(MoneyRefused):
        money.parse(smallest + "1" if expected else "1.1", code)


@pytest.mark.parametrize("code", ["", "usd", "EURO", "XYZ", "US", "840"])
def test_what_is_no_currency_is_refused(code: str) -> None:
    with pytest.raises(MoneyRefused):
        money.parse("1", code)


@pytest.mark.parametrize("amount", [1.5, True, None, "1e3", "1,5", " 1", "NaN", "", "-", "٣", "0x1", "1_000", ".5"])
def test_what_is_no_exact_amount_is_refused(amount: object) -> None:
    with pytest.raises(MoneyRefused):
        money.parse(amount, "USD")  # type: ignore[arg-type]


@pytest.mark.parametrize("amount", ["1e999999", "-1e999990", "1e16", "1e-999999", "9e999999999", "sNaN", "-Infinity"])
def test_a_number_far_beyond_any_amount_is_refused_without_being_worked_out(amount: str) -> None:
    """JSON holds such numbers in few bytes; as integers they have a million digits, which take minutes."""
    with pytest.raises(MoneyRefused):
        money.parse(Decimal(amount), "USD")
    assert money.parse(Decimal("0e999999"), "USD") == 0


@given(st.integers(-(10**15), 10**15), st.sampled_from(("JPY", "USD", "KWD", "CLF")))
def test_text_and_back(amount: int, currency: str) -> None:
    assert money.parse(money.text(amount, currency), currency) == amount
    assert money.parse(Decimal(money.text(amount, currency)), currency) == amount


weights = st.lists(st.integers(0, 10**9), min_size=1, max_size=12).filter(any)


@given(st.integers(-(10**12), 10**12), weights)
def test_a_split_keeps_the_sum_and_is_fair(total: int, parts: list[int]) -> None:
    shares = money.split(total, parts)
    assert sum(shares) == total
    whole = sum(parts)
    for share, part in zip(shares, parts, strict=True):
        assert abs(share - Fraction(total * part, whole)) < 1
        assert share == 0 or part > 0
        assert share * total >= 0


@given(st.integers(0, 10**9), weights)
def test_a_heavier_part_never_gets_less_and_ties_go_to_the_lower_index(total: int, parts: list[int]) -> None:
    shares = money.split(total, parts)
    for first in range(len(parts)):
        for second in range(first + 1, len(parts)):
            if parts[first] >= parts[second]:
                assert shares[first] >= shares[second]
            if parts[first] == parts[second]:
                assert 0 <= shares[first] - shares[second] <= 1


@given(st.integers(0, 10**9), weights)
def test_a_share_never_exceeds_its_weight_while_the_total_does_not(total: int, parts: list[int]) -> None:
    shares = money.split(min(total, sum(parts)), parts)
    assert all(share <= part for share, part in zip(shares, parts, strict=True))


def test_nothing_to_spread_over() -> None:
    assert money.split(0, [0, 0]) == [0, 0]
    with pytest.raises(ValueError, match="nothing to spread"):
        money.split(1, [0, 0])
    with pytest.raises(ValueError, match="negative"):
        money.split(1, [1, -1])


@given(st.integers(0, 10**9), st.integers(1, 10**6))
def test_rounding_is_half_up(number: int, over: int) -> None:
    exact = Fraction(number, over)
    rounded = money.round_half_up(exact)
    assert rounded - Fraction(1, 2) <= exact < rounded + Fraction(1, 2)
    assert money.round_half_up(-exact) == -rounded


def test_halves() -> None:
    assert [money.round_half_up(Fraction(n, 2)) for n in (-3, -1, 1, 3)] == [-2, -1, 1, 2]
