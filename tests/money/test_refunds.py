"""Refunds, edits and their fine print, on facts alone."""

from __future__ import annotations

import pytest

from connector.earnings.commission.rate import assess
from connector.events import Adjustment, Refund, Transaction
from tests.money.builders import Credit, at, back, changed, facts, line, refund, snapshot, with_line

TEN = Credit("crt_x", 1000)


@pytest.mark.parametrize(
    ("statuses", "counts", "flags"),
    [
        ((), True, ()),
        (("success",), True, ()),
        (("pending",), True, ("refund_pending",)),
        (("pending", "success"), True, ()),
        (("failure", "success"), True, ()),
        (("failure", "pending"), True, ("refund_pending",)),
        (("failure",), False, ("refund_failed",)),
        (("failure", "error"), False, ("refund_failed",)),
    ],
)
def test_r6b_a_refund_counts_unless_all_its_transactions_failed(
    statuses: tuple[str, ...], counts: bool, flags: tuple[str, ...]
) -> None:
    moves = tuple(Transaction(str(n), status) for n, status in enumerate(statuses))  # type: ignore[arg-type]
    order = snapshot(
        line("1", 4000, current_quantity=0), refunds=(refund("1", back("1", 1, 4000), transactions=moves),)
    )
    item = assess(facts(order), {"1": TEN}).lines[0]
    assert (item.due, item.flags) == (0 if counts else 400, flags)


def test_a_refund_over_the_remaining_base_is_clamped_and_flagged() -> None:
    given = (refund("1", money_only=3000, days=1), refund("2", back("1", 1, 2000), days=2))
    assessed = assess(facts(snapshot(line("1", 2000, 2)), given), {"1": TEN})
    assert (assessed.lines[0].due, assessed.lines[0].flags) == (0, ("refund_exceeds_base",))
    assert (
        "refund_exceeds_base"
        in assess(facts(snapshot(line("1", 1000)), [refund("1", money_only=1001)]), {}).parts.flags
    )
    assert assess(facts(snapshot(line("1", 1000)), [refund("1", money_only=1000)]), {}).parts.flags == ()


def test_excess_on_one_line_is_not_moved_to_others() -> None:
    order = facts(snapshot(line("1", 1000, 2), line("2", 5000)), [refund("1", back("1", 1, 2500))])
    assert [item.due for item in assess(order, {"1": TEN, "2": TEN}).lines] == [0, 500]


def test_a_line_without_units_left_is_given_back_whole() -> None:
    """The store's subtotals leave a cent over; the full return still lands on zero."""
    order = facts(snapshot(line("1", 333, 3)), [refund("1", back("1", 3, 998))])
    assert (assess(order, {"1": TEN}).lines[0].refunded_base, assess(order, {"1": TEN}).lines[0].due) == (999, 0)


def test_a_failed_return_of_the_last_unit_gives_the_commission_back() -> None:
    """The store counts the unit as gone (current quantity 0), but the money never moved."""
    order = snapshot(line("1", 4000, current_quantity=0), refunds=(refund("1", back("1", 1, 4000), status="failure"),))
    assert assess(facts(order), {"1": TEN}).lines[0].due == 400


def test_a_fee_kept_back_changes_nothing() -> None:
    kept = refund("1", back("1", 1, 4000), adjustments=(Adjustment("a", "discrepancy", 500),))
    assert assess(facts(snapshot(line("1", 4000, 2)), [kept]), {"1": TEN}).lines[0].due == 400


def test_money_given_back_for_units_that_an_edit_removed_is_not_taken_twice() -> None:
    before = snapshot(line("1", 2000, 2, tax=400), line("2", 1000, tax=100))
    edited = changed(with_line(before, "1", current_quantity=1))
    money = refund("9", money_only=2200)  # 20.00 net and 2.00 tax of the removed unit
    assessed = assess(facts(edited, [money]), {"1": TEN, "2": TEN})
    assert [item.due for item in assessed.lines] == [200, 100]
    assert assessed.parts.refunds[0].settled_removed == 2200
    more = assess(facts(edited, [refund("9", money_only=2500)]), {"1": TEN, "2": TEN})
    assert [item.refunded_base for item in more.lines] == [2200, 100]


def test_what_an_edit_added_lowers_what_a_removal_settles() -> None:
    edited = changed(snapshot(line("1", 2000, current_quantity=0), line("2", 1500)))
    money = refund("9", money_only=500)
    known = assess(facts(edited, [money], added_units={"2": 1}), {"1": TEN, "2": TEN})
    assert [item.due for item in known.lines] == [0, 150]
    more = assess(facts(edited, [refund("9", money_only=700)], added_units={"2": 1}), {"1": TEN, "2": TEN})
    assert [item.due for item in more.lines] == [0, 130]


def test_units_of_a_refund_that_the_snapshot_cannot_know_are_not_edits() -> None:
    """The snapshot is older than the refund: its current quantity still has the unit."""
    old = snapshot(line("1", 1000, 3), changed_at=at(0))
    late = refund("1", back("1", 1, 1000), days=2)
    item = assess(facts(old, [late]), {"1": TEN}).lines[0]
    assert (item.removed_units, item.refunded_units, item.due) == (0, 1, 200)
    # The same refund, created before the snapshot changed: the missing unit is the refund's.
    newer = changed(with_line(old, "1", current_quantity=2), changed_at=at(3))
    item = assess(facts(newer, [late]), {"1": TEN}).lines[0]
    assert (item.removed_units, item.refunded_units, item.due) == (0, 1, 200)


def test_a_refund_line_of_an_unknown_order_line_waits() -> None:
    assessed = assess(facts(snapshot(line("1", 1000)), [refund("1", back("77", 1, 500))]), {"1": TEN})
    assert (assessed.lines[0].due, assessed.parts.refunds[0].unknown_lines) == (100, ("77",))


def test_an_unknown_amount_flags_the_named_lines_or_all() -> None:
    unknown = Refund("1", at(1), amount_unknown=True)
    lines = assess(facts(snapshot(line("1", 1000), line("2", 1000)), [unknown]), {"1": TEN}).lines
    assert [item.flags for item in lines] == [("refund_amount_unknown",)] * 2
    named = Refund("1", at(1), amount_unknown=True, lines=(back("2", 0, 0),))
    lines = assess(facts(snapshot(line("1", 1000), line("2", 1000)), [named]), {"1": TEN}).lines
    assert [item.flags for item in lines] == [(), ("refund_amount_unknown",)]


def test_returning_an_excluded_line_is_no_excess() -> None:
    order = facts(snapshot(line("1", 5000, gift_card=True), line("2", 1000)), [refund("1", back("1", 1, 5000))])
    assessed = assess(order, {"2": TEN})
    assert (assessed.parts.flags, assessed.lines[1].due) == ((), 100)


def test_unallocated_discounts_skip_excluded_and_edit_added_lines() -> None:
    order = snapshot(
        line("1", 3000), line("2", 1000, gift_card=True), line("3", 1000), line("10", 1000), total_discounts=1000
    )
    assessed = assess(facts(order, added_units={"3": 1}), {})
    assert {i.line_ref: i.parts.shared_discount for i in assessed.lines} == {"1": 750, "2": 0, "3": 0, "10": 250}


def test_lines_are_ordered_by_the_stores_id_as_a_number() -> None:
    """A tie goes to the lower id, and 9 is lower than 10."""
    order = snapshot(line("10", 100), line("9", 100), total_discounts=1)
    assessed = assess(facts(order), {})
    assert [(item.line_ref, item.parts.shared_discount) for item in assessed.lines] == [("9", 1), ("10", 0)]


def test_shipping_discounts_are_not_the_lines() -> None:
    order = snapshot(line("1", 1000), total_discounts=500, shipping_discounts=500)
    assert assess(facts(order), {}).lines[0].base == 1000
