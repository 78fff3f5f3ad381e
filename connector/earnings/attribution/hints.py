"""What only one side of a store tells of an order's way: a body its landing page, the API its journey.

A body and an API read of one version are equal snapshots, so these stay outside of them. They are a set over all that
was heard, like carriers (F3), and are candidates the same way. Only what holds a token of ours is kept, and the name of
a coupon site that the visit came from (R11): the rest of a landing page is nobody's business here.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import db
from connector.earnings.attribution import leaks, tokens
from connector.earnings.attribution.tables import OrderHint
from connector.events import Carrier

_MOST = 20
_HINTED = "hinted_orders"
# Built once: building a statement costs more than running it.
_OF_ORDER = (
    sa.select(OrderHint.value, OrderHint.carrier)
    .where(OrderHint.order_id == sa.bindparam("order_id"))
    .order_by(OrderHint.value, OrderHint.carrier)
    .limit(_MOST)
)


def keep(session: Session, order_id: str, carriers: Iterable[Carrier]) -> bool:
    """Add what holds something like a token; whether any of it is new, so that the order must be decided again."""
    fresh = False
    for carrier in carriers:
        value = _kept(carrier)
        if not value:
            continue
        added = session.execute(
            db.insert(session, OrderHint)
            .values(order_id=order_id, carrier=carrier.kind, value=value)
            .on_conflict_do_nothing(index_elements=["order_id", "carrier", "value"])
        )
        fresh = fresh or bool(added.rowcount)  # type: ignore[attr-defined]
        session.info.setdefault(_HINTED, set()).add(order_id)
    return fresh


def _kept(carrier: Carrier) -> str:
    if carrier.kind == leaks.REFERRER:
        return leaks.kept(carrier)
    read = tokens.read(carrier.value)
    if read is None and not tokens.shaped(carrier.value):
        return ""
    return carrier.value if read is None or not read.mended else carrier.value[:100]


def of_order(session: Session, order_id: str, *, created: bool = False) -> list[tuple[str, str]]:
    """(value, carrier's name). `created`: the order was made in this session, so there is what this session kept."""
    if created and order_id not in session.info.get(_HINTED, ()):
        return []
    rows = session.connection().execute(_OF_ORDER, {"order_id": order_id})
    return [(value, carrier) for value, carrier in rows]
