"""A refundable sample at its edges: the last one bought, a shop that calls off what was paid for, a tap's address that
was passed on, an order that is named late, one that never leaves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from connector.commerce.catalog import take
from connector.commerce.shops import settings
from connector.commerce.shops.tables import Shop
from connector.db import Database
from connector.events import Carrier
from connector.operations import books
from connector.operations.rebuild.verify import verify
from connector.operations.sampling import acts, following, paying, promised, stuck
from connector.programme.collaborations import agreements, negotiation, terms
from connector.programme.collaborations.proposals import Proposal
from connector.programme.samples import forgetting
from connector.programme.samples.asking import AskRefused
from connector.programme.samples.moves import MoveRefused
from connector.programme.samples.tables import Sample
from tests.attribution.world import product
from tests.samples.world import ALL, HOME, NOW, World, fulfilment

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def _approved(world: World, kind: str = "refundable", who: str = "x") -> Sample:
    made = world.do(acts.ask, world.creators[who], world.listing_id("A"), kind=kind, recipient=HOME)
    return world.do(acts.approve, made.id, shop_id=world.shop_id)


def test_who_buys_the_last_one_keeps_the_sample_and_the_shop_can_t_call_it_off(plain_world: World) -> None:
    world = plain_world
    one = _approved(world)
    world.now += SECOND
    world.heard(world.snapshot("6001"))
    with world.database.write(ALL) as session:
        gone = product("A")
        variants = tuple(msgspec.structs.replace(each, available=False) for each in gone.variants)
        shop = session.get_one(Shop, world.shop_id)
        take.apply_products(session, shop, [msgspec.structs.replace(gone, variants=variants)], "run", world.now)
    world.follow(timedelta(minutes=30))
    assert world.sample(one.id).state == "approved", "the creator's own purchase was the last one"
    world.do(acts.name_order, one.id, "6001")
    for _ in ("named", "doubted"):
        with pytest.raises(MoveRefused) as refused:
            world.do(acts.cancel, one.id, "No more of them", shop_id=world.shop_id)
        assert refused.value.code == "creator_bought"
        world.do(acts.doubt, one.id, "Another name", shop_id=world.shop_id)
    # Its order cancelled in the store ends it, and so may support.
    assert world.do(acts.cancel, one.id, "Agreed by both", side="staff").state == "cancelled"


def test_a_token_by_which_several_orders_came_proves_none_of_them(plain_world: World) -> None:
    """Whoever taps their own link gets its token, and may pass the address on to others, who buy by it."""
    world = plain_world
    one = _approved(world)
    touch = world.tap("x", at=world.now, buyer="app:9")
    for ref in ("6001", "6002"):
        world.now += SECOND
        carried = (Carrier("cart_attribute", touch.token, "connector_touch"),)
        world.heard(world.snapshot(ref, carriers=carried), customer=ref)
    named = world.do(acts.name_order, one.id, touch.token)
    assert (named.order_number, named.confirmed) == ("#6002", False)
    assert named.confirm_by == world.now + 7 * DAY


def test_an_order_named_late_comes_to_support_all_the_same(plain_world: World) -> None:
    world = plain_world
    one = _approved(world)
    world.now += SECOND
    world.heard(world.snapshot("6001", fulfilments=(fulfilment(world.now),)))
    world.do(acts.name_order, one.id, "6001")
    world.follow(timedelta(minutes=10))
    world.video("x")
    world.follow(3 * DAY)
    assert world.sample(one.id).state == "fulfilled"
    world.do(acts.doubt, one.id, "Another name", shop_id=world.shop_id)
    # Orders are followed for 180 days; this one is named a day before, and may be doubted for six days after.
    world.now += 179 * DAY
    world.heard(world.snapshot("6003"))
    late = world.do(acts.name_order, one.id, "6003")
    assert late.confirm_by == world.now + 7 * DAY
    for _ in range(8):
        world.follow(DAY)
    left = world.sample(one.id)
    assert (left.confirmed, stuck.why(left, world.now)) == (False, "unproven")
    assert left.look_at is not None, "else nobody would find it"
    with world.database.read(ALL) as session:
        assert stuck.count(session, world.now)["unproven"] == 1
    world.do(acts.confirm, one.id, side="staff")
    assert world.balances("x") == {"EUR": 2000}
    assert world.sample(one.id).look_at is None


def test_an_order_that_never_leaves_is_told_to_support(plain_world: World) -> None:
    world = plain_world
    one = _approved(world, "free")
    assert world.place(one.id) == "placed"
    for days, found in ((20, 0), (1, 1)):
        world.follow(days * DAY)
        with world.database.read(ALL) as session:
            assert stuck.count(session, world.now)["long"] == found
    assert world.sample(one.id).state == "ordered"
    # What stands so for long is looked at less often; what left is seen by then all the same.
    row = world.sample(one.id)
    assert row.look_at == world.now + timedelta(minutes=10, hours=3)
    world.heard(world.snapshot("9001", sample=True, price=0, fulfilments=(fulfilment(world.now),)))
    world.follow(timedelta(minutes=10, hours=3))
    assert world.sample(one.id).state == "shipped"


def test_all_addresses_whose_time_is_over_go_at_once_and_what_tells_of_the_way_with_the_creator(
    plain_world: World,
) -> None:
    world = plain_world
    ids = []
    for who in ("x", "y"):
        one = _approved(world, "free", who)
        world.do(acts.by_hand, one.id)
        world.do(acts.shipped, one.id, carrier="DHL", tracking="JJD0100200300")
        ids.append(world.do(acts.delivered, one.id).id)
    assert following.forget_addresses(world.now + 30 * DAY - SECOND, limit=1) == 0
    assert following.forget_addresses(world.now + 30 * DAY, limit=1) == 2
    with world.database.write(ALL) as session:
        forgetting.forget(session, world.creators["x"], "x", "erased-x")
    assert [world.sample(each).tracking for each in ids] == ["", "JJD0100200300"]


def test_an_order_that_is_paid_after_all_alarms_nobody_until_it_is_booked(plain_world: World) -> None:
    world = plain_world
    one = _approved(world)
    world.now += SECOND
    placed = world.now
    sent: dict[str, Any] = {"at": placed, "fulfilments": (fulfilment(placed),)}
    world.heard(world.snapshot("6001", payment_status="pending", **sent))
    world.do(acts.name_order, one.id, "6001")
    world.do(acts.confirm, one.id, shop_id=world.shop_id)
    world.follow(timedelta(minutes=10))
    world.video("x")
    world.follow(3 * DAY)
    assert (world.sample(one.id).state, world.balances("x")) == ("fulfilled", {})
    world.now += 15 * DAY  # of the hold (R9)
    world.heard(world.snapshot("6001", **sent))
    assert _named(world) == []
    world.follow(DAY)
    assert (world.balances("x"), _named(world)) == ({"EUR": 2000}, [])


def _named(world: World) -> list[Any]:
    """What the audit and a rebuild name."""
    found: list[Any] = []
    with world.database.read(ALL) as session:
        found += [one for _, _, wrong in books.examine(session) for one in wrong]
        verify(session, found.append, retranslate=False)
    return found


def test_a_promise_ends_with_its_agreement(plain_world: World) -> None:
    world, given = plain_world, Proposal(rate_bp=1500, ends_at=NOW + 90 * DAY, expires_at=NOW + 7 * DAY, sample=True)
    with world.database.write(ALL) as session:
        row = negotiation.begin(session, world.shop_id, world.creators["y"], "merchant", given, by="m", now=world.now)
        negotiation.answer(session, row.id, "creator", "accept", 1, by="c", now=world.now)
        made = promised.keep_promise(session, agreements.versions(session, row.id)[0].id)
    # Another version with another end and other products: what nobody has chosen yet goes by it.
    world.now += DAY
    longer = msgspec.structs.replace(given, ends_at=NOW + 120 * DAY, expires_at=NOW + 8 * DAY)
    with world.database.write(ALL) as session:
        negotiation.offer(session, row.id, "merchant", 1, longer, agreed=1, by="m", now=world.now)
        negotiation.answer(session, row.id, "creator", "accept", 2, by="c", now=world.now)
        newest = agreements.versions(session, row.id)[0]
        assert [promised.keep_promise(session, newest.id) for _ in range(2)] == ["", ""]
    assert (world.sample(made).due_at, world.sample(made).agreement_id) == (longer.ends_at, newest.id)
    world.now += DAY
    with world.database.write(ALL) as session:
        mine: dict[str, Any] = {"kind": "targeted", "creator_id": world.creators["y"]}
        terms.withdraw(session, world.shop_id, **mine, by="m", now=world.now)
    world.now += SECOND
    with pytest.raises(MoveRefused) as refused:
        world.do(acts.take_up, made, world.listing_id("A"), HOME)
    assert refused.value.code == "take_up_late"


def test_an_agreement_from_before_there_were_samples_gets_what_it_promises(plain_world: World) -> None:
    """Its text says that the shop sends one. It is made once, and what the creator took back isn't made anew."""
    world, given = plain_world, Proposal(rate_bp=1500, ends_at=NOW + 90 * DAY, expires_at=NOW + 7 * DAY, sample=True)
    plain = msgspec.structs.replace(given, sample=False)
    with world.database.write(ALL) as session:
        for name, offered in (("x", plain), ("y", given)):
            row = negotiation.begin(session, world.shop_id, world.creators[name], "merchant", offered, by="m", now=NOW)
            negotiation.answer(session, row.id, "creator", "accept", 1, by="c", now=NOW)
    assert promised.keep_owed(NOW) == 0, "its own job is about to"
    world.now += DAY
    assert [promised.keep_owed(world.now) for _ in range(2)] == [1, 0]
    with world.database.read(ALL) as session:
        (made,) = session.scalars(sa.select(Sample)).all()
    assert (made.creator_id, made.state, made.due_at) == (world.creators["y"], "granted", given.ends_at)
    world.do(acts.withdraw, made.id)
    assert promised.keep_owed(world.now) == 0
    assert promised.keep_owed(NOW + 91 * DAY) == 0


def test_one_order_named_by_two_at_once_is_one_s(
    postgresql_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(postgresql_database).open(monkeypatch)
    asked = [_approved(world, who=who).id for who in ("x", "y")]
    world.now += SECOND
    world.heard(world.snapshot("6001"))

    def name(sample_id: str) -> str:
        try:
            return world.do(acts.name_order, sample_id, "6001").state
        except AskRefused as refused:
            return refused.code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(name, asked)) == ["order_taken", "ordered"]


def test_what_an_order_earns_no_more_is_not_taken_off(plain_world: World) -> None:
    """The creator bought by their own link, and a gift card paid it in a shop that gives no commission then."""
    world = plain_world
    with world.database.write(ALL) as session:
        settings.change(session, world.shop_id, "gift_card_payments", "refuse", by="m", now=world.now)
    world.now += SECOND
    one = _approved(world)
    carried = (Carrier("cart_attribute", world.tap("x", at=world.now).token, "connector_touch"),)
    world.now += SECOND
    placed = world.now
    sent: dict[str, Any] = {"at": placed, "fulfilments": (fulfilment(placed),), "carriers": carried}
    world.heard(world.snapshot("6001", **sent), customer="77")
    world.do(acts.name_order, one.id, "6001")
    world.do(acts.confirm, one.id, shop_id=world.shop_id)
    world.follow(timedelta(minutes=10))
    world.video("x")
    world.follow(3 * DAY)
    world.follow(15 * DAY)
    assert world.sample(one.id).paid_back == 2000 - 200
    world.heard(world.snapshot("6001", gift_card_payment=True, **sent), customer="77")
    world.follow(DAY)
    assert world.sample(one.id).paid_back == 2000


def test_what_may_still_be_sent_back_is_not_paid_back(plain_world: World) -> None:
    """R9: the shop's hold of the order's time, from the arrival on. Content counts before that is over."""
    world = plain_world
    with world.database.write(ALL) as session:
        settings.change(session, world.shop_id, "hold_days", 31, by="m", now=world.now)
    world.now += SECOND
    one = _approved(world)
    world.now += SECOND
    placed = arrived = world.now
    sent: dict[str, Any] = {"at": placed, "fulfilments": (fulfilment(placed, delivered_at=arrived),)}
    world.heard(world.snapshot("6001", **sent))
    world.do(acts.name_order, one.id, "6001")
    world.do(acts.confirm, one.id, shop_id=world.shop_id)
    world.now += SECOND
    with world.database.write(ALL) as session:  # a later setting changes no earlier order
        settings.change(session, world.shop_id, "hold_days", 0, by="m", now=world.now)
    world.follow(timedelta(minutes=10))
    world.video("x")
    world.follow(3 * DAY)
    row = world.sample(one.id)
    assert (row.state, row.delivered_at, world.balances("x")) == ("fulfilled", arrived, {})
    with world.database.read(ALL) as session:
        assert paying.waits_until(session, row, world.now) == arrived + 31 * DAY
    world.now = arrived + 31 * DAY - SECOND
    world.follow()
    assert (world.balances("x"), _named(world)) == ({}, [])
    world.follow(DAY)
    assert (world.balances("x"), _named(world)) == ({"EUR": 2000}, [])
    with world.database.read(ALL) as session:
        assert paying.waits_until(session, world.sample(one.id), world.now) is None


def test_while_a_dispute_is_open_nothing_comes_back_and_nothing_goes(plain_world: World) -> None:
    world = plain_world
    one = _approved(world)
    world.now += SECOND
    placed = world.now
    sent: dict[str, Any] = {"at": placed, "fulfilments": (fulfilment(placed),)}
    world.heard(world.snapshot("6001", disputed=True, **sent))
    world.do(acts.name_order, one.id, "6001")
    world.do(acts.confirm, one.id, shop_id=world.shop_id)
    world.follow(timedelta(minutes=10))
    world.video("x")
    world.follow(3 * DAY)
    world.follow(15 * DAY)
    assert (world.sample(one.id).state, world.balances("x")) == ("fulfilled", {})
    for disputed, balance in ((False, 2000), (True, 2000)):
        world.heard(world.snapshot("6001", disputed=disputed, **sent))
        world.follow(DAY)
        assert (world.balances("x"), _named(world)) == ({"EUR": balance}, [])
