"""What a shop's dated settings change of amounts: gift cards, discounts of the platform; and what stood at a moment."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connector.earnings.commission.rate import AmountRules, assess, stopped
from connector.events import Adjustment, Allocation, Refund
from tests.money.builders import Credit, at, back, facts, line, refund, snapshot

TEN = {"1": Credit("crt_x", 1000), "2": Credit("crt_x", 1000)}
KEEP, REFUSE = AmountRules(platform_discounts_kept=True), AmountRules(gift_cards_refused=True)


def test_r8b_a_gift_card_stops_the_order_only_where_the_shop_says_so() -> None:
    """E12 by default; with the switch the whole order earns nothing: no store tells which part of it was paid so."""
    order = snapshot(line("1", 5000), gift_card_payment=True)
    assert assess(facts(order), TEN).lines[0].due == 500
    assessed = assess(facts(order), TEN, REFUSE)
    assert (assessed.reason, assessed.lines[0].due, assessed.lines[0].estimate) == ("gift_card_payment", 0, 500)
    assert assess(facts(snapshot(line("1", 5000))), TEN, REFUSE).lines[0].due == 500


def test_other_stops_are_said_first() -> None:
    for more, reason in (
        ({"cancelled_at": at(1)}, "order_cancelled"), ({"test": True}, "test_order"),
        ({"payment_status": "voided"}, "not_collected"), ({"payment_status": "pending"}, "gift_card_payment"),
    ):  # fmt: skip
        assert stopped(snapshot(line("1", 1), gift_card_payment=True, **more), REFUSE) == reason


def test_d7_an_excluded_product_earns_nothing_and_takes_no_share() -> None:
    """Its line is out like a gift card's: no base, no share of a discount on the order, none of money given back."""
    out = AmountRules(excluded=frozenset({"p1", "p77"}))
    order = snapshot(line("1", 3000), line("2", 1000), total_discounts=500)
    assessed = assess(facts(order, [refund("1", money_only=250)]), TEN, out)
    said = [(item.base, item.due, item.reason) for item in assessed.lines]
    assert said == [(0, 0, "line_excluded"), (500, 25, "last_click_direct")]
    assert assessed.parts.rules.excluded == {"p1"}


def paid_by_both(price: int, quantity: int, seller: int, platform: int, **more: int) -> object:
    parts = (Allocation(seller), Allocation(platform, platform=True))
    return line("1", price, quantity, allocations=parts, **more)


def test_r2_the_platforms_discount_lowers_the_base_unless_the_shop_keeps_it() -> None:
    order = facts(snapshot(paid_by_both(2000, 2, 400, 600)))  # type: ignore[arg-type]
    deducted, kept = assess(order, TEN).lines[0], assess(order, TEN, KEEP).lines[0]
    assert (deducted.base, deducted.due, deducted.parts.kept) == (3000, 300, 0)
    assert (kept.base, kept.due, kept.parts.kept, kept.parts.own_discounts) == (3600, 360, 600, 400)


def test_a_kept_discount_comes_back_with_its_units_and_with_money_alone() -> None:
    """The buyer paid 3000 of a base of 3600. One of two units back, 1500 paid: half of the base; all of the money back:
    all of it."""
    order = snapshot(paid_by_both(2000, 2, 400, 600))  # type: ignore[arg-type]
    one = assess(facts(order, [refund("1", back("1", 1, 1500))]), TEN, KEEP).lines[0]
    assert (one.refunded_base, one.due) == (1800, 180)
    half = assess(facts(order, [refund("1", money_only=1500)]), TEN, KEEP).lines[0]
    assert (half.refunded_base, half.due) == (1800, 180)
    whole = assess(facts(order, [refund("1", money_only=3000)]), TEN, KEEP)
    assert (whole.lines[0].due, whole.parts.flags) == (0, ())


_OFF = st.integers(0, 3000)


@given(st.integers(1, 5000), st.integers(1, 4), _OFF, _OFF, st.booleans(), st.booleans())
def test_whatever_the_discounts_a_full_refund_lands_on_zero(
    price: int, quantity: int, seller: int, platform: int, contained: bool, by_units: bool
) -> None:
    gross = price * quantity
    seller = min(seller, gross)
    platform = min(platform, gross - seller)
    paid = gross - seller - platform
    tax = paid // 6 if contained else paid // 5
    order = snapshot(paid_by_both(price, quantity, seller, platform, tax=tax), taxes_included=contained)  # type: ignore[arg-type]
    given_back = refund("1", back("1", quantity, paid, tax)) if by_units else refund("1", money_only=max(paid, 1))
    after = assess(facts(order, [given_back]), TEN, KEEP).lines[0]
    before = assess(facts(order), TEN, KEEP).lines[0]
    assert before.base == gross - seller - (tax if contained else 0)
    if paid or by_units:
        assert after.due == 0


def test_what_stood_at_a_moment_leaves_out_what_came_later() -> None:
    """As a payout or an event's close saw it: refunds and a cancellation of the store after it are not in it, and the
    units that are gone since don't turn into edits."""
    order = snapshot(
        line("1", 1000, 3, current_quantity=1), changed_at=at(9), cancelled_at=at(8),
        refunds=(refund("1", back("1", 1, 1000), days=2), refund("2", back("1", 1, 1000), days=5)),
    )  # fmt: skip
    for moment, due in ((at(1), 300), (at(2), 200), (at(4), 200), (at(5), 100), (at(7), 100), (at(8), 0)):
        assert assess(facts(order), TEN, until=moment).lines[0].due == due
    late = Refund("9", at(6), amount_unknown=True)
    assert assess(facts(snapshot(line("1", 1000)), [late]), TEN, until=at(5)).lines[0].flags == ()
    kept = Refund("9", at(6), adjustments=(Adjustment("a", "discrepancy", -500),))
    assert assess(facts(snapshot(line("1", 1000)), [kept]), TEN, until=at(5)).lines[0].due == 100
