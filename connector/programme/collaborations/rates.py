"""Rates as they stood at a moment (F1). Nothing here reads "now"."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.programme.collaborations.offer import Rate, Version, in_force
from connector.programme.collaborations.tables import Terms

_OPEN = (
    sa.select(Terms.id, Terms.product_ref, Terms.rate_bp, Terms.version, Terms.starts_at, Terms.ends_at)
    .where(
        Terms.shop_id == sa.bindparam("shop_id"),
        Terms.kind == "open",
        Terms.product_ref.in_(sa.bindparam("scopes", expanding=True)),
    )
    .order_by(Terms.product_ref, Terms.version)
)


def open_rate(session: Session, shop_id: str, product_ref: str, moment: datetime) -> Rate | None:
    """The open rate of a product at `moment`, with the version it comes from. None: nothing was offered then."""
    return in_force(open_versions(session, shop_id, [product_ref]), product_ref, moment)


def open_versions(session: Session, shop_id: str, product_refs: Collection[str]) -> list[Version]:
    """Every version of the shop's open terms for these products and for the whole shop: one query for a whole order."""
    rows = session.connection().execute(_OPEN, {"shop_id": shop_id, "scopes": ["", *product_refs]})
    return [Version(*row) for row in rows]


def history(session: Session, shop_id: str) -> Sequence[Terms]:
    """Every version of a shop's terms, by scope and version."""
    return session.scalars(
        sa.select(Terms).where(Terms.shop_id == shop_id).order_by(Terms.kind, Terms.product_ref, Terms.version)
    ).all()
