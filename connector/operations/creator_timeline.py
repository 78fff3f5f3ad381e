"""A creator's timeline: since when is it so, and what changed just before? Everything about one creator in one order.

Rows of a dozen tables become happenings with a code and its facts; the face makes the sentences. Nothing here is about
buyers, and no payment details: that they changed is told, what they are isn't.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock
from connector.earnings.commission import freezes
from connector.earnings.payouts.tables import Payout
from connector.programme.collaborations.tables import Agreement, Negotiation, PromotionRow
from connector.programme.creators.tables import (
    CreatorCountry,
    CreatorEligibility,
    CreatorFollowers,
    CreatorHandle,
    CreatorStatus,
    Payee,
)
from connector.programme.policies.rules_tables import Violation
from connector.programme.samples.tables import Sample, SampleStep

Group = Literal["standing", "profile", "rules", "shops", "samples", "money"]
GROUPS: tuple[Group, ...] = ("standing", "profile", "rules", "shops", "samples", "money")
SPANS = {30: "30 days", 90: "90 days", 365: "A year", 3650: "All"}
MOST = 300  # of one kind


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened. `code` and `facts` are what a face makes its sentence of."""

    at: datetime
    group: Group
    code: str
    facts: dict[str, Any] = field(default_factory=dict)
    by: str = ""  # actor
    id: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    happenings: list[Happening]  # newest first
    counts: dict[Group, int]  # over the whole span, before the filter
    cut: bool


def read(session: Session, creator_id: str, *, days: int = 90, only: Group | None = None) -> Timeline:
    """What happened to one creator in the last `days`, the newest first."""
    since = clock.now() - timedelta(days=days)
    every = [
        one
        for source in (_standing, _profile, _rules, _shops, _samples, _money)
        for one in source(session, creator_id, since)
    ]
    every.sort(key=lambda one: (one.at, one.id), reverse=True)
    counts: dict[Group, int] = dict.fromkeys(GROUPS, 0)
    for one in every:
        counts[one.group] += 1
    kept = [one for one in every if only is None or one.group == only]
    return Timeline(kept[:MOST], counts, len(kept) > MOST)


def _newest(session: Session, table: Any, whose: Any, at: Any, since: datetime) -> Any:
    return session.scalars(
        sa.select(table).where(whose, at >= since, at <= clock.now()).order_by(at.desc(), table.id.desc()).limit(MOST)
    )


def _standing(session: Session, creator_id: str, since: datetime) -> Iterator[Happening]:
    mine = CreatorStatus.creator_id == creator_id
    for row in _newest(session, CreatorStatus, mine, CreatorStatus.starts_at, since):
        yield Happening(row.starts_at, "standing", "status", {"status": row.status, "why": row.reason}, id=row.id)
    mine = CreatorEligibility.creator_id == creator_id
    for row in _newest(session, CreatorEligibility, mine, CreatorEligibility.decided_at, since):
        facts = {
            "outcome": row.outcome, "reason": row.reason, "version": row.policy_version, "flags": list(row.flags),
            "followers": row.followers, "believed": row.believed,
        }  # fmt: skip
        yield Happening(row.decided_at, "standing", "eligibility", facts, row.decided_by, row.id)


def _profile(session: Session, creator_id: str, since: datetime) -> Iterator[Happening]:
    mine = CreatorFollowers.creator_id == creator_id
    for row in _newest(session, CreatorFollowers, mine, CreatorFollowers.starts_at, since):
        facts = {"count": row.count, "network": row.network}
        yield Happening(row.starts_at, "profile", "followers", facts, row.said_by, row.id)
    mine = CreatorHandle.creator_id == creator_id
    for at, code in ((CreatorHandle.starts_at, "handle"), (CreatorHandle.ends_at, "handle_ended")):
        for row in _newest(session, CreatorHandle, mine, at, since):
            facts = {"handle": row.handle, "network": row.network}
            yield Happening(getattr(row, at.key), "profile", code, facts, row.said_by, row.id)
    mine = CreatorCountry.creator_id == creator_id
    for row in _newest(session, CreatorCountry, mine, CreatorCountry.starts_at, since):
        yield Happening(row.starts_at, "profile", "country", {"country": row.country}, id=row.id)


def _rules(session: Session, creator_id: str, since: datetime) -> Iterator[Happening]:
    mine = sa.and_(Violation.subject == "creator", Violation.subject_id == creator_id)
    for row in _newest(session, Violation, mine, Violation.at, since):
        facts = {"rule": row.rule, "strikes": row.strikes}
        yield Happening(row.at, "rules", "breach", facts, row.recorded_by, row.id)
        if row.appealed_at is not None:
            yield Happening(row.appealed_at, "rules", "breach_appealed", facts, id=row.id)
        if row.decided_at is not None:
            decided = facts | {"decision": row.decision}
            yield Happening(row.decided_at, "rules", "breach_decided", decided, row.decided_by, row.id)
    for frozen in freezes.of_creator(session, creator_id, MOST):
        if frozen.frozen_at >= since:
            yield Happening(frozen.frozen_at, "rules", "frozen", {"why": frozen.reason}, frozen.frozen_by, frozen.id)
        if frozen.ended_at is not None and frozen.ended_at >= since:
            ended = {"how": frozen.ended_why}
            yield Happening(frozen.ended_at, "rules", "freeze_ended", ended, frozen.ended_by, frozen.id)


def _shops(session: Session, creator_id: str, since: datetime) -> Iterator[Happening]:
    mine = PromotionRow.creator_id == creator_id
    for at, code in ((PromotionRow.starts_at, "took_up"), (PromotionRow.ends_at, "removed")):
        for row in _newest(session, PromotionRow, mine, at, since):
            facts = {"shop_id": row.shop_id, "product_ref": row.product_ref}
            yield Happening(getattr(row, at.key), "shops", code, facts, id=row.id)
    agreed = session.execute(
        sa.select(Agreement, Negotiation.shop_id)
        .join(Negotiation, Negotiation.id == Agreement.negotiation_id)
        .where(Negotiation.creator_id == creator_id, Agreement.accepted_at >= since)
        .order_by(Agreement.accepted_at.desc(), Agreement.id)
        .limit(MOST)
    )
    for agreement, shop_id in agreed:
        facts = {"shop_id": shop_id, "version": agreement.version}
        yield Happening(agreement.accepted_at, "shops", "agreed", facts, agreement.accepted_by, agreement.id)


def _samples(session: Session, creator_id: str, since: datetime) -> Iterator[Happening]:
    rows = session.execute(
        sa.select(SampleStep, Sample.shop_id)
        .join(Sample, Sample.id == SampleStep.sample_id)
        .where(Sample.creator_id == creator_id, SampleStep.at >= since)
        .order_by(SampleStep.at.desc(), SampleStep.sample_id, SampleStep.number.desc())
        .limit(MOST)
    )
    for step, shop_id in rows:
        facts = {"shop_id": shop_id, "act": step.act, "state": step.state, "side": step.side}
        yield Happening(step.at, "samples", "sample", facts, step.by, step.sample_id)


def _money(session: Session, creator_id: str, since: datetime) -> Iterator[Happening]:
    mine = Payout.creator_id == creator_id
    for row in _newest(session, Payout, mine, Payout.created_at, since):
        facts = {"shop_id": row.shop_id, "amount": row.amount, "currency": row.currency, "status": row.status}
        yield Happening(row.created_at, "money", "payout", facts, id=row.id)
    mine = Payee.creator_id == creator_id
    for row in _newest(session, Payee, mine, Payee.proposed_at, since):
        yield Happening(row.proposed_at, "money", "payee", {"number": row.number}, row.proposed_by, row.id)
