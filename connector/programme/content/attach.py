"""Content comes to be known: the app names a video, a post or a live session by network and its own reference."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db
from connector.db import new_id
from connector.errors import Conflict, InputRefused
from connector.programme.content import addresses
from connector.programme.content.tables import Content
from connector.programme.creators import queries as creators

KINDS = ("video", "post", "live")
_LONGEST = {"network": 40, "content_ref": 200, "title": 500}


def ensure(
    session: Session,
    creator_id: str,
    network: str,
    content_ref: str,
    kind: str,
    title: str = "",
    now: datetime | None = None,
    url: str | None = None,
) -> Content:
    """The content of (creator, network, reference), made when it isn't there; a repeat brings title and address up to
    date. `url` None leaves the address as it is, "" takes it away.

    Errors: NotFound (creator); InputRefused for an empty or overlong field, another kind, an address that can't be one;
    Conflict when the creator was erased, or when it is known as the other kind: a video doesn't become a live session.
    """
    now = now or clock.now()
    network, content_ref = network.strip().lower(), content_ref.strip()
    for field, value in (("network", network), ("content_ref", content_ref), ("title", title)):
        if len(value) > _LONGEST[field]:
            raise InputRefused(field, f"is longer than {_LONGEST[field]} characters.")
        if not value and field != "title":
            raise InputRefused(field, "is empty.")
    if kind not in KINDS:
        raise InputRefused("kind", f"{kind[:40]!r} is no kind of content.", f"Use {', '.join(KINDS)}.")
    address = addresses.checked(url, network) if url is not None else None
    creators.living(session, creator_id)
    insert = db.insert(session, Content).values(
        id=new_id("cnt"), creator_id=creator_id, network=network, content_ref=content_ref, kind=kind, title=title,
        created_at=now,
    )  # fmt: skip
    session.execute(insert.on_conflict_do_nothing(index_elements=["creator_id", "network", "content_ref"]))
    content = session.scalars(
        sa.select(Content).where(
            Content.creator_id == creator_id, Content.network == network, Content.content_ref == content_ref
        )
    ).one()
    if content.kind != kind:
        raise Conflict(f"content {content.id} is a {content.kind} already", public=f"It is known as a {content.kind}.")
    if title and content.title != title:
        content.title = title
    if address is not None and content.url != address:
        content.url, content.url_told_at = address, now
    session.flush()
    return content
