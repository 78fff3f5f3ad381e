"""A trace tells everything that was heard, decided, computed, booked, settled and paid, and holds no person."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from connector.errors import InputRefused, NotFound
from connector.events import Line, Refund, RefundLine
from connector.operations.trace import as_json, find
from connector.operations.trace_text import as_text
from connector.webhooks.tables import DeliveryRow
from tests.attribution.world import DAY, PLACED, World, add_shop
from tests.operations.days import CLOSING, DELIVERED, SYSTEM, hear, order_id, parcel, pay, settle, told


def a_whole_life(world: World) -> None:
    """X brings A; Y touched A earlier and loses; B is nobody's. Delivered, cleared, settled, paid."""
    world.tap("y", "A", PLACED - 5 * DAY, buyer="b")
    touch = world.tap("x", "A", buyer="b")
    hear(world, [touch.token])
    hear(world, [touch.token], at=DELIVERED, fulfilments=(parcel(DELIVERED),))
    settle(world, CLOSING, "2026-12")
    pay(world, CLOSING + DAY)


def test_the_whole_life_of_an_order(world: World) -> None:
    a_whole_life(world)
    found = told(world)
    x = {"id": world.creators["x"], "handle": "x", "name": "X"}
    assert found["order"]["number"] == "#7001"
    assert found["order"]["evaluated"] is True
    assert found["answer"] == {
        "reason": "", "lines": 2, "lines_credited": 1, "due": 400,
        "creators": [{"creator": x, "due": 400, "lines": 1}], "nobody": [{"line_ref": "2", "reason": "no_touch"}],
    }  # fmt: skip
    first, second = found["lines"]
    assert (first["base"]["gross"], first["base"]["base"], first["commission"], first["due"]) == (4000, 4000, 400, 400)
    decision = first["decision"]
    assert (decision["credit_reason"], decision["rate_reason"], decision["rate_bp"]) == (
        "last_click_direct", "rate_open", 1000,
    )  # fmt: skip
    assert decision["terms"]["kind"] == "open"
    assert decision["pinned_at"] is not None
    assert [(one["creator"]["handle"], one["outcome"]) for one in decision["candidates"]] == [
        ("x", "won"), ("y", "outranked_by_later_click"),
    ]  # fmt: skip
    assert first["clearance"]["state"] == "cleared"
    assert first["clearance"]["why"] == "delivered"
    assert second["decision"]["creator"] is None
    assert [entry["kind"] for entry in found["entries"]] == ["accrual", "clearance", "settlement"]
    assert all(sum(side["amount"] for side in entry["sides"]) == 0 for entry in found["entries"])
    [statement] = found["statements"]
    assert (statement["period"], statement["amount"], statement["total"]) == ("2026-12", 400, 400)
    [payout] = found["payouts"]
    assert (payout["amount"], payout["status"], payout["creator"]) == (400, "paid", x)
    assert [row["source"] for row in found["heard"]["versions"]] == ["delivery:dlv_7001_2012", "delivery:dlv_7001_2312"]
    assert found["carriers"]["brought"] == ["cart_attribute", "journey"]
    assert {each["name"]: each["state"] for each in found["carriers"]["ways"]} == {
        "cart_attribute": "brought", "landing_page": "lost",
    }  # fmt: skip
    assert "landing_page: lost (redirects)" in as_text(found)


def test_how_many_customers_ordered_with_a_token_is_told(world: World) -> None:
    world.tap("y", "A", PLACED - 5 * DAY, buyer="b")
    touch = world.tap("x", "A", buyer="b")
    for ref, customer in (("7001", "c~1"), ("7002", "c~2"), ("7003", "c~1")):
        hear(world, [touch.token], ref=ref, customer=customer)
    found = told(world)
    first, second = found["lines"][0]["decision"]["candidates"]
    assert (first["creator"]["handle"], first["buyers"]) == ("x", 2)
    assert (second["creator"]["handle"], second["buyers"]) == ("y", 0)
    assert "brought by cart_attribute, journey, customers with its token: 2" in as_text(found)
    assert "c~" not in as_text(found)  # no id of ours has such a character


def test_a_refund_after_the_payout_is_in_the_trace(world: World) -> None:
    a_whole_life(world)
    later = CLOSING + 5 * DAY
    back = Refund("r1", later, lines=(RefundLine("rl1", "1", 1, 2000),))
    lines = (Line("1", 2, 1, 2000, product_ref="A"), Line("2", 1, 1, 1500, product_ref="B"))
    hear(world, [], at=later, lines=lines, refunds=(back,), fulfilments=(parcel(DELIVERED),))
    found = told(world)
    assert found["answer"]["due"] == 200
    [refund] = found["refunds"]
    assert (refund["refund_ref"], refund["status"], refund["lines"]) == ("r1", "counted", 2000)
    assert (found["lines"][0]["refunded_base"], found["lines"][0]["reversed"]) == (2000, 200)
    assert found["lines"][0]["balances"][0]["cleared"] == -200
    assert found["entries"][-1]["kind"] == "reversal"
    assert found["entries"][-1]["reverses"] == found["entries"][0]["id"]


def test_deliveries_about_the_order_are_listed(world: World) -> None:
    hear(world, [])
    with world.database.write(SYSTEM) as session:
        session.add(
            DeliveryRow(
                id="dlv_1", platform="plain", domain="one.plain.example", shop_id=world.shop_id, topic="orders/paid",
                received_at=PLACED, headers={}, body_hash="h", body_size=1, order_ref="7001", status="done", repeats=2,
            )
        )  # fmt: skip
    [row] = told(world)["heard"]["deliveries"]
    assert (row["id"], row["topic"], row["status"], row["repeats"]) == ("dlv_1", "orders/paid", "done", 2)


def test_an_order_that_is_stopped_says_by_what(world: World) -> None:
    hear(world, [], cancelled_at=PLACED)
    found = told(world)
    assert found["answer"]["reason"] == "order_cancelled"
    assert "Nothing is due:" in as_text(found)
    assert "[order_cancelled]" in as_text(found)


def test_it_is_json_and_names_no_buyer_and_no_token(world: World) -> None:
    touch = world.tap("x", "A", buyer="secret-buyer")
    hear(world, [touch.token])
    text = as_json(told(world)).decode()
    assert json.loads(text)["order"]["buyer"] in ("known", "not known")
    assert touch.token not in text
    assert "secret-buyer" not in text
    assert touch.token not in as_text(told(world))


def test_the_text_begins_with_the_answer_and_ends_with_the_money(world: World) -> None:
    a_whole_life(world)
    text = as_text(told(world))
    assert "X (@x) earns EUR\u00a04.00 for 1 of 2 lines." in text
    assert "Line 2 earns nobody anything:" in text
    assert "outranked_by_later_click: @y" in text
    assert "settlement (period_closed)" in text
    assert "2026-12" in text.split("Statements")[1]
    assert "paid" in text.split("Payouts")[1]
    assert not any(line != line.rstrip() for line in text.splitlines())


@pytest.mark.parametrize("name", ["7001", "#7001"])
def test_an_order_is_found_by_its_names(world: World, name: str) -> None:
    hear(world, [])
    with world.database.read(SYSTEM) as session:
        assert find(session, name).id == order_id(world)
        assert find(session, order_id(world)).id == order_id(world)
        with pytest.raises(NotFound):
            find(session, "9999")


def test_a_number_that_two_shops_have_asks_for_the_shop(world: World) -> None:
    hear(world, [])
    with world.database.write(SYSTEM) as session:
        other = add_shop(session, "two.plain.example").id
    first = world.shop_id
    world.shop_id = other
    hear(world, [])
    with world.database.read(SYSTEM) as session:
        with pytest.raises(InputRefused, match="several orders"):
            find(session, "#7001")
        assert find(session, "#7001", first).shop_id == first


def test_a_line_still_waiting_says_when_it_clears(world: World) -> None:
    touch = world.tap("x", "A")
    hear(world, [touch.token])
    hear(world, [touch.token], at=DELIVERED, fulfilments=(parcel(DELIVERED),))
    clearance = told(world)["lines"][0]["clearance"]
    assert clearance["state"] == "open"
    assert clearance["clears_at"] == (DELIVERED + timedelta(days=15)).isoformat().replace("+00:00", "Z")
