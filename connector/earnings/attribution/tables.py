"""Links, touches, creator codes, the pinned decision of each order line, and the acts that change one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class Link(Base):
    """A share link: creator + listing (or variant) + content. Its code is short and never reused."""

    __tablename__ = "links"
    __table_args__ = (
        sa.UniqueConstraint("code"),
        sa.UniqueConstraint("subject"),
        sa.Index("ix_links_creator_id", "creator_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # lnk_…
    code: Mapped[str]
    subject: Mapped[str]  # what it stands for, as one key: asking again gives the same link
    shop_id: Mapped[str]
    creator_id: Mapped[str]
    content_id: Mapped[str | None]
    listing_id: Mapped[str]
    product_ref: Mapped[str]
    variant_ref: Mapped[str | None]  # None: the first variant that may be bought
    created_at: Mapped[datetime]


class Touch(Base):
    """A tap or a click that links a buyer to a creator and a content.

    Written once; only `journey`, `device_hash` and `device_until` may be emptied later (retention, erasure).
    """

    __tablename__ = "touches"
    __table_args__ = (
        sa.UniqueConstraint("token"),
        sa.UniqueConstraint("request_key"),
        # A journey is a buyer's: found by it alone, in whichever shop (at each tap) and in one (at each order).
        sa.Index("ix_touches_journey_received_at", "journey", "received_at"),
        sa.Index("ix_touches_creator_id_at", "creator_id", "at"),
        sa.Index("ix_touches_shop_id_at", "shop_id", "at"),
        sa.Index("ix_touches_device_hash_received_at", "device_hash", "received_at"),
        sa.Index("ix_touches_device_until", "device_until"),
    )

    id: Mapped[str] = mapped_column(
        primary_key=True
    )  # tch_…, made at the tap: of two at one moment the greater is later
    token: Mapped[str]  # signed; what rides with the cart
    shop_id: Mapped[str]
    creator_id: Mapped[str]
    content_id: Mapped[str | None]
    link_id: Mapped[str | None]
    listing_id: Mapped[str]
    product_ref: Mapped[str]
    variant_ref: Mapped[str | None]
    kind: Mapped[str]  # link | video | post | live | ad | cart
    journey: Mapped[str | None]  # keyed hash of the app's buyer id, or of the cookie at /go
    at: Mapped[datetime]  # when the tap happened
    received_at: Mapped[datetime]  # when we heard of it: part of the touch (F3)
    window_seconds: Mapped[int]  # the window in force at the tap
    eligible: Mapped[bool]  # creator's thresholds at the tap
    ineligible_reason: Mapped[str] = mapped_column(default="")
    # How many followed the creator at the tap, and how many the shop asked for then. None: tapped before that was kept.
    followers: Mapped[int | None]
    followers_needed: Mapped[int | None]
    terms_id: Mapped[str | None]  # in force at the tap, for the record
    flags: Mapped[list[Any]]  # over_rate: never credited; creator_suspended …: for the record
    request_key: Mapped[str | None]  # hash of the app's token and its Idempotency-Key: a repeat finds this touch
    device_hash: Mapped[str | None]
    device_until: Mapped[datetime | None]  # when the device hash is dropped
    way: Mapped[str] = mapped_column(default="", server_default="")  # how it went to the store: a `Carrying.way`


class TrialClick(Base):
    """A merchant's own test of their theme: a token that credits nobody, watched until an order brings it back."""

    __tablename__ = "trial_clicks"
    __table_args__ = (sa.UniqueConstraint("token"), sa.Index("ix_trial_clicks_shop_id_made_at", "shop_id", "made_at"))

    id: Mapped[str] = mapped_column(primary_key=True)  # trl_…
    shop_id: Mapped[str]
    token: Mapped[str]
    product_ref: Mapped[str]
    variant_ref: Mapped[str]
    title: Mapped[str]
    way: Mapped[str]  # by which it goes to the store
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]  # when they put it away


class OrderHint(Base):
    """A token that an order's landing page or journey brought: what only one side of the store tells."""

    __tablename__ = "order_hints"

    order_id: Mapped[str] = mapped_column(primary_key=True)
    carrier: Mapped[str] = mapped_column(primary_key=True)  # landing_page | store_journey
    value: Mapped[str] = mapped_column(primary_key=True)


class TokenBuyer(Base):
    """Which buyer (a keyed hash) placed which order with a token: more than three make it `token_shared`.

    Who came fourth is told by the orders' own times, so it doesn't depend on the order of arrival.
    """

    __tablename__ = "token_buyers"
    __table_args__ = (sa.Index("ix_token_buyers_buyer_hash", "buyer_hash"),)

    touch_id: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[str] = mapped_column(primary_key=True)
    buyer_hash: Mapped[str | None]  # None after erasure
    placed_at: Mapped[datetime]


class DecisionRow(Base):
    """Who is credited for a line, and at what rate. Provisional until pinned; then only a recorded act changes it."""

    __tablename__ = "decisions"
    __table_args__ = (
        sa.UniqueConstraint("order_id", "line_ref"),
        # All that a report of a creator or of a video asks: it reads no row.
        sa.Index("ix_decisions_creator_id_content_id_order_id", "creator_id", "content_id", "order_id"),
        # What a person must look at is little among millions (`queries.DRIFTED`, `queries.UNDER_REVIEW`).
        sa.Index(
            "ix_decisions_drift", "order_id", sqlite_where=sa.text("drift <> ''"),
            postgresql_where=sa.text("drift <> ''"),
        ),
        sa.Index(
            "ix_decisions_review", "order_id", sqlite_where=sa.text("credit_reason = 'frozen_review'"),
            postgresql_where=sa.text("credit_reason = 'frozen_review'"),
        ),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(primary_key=True)  # dec_…
    order_id: Mapped[str]
    shop_id: Mapped[str]
    line_ref: Mapped[str]
    credit_reason: Mapped[str]  # D9-D17, as printed
    rate_reason: Mapped[str]  # D18-D19, "" where the row stops before the rate
    creator_id: Mapped[str | None]
    content_id: Mapped[str | None]
    touch_id: Mapped[str | None]
    rate_bp: Mapped[int]  # 0 when nothing is earned
    terms_id: Mapped[str | None]
    evidence: Mapped[dict[str, Any]]  # candidates with the reason why each lost, rates at both moments, carriers
    decided_at: Mapped[datetime]
    pinned_at: Mapped[datetime | None]
    drift: Mapped[str] = mapped_column(
        default=""
    )  # what an evaluation after the pin would have said: `decision_changed`
    # How often it changed: the number of rows of its history.
    changes: Mapped[int] = mapped_column(default=0, server_default="0")


class DecisionPast(Base):
    """What a line's decision was before one of its changes: provisional ones until the pin, and what an act changed.

    So every evaluation's candidates can be read, each with why it lost, not only the last one's. Rows are only added.
    """

    __tablename__ = "decision_history"

    order_id: Mapped[str] = mapped_column(primary_key=True)
    line_ref: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)  # 1, 2 … within the line
    credit_reason: Mapped[str]
    rate_reason: Mapped[str]
    creator_id: Mapped[str | None]
    content_id: Mapped[str | None]
    touch_id: Mapped[str | None]
    rate_bp: Mapped[int]
    terms_id: Mapped[str | None]
    evidence: Mapped[dict[str, Any]]
    pinned: Mapped[bool]  # it was final, and an act changed it
    decided_at: Mapped[datetime]
    until: Mapped[datetime]  # from then on something else held


class DueForPin(Base):
    """Orders whose decisions are still provisional, with the moment at which they are pinned (placed + grace)."""

    __tablename__ = "due_for_pin"

    order_id: Mapped[str] = mapped_column(primary_key=True)
    shop_id: Mapped[str]
    pin_at: Mapped[datetime] = mapped_column(index=True)


class UnknownCode(Base):
    """A code that was asked for at `/go` and is none of ours: a link that lost something on its way, or a guess."""

    __tablename__ = "unknown_codes"
    __table_args__ = (
        sa.Index("ix_unknown_codes_first_at", "first_at"),
        sa.Index("ix_unknown_codes_last_at", "last_at"),
    )

    text: Mapped[str] = mapped_column(primary_key=True)  # as it was read: small letters and digits
    nearest: Mapped[str]  # a code of ours that it may have been, "" for none
    times: Mapped[int]
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]


class Code(Base):
    """A creator's code in one shop. Whose it is, and whether it leaked, is told by its dated records."""

    __tablename__ = "codes"
    __table_args__ = (sa.UniqueConstraint("shop_id", "text"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # cod_…
    shop_id: Mapped[str]
    text: Mapped[str]  # NFKC, case-folded: what is compared
    shown: Mapped[str]  # as it was written first
    created_at: Mapped[datetime]
    created_by: Mapped[str]


class CodeRecord(Base):
    """One dated fact about a code. Never edited; of its kind the newest that had started by a moment stands then.

    owned    it is `creator_id`'s from then on
    ended    it is nobody's
    leaked   it counts no more (R11)
    cleared  it counts again
    A record with an act may begin before it was written (a backdated leak); no other one ever does.
    """

    __tablename__ = "code_records"
    __table_args__ = (sa.Index("ix_code_records_code_id_starts_at", "code_id", "starts_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # crd_…
    code_id: Mapped[str] = mapped_column(sa.ForeignKey("codes.id"))
    kind: Mapped[str]
    creator_id: Mapped[str | None]
    starts_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]
    why: Mapped[str]
    evidence: Mapped[dict[str, Any]]  # of a leak: orders, orders without a tap, share, referrer, the settings of then
    act_id: Mapped[str | None]


class CodeUse(Base):
    """An order with a creator's code on it, and whether its buyer had tapped before: what a leak is judged by (R11)."""

    __tablename__ = "code_uses"
    __table_args__ = (sa.Index("ix_code_uses_shop_id_code_id_placed_at", "shop_id", "code_id", "placed_at"),)

    code_id: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[str] = mapped_column(primary_key=True)
    shop_id: Mapped[str]
    placed_at: Mapped[datetime]
    touched: Mapped[bool]  # an eligible touch of the code's owner is on the order
    referrer: Mapped[str]  # host of the coupon site that the visit came from, "" for any other


class Binding(Base):
    """A buyer stays with the creator who brought them first (D14). Dated; acts on orders placed from `starts_at` on."""

    __tablename__ = "bindings"
    __table_args__ = (
        sa.Index("ix_bindings_shop_id_buyer_hash_starts_at", "shop_id", "buyer_hash", "starts_at"),
        sa.Index("ix_bindings_order_id", "order_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # bnd_…
    shop_id: Mapped[str]
    buyer_hash: Mapped[str | None]  # keyed; None after erasure
    creator_id: Mapped[str]
    order_id: Mapped[str]  # what bound them, or the order at which a person moved them
    starts_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    act_id: Mapped[str | None]


class KnownBuyer(Base):
    """A buyer whose first order is behind us: from `since` on they are a returning one (F8)."""

    __tablename__ = "known_buyers"
    __table_args__ = (
        sa.UniqueConstraint("shop_id", "buyer_hash"),
        sa.Index("ix_known_buyers_order_id", "order_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # kby_…
    shop_id: Mapped[str]
    buyer_hash: Mapped[str | None]  # keyed; None after erasure
    order_id: Mapped[str]  # by which they became known
    since: Mapped[datetime]


class Looked(Base):
    """How far the hourly look over a shop's orders has come: by it buyers become known and bound."""

    __tablename__ = "attribution_looks"

    shop_id: Mapped[str] = mapped_column(primary_key=True)
    placed_to: Mapped[datetime]  # orders placed up to here were looked at
    looked_at: Mapped[datetime]


class Act(Base):
    """A recorded act that decides lines anew (F4): who, why, when, what it was previewed on. Input to a rebuild.

    Effective at once, or proposed until a second person approves it. Never edited but for that.
    """

    __tablename__ = "acts"
    __table_args__ = (
        sa.Index("ix_acts_order_id", "order_id"),
        sa.Index("ix_acts_state_proposed_at", "state", "proposed_at"),
        sa.Index("ix_acts_code_id", "code_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # act_…
    shop_id: Mapped[str]
    kind: Mapped[str]  # manual | leak_backdated | forfeit | binding_moved | engine_fix | review_passed | review_refused
    state: Mapped[str]  # proposed | effective | refused
    order_id: Mapped[str | None]  # None: a backdated leak, which concerns every order with the code since then
    line_ref: Mapped[str]  # "": the whole order
    creator_id: Mapped[str | None]
    content_id: Mapped[str | None]
    code_id: Mapped[str | None]
    since: Mapped[datetime | None]  # of a backdated leak
    actor: Mapped[str]
    reason: Mapped[str]
    token: Mapped[str]  # names the facts that the preview was worked out from
    proposed_at: Mapped[datetime]
    needs_second: Mapped[bool]
    approved_by: Mapped[str | None]
    approved_at: Mapped[datetime | None]
    effective_at: Mapped[datetime | None]
    refused_by: Mapped[str | None]
    refused_at: Mapped[datetime | None]
    refused_why: Mapped[str]


class PassedOver(Base):
    """A creator who had a tap or a code on a line and isn't credited for it. Follows the line's decision."""

    __tablename__ = "passed_over"
    __table_args__ = (sa.Index("ix_passed_over_creator_id_placed_at", "creator_id", "placed_at"),)

    order_id: Mapped[str] = mapped_column(primary_key=True)
    line_ref: Mapped[str] = mapped_column(primary_key=True)
    creator_id: Mapped[str] = mapped_column(primary_key=True)
    content_id: Mapped[str | None]
    reason: Mapped[str]  # what became of their best candidate
    placed_at: Mapped[datetime]  # of the order


class LinkTag(Base):
    """An old address of a link, from before the shop came here: what stands in a bio that nobody edits."""

    __tablename__ = "link_tags"

    tag: Mapped[str] = mapped_column(primary_key=True)  # NFKC, case-folded: what is compared
    shown: Mapped[str]  # as it was written
    link_id: Mapped[str] = mapped_column(sa.ForeignKey("links.id"))
    shop_id: Mapped[str]
    brought_by: Mapped[str]  # import:<id>
    brought_at: Mapped[datetime]
