"""Standing checks of the ledger: each is a named function that returns what is wrong, nothing when all is well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.earnings.ledger import chain, reading, running
from connector.earnings.ledger.entry import ACCOUNTS, CREATOR_ACCOUNTS
from connector.earnings.ledger.queries import EARNING
from connector.earnings.ledger.tables import Entry, Posting, Seal, Unsealed


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that is off: the check's name, what it is about, and a sentence."""

    check: str
    about: str
    detail: str


def entries_sum_to_zero(session: Session) -> list[Wrong]:
    """Every entry has two sides or more that sum to zero."""
    total, sides = sa.func.sum(Posting.amount), sa.func.count()
    off = (
        sa.select(Posting.entry_id, total, sides)
        .group_by(Posting.entry_id)
        .having(sa.or_(total != 0, sides < 2))
        .order_by(Posting.entry_id)
    )
    bare = sa.select(Entry.id).where(~sa.exists().where(Posting.entry_id == Entry.id)).order_by(Entry.id)
    return [
        Wrong("entries_sum_to_zero", entry_id, f"{count} {'side' if count == 1 else 'sides'}, sum {int(amount)}")
        for entry_id, amount, count in session.execute(off)
    ] + [Wrong("entries_sum_to_zero", entry_id, "no sides at all") for entry_id in session.scalars(bare)]


def postings_are_their_entries(session: Session) -> list[Wrong]:
    """A posting is of its entry's shop and currency; about a line, it names the entry's creator and content (Σ videos =
    creator)."""
    of_creator = sa.and_(
        Entry.line_ref.is_not(None),
        Posting.account.in_(CREATOR_ACCOUNTS),
        sa.or_(
            Posting.creator_id.is_distinct_from(Entry.creator_id),
            Posting.content_id.is_distinct_from(Entry.content_id),
        ),
    )
    query = (
        sa.select(Posting.entry_id, Posting.number, Posting.shop_id, Posting.currency, Posting.account)
        .join(Entry, Entry.id == Posting.entry_id)
        .where(sa.or_(Posting.currency != Entry.currency, Posting.shop_id != Entry.shop_id, of_creator))
        .order_by(Posting.entry_id, Posting.number)
    )
    return [
        Wrong("postings_are_their_entries", f"{entry_id} {number}", f"{account} of {shop_id} in {currency}")
        for entry_id, number, shop_id, currency, account in session.execute(query)
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


def reserve_is_never_negative(session: Session) -> list[Wrong]:
    """No creator's reserve has more let go than was kept back."""
    total = sa.func.sum(Posting.amount)
    key = (Posting.shop_id, Posting.currency, Posting.creator_id)
    query = sa.select(*key, total).where(Posting.account == "reserve").group_by(*key).having(total > 0).order_by(*key)
    return [
        Wrong("reserve_is_never_negative", f"{shop_id} {currency} {creator_id}", f"reserve {-int(amount)}")
        for shop_id, currency, creator_id, amount in session.execute(query)
    ]


def running_balances_are_sums(session: Session) -> list[Wrong]:
    """Every running balance, with what waits for its seal, is the sum of its postings."""
    kept = {_account(one): (one.amount, one.postings) for one in running.running(session)}
    summed = {_account(one): (one.amount, one.postings) for one in running.summed(session)}
    return [
        Wrong(
            "running_balances_are_sums",
            " ".join(part for part in key if part),
            f"kept {kept.get(key, (0, 0))[0]} of {kept.get(key, (0, 0))[1]} postings, "
            f"they sum to {summed.get(key, (0, 0))[0]} of {summed.get(key, (0, 0))[1]}",
        )
        for key in sorted(kept.keys() | summed.keys())
        if kept.get(key, (0, 0)) != summed.get(key, (0, 0))
    ]


def _account(one: running.Running) -> tuple[str, str, str, str]:
    return one.shop_id, one.currency, one.account, one.creator_id


def every_entry_is_chained(session: Session) -> list[Wrong]:
    """Every entry is a link of its shop's chain or waits to become one, and nothing else waits."""
    name = "every_entry_is_chained"
    sealed = sa.exists().where(Seal.entry_id == Entry.id)
    waits = sa.exists().where(Unsealed.entry_id == Entry.id)
    apart = sa.select(Entry.id).where(~sealed, ~waits).order_by(Entry.id)
    wrong = [Wrong(name, entry_id, "is no link, and doesn't wait to be one") for entry_id in session.scalars(apart)]
    there = sa.exists().where(Entry.id == Unsealed.entry_id)
    gone = sa.select(Unsealed.entry_id).where(~there).order_by(Unsealed.entry_id)
    wrong += [Wrong(name, entry_id, "waits for its seal, and isn't there") for entry_id in session.scalars(gone)]
    again = sa.select(Unsealed.entry_id).join(Seal, Seal.entry_id == Unsealed.entry_id).order_by(Unsealed.entry_id)
    wrong += [Wrong(name, entry_id, "is sealed, and waits to be sealed again") for entry_id in session.scalars(again)]
    return wrong


def chain_is_unbroken(session: Session) -> list[Wrong]:
    """Every link of a shop's chain is the hash of its entry and of the link before; the first that isn't is named."""
    heads = running.chains(session)
    wrong = []
    for shop_id in sorted({*heads, *reading.chained_shops(session)}):
        walk = chain.Walk(shop_id)
        for links in reading.chained(session, shop_id):
            if not walk.take(links):
                break
        if walk.broken is not None:
            what = f"{walk.broken.why} (link {walk.broken.position}, {walk.broken.entry_id})"
            wrong.append(Wrong("chain_is_unbroken", shop_id, what))
            continue
        head = heads.get(shop_id, running.ChainState(shop_id))
        ends = walk.ends_at(head.position, head.hash or chain.genesis(shop_id))
        if ends:
            wrong.append(Wrong("chain_is_unbroken", shop_id, ends))
    return wrong


CHECKS: tuple[Callable[[Session], list[Wrong]], ...] = (
    entries_sum_to_zero,
    postings_are_their_entries,
    ledger_sums_to_zero,
    subjects_are_numbered,
    accounts_are_known,
    nothing_reversed_beyond_earned,
    nothing_pending_is_negative,
    reserve_is_never_negative,
    running_balances_are_sums,
    every_entry_is_chained,
    chain_is_unbroken,
)


def examine(session: Session) -> list[Wrong]:
    """Everything that is wrong, by all checks."""
    return [wrong for check in CHECKS for wrong in check(session)]
