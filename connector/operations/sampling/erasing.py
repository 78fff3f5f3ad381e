"""A creator is erased: what isn't sent yet ends, and what is, or may be, placed at a store is called off there."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.operations.sampling import acts
from connector.programme.samples import forgetting, moves, steps
from connector.programme.samples.tables import Sample


def erase(session: Session, creator_id: str, handle: str, pseudonym: str, now: datetime) -> None:
    """End the creator's samples that aren't sent, and forget addresses and words of all of them.

    What is under way runs out by the clock: nobody is left to make content. The address is gone at once; an order at a
    store is called off by its reference. Errors: none.
    """
    ids = session.scalars(
        sa.select(Sample.id)
        .where(Sample.creator_id == creator_id, Sample.state.in_(moves.UNSENT), Sample.ending == "")
        .order_by(Sample.id)
    ).all()
    for sample_id in ids:
        acts.end_unsent(session, steps.locked(session, sample_id), reason="creator_erased", now=now)
    forgetting.forget(session, creator_id, handle, pseudonym)
