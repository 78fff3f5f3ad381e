"""Months in a shop's zone: half open, without gap or overlap, through every clock change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.earnings.settlement import periods
from connector.earnings.settlement.periods import RULES, period
from connector.errors import Conflict, InputRefused
from tests.settlement.books import utc

ZONES = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("posix", "right")))


@pytest.mark.parametrize(
    ("zone", "name", "starts", "ends"),
    [
        ("UTC", "2026-11", "2026-11-01T00:00", "2026-12-01T00:00"),
        # the clock goes back on 1 November: the month starts in summer time (UTC-4) and ends in winter time (UTC-5)
        ("America/New_York", "2026-11", "2026-11-01T04:00", "2026-12-01T05:00"),
        ("America/New_York", "2026-03", "2026-03-01T05:00", "2026-04-01T04:00"),
        ("Asia/Tokyo", "2026-12", "2026-11-30T15:00", "2026-12-31T15:00"),
        ("Asia/Tokyo", "2028-02", "2028-01-31T15:00", "2028-02-29T15:00"),  # leap year
        # Samoa skipped 30 December 2011 and lies 24 hours further from UTC since then
        ("Pacific/Apia", "2011-12", "2011-12-01T10:00", "2011-12-31T10:00"),
        ("Pacific/Apia", "2026-11", "2026-10-31T11:00", "2026-11-30T11:00"),
        # midnight of 1 October 2023 didn't exist there: the month started with the change, at 01:00
        ("America/Asuncion", "2023-10", "2023-10-01T04:00", "2023-11-01T03:00"),
        (
            "America/St_Johns",
            "2009-11",
            "2009-11-01T02:30",
            "2009-12-01T03:30",
        ),  # the clock goes back at 00:01 that day
    ],
)
def test_months_of_zones(zone: str, name: str, starts: str, ends: str) -> None:
    month = period(name, zone)
    assert (month.starts_at, month.ends_at) == (utc(starts), utc(ends))
    assert month.holds(month.starts_at)
    assert not month.holds(month.ends_at)
    assert not month.holds(month.starts_at - timedelta(microseconds=1))


@given(
    zone=st.sampled_from(ZONES),
    year=st.integers(1971, 2060),
    month=st.integers(1, 12),
    into=st.integers(0, 27 * 86_400_000_000),
)
def test_a_month_ends_where_the_next_one_starts_and_holds_its_own_dates(
    zone: str, year: int, month: int, into: int
) -> None:
    this = period(f"{year}-{month:02d}", zone)
    after = period(f"{year + month // 12}-{month % 12 + 1:02d}", zone)
    assert this.ends_at == after.starts_at
    first = this.starts_at.astimezone(ZoneInfo(zone))
    assert (first.year, first.month, first.day) == (year, month, 1)
    moment = this.starts_at + timedelta(microseconds=into)
    local = moment.astimezone(ZoneInfo(zone))
    if (local.year, local.month) == (year, month):
        assert this.holds(moment)
        assert not after.holds(moment)


@pytest.mark.parametrize(
    "name", ["2026-13", "2026-00", "2026-1", "november", "2026-11-01", "", "２０２６-11", "0000-01", "9999-12"]
)
def test_what_isnt_a_month_is_refused(name: str) -> None:
    with pytest.raises(InputRefused) as refused:
        period(name, "UTC")
    assert refused.value.field == "period"


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc/passwd", "CET-nowhere"])
def test_what_isnt_a_zone_is_refused(zone: str) -> None:
    with pytest.raises(InputRefused) as refused:
        period("2026-11", zone)
    assert refused.value.field == "time_zone"


def names(zone: str, since: str, count: int, *changes: tuple[str, str]) -> list[str]:
    rules = [(utc(when), rule) for when, rule in changes]
    return [found.name for found in islice(periods.following(utc(since), zone, rules), count)]


def test_half_months_and_weeks_have_names_of_their_own() -> None:
    half = ("2026-01-01", "half_monthly")
    assert names("UTC", "2026-02-20", 3, half) == ["2026-02-H2", "2026-03-H1", "2026-03-H2"]
    # 2026 has 53 ISO weeks; the last one reaches into January. The rule came on a Thursday: its month ends first.
    weeks = names("Europe/Berlin", "2025-12-20", 4, ("2025-12-11", "weekly"))
    assert weeks == ["2025-12", "2026-01-01_2026-01-04", "2026-W02", "2026-W03"]
    assert names("UTC", "2026-12-25", 3, ("2026-06-01", "weekly")) == ["2026-W52", "2026-W53", "2027-W01"]


def test_a_change_takes_effect_with_the_next_period() -> None:
    changes = (("2026-11-10T09:00", "weekly"), ("2026-12-16T12:00", "half_monthly"), ("2026-12-24T12:00", "monthly"))
    assert names("UTC", "2026-10-31", 9, *changes) == [
        "2026-10", "2026-11",  # the change on the 10th waits for the end of the month
        "2026-12-01_2026-12-06",  # a Tuesday: cut short
        "2026-W50", "2026-W51",  # the change on the 16th waits for the end of the week
        "2026-12-21_2026-12-31",  # half months from then on: the second half, cut short; the third change waits
        "2027-01", "2027-02", "2027-03",
    ]  # fmt: skip


def test_a_period_is_found_by_its_name_and_by_no_other() -> None:
    rules = [(utc("2026-11-10"), "weekly")]
    for found in islice(periods.following(utc("2026-10-05"), "Asia/Tokyo", rules), 12):
        assert periods.named(found.name, "Asia/Tokyo", rules) == found
    with pytest.raises(Conflict, match="2026-12-01_2026-12-06"):
        periods.named("2026-12", "Asia/Tokyo", rules)
    for wrong in ("2026-W54", "2026-11-H3", "2026-02-30_2026-03-01", "2026-W00", "2026-13-H1"):
        with pytest.raises(InputRefused):
            periods.named(wrong, "UTC", rules)


DAYS = st.integers(0, 365 * 86_400)


@given(
    zone=st.sampled_from(ZONES),
    year=st.integers(1972, 2055),
    changes=st.lists(st.tuples(DAYS, st.sampled_from(RULES)), max_size=5),
    asked=DAYS,
)
def test_periods_neither_overlap_nor_leave_a_gap_whatever_changes(
    zone: str, year: int, changes: list[tuple[int, str]], asked: int
) -> None:
    """Through every change of rule and of clock: each moment is in one period."""
    start = datetime(year, 1, 1, tzinfo=UTC)
    rules = [(start + timedelta(seconds=seconds), rule) for seconds, rule in changes]
    found = list(islice(periods.following(start, zone, rules), 70))
    for before, after in pairwise(found):
        assert before.ends_at == after.starts_at
        assert before.starts_at < before.ends_at
        assert after.ends_at - after.starts_at <= timedelta(days=32)
    assert len({one.name for one in found}) == len(found)
    moment = start + timedelta(seconds=asked)
    own = periods.at(moment, zone, rules)
    assert own.holds(moment)
    assert [one for one in found if one.holds(moment)] in ([own], [])
    assert periods.named(own.name, zone, rules) == own
