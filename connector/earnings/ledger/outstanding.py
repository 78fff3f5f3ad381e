"""What stands on a creator account and waits to be moved on: cleared money by order line, settled money by creator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.earnings.ledger.tables import Entry, Posting


@dataclass(frozen=True, slots=True)
class Unsettled:
    """Cleared and not in a statement yet, of one order line for one creator and content."""

    creator_id: str
    order_id: str
    line_ref: str
    content_id: str | None
    amount: int  # minor units; positive: owed; negative: an earlier statement gave too much


def currencies(session: Session, shop_id: str) -> list[str]:
    """Currencies in which a shop's creators ever had cleared money."""
    query = sa.select(Posting.currency).where(Posting.shop_id == shop_id, Posting.account == "creator_cleared")
    return sorted(session.execute(query.distinct()).scalars())


def cleared(
    session: Session, shop_id: str, currency: str, *, cleared_before: datetime, until: datetime
) -> list[Unsettled]:
    """Balances of lines that first cleared before `cleared_before`, summed over what occurred up to `until`; no zeros.

    A line belongs to the month in which it cleared; what it gained or lost since, up to `until`, comes with it. So a
    decrease after an earlier statement is a new negative line here (F6). Ordered by creator, order, line and content.
    """
    owed = sa.func.sum(Posting.amount)
    key = (Posting.creator_id, Entry.order_id, Entry.line_ref, Posting.content_id)
    query = (
        sa.select(*key, owed)
        .join(Entry, Entry.id == Posting.entry_id)
        .where(
            Posting.shop_id == shop_id,
            Posting.currency == currency,
            Posting.account == "creator_cleared",
            Entry.line_ref.is_not(None),
            Entry.occurred_at <= until,
        )
        .group_by(*key)
        .having(owed != 0, sa.func.min(Entry.occurred_at) < cleared_before)
        .order_by(*key)
    )
    return [
        Unsettled(creator or "", order or "", line or "", content, -int(amount))
        for creator, order, line, content, amount in session.execute(query)
    ]


def settled(session: Session, currency: str) -> list[tuple[str, str, int]]:
    """(shop, creator, amount) of every settled balance but zeros, all shops. Positive: owed; negative: carried."""
    owed = sa.func.sum(Posting.amount)
    query = (
        sa.select(Posting.shop_id, Posting.creator_id, owed)
        .where(Posting.currency == currency, Posting.account == "creator_settled")
        .group_by(Posting.shop_id, Posting.creator_id)
        .having(owed != 0)
        .order_by(Posting.creator_id, Posting.shop_id)
    )
    return [(shop, creator or "", -int(amount)) for shop, creator, amount in session.execute(query)]
