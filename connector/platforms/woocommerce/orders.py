"""Orders through the API: one whole order, some together, and which changed or were placed.

An order's own body names its refunds without their lines, so that these are asked for, and the two must fit: an order
that was refunded between the questions is asked again. Source: the fact sheet, sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from connector import clock, money
from connector.errors import PayloadUnreadable, PlatformBusy
from connector.events import OrderSnapshot
from connector.platforms.contract import Client, OrderHead, OrderPage, OrderRead
from connector.platforms.rest import Answered
from connector.platforms.woocommerce import walk
from connector.platforms.woocommerce.bodies import FinerThanCurrency, moment, ref, to_buyer, to_hints, to_snapshot
from connector.platforms.woocommerce.client import PAGE, Query, Store
from connector.platforms.woocommerce.payloads import (
    HEAD_FIELDS,
    ORDER_FIELDS,
    REFUND_FIELDS,
    OrderBody,
    OrderHeadBody,
    RefundBody,
)

TRIES = 4


class Orders:
    """The contract's `Orders` for WooCommerce."""

    def one(self, client: Client, order_ref: str) -> OrderRead | None:
        """Trashed ones too, which lists don't show."""
        if not (order_ref.isascii() and order_ref.isdigit()):
            return None
        store = Store.of(client)
        for _ in range(TRIES):
            read_at = clock.now()
            found = _read(store, order_ref, [])
            if found is None:
                return None
            body, snapshot = found
            if snapshot is not None:
                return OrderRead(snapshot, to_buyer(body), read_at, hints=to_hints(body))
        raise PlatformBusy(f"{client.domain}: order {order_ref} changes faster than it can be read", retry_after=5.0)

    def some(self, client: Client, order_refs: Sequence[str]) -> Mapping[str, OrderRead | None]:
        """Those without refunds by one question a hundred; the others, and those that no list shows, one by one."""
        store = Store.of(client)
        wanted = list(dict.fromkeys(order_refs))
        found: dict[str, OrderRead | None] = {}
        numbers = [each for each in wanted if each.isascii() and each.isdigit()]
        for start in range(0, len(numbers), PAGE):
            part = numbers[start : start + PAGE]
            read_at = clock.now()
            query: Query = [("include", ",".join(part)), ("per_page", PAGE), ("_fields", ORDER_FIELDS)]
            for body in store.get("/orders", query).read(list[OrderBody]):
                if not body.refunds:
                    try:
                        found[str(body.id)] = OrderRead(
                            to_snapshot(body), to_buyer(body), read_at, hints=to_hints(body)
                        )
                    except PayloadUnreadable:
                        continue  # read alone: its problem is its own
        return {each: found[each] if each in found else self.one(client, each) for each in wanted}

    def changed(self, client: Client, since: datetime, checkpoint: str | None) -> OrderPage:
        """In the order of their ids: see `walk`."""
        query: Query = [("_fields", HEAD_FIELDS), *walk.changed_since(since)]
        part = walk.by_id(Store.of(client), "/orders", query, _listed, checkpoint)
        return OrderPage(_heads(part.rows), part.checkpoint)

    def placed(self, client: Client, since: datetime, until: datetime, checkpoint: str | None) -> OrderPage:
        query: Query = [
            ("_fields", HEAD_FIELDS), ("after", walk.instant(since - timedelta(seconds=1))),
            ("before", walk.instant(until)), ("dates_are_gmt", "true"),
        ]  # fmt: skip
        part = walk.by_id(Store.of(client), "/orders", query, _listed, checkpoint)
        return OrderPage(_heads(part.rows), part.checkpoint)


def _listed(answer: Answered) -> list[OrderHeadBody]:
    return answer.read(list[OrderHeadBody])


def _heads(rows: Sequence[OrderHeadBody]) -> list[OrderHead]:
    return [
        OrderHead(
            ref(row.id, f"$[{i}].id"),
            str(row.number or row.id),
            moment(row.date_created_gmt, f"$[{i}].date_created_gmt"),
            moment(row.date_modified_gmt, f"$[{i}].date_modified_gmt"),
        )
        for i, row in enumerate(rows)
    ]


def _read(store: Store, order_ref: str, rounding: Query) -> tuple[OrderBody, OrderSnapshot | None] | None:
    """The order with its refunds; without a snapshot where the two didn't fit."""
    answer = store.find(f"/orders/{order_ref}", [("_fields", ORDER_FIELDS), *rounding])
    if answer is None:
        return None
    body = answer.read(OrderBody)
    refunds: list[RefundBody] = []
    if body.refunds:
        query: Query = [("orderby", "id"), ("order", "asc"), ("_fields", REFUND_FIELDS), *rounding]
        for page in store.pages(f"/orders/{order_ref}/refunds", query):
            refunds += page.read(list[RefundBody])
        if {each.id for each in body.refunds} != {each.id for each in refunds}:
            return body, None
    try:
        return body, to_snapshot(body, refunds)
    except FinerThanCurrency:
        if rounding:
            raise
        # The store keeps more decimals than the currency has: it is asked to round, as it does for the buyer.
        return _read(store, order_ref, [("dp", money.exponent(body.currency))])
