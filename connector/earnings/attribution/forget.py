"""Erasure: hashes of buyers, journeys and devices go; who was credited is pinned and stays, so nothing moves (F9)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.earnings.attribution.tables import (
    Binding,
    DecisionPast,
    DecisionRow,
    DueForPin,
    KnownBuyer,
    TokenBuyer,
    Touch,
)


def undecided(session: Session, order_ids: Sequence[str]) -> dict[str, datetime]:
    """Those whose decisions aren't final yet, with the moment (business time) at which they are."""
    rows = session.execute(sa.select(DueForPin.order_id, DueForPin.pin_at).where(DueForPin.order_id.in_(order_ids)))
    return {row[0]: row[1] for row in rows}


def touches_of(session: Session, shop_id: str, order_ids: Sequence[str]) -> list[str]:
    """Touches of this shop that led to these orders, or are of the same journeys."""
    led = set(
        session.scalars(
            sa.select(DecisionRow.touch_id).where(
                DecisionRow.order_id.in_(order_ids), DecisionRow.touch_id.is_not(None)
            )
        )
    )
    before = sa.select(DecisionPast.touch_id).where(DecisionPast.order_id.in_(order_ids))
    led |= set(session.scalars(before.where(DecisionPast.touch_id.is_not(None))))
    led |= set(session.scalars(sa.select(TokenBuyer.touch_id).where(TokenBuyer.order_id.in_(order_ids))))
    journeys = sa.select(Touch.journey).where(Touch.id.in_(led), Touch.journey.is_not(None))
    same = sa.select(Touch.id).where(Touch.shop_id == shop_id, sa.or_(Touch.id.in_(led), Touch.journey.in_(journeys)))
    return sorted(session.scalars(same))


def forget_buyers(session: Session, order_ids: Sequence[str]) -> int:
    """Drop which buyer (a hash) placed these orders with which token, and what these orders made them: a returning
    customer, a creator's; how many rows of the first."""
    for table in (Binding, KnownBuyer):
        session.execute(
            sa.update(table).where(table.order_id.in_(order_ids), table.buyer_hash.is_not(None)).values(buyer_hash=None)
        )
    return _changed(
        session,
        sa.update(TokenBuyer)
        .where(TokenBuyer.order_id.in_(order_ids), TokenBuyer.buyer_hash.is_not(None))
        .values(buyer_hash=None),
    )


def forget_touches(session: Session, touch_ids: Sequence[str]) -> int:
    """Drop journey and device of these touches; how many had one. The touch itself is no person and stays."""
    return _changed(
        session,
        sa.update(Touch)
        .where(Touch.id.in_(touch_ids), sa.or_(Touch.journey.is_not(None), Touch.device_hash.is_not(None)))
        .values(journey=None, device_hash=None, device_until=None),
    )


def forget_shop(session: Session, shop_id: str, limit: int = 1000) -> int:
    """Drop journey and device of some of a shop's touches; how many. 0: none is left."""
    some = sa.select(Touch.id).where(
        Touch.shop_id == shop_id, sa.or_(Touch.journey.is_not(None), Touch.device_hash.is_not(None))
    )
    return forget_touches(session, session.scalars(some.limit(limit)).all())


def _changed(session: Session, update: sa.Update) -> int:
    return int(session.execute(update).rowcount)  # type: ignore[attr-defined]
