"""Rates as they stood at a moment (F1). Nothing here reads "now"."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.programme.collaborations.offer import Offers, Promotion, Rate, Version, in_force
from connector.programme.collaborations.tables import PromotionRow, Terms

_VERSION = (
    Terms.id, Terms.product_ref, Terms.rate_bp, Terms.version, Terms.starts_at, Terms.ends_at, Terms.kind,
    Terms.creator_id, Terms.ads_bp, Terms.new_buyer_bp, Terms.code_rates,
)  # fmt: skip
_OF_ALL = sa.select(*_VERSION).where(
    Terms.shop_id == sa.bindparam("shop_id"),
    Terms.kind.in_(("open", "event", "store")),
    Terms.product_ref.in_(sa.bindparam("scopes", expanding=True)),
)
_TARGETED = sa.select(*_VERSION).where(
    Terms.creator_id.in_(sa.bindparam("creators", expanding=True)),
    Terms.shop_id == sa.bindparam("shop_id"),
    Terms.kind == "targeted",
    Terms.product_ref.in_(sa.bindparam("scopes", expanding=True)),
)
_BOTH = sa.union_all(_OF_ALL, _TARGETED)
_PROMOTED = sa.select(
    PromotionRow.creator_id, PromotionRow.product_ref, PromotionRow.starts_at, PromotionRow.ends_at
).where(
    PromotionRow.creator_id.in_(sa.bindparam("creators", expanding=True)),
    PromotionRow.shop_id == sa.bindparam("shop_id"),
    PromotionRow.product_ref.in_(sa.bindparam("products", expanding=True)),
)


def offers(session: Session, shop_id: str, product_refs: Collection[str], creator_ids: Collection[str]) -> Offers:
    """All that bears on these products and creators, at every moment: two queries, whatever their number.

    The second one, for promotions, is asked only where a rate was ever replaced: nothing else is protected.
    """
    products, creators = sorted(set(product_refs)), sorted(set(creator_ids))
    connection = session.connection()
    asked = {"shop_id": shop_id, "scopes": ["", *products]}
    if creators:
        rows = connection.execute(_BOTH, {**asked, "creators": creators}).all()
    else:
        rows = connection.execute(_OF_ALL, asked).all()
    versions = [Version(*row) for row in rows]
    if not creators or not _replaced(versions):
        return Offers(versions)
    promoted = connection.execute(_PROMOTED, {"shop_id": shop_id, "creators": creators, "products": products})
    return Offers(versions, [Promotion(*row) for row in promoted])


def _replaced(versions: Sequence[Version]) -> bool:
    """Has any of these taken the place of another of its kind? A product's own takes the place of the shop's too."""
    kinds = [(version.kind, version.creator_id) for version in versions]
    return len(set(kinds)) < len(kinds)


def open_rate(session: Session, shop_id: str, product_ref: str, moment: datetime) -> Rate | None:
    """What anybody earns on a product at `moment`, with the version it comes from. None: nothing was offered then."""
    return in_force(open_versions(session, shop_id, [product_ref]), product_ref, moment)


def open_versions(session: Session, shop_id: str, product_refs: Collection[str]) -> list[Version]:
    """Every version that the shop offers to anybody, for these products and for the whole shop: one query."""
    rows = session.connection().execute(_OF_ALL, {"shop_id": shop_id, "scopes": ["", *product_refs]})
    return [Version(*row) for row in rows]


def history(session: Session, shop_id: str) -> Sequence[Terms]:
    """Every version of a shop's terms, by scope and version."""
    return session.scalars(
        sa.select(Terms).where(Terms.shop_id == shop_id).order_by(Terms.kind, Terms.product_ref, Terms.version)
    ).all()
