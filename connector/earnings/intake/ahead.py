"""What the orders of a batch will ask, asked for all of them at once.

New orders ask the same few things each: is the order there, which touches do its tokens stand for, who else ordered
with them, what was offered, who are the creators. Each room reads its own part ahead and looks there first; what isn't
found there it asks as ever, so nothing depends on this but the time it takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy.orm import Session

from connector import db
from connector.commerce.orders import buyers, record
from connector.commerce.shops.tables import Shop
from connector.earnings.attribution import candidates
from connector.events import OrderSeen
from connector.programme.collaborations import rates
from connector.programme.creators import identities
from connector.programme.creators import queries as creators


@contextmanager
def read(session: Session, shop: Shop, seen: Sequence[OrderSeen]) -> Iterator[None]:
    """Inside it the rooms know what these orders ask; nothing of it outlives the block.

    Each order may come once in `seen`, and what was held back (`db.later`) must be written before and after.
    """
    try:
        _read(session, shop, seen)
        yield
    finally:
        db.forget(session)


def _read(session: Session, shop: Shop, seen: Sequence[OrderSeen]) -> None:
    new = record.read_ahead(session, shop.id, [each.snapshot.order_ref for each in seen])
    seen = [each for each in seen if each.snapshot.order_ref in new]
    carried = {carrier.value for each in seen for carrier in (*each.snapshot.carriers, *each.hints)}
    touches = candidates.read_ahead(session, shop, carried) if carried else None
    if touches is None or not touches.creator_ids:
        return
    people = touches.creator_ids
    lines = (line.product_ref for each in seen for line in each.snapshot.lines)
    rates.read_ahead(session, shop.id, {ref for ref in lines if ref is not None}, people)
    creators.read_ahead(session, people)
    hashes = {hashed for each in seen for hashed in buyers.of_text(buyers.hashes(shop.id, each.buyer))}
    if hashes:
        identities.read_ahead(session, hashes, people)
