"""How a feed lies in a file, and how it is read back: RSS 2.0, Atom, tab- and comma-separated tables.

Written a row at a time; XML has a field a line, since Meta takes no line over 5,242,880 bytes. No moment of writing is
in a file: an unchanged catalog gives equal bytes, and so an equal ETag.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

import msgspec

from connector.insight.feeds.channels import COLUMNS, REPEATED, Fields

G = "http://base.google.com/ns/1.0"
ATOM = "http://www.w3.org/2005/Atom"
# format → (end of the file's name, media type)
KINDS = {
    "rss": ("xml", "application/rss+xml"),
    "atom": ("xml", "application/atom+xml"),
    "tsv": ("tsv", "text/tab-separated-values"),
    "csv": ("csv", "text/csv"),
}
_CSV_MOST = 2**24


class About(msgspec.Struct, frozen=True):
    """What the head of a feed says."""

    channel: str
    format: str
    title: str  # the shop's name
    link: str  # its storefront


class Out:
    """Bytes on their way into a file: counted, hashed, and never a line longer than the channel takes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.blake2b(digest_size=16)
        self.size = 0
        self.longest = 0

    def write(self, text: str) -> None:
        data = text.encode()
        self._file.write(data)
        self._hash.update(data)
        self.size += len(data)
        self.longest = max(self.longest, *(len(line) for line in data.split(b"\n")))

    @property
    def etag(self) -> str:
        return self._hash.hexdigest()


class Writer(Protocol):
    def begin(self) -> None: ...

    def item(self, fields: Fields) -> None: ...

    def end(self) -> None: ...


def writer(about: About, out: Out) -> Writer:
    return _Xml(about, out) if about.format in ("rss", "atom") else _Table(about, out)


class _Table:
    """Comma-separated by RFC 4180; tab-separated the same way, with no tab or line end in any cell."""

    def __init__(self, about: About, out: Out) -> None:
        self.columns = COLUMNS[about.channel]
        self._out = out
        self._line = io.StringIO(newline="")
        tab = about.format == "tsv"
        self._csv = csv.writer(self._line, delimiter="\t" if tab else ",", lineterminator="\n" if tab else "\r\n")

    def begin(self) -> None:
        self._row(self.columns)

    def item(self, fields: Fields) -> None:
        self._row([fields.get(name, "") for name in self.columns])

    def end(self) -> None:
        pass

    def _row(self, cells: list[str] | tuple[str, ...]) -> None:
        self._csv.writerow(cells)
        self._out.write(self._line.getvalue())
        self._line.seek(0)
        self._line.truncate()


class _Xml:
    def __init__(self, about: About, out: Out) -> None:
        self._about = about
        self._write = out.write
        self._item = "item" if about.format == "rss" else "entry"

    def begin(self) -> None:
        title, link = escape(self._about.title), self._about.link
        self._write('<?xml version="1.0" encoding="UTF-8"?>\n')
        if self._about.format == "rss":
            self._write(
                f'<rss version="2.0" xmlns:g="{G}">\n<channel>\n<title>{title}</title>\n<link>{escape(link)}</link>\n'
                f"<description>{title}</description>\n"
            )
        else:
            self._write(
                f'<feed xmlns="{ATOM}" xmlns:g="{G}">\n<title>{title}</title>\n<link href={quoteattr(link)}/>\n'
                f"<id>{escape(link)}</id>\n"
            )

    def item(self, fields: Fields) -> None:
        lines = [f"<{self._item}>"]
        for name, value in fields.items():
            for one in value.split(",") if name == REPEATED else (value,):
                lines.append(f"<g:{name}>{escape(one)}</g:{name}>")
        lines.append(f"</{self._item}>\n")
        self._write("\n".join(lines))

    def end(self) -> None:
        self._write("</channel>\n</rss>\n" if self._about.format == "rss" else "</feed>\n")


def read(path: Path, kind: str) -> Iterator[Fields]:
    """The items of a finished file, by the standard parsers and none of the code that wrote it. Constant memory.

    Errors: ValueError (csv, XML) for a file that isn't whole.
    """
    return _read_xml(path) if kind in ("rss", "atom") else _read_table(path, "\t" if kind == "tsv" else ",")


def _read_table(path: Path, delimiter: str) -> Iterator[Fields]:
    before = csv.field_size_limit(_CSV_MOST)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file, delimiter=delimiter, strict=True)
            columns = next(rows)
            for row in rows:
                yield {name: cell for name, cell in zip(columns, row, strict=True) if cell}
    except csv.Error as error:
        raise ValueError(str(error)) from None
    finally:
        csv.field_size_limit(before)


def _read_xml(path: Path) -> Iterator[Fields]:
    above: list[ElementTree.Element] = []
    try:
        # Our own file of a moment ago: no entity or document type of somebody else's is in it.
        for event, node in ElementTree.iterparse(path, events=("start", "end")):  # noqa: S314
            if event == "start":
                above.append(node)
                continue
            above.pop()
            if node.tag.rpartition("}")[2] in ("item", "entry"):
                yield _fields_of(node)
                above[-1].remove(node)  # else the tree would grow to the whole file
    except ElementTree.ParseError as error:
        raise ValueError(str(error)) from None


def _fields_of(node: ElementTree.Element) -> Fields:
    found: Fields = {}
    for child in node:
        name, value = child.tag.removeprefix(f"{{{G}}}"), child.text or ""
        found[name] = f"{found[name]},{value}" if name == REPEATED and name in found else value
    return found
