"""Whether people can see a content, and how long a live session was: as the app tells it, moment by moment.

Content is taken to be visible from when it came to be known. The app tells when that changes: taken down, put up again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock
from connector.errors import Conflict, InputRefused
from connector.programme.content import queries
from connector.programme.content.tables import Sighting

# An app's clock may run a little ahead of ours.
_AHEAD = timedelta(seconds=60)
_LONGEST_LIVE = 7 * 24 * 3600


@dataclass(slots=True)
class Told:
    """What was told of a content: (moment, visible from then on) oldest first, and the longest live that was told."""

    changes: list[tuple[datetime, bool]] = field(default_factory=list)
    live_seconds: int = 0

    @property
    def visible(self) -> bool:
        """As it stands by what was told last."""
        return self.changes[-1][1] if self.changes else True


def tell(
    session: Session, content_id: str, *, visible: bool, at: datetime | None = None, live_seconds: int | None = None,
    by: str, now: datetime | None = None,
) -> Sighting:  # fmt: skip
    """From `at` on (default: now) people can see it, or can't any more. Told again it changes nothing.

    Errors: NotFound; InputRefused("at") for a moment before the content was known or to come, ("live_seconds") for a
    length that is none or of something that isn't live; Conflict where the opposite was told of that moment.
    """
    now = now or clock.now()
    content = queries.get(session, content_id)
    moment = at or now
    if moment > now + _AHEAD:
        raise InputRefused("at", "is in the future.", "Send it when it has happened.")
    if moment < content.created_at:
        raise InputRefused("at", "is before the content was known.", f"It is since {clock.said(content.created_at)}.")
    if live_seconds is not None and content.kind != "live":
        raise InputRefused("live_seconds", f"goes with a live session, and this is a {content.kind}.", "Leave it out.")
    if live_seconds is not None and not 0 <= live_seconds <= _LONGEST_LIVE:
        raise InputRefused("live_seconds", f"isn't from 0 to {_LONGEST_LIVE}.")
    row = session.get(Sighting, (content.id, moment))
    if row is None:
        row = Sighting(
            content_id=content.id, at=moment, visible=visible, live_seconds=live_seconds, told_by=by, recorded_at=now
        )
        session.add(row)
        session.flush()
    elif (row.visible, row.live_seconds) != (visible, live_seconds):
        raise Conflict(
            f"content {content.id} was told otherwise of {moment.isoformat()}",
            public="Something else was told of this very moment. Send the moment of the change.",
        )
    return row


def of(session: Session, content_ids: Collection[str]) -> dict[str, Told]:
    """Content → what was told of it; every id asked for is in the answer."""
    found = {each: Told() for each in content_ids}
    asked = sa.select(Sighting).where(Sighting.content_id.in_(list(content_ids))).order_by(Sighting.at)
    for row in session.scalars(asked):
        told = found[row.content_id]
        told.changes.append((row.at, row.visible))
        told.live_seconds = max(told.live_seconds, row.live_seconds or 0)
    return found
