"""Reading a file of rows as it streams: which columns it has, and each row's cells by the names that we know. Pure.

A file is CSV in UTF-8, parted by commas, semicolons or tabs, with a header. It is never held as a whole.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO

from connector.errors import InputRefused

LONGEST_CELL = 500
MOST_ROWS = 1_000_000


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of one kind of file. `aliases`: how other programs call them."""

    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        return self.needed + self.optional


SHAPES: dict[str, Shape] = {
    "codes": Shape(
        ("code", "creator"),
        aliases={"coupon": "code", "coupon_code": "code", "discount_code": "code", "handle": "creator"},
    ),
    "links": Shape(
        ("tag", "creator", "product"),
        ("variant", "network", "content", "kind", "title"),
        aliases={"slug": "tag", "old_code": "tag", "handle": "creator", "product_id": "product",
                 "variant_id": "variant", "video": "content"},
    ),
    "balances": Shape(("creator", "currency", "amount"), ("ref",), aliases={"handle": "creator", "balance": "amount"}),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it was read. `problem` says why its cells can't be told apart; `cells` is empty then."""

    number: int  # the line on which it ends; the header is line 1
    cells: dict[str, str]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Header:
    """Which column holds what, and which ones we don't read."""

    places: dict[str, int]
    unused: list[str]
    width: int


def shape(kind: str) -> Shape:
    """Errors: InputRefused for a kind that isn't one."""
    found = SHAPES.get(kind)
    if found is None:
        raise InputRefused("kind", f"{kind[:40]!r} is no kind of import.", f"Use {', '.join(SHAPES)}.")
    return found


class Reader:
    """Rows out of a stream of bytes, one at a time. `header` is known from the start.

    Errors: InputRefused("file") where the file as a whole can't be told apart: no header, a needed column missing or
    there twice, not UTF-8, a quote that never closes, too many rows. It names the line and what to do.
    """

    def __init__(self, stream: IO[bytes], kind: str) -> None:
        self.shape = shape(kind)
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="strict", newline="")
        self._text = text  # kept: a wrapper that is collected closes the stream under it
        first = self._first_line(text)
        self._rows = csv.reader(_again(first, text), delimiter=_parted_by(first), strict=True)
        self.header = self._read_header()

    def _first_line(self, text: io.TextIOWrapper) -> str:
        try:
            first = text.readline(LONGEST_CELL * 40)
        except UnicodeDecodeError:
            raise _not_utf8(1) from None
        if not first.strip():
            raise InputRefused("file", "has no header.", f"Its first line names the columns: {self._wanted()}.")
        return first

    def _wanted(self) -> str:
        more = f", and perhaps {', '.join(self.shape.optional)}" if self.shape.optional else ""
        return ", ".join(self.shape.needed) + more

    def _read_header(self) -> Header:
        names = next(self._lines())[1]
        places: dict[str, int] = {}
        unused = []
        for place, written in enumerate(names):
            plain = "_".join(written.strip().lower().replace("-", " ").replace("_", " ").split())
            known = self.shape.aliases.get(plain, plain)
            if known not in self.shape.columns:
                unused.append(written.strip()[:80])
            elif known in places:
                raise InputRefused(
                    "file", f"names the column {known} twice.", "Take one of the two out: we don't choose."
                )
            else:
                places[known] = place
        absent = [name for name in self.shape.needed if name not in places]
        if absent:
            raise InputRefused(
                "file", f"has no column {' and no column '.join(absent)}.", f"Name the columns: {self._wanted()}."
            )
        return Header(places, unused, len(names))

    def __iter__(self) -> Iterator[Row]:
        count = 0
        for number, cells in self._lines():
            if not any(cell.strip() for cell in cells):
                continue  # an empty line, or the blank row that spreadsheets leave behind
            count += 1
            if count > MOST_ROWS:
                raise InputRefused("file", f"has more than {MOST_ROWS:,} rows.", "Part it into several files.")
            yield self._row(number, cells)

    def _row(self, number: int, cells: list[str]) -> Row:
        width = self.header.width
        if len(cells) > width and any(cell.strip() for cell in cells[width:]):
            return Row(number, {}, f"has {len(cells)} cells, the header has {width}")
        if len(cells) < width:
            cells = cells + [""] * (width - len(cells))
        read = {name: cells[place].strip() for name, place in self.header.places.items()}
        for name, value in read.items():
            if len(value) > LONGEST_CELL:
                return Row(number, {}, f"has more than {LONGEST_CELL} characters in {name}")
            if "\x00" in value:
                return Row(number, {}, f"has a character in {name} that can't be stored")
        return Row(number, read)

    def _lines(self) -> Iterator[tuple[int, list[str]]]:
        while True:
            try:
                cells = next(self._rows)
            except StopIteration:
                return
            except UnicodeDecodeError:
                raise _not_utf8(self._rows.line_num + 1) from None
            except csv.Error as error:
                problem = f"can't be read at line {self._rows.line_num}: {error}."
                raise InputRefused("file", problem, "See whether a quote never closes.") from None
            yield self._rows.line_num, cells


def _again(first: str, rest: io.TextIOWrapper) -> Iterator[str]:
    yield first
    yield from rest


def _parted_by(header: str) -> str:
    """What parts the columns: the one of comma, semicolon and tab that the header has most of."""
    return max(",;\t", key=header.count)


def _not_utf8(line: int) -> InputRefused:
    return InputRefused(
        "file", f"isn't UTF-8 near line {line}.", "Save it as CSV UTF-8, which spreadsheets offer beside plain CSV."
    )
