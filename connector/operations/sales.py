"""What creators sold for a shop: by day and by creator, a currency each. Currencies are never added.

A sale is the base of a line that is credited to a creator: what commission is worked out from, after discounts and
without tax, before refunds; what refunds and edits took back stands beside it. Days are the shop's own. All of it comes
from the newest evaluation of each order, so it moves with the order and agrees with its page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.orders.tables import Order
from connector.earnings.attribution.tables import DecisionRow
from connector.earnings.commission.tables import Evaluation
from connector.programme.creators import queries as creators

_CHUNK = 500


@dataclass(slots=True)
class Sum:
    """Amounts in minor units of the one currency they stand under."""

    sales: int = 0
    taken_back: int = 0  # base that refunds and edits took back
    due: int = 0  # commission after refunds
    orders: int = 0


@dataclass(slots=True)
class OfCreator:
    """`id` is the creator's; the name is as they have it now."""

    id: str
    name: str
    total: Sum = field(default_factory=Sum)
    days: dict[date, int] = field(default_factory=dict)  # sales by day


@dataclass(slots=True)
class InCurrency:
    """All that was sold in one currency. `days` has every day of the span, those without a sale too."""

    currency: str
    total: Sum
    days: dict[date, Sum]
    creators: list[OfCreator]  # by sales, the greatest first


def read(session: Session, shop_id: str, *, until: datetime, zone: tzinfo, days: int = 30) -> list[InCurrency]:
    """What was sold in the `days` up to and with the day of `until`, a currency each, by name of the currency."""
    last = until.astimezone(zone).date()
    first = last - timedelta(days=days - 1)
    span = [first + timedelta(days=n) for n in range(days)]
    found: dict[str, InCurrency] = {}
    people: dict[tuple[str, str], OfCreator] = {}
    for order, lines in _evaluated(session, shop_id, datetime.combine(first, time.min, zone), until):
        day = order.placed_at.astimezone(zone).date()
        credited = [line for line in lines if line["creator_id"] is not None]
        if not credited or day not in span:
            continue
        place = found.setdefault(order.currency, InCurrency(order.currency, Sum(), {each: Sum() for each in span}, []))
        _count(place.total, credited)
        _count(place.days[day], credited)
        for creator_id in sorted({line["creator_id"] for line in credited}):
            who = people.setdefault((order.currency, creator_id), OfCreator(creator_id, ""))
            theirs = [line for line in credited if line["creator_id"] == creator_id]
            _count(who.total, theirs)
            who.days[day] = who.days.get(day, 0) + sum(line["base"] for line in theirs)
    known = creators.some(session, {creator_id for _, creator_id in people})
    for (currency, creator_id), who in people.items():
        who.name = known[creator_id].name if creator_id in known else creator_id
        found[currency].creators.append(who)
    for place in found.values():
        place.creators.sort(key=lambda each: (-each.total.sales, each.name))
    return [found[currency] for currency in sorted(found)]


def _count(total: Sum, lines: Sequence[Mapping[str, Any]]) -> None:
    total.orders += 1
    for line in lines:
        total.sales += line["base"]
        total.taken_back += line["refunded_base"]  # units that an edit removed are in it
        total.due += line["due"]


def _evaluated(
    session: Session, shop_id: str, since: datetime, until: datetime
) -> Iterator[tuple[Order, list[dict[str, Any]]]]:
    """Orders of the span with the lines of their newest evaluation; stopped ones (a test, unpaid, cancelled) not."""
    asked = (
        sa.select(Order)
        .where(Order.shop_id == shop_id, Order.placed_at >= since, Order.placed_at <= until, Order.gone_at.is_(None))
        .where(sa.exists().where(DecisionRow.order_id == Order.id, DecisionRow.creator_id.is_not(None)))
        .order_by(Order.placed_at, Order.id)
    )
    orders = session.scalars(asked.options(sa.orm.load_only(Order.id, Order.placed_at, Order.currency))).all()
    for start in range(0, len(orders), _CHUNK):
        some = {order.id: order for order in orders[start : start + _CHUNK]}
        newest = (
            sa.select(Evaluation.order_id, sa.func.max(Evaluation.sequence).label("sequence"))
            .where(Evaluation.order_id.in_(list(some)))
            .group_by(Evaluation.order_id)
            .subquery()
        )
        rows = session.execute(
            sa.select(Evaluation.order_id, Evaluation.lines)
            .join(newest, sa.and_(Evaluation.order_id == newest.c.order_id, Evaluation.sequence == newest.c.sequence))
            .where(Evaluation.reason == "")
        )
        for order_id, lines in rows:
            yield some[order_id], lines
