"""The daily proof: a shop's day, both sides hashed, gaps by name, what is missing fetched at once."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
import sqlalchemy as sa

from connector import db
from connector.commerce.orders.tables import Order
from connector.commerce.shops import queries as shops
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import InputRefused, PayloadUnreadable, PlatformDown
from connector.platforms.contract import OrderHead, OrderRead
from connector.sync import proof, queries
from connector.sync.tables import DailyProof
from tests.sync.store import THEN, Store
from tests.sync.test_reconcile import at_store, hold, order

SYSTEM = Scope.system("tests")
DAY = date(2026, 11, 21)
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
AFTER = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


def placed(number: int, at: datetime = NOON, price: int = 1000, changed: datetime | None = None) -> OrderRead:
    read = order(number, changed=changed or at, price=price)
    return OrderRead(msgspec.structs.replace(read.snapshot, created_at=at), read.buyer, AFTER)


def said(row: DailyProof) -> tuple[str, int, int, int]:
    return (row.status, row.at_store, row.seen, row.evaluated)


def sha(*lines: str) -> str:
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def test_a_day_that_adds_up(store: Store, shop_id: str) -> None:
    reads = [placed(number) for number in (1, 2, 10)]
    hold(shop_id, *reads, placed(7, NOON + timedelta(days=1)))
    at_store(store, *reads, placed(7, NOON + timedelta(days=1)))
    row = proof.prove(shop_id, DAY, as_of=AFTER)
    assert (*said(row), row.fetched, row.gaps, row.problem) == ("proved", 3, 3, 3, 0, [], "")
    assert (row.tries, row.proved_at) == (1, AFTER)
    assert row.store_ids_hash == row.our_ids_hash == sha("1", "10", "2")
    at = NOON.isoformat()
    assert row.store_versions_hash == row.our_versions_hash == sha(f"1 {at}", f"10 {at}", f"2 {at}")


def test_what_is_missing_or_older_is_fetched_and_proved_in_the_same_try(store: Store, shop_id: str) -> None:
    newer = placed(2, price=2000, changed=NOON + timedelta(hours=1))
    hold(shop_id, placed(1), placed(2))
    at_store(store, placed(1), newer, placed(3))
    row = proof.prove(shop_id, DAY, as_of=AFTER)
    assert (*said(row), row.fetched) == ("proved", 3, 3, 3, 2)
    assert row.store_versions_hash == row.our_versions_hash
    assert [asked for asked in store.asked if asked.startswith("order ")] == ["order 2", "order 3"]


def test_gaps_have_names_reasons_and_hashes_that_differ(store: Store, shop_id: str) -> None:
    hold(shop_id, placed(1), placed(2), placed(9))
    with db.write(SYSTEM) as session:
        session.execute(sa.update(Order).where(Order.order_ref == "1").values(evaluated_hash="other"))
    at_store(store, placed(1), placed(2, price=5, changed=NOON + timedelta(hours=1)), placed(3), placed(9))
    store.listed = [head for head in store.listed if head.order_ref != "9"]  # the store's search is behind
    store.broken = dict.fromkeys(("2", "3"), PayloadUnreadable("$.order.lineItems", "is null"))
    row = proof.prove(shop_id, DAY, as_of=AFTER)
    assert said(row) == ("gaps", 3, 2, 0)
    why = "PayloadUnreadable: $.order.lineItems: is null"
    assert row.gaps == [
        {"order": "#1", "order_ref": "1", "what": "not_evaluated", "why": ""},
        {"order": "#2", "order_ref": "2", "what": "older_here", "why": why},
        {"order": "#3", "order_ref": "3", "what": "missing_here", "why": why},
        {"order": "#9", "order_ref": "9", "what": "not_listed", "why": ""},
    ]
    assert row.store_ids_hash != row.our_ids_hash
    assert row.proved_at is None
    # Next time all is well: the row says when it held first, and remembers what it took.
    store.broken = {}
    at_store(store, placed(1, changed=NOON + timedelta(hours=2)), placed(2), placed(3), placed(9))
    again = proof.prove(shop_id, DAY, as_of=AFTER + timedelta(hours=1))
    assert (*said(again), again.fetched, again.tries) == ("proved", 4, 4, 4, 2, 1)
    assert again.proved_at == AFTER + timedelta(hours=1)
    with db.read(SYSTEM) as session:
        assert [kept.day for kept in queries.proofs(session, shop_id)] == ["2026-11-21"]


def test_an_order_deleted_at_the_store_unheard_is_no_gap(store: Store, shop_id: str) -> None:
    hold(shop_id, placed(1), placed(2))
    at_store(store, placed(1))
    row = proof.prove(shop_id, DAY, as_of=AFTER)
    assert (*said(row), row.gaps) == ("proved", 1, 1, 1, [])
    with db.read(SYSTEM) as session:
        assert session.scalar(sa.select(Order.gone_at).where(Order.order_ref == "2")) == AFTER


def test_an_order_that_changed_after_it_was_listed_counts_in_its_newer_version(store: Store, shop_id: str) -> None:
    hold(shop_id, placed(1, changed=NOON + timedelta(hours=3)))
    at_store(store, placed(1))
    row = proof.prove(shop_id, DAY, as_of=AFTER)
    assert said(row) == ("proved", 1, 1, 1)
    assert row.store_versions_hash == row.our_versions_hash


def test_a_store_that_is_away_fails_the_try_and_undoes_no_proof(store: Store, shop_id: str) -> None:
    at_store(store, placed(1))
    store.away = PlatformDown("no answer")
    row = proof.prove(shop_id, DAY, as_of=AFTER)
    assert (*said(row), row.problem) == ("failed", 0, 0, 0, "PlatformDown: no answer")
    store.away = None
    assert said(proof.prove(shop_id, DAY, as_of=AFTER + timedelta(hours=1))) == ("proved", 1, 1, 1)
    store.away = PlatformDown("no answer")
    later = proof.prove(shop_id, DAY, as_of=AFTER + timedelta(days=1))
    assert (*said(later), later.problem, later.tries) == ("proved", 1, 1, 1, "PlatformDown: no answer", 2)


@pytest.mark.parametrize(
    ("zone", "day", "starts", "hours"),
    [
        ("UTC", "2026-11-21", "2026-11-21T00:00", 24),
        ("America/New_York", "2026-11-21", "2026-11-21T05:00", 24),
        ("Pacific/Auckland", "2026-11-21", "2026-11-20T11:00", 24),
        ("Europe/Madrid", "2026-10-25", "2026-10-24T22:00", 25),  # the clock goes back
        ("Europe/Madrid", "2027-03-28", "2027-03-27T23:00", 23),  # … and forward
    ],
)
def test_a_day_is_the_shops_own(zone: str, day: str, starts: str, hours: int) -> None:
    shop = Shop(time_zone=zone, installed_at=datetime(2026, 1, 1, tzinfo=UTC))
    found = proof.day_of(shop, date.fromisoformat(day))
    assert found.starts_at == datetime.fromisoformat(starts).replace(tzinfo=UTC)
    assert found.ends_at - found.starts_at == timedelta(hours=hours)


def test_the_first_day_begins_with_the_joining(store: Store, shop_id: str) -> None:
    """What was placed before the shop joined was never ours to see."""
    before, after = placed(1, THEN - timedelta(hours=1)), placed(2, THEN + timedelta(hours=1))
    hold(shop_id, after)
    at_store(store, before, after)
    row = proof.prove(shop_id, THEN.date(), as_of=AFTER)
    assert (*said(row), row.starts_at) == ("proved", 1, 1, 1, THEN)
    with pytest.raises(InputRefused):
        proof.prove(shop_id, THEN.date() - timedelta(days=1), as_of=AFTER)
    with pytest.raises(InputRefused):
        proof.prove(shop_id, AFTER.date(), as_of=AFTER)


def test_which_days_are_due(store: Store, shop_id: str) -> None:
    def due(now: datetime, limit: int = 40) -> list[str]:
        with db.read(SYSTEM) as session:
            return proof.days_due(session, shops.get(session, shop_id), now, limit)

    assert due(datetime(2026, 11, 22, 0, 59, tzinfo=UTC)) == ["2026-11-20"], "the day before hasn't settled yet"
    assert due(AFTER) == ["2026-11-21", "2026-11-20"]
    proof.prove(shop_id, DAY, as_of=AFTER)
    at_store(store, placed(1, THEN + timedelta(hours=1)))
    store.broken = {"1": PayloadUnreadable("$", "is null")}
    proof.prove(shop_id, THEN.date(), as_of=AFTER)
    assert due(AFTER + timedelta(minutes=30)) == []
    assert due(AFTER + timedelta(hours=1)) == ["2026-11-20"], "a gap is tried again after an hour"
    assert due(AFTER + timedelta(hours=20)) == ["2026-11-21", "2026-11-20"], "the last three days daily"
    later = AFTER + timedelta(days=60)
    assert len(due(later)) == proof.PROVED_DAYS
    assert len(due(later, 4)) == 4, "a few at a time"


def test_a_head_listed_twice_counts_once(store: Store, shop_id: str) -> None:
    hold(shop_id, placed(1), placed(2))
    at_store(store, placed(1), placed(2))
    store.listed.append(OrderHead("1", "#1", NOON, NOON))
    assert said(proof.prove(shop_id, DAY, as_of=AFTER)) == ("proved", 2, 2, 2)
