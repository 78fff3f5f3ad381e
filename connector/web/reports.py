"""What the report pages of merchants, creators and support share: the question in an address, and the way to its parts.

    by=content  since=2026-11-01  until=2026-11-30  creator=crt_…  content=cnt_…|none  product=…  collaboration=trm_…
    currency=EUR

A page gives the `Asked` that its reader is bound to (their shop, themselves, all); the address only narrows it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from flask import request, url_for
from sqlalchemy.orm import Session

from connector import clock
from connector.errors import InputRefused
from connector.insight.reports import asked as asking
from connector.insight.reports import table as reported
from connector.insight.reports.asked import NONE, Asked
from connector.insight.reports.table import Row, Table
from connector.web import cursors, moments

DAYS = 30
SPANS = {7: "7 days", DAYS: "30 days", 90: "90 days", 365: "12 months"}
WORDS = {
    "creator": "Creator", "content": "Video", "product": "Product", "collaboration": "Collaboration", "shop": "Shop",
    "day": "Day", "currency": "Currency",
}  # fmt: skip
# What a line without one is called.
WITHOUT = {"content": "Links and codes", "product": "Lines without a product", "collaboration": "Without terms"}
_CURRENCY = re.compile(r"[A-Z]{3}")
_ROWS = 50
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Question:
    """What an address asks for. `filters`: what it is narrowed to, by dimension; `names`: how those are called."""

    asked: Asked
    by: str
    first: date
    last: date
    filters: Mapping[str, str]
    names: Mapping[str, str]
    dimensions: Sequence[str]

    @property
    def usual(self) -> bool:
        """The time is the one that a page shows unasked."""
        return (self.last - self.first).days == DAYS - 1 and self.last == clock.now().astimezone(self.asked.zone).date()

    def address(self, endpoint: str, **changes: Any) -> str:
        """The same question at a page, with changes: `by`, a filter, None to drop one."""
        values: dict[str, Any] = {"by": self.by, **self.filters}
        if not self.usual:
            values |= {"since": self.first.isoformat(), "until": self.last.isoformat()}
        values |= changes
        return url_for(endpoint, **{name: value for name, value in values.items() if value not in (None, "")})

    def spans(self, endpoint: str) -> list[tuple[str, str, None, bool]]:
        """The times that are asked for most, until today: (words, address, no number, is it this one) each."""
        today = clock.now().astimezone(self.asked.zone).date()
        found = []
        for number, said in SPANS.items():
            since = today - timedelta(days=number - 1)
            usual = number == DAYS
            at = self.address(
                endpoint, since=None if usual else since.isoformat(), until=None if usual else today.isoformat()
            )
            found.append((said, at, None, (self.first, self.last) == (since, today)))
        return found

    def part(self, endpoint: str, row: Row, **changes: Any) -> str:
        """The page of what one row is made of."""
        if self.by == "day":
            return self.address(endpoint, since=row.id, until=row.id, **changes)
        return self.address(endpoint, **{self.by: row.id}, **changes)

    def chips(self, endpoint: str) -> list[tuple[str, str, str]]:
        """(label, value, address without it) of each filter."""
        shown = [(WORDS[name], self.names[name], self.address(endpoint, **{name: None})) for name in self.filters]
        if not self.usual:
            span = moments.date_words(self.first)
            if self.last != self.first:
                span = f"{span} to {moments.date_words(self.last)}"
            shown.append(("Time", span, self.address(endpoint, since=None, until=None)))
        return shown

    def without_filters(self, endpoint: str) -> str:
        return url_for(endpoint, by=self.by)


def question(session: Session, bound: Asked, *, dimensions: Sequence[str], by: str) -> Question:
    """What this request's address asks for, within what the reader is bound to.

    Errors: InputRefused(since, until) for what is no day, or too long a time; NotFound for what isn't the reader's.
    """
    wanted = request.args.get("by", by)
    by = wanted if wanted in dimensions else by
    today = clock.now().astimezone(bound.zone).date()
    last = _day("until", today)
    first = _day("since", last - timedelta(days=DAYS - 1))
    if last < first:  # typed into the other field: the days between are meant, and are shown
        first, last = last, first
    asked = asking.days(bound, first, last)
    filters = {
        name: value for name in dimensions if name != "day" and (value := request.args.get(name, "").strip()[:_LONGEST])
    }
    asked = asking.narrowed(session, asked, **filters)
    currency = request.args.get("currency", "").strip()
    if _CURRENCY.fullmatch(currency):
        asked = asking.in_currency(asked, currency)
    names = {}
    for name, value in filters.items():
        known = reported.names(session, name, [value], with_shops=asked.shop_id is None)
        called = known.get(value, value) if value != NONE else WITHOUT.get(name)
        names[name] = called or value
    if asked.currency is not None:
        filters["currency"] = names["currency"] = asked.currency
    return Question(asked, by, first, last, filters, names, [each for each in dimensions if each not in filters])


def _day(name: str, default: date) -> date:
    text = request.args.get(name, "").strip()
    if not text:
        return default
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InputRefused(name, "is no day.", "Write it as 2026-11-20.") from None
    if not 2000 <= day.year < 2100:
        raise InputRefused(name, "is not between the years 2000 and 2100.")
    return day


@dataclass(frozen=True, slots=True)
class Shown:
    """A page of a report's rows, named; `older` leads to the next ("": there is none)."""

    question: Question
    table: Table
    rows: list[Row]
    older: str

    @property
    def style(self) -> str:
        """An amount bears its code where currencies stand side by side, else its symbol."""
        return "code" if len(self.table.whole.money) > 1 else "symbol"

    def name(self, row: Row) -> str:
        """What a row is called."""
        if row.id == NONE:
            return WITHOUT.get(self.table.by, "None")
        if self.table.by == "day":
            return moments.date_words(date.fromisoformat(row.id))
        return row.name or row.id


def shown(session: Session, asked: Question, whole: Table, endpoint: str, rows: int = _ROWS) -> Shown:
    """The page of rows that the address asks for."""
    listing = f"report:{asked.by}:{asked.asked.shop_id or ''}:{asked.asked.creator_id or ''}"
    cursor = request.args.get("older", "")
    after = str(cursors.unpack(listing, cursor)[0]) if cursor else ""
    found, last = whole.page(after, rows)
    reported.name(session, whole, found)
    older = asked.address(endpoint, older=cursors.pack(listing, [last])) if last else ""
    return Shown(asked, whole, found, older)


def behind(listing: str) -> tuple[datetime, str] | None:
    """Where a list of orders goes on: what `before` of `drill.orders` takes."""
    cursor = request.args.get("older", "")
    if not cursor:
        return None
    at, order_id = cursors.unpack(listing, cursor)
    return cursors.moment(at), str(order_id)


def in_zone(asked: Asked, name: str) -> Asked:
    """Days are those of that zone."""
    return replace(asked, zone=moments.zone_named(name))
