"""Terms: what a creator earns on a product, dated and versioned, never edited."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from connector.db import Base


class Terms(Base):
    """One version. In force from `starts_at` until a later version of the same (shop, kind, scope) starts or `ends_at`.

    Scope: `product_ref` "" is the whole shop; a product's own open terms stand before the shop's. `rate_bp` None is a
    withdrawal: from then on nothing is offered for that scope.
    """

    __tablename__ = "terms"
    __table_args__ = (
        sa.Index("ix_terms_shop_id_kind_product_ref_starts_at", "shop_id", "kind", "product_ref", "starts_at"),
        sa.CheckConstraint("rate_bp IS NULL OR (rate_bp >= 100 AND rate_bp <= 8000)", name="rate_range"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)  # trm_…
    shop_id: Mapped[str] = mapped_column(sa.ForeignKey("shops.id"))
    kind: Mapped[str]  # open | targeted | store
    creator_id: Mapped[str | None]  # targeted only
    product_ref: Mapped[str] = mapped_column(default="")
    rate_bp: Mapped[int | None]
    version: Mapped[int]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]
