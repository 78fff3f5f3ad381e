"""Does content count as what a sample was given for? Pure: times in, one moment out.

A video or a post counts once the sample's product was visible in it for three days together, a live session once it
lasted ten minutes with the product in it. Only content that came to be known after the sample was approved counts, and
it must have the product before the time for content is over: what is put in then may still become old enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from connector.programme.samples.policy import Numbers

# From and until; None: still.
Span = tuple[datetime, datetime | None]


class Seen(msgspec.Struct, frozen=True):
    """A content of the creator's, as it is known now."""

    content_id: str
    kind: str  # video | post | live
    known_at: datetime
    with_product: tuple[Span, ...]  # when the product was in it
    visible: tuple[Span, ...]  # when people could see it
    live_seconds: int = 0


class Judged(msgspec.Struct, frozen=True):
    """`at`: when it counts, passed or to come. None: it doesn't, and won't as things are."""

    content_id: str
    at: datetime | None


def judge(seen: Seen, *, approved_at: datetime, due_at: datetime | None, now: datetime, numbers: Numbers) -> Judged:
    """`due_at`: until when the product has to be in it; None: not running yet."""
    if seen.known_at < approved_at:
        return Judged(seen.content_id, None)
    spans = list(_both(seen.with_product, seen.visible))
    # Begun in time, it may go on afterwards, and after having been taken down for a while.
    if not spans or (due_at is not None and min(start for start, _ in spans) >= due_at):
        return Judged(seen.content_id, None)
    if seen.kind == "live":
        long_enough = seen.live_seconds >= numbers.live_minutes * 60
        started = min(start for start, _ in spans)
        return Judged(seen.content_id, max(started, seen.known_at) if long_enough else None)
    return Judged(seen.content_id, _reached(spans, timedelta(days=numbers.visible_days), now))


def first(judged: Iterable[Judged]) -> Judged | None:
    """The one that counts first; None: none does."""
    found = [(each.at, each.content_id) for each in judged if each.at is not None]
    return Judged(min(found)[1], min(found)[0]) if found else None


def visible_spans(known_at: datetime, told: Sequence[tuple[datetime, bool]]) -> tuple[Span, ...]:
    """When a content could be seen: from when it came to be known, but for what the app tells (time, visible or not),
    oldest first."""
    spans: list[Span] = []
    since: datetime | None = known_at
    for at, visible in told:
        if visible and since is None:
            since = at
        elif not visible and since is not None:
            if at > since:
                spans.append((since, at))
            since = None
    if since is not None:
        spans.append((since, None))
    return tuple(spans)


def _both(first_spans: Sequence[Span], second_spans: Sequence[Span]) -> Iterable[Span]:
    for first_start, first_end in first_spans:
        for second_start, second_end in second_spans:
            start = max(first_start, second_start)
            ends = [end for end in (first_end, second_end) if end is not None]
            end = min(ends) if ends else None
            if end is None or end > start:
                yield start, end


def _reached(spans: Sequence[Span], wanted: timedelta, now: datetime) -> datetime | None:
    """The moment at which the spans make up `wanted` together; one that goes on is taken to go on. None: never."""
    so_far = timedelta(0)
    for start, end in _merged(spans):
        if end is None or end - start >= wanted - so_far:
            return start + (wanted - so_far)
        so_far += end - start
    return None


def _merged(spans: Sequence[Span]) -> list[Span]:
    """The same time without overlaps, in order: what is seen twice at once counts once."""
    merged: list[Span] = []
    for start, end in sorted(spans, key=lambda span: span[0]):
        if merged and (merged[-1][1] is None or start <= merged[-1][1]):
            before = merged[-1]
            last = None if before[1] is None or end is None else max(before[1], end)
            merged[-1] = (before[0], last)
        else:
            merged.append((start, end))
    return merged
