"""Reads of samples."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.programme.samples import moves, policy, score
from connector.programme.samples.score import Score
from connector.programme.samples.steps import find
from connector.programme.samples.tables import Sample, SampleAppeal, SampleContent, SampleStep


def one(session: Session, sample_id: str, *, shop_id: str | None = None, creator_id: str | None = None) -> Sample:
    """Errors: NotFound, another shop's or creator's included."""
    return find(session, sample_id, shop_id=shop_id, creator_id=creator_id)


def of_creator(
    session: Session, creator_id: str, *, states: Collection[str] = (), before: str | None = None, limit: int = 50
) -> Sequence[Sample]:
    """A creator's samples, the newest first; `before`: the id of the last one seen; `states`: only those."""
    return _page(session, Sample.creator_id == creator_id, states, before, limit)


def of_shop(
    session: Session, shop_id: str, *, states: Collection[str] = (), creator_id: str | None = None,
    before: str | None = None, limit: int = 50,
) -> Sequence[Sample]:  # fmt: skip
    """A shop's samples, the newest first; `before`: the id of the last one seen; `states`: only those."""
    whose = Sample.shop_id == shop_id
    if creator_id is not None:
        whose = sa.and_(whose, Sample.creator_id == creator_id)
    return _page(session, whose, states, before, limit)


def page(
    session: Session, *, shop_id: str | None = None, creator_id: str | None = None, states: Collection[str] = (),
    before: str | None = None, limit: int = 50,
) -> Sequence[Sample]:  # fmt: skip
    """Samples of a shop, of a creator, or all of them, the newest first."""
    whose: list[sa.ColumnElement[bool]] = [sa.true()]
    if shop_id is not None:
        whose.append(Sample.shop_id == shop_id)
    if creator_id is not None:
        whose.append(Sample.creator_id == creator_id)
    return _page(session, sa.and_(*whose), states, before, limit)


def counts(session: Session, *, shop_id: str | None = None, creator_id: str | None = None) -> dict[str, int]:
    """State → how many of a shop's or a creator's samples are in it; those without any are absent."""
    asked = sa.select(Sample.state, sa.func.count()).group_by(Sample.state)
    if shop_id is not None:
        asked = asked.where(Sample.shop_id == shop_id)
    if creator_id is not None:
        asked = asked.where(Sample.creator_id == creator_id)
    return {state: int(number) for state, number in session.execute(asked)}


def open_of(session: Session, creator_id: str) -> int:
    """How many count against what a creator may have open. What an agreement promised isn't asked for, and doesn't."""
    mine = sa.and_(Sample.creator_id == creator_id, Sample.state.in_(moves.COUNTED), Sample.agreement_id.is_(None))
    return session.scalar(sa.select(sa.func.count()).select_from(Sample).where(mine)) or 0


def scores(session: Session, creator_ids: Collection[str], now: datetime) -> dict[str, Score]:
    """Creator → fulfilment score by the policy of now; every id asked for is in the answer. One query."""
    numbers = policy.at(session, now).numbers
    since = now - timedelta(days=numbers.score_days)
    rows = session.execute(
        sa.select(Sample.creator_id, Sample.state, sa.func.count())
        .where(
            Sample.creator_id.in_(list(creator_ids)), Sample.state.in_(("fulfilled", "missed")),
            Sample.ended_at >= since,
        )
        .group_by(Sample.creator_id, Sample.state)
    )  # fmt: skip
    found: dict[tuple[str, str], int] = {(row[0], row[1]): int(row[2]) for row in rows}
    return {
        each: score.score(found.get((each, "fulfilled"), 0), found.get((each, "missed"), 0), numbers)
        for each in creator_ids
    }


def score_of(session: Session, creator_id: str, now: datetime) -> Score:
    return scores(session, [creator_id], now)[creator_id]


def steps(session: Session, sample_id: str) -> Sequence[SampleStep]:
    """Every step, oldest first."""
    asked = sa.select(SampleStep).where(SampleStep.sample_id == sample_id)
    return session.scalars(asked.order_by(SampleStep.number)).all()


def contents(session: Session, sample_ids: Collection[str]) -> dict[str, list[str]]:
    """Sample → the content that was named for it, in the order in which it was."""
    found: dict[str, list[str]] = {each: [] for each in sample_ids}
    asked = sa.select(SampleContent).where(SampleContent.sample_id.in_(list(sample_ids)))
    for row in session.scalars(asked.order_by(SampleContent.named_at, SampleContent.content_id)):
        found[row.sample_id].append(row.content_id)
    return found


def appeal_of(session: Session, sample_id: str) -> SampleAppeal | None:
    return session.get(SampleAppeal, sample_id)


def appeals(session: Session, limit: int = 200) -> Sequence[tuple[SampleAppeal, Sample]]:
    """Appeals that wait for support, oldest first, with their samples."""
    rows = session.execute(
        sa.select(SampleAppeal, Sample)
        .join(Sample, Sample.id == SampleAppeal.sample_id)
        .where(SampleAppeal.decided_at.is_(None))
        .order_by(SampleAppeal.made_at, SampleAppeal.sample_id)
        .limit(limit)
    )
    return [(row[0], row[1]) for row in rows]


def _page(
    session: Session, whose: Any, states: Collection[str], before: str | None, limit: int
) -> Sequence[Sample]:  # fmt: skip
    asked = sa.select(Sample).where(whose).order_by(Sample.id.desc()).limit(limit)
    if states:
        asked = asked.where(Sample.state.in_(list(states)))
    if before is not None:
        asked = asked.where(Sample.id < before)
    return session.scalars(asked).all()
