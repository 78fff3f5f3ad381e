"""Whether a creator may take part: decided at sign-up, when counts are told, and again every few days.

A decision is a row that names its policy version; nothing is ever taken back by a later one. Who drops below the
threshold adds no new product and makes no new link; what they promote already goes on earning, and what they earned
stays. Creators whom the app registered before there was a sign-up have no decision and go on as they are; those whom it
registers beside the sign-up since are decided at the next look (`look_later`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import db, notices
from connector.db import new_id
from connector.errors import Conflict
from connector.programme.creators import countries, queries
from connector.programme.creators.followers import ALL_TOGETHER
from connector.programme.creators.tables import Creator, CreatorEligibility, CreatorFollowers
from connector.programme.policies import eligibility as policies
from connector.programme.policies import use_terms
from connector.programme.policies.eligibility import ACCEPTED, FIELDS, HELD, REFUSED, Facts, Judged, Policy

TOLD = {ACCEPTED: "creator.accepted", HELD: "creator.held", REFUSED: "creator.refused"}
FLAGGED = "creator.flagged"
# What is said with a refusal, to whoever sends the sign-up: (problem, remedy). `{…}` are facts of the judgement.
SAID = {
    policies.AGE_UNKNOWN: ("is missing.", "Send the creator's birth date: the programme has a minimum age."),
    policies.UNDER_AGE: ("is of somebody under {least_age}.", "They can sign up on the day they turn {least_age}."),
    policies.COUNTRY: ("is one where the programme is off.", "They can sign up when it is on there."),
    policies.FEW: (
        "are {followers}, and {least_followers} are needed.",
        "They can sign up as soon as they have {least_followers}.",
    ),
    policies.JUMPED: (
        "jumped to {followers} within a week.",
        "The count is believed when it has stood for {jump_days} days; we look again by ourselves.",
    ),
}  # fmt: skip
# The same of a creator who was taken in before, to whoever would add something for them.
LATER = {
    policies.AGE_UNKNOWN: "Their birth date isn't known: send it by signing them up again.",
    policies.UNDER_AGE: "They are under {least_age}.",
    policies.COUNTRY: "The programme is off in their country.",
    policies.FEW: "{followers:,} follow them, and {least_followers:,} are needed: as soon as so many do, they can.",
    policies.JUMPED: "Their followers jumped to {followers:,} within a week; the count is believed when it has stood "
    "for {jump_days} days, and we look again by ourselves.",
}  # fmt: skip


class NotEligible(Conflict):
    """The newest decision holds or refuses the creator: they add nothing new. `code`: the decision's reason."""

    field = "creator_id"

    def __init__(self, message: str, code: str, *, public: str) -> None:
        super().__init__(message, public=public)
        self.code = code


def words(reason: str, policy: Policy, followers: int) -> tuple[str, str, str]:
    """(field, problem, remedy) of what isn't accepted, with the policy that says so."""
    problem, remedy = SAID[reason]
    facts = _told_facts(policy, followers)
    return FIELDS[reason], problem.format(**facts), f"{remedy.format(**facts)} {_cited(policy)}"


def _told_facts(policy: Policy, followers: int) -> dict[str, int]:
    numbers = ("least_age", "least_followers", "jump_days")
    return {"followers": followers, **{name: getattr(policy.numbers, name) for name in numbers}}


def _cited(policy: Policy) -> str:
    return f"(Eligibility policy, version {policy.version}.)"


def facts_of(session: Session, creators: Sequence[Creator], moment: datetime) -> dict[str, Facts]:
    """What is known of creators as of `moment`: three statements, however many they are."""
    ids = [creator.id for creator in creators]
    counts: dict[str, list[tuple[datetime, int]]] = {creator_id: [] for creator_id in ids}
    asked = {"creators": ids, "moment": moment}
    for creator_id, at, count in session.execute(_COUNTS, asked):
        counts[creator_id].append((at, count))
    first = {row[0]: row[1] for row in session.execute(_FIRST_ACCEPTED, asked)}
    off = countries.held_back(session, ids, moment)
    return {
        creator.id: Facts(
            born_on=creator.born_on, counts=counts[creator.id], accepted_at=first.get(creator.id),
            country_off=creator.id in off,
        )
        for creator in creators
    }  # fmt: skip


_COUNTS = (
    sa.select(CreatorFollowers.creator_id, CreatorFollowers.starts_at, CreatorFollowers.count)
    .where(
        db.among(CreatorFollowers.creator_id, "creators"), CreatorFollowers.network == ALL_TOGETHER,
        CreatorFollowers.starts_at <= sa.bindparam("moment"),
    )
    .order_by(CreatorFollowers.starts_at, CreatorFollowers.recorded_at, CreatorFollowers.id)
)  # fmt: skip
_FIRST_ACCEPTED = (
    sa.select(CreatorEligibility.creator_id, sa.func.min(CreatorEligibility.decided_at))
    .where(db.among(CreatorEligibility.creator_id, "creators"), CreatorEligibility.outcome == ACCEPTED)
    .group_by(CreatorEligibility.creator_id)
)
_DECISIONS = (
    sa.select(CreatorEligibility)
    .where(db.among(CreatorEligibility.creator_id, "creators"))
    .order_by(CreatorEligibility.decided_at, CreatorEligibility.id)
)


def decide(
    session: Session, creator: Creator, occasion: str, *, by: str, now: datetime
) -> tuple[CreatorEligibility, Judged]:
    """Look at a creator by the policy of now. A look that says what the newest decision says writes no other row.

    The app hears of a decision that is new, and of a count that isn't believed (once).
    """
    (made,) = _decide(session, [creator], occasion, policies.at(session, now), by=by, now=now)
    return made


def _decide(
    session: Session, creators: Sequence[Creator], occasion: str, policy: Policy, *, by: str, now: datetime
) -> list[tuple[CreatorEligibility, Judged]]:
    facts = facts_of(session, creators, now)
    newest_of: dict[str, CreatorEligibility] = {
        row.creator_id: row for row in session.scalars(_DECISIONS, {"creators": list(facts)})
    }
    found = []
    for creator in creators:
        judged, before = policies.judge(policy, facts[creator.id], now), newest_of.get(creator.id)
        creator.checked_at = now
        if before is None or not _same(before, judged):
            found.append((_write(session, creator, occasion, judged, before, by=by, now=now), judged))
        else:
            found.append((before, judged))
    session.flush()
    return found


def _write(
    session: Session, creator: Creator, occasion: str, judged: Judged, before: CreatorEligibility | None, *, by: str,
    now: datetime,
) -> CreatorEligibility:  # fmt: skip
    row = CreatorEligibility(
        id=new_id("eld"), creator_id=creator.id, occasion=occasion, outcome=judged.outcome, reason=judged.reason,
        policy_id=judged.policy.id, policy_version=judged.policy.version, followers=judged.followers,
        believed=judged.believed, flags=list(judged.flags), pilot_until=judged.pilot_until, decided_at=now,
        decided_by=by,
    )  # fmt: skip
    session.add(row)
    creator.eligibility = judged.outcome
    if before is None or before.outcome != judged.outcome:
        pilot = {"pilot_until": judged.pilot_until.isoformat()} if judged.pilot_until else {}
        notices.say(
            session, TOLD[judged.outcome], creator_id=creator.id, decision_id=row.id, reason=judged.reason,
            policy_version=judged.policy.version, **pilot,
        )  # fmt: skip
    for flag in judged.flags:
        if before is None or flag not in before.flags:
            notices.say(
                session, FLAGGED, creator_id=creator.id, flag=flag, followers=judged.followers, believed=judged.believed
            )  # fmt: skip
    return row


def _same(before: CreatorEligibility, judged: Judged) -> bool:
    """Does the decision that stands say the same? Counts may move: they are facts of their own."""
    return (before.outcome, before.reason, before.policy_id, tuple(before.flags), before.pilot_until is None) == (
        judged.outcome, judged.reason, judged.policy.id, judged.flags, judged.pilot_until is None,
    )  # fmt: skip


def newest(session: Session, creator_id: str) -> CreatorEligibility | None:
    """The decision that stands; None: nothing was ever decided."""
    return next(iter(history(session, creator_id, limit=1)), None)


def history(session: Session, creator_id: str, *, limit: int = 200) -> Sequence[CreatorEligibility]:
    """A creator's decisions, newest first."""
    return session.scalars(
        sa.select(CreatorEligibility)
        .where(CreatorEligibility.creator_id == creator_id)
        .order_by(CreatorEligibility.decided_at.desc(), CreatorEligibility.id.desc())
        .limit(limit)
    ).all()


def may_add(session: Session, creator_id: str, now: datetime) -> CreatorEligibility | None:
    """Whether the creator may take up a product now; the decision that says so, None for those of before the sign-up.

    Errors: NotFound; Conflict for one who isn't active; NotEligible where the newest decision holds or refuses them;
    TermsOwed.
    """
    queries.living(session, creator_id)
    status = queries.status_at(session, creator_id, now)
    if status != queries.ACTIVE:
        raise Conflict(f"creator {creator_id} is {status}", public=f"This creator's account is {status}.")
    if countries.held_back(session, [creator_id], now):
        raise Conflict(
            f"creator {creator_id} is in a country that is off", public="The programme is off where they are."
        )
    use_terms.hold(session, "creator", creator_id, now)
    row = newest(session, creator_id)
    if row is None or row.outcome == ACCEPTED:
        return row
    policy = next(each for each in policies.every(session) if each.id == row.policy_id)
    why = LATER[row.reason].format(**_told_facts(policy, row.followers))
    raise NotEligible(
        f"creator {creator_id} is {row.outcome}: {row.reason}", row.reason,
        public=f"This creator can add nothing new now. {why} What they promote already goes on. {_cited(policy)}",
    )  # fmt: skip


def look_later(session: Session, creator: Creator, now: datetime) -> None:
    """Let the next look decide about somebody who was just registered without a sign-up. Who was before is left
    alone."""
    if creator.created_at == now and creator.checked_at is None:
        creator.checked_at = now
        session.flush()


def recheck_due(session: Session, now: datetime, limit: int) -> int:
    """Look again at creators whom nobody looked at for longest, if that is long enough; how many.

    Those whom another worker looks at just now are left to it.
    """
    policy = policies.at(session, now)
    due = session.scalars(
        sa.select(Creator)
        .where(Creator.checked_at <= now - timedelta(days=policy.numbers.recheck_days), Creator.erased_at.is_(None))
        .order_by(Creator.checked_at, Creator.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    if due:
        _decide(session, due, "recheck", policy, by="system", now=now)
    return len(due)
