"""The worker's own duties: one on SQLite, a dead one's jobs taken over, a chore that fails is done again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa

from connector import clock, db, jobs, worker
from connector.db import Database, Scope
from connector.errors import Conflict

SYSTEM = Scope.system("tests")


@contextmanager
def beating(slot: str, owner: str) -> Iterator[None]:
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(0.3):
            with db.write(SYSTEM) as session:
                jobs.beat(session, slot, owner, clock.wall())

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_a_second_worker_is_refused_while_the_first_lives(database: Database) -> None:
    stop = threading.Event()
    assert worker.take_seat("host:1:a", many=False, stop=stop) == "worker-1"
    with (
        beating("worker-1", "host:1:a"),
        pytest.raises(Conflict, match=r"running already \(host:1\): SQLite takes one"),
    ):
        worker.take_seat("host:2:b", many=False, stop=stop)
    assert worker.take_seat("host:3:c", many=True, stop=stop) == "worker-2"


def test_the_next_worker_waits_until_a_dead_ones_lease_has_run_out(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "LEASE", timedelta(seconds=2))
    stop = threading.Event()
    worker.take_seat("host:1:a", many=False, stop=stop)
    with db.read(SYSTEM) as session:
        first = jobs.holder(session)
        assert first is not None
        held_until = first.until
    assert worker.take_seat("host:2:b", many=False, stop=stop) == "worker-1"
    assert clock.wall() >= held_until
    stop.set()
    assert worker.take_seat("host:3:c", many=False, stop=stop) is None


def test_a_dead_workers_jobs_are_taken_over_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    recovered: list[list[str]] = []
    monkeypatch.setattr(jobs, "recover", lambda slots: recovered.append(slots) or 3)
    with db.write(SYSTEM) as session:
        long_ago = clock.wall() - timedelta(minutes=1)
        jobs.take_slot(session, "a", long_ago, many=True)
        jobs.take_slot(session, "b", long_ago, many=True)
        jobs.beat(session, "worker-1", "a", clock.wall())
    assert worker.take_over("worker-1", "a") == 3
    assert worker.take_over("worker-1", "a") == 0
    assert recovered == [["worker-2"]]
    # Its own seat, when its own heartbeat is late: the jobs are running right here.
    with db.write(SYSTEM) as session:
        session.execute(sa.update(jobs.WorkerSlot).values(until=long_ago, recovered_at=None))
    assert worker.take_over("worker-1", "a") == 3
    assert recovered == [["worker-2"], ["worker-2"]]
    with db.read(SYSTEM) as session:
        row = session.scalars(sa.select(jobs.WorkerSlot).where(jobs.WorkerSlot.slot == "worker-2")).one()
        assert row.recovered_at is not None
        assert row.until <= clock.wall()


def test_a_chore_that_fails_is_done_again_at_its_next_time() -> None:
    calls: list[float] = []

    def act() -> int:
        calls.append(1)
        raise RuntimeError("the store is away")

    chore = worker._Chore("test", 10.0, act)
    chore.do(100.0)
    chore.do(105.0)
    chore.do(110.0)
    assert len(calls) == 2
