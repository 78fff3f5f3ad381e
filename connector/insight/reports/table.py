"""A report as rows with names: what was tapped and what was sold, side by side, for pages, the API and CSV files."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import money
from connector.commerce.catalog import queries as catalog
from connector.commerce.catalog.tables import Listing
from connector.commerce.shops.tables import Shop
from connector.earnings.ledger.queries import BESIDE
from connector.earnings.payouts.rails import defused
from connector.insight.reports import beside, drill, engine, taps
from connector.insight.reports.asked import NONE, Asked
from connector.insight.reports.engine import InCurrency, Sum
from connector.programme.collaborations.tables import Terms
from connector.programme.content import queries as contents
from connector.programme.content import views
from connector.programme.content.tables import Content
from connector.programme.creators import queries as creators


@dataclass(slots=True)
class Row:
    """One value of what the report is by. `id` is what narrows a report to it: an id, a day, or "none"."""

    id: str
    name: str = ""
    taps: int = 0
    money: dict[str, Sum] = field(default_factory=dict)  # by currency
    views: int | None = None  # of a video, post or live session, where the app told any
    content: Content | None = None  # the video, post or live session itself, once it has its name

    @property
    def orders(self) -> int:
        return sum(each.orders for each in self.money.values())

    @property
    def beside(self) -> bool:
        """Is anything of it owed beside orders?"""
        return any(each.kinds for each in self.money.values())

    @property
    def rate_bp(self) -> int | None:
        """Orders for each tap, in basis points. None where nothing was tapped."""
        return round(self.orders * 10_000 / self.taps) if self.taps else None


@dataclass(frozen=True, slots=True)
class Table:
    """A report by one dimension. `whole` is all of it; its rows' sums and taps are the sums of its rows.

    `ids` are the rows in their order: a row is made when it is asked for, since a page shows few of very many.
    `found` has the same a currency, with the days where the report is drawn.
    """

    by: str
    asked: Asked
    whole: Row
    ids: list[str]
    found: list[InCurrency]
    sums: Mapping[str, Mapping[str, Sum]]  # currency → row → its sums
    tapped: Mapping[str, int]

    @property
    def rows(self) -> list[Row]:
        return self.some(0, len(self.ids))

    def some(self, start: int, number: int) -> list[Row]:
        """That many rows from a place on."""
        return [self.row(each) for each in self.ids[start : start + number]]

    def row(self, row_id: str) -> Row:
        """The row of an id; an empty one where nothing was tapped and nothing sold."""
        money = {currency: rows[row_id] for currency, rows in self.sums.items() if row_id in rows}
        return Row(row_id, taps=self.tapped.get(row_id, 0), money=money)

    def page(self, after: str = "", limit: int = 50) -> tuple[list[Row], str]:
        """The rows behind the one with that id, and the last one's id where more follow."""
        place = next((n + 1 for n, each in enumerate(self.ids) if each == after), 0) if after else 0
        shown = self.some(place, limit)
        return shown, shown[-1].id if place + limit < len(self.ids) else ""


def read(session: Session, asked: Asked, by: str, *, drawn: bool = False, with_buyers: bool = False) -> Table:
    """Rows without names (`name`); by sales in the currency with most orders, days the newest first."""
    found = engine.read(session, asked, [by], drawn=drawn, with_buyers=with_buyers)
    counted = taps.count(session, asked, [by])
    return laid(found, counted, asked, by)


def laid(found: list[InCurrency], counted: dict[engine.Key, int], asked: Asked, by: str) -> Table:
    """As `read`, of what is counted already: pure."""
    sums = {place.currency: {_id(row.key[0]): row.total for row in place.rows} for place in found}
    tapped = {_id(key[0]): number for key, number in counted.items()}
    whole = Row("", taps=sum(counted.values()), money={place.currency: place.total for place in found})
    every = {row_id: None for rows in sums.values() for row_id in rows} | dict.fromkeys(tapped)
    if by == "day":
        return Table(by, asked, whole, sorted(every, reverse=True), found, sums, tapped)
    # Rows of the currency with most orders come in their order already; behind them what sold nothing in it, by taps.
    lead = sums[max(found, key=lambda place: place.total.orders).currency] if found else {}
    sold_some = [row_id for row_id, total in lead.items() if total.sales]
    rest = every.keys() - sold_some if len(sold_some) < len(every) else ()
    ids = [*sold_some, *sorted(rest, key=lambda each: (-tapped.get(each, 0), each))]
    return Table(by, asked, whole, ids, found, sums, tapped)


def _id(part: Any) -> str:
    return part if type(part) is str else NONE if part is None else str(part.isoformat())


def name(session: Session, table: Table, rows: Sequence[Row]) -> None:
    """Give these rows their names; videos how often they were seen in the time that was asked for, and themselves."""
    ids = [row.id for row in rows if row.id != NONE]
    videos: dict[str, Content] = {}
    seen: dict[str, int] = {}
    if table.by == "content":
        videos = _of_many(ids, lambda some: contents.some(session, some))
        seen = views.between(session, ids, table.asked.since, table.asked.until)
    others = [each for each in ids if each not in videos]
    known = names(session, table.by, others, with_shops=table.asked.shop_id is None) if others else {}
    for row in rows:
        row.content = video = videos.get(row.id)
        row.name = _called(video) if video is not None else known.get(row.id, "")
        row.views = seen.get(row.id)


def names(session: Session, by: str, ids: Collection[str], *, with_shops: bool = False) -> dict[str, str]:
    """What a dimension's values are called; what has no name is absent. `with_shops`: where rows are of several shops,
    a collaboration's name says whose it is."""
    kinds = {each: beside.NAMES[each] for each in ids if each in beside.NAMES}
    if kinds:
        rest = [each for each in ids if each not in kinds]
        return kinds | names(session, by, rest, with_shops=with_shops)
    if by == "creator":
        return {each.id: each.name for each in _of_many(ids, lambda some: creators.some(session, some)).values()}
    if by == "content":
        found = _of_many(ids, lambda some: contents.some(session, some))
        return {each.id: _called(each) for each in found.values()}
    if by == "shop":
        rows = session.execute(sa.select(Shop.id, Shop.name, Shop.domain).where(Shop.id.in_(list(ids))))
        return {shop_id: called or domain for shop_id, called, domain in rows}
    if by == "collaboration":
        return _collaborations(session, ids, with_shops=with_shops)
    if by == "product":
        return _of_many(ids, lambda some: _titles(session, some))
    return {}


def _called(content: Content) -> str:
    return content.title or content.content_ref


def _of_many(ids: Collection[str], read_some: Any) -> dict[str, Any]:
    wanted = sorted(ids)
    found: dict[str, Any] = {}
    for start in range(0, len(wanted), 500):
        found |= read_some(wanted[start : start + 500])
    return found


def _titles(session: Session, listing_ids: Sequence[str]) -> dict[str, str]:
    rows = session.execute(sa.select(Listing.id, Listing.title).where(Listing.id.in_(listing_ids)))
    return {listing_id: title for listing_id, title in rows if title}


def _collaborations(session: Session, ids: Collection[str], *, with_shops: bool) -> dict[str, str]:
    rows = session.scalars(sa.select(Terms).where(Terms.id.in_(list(ids)))).all()
    titles: dict[str, str] = {}
    for shop_id in {row.shop_id for row in rows}:
        refs = {row.product_ref for row in rows if row.shop_id == shop_id and row.product_ref}
        titles |= {
            row.id: title
            for ref, title in catalog.titles(session, shop_id, refs).items()
            for row in rows if row.shop_id == shop_id and row.product_ref == ref
        }  # fmt: skip
    people = creators.some(session, {row.creator_id for row in rows if row.creator_id})
    shops = names(session, "shop", {row.shop_id for row in rows}) if with_shops else {}
    found = {}
    for row in rows:
        about = titles.get(row.id) or row.product_ref or "whole shop"
        who = people[row.creator_id].name if row.creator_id in people else ""
        found[row.id] = {
            "open": f"Open: {about}", "targeted": f"Agreed with {who}: {about}", "event": row.name or "Event",
            "store": "Shop's own plan",
        }.get(row.kind, row.kind)  # fmt: skip
        if row.shop_id in shops:
            found[row.id] += f" · {shops[row.shop_id]}"
    return found


# As a file -------------------------------------------------------------------------------------------------------

COLUMNS = (
    "id", "name", "currency", "views", "taps", "orders", "orders_new_buyers", "orders_returning_buyers", "sales",
    "taken_back", "net_sales", "commission", "event_bonuses", "flat_fees", "brought_along", "reimbursed", "earned",
)  # fmt: skip
ORDER_COLUMNS = (
    "order_id", "number", "shop_id", "placed_at", "currency", "lines", "sales", "taken_back", "net_sales", "commission",
    "kind", "about", "creator_id", "earned", "buyer",
)  # fmt: skip
BUYERS = {True: "returning", False: "new", None: ""}
_AT_ONCE = 500


def as_csv(session: Session, table: Table) -> Iterator[str]:
    """The whole report, a row a value and currency; piece by piece. Text that begins like a formula is defused."""
    write = _Csv()
    yield write((table.by, *COLUMNS[1:]))
    for start in range(0, len(table.ids), _AT_ONCE):
        rows = table.some(start, _AT_ONCE)
        name(session, table, rows)
        for row in rows:
            for currency, total in row.money.items() or [("", Sum())]:
                told = (total.new, total.returning) if total.new or total.returning else ("", "")
                views_seen = "" if row.views is None else row.views
                yield write((
                    defused(row.id), defused(row.name), currency, views_seen, row.taps, total.orders, *told,
                    *_amounts(total, currency),
                ))  # fmt: skip


def orders_as_csv(session: Session, asked: Asked, *, with_buyers: bool = False) -> Iterator[str]:
    """Every order of a figure, the newest first, then what is owed beside orders; piece by piece, however many there
    are. They sum to the figure. `with_buyers`: the last column says whether each buyer is new."""
    write = _Csv()
    yield write(ORDER_COLUMNS)
    before: tuple[datetime, str] | None = None
    while True:
        rows, before = drill.orders(session, asked, before=before, limit=_AT_ONCE, with_buyers=with_buyers)
        for row in rows:
            yield write((
                row.order_id, defused(row.number), row.shop_id, row.placed_at.isoformat(), row.currency, row.lines,
                *_amounts(row.total, row.currency)[:4], "order", "", "", money.text(row.total.earned, row.currency),
                BUYERS[row.returning],
            ))  # fmt: skip
        if before is None:
            break
    for owed in beside.read(session, asked):
        entry = owed.entry
        yield write((
            "", "", entry.shop_id, entry.at.isoformat(), entry.currency, 0, *("",) * 4, entry.kind,
            entry.subject, entry.creator_id, money.text(entry.amount, entry.currency), "",
        ))  # fmt: skip


def _amounts(total: Sum, currency: str) -> tuple[str, ...]:
    if not currency:
        return ("",) * 9
    kinds = total.kinds or {}
    besides = [kinds.get(kind, 0) for kind in BESIDE]
    parts = (total.sales, total.taken_back, total.net, total.commission, *besides, total.earned)
    return tuple(money.text(amount, currency) for amount in parts)


class _Csv:
    """Cells → a line of RFC 4180."""

    def __init__(self) -> None:
        self._line = io.StringIO(newline="")
        self._csv = csv.writer(self._line, lineterminator="\r\n")

    def __call__(self, cells: Iterable[object]) -> str:
        self._csv.writerow(cells)
        text = self._line.getvalue()
        self._line.seek(0)
        self._line.truncate()
        return text
