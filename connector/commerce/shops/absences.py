"""When a shop was away: every time between an uninstall and the return, kept for ever.

A shop's row says how it stands now; who earns by an order is asked of the moment at which it was placed, and a browser
that managed the shop before an absence need not belong to who brought it back.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db
from connector.commerce.shops.tables import ShopAbsence

_OF_SHOP = sa.select(ShopAbsence.left_at, ShopAbsence.returned_at).where(ShopAbsence.shop_id == sa.bindparam("shop_id"))


def away(session: Session, shop_id: str, moment: datetime) -> bool:
    """Was the shop absent at `moment` (business time)? It is from its leaving on, and no more from its return on.

    A shop's absences are few, and are read once a session.
    """
    held: list[tuple[datetime, datetime | None]] | None = session.info.get(_held(shop_id))
    if held is None:
        rows = session.connection().execute(_OF_SHOP, {"shop_id": shop_id})
        held = session.info[_held(shop_id)] = [(left_at, returned_at) for left_at, returned_at in rows]
    return any(left_at <= moment and (back is None or moment < back) for left_at, back in held)


def _held(shop_id: str) -> str:
    return f"shop_absences:{shop_id}"


def last_known(session: Session, shop_id: str) -> datetime | None:
    """Wall time at which we last heard of a leave or a return; None for a shop that never left."""
    return session.scalar(sa.select(sa.func.max(ShopAbsence.heard_at)).where(ShopAbsence.shop_id == shop_id))


def begin(session: Session, shop_id: str, left_at: datetime, returned_at: datetime | None = None) -> None:
    """Note that the shop left; with `returned_at` when we hear of it after its return. Hearing it twice is once."""
    row = {"shop_id": shop_id, "left_at": left_at, "returned_at": returned_at, "heard_at": clock.wall()}
    session.execute(
        db.insert(session, ShopAbsence).values(row).on_conflict_do_nothing(index_elements=["shop_id", "left_at"])
    )
    session.info.pop(_held(shop_id), None)


def end(session: Session, shop_id: str, returned_at: datetime) -> None:
    """The shop is back. Nothing happens when it was never away."""
    session.execute(
        sa.update(ShopAbsence)
        .where(ShopAbsence.shop_id == shop_id, ShopAbsence.returned_at.is_(None))
        .values(returned_at=returned_at, heard_at=clock.wall())
    )
    session.info.pop(_held(shop_id), None)
