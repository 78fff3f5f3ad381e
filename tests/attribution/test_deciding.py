"""Who is credited, through the database: codes and their leaks, bindings, own purchases, reviews, and recorded acts up
to a closed statement. A few whole stories a database; the table itself is tested row by row in `test_table.py`."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connector.access import staff
from connector.commerce.orders import record
from connector.commerce.orders.tables import Order
from connector.commerce.shops import settings
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.attribution import acts, buyers, codes, forget, leaks, queries
from connector.earnings.attribution.acts import ActAsked
from connector.earnings.attribution.tables import Act, Binding, CodeUse, DecisionRow, KnownBuyer, Touch
from connector.earnings.commission.tables import Clearance
from connector.earnings.intake import take_in
from connector.earnings.ledger import queries as ledger
from connector.errors import Conflict, InputRefused, NotAllowed, NotFound
from connector.events import Allocation, Buyer, Carrier, FulfilledLine, Fulfilment, Line, OrderSeen, OrderSnapshot
from connector.operations import rounds
from connector.operations.crediting import deciding
from connector.operations.trace import trace
from connector.programme.creators import identities
from tests.attribution.world import DAY, KEY, OPENED, PLACED, World
from tests.operations.test_commands import prepared

ALL = Scope.system("test")
HOUR = timedelta(hours=1)
NOBODY = Buyer()


def line(ref: str = "1", product: str = "A", code: str | None = None, **changes: Any) -> Line:
    taken = (Allocation(200, code),) if code else ()
    plain: dict[str, Any] = {"current_quantity": 1, "unit_price": 2200 if code else 2000, "product_ref": product}
    return Line(ref, 1, **{**plain, "allocations": taken, **changes})


def hear(
    world: World, ref: str = "7001", *, at: datetime = PLACED, touched: tuple[Touch, ...] = (), buyer: Buyer = NOBODY,
    lines: tuple[Line, ...] = (line(),), heard: datetime | None = None, hints: tuple[Carrier, ...] = (), **changes: Any,
) -> str:  # fmt: skip
    """Take an order in by the whole money path; its id."""
    carriers = tuple(Carrier("cart_attribute", touch.token, KEY) for touch in touched)
    texts = {a.code for each in lines for a in each.allocations if a.code}
    whole = OrderSnapshot(**{
        "order_ref": ref, "number": f"#{ref}", "created_at": at, "changed_at": at, "currency": "EUR",
        "payment_status": "paid", "paid_at": at, "taxes_included": False, "lines": lines,
        "total_discounts": sum(a.amount for each in lines for a in each.allocations),
        "carriers": (*carriers, *(Carrier("code", text) for text in sorted(texts))), **changes,
    })  # fmt: skip
    with world.database.write(Scope.shop(world.shop_id)) as session:
        shop = session.get_one(Shop, world.shop_id)
        seen = OrderSeen(whole, buyer, hints=hints)
        moment = heard or whole.changed_at
        return take_in.take_in(session, shop, seen, triggered_at=moment, source="read:test", as_of=moment).order_id


def decided(world: World, order_id: str, line_ref: str = "1") -> DecisionRow:
    with world.database.read(Scope.shop(world.shop_id)) as session:
        row = session.scalars(sa.select(DecisionRow).filter_by(order_id=order_id, line_ref=line_ref)).one()
        session.expunge(row)
        return row


def owed(world: World, handle: str) -> int:
    with world.database.read(Scope.shop(world.shop_id)) as session:
        found = ledger.balances(session, creator_id=world.creators[handle])
    return sum(balance.owed for balance in found)


def set_to(world: World, **values: int | str) -> None:
    with world.database.write(ALL) as session:
        for name, value in values.items():
            settings.change(session, world.shop_id, name, value, by="test", starts_at=OPENED, now=OPENED)


def make_code(world: World, handle: str, text: str, at: datetime = OPENED) -> str:
    with world.database.write(ALL) as session:
        return codes.create(session, world.shop_id, world.creators[handle], text, by="test", now=at).id


def act(
    world: World,
    kind: str,
    order_id: str | None,
    *,
    by: str = "staff:jo",
    now: datetime = PLACED + 2 * DAY,
    **more: Any,
) -> Act:
    """Preview and book."""
    asked = ActAsked(kind=kind, shop_id=world.shop_id, order_id=order_id, **more)
    with world.database.write(ALL) as session:
        shown = deciding.preview(session, asked, now)
        made, _ = deciding.enter(session, asked, by=by, reason="because", token=shown.token, now=now)
        session.expunge(made)
        return made


def test_codes_of_an_order_are_a_set_and_never_move_silently(world: World) -> None:
    code_id = make_code(world, "y", "Mira10")
    tap = world.tap("x")
    versions = [
        {"lines": (line(code="MIRA10 "),), "changed_at": PLACED},
        {"lines": (line(),), "changed_at": PLACED + HOUR},  # the store lost the code meanwhile
    ]
    found = set()
    for number, order in enumerate(permutations(versions)):
        for version in order:
            order_id = hear(world, f"80{number}", touched=(tap,), **version)
        row = decided(world, order_id)
        assert row.evidence["candidates"][0]["outcome"] == "outranked_by_code"
        found.add((row.credit_reason, row.creator_id, row.rate_bp))
    assert found == {("code", world.creators["y"], 1000)}
    with world.database.write(ALL) as session:
        assert codes.create(session, world.shop_id, world.creators["y"], "mira10", by="test").id == code_id
        with pytest.raises(Conflict, match="belongs"):
            codes.create(session, world.shop_id, world.creators["x"], "MIRA10", by="test")
        codes.move(session, code_id, world.creators["x"], by="test", why="they swapped", now=PLACED)
        with pytest.raises(InputRefused):
            codes.end(session, code_id, by="test", why="", now=PLACED)
    moved = [decided(world, hear(world, f"81{n}", at=at, lines=(line(code="mira10"),))).creator_id
             for n, at in enumerate((PLACED - HOUR, PLACED))]  # fmt: skip
    assert moved == [world.creators["y"], world.creators["x"]]


def test_a_leak_is_found_by_its_buyers_and_holds_for_orders_after_it(world: World) -> None:
    set_to(world, leak_least_orders=4, leak_share_bp=5000)
    code_id, site_id = make_code(world, "y", "mira10"), make_code(world, "x", "xavier")
    now, first = PLACED + 5 * DAY, PLACED + DAY
    for number in range(4):
        taps = (world.tap("y", at=first - HOUR, heard=first),) if number < 2 else ()
        hear(world, f"9{number}", at=first, touched=taps, lines=(line(code="mira10"),), buyer=Buyer(f"b{number}"))
    with world.database.write(ALL) as session:
        assert leaks.look(session, world.shop_id, now) == 0  # half of them is not above the share
    hear(world, "94", at=first, lines=(line(code="mira10"),), buyer=Buyer("b4"))
    hear(world, "95", at=first, lines=(line(code="xavier"),), hints=(Carrier("referrer", "www.retailmenot.com"),))
    hear(world, "96", at=first, lines=(line(code="xavier"),), hints=(Carrier("referrer", "mail.example"),))
    with world.database.write(ALL) as session:
        assert leaks.look(session, world.shop_id, now) == 2
        assert leaks.look(session, world.shop_id, now) == 0
        state = codes.state(session, codes.get(session, code_id), now)
        assert (state.word, state.leak and state.leak.evidence["share_bp"]) == ("leaked", 6000)
        assert codes.state(session, codes.get(session, site_id), now).leak.why.endswith("retailmenot.com")
        referrers = set(session.scalars(sa.select(CodeUse.referrer)))
    assert referrers == {"", "retailmenot.com"}  # where anybody else came from isn't kept
    coded = (line(code="mira10"),)
    at_the_flag, after = hear(world, "97", at=now, lines=coded), hear(world, "98", at=now + HOUR, lines=coded)
    assert [decided(world, each).credit_reason for each in (at_the_flag, after)] == ["code", "code_leaked"]
    assert decided(world, hear(world, "90", at=first, heard=now + DAY, lines=coded)).credit_reason == "code"
    with world.database.write(ALL) as session:
        codes.mark(session, codes.get(session, code_id), "cleared", by="staff:jo", why="a mistake", now=now + DAY)
    later = hear(world, "99", at=now + 2 * DAY, lines=coded)
    assert decided(world, later).credit_reason == "code"


def test_own_purchases_and_what_only_looks_like_one(world: World) -> None:
    with world.database.write(ALL) as session:
        x = world.creators["x"]
        known = {"email": "Xavier@gmail.com", "phone": "+31 20 123 4567", "customer": (world.shop_id, "77")}
        assert identities.learn(session, x, **known, now=OPENED) == 4
        assert identities.learn(session, x, **known, now=PLACED) == 0
        identities.learn(session, x, email="new@example.org", now=PLACED)
    tap = world.tap("x")
    buyers_of = {
        "hard": [Buyer("77"), Buyer("1", email="xavier@GMAIL.com"), Buyer("1", "o@example.org", "1")],
        "soft": [
            Buyer("1", "xa.vier+shop@googlemail.com"),
            Buyer("1", phone="0031201234567"),
            Buyer(phone="31201234567"),
        ],
    }
    outcomes = [
        decided(world, hear(world, f"5{n}", touched=(world.tap("x"),), buyer=buyer)).credit_reason
        for n, buyer in enumerate([*buyers_of["hard"], *buyers_of["soft"]])
    ]
    assert outcomes == [
        "self_purchase", "self_purchase", "last_click_direct", "frozen_review", "frozen_review", "frozen_review",
    ]  # fmt: skip
    # An address that was sent after the order was placed isn't held against it.
    before = hear(world, "60", at=PLACED - HOUR, touched=(tap,), buyer=Buyer(email="new@example.org"))
    assert decided(world, before).credit_reason == "last_click_direct"


def test_an_own_purchase_is_seen_of_a_creator_whom_an_edit_or_an_act_brings_after_the_pin(world: World) -> None:
    """F3: what is pinned of the buyer is pinned of the creators who were candidates; of a new one it is asked, once."""
    with world.database.write(ALL) as session:
        identities.learn(session, world.creators["y"], email="y@example.org", now=OPENED)
    of_x, of_y = world.tap("x"), world.tap("y", "B")
    me, late = Buyer("7", "y@example.org"), PLACED + 3 * DAY
    order_id = hear(world, touched=(of_x,), buyer=me, heard=late)
    both = {"lines": (line(), line("2", "B")), "touched": (of_x, of_y), "changed_at": late}
    hear(world, buyer=me, heard=late, **both)
    assert decided(world, order_id).credit_reason == "last_click_direct"
    assert decided(world, order_id, "2").credit_reason == "self_purchase"
    # The outcome is the pin's from then on, though the address is forgotten and an older version names nobody.
    with world.database.write(ALL) as session:
        identities.forget(session, world.creators["y"])
        take_in.reevaluate(session, order_id, cause="test", as_of=late + DAY)
    assert (decided(world, order_id, "2").credit_reason, decided(world, order_id, "2").drift) == ("self_purchase", "")
    other = hear(world, "7002", touched=(of_x,), buyer=me, heard=late)
    with world.database.write(ALL) as session:
        identities.learn(session, world.creators["y"], email="y@example.org", now=OPENED)
    act(world, "manual", other, now=late, creator_id=world.creators["y"])
    assert decided(world, other).credit_reason == "self_purchase"


def test_a_review_holds_the_line_until_a_person_has_looked_and_erasure_moves_nothing(world: World) -> None:
    with world.database.write(ALL) as session:
        identities.learn(session, world.creators["x"], phone="+31 20 1", now=OPENED)
    tap = world.tap("x")
    order_id = hear(world, touched=(tap,), buyer=Buyer(phone="31201"), heard=PLACED + 2 * DAY, fulfilments=delivered())
    assert (decided(world, order_id).credit_reason, owed(world, "x")) == ("frozen_review", 200)
    with world.database.read(ALL) as session:
        assert [row.order_id for row, _ in deciding.reviews(session)] == [order_id]
        assert session.get_one(Clearance, (order_id, "1")).blocked == "review"
    assert rounds.clear_due(PLACED + 40 * DAY).done == 0
    passed = act(world, "review_passed", order_id)
    assert (passed.state, passed.needs_second) == ("effective", False)
    row = decided(world, order_id)
    assert (row.credit_reason, row.evidence["acts"], row.pinned_at) == (
        "last_click_direct", [passed.id], PLACED + 2 * DAY,
    )  # fmt: skip
    assert rounds.clear_due(PLACED + 40 * DAY).done == 1
    # The hashes go; the pinned outcome stands.
    with world.database.write(ALL) as session:
        record.forget_buyers(session, world.shop_id, ["7001"])
        forget.forget_buyers(session, [order_id])
        take_in.reevaluate(session, order_id, cause="test", as_of=PLACED + 41 * DAY)
    again = decided(world, order_id)
    assert (again.credit_reason, again.drift, again.evidence["personal"]["self_match"]) == (
        "last_click_direct", "", {world.creators["x"]: "soft"},
    )  # fmt: skip
    with pytest.raises(Conflict):
        act(world, "review_refused", order_id)


def delivered() -> tuple[Fulfilment, ...]:
    return (Fulfilment("f1", PLACED, PLACED + HOUR, (FulfilledLine("1", 1),)),)


def test_an_assignment_over_a_closed_statement_needs_a_second_person(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tap = world.tap("x")
    order_id = hear(world, touched=(tap,), heard=PLACED + 2 * DAY, fulfilments=delivered())
    asked = ActAsked(kind="manual", shop_id=world.shop_id, order_id=order_id, creator_id=world.creators["y"])
    # Before: at once, with a preview that names what it was worked out from.
    with world.database.write(ALL) as session:
        shown = deciding.preview(session, asked, PLACED + 3 * DAY)
        assert shown.by_creator == {(world.creators["x"], "EUR"): -200, (world.creators["y"], "EUR"): 200}
        with pytest.raises(Conflict, match="moved"):
            deciding.enter(session, asked, by="staff:jo", reason="why", token="old", now=PLACED + 3 * DAY)
    act(world, "manual", order_id, creator_id=world.creators["y"], now=PLACED + 3 * DAY)
    assert (owed(world, "x"), owed(world, "y")) == (0, 200)
    # What the next delivery says undoes nothing, and no drift is noted.
    hear(world, touched=(tap,), changed_at=PLACED + 4 * DAY, fulfilments=delivered(), total=1)
    assert (owed(world, "x"), owed(world, "y"), decided(world, order_id).drift) == (0, 200, "")
    rounds.clear_due(PLACED + 30 * DAY)
    closed = rounds.close_due(PLACED + 50 * DAY, "test")
    assert any(one.closings for one in closed)
    # After: proposed, and nothing moves until somebody else approves what they have seen.
    waits = act(world, "manual", order_id, creator_id=world.creators["x"], now=PLACED + 51 * DAY)
    assert (waits.state, waits.needs_second, owed(world, "y")) == ("proposed", True, 200)
    with world.database.write(ALL) as session:
        token = deciding.preview(session, deciding.asked_of(acts.get(session, waits.id))).token
        for by, sent, error in (("staff:jo", token, NotAllowed), ("staff:al", "old", Conflict)):
            with pytest.raises(error):
                deciding.approve(session, waits.id, by=by, token=sent)
    with pytest.raises(Conflict, match="waits"):
        act(world, "manual", order_id, creator_id=world.creators["x"])
    # A command's second person is staff by name, with the role, and not the first under another name.
    with world.database.write(ALL) as session:
        for name, role in (("jo", "finance"), ("su", "support")):
            staff.ensure(session, name, role, by="test")
    run = prepared(world, monkeypatch, tmp_path)
    for name, refused in (("jo", NotAllowed), ("su", NotAllowed), ("anybody", NotFound)):
        with pytest.raises(refused):
            run("acts", "approve", waits.id, "--by", name)
    # A command names an order as everybody does, by its number too, and says amounts as people read them.
    with world.database.read(ALL) as session:
        number = session.get_one(Order, order_id).number
    for name in (number, number.lstrip("#"), order_id):
        looked = run("acts", "book", "manual", name, "--creator", "x", "--why", "Wrote in").output
        assert f"* {number} line 1: " in looked
        assert "EUR 2.00 (manual) -> " in looked
        assert "Nothing was booked" in looked
    with world.database.write(ALL) as session:
        deciding.approve(session, waits.id, by="staff:al", token=token, now=PLACED + 52 * DAY)
    assert (owed(world, "x"), owed(world, "y")) == (200, 0)
    assert decided(world, order_id).evidence["acts"] == sorted(decided(world, order_id).evidence["acts"])
    with world.database.read(ALL) as session:
        assert [row.state for row in acts.about(session, [order_id])] == ["effective", "effective"]
        assert queries.drifted(session) == []


def test_a_leak_dated_back_decides_the_orders_since_and_no_earlier_one(world: World) -> None:
    code_id = make_code(world, "y", "mira10")
    tap = world.tap("x")
    coded = (line(code="mira10"),)
    early, late = (
        hear(world, "1", at=PLACED, touched=(tap,), lines=coded, heard=PLACED + 3 * DAY),
        hear(world, "2", at=PLACED + DAY, touched=(tap,), lines=coded, heard=PLACED + 3 * DAY),
    )
    assert (owed(world, "x"), owed(world, "y")) == (0, 400)
    made = act(world, "leak_backdated", None, code_id=code_id, since=PLACED, now=PLACED + 4 * DAY)
    assert [decided(world, each).credit_reason for each in (early, late)] == ["code", "last_click_direct"]
    assert (owed(world, "x"), owed(world, "y")) == (200, 200)
    assert decided(world, late).evidence["acts"] == [made.id]
    # A rebuild reads it like every other record: an order heard of later is decided by it at once.
    assert decided(world, hear(world, "3", at=PLACED + 2 * DAY, lines=coded)).credit_reason == "code_leaked"


def test_a_buyer_becomes_known_and_bound_for_orders_from_then_on(world: World) -> None:
    set_to(world, lifetime=1)
    buyer, look_at = Buyer("cust-1"), PLACED + 3 * DAY
    first = hear(world, "1", touched=(world.tap("x"),), buyer=buyer, heard=PLACED + 2 * DAY)
    with world.database.write(ALL) as session:
        assert buyers.look(session, world.shop_id, look_at) == 1
        assert buyers.look(session, world.shop_id, look_at) == 0
        assert session.scalars(sa.select(KnownBuyer.order_id)).all() == [first]
    before = hear(world, "2", at=look_at - HOUR, buyer=buyer)
    after = hear(world, "3", at=look_at, buyer=buyer, heard=look_at + 2 * DAY)
    assert [decided(world, each).credit_reason for each in (before, after)] == ["no_touch", "lifetime"]
    assert decided(world, after).creator_id == world.creators["x"]
    act(world, "binding_moved", after, creator_id=world.creators["y"], now=look_at + 3 * DAY)
    assert (decided(world, after).creator_id, owed(world, "y")) == (world.creators["y"], 200)
    later = hear(world, "4", at=look_at + 4 * DAY, buyer=buyer)
    assert decided(world, later).creator_id == world.creators["y"]
    with world.database.write(ALL) as session:
        ids = session.scalars(sa.select(Order.id)).all()
        record.forget_buyers(session, world.shop_id, ["1", "2", "3", "4"])
        forget.forget_buyers(session, ids)
        assert set(session.scalars(sa.select(Binding.buyer_hash))) == {None}


def test_the_customer_s_earlier_taps_count_only_by_the_switch(world: World) -> None:
    buyer, tap = Buyer("cust-1"), world.tap("x", at=PLACED - DAY)
    hear(world, "1", touched=(tap,), buyer=buyer)
    assert decided(world, hear(world, "2", at=PLACED + DAY, buyer=buyer)).credit_reason == "no_touch"
    set_to(world, customer_match=1)
    again = decided(world, hear(world, "3", at=PLACED + 2 * DAY, buyer=buyer))
    assert (again.creator_id, again.evidence["candidates"][0]["via"]) == (world.creators["x"], ["customer"])
    assert decided(world, hear(world, "4", at=PLACED + 2 * DAY, buyer=Buyer("cust-2"))).credit_reason == "no_touch"


def test_a_shared_token_brings_no_journey_and_sends_the_order_to_review(world: World) -> None:
    tap = world.tap("x", buyer="phone-1", at=PLACED - 2 * DAY)
    world.tap("y", buyer="phone-1", at=PLACED - DAY)
    rows = [decided(world, hear(world, f"1{n}", touched=(tap,), buyer=Buyer(f"c{n}"))) for n in range(4)]
    assert [(row.credit_reason, row.creator_id) for row in rows] == [
        *[("last_click_direct", world.creators["y"])] * 3, ("frozen_review", world.creators["x"]),
    ]  # fmt: skip
    assert rows[3].evidence["review"]["why"] == ["token_shared"]
    act(world, "review_refused", rows[3].order_id)
    assert decided(world, rows[3].order_id).credit_reason == "touch_invalid"


def test_drift_is_noted_and_only_an_act_takes_it_over(world: World) -> None:
    order_id = hear(world, touched=(world.tap("x"),), heard=PLACED + 2 * DAY)
    with pytest.raises(Conflict, match="drift"):
        act(world, "engine_fix", order_id)
    with pytest.raises(Conflict, match="freeze"):
        act(world, "forfeit", order_id)
    # An older engine had decided otherwise.
    with world.database.write(ALL) as session:
        session.execute(sa.update(DecisionRow).values(rate_bp=500, evidence={"candidates": [], "engine": "0"}))
        take_in.reevaluate(session, order_id, cause="test", as_of=PLACED + 3 * DAY)
        assert [row.drift for row in queries.drifted(session)] == ["decision_changed: rate_bp 500 would be 1000"]
    assert owed(world, "x") == 100
    made = act(world, "engine_fix", order_id, now=PLACED + 3 * DAY)
    row = decided(world, order_id)
    assert (row.rate_bp, row.drift, row.evidence["acts"], owed(world, "x")) == (1000, "", [made.id], 200)


def test_an_act_takes_nothing_over_that_came_after_the_pin_and_what_stood_before_can_be_read(world: World) -> None:
    """A code decides the line; a later version brings another creator's tap, which would win were the code none."""
    code_id = make_code(world, "x", "leaky")
    old, tap = world.tap("x", product_ref="B"), world.tap("x")
    coded, pinned = (line(code="leaky"), line("2", "B")), PLACED + 2 * DAY
    order_id = hear(world, touched=(), heard=PLACED, lines=coded)
    hear(world, touched=(old,), changed_at=PLACED + HOUR, lines=coded)
    hear(world, touched=(old,), changed_at=pinned, lines=coded)
    of_y = world.tap("y", at=PLACED - HOUR)
    hear(world, touched=(old, tap, of_y), changed_at=pinned + HOUR, lines=coded)
    assert (decided(world, order_id).credit_reason, decided(world, order_id).drift) == ("code", "")
    act(world, "leak_backdated", None, code_id=code_id, since=OPENED, now=pinned + DAY)
    row = decided(world, order_id)
    assert (row.credit_reason, row.creator_id, owed(world, "y")) == ("code_leaked", None, 0)
    assert row.drift.startswith("decision_changed: creator_id None would be")
    # The tap is in the trace as soon as an act adopts it, and not before; what stood until then stays readable.
    act(world, "engine_fix", order_id, line_ref="1", now=pinned + 2 * DAY)
    assert (decided(world, order_id).creator_id, decided(world, order_id).drift) == (world.creators["y"], "")
    with world.database.read(ALL) as session:
        told = trace(session, session.get_one(Order, order_id))
    first, second = told["lines"][0]["decision"], told["lines"][1]["decision"]
    assert [(each["credit_reason"], each["pinned"]) for each in first["earlier"]] == [
        ("code", False), ("code", True), ("code_leaked", True),
    ]  # fmt: skip
    assert [[one["outcome"] for one in each["candidates"]] for each in first["earlier"]] == [
        [], ["other_product"], ["other_product"],
    ]  # fmt: skip
    assert {one["creator"]["handle"] for one in first["candidates"]} == {"x", "y"}
    # Before its pin nobody was credited for the second line, and it is told why.
    assert [(each["credit_reason"], each["until"]) for each in second["earlier"]] == [
        ("no_touch", "2026-11-20T13:00:00Z"),
    ]  # fmt: skip
    assert second["credit_reason"] == "last_click_direct"
