"""Months in a shop's zone: half open, without gap or overlap, through every clock change."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.earnings.settlement.periods import period
from connector.errors import InputRefused
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
