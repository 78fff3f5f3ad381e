"""Terms: what a creator earns on a product, dated and versioned, never edited. Promotions: who had what in the list."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class Terms(Base):
    """One version. In force from `starts_at` until another one of the same (shop, kind, creator, scope) starts, or
    `ends_at`.

    Scope: `product_ref` "" is the whole shop; a product's own open terms stand before the shop's. `rate_bp` None is a
    withdrawal: from then on nothing is offered for that scope. A version that has not begun is called off by a row that
    names it in `calls_off`: from then on neither counts.
    """

    __tablename__ = "terms"
    __table_args__ = (
        sa.Index("ix_terms_shop_id_kind_product_ref_starts_at", "shop_id", "kind", "product_ref", "starts_at"),
        sa.Index("ix_terms_creator_id_shop_id", "creator_id", "shop_id"),
        sa.CheckConstraint("rate_bp IS NULL OR (rate_bp >= 100 AND rate_bp <= 8000)", name="rate_range"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # trm_…
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"))
    kind: Mapped[str]  # open | targeted | event | store
    creator_id: Mapped[str | None]  # targeted only
    product_ref: Mapped[str] = mapped_column(default="")
    rate_bp: Mapped[int | None]
    ads_bp: Mapped[int | None]  # instead of the rate, for a tap on a seller's ad (D19)
    new_buyer_bp: Mapped[int | None]  # instead of the rate, for a buyer's first order in the shop
    code_rates: Mapped[dict[str, Any]] = mapped_column(default=dict)  # code in capitals, or "*", → basis points
    version: Mapped[int]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    # A cut: when those who keep the old rate are told at the latest. None: no cut, or one of the ads rate alone.
    notice_at: Mapped[datetime | None]
    event_id: Mapped[str | None]  # evt_…, of an event: shared by all its versions
    name: Mapped[str] = mapped_column(default="")  # of an event
    tiers: Mapped[list[Any]] = mapped_column(default=list)  # of an event: [[orders, basis points], …], rising
    calls_off: Mapped[str | None]  # trm_… of the same scope
    accepted_at: Mapped[datetime | None]  # targeted: when the creator agreed
    accepted_by: Mapped[str] = mapped_column(default="")
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]

    @property
    def terms_id(self) -> str:
        """As the rules call it (`offer.Version`)."""
        return self.id


class PromotionRow(Base):
    """A creator has a product in the list or in content, from `starts_at` until `ends_at`. Removing it ends the row;
    taking it up again is another one."""

    __tablename__ = "promotions"
    __table_args__ = (
        sa.Index("ix_promotions_shop_id_product_ref_creator_id", "shop_id", "product_ref", "creator_id"),
        sa.Index(
            "uq_promotions_standing", "creator_id", "shop_id", "product_ref", unique=True,
            sqlite_where=sa.text("ends_at IS NULL"), postgresql_where=sa.text("ends_at IS NULL"),
        ),
        sa.Index("ix_promotions_shop_id_creator_id", "shop_id", "creator_id"),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(primary_key=True)  # prm_…
    creator_id: Mapped[str] = mapped_column(sa.ForeignKey("creators.id"))
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"))
    product_ref: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    recorded_at: Mapped[datetime]


class CutNotice(Base):
    """A creator was told that a rate they keep is about to fall. `creator_id` "": all of that cut were."""

    __tablename__ = "cut_notices"

    terms_id: Mapped[str] = mapped_column(sa.ForeignKey("terms.id"), primary_key=True)
    creator_id: Mapped[str] = mapped_column(primary_key=True)
    told_at: Mapped[datetime]


class Opening(Base):
    """A merchant opened a collection, or all of the shop, at a rate: each product gets open terms of its own.

    All of the shop with what comes new is one version of the shop's own open terms, and no walk. Otherwise a walk goes
    through the catalog (`after_ref` is its place, `whole_at` its end), and where `automatic` what changed since
    `looked_at` is looked at again and again. Closing walks back over `opened_products` until `over_at`.
    """

    __tablename__ = "openings"
    __table_args__ = (
        sa.Index(
            "uq_openings_standing", "shop_id", "kind", "value", unique=True,
            sqlite_where=sa.text("closed_at IS NULL"), postgresql_where=sa.text("closed_at IS NULL"),
        ),
        sa.Index("ix_openings_over_at", "over_at"),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(primary_key=True)  # opn_…
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"))
    kind: Mapped[str]  # shop | category | tag
    value: Mapped[str]  # of the category or tag, folded; "" of the shop
    shown: Mapped[str]  # as the merchant wrote it
    rate_bp: Mapped[int]
    automatic: Mapped[bool]  # products that come new are opened too
    opened_at: Mapped[datetime]
    opened_by: Mapped[str]
    after_ref: Mapped[str]
    whole_at: Mapped[datetime | None]
    looked_at: Mapped[datetime]
    opened: Mapped[int]  # products that got its rate
    kept: Mapped[int]  # products left alone, since they have a rate of their own
    replaced_by: Mapped[str | None]  # opn_…, of the same collection at another rate
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None]
    over_at: Mapped[datetime | None]  # nothing stands by it any more


class OpenedProduct(Base):
    """A product that an opening gave its rate, and the version that did."""

    __tablename__ = "opened_products"

    opening_id: Mapped[str] = mapped_column(sa.ForeignKey("openings.id"), primary_key=True)
    product_ref: Mapped[str] = mapped_column(primary_key=True)
    terms_id: Mapped[str] = mapped_column(sa.ForeignKey("terms.id"))


class Negotiation(Base):
    """A shop and a creator about terms of their own: its standing offer, whose answer it waits for, and its thread.

    `number` is the offer that stands: an act names it, and one about another offer is refused. Beyond an end the thread
    stays. Of one shop and creator at most one is open.
    """

    __tablename__ = "negotiations"
    __table_args__ = (
        sa.Index("ix_negotiations_shop_id_moved_at", "shop_id", "moved_at", "id"),
        sa.Index("ix_negotiations_creator_id_moved_at", "creator_id", "moved_at", "id"),
        sa.Index("ix_negotiations_state_expires_at", "state", "expires_at"),
        sa.Index(
            "uq_negotiations_open", "shop_id", "creator_id", unique=True,
            sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"),
        ),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(primary_key=True)  # neg_…
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"))
    creator_id: Mapped[str] = mapped_column(sa.ForeignKey("creators.id"))
    state: Mapped[str]  # open | agreed | declined | expired | withdrawn
    number: Mapped[int]  # of the newest offer, from 1
    turn: Mapped[str] = mapped_column(default="")  # merchant | creator: whose answer is awaited; "" while none is
    expires_at: Mapped[datetime | None]  # of the standing offer
    agreed: Mapped[int] = mapped_column(default=0)  # version of the agreement in force; 0: none yet
    ended_by: Mapped[str] = mapped_column(default="")  # the side that declined or withdrew last
    messages: Mapped[int] = mapped_column(default=0)  # how many the thread has
    merchant_read: Mapped[int] = mapped_column(default=0)  # up to which message
    creator_read: Mapped[int] = mapped_column(default=0)
    begun_at: Mapped[datetime]
    begun_by: Mapped[str]  # actor
    moved_at: Mapped[datetime]  # last offer, answer or message: lists go by it


class Offer(Base):
    """One offer of a negotiation, never edited; what became of it is stamped on it once."""

    __tablename__ = "offers"
    __table_args__ = (sa.UniqueConstraint("negotiation_id", "number"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # ofr_…
    negotiation_id: Mapped[str] = mapped_column(sa.ForeignKey("negotiations.id"))
    number: Mapped[int]
    side: Mapped[str]  # merchant | creator
    rate_bp: Mapped[int]
    product_refs: Mapped[list[Any]]  # sorted; []: the whole shop
    starts_at: Mapped[datetime | None]  # None: from its acceptance
    ends_at: Mapped[datetime]
    sample: Mapped[bool]  # merchant: one is offered; creator: one is wished for
    flat_fee: Mapped[int] = mapped_column(default=0)  # minor units of `fee_currency`, for content; 0: none
    fee_currency: Mapped[str] = mapped_column(default="")  # the shop's when the offer was made; "" without a fee
    note: Mapped[str] = mapped_column(default="")
    expires_at: Mapped[datetime]
    made_at: Mapped[datetime]
    made_by: Mapped[str]  # actor
    outcome: Mapped[str] = mapped_column(
        default=""
    )  # accepted | declined | countered | withdrawn | expired; "": stands
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str] = mapped_column(default="")  # actor, `rule:<id>` or `clock`


class Agreement(Base):
    """What was agreed, word for word; a change of it is another version. Never edited."""

    __tablename__ = "agreements"
    __table_args__ = (sa.UniqueConstraint("negotiation_id", "version"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # agr_…
    negotiation_id: Mapped[str] = mapped_column(sa.ForeignKey("negotiations.id"))
    offer_id: Mapped[str] = mapped_column(sa.ForeignKey("offers.id"))
    version: Mapped[int]
    text: Mapped[str]
    text_hash: Mapped[str]  # SHA-256 of the text as both sides accepted it
    offered_by: Mapped[str]  # actor
    accepted_by: Mapped[str]  # actor, or `rule:<id>`
    accepted_side: Mapped[str]  # merchant | creator
    accepted_at: Mapped[datetime]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    terms_ids: Mapped[list[Any]]  # the dated terms that it made
    flat_fee: Mapped[int] = mapped_column(default=0)  # minor units, once for all versions of a negotiation; 0: none
    fee_currency: Mapped[str] = mapped_column(default="")


class ContentApproval(Base):
    """Content that a creator hands in for the flat fee of an agreement, and what became of it (`approving`).

    Fee and currency are those of the agreement that stood then. Written once; each answer is stamped on it once.
    """

    __tablename__ = "content_approvals"
    __table_args__ = (
        sa.UniqueConstraint("negotiation_id", "number"),
        sa.Index("ix_content_approvals_shop_id_state", "shop_id", "state", "id"),
        sa.Index("ix_content_approvals_creator_id", "creator_id", "id"),
        sa.Index("ix_content_approvals_state_answer_by", "state", "answer_by"),
        sa.Index("ix_content_approvals_content_id", "content_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # cap_…
    negotiation_id: Mapped[str] = mapped_column(sa.ForeignKey("negotiations.id"))
    number: Mapped[int]  # 1, 2, 3 … within the negotiation; the greatest is the newest
    agreement_id: Mapped[str] = mapped_column(sa.ForeignKey("agreements.id"))
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"))
    creator_id: Mapped[str] = mapped_column(sa.ForeignKey("creators.id"))
    content_id: Mapped[str] = mapped_column(sa.ForeignKey("contents.id"))
    flat_fee: Mapped[int]  # minor units
    fee_currency: Mapped[str]
    product_refs: Mapped[list[Any]]  # products of the agreement that were in the content then
    state: Mapped[str]  # waiting | approved | sent_back | withdrawn | appealed | contested | refused | taken_back
    handed_in_at: Mapped[datetime]
    handed_in_by: Mapped[str]  # actor
    answer_by: Mapped[datetime]  # without an answer it is approved then
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str] = mapped_column(default="")  # actor, or `clock`
    reason: Mapped[str] = mapped_column(default="")  # why it was sent back, in the merchant's words
    again_until: Mapped[datetime | None]  # sent back: until then it may be handed in anew, whatever else has ended
    appeal_side: Mapped[str] = mapped_column(default="")  # creator | merchant: who asked support
    appealed_at: Mapped[datetime | None]
    appealed_by: Mapped[str] = mapped_column(default="")
    appeal: Mapped[str] = mapped_column(default="")  # their words
    # Support's first person, who would take a fee back that stands in a closed statement: a second one does it (F4).
    proposed_at: Mapped[datetime | None]
    proposed_by: Mapped[str] = mapped_column(default="")
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str] = mapped_column(default="")
    note: Mapped[str] = mapped_column(default="")  # support's words, which both sides read


class AcceptanceRule(Base):
    """A creator's offer that is no higher than this is accepted by itself. Never edited but for its end."""

    __tablename__ = "acceptance_rules"
    __table_args__ = (sa.Index("ix_acceptance_rules_shop_id", "shop_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # arl_…
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"))
    most_bp: Mapped[int]
    least_followers: Mapped[int]
    most_days: Mapped[int]  # a longer agreement waits for a person
    sample: Mapped[bool]  # also where a sample is wished for
    most_fee: Mapped[int] = mapped_column(default=0)  # the most flat fee, minor units of the shop's currency; 0: none
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]


class OfferBatch(Base):
    """One act on many: a list of invitations, or an answer to many offers. Its rows are worked off one after the
    other."""

    __tablename__ = "offer_batches"
    __table_args__ = (sa.Index("ix_offer_batches_shop_id_began_at", "shop_id", "began_at"),
                      sa.UniqueConstraint("shop_id", "request_key"))  # fmt: skip

    id: Mapped[str] = mapped_column(primary_key=True)  # ofb_…
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"))
    act: Mapped[str]  # invite | accept | decline | withdraw
    file_name: Mapped[str] = mapped_column(default="")
    # invite: the offer that each gets; accept and decline: by what they were chosen; withdraw: of which list
    asked: Mapped[dict[str, Any]]
    request_key: Mapped[str | None]  # a repeat of the request finds this batch
    rows: Mapped[int]
    status: Mapped[str]  # working | done
    began_at: Mapped[datetime]
    began_by: Mapped[str]
    finished_at: Mapped[datetime | None]


class OfferBatchRow(Base):
    """One row of a batch, and what became of it."""

    __tablename__ = "offer_batch_rows"
    __table_args__ = (sa.Index("ix_offer_batch_rows_batch_id_outcome", "batch_id", "outcome", "number"),)

    batch_id: Mapped[str] = mapped_column(sa.ForeignKey("offer_batches.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)  # the line of a file
    said: Mapped[str]  # the handle as it stands there
    rate_bp: Mapped[int | None]  # of this row alone
    flat_fee: Mapped[int | None]  # of this row alone, minor units of the shop's currency
    negotiation_id: Mapped[str | None]
    offer_number: Mapped[int | None]  # answers: the offer that is answered, and no later one
    outcome: Mapped[str]  # waiting | taken | refused
    reason: Mapped[str] = mapped_column(default="")  # a code, of a refused one
    detail: Mapped[str] = mapped_column(default="")


class Message(Base):
    """A message in a negotiation's thread. Plain text, never edited."""

    __tablename__ = "messages"
    __table_args__ = (sa.UniqueConstraint("negotiation_id", "request_key"),)

    negotiation_id: Mapped[str] = mapped_column(sa.ForeignKey("negotiations.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)  # 1, 2, 3 … within the thread
    side: Mapped[str]  # merchant | creator
    text: Mapped[str]
    at: Mapped[datetime]
    by: Mapped[str]  # actor
    request_key: Mapped[str | None]  # a repeat of the request finds this message


class MessageReport(Base):
    """Somebody says that a message is abuse; support reads it and closes the report."""

    __tablename__ = "message_reports"
    __table_args__ = (
        sa.UniqueConstraint("negotiation_id", "number"),
        sa.Index("ix_message_reports_closed_at_reported_at", "closed_at", "reported_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # mrp_…
    negotiation_id: Mapped[str] = mapped_column(sa.ForeignKey("negotiations.id"))
    number: Mapped[int]  # of the message
    side: Mapped[str]  # who reports
    words: Mapped[str]
    reported_at: Mapped[datetime]
    reported_by: Mapped[str]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str] = mapped_column(default="")
    note: Mapped[str] = mapped_column(default="")  # what support found
