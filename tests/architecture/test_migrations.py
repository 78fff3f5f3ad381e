"""Migrations are one line, and what they build is what the mapped classes say, on both databases."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from connector import jobs
from connector.db import Database
from connector.migrations import run
from connector.migrations.schema import METADATA

# Indexes over an expression: Alembic can't compare them, so they are in their migration alone.
BY_EXPRESSION = {"ix_listings_title", "ix_listings_shop_id_title"}


def test_migrations_are_one_line() -> None:
    revisions = list(ScriptDirectory.from_config(run.config()).walk_revisions())
    assert len(ScriptDirectory.from_config(run.config()).get_heads()) == 1
    assert all(isinstance(revision.down_revision, str | None) for revision in revisions)
    assert [revision.down_revision for revision in revisions].count(None) == 1
    assert [revision.revision for revision in reversed(revisions)] == [
        f"{number:04d}" for number in range(1, len(revisions) + 1)
    ]


def test_every_migration_says_why() -> None:
    revisions = ScriptDirectory.from_config(run.config()).walk_revisions()
    assert all("Why:" in (revision.longdoc or "") + (revision.doc or "") for revision in revisions)


def test_they_build_what_the_classes_say(database: Database) -> None:
    theirs = jobs.their_tables()

    def ours(_object: Any, name: str | None, kind: str, _reflected: bool, _compare_to: Any) -> bool:
        return not (kind == "table" and name in theirs) and name not in BY_EXPRESSION

    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": False})
        assert compare_metadata(context, METADATA) == []


def test_indexes_over_expressions_are_there(database: Database) -> None:
    with database.engine.connect() as connection:
        table, name = ("sqlite_master", "name") if database.is_sqlite else ("pg_indexes", "indexname")
        there = set(connection.exec_driver_sql(f"SELECT {name} FROM {table}").scalars())
    assert there >= BY_EXPRESSION


def test_columns_may_be_null_where_the_classes_say(database: Database) -> None:
    inspector = sa.inspect(database.engine)
    wrong = [
        f"{table.name}.{column['name']}"
        for table in METADATA.sorted_tables
        for column in inspector.get_columns(table.name)
        if column["nullable"] != table.columns[column["name"]].nullable
    ]
    assert wrong == []


def test_no_table_of_ours_is_called_like_one_of_the_jobs() -> None:
    assert set(METADATA.tables) & jobs.their_tables() == set()


def test_migrating_again_changes_nothing(database: Database) -> None:
    before = run.version(database)
    run.migrate(database)
    jobs.prepare(database)
    run.migrate(database)
    assert run.version(database) == before == run.newest()


@pytest.mark.parametrize("table", ["ledger_entries", "ledger_postings"])
@pytest.mark.parametrize("act", ["UPDATE {} SET currency = 'EUR'", "DELETE FROM {}"])
def test_the_ledger_refuses_to_be_changed(database: Database, table: str, act: str) -> None:
    insert = {
        "ledger_entries": "INSERT INTO ledger_entries"
        " (id, reference, subject, sequence, kind, shop_id, currency, reason, occurred_at, booked_at)"
        " VALUES ('e', 'r', 's', 1, 'accrual', 'shp', 'USD', 'x', '2026-11-01', '2026-11-01')",
        "ledger_postings": "INSERT INTO ledger_postings (entry_id, number, shop_id, currency, account, amount)"
        " VALUES ('e', 1, 'shp', 'USD', 'bank', 1)",
    }
    with database.engine.connect() as connection:
        connection.execute(sa.text(insert["ledger_entries"]))
        connection.execute(sa.text(insert["ledger_postings"]))
        with pytest.raises(sa.exc.DBAPIError, match="append-only"):
            connection.execute(sa.text(act.format(table)))
        connection.rollback()
