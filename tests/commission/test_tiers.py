"""An event's tiers (F8): orders count by their own time, a full refund leaves the count, each order rounds alone."""

from __future__ import annotations

import random
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from connector.earnings.commission.tiers import EventLine, EventOrder, Reckoned, reckon
from connector.programme.collaborations.events import Tier
from tests.money.builders import PLACED

TIERS = (Tier(2, 1500), Tier(4, 2000))


def order(ref: int, *lines: tuple[int, int, int], minutes: int | None = None, stopped: bool = False) -> EventOrder:
    """(base, net, rate) of each line."""
    placed = PLACED + timedelta(minutes=ref if minutes is None else minutes)
    return EventOrder(str(ref), placed, tuple(EventLine(*each) for each in lines), stopped)


def test_orders_after_the_threshold_earn_the_tiers_rate() -> None:
    """Six orders of 10.00 at 10 %: two at 10, two at 15, two at 20 %."""
    found = reckon([order(n, (1000, 1000, 1000)) for n in range(1, 7)], TIERS)
    assert found == Reckoned(orders=6, base=6000, commission=600, tier_commission=900, tier_bp=2000)
    assert found.bonus == 300


def test_nobody_below_the_first_threshold_earns_one() -> None:
    assert reckon([order(n, (1000, 1000, 1000)) for n in (1, 2)], TIERS) == Reckoned(2, 2000, 200, 200, 0)
    assert reckon([], TIERS) == Reckoned()


def test_only_a_full_refund_leaves_the_count_and_a_part_leaves_the_base() -> None:
    """The second is given back whole: the third is second, and earns no tier. The fourth keeps a tenth of its base."""
    given_back = [
        order(1, (1000, 1000, 1000)), order(2, (1000, 0, 1000), (500, 0, 1000)), order(3, (1000, 1000, 1000)),
        order(4, (1000, 100, 1000)),
    ]  # fmt: skip
    assert reckon(given_back, TIERS) == Reckoned(3, 2100, 210, 215, 1500)


def test_what_is_cancelled_or_unpaid_never_counts_and_what_was_free_does() -> None:
    orders = [order(1, (0, 0, 1000)), order(2, (1000, 1000, 1000), stopped=True), order(3, (1000, 1000, 1000)),
              order(4, (1000, 1000, 1000))]  # fmt: skip
    assert reckon(orders, TIERS) == Reckoned(3, 2000, 200, 250, 1500)


def test_a_line_with_a_higher_rate_of_its_own_gains_nothing() -> None:
    found = reckon([order(n, (1000, 1000, 1800)) for n in (1, 2, 3)], (Tier(1, 1500),))
    assert (found.bonus, found.tier_bp) == (0, 1500)


def test_each_order_is_rounded_by_itself() -> None:
    """3.35 at 10 % is 33.5, at 15 % 50.25: 34 and 50 an order, not 67 and 100.5 of both."""
    found = reckon([order(n, (335, 335, 1000)) for n in (1, 2)], (Tier(0, 1500),))
    assert (found.commission, found.tier_commission, found.bonus) == (68, 100, 32)


_LINES = st.lists(
    st.tuples(st.integers(0, 5000), st.integers(0, 100), st.sampled_from((1000, 1200, 1700))), min_size=1, max_size=3
)


@given(st.lists(st.tuples(_LINES, st.integers(0, 5), st.booleans()), max_size=12), st.integers(0, 2**32 - 1))
def test_the_order_of_hearing_does_not_matter_and_a_plain_count_agrees(
    drawn: list[tuple[list[tuple[int, int, int]], int, bool]], seed: int
) -> None:
    orders = [
        order(n, *((base, base * part // 100, rate) for base, part, rate in lines), minutes=minutes, stopped=stopped)
        for n, (lines, minutes, stopped) in enumerate(drawn, 1)
    ]
    found = reckon(orders, TIERS)
    shuffled = orders.copy()
    random.Random(seed).shuffle(shuffled)
    assert reckon(shuffled, TIERS) == found
    assert found.bonus >= 0
    # Once more, plainly: minutes decide, then the store's number.
    number = plain = 0
    for one in sorted(orders, key=lambda each: (each.placed_at, int(each.order_ref))):
        whole, left = sum(li.base for li in one.lines), sum(li.net for li in one.lines)
        if one.stopped or (whole and not left):
            continue
        number += 1
        tier = 2000 if number > 4 else 1500 if number > 2 else 0
        own = sum(li.net * li.rate_bp for li in one.lines)
        better = sum(li.net * max(li.rate_bp, tier) for li in one.lines)
        plain += (better + 5000) // 10_000 - (own + 5000) // 10_000
    assert (found.bonus, found.orders) == (plain, number)
