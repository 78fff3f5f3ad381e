"""Walking a long list to its end: by change time or by id, in one direction, with a text that says where to go on.

Rows move while we walk. So a page begins at an offset that lies a few rows back, and its first row must be one that was
seen (or come before it): otherwise rows went from in front of it, and the walk steps back. A list by change time moves
its window along, so that a row which changes meanwhile is met again at the end. A store that gives the same page for
ever, whatever it is asked, ends the walk. Source: the fact sheet, section 3.
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
from connector.platforms.woocommerce.client import PAGE, SMALLER, Query, Store, WebPage, more


class Row(Protocol):
    """What a walk looks at."""

    @property
    def id(self) -> int: ...

    @property
    def date_modified_gmt(self) -> str | None: ...


R = TypeVar("R", bound=Row)
Read = Callable[[Answered], list[R]]

BACK = 5  # rows of a page that were on the one before
MOST_ROWS = 2_000_000  # further than any store's list goes


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """Where to go on. JSON, so that it survives a kill as text."""

    offset: int = 0
    after: str = ""  # the window's beginning (naive UTC); "" in a list by id
    last: int = 0  # id of the row at which the page before ended
    first: int = 0  # … and began
    size: int = PAGE


@dataclass(frozen=True, slots=True)
class Part(Generic[R]):
    rows: Sequence[R]
    checkpoint: str | None


def instant(moment: datetime) -> str:
    """Naive UTC, which goes with `dates_are_gmt=true`. With a Z the store would convert it twice."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def by_id(store: Store, path: str, query: Query, read: Read[R], checkpoint: str | None, size: int = PAGE) -> Part[R]:
    """A page of a list in the order of ids."""
    mark = msgspec.json.decode(checkpoint, type=Mark) if checkpoint else Mark(size=size)
    while True:
        rows, size, there_is_more = _page(store, path, query, read, mark, "id")
        ids = [row.id for row in rows]
        ascending = all(one < other for one, other in pairwise(ids))
        met = not ascending or (bool(ids) and ids[0] <= mark.last)
        if met or not mark.offset:
            break
        # Rows that we had seen are gone: what stood behind them moved up, perhaps past our beginning.
        mark = msgspec.structs.replace(mark, offset=max(0, mark.offset - size), first=0)
    _check(store, mark, ids)
    fresh = [row for row in rows if row.id > mark.last] if ascending else rows
    if not there_is_more:
        return Part(fresh, None)
    on = Mark(max(mark.offset + len(rows) - BACK, mark.offset + 1), "", max(mark.last, ids[-1]), ids[0], size)
    return Part(fresh, _text(store, on))


def by_change(
    store: Store, path: str, query: Query, read: Read[R], since: datetime, checkpoint: str | None, size: int = PAGE
) -> Part[R]:
    """A page of a list in the order of change times."""
    # The filter is strict and of whole seconds: what changed in the first one is met too.
    mark = msgspec.json.decode(checkpoint, type=Mark) if checkpoint else Mark(after=instant(since - _SECOND), size=size)
    asked = [*query, ("modified_after", mark.after), ("dates_are_gmt", "true")]
    rows, size, there_is_more = _page(store, path, asked, read, mark, "modified")
    ids = [row.id for row in rows]
    _check(store, mark, ids)
    if not there_is_more:
        return Part(rows, None)
    newest = _before(rows[-1].date_modified_gmt)
    if newest > mark.after:
        return Part(rows, _text(store, Mark(0, newest, ids[-1], ids[0], size)))
    on = Mark(max(mark.offset + len(rows) - BACK, mark.offset + 1), mark.after, ids[-1], ids[0], size)
    return Part(rows, _text(store, on))


_SECOND = timedelta(seconds=1)


def _page(store: Store, path: str, query: Query, read: Read[R], mark: Mark, order: str) -> tuple[list[R], int, bool]:
    """The rows, the size of page that the store could finish, and whether more come."""
    sizes = [mark.size, *(size for size in SMALLER if size < mark.size)]
    for size in sizes:
        paged: Query = [
            *query, ("orderby", order), ("order", "asc"), ("per_page", size), ("offset", mark.offset)
        ]  # fmt: skip
        try:
            answer = store.get(path, paged)
        except WebPage:
            raise
        except PlatformDown:
            if size == sizes[-1]:
                raise
            continue  # heavy plug-ins don't finish a large page
        rows = read(answer)
        return rows, size, more(answer, mark.offset + len(rows), len(rows), size)
    raise AssertionError("not reached")


def _check(store: Store, mark: Mark, ids: Sequence[int]) -> None:
    """Errors: PlatformRefused for the page before, given again whole."""
    if len(ids) > 1 and (ids[0], ids[-1]) == (mark.first, mark.last):
        raise PlatformRefused(f"{store.domain}: the store gives the same page again and again: a cache answers for it")


def _before(text: str | None) -> str:
    """A second before a row's change; "" for a row without one, or one that can't be read."""
    try:
        return instant(datetime.fromisoformat((text or "")[:19]).replace(tzinfo=UTC) - _SECOND)
    except ValueError:
        return ""


def _text(store: Store, mark: Mark) -> str:
    if mark.offset > MOST_ROWS:
        raise PlatformRefused(f"{store.domain}: the store's list doesn't end")
    return msgspec.json.encode(mark).decode()
