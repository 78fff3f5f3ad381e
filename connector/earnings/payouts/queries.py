"""Reading payout batches."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.earnings.payouts.tables import Payout, PayoutBatch, SetAside
from connector.errors import NotFound


def batch(session: Session, batch_id: str) -> PayoutBatch:
    """Errors: NotFound."""
    found = session.get(PayoutBatch, batch_id)
    if found is None:
        raise NotFound(f"no payout batch has the id {batch_id[:40]!r}")
    return found


def batches(session: Session, *, before: str | None = None, limit: int = 50) -> list[PayoutBatch]:
    """Batches, newest first; `before` is the id of the last one seen."""
    query = sa.select(PayoutBatch).order_by(PayoutBatch.id.desc()).limit(limit)
    if before is not None:
        query = query.where(PayoutBatch.id < before)
    return list(session.scalars(query))


def rows(session: Session, batch_id: str) -> list[Payout]:
    """A batch's payouts, by creator and shop."""
    query = sa.select(Payout).where(Payout.batch_id == batch_id)
    return list(session.scalars(query.order_by(Payout.creator_id, Payout.shop_id)))


def set_aside(session: Session, batch_id: str) -> list[SetAside]:
    """What a batch left out, by reason."""
    query = sa.select(SetAside).where(SetAside.batch_id == batch_id)
    return list(session.scalars(query.order_by(SetAside.reason, SetAside.creator_id, SetAside.shop_id)))


def of_creators(session: Session, shop_id: str, creator_ids: Collection[str], currency: str) -> list[Payout]:
    """What some creators were paid from one shop in one currency, oldest first."""
    query = sa.select(Payout).where(
        Payout.shop_id == shop_id, Payout.creator_id.in_(list(creator_ids)), Payout.currency == currency
    )
    return list(session.scalars(query.order_by(Payout.created_at, Payout.id)))


def of_creator(session: Session, creator_id: str, *, shop_id: str | None = None, limit: int = 50) -> list[Payout]:
    """A creator's payouts, newest first."""
    query = sa.select(Payout).where(Payout.creator_id == creator_id).order_by(Payout.id.desc()).limit(limit)
    if shop_id is not None:
        query = query.where(Payout.shop_id == shop_id)
    return list(session.scalars(query))
