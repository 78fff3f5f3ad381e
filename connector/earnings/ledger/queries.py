"""Reading the ledger: what was posted about an order, and what stands on whose accounts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.earnings.ledger import running
from connector.earnings.ledger.tables import Entry, Posting

# (line ref, creator, content): what due and posted are compared for
Key = tuple[str, str | None, str | None]
# Entries that change what a line earned; all others carry it from one account to another.
EARNING = ("accrual", "reversal", "adjustment")
# Entries that owe a creator what no order's line earned. All other kinds only carry money on, or are no creator's.
BESIDE = ("bonus", "flat_fee", "opening", "reimbursement")


@dataclass(slots=True)
class Standing:
    """What the ledger holds about one order, read in one statement: balances, the last numbers, the earning entries."""

    accounts: dict[Key, dict[str, int]] = field(default_factory=dict)
    earned: dict[Key, int] = field(default_factory=dict)  # accrued less reversed, positive
    sequences: dict[str, int] = field(default_factory=dict)  # subject → last number
    accruals: dict[Key, str] = field(default_factory=dict)  # the first earning entry: what a reversal points at
    fee: int = 0  # the app's, accrued less reversed
    absorbed: dict[Key, int] = field(default_factory=dict)  # what the platform bore of refunds after a payout


@dataclass(frozen=True, slots=True)
class Balance:
    """What is owed to one creator by one shop, in minor units of one currency. Positive: we owe; negative: carried."""

    shop_id: str
    creator_id: str
    currency: str
    pending: int = 0
    cleared: int = 0
    settled: int = 0
    reserve: int = 0
    in_transit: int = 0  # handed to a rail, not confirmed yet
    paid: int = 0

    @property
    def owed(self) -> int:
        """Everything not handed to a rail yet."""
        return self.pending + self.cleared + self.settled + self.reserve


_OF_ORDER = (
    sa.select(
        Entry.id, Entry.subject, Entry.sequence, Entry.kind, Entry.line_ref, Entry.creator_id, Entry.content_id,
        Posting.account, Posting.amount,
    )
    .join(Posting, Posting.entry_id == Entry.id)
    .where(Entry.order_id == sa.bindparam("order_id"))
    .order_by(Entry.subject, Entry.sequence, Posting.number)
)  # fmt: skip


def standing(session: Session, order_id: str) -> Standing:
    """All that is booked about an order's lines. One statement, so that balances and numbers belong together."""
    found = Standing()
    for row in session.connection().execute(_OF_ORDER, {"order_id": order_id}):
        entry_id, subject, sequence, kind, line_ref, creator_id, content_id, account, amount = row
        found.sequences[subject] = max(sequence, found.sequences.get(subject, 0))
        if line_ref is None:
            if kind == "fee" and account == "app_fee":
                found.fee -= amount
            continue
        key = (line_ref, creator_id, content_id)
        accounts = found.accounts.setdefault(key, {})
        accounts[account] = accounts.get(account, 0) + amount
        if kind in EARNING and account == "merchant_receivable":
            found.earned[key] = found.earned.get(key, 0) + amount
        if kind == "absorption" and account == "loss_absorbed":
            found.absorbed[key] = found.absorbed.get(key, 0) + amount
        if kind == "accrual":
            found.accruals.setdefault(key, entry_id)
    return found


def posted(session: Session, order_id: str) -> dict[Key, dict[str, int]]:
    """{(line ref, creator, content): {account: sum}}, in the ledger's own signs: what a creator is owed is negative."""
    return standing(session, order_id).accounts


_COLUMNS = {
    "creator_pending": "pending",
    "creator_cleared": "cleared",
    "creator_settled": "settled",
    "reserve": "reserve",
    "payout_in_transit": "in_transit",
    "bank": "paid",
    "fx": "paid",  # in the ledger's currency a converted payout ends here; in the other one it is both sides
}
# Accounts that a conversion alone may touch in a currency in which nothing was earned.
_CONVERTED = frozenset({"bank", "fx"})


def balances(
    session: Session,
    *,
    shop_id: str | None = None,
    creator_id: str | None = None,
    currency: str | None = None,
) -> list[Balance]:
    """Balances per creator, shop and currency, ordered by them. Shops never net (R17), currencies neither."""
    found = _balances(running.running(session, shop_id=shop_id, creator_id=creator_id, currency=currency))
    return [found[whose] for whose in sorted(found)]


def balances_behind(
    session: Session, after: running.Whose | None, limit: int, *, shop_id: str | None = None
) -> list[Balance]:
    """As many of the same, behind one of them: no more is read than they are."""
    own = [account for account in _COLUMNS if account not in _CONVERTED]
    whose = running.whose(session, own, after, limit, shop_id=shop_id)
    found = _balances(running.running(session, between=(whose[0], whose[-1]))) if whose else {}
    return [found[each] for each in whose]


def _balances(rows: Iterable[running.Running]) -> dict[running.Whose, Balance]:
    sums: dict[tuple[str, str, str], dict[str, int]] = {}
    own: set[tuple[str, str, str]] = set()
    for one in rows:
        if one.creator_id and one.account in _COLUMNS:
            key, column = (one.shop_id, one.creator_id, one.currency), _COLUMNS[one.account]
            found = sums.setdefault(key, {})
            found[column] = found.get(column, 0) - one.amount
            if one.account not in _CONVERTED:
                own.add(key)
    return {key: Balance(key[0], key[1], key[2], **sums[key]) for key in own}


def accounts(session: Session, *, shop_id: str | None = None) -> dict[tuple[str, str, str], int]:
    """{(shop, currency, account): sum} with the ledger's own signs. Over all accounts of a currency it is zero."""
    return running.accounts(session, shop_id=shop_id)


@dataclass(frozen=True, slots=True)
class BookedEntry:
    """An entry with its sides, for people: the trace, an export."""

    id: str
    reference: str
    subject: str
    sequence: int
    kind: str
    currency: str
    order_id: str | None
    line_ref: str | None
    creator_id: str | None
    content_id: str | None
    reverses: str | None
    evaluation_id: str | None
    statement_id: str | None
    reason: str
    occurred_at: datetime
    booked_at: datetime
    sides: tuple[tuple[str, int], ...]  # (account, amount) with the ledger's own signs


def entries(session: Session, order_id: str) -> list[BookedEntry]:
    """All entries about an order, in the order in which they were booked."""
    return list(_with_sides(session, sa.select(Entry).where(Entry.order_id == order_id)))


def _with_sides(session: Session, query: sa.Select[Any]) -> Iterator[BookedEntry]:
    rows = session.execute(query.order_by(Entry.booked_at, Entry.id)).scalars().all()
    sides: dict[str, list[tuple[str, int]]] = {row.id: [] for row in rows}
    for start in range(0, len(rows), 500):
        ids = [row.id for row in rows[start : start + 500]]
        found = sa.select(Posting.entry_id, Posting.account, Posting.amount).where(Posting.entry_id.in_(ids))
        for entry_id, account, amount in session.execute(found.order_by(Posting.entry_id, Posting.number)):
            sides[entry_id].append((account, amount))
    for row in rows:
        yield BookedEntry(
            row.id, row.reference, row.subject, row.sequence, row.kind, row.currency, row.order_id, row.line_ref,
            row.creator_id, row.content_id, row.reverses, row.evaluation_id, row.statement_id, row.reason,
            row.occurred_at, row.booked_at, tuple(sides[row.id]),
        )  # fmt: skip


def of_lines(
    session: Session, creator_id: str, order_ids: Collection[str]
) -> dict[tuple[str, str], dict[str, int]]:  # fmt: skip
    """{(order, line): {account: what is owed there}} of one creator about some orders; owed is positive."""
    if not order_ids:
        return {}
    query = (
        sa.select(Entry.order_id, Entry.line_ref, Posting.account, sa.func.sum(Posting.amount))
        .join(Posting, Posting.entry_id == Entry.id)
        .where(
            Entry.order_id.in_(list(order_ids)), Entry.line_ref.is_not(None), Posting.creator_id == creator_id,
            Posting.account.in_(_COLUMNS),
        )
        .group_by(Entry.order_id, Entry.line_ref, Posting.account)
    )  # fmt: skip
    found: dict[tuple[str, str], dict[str, int]] = {}
    for order_id, line_ref, account, amount in session.execute(query):
        found.setdefault((str(order_id), str(line_ref)), {})[account] = -int(amount)
    return found
