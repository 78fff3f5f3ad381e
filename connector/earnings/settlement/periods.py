"""Settlement periods in a shop's own time zone, as half-open spans of UTC: months, half months or weeks.

A period begins at the first moment of a local date. Where a clock change removes midnight, that is the moment of the
change; where it repeats midnight, the earlier of the two. The end of a period is the start of the next one by the same
rule, so periods neither overlap nor leave a gap, whatever the zone does.

Which rule a shop goes by (`closing`) is a dated setting. The rule of a period is the one in force when it starts, so a
change takes effect with the next period: that one runs to the new rule's next boundary, and is named by its days where
it is cut short.

    monthly      2026-11                    1st to 1st
    half_monthly 2026-11-H1, 2026-11-H2     1st to 16th, 16th to 1st
    weekly       2026-W46                   Monday to Monday (ISO 8601)
    cut short    2026-11-16_2026-11-30      its first and its last day
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connector.errors import Conflict, InputRefused

RULES = ("monthly", "half_monthly", "weekly")
# A shop's changes of the rule: (from when, rule), by time. Before the first one it closes by months.
Changes = Sequence[tuple[datetime, str]]

_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")
_HALF = re.compile(r"([0-9]{4})-([0-9]{2})-H([12])")
_WEEK = re.compile(r"([0-9]{4})-W([0-9]{2})")
_DAYS = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})_([0-9]{4}-[0-9]{2}-[0-9]{2})")
_YEARS = (1970, 9998)


@dataclass(frozen=True, slots=True)
class Period:
    """One period of one zone: [starts_at, ends_at), both aware UTC."""

    name: str  # 2026-11
    starts_at: datetime
    ends_at: datetime

    def holds(self, moment: datetime) -> bool:
        return self.starts_at <= moment < self.ends_at


def period(name: str, time_zone: str) -> Period:
    """The month `2026-11` of a zone. Errors: InputRefused for another shape, or a zone that isn't an IANA name."""
    found = _MONTH.fullmatch(name)
    if not found:
        raise InputRefused("period", f"{name[:20]!r} isn't a month.", "Write it like 2026-11.")
    first = _day(name, int(found[1]), int(found[2]), 1)
    zone = zone_of(time_zone)
    return Period(name, _first_moment(first, zone), _first_moment(_next_month(first), zone))


def named(name: str, time_zone: str, changes: Changes = ()) -> Period:
    """A shop's own period of that name.

    Errors: InputRefused for a name that is none; Conflict, naming the shop's own, for one the shop doesn't have.
    """
    zone = zone_of(time_zone)
    found = at(_first_moment(_first_day(name), zone), time_zone, changes)
    if found.name != name:
        raise Conflict(f"{name} is none of this shop's periods: the one that holds its first day is {found.name}")
    return found


def at(moment: datetime, time_zone: str, changes: Changes = ()) -> Period:
    """The shop's period that holds `moment`."""
    for found in following(moment, time_zone, changes):
        if moment < found.ends_at:
            return found
    raise AssertionError("periods go on for ever")


def following(moment: datetime, time_zone: str, changes: Changes = ()) -> Iterator[Period]:
    """The shop's periods without end, from the one that holds `moment` on."""
    zone = zone_of(time_zone)
    rules = sorted(changes)
    start = _month_start(min([moment, *(when for when, _ in rules[:1])]), zone)
    while True:
        rule = next((rule for when, rule in reversed(rules) if when <= start), "monthly")
        if not rules or start >= rules[-1][0]:
            # The rule stays from here on: go straight to where `moment` is.
            start = max(start, _before(moment, zone, rule))
        end = _next_boundary(start, zone, rule)
        if moment < end:
            yield Period(_name(start, end, zone, rule), start, end)
        start = end


def _before(moment: datetime, zone: ZoneInfo, rule: str) -> datetime:
    """A boundary of the rule at or before `moment`, not far from it."""
    day = moment.astimezone(zone).date()
    start = day.replace(day=1) if rule != "weekly" else day - timedelta(days=day.weekday())
    found = _first_moment(start, zone)
    return found if found <= moment else _first_moment(start - timedelta(days=7 if rule == "weekly" else 1), zone)


def _next_boundary(start: datetime, zone: ZoneInfo, rule: str) -> datetime:
    day = start.astimezone(zone).date()
    while True:
        day = _boundary_after(day, rule)
        found = _first_moment(day, zone)
        if found > start:  # where a whole date is left out, two boundaries are one moment
            return found


def _boundary_after(day: date, rule: str) -> date:
    if rule == "weekly":
        return day + timedelta(days=7 - day.weekday())
    if rule == "half_monthly" and day.day < 16:
        return day.replace(day=16)
    return _next_month(day)


def _name(start: datetime, end: datetime, zone: ZoneInfo, rule: str) -> str:
    # A microsecond before its end is still its last day, whatever the clocks do then.
    first, last = start.astimezone(zone).date(), (end - timedelta(microseconds=1)).astimezone(zone).date()
    if _boundary_after(first - timedelta(days=1), rule) != first or _first_moment(first, zone) != start:
        return f"{first.isoformat()}_{last.isoformat()}"
    if rule == "weekly":
        year, week, _ = first.isocalendar()
        return f"{year:04d}-W{week:02d}"
    if rule == "half_monthly":
        return f"{first:%Y-%m}-H{1 if first.day == 1 else 2}"
    return f"{first:%Y-%m}"


def _first_day(name: str) -> date:
    if found := _MONTH.fullmatch(name):
        return _day(name, int(found[1]), int(found[2]), 1)
    if found := _HALF.fullmatch(name):
        return _day(name, int(found[1]), int(found[2]), 1 if found[3] == "1" else 16)
    try:
        if found := _WEEK.fullmatch(name):
            first = date.fromisocalendar(int(found[1]), int(found[2]), 1)
            return _day(name, first.year, first.month, first.day)
        if found := _DAYS.fullmatch(name):
            first = date.fromisoformat(found[1])
            return _day(name, first.year, first.month, first.day)
    except ValueError:
        pass
    raise _no_period(name)


def _day(name: str, year: int, month: int, day: int) -> date:
    if not (_YEARS[0] <= year <= _YEARS[1] and 1 <= month <= 12):
        raise _no_period(name)
    return date(year, month, day)


def _no_period(name: str) -> InputRefused:
    return InputRefused(
        "period", f"{name[:24]!r} isn't a period.", "Write it like 2026-11, 2026-11-H1 or 2026-W46, as the shop closes."
    )


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def _month_start(moment: datetime, zone: ZoneInfo) -> datetime:
    first = moment.astimezone(zone).date().replace(day=1)
    found = _first_moment(first, zone)
    # Where the clock is put back over midnight, the first moments of a month can read like the month before.
    return found if found <= moment else _first_moment((first - timedelta(days=1)).replace(day=1), zone)


def _first_moment(day: date, zone: ZoneInfo) -> datetime:
    # fold=0 (the default) reads a missing midnight with the offset before the change, which is the change itself, and
    # a repeated one as the earlier.
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def zone_of(name: str) -> ZoneInfo:
    """Errors: InputRefused for what isn't an IANA name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        problem = f"{name[:60]!r} isn't an IANA time zone."
        raise InputRefused("time_zone", problem, "Write it like Europe/Berlin.") from None
