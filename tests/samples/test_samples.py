"""Samples as they are kept: from a request to content, an order whose answer is lost, a purchase that comes back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from connector.audit import AuditRow
from connector.commerce.catalog import take
from connector.commerce.shops.tables import Shop
from connector.db import Database
from connector.errors import Conflict, InputRefused, NotFound
from connector.notices import Notice
from connector.operations.privacy import creators as erasing
from connector.operations.sampling import acts, following, placing, promised, stuck
from connector.operations.telling import catalogue
from connector.programme.collaborations import negotiation
from connector.programme.collaborations.proposals import Proposal
from connector.programme.content import sightings
from connector.programme.samples import offers, policy, queries, recipients
from connector.programme.samples.moves import STATES
from connector.programme.samples.tables import Sample, SampleAppeal, SampleStep
from tests.attribution.world import product
from tests.samples.world import ALL, DOWN, HOME, NOW, Killed, World, fulfilment

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def _refused(code: str, act: Callable[[], object]) -> None:
    with pytest.raises((Conflict, InputRefused)) as caught:
        act()
    assert (caught.value.code or caught.value.field) == code


def _ask(world: World, who: str = "x", product_ref: str = "A", **changes: Any) -> Sample:
    asked = {"recipient": HOME} | changes
    return world.do(acts.ask, world.creators[who], world.listing_id(product_ref), **asked)


def test_from_a_request_to_content_that_counts(world: World) -> None:
    x, shop_id = world.creators["x"], world.shop_id
    asked = _ask(world, note="For my kitchen series", request_key="k1")
    assert _ask(world, request_key="k1").id == asked.id
    _refused("have_one", lambda: _ask(world))
    assert (asked.state, asked.due_at, asked.recipient_country) == ("requested", NOW + 7 * DAY, "DE")
    assert asked.standing == {
        "level": "low", "sales": {}, "since": (NOW - 30 * DAY).isoformat(), "most_open": 5, "open": 0,
        "followers": 1200, "score": None, "fulfilled": 0, "missed": 0, "policy_version": 1,
    }  # fmt: skip

    # Nobody's but theirs; approved, and placed at the store, once, under our reference and to that address.
    for whose in ({"shop_id": "shp_other"}, {"creator_id": world.creators["y"]}):
        with pytest.raises(NotFound), world.database.read(ALL) as session:
            queries.one(session, asked.id, **whose)
    for _ in range(2):
        approved = world.do(acts.approve, asked.id, shop_id=shop_id)
        assert (approved.state, approved.placing) == ("approved", "waiting")
    assert acts.address_for_shop(approved) is None
    assert [world.place(asked.id), world.place(asked.id)] == ["placed", "nothing"]
    (at_store,) = world.store.asked
    assert (at_store.reference, at_store.variant_ref, at_store.recipient.city) == (asked.id, "A1", "Köln")
    assert "@x" in at_store.note
    assert asked.id in at_store.note
    placed = world.sample(asked.id)
    assert (placed.state, placed.order_ref, placed.order_number, placed.due_at) == ("ordered", "9001", "#S1", None)

    # The store's own order leads it: shipped, delivered. Content made meanwhile counts once it was seen for three days.
    world.now += DAY
    sample = {"sample": True, "price": 0, "at": NOW}
    world.heard(world.snapshot("9001", **sample, fulfilments=(fulfilment(world.now),)))
    assert world.follow(timedelta(minutes=10)) == 1
    shipped = world.sample(asked.id)
    assert (shipped.state, shipped.shipped_at, shipped.due_at) == ("shipped", NOW + DAY, NOW + 11 * DAY)
    _refused("already_shipped", lambda: world.do(acts.withdraw, asked.id, creator_id=x))
    world.now = NOW + 3 * DAY
    world.heard(world.snapshot("9001", **sample, fulfilments=(fulfilment(NOW + DAY, NOW + 2 * DAY),)))
    world.follow(timedelta(minutes=10))
    delivered = world.sample(asked.id)
    assert (delivered.state, delivered.delivered_how, delivered.due_at) == ("delivered", "store", NOW + 16 * DAY)
    assert delivered.forget_at == NOW + 32 * DAY
    assert world.do(acts.extend, asked.id, creator_id=x).due_at == NOW + 23 * DAY
    _refused("extended_already", lambda: world.do(acts.extend, asked.id))

    # Put in on the last day; hidden for a day; so it counts after its due date, and isn't missed until then.
    world.now = NOW + 23 * DAY - SECOND
    _refused("content_unknown", lambda: world.do(acts.name_content, asked.id, "cnt_none"))
    _refused("content_unknown", lambda: world.do(acts.name_content, asked.id, world.video("y")))
    content = world.video("x", "v2")
    world.do(acts.name_content, asked.id, content, creator_id=x)
    with world.database.write(ALL) as session:
        sightings.tell(session, content, visible=False, at=NOW + 24 * DAY, by="t", now=NOW + 25 * DAY)
        sightings.tell(session, content, visible=True, at=NOW + 25 * DAY, by="t", now=NOW + 25 * DAY)
    world.now = NOW + 27 * DAY - 2 * SECOND
    world.follow()
    assert world.sample(asked.id).state == "delivered"
    world.follow(timedelta(seconds=1))
    done = world.sample(asked.id)
    assert (done.state, done.content_id, done.look_at) == ("fulfilled", content, None)

    # The address goes a month after the delivery, to the second; nothing that was written on the way has it.
    world.now = NOW + 32 * DAY - SECOND
    assert following.forget_addresses(world.now) == 0
    assert recipients.opened(world.sample(asked.id).recipient_sealed or "").address1 == "Lindenweg 4"
    assert following.forget_addresses(world.now + SECOND) == 1
    with world.database.read(ALL) as session:
        steps = queries.steps(session, asked.id)
        assert [step.act for step in steps] == [
            "ask", "approve", "place", "ship", "deliver", "extend", "name_content", "fulfil",
        ]  # fmt: skip
        assert [step.number for step in steps] == list(range(1, len(steps) + 1))
        told = session.scalars(sa.select(Notice).where(Notice.kind == "sample.moved").order_by(Notice.id)).all()
        assert [note.detail["status"] for note in told] == [
            "requested", "approved", "ordered", "shipped", "delivered", "delivered", "fulfilled",
        ]  # fmt: skip
        for note in told:
            data = {"creator_id": note.creator_id, "shop_id": note.shop_id} | note.detail
            assert catalogue.missing("sample.moved", data) == []
            assert data.keys() <= {*catalogue.KINDS["sample.moved"].always, *catalogue.KINDS["sample.moved"].sometimes}
        acts_done = session.scalars(sa.select(AuditRow).where(AuditRow.subject == asked.id)).all()
        assert sorted(row.act for row in acts_done) == [
            "sample.approve", "sample.ask", "sample.extend", "sample.name_content",
        ]  # fmt: skip
        written = str([(row.detail, row.by) for row in steps] + [note.detail for note in told])
        written += str([row.detail for row in acts_done])
        assert not any(part in written for part in HOME.values() if len(part) > 2)
        score = queries.score_of(session, x, world.now)
        assert (score.fulfilled, score.missed, score.percent) == (1, 0, None)
    assert world.balances("x") == {}  # a sample earns nothing
    _refused("have_one", lambda: _ask(world))


def test_an_order_is_placed_once_whatever_is_lost(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the store's answer and our commit; an answer lost; a store that is away, or refuses."""
    store = world.store
    killed = _ask(world)
    world.do(acts.approve, killed.id)
    store.loses = Killed()
    with pytest.raises(Killed):
        world.place(killed.id)
    store.loses = None
    stands = world.sample(killed.id)
    assert (stands.state, stands.placing, stands.place_tries) == ("approved", "unknown", 1)
    _refused("being_placed", lambda: world.do(acts.by_hand, killed.id))
    _refused("being_placed", lambda: world.do(acts.shipped, killed.id, tracking="1Z"))
    world.now += 20 * DAY  # however long nobody looks: what may be there doesn't lapse
    world.follow()
    assert world.sample(killed.id).state == "approved"
    assert placing.start_due(world.now) == 1
    assert world.place(killed.id) == "placed"
    assert [asked.reference for asked in store.asked] == [killed.id]
    assert world.sample(killed.id).order_ref == "9001"

    # Cancelled at the store: so is the sample, and it may be asked for again at once.
    world.heard(world.snapshot("9001", sample=True, price=0, cancelled_at=world.now))
    world.follow(timedelta(minutes=10))
    ended = world.sample(killed.id)
    assert (ended.state, ended.reason, ended.recipient_sealed is None) == ("cancelled", "cancelled_at_store", False)
    assert following.forget_addresses(world.now) == 1
    assert _ask(world).state == "requested"

    # An answer that is lost: unknown, not asked again within a minute, then found. Meanwhile the creator withdraws.
    lost = _ask(world, "y")
    world.do(acts.approve, lost.id)
    store.loses = DOWN
    assert world.place(lost.id) == "unknown"
    store.loses = None
    assert world.place(lost.id) == "nothing"
    leaving = world.do(acts.withdraw, lost.id, creator_id=world.creators["y"])
    assert (leaving.state, leaving.ending) == ("approved", "withdrawn")
    world.now += timedelta(minutes=1)
    store.on_its_way = True
    assert world.place(lost.id) == "goes_on"  # it was shipped before: nobody calls it off any more
    assert (world.sample(lost.id).state, world.sample(lost.id).reason) == ("ordered", "on_its_way")
    store.on_its_way = False
    world.do(acts.withdraw, lost.id)
    store.away = DOWN
    assert world.place(lost.id) == "unknown"
    store.away = None
    world.now += timedelta(minutes=15)
    assert world.place(lost.id) == "ended"
    assert world.sample(lost.id).state == "withdrawn"
    assert len(store.asked) == 2

    # A fault of ours says where it arose, and not in which words: those may hold the address.
    world.now += 31 * DAY
    broken = _ask(world, "y")
    world.do(acts.approve, broken.id)
    store.loses = KeyError("Lindenweg 4")
    with capture_logs() as logged:
        assert world.place(broken.id) == "unknown"
    assert logged[0]["event"] == "sample.placing_broke"
    assert "Lindenweg" not in str(logged)
    store.loses = None
    world.now += timedelta(minutes=1)
    assert world.place(broken.id) == "placed"

    # Away before anything was sent: it surely isn't placed, so the shop may send it by hand.
    away = _ask(world, "y", "B")
    store.away = DOWN
    world.do(acts.approve, away.id)
    assert world.place(away.id) == "waiting"
    assert (world.sample(away.id).problem, world.sample(away.id).placing) == ("store_down", "waiting")
    store.away = None
    by_hand = world.do(acts.by_hand, away.id)
    address = acts.address_for_shop(by_hand)
    assert address is not None
    assert address.address1 == "Lindenweg 4"
    assert world.place(away.id) == "nothing"
    _refused("tracking", lambda: world.do(acts.shipped, away.id, carrier="DHL"))
    sent = world.do(acts.shipped, away.id, carrier="DHL", tracking="JJD01")
    assert (sent.state, acts.address_for_shop(sent)) == ("shipped", None)

    # Refused by a field: the creator puts the address right and it is placed. The store's words don't repeat it.
    refused = _ask(world, "x", "B")
    world.do(acts.approve, refused.id)
    store.refuses = InputRefused("recipient.postal_code", "“50667” isn't in that region.")
    assert world.place(refused.id) == "refused"
    stands = world.sample(refused.id)
    assert (stands.placing, stands.problem, stands.problem_field, stands.problem_words) == (
        "refused", "store_refused", "recipient.postal_code", "",
    )  # fmt: skip
    store.refuses = None
    assert world.do(acts.readdress, refused.id, HOME).placing == "waiting"
    assert world.place(refused.id) == "placed"
    assert len({asked.reference for asked in store.asked}) == 4

    # Erased while an order is out: it is called off there, and no word of the address is left.
    with world.database.write(ALL) as session:
        erasing.erase(session, world.creators["x"], by="staff:t", why="Letter 7")
    assert world.sample(refused.id).ending == "cancelled"
    assert world.place(refused.id) == "ended"
    with world.database.read(ALL) as session:
        rows = session.scalars(sa.select(Sample).where(Sample.creator_id == world.creators["x"])).all()
        assert [(row.recipient_sealed, row.recipient_country) for row in rows] == 3 * [(None, "")]
        assert world.sample(refused.id).reason == "creator_erased"
    monkeypatch.undo()


def test_two_at_once_don_t_exceed_a_limit_together(
    postgresql_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A month's last sample goes to one of two creators, the last that may be open to one of two requests."""
    world = World(postgresql_database).open(monkeypatch)
    with world.database.write(ALL) as session:
        offers.add(session, world.shop_id, "free", product_ref="A", per_month=1, auto_followers=1, by="m", now=NOW)
    came = _at_once(lambda: _ask(world, "x"), lambda: _ask(world, "y"))
    assert sorted(came) == ["approved", "none_left_this_month"]
    who = "y" if came[0] == "approved" else "x"  # the other has none
    with world.database.write(ALL) as session:
        policy.change(session, {"open_low": 0, "open_middle": 1, "open_high": 1}, why="Full", by="t", now=NOW)
    world.now += 40 * DAY
    assert _at_once(lambda: _ask(world, who, "B")) == ["limit_reached"]
    with world.database.write(ALL) as session:
        policy.change(session, {"open_low": 1}, why="One", by="t", now=world.now)
    both = _at_once(lambda: _ask(world, who, "B"), lambda: _ask(world, who, "A", kind="refundable"))
    assert sorted(both) == ["limit_reached", "requested"]


def _at_once(*asks: Callable[[], Sample]) -> list[str]:
    """What came of each: the state, or the code."""

    def outcome(ask: Callable[[], Sample]) -> str:
        try:
            return ask().state
        except Conflict as refused:
            return refused.code

    with ThreadPoolExecutor(len(asks)) as pool:
        return list(pool.map(outcome, asks))


def test_a_purchase_comes_back_once_its_content_counts(plain_world: World) -> None:
    world = plain_world
    asked = _ask(world, kind="refundable", recipient=None)
    assert (asked.agreed_amount, asked.currency) == (2000, "EUR")
    _refused("most", lambda: world.do(acts.approve, asked.id, most=2001))
    world.do(acts.approve, asked.id, most=1500)
    assert world.place(asked.id) == "nothing"  # nothing is placed: the creator buys it
    _refused("creator_buys", lambda: world.do(acts.shipped, asked.id, tracking="1Z"))
    world.now += DAY
    world.heard(world.snapshot("6000", at=NOW - DAY))
    world.heard(world.snapshot("6001"), customer="77")
    _refused("order_unknown", lambda: world.do(acts.name_order, asked.id, "#4711"))
    _refused("order_before_approval", lambda: world.do(acts.name_order, asked.id, "#6000"))
    _refused("order_not_named", lambda: world.do(acts.confirm, asked.id))
    named = world.do(acts.name_order, asked.id, "6001")
    assert (named.state, named.order_number, named.confirmed) == ("ordered", "#6001", False)
    assert named.confirm_by == world.now + 7 * DAY
    other = _ask(world, "y", kind="refundable", recipient=None)
    world.do(acts.approve, other.id)
    _refused("order_taken", lambda: world.do(acts.name_order, other.id, "#6001"))

    # Shipped, and seen for three days before it is told to have arrived: it counts all the same.
    world.now += SECOND
    world.heard(world.snapshot("6001", at=NOW + DAY, fulfilments=(fulfilment(world.now),)), customer="77")
    world.follow(timedelta(minutes=10))
    world.video("x")
    world.follow(3 * DAY)
    assert world.sample(asked.id).state == "fulfilled"
    assert world.balances("x") == {}  # nobody has said that the order is hers
    # The shop doubts it: nothing comes back, and she may name another one; named again it has its days once more.
    for _ in range(2):
        doubted = world.do(acts.doubt, asked.id, "Another name stands on it", shop_id=world.shop_id)
    assert (doubted.reason, doubted.confirm_by, doubted.words) == ("order_doubted", None, "Another name stands on it")
    _refused("order_taken", lambda: world.do(acts.name_order, other.id, "6001"))
    world.do(acts.cancel, other.id, "Sold out soon")
    world.follow(8 * DAY)
    assert not world.sample(asked.id).confirmed
    world.heard(world.snapshot("6003", at=NOW + 2 * DAY))
    again = world.do(acts.name_order, asked.id, "6003")
    assert (again.order_number, again.state, again.words) == ("#6003", "fulfilled", "")
    assert again.confirm_by == world.now + 7 * DAY
    _refused("order_awaited", lambda: world.do(acts.name_order, asked.id, "6001"))
    world.follow(7 * DAY - SECOND)
    assert world.balances("x") == {}
    world.follow(SECOND)
    # Silence confirms nothing: support is to say whose it is, and does; never more than was agreed comes back.
    left = world.sample(asked.id)
    assert (left.confirmed, left.confirm_by, left.reason) == (False, None, "order_unanswered")
    assert world.balances("x") == {}
    with world.database.read(ALL) as session:
        assert [one.id for one in session.scalars(stuck.those(world.now, ("unproven",)))] == [asked.id]
        assert (stuck.why(left, world.now), stuck.count(session, world.now)["unproven"]) == ("unproven", 1)
    world.do(acts.confirm, asked.id, side="staff")
    assert world.balances("x") == {"EUR": 1500}
    assert world.sample(asked.id).reason == "sample_paid_back"
    world.do(acts.confirm, asked.id, shop_id=world.shop_id)
    _refused("order_confirmed", lambda: world.do(acts.doubt, asked.id, "After all"))
    for price, left in ((1200, 1200), (0, 0), (2000, 1500)):
        world.now += DAY
        world.heard(world.snapshot("6003", at=NOW + 2 * DAY, price=price))
        world.follow()
        assert world.balances("x") == {"EUR": left}
    with world.database.read(ALL) as session:
        amounts = [step.detail["amount"] for step in queries.steps(session, asked.id) if step.act == "pay_back"]
    assert amounts == [1500, 1200, 0, 1500]

    # By the token of a tap that nobody else had, hers is known without the shop; what she earns by it is taken off.
    other = _ask(world, "y", kind="refundable", recipient=None)
    world.do(acts.approve, other.id)
    touch = world.tap("y", at=world.now, buyer="app:9")
    world.now += SECOND
    carried = world.snapshot("6002", fulfilments=(fulfilment(world.now),), carriers=_carried(touch.token))
    world.heard(carried, customer="78")
    by_token = world.do(acts.name_order, other.id, touch.token)
    assert (by_token.order_number, by_token.confirmed) == ("#6002", True)
    world.follow(timedelta(minutes=10))
    world.video("y", "v9")
    world.follow(3 * DAY)
    assert (world.sample(other.id).state, world.sample(other.id).paid_back) == ("fulfilled", None)
    world.follow(15 * DAY)  # the shop's hold
    assert world.sample(other.id).paid_back == 2000 - 200


def _carried(token: str) -> tuple[Any, ...]:
    from connector.events import Carrier

    return (Carrier("cart_attribute", token, "connector_touch"),)


def test_limits_promises_stock_rules_and_an_appeal(plain_world: World) -> None:
    world = plain_world
    x, y, shop_id = world.creators["x"], world.creators["y"], world.shop_id
    # Approved by a rule, and no more than the month has; more than one may be open only as the policy says.
    with world.database.write(ALL) as session:
        offers.add(session, shop_id, "free", product_ref="A", per_month=1, auto_followers=1200, by="m", now=NOW)
        policy.change(session, {"open_low": 1}, why="Pilot", by="staff:t", now=NOW)
    first = _ask(world)
    assert (first.state, first.placing) == ("approved", "waiting")
    assert first.standing["policy_version"] == 2
    _refused("none_left_this_month", lambda: _ask(world, "y"))
    _refused("limit_reached", lambda: _ask(world, product_ref="B"))
    _refused("kind", lambda: _ask(world, kind="lent"))
    _refused("product_unknown", lambda: world.do(acts.ask, y, "lst_none", recipient=HOME))
    _refused("recipient.city", lambda: _ask(world, "y", recipient=HOME | {"city": ""}))
    with world.database.write(ALL) as session:
        shop = session.get_one(Shop, shop_id)
        shop.status = "needs_reconnect"
    _refused("shop_not_connected", lambda: _ask(world, "y", "B"))

    # Out of stock: what isn't ordered yet is cancelled, and may be asked for at once when there is some.
    with world.database.write(ALL) as session:
        shop = session.get_one(Shop, shop_id)
        shop.status = "connected"
    waits = _ask(world, "y", "B")
    _stock(world, available=False)
    _refused("product_sold_out", lambda: world.do(acts.approve, waits.id))
    assert world.follow(timedelta(minutes=30)) == 1
    assert (world.sample(waits.id).state, world.sample(waits.id).reason) == ("cancelled", "product_sold_out")
    _stock(world, available=True)
    again = _ask(world, "y", "B")
    (declined,) = _each(world, [again.id], lambda session, one: acts.decline(session, one, "Not now", by="m"))
    assert declined == (again.id, "declined", "")
    assert _each(world, [again.id, "smp_none"], lambda session, one: acts.approve(session, one, by="m")) == [
        (again.id, "", "sample_over"), ("smp_none", "", "not_found"),
    ]  # fmt: skip
    world.now += 30 * DAY - SECOND
    _refused("retry_later", lambda: _ask(world, "y", "B"))
    world.now += SECOND
    late = _ask(world, "y", "B")
    assert world.follow(7 * DAY) >= 1
    assert (world.sample(late.id).state, world.sample(late.id).reason) == ("lapsed", "not_answered")

    # An agreement promises one: made once, taken up without anybody's approval, whatever is open.
    given = Proposal(rate_bp=1500, ends_at=world.now + 90 * DAY, expires_at=world.now + 7 * DAY, sample=True)
    with world.database.write(ALL) as session:
        row = negotiation.begin(session, shop_id, y, "merchant", given, by="m", now=world.now)
        negotiation.answer(session, row.id, "creator", "accept", 1, by="c", now=world.now)
        agreement = _agreement(session, row.id)
    made = promised.job(shop_id, agreement)
    assert made
    assert promised.job(shop_id, agreement) == ""
    assert (world.sample(made).state, world.sample(made).due_at) == ("granted", world.now + 90 * DAY)
    with world.database.write(ALL) as session:
        offers.end(session, offers.of_shop(session, shop_id)[0].id, shop_id=shop_id, by="m", now=world.now)
    for _ in range(2):
        taken = world.do(acts.take_up, made, world.listing_id("A"), HOME, creator_id=y)
        assert (taken.state, taken.placing, taken.product_ref) == ("approved", "waiting", "A")

    # Marked by hand, missed, appealed against, decided; the score says so to both.
    world.do(acts.by_hand, made)
    world.do(acts.shipped, made, order_number="1042")
    arrived = world.now
    world.do(acts.received, made, creator_id=y)
    assert world.sample(made).due_at == arrived + 14 * DAY
    world.now = arrived + 14 * DAY
    world.follow()
    assert (world.sample(made).state, world.sample(made).reason) == ("missed", "no_content")
    with world.database.read(ALL) as session:
        assert queries.score_of(session, y, world.now).missed == 1
        assert queries.counts(session, creator_id=y).keys() <= set(STATES)
    world.do(acts.appeal, made, "The parcel was empty")
    world.do(acts.appeal, made, "The parcel was empty")
    with world.database.read(ALL) as session:
        ((waiting, _),) = queries.appeals(session)
        assert waiting.words == "The parcel was empty"
        assert queries.score_of(session, y, world.now).missed == 0
    for _ in range(2):
        assert world.do(acts.decide_appeal, made, "excused", "The carrier confirms it").state == "excused"
    with world.database.read(ALL) as session:
        assert queries.appeals(session) == []
        assert session.scalar(sa.select(sa.func.count()).select_from(SampleAppeal)) == 1
        steps = session.scalars(sa.select(SampleStep.act).where(SampleStep.sample_id == made).order_by("number")).all()
    assert steps == ["grant", "take_up", "by_hand", "ship", "deliver", "miss", "appeal", "decide"]
    assert world.sample(first.id).creator_id == x


def _stock(world: World, *, available: bool) -> None:
    with world.database.write(ALL) as session:
        shop = session.get_one(Shop, world.shop_id)
        whole = product("B")
        variants = tuple(msgspec.structs.replace(each, available=available) for each in whole.variants)
        take.apply_products(session, shop, [msgspec.structs.replace(whole, variants=variants)], "run", world.now)


def _each(world: World, ids: list[str], act: Callable[..., Sample]) -> list[tuple[str, str, str]]:
    with world.database.write(ALL) as session:
        done = acts.each(session, ids, lambda one: act(session, one))
        return [(sample_id, row.state if row else "", code) for sample_id, row, code, _ in done]


def _agreement(session: Any, negotiation_id: str) -> str:
    from connector.programme.collaborations import agreements

    found = agreements.newest(session, negotiation_id)
    assert found is not None
    return found.id
