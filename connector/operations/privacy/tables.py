"""Privacy requests: what a store asks for a person or for itself, what was found, what was erased, and the proof."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class PrivacyRequest(Base):
    """One request. `status`: waiting | running | ready | done | cancelled | failed.

    waiting    asked, no worker has begun
    running    found and partly erased; hashes of orders whose decisions aren't final yet follow at their pin
    ready      a data request whose file is made: the merchant fetches it until the deadline
    done       erased, or the file was fetched; who it was about is no longer known here
    """

    __tablename__ = "privacy_requests"
    __table_args__ = (
        sa.UniqueConstraint("delivery_id"),
        sa.Index("ix_privacy_requests_status_due_at", "status", "due_at"),
        sa.Index("ix_privacy_requests_shop_id", "shop_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # prv_…
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"))
    kind: Mapped[str]  # customer_data | customer_erase | shop_erase
    delivery_id: Mapped[str | None]  # None: asked by a command
    request_ref: Mapped[str] = mapped_column(default="")  # the store's own number of it
    asked_by: Mapped[str]  # `store`, or who asked here
    asked_at: Mapped[datetime]  # wall time, as all here; when it reached us
    due_at: Mapped[datetime]  # thirty days later
    status: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")  # a code: why it was cancelled, what it waits for
    detail: Mapped[str] = mapped_column(default="")
    subject_sealed: Mapped[str | None]  # whom it is about, while it is open; never after
    subject_hash: Mapped[str | None]  # keyed; dropped with it
    order_refs: Mapped[list[Any]]  # named by the store
    found: Mapped[dict[str, Any]]  # kind of data → how many; `orders`: refs
    scanned_to: Mapped[str] = mapped_column(default="")  # the last delivery looked into: where a killed search goes on
    erased: Mapped[dict[str, Any]]  # kind of data → how many, so far
    proof: Mapped[dict[str, Any]]  # the tombstone, written once at the end
    proof_hash: Mapped[str] = mapped_column(default="")
    resume_at: Mapped[datetime | None]  # when the rest may be done
    heard_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]


class PrivacyFinding(Base):
    """One thing that was found about whom a request is about: named, never shown."""

    __tablename__ = "privacy_findings"

    request_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)  # delivery | order | touch
    ref: Mapped[str] = mapped_column(primary_key=True)  # dlv_… | ord_… | tch_…
    why: Mapped[str]  # order_named | customer_id | contact | same_buyer | led_to_order
    erased_at: Mapped[datetime | None]
    act: Mapped[str] = mapped_column(default="")  # dropped | cut | hash_dropped


class PrivacyExport(Base):
    """The file for a data request, sealed; gone after its time, the facts about it stay."""

    __tablename__ = "privacy_exports"
    __table_args__ = (sa.Index("ix_privacy_exports_request_id", "request_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # pex_…
    request_id: Mapped[str]
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"))
    sealed: Mapped[str | None]
    size: Mapped[int]  # bytes of the plain file
    sha256: Mapped[str]
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    expires_at: Mapped[datetime]
    fetched: Mapped[int] = mapped_column(default=0)
    fetched_at: Mapped[datetime | None]
