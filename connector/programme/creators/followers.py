"""How many follow a creator: dated facts, with who said so. Never edited, never backdated.

Whether somebody had followers enough is asked as of the tap (F1): a later drop takes nothing back, a later rise gives
nothing afterwards. A creator who was looked at before anybody said a number has none.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock
from connector.db import new_id
from connector.errors import InputRefused, NotFound
from connector.programme.creators.tables import Creator, CreatorFollowers

MOST = 10**10
# Of a count whose history nobody kept: it proves nothing of the past (`rebuild`).
NOBODY_KNOWS = "migration:0017"
BELOW = "followers_below_minimum"
ALL_TOGETHER = ""  # a creator's count as a whole; else a network's name

_MINE = (CreatorFollowers.creator_id == sa.bindparam("creator"), CreatorFollowers.network == sa.bindparam("network"))
_NEWEST = (CreatorFollowers.starts_at.desc(), CreatorFollowers.recorded_at.desc(), CreatorFollowers.id.desc())
_AT = (
    sa.select(CreatorFollowers).where(*_MINE, CreatorFollowers.starts_at <= sa.bindparam("moment")).order_by(*_NEWEST)
).limit(1)
# Asked at every tap, so the creator and the count come in one statement.
_COUNT_AT = sa.select(
    Creator.id,
    sa.select(CreatorFollowers.count)
    .where(
        CreatorFollowers.creator_id == Creator.id,
        CreatorFollowers.network == ALL_TOGETHER,
        CreatorFollowers.starts_at <= sa.bindparam("moment"),
    )
    .order_by(*_NEWEST)
    .limit(1)
    .scalar_subquery(),
).where(Creator.id == sa.bindparam("creator"))


def say(
    session: Session, creator_id: str, count: int, *, by: str, network: str = ALL_TOGETHER, now: datetime | None = None
) -> CreatorFollowers:
    """So many follow them from now on. What is said again changes nothing; the fact that stands is given back.

    Errors: InputRefused for what is no number of people; NotFound for the creator.
    """
    now = now or clock.now()
    if not 0 <= count <= MOST:
        raise InputRefused("followers", "isn't a number of people.", "Send a whole number from 0 on.")
    creator = session.get(Creator, creator_id)
    if creator is None:
        raise NotFound(f"no creator has the id {creator_id[:40]!r}")
    known = at(session, creator_id, now, network=network)
    if known is not None and known.count == count:
        return known
    said = CreatorFollowers(
        id=new_id("fol"), creator_id=creator_id, network=network, count=count, starts_at=now,
        recorded_at=clock.wall(), said_by=by,
    )  # fmt: skip
    session.add(said)
    if network == ALL_TOGETHER:
        creator.followers = count  # the newest, for lists
    session.flush()
    return said


def at(
    session: Session, creator_id: str, moment: datetime, *, network: str = ALL_TOGETHER
) -> CreatorFollowers | None:  # fmt: skip
    """What stood at that moment; None: nobody had said a number yet."""
    return session.scalar(_AT, {"creator": creator_id, "network": network, "moment": moment})


def by_network(session: Session, creator_id: str, moment: datetime) -> dict[str, int]:
    """Network → what stood there at that moment; those of which nobody had said a number are absent."""
    asked = (
        sa.select(CreatorFollowers)
        .where(
            CreatorFollowers.creator_id == creator_id, CreatorFollowers.network != ALL_TOGETHER,
            CreatorFollowers.starts_at <= moment,
        )
        .order_by(CreatorFollowers.starts_at, CreatorFollowers.recorded_at, CreatorFollowers.id)
    )  # fmt: skip
    return {row.network: row.count for row in session.scalars(asked)}


def count_at(session: Session, creator_id: str, moment: datetime) -> int:
    """How many followed then; 0 where nobody had said a number yet. Errors: NotFound for the creator."""
    row = session.connection().execute(_COUNT_AT, {"creator": creator_id, "moment": moment}).one_or_none()
    if row is None:
        raise NotFound(f"no creator has the id {creator_id[:40]!r}")
    return int(row[1] or 0)
