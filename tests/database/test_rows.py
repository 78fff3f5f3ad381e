"""Rows that go in by the driver's own way stand as SQLAlchemy's would; lists that are one bound value find the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa

from connector import db
from connector.db import Database, Scope
from connector.webhooks.tables import DeliveryRow

SYSTEM = Scope.system("test")
NASTY = "tab\t, line\n, return\r, \\N, \\., 'quotes\" and \\ äß € 🎈"


def _row(number: str, **other: Any) -> dict[str, Any]:
    at = datetime(2026, 3, 29, 2, 30, 0, 120, timezone(timedelta(hours=5, minutes=45)))
    return {
        "id": f"dlv_{number}", "platform": "shopify", "domain": NASTY, "shop_id": None, "topic": "",
        "delivery_key": None, "body_key": None, "delivery_ref": "\\N", "event_ref": "", "triggered_at": at,
        "api_version": "2026-10", "received_at": at.astimezone(UTC), "headers": {"x": [NASTY, 1, None, True]},
        "body_sealed": "x" * 10_000, "body_hash": "", "body_size": 2**62, "order_ref": None, "product_ref": None,
        "status": "done", "reason": "",
        "detail": "", "tries": 0, "repeats": -1, "next_try_at": None, "done_at": at, "effects": None, "body_gone": "",
        "body_cut_at": None, "passed_by": "",
    } | other  # fmt: skip


def _stands(database: Database) -> list[tuple[Any, ...]]:
    """As the database has them, no type of ours in between."""
    with database.read(SYSTEM) as session:
        names = [c.name for c in DeliveryRow.__table__.columns if c.name != "id"]
        listed = ", ".join(f"CAST({name} AS text)" for name in names)
        rows = session.connection().exec_driver_sql(f"SELECT {listed} FROM deliveries ORDER BY id").all()
        return [tuple(row) for row in rows]


def test_rows_stand_as_sqlalchemy_would_have_written_them(database: Database) -> None:
    with database.write(SYSTEM) as session:
        session.execute(sa.insert(DeliveryRow), [_row("1"), _row("2", triggered_at=None, effects={"a": 1})])
        rows = [_row("3"), _row("4", triggered_at=None, effects={"a": 1})]
        db.add_rows(session.connection(), DeliveryRow.__table__, rows)
        db.add_rows(session.connection(), DeliveryRow.__table__, [])
    one, two, *others = _stands(database)
    assert others == [one, two]


def test_what_is_refused_is_refused_with_sqlalchemys_errors_and_nothing_of_it_stands(database: Database) -> None:
    def add(*rows: dict[str, Any]) -> None:
        with database.write(SYSTEM) as session:
            db.add_rows(session.connection(), DeliveryRow.__table__, rows)

    add(_row("1"))
    with pytest.raises(sa.exc.IntegrityError) as caught:
        add(_row("2"), _row("1"))
    assert "xxx" not in str(caught.value)
    assert "CONTEXT" not in str(caught.value)
    with pytest.raises(ValueError, match="without a zone"):
        add(_row("2", triggered_at=datetime(2026, 1, 1)))  # noqa: DTZ001
    with pytest.raises(KeyError):
        add(_row("2"), {"id": "dlv_3"})
    with pytest.raises(RuntimeError, match="must be given"):
        add({name: value for name, value in _row("2").items() if name != "tries"})
    assert len(_stands(database)) == 1


def test_a_list_that_is_one_value_finds_by_the_index(database: Database) -> None:
    with database.write(SYSTEM) as session:
        db.add_rows(session.connection(), DeliveryRow.__table__, [_row(str(n), domain=NASTY) for n in range(400)])
    found = sa.select(DeliveryRow.id).where(db.among(DeliveryRow.id, "ids"), db.among(DeliveryRow.domain, "domains"))
    asked = {"ids": ["dlv_7", "dlv_399", "dlv_nobody", "'"], "domains": [NASTY]}
    with database.write(SYSTEM) as session:
        session.execute(sa.text("ANALYZE deliveries"))
        assert sorted(session.scalars(found, asked)) == ["dlv_399", "dlv_7"]
        assert session.scalars(found, asked | {"ids": []}).all() == []
        how = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
        plan = session.connection().exec_driver_sql(how + str(found.compile(database.engine)), _bound(database))
        said = str(plan.all())
    assert "deliveries" in said
    assert "Seq Scan" not in said
    assert "SCAN deliveries" not in said


def _bound(database: Database) -> Any:
    return ("[]", "[]") if database.is_sqlite else {"ids": "[]", "domains": "[]"}
