"""The account: every page about the creator themselves by the words that people look for, and the profile.

What is known of a creator comes from the app, which vouches for it; here it can be read, with the day that each fact
stands since, and what the programme made of it. What is changed where is said beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from flask import g
from sqlalchemy.orm import Session

from connector import clock
from connector.faces.studio.face import blueprint, reading
from connector.faces.studio.home import begun
from connector.programme.collaborations import promotions
from connector.programme.creators import countries, eligibility, payees, profiles, queries
from connector.programme.creators import networks as network_words
from connector.programme.creators.followers import ALL_TOGETHER
from connector.programme.creators.networks import APP
from connector.programme.creators.tables import CreatorCountry, CreatorEligibility, CreatorFollowers, CreatorHandle
from connector.programme.policies import eligibility as policies
from connector.programme.policies import use_terms, violations
from connector.programme.policies.eligibility import Policy
from connector.web.guards import creator
from connector.web.layout import page
from connector.web.words import paid_to

COUNTS, DECISIONS = 12, 20
DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class OnNetwork:
    """A network that the creator is on: the handle there now, those given up, and how many follow, with since when."""

    network: str
    handles: Sequence[CreatorHandle]
    followers: CreatorFollowers | None

    @property
    def handle(self) -> str:
        return next((each.handle for each in self.handles if each.ends_at is None), "")

    @property
    def earlier(self) -> list[CreatorHandle]:
        return [each for each in self.handles if each.ends_at is not None]


@blueprint.get("/account")
@creator
def account() -> str:
    now = clock.now()
    with reading() as session:
        goes_to = payees.standing(session, g.creator_id, now)
        decision = eligibility.newest(session, g.creator_id)
        strikes = violations.strikes(violations.of(session, g.creator_id), now)
        owed = use_terms.owed(session, "creator", g.creator_id)
    return page(
        "studio/account.html", goes_to=goes_to, paid_to=paid_to, decision=decision, strikes=strikes, owed=owed,
    )  # fmt: skip


@blueprint.get("/profile")
@creator
def profile() -> str:
    now = clock.now()
    with reading() as session:
        row = queries.get(session, g.creator_id)
        decisions = eligibility.history(session, g.creator_id, limit=DECISIONS)
        policy = _policy(session, decisions[0] if decisions else None, now)
        handles = profiles.handles(session, g.creator_id)
        counts = _counts(session, ALL_TOGETHER, COUNTS)
        networks = _networks(session, handles)
        audience = profiles.audience(session, g.creator_id, now)
        where = _country(session)
        off = bool(countries.held_back(session, [g.creator_id], now))
        status = queries.status_history(session, g.creator_id)
        standing, fresh = promotions.counts(session, g.creator_id, since=now - DAY)
        began = begun(session)
    decision = decisions[0] if decisions else None
    pilot = decision.pilot_until if decision and decision.pilot_until and decision.pilot_until > now else None
    jumped = bool(decision and counts and policies.JUMPED in decision.flags)
    return page(
        "studio/profile.html", creator=row, decision=decision, decisions=decisions, policy=policy,
        numbers=policy.numbers, networks=networks, counts=counts, audience=audience,
        counts_from=counts[0].starts_at + timedelta(days=policy.numbers.jump_days) if jumped else None,
        where=where, countries=payees.countries(), off=off, standing_now=next(iter(status), None), standing=standing,
        fresh=fresh, pilot=pilot, began=began, network_title=network_words.title,
        network_address=network_words.address, app=APP,
    )  # fmt: skip


def _policy(session: Session, decision: CreatorEligibility | None, now: datetime) -> Policy:
    """The version by which the decision was made, else the one of now."""
    versions = policies.every(session)
    made_by = next((each for each in versions if decision is not None and each.id == decision.policy_id), None)
    return made_by or policies.standing(versions, now)


def _counts(session: Session, network: str, limit: int) -> Sequence[CreatorFollowers]:
    return session.scalars(
        sa.select(CreatorFollowers)
        .where(CreatorFollowers.creator_id == g.creator_id, CreatorFollowers.network == network)
        .order_by(CreatorFollowers.starts_at.desc(), CreatorFollowers.recorded_at.desc(), CreatorFollowers.id.desc())
        .limit(limit)
    ).all()


def _networks(session: Session, handles: Sequence[CreatorHandle]) -> list[OnNetwork]:
    """The app itself first, the others by name."""
    names = sorted({row.network for row in handles}, key=lambda name: (name != APP, name))
    return [
        OnNetwork(
            name, [row for row in handles if row.network == name],
            next(iter(_counts(session, name, 1)), None),
        )
        for name in names
    ]  # fmt: skip


def _country(session: Session) -> CreatorCountry | None:
    return session.scalars(
        sa.select(CreatorCountry)
        .where(CreatorCountry.creator_id == g.creator_id)
        .order_by(CreatorCountry.starts_at.desc(), CreatorCountry.id.desc())
        .limit(1)
    ).first()
