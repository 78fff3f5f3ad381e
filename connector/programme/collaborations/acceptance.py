"""Rules by which a creator's offer is accepted without a person: "up to 15 % for creators over 50,000 followers".

A rule counts from its start to its end and is never edited: another one takes its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock
from connector.commerce.shops import settings
from connector.db import new_id
from connector.errors import Conflict, InputRefused, NotFound
from connector.programme.collaborations import terms
from connector.programme.collaborations.proposals import LONGEST_TERM, Proposal
from connector.programme.collaborations.tables import AcceptanceRule
from connector.programme.creators import followers

MOST_RULES = 20  # of a shop, that count or will


def add(
    session: Session, shop_id: str, most_bp: int, *, least_followers: int, most_days: int = 90, sample: bool = False,
    most_fee: int = 0, starts_at: datetime | None = None, ends_at: datetime | None = None, by: str,
    now: datetime | None = None,
) -> AcceptanceRule:  # fmt: skip
    """Accept from `starts_at` on. Asked for again while it stands, the standing one is given back.

    Errors: InputRefused by field; Conflict where the shop has MOST_RULES.
    """
    now = now or clock.now()
    terms.checked_bp("most_bp", most_bp)
    if not 0 <= least_followers <= followers.MOST:
        raise InputRefused("least_followers", "isn't a number of people.", "Send a whole number from 0 on.")
    if not 1 <= most_days <= LONGEST_TERM.days:
        raise InputRefused("most_days", "is no length of an agreement.", f"Send days from 1 to {LONGEST_TERM.days}.")
    if not 0 <= most_fee <= settings.whole(session, shop_id, "most_flat_fee", now):
        raise InputRefused("most_fee", "is no fee that an offer may have.", "Give less, or 0: none.")
    if starts_at is not None and starts_at < now:
        raise InputRefused("starts_at", "has passed.", "A rule is never backdated: give a time from now on.")
    if ends_at is not None and ends_at <= (starts_at or now):
        raise InputRefused("ends_at", "isn't after the start.", "Give a later time, or none.")
    living = [rule for rule in of_shop(session, shop_id) if rule.ends_at is None or rule.ends_at > now]
    for rule in living:
        same = (rule.most_bp, rule.least_followers, rule.most_days, rule.sample, rule.most_fee, rule.ends_at)
        if same == (most_bp, least_followers, most_days, sample, most_fee, ends_at) and rule.starts_at <= (
            starts_at or now
        ):
            return rule
    if len(living) >= MOST_RULES:
        raise Conflict(f"shop {shop_id} has {MOST_RULES} rules", public=f"You have {MOST_RULES} rules. End one first.")
    made = AcceptanceRule(
        id=new_id("arl"), shop_id=shop_id, most_bp=most_bp, least_followers=least_followers, most_days=most_days,
        sample=sample, most_fee=most_fee, starts_at=starts_at or now, ends_at=ends_at, recorded_at=now, recorded_by=by,
    )  # fmt: skip
    session.add(made)
    audit.record(
        session, by, "acceptance_rule.add", made.id, shop_id=shop_id, most_bp=most_bp, least_followers=least_followers,
        most_fee=most_fee,
    )  # fmt: skip
    session.flush()
    return made


def end(session: Session, rule_id: str, *, shop_id: str | None, by: str, now: datetime | None = None) -> AcceptanceRule:
    """Accept nothing by it from now on. One that has ended stays as it is.

    Errors: NotFound, another shop's included.
    """
    now = now or clock.now()
    rule = session.get(AcceptanceRule, rule_id, with_for_update=True)
    if rule is None or (shop_id is not None and rule.shop_id != shop_id):
        raise NotFound(f"no rule has the id {rule_id[:40]!r}")
    if rule.ends_at is None or rule.ends_at > now:
        rule.ends_at = now
        audit.record(session, by, "acceptance_rule.end", rule.id, shop_id=rule.shop_id)
        session.flush()
    return rule


def of_shop(session: Session, shop_id: str) -> Sequence[AcceptanceRule]:
    """Every rule that a shop ever had, newest first."""
    asked = sa.select(AcceptanceRule).where(AcceptanceRule.shop_id == shop_id)
    return session.scalars(asked.order_by(AcceptanceRule.id.desc())).all()


def match(
    session: Session, shop_id: str, creator_id: str, given: Proposal, now: datetime
) -> AcceptanceRule | None:  # fmt: skip
    """The rule by which a creator's offer is accepted; None: a person answers."""
    rules = [rule for rule in of_shop(session, shop_id) if _counts(rule, now)]
    if not rules:
        return None
    count = followers.count_at(session, creator_id, now)
    return next((rule for rule in rules if takes(rule, given, count, now)), None)


def takes(rule: AcceptanceRule, given: Proposal, count: int, now: datetime) -> bool:
    """Does the rule take this offer of a creator with `count` followers? Pure."""
    return (
        given.rate_bp <= rule.most_bp
        and count >= rule.least_followers
        and given.ends_at - max(given.starts_at or now, now) <= timedelta(days=rule.most_days)
        and (rule.sample or not given.sample)
        and given.flat_fee <= rule.most_fee
    )


def _counts(rule: AcceptanceRule, now: datetime) -> bool:
    return rule.starts_at <= now and (rule.ends_at is None or now < rule.ends_at)
