"""Crediting an order with what is stored: carriers and journeys, grace and pin, as of then and never now."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import permutations

import pytest

from connector.commerce.shops import connect, settings
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.attribution import queries, tokens
from connector.earnings.attribution.rules import Decision
from connector.earnings.attribution.tables import DecisionRow, DueForPin, Touch
from connector.errors import InputRefused
from connector.events import Carrier, ShopProfile
from connector.platforms.contract import Grant
from connector.programme.collaborations import terms
from connector.programme.creators import countries, register
from tests.attribution.world import DAY, KEY, PLACED, World, add_shop

HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)


def said(decision: Decision) -> tuple[str, str, str | None, int]:
    return decision.credit_reason, decision.rate_reason, decision.creator_id, decision.rate_bp


def row(world: World, line_ref: str = "1") -> DecisionRow:
    with world.database.read(Scope.shop(world.shop_id)) as session:
        found = session.query(DecisionRow).filter_by(line_ref=line_ref).one()
        session.expunge(found)
        return found


def due(world: World) -> list[datetime]:
    with world.database.read(Scope.shop(world.shop_id)) as session:
        return [d.pin_at for d in session.query(DueForPin)]


def test_each_line_goes_to_the_creator_who_showed_it(world: World) -> None:
    """E18 through the database: two tokens in one cart."""
    x_on_a, y_on_b = world.tap("x", "A", PLACED - 2 * DAY), world.tap("y", "B", PLACED - DAY, buyer="buyer-1")
    world.tap("x", "B", PLACED - 3 * DAY, buyer="buyer-1")
    decided = world.order([x_on_a, y_on_b], lines="AB")
    assert decided["1"].creator_id == world.creators["x"]
    assert decided["2"].creator_id == world.creators["y"]
    assert [c["outcome"] for c in decided["2"].evidence["candidates"]] == [
        "won", "outranked_by_later_click", "other_product",
    ]  # fmt: skip


def test_carriers_are_named_and_a_token_in_several_counts_once(world: World) -> None:
    touch = world.tap("x")
    carriers = (
        Carrier("cart_attribute", touch.token, KEY),
        Carrier("line_property", touch.token, KEY, "1"),
        Carrier("landing_page", f"utm_source=v&ref={touch.token}"),
        Carrier("cart_attribute", "hello", "gift note"),
    )
    decided = world.order(carriers=carriers)["1"]
    assert len(decided.evidence["candidates"]) == 1
    assert decided.evidence["candidates"][0]["via"] == ["cart_attribute", "landing_page", "line_property"]
    assert decided.evidence["carriers"] == ["cart_attribute", "landing_page", "line_property"]


def test_other_touches_of_the_journey_count_in_this_shop_only(world: World) -> None:
    with world.database.write(Scope.system("test")) as session:
        elsewhere = add_shop(session, "two.plain.example").id
    by_token = world.tap("x", "B", PLACED - 2 * DAY, buyer="b1")
    world.tap("x", "A", PLACED - DAY, buyer="b1")
    # The store cuts the second off: this one came before the order.
    world.tap("y", "A", PLACED + timedelta(milliseconds=400), buyer="b1")
    world.tap("x", "A", PLACED - HOUR, buyer="b1", shop_id=elsewhere)
    world.tap("x", "A", PLACED - HOUR, buyer="b2")
    decided = world.order([by_token], lines="A")["1"]
    assert decided.creator_id == world.creators["y"]
    assert [c["via"] for c in decided.evidence["candidates"]] == [["journey"], ["journey"], ["cart_attribute"]]


def test_forged_unknown_and_foreign_tokens_are_told_apart_and_credit_nobody(world: World) -> None:
    with world.database.write(Scope.system("test")) as session:
        elsewhere = add_shop(session, "two.plain.example").id
    foreign = world.tap("x", shop_id=elsewhere)
    token = world.tap("x").token
    bent = token[:-1] + ("_" if token[-1] != "_" else "-")
    decided = world.order([foreign, bent, tokens.make(), "anything at all"])["1"]
    assert said(decided) == ("touch_invalid", "", None, 0)
    assert sorted(bad["problem"] for bad in decided.evidence["bad_tokens"]) == [
        "other_shop", "signature_wrong", "signature_wrong", "unknown",
    ]  # fmt: skip
    assert all(len(bad["token"]) <= 8 for bad in decided.evidence["bad_tokens"])


def test_somebody_else_s_ref_is_no_forged_token(world: World) -> None:
    plain = world.order(carriers=(Carrier("landing_page", "ref=newsletter"),))["1"]
    assert (plain.credit_reason, plain.evidence["bad_tokens"]) == ("no_touch", [])
    token = world.tap("x").token
    forged = token[:-1] + ("_" if token[-1] != "_" else "-")
    bent = world.order(carriers=(Carrier("landing_page", f"ref={forged}"),), ref="2")["1"]
    assert bent.credit_reason == "touch_invalid"
    assert bent.evidence["bad_tokens"][0]["via"] == ["landing_page"]


def test_ids_that_overlap_between_shops_and_kinds_never_meet(world: World) -> None:
    """COMPLAINTS 26: the same product number, order number and buyer number everywhere."""
    with world.database.write(Scope.system("test")) as session:
        other = add_shop(session, "two.plain.example").id
        terms.open_terms(session, other, 5000, by="test", starts_at=PLACED - 9 * DAY, now=PLACED - 9 * DAY)
    here = world.tap("x", "7001", buyer="7001")
    there = world.tap("y", "7001", buyer="7001", at=PLACED - HOUR, shop_id=other)
    decided = world.order([here], ref="7001", lines=("7001",), customer="7001")["1"]  # type: ignore[arg-type]
    assert (decided.creator_id, decided.rate_bp) == (world.creators["x"], 1000)
    first, world.shop_id = world.shop_id, other
    elsewhere = world.order([there], ref="7001", lines=("7001",), customer="7001")["1"]  # type: ignore[arg-type]
    assert (elsewhere.creator_id, elsewhere.rate_bp) == (world.creators["y"], 5000)
    with world.database.read(Scope.system("test")) as session:
        assert {(d.shop_id, d.creator_id) for d in session.query(DecisionRow)} == {
            (first, world.creators["x"]), (other, world.creators["y"]),
        }  # fmt: skip


def test_until_the_grace_is_over_a_late_touch_moves_the_credit(world: World) -> None:
    """F3: provisional, computed anew, then pinned; what is heard later is too late."""
    early, late = world.tap("x", at=PLACED - 2 * DAY, buyer="b"), PLACED - HOUR
    assert world.order([early])["1"].creator_id == world.creators["x"]
    assert due(world) == [PLACED + DAY]
    world.tap("y", at=late, buyer="b", heard=PLACED + 20 * HOUR)
    moved = world.look(at=PLACED + 21 * HOUR)["1"]
    assert (moved.creator_id, moved.pinned) == (world.creators["y"], False)
    pinned = world.look(at=PLACED + DAY)["1"]
    assert (pinned.creator_id, pinned.pinned) == (world.creators["y"], True)
    assert due(world) == []
    assert row(world).pinned_at == PLACED + DAY


def test_a_touch_heard_in_time_counts_however_late_the_order_is_first_seen(world: World) -> None:
    early = world.tap("x", at=PLACED - 2 * DAY, buyer="b")
    world.tap("y", at=PLACED - HOUR, heard=PLACED + 23 * HOUR, buyer="b")
    decided = world.order([early], heard=PLACED + 3 * DAY)["1"]
    assert (decided.creator_id, decided.pinned) == (world.creators["y"], True)


def test_too_late_by_a_moment(world: World) -> None:
    with world.database.write(Scope.system("test")) as session:
        settings.change(session, world.shop_id, "touch_grace_hours", 2, by="test", now=PLACED - DAY)
    touch = world.tap("x", at=PLACED - HOUR, heard=PLACED + 2 * HOUR + TICK)
    for heard in (PLACED + 3 * HOUR, PLACED + 30 * DAY):
        decided = world.order([touch], heard=heard)["1"]
        assert said(decided) == ("too_late", "", None, 0)


def test_an_order_first_seen_after_its_grace_is_pinned_at_once(world: World) -> None:
    decided = world.order([world.tap("x")], heard=PLACED + 2 * DAY)["1"]
    assert decided.pinned
    assert due(world) == []


def test_lines_added_later_are_pinned_when_seen_with_touches_of_the_order_s_time(world: World) -> None:
    """R8."""
    touch = world.tap("x", "A")
    world.tap("y", "B", at=PLACED - HOUR, buyer="none")
    world.order([touch], heard=PLACED + 2 * DAY)
    after = world.tap("y", "B", at=PLACED + HOUR)
    edited = world.order([touch, after], lines="AB", changed_at=PLACED + 3 * DAY, heard=PLACED + 3 * DAY)
    assert edited["2"].pinned
    assert said(edited["2"]) == ("no_touch", "", None, 0)
    assert edited["1"].creator_id == world.creators["x"]


def test_an_unpaid_order_is_not_pinned_until_it_is_paid(world: World) -> None:
    touch = world.tap("x")
    waiting = world.order([touch], payment_status="pending", heard=PLACED + 2 * DAY)["1"]
    assert not waiting.pinned
    assert due(world) == []
    paid = world.order([touch], payment_status="partially_paid", changed_at=PLACED + 9 * DAY, heard=PLACED + 9 * DAY)
    assert paid["1"].pinned


def test_a_pinned_decision_never_changes_and_a_difference_is_noted(world: World) -> None:
    """F4: a token that first shows up in a later version would win; nothing moves, the health page hears of it."""
    first, second = world.tap("x", at=PLACED - 2 * DAY), world.tap("y", at=PLACED - HOUR)
    world.order([first], heard=PLACED + 2 * DAY)
    before = row(world)
    again = world.order([second], changed_at=PLACED + 3 * DAY, heard=PLACED + 3 * DAY)["1"]
    after = row(world)
    assert again.creator_id == world.creators["x"]
    assert after.drift.startswith("decision_changed: creator_id")
    assert world.creators["y"] in after.drift
    for name in ("creator_id", "rate_bp", "touch_id", "evidence", "decided_at", "pinned_at", "credit_reason"):
        assert getattr(after, name) == getattr(before, name)
    with world.database.read(Scope.shop(world.shop_id)) as session:
        assert [d.id for d in queries.drifted(session, world.shop_id)] == [before.id]


def test_erasing_a_journey_changes_no_pin_and_raises_no_alarm(world: World) -> None:
    """F9."""
    by_token = world.tap("x", "B", buyer="b")
    world.tap("y", "A", buyer="b")
    world.order([by_token], heard=PLACED + 2 * DAY)
    with world.database.write(Scope.system("test")) as session:
        session.query(Touch).update({"journey": None})
    decided = world.look(at=PLACED + 9 * DAY)["1"]
    assert (decided.creator_id, row(world).drift) == (world.creators["y"], "")


def test_an_unchanged_provisional_decision_is_not_written_again(world: World) -> None:
    world.order([world.tap("x", buyer="b"), "t1forged"], customer="1")
    before = row(world)
    world.look(at=PLACED + HOUR)
    assert row(world).decided_at == before.decided_at == PLACED


def test_rates_stand_as_they_stood_at_click_and_at_order(world: World) -> None:
    """D18 with dated terms: a raise between click and order counts, one after the order doesn't, nor does now."""
    touch = world.tap("x", at=PLACED - 5 * DAY)
    with world.database.write(Scope.system("test")) as session:
        for rate, day in ((1500, -3), (1200, -1), (9 * 100, 1)):
            moment = PLACED + day * DAY
            terms.open_terms(session, world.shop_id, rate, starts_at=moment, by="test", now=moment)
    decided = world.order([touch], heard=PLACED + 30 * DAY)["1"]
    assert said(decided) == ("last_click_direct", "rate_open", world.creators["x"], 1200)
    assert (decided.evidence["rates"]["click"]["rate_bp"], decided.evidence["rates"]["order"]["rate_bp"]) == (
        1000,
        1200,
    )


def test_a_rate_withdrawn_after_the_click_still_counts_and_none_at_both_is_no_plan(world: World) -> None:
    touch = world.tap("x", at=PLACED - 5 * DAY)
    with world.database.write(Scope.system("test")) as session:
        terms.withdraw(session, world.shop_id, by="test", now=PLACED - 3 * DAY)
    assert world.order([touch])["1"].rate_bp == 1000
    after = world.tap("y", at=PLACED - 2 * DAY)
    decided = world.order([after], ref="7002")["1"]
    assert said(decided) == ("last_click_direct", "no_plan", world.creators["y"], 0)


def test_a_creator_suspended_at_the_order_earns_nothing_and_later_status_changes_nothing(world: World) -> None:
    touch = world.tap("x", at=PLACED - 5 * DAY)
    with world.database.write(Scope.system("test")) as session:
        register.set_status(session, world.creators["x"], "suspended", now=PLACED - DAY)
        register.set_status(session, world.creators["x"], "active", now=PLACED + DAY)
    decided = world.order([touch], heard=PLACED + 9 * DAY)["1"]
    assert said(decided) == ("creator_ineligible", "", None, 0)
    earlier = world.order([touch], ref="7000", at=PLACED - 2 * DAY, heard=PLACED + 9 * DAY)["1"]
    assert earlier.creator_id == world.creators["x"]


def test_a_country_that_is_off_is_tested_at_the_order_and_never_backdated(world: World) -> None:
    """D16."""
    y, off_at = world.creators["y"], PLACED - HOUR
    with world.database.write(Scope.system("test")) as session:
        assert countries.tell(session, y, "nl", PLACED - 9 * DAY)
        assert not countries.tell(session, y, "NL", PLACED - 8 * DAY)
        countries.switch(session, "NL", on=False, by="test", why="no licence", now=off_at)
        for wrong in ({"on": False}, {"on": True, "starts_at": off_at - TICK}, {"on": True, "why": " "}):
            with pytest.raises(InputRefused):
                countries.switch(session, "NL", **{"by": "test", "why": "so", "now": off_at, **wrong})
        with pytest.raises(InputRefused):
            countries.tell(session, y, "EU")
    touch, of_x = world.tap("y"), world.tap("x", at=PLACED - 2 * DAY)
    before = world.order([touch], ref="7001", at=off_at - TICK)["1"]
    during = world.order([touch, of_x], ref="7002", at=off_at)["1"]
    assert (before.creator_id, before.credit_reason) == (y, "last_click_direct")
    assert said(during) == ("creator_ineligible", "", None, 0)
    assert [c["why"] for c in during.evidence["candidates"]] == ["country_off", ""]
    with world.database.write(Scope.system("test")) as session:
        countries.switch(session, "NL", on=True, by="test", why="licensed", now=PLACED)
    assert world.order([touch], ref="7003", at=PLACED)["1"].creator_id == y
    assert world.look("7002", at=PLACED + 3 * DAY)["1"].credit_reason == "creator_ineligible"


def test_followers_are_tested_at_the_tap(world: World) -> None:
    with world.database.write(Scope.system("test")) as session:
        settings.change(session, world.shop_id, "minimum_followers", 1201, by="test", now=PLACED - 9 * DAY)
    touch = world.tap("x")
    with world.database.write(Scope.system("test")) as session:
        register.register(session, "x", "X", 50_000, PLACED)
    decided = world.order([touch])["1"]
    assert decided.credit_reason == "creator_ineligible"
    assert decided.evidence["candidates"][0]["why"] == "followers_below_minimum"


def test_the_window_is_the_one_in_force_at_the_tap(world: World) -> None:
    with world.database.write(Scope.system("test")) as session:
        settings.change(session, world.shop_id, "touch_window_days", 2, by="test", now=PLACED - 5 * DAY)
    assert world.order([world.tap("x", at=PLACED - 6 * DAY)])["1"].credit_reason == "last_click_direct"
    assert world.order([world.tap("x", at=PLACED - 4 * DAY)], ref="2")["1"].credit_reason == "window_expired"


def test_orders_placed_after_the_store_left_credit_nobody(world: World) -> None:
    touch = world.tap("x")
    with world.database.write(Scope.system("test")) as session:
        connect.leave(session, session.get_one(Shop, world.shop_id), PLACED)
    assert world.order([touch])["1"].credit_reason == "store_disconnected"
    assert world.order([touch], ref="2", at=PLACED - TICK)["1"].credit_reason == "last_click_direct"


def test_coming_back_does_not_credit_the_orders_of_the_absence(world: World) -> None:
    touch = world.tap("x")
    with world.database.write(Scope.system("test")) as session:
        shop = session.get_one(Shop, world.shop_id)
        connect.leave(session, shop, PLACED)
        profile = ShopProfile("1", shop.domain, "One", "EUR", "UTC")
        connect.connect(session, "plain", profile, Grant("again"), PLACED + DAY)
    heard = PLACED + 2 * DAY
    assert world.order([touch], heard=heard)["1"].credit_reason == "store_disconnected"
    during = world.order([touch], ref="2", at=PLACED + DAY - TICK, heard=heard)["1"]
    assert (during.credit_reason, during.creator_id) == ("store_disconnected", None)
    assert world.order([touch], ref="3", at=PLACED + DAY, heard=heard)["1"].credit_reason == "last_click_direct"


def test_a_token_that_is_passed_around_loses_its_journey_and_goes_to_review(world: World) -> None:
    shared = world.tap("x", "A", PLACED - DAY, buyer="b")
    world.tap("y", "B", PLACED - DAY, buyer="b")
    for n in range(3):
        decided = world.order([shared], ref=f"70{n}", lines="AB", customer=f"c{n}", at=PLACED + n * HOUR)
        assert decided["2"].creator_id == world.creators["y"]
    again = world.order([shared], ref="705", lines="AB", customer="c0", at=PLACED + 5 * HOUR)
    assert again["1"].evidence["flags"] == []
    fourth = world.order([shared], ref="709", lines="AB", customer="c9", at=PLACED + 9 * HOUR)
    assert fourth["1"].evidence["flags"] == ["token_shared"]
    assert (fourth["1"].creator_id, fourth["2"].creator_id) == (world.creators["x"], None)
    with world.database.read(Scope.shop(world.shop_id)) as session:
        assert queries.buyers_of_tokens(session, [shared.id]) == {shared.id: 4}


def test_who_shared_a_token_does_not_depend_on_the_order_of_arrival(world: World) -> None:
    shared = world.tap("x", buyer="b")
    for n in (3, 2, 1, 0):
        world.order([shared], ref=f"70{n}", customer=f"c{n}", at=PLACED + n * HOUR)
    flags = {n: world.look(f"70{n}", at=PLACED + DAY + n * HOUR)["1"].evidence["flags"] for n in range(4)}
    assert flags == {0: [], 1: [], 2: [], 3: ["token_shared"]}


@pytest.mark.parametrize("turn", range(6))
def test_any_order_of_versions_and_touches_gives_the_same_decision(world: World, turn: int) -> None:
    """F7 for decisions: two versions with a token each, and a tap reported late, in each of the six orders."""
    by_x = world.tap("x", "A", PLACED - 3 * DAY, buyer="b")
    by_y = world.tap("y", "B", PLACED - 2 * DAY, buyer="c")
    acts = [
        lambda: world.order([by_x], lines="AB", heard=PLACED + 2 * HOUR),
        lambda: world.order([by_y], lines="AB", changed_at=PLACED + HOUR, heard=PLACED + 2 * HOUR),
        lambda: world.tap("y", "A", PLACED - HOUR, buyer="c", heard=PLACED + 2 * HOUR),
    ]
    for n in list(permutations(range(3)))[turn]:
        acts[n]()
    decided = world.look(at=PLACED + DAY)
    assert {ref: (d.creator_id, d.pinned) for ref, d in decided.items()} == {
        "1": (world.creators["y"], True), "2": (world.creators["y"], True),
    }  # fmt: skip
    assert [c["outcome"] for c in decided["1"].evidence["candidates"]] == [
        "won", "outranked_by_later_click", "other_product",
    ]  # fmt: skip


def test_an_order_of_many_lines_costs_a_handful_of_queries(world: World) -> None:
    import sqlalchemy as sa

    touched = [world.tap("x", "A", PLACED - n * HOUR, buyer="b") for n in range(1, 20)]
    asked: list[str] = []
    sa.event.listen(world.database.engine, "before_cursor_execute", lambda *a: asked.append(a[2]))
    world.order(touched[:3], lines="A" * 40, customer="1")
    mine = [q for q in asked if any(t in q for t in ("touches", "decisions", "terms", "creator_s", "token_b", "due_f"))]
    assert len(mine) <= 13, mine
