"""A creator joins, and what becomes of the status: dated rows, never edited, never backdated."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db, notices
from connector.db import new_id
from connector.errors import InputRefused
from connector.programme.creators import followers as counted
from connector.programme.creators import profiles, queries
from connector.programme.creators.handles import canonical
from connector.programme.creators.tables import Creator, CreatorStatus

STATUSES = ("active", "suspended", "closed")
STATUS = "creator.status"
_LONGEST_NAME = 200


def register(
    session: Session,
    handle: str,
    name: str = "",
    followers: int | None = None,
    now: datetime | None = None,
    *,
    by: str = "app",
) -> Creator:
    """Put a creator in, active from now on. The handle is the key: a repeat brings name and followers up to date, and
    leaves what isn't given (name "", followers None) as it was: D16 asks how many followed at a tap.

    `by`: who vouches for the number. What it was before stays, with its time (`followers`).
    Errors: InputRefused for a handle, name or number that can't be taken.
    """
    now = now or clock.now()
    key = canonical(handle)
    shown = shown_name(name)
    insert = db.insert(session, Creator).values(
        id=new_id("crt"), handle=key, name=shown or key, followers=followers or 0, created_at=now
    )
    # Two registrations at once end in one creator.
    made = session.execute(insert.on_conflict_do_nothing(index_elements=["handle"]).returning(Creator.id)).first()
    creator = session.scalars(sa.select(Creator).where(Creator.handle == key)).one()
    if made is None:
        creator.name = shown or creator.name
    else:
        profiles.refuse_another_s(session, creator.id, key)
        session.add(_status(creator.id, "active", "registered", now, now))
    if made is not None or followers is not None:
        counted.say(session, creator.id, followers or 0, by=by, now=now)
    session.flush()
    return creator


def shown_name(typed: str) -> str:
    """A name as it is shown. Errors: InputRefused for one that is too long."""
    shown = typed.strip()
    if len(shown) > _LONGEST_NAME:
        raise InputRefused("name", f"is longer than {_LONGEST_NAME} characters.")
    return shown


def set_status(
    session: Session,
    creator_id: str,
    status: str,
    *,
    reason: str = "",
    starts_at: datetime | None = None,
    now: datetime | None = None,
) -> CreatorStatus:
    """active | suspended | closed from `starts_at` (default: now) on; the app hears of what begins at once.

    Errors: NotFound; InputRefused for another word, or for a start that has passed: orders were decided by it.
    """
    now = now or clock.now()
    starts_at = starts_at or now
    if status not in STATUSES:
        raise InputRefused("status", f"{status[:40]!r} is no status.", f"Use {', '.join(STATUSES)}.")
    if starts_at < now:
        raise InputRefused("starts_at", "has passed.", "A status is never backdated: give a time from now on.")
    creator = queries.get(session, creator_id)
    row = _status(creator.id, status, reason, starts_at, now)
    session.add(row)
    if starts_at <= now:  # what begins later isn't so yet
        notices.say(session, STATUS, creator_id=creator.id, status=status, reason=reason)
    session.flush()
    return row


def _status(creator_id: str, status: str, reason: str, starts_at: datetime, now: datetime) -> CreatorStatus:
    return CreatorStatus(
        id=new_id("cst"), creator_id=creator_id, status=status, reason=reason, starts_at=starts_at, recorded_at=now
    )
