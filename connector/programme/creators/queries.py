"""Reads of creators."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import db
from connector.errors import Conflict, NotFound
from connector.programme.creators import networks
from connector.programme.creators.handles import canonical
from connector.programme.creators.tables import Creator, CreatorHandle, CreatorStatus

ACTIVE = "active"
UNKNOWN = "unknown"  # before the creator was registered

_STATUSES = (
    sa.select(CreatorStatus.creator_id, CreatorStatus.status)
    .where(
        db.among(CreatorStatus.creator_id, "creators"),
        CreatorStatus.starts_at <= sa.bindparam("moment"),
    )
    .order_by(CreatorStatus.starts_at, CreatorStatus.recorded_at, CreatorStatus.id)
)
_EVERY_STATUS = (
    sa.select(CreatorStatus.creator_id, CreatorStatus.status, CreatorStatus.starts_at)
    .where(db.among(CreatorStatus.creator_id, "creators"))
    .order_by(CreatorStatus.starts_at, CreatorStatus.recorded_at, CreatorStatus.id)
)


def get(session: Session, creator_id: str) -> Creator:
    """Errors: NotFound."""
    creator = session.get(Creator, creator_id)
    if creator is None:
        raise NotFound(f"no creator has the id {creator_id[:40]!r}")
    return creator


def living(session: Session, creator_id: str) -> Creator:
    """A creator who isn't erased: nothing more is learnt of one who is. Errors: NotFound; Conflict."""
    creator = get(session, creator_id)
    if creator.erased_at is not None:
        day = f"{creator.erased_at:%Y-%m-%d}"
        raise Conflict(f"creator {creator_id} was erased on {day}", public=f"This creator was erased on {day}.")
    return creator


def by_handle(session: Session, handle: str) -> Creator | None:
    """The creator of a handle however it is typed. Errors: InputRefused when it can't be a handle."""
    return session.scalar(sa.select(Creator).where(Creator.handle == canonical(handle)))


def once_called(session: Session, handle: str) -> Creator | None:
    """The creator of a handle in the app, given up or not: old links and videos name it, and it never becomes anybody
    else's. Errors: InputRefused when it can't be a handle."""
    found = by_handle(session, handle)
    if found is not None:
        return found
    of_it = (CreatorHandle.network == networks.APP, CreatorHandle.handle == canonical(handle))
    return session.scalar(sa.select(Creator).join(CreatorHandle, CreatorHandle.creator_id == Creator.id).where(*of_it))


def named(session: Session, text: str) -> Creator:
    """The creator whom a person means by id or by handle. Errors: NotFound; InputRefused for what can't be a handle."""
    found = session.get(Creator, text) if text.startswith("crt_") else by_handle(session, text)
    if found is None:
        raise NotFound(f"no creator is called {text[:60]!r}")
    return found


def some(session: Session, creator_ids: Collection[str]) -> dict[str, Creator]:
    """Creators by id; those that don't exist are absent."""
    rows = session.scalars(sa.select(Creator).where(Creator.id.in_(list(creator_ids))))
    return {row.id: row for row in rows}


def page(session: Session, *, after: str | None, limit: int) -> Sequence[Creator]:
    """Creators in the order in which they came, after an id."""
    asked = sa.select(Creator).order_by(Creator.id).limit(limit)
    if after is not None:
        asked = asked.where(Creator.id > after)
    return session.scalars(asked).all()


def status_at(session: Session, creator_id: str, moment: datetime) -> str:
    """active | suspended | closed as it stood then; `unknown` before the creator was registered."""
    return statuses_at(session, [creator_id], moment)[creator_id]


def statuses_at(session: Session, creator_ids: Collection[str], moment: datetime) -> dict[str, str]:
    """`status_at` of several in one query; every id asked for is in the answer."""
    found = dict.fromkeys(creator_ids, UNKNOWN)
    if not found:
        return found
    ahead = db.known(session, _Ahead)
    if ahead is not None and found.keys() <= ahead.rows.keys():
        for creator_id in found:
            for starts_at, status in ahead.rows[creator_id]:
                if starts_at <= moment:
                    found[creator_id] = status
        return found
    rows = session.connection().execute(_STATUSES, {"creators": list(found), "moment": moment})
    for creator_id, status in rows:
        found[creator_id] = status
    return found


@dataclass(frozen=True, slots=True)
class _Ahead:
    """Creator → (start, status) of every status, in their order."""

    rows: dict[str, list[tuple[datetime, str]]]


def status_history(session: Session, creator_id: str) -> Sequence[CreatorStatus]:
    """Every status, those that begin later too, newest first."""
    return session.scalars(
        sa.select(CreatorStatus)
        .where(CreatorStatus.creator_id == creator_id)
        .order_by(CreatorStatus.starts_at.desc(), CreatorStatus.recorded_at.desc(), CreatorStatus.id.desc())
    ).all()


def read_ahead(session: Session, creator_ids: Collection[str]) -> None:
    """Ask for the statuses of a whole batch's creators at once (`db.known`)."""
    rows: dict[str, list[tuple[datetime, str]]] = {creator_id: [] for creator_id in creator_ids}
    for creator_id, status, starts_at in session.connection().execute(_EVERY_STATUS, {"creators": sorted(rows)}):
        rows[creator_id].append((starts_at, status))
    db.know(session, _Ahead(rows))
