"""The CSV rail: whole or not there, amounts as plain decimals, no cell that a spreadsheet would run."""

from __future__ import annotations

import csv
import stat
from pathlib import Path

import pytest

from connector.earnings.payouts import batch
from connector.earnings.payouts.rails import COLUMNS, CsvFile, Transfer, defused
from tests.settlement.books import SYSTEM, Books, utc

ROW = Transfer("pay_1", "harbour.myshopify.com", "mira", "Mira O.", 60000, "USD")


def read(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_a_batch_is_one_file_and_the_same_batch_the_same_file(tmp_path: Path) -> None:
    rail = CsvFile(tmp_path / "payouts")
    name = rail.hand_over("bat_1", [ROW])
    path = tmp_path / "payouts" / name
    assert read(path) == [list(COLUMNS), ["pay_1", "mira", "Mira O.", "harbour.myshopify.com", "600.00", "USD"]]
    first = path.read_bytes()
    assert rail.hand_over("bat_1", [ROW]) == name
    assert path.read_bytes() == first
    assert [found.name for found in path.parent.iterdir()] == [name]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("currency", "amount", "text"), [("JPY", 637, "637"), ("KWD", 1050, "1.050"), ("USD", 5, "0.05")]
)
def test_amounts_are_plain_decimals_of_their_currency(tmp_path: Path, currency: str, amount: int, text: str) -> None:
    row = Transfer("pay_1", "s", "mira", "Mira", amount, currency)
    path = tmp_path / CsvFile(tmp_path).hand_over("bat_1", [row])
    assert read(path)[1][4:] == [text, currency]


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"])
def test_a_cell_that_begins_a_formula_is_text(tmp_path: Path, cell: str) -> None:
    row = Transfer("pay_1", "s", cell, cell, 600, "USD")
    path = tmp_path / CsvFile(tmp_path).hand_over("bat_1", [row])
    assert read(path)[1][1:3] == [f"'{cell}", f"'{cell}"]
    assert defused("plain") == "plain"


def test_a_file_that_could_not_be_finished_isnt_there(tmp_path: Path) -> None:
    def broken():  # type: ignore[no-untyped-def]
        yield ROW
        raise RuntimeError("the database went away")

    rail = CsvFile(tmp_path)
    with pytest.raises(RuntimeError):
        rail.hand_over("bat_1", broken())
    assert list(tmp_path.iterdir()) == []


def test_the_file_holds_the_batchs_payouts(books: Books, tmp_path: Path) -> None:
    shop = books.shop("JPY")
    for handle, amount in (("tal", 333), ("mira", 600)):
        books.line(shop, books.creator(handle), amount, clears_at=utc("2026-11-16"), currency="JPY")
    books.clear(shop, utc("2026-11-20"))
    books.close(shop, "2026-11", utc("2026-12-01"))
    made = books.pay("one", utc("2026-12-02"), currency="JPY")
    with books.database.read(SYSTEM) as session:
        path = tmp_path / CsvFile(tmp_path).hand_over(made.id, batch.transfers(session, made.id))
    assert path.name == made.file_name
    assert [row[1:3] + row[4:] for row in read(path)[1:]] == [
        ["mira", "Mira", "600", "JPY"],
        ["tal", "Tal", "333", "JPY"],
    ]
