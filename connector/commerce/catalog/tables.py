"""Listings and variants: the shoppable list. Rows are upserted by the platform's ids and tombstoned, never deleted."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class Listing(Base):
    """A product as creators and buyers find it. `id` is derived from (shop, product ref): stable across reinstalls."""

    __tablename__ = "listings"
    __table_args__ = (
        sa.UniqueConstraint("shop_id", "product_ref"),
        sa.Index("ix_listings_shop_id_status", "shop_id", "status"),
        # Few rows: those that a webhook or a read brought; a sync run asks which of them are newer than its export.
        sa.Index(
            "ix_listings_shop_id_whole_at",
            "shop_id",
            "whole_at",
            sqlite_where=sa.text("whole_at IS NOT NULL"),
            postgresql_where=sa.text("whole_at IS NOT NULL"),
        ),
        # Few rows: what came or changed since the rules were asked about it (`programme/policies`).
        sa.Index(
            "ix_listings_unscreened",
            "id",
            sqlite_where=sa.text("screened <> content_hash AND gone_at IS NULL"),
            postgresql_where=sa.text("screened <> content_hash AND gone_at IS NULL"),
        ),
        # And ix_listings_title, ix_listings_shop_id_title over lower(substr(title, 1, 80)), by 0004: the order
        # of `queries.by_title`, bytewise on both. Alembic can't compare what is made of an expression.
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # lst_…
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"))
    product_ref: Mapped[str]
    title: Mapped[str]
    handle: Mapped[str]
    vendor: Mapped[str]
    category: Mapped[str]  # the merchant's own word
    brand: Mapped[str] = mapped_column(default="", server_default="")  # a metafield, else the vendor
    taxonomy_ref: Mapped[str] = mapped_column(default="", server_default="")  # of the platform's taxonomy: `aa-1-13-8`
    taxonomy_name: Mapped[str] = mapped_column(default="", server_default="")  # its full name, `A > B > C`
    condition: Mapped[str] = mapped_column(default="new", server_default="new")  # new | refurbished | used
    description: Mapped[str]
    url: Mapped[str]
    image_url: Mapped[str]
    images: Mapped[list[Any]]
    tags: Mapped[list[Any]]
    currency: Mapped[str]
    price_from: Mapped[int]  # minor units, over live variants
    price_to: Mapped[int]
    available: Mapped[bool]  # any live variant may be bought
    variant_count: Mapped[int]
    store_status: Mapped[str]  # active | draft | archived | unlisted, as the store says
    published: Mapped[bool]  # as the store says
    gift_card: Mapped[bool]
    refused: Mapped[str]  # why a part of it could not be read, so that nothing of it is sold; "" when all could
    status: Mapped[str]  # shoppable | not_shoppable | gone
    reason: Mapped[str]  # why it isn't shoppable: a code of shoppable.REASONS, "" when it is
    content_hash: Mapped[str]  # of the product without variants, images and times
    store_changed_at: Mapped[datetime | None]
    seen_run: Mapped[str]  # the sync run that wrote it last, or `missed:` and the last one whose file did not name it
    whole_at: Mapped[datetime | None]  # when a webhook or a read last brought the whole product, or its end
    gone_at: Mapped[datetime | None]
    rule: Mapped[str] = mapped_column(default="", server_default="")  # the rule that keeps it out; "": none does
    screened: Mapped[str] = mapped_column(default="", server_default="")  # the content that the rules saw
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class VariantRow(Base):
    __tablename__ = "variants"
    __table_args__ = (
        sa.UniqueConstraint("shop_id", "variant_ref"),
        sa.Index("ix_variants_shop_id_product_ref", "shop_id", "product_ref"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # var_…
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"))
    product_ref: Mapped[str]
    variant_ref: Mapped[str]
    title: Mapped[str]
    sku: Mapped[str]
    barcode: Mapped[str]  # as the merchant typed it
    gtin: Mapped[str] = mapped_column(default="", server_default="")  # 8, 12, 13 or 14 digits that check; else ""
    mpn: Mapped[str] = mapped_column(default="", server_default="")  # the maker's part number
    item_ref: Mapped[str] = mapped_column(default="", server_default="")  # what stock messages call it
    price: Mapped[int]
    compare_at: Mapped[int | None]
    available: Mapped[bool]
    stock: Mapped[int | None]
    position: Mapped[int]
    options: Mapped[list[Any]]  # [[name, value], …]
    image_url: Mapped[str]
    requires_shipping: Mapped[bool]
    content_hash: Mapped[str]
    seen_run: Mapped[str]
    gone_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]


class RefusedProduct(Base):
    """A product that can't be taken in as the store has it now; the row goes once it can, or once it is gone."""

    __tablename__ = "refused_products"
    __table_args__ = (sa.Index("ix_refused_products_shop_id_reason", "shop_id", "reason"),)

    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"), primary_key=True)
    product_ref: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]  # "" where it was never known
    reason: Mapped[str]  # a code of refusals.CAUSES
    detail: Mapped[str]
    run_id: Mapped[str]  # the run that met it last; "" when a webhook's read did
    times: Mapped[int]
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]


class MarketPriceRow(Base):
    """A variant's price for buyers of one country, as the store said at `read_at`. Never mixed with the shop's own."""

    __tablename__ = "market_prices"

    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"), primary_key=True)
    variant_ref: Mapped[str] = mapped_column(primary_key=True)
    country: Mapped[str] = mapped_column(primary_key=True)  # ISO 3166-1, two letters
    product_ref: Mapped[str]
    currency: Mapped[str]  # the market's
    price: Mapped[int]  # minor units of that currency
    compare_at: Mapped[int | None]
    of_hash: Mapped[str]  # the variant's content when it was read: another content, and the price is old
    read_at: Mapped[datetime]


class ListingChange(Base):
    """A product that changed in what it is found or shown by, until the search index took it in."""

    __tablename__ = "listing_changes"

    seq: Mapped[int] = mapped_column(sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)
    shop_id: Mapped[str]
    product_ref: Mapped[str]
    noted_at: Mapped[datetime]  # wall time
