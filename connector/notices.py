"""Notices for the app's back end: things that a person should hear of, read page by page through the API.

There is no mail here: the app tells its creators and merchants in its own way. A notice is written with the act in one
transaction; an app keeps the id of the last one it read and asks for what came after, or has it sent as an event
(`operations/telling`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from connector import clock, vault
from connector.db import Base, new_id
from connector.errors import NotFound

KEPT = timedelta(days=90)


class Notice(Base):
    __tablename__ = "notices"
    __table_args__ = (
        # Few: those that the worker hasn't made an event of yet.
        sa.Index("ix_notices_untold", "id", sqlite_where=sa.text("untold"), postgresql_where=sa.text("untold")),
        sa.Index("ix_notices_creator_id_id", "creator_id", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # ntc_…
    at: Mapped[datetime]
    kind: Mapped[str]  # `payee.changed` …
    creator_id: Mapped[str | None]  # whom to tell
    shop_id: Mapped[str | None]
    detail: Mapped[dict[str, Any]]  # ids, dates and masked words, never secrets
    secret_sealed: Mapped[str | None]  # for the addressee alone, like a code; gone once it is used
    untold: Mapped[bool] = mapped_column(default=True, server_default=sa.false())  # no event was made of it yet


def say(
    session: Session,
    kind: str,
    *,
    creator_id: str | None = None,
    shop_id: str | None = None,
    secret: str = "",
    **detail: Any,
) -> Notice:
    """Add a notice in the act's own transaction."""
    row = Notice(
        id=new_id("ntc"), at=clock.wall(), kind=kind, creator_id=creator_id, shop_id=shop_id, detail=detail,
        secret_sealed=vault.current().seal(secret) if secret else None,
    )  # fmt: skip
    session.add(row)
    return row


def say_all(session: Session, kind: str, rows: Sequence[dict[str, Any]]) -> None:
    """Add a notice a row: `creator_id` and `shop_id` where there are some, everything else is its detail."""
    now = clock.wall()
    made = [
        {
            "id": new_id("ntc"), "at": now, "kind": kind, "creator_id": row.get("creator_id"),
            "shop_id": row.get("shop_id"), "secret_sealed": None, "untold": True,
            "detail": {name: value for name, value in row.items() if name not in ("creator_id", "shop_id")},
        }
        for row in rows
    ]  # fmt: skip
    if made:
        session.connection().execute(sa.insert(Notice), made)


def said(session: Session, kind: str, name: str) -> set[str]:
    """What notices of a kind that are still kept have under a name of their detail."""
    return set(session.scalars(sa.select(Notice.detail[name].as_string()).where(Notice.kind == kind)))


def after(session: Session, last: str | None, limit: int) -> Sequence[Notice]:
    """Notices in the order in which they were written, after an id.

    Two that are written at once may become visible in the other order; an id is greater by the millisecond of its
    making, so a reader that asks again from a little earlier misses none.
    """
    query = sa.select(Notice).order_by(Notice.id).limit(limit)
    if last is not None:
        query = query.where(Notice.id > last)
    return session.scalars(query).all()


def of_creator(
    session: Session, creator_id: str, *, but: Sequence[str] = (), before: str = "", after: str = "", limit: int
) -> Sequence[Notice]:
    """A creator's notices, the newest first: behind the id `before`, none up to the id `after`, and none of `but`."""
    query = sa.select(Notice).where(Notice.creator_id == creator_id, Notice.kind.not_in(but))
    if before:
        query = query.where(Notice.id < before)
    if after:
        query = query.where(Notice.id > after)
    return session.scalars(query.order_by(Notice.id.desc()).limit(limit)).all()


def get(session: Session, notice_id: str) -> Notice:
    """Errors: NotFound for one that isn't kept."""
    row = session.get(Notice, notice_id)
    if row is None:
        raise NotFound(f"no notice {notice_id[:40]!r} is kept")
    return row


def secret(row: Notice) -> str:
    """What only the addressee should see; "" where there is none or it was used."""
    return vault.current().open(row.secret_sealed).decode() if row.secret_sealed else ""


def forget(session: Session, before: datetime) -> int:
    """Drop notices that were written before a moment: an app that reads them at all has read those. How many."""
    dropped = session.execute(sa.delete(Notice).where(Notice.at < before))
    return int(dropped.rowcount)  # type: ignore[attr-defined]


def count(session: Session, creator_id: str) -> int:
    """How many notices are kept for a creator."""
    return session.scalar(sa.select(sa.func.count()).where(Notice.creator_id == creator_id)) or 0


def forget_about(session: Session, creator_id: str) -> None:
    """Drop a creator's notices: the creator is erased."""
    session.execute(sa.delete(Notice).where(Notice.creator_id == creator_id))


def forget_secrets(session: Session, kind: str, creator_id: str) -> None:
    """Drop the secrets of a creator's notices of a kind: they were used, or are void."""
    session.execute(
        sa.update(Notice).where(Notice.kind == kind, Notice.creator_id == creator_id).values(secret_sealed=None)
    )
