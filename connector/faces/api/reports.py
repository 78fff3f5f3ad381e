"""Reports of what creators sold: by creator, video, product, collaboration, shop or day; their orders; as files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import Response
from pydantic import Field
from sqlalchemy.orm import Session

from connector import clock, db
from connector.commerce.shops import queries as shops
from connector.db import Scope
from connector.earnings.ledger.queries import BESIDE
from connector.earnings.ledger.sums import BesidePlace
from connector.errors import InputRefused
from connector.faces.api.face import blueprint, key_after
from connector.faces.api.shapes import Asked, Given, Ident, Money, Text, as_money
from connector.insight.reports import asked as asking
from connector.insight.reports import beginnings, beside, drill, table
from connector.insight.reports.asked import NONE
from connector.insight.reports.engine import Sum
from connector.insight.reports.table import Row, Table
from connector.programme.creators import queries as creators
from connector.web import cursors
from connector.web.guards import app_scope

# Of every shop together no more than this at once: it is the whole trade of the app.
MOST_DAYS_OF_ALL = 31
_Day = Annotated[date, Field(ge=date(2000, 1, 1), lt=date(2100, 1, 1))]


class Time(Asked):
    since: _Day | None = Field(None, description="First day. Default: 29 before the last.", examples=["2026-11-01"])
    until: _Day | None = Field(None, description="Last day. Default: today.", examples=["2026-11-30"])
    time_zone: Annotated[Text, Field(max_length=64)] | None = Field(
        None, description="What a day is. Default: the shop's where one is named, else UTC.", examples=["Europe/Berlin"]
    )


class SalesAsked(Time):
    """What a report is narrowed to. A filter changes what is shown, never a balance."""

    shop_id: Ident | None = None
    creator_id: Ident | None = None
    content_id: Ident | None = Field(None, description='"none": what came by links and codes without content.')
    listing_id: Ident | None = Field(None, description='"none": lines without a product.')
    collaboration_id: Ident | None = Field(None, description='Any version\'s id; "none": lines without terms.')
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = None


class ReportAsked(SalesAsked):
    by: Literal["creator", "content", "product", "collaboration", "shop", "day"] = "creator"


class ReportPageAsked(ReportAsked):
    cursor: Annotated[Text, Field(max_length=2000)] | None = Field(None, description="`next` of the page before.")
    limit: int = Field(50, ge=1, le=200)


class OrderPageAsked(SalesAsked):
    cursor: Annotated[Text, Field(max_length=2000)] | None = Field(None, description="`next` of the page before.")
    limit: int = Field(50, ge=1, le=200)


class SumShown(Given):
    """Sums in one currency: never added to another's. Net sales are sales less what was taken back."""

    currency: str
    orders: int = Field(description="Each counts once in every sum that it has a line in.")
    orders_new_buyers: int
    orders_returning_buyers: int = Field(description="Of the rest it isn't known.")
    sales: Money = Field(description="Bases of credited lines: after discounts, without tax, before refunds.")
    taken_back: Money = Field(description="By refunds and edits.")
    net_sales: Money
    commission: Money = Field(description="What the creators have of it: what the ledger holds for these lines.")
    borne: Money = Field(description="The part of the commission that was refunded after its payout: the app bears it.")
    bonus: Money = Field(description="Of events: owed beside orders, as the three that follow, by when it was booked.")
    flat_fee: Money = Field(description="Of agreements, for approved content.")
    reimbursement: Money = Field(description="Of refundable samples.")
    opening: Money = Field(description="Balances that creators brought along from before.")
    earned: Money = Field(description="Commission and what is owed beside orders: what the ledger holds.")


class ReportRow(Given):
    id: str | None = Field(
        description='What narrows a report to this row: an id, a day; "none": lines without one. What is owed beside '
        "orders and has none stands in a row of its kind: bonus, flat_fee, reimbursement, opening."
    )
    name: str | None
    views: int | None = Field(description="Of content, where any were told.")
    taps: int
    orders: int
    orders_per_tap_bp: int | None = Field(description="Orders for each tap, in basis points; null: nothing was tapped.")
    money: list[SumShown] = Field(description="One a currency.")


class ReportShown(Given):
    by: str
    since: datetime
    until: datetime = Field(description="Not in it.")
    total: ReportRow = Field(description="Of all rows, on this page or not.")
    items: list[ReportRow]
    next: str | None


class SoldOrder(Given):
    """An order with what of it the report counts."""

    order_id: str
    number: str
    shop_id: str
    placed_at: datetime
    lines: int
    money: SumShown


class SoldOrderPage(Given):
    items: list[SoldOrder]
    next: str | None


class BesideShown(Given):
    """What a creator is owed by no order's line; below zero: taken back."""

    id: str = Field(description="Of the ledger's entry.")
    kind: Literal["bonus", "flat_fee", "reimbursement", "opening"]
    about: str = Field(description="bonus:<event>:<creator>, flat_fee:<negotiation>, sample:<sample>, opening:<…>.")
    shop_id: str
    creator_id: str
    content_id: str | None
    at: datetime
    amount: Money


class BesidePage(Given):
    items: list[BesideShown]
    next: str | None


class BeginningsAsked(Time):
    shop_id: Ident | None = Field(None, description="Of this shop: who first took up a product of it in the time.")
    creator_id: Ident | None = Field(None, description="Of this creator alone, if they joined in the time.")


class BeginningsShown(Given):
    """Creators who joined in a time, and how far they have come. Times are in seconds, each the middle one of all."""

    joined: int
    linked: int
    sold: int
    seconds_to_link: float | None = Field(description="From joining to the first link.")
    seconds_to_sale: float | None = Field(description="From the first link to the first sale.")


@blueprint.get("/reports/sales")
@app_scope("earnings:read")
@blueprint.input(ReportPageAsked, location="query")
@blueprint.output(ReportShown)
def report_sales(query_data: ReportPageAsked) -> ReportShown:
    """What creators sold: by creator, content, product, collaboration, shop or day

    Rows come by sales, days newest first. Taps and orders are of the same time; an order may follow an earlier tap.
    """
    listing = f"report:{query_data.by}"
    with db.read(Scope.app()) as session:
        found = _read(session, query_data)
        after = str(cursors.unpack(listing, query_data.cursor)[0]) if query_data.cursor else ""
        rows, last = found.page(after, query_data.limit)
        table.name(session, found, rows)
    since, until = found.asked.since, found.asked.until
    if since is None or until is None:
        raise AssertionError("a report of the API has a beginning and an end")
    return ReportShown(
        by=found.by, since=since, until=until, total=_row(found.whole), items=[_row(each) for each in rows],
        next=cursors.pack(listing, [last]) if last else None,
    )  # fmt: skip


@blueprint.get("/reports/sales/orders")
@app_scope("earnings:read")
@blueprint.input(OrderPageAsked, location="query")
@blueprint.output(SoldOrderPage)
def report_orders(query_data: OrderPageAsked) -> SoldOrderPage:
    """The orders that a figure is made of, newest first: they sum to it"""
    listing = "report:orders"
    before = None
    if query_data.cursor:
        at, order_id = cursors.unpack(listing, query_data.cursor)
        before = cursors.moment(at), str(order_id)
    with db.read(Scope.app()) as session:
        rows, last = drill.orders(
            session, _asked(session, query_data), before=before, limit=query_data.limit, with_buyers=True
        )
    items = [
        SoldOrder(
            order_id=each.order_id, number=each.number, shop_id=each.shop_id, placed_at=each.placed_at,
            lines=each.lines, money=_sum(each.currency, each.total),
        )
        for each in rows
    ]  # fmt: skip
    return SoldOrderPage(items=items, next=cursors.pack(listing, last) if last else None)


@blueprint.get("/reports/sales/beside")
@app_scope("earnings:read")
@blueprint.input(OrderPageAsked, location="query")
@blueprint.output(BesidePage)
def report_beside(query_data: OrderPageAsked) -> BesidePage:
    """What creators are owed beside orders, newest first: bonuses, flat fees, reimbursements, balances brought along

    With the orders of the same question it sums to the report's `earned`.
    """
    listing = "report:beside"
    key = key_after(listing, query_data.cursor, str, str, int)
    behind = None if key is None else BesidePlace(cursors.moment(key[0]), str(key[1]), int(key[2]))
    with db.read(Scope.app()) as session:
        rows, last = beside.page(session, _asked(session, query_data), behind=behind, limit=query_data.limit)
    items = [
        BesideShown.model_validate(
            {
                "id": row.entry_id, "kind": row.kind, "about": row.subject, "shop_id": row.shop_id,
                "creator_id": row.creator_id, "content_id": row.content_id, "at": row.at,
                "amount": as_money(row.amount, row.currency),
            }
        )
        for row in [each.entry for each in rows]
    ]  # fmt: skip
    return BesidePage(items=items, next=cursors.pack(listing, last) if last else None)


_TEXT = {"text/csv": {"schema": {"type": "string"}}}
_CSV: dict[int | str, Any] = {"200": {"description": "A CSV file, sent piece by piece", "content": _TEXT}}


@blueprint.get("/reports/sales.csv")
@app_scope("earnings:read")
@blueprint.input(ReportAsked, location="query")
@blueprint.doc(responses=_CSV)
def report_file(query_data: ReportAsked) -> Response:
    """The whole report as CSV, a row a value and currency"""
    with db.read(Scope.app()) as session:
        _asked(session, query_data)

    def rows(session: Session) -> Iterator[str]:
        yield from table.as_csv(session, _read(session, query_data))

    return _file(f"sales-by-{query_data.by}.csv", rows)


@blueprint.get("/reports/sales/orders.csv")
@app_scope("earnings:read")
@blueprint.input(SalesAsked, location="query")
@blueprint.doc(responses=_CSV)
def report_orders_file(query_data: SalesAsked) -> Response:
    """Every order of a figure as CSV, newest first, then what is owed beside orders"""
    with db.read(Scope.app()) as session:
        asked = _asked(session, query_data)
    return _file("sales-orders.csv", lambda session: table.orders_as_csv(session, asked, with_buyers=True))


@blueprint.get("/reports/beginnings")
@app_scope("earnings:read")
@blueprint.input(BeginningsAsked, location="query")
@blueprint.output(BeginningsShown)
def report_beginnings(query_data: BeginningsAsked) -> BeginningsShown:
    """How long creators take from joining to the first link to the first sale"""
    with db.read(Scope.app()) as session:
        asked = _in_time(session, query_data, query_data.shop_id)
        if query_data.creator_id is not None:
            asked = asking.narrowed(session, asked, creator=creators.get(session, query_data.creator_id).id)
        found = beginnings.read(session, asked)
    return BeginningsShown(
        joined=found.joined, linked=found.linked, sold=found.sold,
        seconds_to_link=found.to_link.total_seconds() if found.to_link is not None else None,
        seconds_to_sale=found.to_sale.total_seconds() if found.to_sale is not None else None,
    )  # fmt: skip


def asked_of(since: date | None, until: date | None, time_zone: str, earliest: datetime | None = None) -> asking.Asked:
    """The days in a zone; from `earliest` on where no first day is named. Errors: InputRefused."""
    asked = asking.Asked(zone=_zone(time_zone))
    last = until or clock.now().astimezone(asked.zone).date()
    if since is not None:
        first = since
    elif earliest is not None:
        first = max(earliest.astimezone(asked.zone).date(), last - timedelta(days=asking.LONGEST_DAYS - 1))
    else:
        first = last - timedelta(days=29)
    return asking.days(asked, min(first, last) if since is None else first, last)


def sums(row: Row) -> list[SumShown]:
    return [_sum(currency, total) for currency, total in sorted(row.money.items())]


def _read(session: Session, query: ReportAsked) -> Table:
    return table.read(session, _asked(session, query), query.by, with_buyers=True)


def _in_time(session: Session, query: Time, shop_id: str | None) -> asking.Asked:
    zone = query.time_zone
    if shop_id is not None:
        zone = zone or shops.get(session, shop_id).time_zone
    asked = asked_of(query.since, query.until, zone or "UTC")
    return asking.narrowed(session, asked, shop=shop_id) if shop_id is not None else asked


def _asked(session: Session, query: SalesAsked) -> asking.Asked:
    """Errors: NotFound for a shop, creator, content or collaboration that isn't there; InputRefused for the time."""
    asked = _in_time(session, query, query.shop_id)
    if query.shop_id is None and query.creator_id is None and query.content_id in (None, NONE):
        span = asking.span(asked)
        if len(span) > MOST_DAYS_OF_ALL:
            raise InputRefused(
                "since", f"is more than {MOST_DAYS_OF_ALL} days before the last day, of every shop together.",
                "Name a shop, a creator or a content, or ask for a shorter time.",
            )  # fmt: skip
    named = {
        "creator": query.creator_id, "content": query.content_id, "product": query.listing_id,
        "collaboration": query.collaboration_id,
    }  # fmt: skip
    if query.creator_id is not None:
        creators.get(session, query.creator_id)
    asked = asking.narrowed(session, asked, **{name: value for name, value in named.items() if value is not None})
    return asked if query.currency is None else asking.in_currency(asked, query.currency)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputRefused("time_zone", "is no time zone.", "Write it like Europe/Berlin, or UTC.") from None


def _row(row: Row) -> ReportRow:
    return ReportRow(
        id=row.id or None, name=row.name or None, views=row.views, taps=row.taps, orders=row.orders,
        orders_per_tap_bp=row.rate_bp, money=sums(row),
    )  # fmt: skip


def _sum(currency: str, total: Sum) -> SumShown:
    amounts: dict[str, Any] = {
        name: as_money(amount, currency)
        for name, amount in (
            ("sales", total.sales), ("taken_back", total.taken_back), ("net_sales", total.net),
            ("commission", total.commission), ("borne", total.borne), ("earned", total.earned),
            *((kind, (total.kinds or {}).get(kind, 0)) for kind in BESIDE),
        )
    }  # fmt: skip
    return SumShown(
        currency=currency,
        orders=total.orders,
        orders_new_buyers=total.new,
        orders_returning_buyers=total.returning,
        **amounts,
    )


def _file(name: str, rows: Callable[[Session], Iterator[str]]) -> Response:
    def pieces() -> Iterator[str]:
        with db.snapshot(Scope.app()) as session:
            yield from rows(session)

    head = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return Response(pieces(), mimetype="text/csv", headers=head)
