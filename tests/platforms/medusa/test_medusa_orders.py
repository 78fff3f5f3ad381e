"""Orders: exact bases of what no return shrinks, and which money is for which goods."""

from __future__ import annotations

import copy
import json
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector import money
from connector.earnings.commission import rate
from connector.errors import MoneyRefused, PayloadUnreadable
from connector.events import OrderSnapshot
from connector.platforms.contract import OrderRead
from connector.platforms.medusa import PLATFORM
from connector.platforms.medusa.catalog import minor
from connector.platforms.medusa.payloads import OrderNode, OrdersAnswer
from connector.platforms.medusa.snapshot import exact as major
from connector.platforms.medusa.snapshot import told, whole
from connector.platforms.reading import decode
from tests.money.builders import Credit, facts
from tests.platforms.medusa.kit import TOKEN, Shop, answering, recorded

Doc = dict[str, Any]


def read(name: str) -> OrderRead:
    shop = answering(name)
    found = PLATFORM.orders.one(shop.client, next(iter(shop.orders)))
    assert found is not None
    return found


def node(given_: Doc) -> OrderNode:
    return msgspec.json.decode(json.dumps({"orders": [given_]}), type=OrdersAnswer).orders[0]


def order(**more: Any) -> Doc:
    return copy.deepcopy(recorded("order.plain")["orders"][0]) | more


def bases(snapshot: OrderSnapshot) -> list[tuple[int, int]]:
    """(base, what came back of it) of each line, by the product's own arithmetic."""
    decisions = {line.line_ref: Credit("crt_x", 1000) for line in snapshot.lines}
    made = rate.assess(facts(snapshot), decisions)
    return [(line.base, line.refunded_base) for line in made.lines]


# --- what the running store said --------------------------------------------------------------------------------------


def test_the_story_of_all_sheets() -> None:
    """Two candles at 40.00, ten per cent off by MAYA10: 72.00; one came back and its money went: 36.00."""
    before, after = read("order.story"), read("order.story_returned")
    assert bases(before.snapshot) == [(7200, 0)]
    assert bases(after.snapshot) == [(7200, 3600)]
    (refund,) = after.snapshot.refunds
    assert [(row.quantity, row.subtotal, row.tax) for row in refund.lines] == [(1, 3600, 288)]
    assert (refund.adjustments, refund.shipping) == ((), 0)
    assert [back.status for back in after.returns] == ["closed"]
    assert sorted(PLATFORM.checkout.tokens(after.snapshot)) == [(TOKEN, "line_property"), (TOKEN, "order_metadata")]
    assert {a.code for line in after.snapshot.lines for a in line.allocations} == {"MAYA10"}
    (parcel,) = before.snapshot.fulfilments
    assert parcel.delivered_at is not None
    assert before.snapshot.payment_status == "paid"
    assert before.snapshot.total == after.snapshot.total, "what a return does to Medusa's totals is not history"


@pytest.mark.parametrize(
    ("name", "expected", "currency", "included"),
    [
        # 10.00 of 43.20 with tax: 9.26 of 40.00.
        ("order.goodwill", [(4000, 926)], "USD", False),
        # Two at 35.70 with 19 % tax, less ten per cent.
        ("order.tax_included", [(5400, 0)], "EUR", True),
        # Three became one by an edit; the refund of the two others is for goods that are no longer in the order.
        ("order.edited_refunded", [(4000, 0)], "USD", False),
        # One of two at 5.00 was given back for another at 10.35: goods for goods, and no refund.
        ("order.exchanged", [(1000, 500), (1035, 0)], "USD", False),
        ("order.yen", [(1510, 0)], "JPY", False),
    ],
)
def test_each_kind_of_order(name: str, expected: list[tuple[int, int]], currency: str, included: bool) -> None:
    snapshot = read(name).snapshot
    assert (snapshot.currency, snapshot.taxes_included) == (currency, included)
    assert bases(snapshot) == expected


def test_an_exchanged_line_names_the_one_that_it_was_given_for() -> None:
    snapshot = read("order.exchanged").snapshot
    returned, given_ = snapshot.lines
    assert (given_.exchange_of, returned.exchange_of) == (returned.line_ref, "")


def test_a_cancelled_order_is_over_whatever_its_totals_say() -> None:
    snapshot = read("order.cancelled").snapshot
    assert snapshot.cancelled_at is not None
    assert snapshot.payment_status == "refunded"
    assert sum(refund.shipping for refund in snapshot.refunds) == 540


def test_a_fixed_promotion_is_spread_to_the_last_cent() -> None:
    snapshot = read("order.fixed_promotion").snapshot
    off = [sum(a.amount for a in line.allocations) for line in snapshot.lines]
    assert (sum(off), snapshot.total_discounts) == (700, 700)
    assert all(isinstance(base, int) for base, _ in bases(snapshot))


# --- what it didn't say, by its own arithmetic ------------------------------------------------------------------------


def test_money_that_moves_is_a_newer_version_though_the_order_keeps_its_time() -> None:
    shop = Shop()
    ref = shop.order(shop.product("Candle", [4000]), 2, TOKEN)
    first = PLATFORM.orders.one(shop.client, ref)
    stands = shop.orders[ref]["updated_at"]
    shop.give_back(ref, Decimal(10), credited=True)
    second = PLATFORM.orders.one(shop.client, ref)
    assert shop.orders[ref]["updated_at"] == stands
    assert first is not None
    assert second is not None
    assert second.snapshot.changed_at > first.snapshot.changed_at
    changed = PLATFORM.orders.changed(shop.client, second.snapshot.changed_at, "payments|0")
    assert [head.order_ref for head in changed.heads] == [ref]
    nothing = PLATFORM.orders.changed(shop.client, second.snapshot.changed_at + timedelta(seconds=1), "payments|0")
    assert (list(nothing.heads), nothing.checkpoint) == ([], None)


def test_a_return_whose_money_is_still_owed_holds_its_line() -> None:
    given_ = recorded("order.story_returned")["orders"][0]
    given_["payment_collections"][0]["payments"][0]["refunds"] = []
    given_["summary"]["pending_difference"] = -38.88
    waiting = told(node(given_))
    assert [(back.status, back.lines) for back in waiting.returns] == [("open", (waiting.snapshot.lines[0].line_ref,))]
    assert bases(waiting.snapshot) == [(7200, 0)], "goods that are back are not yet money that went"
    given_["returns"][0]["status"] = "requested"
    assert told(node(given_)).returns[0].status == "open"
    given_["returns"][0]["status"] = "open"
    assert told(node(given_)).returns == (), "a draft return holds nothing"


def test_a_fee_that_was_kept_back_and_a_gift_on_top() -> None:
    """Less than the worth of what came back: the line goes whole. More: the rest is given back without an item."""
    for amount, credited, back in ((30.0, 0.0, 3600), (48.88, 10.0, 3600 + 926)):
        given_ = recorded("order.story_returned")["orders"][0]
        refund = given_["payment_collections"][0]["payments"][0]["refunds"][0]
        refund |= {"amount": amount, "raw_amount": {"value": str(amount)}}
        credit = {"amount": credited, "raw_amount": {"value": str(credited)}, "reference": "payment_collection"}
        given_["credit_lines"] = [credit]
        assert bases(told(node(given_)).snapshot) == [(7200, back)]


def test_mixed_prices_are_told_without_tax() -> None:
    given_ = order()
    with_tax = copy.deepcopy(given_["items"][0]) | {"id": "ordli_2", "is_tax_inclusive": True, "unit_price": 43.2}
    with_tax["raw_unit_price"] = {"value": "43.2"}
    given_["items"].append(with_tax)
    snapshot = told(node(given_)).snapshot
    assert (snapshot.taxes_included, bases(snapshot)) == (False, [(4000, 0), (4000, 0)])


def test_strangers_metadata_is_not_kept() -> None:
    given_ = order(
        metadata={"note": "call +34 600", "gift_touch": 7, "connector_touch": f" {TOKEN}.", "x_touch": "a b"}
    )
    given_["items"][0]["metadata"] = {"email": "ana@example.com"}
    carriers = told(node(given_)).snapshot.carriers
    assert [(carrier.kind, carrier.name, carrier.value) for carrier in carriers] == [
        ("order_metadata", "connector_touch", TOKEN)
    ]


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("payment_status",), "teleported", "$.order.payment_status"),
        (("currency_code",), "zzz", "$.order.currency_code"),
        (("created_at",), "yesterday", "$.order.updated_at|$.order.created_at"),
        (("items", 0, "quantity"), 1.5, "$.order.items[0].quantity"),
        (("items", 0, "raw_unit_price", "value"), "NaN", "$.order.items[0].unit_price"),
        (("items", 0, "raw_unit_price", "value"), "-1", "$.order.items[0].unit_price"),
    ],
)
def test_what_cant_be_read_is_named(path: tuple[Any, ...], value: Any, said: str) -> None:
    given_ = order()
    place: Any = given_
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(PayloadUnreadable) as refused:
        told(node(given_))
    assert refused.value.path in said.split("|")


def test_an_answer_that_cant_be_read_names_the_order_and_not_the_store() -> None:
    shop = Shop()
    ref = shop.order(shop.product("Candle", [4000]), 1, TOKEN)
    shop.orders[ref]["items"] = None
    with pytest.raises(PayloadUnreadable, match=r"orders"):
        PLATFORM.orders.one(shop.client, ref)


digits = st.decimals(min_value=0, max_value=999, places=4)
item = st.fixed_dictionaries(
    {
        "unit": digits,
        "quantity": st.integers(1, 7),
        "rates": st.lists(st.sampled_from(["8", "19", "5.5", "7.7"]), max_size=2),
        "off": st.lists(st.integers(0, 60), max_size=2),  # per cent of the line
        "returned": st.lists(st.integers(1, 3), max_size=4),
    }
)


@given(st.lists(item, min_size=1, max_size=3), st.booleans(), st.sampled_from(["usd", "jpy", "kwd"]))
def test_a_line_is_rounded_once_and_returns_add_up_to_it(rows: list[Doc], included: bool, currency: str) -> None:
    """Whatever is sold and however it comes back: the base is the exact net, rounded once, and all parts are it."""
    given_, exact = order(currency_code=currency, items=[], returns=[], credit_lines=[]), []
    template = recorded("order.plain")["orders"][0]["items"][0]
    refunds = given_["payment_collections"][0]["payments"][0]["refunds"] = []
    for number, row in enumerate(rows):
        percent = Fraction(sum(Decimal(r) for r in row["rates"])) / 100
        plain = Fraction(row["unit"]) / (1 + percent) if included else Fraction(row["unit"])
        parts = [Decimal(format(float(plain * row["quantity"]) * share / 100, ".6f")) for share in row["off"]]
        exact.append(max(Fraction(0), plain * row["quantity"] - sum(map(Fraction, parts), Fraction(0))))
        given_["items"].append(
            template | {
                "id": f"ordli_{number}", "quantity": row["quantity"], "is_tax_inclusive": included,
                "unit_price": float(row["unit"]), "raw_unit_price": {"value": str(row["unit"])},
                "tax_lines": [{"rate": float(r), "raw_rate": {"value": r}} for r in row["rates"]],
                "adjustments": [{"amount": float(p), "raw_amount": {"value": str(p)}, "code": f"C{n}"}
                                for n, p in enumerate(parts)],
            }
        )  # fmt: skip
        for times, units in enumerate(row["returned"]):
            at = f"2026-11-28T10:{number:02}:{times:02}.000Z"
            given_["returns"].append(
                {"id": f"return_{number}_{times}", "status": "received", "created_at": at, "updated_at": at,
                 "received_at": at, "items": [{"item_id": f"ordli_{number}", "received_quantity": units}]}
            )  # fmt: skip
            refunds.append({"id": f"ref_{number}_{times}", "amount": 0.01, "created_at": at})
    snapshot = told(node(given_)).snapshot
    scale = 10 ** money.exponent(currency.upper())
    found = bases(snapshot)
    assert [base for base, _ in found] == [money.round_half_up(net * scale) for net in exact]
    for row, line, (base, back) in zip(rows, snapshot.lines, found, strict=True):
        units = min(row["quantity"], sum(row["returned"]))
        assert line.current_quantity == row["quantity"] - units
        assert abs(back * row["quantity"] - base * units) <= row["quantity"]
        assert back == base if units == row["quantity"] else back <= base
    assert not any(a.amount <= 0 for line in snapshot.lines for a in line.allocations)
    assert snapshot.total_discounts == sum(a.amount for line in snapshot.lines for a in line.allocations)


@pytest.mark.parametrize("number", ["sNaN", "-nan7", " Infinity", "NaN"])
def test_a_number_that_is_none_is_refused_at_its_place_wherever_it_stands(number: str) -> None:
    """As text a Decimal field takes it, and the first comparison with it would break without a name."""
    given_ = order(summary={"pending_difference": number})
    with pytest.raises(PayloadUnreadable, match="isn't a number") as refused:
        decode(json.dumps({"orders": [order(), given_]}).encode(), OrdersAnswer)
    assert refused.value.path == "$.orders[1].summary.pending_difference"
    assert decode(json.dumps(order(email=number)).encode(), OrderNode).id == given_["id"], "a text may say so"


@pytest.mark.parametrize("number", ["1e-999999", "1e999999", "NaN", "sNaN", "-Infinity"])
def test_numbers_that_nothing_costs_are_refused_without_being_worked_out(number: str) -> None:
    """A store may answer anything; as a fraction the first has a million digits, which take minutes."""
    with pytest.raises(PayloadUnreadable):
        major(Decimal(number), None, "$.amount")
    with pytest.raises(PayloadUnreadable):
        whole(Decimal(number), "$.quantity")
    with pytest.raises(MoneyRefused):
        minor(number.encode(), "USD")
