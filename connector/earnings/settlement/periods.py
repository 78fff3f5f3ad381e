"""Calendar months in a shop's own time zone, as half-open spans of UTC.

A month begins at the first moment whose local date is the first of the month. Where a clock change removes midnight,
that is the moment of the change; where it repeats midnight, the earlier of the two. The end of a month is the start of
the next one by the same rule, so months neither overlap nor leave a gap, whatever the zone does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connector.errors import InputRefused

_SHAPE = re.compile(r"([0-9]{4})-([0-9]{2})")


@dataclass(frozen=True, slots=True)
class Period:
    """One month of one zone: [starts_at, ends_at), both aware UTC."""

    name: str  # 2026-11
    starts_at: datetime
    ends_at: datetime

    def holds(self, moment: datetime) -> bool:
        return self.starts_at <= moment < self.ends_at


def period(name: str, time_zone: str) -> Period:
    """The month `2026-11` of a zone. Errors: InputRefused for another shape, or a zone that isn't an IANA name."""
    found = _SHAPE.fullmatch(name)
    year, month = (int(found[1]), int(found[2])) if found else (0, 0)
    if not (1970 <= year <= 9998 and 1 <= month <= 12):
        raise InputRefused("period", f"{name[:20]!r} isn't a month.", "Write it like 2026-11.")
    zone = _zone(time_zone)
    following = (year + 1, 1) if month == 12 else (year, month + 1)
    return Period(name, _first_moment(year, month, zone), _first_moment(*following, zone))


def _first_moment(year: int, month: int, zone: ZoneInfo) -> datetime:
    # fold=0 (the default) reads a missing midnight with the offset before the change, which is the change itself, and
    # a repeated one as the earlier.
    return datetime(year, month, 1, tzinfo=zone).astimezone(UTC)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        problem = f"{name[:60]!r} isn't an IANA time zone."
        raise InputRefused("time_zone", problem, "Write it like Europe/Berlin.") from None
