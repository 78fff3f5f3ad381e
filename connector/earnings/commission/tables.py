"""Evaluations: how each line's base, commission and reversal were built, one row an order version; and when it clears."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class Evaluation(Base):
    __tablename__ = "evaluations"
    __table_args__ = (sa.Index("ix_evaluations_order_id_at", "order_id", "at"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # evl_…
    order_id: Mapped[str]
    shop_id: Mapped[str]
    content_hash: Mapped[str]  # the order version
    engine: Mapped[str]  # version of these rules
    cause: Mapped[str]  # delivery:<id> | read:<why> | pin | replay | clearance
    reason: Mapped[str]  # order-level stop (`order_cancelled`, `awaiting_payment` …), "" when lines decide
    at: Mapped[datetime]
    lines: Mapped[list[Any]]  # per line: base by parts, commission, reversed, due, reasons, flags
    fingerprint: Mapped[str]  # of everything above that matters: an equal evaluation isn't written again


class Clearance(Base):
    """When a line's money clears, and why then. Follows the newest facts until it has cleared."""

    __tablename__ = "clearances"
    __table_args__ = (sa.Index("ix_clearances_state_clears_at", "state", "clears_at"),)

    order_id: Mapped[str] = mapped_column(primary_key=True)
    line_ref: Mapped[str] = mapped_column(primary_key=True)
    shop_id: Mapped[str]
    clears_at: Mapped[datetime | None]  # None: nothing known yet to count from (not paid)
    why: Mapped[str]  # delivered | fulfilled | digital | no_delivery_signal | awaiting_payment …
    blocked: Mapped[str] = mapped_column(
        default=""
    )  # refund_amount_unknown, return, dispute, review; "" when nothing is open
    state: Mapped[str] = mapped_column(default="open")  # open | cleared
    cleared_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]
