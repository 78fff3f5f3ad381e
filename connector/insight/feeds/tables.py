"""Feeds, their builds with what was found in each, and the map from a store's taxonomy to Google's."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class Feed(Base):
    """A shop's catalog for one channel in one format, under an address that stays. Its key follows from `id` and
    `generation`, so no secret is stored."""

    __tablename__ = "feeds"
    __table_args__ = (sa.UniqueConstraint("shop_id", "channel", "format"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # fed_…
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"))
    channel: Mapped[str]  # google | meta | tiktok
    format: Mapped[str]  # rss | atom | tsv | csv
    generation: Mapped[int]  # raised to void the address that is out
    every_hours: Mapped[int]  # built again after so long, when the catalog changed; 0: only when asked
    built_id: Mapped[str | None]  # the build that is given out
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class FeedBuild(Base):
    __tablename__ = "feed_builds"
    __table_args__ = (
        sa.Index("ix_feed_builds_feed_id_queued_at", "feed_id", "queued_at"),
        sa.Index("ix_feed_builds_shop_id", "shop_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # fbd_…
    feed_id: Mapped[str]
    shop_id: Mapped[str]
    status: Mapped[str]  # queued | running | done | refusals | failed
    cause: Mapped[str]  # command | app | merchant | schedule
    queued_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    heard_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    problem: Mapped[str] = mapped_column(default="")
    products: Mapped[int] = mapped_column(default=0)  # listings looked at
    items: Mapped[int] = mapped_column(default=0)  # variants looked at = written + refused
    written: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    warned: Mapped[int] = mapped_column(default=0)  # written ones with a warning
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)  # code → how often
    size: Mapped[int] = mapped_column(default=0)  # bytes
    etag: Mapped[str] = mapped_column(default="")  # of the bytes: an unchanged catalog keeps it


class FeedFinding(Base):
    """The first few of each code of a build, for pages; all of them are in the build's report file."""

    __tablename__ = "feed_findings"

    build_id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[str]
    product_ref: Mapped[str]
    variant_ref: Mapped[str]
    title: Mapped[str]
    severity: Mapped[str]  # refused | warning
    code: Mapped[str]
    field: Mapped[str]
    detail: Mapped[str]


class CategoryMap(Base):
    """A row of the released mapping from the store platform's taxonomy to Google's, loaded by an operator."""

    __tablename__ = "category_map"

    source: Mapped[str] = mapped_column(primary_key=True)  # full name, folded
    target: Mapped[str]  # Google's full name
    release: Mapped[str]  # as the file's head names it
