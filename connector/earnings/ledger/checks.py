"""Standing checks of the ledger: each is a named function that returns what is wrong, nothing when all is well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.earnings.ledger.entry import ACCOUNTS, CREATOR_ACCOUNTS
from connector.earnings.ledger.queries import EARNING
from connector.earnings.ledger.tables import Entry, Posting


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that is off: the check's name, what it is about, and a sentence."""

    check: str
    about: str
    detail: str


def entries_sum_to_zero(session: Session) -> list[Wrong]:
    """Every entry has two sides or more that sum to zero, in its own currency and shop."""
    total = sa.func.coalesce(sa.func.sum(Posting.amount), 0)
    sides = sa.func.count(Posting.number)
    strange = sa.func.sum(
        sa.case((sa.or_(Posting.currency != Entry.currency, Posting.shop_id != Entry.shop_id), 1), else_=0)
    )
    query = (
        sa.select(Entry.id, total, sides, strange)
        .join(Posting, Posting.entry_id == Entry.id, isouter=True)
        .group_by(Entry.id)
        .having(sa.or_(total != 0, sides < 2, strange > 0))
    )
    return [
        Wrong("entries_sum_to_zero", entry_id, f"{count} sides, sum {int(amount)}, {int(odd or 0)} of another currency")
        for entry_id, amount, count, odd in session.execute(query)
    ]


def ledger_sums_to_zero(session: Session) -> list[Wrong]:
    """All postings of a shop and currency sum to zero."""
    total = sa.func.sum(Posting.amount)
    query = sa.select(Posting.shop_id, Posting.currency, total).group_by(Posting.shop_id, Posting.currency)
    return [
        Wrong("ledger_sums_to_zero", f"{shop_id} {currency}", f"sum {int(amount)}")
        for shop_id, currency, amount in session.execute(query.having(total != 0))
    ]


def subjects_are_numbered(session: Session) -> list[Wrong]:
    """Entries of a subject are numbered 1, 2, 3 … without gaps."""
    count, last = sa.func.count(), sa.func.max(Entry.sequence)
    query = sa.select(Entry.subject, count, last).group_by(Entry.subject).having(count != last)
    return [
        Wrong("subjects_are_numbered", subject, f"{found} entries, the last has number {number}")
        for subject, found, number in session.execute(query)
    ]


def accounts_are_known(session: Session) -> list[Wrong]:
    """Postings stand on accounts of R14, and those on a creator's account name the creator."""
    query = sa.select(Posting.entry_id, Posting.account).where(
        sa.or_(
            Posting.account.not_in(ACCOUNTS),
            sa.and_(Posting.account.in_(CREATOR_ACCOUNTS), Posting.creator_id.is_(None)),
        )
    )
    return [
        Wrong("accounts_are_known", entry_id, f"{account} is not known or names no creator")
        for entry_id, account in session.execute(query)
    ]


def nothing_reversed_beyond_earned(session: Session) -> list[Wrong]:
    """No line, creator and content has more taken back than it ever earned; nor more cleared than it earned."""
    earned = sa.func.sum(Posting.amount)
    key = (Entry.order_id, Entry.line_ref, Entry.creator_id, Entry.content_id)
    query = (
        sa.select(*key, earned)
        .join(Posting, Posting.entry_id == Entry.id)
        .where(Entry.kind.in_(EARNING), Posting.account == "merchant_receivable")
        .group_by(*key)
        .having(earned < 0)
    )
    return [
        Wrong("nothing_reversed_beyond_earned", f"{order_id} {line_ref} {creator_id}", f"earned {int(amount)}")
        for order_id, line_ref, creator_id, _content, amount in session.execute(query)
    ]


def nothing_pending_is_negative(session: Session) -> list[Wrong]:
    """No line has less than nothing pending: a decrease after clearing is taken from what cleared (F6)."""
    pending = sa.func.sum(Posting.amount)
    key = (Entry.order_id, Entry.line_ref, Entry.creator_id, Entry.content_id)
    query = (
        sa.select(*key, pending)
        .join(Posting, Posting.entry_id == Entry.id)
        .where(Posting.account == "creator_pending", Entry.line_ref.is_not(None))
        .group_by(*key)
        .having(pending > 0)
    )
    return [
        Wrong("nothing_pending_is_negative", f"{order_id} {line_ref} {creator_id}", f"pending {-int(amount)}")
        for order_id, line_ref, creator_id, _content, amount in session.execute(query)
    ]


CHECKS: tuple[Callable[[Session], list[Wrong]], ...] = (
    entries_sum_to_zero,
    ledger_sums_to_zero,
    subjects_are_numbered,
    accounts_are_known,
    nothing_reversed_beyond_earned,
    nothing_pending_is_negative,
)


def examine(session: Session) -> list[Wrong]:
    """Everything that is wrong, by all checks."""
    return [wrong for check in CHECKS for wrong in check(session)]
