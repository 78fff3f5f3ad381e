"""The ledger. Entries, postings and seals are added, never changed: triggers refuse it on both databases.

Every entry waits in `ledger_unsealed`, put there by the transaction that books it, until the sealing job has linked it
into its shop's chain and folded its postings into the running balances. So a balance is always what is folded plus what
waits, exact at any moment, and no writer ever waits for another writer's balance row.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base

# Word for word in the indexes and in the question: so a database knows that they fit.
BESIDE = sa.text("kind IN ('bonus', 'flat_fee', 'opening', 'reimbursement')")


class Entry(Base):
    """A set of postings that sums to zero in one currency. `reference` makes a repeat harmless."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        sa.UniqueConstraint("reference"),
        sa.UniqueConstraint("subject", "sequence"),
        sa.Index("ix_ledger_entries_order_id", "order_id"),
        sa.Index("ix_ledger_entries_shop_id_booked_at", "shop_id", "booked_at"),
        # What is owed beside orders' lines, few among millions: every report asks for it, of a shop or of a creator.
        sa.Index(
            "ix_ledger_entries_beside_shop", "shop_id", "occurred_at", sqlite_where=BESIDE, postgresql_where=BESIDE
        ),
        sa.Index(
            "ix_ledger_entries_beside_creator", "creator_id", "occurred_at", sqlite_where=BESIDE,
            postgresql_where=BESIDE,
        ),
    )  # fmt: skip

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
        # What the platform bore, few among millions: every report asks for it.
        sa.Index(
            "ix_ledger_postings_absorbed", "shop_id", sqlite_where=sa.text("account = 'loss_absorbed'"),
            postgresql_where=sa.text("account = 'loss_absorbed'"),
        ),
    )  # fmt: skip

    entry_id: Mapped[str] = mapped_column(sa.ForeignKey("ledger_entries.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)  # 1, 2 … within the entry
    shop_id: Mapped[str]
    currency: Mapped[str]
    account: Mapped[str]
    creator_id: Mapped[str | None]
    content_id: Mapped[str | None]
    amount: Mapped[int]


class Unsealed(Base):
    """An entry that isn't in its shop's chain yet, and whose postings aren't in the running balances. Written beside
    the entry, in its transaction; deleted by the job that seals it."""

    __tablename__ = "ledger_unsealed"
    __table_args__ = (sa.Index("ix_ledger_unsealed_xid_entry_id", "xid", "entry_id"),)

    entry_id: Mapped[str] = mapped_column(primary_key=True)
    shop_id: Mapped[str]
    # The writer's transaction id on PostgreSQL: an entry is sealed once no older writer can still commit. 0 on SQLite,
    # whose writers stand in line.
    xid: Mapped[int]


class Seal(Base):
    """A link of a shop's chain: the entry's canonical bytes hashed with the hash before (`ledger/chain.py`)."""

    __tablename__ = "ledger_seals"
    __table_args__ = (sa.UniqueConstraint("entry_id"),)

    shop_id: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)  # 1, 2, 3 … within the shop
    entry_id: Mapped[str]
    hash: Mapped[str]  # sha256, hex
    sealed_at: Mapped[datetime]


class ChainHead(Base):
    """The last link of a shop's chain. Beside the links, so that a chain cut short is noticed."""

    __tablename__ = "ledger_heads"

    shop_id: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    hash: Mapped[str]
    sealed_at: Mapped[datetime]


class RunningBalance(Base):
    """The sum of all sealed postings of one account. What waits for its seal comes on top (`ledger/running.py`)."""

    __tablename__ = "ledger_balances"
    __table_args__ = (
        sa.Index("ix_ledger_balances_creator_id", "creator_id"),
        sa.Index("ix_ledger_balances_shop_id_creator_id_currency", "shop_id", "creator_id", "currency"),
    )

    shop_id: Mapped[str] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    creator_id: Mapped[str] = mapped_column(primary_key=True)  # "" where the account is nobody's own
    amount: Mapped[int]  # minor units, the ledger's own sign
    postings: Mapped[int]  # how many came together
