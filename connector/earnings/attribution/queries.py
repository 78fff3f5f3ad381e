"""Reads of links, touches and decisions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.earnings.attribution.tables import DecisionPast, DecisionRow, Link, TokenBuyer, Touch

# Written out, so that both databases see that the index of the few covers them.
DRIFTED = DecisionRow.drift != sa.literal_column("''")
UNDER_REVIEW = DecisionRow.credit_reason == sa.literal_column("'frozen_review'")


def decisions(session: Session, order_id: str) -> Sequence[DecisionRow]:
    """An order's decisions, by line ref; lines that have vanished since are among them."""
    return session.scalars(
        sa.select(DecisionRow).where(DecisionRow.order_id == order_id).order_by(DecisionRow.line_ref)
    ).all()


def earlier(session: Session, order_id: str) -> dict[str, list[DecisionPast]]:
    """Line ref → what was decided of it before, oldest first: provisional until the pin, then by acts alone."""
    found: dict[str, list[DecisionPast]] = {}
    query = sa.select(DecisionPast).where(DecisionPast.order_id == order_id)
    for row in session.scalars(query.order_by(DecisionPast.line_ref, DecisionPast.number)):
        found.setdefault(row.line_ref, []).append(row)
    return found


def drifted(session: Session, shop_id: str | None = None, limit: int = 100) -> Sequence[DecisionRow]:
    """Pinned decisions that an evaluation would make otherwise now (`decision_changed`), newest first."""
    asked = sa.select(DecisionRow).where(DRIFTED).order_by(DecisionRow.id.desc()).limit(limit)
    if shop_id is not None:
        asked = asked.where(DecisionRow.shop_id == shop_id)
    return session.scalars(asked).all()


def touches(session: Session, touch_ids: Collection[str]) -> dict[str, Touch]:
    """Touches by id."""
    return {row.id: row for row in session.scalars(sa.select(Touch).where(Touch.id.in_(list(touch_ids))))}


def touch_counts(session: Session, creator_ids: Collection[str]) -> dict[str, int]:
    """Touches of each creator, over-rate ones included; every id asked for is in the answer."""
    rows = session.execute(
        sa.select(Touch.creator_id, sa.func.count())
        .where(Touch.creator_id.in_(list(creator_ids)))
        .group_by(Touch.creator_id)
    )
    counts = dict.fromkeys(creator_ids, 0)
    for creator_id, count in rows:
        counts[creator_id] = count
    return counts


def buyers_of_tokens(session: Session, touch_ids: Collection[str]) -> dict[str, int]:
    """How many customers ordered with each token."""
    rows = session.execute(
        sa.select(TokenBuyer.touch_id, sa.func.count(TokenBuyer.buyer_hash.distinct()))
        .where(TokenBuyer.touch_id.in_(list(touch_ids)))
        .group_by(TokenBuyer.touch_id)
    )
    counts = dict.fromkeys(touch_ids, 0)
    for touch_id, count in rows:
        counts[touch_id] = count
    return counts


def links_of(session: Session, creator_id: str, *, after: str | None, limit: int) -> Sequence[Link]:
    """A creator's links in the order in which they were made, after an id."""
    asked = sa.select(Link).where(Link.creator_id == creator_id).order_by(Link.id).limit(limit)
    if after is not None:
        asked = asked.where(Link.id > after)
    return session.scalars(asked).all()


def main_links(session: Session, creator_id: str, listing_ids: Collection[str]) -> dict[str, Link]:
    """Listing → the creator's link for it as a whole: of no variant and no content."""
    query = sa.select(Link).where(
        Link.creator_id == creator_id, Link.listing_id.in_(list(listing_ids)), Link.variant_ref.is_(None),
        Link.content_id.is_(None),
    )  # fmt: skip
    return {row.listing_id: row for row in session.scalars(query)}


def ways_of(session: Session, touch_ids: Iterable[str]) -> set[str]:
    """By which ways these touches went to the store; nothing of touches from before that was written down."""
    found = session.scalars(sa.select(Touch.way).where(Touch.id.in_(list(touch_ids)), Touch.way != "").distinct())
    return set(found)
