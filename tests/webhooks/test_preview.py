"""A replay can be looked at first: what it says is what happens, and looking changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from connector import clock, db, jobs
from connector.commerce.orders.tables import Order, OrderVersion
from connector.commerce.shops import queries
from connector.config import Settings
from connector.db import Scope
from connector.earnings.ledger import queries as ledger
from connector.earnings.ledger.tables import Entry
from connector.errors import Conflict, InputRefused
from connector.webhooks import effect, preview, replay
from connector.webhooks.replay import Filter
from connector.webhooks.tables import DeliveryRow, Replay, ReplayLine, WantedRead
from tests.privacy.world import World, credited
from tests.webhooks.conftest import Store, join, order, rows
from tests.webhooks.test_drain import uninstalled

Run = Callable[[], int]
SYSTEM = Scope.system("test")


def state() -> Any:
    """All that a look must not change."""
    with db.read(SYSTEM) as session:
        return [
            session.execute(sa.select(column).order_by(column)).all()
            for column in (Entry.reference, Order.content_hash, OrderVersion.id, WantedRead.ref)
        ] + [[(row.id, row.status, row.tries, row.effects) for row in session.scalars(sa.select(DeliveryRow))]]


@pytest.fixture
def world(store: Store, shop_id: str) -> Iterator[World]:
    return credited(shop_id)


def test_what_one_would_change_and_then_does(
    store: Store, world: World, run_drain: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(effect, "apply", lambda *_a, **_k: (_ for _ in ()).throw(KeyError("ours")))
        store.post("orders/create", world.order(1))
        run_drain()
    (row,) = rows()
    assert row.status == "failed"
    before = state()
    seen = preview.one(row.id)
    assert state() == before
    assert [(line.outcome, line.entries) for line in seen.lines] == [("done", seen.entries)]
    assert seen.entries > 0
    assert {move["account"] for move in seen.moves} >= {"merchant_receivable", "creator_pending"}
    assert all(move["before"] == 0 for move in seen.moves)
    with db.write(SYSTEM) as session:
        replay.replay(session, by="staff:ann", delivery_id=row.id)
    run_drain()
    with db.read(SYSTEM) as session:
        sums = ledger.accounts(session, shop_id=world.shop_id)
    assert {account: value for (_, _, account), value in sums.items() if value} == {
        move["account"]: move["after"] for move in seen.moves
    }
    assert preview.one(row.id).entries == 0, "done once more, nothing is booked"


def test_a_filter_is_fixed_looked_at_and_run(
    store: Store, world: World, run_drain: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    join("other.myshopify.com")
    with monkeypatch.context() as broken:
        broken.setattr(effect, "apply", lambda *_a, **_k: (_ for _ in ()).throw(KeyError("ours")))
        for ref in (1, 2):
            store.post("orders/create", world.order(ref))
            store.post("orders/paid", world.order(ref))
        store.post("orders/create", order(9), domain="other.myshopify.com")
        run_drain()
    asked = Filter(status="failed", topic="orders/create", since=clock.wall() - timedelta(hours=1))
    with db.read(SYSTEM) as session:
        assert replay.estimate(session, asked) == replay.Estimate(3, 2, 3, 0)
        assert replay.estimate(session, Filter(status="failed")).deliveries == 5
    with db.write(SYSTEM) as session:
        look = replay.begin(session, Filter(status="failed"), kind="preview", by="staff:ann")
    store.post("orders/create", world.order(3))  # later than the filter was fixed
    before = state()
    assert preview.preview(look.id) == 5
    assert state() == before
    with db.read(SYSTEM) as session:
        look = session.get_one(Replay, look.id)
        lines = session.scalars(sa.select(ReplayLine).order_by(ReplayLine.number)).all()
        assert (look.status, look.taken, look.total) == ("done", 5, 5)
        of_one = [line for line in lines if line.order_ref == "1"]
        assert [line.outcome for line in of_one] == ["done", "done"]
        assert look.entries == sum(line.entries for line in lines), "two messages of one order book it once"
        assert [bool(line.moves) for line in of_one] == [False, True]
    with db.write(SYSTEM) as session:
        run = preview.run_it(session, look.id, by="staff:ann")
        assert (run.status, run.taken, run.preview_id) == ("done", 5, look.id)
    run_drain()
    with db.read(SYSTEM) as session:
        assert replay.progress(session, run.id) == {"done": 5}
        named = sa.select(Order.id).where(Order.order_ref.in_(["1", "2", "9"]))
        booked = session.scalar(sa.select(sa.func.count()).where(Entry.order_id.in_(named)))
        assert booked == look.entries


def test_what_moved_since_is_not_run(store: Store, world: World, run_drain: Run) -> None:
    store.post("orders/create", world.order(1))
    run_drain()
    with db.write(SYSTEM) as session:
        look = replay.begin(session, Filter(status="done"), kind="preview", by="staff:ann")
        with pytest.raises(Conflict, match="finished"):
            preview.run_it(session, look.id, by="staff:ann")
    preview.preview(look.id)
    with db.write(SYSTEM) as session:
        replay.replay(session, by="staff:bob", status="done")
    run_drain()
    with db.write(SYSTEM) as session, pytest.raises(Conflict) as refused:
        preview.run_it(session, look.id, by="staff:ann")
    assert "look again" in refused.value.public


def test_a_long_run_goes_on_and_can_be_stopped(
    store: Store, shop_id: str, run_drain: Run, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "AT_ONCE", 2)
    for ref in range(7):
        store.post("orders/create", order(ref))
    run_drain()
    with db.write(SYSTEM) as session:
        run = replay.begin(session, Filter(shop_id=shop_id), kind="run", by="staff:ann")
        assert run.status == "queued"
    most: list[int] = []

    def pause(_seconds: float) -> None:
        most.append(sum(row.status == "waiting" for row in rows()))
        run_drain()

    monkeypatch.setattr(jobs, "pause", pause)
    assert preview.run(run.id) == 7
    assert max(most) <= 2, "live deliveries get in between"
    run_drain()
    assert {row.tries for row in rows()} == {1}
    with db.write(SYSTEM) as session:
        again = replay.begin(session, Filter(shop_id=shop_id), kind="run", by="staff:ann")

    def stop(_seconds: float) -> None:
        with db.write(SYSTEM) as session:
            replay.stop(session, again.id, by="staff:bob")

    monkeypatch.setattr(jobs, "pause", stop)
    assert preview.run(again.id) == 2
    with db.read(SYSTEM) as session:
        found = session.get_one(Replay, again.id)
        assert (found.status, found.taken) == ("stopped", 2)
    assert sum(row.status == "waiting" for row in rows()) == 2, "what was put back stays put back"
    assert preview.run(again.id) == 0, "it is over"


def test_filters_name_something(shop_id: str, store: Store) -> None:
    with db.read(SYSTEM) as session:
        for wide in (Filter(), Filter(reason="unreadable")):
            with pytest.raises(InputRefused):
                replay.estimate(session, wide)
        with pytest.raises(InputRefused):
            Filter(status="broken")
    with db.write(SYSTEM) as session, pytest.raises(Conflict):
        replay.begin(session, Filter(status="parked"), kind="run", by="staff:ann")


def test_a_look_at_a_message_that_ends_a_shop_leaves_it(store: Store, shop_id: str, run_drain: Run) -> None:
    with db.write(SYSTEM) as session:
        queries.get(session, shop_id).installed_at = clock.wall()
    store.post(**uninstalled("2026-11-20T13:00:00Z"))
    run_drain()
    (row,) = rows()
    assert row.status == "ignored"
    with db.write(SYSTEM) as session:
        queries.get(session, shop_id).installed_at = clock.parse("2026-11-19T00:00:00Z")
    assert preview.one(row.id).lines[0].outcome == "done"
    with db.read(SYSTEM) as session:
        assert queries.get(session, shop_id).status == "connected"
