"""What an agreement promises becomes a sample that waits for the creator's address: one a negotiation.

The agreement is concluded in a lower room, which starts this by name, in its own transaction. A change of the agreement
that promises one again gives no second one while the first stands or has come to its end; one that takes the promise
back ends what was not taken up.

An agreement that still counts, promises one and never had any (it was accepted before there were samples, or its job
was lost) gets it in a round of the worker: both sides read "the shop sends one" in its text.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from connector import clock, db, jobs
from connector.db import Scope
from connector.operations.sampling import acts
from connector.programme.collaborations.agreements import SAMPLE_JOB
from connector.programme.collaborations.tables import Agreement, Negotiation, Offer
from connector.programme.creators import queries as creators
from connector.programme.creators.tables import Creator
from connector.programme.samples import moves, policy, steps
from connector.programme.samples.tables import Sample

# The agreement's own job makes it meanwhile.
SOON = timedelta(minutes=10)


@jobs.workflow(SAMPLE_JOB)
def job(shop_id: str, agreement_id: str) -> str:
    """The job: the id of the sample that was made; "" where none was."""
    with db.write(Scope.shop(shop_id)) as session:
        return keep_promise(session, agreement_id)


def keep_promise(session: Session, agreement_id: str) -> str:
    """Make the sample that an agreement promises, or end the one that it doesn't promise any more. A repeat does
    nothing. Errors: NotFound never: an agreement isn't deleted."""
    agreement = session.get_one(Agreement, agreement_id)
    row = session.get_one(Negotiation, agreement.negotiation_id, with_for_update=True)
    offer = session.get_one(Offer, agreement.offer_id)
    standing = _of_negotiation(session, row.id)
    now = clock.now()
    if agreement.version < row.agreed:
        return ""  # a later version speaks for both
    if not offer.sample:
        for sample in standing:
            if sample.state == "granted":
                held = steps.locked(session, sample.id)
                stands = moves.cancel(steps.standing(held), now)
                steps.take(
                    session, held, stands, "cancel", side="rule", by=f"agreement:{agreement.id}", now=now,
                    reason="not_promised_any_more",
                )  # fmt: skip
        return ""
    for sample in standing:
        if sample.state == "granted" and sample.agreement_id != agreement.id:
            # Not chosen yet: it waits as long as the newest version counts, and is about its products.
            held = steps.locked(session, sample.id)
            held.agreement_id = agreement.id
            steps.take(
                session, held, moves.grant(agreement.ends_at), "grant", side="rule", by=f"agreement:{agreement.id}",
                now=now, agreement_id=agreement.id, negotiation_id=row.id,
            )  # fmt: skip
    if any(sample.state in moves.HOLDING or sample.state == "missed" for sample in standing):
        return ""
    if agreement.ends_at <= now or creators.get(session, row.creator_id).erased_at is not None:
        return ""
    made = acts.new(row.shop_id, row.creator_id, "free", policy.at(session, now).version, now=now)
    made.agreement_id = agreement.id
    session.add(made)
    session.flush()
    steps.take(
        session, made, moves.grant(agreement.ends_at), "grant", side="rule", by=f"agreement:{agreement.id}", now=now,
        agreement_id=agreement.id, negotiation_id=row.id,
    )  # fmt: skip
    return made.id


def keep_owed(now: datetime, limit: int = 500) -> int:
    """Make the samples that agreements in force promise and that were never made; how many. A repeat makes none."""
    versions = aliased(Agreement)
    had = sa.exists().where(Sample.agreement_id == versions.id, versions.negotiation_id == Agreement.negotiation_id)
    owed = (
        sa.select(Agreement.id, Negotiation.shop_id)
        .join(Negotiation, sa.and_(Negotiation.id == Agreement.negotiation_id, Negotiation.agreed == Agreement.version))
        .join(Offer, Offer.id == Agreement.offer_id)
        .join(Creator, Creator.id == Negotiation.creator_id)
        .where(Offer.sample, Agreement.ends_at > now, Agreement.accepted_at < now - SOON, Creator.erased_at.is_(None))
        .where(sa.not_(had))
        .order_by(Agreement.id)
        .limit(limit)
    )
    with db.read(Scope.system("samples that agreements of all shops promise")) as session:
        rows = session.execute(owed).all()
    made = 0
    for agreement_id, shop_id in rows:
        with db.write(Scope.shop(shop_id)) as session:
            made += bool(keep_promise(session, agreement_id))
    return made


def _of_negotiation(session: Session, negotiation_id: str) -> list[Sample]:
    """The samples of all versions of a negotiation's agreement."""
    versions = sa.select(Agreement.id).where(Agreement.negotiation_id == negotiation_id)
    return list(session.scalars(sa.select(Sample).where(Sample.agreement_id.in_(versions)).order_by(Sample.id)))
