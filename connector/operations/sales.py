"""What creators sold for a shop: by day and by creator, a currency each. Currencies are never added.

A sale is the base of a line that is credited to a creator: what commission is worked out from, after discounts and
without tax, before refunds; what refunds and edits took back stands beside it. Days are the shop's own. All of it comes
from the newest evaluation of each order, so it moves with the order and agrees with its page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.orders.tables import Order
from connector.earnings.commission import rate
from connector.earnings.commission.tables import Evaluation
from connector.programme.creators import queries as creators

_PAGE = 5000


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
    inside = frozenset(span)
    found: dict[str, InCurrency] = {}
    people: dict[tuple[str, str], OfCreator] = {}
    for placed_at, currency, sold in _evaluated(session, shop_id, datetime.combine(first, time.min, zone), until):
        day = placed_at.astimezone(zone).date()
        if day not in inside:
            continue
        place = found.get(currency)
        if place is None:
            place = found[currency] = InCurrency(currency, Sum(), {each: Sum() for each in span}, [])
        of_day = place.days[day]
        of_day.orders += 1
        for creator_id, (base, taken_back, due) in sold.items():
            who = people.get((currency, creator_id))
            if who is None:
                who = people[currency, creator_id] = OfCreator(creator_id, "")
            who.days[day] = who.days.get(day, 0) + base
            total = who.total
            total.orders += 1
            total.sales += base
            total.taken_back += taken_back
            total.due += due
            of_day.sales += base
            of_day.taken_back += taken_back
            of_day.due += due
    known = creators.some(session, {creator_id for _, creator_id in people})
    for (currency, creator_id), who in people.items():
        who.name = known[creator_id].name if creator_id in known else creator_id
        found[currency].creators.append(who)
    for place in found.values():
        every = place.days.values()
        place.total = Sum(
            sum(each.sales for each in every), sum(each.taken_back for each in every), sum(each.due for each in every),
            sum(each.orders for each in every),
        )  # fmt: skip
        place.creators.sort(key=lambda each: (-each.total.sales, each.name, each.id))
    return [found[currency] for currency in sorted(found)]


class _Line(msgspec.Struct, frozen=True, gc=False):
    """What is read of a kept line."""

    base: int
    refunded_base: int
    due: int
    creator_id: str | None


_sold = msgspec.json.Decoder(dict[str, tuple[int, int, int]])
_lines = msgspec.json.Decoder(list[_Line])


def _evaluated(
    session: Session, shop_id: str, since: datetime, until: datetime
) -> Iterator[tuple[datetime, str, dict[str, tuple[int, int, int]]]]:
    """(placed, currency, what `rate.sold` says of it) of the span's orders that credit a creator, by their newest
    evaluation; stopped ones (a test, unpaid, cancelled) not."""
    later = sa.orm.aliased(Evaluation)
    outdone = sa.exists().where(later.order_id == Evaluation.order_id, later.sequence > Evaluation.sequence)
    # The lines only where the sums weren't kept yet.
    lines = sa.case((Evaluation.sold.is_(None), sa.cast(Evaluation.lines, sa.Text)))
    asked = (
        sa.select(Order.placed_at, Order.currency, Evaluation.sold, lines)
        .join(Evaluation, Evaluation.order_id == Order.id)
        .where(Order.shop_id == shop_id, Order.placed_at >= since, Order.placed_at <= until, Order.gone_at.is_(None))
        .where(~outdone, Evaluation.reason == "", sa.or_(Evaluation.sold.is_(None), Evaluation.sold != "{}"))
    )
    for placed_at, currency, kept, as_lines in session.connection().execute(asked.execution_options(yield_per=_PAGE)):
        sold = rate.sold(_lines.decode(as_lines)) if kept is None else _sold.decode(kept)
        if sold:
            yield placed_at, currency, sold
