"""Bring a database to the newest version: our tables by Alembic, then those of the durable jobs.

Safe to run again and at once from several processes: PostgreSQL takes an advisory lock, SQLite its write lock.
"""

from __future__ import annotations

from importlib.resources import files

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from connector.db import Database

_LOCK = 7_305_116_402  # any number: one advisory lock for migrations


def config() -> Config:
    alembic = Config()
    alembic.set_main_option("script_location", str(files("connector.migrations")))
    return alembic


def migrate(database: Database) -> None:
    """Upgrade to the newest revision. The jobs' own tables come from `jobs.prepare`, which the command calls next."""
    with database.engine.connect().execution_options(begin="immediate") as connection:
        if not database.is_sqlite:
            connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            connection.commit()
        try:
            alembic = config()
            alembic.attributes["connection"] = connection
            command.upgrade(alembic, "head")
            connection.commit()
        finally:
            if not database.is_sqlite:
                connection.rollback()
                connection.execute(sa.text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
                connection.commit()


def version(database: Database) -> str | None:
    """The revision that a database stands at; None before the first."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str:
    head = ScriptDirectory.from_config(config()).get_current_head()
    if head is None:
        raise RuntimeError("there are no migrations")
    return head
