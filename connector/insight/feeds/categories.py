"""A category of the store platform's taxonomy → Google's, which all three channels read.

Source: the release files of Shopify's public product taxonomy (MIT). An operator loads one with
`connector feed categories FILE`; without it the two upper levels are known (`data/categories.json`). A category that
isn't in the map is mapped by its nearest ancestor, which is said on the item.
"""

from __future__ import annotations

import gzip
import io
import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import db
from connector.errors import InputRefused
from connector.insight.feeds.tables import CategoryMap
from connector.insight.feeds.text import folded

PART = " > "
_HEAD = re.compile(r"# Shopify Product Taxonomy - Mapping (shopify/\S+) to (google/\S+)")
_FEWEST = 1000  # a release has some ten thousand; a file cut short must not take the place of a whole one
_BATCH = 2000


class Categories:
    """Looks categories up and remembers them: a catalog has few. One a build."""

    def __init__(self, session: Session) -> None:
        self._loaded = bool(session.scalar(sa.select(sa.func.count()).select_from(CategoryMap)))
        self._known: dict[str, tuple[str, bool]] = {}

    def google(self, session: Session, name: str) -> tuple[str, bool]:
        """(Google's full name, is it exact?) for a full name; ("", False) where not even its top is known."""
        if name not in self._known:
            self._known[name] = self._look(session, name)
        return self._known[name]

    def _look(self, session: Session, name: str) -> tuple[str, bool]:
        parts = [folded(part) for part in name.split(">")]
        for depth in range(len(parts), 0, -1):
            source = PART.join(parts[:depth])
            found = session.get(CategoryMap, source) if self._loaded else None
            target = found.target if found is not None else _bundled().get(source, "")
            if target:
                return target, depth == len(parts)
        return "", False


@cache
def _bundled() -> dict[str, str]:
    text = (files("connector.insight.feeds") / "data" / "categories.json").read_text(encoding="utf-8")
    table = json.loads(text)
    return {_key(name): name for name in table["same"]} | {_key(name): to for name, to in table["other"].items()}


def _key(name: str) -> str:
    return PART.join(folded(part) for part in name.split(">"))


def load(session: Session, path: Path) -> tuple[str, int]:
    """Put a release file (`.txt` or `.txt.gz`) in the place of the map; (its release, how many categories).

    Errors: InputRefused when it isn't such a file, or is cut short; the map stays as it was.
    """
    release, rows = _read(path)
    session.execute(sa.delete(CategoryMap))
    values = [{"source": source, "target": target, "release": release} for source, target in rows.items()]
    for start in range(0, len(values), _BATCH):
        session.execute(db.insert(session, CategoryMap), values[start : start + _BATCH])
    return release, len(rows)


def loaded(session: Session) -> str:
    """The release of the map that is loaded; "" for the part that comes with the program."""
    return session.scalar(sa.select(CategoryMap.release).limit(1)) or ""


def _read(path: Path) -> tuple[str, dict[str, str]]:
    remedy = "Give shopify_<release>_to_google_<release>.txt of Shopify's product taxonomy."
    rows: dict[str, str] = {}
    source = ""
    try:
        lines = _lines(path)
        head = _HEAD.match(next(lines, ""))
        if head is None:
            raise InputRefused("file", f"{path.name} doesn't begin like a mapping to Google's taxonomy.", remedy)
        for line in lines:
            if line.startswith("→ "):
                source = _key(line[2:])
            elif line.startswith("⇒ ") and source:
                # Where a category has several targets the first one counts.
                rows.setdefault(source, line[2:].strip())
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputRefused("file", f"{path.name} can't be read ({type(error).__name__}).", remedy) from None
    if len(rows) < _FEWEST:
        raise InputRefused("file", f"{path.name} holds {len(rows)} categories: it seems to be cut.", remedy)
    return f"{head[1]} to {head[2]}", rows


def _lines(path: Path) -> Iterator[str]:
    with path.open("rb") as raw:
        opened = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
        with io.TextIOWrapper(opened, encoding="utf-8") as file:
            yield from file
