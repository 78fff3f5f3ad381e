"""Entries as plain values: what may be booked, checked before anything touches the database. Pure.

An entry is a set of postings that sums to zero within its one currency. Positive is debit, negative is credit; what a
creator is owed stands as a credit on one of the creator's accounts, so those are negative while we owe something.

    accrual      merchant_receivable  600   creator_pending  -600
    reversal     merchant_receivable -240   creator_pending   240
    clearance    creator_pending      360   creator_cleared  -360
    settlement   creator_cleared      360   creator_settled  -360
    payout       creator_settled      360   payout_in_transit -360
    payout_paid  payout_in_transit    360   bank             -360

and beside a line's way, each with a subject of its own (F5):

    fee              merchant_receivable  40   app_fee           -40    `fee:<order>`; less after a refund
    bonus            merchant_receivable 200   creator_pending  -200    `bonus:<event>:<creator>`
    flat_fee         merchant_receivable 900   creator_cleared  -900    `flat_fee:<negotiation>`
    reimbursement    merchant_receivable 249   creator_cleared  -249    `sample:<sample>`
    receipt          bank               1000   merchant_receivable -1000   `receipt:<id>`
    reserve          creator_settled     50    reserve           -50    `reserve:<statement>`
    reserve_release  reserve             50    creator_settled   -50    the same subject
    absorption       loss_absorbed       30    creator_cleared   -30    `absorbed:<order>:<line>`
    payout_failed    payout_in_transit  360    creator_settled  -360    `payout:<id>`, the way back
    opening          merchant_receivable 90    creator_settled   -90    `opening:<import>:<row>`

A payout of 500 EUR cents that leaves as 542 USD cents goes through `fx`, one entry a currency, both of `payout:<id>`:

    payout_paid      payout_in_transit  500 EUR   fx             -500 EUR
    conversion       fx                 542 USD   bank           -542 USD

and what the app's own bank gave for it, `exchange:<id>:<shop>`, brings `fx` to zero again:

    exchange         fx                 500 EUR   bank           -500 EUR
    exchange         bank 540 USD, exchange_difference 2 USD      fx  -542 USD
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, get_args

import msgspec

from connector import money
from connector.errors import LedgerRefused

Account = Literal[
    "merchant_receivable",
    "creator_pending",
    "creator_cleared",
    "creator_settled",
    "reserve",
    "app_fee",
    "payout_in_transit",
    "bank",
    "loss_absorbed",
    "fx",
    "exchange_difference",
]
Kind = Literal[
    "accrual", "reversal", "adjustment", "clearance", "settlement", "payout", "payout_paid", "payout_failed", "receipt",
    "fee", "bonus", "reserve", "reserve_release", "absorption", "opening", "conversion", "exchange",
    "flat_fee", "reimbursement",
]  # fmt: skip

ACCOUNTS: frozenset[str] = frozenset(get_args(Account))
KINDS: frozenset[str] = frozenset(get_args(Kind))
# Accounts whose balance is one creator's own: a posting there names the creator.
CREATOR_ACCOUNTS: frozenset[str] = frozenset({"creator_pending", "creator_cleared", "creator_settled", "reserve"})


class DraftPosting(msgspec.Struct, frozen=True):
    """One side of an entry, in minor units. Positive is debit, negative is credit."""

    account: str
    amount: int
    creator_id: str | None = None
    content_id: str | None = None


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that isn't booked yet.

    `reference` makes a repeat harmless: an entry with it is booked once. `subject` says what it is about (F5), and
    entries of one subject are numbered without gaps; `sequence` None lets the journal give the next number, a number
    says that the writer has read everything before it.
    """

    reference: str
    subject: str
    kind: str
    shop_id: str
    currency: str
    reason: str
    occurred_at: datetime
    postings: tuple[DraftPosting, ...]
    sequence: int | None = None
    order_id: str | None = None
    line_ref: str | None = None
    creator_id: str | None = None
    content_id: str | None = None
    reverses: str | None = None
    evaluation_id: str | None = None
    statement_id: str | None = None


def line_subject(order_id: str, line_ref: str) -> str:
    """The subject of one order line: due and posted are compared over its entries only (F5)."""
    return f"line:{order_id}:{line_ref}"


def owed(account: str, amount: int, creator_id: str, content_id: str | None = None) -> DraftPosting:
    """The credit that says: we owe this creator `amount` more on `account` (negative: less)."""
    return DraftPosting(account, -amount, creator_id, content_id)


def moved(
    source: str, target: str, amount: int, creator_id: str, content_id: str | None = None
) -> tuple[DraftPosting, DraftPosting]:
    """The two postings that carry `amount`, owed to a creator on `source`, over to `target`."""
    return owed(source, -amount, creator_id, content_id), owed(target, amount, creator_id, content_id)


def check(draft: Draft) -> None:
    """Errors: LedgerRefused, naming the rule of the ledger that the draft breaks."""
    wrong = _wrong(draft)
    if wrong:
        raise LedgerRefused(f"entry {draft.reference!r}: {wrong}")


def _wrong(draft: Draft) -> str:
    if not draft.reference or not draft.subject or not draft.reason:
        return "an entry needs a reference, a subject and a reason"
    if draft.kind not in KINDS:
        return f"{draft.kind!r} isn't a kind of entry"
    if draft.sequence is not None and draft.sequence < 1:
        return "entries of a subject are numbered from 1"
    money.exponent(draft.currency)
    if len(draft.postings) < 2:
        return "an entry has two sides"
    for posting in draft.postings:
        if posting.account not in ACCOUNTS:
            return f"{posting.account!r} isn't an account"
        if type(posting.amount) is not int or posting.amount == 0:
            return f"{posting.account} has {posting.amount!r}, which isn't an amount of minor units"
        if abs(posting.amount) > money.LARGEST:
            return f"{posting.account} has an amount larger than we book"
        if posting.account in CREATOR_ACCOUNTS and not posting.creator_id:
            return f"{posting.account} names no creator"
    total = sum(posting.amount for posting in draft.postings)
    if total:
        return f"postings sum to {total} {draft.currency}, not to zero"
    return ""
