"""Running balances: what is folded plus what waits for its seal, in one statement, so exact at any moment.

The writers only append: a transaction that books puts its entries' ids into `ledger_unsealed` and touches no balance.
Upserts of the balance rows themselves were measured beside it (decisions/0031): they make every writer of a shop wait
for the one before until it commits.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.earnings.ledger.tables import ChainHead, Entry, Posting, RunningBalance, Unsealed

_NOBODY = ""
Whose = tuple[str, str, str]  # (shop, creator, currency)


@dataclass(frozen=True, slots=True)
class Running:
    """One account's balance with the ledger's own sign: debit positive. `creator_id` "": the account is nobody's."""

    shop_id: str
    currency: str
    account: str
    creator_id: str
    amount: int
    postings: int


@dataclass(frozen=True, slots=True)
class ChainState:
    """How far a shop's chain reaches, and how many entries wait behind it."""

    shop_id: str
    position: int = 0
    hash: str = ""
    sealed_at: datetime | None = None
    waiting: int = 0


def running(
    session: Session, *, shop_id: str | None = None, creator_id: str | None = None, currency: str | None = None,
    between: tuple[Whose, Whose] | None = None,
) -> list[Running]:  # fmt: skip
    """Balances of all accounts that were ever posted to, ordered by shop, currency, account and creator.

    `between`: those from one to another, by shop, creator and currency.
    """
    rows = _both(shop_id, creator_id, currency, between).subquery()
    key = (rows.c.shop_id, rows.c.currency, rows.c.account, rows.c.creator_id)
    query = sa.select(*key, sa.func.sum(rows.c.amount), sa.func.sum(rows.c.postings)).group_by(*key).order_by(*key)
    return [
        Running(shop, code, account, creator, int(amount), int(number))
        for shop, code, account, creator, amount, number in session.execute(query)
    ]


def whose(
    session: Session, accounts: Collection[str], after: Whose | None, limit: int, *, shop_id: str | None = None
) -> list[Whose]:
    """Where which creators have had one of these accounts, by shop, creator and currency: so many behind one."""
    parts = []
    for table, of in ((RunningBalance, sa.true()), (Posting, Posting.entry_id.in_(sa.select(Unsealed.entry_id)))):
        key = (table.shop_id, table.creator_id, table.currency)
        asked = sa.select(*key).where(table.account.in_(accounts), table.creator_id > _NOBODY, of)
        if shop_id is not None:
            asked = asked.where(table.shop_id == shop_id)
        if after is not None:
            asked = asked.where(sa.tuple_(*key) > sa.tuple_(*after))
        part = asked.distinct().order_by(*key).limit(limit).subquery()
        parts.append(sa.select(part))
    both = sa.union(*parts).subquery()
    found = session.execute(sa.select(both).order_by(*both.c).limit(limit))
    return [(shop, str(creator), currency) for shop, creator, currency in found]


def summed(
    session: Session, *, shop_id: str | None = None, currency: str | None = None, since: datetime | None = None,
    until: datetime | None = None,
) -> list[Running]:  # fmt: skip
    """The same from the postings themselves: what a check holds the running ones against, or a span of business time
    (half open)."""
    creator = sa.func.coalesce(Posting.creator_id, sa.literal_column("''"))
    key = (Posting.shop_id, Posting.currency, Posting.account, creator)
    query = sa.select(*key, sa.func.sum(Posting.amount), sa.func.count())
    if since is not None or until is not None:
        query = query.join(Entry, Entry.id == Posting.entry_id)
    for column, wanted in ((Posting.shop_id, shop_id), (Posting.currency, currency)):
        if wanted is not None:
            query = query.where(column == wanted)
    if since is not None:
        query = query.where(Entry.occurred_at >= since)
    if until is not None:
        query = query.where(Entry.occurred_at < until)
    return [
        Running(shop, code, account, whose, int(amount), int(number))
        for shop, code, account, whose, amount, number in session.execute(query.group_by(*key).order_by(*key))
    ]


def accounts(session: Session, *, shop_id: str | None = None) -> dict[tuple[str, str, str], int]:
    """{(shop, currency, account): balance} with the ledger's own signs. Over the accounts of a currency it is zero."""
    rows = _both(shop_id, None, None).subquery()
    key = (rows.c.shop_id, rows.c.currency, rows.c.account)
    query = sa.select(*key, sa.func.sum(rows.c.amount)).group_by(*key).order_by(*key)
    return {(shop, code, account): int(amount) for shop, code, account, amount in session.execute(query)}


def earners(shop_id: str) -> sa.Select[Any]:
    """Ids of the creators who ever earned a commission in a shop, whatever became of it: a question within another.

    Of what is sealed, so some seconds behind.
    """
    # What a creator has earned begins on this account, and its row stays at zero.
    return sa.select(RunningBalance.creator_id).where(
        RunningBalance.shop_id == shop_id,
        RunningBalance.account == "creator_pending",
        RunningBalance.creator_id != _NOBODY,
    )


def _both(
    shop_id: str | None, creator_id: str | None, currency: str | None, between: tuple[Whose, Whose] | None = None
) -> sa.CompoundSelect[Any]:
    folded = sa.select(
        RunningBalance.shop_id, RunningBalance.currency, RunningBalance.account, RunningBalance.creator_id,
        RunningBalance.amount, RunningBalance.postings,
    )  # fmt: skip
    waits = sa.select(
        Posting.shop_id, Posting.currency, Posting.account,
        sa.func.coalesce(Posting.creator_id, _NOBODY).label("creator_id"), Posting.amount,
        sa.literal(1).label("postings"),
    ).join(Unsealed, Unsealed.entry_id == Posting.entry_id)  # fmt: skip
    for name, wanted in (("shop_id", shop_id), ("creator_id", creator_id), ("currency", currency)):
        if wanted is not None:
            folded = folded.where(getattr(RunningBalance, name) == wanted)
            waits = waits.where(getattr(Posting, name) == wanted)
    if between is not None:
        first, last = (sa.tuple_(*each) for each in between)
        here = sa.tuple_(RunningBalance.shop_id, RunningBalance.creator_id, RunningBalance.currency)
        folded = folded.where(here >= first, here <= last)
        there = sa.tuple_(Posting.shop_id, Posting.creator_id, Posting.currency)
        waits = waits.where(there >= first, there <= last)
    return sa.union_all(folded, waits)


def chains(session: Session, *, shop_id: str | None = None) -> dict[str, ChainState]:
    """The state of every shop's chain, of those that have one or whose entries wait for it."""
    heads, waits = sa.select(ChainHead), sa.select(Unsealed.shop_id, sa.func.count()).group_by(Unsealed.shop_id)
    if shop_id is not None:
        heads, waits = heads.where(ChainHead.shop_id == shop_id), waits.where(Unsealed.shop_id == shop_id)
    waiting = {shop: int(number) for shop, number in session.execute(waits)}
    found = {
        head.shop_id: ChainState(
            head.shop_id, head.position, head.hash, head.sealed_at, waiting.pop(head.shop_id, 0)
        )
        for head in session.scalars(heads)
    }  # fmt: skip
    return found | {shop: ChainState(shop, waiting=number) for shop, number in waiting.items()}


def waiting_since(session: Session) -> datetime | None:
    """When the first of the entries was booked that wait for their seal; None: nothing waits."""
    first = sa.select(sa.func.min(Unsealed.entry_id)).scalar_subquery()  # ids begin with their time
    found: datetime | None = session.scalar(sa.select(Entry.booked_at).where(Entry.id == first))
    return found
