"""What dated policies of whole numbers share: eligibility's here, and that of samples above."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from connector.errors import InputRefused

LONGEST_WHY = 500
Bounds = Mapping[str, tuple[int, int]]  # name → least, most


def within(bounds: Bounds, name: str, value: Any, *, others: Iterable[str] = ()) -> int:
    """The number, if it may stand under that name. `others`: names that aren't numbers, for the remedy.

    Errors: InputRefused by name, for a name that isn't one or a number out of its bounds.
    """
    if name not in bounds:
        raise InputRefused(name[:40], "is no number of the policy.", f"Use {', '.join((*bounds, *others))}.")
    least, most = bounds[name]
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InputRefused(name, f"isn't a whole number from {least} to {most}.")
    return value


def next_version(newest: int, newest_starts: datetime, starts: datetime, why: str, *, now: datetime) -> int:
    """The number of the version that comes behind `newest`, with its reason given and never backdated.

    Errors: InputRefused for no reason, or a start that has passed or isn't after the newest version's.
    """
    if not why or len(why) > LONGEST_WHY:
        raise InputRefused("why", f"is empty or longer than {LONGEST_WHY} characters.", "Say why, for later.")
    if starts < now:
        raise InputRefused("starts_at", "has passed.", "A policy is never backdated: give a time from now on.")
    if starts <= newest_starts:
        raise InputRefused("starts_at", f"isn't after version {newest}, {newest_starts.isoformat()}.")
    return newest + 1
