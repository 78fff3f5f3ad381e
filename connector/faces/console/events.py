"""Promo events with tiers: what they offer, and the bonus that each creator earned when one had closed."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from connector import clock, db
from connector.db import Scope
from connector.earnings.commission.tables import EventBonus, EventClose
from connector.errors import NotFound
from connector.faces.console.face import WHY, blueprint
from connector.faces.console.runs import shops_by_id
from connector.programme.collaborations import events as announced
from connector.programme.collaborations.events import Event
from connector.programme.collaborations.tables import Terms
from connector.programme.creators import queries as creators_of
from connector.web import keyset
from connector.web.guards import staff
from connector.web.layout import page
from connector.web.words import Badge


@blueprint.get("/events")
@staff("support")
def events() -> str:
    now = clock.now()
    with db.read(Scope.system(WHY)) as session:
        later = sa.select(Terms.event_id, sa.func.max(Terms.version).label("version")).where(Terms.kind == "event")
        newest = later.group_by(Terms.event_id).subquery()
        asked = sa.select(Terms).join(
            newest, sa.and_(newest.c.event_id == Terms.event_id, newest.c.version == Terms.version)
        )
        found = keyset.read(session, "events", asked, (Terms.starts_at, Terms.id))
        ids = {row.event_id for row in found.rows if row.event_id}
        counted = session.scalars(sa.select(EventClose).where(EventClose.event_id.in_(ids)))
        closes = {row.event_id: row for row in counted}
        sums: dict[str, list[tuple[str, int]]] = {}
        total = sa.func.sum(EventBonus.bonus)
        query = sa.select(EventBonus.event_id, EventBonus.currency, total).where(EventBonus.event_id.in_(ids))
        for event_id, currency, amount in session.execute(query.group_by(EventBonus.event_id, EventBonus.currency)):
            sums.setdefault(event_id, []).append((currency, int(amount)))
        shops = shops_by_id(session, {row.shop_id for row in found.rows})
    states = {
        row.id: _state(
            row.rate_bp, row.starts_at, row.ends_at, closes.get(row.event_id or ""), bool(row.tiers), now
        )
        for row in found.rows
    }  # fmt: skip
    return page("console/events.html", found=found, shops=shops, closes=closes, sums=sums, states=states)


@blueprint.get("/events/<event_id>")
@staff("support")
def event(event_id: str) -> str:
    now = clock.now()
    with db.read(Scope.system(WHY)) as session:
        found: Event = announced.get(session, event_id)
        closed = session.get(EventClose, event_id)
        asked = sa.select(EventBonus).where(EventBonus.event_id == event_id)
        by_bonus = (EventBonus.bonus, EventBonus.creator_id, EventBonus.currency)
        rows = keyset.read(session, "event_bonuses", asked, by_bonus)
        people = creators_of.some(session, {row.creator_id for row in rows.rows})
        shop = shops_by_id(session, {found.shop_id}).get(found.shop_id)
        sums = session.execute(
            sa.select(EventBonus.currency, sa.func.sum(EventBonus.bonus))
            .where(EventBonus.event_id == event_id)
            .group_by(EventBonus.currency)
            .order_by(EventBonus.currency)
        ).all()
    if shop is None:
        raise NotFound("the event's shop is not there")
    state = _state(found.rate_bp, found.starts_at, found.ends_at, closed, bool(found.tiers), now)
    return page(
        "console/event.html", event=found, closed=closed, rows=rows, people=people, shop=shop, state=state,
        sums=[(currency, int(amount)) for currency, amount in sums],
    )  # fmt: skip


def _state(
    rate_bp: int | None, starts_at: datetime, ends_at: datetime | None, closed: EventClose | None, tiers: bool,
    now: datetime,
) -> Badge:  # fmt: skip
    if rate_bp is None:
        return Badge("idle", "Called off")
    if now < starts_at:
        return Badge("idle", "Announced")
    if ends_at is None or now < ends_at:
        return Badge("info", "Running")
    if closed is not None:
        return Badge("good", "Counted")
    return Badge("info", "Being counted") if tiers else Badge("idle", "Over")
