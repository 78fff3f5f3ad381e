"""The line in front of the inbox: deliveries that arrive together are made durable together (group commit).

On SQLite one durable commit a delivery would be one fsync each, one after another. So the first of the requests that
wait in one process writes for all that stand in line: one INSERT, one commit. Each is answered when its own row is
durable. A group that fails is tried row by row, so that one bad row spoils nothing for the others.

This is the one place that speaks to the driver without SQLAlchemy: its compiled INSERT is used, its overhead a request
is not (it was a third of an answer's time, see bench/README.md).
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db, telemetry
from connector.commerce.shops.tables import Shop
from connector.db import Database
from connector.webhooks.tables import DeliveryRow, RejectedCount

# A platform gives us five seconds in all; what waits longer for SQLite's writer is better sent again.
LOCK_WAIT_MS = 3500
GROUP = 64
LOOK_AGAIN = 0.004  # seconds; the drain leaves more between two of its batches
# PostgreSQL brings commits of several connections to the disk together by itself; a line of our own in front of it only
# adds waiting (measured: 0.76 of the bare application with one writer, 0.85 to 1.0 with eight). SQLite has one writer.
WRITERS = 8
_COLUMNS = (
    "id", "platform", "domain", "shop_id", "topic", "delivery_key", "body_key", "delivery_ref", "event_ref",
    "triggered_at", "api_version", "received_at", "headers", "body_sealed", "body_hash", "body_size", "order_ref",
    "product_ref", "status", "reason",
)  # fmt: skip
_MOMENTS = frozenset({"triggered_at", "received_at"})
# The same for every row, so they stand in the statement.
_FIXED = {"detail": "''", "tries": "0", "repeats": "0"}
Row = dict[str, Any]
_encoder = msgspec.json.Encoder()
_log = telemetry.logger(__name__)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a delivery. `repeat`: no new row."""

    delivery_id: str
    repeat: bool


class _Waiting:
    """One request in line: how its row is made, and what became of it."""

    __slots__ = ("_called", "error", "make", "next", "receipt", "row", "writer")

    def __init__(self, make: Callable[[], Row]) -> None:
        self.make = make
        self.row: Row = {}
        self.receipt: Receipt | None = None
        self.error: BaseException | None = None
        self.writer: _Insert | None = None  # set: it is our turn to write
        self.next: _Waiting | None = None  # of the same group, to be called by us
        self._called = threading.Lock()
        self._called.acquire()

    def call(self) -> None:
        """Its row is settled, or it is its turn to write. Called once."""
        self._called.release()

    def wait(self) -> None:
        self._called.acquire()
        if self.next is not None:
            self.next.call()


class Line:
    """The requests of one process that wait for one database.

    As many write at a time as there are writers, each for all that stand in line when its turn comes; who is done hands
    its writer on to the next in line.
    """

    def __init__(self, database: Database) -> None:
        self._engine = _own_engine(database)
        self._file = Path(database.url.database) if database.is_sqlite and database.url.database else None
        self._inode = inode(self._file)
        self.exchanged = (
            False  # SQLite's file is gone or another one: what is written now would be lost with the old one
        )
        self._free = [_Insert(self._engine) for _ in range(1 if database.is_sqlite else WRITERS)]
        self._standing: list[_Waiting] = []
        self._lock = threading.Lock()
        # Shops are never deleted and keep their id, so what was found once stays true.
        self._shops: dict[tuple[str, str], str] = {}
        self._rejected: dict[tuple[str, str, str], int] = {}
        self._rejected_lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._seconds, self._measured_at = 0.0, 0.0  # of the last groups, falling by half; when

    def load(self) -> tuple[int, float, float]:
        """How many stand in line, seconds that a group lately took, and when (monotonic) that was measured."""
        return len(self._standing), self._seconds, self._measured_at

    def put(self, make: Callable[[], Row]) -> Receipt:
        """Durable, or an error. `make` gives the columns of `deliveries` but for what only the shop decides.

        It is called once, by whoever writes for the group: threads that each hash and seal a body only take the
        interpreter from one another (13 changes of thread a request, and a third of the rate). What it raises is
        raised here.
        """
        mine = _Waiting(make)
        with self._lock:
            if self._free:
                mine.writer = self._free.pop()
            else:
                self._standing.append(mine)
        if mine.writer is None:
            mine.wait()
        if mine.writer is not None:
            self._lead(mine, mine.writer)
        if mine.receipt is None:
            raise mine.error or RuntimeError("a delivery left the line without an answer")
        return mine.receipt

    def _lead(self, mine: _Waiting, writer: _Insert) -> None:
        with self._lock:
            group = [mine, *self._standing[: GROUP - 1]]
            del self._standing[: GROUP - 1]
        began = time.monotonic()
        try:
            self._settle(writer, _made(group))
        finally:
            self._measured_at = time.monotonic()
            took = self._measured_at - began
            # Up at once, down by halves: one slow commit is a warning, several quick ones lift it.
            self._seconds = took if took > self._seconds else (took + self._seconds) / 2
            heir: _Waiting | None = None
            with self._lock:
                if self._standing:
                    heir = self._standing.pop(0)
                    heir.writer = writer
                else:
                    self._free.append(writer)
            # One calls the next: called all at once they would only queue for the interpreter.
            queue = [*group[1:], heir] if heir is not None else group[1:]
            for one, other in pairwise(queue):
                one.next = other
            if queue:
                queue[0].call()

    def _settle(self, writer: _Insert, group: list[_Waiting]) -> None:
        """Write a group; every one of them gets a receipt or an error."""
        if not group:
            return
        try:
            receipts = self._write(writer, [each.row for each in group])
        except Exception as error:
            if len(group) == 1 or _away(error):
                for each in group:
                    each.error = error
                return
            for each in group:
                self._settle(writer, [each])
        else:
            for each, receipt in zip(group, receipts, strict=True):
                each.receipt = receipt

    def _write(self, writer: _Insert, rows: list[dict[str, Any]]) -> list[Receipt]:
        if self._file is not None and inode(self._file) != self._inode:
            self.exchanged = True
            raise sa.exc.OperationalError("INSERT INTO deliveries", None, FileNotFoundError("the file is another one"))
        for row in rows:
            shop_id = self.shop(row["platform"], row["domain"])
            row["shop_id"] = shop_id
            row["status"], row["reason"] = ("waiting", "") if shop_id else ("parked", "unknown_store")
        if writer(rows) == len(rows):
            return [Receipt(row["id"], repeat=False) for row in rows]
        with self._engine.connect().execution_options(begin="immediate") as connection:
            ours = sa.select(DeliveryRow.id).where(DeliveryRow.id.in_([row["id"] for row in rows]))
            written = set(connection.execute(ours).scalars())
            receipts = [
                Receipt(row["id"], repeat=False) if row["id"] in written else Receipt(_repeat(connection, row), True)
                for row in rows
            ]
            connection.commit()
        return receipts

    def shop(self, platform: str, domain: str) -> str | None:
        """Our id of the shop that goes by this domain."""
        known = self._shops.get((platform, domain))
        if known is None:
            with self._engine.connect() as connection:
                known = connection.execute(
                    sa.select(Shop.id).where(Shop.platform == platform, Shop.domain == domain)
                ).scalar_one_or_none()
            if known is not None:
                self._shops[platform, domain] = known
        return known

    def count(self, platform_slug: str, reason: str) -> None:
        """Count a refused delivery: written now, or within a second together with those that follow."""
        key = (platform_slug, clock.wall().strftime("%Y-%m-%d"), reason)
        with self._rejected_lock:
            self._rejected[key] = self._rejected.get(key, 0) + 1
            if self._timer is not None:
                return
            self._timer = threading.Timer(1.0, self._after_a_second)
            self._timer.daemon = True
            self._timer.start()
        self._write_counts()

    def _after_a_second(self) -> None:
        with self._rejected_lock:
            self._timer = None
        self._write_counts()

    def _write_counts(self) -> None:
        with self._rejected_lock:
            counted, self._rejected = self._rejected, {}
        if not counted:
            return
        try:
            with Session(self._engine) as session:
                session.connection(execution_options={"begin": "immediate"})
                for (platform, day, reason), number in counted.items():
                    values = {"platform": platform, "day": day, "reason": reason, "count": number}
                    insert = db.insert(session, RejectedCount).values(**values)
                    more = {"count": RejectedCount.count + number}
                    session.execute(
                        insert.on_conflict_do_update(index_elements=["platform", "day", "reason"], set_=more)
                    )
                session.commit()
        except sa.exc.SQLAlchemyError as error:
            _log.warning("rejections.not_counted", error=str(error).splitlines()[0], number=sum(counted.values()))
            with self._rejected_lock:
                for key, number in counted.items():
                    self._rejected[key] = self._rejected.get(key, 0) + number


def inode(path: Path | None) -> int | None:
    """Which file a path stands for; None: there is none."""
    try:
        return None if path is None else os.stat(path).st_ino
    except OSError:
        return None


def _made(group: list[_Waiting]) -> list[_Waiting]:
    """Those whose row could be made; the others have their error."""
    ready = []
    for each in group:
        try:
            each.row = each.make()
        except Exception as error:
            each.error = error
        else:
            ready.append(each)
    return ready


_lines: WeakKeyDictionary[Database, Line] = WeakKeyDictionary()
_lines_lock = threading.Lock()


def of(database: Database) -> Line:
    """The line of this process for `database`."""
    line = _lines.get(database)
    if line is None:
        with _lines_lock:
            line = _lines.get(database)
            if line is None:
                line = _lines[database] = Line(database)
    return line


def forget(database: Database) -> None:
    """Make the next delivery open a line anew: the file behind it is another one."""
    with _lines_lock:
        _lines.pop(database, None)


class _Insert:
    """INSERT … ON CONFLICT DO NOTHING of some rows, one durable statement on its own connection; how many it wrote.

    Which ones is asked only where some were repeats: RETURNING gives the interpreter away once a row.
    Used by one request at a time, so it has one connection. A connection that broke is replaced and the group tried
    once more: a row that was committed all the same is found again by its primary key and stays one row.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._sqlite = engine.dialect.name == "sqlite"
        self._connection: Any = None
        self._cursor: Any = None
        self._statements: dict[int, str] = {}
        self._adapt: list[tuple[str, Callable[[Any], Any] | None]] = [
            (name, _json if name == "headers" else _moment_of_sqlite if self._sqlite and name in _MOMENTS else None)
            for name in _COLUMNS
        ]

    def __call__(self, rows: Sequence[Row]) -> int:
        parameters = [adapt(row[name]) if adapt else row[name] for row in rows for name, adapt in self._adapt]
        try:
            try:
                return self._run(len(rows), parameters)
            except self._errors(("OperationalError", "InterfaceError")):
                self._forget()
                if self._sqlite:
                    raise
                return self._run(len(rows), parameters)
        except self._errors(("Error",)) as error:
            self._forget()
            raise _named(self._engine, error) from error

    def _run(self, number: int, parameters: list[Any]) -> int:
        if self._connection is None:
            self._connection = _detached(self._engine)
            # The driver's own cursor, kept: making one through the pool's stand-in took longer than the parameters do.
            self._cursor = self._connection.dbapi_connection.cursor()
            if self._sqlite:
                self._cursor.execute("PRAGMA busy_timeout=0")
        self._execute(self._statement(number), parameters)
        # Both drivers are in autocommit: the statement is a transaction.
        return int(self._cursor.rowcount)

    def _execute(self, statement: str, parameters: list[Any]) -> None:
        """SQLite's own waiting looks ever more rarely, in the end every 100 ms, and misses the gaps that a busy worker
        leaves; so we look ourselves, every few milliseconds."""
        until = time.monotonic() + LOCK_WAIT_MS / 1000
        while True:
            try:
                self._cursor.execute(statement, parameters)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
                time.sleep(LOOK_AGAIN)
            else:
                return

    def _statement(self, number: int) -> str:
        if number not in self._statements:
            mark = "?" if self._sqlite else "%s"
            row = "(" + ", ".join([*(mark for _ in _COLUMNS), *_FIXED.values()]) + ")"
            names, values = ", ".join((*_COLUMNS, *_FIXED)), ", ".join([row] * number)
            self._statements[number] = (
                f"INSERT INTO {DeliveryRow.__tablename__} ({names}) VALUES {values} "  # noqa: S608
                "ON CONFLICT DO NOTHING"
            )
        return self._statements[number]

    def _forget(self) -> None:
        broken, self._connection, self._cursor = self._connection, None, None
        if broken is not None:
            try:
                broken.close()
            except Exception as error:
                _log.debug("inbox.connection_did_not_close", error=type(error).__name__)

    def _errors(self, names: tuple[str, ...]) -> tuple[type[BaseException], ...]:
        module = self._engine.dialect.dbapi
        return tuple(getattr(module, name) for name in names)


def _detached(engine: sa.Engine) -> Any:
    """A driver's connection, set up as all of the engine's are, that the pool no longer counts; in autocommit."""
    borrowed: Any = engine.raw_connection()
    borrowed.detach()
    if engine.dialect.name == "postgresql":
        borrowed.dbapi_connection.autocommit = True
    return borrowed


def _named(engine: sa.Engine, error: BaseException) -> BaseException:
    """The driver's error as SQLAlchemy's, which the rest of the product knows."""
    module: Any = engine.dialect.dbapi
    return sa.exc.DBAPIError.instance("INSERT INTO deliveries", None, error, module.Error, hide_parameters=True)


def _json(value: Any) -> str:
    return _encoder.encode(value).decode()


def _moment_of_sqlite(value: datetime | None) -> str | None:
    """As `db.Moment` writes it."""
    return None if value is None else value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _own_engine(database: Database) -> sa.Engine:
    """On SQLite an engine of our own, which gives up on the writer before the platform gives up on us."""
    if not database.is_sqlite:
        return database.engine
    engine = Database(database.url.render_as_string(hide_password=False), pool_size=1).engine

    @sa.event.listens_for(engine, "connect")
    def wait_less(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA busy_timeout={LOCK_WAIT_MS}")

    return engine


def _away(error: Exception) -> bool:
    """Is the database itself the trouble, so that trying rows one by one makes everybody wait? A deadlock isn't."""
    if not isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError | sa.exc.TimeoutError):
        return False
    return getattr(getattr(error, "orig", None), "sqlstate", None) != "40P01"


def _repeat(connection: sa.Connection, row: dict[str, Any]) -> str:
    """Count a repeat on the row that was first. A later trigger time of the same body puts it back to the drain."""
    same = [DeliveryRow.id == row["id"]]
    if row["delivery_key"] is not None:
        same.append(DeliveryRow.delivery_key == row["delivery_key"])
    if row["body_key"] is not None:
        same.append(DeliveryRow.body_key == row["body_key"])
    first = connection.execute(
        sa.select(DeliveryRow.id, DeliveryRow.triggered_at, DeliveryRow.body_hash, DeliveryRow.status)
        .where(sa.or_(*same))
        .order_by(DeliveryRow.id)
        .limit(1)
        .with_for_update()
    ).one()
    if first.id == row["id"]:  # ours after all: it was committed before its connection broke
        return str(first.id)
    values: dict[str, Any] = {"repeats": DeliveryRow.repeats + 1}
    heard = row["triggered_at"]
    if heard and first.body_hash == row["body_hash"] and (first.triggered_at is None or heard > first.triggered_at):
        values["triggered_at"] = heard
        if first.status == "done" and row["body_key"] is not None:
            values |= {"status": "waiting", "tries": 0, "next_try_at": None}
    connection.execute(sa.update(DeliveryRow).where(DeliveryRow.id == first.id).values(**values))
    return str(first.id)
