"""What an order becomes: as placed and what is left, discounts as the store spread them, refunds and cancellations."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connector.commerce.orders.facts import OrderFacts
from connector.earnings.commission.rate import Assessment, assess
from connector.errors import PayloadUnreadable
from connector.events import Carrier, OrderSnapshot
from connector.platforms.vendure import PLATFORM
from connector.platforms.vendure import orders as lists
from tests.platforms.vendure.case import Answers
from tests.platforms.vendure.store import Vendure, client_of

TOUCH = "t1abcdefghij012345ABCDEFGHIJ-_6789"
OTHER = "t1abcdefghij012345ABCDEFGHIJ-_6780"


class Everything:
    """A decision that pays one creator a tenth."""

    creator_id, content_id, touch_id, terms_id, rate_bp = "crt_1", None, None, None, 1000
    credit_reason = rate_reason = "direct"


def read(store: Vendure, ref: str) -> OrderSnapshot:
    found = PLATFORM.orders.one(client_of(store), ref)
    assert found is not None
    return found.snapshot


def assessed(snapshot: OrderSnapshot) -> Assessment:
    facts = OrderFacts(
        order_id="ord_1", shop_id="shp_1", snapshot=snapshot, refunds=snapshot.refunds, carriers=snapshot.carriers,
        added_units={line.line_ref: line.edit_added for line in snapshot.lines if line.edit_added},
        oldest_changed_at=snapshot.changed_at,
    )  # fmt: skip
    return assess(facts, {line.line_ref: Everything() for line in snapshot.lines})


def bases(snapshot: OrderSnapshot) -> list[int]:
    return [line.base for line in assessed(snapshot).lines]


def due(snapshot: OrderSnapshot) -> int:
    return sum(assessed(snapshot).due().values())


@pytest.fixture
def store() -> Vendure:
    made = Vendure(tax=0.2)
    made.candle = made.first(made.product("Candle", [4000]))  # type: ignore[attr-defined]
    made.scarf = made.first(made.product("Scarf", [2550]))  # type: ignore[attr-defined]
    return made


def line(store: Vendure, ref: str, number: int = 0) -> str:
    return str(store.orders[ref]["lines"][number]["id"])


def test_the_story_that_all_sheets_share(store: Any) -> None:
    """Two candles at 40.00, ten per cent off by MAYA10, 5.00 shipping: base 72.00, and 36.00 after one came back."""
    ref = store.order([(store.candle, 2, "")], token=TOUCH, off=0.1, code="MAYA10", shipping=500)
    snapshot = read(store, ref)
    assert bases(snapshot) == [7200]
    assert due(snapshot) == 720
    (made,) = snapshot.lines
    assert (made.unit_price, [(each.amount, each.code) for each in made.allocations]) == (4800, [(960, "MAYA10")])
    assert (snapshot.shipping, snapshot.total, snapshot.payment_status) == (500, 9140, "paid")
    store.refund(ref, {line(store, ref): 1})
    after = read(store, ref)
    assert after.payment_status == "partially_refunded"
    assert (after.refunds[0].lines[0].subtotal, after.refunds[0].lines[0].tax) == (4320, 720)
    assert due(after) == 360
    assert after.changed_at > snapshot.changed_at, "the store leaves the order's own time where it was"


def test_the_recorded_order_is_read_as_the_store_has_it() -> None:
    found = PLATFORM.orders.one(replace(client_of(Vendure()), http=Answers()), "2")
    assert found is not None
    snapshot = found.snapshot
    assert [(one.quantity, one.current_quantity, one.unit_price, one.tax) for one in snapshot.lines] == [
        (3, 2, 95880, 43146), (2, 2, 155880, 46764)
    ]  # fmt: skip
    # 3 x 799.00 and 2 x 1299.00 less a tenth.
    assert bases(snapshot) == [215730, 233820]
    assert found.buyer.email == "ana@example.com"
    assert PLATFORM.checkout.tokens(snapshot) == [(TOUCH, "line_property"), (OTHER, "order_metadata")]


def test_a_unit_that_is_cancelled_and_refunded_counts_once(store: Any) -> None:
    for acts in (("cancel", "refund"), ("refund", "cancel")):
        ref = store.order([(store.candle, 2, "")])
        for act in acts:
            units = {line(store, ref): 1}
            store.cancel(ref, units) if act == "cancel" else store.refund(ref, units)
            assert due(read(store, ref)) == 400, act
        snapshot = read(store, ref)
        assert (snapshot.lines[0].quantity, snapshot.lines[0].current_quantity) == (2, 1)


def test_money_without_lines_pays_first_for_what_was_cancelled(store: Any) -> None:
    ref = store.order([(store.candle, 2, "")])
    store.cancel(ref, {line(store, ref): 1})
    store.refund(ref, {}, 4800)
    assert due(read(store, ref)) == 400
    store.refund(ref, {}, 1200)  # goodwill: 10.00 of base
    assert due(read(store, ref)) == 300


def test_a_bare_sum_takes_its_tax_along(store: Any) -> None:
    """12.00 with a fifth of tax is 10.00 of base, whichever way the channel's prices are kept."""
    for contained in (False, True):
        store.prices_include_tax = contained
        ref = store.order([(store.candle, 1, "")])
        store.refund(ref, {}, 1200)
        assert assessed(read(store, ref)).lines[0].refunded_base == 1000


def test_a_sum_below_that_of_its_lines_is_a_fee_kept_back(store: Any) -> None:
    ref = store.order([(store.candle, 2, "")])
    store.refund(ref, {line(store, ref): 1}, 4000)
    assert due(read(store, ref)) == 400
    ref = store.order([(store.candle, 2, "")])
    store.refund(ref, {line(store, ref): 1}, 6000)  # and 12.00 beside
    assert due(read(store, ref)) == 300


def test_all_that_was_paid_has_the_shipping_in_it(store: Any) -> None:
    ref = store.order([(store.candle, 1, "")], shipping=500)
    store.refund(ref, {}, 5300)
    snapshot = read(store, ref)
    assert (snapshot.refunds[0].shipping, snapshot.payment_status) == (500, "refunded")
    assert assessed(snapshot).parts.flags == ()
    assert due(snapshot) == 0


@pytest.mark.parametrize(
    ("state", "left", "flag"),
    [("Settled", 0, None), ("Pending", 0, "refund_pending"), ("Failed", 400, "refund_failed")],
)
def test_a_refund_counts_by_its_state(store: Any, state: str, left: int, flag: str | None) -> None:
    ref = store.order([(store.candle, 1, "")])
    store.refund(ref, {line(store, ref): 1}, state=state)
    found = assessed(read(store, ref))
    assert sum(found.due().values()) == left
    assert found.lines[0].flags == ((flag,) if flag else ())


def test_one_act_on_several_payments_counts_its_lines_once(store: Any) -> None:
    """Vendure makes a refund of each payment then, and gives all of them all the lines."""
    ref = store.order([(store.candle, 2, "")])
    order = store.orders[ref]
    (whole,) = order["payments"]
    order["payments"] = [{**whole, "amount": 3000}, {**whole, "id": "p2", "amount": 6600, "refunds": []}]
    store.refund(ref, {line(store, ref): 1}, 3000)
    order["payments"][1]["refunds"] = [{**order["payments"][0]["refunds"][0], "id": "r2", "total": 1800}]
    snapshot = read(store, ref)
    assert due(snapshot) == 400
    assert [(len(each.lines), each.adjustments) for each in snapshot.refunds] == [(1, ()), (0, ())]
    order["payments"][1]["refunds"][0]["createdAt"] = "2026-11-21T12:00:00.000Z"  # an hour later: another act
    assert due(read(store, ref)) == 0


def test_a_line_that_was_cancelled_whole_keeps_its_discount(store: Any) -> None:
    """The store divides the discount by what is left and so forgets it; what was paid tells it."""
    ref = store.order([(store.candle, 2, ""), (store.scarf, 1, "")], off=0.1, code="MAYA10", shipping=500)
    before = bases(read(store, ref))
    assert before == [7200, 2295]
    store.cancel(ref, {line(store, ref): 2})
    snapshot = read(store, ref)
    assert bases(snapshot) == before
    assert assessed(snapshot).parts.removed_value == 8640


def test_a_cancelled_order_earns_nothing_from_its_own_moment_on(store: Any) -> None:
    ref = store.order([(store.candle, 2, "")])
    store.cancel(ref)
    moment = store.clock
    store.orders[ref]["updatedAt"] = (moment + timedelta(days=1)).isoformat()  # somebody touched it later
    snapshot = read(store, ref)
    assert (snapshot.cancelled_at, due(snapshot)) == (moment, 0)


@pytest.mark.parametrize(
    ("payments", "status"),
    [
        ([], "pending"),
        ([("Declined", 100)], "pending"),
        ([("Authorized", 4800)], "authorized"),
        ([("Cancelled", 4800)], "voided"),
        ([("Settled", 4800)], "paid"),
        ([("Settled", 4000), ("Declined", 800)], "partially_paid"),
        ([("Settled", 4000), ("Settled", 800)], "paid"),
        ([("Settled", 0)], "paid"),
    ],
)
def test_paid_is_what_was_settled(store: Any, payments: list[tuple[str, int]], status: str) -> None:
    """Merchants add states of orders; a payment that is settled is settled in all of them."""
    ref = store.order([(store.candle, 1, "")])
    order = store.orders[ref]
    order["state"] = "WaitingForTheCourier"
    (whole,) = order["payments"]
    order["payments"] = [{**whole, "state": state, "amount": amount} for state, amount in payments]
    if payments == [("Settled", 0)]:
        order["lines"][0]["adjustment"] = -4000
    assert read(store, ref).payment_status == status


def test_carts_drafts_and_sellers_parts_are_no_orders(store: Any) -> None:
    for change in ({"active": True}, {"state": "Draft"}, {"orderPlacedAt": None}, {"type": "Seller"}):
        ref = store.order([(store.candle, 1, "")])
        store.orders[ref] |= change
        assert not read(store, ref).completed, change
    seller = PLATFORM.orders.one(client_of(store, channel_code="seller-7"), ref)
    assert seller is not None
    assert seller.snapshot.completed, "in the seller's own channel it is"


def test_units_that_a_modification_added_are_told_apart(store: Any) -> None:
    ref = store.order([(store.candle, 1, "")])
    store.orders[ref]["lines"][0]["quantity"] = 3
    snapshot = read(store, ref)
    assert (snapshot.lines[0].quantity, snapshot.lines[0].edit_added) == (3, 2)
    assert bases(snapshot) == [12000]


def test_surcharges_earn_nothing_and_those_below_zero_take_off(store: Any) -> None:
    ref = store.order([(store.candle, 1, ""), (store.scarf, 1, "")])
    store.orders[ref]["surcharges"] = [
        {"id": "1", "description": "Gift wrap", "sku": "", "price": 300, "priceWithTax": 360},
        {"id": "2", "description": "Club", "sku": "", "price": -655, "priceWithTax": -786},
    ]
    snapshot = read(store, ref)
    found = assessed(snapshot).lines
    assert [(each.base, each.reason) for each in found] == [(3600, "direct"), (2295, "direct"), (0, "line_excluded")]


def test_order_time_is_the_purchase_and_not_the_carts_beginning(store: Any) -> None:
    ref = store.order([(store.candle, 1, "")])
    placed = store.clock
    store.orders[ref]["createdAt"] = "2026-10-01T00:00:00.000Z"
    assert read(store, ref).created_at == placed


def test_amounts_that_the_currency_cant_hold_park_the_order() -> None:
    store = Vendure("JPY", 2, tax=0.1)
    variant = store.first(store.product("Lamp", [150500]))
    ref = store.order([(variant, 1, "")])
    with pytest.raises(PayloadUnreadable, match="more decimals than JPY") as parked:
        read(store, ref)
    assert parked.value.path.startswith("$.orders.items[0].lines[0]")
    whole = store.order([(store.first(store.product("Bulb", [150000])), 1, "")])
    assert bases(read(store, whole)) == [1500]


@pytest.mark.parametrize(
    ("value", "kept"),
    [(TOUCH, TOUCH), (f" {TOUCH}. ", TOUCH), (f"{TOUCH}abc", f"{TOUCH}abc"), ("ana@example.com", None), ("", None),
     ("x" * 49, None), ("two words", None)],
)  # fmt: skip
def test_only_what_may_be_a_token_is_kept(store: Any, value: str, kept: str | None) -> None:
    ref = store.order([(store.candle, 1, "")], token=value)
    carriers = read(store, ref).carriers
    assert carriers == (() if kept is None else (Carrier("order_metadata", kept, "attributionToken"),))


def test_a_store_without_our_field_is_read_all_the_same(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that drops it while we remember it."""
    ref = store.order([(store.candle, 1, "")], token=TOUCH, code="MAYA10", off=0.1)
    monkeypatch.setattr(lists, "_fields", {})
    assert PLATFORM.checkout.tokens(read(store, ref)) == [(TOUCH, "order_metadata")]
    store.fields = {}
    snapshot = read(store, ref)
    assert PLATFORM.checkout.tokens(snapshot) == []
    assert [each.value for each in snapshot.carriers] == ["MAYA10"], "the creator's code is the carrier that is left"


def walked(store: Vendure, since: Any) -> list[str]:
    client, at, found = client_of(store), None, []
    for _ in range(100):
        page = PLATFORM.orders.changed(client, since, at)
        found += [head.order_ref for head in page.heads]
        at = page.checkpoint
        if at is None:
            return found
    raise AssertionError("no end")


def test_a_refund_that_moved_nothing_is_in_the_list_of_changes(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "HEADS", 3)
    made = [store.order([(store.candle, 1, "")]) for _ in range(10)]
    since = store.clock + timedelta(milliseconds=10)
    assert walked(store, since) == []
    store.refund(made[2], {line(store, made[2]): 1})
    store.cancel(made[7])
    assert sorted(set(walked(store, since)), key=int) == [made[2], made[7]]
    monkeypatch.setattr(lists, "NEWEST", 6)  # of older orders the deep look hears
    assert set(walked(store, since)) == {made[7]}
