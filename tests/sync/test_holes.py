"""What a pass may skip, what ends it, and what a run survives."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from connector import clock, jobs, worker
from connector.earnings.intake import take_in as intake
from connector.errors import PlatformBusy
from connector.sync import load, proof, reconcile
from tests.sync.store import THEN, Store, product
from tests.sync.test_first import counts, sync
from tests.sync.test_reconcile import NOW, at_store, figures, order

HOUR, OVERLAP = timedelta(hours=1), timedelta(minutes=10)


def test_a_pass_over_what_is_recent_moves_nothing_over_a_hole(store: Store, shop_id: str) -> None:
    assert reconcile.reconcile(shop_id, as_of=NOW).status == "done"
    recent = reconcile.reconcile(shop_id, since=NOW + 5 * HOUR, as_of=NOW + 6 * HOUR)
    assert recent.status == "done"
    whole = reconcile.reconcile(shop_id, as_of=NOW + 7 * HOUR)
    assert whole.since == NOW - OVERLAP, "the hole from the first pass to the recent one is looked at"
    assert reconcile.reconcile(shop_id, as_of=NOW + 10 * HOUR).since == NOW + 7 * HOUR - OVERLAP


def test_a_first_pass_over_what_is_recent_counts_for_nothing(store: Store, shop_id: str) -> None:
    reconcile.reconcile(shop_id, since=NOW - HOUR, as_of=NOW)
    assert reconcile.reconcile(shop_id, as_of=NOW + HOUR).since == THEN - OVERLAP


def test_whatever_an_order_raises_names_a_gap(store: Store, shop_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at_store(store, order(1), order(2), order(3))
    real = intake.take_in

    def fails(session: Any, shop: Any, seen: Any, **more: Any) -> Any:
        if seen.snapshot.order_ref == "2":
            raise KeyError("a secret")
        return real(session, shop, seen, **more)

    monkeypatch.setattr(intake, "take_in", fails)
    row = reconcile.reconcile(shop_id, as_of=NOW)
    assert figures(row) == ("gaps", 3, 0, 2, 2)
    assert row.gaps == [{"order": "#2", "why": "KeyError"}]
    monkeypatch.setattr(intake, "take_in", real)
    again = reconcile.reconcile(shop_id, as_of=NOW + HOUR)
    assert (again.since, again.status) == (row.since, "done")


def test_a_database_that_is_away_ends_no_run(store: Store, shop_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put(product(1), product(2))
    real = load.load
    failed: list[int] = []

    def away(*args: Any, **how: Any) -> None:
        if len(failed) < 3:
            failed.append(1)
            raise OperationalError("away", None, Exception())
        return real(*args, **how)

    monkeypatch.setattr(load, "load", away)
    assert counts(sync(shop_id)) == ("done", 2, 2, 0, 0, 0)
    assert store.asked.count("start") == 1, "the export is not asked for again"
    assert len(failed) == 3


def test_a_store_that_is_busy_while_its_file_is_read_is_waited_for(
    store: Store, shop_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(product(1), product(2))
    waits: list[float] = []
    monkeypatch.setattr(jobs, "pause", waits.append)

    def busy(line: int) -> None:
        if line == 3 and len(waits) < 4:
            raise PlatformBusy("wait", retry_after=7)

    store.on_line = busy
    assert counts(sync(shop_id)) == ("done", 2, 2, 0, 0, 0)
    assert waits == [7.0] * 4


def test_a_worker_that_restarts_goes_on_from_the_last_pass(
    store: Store, shop_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: THEN + timedelta(minutes=4))
    assert worker.until_pass(shop_id) == timedelta(minutes=6), "ten minutes after it joined"
    reconcile.reconcile(shop_id, as_of=NOW)
    for passed, left in ((0, 60), (59, 1), (61, 0)):
        monkeypatch.setattr(clock, "now", lambda at=NOW + timedelta(minutes=passed): at)
        assert worker.until_pass(shop_id) == timedelta(minutes=left)


def test_a_pass_has_the_queue_of_what_takes_long() -> None:
    assert {"sync.first", "sync.prove", "sync.reconcile"} <= jobs.LONG_JOBS


def test_a_worker_starts_the_looks_and_proofs_that_are_due(
    store: Store, shop_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[str, str]] = []

    def enqueue(session: object, name: str, key: str, *, shop_id: str, **args: str) -> None:
        if name != "webhooks.subscribe":
            started.append((name, args.get("look") or args["day"]))

    monkeypatch.setattr(worker.jobs, "enqueue", enqueue)

    def at(moment: datetime) -> list[tuple[str, str]]:
        started.clear()
        monkeypatch.setattr(clock, "now", lambda: moment)
        assert worker.start_looks() == len(started)
        return list(started)

    assert at(THEN + timedelta(hours=9)) == []
    # The next day: the first day of the shop is over for an hour, and a day has passed since it joined.
    assert at(THEN + timedelta(hours=12)) == [("sync.prove", "2026-11-20")]
    assert at(THEN + timedelta(days=1)) == [("sync.reconcile", "day"), ("sync.prove", "2026-11-20")]
    reconcile.reconcile(shop_id, as_of=THEN + timedelta(days=1), look="day")
    proof.prove(shop_id, THEN.date(), as_of=THEN + timedelta(days=1))
    assert at(THEN + timedelta(days=1, hours=1)) == []
    week = at(THEN + timedelta(days=7))
    assert week[0] == ("sync.reconcile", "week")
    assert [day for _, day in week[1:]] == ["2026-11-26", "2026-11-25", "2026-11-24", "2026-11-23"], "a few at a time"
