"""Flat fees and reimbursed samples, worked out from what they rest on: agreements and answers, samples and orders.

A flat fee is what its agreement says, once for all versions, where content stands as approved. A reimbursement is what
the order of a fulfilled sample gives back as it stands; what isn't known of it is taken as it was last worked out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock
from connector.earnings.commission import fees
from connector.earnings.ledger.tables import BESIDE, Entry, Posting
from connector.operations.sampling import paying
from connector.programme.collaborations import approving
from connector.programme.collaborations.tables import Agreement, ContentApproval, Offer
from connector.programme.samples.tables import Sample

# subject, currency, creator, content; no zeros
Key = tuple[str, str, str, str | None]


@dataclass(frozen=True, slots=True)
class Found:
    """What one of them comes to. `unknown`: it isn't derived but taken as it is kept."""

    shop_id: str
    key: Key
    amount: int
    unknown: bool = False


def owed(session: Session, shop_id: str | None = None) -> Iterator[Found]:
    """What is due by the facts, of one shop or of all."""
    yield from _flat_fees(session, shop_id)
    yield from _reimbursements(session, shop_id)


def _flat_fees(session: Session, shop_id: str | None) -> Iterator[Found]:
    query = (
        sa.select(
            ContentApproval.shop_id, ContentApproval.negotiation_id, ContentApproval.creator_id,
            ContentApproval.content_id, Offer.flat_fee, Offer.fee_currency,
        )
        .join(Agreement, Agreement.id == ContentApproval.agreement_id)
        .join(Offer, Offer.id == Agreement.offer_id)
        .where(ContentApproval.state.in_(approving.OWED))
        .order_by(ContentApproval.id)
    )  # fmt: skip
    if shop_id is not None:
        query = query.where(ContentApproval.shop_id == shop_id)
    for shop, negotiation_id, creator_id, content_id, amount, currency in session.execute(query):
        yield Found(shop, (fees.flat_fee(negotiation_id), currency, creator_id, content_id), int(amount))


def _reimbursements(session: Session, shop_id: str | None) -> Iterator[Found]:
    query = sa.select(Sample).where(
        Sample.kind == "refundable", sa.or_(Sample.state == "fulfilled", Sample.paid_back.is_not(None))
    )
    if shop_id is not None:
        query = query.where(Sample.shop_id == shop_id)
    now = clock.now()
    for row in session.scalars(query.order_by(Sample.id)):
        due = paying.owed(session, row, now)
        amount = row.paid_back or 0 if due is None else due
        if amount:
            key = (fees.reimbursement(row.id), row.currency, row.creator_id, None)
            yield Found(row.shop_id, key, amount, unknown=due is None)


def booked(session: Session, shop_id: str | None = None) -> Mapping[str, dict[Key, int]]:
    """What the ledger has of them: shop → {key: amount}."""
    key = (Entry.shop_id, Entry.subject, Entry.currency, Entry.creator_id, Entry.content_id)
    total = sa.func.sum(Posting.amount)
    query = (
        sa.select(*key, total)
        .join(Posting, Posting.entry_id == Entry.id)
        .where(BESIDE, Entry.kind.in_(tuple(fees.KINDS.values())), Posting.account == "merchant_receivable")
        .group_by(*key)
        .having(total != 0)
    )
    if shop_id is not None:
        query = query.where(Entry.shop_id == shop_id)
    found: dict[str, dict[Key, int]] = {}
    for shop, subject, currency, creator_id, content_id, amount in session.execute(query):
        found.setdefault(shop, {})[subject, currency, str(creator_id), content_id] = int(amount)
    return found


def kept(session: Session, shop_id: str | None = None) -> Mapping[str, int]:
    """Subject of a sample → what its row says was paid back: what a later round still books shows by the difference. Of
    one that had nothing to come back yet (its order waited for its payment), 0."""
    refundable = sa.and_(Sample.kind == "refundable", Sample.state == "fulfilled")
    query = sa.select(Sample.id, Sample.paid_back).where(sa.or_(refundable, Sample.paid_back.is_not(None)))
    if shop_id is not None:
        query = query.where(Sample.shop_id == shop_id)
    return {fees.reimbursement(sample_id): int(amount or 0) for sample_id, amount in session.execute(query)}
