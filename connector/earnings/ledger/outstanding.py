"""What stands on an account and waits to be moved on, settled or invoiced: cleared money by order line, settled money
by creator, bonuses, opening balances, fees and absorbed losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.earnings.ledger.tables import Entry, Posting


@dataclass(frozen=True, slots=True)
class Unsettled:
    """Cleared and not in a statement yet: of one order line for one creator and content, or of one bonus, flat fee or
    reimbursement."""

    creator_id: str
    order_id: str  # "" where it is about no order
    line_ref: str
    content_id: str | None
    amount: int  # minor units; positive: owed; negative: an earlier statement gave too much
    subject: str = ""  # of what is about no order: its subject in the ledger
    again: bool = False  # an earlier statement had it already: a correction


def currencies(session: Session, shop_id: str) -> list[str]:
    """Currencies in which anything was ever owed at a shop; one that only a payout was converted to is none."""
    nobodys = Posting.account.in_(("bank", "fx", "exchange_difference"))
    query = sa.select(Posting.currency).where(Posting.shop_id == shop_id, ~nobodys)
    return sorted(session.execute(query.distinct()).scalars())


def cleared(
    session: Session, shop_id: str, currency: str, *, cleared_before: datetime, until: datetime
) -> list[Unsettled]:
    """Balances of lines that first cleared before `cleared_before`, summed over what occurred up to `until`; no zeros.

    A line belongs to the period in which it cleared; what it gained or lost since, up to `until`, comes with it. So a
    decrease after an earlier statement is a new negative line here (F6). Ordered by creator, order, line and content.
    """
    owed = sa.func.sum(Posting.amount)
    # No bound values in them: PostgreSQL must see the same expressions in SELECT and GROUP BY. What is about no line
    # goes by its subject, also where an entry names an order for its readers (the one that a sample was bought by).
    nothing: sa.ColumnElement[str] = sa.literal_column("''", sa.Text)
    subject = sa.case((Entry.line_ref.is_(None), Entry.subject), else_=nothing)
    of_order = sa.case((Entry.line_ref.is_(None), nothing), else_=Entry.order_id)
    again = sa.func.max(sa.case((Entry.kind == "settlement", 1), else_=0))
    key = (Posting.creator_id, of_order, Entry.line_ref, Posting.content_id, subject)
    query = (
        sa.select(*key, owed, again)
        .join(Entry, Entry.id == Posting.entry_id)
        .where(
            Posting.shop_id == shop_id,
            Posting.currency == currency,
            Posting.account == "creator_cleared",
            Entry.occurred_at <= until,
        )
        .group_by(*key)
        .having(owed != 0, sa.func.min(Entry.occurred_at) < cleared_before)
    )
    found = [
        Unsettled(creator or "", order or "", line or "", content, -int(amount), about or "", bool(before))
        for creator, order, line, content, about, amount, before in session.execute(query)
    ]
    # Sorted here: the two databases order texts differently.
    found.sort(key=lambda one: (one.creator_id, one.order_id, one.line_ref, one.content_id or "", one.subject))
    return found


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands on one account of a creator about one order line, or about one thing that is no order's."""

    order_id: str  # "" where it is about no order's line
    line_ref: str
    subject: str  # "" for an order's line
    amount: int  # minor units; positive: owed
    since: datetime  # when anything of it first stood there


def on_account(
    session: Session, shop_id: str, currency: str, creator_id: str, account: str
) -> list[Standing]:  # fmt: skip
    """One creator's balance on one account, line by line; no zeros. They sum to the balance."""
    owed = sa.func.sum(Posting.amount)
    nothing: sa.ColumnElement[str] = sa.literal_column("''", sa.Text)
    of_line = Entry.line_ref.is_not(None)
    key = (
        sa.case((of_line, Entry.order_id), else_=nothing), Entry.line_ref,
        sa.case((of_line, nothing), else_=Entry.subject), Posting.content_id,
    )  # fmt: skip
    query = (
        sa.select(*key, owed, sa.type_coerce(sa.func.min(Entry.occurred_at), Entry.occurred_at.type))
        .join(Entry, Entry.id == Posting.entry_id)
        .where(
            Posting.shop_id == shop_id,
            Posting.currency == currency,
            Posting.account == account,
            Posting.creator_id == creator_id,
        )
        .group_by(*key)
        .having(owed != 0)
    )
    found = [
        Standing(order or "", line or "", subject or "", -int(amount), since)
        for order, line, subject, _, amount, since in session.execute(query)
    ]
    return sorted(found, key=lambda one: (one.since, one.order_id, one.line_ref, one.subject))


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


def settled_at(session: Session, shop_id: str, currency: str) -> dict[str, int]:
    """Settled balances of one shop's creators. Positive: owed; negative: carried."""
    query = (
        sa.select(Posting.creator_id, sa.func.sum(Posting.amount))
        .where(Posting.shop_id == shop_id, Posting.currency == currency, Posting.account == "creator_settled")
        .group_by(Posting.creator_id)
    )
    return {str(creator): -int(amount) for creator, amount in session.execute(query)}


def bonuses(session: Session, shop_id: str, currency: str, *, before: datetime, until: datetime) -> list[Unsettled]:
    """Pending money that is about no order (bonuses), booked for a moment before `before`. It has no hold."""
    owed = sa.func.sum(Posting.amount)
    key = (Posting.creator_id, Posting.content_id, Entry.subject)
    query = (
        sa.select(*key, owed)
        .join(Entry, Entry.id == Posting.entry_id)
        .where(
            Entry.order_id.is_(None),
            Entry.shop_id == shop_id,
            Entry.currency == currency,
            Entry.occurred_at <= until,
            Posting.account == "creator_pending",
        )
        .group_by(*key)
        .having(owed != 0, sa.func.min(Entry.occurred_at) < before)
    )
    found = [
        Unsettled(creator or "", "", "", content, -int(amount), subject)
        for creator, content, subject, amount in session.execute(query)
    ]
    return sorted(found, key=lambda one: (one.creator_id, one.subject, one.content_id or ""))


def openings(
    session: Session, shop_ids: Sequence[str] | None, currency: str, until: datetime | None = None
) -> dict[tuple[str, str], int]:
    """(shop, creator) → opening balances booked so far. `shop_ids` None: of all shops."""
    query = (
        sa.select(Posting.shop_id, Posting.creator_id, sa.func.sum(Posting.amount))
        .join(Entry, Entry.id == Posting.entry_id)
        .where(
            Entry.order_id.is_(None),
            Entry.kind == "opening",
            Entry.currency == currency,
            Posting.account == "creator_settled",
        )
        .group_by(Posting.shop_id, Posting.creator_id)
    )
    if shop_ids is not None:
        query = query.where(Entry.shop_id.in_(shop_ids))
    if until is not None:
        query = query.where(Entry.occurred_at <= until)
    return {(shop, str(creator)): -int(amount) for shop, creator, amount in session.execute(query)}


def fees(session: Session, shop_id: str, currency: str, until: datetime) -> dict[str, int]:
    """Order → the app's fee as it stands at `until`."""
    return {order: -amount for order, amount in _by_order(session, shop_id, currency, "app_fee", until).items()}


def absorbed(session: Session, shop_id: str, currency: str, until: datetime) -> dict[str, int]:
    """Order → what creators keep of it although the merchant gets it back: the app bears it."""
    return _by_order(session, shop_id, currency, "loss_absorbed", until)


def _by_order(session: Session, shop_id: str, currency: str, account: str, until: datetime) -> dict[str, int]:
    total = sa.func.sum(Posting.amount)
    query = (
        sa.select(Entry.order_id, total)
        .join(Entry, Entry.id == Posting.entry_id)
        .where(
            Posting.shop_id == shop_id,
            Posting.currency == currency,
            Posting.account == account,
            Entry.order_id.is_not(None),
            Entry.occurred_at <= until,
        )
        .group_by(Entry.order_id)
    )
    return {str(order): int(amount) for order, amount in session.execute(query)}
