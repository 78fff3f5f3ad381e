"""Sums of what creators sold, by any dimension, a currency each. Currencies are never added."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Any

from sqlalchemy.orm import Session

from connector.insight.reports import asked as asking
from connector.insight.reports import sold
from connector.insight.reports.asked import Asked
from connector.insight.reports.sold import Line, Placed

# A value of each dimension that a report is by: ids, a day, or None for a line without one.
Key = tuple[Any, ...]


@dataclass(slots=True)
class Sum:
    """Amounts in minor units of the one currency they stand under. An order counts once in each sum that it is in."""

    sales: int = 0
    taken_back: int = 0  # base that refunds and edits took back
    due: int = 0  # commission after refunds: what the merchant owes for it
    borne: int = 0  # refunded after its payout, and borne by the platform: not due, and kept by the creator
    orders: int = 0
    new: int = 0  # orders of buyers who hadn't ordered in the shop before
    returning: int = 0  # orders of those who had; of the others it isn't known

    @property
    def net(self) -> int:
        return self.sales - self.taken_back

    @property
    def earned(self) -> int:
        """What the creators have of it: what the ledger holds for these lines."""
        return self.due + self.borne

    def add(self, line: Line) -> None:
        self.sales += line.base
        self.taken_back += line.back
        self.due += line.due
        self.borne += line.borne

    def gain(self, other: Sum, returning: bool | None) -> None:
        """Add what one order has of it."""
        self.sales += other.sales
        self.taken_back += other.taken_back
        self.due += other.due
        self.borne += other.borne
        self.orders += 1
        if returning is not None:
            if returning:
                self.returning += 1
            else:
                self.new += 1


@dataclass(slots=True)
class Row:
    """One value of what the report is by. `days` has sales by day, where the report is drawn."""

    key: Key
    total: Sum = field(default_factory=Sum)
    days: dict[date, int] = field(default_factory=dict)


@dataclass(slots=True)
class InCurrency:
    """All that was sold in one currency. `days` has every day of the span, those without a sale too."""

    currency: str
    total: Sum
    days: dict[date, Sum]
    rows: list[Row]  # by sales, the greatest first


def read(
    session: Session, asked: Asked, by: Sequence[str] = (), *, drawn: bool = False, with_buyers: bool = False
) -> list[InCurrency]:
    """What was sold, a currency each by its name, and in each a row for each value of `by` (of `DIMENSIONS`).

    `drawn`: sums by day too, in all and of each row. `with_buyers`: new and returning buyers are told apart.
    """
    placed = sold.lines(session, asked, with_buyers=with_buyers)
    known: dict[str | None, str] = {}
    if "collaboration" in by:
        placed = _known_in_time(session, placed, known)
    return summed(placed, asked, by, drawn=drawn, collaboration_of=known.get)


def summed(
    placed: Iterable[Placed], asked: Asked, by: Sequence[str] = (), *, drawn: bool = False,
    collaboration_of: Callable[[str | None], str | None] = lambda terms_id: terms_id,
) -> list[InCurrency]:  # fmt: skip
    """As `read`, of orders that are at hand: pure."""
    key_of = _key(by, collaboration_of)
    dated = drawn or "day" in by
    every = asking.span(asked) if drawn else []
    found: dict[str, InCurrency] = {}
    rows: dict[tuple[str, Key], Row] = {}
    day = date.min
    for order in placed:
        currency, returning = order.currency, order.returning
        place = found.get(currency)
        if place is None:
            place = found[currency] = InCurrency(currency, Sum(), {each: Sum() for each in every}, [])
        if dated:
            day = order.placed_at.astimezone(asked.zone).date()
        # An order's lines are summed first: most have one key, and a great report is hundreds of thousands of them.
        met: dict[Key, Sum] = {}
        whole = Sum()
        for line in order.lines:
            whole.add(line)
            if by:
                key = key_of(order, line, day)
                part = met.get(key)
                if part is None:
                    part = met[key] = Sum()
                part.add(line)
        place.total.gain(whole, returning)
        if drawn:
            of_day = place.days.get(day)
            if of_day is None:
                of_day = place.days[day] = Sum()
            of_day.gain(whole, returning)
        for key, part in met.items():
            row = rows.get((currency, key))
            if row is None:
                row = rows[currency, key] = Row(key)
                place.rows.append(row)
            row.total.gain(part, returning)
            if drawn:
                row.days[day] = row.days.get(day, 0) + part.sales
    for place in found.values():
        place.rows.sort(key=lambda row: (-row.total.sales, _text(row.key)))
    return [found[currency] for currency in sorted(found)]


def _text(key: Key) -> str:
    return str(key[0] or "") if len(key) == 1 else "\n".join([str(part or "") for part in key])


def _key(
    by: Sequence[str], collaboration_of: Callable[[str | None], str | None]
) -> Callable[[Placed, Line, date], Key]:  # fmt: skip
    parts: dict[str, Callable[[Placed, Line, date], Any]] = {
        "creator": lambda _order, line, _day: line.creator_id,
        "content": lambda _order, line, _day: line.content_id,
        "product": lambda order, line, _day: sold.listing_of(order.shop_id, line.product_ref),
        "collaboration": lambda _order, line, _day: collaboration_of(line.terms_id),
        "shop": lambda order, _line, _day: order.shop_id,
        "day": lambda _order, _line, day: day,
    }
    if len(by) == 1:  # most are: half the time of a great report is here
        (one,) = (parts[name] for name in by)
        return lambda order, line, day: (one(order, line, day),)
    chosen = [parts[name] for name in by]
    return lambda order, line, day: tuple([part(order, line, day) for part in chosen])


def _known_in_time(session: Session, placed: Iterable[Placed], known: dict[str | None, str]) -> Iterator[Placed]:
    """The same orders; the collaboration of each of their terms is in `known` when they come."""
    stream = iter(placed)
    while chunk := list(islice(stream, 1000)):
        met = {line.terms_id for order in chunk for line in order.lines if line.terms_id}
        known.update(asking.collaborations(session, met - known.keys()).items())
        yield from chunk
