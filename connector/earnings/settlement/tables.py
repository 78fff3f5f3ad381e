"""Closings, statements, invoices, receipts, reserves. Written once: a correction is a line of a later statement."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class Closing(Base):
    """A period that was closed for a shop and currency. Unique, so a period is closed once.

    The closings of a shop follow each other: each starts where the last one ended, whatever its own period's start.
    """

    __tablename__ = "closings"
    __table_args__ = (sa.UniqueConstraint("shop_id", "currency", "period"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # cls_…
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"))
    currency: Mapped[str]
    period: Mapped[str]  # 2026-11 | 2026-11-H1 | 2026-W46 | 2026-11-09_2026-11-30 (after a change of rule)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]  # half open
    closed_at: Mapped[datetime]  # the closing names its instant: amounts are what was booked up to then
    closed_by: Mapped[str]
    total: Mapped[int]  # minor units; the sum of its statements


class ClosingRun(Base):
    """A closing that has begun and isn't done: the period is taken, and what is booked is written down. One a shop and
    currency. It becomes the closing of the same id, and is gone then.
    """

    __tablename__ = "closing_runs"
    __table_args__ = (sa.UniqueConstraint("shop_id", "currency"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # cls_…
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"))
    currency: Mapped[str]
    period: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    closed_at: Mapped[datetime]
    closed_by: Mapped[str]
    total: Mapped[int]  # minor units
    invoice_id: Mapped[str | None]  # of the invoice to be; None: there is nothing to ask for
    bill: Mapped[dict[str, Any]]  # its sums, by the invoice's columns
    reserve_days: Mapped[int]
    begun_at: Mapped[datetime]  # wall time


class ClosingPiece(Base):
    """Some of the rows of a closing under way, as they will be booked."""

    __tablename__ = "closing_pieces"

    run_id: Mapped[str] = mapped_column(sa.ForeignKey("closing_runs.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    statements: Mapped[list[Any]]  # heads of the statements that begin in it, with the reserves that they let go
    lines: Mapped[list[Any]]  # [statement, whether a bonus clears first, what is settled: the fields of `Unsettled`]
    bill: Mapped[list[Any]]  # rows of the invoice: the fields of `invoices.Row`
    booked_at: Mapped[datetime | None]  # wall time


class Statement(Base):
    """What one creator earned at one shop in one period, in one currency.

    After it the creator's settled balance is carried + opening + total - reserved + released.
    """

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
    total: Mapped[int]  # the sum of its lines; may be negative: carried forward
    carried: Mapped[int]  # settled and unpaid before it, opening balances left out
    corrections: Mapped[int] = mapped_column(default=0)  # the part of `total` that corrects earlier statements
    opening: Mapped[int] = mapped_column(default=0)  # opening balances that no earlier statement named
    reserved: Mapped[int] = mapped_column(default=0)  # kept back of `total`
    released: Mapped[int] = mapped_column(default=0)  # of reserves of earlier statements
    created_at: Mapped[datetime]


class StatementLine(Base):
    """What a statement settled of one order line, for one video or live session (or none), of a bonus, a flat fee or
    a reimbursement."""

    __tablename__ = "statement_lines"
    __table_args__ = (
        sa.Index("ix_statement_lines_statement_id", "statement_id"),
        sa.Index("ix_statement_lines_order_id", "order_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # stl_…
    statement_id: Mapped[str]  # no foreign key: lines are written before the closing that shows them appears (`pieces`)
    kind: Mapped[str] = mapped_column(default="commission")  # commission | bonus | flat_fee | reimbursement
    order_id: Mapped[str]  # "" for what isn't about an order's line
    line_ref: Mapped[str]  # … and this is its subject in the ledger
    content_id: Mapped[str | None]
    amount: Mapped[int]  # minor units; negative when it takes back what an earlier statement gave
    correction: Mapped[bool] = mapped_column(default=False)  # an earlier statement had this line already


class Reserve(Base):
    """The share of a statement's positive total that is kept back until a later closing lets it go."""

    __tablename__ = "reserves"
    __table_args__ = (sa.Index("ix_reserves_shop_id_released_in", "shop_id", "released_in"),)

    statement_id: Mapped[str] = mapped_column(sa.ForeignKey("statements.id"), primary_key=True)
    shop_id: Mapped[str]
    creator_id: Mapped[str]
    currency: Mapped[str]
    amount: Mapped[int]  # above zero
    due_at: Mapped[datetime]  # goes with the first closing of a period that ends then or later
    released_in: Mapped[str | None]  # the statement that lets it go


class Invoice(Base):
    """What a merchant owes for one closing in one currency. `total` below zero is a credit note.

    What is paid of it isn't written here: receipts are, and `funding.allocated` sets them against invoices, the oldest
    first. Its total is commission + bonus + flat fees + reimbursements + opening + absorbed + fee.
    """

    __tablename__ = "invoices"
    __table_args__ = (
        sa.UniqueConstraint("number"),
        sa.UniqueConstraint("closing_id"),
        sa.Index("ix_invoices_shop_id_currency_number", "shop_id", "currency", "number"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # inv_…
    number: Mapped[int]  # 1, 2, 3 … over all shops of the app, without gaps
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"))
    currency: Mapped[str]
    closing_id: Mapped[str] = mapped_column(sa.ForeignKey("closings.id"))
    period: Mapped[str]
    issued_at: Mapped[datetime]
    issued_on: Mapped[date] = mapped_column(sa.Date)  # the shop's own calendar
    due_on: Mapped[date] = mapped_column(sa.Date)  # the last day on which it is paid in time
    orders: Mapped[int]  # how many orders it names
    earned: Mapped[int]  # commission above zero, line by line
    reversed: Mapped[int]  # … and below zero: corrections of earlier invoices
    bonus: Mapped[int] = mapped_column(default=0)
    flat_fee: Mapped[int] = mapped_column(default=0)  # of agreements, for approved content
    reimbursement: Mapped[int] = mapped_column(default=0)  # of refundable samples
    opening: Mapped[int] = mapped_column(default=0)  # balances taken over from before we kept the books
    absorbed: Mapped[int] = mapped_column(default=0)  # below zero: given back to the merchant, kept by the creator
    fee: Mapped[int] = mapped_column(default=0)  # the app's
    total: Mapped[int]


class InvoiceLine(Base):
    """One order of an invoice (or one bonus, flat fee, reimbursement or opening balance)."""

    __tablename__ = "invoice_lines"
    __table_args__ = (sa.Index("ix_invoice_lines_order_id", "order_id"),)

    invoice_id: Mapped[str] = mapped_column(primary_key=True)  # no foreign key: as a statement's lines
    subject: Mapped[str] = mapped_column(primary_key=True)  # the order's id, or the ledger's subject
    kind: Mapped[str]  # order | bonus | flat_fee | reimbursement | opening
    order_id: Mapped[str | None]
    commission: Mapped[int]  # of what is no order the whole amount
    absorbed: Mapped[int] = mapped_column(default=0)
    fee: Mapped[int] = mapped_column(default=0)


class InvoiceSeries(Base):
    """The last number given out. Taken under a row lock at the end of a closing, so an undone closing leaves no gap."""

    __tablename__ = "invoice_series"

    name: Mapped[str] = mapped_column(primary_key=True)  # invoice
    last: Mapped[int]


class Receipt(Base):
    """Money that a merchant paid in, or (below zero) took back. Its reference is unique: a repeat changes nothing."""

    __tablename__ = "receipts"
    __table_args__ = (
        sa.UniqueConstraint("reference"),
        sa.Index("ix_receipts_shop_id_currency", "shop_id", "currency"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # rcp_…
    reference: Mapped[str]  # the bank's own, or `stripe:<payment>`
    source: Mapped[str]  # hand | csv | stripe
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"))
    currency: Mapped[str]
    amount: Mapped[int]  # minor units; below zero when it takes back one that bounced
    received_on: Mapped[date] = mapped_column(sa.Date)  # by the bank
    note: Mapped[str] = mapped_column(default="")
    undoes: Mapped[str | None]  # the receipt that this one takes back
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]


class ReceiptAsked(Base):
    """A receipt that passes, with the day's others, the sum that one person may record: it waits for a second one."""

    __tablename__ = "receipts_asked"
    __table_args__ = (sa.Index("ix_receipts_asked_state_asked_at", "state", "asked_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # rca_…
    state: Mapped[str]  # waits | recorded | refused
    reference: Mapped[str]
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"))
    currency: Mapped[str]
    amount: Mapped[int]  # minor units, above zero
    received_on: Mapped[date] = mapped_column(sa.Date)
    note: Mapped[str]
    asked_at: Mapped[datetime]
    asked_by: Mapped[str]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    receipt_id: Mapped[str | None]  # what it became
    source: Mapped[str] = mapped_column(default="hand", server_default="hand")  # hand | csv


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
