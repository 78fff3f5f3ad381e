"""When to try again, and when to give up. Pure: moments in, moments out.

An event is tried for three days from its first attempt: quickly at first, every eight hours at the end. Beside that an
endpoint that fails is left alone for a while that doubles up to five minutes, so that a backlog of thousands costs one
request a pause; and one that took nothing for three days is switched off.
"""

from __future__ import annotations

from datetime import datetime, timedelta

KEEP_TRYING = timedelta(hours=72)
# After the first failure, the second …; the last one is repeated.
DELAYS = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=4),
    timedelta(hours=8),
)
LONGEST_PAUSE = timedelta(minutes=5)
LONGEST_ASKED = timedelta(hours=1)  # of a Retry-After


def due_again(attempts: int, first_at: datetime, now: datetime, asked: timedelta | None = None) -> datetime | None:
    """When an event that failed `attempts` times (1, 2 …) is tried again; None: never, its three days are over.

    `asked`: what the endpoint said in Retry-After; it is waited for, up to an hour. The last attempt is at the end of
    the three days and not hours before it.
    """
    end = first_at + KEEP_TRYING
    if now >= end:
        return None
    wait = DELAYS[min(attempts, len(DELAYS)) - 1]
    if asked is not None:
        wait = max(wait, min(asked, LONGEST_ASKED))
    return min(now + wait, end)


def pause(failures: int, asked: timedelta | None = None) -> timedelta:
    """How long an endpoint is left alone after `failures` (1, 2 …) in a row."""
    wait = min(timedelta(seconds=2 ** min(failures, 12)), LONGEST_PAUSE)
    return max(wait, min(asked, LONGEST_ASKED)) if asked is not None else wait


def is_lost(failing_since: datetime, now: datetime) -> bool:
    """Did an endpoint take nothing for three days, though something was sent?"""
    return now - failing_since >= KEEP_TRYING


def asked_wait(header: str | None) -> timedelta | None:
    """`Retry-After` in seconds; a date in it, or anything else, is passed over."""
    text = (header or "").strip()
    if not text.isascii() or not text.isdigit():
        return None
    return min(timedelta(seconds=int(text[:9])), LONGEST_ASKED)
