"""One PostgreSQL database for many tests: emptied after each, made anew after one that left more than rows behind.

Making and dropping a database costs a quarter of a second, emptying one a few hundredths.
"""

from __future__ import annotations

import hashlib
import secrets

import sqlalchemy as sa

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
_TABLES = """
SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') ORDER BY 1
"""


class Reused:
    """A database made from a template, lent to one test after the other."""

    def __init__(self, admin: sa.Engine, template: str) -> None:
        self._admin, self._template = admin, template
        self._name: str | None = None
        self._engine: sa.Engine | None = None

    def lend(self) -> str:
        """The name of a database that is as the template was."""
        if self._name is None:
            self._name = f"test_{secrets.token_hex(6)}"
            with self._admin.connect() as connection:
                connection.exec_driver_sql(f"CREATE DATABASE {self._name} TEMPLATE {self._template}")
            # No pool: a test may end every connection to its database.
            self._engine = sa.create_engine(
                self._admin.url.set(database=self._name), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
            )
            with self._engine.connect() as connection:
                self._shape = self._seen(connection)
                self._tables = list(connection.execute(sa.text(_TABLES)).scalars())
                self._kept = [name for name in self._tables if self._any(connection, [name])]
                self._rows = self._digest(connection)
        return self._name

    def take_back(self) -> None:
        """Empty it; when a test changed more than rows of ours, let it go and make another one next time."""
        assert self._engine is not None
        with self._engine.connect() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            same = self._seen(connection) == self._shape and self._digest(connection) == self._rows
            if same:
                full = self._any(connection, [name for name in self._tables if name not in self._kept])
                if full:
                    # A replica's session fires no trigger: the ledger refuses to be emptied, keys would want an order.
                    # For a few rows DELETE is several times as fast as TRUNCATE.
                    acts = [f"DELETE FROM {name}" for name in full]
                    acts += [f"ALTER SEQUENCE {name} RESTART" for name in self._moved(connection)]
                    connection.exec_driver_sql("; ".join(["SET LOCAL session_replication_role = replica", *acts]))
        if not same:
            self.drop()

    def drop(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
            with self._admin.connect() as connection:
                connection.exec_driver_sql(f"DROP DATABASE {self._name} WITH (FORCE)")
        self._name = self._engine = None

    @staticmethod
    def _seen(connection: sa.Connection) -> str:
        return hashlib.sha256(str(connection.execute(sa.text(_SHAPE)).scalar()).encode()).hexdigest()

    @staticmethod
    def _any(connection: sa.Connection, tables: list[str]) -> list[str]:
        """Which of these have rows."""
        asked = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in tables)
        return list(connection.exec_driver_sql(asked).scalars())

    @staticmethod
    def _moved(connection: sa.Connection) -> list[str]:
        asked = "SELECT format('%I.%I', schemaname, sequencename) FROM pg_sequences WHERE last_value IS NOT NULL"
        return list(connection.execute(sa.text(asked)).scalars())

    def _digest(self, connection: sa.Connection) -> list[str]:
        """What stands in the tables that have rows from the start: versions of the migrations."""
        return [
            str(connection.exec_driver_sql(f"SELECT string_agg(t::text, '|' ORDER BY t::text) FROM {name} t").scalar())
            for name in self._kept
        ]
