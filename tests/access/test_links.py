"""Single-use links: once, ten minutes, and a look spends nothing."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from connector import clock
from connector.access import links
from connector.access.tables import SignInLink
from connector.db import Database, Scope
from connector.errors import NotSignedIn

SYSTEM = Scope.system("test")


def _issue(database: Database, kind: links.LinkKind = "staff", subject: str = "stf_1") -> str:
    with database.write(SYSTEM) as session:
        return links.issue(session, kind, subject)


def _spend(database: Database, token: str, kind: links.LinkKind = "staff") -> str:
    with database.write(SYSTEM) as session:
        return links.spend(session, kind, token)


def test_once(database: Database) -> None:
    token = _issue(database)
    for _ in range(3):
        with database.read(SYSTEM) as session:
            assert links.look(session, "staff", token) == "stf_1"
    assert _spend(database, token) == "stf_1"
    with pytest.raises(NotSignedIn):
        _spend(database, token)
    with database.read(SYSTEM) as session, pytest.raises(NotSignedIn):
        links.look(session, "staff", token)


def test_ten_minutes(database: Database) -> None:
    token = _issue(database)
    late = clock.wall() + timedelta(minutes=10, seconds=1)
    with database.write(SYSTEM) as session, pytest.raises(NotSignedIn):
        links.spend(session, "staff", token, now=late)
    with database.read(SYSTEM) as session, pytest.raises(NotSignedIn):
        links.look(session, "staff", token, now=late)


def test_a_merchants_link_opens_no_console(database: Database) -> None:
    token = _issue(database, "merchant", "shp_1")
    with pytest.raises(NotSignedIn):
        _spend(database, token, "staff")
    assert _spend(database, token, "merchant") == "shp_1"


def test_a_new_link_ends_the_one_before(database: Database) -> None:
    first, second = _issue(database), _issue(database)
    with pytest.raises(NotSignedIn):
        _spend(database, first)
    assert _spend(database, second) == "stf_1"


def test_the_token_itself_is_not_kept(database: Database) -> None:
    token = _issue(database)
    with database.read(SYSTEM) as session:
        row = session.scalars(sa.select(SignInLink)).one()
        assert token not in (row.token_hash, row.subject_id)
        assert len(row.token_hash) == 64


def test_of_two_at_once_one_gets_in(database: Database) -> None:
    token, got, gate = _issue(database), [], threading.Barrier(4)

    def run() -> None:
        gate.wait()
        try:
            got.append(_spend(database, token))
        except NotSignedIn:
            got.append("")

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == ["", "", "", "stf_1"]
