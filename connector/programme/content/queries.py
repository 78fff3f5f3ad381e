"""Reads of content."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.errors import NotFound
from connector.programme.content.tables import Content


def get(session: Session, content_id: str) -> Content:
    """Errors: NotFound."""
    content = session.get(Content, content_id)
    if content is None:
        raise NotFound(f"no content has the id {content_id[:40]!r}")
    return content


def some(session: Session, content_ids: Collection[str]) -> dict[str, Content]:
    """Content by id; what doesn't exist is absent."""
    rows = session.scalars(sa.select(Content).where(Content.id.in_(list(content_ids))))
    return {row.id: row for row in rows}


def of_creator(session: Session, creator_id: str, *, after: str | None, limit: int) -> Sequence[Content]:
    """A creator's content in the order in which it came, after an id."""
    asked = sa.select(Content).where(Content.creator_id == creator_id).order_by(Content.id).limit(limit)
    if after is not None:
        asked = asked.where(Content.id > after)
    return session.scalars(asked).all()


def newest(session: Session, creator_id: str, *, before: str = "", limit: int = 200) -> Sequence[Content]:
    """A creator's content, the newest first, behind an id."""
    asked = sa.select(Content).where(Content.creator_id == creator_id).order_by(Content.id.desc()).limit(limit)
    if before:
        asked = asked.where(Content.id < before)
    return session.scalars(asked).all()
