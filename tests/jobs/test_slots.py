"""A worker's seat: one holder at a time, taken over only when its lease ran out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connector import jobs
from connector.db import Database, Scope
from connector.errors import Conflict

SYSTEM = Scope.system("tests")
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
LATER = NOW + jobs.LEASE


def test_the_only_seat_is_refused_while_its_holder_lives(database: Database) -> None:
    with database.write(SYSTEM) as session:
        assert jobs.take_slot(session, "a", NOW, many=False) == "worker-1"
        assert jobs.take_slot(session, "b", NOW + timedelta(seconds=9), many=False) is None
        jobs.beat(session, "worker-1", "a", NOW + timedelta(seconds=9))
        assert jobs.take_slot(session, "b", LATER, many=False) is None
        assert jobs.take_slot(session, "b", LATER + timedelta(seconds=9), many=False) == "worker-1"
        with pytest.raises(Conflict):
            jobs.beat(session, "worker-1", "a", LATER + timedelta(seconds=9))


def test_workers_side_by_side_sit_apart_and_a_dead_seat_is_taken_first(database: Database) -> None:
    with database.write(SYSTEM) as session:
        assert [jobs.take_slot(session, owner, NOW, many=True) for owner in "abc"] == [
            "worker-1",
            "worker-2",
            "worker-3",
        ]
        jobs.beat(session, "worker-1", "a", LATER)
        jobs.beat(session, "worker-3", "c", LATER)
        assert jobs.dead_slots(session, LATER) == ["worker-2"]
        assert jobs.take_slot(session, "d", LATER, many=True) == "worker-2"
        assert jobs.dead_slots(session, LATER) == []


def test_a_dead_seat_is_held_while_its_jobs_are_taken_over(database: Database) -> None:
    with database.write(SYSTEM) as session:
        jobs.take_slot(session, "a", NOW, many=True)
        jobs.take_slot(session, "b", NOW, many=True)
        jobs.beat(session, "worker-1", "a", LATER)
        assert jobs.hold_dead_slot(session, "worker-2", "a", LATER)
        assert not jobs.hold_dead_slot(session, "worker-2", "c", LATER)
        assert not jobs.hold_dead_slot(session, "worker-1", "c", LATER)
        # Nobody launches under that name meanwhile: its live jobs would be put back into the queue.
        assert jobs.take_slot(session, "c", LATER, many=True) == "worker-3"
        jobs.release_dead_slot(session, "worker-2", "a", LATER)
        assert jobs.dead_slots(session, LATER) == []
        assert jobs.take_slot(session, "d", LATER, many=True) == "worker-2"


def test_a_seat_that_was_left_is_free_at_once(database: Database) -> None:
    with database.write(SYSTEM) as session:
        jobs.take_slot(session, "a", NOW, many=True)
        jobs.leave_slot(session, "worker-1", "b", NOW)
        assert jobs.dead_slots(session, NOW) == []
        jobs.leave_slot(session, "worker-1", "a", NOW)
        assert jobs.dead_slots(session, NOW) == ["worker-1"]
