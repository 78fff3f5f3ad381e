"""A creator, or a shop, is erased: what they wrote goes, and a creator's name out of what others wrote. Rates, dates
and who accepted stay, as does the hash of each agreement's text as both accepted it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.programme.collaborations.messages import ERASED
from connector.programme.collaborations.tables import (
    Agreement,
    ContentApproval,
    Message,
    MessageReport,
    Negotiation,
    Offer,
    OfferBatchRow,
)


def forget(session: Session, creator_id: str, handle: str, pseudonym: str) -> None:
    """Put `pseudonym` where the handle stood, before the handle is taken from the creator's own row."""
    ids = sa.select(Negotiation.id).where(Negotiation.creator_id == creator_id)
    notes = []
    for offer in session.scalars(sa.select(Offer).where(Offer.negotiation_id.in_(ids))):
        if offer.side == "creator" and offer.note:
            notes.append(offer.note)
            offer.note = ERASED
        else:
            offer.note = _without(offer.note, handle, pseudonym)
    for agreement in session.scalars(sa.select(Agreement).where(Agreement.negotiation_id.in_(ids))):
        text = agreement.text
        for note in notes:
            text = text.replace(f"\n{note}\n", f"\n{ERASED}\n")
        agreement.text = _without(text, handle, pseudonym)
    for message in session.scalars(sa.select(Message).where(Message.negotiation_id.in_(ids))):
        message.text = ERASED if message.side == "creator" else _without(message.text, handle, pseudonym)
    theirs = sa.select(ContentApproval).where(ContentApproval.negotiation_id.in_(ids))
    # As they stand: one that is being approved at this moment is read once it is, with its fee.
    for handed in session.scalars(theirs.with_for_update().execution_options(populate_existing=True)):
        handed.appeal = ERASED if handed.appeal_side == "creator" else _without(handed.appeal, handle, pseudonym)
        handed.reason = _without(handed.reason, handle, pseudonym)
        if handed.state in ("waiting", "appealed"):  # nobody could be paid for it afterwards
            handed.state = "withdrawn"
        handed.note = _without(handed.note, handle, pseudonym)
    for report in session.scalars(sa.select(MessageReport).where(MessageReport.negotiation_id.in_(ids))):
        report.words = ERASED if report.side == "creator" else _without(report.words, handle, pseudonym)
        report.note = _without(report.note, handle, pseudonym)
    said = sa.func.lower(OfferBatchRow.said).in_([handle, f"@{handle}"])
    session.execute(
        sa.update(OfferBatchRow)
        .where(sa.or_(said, OfferBatchRow.negotiation_id.in_(ids)))
        .values(said=pseudonym)
        .execution_options(synchronize_session=False)
    )
    session.flush()


def forget_shop(session: Session, shop_id: str) -> None:
    """A shop is erased: what it wrote to creators goes, out of agreements' texts too; what they wrote stays theirs."""
    ids = sa.select(Negotiation.id).where(Negotiation.shop_id == shop_id)
    noted = sa.select(Offer).where(Offer.negotiation_id.in_(ids), Offer.side == "merchant", Offer.note != "")
    notes: dict[str, list[str]] = {}
    for offer in session.scalars(noted):
        notes.setdefault(offer.negotiation_id, []).append(offer.note)
        offer.note = ERASED
    for agreement in session.scalars(sa.select(Agreement).where(Agreement.negotiation_id.in_(ids))):
        for note in notes.get(agreement.negotiation_id, ()):
            agreement.text = agreement.text.replace(f"\n{note}\n", f"\n{ERASED}\n")
    session.flush()
    for table, column, side in (
        (Message, "text", Message.side), (MessageReport, "words", MessageReport.side),
        (ContentApproval, "appeal", ContentApproval.appeal_side),
    ):  # fmt: skip
        theirs = sa.update(table).where(table.negotiation_id.in_(ids), side == "merchant")
        session.execute(theirs.values({column: ERASED}).execution_options(synchronize_session=False))
    session.execute(
        sa.update(ContentApproval)
        .where(ContentApproval.negotiation_id.in_(ids), ContentApproval.reason != "")
        .values(reason=ERASED)
        .execution_options(synchronize_session=False)
    )


def _without(text: str, handle: str, pseudonym: str) -> str:
    return text.replace(f"@{handle}", pseudonym)
