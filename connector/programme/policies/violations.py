"""Breaches of the rules by a creator or a shop: recorded with a reason, open to an appeal, and over at an end.

A breach counts strikes until it is lifted or its end comes. What follows from strikes is a person's act: money is
frozen by `earnings/commission/freezes`, a creator's status changed by `creators`; `due` says when it is time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock, notices
from connector.db import new_id
from connector.errors import Conflict, InputRefused, NotFound
from connector.programme.policies import rules, screening
from connector.programme.policies.rules_tables import Violation

APPEAL = timedelta(days=14)
COUNTS = timedelta(days=180)
MOST_STRIKES = 3  # of one breach, and as many in all make a freeze due


def record(session: Session, subject: str, subject_id: str, rule: str, *, strikes: int, why: str, by: str) -> Violation:
    """Errors: InputRefused("subject" | "rule" | "strikes" | "why")."""
    if subject not in ("creator", "shop"):
        raise InputRefused("subject", "is neither creator nor shop.")
    now, why = clock.now(), why.strip()
    version = screening.now_in_force(session, now)
    if rule not in {each.code for each in rules.breakable(version)}:
        raise InputRefused("rule", f"{rule[:40]!r} isn't a rule that is in force.")
    if not 0 <= strikes <= MOST_STRIKES:
        raise InputRefused("strikes", f"isn't between 0 and {MOST_STRIKES}.", "0 is a warning.")
    if not 10 <= len(why) <= 1000:
        raise InputRefused("why", "is shorter than 10 characters, or longer than 1000.", "They read it.")
    row = Violation(
        id=new_id("vio"), subject=subject, subject_id=subject_id, rule=rule, version=version.version, strikes=strikes,
        why=why, at=now, recorded_by=by, appeal_until=now + APPEAL, ends_at=now + COUNTS, appeal="", appealed_at=None,
        decision="", decided_at=None, decided_by="", note="",
    )  # fmt: skip
    session.add(row)
    notices.say(
        session, "violation.recorded", **_whom(row), violation_id=row.id, rule=rule, why=why, strikes=strikes,
        appeal_until=row.appeal_until.isoformat(), ends_at=row.ends_at.isoformat(),
    )  # fmt: skip
    audit.record(session, by, "violation.record", subject_id, shop_id=_shop(row), rule=rule, strikes=strikes, why=why)
    session.flush()
    return row


def appeal(session: Session, subject_id: str, violation_id: str, words: str, by: str) -> Violation:
    """Errors: NotFound for another's; InputRefused("words"); Conflict once its time is over or it was said."""
    words = words.strip()
    row = get(session, violation_id)
    if row.subject_id != subject_id:
        raise NotFound("no such breach of theirs")
    if not 10 <= len(words) <= 2000:
        raise InputRefused("words", "are fewer than 10 characters, or more than 2000.")
    if row.appealed_at is not None or row.decided_at is not None:
        raise Conflict("it was appealed or decided already")
    if clock.now() >= row.appeal_until:
        raise Conflict("the time to appeal is over")
    row.appeal, row.appealed_at = words, clock.now()
    audit.record(session, by, "violation.appeal", row.subject_id, shop_id=_shop(row), violation=row.id)
    session.flush()
    return row


def decide(session: Session, violation_id: str, *, lift: bool, note: str, by: str) -> Violation:
    """Lift it, appealed or not, or uphold it. Errors: InputRefused("note"); Conflict when it was decided."""
    note = note.strip()
    if not 5 <= len(note) <= 1000:
        raise InputRefused("note", "is shorter than 5 characters, or longer than 1000.", "They read it.")
    row = get(session, violation_id)
    if row.decided_at is not None:
        raise Conflict("it was decided already")
    row.decision, row.decided_at, row.decided_by, row.note = ("lifted" if lift else "upheld"), clock.now(), by, note
    if lift:
        notices.say(session, "violation.ended", **_whom(row), violation_id=row.id, how="lifted", why=note)
    audit.record(
        session, by, "violation.decide", row.subject_id, shop_id=_shop(row), violation=row.id, decision=row.decision,
        why=note,
    )  # fmt: skip
    session.flush()
    return row


def counts(row: Violation, now: datetime) -> bool:
    """Does it still count?"""
    return row.decision != "lifted" and now < row.ends_at


def strikes(rows: Sequence[Violation], now: datetime) -> int:
    return sum(row.strikes for row in rows if counts(row, now))


def due(rows: Sequence[Violation], now: datetime) -> bool:
    """Is it time that a person freezes or suspends?"""
    return strikes(rows, now) >= MOST_STRIKES


def of(session: Session, subject_id: str) -> Sequence[Violation]:
    """The newest first."""
    return session.scalars(
        sa.select(Violation)
        .where(Violation.subject_id == subject_id)
        .order_by(Violation.at.desc(), Violation.id.desc())
    ).all()


def appeals(session: Session, limit: int = 200) -> Sequence[Violation]:
    """What waits for support, the oldest first."""
    waiting = (Violation.appealed_at.is_not(None), Violation.decided_at.is_(None))
    return session.scalars(
        sa.select(Violation).where(*waiting).order_by(Violation.appealed_at, Violation.id).limit(limit)
    ).all()


def get(session: Session, violation_id: str) -> Violation:
    """Locked. Errors: NotFound."""
    row = session.scalars(sa.select(Violation).where(Violation.id == violation_id).with_for_update()).first()
    if row is None:
        raise NotFound(f"no violation {violation_id[:40]!r}")
    return row


def forget_words(session: Session, subject_id: str) -> int:
    """Drop what somebody wrote against their breaches, and what was written to them: they are erased. How many."""
    done = session.connection().execute(
        sa.update(Violation).where(Violation.subject_id == subject_id).values(why="", appeal="", note="")
    )
    return done.rowcount


def _whom(row: Violation) -> dict[str, Any]:
    return {"creator_id": row.subject_id} if row.subject == "creator" else {"shop_id": row.subject_id}


def _shop(row: Violation) -> str | None:
    return row.subject_id if row.subject == "shop" else None
