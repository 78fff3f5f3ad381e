"""Walking a long list to its end, in the order of ids, with a text that says where to go on.

Ids, also where only changed rows are asked for: what changes while we walk stays where it is in such a list, or comes
into it, and is met by the next look. Rows that go (deleted, trashed) let those behind them move up. So a page begins a
few rows back, and its first row must be one that was seen: otherwise the walk looks back until one is. A store that
gives the same page for ever, whatever it is asked, ends the walk. Source: the fact sheet, section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Generic, Protocol, TypeVar

import msgspec

from connector.errors import PlatformDown, PlatformRefused
from connector.platforms.rest import Answered
from connector.platforms.woocommerce.client import PAGE, SMALLER, Query, Store, WebPage, more, total_of


class Row(Protocol):
    """What a walk looks at."""

    @property
    def id(self) -> int: ...


R = TypeVar("R", bound=Row)
Read = Callable[[Answered], list[R]]

BACK = 5  # rows of a page that were on the one before
MOST_ROWS = 2_000_000  # further than any store's list goes
_SECOND = timedelta(seconds=1)


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """Where to go on. JSON, so that it survives a kill as text."""

    offset: int = 0
    last: int = 0  # the greatest id seen
    first: int = 0  # … of the page before, and its first
    size: int = PAGE


@dataclass(frozen=True, slots=True)
class Part(Generic[R]):
    rows: Sequence[R]
    checkpoint: str | None


def instant(moment: datetime) -> str:
    """Naive UTC, which goes with `dates_are_gmt=true`. With a Z the store would convert it twice."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def changed_since(since: datetime) -> Query:
    """The store's filter is strict and of whole seconds: what changed in the very second is met too."""
    return [("modified_after", instant(since - _SECOND)), ("dates_are_gmt", "true")]


def by_id(store: Store, path: str, query: Query, read: Read[R], checkpoint: str | None, size: int = PAGE) -> Part[R]:
    """A page of a list, each row once. Errors: as `Store.get`; PlatformRefused for a list that doesn't end."""
    mark = msgspec.json.decode(checkpoint, type=Mark) if checkpoint else Mark(size=size)
    rows, size, total, there_is_more = _page(store, path, query, read, mark)
    ids = [row.id for row in rows]
    if len(ids) > 1 and (ids[0], ids[-1]) == (mark.first, mark.last):
        raise PlatformRefused(
            f"{store.domain}: the store gives the same page again and again: a cache answers for it. "
            "Keep /wp-json/ out of the store's page cache"
        )
    if mark.offset > MOST_ROWS:
        raise PlatformRefused(f"{store.domain}: the store's list doesn't end")
    found = {row.id: row for row in rows}
    if all(one < other for one, other in pairwise(ids)):
        nothing_shown = not ids and total is not None and mark.offset < total
        earlier = mark
        while earlier.offset and not nothing_shown and min(found, default=mark.last + 1) > mark.last:
            # Rows that we had seen are gone: what stood behind them moved up, perhaps past our beginning.
            earlier = Mark(max(0, earlier.offset - size), size=size)
            before, size, _, _ = _page(store, path, query, read, earlier)
            found = {row.id: row for row in before} | found
        found = {number: row for number, row in found.items() if number > mark.last}
    fresh = list(found.values())
    if not there_is_more:
        return Part(fresh, None)
    on = Mark(mark.offset + max(1, size - BACK), max([mark.last, *ids]), ids[0] if ids else 0, size)
    return Part(fresh, msgspec.json.encode(on).decode())


def _page(store: Store, path: str, query: Query, read: Read[R], mark: Mark) -> tuple[list[R], int, int | None, bool]:
    """The rows, the size of page that the store could finish, its count of all, and whether more come."""
    sizes = [mark.size, *(size for size in SMALLER if size < mark.size)]
    for size in sizes:
        paged: Query = [*query, ("orderby", "id"), ("order", "asc"), ("per_page", size), ("offset", mark.offset)]
        try:
            answer = store.get(path, paged)
        except WebPage:
            raise
        except PlatformDown:
            if size == sizes[-1]:
                raise
            continue  # heavy plug-ins don't finish a large page
        rows = read(answer)
        return rows, size, total_of(answer), more(answer, mark.offset + size, len(rows), size)
    raise AssertionError("not reached")
