"""Samples, every step of them, what shops give, and the programme's numbers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base

_HOLDING = (
    "product_ref <> '' AND state IN"
    " ('requested', 'granted', 'approved', 'ordered', 'shipped', 'delivered', 'appealed', 'fulfilled')"
)


class SamplePolicyRow(Base):
    """The numbers of samples, from a moment on. Never edited, never backdated."""

    __tablename__ = "sample_policies"
    __table_args__ = (sa.UniqueConstraint("version"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # smr_…
    version: Mapped[int]
    starts_at: Mapped[datetime]
    numbers: Mapped[dict[str, Any]]  # every field of `policy.Numbers`
    why: Mapped[str]
    recorded_at: Mapped[datetime]  # wall time
    recorded_by: Mapped[str]


class SampleOffer(Base):
    """A shop gives samples of a product, or of all that it opened, from `starts_at` until `ends_at`. Never edited but
    for its end: a change is another one."""

    __tablename__ = "sample_offers"
    __table_args__ = (sa.Index("ix_sample_offers_shop_id_product_ref", "shop_id", "product_ref"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # sof_…
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"))
    product_ref: Mapped[str]  # "": every product of the shop; a product's own stands before it
    kind: Mapped[str]  # free | refundable
    per_month: Mapped[int | None]  # how many are approved in a month of the shop's zone; None: as many as come
    # Approved by itself for creators whom so many follow, and whose score is at least this; both None: by a person.
    auto_followers: Mapped[int | None]
    auto_score: Mapped[int | None]  # per cent
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]


class Sample(Base):
    """One sample, from the creator's request, or an agreement's promise, to its content. Its steps are `SampleStep`.

    `shop_id`, `creator_id` and what it was asked under never change. Where it goes is sealed, and goes after delivery.
    """

    __tablename__ = "samples"
    __table_args__ = (
        sa.Index("ix_samples_shop_id_id", "shop_id", "id"),  # a shop's list; the next one counts by state
        sa.Index("ix_samples_shop_id_state", "shop_id", "state", "id"),
        sa.Index("ix_samples_creator_id_state", "creator_id", "state", "id"),
        sa.Index("ix_samples_offer_id_approved_at", "offer_id", "approved_at"),
        sa.UniqueConstraint("creator_id", "request_key"),
        sa.UniqueConstraint("agreement_id"),
        sa.UniqueConstraint("shop_id", "order_ref"),
        # Few: those that the clock, the store or content may move on.
        sa.Index(
            "ix_samples_look_at", "look_at", "id",
            sqlite_where=sa.text("look_at IS NOT NULL"), postgresql_where=sa.text("look_at IS NOT NULL"),
        ),
        sa.Index(
            "ix_samples_place_at", "place_at", "id",
            sqlite_where=sa.text("place_at IS NOT NULL"), postgresql_where=sa.text("place_at IS NOT NULL"),
        ),
        sa.Index(
            "ix_samples_forget_at", "forget_at", "id",
            sqlite_where=sa.text("forget_at IS NOT NULL"), postgresql_where=sa.text("forget_at IS NOT NULL"),
        ),
        # One of each item.
        sa.Index(
            "uq_samples_one_of_each", "creator_id", "shop_id", "product_ref", unique=True,
            sqlite_where=sa.text(_HOLDING), postgresql_where=sa.text(_HOLDING),
        ),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(primary_key=True)  # smp_…
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"))
    creator_id: Mapped[str] = mapped_column(sa.ForeignKey("creators.id"))
    kind: Mapped[str]  # free | refundable
    state: Mapped[str]  # see `moves`
    due_at: Mapped[datetime | None]  # what has to happen until then is told by the state
    placing: Mapped[str]  # "" | waiting | unknown | placed | refused
    ending: Mapped[str]  # "" | withdrawn | cancelled: an end that waits for the store
    extended: Mapped[bool]
    appealed: Mapped[bool]
    agreement_id: Mapped[str | None]  # agr_…, of one that an agreement promised
    offer_id: Mapped[str | None] = mapped_column(sa.ForeignKey("sample_offers.id"))
    policy_version: Mapped[int]
    product_ref: Mapped[str]  # "" until the creator took a promised one up
    variant_ref: Mapped[str]
    note: Mapped[str]  # the creator's words to the shop; "" once erased
    recipient_sealed: Mapped[str | None]  # JSON of contract.Recipient; None: none given yet, or gone
    recipient_country: Mapped[str]  # "" while there is none: what a shop needs to know before it says yes
    forget_at: Mapped[datetime | None]  # the address goes then
    # What the creator stood at when it was asked for: level, open, limit, sales by currency, score, followers.
    standing: Mapped[dict[str, Any]]
    agreed_amount: Mapped[int | None]  # refundable: at most this comes back, minor units
    currency: Mapped[str]
    paid_back: Mapped[int | None]  # what did
    by_hand: Mapped[bool]  # the shop sends it without an order of ours
    place_tries: Mapped[int]
    place_at: Mapped[datetime | None]  # the store is asked next, wall time
    problem: Mapped[str]  # a code: why it isn't placed
    problem_field: Mapped[str]  # of the request to the store: variant_ref, recipient.postal_code …
    problem_words: Mapped[str]  # the store's, without the address
    order_ref: Mapped[str | None]
    order_number: Mapped[str]
    confirmed: Mapped[bool]  # refundable: it is known that the creator bought it
    # … or until when the shop says so. None with an unconfirmed order: it doubts it (`words`), or support is to say.
    confirm_by: Mapped[datetime | None]
    carrier: Mapped[str]
    tracking: Mapped[str]
    asked_at: Mapped[datetime]
    approved_at: Mapped[datetime | None]
    shipped_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    delivered_how: Mapped[str]  # "" | store | merchant | creator | assumed
    ended_at: Mapped[datetime | None]
    reason: Mapped[str]  # a code, of how it stands or ended
    words: Mapped[str]  # of who declined or cancelled
    content_id: Mapped[str | None]  # what fulfilled it
    look_at: Mapped[datetime | None]
    moved_at: Mapped[datetime]
    request_key: Mapped[str | None]  # a repeat of the request finds this sample


class SampleStep(Base):
    """One step of a sample. Never edited."""

    __tablename__ = "sample_steps"

    sample_id: Mapped[str] = mapped_column(sa.ForeignKey("samples.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)  # 1, 2, 3 … within the sample
    act: Mapped[str]  # ask, approve, ship …
    state: Mapped[str]  # after it
    side: Mapped[str]  # creator | merchant | staff | clock | store | rule
    by: Mapped[str]  # actor
    at: Mapped[datetime]  # business time
    due_at: Mapped[datetime | None]
    reason: Mapped[str]
    detail: Mapped[dict[str, Any]]  # ids, dates and codes, never people


class SampleContent(Base):
    """Content that the creator names for a sample."""

    __tablename__ = "sample_contents"

    sample_id: Mapped[str] = mapped_column(sa.ForeignKey("samples.id"), primary_key=True)
    content_id: Mapped[str] = mapped_column(sa.ForeignKey("contents.id"), primary_key=True)
    named_at: Mapped[datetime]
    named_by: Mapped[str]


class SampleAppeal(Base):
    """The one appeal of a sample, and what support decided."""

    __tablename__ = "sample_appeals"
    __table_args__ = (sa.Index("ix_sample_appeals_decided_at_made_at", "decided_at", "made_at"),)

    sample_id: Mapped[str] = mapped_column(sa.ForeignKey("samples.id"), primary_key=True)
    words: Mapped[str]  # the creator's; "erased" once erased
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    verdict: Mapped[str]  # fulfilled | excused | missed; "": not decided
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str]
    note: Mapped[str]  # support's
