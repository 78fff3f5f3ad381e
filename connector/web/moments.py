"""How instants look: relative where one reads a list, in full with zone and offset where it matters.

Business times (orders, holds) are measured against business now; deliveries, heartbeats and sign-ins against wall time.
The zone is the shop's for merchants and money, the viewer's choice in the console.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_date, format_datetime
from flask import g, has_request_context, request
from markupsafe import Markup

from connector import clock
from connector.errors import InputRefused
from connector.web.amounts import LOCALE

ZONES = (
    "UTC", "Europe/London", "Europe/Madrid", "Europe/Paris", "Europe/Berlin", "Europe/Helsinki", "Europe/Istanbul",
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Sao_Paulo", "Africa/Lagos",
    "Asia/Dubai", "Asia/Kolkata", "Asia/Bangkok", "Asia/Jakarta", "Asia/Shanghai", "Asia/Tokyo", "Australia/Sydney",
)  # fmt: skip


@lru_cache(maxsize=256)
def zone_named(name: str) -> ZoneInfo:
    """The zone, or UTC for a name that isn't one."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def zone() -> ZoneInfo:
    """The zone of this page: the shop's where a page is about one shop's money, else the viewer's choice, else UTC."""
    if not has_request_context():
        return ZoneInfo("UTC")
    if chosen := g.get("page_zone"):
        return zone_named(str(chosen))
    picked = request.cookies.get("zone", "UTC")
    return zone_named(picked if picked in ZONES else "UTC")


def use_zone(name: str) -> None:
    """Show this page's times in that zone (a shop's)."""
    g.page_zone = name


def first_of(text: str, field: str) -> datetime:
    """The first moment of a day typed as `2026-11-20`, in this page's zone. Errors: InputRefused(field)."""
    try:
        return datetime.combine(date.fromisoformat(text), time.min, zone())
    except ValueError:
        raise InputRefused(field, "is no day.", "Write it as 2026-11-20.") from None


def full(moment: datetime) -> str:
    """`14 Nov 2026, 21:07:14 CET (UTC+1)`."""
    local = moment.astimezone(zone())
    text = format_datetime(local, "d MMM y, HH:mm:ss", locale=LOCALE)
    offset = local.utcoffset() or timedelta(0)
    minutes = int(offset.total_seconds()) // 60
    sign = "+" if minutes >= 0 else "−"
    hours, rest = divmod(abs(minutes), 60)
    name = local.tzname() or ""
    if minutes == 0 and name == "UTC":
        return f"{text} UTC"
    shift = f"UTC{sign}{hours}" + (f":{rest:02d}" if rest else "")
    # Some zones have no letters of their own: `tzname` is then the offset again.
    return f"{text} {shift}" if name[:1] in "+-" else f"{text} {name} ({shift})"


def day(moment: datetime) -> str:
    """`14 Nov 2026`."""
    return str(format_date(moment.astimezone(zone()), "d MMM y", locale=LOCALE))


def date_words(day: date) -> str:
    """A calendar day that is one already: `14 Nov 2026`."""
    return str(format_date(day, "d MMM y", locale=LOCALE))


def month_words(day: date) -> str:
    """`November 2026`."""
    return str(format_date(day, "MMMM y", locale=LOCALE))


def pay_day(moment: datetime) -> str:
    """`Tue 1 Dec 2026`: the weekday belongs near a payout."""
    return str(format_date(moment.astimezone(zone()), "EEE d MMM y", locale=LOCALE))


def hour(moment: datetime) -> str:
    return str(format_datetime(moment.astimezone(zone()), "HH:mm:ss", locale=LOCALE))


def ago(moment: datetime, *, wall: bool = False) -> str:
    """`8 s ago`, `7 days ago`, `in 3 days`; `now` within a second."""
    seconds = ((clock.wall() if wall else clock.now()) - moment).total_seconds()
    span = lasting(timedelta(seconds=abs(seconds)))
    if abs(seconds) < 1:
        return "now"
    return f"{span} ago" if seconds > 0 else f"in {span}"


def lasting(span: timedelta) -> str:
    """A span as people say it, in one unit: `8 s`, `12 min`, `3 h`, `1 day`, `19 days`."""
    seconds = int(span.total_seconds())
    if seconds < 120:
        return f"{seconds}\u00a0s"
    if seconds < 3600:
        return f"{seconds // 60}\u00a0min"
    if seconds < 2 * 86400:
        return f"{seconds // 3600}\u00a0h"
    return f"{seconds // 86400}\u00a0days"


def every(span: timedelta) -> str:
    """How often, as people say it: `every hour`, `every 10 min`."""
    return "every hour" if span == timedelta(hours=1) else f"every {lasting(span)}"


def tag(moment: datetime | None, how: str = "ago", *, wall: bool = False, none: str = "Never") -> Markup:
    """A `<time>` with the instant in UTC. `how`: ago (full on hover), full, day, hour, or both (relative and full)."""
    if moment is None:
        return Markup("{}").format(none)
    exact = full(moment)
    stamp = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    if how == "both":
        shown = f"{exact}, {ago(moment, wall=wall)}"
        return Markup('<time datetime="{}">{}</time>').format(stamp, shown)
    words = {"full": exact, "day": day(moment), "hour": hour(moment)}.get(how) or ago(moment, wall=wall)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(stamp, exact, words)
