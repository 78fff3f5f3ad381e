"""Giving a shop up from our side: the grant is dropped at once, history stays.

What we put at the store is taken away before that, with the key that still opens it (`webhooks.subscribe.part`, asked
by whoever asks for this: it is HTTP, and belongs outside the transaction). Where the platform has no such call, the
store keeps us in its list of apps or keys until the merchant removes us there; its key is of no use to anybody then,
since ours was the only copy.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from connector import audit, clock
from connector.commerce.catalog import take as catalog
from connector.commerce.shops import connect, queries
from connector.errors import Conflict


def disconnect(session: Session, shop_id: str, by: str, *, parted: bool = False) -> None:
    """`parted`: what we had put at the store was taken away. Errors: NotFound; Conflict when the shop has left
    already."""
    shop = queries.get(session, shop_id)
    if shop.status == "left":
        raise Conflict(f"{shop.domain} has left already.")
    connect.leave(session, shop, max(clock.now(), shop.installed_at))
    shop.status, shop.status_reason, shop.status_detail = "left", "disconnected", "The store was disconnected here."
    catalog.shop_changed(session, shop)
    audit.record(session, by, "shop.disconnect", shop_id, shop_id=shop_id, parted=parted)
