"""Messages: threads with shops, the one that moved last first; offers that need an answer; and the newest news."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from flask import g
from sqlalchemy.orm import Session

from connector import clock
from connector.faces.studio import news
from connector.faces.studio.face import blueprint, reading
from connector.insight.reports import table
from connector.programme.collaborations import messages as threads
from connector.programme.collaborations import negotiation
from connector.programme.collaborations.tables import Message, Negotiation, Offer
from connector.web import keyset, offer_forms
from connector.web.guards import creator
from connector.web.layout import page
from connector.web.words import Badge

NEWEST = 5
MOST_ASKED = 20


@dataclass(frozen=True, slots=True)
class Thread:
    """A negotiation as a line of a list of messages."""

    row: Negotiation
    shop: str
    state: Badge
    last: Message | None
    unread: int


@dataclass(frozen=True, slots=True)
class Asked:
    """An offer that waits for the creator's answer."""

    negotiation_id: str
    shop: str
    offer: Offer
    until: datetime


@blueprint.get("/messages", endpoint="messages")
@creator
def messages_page() -> str:
    with reading() as session:
        mine = sa.select(Negotiation).where(Negotiation.creator_id == g.creator_id)
        found = keyset.read(session, f"studio:threads:{g.creator_id}", mine, (Negotiation.moved_at, Negotiation.id))
        shops = table.names(session, "shop", {row.shop_id for row in found.rows})
        last = _last(session, found.rows)
        rows = [
            Thread(
                row, shops.get(row.shop_id, "A shop"), offer_forms.badge_of(row, "creator"), last.get(row.id),
                threads.unread(row, "creator"),
            )
            for row in found.rows
        ]  # fmt: skip
        asks = to_answer(session, g.creator_id)
        items = news.newest(session, g.creator_id, NEWEST)
    return page("studio/messages.html", rows=rows, found=found, asks=asks, items=items)


def to_answer(session: Session, creator_id: str) -> list[Asked]:
    """Offers that wait for the creator's answer, the one that ends first in front."""
    now = clock.now()
    query = (
        sa.select(Negotiation)
        .where(Negotiation.creator_id == creator_id, negotiation.waits_for("creator", now))
        .order_by(Negotiation.expires_at, Negotiation.id)
        .limit(MOST_ASKED)
    )
    rows = session.scalars(query).all()
    made = negotiation.offers(session, [row.id for row in rows]) if rows else {}
    shops = table.names(session, "shop", {row.shop_id for row in rows})
    return [
        Asked(row.id, shops.get(row.shop_id, "A shop"), made[row.id][-1], made[row.id][-1].expires_at) for row in rows
    ]


@blueprint.app_template_global("studio_waiting")
def waiting() -> int:
    """What stands new under Messages: messages not read, offers to answer, news not seen."""
    with reading() as session:
        unread = threads.unread_of(session, creator_id=g.creator_id)
        return unread + len(to_answer(session, g.creator_id)) + news.unread(session, g.creator_id)


def _last(session: Session, rows: Sequence[Negotiation]) -> dict[str, Message]:
    """Negotiation → its last message."""
    wanted = [(row.id, row.messages) for row in rows if row.messages]
    if not wanted:
        return {}
    key = sa.tuple_(Message.negotiation_id, Message.number)
    return {each.negotiation_id: each for each in session.scalars(sa.select(Message).where(key.in_(wanted)))}
