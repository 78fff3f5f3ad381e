"""Payout batches and their rows."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class PayoutBatch(Base):
    """One hand-over of money to a rail, in one currency. What it paid never changes; only its status moves on."""

    __tablename__ = "payout_batches"
    __table_args__ = (sa.UniqueConstraint("key"), sa.Index("ix_payout_batches_prepared_at", "prepared_at"))

    id: Mapped[str] = mapped_column(primary_key=True)  # bat_…
    key: Mapped[str]  # idempotency: the same key gives the same batch
    rail: Mapped[str]  # csv
    currency: Mapped[str]
    status: Mapped[str]  # prepared | sent | paid
    rows: Mapped[int]
    total: Mapped[int]  # minor units; the sum of its payouts
    file_name: Mapped[str] = mapped_column(default="")
    prepared_at: Mapped[datetime]  # business time: balances were read as of then
    prepared_by: Mapped[str]
    sent_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]


class Payout(Base):
    """One transfer to one creator from one shop's money. Shops never net (R17).

    `sequence` counts a creator's payouts at one shop in one currency: two batches prepared at once would both want the
    next number, and the unique key lets only one of them have it.
    """

    __tablename__ = "payouts"
    __table_args__ = (
        sa.UniqueConstraint("batch_id", "shop_id", "creator_id"),
        sa.UniqueConstraint("shop_id", "creator_id", "currency", "sequence"),
        sa.Index("ix_payouts_creator_id", "creator_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # pay_…
    batch_id: Mapped[str] = mapped_column(sa.ForeignKey("payout_batches.id"))
    shop_id: Mapped[str]
    creator_id: Mapped[str]
    currency: Mapped[str]
    sequence: Mapped[int]
    amount: Mapped[int]
    status: Mapped[str]  # prepared | sent | paid
    created_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]


class SetAside(Base):
    """A balance left out of a batch, with the reason. It stays where it is and is looked at again by the next batch.

    below_minimum     the creator's sum over all shops is below this shop's minimum; `missing` says by how much
    negative_balance  carried forward until new earnings cover it
    unfunded          the shop pays out only what its merchant has paid in
    creator_unknown   no such creator: a person must look
    ledger_refused    the ledger doesn't take the entry: a person must look
    """

    __tablename__ = "payouts_set_aside"
    __table_args__ = (sa.Index("ix_payouts_set_aside_batch_id", "batch_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # psa_…
    batch_id: Mapped[str] = mapped_column(sa.ForeignKey("payout_batches.id"))
    shop_id: Mapped[str]
    creator_id: Mapped[str]
    currency: Mapped[str]
    amount: Mapped[int]
    missing: Mapped[int] = mapped_column(default=0)  # minor units to the minimum
    reason: Mapped[str]
