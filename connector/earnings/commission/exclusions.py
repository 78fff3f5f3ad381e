"""Products on which a shop pays no commission (D7): dated, never backdated, read as they stood at the order's time."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit, clock
from connector.db import new_id
from connector.earnings.commission.tables import ExcludedProduct
from connector.errors import Conflict, InputRefused, NotFound

_LONGEST_REF = 200


def at(session: Session, shop_id: str, moment: datetime) -> frozenset[str]:
    """Refs of the products that were excluded then. A shop's rows are read once a session."""
    held = session.info.get(_key(shop_id))
    if held is None:
        query = sa.select(ExcludedProduct.product_ref, ExcludedProduct.starts_at, ExcludedProduct.ends_at)
        held = [tuple(row) for row in session.execute(query.where(ExcludedProduct.shop_id == shop_id))]
        session.info[_key(shop_id)] = held
    if not held:
        return frozenset()
    return frozenset(ref for ref, starts, ends in held if starts <= moment and (ends is None or moment < ends))


def standing(session: Session, shop_id: str, product_ref: str) -> ExcludedProduct | None:
    """The exclusion of the product that hasn't ended."""
    mine = sa.and_(ExcludedProduct.shop_id == shop_id, ExcludedProduct.product_ref == product_ref)
    return session.scalars(sa.select(ExcludedProduct).where(mine, ExcludedProduct.ends_at.is_(None))).one_or_none()


def exclude(
    session: Session, shop_id: str, product_ref: str, *, by: str, now: datetime | None = None
) -> ExcludedProduct:
    """Nothing is earned on it by orders placed from now on.

    Errors: InputRefused for no product; Conflict when it is so already.
    """
    if not product_ref or len(product_ref) > _LONGEST_REF:
        raise InputRefused("product", "is empty or too long.", "Name the product by the store's own reference.")
    if standing(session, shop_id, product_ref) is not None:
        raise Conflict("The product is excluded already.")
    now = now or clock.now()
    row = ExcludedProduct(
        id=new_id("exc"), shop_id=shop_id, product_ref=product_ref, starts_at=now, ends_at=None,
        recorded_at=clock.wall(), recorded_by=by,
    )  # fmt: skip
    session.add(row)
    audit.record(session, by, "product.exclude", product_ref, shop_id=shop_id, starts_at=now.isoformat())
    session.flush()
    session.info.pop(_key(shop_id), None)
    return row


def include(
    session: Session, shop_id: str, product_ref: str, *, by: str, now: datetime | None = None
) -> ExcludedProduct:
    """Orders placed from now on earn on it again. Errors: NotFound when it isn't excluded."""
    row = standing(session, shop_id, product_ref)
    if row is None:
        raise NotFound("the product isn't excluded")
    row.ends_at = now or clock.now()
    audit.record(session, by, "product.include", product_ref, shop_id=shop_id, ends_at=row.ends_at.isoformat())
    session.flush()
    session.info.pop(_key(shop_id), None)
    return row


def _key(shop_id: str) -> str:
    return f"excluded_products:{shop_id}"
