"""What the console and the API read of events: endpoints with their figures, events, attempts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.errors import NotFound
from connector.operations.telling.tables import Attempt, Endpoint, Send, Told


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one endpoint's sends."""

    waiting: int = 0
    delivered: int = 0
    given_up: int = 0
    oldest: datetime | None = None  # when the oldest event that waits was made


def figures(session: Session, ids: Sequence[str]) -> dict[str, Figures]:
    """endpoint → figures; every id has some."""
    rows = session.execute(
        sa.select(Send.endpoint_id, Send.status, sa.func.count(), sa.func.min(Told.made_at))
        .join(Told, Told.seq == Send.seq)
        .where(Send.endpoint_id.in_(ids))
        .group_by(Send.endpoint_id, Send.status)
    ).all()
    counted: dict[str, dict[str, tuple[int, datetime]]] = {}
    for endpoint_id, status, number, oldest in rows:
        counted.setdefault(endpoint_id, {})[status] = (number, oldest)
    return {
        each: Figures(
            found.get("waiting", (0,))[0], found.get("delivered", (0,))[0], found.get("given_up", (0,))[0],
            found["waiting"][1] if "waiting" in found else None,
        )
        for each in ids
        for found in (counted.get(each, {}),)
    }  # fmt: skip


def endpoint(session: Session, endpoint_id: str) -> Endpoint:
    """Removed ones too. Errors: NotFound."""
    row = session.get(Endpoint, endpoint_id)
    if row is None:
        raise NotFound(f"no endpoint {endpoint_id[:40]!r}")
    return row


def event(session: Session, event_id: str) -> Told:
    """Errors: NotFound."""
    row = session.scalars(sa.select(Told).where(Told.id == event_id)).first()
    if row is None:
        raise NotFound(f"no event {event_id[:40]!r} is kept")
    return row


def sends_of(session: Session, seq: int) -> Sequence[Send]:
    return session.scalars(sa.select(Send).where(Send.seq == seq).order_by(Send.endpoint_id)).all()


def attempts_of(session: Session, seq: int) -> Sequence[Attempt]:
    return session.scalars(sa.select(Attempt).where(Attempt.seq == seq).order_by(Attempt.id)).all()


def after(session: Session, seq: int, limit: int, kind: str | None = None) -> Sequence[Told]:
    """Events in their order, after a number."""
    query = sa.select(Told).where(Told.seq > seq).order_by(Told.seq).limit(limit)
    return session.scalars(query.where(Told.kind == kind) if kind else query).all()


def troubled(session: Session) -> Sequence[Endpoint]:
    """Endpoints that were switched off for failing, or that fail now."""
    bad = sa.or_(
        sa.and_(Endpoint.status == "off", Endpoint.off_why.in_(("failing", "gone"))),
        sa.and_(Endpoint.status == "on", Endpoint.failing_since.is_not(None)),
    )
    return session.scalars(sa.select(Endpoint).where(bad).order_by(Endpoint.name)).all()
