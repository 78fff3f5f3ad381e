"""Who may take part: a dated policy, and what it says about somebody at a moment. The judgement is pure.

    least_followers   1,000; it was 5,000 until May 2024, and both stay here so that an old decision can be checked
    least_age         18
    pilot             under 5,000 followers the first 30 days have limits: how many products, how many new ones a day
    jump              a count threefold, by 1,000 or more, what stood a week before is believed once it stood as long

A change is a new version from a moment on, never backdated; every decision names the version that it was made by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock
from connector.db import new_id
from connector.errors import InputRefused
from connector.programme.policies.eligibility_tables import EligibilityPolicyRow
from connector.programme.policies.numbers import next_version, within

Outcome = Literal["accepted", "held", "refused"]
ACCEPTED: Final = "accepted"
HELD: Final = "held"
REFUSED: Final = "refused"
AGE_UNKNOWN, UNDER_AGE, COUNTRY, FEW, JUMPED = (
    "age_unknown", "under_age", "country_closed", "too_few_followers", "followers_jumped",
)  # fmt: skip
# Which field of a sign-up a reason is about.
FIELDS = {AGE_UNKNOWN: "born_on", UNDER_AGE: "born_on", COUNTRY: "country", FEW: "followers", JUMPED: "followers"}


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy asks for. Days are 24 hours each."""

    least_followers: int = 1_000
    least_age: int = 18  # years
    pilot_below: int = 5_000  # followers; 0: no pilot period
    pilot_days: int = 30
    pilot_products: int = 20  # in the creator's list at once
    pilot_new_a_day: int = 5
    recheck_days: int = 7  # how often a decision is looked at again
    jump_factor: int = 3
    jump_least: int = 1_000
    jump_days: int = 7


_BOUNDS = {
    "least_followers": (0, 10**9), "least_age": (18, 99), "pilot_below": (0, 10**9), "pilot_days": (1, 365),
    "pilot_products": (1, 10_000), "pilot_new_a_day": (1, 10_000), "recheck_days": (1, 365), "jump_factor": (2, 1_000),
    "jump_least": (1, 10**9), "jump_days": (1, 90),
}  # fmt: skip


class Policy(msgspec.Struct, frozen=True):
    """A version of it."""

    id: str
    version: int
    starts_at: datetime
    numbers: Numbers
    why: str = ""


# The versions that came before anybody could set one here.
BORN_WITH = (
    Policy(
        "elp_1", 1, datetime(2021, 1, 1, tzinfo=UTC), Numbers(least_followers=5_000, pilot_below=0),
        "The programme's first threshold.",
    ),
    Policy(
        "elp_2", 2, datetime(2024, 5, 1, tzinfo=UTC), Numbers(),
        "Open to smaller creators, with a pilot period under 5,000 followers.",
    ),
)  # fmt: skip


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of somebody at the moment of the decision."""

    born_on: date | None
    counts: Sequence[tuple[datetime, int]]  # every count of all followers, oldest first
    country_off: bool = False
    accepted_at: datetime | None = None  # first, which is when the pilot period begins


class Judged(msgspec.Struct, frozen=True):
    """What the policy says. `reason` "" when accepted; `believed` is the count that it goes by."""

    outcome: Outcome
    reason: str
    policy: Policy
    followers: int
    believed: int
    flags: tuple[str, ...] = ()
    pilot_until: datetime | None = None


def judge(policy: Policy, facts: Facts, moment: datetime) -> Judged:
    """What a policy says about somebody at `moment`. Pure."""
    said, believed = count(facts.counts, policy.numbers, moment)
    flags = (JUMPED,) if believed != said else ()
    reason = _reason(policy.numbers, facts, said, believed, moment)
    outcome: Outcome = ACCEPTED if not reason else HELD if reason == JUMPED else REFUSED
    pilot = None
    if outcome == ACCEPTED and believed < policy.numbers.pilot_below:
        ends = (facts.accepted_at or moment) + timedelta(days=policy.numbers.pilot_days)
        pilot = ends if ends > moment else None
    return Judged(outcome, reason, policy, said, believed, flags, pilot)


def _reason(numbers: Numbers, facts: Facts, said: int, believed: int, moment: datetime) -> str:
    if facts.born_on is None:
        return AGE_UNKNOWN
    if age(facts.born_on, moment.date()) < numbers.least_age:
        return UNDER_AGE
    if facts.country_off:
        return COUNTRY
    if believed >= numbers.least_followers:
        return ""
    return JUMPED if said >= numbers.least_followers else FEW


def count(counts: Sequence[tuple[datetime, int]], numbers: Numbers, moment: datetime) -> tuple[int, int]:
    """(as said, as believed) at `moment`. `counts`: oldest first.

    The first count that anybody says is believed: there is nothing to hold it against (0 says nothing). A later one
    jumps where it is far above every count that stood for a week; then the last one that doesn't is believed, until
    the jump itself has stood so long. A fall is believed at once, and nothing that was believed is doubted later.
    """
    known = [(at, number) for at, number in counts if at <= moment]
    if not known:
        return 0, 0
    week = timedelta(days=numbers.jump_days)
    ends = [at for at, _ in known[1:]] + [moment]
    base = max([known[0][1], *(number for (at, number), end in zip(known, ends, strict=True) if end - at >= week)])

    def jumps(number: int) -> bool:
        return base > 0 and number >= base * numbers.jump_factor and number - base >= numbers.jump_least

    return known[-1][1], next(number for _, number in reversed(known) if not jumps(number))


def age(born_on: date, day: date) -> int:
    """Whole years on that day; somebody born on 29 February is a year older on 1 March."""
    return day.year - born_on.year - ((day.month, day.day) < (born_on.month, born_on.day))


def every(session: Session) -> list[Policy]:
    """All versions, oldest first."""
    rows = session.scalars(sa.select(EligibilityPolicyRow).order_by(EligibilityPolicyRow.version))
    return [
        *BORN_WITH,
        *(Policy(row.id, row.version, row.starts_at, msgspec.convert(row.numbers, Numbers), row.why) for row in rows),
    ]


def at(session: Session, moment: datetime) -> Policy:
    """The version that stood at `moment`; before there was any, the first."""
    return standing(every(session), moment)


def standing(versions: Sequence[Policy], moment: datetime) -> Policy:
    return next((each for each in reversed(versions) if each.starts_at <= moment), versions[0])


def change(
    session: Session, numbers: Mapping[str, Any], *, why: str, by: str, starts_at: datetime | None = None,
    now: datetime | None = None,
) -> Policy:  # fmt: skip
    """A new version from `starts_at` on (default: now); numbers that aren't named stay as the newest version has them.

    Errors: InputRefused for a name that isn't one, a number out of its bounds, no reason, nothing that changes, or a
    start that has passed or isn't after the newest version's.
    """
    now = now or clock.now()
    starts, why = starts_at or now, why.strip()
    newest = every(session)[-1]
    checked = {name: within(_BOUNDS, name, value) for name, value in numbers.items()}
    made = msgspec.structs.replace(newest.numbers, **checked)
    if made == newest.numbers:
        raise InputRefused("numbers", "stand so already.", "Name what shall change.")
    version = next_version(newest.version, newest.starts_at, starts, why, now=now)
    row = EligibilityPolicyRow(
        id=new_id("elp"), version=version, starts_at=starts, numbers=msgspec.to_builtins(made), why=why,
        recorded_at=clock.wall(), recorded_by=by,
    )  # fmt: skip
    session.add(row)
    changed: dict[str, Any] = {name: str(value) for name, value in numbers.items()}
    audit.record(session, by, "eligibility.change", row.id, starts_at=starts.isoformat(), why=why, **changed)
    session.flush()
    return Policy(row.id, version, starts, made, why)
