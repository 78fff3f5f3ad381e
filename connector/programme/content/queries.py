"""Reads of content."""

from __future__ import annotations

from collections.abc import Collection

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
