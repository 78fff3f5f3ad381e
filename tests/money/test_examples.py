"""The worked examples of COMMISSION.md, section 4, through the product's own rules: facts in, commission out.

Those that need books stand where books are: E25 in `tests/ledger/test_ledger.py`, E28 in `tests/payouts/test_batch.py`,
E15, E16 and E27 once more as deliveries in `tests/webhooks` and `tests/platforms/shopify/test_traps.py`.
"""

from __future__ import annotations

import itertools
import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connector import money
from connector.commerce.orders.collect import Version, collect
from connector.commerce.orders.facts import OrderFacts
from connector.earnings.attribution.rules import Decision
from connector.earnings.commission.hold import HoldTerms, matures
from connector.earnings.commission.rate import Assessment, assess, reversed_of
from connector.errors import MoneyRefused
from connector.events import Adjustment, Dispute, Fulfilment, OrderSnapshot, Refund, content_hash
from tests.money import given
from tests.money.builders import PLACED, Credit, at, back, changed, facts, line, off, refund, snapshot, with_line

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
    price = money.parse("3980.0", "JPY")  # a trailing zero beyond the exponent is dropped …
    with pytest.raises(MoneyRefused, match="decimals"):
        money.parse("3980.5", "JPY")  # … other digits there are refused
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


# Attribution: E17, E18, E19, E20, E22, E26, and E32's credit


DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
SETTINGS = {
    "code_policy": "always", "indirect": 0, "indirect_share_bp": 5000, "cart_carry_days": 0, "lifetime": 0,
    "inherit": 0,
}  # fmt: skip


def tap(creator: str, at: Any = PLACED - DAY, product: str = "p1", **more: Any) -> dict[str, Any]:
    fields = {
        "id": f"tch_{creator}{at:%d%H%M%S}", "creator": creator, "content": f"cnt_{creator}", "product": product,
        "kind": "video", "at": at, "received": at, "window": 14 * DAY, "ad": False, "invalid": "", "missed": "",
    }  # fmt: skip
    return {**fields, **more}


def plan(rate: int, kind: str = "open", *, creator: str | None = None, product: str = "",
         starts: Any = PLACED - 90 * DAY, number: int = 1) -> dict[str, Any]:  # fmt: skip
    return {
        "id": f"trm_{kind}{creator}{number}", "kind": kind, "creator": creator, "product": product, "rate": rate,
        "ads": None, "starts": starts, "ends": None, "number": number,
    }  # fmt: skip


def decided(order: OrderSnapshot, /, **world: Any) -> dict[str, Decision]:
    """The table over an order's lines; `world` as `tests.money.given` reads it, all of it but the order optional."""
    asked = {
        "placed": order.created_at, "grace": DAY, "left": False, "settings": SETTINGS, "bound": None, "matches": {},
        "statuses": {}, "manual": {}, "forged": False,
    }  # fmt: skip
    lines = [
        {"ref": item.line_ref, "product": item.product_ref, "codes": [a.code for a in item.allocations if a.code]}
        for item in order.lines
    ]
    whole = {"touches": [], "codes": [], "plans": [plan(1500)], "promotions": [], "lines": lines, **world}
    return given.decisions({**whole, "order": {**asked, **world.get("order", {})}})


def paid(order: OrderSnapshot, /, **world: Any) -> dict[str, int]:
    return due(assess(facts(order), decided(order, **world)))


@pytest.mark.parametrize(
    ("promoted_since", "rate", "day", "pays"),
    [
        (-60, 1200, 20, 600),  # cut on day 0: whoever promoted keeps 15 % for thirty days
        (-60, 1200, 31, 480),
        (10, 1200, 20, 480),  # who came after the cut has the new rate at once
        (-60, 1800, 5, 720),  # a raise counts at once
        (10, 1800, 5, 720),
        (-60, 1200, 30 - 1 / 86400, 600),
        (-60, 1200, 30, 480),
    ],
)
def test_e17_rate_change(promoted_since: float, rate: int, day: float, pays: int) -> None:
    """Click and order on the same day, that many days after the change."""
    order = snapshot(line("1", 4000), created_at=at(day))
    held = {"creator": "crt_x", "product": "p1", "since": at(promoted_since), "until": None}
    versions = [plan(1500), plan(rate, starts=at(0), number=2)]
    assert paid(order, touches=[tap("crt_x", at(day))], plans=versions, promotions=[held]) == {"1": pays}


def test_e18_two_creators_by_their_taps() -> None:
    order = snapshot(line("1", 2500), line("2", 1667))
    plans = [plan(1000, product="p1"), plan(2000, product="p2")]
    x, x_on_b, y = tap("crt_x"), tap("crt_x", PLACED - 2 * DAY, "p2"), tap("crt_y", product="p2")
    decisions = decided(order, touches=[x, x_on_b, y], plans=plans)
    assert due(assess(facts(order), decisions)) == {"1": 250, "2": 333}
    outcomes = {shown["touch_id"]: shown["outcome"] for shown in decisions["2"].evidence["candidates"]}
    assert outcomes[x_on_b["id"]] == "outranked_by_later_click"


def test_e19_code_against_link() -> None:
    """Link X 10 %, code Y 15 % with 10 % off 4000. Flagged as leaked, the code falls behind the link."""
    order = snapshot(line("1", 4000, allocations=off(400, code="BEN10")))
    plans = [plan(1000, "targeted", creator="crt_x"), plan(1500, "targeted", creator="crt_y")]
    code = {"text": "ben10", "creator": "crt_y", "starts": at(-50), "ends": None, "leaked_at": None}
    by_code = decided(order, touches=[tap("crt_x")], codes=[code], plans=plans)
    assert (by_code["1"].creator_id, by_code["1"].credit_reason) == ("crt_y", "code")
    assert due(assess(facts(order), by_code)) == {"1": 540}
    leaked = decided(order, touches=[tap("crt_x")], codes=[{**code, "leaked_at": at(-1)}], plans=plans)
    assert (leaked["1"].creator_id, leaked["1"].credit_reason) == ("crt_x", "last_click_direct")
    assert due(assess(facts(order), leaked)) == {"1": 360}


@pytest.mark.parametrize(("direct", "indirect"), [(4700, 2350), (1501, 750), (100, 50)])
def test_half_the_direct_maximum_for_an_indirect_order(direct: int, indirect: int) -> None:
    """Section 1: 47 % and 23.5 %; whole basis points, rounded down."""
    order = snapshot(line("1", 4000))
    half = {**SETTINGS, "indirect": 1}
    decisions = decided(order, touches=[tap("crt_x", product="p2")], plans=[plan(direct)], order={"settings": half})
    assert (decisions["1"].credit_reason, decisions["1"].rate_bp) == ("last_click_indirect", indirect)


def test_e20_an_accepted_target_wins_though_it_is_lower() -> None:
    plans = [plan(1500), plan(800, "targeted", creator="crt_x", starts=at(-30))]
    held = {"creator": "crt_x", "product": "p1", "since": at(-60), "until": None}
    assert paid(snapshot(line("1", 4000)), touches=[tap("crt_x")], plans=plans, promotions=[held]) == {"1": 320}


@pytest.mark.parametrize(
    ("more", "pays", "reason"), [(0 * SECOND, 600, "last_click_direct"), (SECOND, 0, "window_expired")]
)
def test_e22_window_edge(more: timedelta, pays: int, reason: str) -> None:
    order = snapshot(line("1", 4000))
    decisions = decided(order, touches=[tap("crt_x", PLACED - 14 * DAY - more)])
    assert decisions["1"].credit_reason == reason
    assert due(assess(facts(order), decisions)) == {"1": pays}


def test_e26_self_purchase() -> None:
    order = snapshot(line("1", 4000))
    decisions = decided(order, touches=[tap("crt_x")], order={"matches": {"crt_x": "hard"}})
    assert (decisions["1"].credit_reason, decisions["1"].creator_id) == ("self_purchase", None)
    assert due(assess(facts(order), decisions)) == {"1": 0}


def test_e32_exchange() -> None:
    """A 2000 at 10 % returned for B 2500, same creator: -200 +250."""
    ten = Credit("crt_x", 1000)
    before = snapshot(line("1", 2000))
    assert due(assess(facts(before), {"1": ten})) == {"1": 200}
    after = changed(
        snapshot(line("1", 2000, current_quantity=0), line("2", 2500), refunds=(refund("1", back("1", 1, 2000)),))
    )
    assert due(assess(facts(after, added_units={"2": 1}), {"1": ten, "2": ten})) == {"1": 0, "2": 250}


# Deliveries, holds and disputes: E15, E16, E24, E27


def test_e15_and_e16_what_arrives_first_or_twice_changes_nothing() -> None:
    """A refund before its order is known, the paid event three times, an update with the same version."""
    order = snapshot(line("1", 4000, tax=320))
    gone = changed(with_line(order, "1", current_quantity=0), refunds=(refund("1", back("1", 1, 4000, 320)),))
    heard = [
        Version(each.changed_at, each.changed_at, content_hash(each), each) for each in (order, gone, order, order)
    ]
    found = set()
    for seed in range(6):
        random.Random(seed).shuffle(heard)
        got = collect(heard, list(gone.refunds), {})
        found.add(one(facts(got.newest.snapshot, got.refunds), 1500))
    assert found == {0}
    thrice = collect(
        [heard[0]] * 3 if heard[0].snapshot is order else [Version(PLACED, PLACED, "h", order)] * 3, [], {}
    )
    assert one(facts(thrice.newest.snapshot, thrice.refunds), 1500) == 600


def test_e24_hold_counts_from_delivery_and_an_open_return_only_stops_its_effect() -> None:
    """Delivered 1 November, fifteen days: the hold is over on the 16th, whatever is open. What a return does until the
    25th stands in `tests/settlement/test_clear.py`."""
    delivered = PLACED.replace(month=11, day=1)
    parcel = Fulfilment("f1", delivered - 2 * DAY, delivered)
    terms = HoldTerms(hold=15 * DAY, no_signal=45 * DAY, wait_for_signal=False, grace=DAY)
    item = line("1", 4000)
    found = matures(item, snapshot(item, fulfilments=(parcel,)), "", terms)
    assert (found.clears_at, found.why) == (delivered.replace(day=16), "delivered")


@pytest.mark.parametrize(("status", "pays", "open_now"), [("open", 600, True), ("won", 600, False), ("lost", 0, False)])
def test_e27_chargeback(status: Any, pays: int, open_now: bool) -> None:
    order = snapshot(line("1", 4000))
    dispute = Dispute("1", status, at(3), 4000, at(2), None if status == "open" else at(3))
    got = collect([Version(PLACED, PLACED, content_hash(order), order)], [], {}, [dispute])
    heard = facts(order, got.refunds, disputes=got.disputes)
    assert heard.under_dispute is open_now
    assert one(heard, 1500) == pays


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
