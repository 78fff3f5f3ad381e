"""Two clocks. Business time decides about money and may be shifted in dev; wall time decides about security.

`now()` is business time: orders, holds, periods, windows. In dev a file (`CONNECTOR_CLOCK_FILE`) holds an offset in
seconds that the demo moves to let a hold pass; production never reads it. `wall()` is real time: signatures, OAuth
state, sessions, token expiry, leases, heartbeats.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

_offset_file: Path | None = None
_seen: tuple[int, timedelta] | None = None


def use_offset_file(path: Path | None) -> None:
    """Let business time follow the offset in `path` (dev only; `config` refuses it elsewhere)."""
    global _offset_file, _seen
    _offset_file, _seen = path, None


def wall() -> datetime:
    """Real time, aware, UTC."""
    return datetime.now(UTC)


def now() -> datetime:
    """Business time, aware, UTC: real time plus the dev offset."""
    return datetime.now(UTC) + _offset()


def _offset() -> timedelta:
    global _seen
    if _offset_file is None:
        return timedelta(0)
    try:
        changed = os.stat(_offset_file).st_mtime_ns
    except FileNotFoundError:
        return timedelta(0)
    if _seen is None or _seen[0] != changed:
        text = _offset_file.read_text().strip() or "0"
        _seen = (changed, timedelta(seconds=int(text)))
    return _seen[1]


def said(moment: datetime) -> str:
    """A time in a sentence for people, where no reader's zone is known: `30 Nov 2026, 23:00:00 UTC`."""
    at = moment.astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M:%S} UTC"


def parse(text: str) -> datetime:
    """An RFC 3339 time of any offset and precision, as aware UTC cut to microseconds.

    Errors: ValueError when it isn't one or has no offset (a time without a zone is a guess).
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"no UTC offset in {text!r}")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is outside of the years that we count") from None
