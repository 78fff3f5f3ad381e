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
