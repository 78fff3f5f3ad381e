"""Samples that go on no further by themselves, or take too long: what a person of support looks at.

    unknown     the store was asked for an order an hour ago or more, and its answer isn't known
    refused     the store refused the order, and the shop hasn't put it right
    long        ordered and not sent, or on its way, for three weeks or more
    unproven    an order was named that nothing proves, and the shop didn't say whether it is the creator's

All others end by their time.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.programme.samples import steps
from connector.programme.samples.tables import Sample, SampleAppeal

Why = Literal["unknown", "refused", "long", "unproven"]
WHYS: tuple[Why, ...] = ("unknown", "refused", "long", "unproven")
UNKNOWN_AFTER, LONG_AFTER = timedelta(hours=1), timedelta(days=21)


def conditions(why: Why, now: datetime) -> list[sa.ColumnElement[bool]]:
    """What a stuck sample of a kind is, by an index of its own."""
    if why == "unknown":
        return [
            Sample.place_at.is_not(None), Sample.placing == "unknown", Sample.moved_at <= now - UNKNOWN_AFTER,
        ]  # fmt: skip
    waits = Sample.look_at.is_not(None)  # few: those that something may still move on
    if why == "refused":
        return [waits, Sample.state == "approved", Sample.placing == "refused"]
    if why == "unproven":  # as `steps.unanswered`
        return [
            waits, Sample.kind == "refundable", Sample.order_ref.is_not(None), Sample.confirmed.is_(False),
            Sample.confirm_by.is_(None), Sample.words == "",
        ]  # fmt: skip
    since = now - LONG_AFTER
    unsent = sa.and_(Sample.state == "ordered", Sample.moved_at <= since)
    return [waits, sa.or_(unsent, sa.and_(Sample.state == "shipped", Sample.shipped_at <= since))]


def those(now: datetime, whys: tuple[Why, ...] = WHYS) -> sa.Select[Any]:
    """Samples that are stuck for one of these reasons; its caller puts them in order and takes a page."""
    return sa.select(Sample).where(sa.or_(*(sa.and_(*conditions(why, now)) for why in whys)))


def why(row: Sample, now: datetime) -> Why | None:
    """As `conditions`, of a row that is at hand: pure. None: it isn't stuck."""
    if row.placing == "unknown" and row.place_at is not None and row.moved_at <= now - UNKNOWN_AFTER:
        return "unknown"
    if row.state == "approved" and row.placing == "refused":
        return "refused"
    if steps.unanswered(row):
        return "unproven"
    if row.state == "ordered" and row.moved_at <= now - LONG_AFTER:
        return "long"
    if row.state == "shipped" and row.shipped_at is not None and row.shipped_at <= now - LONG_AFTER:
        return "long"
    return None


def count(session: Session, now: datetime, most: int = 1000) -> dict[Why, int]:
    """How many for each reason; no more than `most` of one are counted."""
    found: dict[Why, int] = {}
    for each in WHYS:
        some = sa.select(Sample.id).where(*conditions(each, now)).limit(most)
        found[each] = session.scalar(sa.select(sa.func.count()).select_from(some.subquery())) or 0
    return found


def appeals(session: Session) -> int:
    """How many appeals of missed samples wait for support."""
    waiting = sa.select(sa.func.count()).select_from(SampleAppeal).where(SampleAppeal.decided_at.is_(None))
    return session.scalar(waiting) or 0
