"""Durable jobs: enqueued in the caller's transaction, run once, resumed after a stop or a death, fair among shops."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from connector import clock, jobs
from connector.config import Settings
from connector.db import Base, Database, Scope
from connector.migrations import schema

SYSTEM = Scope.system("tests")
SETTINGS = Settings(public_url="http://127.0.0.1:1", sealing_keys="k", hash_key="h", session_key="s", _env_file=None)  # type: ignore[call-arg, arg-type]


class Book:
    """What the jobs of a test did, in order."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.go = threading.Event()

    def write(self, what: str, about: str) -> None:
        self.lines.append((what, about))


@pytest.fixture
def book(monkeypatch: pytest.MonkeyPatch) -> Book:
    kept = Book()
    monkeypatch.setattr(jobs, "_workflows", {})

    @jobs.workflow("test.note")
    def note(about: str) -> int:
        kept.write("note", about)
        return len(about)

    @jobs.workflow("test.slow")
    def slow(shop_id: str, about: str) -> None:
        kept.write("start", f"{shop_id}/{about}")
        time.sleep(0.1)
        kept.write("end", f"{shop_id}/{about}")

    @jobs.step("first half")
    def half(about: str) -> None:
        kept.write("step", about)

    @jobs.workflow("test.waits")
    def waits(about: str) -> None:
        half(about)
        kept.write("waits", about)
        while not kept.go.is_set():
            jobs.pause(0.05)
        kept.write("done", about)

    return kept


@pytest.fixture
def worker(database: Database, book: Book) -> Iterator[Callable[[str], None]]:
    def launch(slot: str) -> None:
        jobs.launch(SETTINGS, database, slot)

    yield launch
    jobs.shutdown(wait_seconds=0)


def until(holds: Callable[[], bool], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def state(database: Database, workflow_id: str) -> str:
    table = "workflow_status" if database.is_sqlite else "dbos.workflow_status"
    with database.engine.connect() as connection:
        found = connection.execute(
            sa.text(f"SELECT status FROM {table} WHERE workflow_uuid = :id"), {"id": workflow_id}
        ).scalar()
    return str(found)


def test_a_job_starts_with_the_commit_and_never_twice(database: Database, book: Book, worker) -> None:
    with pytest.raises(RuntimeError):  # noqa: PT012
        with database.write(SYSTEM) as session:
            jobs.enqueue(session, "test.note", "undone", about="undone")
            raise RuntimeError("the change fails")
    began = time.monotonic()
    with database.write(SYSTEM) as session:
        first = jobs.enqueue(session, "test.note", "1", shop_id="shp_1", about="kept")
        again = jobs.enqueue(session, "test.note", "1", shop_id="shp_1", about="other")
    # A plain enqueue inside SQLite's open write transaction would wait 30 s for its own lock.
    assert time.monotonic() - began < 10
    assert first == again == "test.note:1"
    assert state(database, "test.note:undone") == "None"
    worker("worker-1")
    until(lambda: state(database, first) == "SUCCESS")
    with database.write(SYSTEM) as session:  # inside the worker too, after the end too
        jobs.enqueue(session, "test.note", "1", about="later")
        jobs.enqueue(session, "test.note", "2", about="of the house")
    until(lambda: state(database, "test.note:2") == "SUCCESS")
    assert book.lines == [("note", "kept"), ("note", "of the house")]


def test_arguments_are_json_ids_and_counts(database: Database, book: Book) -> None:
    with database.write(SYSTEM) as session:
        for wrong in (1.5, b"body", {"a": 1}, "x" * 201, ["x"] * 251, [None, object()]):
            with pytest.raises(TypeError):
                jobs.enqueue(session, "test.note", "w", about=wrong)  # type: ignore[arg-type]
        jobs.enqueue(session, "test.note", "1", shop_id="shp_1", refs=["1", "2"], count=3, flag=True)
    table = "workflow_input" if database.is_sqlite else "dbos.workflow_input"
    with database.engine.connect() as connection:
        stored = connection.execute(sa.text(f"SELECT inputs FROM {table}")).scalar_one()
    assert json.loads(stored) == {
        "namedArgs": {"refs": ["1", "2"], "count": 3, "flag": True, "shop_id": "shp_1"},
        "positionalArgs": [],
    }


def test_a_shop_waits_for_itself_and_nobody_else(database: Database, book: Book, worker) -> None:
    with database.write(SYSTEM) as session:
        for n in range(6):
            jobs.enqueue(session, "test.slow", f"a{n}", shop_id="shp_a", about=str(n))
        jobs.enqueue(session, "test.slow", "b", shop_id="shp_b", about="0")
    worker("worker-1")
    until(lambda: len(book.lines) == 14)
    of_a = [line for line in book.lines if line[1].startswith("shp_a")]
    assert [what for what, _ in of_a] == ["start", "end"] * 6
    assert [about for what, about in of_a if what == "start"] == [f"shp_a/{n}" for n in range(6)]
    assert book.lines.index(("end", "shp_b/0")) < book.lines.index(("start", "shp_a/2"))


def test_a_stopped_job_goes_on_where_it_was(database: Database, book: Book, worker) -> None:
    with database.write(SYSTEM) as session:
        jobs.enqueue(session, "test.waits", "1", about="x")
    worker("worker-1")
    until(lambda: ("waits", "x") in book.lines)
    jobs.shutdown(wait_seconds=5)
    assert state(database, "test.waits:1") == "PENDING"
    book.go.set()
    worker("worker-1")
    until(lambda: state(database, "test.waits:1") == "SUCCESS")
    assert book.lines == [("step", "x"), ("waits", "x"), ("waits", "x"), ("done", "x")]


def test_a_living_worker_takes_over_a_dead_ones_jobs(database: Database, book: Book, worker) -> None:
    # The call is private: raise the version of dbos only with this test at hand.
    assert importlib.metadata.version("dbos") == "3.4.0"
    with database.write(SYSTEM) as session:
        jobs.enqueue(session, "test.note", "1", shop_id="shp_1", about="x")
        jobs.enqueue(session, "test.note", "other", shop_id="shp_2", about="stays")
    table = "workflow_status" if database.is_sqlite else "dbos.workflow_status"
    with database.engine.begin() as connection:
        for key, version in (("1", "1"), ("other", "0")):
            connection.execute(
                sa.text(
                    f"UPDATE {table} SET status = 'PENDING', executor_id = 'worker-7', application_version = :v "
                    "WHERE workflow_uuid = :id"
                ),
                {"v": version, "id": f"test.note:{key}"},
            )
    worker("worker-1")
    time.sleep(1.2)
    assert book.lines == []  # a fresh name leaves the dead one's jobs alone, for ever
    assert jobs.recover(["worker-7"]) == 1
    until(lambda: state(database, "test.note:1") == "SUCCESS")
    assert jobs.recover(["worker-7"]) == 0
    assert book.lines == [("note", "x")]
    [left] = jobs.stranded(database, "1")
    assert (left.workflow_id, left.name, left.status, left.version) == ("test.note:other", "test.note", "PENDING", "0")
    assert jobs.forget_finished(database, clock.wall()) == 0
    assert jobs.forget_finished(database, clock.wall() + timedelta(days=jobs.KEEP_DAYS + 1)) == 1
    assert state(database, "test.note:1") == "None"
    assert jobs.unfinished(database) == 1


def test_a_step_outside_of_a_job_is_a_call() -> None:
    assert jobs.step("plain")(lambda left, right: left + right)(1, right=2) == 3


def test_no_table_of_ours_is_called_like_theirs(sqlite_database: Database) -> None:
    ours = set(schema.METADATA.tables)
    assert ours == set(Base.metadata.tables)
    assert not ours & jobs.their_tables()
    found = set(sa.inspect(sqlite_database.engine).get_table_names())
    assert found == ours | jobs.their_tables() | {"alembic_version"}


def test_importing_the_rooms_does_not_import_dbos() -> None:
    code = "import sys, connector.jobs, connector.migrations.schema; print('dbos' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
