"""Cursors are opaque, signed, and of one list; pages of a list are stable while rows arrive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from connector.audit import AuditRow
from connector.db import Database, Scope
from connector.errors import InputRefused
from connector.web import cursors, keyset

AT = datetime(2026, 11, 14, 21, 7, 14, 123456, tzinfo=UTC)


def test_there_and_back(app: Flask) -> None:
    with app.test_request_context():
        key = cursors.unpack("orders", cursors.pack("orders", (AT, "ord_1", 3)))
        assert key == (AT.isoformat(), "ord_1", 3)
        assert cursors.moment(key[0]) == AT


@pytest.mark.parametrize(
    "bend", [lambda c: c[:-1], lambda c: c + "x", lambda c: "", lambda c: "WyJhIl0.abc", lambda c: "é"]
)
def test_a_bent_cursor_is_refused(app: Flask, bend: object) -> None:
    with app.test_request_context():
        bent = bend(cursors.pack("orders", ("a",)))  # type: ignore[operator]
        with pytest.raises(InputRefused, match="cursor"):
            cursors.unpack("orders", bent)


def test_a_cursor_of_another_list_is_refused(app: Flask) -> None:
    with app.test_request_context(), pytest.raises(InputRefused):
        cursors.unpack("inbox", cursors.pack("orders", ("a",)))


def _add(database: Database, first: int, number: int) -> None:
    """Rows of which three share each moment, so that the id must part them."""
    with database.write(Scope.system("test")) as session:
        for n in range(first, first + number):
            at = AT + timedelta(seconds=n // 3)
            session.add(AuditRow(id=f"aud_{n:04}", at=at, actor="t", act="a", subject="s", shop_id=None, detail={}))


def _page(app: Flask, database: Database, query: str = "") -> keyset.Page[AuditRow]:
    with app.test_request_context(f"/?{query}"), database.read(Scope.system("test")) as session:
        return keyset.read(session, "audit", sa.select(AuditRow), (AuditRow.at, AuditRow.id), per_page=10)


def test_older_and_newer_meet_every_row_once_while_rows_arrive(app: Flask, database: Database) -> None:
    _add(database, 0, 35)
    page, seen = _page(app, database), []
    assert page.newer == ""
    while True:
        seen += [row.id for row in page.rows]
        _add(database, 1000 + len(seen), 1)
        if not page.older:
            break
        page = _page(app, database, f"older={page.older}")
    assert seen == [f"aud_{n:04}" for n in reversed(range(35))]
    back = _page(app, database, f"newer={page.newer}")
    assert [row.id for row in back.rows] == seen[20:30]
    assert back.older
    assert back.newer


def test_an_empty_list_has_no_pages(app: Flask, database: Database) -> None:
    page = _page(app, database)
    assert (list(page.rows), page.newer, page.older) == ([], "", "")
