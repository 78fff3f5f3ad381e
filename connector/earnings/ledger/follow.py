"""Following what was booked, behind the seals: a shop's chain has no gaps and never changes before its end.

Whoever keeps the last position that it read misses no entry and reads none twice, and costs the writers nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.earnings.ledger.queries import EARNING
from connector.earnings.ledger.tables import ChainHead, Entry, Posting, Seal

# What is owed beside orders and cleared at once. (A bonus is told when it clears.)
BESIDE = ("flat_fee", "reimbursement")


@dataclass(frozen=True, slots=True)
class Booked:
    """A sealed entry that changed what a creator earned, beside orders too, or cleared it.

    `amount`: minor units, below zero for less.
    """

    entry_id: str
    kind: str
    order_id: str | None
    line_ref: str | None
    creator_id: str | None
    content_id: str | None
    currency: str
    amount: int
    reason: str
    occurred_at: datetime


def heads(session: Session) -> dict[str, int]:
    """shop → the last sealed position."""
    return {row.shop_id: row.position for row in session.scalars(sa.select(ChainHead))}


def after(session: Session, shop_id: str, position: int, limit: int) -> tuple[int, Sequence[Booked]]:
    """The next `limit` links of a shop's chain: the position reached, and what earned or cleared on the way."""
    reached = session.scalar(
        sa.select(sa.func.max(Seal.position)).where(
            Seal.shop_id == shop_id, Seal.position > position, Seal.position <= position + limit
        )
    )
    if reached is None:
        return position, ()
    amount = sa.func.sum(
        sa.case(
            (sa.and_(Entry.kind == "clearance", Posting.account == "creator_cleared"), -Posting.amount),
            (sa.and_(Entry.kind != "clearance", Posting.account == "merchant_receivable"), Posting.amount),
            else_=0,
        )
    )
    columns = (
        Entry.id, Entry.kind, Entry.order_id, Entry.line_ref, Entry.creator_id, Entry.content_id, Entry.currency,
    )  # fmt: skip
    rows = session.execute(
        sa.select(*columns, amount, Entry.reason, Entry.occurred_at)
        .join(Seal, Seal.entry_id == Entry.id)
        .join(Posting, Posting.entry_id == Entry.id)
        .where(Seal.shop_id == shop_id, Seal.position > position, Seal.position <= reached)
        .where(Entry.kind.in_((*EARNING, *BESIDE, "clearance")))
        .group_by(*columns, Entry.reason, Entry.occurred_at, Seal.position)
        .order_by(Seal.position)
    )
    # A sum is a Decimal on PostgreSQL.
    return reached, [
        Booked(entry, kind, order, line, creator, content, currency, int(total), reason, at)
        for entry, kind, order, line, creator, content, currency, total, reason, at in rows
    ]
