"""Whatever is lost, in whatever order people and the worker act: a store never has two orders of one sample, and none
that lives on behind a sample that ended."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from datetime import timedelta
from itertools import count

import pytest

from connector.commerce.shops.tables import Shop
from connector.db import Database
from connector.errors import (
    ConnectorError,
    GrantLost,
    InputRefused,
    PayloadUnreadable,
    PlatformBusy,
    PlatformDown,
    PlatformRefused,
)
from connector.operations.sampling import acts
from connector.platforms.contract import Client, PlacedSample, SampleOrder
from connector.programme.samples.tables import Sample
from tests.samples.world import ALL, HOME, Killed, Store, World

# So many walks; more of them by hand found nothing else.
WALKS, STEPS = 12, 14
FAULTS: tuple[Callable[[], BaseException], ...] = (
    Killed,
    lambda: PlatformDown("lost"),
    lambda: PayloadUnreadable("$", "cut"),
    lambda: PlatformBusy("wait", retry_after=3),
    lambda: PlatformRefused("no"),
    lambda: InputRefused("recipient.city", "isn't known."),
    lambda: GrantLost("gone"),
)
# What a store says of a call that it didn't carry out; all others may come after it did.
HONEST = (PlatformBusy, PlatformRefused, InputRefused, GrantLost)


_NUMBERS = count(1)


class Careless(Store):
    """Places an order each time it is told to, and fails before or after it did."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self.chance = chance
        self.living: dict[str, int] = {}  # reference → orders that aren't cancelled
        self.whose: dict[str, str] = {}
        self.faultless = False

    def _fails(self) -> BaseException | None:
        return self.chance.choice(FAULTS)() if not self.faultless and self.chance.random() < 0.45 else None

    def find(self, client: Client, reference: str) -> PlacedSample | None:
        if (fault := self._fails()) is not None:
            raise fault
        return self.orders.get(reference)

    def place(self, client: Client, asked: SampleOrder) -> PlacedSample:
        fault = self._fails()
        if isinstance(fault, HONEST) or (fault is not None and self.chance.random() < 0.5):
            raise fault
        made = PlacedSample(str(next(_NUMBERS)), "#S")
        self.orders[asked.reference] = made
        self.living[asked.reference] = self.living.get(asked.reference, 0) + 1
        self.whose[made.order_ref] = asked.reference
        if fault is not None:
            raise fault
        return made

    def cancel(self, client: Client, order_ref: str) -> bool:
        fault = self._fails()
        if fault is not None and self.chance.random() < 0.5:
            raise fault
        reference = self.whose[order_ref]
        self.living[reference] = 0
        self.orders[reference] = PlacedSample(order_ref, self.orders[reference].number, cancelled=True)
        if fault is not None:
            raise fault
        return True


def test_no_walk_ends_in_two_parcels(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(sqlite_database).open(monkeypatch)
    for seed in range(WALKS):
        _walk(world, random.Random(seed))  # noqa: S311


def _walk(world: World, chance: random.Random) -> None:
    store = Careless(chance)
    world.use(store)
    asked = world.do(acts.ask, world.creators["x"], world.listing_id("A"), recipient=HOME)
    world.do(acts.approve, asked.id)
    for _ in range(STEPS):
        act = chance.choice(["place", "place", "place", "withdraw", "cancel", "by_hand", "again", "address", "clock"])
        world.now += timedelta(minutes=chance.choice([0, 1, 10, 600]))
        with contextlib.suppress(ConnectorError, Killed):
            _do(world, act, asked.id)
        _holds(world.sample(asked.id), store)
    # Everything answers again: what is open settles, and nothing is left at the store that nobody knows of.
    store.faultless = True
    for _ in range(4):
        world.now += timedelta(hours=7)
        world.place(asked.id)
    row = world.sample(asked.id)
    _holds(row, store)
    assert row.placing != "unknown"
    assert row.ending == ""
    lives = store.living.get(asked.id, 0)
    assert lives == (1 if row.state == "ordered" else 0), (row.state, row.placing, lives)
    if row.state not in ("withdrawn", "cancelled", "lapsed"):
        world.do(acts.cancel, asked.id, "Over")
        world.now += timedelta(minutes=5)
        world.place(asked.id)
        assert store.living.get(asked.id, 0) == 0
    world.now += timedelta(days=60)


def _do(world: World, act: str, sample_id: str) -> None:
    if act == "place":
        world.place(sample_id)
    elif act == "withdraw":
        world.do(acts.withdraw, sample_id)
    elif act == "cancel":
        world.do(acts.cancel, sample_id, "Not now")
    elif act == "by_hand":
        world.do(acts.by_hand, sample_id)
    elif act == "again":
        world.do(acts.place_again, sample_id)
    elif act == "address":
        world.do(acts.readdress, sample_id, HOME)
    else:
        world.follow()


def _holds(row: Sample, store: Careless) -> None:
    lives = store.living.get(row.id, 0)
    assert lives <= 1
    if row.state in ("withdrawn", "cancelled", "lapsed"):
        assert lives == 0, (row.state, row.reason)
    # Whoever may send it by hand knows that there is no order.
    if row.state == "approved" and row.placing in ("", "refused", "waiting"):
        assert lives == 0, row.placing


def test_a_shop_that_left_holds_up_nobody(plain_world: World) -> None:
    """Its store can't be asked any more: what waits for its word ends, and what isn't placed isn't tried for ever."""
    world = plain_world
    placed = world.do(acts.ask, world.creators["x"], world.listing_id("A"), recipient=HOME)
    waits = world.do(acts.ask, world.creators["y"], world.listing_id("A"), recipient=HOME)
    for one in (placed, waits):
        world.do(acts.approve, one.id)
    assert world.place(placed.id) == "placed"
    with world.database.write(ALL) as session:
        session.get_one(Shop, world.shop_id).status = "left"
    world.store.away = GrantLost("the app was removed", fatal=True)
    assert world.do(acts.withdraw, placed.id).ending == "withdrawn"
    assert world.place(placed.id) == "ended"
    ended = world.sample(placed.id)
    assert (ended.state, ended.place_at) == ("withdrawn", None)
    assert world.place(waits.id) == "waiting"
    row = world.sample(waits.id)
    assert row.place_at is not None
    assert (row.problem, row.place_at - world.now) == ("grant_lost", timedelta(hours=1))
    world.now += timedelta(days=14)
    world.follow()
    assert (world.sample(waits.id).state, world.sample(waits.id).reason) == ("lapsed", "not_sent")
