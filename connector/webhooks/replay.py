"""Put deliveries back to the drain. Replaying one that is done is harmless: everything behind the inbox converges."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import audit
from connector.commerce.orders.tables import Order
from connector.errors import Conflict, InputRefused, NotFound
from connector.webhooks.inbox import STATUSES
from connector.webhooks.tables import DeliveryRow

AT_MOST = 10_000


def replay(
    session: Session,
    *,
    by: str,
    delivery_id: str | None = None,
    status: str | None = None,
    reason: str | None = None,
    order_ref: str | None = None,
    shop_id: str | None = None,
) -> int:
    """Let the deliveries that match wait again, oldest effects first as ever; how many. Written to the audit log.

    One whose body went with its retention, or whose shop isn't known, stays as it is.
    Errors: InputRefused when nothing narrows it down; NotFound for an id that isn't there; Conflict when the one that
    was named can't be replayed.
    """
    if delivery_id is None and status is None and order_ref is None:
        raise InputRefused("delivery", "is missing.", "Name a delivery, a status or an order.")
    if status is not None and status not in STATUSES:
        raise InputRefused("status", f"is one of {', '.join(STATUSES)}.")
    if delivery_id is not None:
        _refuse_hopeless(session, delivery_id)
    chosen = _chosen(delivery_id=delivery_id, status=status, reason=reason, order_ref=order_ref, shop_id=shop_id)
    ids = session.scalars(chosen.order_by(DeliveryRow.id).limit(AT_MOST)).all()
    for start in range(0, len(ids), 500):
        session.execute(
            sa.update(DeliveryRow)
            .where(DeliveryRow.id.in_(ids[start : start + 500]))
            .values(status="waiting", reason="", detail="", tries=0, next_try_at=None, done_at=None)
        )
    asked = {"status": status, "reason": reason, "order_ref": order_ref}
    audit.record(
        session,
        by,
        "delivery.replay",
        delivery_id or "several",
        shop_id=shop_id,
        deliveries=len(ids),
        **{name: value for name, value in asked.items() if value is not None},
    )
    return len(ids)


def order_ref_of(session: Session, named: str, shop_id: str | None = None) -> str:
    """The store's id of an order that is named by it, by our id, or by its number.

    An order that we never heard of can be named by the store's id alone. Errors: InputRefused for a number of several.
    """
    number = named.lstrip("#")
    found = session.execute(
        sa.select(Order.order_ref, Order.id)
        .where(sa.or_(Order.id == named, Order.order_ref == named, Order.number.in_([number, f"#{number}"])))
        .where(sa.true() if shop_id is None else Order.shop_id == shop_id)
        .limit(3)
    ).all()
    for order_ref, order_id in found:
        if named in (order_ref, order_id):
            return str(order_ref)
    if len(found) > 1:
        raise InputRefused("order", f"several orders are called {named[:40]!r}.", "Name the shop, or the order's id.")
    return str(found[0].order_ref) if found else named


def _chosen(
    *, delivery_id: str | None, status: str | None, reason: str | None, order_ref: str | None, shop_id: str | None
) -> sa.Select[str]:
    query = sa.select(DeliveryRow.id).where(
        DeliveryRow.body_sealed.is_not(None), DeliveryRow.shop_id.is_not(None), DeliveryRow.status != "waiting"
    )
    for column, value in (
        (DeliveryRow.id, delivery_id),
        (DeliveryRow.status, status),
        (DeliveryRow.reason, reason),
        (DeliveryRow.order_ref, order_ref),
        (DeliveryRow.shop_id, shop_id),
    ):
        if value is not None:
            query = query.where(column == value)
    return query


def _refuse_hopeless(session: Session, delivery_id: str) -> None:
    row = session.get(DeliveryRow, delivery_id)
    if row is None:
        raise NotFound(f"no delivery has the id {delivery_id[:40]!r}")
    if row.body_sealed is None:
        raise Conflict("Its body went with its retention: run `connector reconcile` to read the store instead.")
    if row.shop_id is None:
        raise Conflict(f"No shop is known for {row.domain}: it goes on by itself once the shop is connected.")
