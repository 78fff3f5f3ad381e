"""The credited lines of the orders that a report is about, order by order, by the newest evaluation of each.

A sale is the base of a credited line: what commission is worked out from, after discounts and without tax, before
refunds; what refunds and edits took back stands beside it. Orders that pay nobody anything (tests, unpaid, cancelled,
deleted at the store) have no line here, unless the platform bore what a creator had been paid for one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.catalog.ids import listing_id
from connector.commerce.orders.tables import Order
from connector.earnings.attribution.tables import DecisionRow, KnownBuyer
from connector.earnings.commission import rate
from connector.earnings.commission.tables import Evaluation
from connector.earnings.ledger import sums
from connector.earnings.ledger.sums import Absorbed
from connector.insight.reports.asked import NONE, Asked

_PAGE = 5000


class Line(rate.Sold, frozen=True, gc=False, array_like=True):
    """A credited line, with what the platform bore of it: the creator keeps that though it isn't due any more."""

    borne: int = 0


class Placed(msgspec.Struct, frozen=True, gc=False):
    """An order with those of its lines that were asked for: at least one."""

    order_id: str
    shop_id: str
    placed_at: datetime
    currency: str
    returning: bool | None  # None: it isn't known who the buyer is, or it wasn't asked
    lines: list[Line]


class _Kept(msgspec.Struct, frozen=True, gc=False):
    """What is read of a line that was kept before its evaluation kept `sold`."""

    line_ref: str
    base: int
    refunded_base: int
    due: int
    creator_id: str | None
    content_id: str | None = None
    product_ref: str | None = None
    terms_id: str | None = None


_sold = msgspec.json.Decoder(list[Line])
_lines = msgspec.json.Decoder(list[_Kept])

_later = sa.orm.aliased(Evaluation)
_named = sa.orm.aliased(Order)
# There is a newer evaluation of the order.
_OUTDONE = sa.exists().where(_later.order_id == Evaluation.order_id, _later.sequence > Evaluation.sequence)
_PAYS = sa.and_(
    Order.gone_at.is_(None), Evaluation.reason == "", sa.or_(Evaluation.sold.is_(None), Evaluation.sold != "[]")
)


def lines(
    session: Session, asked: Asked, *, newest_first: bool = False, before: tuple[datetime, str] | None = None,
    with_buyers: bool = False, at_once: int = _PAGE,
) -> Iterator[Placed]:  # fmt: skip
    """The orders, streamed; `newest_first` from the newest on, behind `before` (placed, id of the order).

    `with_buyers`: tell too whether the buyer had ordered before, by the rule that the rate for new buyers goes by.
    """
    if asked.kind is not None:
        return
    borne = sums.absorbed(session, shop_id=asked.shop_id, creator_id=asked.creator_id)
    query, values = _orders(asked, borne, before, with_buyers=with_buyers, newest_first=newest_first)
    narrow, connection = _narrow(asked), session.connection()
    as_text = connection.dialect.name == "sqlite"
    # A creator's orders of a time come at once: a server-side cursor costs four ways more, and is planned for its first
    # rows. A shop's may be a million, which nobody holds at a time.
    streamed = newest_first or asked.creator_id is None or asked.since is None
    rows = connection.execute(query, values, execution_options={"yield_per": at_once} if streamed else {})
    for part in rows.partitions() if streamed else (rows.all(),):
        for order_id, shop_id, placed, currency, pays, kept, whole, returning in part:
            # Most have their lines kept short; what follows is in the order in which it is likely.
            found = [] if not pays else _sold.decode(kept) if kept is not None else _read(whole)
            if order_id in borne:
                found = _with_borne(session, order_id, found, borne[order_id])
            if narrow is not None:
                found = narrow(shop_id, found)
            if found:
                again = None if returning is None else bool(returning)
                placed_at = datetime.fromisoformat(placed + "+00:00") if as_text else placed
                yield Placed(order_id, shop_id, placed_at, currency, again, found)


def first(session: Session, creators: sa.Select[str], shop_id: str | None) -> dict[str, datetime]:
    """Creator → when the first order was placed that has a line of theirs here."""
    query = (
        sa.select(DecisionRow.creator_id, sa.func.min(Order.placed_at))
        .join(Order, Order.id == DecisionRow.order_id)
        .join(Evaluation, Evaluation.order_id == Order.id)
        .where(DecisionRow.creator_id.in_(creators), ~_OUTDONE, _PAYS)
        .group_by(DecisionRow.creator_id)
    )
    if shop_id is not None:
        query = query.where(Order.shop_id == shop_id)
    return {str(creator_id): at for creator_id, at in session.execute(query)}


@lru_cache(maxsize=100_000)
def listing_of(shop_id: str, product_ref: str | None) -> str | None:
    """The listing of a line's product: two shops may call two products alike. It follows from the two, known or not."""
    return listing_id(shop_id, product_ref) if product_ref else None


class _Shape(NamedTuple):
    """What of a question decides its statement; all else is a value in it."""

    narrowed: frozenset[str]  # by what of `Asked`
    borne: bool
    with_buyers: bool
    newest_first: bool
    behind: bool


def _orders(
    asked: Asked, borne: Iterable[str], before: tuple[datetime, str] | None, *, with_buyers: bool, newest_first: bool
) -> tuple[sa.Select[Any], dict[str, Any]]:
    """The statement and its values."""
    values: dict[str, Any] = {
        name: value
        for name in ("shop_id", "creator_id", "currency", "since", "until")
        if (value := getattr(asked, name)) is not None
    }
    if asked.creator_id is not None and asked.content_id not in (None, NONE):
        values["content_id"] = asked.content_id
    narrowed = frozenset(values)
    # What the platform bore is rare: a payment that a refund came behind.
    if known := sorted(borne):
        values["known"] = known
    behind = before if newest_first else None
    if behind is not None:
        values["at"], values["order_id"] = behind
    return _statement(_Shape(narrowed, bool(known), with_buyers, newest_first, behind is not None)), values


@lru_cache(maxsize=500)
def _statement(shape: _Shape) -> sa.Select[Any]:
    """Put together once: that took as long as a creator's month in the database."""
    # The lines only where they weren't kept short yet.
    whole = sa.case((Evaluation.sold.is_(None), sa.cast(Evaluation.lines, sa.Text)))
    borne: sa.BindParameter[Any] = sa.bindparam("known", expanding=True)
    known = Order.id.in_(borne)
    query = (
        sa.select(
            # As the driver has it: SQLAlchemy takes as long over this one column as the database over the whole row.
            Order.id, Order.shop_id, sa.type_coerce(Order.placed_at, sa.types.NullType()), Order.currency,
            sa.case((_PAYS, 1), else_=0) if shape.borne else sa.literal_column("1"), Evaluation.sold, whole,
            _returning() if shape.with_buyers else sa.null(),
        )
        .join(Evaluation, Evaluation.order_id == Order.id)
        .where(~_OUTDONE, sa.or_(_PAYS, known) if shape.borne else _PAYS)
    )  # fmt: skip
    if shape.with_buyers:
        same = sa.and_(KnownBuyer.shop_id == Order.shop_id, KnownBuyer.buyer_hash == Order.buyer_hash)
        query = query.outerjoin(KnownBuyer, same)
    of_shop: sa.ColumnElement[str] = Order.shop_id.expression
    placed: sa.ColumnElement[datetime] = Order.placed_at.expression
    if "creator_id" in shape.narrowed:
        credited: Any = sa.select(DecisionRow.order_id).where(DecisionRow.creator_id == sa.bindparam("creator_id"))
        if "content_id" in shape.narrowed:
            credited = credited.where(DecisionRow.content_id == sa.bindparam("content_id"))
        if shape.borne:
            # With an OR PostgreSQL would go through all orders there are.
            credited = sa.union_all(credited, sa.select(_named.id).where(_named.id.in_(borne)))
        query = query.where(Order.id.in_(credited))
        # Of a creator the orders are found by the creator: SQLite would go through the whole month of the shop, and
        # PostgreSQL through everybody's month, where it plans for any month.
        of_shop, placed = sa.func.coalesce(of_shop, ""), sa.func.coalesce(placed, placed)
    bounds = {
        "shop_id": of_shop == sa.bindparam("shop_id"), "currency": Order.currency == sa.bindparam("currency"),
        "since": placed >= sa.bindparam("since"), "until": placed < sa.bindparam("until"),
    }  # fmt: skip
    query = query.where(*[bound for name, bound in bounds.items() if name in shape.narrowed])
    if shape.behind:
        at: sa.BindParameter[Any] = sa.bindparam("at")
        order_id: sa.BindParameter[Any] = sa.bindparam("order_id")
        query = query.where(sa.or_(Order.placed_at < at, sa.and_(Order.placed_at == at, Order.id < order_id)))
    return query.order_by(Order.placed_at.desc(), Order.id.desc()) if shape.newest_first else query


def _returning() -> sa.ColumnElement[int | None]:
    """1: the buyer had ordered in the shop before; 0: not; NULL: it isn't known who it is."""
    before = sa.case((KnownBuyer.since <= Order.placed_at, 1), else_=0)
    return sa.case((Order.buyer_hash.is_not(None), before))


def _narrow(asked: Asked) -> Callable[[str, list[Line]], list[Line]] | None:
    """(shop, an order's lines) → those that were asked for. None: all of them are."""
    asked_for = (("creator_id", asked.creator_id), ("content_id", asked.content_id))
    keeps = [(name, None if value == NONE else value) for name, value in asked_for if value is not None]
    listing, terms_ids = asked.listing_id, asked.terms_ids
    if not keeps and listing is None and terms_ids is None:
        return None

    def narrow(shop_id: str, lines: list[Line]) -> list[Line]:
        for name, value in keeps:
            lines = [line for line in lines if getattr(line, name) == value]
        if listing is not None:
            lines = [line for line in lines if (listing_of(shop_id, line.product_ref) or NONE) == listing]
        if terms_ids is not None:
            lines = [line for line in lines if (line.terms_id in terms_ids if terms_ids else line.terms_id is None)]
        return lines

    return narrow


def _read(whole: str) -> list[Line]:
    return [Line(*msgspec.structs.astuple(line)) for line in rate.sold(_lines.decode(whole))]


def _with_borne(session: Session, order_id: str, found: list[Line], borne: list[Absorbed]) -> list[Line]:
    """The lines with what was borne of each; a line that pays nothing any more, or is gone, is there for that alone."""
    by_key = {(line.line_ref, line.creator_id, line.content_id): line for line in found}
    about: dict[str, DecisionRow] = {}
    if any((each.line_ref, each.creator_id, each.content_id) not in by_key for each in borne):
        rows = session.scalars(sa.select(DecisionRow).where(DecisionRow.order_id == order_id))
        about = {row.line_ref: row for row in rows}
    for each in borne:
        key = (each.line_ref, each.creator_id, each.content_id)
        known = by_key.get(key)
        decided = about.get(each.line_ref)
        terms_id = decided.terms_id if decided is not None and decided.creator_id == each.creator_id else None
        line = known or Line(each.line_ref, each.creator_id, each.content_id, None, terms_id, 0, 0, 0)
        by_key[key] = msgspec.structs.replace(line, borne=each.amount)
    return list(by_key.values())
