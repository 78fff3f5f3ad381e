"""A tap and a share link: whose it is, what it was on, what speaks against it, and which orders it brought."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import db
from connector.commerce.catalog.tables import Listing
from connector.commerce.orders.tables import Order
from connector.commerce.shops import queries as shops_of
from connector.db import Scope
from connector.earnings.attribution.tables import DecisionRow, Link, Touch
from connector.errors import NotFound
from connector.faces.console.face import WHY, blueprint
from connector.programme.content.tables import Content
from connector.programme.creators import queries as creators_of
from connector.web import moments, words
from connector.web.guards import staff
from connector.web.layout import page
from connector.web.words import Badge

SHOWN = 50


@blueprint.get("/touches/<touch_id>")
@staff("support")
def touch(touch_id: str) -> str:
    with db.read(Scope.system(WHY)) as session:
        row = session.get(Touch, touch_id)
        if row is None:
            raise NotFound(f"no tap has the id {touch_id[:40]!r}")
        shop = shops_of.get(session, row.shop_id)
        creator = creators_of.get(session, row.creator_id)
        content = session.get(Content, row.content_id) if row.content_id else None
        listing = session.get(Listing, row.listing_id)
        brought = _orders(session, [row.id])
    standing = _standing(row)
    return page(
        "console/touch.html", touch=row, shop=shop, creator=creator, content=content, listing=listing, brought=brought,
        standing=standing, sentence=_sentence(row, len(brought)), ends=row.at + timedelta(seconds=row.window_seconds),
        window=moments.lasting(timedelta(seconds=row.window_seconds)), late=row.received_at - row.at,
    )  # fmt: skip


def _standing(row: Touch) -> Badge:
    if "over_rate" in row.flags:
        return Badge("hold", "Never credited")
    if not row.eligible:
        return Badge("idle", "Earns nothing")
    return Badge("good", "Counts")


def _sentence(row: Touch, orders: int) -> str:
    if "over_rate" in row.flags:
        return f"{words.reason('over_rate', 'support')}: it is kept and never credited."
    if not row.eligible:
        return "The creator did not meet the shop's thresholds at this tap, so it earns nothing and takes its place."
    if not orders:
        return "It counts, and no order was credited to it so far."
    return f"It counts, and decided {'a line of one order' if orders == 1 else f'lines of {orders} orders'}."


def _orders(session: Session, touch_ids: Sequence[str]) -> list[tuple[Order, DecisionRow]]:
    """Orders that these touches decided, the newest first."""
    rows = session.execute(
        sa.select(Order, DecisionRow)
        .join(DecisionRow, DecisionRow.order_id == Order.id)
        .where(DecisionRow.touch_id.in_(touch_ids))
        .order_by(Order.placed_at.desc(), Order.id.desc())
        .limit(SHOWN)
    )
    found: dict[str, tuple[Order, DecisionRow]] = {}
    for order, decision in rows:
        found.setdefault(order.id, (order, decision))
    return list(found.values())


@blueprint.get("/links/<link_id>")
@staff("support")
def link(link_id: str) -> str:
    with db.read(Scope.system(WHY)) as session:
        row = session.get(Link, link_id)
        if row is None:
            raise NotFound(f"no link has the id {link_id[:40]!r}")
        shop = shops_of.get(session, row.shop_id)
        creator = creators_of.get(session, row.creator_id)
        content = session.get(Content, row.content_id) if row.content_id else None
        listing = session.get(Listing, row.listing_id)
        taps = session.scalars(_taps(row).order_by(Touch.at.desc(), Touch.id.desc()).limit(SHOWN)).all()
        number, last = _counted(session, row)
        brought = _orders(session, [tap.id for tap in taps])
    return page(
        "console/link.html", link=row, shop=shop, creator=creator, content=content, listing=listing, taps=taps,
        number=number, last=last, brought=brought, shown=SHOWN, standing=_standing,
    )  # fmt: skip


def _taps(row: Link) -> sa.Select[Touch]:
    # By the creator first: that is what touches are indexed by.
    return sa.select(Touch).where(Touch.creator_id == row.creator_id, Touch.link_id == row.id)


def _counted(session: Session, row: Link) -> tuple[int, datetime | None]:
    query = sa.select(sa.func.count(), sa.func.max(Touch.at)).where(
        Touch.creator_id == row.creator_id, Touch.link_id == row.id
    )
    number, last = session.execute(query).one()
    return int(number), last
