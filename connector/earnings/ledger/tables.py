"""The ledger. Rows are added, never changed: triggers refuse UPDATE and DELETE on both databases."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class Entry(Base):
    """A set of postings that sums to zero in one currency. `reference` makes a repeat harmless."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        sa.UniqueConstraint("reference"),
        sa.UniqueConstraint("subject", "sequence"),
        sa.Index("ix_ledger_entries_order_id", "order_id"),
        sa.Index("ix_ledger_entries_shop_id_booked_at", "shop_id", "booked_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # ent_…
    reference: Mapped[str]
    subject: Mapped[str]  # what it is about (F5): `line:<order>:<line>`, `payout:<id>` …
    sequence: Mapped[int]  # 1, 2, 3 … within the subject: the backstop against two writers
    kind: Mapped[str]  # accrual | reversal | adjustment | clearance | settlement | payout | payout_paid
    shop_id: Mapped[str]
    currency: Mapped[str]
    order_id: Mapped[str | None]
    line_ref: Mapped[str | None]
    creator_id: Mapped[str | None]
    content_id: Mapped[str | None]
    reverses: Mapped[str | None]  # entry id
    evaluation_id: Mapped[str | None]
    statement_id: Mapped[str | None]
    reason: Mapped[str]  # code
    occurred_at: Mapped[datetime]  # business time
    booked_at: Mapped[datetime]


class Posting(Base):
    """One side of an entry. Positive is debit, negative is credit; what a creator is owed stands as credit."""

    __tablename__ = "ledger_postings"
    __table_args__ = (
        sa.Index("ix_ledger_postings_shop_currency_account_creator", "shop_id", "currency", "account", "creator_id"),
        sa.Index("ix_ledger_postings_creator_id_shop_id", "creator_id", "shop_id"),
    )

    entry_id: Mapped[str] = mapped_column(sa.ForeignKey("ledger_entries.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)  # 1, 2 … within the entry
    shop_id: Mapped[str]
    currency: Mapped[str]
    account: Mapped[str]
    creator_id: Mapped[str | None]
    content_id: Mapped[str | None]
    amount: Mapped[int]
