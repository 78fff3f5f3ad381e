"""How often content was seen: counts in all at a moment, as the app tells them. Views in a time are a difference."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db
from connector.errors import InputRefused
from connector.programme.content.tables import Content, Views

MOST_AT_ONCE = 1000
MOST_VIEWS = 10**15
# An app's clock may run a little ahead of ours.
_AHEAD = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Told:
    """How often a content had been seen, in all, at a moment."""

    content_id: str
    views: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """Which of the counts wasn't taken: its place in what was sent, from 0 on, the field and why."""

    place: int
    field: str
    why: str


def tell(
    session: Session, counts: Sequence[Told], *, by: str, now: datetime | None = None
) -> tuple[int, list[Refused]]:
    """Take in counts: how many are new, and those that can't be taken. One wrong row stops no other.

    A count that is sent again changes nothing. A network that takes views back (it found them made up) sends a lower
    count at a later moment. Errors: InputRefused for too many at once.
    """
    now = now or clock.now()
    if len(counts) > MOST_AT_ONCE:
        raise InputRefused("items", f"are more than {MOST_AT_ONCE}.", "Send them in several requests.")
    known = set(session.scalars(sa.select(Content.id).where(Content.id.in_({each.content_id for each in counts}))))
    stands = _standing(session, counts)
    refused, rows = [], {}
    for place, each in enumerate(counts):
        key = (each.content_id, each.at)
        if each.content_id not in known:
            refused.append(Refused(place, "content_id", "No content has this id."))
        elif not 0 <= each.views <= MOST_VIEWS:
            refused.append(Refused(place, "views", "A count is 0 or more, and no more than 10^15."))
        elif each.at > now + _AHEAD:
            refused.append(Refused(place, "at", "This moment is still to come."))
        elif stands.get(key, each.views) != each.views:
            refused.append(
                Refused(place, "views", f"{stands[key]:,} was told of this moment before. Send the moment of the "
                                        "new count.")
            )  # fmt: skip
        elif key not in stands:
            stands[key] = each.views
            rows[key] = {"content_id": each.content_id, "at": each.at, "views": each.views, "told_by": by,
                         "recorded_at": now}  # fmt: skip
    if rows:
        insert = db.insert(session, Views).on_conflict_do_nothing(index_elements=["content_id", "at"])
        session.execute(insert, list(rows.values()))
    return len(rows), refused


def _standing(session: Session, counts: Sequence[Told]) -> dict[tuple[str, datetime], int]:
    if not counts:
        return {}
    rows = session.scalars(
        sa.select(Views).where(
            Views.content_id.in_({each.content_id for each in counts}), Views.at.in_({each.at for each in counts})
        )
    )
    return {(row.content_id, row.at): row.views for row in rows}


def between(
    session: Session, content_ids: Collection[str], since: datetime | None, until: datetime | None
) -> dict[str, int]:
    """Views of each content in a time: what was told last before its end, less what was told last before its beginning.

    Content of which nothing was told by then is absent: it isn't known, and isn't 0.
    """
    wanted = sorted(content_ids)
    found: dict[str, int] = {}
    for start in range(0, len(wanted), 500):
        begin = sa.null() if since is None else _last(since)
        query = sa.select(Content.id, _last(until), begin).where(Content.id.in_(wanted[start : start + 500]))
        for content_id, views, before in session.connection().execute(query):
            if views is not None:
                found[content_id] = views - (before or 0)
    return found


def _last(before: datetime | None) -> sa.ScalarSelect[int]:
    """What was told last of each content before a moment: one step in the index, however often it was told."""
    query = sa.select(Views.views).where(Views.content_id == Content.id).order_by(Views.at.desc()).limit(1)
    return (query if before is None else query.where(Views.at < before)).scalar_subquery()
