"""Giving a shop up from our side: the grant is dropped at once, history stays.

The store keeps us in its list of apps until the merchant removes us there; its token is of no use to anybody then,
since ours was the only copy.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from connector import audit, clock
from connector.commerce.shops import connect, queries
from connector.errors import Conflict


def disconnect(session: Session, shop_id: str, by: str) -> None:
    """Errors: NotFound; Conflict when the shop has left already."""
    shop = queries.get(session, shop_id)
    if shop.status == "left":
        raise Conflict(f"{shop.domain} has left already.")
    connect.leave(session, shop, max(clock.now(), shop.installed_at))
    shop.status_reason, shop.status_detail = "disconnected", "The store was disconnected here."
    audit.record(session, by, "shop.disconnect", shop_id, shop_id=shop_id)
