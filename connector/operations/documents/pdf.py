"""A sheet drawn as PDF: the same bytes for the same facts, so that a document can be made again and compared.

Letters come from open fonts that are installed as packages (see `_FACES`): Fira Sans has accents, Greek and Cyrillic;
Noto Sans CJK fills in Chinese, Japanese and Korean. A sign that no installed font has
is written as its plain letter, or as `?`, and the document says so; the CSV file has it as it is.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.enums import XPos, YPos

from connector.operations.documents.sheet import Column, Sheet, Table

MARGIN, WIDTH, LINE = 18.0, 174.0, 5.2  # millimetres of an A4 page
_INK, _MUTED, _RULE = (22, 32, 46), (86, 99, 117), (206, 213, 222)


@dataclass(frozen=True, slots=True)
class Face:
    """A font file of an installed package. `bold` may be the same file at another weight."""

    name: str
    package: str
    regular: str
    bold: str


# The first that is installed draws the text, the others fill in what it has not.
_FACES = (
    Face("sans", "fontpkg_fira_sans", "files/FiraSans-Regular.ttf", "files/FiraSans-SemiBold.ttf"),
    Face("cjk", "noto_cjk_sans_jp_regular", "NotoSansCJKjp-Regular.otf", "NotoSansCJKjp-Regular.otf"),
)


@cache
def _installed() -> tuple[tuple[str, Path, Path], ...]:
    found = []
    for face in _FACES:
        spec = find_spec(face.package)
        if spec is None or not spec.submodule_search_locations:
            continue
        folder = Path(spec.submodule_search_locations[0])
        regular, bold = folder / face.regular, folder / face.bold
        if regular.exists() and bold.exists():
            found.append((face.name, regular, bold))
    return tuple(found)


@cache
def _signs(path: Path) -> frozenset[int]:
    """Code points that a font file draws."""
    with TTFont(path, lazy=True) as font:
        return frozenset(font.getBestCmap() or ())


def render(sheet: Sheet) -> bytes:
    """The whole document."""
    drawn = _Drawing(sheet)
    return bytes(drawn.all())


class _Page(FPDF):
    """A4 with a foot: whose document, and which page of how many."""

    foot = ""

    def footer(self) -> None:
        self.set_y(-13)
        self.set_font(size=8)
        self.set_text_color(*_MUTED)
        self.cell(WIDTH / 2, 5, self.foot)
        self.cell(WIDTH / 2, 5, f"{self.page_no()} / {{nb}}", align="R")


class _Drawing:
    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.lost = False  # was a sign written as another?
        self.page = _Page(format="A4", unit="mm")
        self.faces = _needed(sheet)
        self.page.set_margins(MARGIN, MARGIN, MARGIN)
        self.page.set_auto_page_break(True, margin=20)
        self._fonts()
        self.page.set_title(self.text(sheet.title))
        self.page.set_creator("connector")
        self.page.set_lang("en")
        self.page.set_creation_date(sheet.made_at.astimezone(UTC))
        self.page.foot = self.text(f"{sheet.issuer.splitlines()[0] if sheet.issuer else ''} · {sheet.title}")

    def _fonts(self) -> None:
        if not self.faces:
            self.page.set_font("helvetica")
            return
        for name, regular, bold in self.faces:
            for style, path in (("", regular), ("B", bold)):
                self.page.add_font(name, style, str(path))
        self.page.set_font(self.faces[0][0])
        if len(self.faces) > 1:
            self.page.set_fallback_fonts([name for name, _, _ in self.faces[1:]])

    def text(self, words: str) -> str:
        """What the fonts can draw of it."""
        if all(self._drawable(sign) for sign in words):
            return words
        out = []
        for sign in words:
            if self._drawable(sign):
                out.append(sign)
                continue
            plain = "".join(each for each in unicodedata.normalize("NFKD", sign) if self._drawable(each))
            out.append(_PLAIN.get(sign) or plain or "?")
            self.lost = self.lost or sign not in _PLAIN
        return "".join(out)

    def _drawable(self, sign: str) -> bool:
        if sign == "\n":
            return True
        if not self.faces:
            return sign.encode("latin-1", "ignore") != b"" and sign.isprintable()
        return any(ord(sign) in _signs(path) for _, path, _ in self.faces)

    def all(self) -> bytearray:
        page = self.page
        page.add_page()
        self._head()
        self._facts()
        self._sums()
        for table in self.sheet.tables:
            self._table(table)
        for note in self.sheet.notes:
            self._note(note)
        if self.lost:
            self._note("Some signs can't be printed here and stand as others. The CSV file has them as they are.")
        return page.output()

    def _head(self) -> None:
        page, top = self.page, self.page.get_y()
        self._ink(18, "B")
        page.multi_cell(WIDTH * 0.6, 8, self.text(self.sheet.title), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self._ink(10)
        page.multi_cell(WIDTH * 0.6, LINE, self.text(self.sheet.to), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        bottom = page.get_y()
        page.set_xy(MARGIN + WIDTH * 0.6, top + 1.5)
        self._ink(10, muted=True)
        page.multi_cell(WIDTH * 0.4, LINE, self.text(self.sheet.issuer), align="R")
        page.set_xy(MARGIN, max(bottom, page.get_y()) + 4)

    def _facts(self) -> None:
        for label, value in self.sheet.facts:
            self._ink(9, muted=True)
            self.page.cell(32, LINE, self.text(label))
            self._ink(9)
            self.page.multi_cell(WIDTH - 32, LINE, self.text(value), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.page.ln(3)

    def _sums(self) -> None:
        self._rule()
        last = len(self.sheet.sums) - 1
        for number, (label, value) in enumerate(self.sheet.sums):
            strong: Literal["", "B"] = "B" if number == last else ""
            self._ink(11 if number == last else 10, strong)
            self.page.cell(WIDTH - 50, 6.4, self.text(label))
            self.page.cell(50, 6.4, self.text(value), align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self._rule()
        self.page.ln(3)

    def _table(self, table: Table) -> None:
        page = self.page
        if page.will_page_break(LINE * 5):
            page.add_page()
        self._ink(12, "B")
        page.cell(WIDTH, 8, self.text(table.title), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        widths = _widths(table.columns)
        self._names(table.columns, widths)
        for row in table.rows:
            if page.will_page_break(LINE):
                page.add_page()
                self._names(table.columns, widths)
            self._ink(9)
            for column, width, cell in zip(table.columns, widths, row, strict=True):
                page.cell(width, LINE, self._fitting(cell, width), align="R" if column.number else "L")
            page.ln(LINE)
        if not table.rows:
            self._ink(9, muted=True)
            page.cell(WIDTH, LINE, "None", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        if table.more:
            self._ink(9, muted=True)
            page.cell(WIDTH, LINE + 1, self.text(table.more), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        page.ln(4)

    def _names(self, columns: Sequence[Column], widths: Sequence[float]) -> None:
        self._ink(8.5, "B", muted=True)
        for column, width in zip(columns, widths, strict=True):
            self.page.cell(width, LINE + 1, column.title, align="R" if column.number else "L")
        self.page.ln(LINE + 1)
        self._rule()

    def _fitting(self, words: str, width: float) -> str:
        """The cell's words, cut with an ellipsis where they are too long for it."""
        words = self.text(" ".join(words.split()))
        room = width - 2.5
        if len(words) < 200 and self.page.get_string_width(words) <= room:
            return words
        low, high = 0, min(len(words), 200)
        dots = self.text("…")
        while low < high:
            middle = (low + high + 1) // 2
            if self.page.get_string_width(words[:middle] + dots) <= room:
                low = middle
            else:
                high = middle - 1
        return words[:low].rstrip() + dots

    def _note(self, note: str) -> None:
        self._ink(9, muted=True)
        self.page.multi_cell(WIDTH, LINE, self.text(note), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.page.ln(1.5)

    def _ink(self, size: float, style: Literal["", "B"] = "", *, muted: bool = False) -> None:
        self.page.set_font(style=style, size=size)
        self.page.set_text_color(*(_MUTED if muted else _INK))

    def _rule(self) -> None:
        self.page.set_draw_color(*_RULE)
        self.page.set_line_width(0.2)
        self.page.line(MARGIN, self.page.get_y(), MARGIN + WIDTH, self.page.get_y())
        self.page.ln(1)


# What fonts of few signs lack and has a plain form that says the same.
_PLAIN = {"−": "-", "…": "...", "\u00a0": " ", "–": "-", "—": "-", "’": "'", "“": '"', "”": '"', "\u202f": " "}


def _widths(columns: Sequence[Column]) -> list[float]:
    parts = sum(column.share for column in columns)
    return [WIDTH * column.share / parts for column in columns]


def _needed(sheet: Sheet) -> list[tuple[str, Path, Path]]:
    """The first font, and of the others those that draw a sign which the ones before them don't: they are large."""
    faces = _installed()
    if not faces:
        return []
    words = {ord(sign) for sign in _everything(sheet)}
    needed = [faces[0]]
    missing = words - _signs(faces[0][1])
    for face in faces[1:]:
        if missing & _signs(face[1]):
            needed.append(face)
            missing -= _signs(face[1])
    return needed


def _everything(sheet: Sheet) -> str:
    cells = [cell for table in sheet.tables for row in table.rows for cell in row]
    pairs = [part for pair in (*sheet.facts, *sheet.sums) for part in pair]
    return "".join([sheet.title, sheet.issuer, sheet.to, *pairs, *cells, *sheet.notes])
