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
    # What a report reads of the credited lines (`rate.Sold`), not to read them whole. None: kept before there was this.
    sold: Mapped[str | None]


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
    changes: Mapped[int] = mapped_column(default=0)  # how often it changed: the number of rows of its history
    # Business time of the payout that first paid what had cleared of it (payouts writes it); what a store takes back
    # after that is carried or absorbed, as the shop has set.
    paid_at: Mapped[datetime | None]


class ClearancePast(Base):
    """How a clearance stood before one of its changes: what is shown as its history. Rows are only added."""

    __tablename__ = "clearance_history"

    order_id: Mapped[str] = mapped_column(primary_key=True)
    line_ref: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)  # 1, 2 … within the line
    clears_at: Mapped[datetime | None]
    why: Mapped[str]
    blocked: Mapped[str]
    until: Mapped[datetime]  # from then on something else held


class ClearanceBlock(Base):
    """What somebody opened that keeps a line from clearing though its hold is over: a freeze."""

    __tablename__ = "clearance_blocks"
    __table_args__ = (
        sa.UniqueConstraint("order_id", "line_ref", "kind", "ref"),
        sa.Index("ix_clearance_blocks_kind_ref", "kind", "ref"),
        sa.Index("ix_clearance_blocks_shop_id_closed_at", "shop_id", "closed_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # blk_…
    order_id: Mapped[str]
    line_ref: Mapped[str]
    shop_id: Mapped[str]
    kind: Mapped[str]  # freeze (disputes, returns and reviews are facts of the order and its decision)
    ref: Mapped[str]  # the freeze's id
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class Freeze(Base):
    """Money held by staff: a creator's, an order's or one line's. It says why, until when the creator may appeal, and
    when it ends by itself. Written once; the last columns are added when the appeal comes and when it has ended.
    """

    __tablename__ = "freezes"
    __table_args__ = (
        sa.Index("ix_freezes_ended_at_ends_at", "ended_at", "ends_at"),
        sa.Index("ix_freezes_creator_id", "creator_id"),
        sa.Index("ix_freezes_order_id", "order_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # frz_…
    scope: Mapped[str]  # creator | order | line
    shop_id: Mapped[str | None]  # None: a creator's money at every shop
    creator_id: Mapped[str | None]  # of scope creator
    order_id: Mapped[str | None]
    line_ref: Mapped[str | None]
    reason: Mapped[str]  # in the words of who froze it: the creator reads it
    frozen_at: Mapped[datetime]
    frozen_by: Mapped[str]
    appeal_until: Mapped[datetime]
    ends_at: Mapped[datetime]  # released then, unless it was forfeited or lifted before
    appealed_at: Mapped[datetime | None]  # when the first words against it came
    ended_at: Mapped[datetime | None]
    ended_why: Mapped[str] = mapped_column(default="")  # end_date | lifted | forfeited
    ended_by: Mapped[str] = mapped_column(default="")
    note: Mapped[str] = mapped_column(default="")


class FreezeAppeal(Base):
    """What somebody whose money is frozen says against it. Another creator of the same order doesn't read it."""

    __tablename__ = "freeze_appeals"
    __table_args__ = (sa.Index("ix_freeze_appeals_freeze_id", "freeze_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # apl_…
    freeze_id: Mapped[str] = mapped_column(sa.ForeignKey("freezes.id"))
    creator_id: Mapped[str | None]  # None: noted by staff
    at: Mapped[datetime]
    by: Mapped[str]
    words: Mapped[str]


class ExcludedProduct(Base):
    """A product on which a shop pays no commission (D7), for orders placed from `starts_at` until `ends_at`."""

    __tablename__ = "excluded_products"
    __table_args__ = (
        sa.Index(
            "uq_excluded_products_standing", "shop_id", "product_ref", unique=True,
            sqlite_where=sa.text("ends_at IS NULL"), postgresql_where=sa.text("ends_at IS NULL"),
        ),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(primary_key=True)  # exc_…
    shop_id: Mapped[str]
    product_ref: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]


class EventClose(Base):
    """A promo event whose bonus was counted: when it closed, and when it was last counted anew."""

    __tablename__ = "event_closes"
    __table_args__ = (sa.Index("ix_event_closes_shop_id", "shop_id"),)

    event_id: Mapped[str] = mapped_column(primary_key=True)
    shop_id: Mapped[str]
    closed_at: Mapped[datetime]  # business time: refunds that the store made up to then count
    counted_at: Mapped[datetime]  # business time of the newest count
    orders: Mapped[int]
    creators: Mapped[int]


class EventBonus(Base):
    """What an event's tiers came to for one creator, as last counted. Minor units. Booked under a subject of its own,
    pending; it has no hold, so the next closing of the shop clears and settles it."""

    __tablename__ = "event_bonuses"
    __table_args__ = (sa.Index("ix_event_bonuses_creator_id", "creator_id"),)

    event_id: Mapped[str] = mapped_column(primary_key=True)
    creator_id: Mapped[str] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    shop_id: Mapped[str]
    orders: Mapped[int]  # that count: not fully given back, not cancelled, voided or expired
    base: Mapped[int]  # of those, less what was given back up to the close
    commission: Mapped[int]  # rounded, at the lines' own rates
    tier_commission: Mapped[int]  # rounded, at the tiers' rates
    bonus: Mapped[int]
    tier_bp: Mapped[int]  # of the highest tier reached; 0: none
