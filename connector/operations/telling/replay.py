"""Sending again. A replayed event keeps its id, so that a receiver that had it passes it over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock, db
from connector.errors import InputRefused, NotFound
from connector.operations.telling import catalogue
from connector.operations.telling.tables import Endpoint, Send, Told

_AGAIN: dict[str, Any] = {"status": "waiting", "attempts": 0, "first_at": None, "delivered_at": None}


def some(session: Session, endpoint: Endpoint, event_ids: Sequence[str], by: str) -> int:
    """Send these events again, or for the first time; how many. Errors: NotFound for one that isn't kept."""
    found = {row.id: row.seq for row in session.execute(sa.select(Told.id, Told.seq).where(Told.id.in_(event_ids)))}
    for event_id in event_ids:
        if event_id not in found:
            raise NotFound(f"no event {event_id[:40]!r} is kept")
    _put(session, endpoint.id, list(found.values()))
    audit.record(session, by, "endpoint.replay", endpoint.id, events=len(found))
    return len(found)


def since(session: Session, endpoint: Endpoint, moment: datetime, by: str) -> int:
    """Send again everything that happened from a moment on and that the endpoint takes; how many.

    Errors: InputRefused("since") for a moment that is still to come.
    """
    if moment > clock.wall():
        raise InputRefused("since", "is still to come.")
    kinds = {
        kind
        for kind in session.scalars(sa.select(Told.kind).where(Told.made_at >= moment).distinct())
        if catalogue.takes(endpoint.kinds, kind) and kind != catalogue.TEST
    }
    wanted = (Told.made_at >= moment, Told.kind.in_(kinds))
    count = session.scalar(sa.select(sa.func.count()).where(*wanted)) or 0
    now = sa.literal(clock.wall(), db.Moment())
    nothing = sa.null()
    asked = sa.select(
        sa.literal(endpoint.id), Told.seq, sa.literal("waiting"), now, sa.literal(0), nothing, nothing
    ).where(*wanted)
    names = ["endpoint_id", "seq", "status", "due_at", "attempts", "first_at", "delivered_at"]
    add = db.insert(session, Send).from_select(names, asked)
    session.execute(add.on_conflict_do_update(index_elements=["endpoint_id", "seq"], set_={**_AGAIN, "due_at": now}))
    audit.record(session, by, "endpoint.replay", endpoint.id, since=moment.isoformat(), events=count)
    return count


def given_up(session: Session, endpoint: Endpoint) -> int:
    """Put back in line what was given up, since the endpoint is on again; how many wait now."""
    now = clock.wall()
    session.execute(
        sa.update(Send)
        .where(Send.endpoint_id == endpoint.id, Send.status.in_(("given_up", "waiting")))
        .values(**_AGAIN, due_at=now)
    )  # fmt: skip
    waiting = sa.select(sa.func.count()).where(Send.endpoint_id == endpoint.id, Send.status == "waiting")
    return session.scalar(waiting) or 0


def drop_waiting(session: Session, endpoint: Endpoint) -> None:
    session.execute(sa.delete(Send).where(Send.endpoint_id == endpoint.id, Send.status == "waiting"))


def _put(session: Session, endpoint_id: str, seqs: Sequence[int]) -> None:
    now = clock.wall()
    rows = [{"endpoint_id": endpoint_id, "seq": seq, "due_at": now, **_AGAIN} for seq in seqs]
    if rows:
        add = db.insert(session, Send)
        session.execute(
            add.on_conflict_do_update(index_elements=["endpoint_id", "seq"], set_={**_AGAIN, "due_at": now}), rows
        )
