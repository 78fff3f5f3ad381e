"""Two clocks: business time may be shifted by a file, wall time never is.

Business time dates orders, products and refunds; wall time dates signatures, OAuth and token expiry.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo


class Clock:
    """`file`, when given, holds one number: seconds added to business time. It is read at every call."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file

    def offset(self) -> float:
        if self.file is None:
            return 0.0
        try:
            return float(self.file.read_text().strip() or 0)
        except (FileNotFoundError, ValueError):
            return 0.0

    def now(self) -> datetime:
        """Business time, UTC."""
        return datetime.fromtimestamp(time.time() + self.offset(), UTC)

    def stamp(self) -> str:
        """Business time as Shopify's GraphQL prints it, to the second: 2026-11-20T15:15:30Z."""
        return utc_text(self.now())


def utc_text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse(text: str) -> datetime:
    """An ISO 8601 time with an offset (or Z) as an aware datetime; without an offset it is taken as UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def normal(text: str) -> str:
    """Any ISO 8601 time in the stored form, UTC to the second."""
    return utc_text(parse(text))


def local_text(stamp: str, zone: str) -> str:
    """A stored time as webhook bodies print it: in the shop's zone with its offset."""
    return parse(stamp).astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")


def wall() -> float:
    return time.time()
