"""The plain calculation, by the worked examples of the published rules that apply to it (E1 to E22)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from sandbox.expected import NotAnAmount, expected, minor

SHOP = "alpha.myshopify.com"
PLACED = "2026-11-20T12:00:00Z"


def line(number: int, price: str, **wanted: Any) -> dict[str, Any]:
    quantity = wanted.get("quantity", 1)
    return {
        "id": number,
        "product_id": number,
        "gift_card": False,
        "tip": False,
        "quantity": quantity,
        "removed": 0,
        "refunded": 0,
        "price": price,
        "gross": wanted.get("gross", price),
        "discount": "0",
        "tax": "0",
        "added_by_edit": False,
        **wanted,
    }


def order(*lines: dict[str, Any], **wanted: Any) -> dict[str, Any]:
    return {
        "id": 1,
        "name": "#1001",
        "created_at": PLACED,
        "currency": "USD",
        "taxes_included": False,
        "test": False,
        "tags": [],
        "cancelled_at": None,
        "financial_status": "paid",
        "buyer": "17",
        "email": None,
        "lines": list(lines),
        "refunds": [],
        **wanted,
    }


def refund(
    number: int, *, lines: Any = (), given: str | None = None, status: str = "success", at: str = PLACED
) -> dict[str, Any]:
    rows = [
        {"id": number * 10 + place, "line_item_id": item, "quantity": units, "subtotal": amount, "tax": tax}
        for place, (item, units, amount, tax) in enumerate(lines)
    ]
    adjustments = [] if given is None else [{"kind": "refund_discrepancy", "amount": f"-{given}", "tax": "0"}]
    return {"id": number, "created_at": at, "status": status, "lines": rows, "shipping": [], "adjustments": adjustments}


def touch(
    creator: str, product: int, at: str = "2026-11-20T11:00:00Z", number: int = 1, **wanted: Any
) -> dict[str, Any]:
    return {
        "id": number, "kind": "touch", "buyer": "17", "creator": creator, "content": f"video of {creator}",
        "shop": SHOP, "product_id": product, "at": at, **wanted,
    }  # fmt: skip


def rate(bp: int, starts: str = "2026-01-01T00:00:00Z", **wanted: Any) -> dict[str, Any]:
    return {"shop": SHOP, "basis_points": bp, "starts": starts, "ends": None, **wanted}


def run(made: dict[str, Any], notes: list[dict[str, Any]], rates: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    journal = {"shops": [{"shop": SHOP, "currency": made["currency"], "orders": [made]}]}
    return expected(journal, notes, rates, **more)


def dues(result: dict[str, Any]) -> list[int]:
    return [row["due"] for row in result["lines"]]


def test_e1_plain_and_e8_shipping_only() -> None:
    made = order(line(1, "40.00", tax="3.20"))
    assert dues(run(made, [touch("x", 1)], [rate(1500)])) == [600]
    made["refunds"] = [refund(1)]  # shipping alone: no lines, no adjustments
    assert dues(run(made, [touch("x", 1)], [rate(1500)])) == [600]


@pytest.mark.parametrize(("back", "due"), [(0, 720), (1, 480), (2, 240), (3, 0)])
def test_e2_quantity_and_e6_partial_refunds(back: int, due: int) -> None:
    refunds = [refund(n, lines=[(1, 1, "19.99", "0")]) for n in range(1, back + 1)]
    made = order(line(1, "19.99", quantity=3, gross="59.97"), refunds=refunds)
    assert dues(run(made, [touch("x", 1)], [rate(1200)])) == [due]


def test_e3_order_discount_in_one_group() -> None:
    lines = [line(1, "30.00", discount="5.00"), line(2, "20.00", discount="3.33"), line(3, "9.99", discount="1.67")]
    result = run(order(*lines), [touch("x", 1), touch("x", 3, number=2)], [rate(1000)])
    assert [row["base"] for row in result["lines"]] == [2500, 1667, 832]
    assert dues(result) == [250, 0, 83]
    assert result["creators"] == [
        {
            "creator": "x",
            "currency": "USD",
            "orders": 1,
            "lines": 2,
            "sales": 3332,
            "refunds": 0,
            "commission": 333,
            "fees": 0,
            "earned": 333,
        }
    ]


@pytest.mark.parametrize(
    ("gross", "discount", "tax", "due"), [("24.00", "0", "4.00", 200), ("24.00", "2.40", "3.60", 180)]
)
def test_e5_tax_inside(gross: str, discount: str, tax: str, due: int) -> None:
    made = order(line(1, gross, discount=discount, tax=tax), currency="GBP", taxes_included=True)
    assert dues(run(made, [touch("x", 1)], [rate(1000)])) == [due]


@pytest.mark.parametrize(("times", "due"), [(1, 67), (2, 33), (3, 0)])
def test_e6b_rounding_of_repeated_refunds(times: int, due: int) -> None:
    refunds = [refund(n, lines=[(1, 1, "3.33", "0")]) for n in range(1, times + 1)]
    made = order(line(1, "3.33", quantity=3, gross="9.99"), refunds=refunds)
    assert dues(run(made, [touch("x", 1)], [rate(1001)])) == [due]


def test_e7_amount_only_refund_is_spread() -> None:
    made = order(line(1, "30.00"), line(2, "10.00"), refunds=[refund(1, given="4.00")])
    result = run(made, [touch("x", 1)], [rate(1000)])
    assert [row["refunded_base"] for row in result["lines"]] == [300, 100]
    assert dues(result) == [270, 0]


def test_amount_only_refund_of_tax_inclusive_prices() -> None:
    made = order(line(1, "24.00", tax="4.00"), taxes_included=True, refunds=[refund(1, given="12.00")])
    result = run(made, [touch("x", 1)], [rate(1000)])
    assert (result["lines"][0]["refunded_base"], dues(result)) == (1000, [100])


def test_e10_yen_and_dinar() -> None:
    made = order(line(1, "3980", quantity=2, gross="7960"), currency="JPY")
    assert dues(run(made, [touch("x", 1)], [rate(800)])) == [637]
    made = order(line(1, "12.345"), currency="KWD")
    assert dues(run(made, [touch("x", 1)], [rate(1000)])) == [1235]


def test_r1_amounts() -> None:
    assert minor("3980.0", "JPY") == 3980
    with pytest.raises(NotAnAmount):
        minor("3980.5", "JPY")


def test_e12_gift_cards_tips_and_e13_zero() -> None:
    lines = [line(1, "50.00", gift_card=True), line(2, "5.00", tip=True), line(3, "9.00", discount="9.00")]
    result = run(order(*lines), [touch("x", n, number=n) for n in (1, 2, 3)], [rate(1000)])
    assert [row["reason"] for row in result["lines"]] == ["line_excluded", "line_excluded", "zero_base"]
    assert dues(result) == [0, 0, 0]


def test_e14_edited_order() -> None:
    lines = [line(1, "20.00"), line(2, "15.00", removed=1), line(3, "10.00", added_by_edit=True)]
    notes = [touch("x", n, number=n) for n in (1, 2, 3)]
    rates = [rate(1000), rate(1200, product_id=3)]
    assert dues(run(order(*lines), notes, rates)) == [200, 0, 120]
    given_back = [refund(1, given="5.00")]  # what the edit left over: settles the removed unit, takes no more
    assert dues(run(order(*lines, refunds=given_back), notes, rates)) == [200, 0, 120]
    more = [refund(1, given="8.00")]  # 3.00 beyond: spread over what is left, 2:1
    assert dues(run(order(*lines, refunds=more), notes, rates)) == [180, 0, 108]


@pytest.mark.parametrize(("status", "due"), [("success", 0), ("pending", 0), ("failure", 600)])
def test_refund_record_counts_unless_its_money_failed(status: str, due: int) -> None:
    made = order(line(1, "40.00"), refunds=[refund(1, lines=[(1, 1, "40.00", "0")], status=status)])
    assert dues(run(made, [touch("x", 1)], [rate(1500)])) == [due]


def test_refund_beyond_the_base_is_clamped() -> None:
    refunds = [refund(1, given="30.00"), refund(2, lines=[(1, 1, "40.00", "0")])]
    result = run(order(line(1, "40.00"), refunds=refunds), [touch("x", 1)], [rate(1500)])
    assert (result["lines"][0]["refunded_base"], dues(result)) == (4000, [0])


def test_e17_rate_is_the_higher_of_click_and_order() -> None:
    rates = [rate(1500, ends="2026-11-20T11:30:00Z"), rate(1200, starts="2026-11-20T11:30:00Z")]
    assert dues(run(order(line(1, "40.00")), [touch("x", 1)], rates)) == [600]
    later = touch("x", 1, at="2026-11-20T11:45:00Z")
    assert dues(run(order(line(1, "40.00")), [later], rates)) == [480]
    assert run(order(line(1, "40.00")), [touch("x", 1)], [])["lines"][0]["reason"] == "no_plan"


def test_e18_two_creators_by_line() -> None:
    notes = [touch("x", 1), touch("x", 2, number=2), touch("y", 2, at="2026-11-20T11:30:00Z", number=3)]
    made = order(line(1, "25.00"), line(2, "16.67"))
    result = run(made, notes, [rate(1000), rate(2000, product_id=2)])
    assert [(row["creator"], row["due"]) for row in result["lines"]] == [("x", 250), ("y", 333)]


@pytest.mark.parametrize(("seconds", "reason"), [(0, "last_click_direct"), (1, "window_expired")])
def test_e22_window_edge(seconds: int, reason: str) -> None:
    at = datetime.fromisoformat(PLACED) - timedelta(days=14, seconds=seconds)
    result = run(order(line(1, "40.00")), [touch("x", 1, at=at.isoformat())], [rate(1500)])
    assert (result["lines"][0]["reason"], dues(result)) == (reason, [600 if seconds == 0 else 0])


def test_who_is_not_credited() -> None:
    after = touch("x", 1, at="2026-11-20T12:00:01Z")
    other_product, other_buyer = touch("x", 9, number=2), touch("x", 1, number=3, buyer="18")
    late = touch("x", 1, number=4, received_at="2026-11-22T12:00:01Z")
    result = run(order(line(1, "40.00")), [after, other_product, other_buyer, late], [rate(1500)])
    assert result["lines"][0]["reason"] == "no_touch"


def test_equal_moments_and_ineligible_creators() -> None:
    notes = [touch("x", 1, number=1), touch("y", 1, number=2)]
    result = run(order(line(1, "40.00")), notes, [rate(1500)])
    assert result["lines"][0]["creator"] == "y"
    result = run(order(line(1, "40.00")), notes, [rate(1500)], creators={"y": {"active": False}})
    assert (result["lines"][0]["reason"], dues(result)) == ("creator_ineligible", [0])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"test": True}, "test_order"),
        ({"tags": ["sample_order"]}, "sample_order"),
        ({"cancelled_at": PLACED}, "order_cancelled"),
        ({"financial_status": "pending"}, "awaiting_payment"),
        ({"financial_status": "authorized"}, "awaiting_payment"),
        ({"financial_status": "voided"}, "not_collected"),
        ({"financial_status": "expired"}, "not_collected"),
    ],
)
def test_orders_that_earn_nothing(change: dict[str, Any], reason: str) -> None:
    result = run(order(line(1, "40.00"), **change), [touch("x", 1)], [rate(1500)])
    assert (result["lines"][0]["reason"], dues(result)) == (reason, [0])


@pytest.mark.parametrize("status", ["paid", "partially_paid", "partially_refunded", "refunded"])
def test_orders_that_accrue(status: str) -> None:
    assert dues(run(order(line(1, "40.00"), financial_status=status), [touch("x", 1)], [rate(1500)])) == [600]


def test_buyer_by_note_and_by_mail() -> None:
    notes = [touch("x", 1), {"id": 2, "kind": "order", "shop": SHOP, "order_id": 1, "buyer": "17", "at": PLACED}]
    assert dues(run(order(line(1, "40.00"), buyer=None), notes, [rate(1500)])) == [600]
    mail = [touch("x", 1, buyer="a@example.com")]
    assert dues(run(order(line(1, "40.00"), buyer=None, email="a@example.com"), mail, [rate(1500)])) == [600]
    assert dues(run(order(line(1, "40.00"), buyer=None), mail, [rate(1500)])) == [0]


def test_e20_a_creators_own_terms_stand_before_the_open_ones_and_fees_stand_beside() -> None:
    made = order(line(1, "40.00"))
    own = rate(800, creator="x")
    fee = {"shop": SHOP, "creator": "x", "content": "v", "currency": "USD", "amount": 2500}
    result = run(made, [touch("x", 1)], [rate(1500), own], fees=[fee])
    assert dues(result) == [320]
    assert [(row["commission"], row["fees"], row["earned"]) for row in result["creators"]] == [(320, 2500, 2820)]
    assert dues(run(made, [touch("y", 1)], [rate(1500), own])) == [600]
