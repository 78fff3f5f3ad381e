"""Payout batches, their rows, what became of each, and the rates at which some were converted."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class PayoutBatch(Base):
    """One hand-over of money to a rail, of what is owed in one currency. What it pays never changes; its status does.

    awaiting   booked, and a second person has to approve it before anything leaves
    prepared   may be handed to its rail
    sent       handed over; the outcomes of some rows aren't known yet
    paid       every row is paid
    finished   every row has its outcome, and some failed or came back
    refused    the second person said no: its money is settled again
    """

    __tablename__ = "payout_batches"
    __table_args__ = (sa.UniqueConstraint("key"), sa.Index("ix_payout_batches_prepared_at", "prepared_at"))

    id: Mapped[str] = mapped_column(primary_key=True)  # bat_…
    key: Mapped[str]  # idempotency: the same key gives the same batch
    rail: Mapped[str]  # csv | sepa | mass | stripe
    currency: Mapped[str]
    status: Mapped[str]
    rows: Mapped[int]
    total: Mapped[int]  # minor units; the sum of its payouts
    file_name: Mapped[str] = mapped_column(default="")
    prepared_at: Mapped[datetime]  # business time: balances were read as of then
    prepared_by: Mapped[str]
    decided_at: Mapped[datetime | None]  # by the second person, who approved or refused it
    decided_by: Mapped[str] = mapped_column(default="", server_default="")
    decided_why: Mapped[str] = mapped_column(default="", server_default="")
    handed_at: Mapped[datetime | None]  # to the rail, the first time
    sent_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]


class Payout(Base):
    """One transfer to one creator from one shop's money. Shops never net (R17).

    `sequence` counts a creator's payouts at one shop in one currency: two batches prepared at once would both want the
    next number, and the unique key lets only one of them have it. The ledger stays in `currency` (R12): what leaves may
    be another one, at a rate that is kept here with its source and time. A failed or returned payout's money is settled
    again, and the next batch pays it as a new payout.
    """

    __tablename__ = "payouts"
    __table_args__ = (
        sa.UniqueConstraint("batch_id", "shop_id", "creator_id"),
        sa.UniqueConstraint("shop_id", "creator_id", "currency", "sequence"),
        sa.Index("ix_payouts_creator_id", "creator_id"),
        sa.Index("ix_payouts_status", "status"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # pay_…; the idempotency key at a rail
    batch_id: Mapped[str] = mapped_column(sa.ForeignKey("payout_batches.id"))
    shop_id: Mapped[str]
    creator_id: Mapped[str]
    currency: Mapped[str]
    sequence: Mapped[int]
    amount: Mapped[int]
    status: Mapped[str]  # prepared | sent | paid | failed | returned | unknown | refused
    created_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]
    payee_id: Mapped[str | None]  # the version of the creator's details that it goes to
    pay_currency: Mapped[str] = mapped_column(default="", server_default="")  # "": the same
    pay_amount: Mapped[int] = mapped_column(default=0, server_default="0")  # minor units of pay_currency; 0: the same
    rate: Mapped[str] = mapped_column(default="", server_default="")  # pay_currency for one of currency, in major units
    rate_source: Mapped[str] = mapped_column(default="", server_default="")
    rate_at: Mapped[datetime | None]
    # A converted payout is booked through the account fx. False: nothing to convert, or prepared before that was so.
    through_fx: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    rail_ref: Mapped[str] = mapped_column(default="", server_default="")  # the rail's own id of the transfer
    outcome_reason: Mapped[str] = mapped_column(default="", server_default="")  # code; why it failed, or isn't known
    tried_at: Mapped[datetime | None]  # wall time: when an API was first about to be called for it


class PayoutEvent(Base):
    """Something that became of a payout. Added, never changed."""

    __tablename__ = "payout_events"
    __table_args__ = (sa.UniqueConstraint("payout_id", "number"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # pev_…
    payout_id: Mapped[str] = mapped_column(sa.ForeignKey("payouts.id"))
    number: Mapped[int]  # 1, 2, 3 … within the payout: the backstop against two writers
    outcome: Mapped[str]  # sent | paid | failed | returned | unknown | refused
    reason: Mapped[str]  # code
    detail: Mapped[str]  # what the rail said, for people; cut, and without accounts
    rail_ref: Mapped[str]
    occurred_at: Mapped[datetime]  # business time
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]


class SetAside(Base):
    """A balance left out of a batch, with the reason. It stays where it is and is looked at again by the next batch.

    below_minimum         the creator's sum over all shops is below this shop's minimum; `missing` says by how much
    negative_balance      carried forward until new earnings cover it
    unfunded              the shop pays out only what its merchant has paid in
    freeze                the creator's money at the shop is frozen, with a reason and an end
    creator_unknown       no such creator: a person must look
    payee_missing         the creator gave no details
    payee_unconfirmed     the creator changed the details and has yet to confirm it
    payee_held            the details are new: they wait until `until`
    payee_other_rail      the details have nothing that this rail pays to
    name_not_encodable    the account holder's name can't be written as the rail wants it
    currency_not_served   the rail doesn't pay that currency
    rate_missing          nobody entered a rate for the creator's currency
    rate_too_old          the newest rate is too old to go by
    amount_too_small      converted it comes to nothing
    ledger_refused        the ledger doesn't take the entry: a person must look
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
    until: Mapped[datetime | None]


class FxRate(Base):
    """What one of `base` was worth in `quote`, as somebody entered it. Rates are added, never changed or guessed."""

    __tablename__ = "fx_rates"
    __table_args__ = (sa.UniqueConstraint("base", "quote", "quoted_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # fxr_…
    base: Mapped[str]
    quote: Mapped[str]
    rate: Mapped[str]  # plain decimal, of major units: 1.0842 USD for one EUR
    source: Mapped[str]
    quoted_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]


class BankExchange(Base):
    """What the app's bank gave of one currency for another. Added, never changed but by the second person's word."""

    __tablename__ = "bank_exchanges"
    __table_args__ = (
        sa.Index("ix_bank_exchanges_reference", "reference"),
        sa.Index("ix_bank_exchanges_asked_at", "asked_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # fxe_…
    state: Mapped[str]  # waits (for a second person: nothing is booked) | recorded | refused
    reference: Mapped[str]  # the bank's own
    sold: Mapped[int]  # minor units of sold_currency; below zero: takes another one back
    sold_currency: Mapped[str]
    bought: Mapped[int]  # minor units of bought_currency
    bought_currency: Mapped[str]
    exchanged_on: Mapped[date] = mapped_column(sa.Date)  # by the bank's list
    note: Mapped[str]
    undoes: Mapped[str | None] = mapped_column(unique=True)  # the exchange that it takes back
    asked_at: Mapped[datetime]
    asked_by: Mapped[str]
    decided_at: Mapped[datetime | None]  # by the second person, where the sum asked for one
    decided_by: Mapped[str | None]


class BankExchangePart(Base):
    """A shop's share of an exchange."""

    __tablename__ = "bank_exchange_parts"

    exchange_id: Mapped[str] = mapped_column(sa.ForeignKey("bank_exchanges.id"), primary_key=True)
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"), primary_key=True)
    sold: Mapped[int]  # minor units of what was sold
    bought: Mapped[int]  # … of what was bought
    covers: Mapped[int]  # … of it, at the rates of the payouts that it covers
