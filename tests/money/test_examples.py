"""The worked examples of COMMISSION.md, section 4, that need no clock: facts and decisions in, commission out."""

from __future__ import annotations

import itertools
from decimal import Decimal

import pytest

from connector import money
from connector.commerce.orders.facts import OrderFacts
from connector.earnings.commission.rate import Assessment, assess, reversed_of
from connector.events import Adjustment, Refund
from tests.money.builders import Credit, back, changed, facts, line, off, refund, snapshot, with_line

X = Credit("crt_x", 1500)


def due(assessment: Assessment) -> dict[str, int]:
    return {item.line_ref: item.due for item in assessment.lines}


def one(order: OrderFacts, rate_bp: int) -> int:
    """Commission of an order whose lines are all credited to one creator at one rate."""
    decisions = {item.line_ref: Credit("crt_x", rate_bp) for item in order.snapshot.lines}
    return sum(due(assess(order, decisions)).values())


def test_e1_plain() -> None:
    assessed = assess(facts(snapshot(line("1", 4000, tax=320), shipping=500)), {"1": X})
    assert (assessed.lines[0].base, assessed.lines[0].due) == (4000, 600)
    assert assessed.lines[0].reason == "last_click_direct"


def test_e2_quantity() -> None:
    assessed = assess(facts(snapshot(line("1", 1999, 3))), {"1": Credit("crt_x", 1200)})
    assert (assessed.lines[0].base, assessed.lines[0].due) == (5997, 720)


def test_e3_order_discount() -> None:
    order = snapshot(line("1", 3000), line("2", 2000), line("3", 999), total_discounts=1000)
    ten = Credit("crt_x", 1000)
    assessed = assess(facts(order), {"1": ten, "3": ten})
    assert [item.parts.shared_discount for item in assessed.lines] == [500, 333, 167]
    assert [item.base for item in assessed.lines] == [2500, 1667, 832]
    assert due(assessed) == {"1": 250, "2": 0, "3": 83}


@pytest.mark.parametrize(
    ("tax", "rates"), [(400, ()), (None, (Decimal("0.2"),)), (None, (Decimal("0.15"), Decimal("0.05")))]
)
def test_e5_tax_inclusive(tax: int | None, rates: tuple[Decimal, ...]) -> None:
    order = snapshot(line("1", 2400, tax=tax, tax_rates=rates), currency="GBP", taxes_included=True)
    assert one(facts(order), 1000) == 200


@pytest.mark.parametrize(("tax", "rates"), [(360, ()), (None, (Decimal("0.2"),))])
def test_e5_tax_inclusive_with_ten_percent_off(tax: int | None, rates: tuple[Decimal, ...]) -> None:
    item = line("1", 2400, tax=tax, tax_rates=rates, allocations=off(240))
    assert one(facts(snapshot(item, currency="GBP", taxes_included=True)), 1000) == 180


def test_e6_partial_refund() -> None:
    order, units = snapshot(line("1", 1999, 3)), [refund(str(n), back("1", 1, 1999), days=n) for n in (1, 2, 3)]
    seen = []
    for count in range(4):
        order = with_line(changed(order, refunds=tuple(units[:count])), "1", current_quantity=3 - count)
        assessed = assess(facts(order), {"1": Credit("crt_x", 1200)})
        seen.append((assessed.lines[0].reversed, assessed.lines[0].due))
    assert seen == [(0, 720), (240, 480), (480, 240), (720, 0)]


def test_e6b_rounding_of_repeated_refunds() -> None:
    so_far = [reversed_of(100, back, 999) for back in (0, 333, 666, 999)]
    assert so_far == [0, 33, 67, 100]
    assert [later - before for before, later in itertools.pairwise(so_far)] == [33, 34, 33]


def test_e7_amount_only_refund_is_spread_over_nobodys_lines_too() -> None:
    order = facts(snapshot(line("1", 3000), line("2", 1000)), [refund("1", money_only=400)])
    assessed = assess(order, {"1": Credit("crt_x", 1000)})
    assert [item.refunded_base for item in assessed.lines] == [300, 100]
    assert due(assessed) == {"1": 270, "2": 0}


def test_e7_tax_inclusive() -> None:
    """12.00 back of 24.00 with 4.00 VAT in it reverses 1000 of a base of 2000."""
    order = snapshot(line("1", 2400, tax=400), currency="GBP", taxes_included=True)
    assert assess(facts(order, [refund("1", money_only=1200)]), {"1": X}).lines[0].refunded_base == 1000


@pytest.mark.parametrize("kind", ["shipping", "pending", "balancing", "other"])
def test_e8_only_discrepancies_are_money_for_goods(kind: str) -> None:
    given = Refund("1", snapshot().created_at, adjustments=(Adjustment("a", kind, -500),))  # type: ignore[arg-type]
    assert one(facts(snapshot(line("1", 4000), shipping=500), [given]), 1500) == 600


def test_e9_the_ledger_keeps_the_shops_currency() -> None:
    order = snapshot(line("1", 5000), currency="EUR")
    assert one(facts(order), 1000) == 500
    assert assess(facts(order), {"1": X}).currency == "EUR"
    assert one(facts(order, [refund("1", back("1", 1, 5000))]), 1000) == 0


def test_e10_zero_decimals() -> None:
    price = money.parse("3980", "JPY")
    assert one(facts(snapshot(line("1", price, 2), currency="JPY")), 800) == 637


def test_e12_tender_does_not_matter_and_a_bought_gift_card_earns_nothing() -> None:
    assert one(facts(snapshot(line("1", 5000))), 1000) == 500
    assessed = assess(facts(snapshot(line("1", 5000, gift_card=True))), {"1": X})
    assert (assessed.lines[0].base, assessed.lines[0].due, assessed.lines[0].reason) == (0, 0, "line_excluded")


@pytest.mark.parametrize("kind", ["tip", "fee", "gift_card"])
def test_d7_excluded_lines(kind: str) -> None:
    assessed = assess(facts(snapshot(line("1", 5000, **{kind: True}))), {"1": X})
    assert (assessed.lines[0].due, assessed.lines[0].reason) == (0, "line_excluded")


def test_e13_zero_value() -> None:
    assessed = assess(facts(snapshot(line("1", 5000, allocations=off(5000, code="ALL")))), {"1": X})
    assert (assessed.lines[0].due, assessed.lines[0].reason) == (0, "zero_base")
    assessed = assess(facts(snapshot(line("1", 5000), sample=True)), {"1": X})
    assert (assessed.reason, due(assessed)) == ("sample_order", {"1": 0})


def test_e14_edited_order() -> None:
    ten, twelve = Credit("crt_x", 1000), Credit("crt_x", 1200)
    before = snapshot(line("1", 2000), line("2", 1500))
    assert sum(due(assess(facts(before), {"1": ten, "2": ten})).values()) == 350
    after = changed(snapshot(line("1", 2000), line("2", 1500, current_quantity=0), line("3", 1000)))
    assessed = assess(facts(after, added_units={"3": 1}), {"1": ten, "2": ten, "3": twelve})
    assert due(assessed) == {"1": 200, "2": 0, "3": 120}


def test_e18_two_creators() -> None:
    order = snapshot(line("1", 2500), line("2", 1667))
    assert due(assess(facts(order), {"1": Credit("x", 1000), "2": Credit("y", 2000)})) == {"1": 250, "2": 333}


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ({"test": True}, "test_order"),
        ({"completed": False}, "not_completed"),
        ({"sample": True}, "sample_order"),
        ({"cancelled_at": snapshot().created_at}, "order_cancelled"),
        ({"payment_status": "voided"}, "not_collected"),
        ({"payment_status": "expired"}, "not_collected"),
        ({"payment_status": "pending"}, "awaiting_payment"),
        ({"payment_status": "authorized"}, "awaiting_payment"),
        ({"payment_status": "none"}, "awaiting_payment"),
        ({"test": True, "cancelled_at": snapshot().created_at, "payment_status": "voided"}, "test_order"),
        ({"payment_status": "partially_paid"}, ""),
        ({"payment_status": "partially_refunded"}, ""),
        ({"payment_status": "refunded"}, ""),
    ],
)
def test_d5_and_d6_stop_the_whole_order(order: dict[str, object], reason: str) -> None:
    assessed = assess(facts(snapshot(line("1", 4000), **order)), {"1": X})
    assert assessed.reason == reason
    assert due(assessed) == {"1": 0 if reason else 600}
    assert assessed.lines[0].estimate == 600
    assert assessed.lines[0].reason == (reason or "last_click_direct")
