"""Content: the video, post or live session that a touch came from, the products in it, and how often it was seen."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class Content(Base):
    __tablename__ = "contents"
    __table_args__ = (sa.UniqueConstraint("creator_id", "network", "content_ref"),)

    id: Mapped[str] = mapped_column(primary_key=True)  # cnt_…
    creator_id: Mapped[str] = mapped_column(sa.ForeignKey("creators.id"))
    network: Mapped[str]
    content_ref: Mapped[str]  # the app's own id of the video, post or live session
    kind: Mapped[str]  # video | post | live
    title: Mapped[str]
    created_at: Mapped[datetime]
    # Where anybody can see it (`addresses.checked`); "": the app told none. `url_told_at`: when it became this one.
    url: Mapped[str] = mapped_column(default="", server_default="")
    url_told_at: Mapped[datetime | None]


class Anchor(Base):
    """A product in a content, from `starts_at` until `ends_at` (None: until it is taken out).

    Whether it can be tapped now follows from that and from the listing: a product that is deleted at the store makes it
    inactive. Touches that it led to are facts of their own, and settle whatever becomes of it.
    """

    __tablename__ = "content_products"
    __table_args__ = (
        sa.Index("ix_content_products_content_id", "content_id"),
        sa.Index("ix_content_products_shop_id_product_ref", "shop_id", "product_ref"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # anc_…
    content_id: Mapped[str] = mapped_column(sa.ForeignKey("contents.id"))
    listing_id: Mapped[str]
    shop_id: Mapped[str]
    product_ref: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]


class Views(Base):
    """How often a content had been seen at a moment, as the app told it. Counts in all, not since the last one."""

    __tablename__ = "content_views"

    content_id: Mapped[str] = mapped_column(sa.ForeignKey("contents.id"), primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    views: Mapped[int]
    told_by: Mapped[str]
    recorded_at: Mapped[datetime]


class Sighting(Base):
    """From `at` on people could see a content, or couldn't any more; of a live session, how long it was. As the app
    told it; never edited. What nobody told anything about could be seen since it came to be known."""

    __tablename__ = "content_sightings"

    content_id: Mapped[str] = mapped_column(sa.ForeignKey("contents.id"), primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    visible: Mapped[bool]
    live_seconds: Mapped[int | None]
    told_by: Mapped[str]
    recorded_at: Mapped[datetime]
