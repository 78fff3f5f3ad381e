"""Reads of shops. Every one takes the caller's session."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.shops.tables import GrantRow, Shop
from connector.errors import InputRefused, NotFound


def get(session: Session, shop_id: str) -> Shop:
    """Errors: NotFound."""
    shop = session.get(Shop, shop_id)
    if shop is None:
        raise NotFound(f"no shop has the id {shop_id[:40]!r}")
    return shop


def find(session: Session, platform: str, domain: str) -> Shop | None:
    """The shop of a platform's canonical host, whatever its status."""
    return session.scalar(sa.select(Shop).where(Shop.platform == platform, Shop.domain == domain))


def by_name(session: Session, named: str) -> Shop:
    """The shop that a person means by its id or its host. Errors: NotFound; InputRefused when two have that host."""
    found = list(
        session.scalars(sa.select(Shop).where(sa.or_(Shop.id == named, Shop.domain == named)).order_by(Shop.id))
    )
    if not found:
        raise NotFound(f"no shop is called {named[:60]!r}")
    if len(found) > 1:
        ids = ", ".join(shop.id for shop in found)
        raise InputRefused("shop", f"several shops are called {named[:60]!r}.", f"Name one by its id: {ids}.")
    return found[0]


def connected(session: Session) -> list[Shop]:
    """Shops whose grant is good, in the order in which they came."""
    return list(session.scalars(sa.select(Shop).where(Shop.status == "connected").order_by(Shop.id)))


def every(session: Session, *, after: str | None = None, limit: int | None = None) -> list[Shop]:
    """All shops, those that left too, in the order in which they came; or so many behind one."""
    asked = sa.select(Shop).order_by(Shop.id).limit(limit)
    return list(session.scalars(asked if after is None else asked.where(Shop.id > after)))


def has_good_grant(session: Session, shop: Shop, now: datetime) -> bool:
    """Connected, and its grant is live or can be renewed without the merchant? `now` is wall time."""
    if shop.status != "connected":
        return False
    row = session.get(GrantRow, shop.id)
    if row is None:
        return False
    if row.expires_at is None or row.expires_at > now:
        return True
    return row.refresh_sealed is not None and (row.refresh_expires_at is None or row.refresh_expires_at > now)


def of_changed_currency(session: Session) -> list[Shop]:
    """Shops of which nothing is settled, since nobody has looked at their change of currency yet."""
    return list(session.scalars(sa.select(Shop).where(Shop.currency_changed_at.is_not(None)).order_by(Shop.domain)))
