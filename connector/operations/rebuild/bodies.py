"""Raw bodies once more, as long as they are kept: does today's translator read what was taken in?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import events
from connector.commerce.orders.tables import LooseFact, Order, OrderVersion
from connector.commerce.shops.tables import Shop
from connector.events import OrderSeen, OrderStub
from connector.operations.rebuild.difference import Verified
from connector.platforms import roster
from connector.webhooks import translate
from connector.webhooks.tables import DeliveryRow

_fact = msgspec.json.Encoder(order="deterministic").encode


def reread(session: Session, shop: Shop, order: Order, done: Verified) -> Iterator[tuple[str, str, str]]:
    """(what, as it reads today, what is kept) of each delivery of an order that reads otherwise now.

    Only deliveries that were taken in count, and only bodies that neither retention nor an erasure took.
    """
    rows = session.scalars(
        sa.select(DeliveryRow)
        .where(
            DeliveryRow.shop_id == shop.id,
            DeliveryRow.order_ref == order.order_ref,
            DeliveryRow.status == "done",
            DeliveryRow.body_sealed.is_not(None),
        )
        .order_by(DeliveryRow.id)
    ).all()
    if not rows:
        return
    platform = roster.platform(shop.platform)
    versions = set(
        session.scalars(
            sa.select(OrderVersion.content_hash).where(
                OrderVersion.order_id == order.id, OrderVersion.superseded.is_(False)
            )
        )
    )
    loose = _loose(session, shop.id, order.order_ref)
    for row in rows:
        done.bodies += 1
        about = f"{order.id} {order.number} delivery {row.id} {row.topic}"
        read = translate.read(row, platform, shop.currency)
        if read.problem is not None:
            yield about, read.problem.reason, "it was taken in"
        for event in read.events:
            if isinstance(event, OrderSeen):
                found = events.content_hash(event.snapshot)
                if found not in versions:
                    yield about, f"content {found}", "no such version"
            if isinstance(event, OrderStub):
                for kind, ref, body in _facts_of(event, row.id):
                    if (kind, ref, body) not in loose:
                        yield about, f"{kind} {ref}", "no such fact"


def _loose(session: Session, shop_id: str, order_ref: str) -> set[tuple[str, str, str]]:
    query = sa.select(LooseFact.kind, LooseFact.ref, LooseFact.body)
    rows = session.execute(query.where(LooseFact.shop_id == shop_id, LooseFact.order_ref == order_ref))
    return {(row[0], row[1], row[2]) for row in rows}


def _facts_of(stub: OrderStub, delivery_id: str) -> Iterator[tuple[str, str, str]]:
    """What such a delivery leaves behind: (kind, ref, body) as the order room keeps it."""
    pieces: list[tuple[str, str, Any]] = [("refund", refund.refund_ref, refund) for refund in stub.refunds]
    pieces += [("dispute", dispute.dispute_ref, dispute) for dispute in stub.disputes]
    pieces += [("return", back.return_ref, back) for back in stub.returns]
    if stub.edit_added:
        pieces.append(("edit", stub.edit_ref or f"delivery:{delivery_id}", stub.edit_added))
    for kind, ref, fact in pieces:
        yield kind, ref, _fact(fact).decode()
