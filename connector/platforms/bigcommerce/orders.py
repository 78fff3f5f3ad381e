"""Orders: one whole with everything beside it, several, and those that changed or were placed since a moment.

An order is five kinds of answers: the order, its lines, its coupons (where there is a discount), its shipments (where
something was shipped), its refunds (for many orders in one question), and the metafields of the cart that it was made
of, where our token rides. The order is asked first: what changes while the rest is read moves its change time on, and
is read again. The list of changed orders is one by the orders' own times, then one by refunds, which may not move them.
Source: reference/orders.v2.oas2.yml, orders.v3.yml and carts.v3.yml of bigcommerce/docs, 2026-04-01.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from connector import clock
from connector.errors import PlatformRefused
from connector.platforms.bigcommerce import snapshot
from connector.platforms.bigcommerce.catalog import OVERLAP, instant
from connector.platforms.bigcommerce.client import PAGE, Envelope, all_data, all_rows, rest, rows
from connector.platforms.bigcommerce.payloads import (
    MetafieldNode,
    OrderCouponNode,
    OrderLineNode,
    OrderNode,
    OrderStampNode,
    RefundNode,
    ShipmentNode,
)
from connector.platforms.contract import Client, OrderHead, OrderPage, OrderRead
from connector.platforms.reading import moment
from connector.platforms.rest import Rest

REFUNDS_OF = 50  # orders whose refunds are asked for at once
CART_SCOPES = frozenset({"store_cart", "store_cart_read_only"})
_UUID = re.compile(r"[0-9a-fA-F-]{8,64}", re.ASCII)
_ORDERS, _REFUNDS = "o", "r"


class Orders:
    """The contract's `Orders` for BigCommerce."""

    def one(self, client: Client, order_ref: str) -> OrderRead | None:
        return self.some(client, [order_ref])[order_ref]

    def some(self, client: Client, order_refs: Sequence[str]) -> Mapping[str, OrderRead | None]:
        api, asked_at = rest(client), clock.now()
        wanted = list(dict.fromkeys(order_refs))
        orders = {order_ref: _order(api, order_ref) for order_ref in wanted}
        refunds = _refunds(api, [order.id for order in orders.values() if order is not None])
        found: dict[str, OrderRead | None] = {}
        for order_ref, order in orders.items():
            if order is None:
                found[order_ref] = None
                continue
            parts = _parts(client, api, order, refunds.get(order.id, []))
            found[order_ref] = OrderRead(snapshot.to_snapshot(parts), snapshot.to_buyer(order), asked_at)
        return found

    def changed(self, client: Client, since: datetime, checkpoint: str | None) -> OrderPage:
        """Checkpoint: `o|<from>|<page>|<mark>`, then `r|<from>|<page>|<mark>`."""
        kind, start, page, before = _checkpoint(checkpoint, _ORDERS, since)
        api = rest(client)
        if kind == _REFUNDS:
            return _refunded(api, start, page, before)
        query = {"min_date_modified": start, "sort": "date_modified:asc"}
        heads, onward = _listed(api, query, "min_date_modified", start, page, before)
        return OrderPage(heads, f"o|{onward}" if onward else f"r|{instant(since)}|1|")

    def placed(self, client: Client, since: datetime, until: datetime, checkpoint: str | None) -> OrderPage:
        _, start, page, before = _checkpoint(checkpoint, _ORDERS, since)
        # `max_date_created` may take its second in or not: what is placed later is left out here.
        query = {"min_date_created": start, "max_date_created": instant(until), "sort": "date_created:asc"}
        heads, onward = _listed(rest(client), query, "min_date_created", start, page, before)
        inside = [head for head in heads if since <= head.created_at < until]
        return OrderPage(inside, f"o|{onward}" if onward else None)


def _order(api: Rest, order_ref: str) -> OrderNode | None:
    """None for one that the store hasn't; an id that can be none is asked of nobody."""
    if not (order_ref.isascii() and order_ref.isdigit() and len(order_ref) <= 18):
        return None
    answer = api.find(f"/v2/orders/{order_ref}")
    return None if answer is None or answer.status == 204 else answer.read(OrderNode)


def _parts(client: Client, api: Rest, order: OrderNode, refunds: Sequence[RefundNode]) -> snapshot.Parts:
    path = f"/v2/orders/{order.id}"
    lines = all_rows(api, f"{path}/products", OrderLineNode, lambda row: row.id)
    coupons: list[OrderCouponNode] = []
    if order.coupon_discount or order.discount_amount or any(line.applied_discounts for line in lines):
        coupons = all_rows(api, f"{path}/coupons", OrderCouponNode, lambda row: row.id)
    shipments: list[ShipmentNode] = []
    if order.items_shipped > 0:
        shipments = all_rows(api, f"{path}/shipments", ShipmentNode, lambda row: row.id)
    return snapshot.Parts(order, lines, coupons, shipments, refunds, _metafields(client, api, order))


def _refunds(api: Rest, order_ids: Sequence[int]) -> dict[int, list[RefundNode]]:
    found: dict[int, list[RefundNode]] = {}
    for start in range(0, len(order_ids), REFUNDS_OF):
        part = order_ids[start : start + REFUNDS_OF]
        query: dict[str, str | int] = {"order_id:in": ",".join(map(str, part))}
        for refund in all_data(api, "/v3/orders/payment_actions/refunds", query, RefundNode):
            if refund.order_id in part:
                found.setdefault(refund.order_id, []).append(refund)
    return found


def _metafields(client: Client, api: Rest, order: OrderNode) -> list[MetafieldNode]:
    """Of the cart, which can be asked for them after it became an order. Without the scope for carts there is none."""
    cart = order.cart_id or ""
    if _UUID.fullmatch(cart) is None or not CART_SCOPES & set(client.grant.scopes):
        return []
    query: dict[str, str | int] = {"namespace": client.settings.metafield_namespace}
    return list(all_data(api, f"/v3/carts/{cart}/metafields", query, MetafieldNode))


# --- walking ----------------------------------------------------------------------------------------------------------


def _checkpoint(text: str | None, kind: str, since: datetime) -> tuple[str, str, int, str]:
    if text is None:
        return kind, instant(since), 1, ""
    kind, start, page, before = text.split("|")
    return kind, start, int(page), before


def _listed(
    api: Rest, query: dict[str, str], from_: str, start: str, page: int, before: str
) -> tuple[list[OrderHead], str]:
    """A page of the list, and where it goes on ("": it ends). As the catalog's walk by time."""
    stamps = rows(api, "/v2/orders", {**query, "limit": PAGE, "page": page}, OrderStampNode)
    mark = _mark([f"{stamp.id}@{stamp.date_modified}" for stamp in stamps])
    if stamps and mark == before:
        raise PlatformRefused(f"{api.domain}: the store gives the same page of orders again and again")
    heads = [_head(stamp) for stamp in stamps]
    if len(stamps) < PAGE:
        return heads, ""
    by_change = from_ == "min_date_modified"
    times = [head.changed_at if by_change else head.created_at for head in heads]
    again = times[-1] - OVERLAP
    if times[0] < again and instant(again) > start:
        return heads, f"{instant(again)}|1|{mark}"
    return heads, f"{start}|{page + 1}|{mark}"


def _head(stamp: OrderStampNode) -> OrderHead:
    return OrderHead(
        order_ref=str(stamp.id),
        number=f"#{stamp.id}",
        created_at=snapshot.listed_at(stamp.date_created, "$.date_created"),
        changed_at=snapshot.listed_at(stamp.date_modified, "$.date_modified"),
    )


def _refunded(api: Rest, start: str, page: int, before: str) -> OrderPage:
    """Orders that were given something back since: their change time is at least the refund's."""
    query: dict[str, str | int] = {"created:min": start, "limit": PAGE, "page": page}
    refunds = api.get("/v3/orders/payment_actions/refunds", query).read(Envelope[list[RefundNode]]).data
    mark = _mark([str(refund.id) for refund in refunds])
    if refunds and mark == before:
        raise PlatformRefused(f"{api.domain}: the store gives the same page of refunds again and again")
    newest: dict[int, datetime] = {}
    for refund in refunds:
        at = moment(refund.created, "$.data.created")
        newest[refund.order_id] = max(at, newest.get(refund.order_id, at))
    heads = [OrderHead(str(number), f"#{number}", at, at) for number, at in newest.items()]
    onward = f"r|{start}|{page + 1}|{mark}" if len(refunds) >= PAGE else None
    return OrderPage(heads, onward)


def _mark(rows_: Sequence[str]) -> str:
    return hashlib.blake2b(",".join(rows_).encode("utf-8", "replace"), digest_size=8).hexdigest()
