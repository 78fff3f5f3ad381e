"""A shop's timeline: everything in one order, what repeats is folded, and a silence is told where one is unusual."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from connector import audit, clock
from connector.commerce.shops import settings as shop_settings
from connector.commerce.shops.tables import Shop
from connector.db import new_id
from connector.operations import timeline
from connector.programme.collaborations import terms
from connector.sync.tables import Reconciliation, SyncRun
from connector.webhooks.tables import DeliveryRow
from tests.attribution.world import World
from tests.operations.days import SYSTEM

HOUR = timedelta(hours=1)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def _delivery(
    world: World, at: datetime, status: str = "done", reason: str = "", topic: str = "orders/paid"
) -> DeliveryRow:
    return DeliveryRow(
        id=new_id("dlv"), platform="plain", domain="one.plain.example", shop_id=world.shop_id, topic=topic,
        delivery_key=None, body_key=None, delivery_ref=None, event_ref=None, triggered_at=None, received_at=at,
        headers={}, body_sealed=None, body_hash="", body_size=0, order_ref=None, product_ref=None, status=status,
        reason=reason, next_try_at=None, done_at=None, effects=None,
    )  # fmt: skip


def _pass(world: World, at: datetime, missing: tuple[str, ...] = ()) -> Reconciliation:
    return Reconciliation(
        id=new_id("rec"), shop_id=world.shop_id, since=at - HOUR, started_at=at, finished_at=at, missing=list(missing),
        gaps=[], status="done",
    )  # fmt: skip


def test_everything_stands_in_one_order_and_repeats_are_folded(world: World) -> None:
    now = clock.now()
    with world.database.write(SYSTEM) as session:
        shop_settings.change(session, world.shop_id, "hold_days", 21, by="staff:Jo")
        terms.open_terms(session, world.shop_id, 1500, by="staff:Jo")
        audit.record(session, "connector", "webhooks.put_back", world.shop_id, shop_id=world.shop_id, topics=["a"])
        audit.record(session, "staff:Jo", "run.stop", "run_1", shop_id=world.shop_id)
        session.add_all([_delivery(world, now - timedelta(minutes=n)) for n in range(3)])
        session.add(_delivery(world, now, "parked", "unreadable"))
        session.add(_delivery(world, now - timedelta(days=40)))
        at = now - 2 * HOUR
        session.add_all([_pass(world, at - timedelta(minutes=n)) for n in range(4)])
        session.add(_pass(world, at - 3 * HOUR, ("#1", "#2")))
        session.add(
            SyncRun(id="run_1", shop_id=world.shop_id, kind="full", trigger="command", status="done", queued_at=at)
        )
    with world.database.read(SYSTEM) as session:
        shop = session.get_one(Shop, world.shop_id)
        told = timeline.read(session, shop, now=now + timedelta(minutes=1))
        only = timeline.read(session, shop, groups=("settings",), now=now + timedelta(minutes=1))
    by_code = {one.code: one for one in told.happenings}
    assert [one.at for one in told.happenings] == sorted((one.at for one in told.happenings), reverse=True)
    assert sum(one.facts["number"] for one in told.happenings if one.code == "heard") == 3
    assert by_code["stopped"].facts["reason"] == "unreadable"
    assert sum(1 + one.more for one in told.happenings if one.code == "pass_quiet") == 4
    assert by_code["pass"].facts["fetched"] == 2
    assert (by_code["setting"].facts["before"], by_code["setting"].facts["after"]) == (None, "21")
    assert (by_code["rate"].facts["before"], by_code["rate"].facts["after"]) == (1000, 1500)
    assert {one.group for one in told.happenings if one.code == "act"} == {"subscriptions", "staff"}
    assert {one.group for one in only.happenings} == {"settings"}
    assert only.counts == told.counts
    assert told.counts["settings"] == 2


def test_days_are_those_of_the_page(sqlite_world: World) -> None:
    late = clock.now().replace(hour=23, minute=30, second=0, microsecond=0) - timedelta(days=2)
    with sqlite_world.database.write(SYSTEM) as session:
        session.add_all([_delivery(sqlite_world, late), _delivery(sqlite_world, late + HOUR)])
    with sqlite_world.database.read(SYSTEM) as session:
        shop = session.get_one(Shop, sqlite_world.shop_id)
        heard = {
            str(zone): [one for one in timeline.read(session, shop, zone=zone).happenings if one.code == "heard"]
            for zone in (ZoneInfo("UTC"), ZoneInfo("Asia/Tokyo"))
        }
    assert [len(told) for told in heard.values()] == [2, 1]


def test_a_silence_is_told_where_it_is_unusual() -> None:
    days = [NOON - timedelta(days=n) for n in range(1, 9)]
    hours = [(day + n * HOUR, 20) for day in days for n in range(-3, 4)]  # 9 to 15, twenty an hour
    today = [(NOON - 3 * HOUR, 20)]
    silent = timeline.silences([*hours, *today], NOON - timedelta(days=9), NOON + timedelta(minutes=10))
    assert [one.facts["open"] for one in silent] == [True]
    assert silent[0].facts["lasted"] == 2 * HOUR
    assert silent[0].facts["usual"] in range(30, 41)
    # nights are no silence, a shop of five messages a day has none, and one that was just heard has none
    just = [*hours, *today, *((NOON - n * HOUR, 1) for n in range(3))]
    assert timeline.silences(just, days[-1], NOON + timedelta(minutes=10)) == []
    few = [(day, 1) for day in days]
    assert timeline.silences(few, days[-1], NOON + timedelta(days=2)) == []
    assert timeline.silences(hours[:7], days[-1], NOON) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 24 * 12), st.integers(1, 30)), max_size=80))
def test_silences_never_overlap_and_never_hold_a_message(heard: list[tuple[int, int]]) -> None:
    first = NOON - timedelta(days=12)
    hours = [(first + n * HOUR, number) for n, number in heard]
    told = timeline.silences(hours, first, NOON)
    spans = sorted((one.until, one.at) for one in told if one.until is not None)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    assert not any(start <= hour < end for start, end in spans for hour, _ in hours)
    assert all(one.facts["usual"] >= timeline.SILENCE for one in told)
