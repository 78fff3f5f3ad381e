"""Orders with what happened to their money: read whole, listed by change and by creation.

An order doesn't know of its refunds. Each of its payments is asked, then each refund, then the order in which goods
came back: an itemised return is an order of its own that names the lines of this one. A read of a return order is a
read of the order that it belongs to.
Source: Square's Orders, Payments and Refunds APIs (fact sheet, sections 5 and 6).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from connector import clock
from connector.errors import PayloadUnreadable, PlatformDown
from connector.platforms.contract import Client, OrderHead, OrderPage, OrderRead
from connector.platforms.reading import moment
from connector.platforms.rest import Rest
from connector.platforms.square.client import api
from connector.platforms.square.payloads import (
    CatalogReply,
    LocationsReply,
    Order,
    OrderReply,
    OrdersReply,
    Payment,
    PaymentRefund,
    PaymentReply,
    RefundReply,
)
from connector.platforms.square.settings import SquareSettings
from connector.platforms.square.snapshot import Aftermath, to_buyer, to_snapshot

MOST = 100  # ids of one batch call
LOCATIONS = 10  # of one search
PAGE = 100
_STATES = ["OPEN", "COMPLETED", "CANCELED"]  # drafts are no orders yet


class _Checkpoint(msgspec.Struct):
    locations: list[str]
    group: int = 0
    cursor: str = ""


class Orders:
    """The contract's `Orders` for Square."""

    def one(self, client: Client, order_ref: str) -> OrderRead | None:
        """Of a return: the order that it belongs to."""
        rest, read_at = api(client), clock.now()
        answer = rest.find(f"/v2/orders/{safe(order_ref)}")
        if answer is None:
            return None
        order = answer.read(OrderReply).order
        source = _source(order)
        if source:
            answer = rest.find(f"/v2/orders/{safe(source)}")
            if answer is None:
                return None
            order = answer.read(OrderReply).order
        return _read(rest, client, [order], read_at)[order.id]

    def some(self, client: Client, order_refs: Sequence[str]) -> Mapping[str, OrderRead | None]:
        rest, read_at = api(client), clock.now()
        asked = {each.id: each for each in _batch(rest, order_refs)}
        leads = {ref: _source(order) or ref for ref, order in asked.items()}
        more = [ref for ref in dict.fromkeys(leads.values()) if ref not in asked]
        asked |= {each.id: each for each in _batch(rest, more)}
        whole = [asked[ref] for ref in dict.fromkeys(leads.values()) if ref in asked]
        read = _read(rest, client, whole, read_at)
        return {ref: read.get(leads.get(ref, "")) for ref in order_refs}

    def changed(self, client: Client, since: datetime, checkpoint: str | None) -> OrderPage:
        return self._page(client, "updated_at", {"start_at": _text(since)}, checkpoint)

    def placed(self, client: Client, since: datetime, until: datetime, checkpoint: str | None) -> OrderPage:
        return self._page(client, "created_at", {"start_at": _text(since), "end_at": _text(until)}, checkpoint, until)

    def _page(
        self,
        client: Client,
        by: Literal["updated_at", "created_at"],
        window: dict[str, str],
        checkpoint: str | None,
        until: datetime | None = None,
    ) -> OrderPage:
        """A page of one group of locations; behind the last page of a group comes the next group."""
        rest = api(client)
        at = msgspec.json.decode(checkpoint, type=_Checkpoint) if checkpoint else _Checkpoint(_locations(rest))
        group = at.locations[at.group * LOCATIONS : (at.group + 1) * LOCATIONS]
        if not group:
            return OrderPage([], None)
        body: dict[str, Any] = {
            "location_ids": group,
            "limit": PAGE,
            # the sort field has to be the filtered one, or the call fails
            "query": {
                "filter": {"date_time_filter": {by: window}, "state_filter": {"states": _STATES}},
                "sort": {"sort_field": by.upper(), "sort_order": "ASC"},
            },
        }
        if at.cursor:
            body["cursor"] = at.cursor
        reply = rest.post("/v2/orders/search", body).read(OrdersReply)
        heads = [
            OrderHead(order.id, _number(order), *_times(order, client.domain))
            for order in reply.orders
            if not _source(order)
        ]
        # Square's end of a window is included; ours isn't.
        heads = [head for head in heads if until is None or head.created_at < until]
        if reply.cursor and reply.cursor != at.cursor:
            onward: _Checkpoint | None = _Checkpoint(at.locations, at.group, reply.cursor)
        elif (at.group + 1) * LOCATIONS < len(at.locations):
            onward = _Checkpoint(at.locations, at.group + 1)
        else:
            onward = None
        return OrderPage(heads, msgspec.json.encode(onward).decode() if onward else None)


def _read(rest: Rest, client: Client, orders: Sequence[Order], read_at: datetime) -> dict[str, OrderRead]:
    settings: SquareSettings = client.settings
    payments: dict[str, list[Payment]] = {}
    refunds: dict[str, list[PaymentRefund]] = {}
    returned: list[str] = []
    for order in orders:
        paid = [_payment(rest, tender.payment_id or tender.id) for tender in order.tenders]
        payments[order.id] = [each for each in paid if each is not None]
        refunds[order.id] = [
            _refund(rest, ref) for payment in payments[order.id] for ref in dict.fromkeys(payment.refund_ids)
        ]
        returned += [each.order_id for each in refunds[order.id] if each.order_id and each.order_id != order.id]
    returns = {each.id: each for each in _batch(rest, list(dict.fromkeys(returned)))}
    items = _items(rest, orders)
    found = {}
    for order in orders:
        after = Aftermath(
            payments=payments[order.id],
            refunds=refunds[order.id],
            returns={ref: each for ref, each in returns.items() if _source(each) == order.id},
            items=items,
        )
        snapshot = to_snapshot(order, after, settings.carrier_key)
        found[order.id] = OrderRead(snapshot, to_buyer(order, after), read_at)
    return found


def _payment(rest: Rest, ref: str) -> Payment | None:
    """None for a way to pay that Square knows nothing of (cash of an old sale)."""
    answer = rest.find(f"/v2/payments/{safe(ref)}") if ref else None
    return None if answer is None else answer.read(PaymentReply).payment


def _refund(rest: Rest, ref: str) -> PaymentRefund:
    return rest.get(f"/v2/refunds/{safe(ref)}").read(RefundReply).refund


def _batch(rest: Rest, refs: Sequence[str]) -> list[Order]:
    found: list[Order] = []
    for start in range(0, len(refs), MOST):
        body = {"order_ids": list(refs[start : start + MOST])}
        found += rest.post("/v2/orders/batch-retrieve", body).read(OrdersReply).orders
    return found


def _items(rest: Rest, orders: Sequence[Order]) -> dict[str, str]:
    """Variation → its item: a line names only the variation. Deleted ones are asked for too."""
    wanted = dict.fromkeys(line.catalog_object_id for order in orders for line in order.line_items)
    refs = [ref for ref in wanted if ref]
    found: dict[str, str] = {}
    for start in range(0, len(refs), MOST):
        body = {"object_ids": refs[start : start + MOST], "include_deleted_objects": True}
        for each in rest.post("/v2/catalog/batch-retrieve", body).read(CatalogReply).objects:
            if each.item_variation_data is not None and each.item_variation_data.item_id:
                found[each.id] = each.item_variation_data.item_id
    return found


def _locations(rest: Rest) -> list[str]:
    """All of them, closed ones too: their orders are still refunded."""
    return sorted(each.id for each in rest.get("/v2/locations").read(LocationsReply).locations)


def _source(order: Order) -> str:
    """The order whose goods came back in this one; "" for an order of its own (an exchange sells too)."""
    if order.line_items:
        return ""
    return next((each.source_order_id for each in order.returns if each.source_order_id), "")


def _number(order: Order) -> str:
    return order.ticket_name or order.id


def _times(order: Order, domain: str) -> tuple[datetime, datetime]:
    try:
        created = moment(order.created_at, "$.created_at")
        return created, moment(order.updated_at, "$.updated_at") if order.updated_at else created
    except PayloadUnreadable as error:
        raise PlatformDown(f"{domain}: the list of orders can't be read at {error}") from None


def safe(ref: str) -> str:
    """A reference as a part of a path. Errors: PayloadUnreadable for one that can't be Square's."""
    if not ref or len(ref) > 200 or not all(letter.isalnum() or letter in "-_~" for letter in ref):
        raise PayloadUnreadable("$.id", f"{ref[:60]!r} isn't a Square id")
    return ref


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
