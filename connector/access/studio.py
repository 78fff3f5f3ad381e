"""Creators come in by a single-use link that the app's back end asks for: it knows who holds the phone, we don't.

A creator's sessions can be ended all at once: the app does it when an account was taken over.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock, db
from connector.access import links
from connector.access.tables import SignInLink, StudioAccess, StudioNews


def link(session: Session, creator_id: str, *, by: str, now: datetime | None = None) -> tuple[str, datetime]:
    """(token, until when it works) of a new link for that creator; links given out before stop working.

    The caller has seen that the creator exists.
    """
    now = now or clock.wall()
    token = links.issue(session, "creator", creator_id, now=now)
    audit.record(session, by, "creator.link", creator_id)
    return token, now + links.LIFETIME


def epoch(session: Session, creator_id: str) -> int:
    """What a session of this creator must have begun under to hold."""
    return session.scalar(sa.select(StudioAccess.session_epoch).where(StudioAccess.creator_id == creator_id)) or 0


def sign_out_everywhere(session: Session, creator_id: str, *, by: str, now: datetime | None = None) -> int:
    """End every session and every unused link of a creator. The new epoch."""
    now = now or clock.wall()
    insert = db.insert(session, StudioAccess).values(creator_id=creator_id, session_epoch=1, ended_at=now, ended_by=by)
    raised = insert.on_conflict_do_update(
        index_elements=["creator_id"],
        set_={"session_epoch": StudioAccess.session_epoch + 1, "ended_at": now, "ended_by": by},
    ).returning(StudioAccess.session_epoch)
    stands_at = session.execute(raised).scalar_one()
    session.execute(
        sa.update(SignInLink)
        .where(SignInLink.kind == "creator", SignInLink.subject_id == creator_id, SignInLink.used_at.is_(None))
        .values(used_at=now)
    )
    audit.record(session, by, "creator.sign_out", creator_id)
    return int(stands_at)


def news_read(session: Session, creator_id: str) -> str:
    """The notice up to which a creator has read their news; "" for nothing of it."""
    return session.scalar(sa.select(StudioNews.read_up_to).where(StudioNews.creator_id == creator_id)) or ""


def read_news(session: Session, creator_id: str, notice_id: str, now: datetime | None = None) -> None:
    """The creator has read up to a notice. Never falls."""
    insert = db.insert(session, StudioNews).values(
        creator_id=creator_id, read_up_to=notice_id, read_at=now or clock.wall()
    )
    raised = insert.on_conflict_do_update(
        index_elements=["creator_id"],
        set_={"read_up_to": insert.excluded.read_up_to, "read_at": insert.excluded.read_at},
        where=StudioNews.read_up_to < insert.excluded.read_up_to,
    )
    session.execute(raised)
