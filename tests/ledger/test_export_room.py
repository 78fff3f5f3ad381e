"""`connector export ledger` over a database: everything, some of it, as of one moment, and never all of it at once."""

from __future__ import annotations

import gc
import json
import stat
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from connector.db import Database
from connector.earnings.ledger import journal, reading, running
from connector.earnings.ledger.chain import Written
from connector.errors import InputRefused, MoneyRefused
from connector.operations import sealing
from connector.operations.exports import files, ledger
from tests.ledger import exported as e
from tests.ledger.test_ledger import TEST
from tests.ledger.test_seal import books

START = datetime(2026, 11, 1, tzinfo=UTC)


def fill(database: Database, number: int, *, unsealed: int = 2) -> None:
    """Orders of two shops in three currencies, a day apart; all but the last few are sealed."""
    for one in range(number):
        if one == number - unsealed:
            sealing.seal_waiting()
        with database.write(TEST) as session:
            shop, currency = (("shp_1", "EUR"), ("shp_1", "KWD"), ("shp_2", "JPY"))[one % 3]
            at = START + timedelta(days=one)
            journal.post_all(
                session, [msgspec.structs.replace(d, occurred_at=at) for d in books(one + 1, shop, currency)]
            )


def text_of(database: Database, kind: files.Kind, **asked: object) -> str:
    out: list[str] = []
    with database.snapshot(TEST) as session:
        ledger.write(session, kind, ledger.Asked(**asked), out.append)  # type: ignore[arg-type]
    return "".join(out)


def test_every_format_holds_the_books(database: Database) -> None:
    fill(database, 9)
    with database.read(TEST) as session:
        kept = Counter(
            {(one.shop_id, one.currency, one.account, one.creator_id): one.amount for one in running.running(session)}
        )
    assert e.of_csv(text_of(database, "csv")) == kept
    jsonl = text_of(database, "jsonl")
    assert e.of_jsonl(jsonl) == kept
    said = [json.loads(line) for line in jsonl.splitlines()]
    assert said[-1] == {"end": {"entries": 27, "postings": 54, "unsealed": 6}}
    assert {tuple(line["balance"].values()) for line in said if "balance" in line} == {
        (account, amount, creator, currency, shop) for (shop, currency, account, creator), amount in kept.items()
    }
    assert e.of_beancount(text_of(database, "beancount"))[1] == []
    # One shop, one currency, a span: what it holds adds up by itself.
    some = text_of(database, "beancount", shop_id="shp_1", currency="KWD", since=START + timedelta(days=4))
    assert e.of_beancount(some)[1] == []
    assert some.count(" #accrual ") == 2
    assert "JPY" not in some
    assert text_of(database, "csv", until=START).count("\n") == 1


def test_a_file_is_whole_or_not_there(sqlite_database: Database, tmp_path: Path) -> None:
    fill(sqlite_database, 2)
    path = tmp_path / "books" / "all.csv"
    with sqlite_database.snapshot(TEST) as session:
        totals = ledger.to_file(session, "csv", ledger.Asked(), path)
    assert (totals.entries, totals.unsealed) == (6, 6)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes().decode() == text_of(sqlite_database, "csv")
    with pytest.raises(InputRefused, match="until"), sqlite_database.snapshot(TEST) as session:
        ledger.to_file(session, "csv", ledger.Asked(since=START, until=START), tmp_path / "none.csv")
    with pytest.raises(MoneyRefused), sqlite_database.snapshot(TEST) as session:
        ledger.to_file(session, "csv", ledger.Asked(currency="XYZ"), tmp_path / "none.csv")
    assert not (tmp_path / "none.csv").exists()
    assert [one.name for one in path.parent.iterdir()] == ["all.csv"]


def test_an_export_never_holds_all_of_it(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PAGE", 4)
    fill(sqlite_database, 12, unsealed=6)
    most, number = 0, 0
    with sqlite_database.snapshot(TEST) as session:
        for _ in ledger.pieces(session, "hledger", ledger.Asked()):
            number += 1
            if number in (4, 8):  # looking at the whole heap takes long
                most = max(most, sum(type(one) is Written for one in gc.get_objects()))
    assert number > 36 / 4
    assert 0 < most <= 3 * 4
