"""One PostgreSQL database for many tests: emptied after each, made anew after one that left more than rows behind.

Making and dropping a database costs most of a second, emptying one a few thousandths, filling it with a world's rows
some hundredths. The engine stays from test to test, and so do its idle connections: what they have compiled, planned
and looked up serves the next test too.
"""

from __future__ import annotations

import hashlib
import secrets
from copy import copy

import sqlalchemy as sa

from connector.db import Database

# What a test may change besides rows: tables, columns, indexes, functions, triggers, settings of a table.
_SHAPE = """
SELECT string_agg(piece, '|' ORDER BY piece) FROM (
  SELECT format('%s.%s.%s.%s', n.nspname, c.relname, c.relkind, c.relrowsecurity)
    || coalesce((SELECT string_agg(format('%s:%s:%s', attname, atttypid, attnotnull), ',' ORDER BY attnum)
         FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0), '')
    || coalesce((SELECT string_agg(format('%s:%s', tgname, tgenabled), ',' ORDER BY tgname)
         FROM pg_trigger WHERE tgrelid = c.oid), '') AS piece
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  UNION ALL
  SELECT format('%s.%s:%s', n.nspname, p.proname, md5(p.prosrc))
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
) AS pieces
"""
# Who wrote the catalog's rows last: while this stays the same no shape has changed, and the long question isn't asked.
_WRITTEN = """
SELECT concat_ws('|',
  (SELECT format('%s.%s', count(*), sum(xmin::text::bigint)) FROM pg_class WHERE oid >= 16384),
  (SELECT format('%s.%s', count(*), sum(xmin::text::bigint)) FROM pg_attribute WHERE attrelid >= 16384),
  (SELECT format('%s.%s', count(*), sum(xmin::text::bigint)) FROM pg_trigger),
  (SELECT format('%s.%s', count(*), sum(xmin::text::bigint)) FROM pg_proc WHERE oid >= 16384))
"""
_TABLES = """
SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') ORDER BY 1
"""
# A test's threads and processes have no business in the next test; neither has a lock that a session still holds.
_END_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
  AND (pid <> ALL(%(ours)s) OR state <> 'idle' OR pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory'))
"""


class Reused:
    """A database made from a template, lent to one test after the other.

    `world`: the template holds rows that each test is to find as they were; without it only those of the migrations.
    """

    def __init__(self, admin: sa.Engine, template: str, *, world: bool = False) -> None:
        self._admin, self._template, self._world = admin, template, world
        self._held: dict[str, bytes] = {}  # table → its rows, as COPY wrote them
        self._counted: list[tuple[str, int]] = []  # sequence → where it stood
        self._lent: Database | None = None
        self._own: sa.Connection | None = None

    def lend(self) -> Database:
        """A database that is as the template was."""
        if self._lent is None:
            name = f"test_{secrets.token_hex(6)}"
            with self._admin.connect() as connection:
                connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {self._template}")
            url = self._admin.url.set(database=name)
            self._lent = Database(url.render_as_string(hide_password=False))
            # No pool: a test may end every connection to its database.
            self._engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
            asked = self._connection()
            self._shape, self._tables = self._seen(asked), list(asked.execute(sa.text(_TABLES)).scalars())
            filled = self._any(asked, self._tables)
            self._kept = [] if self._world else filled
            if self._world:
                self._held = {name: self._copied(asked, name) for name in filled}
                self._counted = self._standing(asked)
            self._rows, self._written = self._digest(asked), self._writers(asked)
        return copy(self._lent)  # what the product keeps for a database begins anew with each; the engine is one

    def take_back(self) -> None:
        """Empty it; when a test changed more than rows of ours, let it go and make another one next time."""
        assert self._lent is not None
        if self._lent.engine.pool.checkedout():  # type: ignore[attr-defined]
            self._lent.close()  # a thread of the test still has one: it is ended below
        asked = self._connection()
        asked.exec_driver_sql(_END_OTHERS, {"ours": self._pooled(self._lent.engine)})
        if self._same_shape(asked) and self._digest(asked) == self._rows:
            self._empty(asked)
        else:
            self.drop()

    def drop(self) -> None:
        if self._lent is not None:
            if self._own is not None:
                self._own.close()
            self._lent.close()
            with self._admin.connect() as connection:
                connection.exec_driver_sql(f"DROP DATABASE {self._lent.url.database} WITH (FORCE)")
        self._lent = self._own = None

    @staticmethod
    def _pooled(engine: sa.Engine) -> list[int]:
        """Server processes of the connections that wait in the pool."""
        records = list(engine.pool._pool.queue)  # type: ignore[attr-defined]
        opened = [record.dbapi_connection for record in records if record.dbapi_connection is not None]
        return [connection.info.backend_pid for connection in opened]

    def _connection(self) -> sa.Connection:
        """Ours, kept open: a new one would first read the whole catalog. Opened anew where a test ended it."""
        if self._own is not None:
            try:
                self._own.exec_driver_sql("SELECT 1")
                return self._own
            except sa.exc.DBAPIError:
                self._own.close()
        self._own = self._engine.connect()
        # A replica's session fires no trigger: the ledger refuses to be emptied, keys would want an order. Set once:
        # each change of it has the server plan anew whatever was prepared.
        self._own.exec_driver_sql("SET session_replication_role = replica")
        return self._own

    def _same_shape(self, connection: sa.Connection) -> bool:
        written = self._writers(connection)
        if written != self._written:
            if self._seen(connection) != self._shape:
                return False
            self._written = written
        return True

    def _empty(self, connection: sa.Connection) -> None:
        full = self._any(connection, [name for name in self._tables if name not in self._kept])
        if full:
            # For a few rows DELETE is several times as fast as TRUNCATE.
            acts = [f"DELETE FROM {name}" for name in full]
            # Not ALTER SEQUENCE … RESTART: the driver would forget what it has prepared, and the question which of all
            # the tables have rows would be planned anew for every test.
            acts += [f"SELECT setval('{name}', {start}, false)" for name, start in self._moved(connection)]
            connection.exec_driver_sql("; ".join(acts))
        if self._held:
            self._fill(connection)

    def _fill(self, connection: sa.Connection) -> None:
        """The world's rows again, as the template had them."""
        with connection.connection.driver_connection.cursor() as cursor:  # type: ignore[union-attr]
            for name, rows in self._held.items():
                with cursor.copy(f"COPY {name} FROM STDIN (FORMAT binary)") as copied:
                    copied.write(rows)
            for name, value in self._counted:
                cursor.execute("SELECT setval(%s, %s)", (name, value))

    @staticmethod
    def _copied(connection: sa.Connection, name: str) -> bytes:
        with connection.connection.driver_connection.cursor() as cursor:  # type: ignore[union-attr]
            with cursor.copy(f"COPY {name} TO STDOUT (FORMAT binary)") as copied:
                return b"".join(bytes(part) for part in copied)

    @staticmethod
    def _standing(connection: sa.Connection) -> list[tuple[str, int]]:
        asked = "SELECT format('%I.%I', schemaname, sequencename), last_value FROM pg_sequences WHERE last_value > 0"
        return [(str(name), int(value)) for name, value in connection.execute(sa.text(asked))]

    @staticmethod
    def _seen(connection: sa.Connection) -> str:
        return hashlib.sha256(str(connection.execute(sa.text(_SHAPE)).scalar()).encode()).hexdigest()

    @staticmethod
    def _writers(connection: sa.Connection) -> str:
        return str(connection.exec_driver_sql(_WRITTEN).scalar())

    @staticmethod
    def _any(connection: sa.Connection, tables: list[str]) -> list[str]:
        """Which of these have rows. Always asked in the same words, so that the driver lets the server prepare it."""
        asked = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in tables)
        return list(connection.exec_driver_sql(asked).scalars())

    @staticmethod
    def _moved(connection: sa.Connection) -> list[tuple[str, int]]:
        """Sequences that have given a number, and the first that each gives."""
        named = "format('%I.%I', schemaname, sequencename)"
        asked = f"SELECT {named}, start_value FROM pg_sequences WHERE last_value IS NOT NULL"
        return [(str(name), int(start)) for name, start in connection.execute(sa.text(asked))]

    def _digest(self, connection: sa.Connection) -> list[str]:
        """What stands in the tables that have rows from the start: versions of the migrations."""
        return [
            str(connection.exec_driver_sql(f"SELECT string_agg(t::text, '|' ORDER BY t::text) FROM {name} t").scalar())
            for name in self._kept
        ]
