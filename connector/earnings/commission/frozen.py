"""Which money is frozen right now: read by intake for new lines, by settlement before it closes, by payouts."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.earnings.commission.tables import ClearanceBlock, Freeze

FREEZE = "freeze"
_HELD = "open_freezes"
_OPEN = sa.select(Freeze.id, Freeze.scope, Freeze.shop_id, Freeze.creator_id, Freeze.order_id).where(
    Freeze.ended_at.is_(None)
)


@dataclass(frozen=True, slots=True)
class Open:
    """The freezes that stand, for asking about lines that are new."""

    creators: dict[str, list[tuple[str | None, str]]]  # creator → (shop, None: every one; freeze id)
    orders: dict[str, list[str]]  # order → freeze ids

    def of(self, shop_id: str, order_id: str, creator_id: str | None) -> list[str]:
        """Ids of the freezes that a line of this order and creator falls under. A line's own freeze isn't asked here:
        the line was there when it was frozen."""
        found = list(self.orders.get(order_id, ()))
        if creator_id is not None:
            found += [ref for shop, ref in self.creators.get(creator_id, ()) if shop in (None, shop_id)]
        return found


def standing(session: Session) -> Open:
    """All open freezes, read once a session: there are few, and every new line asks."""
    held: Open | None = session.info.get(_HELD)
    if held is None:
        held = Open({}, {})
        for freeze_id, scope, shop_id, creator_id, order_id in session.execute(_OPEN):
            if scope == "creator":
                held.creators.setdefault(creator_id or "", []).append((shop_id, freeze_id))
            elif scope == "order":
                held.orders.setdefault(order_id or "", []).append(freeze_id)
        session.info[_HELD] = held
    return held


def changed(session: Session) -> None:
    """A freeze was made or has ended in this session: what it read of them before is old."""
    session.info.pop(_HELD, None)


def lines(session: Session, shop_id: str) -> set[tuple[str, str]]:
    """(order, line) of a shop's frozen lines, cleared ones too: they come into no statement while it lasts."""
    query = sa.select(ClearanceBlock.order_id, ClearanceBlock.line_ref).where(
        ClearanceBlock.shop_id == shop_id, ClearanceBlock.kind == FREEZE, ClearanceBlock.closed_at.is_(None)
    )
    return {(order_id, line_ref) for order_id, line_ref in session.execute(query)}


def creators(session: Session) -> dict[str, set[str | None]]:
    """Creators whose money is frozen as a whole → at which shops (None: every one). They are paid nothing there."""
    return {creator: {shop for shop, _ in where} for creator, where in standing(session).creators.items()}


def is_frozen(session: Session, creator_id: str, shop_id: str) -> bool:
    """Is all of this creator's money at this shop frozen?"""
    return any(shop in (None, shop_id) for shop, _ in standing(session).creators.get(creator_id, ()))
