"""Whether a shop's hook delivers, from the two times that tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connector.webhooks.heard import SILENT_AFTER, _state

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = NOON + SILENT_AFTER


@pytest.mark.parametrize(
    ("delivery", "order", "state"),
    [
        (None, None, "new"),
        (None, NOON, "never"),  # orders come by polling, and nothing was ever posted
        (NOON, None, "arrives"),
        (NOON, NOON, "arrives"),
        (NOON, LATER, "arrives"),  # an hour's poll may be ahead of a late delivery
        (NOON, LATER + timedelta(seconds=1), "silent"),
        (LATER, NOON, "arrives"),
    ],
)
def test_what_the_two_times_say(delivery: datetime | None, order: datetime | None, state: str) -> None:
    assert _state(delivery, order) == state
