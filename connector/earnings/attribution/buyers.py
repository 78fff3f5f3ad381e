"""What the rules read of a buyer, as outcomes: an own purchase, a returning customer, a standing binding.

Hashes are compared here and nowhere later: a pinned decision holds the outcomes, and reads them instead (F3, F9). What
follows from other orders are dated records that a scheduled job makes (F8): they act on orders placed from then on.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import clock, db
from connector.commerce.orders import buyers
from connector.commerce.orders.facts import OrderFacts
from connector.commerce.orders.tables import Order
from connector.commerce.shops import settings
from connector.db import new_id
from connector.earnings.attribution.tables import Binding, DecisionRow, KnownBuyer, Looked
from connector.programme.creators import identities

# How many orders one look goes over in a transaction.
AT_ONCE = 500
_BEGINNING = timedelta(days=3650)
# The pin job comes a little after the grace.
_SETTLED = timedelta(minutes=10)
# An order that is heard of later than that binds nobody; the next one of its buyer does.
_HEARD_LATE = timedelta(days=2)

_BOUND = (
    sa.select(Binding.creator_id)
    .where(
        Binding.shop_id == sa.bindparam("shop_id"),
        Binding.buyer_hash == sa.bindparam("buyer"),
        Binding.starts_at <= sa.bindparam("moment"),
    )
    .order_by(Binding.starts_at.desc(), Binding.id.desc())
    .limit(1)
)
_KNOWN = sa.select(sa.literal(1)).where(
    KnownBuyer.shop_id == sa.bindparam("shop_id"),
    KnownBuyer.buyer_hash == sa.bindparam("buyer"),
    KnownBuyer.since <= sa.bindparam("moment"),
)


def bound(session: Session, facts: OrderFacts) -> str | None:
    """Whom the buyer was bound to when they ordered; None for nobody, or a buyer who isn't known."""
    if facts.buyer_hash is None:
        return None
    asked = {"shop_id": facts.shop_id, "buyer": facts.buyer_hash, "moment": facts.placed_at}
    return session.connection().execute(_BOUND, asked).scalar()


def returning(session: Session, facts: OrderFacts) -> bool | None:
    """Had they ordered here before? None: it isn't known who they are."""
    if facts.buyer_hash is None:
        return None
    asked = {"shop_id": facts.shop_id, "buyer": facts.buyer_hash, "moment": facts.placed_at}
    return session.connection().execute(_KNOWN, asked).first() is not None


def self_match(session: Session, facts: OrderFacts, creator_ids: Collection[str]) -> dict[str, str]:
    """Creator → hard | soft, for those of them who look like the buyer of the order."""
    hashes = buyers.of_text(facts.buyer_hashes)
    if not hashes or not creator_ids:
        return {}
    return identities.matches(session, hashes, creator_ids, facts.placed_at)


def look(session: Session, shop_id: str, now: datetime | None = None) -> int:
    """Go over the orders whose decisions have become final since the last look: their buyers become known, and bound
    where the shop says so; how many orders. 0: there is nothing more. The records start now: no order before is changed
    by them (F8)."""
    now = now or clock.now()
    looked = session.get(Looked, shop_id, with_for_update=True)
    if looked is None:
        looked = Looked(shop_id=shop_id, placed_to=now - _BEGINNING, looked_at=now)
        session.add(looked)
    since = looked.placed_to
    until = now - timedelta(hours=settings.whole(session, shop_id, "touch_grace_hours", now)) - _SETTLED
    fresh = (Order.shop_id == shop_id, Order.placed_at > since, Order.placed_at <= until)
    # Orders of one moment stay together: the next look begins behind it.
    cut = session.scalar(sa.select(Order.placed_at).where(*fresh).order_by(Order.placed_at).offset(AT_ONCE).limit(1))
    # The last portion looks back a little: an order may be heard of late.
    begin = since if cut is not None else since - _HEARD_LATE
    rows = session.execute(
        sa.select(Order.id, Order.buyer_hash, Order.placed_at, DecisionRow.creator_id)
        .join(DecisionRow, DecisionRow.order_id == Order.id)
        .where(
            Order.shop_id == shop_id, Order.placed_at > begin, Order.placed_at <= (cut or until),
            Order.buyer_hash.is_not(None), DecisionRow.pinned_at.is_not(None),
        )
        .order_by(Order.placed_at, Order.id, DecisionRow.line_ref)
    ).all()  # fmt: skip
    number = session.scalar(sa.select(sa.func.count()).where(*fresh, Order.placed_at <= (cut or until))) or 0
    looked.placed_to, looked.looked_at = max(since, cut or until), now
    _known(session, shop_id, [(row.buyer_hash, row.id) for row in rows], now)
    credited = [(row.buyer_hash, row.creator_id, row.id, row.placed_at) for row in rows if row.creator_id]
    _bind(session, shop_id, credited, now)
    session.flush()
    return number


def _known(session: Session, shop_id: str, seen: Sequence[tuple[str, str]], now: datetime) -> None:
    first: dict[str, str] = {}
    for buyer, order_id in seen:
        first.setdefault(buyer, order_id)
    if first:
        insert = db.insert(session, KnownBuyer).on_conflict_do_nothing(index_elements=["shop_id", "buyer_hash"])
        session.connection().execute(
            insert,
            [
                {"id": new_id("kby"), "shop_id": shop_id, "buyer_hash": buyer, "order_id": order_id, "since": now}
                for buyer, order_id in first.items()
            ],
        )


def _bind(session: Session, shop_id: str, seen: Sequence[tuple[str, str, str, datetime]], now: datetime) -> None:
    """The first creator who was credited for a buyer keeps them, where that was the shop's policy at the order."""
    wanted: dict[str, tuple[str, str]] = {}
    for buyer, creator_id, order_id, placed_at in seen:
        if settings.whole(session, shop_id, "lifetime", placed_at):
            wanted.setdefault(buyer, (creator_id, order_id))
    if not wanted:
        return
    held = set(session.scalars(sa.select(Binding.buyer_hash).where(Binding.shop_id == shop_id,
                                                                   Binding.buyer_hash.in_(list(wanted)))))  # fmt: skip
    for buyer, (creator_id, order_id) in wanted.items():
        if buyer not in held:
            bind(session, shop_id, buyer, creator_id, order_id, now)


def bind(
    session: Session, shop_id: str, buyer: str, creator_id: str, order_id: str, now: datetime, act_id: str | None = None
) -> None:
    """From now on the buyer is that creator's."""
    session.add(
        Binding(
            id=new_id("bnd"), shop_id=shop_id, buyer_hash=buyer, creator_id=creator_id, order_id=order_id,
            starts_at=now, recorded_at=clock.now(), act_id=act_id,
        )
    )  # fmt: skip


def move(session: Session, order_id: str, creator_id: str, act_id: str, now: datetime) -> None:
    """A person gives the buyer of an order to another creator, from now on. Nobody known: only the order changes."""
    order = session.get_one(Order, order_id)
    if order.buyer_hash is not None:
        bind(session, order.shop_id, order.buyer_hash, creator_id, order_id, now, act_id)
