"""What a creator sold in the app lately, and how many samples may be open by it."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from sqlalchemy.orm import Session

from connector.insight.reports import engine
from connector.insight.reports.asked import Asked
from connector.programme.creators import followers
from connector.programme.samples import limits, queries
from connector.programme.samples.limits import Level
from connector.programme.samples.policy import Policy


class Allowance(msgspec.Struct, frozen=True):
    """What is kept with a request: by what it was judged."""

    level: Level
    sales: dict[str, int]  # net, currency → minor units, from `since` until the request
    since: str
    most_open: int
    open: int  # before the request
    followers: int
    score: int | None  # per cent
    fulfilled: int
    missed: int
    policy_version: int


def net(session: Session, creator_id: str, policy: Policy, now: datetime) -> dict[str, int]:
    """Currency → net sales of all shops in the policy's days up to now, minor units: as the reports count them."""
    since = now - timedelta(days=policy.numbers.sales_days)
    rows = engine.read(session, Asked(creator_id=creator_id, since=since, until=now))
    return {each.currency: each.total.net for each in rows}


def allowance(session: Session, creator_id: str, policy: Policy, now: datetime) -> Allowance:
    """How many samples the creator may have open now, by what, and how many are."""
    sold = net(session, creator_id, policy, now)
    reached = limits.level(sold, policy.numbers)
    score = queries.score_of(session, creator_id, now)
    return Allowance(
        level=reached, sales=sold, since=(now - timedelta(days=policy.numbers.sales_days)).isoformat(),
        most_open=limits.most_open(reached, policy.numbers), open=queries.open_of(session, creator_id),
        followers=followers.count_at(session, creator_id, now), score=score.percent, fulfilled=score.fulfilled,
        missed=score.missed, policy_version=policy.version,
    )  # fmt: skip
