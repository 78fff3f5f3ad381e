"""How many products a content holds at once, and what state a product in it is in. Pure: intervals and moments."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

# As many as one video, post or live session may show at a moment.
MOST = 30
# [start, end) of a product's time in a content; None: without an end.
Span = tuple[datetime, datetime | None]
State = Literal["active", "not_yet", "ended", "product_gone", "not_shoppable"]


def overlap(one: Span, other: Span) -> bool:
    """Do they share a moment? Spans that only touch don't."""
    return (one[1] is None or other[0] < one[1]) and (other[1] is None or one[0] < other[1])


def at_once(spans: Iterable[Span], wanted: Span) -> int:
    """How many there are at most at one moment of `wanted`, itself among them."""
    within = [each for each in spans if overlap(each, wanted)]
    # The most are there where one begins: between two beginnings it can only become fewer.
    moments = [wanted[0], *(each[0] for each in within if each[0] > wanted[0])]
    return max(1 + sum(_holds(each, moment) for each in within) for moment in moments)


def state(span: Span, listing_status: str | None, now: datetime) -> State:
    """Can it be tapped now, and if not, why? `listing_status` None: the listing isn't known any more."""
    starts_at, ends_at = span
    if ends_at is not None and ends_at <= now:
        return "ended"
    if listing_status in (None, "gone"):
        return "product_gone"
    if starts_at > now:
        return "not_yet"
    return "active" if listing_status == "shoppable" else "not_shoppable"


def _holds(span: Span, moment: datetime) -> bool:
    return span[0] <= moment and (span[1] is None or moment < span[1])
