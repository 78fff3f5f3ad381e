"""Closings and statements. Written once: a correction is a line of a later statement."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class Closing(Base):
    """A period that was closed for a shop and currency. Unique, so a period is closed once."""

    __tablename__ = "closings"
    __table_args__ = (sa.UniqueConstraint("shop_id", "currency", "period"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # cls_…
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"))
    currency: Mapped[str]
    period: Mapped[str]  # 2026-11
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]  # half open
    closed_at: Mapped[datetime]  # the closing names its instant: amounts are what was booked up to then
    closed_by: Mapped[str]
    total: Mapped[int]  # minor units; the sum of its statements


class Statement(Base):
    """What one creator earned at one shop in one period, in one currency."""

    __tablename__ = "statements"
    __table_args__ = (
        sa.UniqueConstraint("closing_id", "creator_id"),
        sa.Index("ix_statements_creator_id", "creator_id"),
        sa.Index("ix_statements_shop_id", "shop_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # stm_…
    closing_id: Mapped[str] = mapped_column(sa.ForeignKey("closings.id"))
    shop_id: Mapped[str]
    creator_id: Mapped[str]
    currency: Mapped[str]
    total: Mapped[int]  # may be negative: carried forward
    carried: Mapped[int]  # settled and unpaid before it
    created_at: Mapped[datetime]


class StatementLine(Base):
    """What a statement settled of one order line, for one video or live session (or none)."""

    __tablename__ = "statement_lines"
    __table_args__ = (
        sa.Index("ix_statement_lines_statement_id", "statement_id"),
        sa.Index("ix_statement_lines_order_id", "order_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # stl_…
    statement_id: Mapped[str] = mapped_column(sa.ForeignKey("statements.id"))
    order_id: Mapped[str]
    line_ref: Mapped[str]
    content_id: Mapped[str | None]
    amount: Mapped[int]  # minor units; negative when it takes back what an earlier statement gave


class WaitingReread(Base):
    """An order whose commission would clear, and whose newest facts the store could not be asked for (yet)."""

    __tablename__ = "waiting_rereads"
    __table_args__ = (sa.Index("ix_waiting_rereads_shop_id_next_try_at", "shop_id", "next_try_at"),)

    order_id: Mapped[str] = mapped_column(sa.ForeignKey("orders.id"), primary_key=True)
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"))
    due_at: Mapped[datetime]  # since when it could clear
    reason: Mapped[str]  # store_away | store_busy | grant_lost | order_unreadable
    problem: Mapped[str]
    tried_at: Mapped[datetime]  # wall time
    next_try_at: Mapped[datetime]  # wall time
    tries: Mapped[int]
