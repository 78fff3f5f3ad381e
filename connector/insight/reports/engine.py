"""Sums of what creators sold, by any dimension, a currency each. Currencies are never added."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from connector.insight.reports import asked as asking
from connector.insight.reports import beside as besides
from connector.insight.reports import sold
from connector.insight.reports.asked import Asked
from connector.insight.reports.beside import Owed
from connector.insight.reports.sold import Line, Placed

# A value of each dimension that a report is by: ids, a day, None for a line without one, and for what is owed beside
# orders and has no value there its kind (`beside.NAMES`): a row of its own.
Key = tuple[Any, ...]
# How many rows of a currency have their days: more are not drawn.
DRAWN = 10


class Sum(msgspec.Struct, gc=False):
    """Amounts in minor units of the one currency they stand under. An order counts once in each sum that it is in."""

    sales: int = 0
    taken_back: int = 0  # base that refunds and edits took back
    due: int = 0  # commission after refunds: what the merchant owes for it
    borne: int = 0  # refunded after its payout, and borne by the platform: not due, and kept by the creator
    orders: int = 0
    new: int = 0  # orders of buyers who hadn't ordered in the shop before
    returning: int = 0  # orders of those who had; of the others it isn't known
    kinds: dict[str, int] | None = None  # owed beside orders, by kind; None: nothing is

    @property
    def net(self) -> int:
        return self.sales - self.taken_back

    @property
    def commission(self) -> int:
        """What the creators have of the orders: what the ledger holds for these lines."""
        return self.due + self.borne

    @property
    def beside(self) -> int:
        """What the creators are owed beside it: bonuses, flat fees, reimbursements, balances brought along."""
        return sum(self.kinds.values()) if self.kinds else 0

    @property
    def owed(self) -> int:
        """What the merchant owes of all this."""
        return self.due + self.beside

    @property
    def earned(self) -> int:
        """What the creators have of all this: what the ledger holds."""
        return self.due + self.borne + self.beside

    def add(self, line: Line) -> None:
        self.sales += line.base
        self.taken_back += line.back
        self.due += line.due
        self.borne += line.borne

    def gain(self, sales: int, taken_back: int, due: int, borne: int, returning: bool | None) -> None:
        """Add what one order has of it."""
        self.sales += sales
        self.taken_back += taken_back
        self.due += due
        self.borne += borne
        self.orders += 1
        if returning is not None:
            if returning:
                self.returning += 1
            else:
                self.new += 1

    def gain_beside(self, kind: str, amount: int) -> None:
        """Add what is owed by no order's line."""
        if self.kinds is None:
            self.kinds = {}
        self.kinds[kind] = self.kinds.get(kind, 0) + amount


class Row(msgspec.Struct, gc=False):
    """One value of what the report is by. `days`: sales by day, of the greatest rows of a report that is drawn."""

    key: Key
    total: Sum
    days: dict[date, int] | None = None


class InCurrency(msgspec.Struct):
    """All that was sold in one currency. `days` has every day of the span, those without a sale too."""

    currency: str
    total: Sum
    days: dict[date, Sum]
    rows: list[Row]  # by sales, the greatest first


def read(
    session: Session, asked: Asked, by: Sequence[str] = (), *, drawn: bool = False, with_buyers: bool = False
) -> list[InCurrency]:
    """What was sold, a currency each by its name, and in each a row for each value of `by` (of `DIMENSIONS`).

    `drawn`: sums by day too, in all and of the greatest rows. `with_buyers`: new and returning buyers are told apart.
    """
    placed = sold.lines(session, asked, with_buyers=with_buyers)
    known: dict[str | None, str] = {}
    if "collaboration" in by:
        placed = _known_in_time(session, placed, known)
    return summed(
        placed, asked, by, drawn=drawn, collaboration_of=known.get, owed=lambda: besides.read(session, asked)
    )  # fmt: skip


def summed(
    placed: Iterable[Placed], asked: Asked, by: Sequence[str] = (), *, drawn: bool = False,
    collaboration_of: Callable[[str | None], str | None] = lambda terms_id: terms_id,
    owed: Callable[[], Iterable[Owed]] = tuple,
) -> list[InCurrency]:  # fmt: skip
    """As `read`, of orders that are at hand, and of what is owed beside them: pure."""
    places = _Places(asked, drawn=drawn, bare=len(by) == 1)
    day_of = _day_of(asked)
    dated = drawn or "day" in by
    if by:
        _sum(placed, places, day_of if dated else None, _keys(by, collaboration_of))
    else:
        _sum(placed, places, day_of if dated else None, None)
    for each in owed():
        entry = each.entry
        place, day = places.of(entry.currency), day_of(entry.at)
        place.total.gain_beside(entry.kind, entry.amount)
        if drawn:
            place.day(day).gain_beside(entry.kind, entry.amount)
        if by:
            key = _beside_key(by, each, day)
            place.row(key[0] if places.bare else key).gain_beside(entry.kind, entry.amount)
    return places.all()


class _Place:
    """One currency while it is summed. Its rows go by their key, of one dimension by the bare value: a report may have
    a hundred thousand."""

    __slots__ = ("currency", "days", "drawn", "rows", "total")

    def __init__(self, currency: str, every: Iterable[date]) -> None:
        self.currency, self.total = currency, Sum()
        self.days = {day: Sum() for day in every}
        self.rows: dict[Any, Sum] = {}
        # Row, day and sales of every part of an order, from which the greatest rows get their days in the end: with a
        # dict a row they took a third of the time of a great report.
        self.drawn: tuple[list[Any], list[date], list[int]] = ([], [], [])

    def day(self, day: date) -> Sum:
        found = self.days.get(day)
        if found is None:
            found = self.days[day] = Sum()
        return found

    def row(self, key: Any) -> Sum:
        found = self.rows.get(key)
        if found is None:
            found = self.rows[key] = Sum()
        return found

    def done(self, *, bare: bool) -> InCurrency:
        if bare:
            ranked = [(-total.sales, str(key or ""), key, total) for key, total in self.rows.items()]
        else:
            ranked = [(-total.sales, _text(key), key, total) for key, total in self.rows.items()]
        ranked.sort()  # no two rows have one text
        days: dict[Any, dict[date, int]] = {key: {} for _, _, key, _ in ranked[:DRAWN]}
        for key, day, sales in zip(*self.drawn, strict=True):
            mine = days.get(key)
            if mine is not None:
                mine[day] = mine.get(day, 0) + sales
        rows = [Row((key,) if bare else key, total) for _, _, key, total in ranked]
        for row, (_, _, key, _) in zip(rows[:DRAWN], ranked, strict=False):
            row.days = days[key]
        return InCurrency(self.currency, self.total, self.days, rows)


class _Places:
    """All currencies. `bare`: the report is by one dimension."""

    def __init__(self, asked: Asked, *, drawn: bool, bare: bool) -> None:
        self.drawn, self.bare = drawn, bare
        self._every = asking.span(asked) if drawn else []
        self._found: dict[str, _Place] = {}

    def of(self, currency: str) -> _Place:
        found = self._found.get(currency)
        if found is None:
            found = self._found[currency] = _Place(currency, self._every)
        return found

    def all(self) -> list[InCurrency]:
        return [self._found[currency].done(bare=self.bare) for currency in sorted(self._found)]


# Of each line of an order; of one dimension the bare value.
_KeysOf = Callable[[Placed, date], list[Any]]


def _sum(
    placed: Iterable[Placed], places: _Places, day_of: Callable[[datetime], date] | None, keys_of: _KeysOf | None
) -> None:
    """Each order's lines are summed first: most have one key, and a great report is hundreds of thousands of them."""
    day = date.min
    for order in placed:
        place, lines, returning = places.of(order.currency), order.lines, order.returning
        sales = back = due = borne = 0
        for line in lines:
            sales += line.base
            back += line.back
            due += line.due
            borne += line.borne
        place.total.gain(sales, back, due, borne, returning)
        if day_of is not None:
            day = day_of(order.placed_at)
            if places.drawn:
                place.day(day).gain(sales, back, due, borne, returning)
        if keys_of is None:
            continue
        keys = keys_of(order, day)
        key = keys[0]
        if len(keys) == 1 or keys.count(key) == len(keys):
            place.row(key).gain(sales, back, due, borne, returning)
            if places.drawn:
                _draw(place, key, day, sales)
            continue
        parts: dict[Any, Sum] = {}
        for key, line in zip(keys, lines, strict=True):
            part = parts.get(key)
            if part is None:
                part = parts[key] = Sum()
            part.add(line)
        for key, part in parts.items():
            place.row(key).gain(part.sales, part.taken_back, part.due, part.borne, returning)
            if places.drawn:
                _draw(place, key, day, part.sales)


def _draw(place: _Place, key: Any, day: date, sales: int) -> None:
    keys, days, amounts = place.drawn
    keys.append(key)
    days.append(day)
    amounts.append(sales)


def _day_of(asked: Asked) -> Callable[[datetime], date]:
    """A moment's day in the zone; of a span whose days are known by looking between their ends, which is quicker."""
    zone, days = asked.zone, asking.span(asked)
    ends: list[datetime] = []

    def day_of(at: datetime) -> date:
        if not ends:  # most reports by creator or video ask for no day
            ends.extend(moment.astimezone(UTC) for day in days if (moment := asked.on(day).until) is not None)
        place = bisect_right(ends, at)
        if 0 < place < len(days):
            return days[place]
        return at.astimezone(zone).date()

    return day_of


def _text(key: Key) -> str:
    return "\n".join([str(part or "") for part in key])


def _keys(by: Sequence[str], collaboration_of: Callable[[str | None], str | None]) -> _KeysOf:
    """The key of each line of an order."""
    listing = sold.listing_of
    ways: dict[str, _KeysOf] = {
        "creator": lambda order, _day: [line.creator_id for line in order.lines],
        "content": lambda order, _day: [line.content_id for line in order.lines],
        "product": lambda order, _day: [listing(order.shop_id, line.product_ref) for line in order.lines],
        "collaboration": lambda order, _day: [collaboration_of(line.terms_id) for line in order.lines],
        "shop": lambda order, _day: [order.shop_id] * len(order.lines),
        "day": lambda order, day: [day] * len(order.lines),
    }
    if len(by) == 1:
        return ways[by[0]]
    chosen = [ways[name] for name in by]

    def together(order: Placed, day: date) -> list[Key]:
        return list(zip(*[way(order, day) for way in chosen], strict=True))

    return together


def _beside_key(by: Sequence[str], owed: Owed, day: date) -> Key:
    """What is owed beside orders stands where it has a value of the dimension, else in a row of its kind."""
    entry = owed.entry
    parts: dict[str, Any] = {
        "creator": entry.creator_id, "content": entry.content_id or entry.kind, "product": entry.kind,
        "collaboration": owed.collaboration or entry.kind, "shop": entry.shop_id, "day": day,
    }  # fmt: skip
    return tuple([parts[name] for name in by])


def _known_in_time(session: Session, placed: Iterable[Placed], known: dict[str | None, str]) -> Iterator[Placed]:
    """The same orders; the collaboration of each of their terms is in `known` when they come."""
    stream = iter(placed)
    while chunk := list(islice(stream, 1000)):
        met = {line.terms_id for order in chunk for line in order.lines if line.terms_id}
        known.update(asking.collaborations(session, met - known.keys()).items())
        yield from chunk
