"""Colour, size, material, pattern, gender and age group, out of option names in many languages (`data/details.json`).

A name that isn't in the table is left out: a guess would be shown to buyers. Gender and age group have closed sets of
values, so their values are looked up as well; the others stay as the merchant wrote them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files

from connector.insight.feeds.text import folded, plain


@cache
def _names() -> dict[str, str]:
    return {folded(word): name for name, words in _table()["names"].items() for word in words}


@cache
def _values() -> dict[str, dict[str, str]]:
    return {
        name: {folded(word): value for value, words in values.items() for word in words}
        for name, values in _table()["values"].items()
    }


@cache
def _table() -> dict[str, dict[str, dict[str, list[str]]]]:
    text = (files("connector.insight.feeds") / "data" / "details.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, dict[str, list[str]]]] = json.loads(text)
    return found


def of(options: Iterable[Sequence[str]]) -> dict[str, str]:
    """Option pairs [name, value] → detail → value. The first option of a meaning counts."""
    found: dict[str, str] = {}
    for name, value in options:
        meaning = _names().get(folded(plain(name)))
        if meaning is None or meaning in found or not value:
            continue
        closed = _values().get(meaning)
        text = plain(value) if closed is None else closed.get(folded(plain(value)), "")
        if text:
            found[meaning] = text
    return found
