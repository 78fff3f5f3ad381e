"""Carriers that lose, gain or change characters; what only one side of a store tells; touches that were pushed in at
the checkout; a merchant's test click."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector import vault
from connector.commerce.catalog.tables import Listing
from connector.commerce.orders.queries import facts
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.attribution import hints, tokens, touches, trial
from connector.earnings.attribution.credit import credit_lines
from connector.earnings.attribution.rules import Decision
from connector.earnings.attribution.tables import OrderHint, Touch, TrialClick
from connector.earnings.intake import take_in
from connector.errors import NotFound
from connector.events import Carrier, Line, OrderSeen, OrderSnapshot
from tests.attribution.world import KEY, PLACED, World, add_shop
from tests.conftest import KEY as SEALING_KEY

ALL = Scope.system("test")
HOUR = timedelta(hours=1)


@given(
    before=st.sampled_from(["", " ", "(", "ref=", "https://s.example/?x=", '"', "t1"]),
    after=st.sampled_from(["", " ", ").", ".", "/", "&utm_source=x", "%20", "abcd", "…"]),
    lost=st.integers(0, 4),
    bent=st.sampled_from([str, str.upper, str.lower]),
)
def test_a_token_is_read_through_what_was_added_lost_or_changed(before: str, after: str, lost: int, bent: type) -> None:
    vault.use(vault.Vault([SEALING_KEY], "a hash key that is used by tests only, 32+"))
    token = tokens.make()
    if lost:
        # Characters behind a cut could be taken for the signature's own: a cut token ends its value, or at a mark.
        after, bent = (after if after[:1] in (" ", ").", ".", "/", "&", "%", "…", "") else ""), str
    value = before + bent(token[: len(token) - lost]) + after
    read = tokens.read(value)
    assert read is not None
    assert read.token == token
    assert read.mended == (value != token)


@given(st.integers(0, 33), st.sampled_from("abcXYZ019-_"))
def test_a_changed_character_is_never_mended(place: int, put: str) -> None:
    vault.use(vault.Vault([SEALING_KEY], "a hash key that is used by tests only, 32+"))
    token = tokens.make()
    bent = token[:place] + put + token[place + 1 :]
    read = tokens.read(bent)
    assert read is None or read.token == token
    if bent.lower() != token.lower():
        assert read is None


def test_too_little_of_a_signature_proves_nothing() -> None:
    token = tokens.make()
    assert tokens.read(token[:-4]) is not None
    assert [tokens.read(token[:end]) for end in (29, 20, 18, 2, 0)] == [None] * 5


def test_a_damaged_token_credits_its_creator_and_says_that_it_was_mended(world: World) -> None:
    touch = world.tap("x")
    for number, value in enumerate((f"{touch.token}.", touch.token[:-2], touch.token.upper(), f" {touch.token}xyz")):
        decided = world.order([value], ref=f"8{number}")["1"]
        assert (decided.creator_id, decided.evidence["flags"]) == (world.creators["x"], ["token_mended"])
    assert "token_mended" not in world.order([touch], ref="9")["1"].evidence["flags"]


def test_an_unknown_token_names_the_touch_that_begins_alike(world: World) -> None:
    touch = world.tap("x")
    lost = touch.token[:14] + touch.token[15:]  # a character lost in the middle can't be mended
    (bad,) = world.order([lost])["1"].evidence["bad_tokens"]
    assert (bad["problem"], bad["nearest"]) == ("signature_wrong", touch.id)
    (bad,) = world.order([tokens.make()], ref="2")["1"].evidence["bad_tokens"]
    assert (bad["problem"], bad.get("nearest")) == ("unknown", None)


def seen(world: World, *hinted: Carrier, changed: int = 0) -> Decision:
    """Take in order 7001 without a carrier of its own, heard with these hints; what line 1 was decided."""
    order = OrderSnapshot(
        order_ref="7001", number="#7001", created_at=PLACED, changed_at=PLACED + changed * HOUR, currency="EUR",
        payment_status="paid", taxes_included=False, lines=(Line("1", 1, 1, 2000, product_ref="A"),),
    )  # fmt: skip
    with world.database.write(ALL) as session:
        shop = session.get_one(Shop, world.shop_id)
        took = take_in.take_in(
            session,
            shop,
            OrderSeen(order, hints=hinted),
            triggered_at=order.changed_at,
            source="test",
            as_of=PLACED + HOUR,
        )
        row = session.get_one(Order, took.order_id)
        return credit_lines(session, shop, row, facts(row), PLACED + HOUR)["1"]


def test_a_landing_page_or_a_journey_is_a_carrier_whenever_it_is_heard(world: World) -> None:
    touch = world.tap("x")
    assert seen(world).credit_reason == "no_touch"
    decided = seen(world, Carrier("store_journey", f"{touch.token}/"), Carrier("landing_page", "newsletter"))
    assert (decided.creator_id, decided.evidence["candidates"][0]["via"]) == (world.creators["x"], ["store_journey"])
    assert decided.evidence["bad_tokens"] == []
    # Heard again, in another order, by another side: the same.
    again = seen(world, Carrier("landing_page", touch.token), changed=1)
    assert again.evidence["candidates"][0]["via"] == ["landing_page", "store_journey"]
    assert seen(world).creator_id == world.creators["x"]
    with world.database.read(ALL) as session:
        kept = session.query(OrderHint).all()
        assert {row.carrier for row in kept} == {"landing_page", "store_journey"}
        assert all(touch.token in row.value for row in kept)
        assert hints.of_order(session, "ord_none") == []


def tap_at(world: World, handle: str, hours: int, *, at_checkout: bool) -> Touch:
    tapped = touches.Tapped(world.shop_id, world.creators[handle], "lst_A", "A")
    with world.database.write(ALL) as session:
        return touches.record(
            session, tapped, kind="link", at=PLACED - hours * HOUR, now=PLACED - hours * HOUR, at_checkout=at_checkout
        )


@pytest.mark.parametrize(
    ("taps", "winner", "lost"),
    [
        ([("x", 5, False), ("y", 1, True)], "x", {"y": "first_seen_at_checkout"}),
        ([("y", 1, True)], "y", {}),
        ([("y", 5, True), ("x", 1, False)], "x", {"y": "outranked_by_later_click"}),
        ([("x", 9, False), ("y", 5, True), ("x", 1, False)], "x", {"y": "first_seen_at_checkout"}),
        ([("x", 24 * 40, False), ("y", 1, True)], "y", {"x": "window_expired"}),
    ],
)
def test_a_touch_pushed_in_at_the_checkout_takes_nothing_from_an_earlier_one(
    world: World, taps: list[tuple[str, int, bool]], winner: str, lost: dict[str, str]
) -> None:
    """COMPLAINTS 47: a coupon extension overwrites the creator's last click at the checkout."""
    made = [tap_at(world, handle, hours, at_checkout=late) for handle, hours, late in taps]
    for number, order in enumerate((made, made[::-1])):
        decided = world.order(order, ref=f"7{number}")["1"]
        assert decided.creator_id == world.creators[winner]
        why = {c["creator_id"]: c["outcome"] for c in decided.evidence["candidates"] if c["outcome"] != "won"}
        assert {handle: why[world.creators[handle]] for handle in lost} == lost


def trial_of(world: World, product_ref: str = "A") -> TrialClick:
    with world.database.write(ALL) as session:
        listing = session.query(Listing).filter_by(shop_id=world.shop_id, product_ref=product_ref).one()
        return trial.make(session, listing, f"{product_ref}1", "permalink", PLACED - HOUR)


def look(world: World, click: TrialClick) -> trial.Seen:
    with world.database.read(ALL) as session:
        shop = session.get_one(Shop, world.shop_id)
        return trial.look(session, shop, trial.get(session, world.shop_id, click.id))


def states(found: trial.Seen) -> dict[str, str]:
    return {each.name: each.state for each in found.arrivals}


def heard_at(world: World, ref: str) -> None:
    with world.database.write(ALL) as session:
        session.query(Order).filter_by(order_ref=ref).one().first_seen_at = PLACED


def test_a_test_click_shows_what_arrived_and_earns_nobody_anything(world: World) -> None:
    click = trial_of(world)
    assert states(look(world, click)) == {"cart_attribute": "waiting", "landing_page": "waiting"}
    decided = world.order([click.token])["1"]  # no test order for the store: it still credits nobody
    assert (decided.credit_reason, decided.creator_id, decided.evidence["bad_tokens"]) == ("no_touch", None, [])
    assert decided.evidence["flags"] == ["trial_click"]
    heard_at(world, "7001")
    found = look(world, click)
    assert (found.came, found.number, found.test) == (True, "#7001", False)
    assert states(found) == {"cart_attribute": "arrived", "landing_page": "lost"}
    assert all(each.remedy and each.lost_when for each in found.arrivals)


def test_a_mended_carrier_is_told_from_one_that_arrived(world: World) -> None:
    click = trial_of(world)
    world.order(
        carriers=(Carrier("cart_attribute", click.token[:-1], KEY), Carrier("landing_page", f"ref={click.token}"))
    )
    heard_at(world, "7001")
    assert states(look(world, click)) == {"cart_attribute": "mended", "landing_page": "arrived"}


def test_a_test_order_without_the_token_lost_them_all(world: World) -> None:
    click = trial_of(world)
    world.order(ref="1", lines="B", test=True)  # of another product: it may be somebody else's
    world.order(ref="2")  # a real one
    for ref in "12":
        heard_at(world, ref)
    assert states(look(world, click)) == {"cart_attribute": "waiting", "landing_page": "waiting"}
    world.order(ref="3", test=True)
    heard_at(world, "3")
    found = look(world, click)
    assert (found.came, found.number, found.test) == (False, "#3", True)
    assert set(states(found).values()) == {"lost"}


def test_a_test_click_is_one_shop_s_and_one_at_a_time(world: World) -> None:
    with world.database.write(ALL) as session:
        other = add_shop(session, "two.plain.example").id
    first, second = trial_of(world), trial_of(world, "B")
    with world.database.read(ALL) as session:
        assert trial.get(session, world.shop_id, first.id).ended_at is not None
        newest = trial.newest(session, world.shop_id)
        assert newest is not None
        assert newest.id in (first.id, second.id)
        for shop_id, trial_id in ((other, second.id), (world.shop_id, "trl_0")):
            with pytest.raises(NotFound):
                trial.get(session, shop_id, trial_id)
        assert trial.among(session, other, [second.token]) == frozenset()
