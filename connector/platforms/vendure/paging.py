"""Walks over lists that know only `skip`, made safe against rows that move while we walk.

By id (a whole catalog): each page begins one row before the last one that was seen. Where that row isn't there any
more, something before it was deleted, and the page is looked for further up: no row is passed over.
By time (what changed): each page begins at the moment of the last row, less a millisecond. A row that changes meanwhile
moves to the end and is met there. Rows at the border come twice.

The checkpoint is a text of ours; it holds all that a walk needs after a kill.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from connector.errors import PlatformRefused
from connector.platforms.reading import by_ref, moment
from connector.platforms.vendure.client import TooMany

T = TypeVar("T")
TICK = timedelta(milliseconds=1)  # the store tells times no finer

# (rows to take, rows to skip) → the rows, and how many there are in all
Listed = Callable[[int, int], tuple[Sequence[T], int]]


def taking(size: int, ask: Callable[[int], T]) -> T:
    """`ask` with fewer rows as long as the store's own limit is lower. Errors: TooMany when it gives not even one."""
    while True:
        try:
            return ask(size)
        except TooMany as error:
            if size == 1:
                raise
            size = error.most if 0 < error.most < size else size // 2


@dataclass(frozen=True, slots=True)
class ById:
    """Where a walk by ascending ids stands: `skip` rows were passed, `last` is the id of the last of them."""

    skip: int = 0
    last: str = ""

    @classmethod
    def read(cls, text: str | None) -> ById:
        if not text:
            return cls()
        skip, _, last = text.partition("|")
        return cls(int(skip), last)

    def page(
        self, domain: str, size: int, listed: Listed[T], ref: Callable[[T], str]
    ) -> tuple[Sequence[T], str | None]:
        """The rows behind `last`, and the checkpoint behind them (None at the end).

        Errors: PlatformRefused for a store that gives the same page whatever is asked.
        """
        skip = max(0, self.skip - 1)
        rows, total = listed(size, skip)
        while self.last and skip and not (rows and by_ref(ref(rows[0])) <= by_ref(self.last)):
            skip = max(0, skip - size)  # what stood before was deleted
            rows, total = listed(size, skip)
        fresh = self._behind(rows, ref)
        passed = skip + len(rows)
        if not fresh and rows and passed < total:  # nothing but what was seen: a short list, or rows that moved down
            rows, total = listed(size, passed)
            fresh = self._behind(rows, ref)
            passed += len(rows)
        if not rows or passed >= total:
            return fresh, None
        if not fresh:
            raise PlatformRefused(f"{domain}: the store gives the same page again and again")
        return fresh, f"{passed}|{ref(fresh[-1])}"

    def _behind(self, rows: Sequence[T], ref: Callable[[T], str]) -> list[T]:
        return [row for row in rows if not self.last or by_ref(ref(row)) > by_ref(self.last)]


@dataclass(frozen=True, slots=True)
class ByTime:
    """Where a walk by ascending times stands: rows later than `start`, less the first `skip` of them."""

    start: str
    skip: int = 0
    seen: str = ""  # digest of the page before

    @classmethod
    def read(cls, text: str) -> ByTime:
        start, skip, seen = text.split("|")
        return cls(start, int(skip), seen)

    @classmethod
    def since(cls, moment: datetime) -> ByTime:
        return cls(instant(moment - TICK))

    def behind(self, domain: str, rows: Sequence[tuple[str, str]], total: int) -> ByTime | None:
        """Where to go on behind these rows (id, time), of `total` that the question has; None at the end.

        Errors: PlatformRefused for a store that gives the same page whatever is asked.
        """
        if not rows or self.skip + len(rows) >= total:
            return None
        seen = hashlib.blake2b("|".join(f"{ref} {at}" for ref, at in rows).encode(), digest_size=8).hexdigest()
        if seen == self.seen:
            raise PlatformRefused(f"{domain}: the store gives the same page again and again")
        start = instant(moment(rows[-1][1], "$.items.updatedAt") - TICK)
        if start > self.start:
            return ByTime(start, 0, seen)
        return ByTime(self.start, self.skip + len(rows), seen)

    def __str__(self) -> str:
        return f"{self.start}|{self.skip}|{self.seen}"


def instant(moment: datetime) -> str:
    """As the store writes times: UTC with milliseconds, so that texts order as moments do."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
