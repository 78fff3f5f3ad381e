"""The app's fee (R14): one group an order, rounded once, reversed with its lines; and what a forfeit leaves of both."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.earnings.commission.rate import AmountRules, Assessment, Fee, assess
from connector.money import round_half_up
from tests.money.builders import Credit, at, back, facts, line, refund, snapshot

THREE = AmountRules(fee_bp=300)
X, Y, NOBODY = Credit("crt_x", 1000), Credit("crt_y", 2000), Credit(None, 0, credit_reason="no_touch", rate_reason="")


def fee(assessed: Assessment) -> Fee:
    found = assessed.parts.fee
    assert found is not None
    return found


def test_it_is_taken_of_credited_lines_alone_and_rounded_once() -> None:
    """3 % of 833 + 834 is 50.01: one rounding gives 50, two would give 25 + 25, and the uncredited 5000 isn't in it."""
    order = facts(snapshot(line("1", 833), line("2", 834), line("3", 5000)))
    found = fee(assess(order, {"1": X, "2": Y, "3": NOBODY}, THREE))
    assert (found.fee_bp, found.base, found.amount, found.due) == (300, 1667, 50, 50)
    assert [(share.line_ref, share.amount) for share in found.shares] == [("1", 25), ("2", 25)]
    halves = facts(snapshot(line("1", 50), line("2", 50), line("3", 50)))
    shares = fee(assess(halves, dict.fromkeys("123", X), AmountRules(fee_bp=100))).shares
    assert [share.amount for share in shares] == [1, 1, 0]  # 1.5 is rounded to 2, ties go to the lower line


def test_without_a_setting_there_is_none() -> None:
    assessed = assess(facts(snapshot(line("1", 4000))), {"1": X})
    assert (assessed.parts.fee, assessed.lines[0].due) == (None, 400)


def test_refunds_take_their_part_by_the_same_rule() -> None:
    """E6b on the fee: c = 30 on b = 999, a third back each time: 10, 20, 30."""
    seen = []
    for count in range(4):
        given_back = [refund(str(n), back("1", 1, 333), days=n) for n in range(1, count + 1)]
        seen.append(fee(assess(facts(snapshot(line("1", 333, 3)), given_back), {"1": X}, THREE)).due)
    assert seen == [30, 20, 10, 0]


@pytest.mark.parametrize("stop", [{"cancelled_at": at(1)}, {"payment_status": "voided"}, {"payment_status": "pending"}])
def test_an_order_that_is_stopped_owes_none(stop: dict[str, object]) -> None:
    found = fee(assess(facts(snapshot(line("1", 4000), **stop)), {"1": X}, THREE))
    assert (found.amount, found.due) == (120, 0)


def test_a_forfeited_line_pays_neither_commission_nor_fee_and_the_rest_is_as_it_was() -> None:
    order = facts(snapshot(line("1", 4000), line("2", 1000)))
    assessed = assess(order, {"1": X, "2": X}, THREE, frozenset({"1"}))
    assert [(item.due, item.reason, item.flags) for item in assessed.lines] == [
        (0, "forfeited", ("forfeited",)), (100, "last_click_direct", ()),
    ]  # fmt: skip
    assert (assessed.lines[0].commission, assessed.lines[0].estimate) == (400, 400)
    assert (fee(assessed).amount, fee(assessed).due) == (150, 30)
    # A line of nobody has nothing to take away.
    assert assess(order, {"1": NOBODY, "2": X}, THREE, frozenset({"1"})).lines[0].reason == "no_touch"


_PARTS = st.tuples(st.integers(0, 9999), st.integers(1, 4), st.sampled_from((X, Y, NOBODY)))


@given(
    st.lists(_PARTS, min_size=1, max_size=6),
    st.integers(1, 3000),
    st.data(),
)
def test_fee_and_commission_stay_within_what_was_earned(
    parts: list[tuple[int, int, Credit]], fee_bp: int, data: st.DataObject
) -> None:
    """Shares sum to the whole; nothing is reversed beyond what was earned; a full refund lands on exactly zero."""
    lines = [line(str(n), price, quantity) for n, (price, quantity, _) in enumerate(parts, 1)]
    decisions = {str(n): credit for n, (_, _, credit) in enumerate(parts, 1)}
    some = [
        refund(item.line_ref, back(item.line_ref, units, item.unit_price * units), days=n)
        for n, item in enumerate(lines, 1)
        if (units := data.draw(st.integers(0, item.quantity)))
    ]
    rules = AmountRules(fee_bp=fee_bp)
    assessed = assess(facts(snapshot(*lines), some), decisions, rules)
    found = fee(assessed)
    credited = [item for item in assessed.lines if item.creator_id is not None]
    assert found.amount == sum(s.amount for s in found.shares) == round_half_up(Fraction(found.base * fee_bp, 10_000))
    assert found.base == sum(item.base for item in credited)
    assert all(0 <= share.due <= share.amount for share in found.shares)
    assert all(0 <= item.due <= item.commission for item in assessed.lines)
    for creator in ("crt_x", "crt_y"):
        own = [item for item in credited if item.creator_id == creator]
        exact = sum(Fraction(item.base * item.rate_bp, 10_000) for item in own)
        assert sum(item.commission for item in own) == round_half_up(Fraction(exact))
    whole = [
        refund(item.line_ref, back(item.line_ref, item.quantity, item.unit_price * item.quantity)) for item in lines
    ]
    after = assess(facts(snapshot(*lines), whole), decisions, rules)
    assert (fee(after).due, sum(item.due for item in after.lines)) == (0, 0)
