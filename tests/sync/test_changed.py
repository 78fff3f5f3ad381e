"""Runs by pages: what changed since the last run, whole catalogs of stores without an export, and when they are due."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connector import clock, db, jobs
from connector.commerce.catalog.tables import Listing, VariantRow
from connector.commerce.shops import connect
from connector.commerce.shops.tables import Shop
from connector.db import Scope, new_id
from connector.errors import Conflict, PlatformDown
from connector.events import ShopProfile
from connector.sync import first, paged, patience, queries, resume, runs, schedule
from connector.sync.tables import SyncRun, SyncState
from tests.sync.store import THEN, Store, new_shop, product
from tests.sync.test_first import Killed, counts, held

SYSTEM = Scope.system("tests")
OVERLAP = timedelta(seconds=600)


def start(shop_id: str, **given: Any) -> str:
    with db.write(SYSTEM) as session:
        return runs.start(session, shop_id, "command", **given).id


def run_of(run_id: str) -> SyncRun:
    with db.read(SYSTEM) as session:
        run = queries.run(session, run_id)
        assert run is not None
        session.expunge(run)
        return run


def sync(shop_id: str, **given: Any) -> SyncRun:
    run_id = start(shop_id, **given)
    first.first(run_id)
    return run_of(run_id)


def changed(shop_id: str, **given: Any) -> SyncRun:
    return sync(shop_id, kind="changed", **given)


def state_of(shop_id: str) -> SyncState:
    with db.read(SYSTEM) as session:
        state = queries.state(session, shop_id)
        assert state is not None
        session.expunge(state)
        return state


def test_only_what_changed_is_asked_for_from_where_the_store_stood(store: Store, shop_id: str) -> None:
    store.put(*(product(n, changed_at=THEN + timedelta(hours=n)) for n in range(10)))
    assert changed(shop_id).kind == "full", "what was never read is read whole"
    assert state_of(shop_id).watermark == THEN + timedelta(hours=9)
    later = THEN + timedelta(days=1)
    store.put(product(3, 777, changed_at=later), product(50, changed_at=later + timedelta(hours=1)))
    store.asked.clear()
    run = changed(shop_id)
    assert (run.kind, run.since) == ("changed", THEN + timedelta(hours=9) - OVERLAP)
    # The newest one of the last run comes again, since the store's search may lag its writes.
    assert counts(run) == ("done", 3, 2, 1, 0, 0)
    assert store.asked == ["changed from 0"]
    assert held(shop_id)["3"] == ("shoppable", "", 777, 777, {"30001": 777})
    assert held(shop_id)["50"][0] == "shoppable"
    assert state_of(shop_id).watermark == later + timedelta(hours=1)
    assert counts(changed(shop_id)) == ("done", 1, 0, 1, 0, 0)


def test_a_currency_that_no_message_told_of_is_found_by_the_next_run(store: Store, shop_id: str) -> None:
    """Prices come without their currency: under the old sign each would be another amount."""
    store.put(*(product(n, 1000 + n, changed_at=THEN) for n in range(5)))
    sync(shop_id)
    store.currency = "KWD"
    for n in range(5):
        store.products[str(n)] = product(n, 1000 + n, currency="KWD", changed_at=THEN)  # no product changed
    run = changed(shop_id)
    assert (run.kind, *counts(run)) == ("full", "done", 5, 5, 0, 0, 0)
    with db.read(SYSTEM) as session:
        assert set(session.scalars(sa.select(Listing.currency))) == {"KWD"}
        shop = session.get_one(Shop, shop_id)
        assert (shop.currency, shop.currency_before, shop.status_reason) == ("KWD", "USD", "currency_changed")
    assert changed(shop_id).kind == "changed", "once"


def test_a_currency_that_changes_under_a_run_is_made_good_by_the_next(store: Store, shop_id: str) -> None:
    store.put(*(product(n, changed_at=THEN) for n in range(5)))
    with db.write(SYSTEM) as session:
        connect.refresh_profile(session, session.get_one(Shop, shop_id), ShopProfile("", "", "", "KWD", ""), THEN)
    store.currency = "KWD"
    assert sync(shop_id).status == "done"  # whose products still came as USD
    for n in range(5):
        store.products[str(n)] = product(n, currency="KWD", changed_at=THEN)
    assert (changed(shop_id).kind, changed(shop_id).kind) == ("full", "changed")


def test_the_mark_is_of_the_runs_begin(store: Store, shop_id: str) -> None:
    """What changes while a run reads is asked for again by the next one."""
    store.put(*(product(n, changed_at=THEN) for n in range(6)))
    sync(shop_id)

    def change(at: int) -> None:
        store.on_line = lambda at: None
        store.put(product(99, changed_at=THEN + timedelta(hours=5)))

    store.on_line = change
    changed(shop_id)
    assert state_of(shop_id).watermark == THEN
    changed(shop_id)
    assert state_of(shop_id).watermark == THEN + timedelta(hours=5)


def test_a_run_that_failed_moves_no_mark(store: Store, shop_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PATIENCE", timedelta(0))
    store.put(product(1))
    sync(shop_id)
    store.put(product(2, changed_at=THEN + timedelta(hours=5)))

    def away(at: int) -> None:
        raise PlatformDown("away")

    store.on_line = away
    run = changed(shop_id)
    assert run.status == "failed"
    assert "could not be reached" in run.problem
    assert state_of(shop_id).watermark == THEN


def test_a_refused_product_is_listed_until_it_can_be_read(store: Store, shop_id: str) -> None:
    store.put(*(product(n, changed_at=THEN) for n in range(4)))
    sync(shop_id)
    later = THEN + timedelta(hours=1)
    store.put(product(1, changed_at=later), product(2, changed_at=later), product(3, changed_at=later))
    store.refused = {"1": "price_missing", "20001": "price_missing", "3": "title_missing"}
    assert counts(changed(shop_id)) == ("refusals", 4, 0, 1, 3, 0)
    assert held(shop_id)["1"][:2] == ("not_shoppable", "refused")
    with db.read(SYSTEM) as session:
        prices, titles = queries.dead_letters(session, shop_id)
        assert (prices.reason, prices.count, [row.product_ref for row in prices.items]) == (
            "price_missing",
            2,
            ["1", "2"],
        )
        assert "price" in prices.remedy
        assert (titles.reason, titles.count, queries.dead_letter_count(session)) == ("title_missing", 1, 3)
        assert queries.dead_letters(session, "shp_other") == []
    store.refused = {"3": "title_missing"}
    assert counts(changed(shop_id)) == ("refusals", 3, 2, 0, 1, 0)
    with db.read(SYSTEM) as session:
        (left,) = queries.dead_letters(session, shop_id)
        assert (left.reason, left.items[0].times) == ("title_missing", 2)
    del store.products["3"]
    assert sync(shop_id).status == "done"
    with db.read(SYSTEM) as session:
        assert queries.dead_letters(session, shop_id) == []


@pytest.mark.parametrize("page", [1, 2, 5])
def test_a_killed_run_goes_on_at_its_page(
    store: Store, shop_id: str, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paged, "MOST_PRODUCTS", 3)
    store.capabilities.clear()
    new = new_shop("other.example")
    store.put(*(product(n, 100, 200) for n in range(17)))
    calls: list[int] = []

    def kill(at: int) -> None:
        calls.append(at)
        if len(calls) == page + 1:
            raise Killed

    store.on_line = kill
    monkeypatch.setattr("connector.platforms.contract.Platform.can", lambda self, what: what in store.capabilities)
    run_id = start(new)
    with pytest.raises(Killed):
        first.first(run_id)
    assert first.first(run_id) == "done"
    assert calls == [*range(0, 3 * page + 1, 3), *range(3 * page, 18, 3)]
    assert counts(run_of(run_id)) == ("done", 17, 17, 0, 0, 0)


def test_pause_resume_and_stop(store: Store, shop_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paged, "MOST_PRODUCTS", 3)
    store.put(*(product(n) for n in range(10)))
    sync(shop_id)
    started: list[str] = []
    monkeypatch.setattr(jobs, "enqueue", lambda session, name, key, **given: started.append(f"{name}:{key}"))

    def pause(at: int) -> None:
        if at == 3:
            with db.write(SYSTEM) as session:
                live = runs.live(session, shop_id)
                assert live is not None
                assert runs.pause(session, live.id, "staff:ana").status == "pausing"
                assert runs.pause(session, live.id, "staff:ana").status == "pausing"

    store.on_line = pause
    run = changed(shop_id)
    assert (run.status, run.lines_read) == ("paused", 3)
    assert start(shop_id) == run.id, "a paused run is the one under way"
    assert first.first(run.id) == "paused", "its job finds that it rests"
    store.on_line = lambda at: None
    with db.write(SYSTEM) as session:
        assert resume.resume(session, run.id, "staff:ana").status == "queued"
        with pytest.raises(Conflict):
            resume.resume(session, run.id, "staff:ana")
    assert started[-1].startswith(f"sync.first:{run.id}:"), "a key never runs twice"
    store.asked.clear()
    assert first.first(run.id) == "done"
    assert store.asked[0] == "changed from 3"
    assert run_of(run.id).products_in == 10
    waiting = start(shop_id, kind="changed")
    with db.write(SYSTEM) as session:
        assert runs.pause(session, waiting, "staff:ana").status == "paused"
        assert runs.stop(session, waiting, "staff:ana").status == "stopped"


def test_a_stopped_run_ends_the_export_at_the_store(store: Store, shop_id: str) -> None:
    store.put(product(1))
    store.polls = 3

    def stop() -> None:
        with db.write(SYSTEM) as session:
            run = runs.live(session, shop_id)
            assert run is not None
            runs.stop(session, run.id, "staff:ana")

    store.on_state = stop
    run = sync(shop_id)
    assert run.status == "stopped"
    assert store.asked[-1] == "cancel op-1"
    store.on_state, store.polls = lambda: None, 0
    with db.write(SYSTEM) as session:
        resume.resume(session, run.id, "staff:ana")
    assert first.first(run.id) == "done", "with another export"
    assert store.asked.count("start") == 2


def test_when_runs_are_due(store: Store, shop_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.wall()
    assert schedule.start_due(now + timedelta(days=30)) == 0, "joining starts the first run"
    store.put(product(1))
    sync(shop_id)
    assert schedule.start_due() == 0
    soon = now + schedule.every("fake") + timedelta(minutes=1)
    with db.write(SYSTEM) as session:
        runs.pause_schedule(session, shop_id, "staff:ana")
    assert schedule.start_due(soon) == 0
    with db.write(SYSTEM) as session:
        state = runs.pause_schedule(session, shop_id, "staff:ana", paused=False)
        assert schedule.next_due(state, "fake") is not None
    assert schedule.start_due(soon) == 1
    assert schedule.start_due(soon) == 0, "one is under way"
    with db.write(SYSTEM) as session:
        run = runs.live(session, shop_id)
        assert run is not None
        assert (run.kind, run.trigger) == ("changed", "schedule")
        run_id = run.id
    first.first(run_id)
    week = now + schedule.FULL_EVERY + timedelta(hours=1)
    store.products = {}
    assert schedule.start_due(week) == 1
    with db.write(SYSTEM) as session:
        run = runs.live(session, shop_id)
        assert run is not None
        assert run.kind == "full"
        runs.end(session, run, "failed", "the store was away")
    assert schedule.start_due(week) == 0, "a run that failed rests for an hour"
    monkeypatch.setattr(schedule, "AFTER_FAILURE", timedelta(0))
    assert schedule.start_due(week) == 1
    with db.write(SYSTEM) as session:
        run = runs.live(session, shop_id)
        assert run is not None
        runs.end(session, run, "asks", "most of it would go")
    assert schedule.start_due(week) == 1
    with db.read(SYSTEM) as session:
        run = runs.live(session, shop_id)
        assert run is not None
        assert run.kind == "changed", "the question stays open, changes still come"


@settings(
    max_examples=8,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_any_mix_of_runs_ends_as_a_whole_one_would(
    store: Store, monkeypatch: pytest.MonkeyPatch, data: st.DataObject
) -> None:
    """Whole runs by export or by pages, and incremental ones: the list is the store's after each, but for what went."""
    monkeypatch.setattr(paged, "MOST_PRODUCTS", data.draw(st.integers(1, 6)))
    monkeypatch.setattr("connector.platforms.contract.Platform.can", lambda self, what: what in store.capabilities)
    shop_id = new_shop(f"{new_id('shop')}.example")
    store.products, store.refused, store.page = {}, {}, data.draw(st.integers(1, 4))
    at = clock.now()
    for _ in range(4):
        for ref in data.draw(st.lists(st.integers(1, 8), unique=True)):
            at += timedelta(minutes=data.draw(st.integers(0, 30)))
            store.put(product(ref, *data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=4)), changed_at=at))
        went = (
            set(data.draw(st.lists(st.sampled_from(sorted(store.products)), max_size=1))) if store.products else set()
        )
        kind = data.draw(st.sampled_from(["full", "changed"]))
        if kind == "full":
            store.products = {ref: item for ref, item in store.products.items() if ref not in went}
        store.capabilities.clear()
        store.capabilities |= data.draw(st.sampled_from([{"bulk_catalog"}, set()]))
        run = sync(shop_id, kind=kind, large_sweep=True)
        assert run.status == "done", run.problem
        assert run.products_in == run.written + run.same + run.refused
        with db.read(SYSTEM) as session:
            live = set(
                session.scalars(
                    sa.select(Listing.product_ref).where(Listing.gone_at.is_(None), Listing.shop_id == shop_id)
                )
            )
            rows = session.execute(
                sa.select(VariantRow.variant_ref, VariantRow.price).where(
                    VariantRow.gone_at.is_(None), VariantRow.shop_id == shop_id
                )
            ).all()
        assert live == set(store.products)
        assert {row[0]: row[1] for row in rows} == {
            v.variant_ref: v.price for item in store.products.values() for v in item.variants
        }
        for ref, (status, reason, low, high, _) in held(shop_id).items():
            if ref in store.products:
                prices = [v.price for v in store.products[ref].variants]
                assert (low, high) == (min(prices), max(prices))
                assert (status, reason) == (("shoppable", "") if high else ("not_shoppable", "no_price"))


def test_a_page_older_than_what_we_hold_changes_nothing(store: Store, shop_id: str) -> None:
    store.put(product(1, 100, changed_at=THEN))
    sync(shop_id)
    newer = msgspec.structs.replace(store.products["1"], title="Newer", changed_at=THEN + timedelta(hours=2))
    from connector.commerce.catalog import take
    from connector.commerce.shops import queries as shops

    with db.write(SYSTEM) as session:
        take.apply_products(session, shops.get(session, shop_id), [newer])
    assert counts(changed(shop_id)) == ("done", 1, 0, 1, 0, 0)
    with db.read(SYSTEM) as session:
        assert session.scalars(sa.select(Listing.title)).all() == ["Newer"]
