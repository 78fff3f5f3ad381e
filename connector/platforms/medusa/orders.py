"""Orders: some by id, those that changed, those that were placed. Never writes to the store.

Two lists tell of changes, since Medusa's order keeps its time when money moves: `updated_at` of orders, and that of
payment collections, which every capture and every refund moves. Both were seen running (NOTES.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from connector import clock
from connector.errors import PlatformRefused
from connector.platforms.contract import Client, OrderHead, OrderPage, OrderRead
from connector.platforms.medusa import snapshot
from connector.platforms.medusa.calls import admin, read
from connector.platforms.medusa.payloads import (
    ExchangeNode,
    ExchangesAnswer,
    OrderHeadNode,
    OrderHeadsAnswer,
    OrderNode,
    OrdersAnswer,
    PaymentsAnswer,
)
from connector.platforms.reading import moment

AT_ONCE = 24
# Unknown names are passed over by Medusa in silence, so a version without one of them still answers.
FIELDS = ",".join(
    (
        "id", "display_id", "status", "payment_status", "currency_code", "created_at", "updated_at", "canceled_at",
        "is_draft_order", "email", "customer_id", "sales_channel_id", "metadata", "total", "summary.*",
        "items.*", "items.detail.*", "items.adjustments.*", "items.tax_lines.*",
        "shipping_methods.*", "shipping_methods.adjustments.*", "shipping_methods.tax_lines.*",
        "payment_collections.id", "payment_collections.updated_at", "payment_collections.payments.id",
        "payment_collections.payments.captured_at", "payment_collections.payments.refunds.*",
        "payment_collections.payments.captures.id", "payment_collections.payments.captures.created_at",
        "fulfillments.*", "fulfillments.items.*", "returns.*", "returns.items.*", "credit_lines.*",
    )
)  # fmt: skip
HEAD = "id,display_id,created_at,updated_at"
PAID = (
    "id,payment_collection.updated_at,payment_collection.order.id,payment_collection.order.display_id,"
    "payment_collection.order.created_at"
)


class Orders:
    """The contract's `Orders` for Medusa."""

    def one(self, client: Client, order_ref: str) -> OrderRead | None:
        return self.some(client, [order_ref])[order_ref]

    def some(self, client: Client, order_refs: Sequence[str]) -> Mapping[str, OrderRead | None]:
        wanted = list(dict.fromkeys(order_refs))
        found: dict[str, OrderRead | None] = dict.fromkeys(wanted)
        for start in range(0, len(wanted), AT_ONCE):
            part = wanted[start : start + AT_ONCE]
            read_at = clock.wall()
            query: list[tuple[str, str | int]] = [("fields", FIELDS), ("limit", len(part))]
            answered = admin(client).get("/admin/orders", [*query, *(("id[]", ref) for ref in part)], cost=2.0)
            # Unreadable is the order, not the store: whoever asks for several then asks for each alone.
            for node in answered.read(OrdersAnswer).orders:
                if node.id in found:
                    found[node.id] = _read(client, node, read_at)
        return found

    def changed(self, client: Client, since: datetime, checkpoint: str | None) -> OrderPage:
        """First the orders, oldest change first; then the payments, newest movement first, back to `since`."""
        kind, _, place = (checkpoint or f"orders|{instant(since)}|0").partition("|")
        if kind == "payments":
            return _by_payments(client, since, place)
        start, _, offset = place.partition("|")
        page = _heads(client, "updated_at", start, None, int(offset))
        if page.checkpoint is None:
            return OrderPage(page.heads, "payments|0")
        return OrderPage(page.heads, f"orders|{page.checkpoint}")

    def placed(self, client: Client, since: datetime, until: datetime, checkpoint: str | None) -> OrderPage:
        start, _, offset = (checkpoint or f"{instant(since)}|0").partition("|")
        return _heads(client, "created_at", start, instant(until), int(offset))


def _read(client: Client, node: OrderNode, read_at: datetime) -> OrderRead:
    told = snapshot.told(node, _exchanges(client, node))
    return OrderRead(told.snapshot, told.buyer, read_at, returns=told.returns)


def _exchanges(client: Client, node: OrderNode) -> list[ExchangeNode]:
    """Asked only where a return says that it is half of one."""
    if not any(back.exchange_id for back in snapshot.each(node.returns)):
        return []
    query: dict[str, str | int] = {
        "order_id": node.id, "limit": 200,
        "fields": "id,order_id,return_id,canceled_at,additional_items.item_id",
    }  # fmt: skip
    found = read(admin(client).get("/admin/exchanges", query), ExchangesAnswer).exchanges
    # An unknown filter is passed over by Medusa in silence, and all exchanges would come.
    return [exchange for exchange in found if exchange.order_id == node.id]


def _heads(client: Client, by: str, start: str, until: str | None, offset: int) -> OrderPage:
    """A page by a time, oldest first. The next one begins at the last time seen: what changes meanwhile moves to the
    end, and with offsets alone would pull others past us. Only where a whole page has one time, the offset counts."""
    limit = client.settings.page
    query: dict[str, str | int] = {
        f"{by}[$gte]": start, "order": by, "limit": limit, "offset": offset, "fields": HEAD,
    }  # fmt: skip
    if until is not None:
        query[f"{by}[$lt]"] = until
    nodes = read(admin(client).get("/admin/orders", query), OrderHeadsAnswer).orders
    heads = [_head(node, f"$.orders[{number}]") for number, node in enumerate(nodes)]
    if len(nodes) < limit:
        return OrderPage(heads, None)
    times = [getattr(node, by) for node in nodes]
    return OrderPage(heads, next_place(client.domain, start, times, offset))


def next_place(domain: str, start: str, times: Sequence[str], offset: int) -> str:
    """`time|offset` behind a full page that began at `start` and has these times.

    Errors: PlatformRefused where the page holds a time before its own start: the filter was passed over, or the page is
    one that was there before.
    """
    began, last = clock.parse(start), moment(times[-1], "$.updated_at")
    if moment(times[0], "$.updated_at") < began or last < began:
        raise PlatformRefused(f"{domain}: the store gives the same page again and again, or passes over our filter")
    return f"{times[-1]}|0" if last > began else f"{start}|{offset + len(times)}"


def next_row(domain: str, place: str, refs: Sequence[str]) -> str:
    """`offset|first ref` behind a full page of a list whose newest comes first. Errors: PlatformRefused."""
    offset, _, before = place.partition("|")
    if refs[0] == before:
        raise PlatformRefused(f"{domain}: the store gives the same page again and again")
    return f"{int(offset) + len(refs)}|{refs[0]}"


def _head(node: OrderHeadNode, path: str) -> OrderHead:
    return OrderHead(
        order_ref=node.id,
        number=f"#{node.display_id}" if node.display_id is not None else node.id,
        created_at=moment(node.created_at, f"{path}.created_at"),
        changed_at=moment(node.updated_at, f"{path}.updated_at"),
    )


def _by_payments(client: Client, since: datetime, place: str) -> OrderPage:
    """Newest first and back to `since`: what moves meanwhile comes to the front, so rows are at worst seen twice."""
    limit = client.settings.page
    query: dict[str, str | int] = {
        "order": "-payment_collection.updated_at", "limit": limit, "fields": PAID,
        "offset": int(place.partition("|")[0]),
    }  # fmt: skip
    nodes = read(admin(client).get("/admin/payments", query), PaymentsAnswer).payments
    heads: list[OrderHead] = []
    for number, node in enumerate(nodes):
        collection, path = node.payment_collection, f"$.payments[{number}].payment_collection"
        if collection is None:
            continue
        moved = moment(collection.updated_at, f"{path}.updated_at")
        if moved < since:
            return OrderPage(heads, None)
        order = collection.order
        if order is not None and order.created_at is not None:
            number_ = f"#{order.display_id}" if order.display_id is not None else order.id
            heads.append(OrderHead(order.id, number_, moment(order.created_at, f"{path}.order.created_at"), moved))
    if len(nodes) < limit:
        return OrderPage(heads, None)
    return OrderPage(heads, f"payments|{next_row(client.domain, place, [node.id for node in nodes])}")


def instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
