"""The commands, driven as an operator drives them: from a clearing to a payout file, then trace, audit and doctor."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from connector.cli import connector, main
from connector.commerce.orders.tables import Order
from tests.attribution.world import DAY, PLACED, World
from tests.conftest import KEY
from tests.operations.days import CLOSING, DELIVERED, SYSTEM, hear, parcel

Run = Callable[..., Result]


@pytest.fixture
def run(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "ENV": "dev",
        "PUBLIC_URL": "http://127.0.0.1:8080",
        "DATABASE_URL": world.database.url.render_as_string(hide_password=False),
        "SEALING_KEYS": KEY,
        "HASH_KEY": "a hash key that is used by tests only, 32+",
        "SESSION_KEY": "a session key that is used by tests only",
    }.items():
        monkeypatch.setenv(f"CONNECTOR_{name}", value)
    runner = CliRunner()

    def run(*args: str, code: int = 0) -> Result:
        result = runner.invoke(connector, args)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return run


def test_from_clearing_to_a_payout_file(world: World, run: Run, tmp_path: Path) -> None:
    touch = world.tap("x", "A")
    hear(world, [touch.token])
    assert "0 orders are final now" in run("pin", "--as-of", (PLACED + timedelta(hours=23)).isoformat()).output
    assert "1 orders are final now" in run("pin", "--as-of", (PLACED + timedelta(hours=24)).isoformat()).output
    hear(world, [touch.token], at=DELIVERED, fulfilments=(parcel(DELIVERED),))
    domain = "one.plain.example"

    early, due = (DELIVERED + timedelta(days=14)).isoformat(), (DELIVERED + timedelta(days=15)).isoformat()
    assert "0 lines cleared" in run("clear", "--as-of", early).output
    assert "1 lines cleared" in run("clear", "--as-of", due, "--shop", domain).output
    assert "0 lines cleared" in run("clear", "--as-of", due).output

    assert "isn't over yet" in run("close", "2026-12", "--as-of", due, code=1).stderr
    closed = run("close", "2026-12", "--as-of", CLOSING.isoformat()).output
    assert f"{domain}  2026-12  EUR 4.00" in closed
    assert "closed already" in run("close", "2026-12", "--as-of", CLOSING.isoformat(), code=1).stderr

    payday = ("--as-of", (CLOSING + DAY).isoformat())
    aside = run("payout", "prepare", "--currency", "EUR", "--minimum", "4.01", "--key", "first", *payday).output
    assert "below_minimum, 0.01 missing" in aside
    assert list(tmp_path.glob("var/payouts/*")) == []
    prepared = run("payout", "prepare", "--currency", "eur", *payday).output.splitlines()
    assert "1 payouts, EUR 4.00, prepared" in prepared[0]
    assert run("payout", "prepare", "--currency", "EUR", *payday).output.splitlines() == prepared
    with Path(prepared[1]).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["creator"], row["shop"], row["amount"], row["currency"]) for row in rows] == [
        ("x", domain, "4.00", "EUR")
    ]

    batch_id = prepared[0].split(":")[0]
    assert "is sent" in run("payout", "sent", batch_id, *payday).output
    assert "is paid" in run("payout", "paid", batch_id, *payday).output

    assert "X (@x) earns EUR\u00a04.00 for 1 of 2 lines." in run("trace", "7001").output
    assert json.loads(run("trace", "#7001", "--json").output)["payouts"][0]["status"] == "paid"
    audit = run("audit").output
    assert "wrong" not in audit.replace("what is wrong", "")
    assert "right  payouts_are_the_ledgers" in audit


def test_the_audit_fails_loudly(world: World, run: Run) -> None:
    hear(world, [world.tap("x", "A").token])
    with world.database.write(SYSTEM) as session:
        session.execute(sa.update(Order).values(content_hash="newer"))
    output = run("audit", code=1).output
    assert "wrong  orders_are_evaluated" in output
    assert "1 things are wrong" in output


def test_the_doctor_says_what_to_mend(world: World, run: Run) -> None:
    output = run("doctor", code=1).output
    assert "no worker is alive" in output
    assert "Start `connector worker`." in output


def test_settings_are_printed_without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONNECTOR_PUBLIC_URL", raising=False)
    result = CliRunner().invoke(connector, ["settings"])
    assert result.exit_code == 0
    assert "CONNECTOR_PUBLIC_URL  (required)" in result.output


@pytest.mark.parametrize("moment", ["yesterday", "2026-12-01T00:00", "2026-12-01"])
def test_a_time_without_its_offset_is_refused(moment: str) -> None:
    result = CliRunner().invoke(connector, ["clear", "--as-of", moment])
    assert result.exit_code == 2
    assert "isn't a time with its offset" in result.output


def test_a_database_that_was_never_migrated_is_a_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONNECTOR_DATABASE_URL", f"sqlite:///{tmp_path / 'empty.db'}")
    monkeypatch.setattr("sys.argv", ["connector", "inbox"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("connector: the database can't be used: no such table")
    assert "Run `connector migrate`." in run("doctor", code=1).output
