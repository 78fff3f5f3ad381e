"""The commands of payouts, as an operator types them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from connector.access import staff
from connector.cli import connector
from connector.db import Database
from connector.earnings.payouts import batch
from connector.earnings.payouts.tables import Payout, PayoutBatch
from connector.errors import Conflict, NotAllowed
from connector.programme.creators.payees import Details
from tests.conftest import KEY
from tests.payees.details import payable
from tests.settlement.books import SYSTEM, Books, utc

Run = Callable[..., Result]
PAYDAY = ("--as-of", "2026-12-10T12:00:00Z")


@pytest.fixture
def run(sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "ENV": "dev", "PUBLIC_URL": "http://127.0.0.1:8080", "SEALING_KEYS": KEY,
        "DATABASE_URL": sqlite_database.url.render_as_string(hide_password=False),
        "HASH_KEY": "a hash key that is used by tests only, 32+",
        "SESSION_KEY": "a session key that is used by tests only",
        "PAYOUT_APPROVAL": "50", "PAYOUT_DEBTOR_NAME": "App", "PAYOUT_DEBTOR_IBAN": "DE02120300000000202051",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"CONNECTOR_{name}", value)
    from connector.earnings.payouts import policy

    monkeypatch.setattr(policy, "_current", None)

    def go(*args: str, code: int = 0) -> Result:
        result = CliRunner().invoke(connector, args)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return go


def test_a_batch_by_command(run: Run, sqlite_database: Database, tmp_path: Path) -> None:
    books = Books(sqlite_database)
    shop, mira = books.shop("EUR"), books.creator("mira")
    books.line(shop, mira, 500, clears_at=utc("2026-11-16"), currency="EUR")
    with sqlite_database.write(SYSTEM) as session:
        from connector.programme.creators import register

        tal = register.register(session, "tal", "Tal", 10, utc("2026-01-01")).id
        payable(session, tal, details=Details(name="Tal", country="US", iban="DE89370400440532013000", currency="USD"))
    books.line(shop, tal, 500, clears_at=utc("2026-11-16"), currency="EUR")
    books.clear(shop, utc("2026-11-20"))
    books.close(shop, "2026-11", utc("2026-12-02"))

    looked = run("payout", "preview", "--currency", "EUR", *PAYDAY).output
    assert f"pay: {mira} at {shop} 5.00" in looked
    assert f"set aside: {tal} at {shop} 5.00: rate_missing" in looked
    assert "1 payouts, EUR 5.00: nothing is booked" in looked
    rates = tmp_path / "rates.csv"
    rates.write_text("base,quote,rate,source,quoted_at\nEUR,USD,1.0842,ECB,2026-11-26T16:00:00Z\nEUR,USD,x,,\n")
    kept = run("payout", "rates", str(rates), code=1)
    assert "1 rates kept, 1 refused" in kept.output

    too_old = run("payout", "preview", "--currency", "EUR", *PAYDAY).output
    assert "rate_too_old" in too_old
    early = ("--as-of", "2026-11-28T12:00:00Z")
    assert "= USD 5.42" in run("payout", "preview", "--currency", "EUR", *early).output
    assert "currency_not_served" in run("payout", "preview", "--currency", "EUR", "--rail", "sepa", *early).output

    made = run("payout", "prepare", "--currency", "EUR", "--rail", "csv", *early).output
    batch_id = made.split(":")[0]
    [path] = list(tmp_path.glob("var/payouts/*.csv"))
    assert "5.42,USD" in path.read_text()
    assert run("payout", "hand-over", batch_id, *early).output.strip() == str(path.relative_to(tmp_path))
    ids = {row.creator_id: row.id for row in books.rows(Payout)}
    listed = tmp_path / "bank.csv"
    listed.write_text(f"reference,outcome\n{ids[mira]},paid\n{ids[tal]},failed\nx,paid\n")
    told = run("payout", "outcomes", str(listed), *PAYDAY, code=1)
    assert "1 failed, 1 paid; 0 known already, 1 refused" in told.output
    assert "no payout has that reference" in told.output
    assert (books.balance(mira).paid, books.balance(tal).settled) == (500, 500)
    # These orders have no snapshot behind them, which other checks miss.
    assert "right  payouts_are_the_ledgers" in run("audit", code=1).output


def test_a_large_batch_waits_for_the_console(run: Run, sqlite_database: Database, tmp_path: Path) -> None:
    books = Books(sqlite_database)
    shop, mira = books.shop("EUR"), books.creator("mira")
    books.line(shop, mira, 5001, clears_at=utc("2026-11-16"), currency="EUR")
    books.clear(shop, utc("2026-11-20"))
    books.close(shop, "2026-11", utc("2026-12-02"))
    with sqlite_database.write(SYSTEM) as session:
        staff.ensure(session, "Ada", "finance", by="test")
        staff.ensure(session, "Kim", "support", by="test")
    prepare = ("payout", "prepare", "--currency", "EUR", *PAYDAY)
    with pytest.raises(Conflict, match="no name"):
        run(*prepare)
    with pytest.raises(NotAllowed, match="finance"):
        run(*prepare, "--by", "Kim")
    assert books.rows(Payout) == []
    made = run(*prepare, "--by", "Ada").output
    assert [row.prepared_by for row in books.rows(PayoutBatch)] == ["staff:Ada"]
    assert "awaiting" in made
    assert "second person" in made
    assert list(tmp_path.glob("var/payouts/*")) == []
    with pytest.raises(Conflict, match="second person"):
        run("payout", "hand-over", made.split(":")[0], *PAYDAY)
    # Once it was refused, the same command prepares the next one.
    with sqlite_database.write(SYSTEM) as session:
        batch.refuse(session, made.split(":")[0], utc("2026-12-10"), "staff:Fay", "wait for the tax forms")
    assert run(*prepare, "--by", "Ada").output.split(":")[0] not in made


def test_a_look_that_found_nothing_to_pay_keeps_nobody_waiting_until_tomorrow(
    run: Run, sqlite_database: Database, tmp_path: Path
) -> None:
    """In the morning the merchant had paid nothing in; in the afternoon the same command pays."""
    books = Books(sqlite_database)
    shop, mira = books.shop("EUR", advance=False), books.creator("mira")
    books.line(shop, mira, 500, clears_at=utc("2026-11-16"), currency="EUR")
    books.clear(shop, utc("2026-11-20"))
    books.close(shop, "2026-11", utc("2026-12-02"))
    prepare = ("payout", "prepare", "--currency", "EUR", *PAYDAY)
    morning = run(*prepare).output
    assert f"set aside: {mira} at {shop} 5.00: unfunded" in morning
    assert "0 payouts, EUR 0.00, prepared" in morning
    run("receipt", "add", "INV-000001", "5.00", "--reference", "bank 1", "--on", "2026-11-01")
    afternoon = run(*prepare).output
    assert "1 payouts, EUR 5.00, prepared" in afternoon
    assert "It stands" not in afternoon
    again = run(*prepare).output
    assert again.split(":")[0] == afternoon.split(":")[0]
    assert "It stands since 2026-12-10 12:00 UTC under the key '2026-12-10 EUR csv 2': nothing more is booked." in again
    assert [row.amount for row in books.rows(Payout)] == [500]
    # Another rail on the same day is another batch, and needs no key by hand.
    assert "0 payouts, EUR 0.00, prepared" in run(*prepare, "--rail", "sepa").output
