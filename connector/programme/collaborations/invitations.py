"""A list of creators to invite, as a merchant's file has it: one a line, each with a rate of its own where there is
one."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import IO

import msgspec

from connector import money
from connector.errors import InputRefused, MoneyRefused

MOST = 10_000
_RATE = re.compile(r"(\d{1,3})(?:[.,](\d{1,2}))?\s*%?", re.ASCII)
# What the column of creators may be called; a file of handles alone needs no header.
_HANDLE, _RATES = ("handle", "creator", "creators"), ("rate", "commission", "rate %")
_FEES = ("fee", "flat fee", "flat_fee")


class _Columns(msgspec.Struct, frozen=True):
    """Where things stand in a row. None: the file has no such column."""

    handle: int
    rate: int | None = None
    fee: int | None = None

    def cell(self, cells: list[str], place: int | None) -> str:
        return cells[place].strip() if place is not None and place < len(cells) else ""


class Invited(msgspec.Struct, frozen=True):
    """One row. `reason`: why it can't be taken, known before anything is looked up."""

    number: int  # the line of the file, from 1
    handle: str
    rate_bp: int | None = None
    reason: str = ""
    flat_fee: int | None = None  # minor units of the shop's currency; 0: none for this one


def read(stream: IO[bytes], currency: str) -> list[Invited]:
    """The rows of a CSV file in UTF-8: a column `handle`, and `rate` (per cent) and `fee` (in the shop's `currency`)
    where rows have their own.

    Empty lines don't count. Errors: InputRefused("file") for what is no such file, is empty, or has more than MOST
    rows: nothing of it is taken then.
    """
    try:
        text = stream.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputRefused("file", "isn't text in UTF-8.", "Save it as CSV UTF-8.") from None
    if "\x00" in text:
        raise InputRefused("file", "isn't text.", "Save it as CSV UTF-8.")
    found = list(_rows(text, currency))
    if not found:
        raise InputRefused("file", "has no rows.", "Put one creator's handle on each line.")
    if len(found) > MOST:
        raise InputRefused("file", f"has more than {MOST:,} rows.", "Split it.")
    return found


def _rows(text: str, currency: str) -> Iterator[Invited]:
    delimiter = ";" if ";" in text.partition("\n")[0] else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    columns: _Columns | None = None
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if columns is None:
                columns, header = _columns(cells)
                if header:
                    continue
            yield _row(reader.line_num, cells, columns, currency)
    except csv.Error as error:
        raise InputRefused("file", f"can't be read near line {reader.line_num}.", "Save it as CSV.") from error


def _columns(first: list[str]) -> tuple[_Columns, bool]:
    """The columns, and whether this row was a header. Errors: InputRefused."""
    names = [cell.strip().casefold() for cell in first]

    def place(words: tuple[str, ...]) -> int | None:
        return next((place for place, name in enumerate(names) if name in words), None)

    handle = place(_HANDLE)
    if handle is not None:
        return _Columns(handle, place(_RATES), place(_FEES)), True
    if len(names) > 2:
        raise InputRefused("file", "has no column called handle.", "Name its columns handle, rate and fee.")
    return _Columns(0, 1 if len(names) == 2 else None), False


def _row(number: int, cells: list[str], columns: _Columns, currency: str) -> Invited:
    said = columns.cell(cells, columns.handle)[:200]
    typed, promised = columns.cell(cells, columns.rate), columns.cell(cells, columns.fee)
    rate_bp = flat_fee = None
    if not said:
        return Invited(number, said, reason="cell_empty")
    if typed:
        found = _RATE.fullmatch(typed)
        if found is None:
            return Invited(number, said, reason="rate_unreadable")
        rate_bp = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))
    if promised:
        try:
            flat_fee = money.parse(promised, currency)
        except MoneyRefused:
            return Invited(number, said, rate_bp, reason="fee_unreadable")
    return Invited(number, said, rate_bp, flat_fee=flat_fee)
