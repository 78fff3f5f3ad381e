"""Durable jobs on DBOS 3.4: how rooms start work by name, and how a worker holds its seat.

A room writes `@jobs.workflow("sync.first")` over a plain function; whoever changes something that needs it calls
`jobs.enqueue(session, "sync.first", key, …)` in the change's own transaction. Only `connector worker` calls `launch`.
Nothing here imports dbos until it is used: a web process that never enqueues does not pay for it.

Arguments and results are ids and counts, checked at the door: never tokens, bodies, people or pages.
The rules of use, and why, are in decisions/0001.
"""

from __future__ import annotations

import inspect
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from connector.config import Settings
from connector.db import Base, Database, new_id
from connector.errors import Conflict

if TYPE_CHECKING:
    from dbos import DBOSClient

P = ParamSpec("P")
R = TypeVar("R")
Argument = str | int | bool | None | list[str]

APPLICATION = "connector"
# `pulls` holds what may take an hour, `shops` what is over in a minute: a long pull must not keep a subscription or a
# read of the same shop waiting. Both run one job a shop at a time, and the shops take turns.
PULLS, SHOPS = "pulls", "shops"
LONG_JOBS = frozenset({"feeds.build", "sync.first", "sync.prove", "sync.reconcile"})
HOUSE = "house"  # the partition of jobs that belong to no shop
AT_ONCE = 8  # jobs of one queue that one worker runs at a time
LEASE = timedelta(seconds=15)  # how long a seat stays taken without a heartbeat; a killed worker's work waits so long
KEEP_DAYS = 30  # finished jobs are kept so long, then their key may be used again


class WorkerSlot(Base):
    """A worker's seat (its DBOS executor id), held by a lease with a heartbeat (wall time)."""

    __tablename__ = "worker_slots"

    slot: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    until: Mapped[datetime]
    taken_at: Mapped[datetime]
    recovered_at: Mapped[datetime | None]


class Stopping(BaseException):
    """The worker is being stopped: leave the job where it is, it goes on at its checkpoint elsewhere.

    A BaseException, since DBOS writes every Exception down as the job's failed end, and this is none.
    """


# ------------------------------------------------------------------ jobs by name

_workflows: dict[str, Callable[..., Any]] = {}
_stopping = threading.Event()
_launched = False


def workflow(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Register a job. The function stays a plain one, so that tests and commands may call it.

    Its body must be the same sequence of steps at every run; a job that keeps its own checkpoint needs no steps.
    """

    def register(function: Callable[P, R]) -> Callable[P, R]:
        _workflows[name] = function
        return function

    return register


def step(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function's result a checkpoint inside a job; outside of one it is an ordinary call.

    A step may run twice when a kill hits between its end and its record: it must be idempotent.
    """

    def wrap(function: Callable[P, R]) -> Callable[P, R]:
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            if not _launched or not _inside_job():
                return function(*args, **kwargs)
            from dbos import DBOS

            return DBOS.run_step({"name": name}, function, *args, **kwargs)

        return run

    return wrap


def _inside_job() -> bool:
    from dbos import DBOS

    return DBOS.workflow_id is not None and DBOS.step_id is None


def names() -> frozenset[str]:
    """The jobs that this process knows (the rooms that were imported)."""
    return frozenset(_workflows)


def enqueue(session: Session, name: str, key: str, *, shop_id: str | None = None, **args: Argument) -> str:
    """Start a job when the session's transaction commits; its id is `name:key`.

    The same key never runs twice (within KEEP_DAYS): put the run's id, or the hour, into it. `shop_id` picks the
    queue's partition, and is handed to the job's function if that takes it.
    Errors: TypeError for an argument that is no id, count or flag.
    """
    for field, value in args.items():
        _check_argument(field, value)
    if shop_id is not None:
        args["shop_id"] = shop_id
    workflow_id = f"{name}:{key}"
    _client(session.get_bind().engine.url).enqueue_in_transaction(
        session,
        {
            "workflow_name": name,
            "queue_name": PULLS if name in LONG_JOBS else SHOPS,
            "workflow_id": workflow_id,
            "queue_partition_key": shop_id or HOUSE,
        },
        **args,
    )
    return workflow_id


def _check_argument(field: str, value: Argument) -> None:
    values = value if isinstance(value, list) else [value]
    for item in values:
        if not (item is None or isinstance(item, int | bool) or (isinstance(item, str) and len(item) <= 200)):
            raise TypeError(f"{field}: a job takes ids and counts, not {type(item).__name__}")
    if len(values) > 250:
        raise TypeError(f"{field}: {len(values)} ids are too many for one job")


_clients: dict[tuple[int, str], DBOSClient] = {}
_clients_lock = threading.Lock()


def _client(url: sa.URL) -> DBOSClient:
    """One client a process and database, made after the fork and without connecting."""
    key = (os.getpid(), url.render_as_string(hide_password=False))
    with _clients_lock:
        if key not in _clients:
            from dbos import DBOSClient, DBOSPortableJSONSerializer

            _clients[key] = DBOSClient(
                system_database_url=key[1],
                serializer=DBOSPortableJSONSerializer(),
                system_database_pool_size=1,
                application_name=APPLICATION,
                lazy=True,
            )
        return _clients[key]


def prepare(database: Database) -> None:
    """Make DBOS's own tables (on PostgreSQL in their schema `dbos`), so that the web may enqueue before any worker.

    Safe to run again, and at once from several processes.
    """
    from dbos import DBOS

    with _quiet():
        DBOS.migrate(database.url.render_as_string(hide_password=False))


def their_tables() -> frozenset[str]:
    """Names of DBOS's tables. On SQLite they share our namespace: none of ours may be called so."""
    from dbos._schemas.system_database import SystemSchema

    return frozenset({table.name for table in SystemSchema.metadata_obj.tables.values()} | {"dbos_migrations"})


@contextmanager
def _quiet() -> Iterator[None]:
    """DBOS tells each of its schema steps at level info."""
    logger = logging.getLogger("dbos")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)


# ------------------------------------------------------------------ what only a worker does


def launch(settings: Settings, database: Database, slot: str) -> None:
    """Start DBOS in this process as `slot`, with every job that the imported rooms registered.

    What the slot's last holder left unfinished goes on at once.
    """
    global _launched
    from dbos import DBOS, DBOSPortableJSONSerializer

    _stopping.clear()
    # With a handler of ours DBOS adds none of its own: its lines go the way of all others, scrubbed.
    logging.getLogger("dbos").addHandler(logging.NullHandler())
    DBOS(
        config={
            "name": APPLICATION,
            "system_database_url": database.url.render_as_string(hide_password=False),
            "application_version": settings.application_version,
            "executor_id": slot,
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "WARNING",
            "sys_db_pool_size": 5,
        }
    )
    for name, function in _workflows.items():
        DBOS.workflow(name=name)(_as_called(function))
    DBOS.launch()
    # A worker of this version was started on purpose: it takes the jobs that name no version, after a step back too.
    DBOS.set_latest_application_version(settings.application_version)
    for queue in (PULLS, SHOPS):
        DBOS.register_queue(
            queue,
            worker_concurrency=AT_ONCE,
            partition_concurrency=1,
            polling_interval_sec=0.5,
            on_conflict="always_update",
        )
    _launched = True


def _as_called(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as DBOS calls it: by name, with the shop only where the function takes it."""
    takes_shop = "shop_id" in inspect.signature(function).parameters

    def run(**args: Any) -> Any:
        if not takes_shop:
            args.pop("shop_id", None)
        return function(**args)

    return run


def shutdown(wait_seconds: int = 20) -> None:
    """Take no more jobs, let the running ones reach their next checkpoint, and leave them resumable."""
    global _launched
    from dbos import DBOS

    _stopping.set()
    _launched = False
    with _quiet():
        DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=wait_seconds)


def stopping() -> bool:
    return _stopping.is_set()


def check() -> None:
    """Called by long jobs at each checkpoint. Errors: Stopping, which no job may catch."""
    if _stopping.is_set():
        raise Stopping


def pause(seconds: float) -> None:
    """Wait inside a job; a stop ends the wait. Errors: Stopping."""
    _stopping.wait(seconds)
    check()


def recover(slots: list[str]) -> int:
    """Put the unfinished jobs of dead slots back into their queues; how many there were.

    The one private call of DBOS that we make (its public way goes through its hosted service). It names the dead
    executors in the UPDATE's WHERE, so that doing it twice changes nothing. tests/jobs holds it to version 3.4.0.
    """
    from dbos import DBOS

    with _quiet():
        return len(DBOS._recover_pending_workflows(slots))


@dataclass(frozen=True, slots=True)
class Stranded:
    """An unfinished job of another application version, that no worker of ours will take."""

    workflow_id: str
    name: str
    status: str
    version: str
    since: datetime


def stranded(database: Database, version: str) -> list[Stranded]:
    """Unfinished jobs that wait for another application version; `connector doctor` shows them."""
    found = _client(database.engine.url).list_workflows(
        status=["PENDING", "ENQUEUED", "DELAYED"], limit=1000, load_input=False, load_output=False
    )
    return [
        Stranded(
            row.workflow_id,
            row.name,
            row.status,
            row.app_version,
            datetime.fromtimestamp((row.created_at or 0) / 1000, UTC),
        )
        for row in found
        if row.app_version is not None and row.app_version != version
    ]


def unfinished(database: Database) -> int:
    """How many jobs wait or run."""
    return len(
        _client(database.engine.url).list_workflows(
            status=["PENDING", "ENQUEUED", "DELAYED"], limit=10_000, load_input=False, load_output=False
        )
    )


def forget_finished(database: Database, now: datetime, batch: int = 500) -> int:
    """Delete the rows of jobs that ended more than KEEP_DAYS ago, a batch at a time; how many."""
    client = _client(database.engine.url)
    before = (now - timedelta(days=KEEP_DAYS)).isoformat()
    gone = 0
    while True:
        found = client.list_workflows(
            status=["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"],
            completed_before=before,
            limit=batch,
            load_input=False,
            load_output=False,
        )
        if not found:
            return gone
        client.delete_workflows([row.workflow_id for row in found])
        gone += len(found)


# ------------------------------------------------------------------ seats


def owner_name() -> str:
    """Who holds a lease: host, process and a random part, so that a process id used again is another owner."""
    return f"{socket.gethostname()}:{os.getpid()}:{new_id('own')[-8:]}"


def take_slot(session: Session, owner: str, now: datetime, *, many: bool) -> str | None:
    """A free seat, taken; None when the only one (`many` False: SQLite has one worker) is held by a living worker.

    A seat whose lease ran out is taken first: launching under its name picks its unfinished jobs up.
    """
    held = session.scalars(sa.select(WorkerSlot).order_by(WorkerSlot.slot).with_for_update()).all()
    for row in held:
        if row.until <= now:
            row.owner, row.until, row.taken_at, row.recovered_at = owner, now + LEASE, now, None
            session.flush()
            return row.slot
    if held and not many:
        return None
    slot = f"worker-{len(held) + 1}"
    session.add(WorkerSlot(slot=slot, owner=owner, until=now + LEASE, taken_at=now, recovered_at=None))
    session.flush()
    return slot


def holder(session: Session) -> WorkerSlot | None:
    """The seat whose lease runs longest: the living worker, where there is one."""
    return session.scalars(sa.select(WorkerSlot).order_by(WorkerSlot.until.desc()).limit(1)).first()


def beat(session: Session, slot: str, owner: str, now: datetime) -> None:
    """Renew the lease. Errors: Conflict when another owner has the seat: this worker must stop at once."""
    renewed = session.execute(
        sa.update(WorkerSlot).where(WorkerSlot.slot == slot, WorkerSlot.owner == owner).values(until=now + LEASE)
    )
    if _rowcount(renewed) == 0:
        raise Conflict(f"the seat {slot} was taken over while this worker was silent")


def leave_slot(session: Session, slot: str, owner: str, now: datetime) -> None:
    """Give the seat up; a living worker, or the next one, takes over what is unfinished in it."""
    session.execute(sa.update(WorkerSlot).where(WorkerSlot.slot == slot, WorkerSlot.owner == owner).values(until=now))


def dead_slots(session: Session, now: datetime, own: str = "") -> list[str]:
    """Seats whose lease ran out and whose jobs nobody has taken over since. Never `own`: its jobs run right here."""
    return list(
        session.scalars(
            sa.select(WorkerSlot.slot).where(
                WorkerSlot.slot != own,
                WorkerSlot.until <= now,
                sa.or_(WorkerSlot.recovered_at.is_(None), WorkerSlot.recovered_at < WorkerSlot.until),
            )
        )
    )


def hold_dead_slot(session: Session, slot: str, owner: str, now: datetime) -> bool:
    """Hold a dead seat while its jobs are taken over, so that no new worker launches under its name meanwhile."""
    held = session.execute(
        sa.update(WorkerSlot)
        .where(WorkerSlot.slot == slot, WorkerSlot.until <= now)
        .values(owner=owner, until=now + LEASE)
    )
    return _rowcount(held) == 1


def release_dead_slot(session: Session, slot: str, owner: str, now: datetime) -> None:
    session.execute(
        sa.update(WorkerSlot)
        .where(WorkerSlot.slot == slot, WorkerSlot.owner == owner)
        .values(until=now, recovered_at=now)
    )


def _rowcount(result: sa.Result[Any]) -> int:
    return result.rowcount if isinstance(result, sa.CursorResult) else 0
