"""The database: one URL, SQLite or PostgreSQL; sessions opened with a scope; the column types that all tables share.

A session says for whom it reads: `shop`, `creator`, `app`, or `system` (only where `tests/architecture` lists it).
PostgreSQL gets the scope as a transaction-local setting, for row level security to read.
SQLite has a single writer: `write()` takes the write lock at once (BEGIN IMMEDIATE), so two writers queue instead of
failing in the middle. No HTTP call may happen inside `write()`.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.sql.functions import FunctionElement

ScopeKind = Literal["shop", "creator", "app", "system"]


@dataclass(frozen=True, slots=True)
class Scope:
    """For whom a session reads and writes."""

    kind: ScopeKind
    subject: str = ""

    @classmethod
    def shop(cls, shop_id: str) -> Scope:
        return cls("shop", shop_id)

    @classmethod
    def creator(cls, creator_id: str) -> Scope:
        return cls("creator", creator_id)

    @classmethod
    def app(cls) -> Scope:
        return cls("app")

    @classmethod
    def system(cls, why: str) -> Scope:
        """All shops at once; `why` is logged and the call's place must be on the architecture test's list."""
        return cls("system", why)


class Moment(sa.types.TypeDecorator[datetime]):
    """An instant: TIMESTAMPTZ on PostgreSQL, UTC text on SQLite; always aware UTC in Python."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone can't be stored")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Mapped classes of all rooms share this metadata; constraint names are fixed so that migrations can name them."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        datetime: Moment(),
        int: sa.BigInteger(),
        str: sa.Text(),
        dict[str, Any]: sa.JSON(),
        list[Any]: sa.JSON(),
    }


_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]


_making_id = threading.Lock()
_newest_id = 0


def new_id(prefix: str) -> str:
    """A typed identifier, `ord_01j8…`: 48 bits of wall time, 80 random ones, in Crockford's base 32.

    The prefix keeps two id spaces from being mixed up; the time in front keeps indexes dense. Of two ids that one
    process makes the later is the greater, in one millisecond too: of two touches of one moment it says which is later.
    """
    global _newest_id
    number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    with _making_id:
        if number <= _newest_id:
            number = _newest_id + 1 + secrets.randbits(64)  # nobody guesses the next one from this one
        _newest_id = number
    return f"{prefix}_{base32(number, 26)}"


def base32(number: int, length: int) -> str:
    """`number` in Crockford's base 32, lower case, padded to `length`."""
    pairs = []
    for _ in range(length // 2):
        pairs.append(_PAIRS[number & 1023])
        number >>= 10
    if length % 2:
        pairs.append(_ALPHABET[number & 31])
    return "".join(reversed(pairs))


class Database:
    """One engine and the two ways to use it."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = sa.make_url(url)
        if self.url.drivername == "postgresql":
            self.url = self.url.set(drivername="postgresql+psycopg")
        self.engine = _engine(self.url, pool_size)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self, scope: Scope) -> Iterator[Session]:
        """A session that is rolled back at the end: nothing written in it stays."""
        with Session(self.engine, expire_on_commit=False) as session:
            _announce(session, scope)
            try:
                yield session
            finally:
                # Detached first: a rollback expires what it knows, and pages show rows after their session is closed.
                session.expunge_all()
                session.rollback()

    @contextmanager
    def snapshot(self, scope: Scope) -> Iterator[Session]:
        """As `read`, and all statements see one moment, whatever is committed meanwhile: audits and exports.

        The database itself refuses a write in it. PostgreSQL: a repeatable read; SQLite: any read transaction is one.
        """
        with Session(self.engine, expire_on_commit=False) as session:
            if self.is_sqlite:
                session.connection().exec_driver_sql("PRAGMA query_only=ON")
            else:
                session.connection(
                    execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
                )
            _announce(session, scope)
            try:
                yield session
            finally:
                session.expunge_all()
                if self.is_sqlite:
                    session.connection().exec_driver_sql("PRAGMA query_only=OFF")
                session.rollback()

    @contextmanager
    def write(self, scope: Scope) -> Iterator[Session]:
        """A session that commits at the end, or undoes everything when an error leaves the block."""
        with Session(self.engine, expire_on_commit=False) as session:
            session.connection(execution_options={"begin": "immediate"})
            _announce(session, scope)
            try:
                yield session
                session.commit()
            except BaseException:
                session.rollback()
                raise

    def close(self) -> None:
        self.engine.dispose()


def _announce(session: Session, scope: Scope) -> None:
    session.info["scope"] = scope
    if session.get_bind().dialect.name == "postgresql":
        session.execute(
            sa.text(
                "SELECT set_config('connector.scope', :kind, true), set_config('connector.subject', :subject, true)"
            ),
            {"kind": scope.kind, "subject": scope.subject},
        )


def _engine(url: sa.URL, pool_size: int) -> Engine:
    # Parameters stay out of error texts, and so out of logs: they hold tokens and what is told of buyers.
    if url.get_backend_name() == "sqlite":
        if url.database and url.database != ":memory:":
            os.makedirs(os.path.dirname(os.path.abspath(url.database)), exist_ok=True)
        engine = sa.create_engine(
            url,
            poolclass=sa.pool.QueuePool,
            pool_size=pool_size,
            max_overflow=20,
            connect_args={"check_same_thread": False, "timeout": 30},
            hide_parameters=True,
            **_JSON,
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    return sa.create_engine(
        url, pool_size=pool_size, max_overflow=20, pool_pre_ping=True, hide_parameters=True, **_JSON
    )


# JSON columns: several times faster than the standard library's, which every order passes nine times.
_JSON: dict[str, Any] = {
    "json_serializer": lambda value: msgspec.json.encode(value).decode(), "json_deserializer": msgspec.json.decode,
}  # fmt: skip


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # We say BEGIN ourselves: the driver's own habit of starting transactions late breaks savepoints and IMMEDIATE.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # Without it REPLACE deletes past the triggers that keep the ledger append-only.
    cursor.execute("PRAGMA recursive_triggers=ON")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    immediate = connection.get_execution_options().get("begin") == "immediate"
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def insert(session: Session | sa.Connection, table: Any) -> postgresql.Insert:
    """INSERT of the session's dialect, which both have `on_conflict_do_nothing` and `on_conflict_do_update`."""
    bind = session.get_bind() if isinstance(session, Session) else session
    if bind.dialect.name == "sqlite":
        return sqlite.insert(table)  # type: ignore[return-value]  # the two share the methods that we use
    return postgresql.insert(table)


class _List(sa.types.TypeDecorator[Sequence[str]]):
    """Some texts as one bound value."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> str:
        return msgspec.json.encode(value or []).decode()


class among(FunctionElement[bool]):  # noqa: N801  # it reads as the operator that it is
    """`among(column, "refs")`: the column is one of the texts bound as the list `refs`.

    IN with a value each becomes another statement for each number of values, compiled, parsed and planned anew; this
    one stays the same.
    """

    type = sa.Boolean()
    inherit_cache = True

    def __init__(self, column: Any, name: str) -> None:
        super().__init__(column, sa.bindparam(name, type_=_List()))

    def self_group(self, against: Any = None) -> among:
        """It is a comparison already: with the `= 1` that SQLAlchemy adds to functions SQLite uses no index."""
        return self


@compiles(among, "postgresql")
def _among_postgresql(element: among, compiler: Any, **named: Any) -> str:
    column, texts = (compiler.process(each, **named) for each in element.clauses)
    return f"{column} = ANY (ARRAY(SELECT json_array_elements_text(CAST({texts} AS json))))"


@compiles(among, "sqlite")
def _among_sqlite(element: among, compiler: Any, **named: Any) -> str:
    column, texts = (compiler.process(each, **named) for each in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({texts}))"  # noqa: S608  # compiled by SQLAlchemy, values bound


Write = sa.Insert | Callable[[sa.Connection, list[dict[str, Any]]], None]
_HELD_BACK = "held_back"


class HeldBack:
    """Rows of a whole batch that go into their tables together at its end: a statement a table and not one an order.

    Only what nothing reads before then may wait here: rows of an order that was made in this very batch. Who handles
    the same order again writes them first, outside of that delivery's savepoint.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows: dict[Write, list[dict[str, Any]]] = {}  # in the order in which tables were first written to

    def add(self, write: Write, rows: Sequence[dict[str, Any]]) -> None:
        self._rows.setdefault(write, []).extend(rows)

    def mark(self) -> dict[Write, int]:
        """How far it is filled, for `back_to`."""
        return {write: len(rows) for write, rows in self._rows.items()}

    def back_to(self, mark: Mapping[Write, int]) -> None:
        """Drop what came since: its savepoint was undone."""
        for write, rows in self._rows.items():
            del rows[mark.get(write, 0) :]

    def write(self) -> None:
        connection = self._session.connection()
        for write, rows in self._rows.items():
            if rows:
                _at_once(connection, write, rows)
        self._rows.clear()


def hold_back(session: Session) -> HeldBack:
    """From now on `later` waits, until the caller writes what was held back: before it commits."""
    held: HeldBack = session.info.setdefault(_HELD_BACK, HeldBack(session))
    return held


def held_back(session: Session) -> HeldBack | None:
    held: HeldBack | None = session.info.get(_HELD_BACK)
    return held


def later(session: Session, write: Write, rows: Sequence[dict[str, Any]], *, unread: bool) -> None:
    """Insert `rows`: at once, or (`unread`: nobody reads them before) at the batch's end where the session holds back.

    `write`: an INSERT, or what inserts all rows that it is given.
    """
    held = held_back(session) if unread else None
    if held is not None:
        held.add(write, rows)
    elif rows:
        _at_once(session.connection(), write, list(rows))


_AHEAD = "ahead"
Known = TypeVar("Known")


def know(session: Session, known: object) -> None:
    """Keep what a room has read for a whole batch ahead of its deliveries, one object a type, until `forget`."""
    session.info.setdefault(_AHEAD, {})[type(known)] = known


def known(session: Session, kind: type[Known]) -> Known | None:
    """What was read ahead. None: nothing was, so ask the database; what isn't found in it is asked there as well."""
    found: Known | None = session.info.get(_AHEAD, {}).get(kind)
    return found


def forget(session: Session) -> None:
    """From now on everything is asked again."""
    session.info.pop(_AHEAD, None)


def _at_once(connection: sa.Connection, write: Write, rows: list[dict[str, Any]]) -> None:
    if isinstance(write, sa.Insert):
        add_rows(connection, write.table, rows)
    else:
        write(connection, rows)


def add_rows(connection: sa.Connection, table: Any, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, all with the same columns, by the driver's fastest way: SQLAlchemy's own takes as long again.

    COPY on PostgreSQL (which knows no row level security), executemany on SQLite. Errors: SQLAlchemy's, as of any
    statement; KeyError where a row lacks a column that the first one has.
    """
    if not rows:
        return
    into = _into(table, connection.dialect.name, tuple(rows[0]))
    columns = [[row[name] for row in rows] for name in into.names]
    for number, convert in into.converters:
        columns[number] = _converted(columns[number], convert)
    values = list(zip(*columns, strict=True))
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(into.statement, values)
    else:
        _copy(connection, into.statement, values)


@dataclass(frozen=True, slots=True)
class _Into:
    """How rows with these columns go into a table: the statement, and what makes values that the driver takes."""

    statement: str
    names: tuple[str, ...]
    converters: list[tuple[int, Callable[[Any], Any]]]


@cache
def _into(table: sa.Table, dialect: str, names: tuple[str, ...]) -> _Into:
    left = [c.name for c in table.columns if c.name not in names and c.default is not None]
    if left:
        raise RuntimeError(f"{table.name}: {', '.join(left)} must be given, its default is made by nobody here")
    columns = [table.columns[name] for name in names]
    converters = [
        (number, convert)
        for number, column in enumerate(columns)
        if (convert := _converter(column.type, dialect)) is not None
    ]
    listed = ", ".join(f'"{name}"' for name in names)
    statement = f'COPY "{table.name}" ({listed}) FROM STDIN'
    if dialect == "sqlite":
        marks = ", ".join("?" * len(names))
        statement = f'INSERT INTO "{table.name}" ({listed}) VALUES ({marks})'  # noqa: S608  # our own names alone
    return _Into(statement, names, converters)


def _converter(kind: Any, dialect: str) -> Callable[[Any], Any] | None:
    if isinstance(kind, sa.JSON):
        encode: Callable[[Any], Any] = _JSON["json_serializer"]
        return encode
    if isinstance(kind, Moment):
        return _sqlite_moment if dialect == "sqlite" else _aware
    if isinstance(kind, sa.String | sa.Integer | sa.Boolean):
        return None
    raise RuntimeError(f"no rows with a column of type {kind!r} are inserted this way")


def _converted(values: list[Any], convert: Callable[[Any], Any]) -> list[Any]:
    """Each value converted; equal moments, of which a batch has many, once."""
    if convert not in (_sqlite_moment, _aware):
        return [convert(value) for value in values]
    known: dict[Any, Any] = {None: None}
    for value in values:
        if value not in known:
            known[value] = convert(value)
    return [known[value] for value in values]


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a time without a zone can't be stored")
    return value


def _sqlite_moment(value: datetime) -> str:
    """As SQLAlchemy writes it."""
    return _aware(value).astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _copy(connection: sa.Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except connection.dialect.dbapi.Error as error:  # type: ignore[union-attr]
        away = bool(connection.dialect.is_disconnect(error, driver, None))
        if away:
            connection.invalidate(error)
        error.args = (str(error).partition("\nCONTEXT:")[0],)  # which quotes the row
        raise sa.exc.DBAPIError.instance(  # the driver's error under SQLAlchemy's name, without the rows
            statement, None, error, connection.dialect.dbapi.Error,  # type: ignore[union-attr]
            hide_parameters=True, connection_invalidated=away, dialect=connection.dialect,
        ) from error  # fmt: skip


_current: Database | None = None
_lock = threading.Lock()


def use(database: Database) -> Database:
    """Make `database` the process's own; jobs and commands reach it by `current()`."""
    global _current
    with _lock:
        _current = database
    return database


def current() -> Database:
    if _current is None:
        raise RuntimeError("no database is open in this process: call db.use(Database(url)) first")
    return _current


def read(scope: Scope) -> AbstractContextManager[Session]:
    """`current().read(scope)`."""
    return current().read(scope)


def snapshot(scope: Scope) -> AbstractContextManager[Session]:
    """`current().snapshot(scope)`."""
    return current().snapshot(scope)


def write(scope: Scope) -> AbstractContextManager[Session]:
    """`current().write(scope)`."""
    return current().write(scope)
