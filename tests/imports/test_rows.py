"""A file is read as it streams: what can't be told apart is refused with its line, and a bad row spoils no other."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import InputRefused
from connector.operations.imports.rows import Reader


def read(text: str | bytes, kind: str = "codes") -> Reader:
    return Reader(io.BytesIO(text if isinstance(text, bytes) else text.encode()), kind)


def rows(text: str | bytes, kind: str = "codes") -> list[tuple[int, dict[str, str], str]]:
    return [(row.number, row.cells, row.problem) for row in read(text, kind)]


@pytest.mark.parametrize("parted", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_the_ways_in_which_programs_write_it(parted: str, end: str, mark: str) -> None:
    text = mark + end.join(parted.join(row) for row in (["Code", "Creator"], [" MIRA10 ", "@mira"], ["", ""])) + end
    assert rows(text) == [(2, {"code": "MIRA10", "creator": "@mira"}, "")]


def test_columns_by_their_other_names_and_those_we_do_not_read() -> None:
    reader = read("Discount code,Notes,HANDLE\nA,x,mira\n")
    assert reader.header.unused == ["Notes"]
    assert [row.cells for row in reader] == [{"code": "A", "creator": "mira"}]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has no header"),
        ("\n\n", "has no header"),
        ("code,name\nA,b\n", "has no column creator. Name the columns: code, creator."),
        ("code,coupon,creator\n", "names the column code twice"),
        ('code,creator\n"A,mira\n', "at line 2"),
        ("code,creator\nA,mira\nB\xff,tal\n".encode("latin-1"), "isn't UTF-8 near line"),
    ],
)
def test_a_file_that_can_not_be_told_apart(text: str | bytes, says: str) -> None:
    with pytest.raises(InputRefused) as refused:
        rows(text)
    assert refused.value.field == "file"
    assert says in str(refused.value)


def test_a_bad_row_spoils_no_other() -> None:
    found = rows(f"code,creator\nA,mira\nB,tal,more\n{'C' * 501},mira\nD\nE,a\x00b\nF,tal,\n")
    assert [(number, problem) for number, _, problem in found] == [
        (2, ""), (3, "has 3 cells, the header has 2"), (4, "has more than 500 characters in code"), (5, ""),
        (6, "has a character in creator that can't be stored"), (7, ""),
    ]  # fmt: skip
    assert found[3][1] == {"code": "D", "creator": ""}


# What a spreadsheet holds: no NUL, no halves of surrogate pairs.
CELL = st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), max_size=20)


@given(st.lists(st.tuples(CELL, CELL), max_size=30))
def test_what_a_csv_writer_wrote_is_read_again(cells: list[tuple[str, str]]) -> None:
    import csv

    cells = [tuple(c.replace("\r", " ").replace("\n", " ") for c in row) for row in cells]  # type: ignore[misc]
    kept = [row for row in cells if any(c.strip() for c in row)]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["code", "creator"])
    writer.writerows(cells)
    assert [(row["code"], row["creator"]) for _, row, _ in rows(out.getvalue())] == [
        (code.strip(), who.strip()) for code, who in kept
    ]


class _Endless(io.RawIOBase):
    """A file of a hundred thousand rows that is made while it is read."""

    def __init__(self) -> None:
        self.parts: Iterator[bytes] = iter([b"code,creator\n", *(b"C%d,mira\n" % n for n in range(100_000))])
        self.rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, into: object) -> int:
        view = memoryview(into)  # type: ignore[arg-type]
        self.rest = self.rest or next(self.parts, b"")
        part, self.rest = self.rest[: len(view)], self.rest[len(view) :]
        view[: len(part)] = part
        return len(part)


def test_it_is_never_held_as_a_whole() -> None:
    stream = _Endless()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    count = sum(1 for _ in Reader(stream, "codes"))  # type: ignore[arg-type]
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert count == 100_000
    assert peak < 2_000_000
