"""A shop's catalog goes on its erasure request: variants are deleted, listings keep only the ids that orders name."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.catalog import changes
from connector.commerce.catalog.tables import Listing, MarketPriceRow, RefusedProduct, VariantRow

_TEXTS = (
    "title", "handle", "vendor", "category", "brand", "taxonomy_ref", "taxonomy_name", "description", "url",
    "image_url", "content_hash",
)  # fmt: skip


def forget_variants(session: Session, shop_id: str, limit: int = 1000) -> int:
    """Delete some of a shop's variants; how many. 0: none is left."""
    ids = session.scalars(sa.select(VariantRow.id).where(VariantRow.shop_id == shop_id).limit(limit)).all()
    session.execute(sa.delete(VariantRow).where(VariantRow.id.in_(ids)))
    return len(ids)


def forget_listings(session: Session, shop_id: str, now: datetime, limit: int = 500) -> int:
    """Empty some of a shop's listings; how many. Links, touches and decisions name them by id, so the rows stay.

    An emptied listing has no content hash, so that a sync after a return writes it anew.
    """
    some = session.execute(
        sa.select(Listing.id, Listing.product_ref)
        .where(Listing.shop_id == shop_id, Listing.content_hash != "")
        .limit(limit)
    ).all()
    ids = [row.id for row in some]
    blank: dict[str, object] = dict.fromkeys(_TEXTS, "")
    blank |= {"images": [], "tags": [], "price_from": 0, "price_to": 0, "available": False, "variant_count": 0}
    blank |= {"status": "gone", "reason": "removed_in_store", "gone_at": sa.func.coalesce(Listing.gone_at, now)}
    session.execute(sa.update(Listing).where(Listing.id.in_(ids)).values(**blank, updated_at=now))
    changes.note(session, shop_id, [row.product_ref for row in some])
    return len(ids)


def forget_remarks(session: Session, shop_id: str) -> None:
    """What was written down beside the catalog: refused products with their titles, prices of other markets."""
    for table in (RefusedProduct, MarketPriceRow):
        session.execute(sa.delete(table).where(table.shop_id == shop_id))
