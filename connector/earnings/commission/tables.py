"""Evaluations (how each line's base, commission and reversal were built, one row a version) and when a line clears."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class Evaluation(Base):
    __tablename__ = "evaluations"
    __table_args__ = (sa.UniqueConstraint("order_id", "sequence"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # evl_…
    order_id: Mapped[str]
    sequence: Mapped[int]  # 1, 2, 3 … within the order; the greatest is the newest
    shop_id: Mapped[str]
    content_hash: Mapped[str]  # the order version
    engine: Mapped[str]  # version of these rules
    cause: Mapped[str]  # delivery:<id> | read:<why> | pin | replay | clearance
    reason: Mapped[str]  # order-level stop (`order_cancelled`, `awaiting_payment` …), "" when lines decide
    at: Mapped[datetime]
    lines: Mapped[list[Any]]  # per line: base by parts, commission, reversed, due, reasons, flags (rate.LineAssessment)
    order_parts: Mapped[dict[str, Any]]  # what is known of the order as a whole: shared discount, money back, flags
    fingerprint: Mapped[str]  # of everything above that matters: an equal evaluation isn't written again


class Clearance(Base):
    """When a line's money clears, and why then. Follows the newest facts until it has cleared."""

    __tablename__ = "clearances"
    __table_args__ = (sa.Index("ix_clearances_state_shop_id_clears_at", "state", "shop_id", "clears_at"),)

    order_id: Mapped[str] = mapped_column(primary_key=True)
    line_ref: Mapped[str] = mapped_column(primary_key=True)
    shop_id: Mapped[str]
    clears_at: Mapped[datetime | None]  # None: nothing known yet to count from (not paid)
    why: Mapped[str]  # delivered | fulfilled | digital | no_delivery_signal | awaiting_payment …
    # What is open, by a blank: refund_amount_unknown, return, dispute, review; "" when nothing is.
    blocked: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default="open")  # open | cleared
    cleared_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]


class ClearanceBlock(Base):
    """Something open that keeps a line from clearing though its hold is over: a return, a review, a freeze."""

    __tablename__ = "clearance_blocks"
    __table_args__ = (sa.UniqueConstraint("order_id", "line_ref", "kind", "ref"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # blk_…
    order_id: Mapped[str]
    line_ref: Mapped[str]
    shop_id: Mapped[str]
    kind: Mapped[str]  # return | review | freeze (a dispute is a fact of the order itself)
    ref: Mapped[str]  # the platform's id of the return, or ours
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
