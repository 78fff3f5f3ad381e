"""A creator or a shop is erased: addresses and words go; that there were samples, and how they ended, stays."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.programme.collaborations.messages import ERASED
from connector.programme.samples.tables import Sample, SampleAppeal


def addresses(session: Session, creator_id: str) -> int:
    """How many addresses of the creator are kept."""
    kept = sa.and_(Sample.creator_id == creator_id, Sample.recipient_sealed.is_not(None))
    return session.scalar(sa.select(sa.func.count()).select_from(Sample).where(kept)) or 0


def forget(session: Session, creator_id: str, handle: str, pseudonym: str) -> None:
    """Drop addresses and the creator's words, and put `pseudonym` where others wrote the handle."""
    for row in session.scalars(sa.select(Sample).where(Sample.creator_id == creator_id)):
        row.recipient_sealed, row.recipient_country, row.forget_at = None, "", None
        row.carrier, row.tracking = "", ""  # a carrier tells by it where a parcel went
        row.note = ERASED if row.note else ""
        row.words = row.words.replace(f"@{handle}", pseudonym)
        row.problem_words = ""
    whose = sa.select(Sample.id).where(Sample.creator_id == creator_id)
    for appeal in session.scalars(sa.select(SampleAppeal).where(SampleAppeal.sample_id.in_(whose))):
        appeal.words = ERASED
        appeal.note = appeal.note.replace(f"@{handle}", pseudonym)
    session.flush()


def forget_shop(session: Session, shop_id: str) -> None:
    """What the shop wrote goes, its store's words with it, and where parcels went that it can't send any more."""
    theirs = sa.update(Sample).where(Sample.shop_id == shop_id)
    gone = {"recipient_sealed": None, "recipient_country": "", "forget_at": None, "problem_words": "", "tracking": ""}
    quiet = {"synchronize_session": False}
    session.execute(theirs.values(gone).execution_options(**quiet))
    session.execute(theirs.where(Sample.words != "").values(words=ERASED).execution_options(**quiet))
