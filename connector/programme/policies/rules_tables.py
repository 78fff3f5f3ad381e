"""Versions of the rules, what they keep out, breaches, what was said against either, terms of use and who accepted."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class RulesVersion(Base):
    """Never edited, never backdated. Version 1 is `rules.BORN_WITH` and has no row."""

    __tablename__ = "rules_versions"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    starts_at: Mapped[datetime]
    rules: Mapped[list[Any]]  # `rules.Rule` each
    disclosure: Mapped[dict[str, Any]]  # language → text
    why: Mapped[str]
    recorded_at: Mapped[datetime]  # wall time
    recorded_by: Mapped[str]


class RulesApplied(Base):
    """The version by which the whole list was screened last, or begun to be. One row."""

    __tablename__ = "rules_applied"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int]


class ListingRefusal(Base):
    """A product kept out by a rule: what was met, what the merchant says against it, what support decided.

    One stands for a product at a time; an ended one stays as its history.
    """

    __tablename__ = "listing_refusals"
    __table_args__ = (
        sa.Index("ix_listing_refusals_listing_id", "listing_id"),
        sa.Index("ix_listing_refusals_shop_id_ended_at", "shop_id", "ended_at"),
        sa.Index(
            "ix_listing_refusals_appeals", "appealed_at", sqlite_where=sa.text("decided_at IS NULL"),
            postgresql_where=sa.text("decided_at IS NULL"),
        ),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(primary_key=True)  # lrf_…
    listing_id: Mapped[str]
    shop_id: Mapped[str]
    product_ref: Mapped[str]
    title: Mapped[str]
    rule: Mapped[str]
    version: Mapped[int]
    found: Mapped[list[Any]]  # the rule's phrases that were met
    refused_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_why: Mapped[str]  # "" | changed (the product, or the rules) | permitted
    appeal: Mapped[str]
    appealed_at: Mapped[datetime | None]
    appealed_by: Mapped[str]
    decision: Mapped[str]  # "" | permitted | upheld
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str]
    note: Mapped[str]  # the decision's reason: the merchant reads it


class Violation(Base):
    """A breach of the rules by a creator or a shop. It counts until it ends, is lifted, or its end comes."""

    __tablename__ = "violations"
    __table_args__ = (
        sa.Index("ix_violations_subject_id", "subject_id"),
        sa.Index(
            "ix_violations_appeals", "appealed_at", sqlite_where=sa.text("decided_at IS NULL"),
            postgresql_where=sa.text("decided_at IS NULL"),
        ),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(primary_key=True)  # vio_…
    subject: Mapped[str]  # creator | shop
    subject_id: Mapped[str]
    rule: Mapped[str]
    version: Mapped[int]
    strikes: Mapped[int]  # 0: a warning
    why: Mapped[str]  # in the words of who recorded it: the subject reads it
    at: Mapped[datetime]
    recorded_by: Mapped[str]
    appeal_until: Mapped[datetime]
    ends_at: Mapped[datetime]
    appeal: Mapped[str]
    appealed_at: Mapped[datetime | None]
    decision: Mapped[str]  # "" | lifted | upheld
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str]
    note: Mapped[str]


class UseTerms(Base):
    """A version of the terms of use, for creators or for merchants. Never edited. The first ones have no row."""

    __tablename__ = "use_terms"

    audience: Mapped[str] = mapped_column(primary_key=True)  # creator | merchant
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    starts_at: Mapped[datetime]
    text: Mapped[str]
    why: Mapped[str]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]
    due_at: Mapped[datetime | None]  # from then on who hasn't accepted it does nothing new; None: it stops nobody


class UseTermsAccepted(Base):
    __tablename__ = "use_terms_accepted"

    audience: Mapped[str] = mapped_column(primary_key=True)
    subject_id: Mapped[str] = mapped_column(primary_key=True)  # creator or shop
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    text_hash: Mapped[str]  # of the text that was accepted: sha256, hex
    at: Mapped[datetime]
    by: Mapped[str]
