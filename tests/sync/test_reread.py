"""Nothing clears before its store was asked: batches, stores that are away, unreadable orders, shops that left."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from connector import clock, db
from connector.commerce.orders.tables import Order
from connector.commerce.shops import settings as shop_settings
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.attribution.tables import DecisionRow
from connector.earnings.commission.tables import Clearance
from connector.earnings.settlement import clear
from connector.earnings.settlement import queries as settlement
from connector.earnings.settlement.tables import WaitingReread
from connector.errors import GrantLost, PayloadUnreadable, PlatformBusy, PlatformDown
from connector.operations import rounds
from connector.sync import reread
from tests.sync.store import THEN, Store
from tests.sync.test_reconcile import at_store, hold, order

SYSTEM = Scope.system("tests")
DUE = THEN + timedelta(days=16)
NOW = DUE + timedelta(minutes=5)


@pytest.fixture(autouse=True)
def _asked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(shop_settings.DEFAULTS, "reread_before_clearing", 1)


def held(shop_id: str, *numbers: int, clears_at: datetime = DUE) -> None:
    """Orders known from deliveries, their lines due and their decisions final."""
    hold(shop_id, *(order(number) for number in numbers))
    with db.write(SYSTEM) as session:
        for order_id, ref in session.execute(sa.select(Order.id, Order.order_ref).where(Order.shop_id == shop_id)):
            line = session.get(Clearance, (order_id, f"{ref}1"))
            if line is None:
                line = Clearance(order_id=order_id, line_ref=f"{ref}1", shop_id=shop_id, updated_at=THEN)
                session.add(line)
            line.clears_at, line.why, line.blocked, line.state = clears_at, "delivered", "", "open"
            decision = session.scalar(sa.select(DecisionRow).where(DecisionRow.order_id == order_id))
            if decision is None:
                decision = DecisionRow(
                    id=f"dec_{order_id}", order_id=order_id, shop_id=shop_id, line_ref=f"{ref}1",
                    credit_reason="no_touch", rate_reason="", creator_id=None, rate_bp=0, evidence={}, decided_at=THEN,
                )  # fmt: skip
                session.add(decision)
            decision.pinned_at = THEN + timedelta(days=1)


def cleared(shop_id: str, now: datetime = NOW) -> int:
    with db.write(SYSTEM) as session:
        return clear.clear_due(session, shop_id, now)


def waiting() -> list[tuple[str, int]]:
    with db.read(SYSTEM) as session:
        return [(row.reason, row.tries) for row in session.scalars(sa.select(WaitingReread))]


def change(shop_id: str, **values: Any) -> None:
    with db.write(SYSTEM) as session:
        session.execute(sa.update(Shop).where(Shop.id == shop_id).values(values))


def test_nothing_clears_until_its_store_was_asked(store: Store, shop_id: str) -> None:
    held(shop_id, *range(1, 31))
    at_store(store, *(order(number) for number in range(1, 31)))
    assert cleared(shop_id) == 0
    done = reread.before_clearing(shop_id, NOW)
    assert (done.read, done.waits) == (30, {})
    assert cleared(shop_id) == 30
    store.asked.clear()
    assert reread.before_clearing(shop_id, NOW).read == 0, "what has cleared is asked for no more"
    assert store.asked == []


def test_a_look_from_before_it_was_due_or_of_long_ago_is_none(store: Store, shop_id: str) -> None:
    held(shop_id, 1)
    at_store(store, order(1))
    assert reread.before_clearing(shop_id, DUE - timedelta(seconds=1)).read == 0, "not due yet"
    for _ in reread.read_in(shop_id, ["1"], why="deep_look", as_of=DUE - timedelta(seconds=1)):
        pass
    assert cleared(shop_id, DUE) == 0
    assert reread.before_clearing(shop_id, DUE).read == 1
    # The worker was down until the next day: the look of yesterday proves nothing.
    assert cleared(shop_id, DUE + timedelta(hours=7)) == 0
    assert reread.before_clearing(shop_id, DUE + timedelta(hours=7)).read == 1
    assert cleared(shop_id, DUE + timedelta(hours=7)) == 1


@pytest.mark.parametrize(
    ("error", "reason", "tries"),
    [
        (PlatformDown("no answer"), "store_away", reread.TRIES),
        (PlatformBusy("throttled", retry_after=90.0), "store_busy", reread.TRIES),
        (GrantLost("uninstalled?", fatal=True), "grant_lost", 1),
    ],
)
def test_a_store_that_can_not_be_asked_keeps_the_money_waiting(
    store: Store, shop_id: str, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str, tries: int
) -> None:
    monkeypatch.setattr("connector.commerce.shops.grants._given_up", lambda *_: None)
    held(shop_id, 1, 2)
    at_store(store, order(1), order(2))
    store.away = error
    done = reread.before_clearing(shop_id, NOW)
    assert (done.read, len(done.waits)) == (0, 2)
    assert store.asked.count("order 1") == tries
    assert waiting() == [(reason, 1)] * 2
    assert cleared(shop_id) == 0
    with db.read(SYSTEM) as session:
        assert {line.reason for line in settlement.stalled(session, NOW + timedelta(hours=2))} == {reason}
        assert not reread.wanted(session, shop_id, NOW), "the whole shop rests until its next try"
    # A person who asks now is answered now; a job waits for its time.
    store.away = None
    assert reread.before_clearing(shop_id, NOW).read == 0
    assert reread.before_clearing(shop_id, NOW, at_once=True).read == 2
    assert waiting() == []
    assert cleared(shop_id) == 2


def test_one_order_that_can_not_be_read_keeps_only_itself_waiting(store: Store, shop_id: str) -> None:
    held(shop_id, 1, 2, 3)
    at_store(store, order(1), order(2), order(3))
    store.broken = {"2": PayloadUnreadable("$.order.lineItems", "is null")}
    done = reread.before_clearing(shop_id, NOW)
    assert (done.read, list(done.waits.values())) == (2, ["PayloadUnreadable: $.order.lineItems: is null"])
    assert cleared(shop_id) == 2
    assert waiting() == [("order_unreadable", 1)]
    store.broken = {}
    assert rounds.read_before_clearing(NOW) == {}
    assert cleared(shop_id) == 1


def test_what_the_store_says_now_counts(store: Store, shop_id: str) -> None:
    """A cancellation whose delivery was lost is found before the money clears."""
    held(shop_id, 1)
    newer = order(1, changed=THEN + timedelta(days=3))
    at_store(store, newer)
    reread.before_clearing(shop_id, NOW)
    with db.read(SYSTEM) as session:
        row = session.scalar(sa.select(Order).where(Order.order_ref == "1"))
        assert (row.changed_at, row.read_at) == (newer.snapshot.changed_at, NOW)


def test_an_order_that_the_store_no_longer_shows_clears_on_the_last_known_facts(store: Store, shop_id: str) -> None:
    held(shop_id, 1)
    at_store(store)
    assert reread.before_clearing(shop_id, NOW).read == 1
    assert cleared(shop_id) == 1


def test_a_shop_that_left_clears_on_the_last_known_facts(store: Store, shop_id: str) -> None:
    held(shop_id, 1)
    change(shop_id, status="needs_reconnect")
    assert cleared(shop_id) == 0, "a lost grant can come back: it waits"
    change(shop_id, status="left", left_at=THEN + timedelta(days=2))
    assert reread.before_clearing(shop_id, NOW).read == 0
    assert cleared(shop_id) == 1


def test_the_switch_is_dated(store: Store, shop_id: str) -> None:
    held(shop_id, 1)
    off = NOW + timedelta(days=1)
    with db.write(SYSTEM) as session:
        shop_settings.change(session, shop_id, "reread_before_clearing", 0, by="staff:jo", starts_at=off, now=NOW)
    assert cleared(shop_id, off - timedelta(seconds=1)) == 0
    assert cleared(shop_id, off) == 1
    assert store.asked == []


def test_a_round_starts_one_job_a_shop_and_minute(store: Store, shop_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    held(shop_id, 1)
    started: list[tuple[str, str]] = []
    monkeypatch.setattr(
        "connector.operations.rounds.jobs.enqueue",
        lambda session, name, key, **more: started.append((name, key)),
    )
    monkeypatch.setattr(clock, "wall", lambda: NOW)
    assert rounds.start_rereads(DUE - timedelta(seconds=1)) == 0
    assert rounds.start_rereads(NOW) == 1
    assert started == [("sync.reread", f"{shop_id}:{NOW:%Y%m%dT%H%M}")]
