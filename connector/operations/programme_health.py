"""How the creator programme stands as a whole: appeals that wait, samples that are stuck, and how far the rounds behind
are: the screening of products, the telling of events. Each is a short look at an index of what waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock
from connector.commerce.catalog.tables import Listing
from connector.notices import Notice
from connector.operations.sampling import stuck
from connector.operations.sampling.stuck import Why
from connector.operations.telling import gather
from connector.programme.creators.tables import Creator
from connector.programme.policies import screening, violations

MOST = 1000  # of one kind no more are counted


@dataclass(frozen=True, slots=True)
class Behind:
    """Work of a round that waits, and since when the oldest of it (wall time)."""

    waiting: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Health:
    appeals: dict[str, int]  # rules | breaches | samples → waiting for support
    stuck: dict[Why, int]
    held: int  # creators whose count isn't believed yet
    screening: Behind  # products that the rules haven't seen as they are
    telling: Behind  # notices of which no event was made; nothing where nobody listens


def read(session: Session) -> Health:
    now = clock.now()
    return Health(
        appeals={
            "rules": len(screening.appeals(session)), "breaches": len(violations.appeals(session)),
            "samples": stuck.appeals(session),
        },
        stuck=stuck.count(session, now, MOST), held=_held(session), screening=_screening(session),
        telling=_telling(session),
    )  # fmt: skip


def _held(session: Session) -> int:
    some = sa.select(Creator.id).where(Creator.eligibility == "held").limit(MOST)
    return session.scalar(sa.select(sa.func.count()).select_from(some.subquery())) or 0


def _screening(session: Session) -> Behind:
    waits = (Listing.screened != Listing.content_hash, Listing.gone_at.is_(None))
    some = sa.select(Listing.updated_at).where(*waits).order_by(Listing.id).limit(MOST).subquery()
    number, since = session.execute(sa.select(sa.func.count(), sa.func.min(some.c.updated_at))).one()
    # Another version of the rules has all of the list screened anew: what waits for it waits since then.
    began = screening.now_in_force(session, clock.now()).starts_at
    return Behind(int(number), max(since, began) if since is not None else None)


def _telling(session: Session) -> Behind:
    if not gather.endpoints(session):
        return Behind(0, None)
    some = sa.select(Notice.at).where(Notice.untold.is_(True)).order_by(Notice.id).limit(MOST).subquery()
    number, since = session.execute(sa.select(sa.func.count(), sa.func.min(some.c.at))).one()
    return Behind(int(number), since)
