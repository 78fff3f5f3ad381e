"""Money that a merchant owes a creator beside the orders: flat fees of agreements, and reimbursed samples.

    flat_fee        merchant_receivable 9000   creator_cleared -9000    `flat_fee:<negotiation>`
    reimbursement   merchant_receivable 2490   creator_cleared -2490    `sample:<sample>`

Each has a subject of its own (F5): what is due is compared with what stands of that subject alone, and the difference
is booked. So asking twice changes nothing, and taking it back is an entry below zero. It has no hold, since the content
was approved before: it is cleared at once, and what is taken back after a closed statement is a line below zero of the
next one (F6). The app asks no fee on it: `fee_bp` is of the base of credited lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from sqlalchemy.orm import Session

from connector import money
from connector.earnings.ledger import journal, sums
from connector.earnings.ledger.entry import Draft, DraftPosting, owed
from connector.errors import InputRefused, LedgerRefused

Kind = Literal["flat_fee", "reimbursement"]
# What begins a subject, and the kind of its entries.
KINDS: Mapping[str, Kind] = {"flat_fee": "flat_fee", "sample": "reimbursement"}


def flat_fee(negotiation_id: str) -> str:
    """The subject of the flat fee of an agreement, through all of its versions."""
    return f"flat_fee:{negotiation_id}"


def reimbursement(sample_id: str) -> str:
    """The subject of what a creator paid for a refundable sample."""
    return f"sample:{sample_id}"


def kind_of(subject: str) -> Kind | None:
    """Of which kind the entries of a subject are; None: it is about something else."""
    return KINDS.get(subject.partition(":")[0])


def owe(
    session: Session, *, subject: str, kind: Kind, shop_id: str, creator_id: str, currency: str, amount: int,
    reason: str, at: datetime, order_id: str | None = None, content_id: str | None = None,
) -> list[str]:  # fmt: skip
    """Book what differs between `amount`, which is now due about the subject, and what stands; ids of the entries.

    Units: minor units of `currency`; 0 takes all of it back. `order_id` is for readers (the order that a sample was
    bought by); the money stays beside the order's lines. `at` is business time. Another creator, content or currency
    than before takes the old back and owes the new. The caller holds the row that the subject is about.
    Errors: InputRefused("amount") below zero or beyond what we book; LedgerRefused for a subject of another kind;
    Conflict when another writer booked about the subject first.
    """
    if kind_of(subject) != kind:
        raise LedgerRefused(f"{subject!r} isn't a subject of {kind}")
    if not 0 <= amount <= money.LARGEST:
        raise InputRefused("amount", "isn't an amount that we book.", f"Give 0 to {money.LARGEST:,} minor units.")
    stands = sums.of_subject(session, subject)
    wanted = {(currency, creator_id, content_id): amount} if amount else {}
    drafts: list[Draft] = []
    # What is taken back comes first, so that a reader sees it go before it comes anew.
    for key in sorted({*wanted, *stands.amounts}, key=lambda each: (each in wanted, str(each))):
        difference = wanted.get(key, 0) - stands.amounts.get(key, 0)
        if not difference:
            continue
        in_currency, whose, of_content = key
        number = stands.last + len(drafts) + 1
        drafts.append(
            Draft(
                reference=f"{subject}#{number}", subject=subject, sequence=number, kind=kind, shop_id=shop_id,
                currency=in_currency, creator_id=whose, content_id=of_content, order_id=order_id, reason=reason,
                occurred_at=at, reverses=stands.first.get(key) if difference < 0 else None,
                postings=(
                    DraftPosting("merchant_receivable", difference),
                    owed("creator_cleared", difference, whose, of_content),
                ),
            )
        )  # fmt: skip
    return journal.post_all(session, drafts, unbooked=True)
