"""Reading payout batches."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.earnings.payouts.tables import Payout, PayoutBatch, PayoutEvent, SetAside
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


def of_creator(
    session: Session, creator_id: str, *, shop_id: str | None = None, before: str | None = None, limit: int = 50
) -> list[Payout]:
    """A creator's payouts, newest first. `before`: the one that they go on behind."""
    query = sa.select(Payout).where(Payout.creator_id == creator_id).order_by(Payout.id.desc()).limit(limit)
    if before is not None:
        query = query.where(Payout.id < before)
    if shop_id is not None:
        query = query.where(Payout.shop_id == shop_id)
    return list(session.scalars(query))


def by_key(session: Session, key: str) -> PayoutBatch | None:
    return session.scalar(sa.select(PayoutBatch).where(PayoutBatch.key == key))


def key_of_day(session: Session, day: date, currency: str, rail: str) -> str:
    """The key of a day's batch where nobody names it: of its first one that pays anybody. One that found nothing to
    pay, or was refused, doesn't stand in the way of what can be paid later that day."""
    first = f"{day} {currency} {rail}"
    for key in itertools.chain([first], (f"{first} {number}" for number in itertools.count(2))):
        known = by_key(session, key)
        if known is None or (known.rows and known.status != "refused"):
            return key
    raise AssertionError("numbers have no end")


def batch_counts(session: Session) -> dict[str, int]:
    """Status → how many batches."""
    query = sa.select(PayoutBatch.status, sa.func.count()).group_by(PayoutBatch.status)
    return {status: int(number) for status, number in session.execute(query)}


def unknown_count(session: Session) -> int:
    """How many payouts have an outcome that nobody knows."""
    return session.scalar(sa.select(sa.func.count()).where(Payout.status == "unknown")) or 0


def row_counts(session: Session, batch_id: str) -> dict[str, int]:
    """Status → how many payouts of a batch."""
    query = sa.select(Payout.status, sa.func.count()).where(Payout.batch_id == batch_id).group_by(Payout.status)
    return {status: int(number) for status, number in session.execute(query)}


def row_sums(session: Session, batch_id: str) -> dict[str, int]:
    """Status → the sum of a batch's payouts in it, in minor units of what was owed."""
    query = sa.select(Payout.status, sa.func.sum(Payout.amount)).where(Payout.batch_id == batch_id)
    return {status: int(total) for status, total in session.execute(query.group_by(Payout.status))}


def leaves(session: Session, batch_id: str) -> dict[str, int]:
    """Currency → what leaves in it for a batch."""
    currency = sa.case((Payout.pay_currency != "", Payout.pay_currency), else_=Payout.currency)
    amount = sa.case((Payout.pay_currency != "", Payout.pay_amount), else_=Payout.amount)
    query = sa.select(currency, sa.func.sum(amount)).where(Payout.batch_id == batch_id).group_by(currency)
    return {code: int(total) for code, total in sorted(session.execute(query).all())}


def aside_counts(session: Session, batch_id: str) -> list[tuple[str, int]]:
    """(reason, how many) of what a batch left out, the most first."""
    number = sa.func.count()
    query = sa.select(SetAside.reason, number).where(SetAside.batch_id == batch_id).group_by(SetAside.reason)
    return [(reason, int(count)) for reason, count in session.execute(query.order_by(number.desc(), SetAside.reason))]


def events(session: Session, payout_id: str) -> list[PayoutEvent]:
    """What became of a payout, in order."""
    query = sa.select(PayoutEvent).where(PayoutEvent.payout_id == payout_id)
    return list(session.scalars(query.order_by(PayoutEvent.number)))


def latest_events(session: Session, payout_ids: Collection[str]) -> dict[str, PayoutEvent]:
    """Payout → the last thing heard of it."""
    query = sa.select(PayoutEvent).where(PayoutEvent.payout_id.in_(list(payout_ids))).order_by(PayoutEvent.number)
    return {row.payout_id: row for row in session.scalars(query)}


def events_of(session: Session, payout_ids: Collection[str]) -> dict[str, list[PayoutEvent]]:
    """Payout → all that was heard of it, in order."""
    found: dict[str, list[PayoutEvent]] = {}
    query = sa.select(PayoutEvent).where(PayoutEvent.payout_id.in_(list(payout_ids)))
    for row in session.scalars(query.order_by(PayoutEvent.payout_id, PayoutEvent.number)):
        found.setdefault(row.payout_id, []).append(row)
    return found
