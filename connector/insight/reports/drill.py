"""The orders that a figure is made of: the same lines as the figure, so they sum to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.orders.tables import Order
from connector.insight.reports import sold
from connector.insight.reports.asked import Asked
from connector.insight.reports.engine import Sum


@dataclass(frozen=True, slots=True)
class OfOrder:
    """An order with what of it the figure counts."""

    order_id: str
    number: str
    shop_id: str
    placed_at: datetime
    currency: str
    total: Sum
    lines: int
    returning: bool | None = None  # whether the buyer had ordered before; None: it isn't known, or wasn't asked


def orders(
    session: Session, asked: Asked, *, before: tuple[datetime, str] | None = None, limit: int = 50,
    with_buyers: bool = False,
) -> tuple[list[OfOrder], tuple[datetime, str] | None]:  # fmt: skip
    """The newest first, and where the next page begins (None: nowhere). `with_buyers`: new and returning ones too."""
    # Little more than a page is fetched, as long as most orders have a line that was asked for.
    stream = sold.lines(
        session, asked, newest_first=True, before=before, at_once=max(100, limit + 1), with_buyers=with_buyers
    )
    placed = list(islice(stream, limit + 1))
    shown = placed[:limit]
    numbers: dict[str, str] = {}
    rows = session.execute(sa.select(Order.id, Order.number).where(Order.id.in_({each.order_id for each in shown})))
    numbers.update((order_id, number) for order_id, number in rows)
    found = []
    for each in shown:
        total = Sum(orders=1, new=int(each.returning is False), returning=int(each.returning is True))
        for line in each.lines:
            total.add(line)
        found.append(
            OfOrder(
                each.order_id, numbers[each.order_id], each.shop_id, each.placed_at, each.currency, total,
                len(each.lines), each.returning,
            )
        )  # fmt: skip
    last = shown[-1] if len(placed) > limit else None
    return found, (last.placed_at, last.order_id) if last is not None else None
