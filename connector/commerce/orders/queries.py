"""Reading orders."""

from __future__ import annotations

from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock
from connector.commerce.orders.facts import OrderFacts
from connector.commerce.orders.tables import LooseFact, Order, OrderVersion
from connector.events import Carrier, Dispute, OrderSnapshot, Refund, Return

_snapshot = msgspec.json.Decoder(OrderSnapshot)
_refunds = msgspec.json.Decoder(tuple[Refund, ...])
_carriers = msgspec.json.Decoder(tuple[Carrier, ...])
_disputes = msgspec.json.Decoder(tuple[Dispute, ...])
_returns = msgspec.json.Decoder(tuple[Return, ...])


def by_ref(session: Session, shop_id: str, order_ref: str) -> Order | None:
    """The order of a shop by the store's own reference."""
    return session.execute(
        sa.select(Order).where(Order.shop_id == shop_id, Order.order_ref == order_ref)
    ).scalar_one_or_none()


def facts(order: Order) -> OrderFacts:
    """What is known of the order, typed. Nothing is read: the row holds all of it."""
    return OrderFacts(
        order_id=order.id,
        shop_id=order.shop_id,
        snapshot=_whole(_snapshot.decode(order.snapshot), order.line_products),
        refunds=_refunds.decode(order.refunds),
        carriers=_carriers.decode(order.carriers),
        disputes=_disputes.decode(order.disputes) if order.disputes not in ("", "[]") else (),
        returns=_returns.decode(order.returns) if order.returns not in ("", "[]") else (),
        added_units=order.added_units,
        first_seen={ref: clock.parse(text) for ref, text in order.lines_first_seen.items()},
        buyer_hash=order.buyer_hash,
        buyer_hashes=order.buyer_hashes,
        oldest_changed_at=order.oldest_changed_at,
    )


def _whole(snapshot: OrderSnapshot, products: dict[str, list[str | None]]) -> OrderSnapshot:
    """The newest snapshot, its lines with what an older version still knew of their product."""
    if all(line.product_ref and line.variant_ref for line in snapshot.lines):
        return snapshot
    lines = []
    for line in snapshot.lines:
        product, variant = products[line.line_ref]
        lines.append(
            msgspec.structs.replace(
                line,
                product_ref=line.product_ref or product,
                variant_ref=line.variant_ref or variant,
                # A product that is called so and was deleted since is no tip: it was sold as what it was.
                tip=line.tip and (product is None or line.product_ref is not None),
            )
        )
    return msgspec.structs.replace(snapshot, lines=tuple(lines))


def versions(session: Session, order_id: str) -> list[OrderVersion]:
    """Every version as heard, newest change first: what arrived when."""
    return list(
        session.execute(
            sa.select(OrderVersion)
            .where(OrderVersion.order_id == order_id)
            .order_by(OrderVersion.changed_at.desc(), OrderVersion.triggered_at.desc(), OrderVersion.content_hash)
        ).scalars()
    )


_SNAPSHOTS = (
    sa.select(OrderVersion.snapshot)
    .where(OrderVersion.order_id == sa.bindparam("order_id"), OrderVersion.superseded.is_(False))
    .order_by(OrderVersion.changed_at, OrderVersion.triggered_at, OrderVersion.content_hash)
)


def snapshots(session: Session, order_id: str) -> list[OrderSnapshot]:
    """Every version that counts, the oldest first."""
    rows = session.connection().execute(_SNAPSHOTS, {"order_id": order_id})
    return [_snapshot.decode(text) for (text,) in rows]


def loose_facts(session: Session, shop_id: str, order_ref: str) -> list[LooseFact]:
    """Refunds and edits that came without their order."""
    return list(
        session.execute(
            sa.select(LooseFact)
            .where(LooseFact.shop_id == shop_id, LooseFact.order_ref == order_ref)
            .order_by(LooseFact.heard_at, LooseFact.id)
        ).scalars()
    )


def parked(session: Session, shop_id: str | None = None, *, before: datetime | None = None) -> list[LooseFact]:
    """Facts whose order isn't known yet (`parked_orphan`), oldest first."""
    query = sa.select(LooseFact).where(LooseFact.order_id.is_(None))
    if shop_id is not None:
        query = query.where(LooseFact.shop_id == shop_id)
    if before is not None:
        query = query.where(LooseFact.heard_at < before)
    return list(session.execute(query.order_by(LooseFact.heard_at, LooseFact.id)).scalars())
