"""The whole path with real touches, pins and clearing: F7, with time passing between deliveries.

Each history is heard twice in worlds of their own: once as it happened, pinned and cleared at the end; once shuffled
with repeats, over weeks, with pins and clearings running in between. Totals and buckets come out equal, and equal to
the plain calculation.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from sqlalchemy.orm import Session

from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope
from connector.earnings.attribution import touches
from connector.earnings.attribution.tables import DecisionRow, DueForPin
from connector.earnings.intake import take_in as intake
from connector.earnings.ledger import checks, queries
from connector.earnings.settlement.clear import clear_due
from connector.events import Buyer, Carrier, OrderSeen, OrderSnapshot
from connector.programme.collaborations import terms
from connector.programme.creators import register
from tests.attribution.world import KEY, put_on_roster
from tests.money import reference
from tests.money.books import deliver_one, shop
from tests.money.builders import PLACED, line, snapshot
from tests.money.histories import arrival, chances, histories, plain
from tests.money.store import Delivery, Store

TEST = Scope.system("test")
DAY = timedelta(days=1)
END = PLACED + 400 * DAY
PRODUCTS = [f"p{number}" for number in range(8, 20)]
RATES = {"p9": 1250, "p10": 333}


class World:
    """A shop of the platform `plain`, two creators, a touch on every third product left out."""

    def __init__(self, session: Session, currency: str) -> None:
        self.session = session
        self.shop: Shop = shop(session, platform="plain", currency=currency)
        self.creators = [register.register(session, f"{self.shop.id}{n}", "N", 100, PLACED - 30 * DAY).id for n in "xy"]
        before = PLACED - 20 * DAY
        terms.open_terms(session, self.shop.id, 1000, starts_at=before, by="t", now=before)
        for product, rate in RATES.items():
            terms.open_terms(session, self.shop.id, rate, product_ref=product, starts_at=before, by="t", now=before)
        self.tokens = [self.tap(n) for n in range(len(PRODUCTS)) if n % 3]

    def tap(self, number: int) -> str:
        creator = self.creators[number % 2]
        tapped = touches.Tapped(self.shop.id, creator, "lst_1", PRODUCTS[number])
        at = PLACED - DAY + timedelta(minutes=number)
        return touches.record(self.session, tapped, kind="video", journey=None, at=at, now=at).token

    def credits(self, order: dict[str, object]) -> dict[str, tuple[str, int]]:
        """A line that the store gave for another one is its creator's, at the new product's own rate (R8)."""
        lines = {item["line_ref"]: item for item in order["lines"]}  # type: ignore[attr-defined]

        def creator(item: dict[str, str]) -> str | None:
            returned = lines.get(item.get("exchange_of", ""))
            number = PRODUCTS.index(item["product_ref"])
            own = self.creators[number % 2] if number % 3 else None
            return (creator(returned) if returned is not None else None) or own

        found = {ref: (creator(item), RATES.get(item["product_ref"], 1000)) for ref, item in lines.items()}
        return {ref: (who, rate) for ref, (who, rate) in found.items() if who is not None}

    def carried(self, delivery: Delivery) -> Delivery:
        if not isinstance(delivery.event, OrderSeen):
            return delivery
        riding = tuple(Carrier("cart_attribute", token, KEY) for token in self.tokens)
        order = msgspec.structs.replace(delivery.event.snapshot, carriers=riding)
        return Delivery(OrderSeen(order, Buyer(customer_ref="1")), delivery.triggered_at)

    def hear(
        self, read: Delivery, deliveries: Iterable[Delivery], times: Iterable[datetime],
        chance: random.Random | None = None,
    ) -> None:  # fmt: skip
        """`read` is what the store answers when an equal-time conflict makes us ask."""
        for number, (delivery, now) in enumerate(zip(deliveries, times, strict=True)):
            taken = deliver_one(self.session, self.shop, self.carried(delivery), number, now)
            if taken is not None and taken.outcome == "conflict":
                deliver_one(self.session, self.shop, self.carried(read), number, now)
            if chance is not None and chance.random() < 0.5:
                self.jobs(now)
        self.jobs(END)

    def jobs(self, now: datetime) -> None:
        while intake.pin_due(self.session, self.shop.id, now):
            pass
        while clear_due(self.session, self.shop.id, now):
            pass

    def owed(self) -> dict[str, tuple[int, int]]:
        """{x or y: (pending, cleared)}"""
        found = queries.balances(self.session, shop_id=self.shop.id)
        names = dict(zip(self.creators, "xy", strict=True))
        return {names[b.creator_id]: (b.pending, b.cleared) for b in found if b.pending or b.cleared}


@pytest.fixture(autouse=True)
def _on_the_roster(monkeypatch: pytest.MonkeyPatch) -> None:
    put_on_roster(monkeypatch)


def expected(world: World, store: Store) -> dict[str, tuple[int, int]]:
    """All of it cleared, but what a partly paid order keeps pending."""
    order = plain(store)
    credits = world.credits(order)
    due = reference.pays(order, order.get("refunds", []), credits, store.added)
    sums = dict.fromkeys(world.creators, 0)
    for line_ref, amount in due.items():
        if line_ref in credits:
            sums[credits[line_ref][0]] += amount
    waits = store.status == "partially_paid" and not store.cancelled_at
    names = dict(zip(world.creators, "xy", strict=True))
    return {names[c]: (amount, 0) if waits else (0, amount) for c, amount in sums.items() if amount}


def test_totals_and_buckets_do_not_depend_on_arrival(database: Database) -> None:
    @settings(
        max_examples=30, deadline=None, database=None, phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(histories(), chances)
    def every_way_gives_the_same(store: Store, chance: random.Random) -> None:
        shuffled = arrival(store, chance)
        weeks = sorted(PLACED + chance.random() * 90 * DAY for _ in shuffled)
        with database.write(TEST) as session:
            first, second = World(session, store.currency), World(session, store.currency)
            first.hear(store.read(), store.deliveries, [d.triggered_at for d in store.deliveries])
            second.hear(store.read(), shuffled, weeks, chance)
            found = first.owed(), second.owed(), expected(first, store)
            if any(dispute.status == "open" for dispute in store.disputes.values()):
                # What had cleared before its dispute was heard of stays cleared: then only the sums are the same.
                found = tuple({who: sum(buckets) for who, buckets in each.items()} for each in found)
            assert found[0] == found[1] == found[2]

    every_way_gives_the_same()
    with database.read(TEST) as session:
        assert checks.examine(session) == []


ORDER = snapshot(line("8", 4000, product_ref="p8"), line("9", 2000, product_ref="p9"), currency="EUR")


def one(order: OrderSnapshot, at: datetime = PLACED) -> Delivery:
    return Delivery(OrderSeen(order), at)


def test_f3_pinned_when_the_grace_is_over_and_not_before(database: Database) -> None:
    with database.write(TEST) as session:
        world = World(session, "EUR")
        deliver_one(session, world.shop, world.carried(one(ORDER)), 1, PLACED)
        waiting = session.query(DueForPin).one()
        assert waiting.pin_at == PLACED + DAY
        assert intake.pin_due(session, world.shop.id, PLACED + DAY - timedelta(seconds=1)) == 0
        assert clear_due(session, world.shop.id, END) == 0  # nothing clears before the pin
        # A tap that happened before the order and was heard of within the grace wins line 8 (which had no touch).
        late = touches.Tapped(world.shop.id, world.creators[0], "lst_1", "p8")
        heard = PLACED + timedelta(hours=20)
        token = touches.record(
            session, late, kind="video", journey=None, at=PLACED - timedelta(hours=2), now=heard
        ).token
        world.tokens.append(token)
        again = msgspec.structs.replace(ORDER, changed_at=PLACED + DAY, total=1)
        deliver_one(session, world.shop, world.carried(one(again)), 2, heard)
        assert intake.pin_due(session, world.shop.id, PLACED + DAY) == 1
        assert intake.pin_due(session, world.shop.id, PLACED + DAY) == 0
        rows = {row.line_ref: row for row in session.query(DecisionRow)}
        assert all(row.pinned_at == PLACED + DAY for row in rows.values())
        assert rows["8"].creator_id == world.creators[0]
        assert world.owed() == {"x": (400, 0), "y": (250, 0)}
        order = session.query(Order).one()
        assert intake.reevaluate(session, order.id, cause="replay", as_of=END).entries == 0


def test_unpaid_orders_are_neither_pinned_nor_cleared(database: Database) -> None:
    unpaid = msgspec.structs.replace(ORDER, payment_status="pending", paid_at=None)
    with database.write(TEST) as session:
        world = World(session, "EUR")
        deliver_one(session, world.shop, world.carried(one(unpaid)), 1, PLACED + 3 * DAY)
        world.jobs(END)
        assert world.owed() == {}
        assert {row.pinned_at for row in session.query(DecisionRow)} == {None}
        paid = msgspec.structs.replace(ORDER, changed_at=PLACED + 5 * DAY)
        deliver_one(session, world.shop, world.carried(one(paid, PLACED + 5 * DAY)), 2, PLACED + 5 * DAY)
        assert world.owed() == {"y": (250, 0)}
        assert None not in {row.pinned_at for row in session.query(DecisionRow)}


@pytest.mark.parametrize("stop", [{"test": True}, {"sample": True}, {"completed": False}])
def test_what_is_no_order_asks_nobody_for_credit(database: Database, stop: dict[str, bool]) -> None:
    with database.write(TEST) as session:
        world = World(session, "EUR")
        deliver_one(session, world.shop, world.carried(one(msgspec.structs.replace(ORDER, **stop))), 1, PLACED)
        assert session.query(DecisionRow).count() == 0
        assert world.owed() == {}


def test_an_order_that_turns_out_to_be_a_sample_waits_for_no_pin(database: Database) -> None:
    sample = msgspec.structs.replace(ORDER, changed_at=PLACED + timedelta(hours=1), sample=True)
    with database.write(TEST) as session:
        world = World(session, "EUR")
        deliver_one(session, world.shop, world.carried(one(ORDER)), 1, PLACED)
        assert session.query(DueForPin).count() == 1
        deliver_one(session, world.shop, world.carried(one(sample)), 2, PLACED + timedelta(hours=1))
        assert session.query(DueForPin).count() == 0
        assert intake.pin_due(session, world.shop.id, END) == 0
        assert world.owed() == {}
