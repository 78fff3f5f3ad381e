"""Orders with their refunds: one, several, those that changed, those that were placed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from connector import clock
from connector.conformance.template.platform import payloads
from connector.conformance.template.platform.client import api
from connector.conformance.template.platform.settings import ExampleSettings
from connector.errors import PayloadUnreadable
from connector.events import (
    Allocation,
    Buyer,
    Carrier,
    Line,
    OrderSnapshot,
    PaymentStatus,
    Refund,
    RefundLine,
)
from connector.platforms.contract import Client, OrderHead, OrderPage, OrderRead
from connector.platforms.reading import amount, clean, moment
from connector.platforms.sampling import METADATA, free, is_reference

STATUSES: Mapping[str, PaymentStatus] = {
    "waiting": "pending",
    "paid": "paid",
    "refunded": "refunded",
    "cancelled": "voided",
}


class Orders:
    """The contract's `Orders` for Example."""

    def one(self, client: Client, order_ref: str) -> OrderRead | None:
        return self.some(client, [order_ref])[order_ref]

    def some(self, client: Client, order_refs: Sequence[str]) -> Mapping[str, OrderRead | None]:
        settings: ExampleSettings = client.settings
        read_at = clock.now()
        reply = api(client).get("/orders", {"ids": ",".join(order_refs)}).read(payloads.OrdersReply)
        found = {
            each.id: OrderRead(to_snapshot(each, settings.carrier), Buyer(email=each.email or None), read_at)
            for each in reply.orders
        }
        return {ref: found.get(ref) for ref in order_refs}

    def changed(self, client: Client, since: datetime, checkpoint: str | None) -> OrderPage:
        return _page(client, {"changed_after": since.isoformat()}, checkpoint)

    def placed(self, client: Client, since: datetime, until: datetime, checkpoint: str | None) -> OrderPage:
        return _page(client, {"placed_after": since.isoformat(), "placed_before": until.isoformat()}, checkpoint)


def _page(client: Client, window: dict[str, str], checkpoint: str | None) -> OrderPage:
    reply = api(client).get("/orders", {**window, "page": checkpoint or "1"}).read(payloads.OrdersReply)
    heads = [
        OrderHead(
            each.id, each.number, moment(each.created_at, "$.created_at"), moment(each.changed_at, "$.changed_at")
        )
        for each in reply.orders
    ]
    return OrderPage(heads, reply.next)


def to_snapshot(order: payloads.Order, carrier: str) -> OrderSnapshot:
    """Pure. Errors: PayloadUnreadable with the path of what can't be read exactly."""
    status = STATUSES.get(order.status)
    if status is None:
        raise PayloadUnreadable("$.status", f"{order.status[:40]!r} is not known")
    currency = order.currency
    refunds = tuple(_refund(each, number, currency) for number, each in enumerate(order.refunds))
    back = {line.line_ref: 0 for refund in refunds for line in refund.lines}
    for refund in refunds:
        for line in refund.lines:
            back[line.line_ref] += line.quantity
    token = order.notes.get(carrier, "")
    lines = tuple(
        _line(each, f"$.lines[{number}]", currency, back.get(each.id, 0)) for number, each in enumerate(order.lines)
    )
    return OrderSnapshot(
        order_ref=order.id,
        number=order.number,
        created_at=moment(order.created_at, "$.created_at"),
        changed_at=moment(order.changed_at, "$.changed_at"),
        currency=currency,
        payment_status="partially_refunded" if refunds and status == "paid" else status,
        taxes_included=False,
        lines=lines,
        # A mark alone would hide what was sold from its creator: only what costs nothing is a sample.
        sample=is_reference(order.notes.get(METADATA)) and free(lines),
        cancelled_at=moment(order.changed_at, "$.changed_at") if order.status == "cancelled" else None,
        refunds=refunds,
        carriers=(Carrier("order_metadata", token, carrier),) if token else (),
    )


def _line(line: payloads.Line, path: str, currency: str, back: int) -> Line:
    if line.quantity < 1:
        raise PayloadUnreadable(f"{path}.quantity", f"{line.quantity} isn't a quantity")
    off = amount(line.discount, currency, f"{path}.discount")
    return Line(
        line_ref=line.id,
        quantity=line.quantity,
        current_quantity=max(0, line.quantity - back),
        unit_price=amount(line.price, currency, f"{path}.price"),
        product_ref=line.product,
        variant_ref=line.variant,
        title=clean(line.title),
        allocations=(Allocation(off),) if off else (),
        tax=amount(line.tax, currency, f"{path}.tax"),
    )


def _refund(refund: payloads.Refund, number: int, currency: str) -> Refund:
    path = f"$.refunds[{number}]"
    return Refund(
        refund_ref=refund.id,
        created_at=moment(refund.created_at, f"{path}.created_at"),
        lines=tuple(
            RefundLine(each.id, each.line, each.quantity, amount(each.amount, currency, f"{path}.lines"))
            for each in refund.lines
        ),
    )
