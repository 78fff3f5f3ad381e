"""Payout batches and their rows."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class PayoutBatch(Base):
    __tablename__ = "payout_batches"
    __table_args__ = (sa.UniqueConstraint("key"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # bat_…
    key: Mapped[str]  # idempotency: the same key gives the same batch
    rail: Mapped[str]  # csv
    currency: Mapped[str]
    status: Mapped[str]  # prepared | sent | paid
    rows: Mapped[int]
    total: Mapped[int]
    file_name: Mapped[str] = mapped_column(default="")
    prepared_at: Mapped[datetime]
    prepared_by: Mapped[str]
    paid_at: Mapped[datetime | None]


class Payout(Base):
    """One transfer to one creator from one shop's money. Shops never net (R17)."""

    __tablename__ = "payouts"
    __table_args__ = (
        sa.UniqueConstraint("batch_id", "shop_id", "creator_id"),
        sa.Index("ix_payouts_creator_id", "creator_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # pay_…
    batch_id: Mapped[str] = mapped_column(sa.ForeignKey("payout_batches.id"))
    shop_id: Mapped[str]
    creator_id: Mapped[str]
    currency: Mapped[str]
    amount: Mapped[int]
    status: Mapped[str]  # prepared | sent | paid | held | set_aside
    reason: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]


class SetAside(Base):
    """A creator left out of a batch, with the reason: below the minimum, negative, no name …"""

    __tablename__ = "payouts_set_aside"

    id: Mapped[str] = mapped_column(primary_key=True)
    batch_id: Mapped[str] = mapped_column(sa.ForeignKey("payout_batches.id"))
    creator_id: Mapped[str]
    currency: Mapped[str]
    amount: Mapped[int]
    reason: Mapped[str]
