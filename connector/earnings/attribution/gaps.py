"""Codes that came to `/go` and that are none of ours: kept with how often, so that a person sees where followers end.

Anybody can ask for any address, so what is kept is bounded: only what reads like a code, one row a code, and no new
rows of a day beyond `MOST_A_DAY`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db
from connector.earnings.attribution.tables import UnknownCode

SHORTEST = 6  # shorter ones are somebody trying, and have no nearest
MOST_A_DAY = 500
KEPT = timedelta(days=90)


def note(session: Session, code: str, nearest: str, now: datetime | None = None) -> bool:
    """Write down that `code` was asked for; False when it is none to keep or the day's rows are used up."""
    now = now or clock.now()
    if len(code) < SHORTEST:
        return False
    known = session.execute(
        sa.update(UnknownCode)
        .where(UnknownCode.text == code)
        .values(times=UnknownCode.times + 1, last_at=now, nearest=nearest)
    )
    if known.rowcount:  # type: ignore[attr-defined]
        return True
    today = sa.select(sa.func.count()).where(UnknownCode.first_at > now - timedelta(days=1))
    if (session.scalar(today) or 0) >= MOST_A_DAY:
        return False
    insert = db.insert(session, UnknownCode).values(text=code, nearest=nearest, times=1, first_at=now, last_at=now)
    session.execute(insert.on_conflict_do_nothing(index_elements=["text"]))
    return True


def seen(session: Session, since: datetime, limit: int) -> Sequence[UnknownCode]:
    """Codes asked for since then, the most asked-for first."""
    asked = sa.select(UnknownCode).where(UnknownCode.last_at >= since)
    return session.scalars(asked.order_by(UnknownCode.times.desc(), UnknownCode.text).limit(limit)).all()


def forget(session: Session, now: datetime | None = None) -> int:
    """Drop what was not asked for in a long time; how many."""
    gone = session.execute(sa.delete(UnknownCode).where(UnknownCode.last_at < (now or clock.now()) - KEPT))
    return int(gone.rowcount)  # type: ignore[attr-defined]
