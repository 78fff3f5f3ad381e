"""Orders through the Admin API: whole orders, and which of them changed.

A list of orders holds carts too; only what was placed counts. Vendure moves neither an order's state nor its time of
change when money is refunded, so the list by time doesn't show it. Each look therefore goes on to the newest thousand
orders and picks those whose refunds moved; for older ones `quiet_changes` has uncleared orders read again, and our
plug-in tells at once.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connector import clock
from connector.platforms.contract import Client, OrderHead, OrderPage, OrderRead
from connector.platforms.reading import moment
from connector.platforms.vendure import documents, snapshot
from connector.platforms.vendure.client import UnknownField, ask, precision
from connector.platforms.vendure.paging import ByTime, instant, taking
from connector.platforms.vendure.payloads import (
    ChannelAnswer,
    HeadNode,
    HeadsAnswer,
    OrderNode,
    OrdersAnswer,
)

TOGETHER = 25  # whole orders of one question
HEADS = 100
FIELDS_KNOWN_FOR = 600.0  # seconds that a store's answer about its custom fields is believed
MOST_KNOWN = 10_000
NEWEST = 1_000  # orders that every look asks for their refunds: ten questions
_REFUNDS = "refunds|"
_PLACED: dict[str, Any] = {"active": {"eq": False}, "orderPlacedAt": {"isNull": False}}


class Orders:
    """The contract's `Orders` for Vendure."""

    def one(self, client: Client, order_ref: str) -> OrderRead | None:
        return self.some(client, [order_ref])[order_ref]

    def some(self, client: Client, order_refs: Sequence[str]) -> Mapping[str, OrderRead | None]:
        wanted = list(dict.fromkeys(order_refs))
        found: dict[str, OrderRead | None] = dict.fromkeys(wanted)
        size = TOGETHER
        while wanted:
            read_at = clock.now()
            size, nodes = taking(min(size, len(wanted)), lambda take: (take, _whole(client, wanted[:take])))  # noqa: B023
            for index, node in enumerate(nodes):
                found[node.id] = _as_read(client, node, read_at, f"$.orders.items[{index}]")
            wanted = wanted[size:]
        return found

    def changed(self, client: Client, since: datetime, checkpoint: str | None) -> OrderPage:
        """Heads by change time, oldest first; then those of the newest orders of which a refund changed since.

        The checkpoint is where the walk by time stands, or `refunds|` and how many of the newest orders were looked at.
        """
        if checkpoint and checkpoint.startswith(_REFUNDS):
            return _refunded(client, since, int(checkpoint.removeprefix(_REFUNDS)))
        walk = ByTime.read(checkpoint) if checkpoint else ByTime.since(since)
        page = _heads(client, walk, "updatedAt", {**_PLACED, "updatedAt": {"after": walk.start}})
        return OrderPage(page.heads, page.checkpoint or f"{_REFUNDS}0")

    def placed(self, client: Client, since: datetime, until: datetime, checkpoint: str | None) -> OrderPage:
        walk = ByTime.read(checkpoint) if checkpoint else ByTime.since(since)
        window = {"after": walk.start, "before": instant(until)}
        page = _heads(client, walk, "orderPlacedAt", {"active": {"eq": False}, "orderPlacedAt": window})
        return OrderPage([head for head in page.heads if head.created_at >= since], page.checkpoint)


def _heads(client: Client, walk: ByTime, by: str, wanted: Mapping[str, Any]) -> OrderPage:
    def page(take: int) -> HeadsAnswer:
        options = {"take": take, "skip": walk.skip, "sort": {by: "ASC"}, "filter": dict(wanted)}
        return ask(client, documents.HEADS, {"options": options}, HeadsAnswer)

    found = taking(HEADS, page).orders
    rows = [(node.id, (node.updated_at if by == "updatedAt" else node.order_placed_at) or "") for node in found.items]
    onward = walk.behind(client.domain, rows, found.total_items)
    heads = [_head(node, f"$.orders.items[{i}]") for i, node in enumerate(found.items)]
    return OrderPage(heads, None if onward is None else str(onward))


def _refunded(client: Client, since: datetime, skip: int) -> OrderPage:
    """Of some of the newest orders, those that changed since by what hangs on them, a refund or a payment."""

    def page(take: int) -> HeadsAnswer:
        options = {"take": take, "skip": skip, "sort": {"orderPlacedAt": "DESC"}, "filter": _PLACED}
        return ask(client, documents.HEADS, {"options": options}, HeadsAnswer)

    found = taking(HEADS, page).orders
    heads = [_head(node, f"$.orders.items[{i}]") for i, node in enumerate(found.items)]
    passed = skip + len(heads)
    over = not heads or passed >= min(found.total_items, NEWEST)
    return OrderPage([head for head in heads if head.changed_at >= since], None if over else f"{_REFUNDS}{passed}")


def _head(node: HeadNode, path: str) -> OrderHead:
    times = [node.updated_at]
    for payment in node.payments or []:
        times += [payment.updated_at, *(refund.updated_at for refund in payment.refunds)]
    return OrderHead(
        order_ref=node.id,
        number=node.code,
        created_at=moment(node.order_placed_at or node.created_at, f"{path}.orderPlacedAt"),
        changed_at=max(moment(at, f"{path}.updatedAt") for at in times),
    )


def _whole(client: Client, order_refs: Sequence[str]) -> list[OrderNode]:
    options = {"take": len(order_refs), "filter": {"id": {"in": list(order_refs)}}, "sort": {"id": "ASC"}}
    for again in (False, True):
        on_order, on_line = token_fields(client, again=again)
        try:
            answer = ask(client, documents.orders(on_order, on_line), {"options": options}, OrdersAnswer)
        except UnknownField:
            if again:
                raise
            continue  # the plug-in, or the field, was taken out since
        return [node for node in answer.orders.items if node.id in set(order_refs)]
    raise AssertionError("not reached")


def _as_read(client: Client, node: OrderNode, read_at: datetime, path: str) -> OrderRead:
    default = client.grant.details.get("channel_code", "").startswith("__default")
    made = snapshot.to_snapshot(
        node, precision(client), client.settings.token_field, default_channel=default, path=path
    )
    return OrderRead(snapshot=made, buyer=snapshot.to_buyer(node), read_at=read_at)


_fields: dict[tuple[str, str], tuple[float, tuple[str, str]]] = {}


def token_fields(client: Client, *, again: bool = False) -> tuple[str, str]:
    """The names of the custom fields with tokens that the store declares on orders and on lines; "" for none.

    A store without them is read all the same. Asked every ten minutes a process: a merchant may add them any day.
    """
    key = (client.domain, client.settings.token_field)
    held = _fields.get(key)
    if held is not None and not again and time.monotonic() < held[0]:
        return held[1]
    config = ask(client, documents.CHANNEL, {}, ChannelAnswer).global_settings.server_config
    wanted = client.settings.token_field
    declared = {
        entity.entity_name for entity in config.entity_custom_fields
        if any(field.name == wanted for field in entity.custom_fields)
    }  # fmt: skip
    found = (wanted if "Order" in declared else "", wanted if "OrderLine" in declared else "")
    if len(_fields) >= MOST_KNOWN:
        _fields.clear()
    _fields[key] = (time.monotonic() + FIELDS_KNOWN_FOR, found)
    return found
