"""`connector terms` as an operator types it: rates in per cent, in and out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from click.testing import CliRunner

from connector import clock, db
from connector.cli import connector
from connector.db import Database
from connector.errors import InputRefused
from connector.operations.offering import commands
from connector.programme.collaborations.tables import Terms
from tests.settlement.books import SYSTEM, Books


def test_rates_are_typed_and_told_in_per_cent(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    db.use(sqlite_database)
    monkeypatch.setattr(commands, "open_process", lambda: None)
    books = Books(sqlite_database)
    shop, _ = books.shop(), books.creator("mira")

    def run(*typed: str, code: int = 0) -> str:
        said = CliRunner().invoke(connector, ["terms", *typed], catch_exceptions=code != 1)
        assert said.exit_code == code, said.output
        if code == 1 and said.exception is not None:
            raise said.exception
        return said.output

    assert "12.5 %" in run("set", shop, "12.5%")
    until = (clock.now() + timedelta(days=40)).isoformat()
    assert "@mira  18 %" in run("set", shop, "18 %", "--creator", "mira", "--until", until)
    listed = run("list", shop)
    assert "For everybody" in listed
    assert "18 %" in listed
    assert "2 offers." in listed
    run("set", shop, "18", "--creator", "mira", code=2)  # without an end
    run("set", shop, "18", "--until", until, code=2)  # without a creator
    for typed in ("1200", "12.345", "twelve", "0.5", "81"):
        with pytest.raises(InputRefused):
            run("set", shop, typed, code=1)
    run("withdraw", shop, "--creator", "mira")
    assert "nothing" in run("list", shop, "--all")
    later = (clock.now() + timedelta(days=3)).isoformat()
    version = run("set", shop, "10", "--from", later).split()[0]
    assert version in run("call-off", version)
    with sqlite_database.read(SYSTEM) as session:
        rates = {row.rate_bp for row in session.query(Terms)}
        assert {1250, 1800} <= rates
