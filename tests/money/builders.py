"""Small builders of orders for tests: amounts in minor units, times counted from one fixed moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from connector.commerce.orders.facts import OrderFacts
from connector.events import Adjustment, Allocation, Line, OrderSnapshot, Refund, RefundLine, Transaction

PLACED = datetime(2026, 10, 5, 12, 0, tzinfo=UTC)


class Credit(msgspec.Struct, frozen=True):
    """What the arithmetic reads of a decision."""

    creator_id: str | None
    rate_bp: int
    content_id: str | None = None
    touch_id: str | None = None
    terms_id: str | None = "trm_1"
    credit_reason: str = "last_click_direct"
    rate_reason: str = "rate_open"


def at(days: float = 0, *, seconds: float = 0) -> datetime:
    return PLACED + timedelta(days=days, seconds=seconds)


def line(ref: str, price: int, quantity: int = 1, **more: Any) -> Line:
    fields = {"current_quantity": quantity, "product_ref": f"p{ref}", "variant_ref": f"v{ref}", "title": f"Thing {ref}"}
    return Line(line_ref=ref, quantity=quantity, unit_price=price, **(fields | more))


def off(*amounts: int, code: str | None = None) -> tuple[Allocation, ...]:
    return tuple(Allocation(amount=amount, code=code) for amount in amounts)


def snapshot(*lines: Line, **more: Any) -> OrderSnapshot:
    fields: dict[str, Any] = {
        "order_ref": "7001", "number": "#1001", "created_at": PLACED, "changed_at": PLACED, "currency": "USD",
        "payment_status": "paid", "taxes_included": False, "paid_at": PLACED,
        "total_discounts": sum(a.amount for item in lines for a in item.allocations),
    }  # fmt: skip
    return OrderSnapshot(lines=tuple(lines), **(fields | more))


def refund(
    ref: str, *lines: RefundLine, days: float = 1, money_only: int = 0, status: str | None = "success", **more: Any
) -> Refund:
    """A refund record; `money_only` is given back without an item, `status` that of its transaction (None: none)."""
    fields: dict[str, Any] = {
        "created_at": at(days),
        "lines": tuple(lines),
        "adjustments": (Adjustment(f"a{ref}", "discrepancy", -money_only),) if money_only else (),
        "transactions": (Transaction(f"t{ref}", status),) if status else (),  # type: ignore[arg-type]
    }
    return Refund(refund_ref=ref, **(fields | more))


def back(line_ref: str, quantity: int, subtotal: int, tax: int = 0, ref: str | None = None) -> RefundLine:
    return RefundLine(ref or f"r{line_ref}.{quantity}.{subtotal}", line_ref, quantity, subtotal, tax)


def facts(order: OrderSnapshot, refunds: Sequence[Refund] = (), **more: Any) -> OrderFacts:
    """The facts of an order of which only this version is known."""
    every = {known.refund_ref: known for known in (*order.refunds, *refunds)}
    fields: dict[str, Any] = {
        "order_id": "ord_1", "shop_id": "shp_1", "oldest_changed_at": order.changed_at,
        "refunds": tuple(sorted(every.values(), key=lambda known: (known.created_at, known.refund_ref))),
    }  # fmt: skip
    return OrderFacts(snapshot=order, **(fields | more))


def changed(order: OrderSnapshot, **more: Any) -> OrderSnapshot:
    """A later version."""
    fields = {"changed_at": order.changed_at + timedelta(minutes=1)}
    return msgspec.structs.replace(order, **(fields | more))


def with_line(order: OrderSnapshot, ref: str, **more: Any) -> OrderSnapshot:
    lines = tuple(msgspec.structs.replace(item, **more) if item.line_ref == ref else item for item in order.lines)
    return msgspec.structs.replace(order, lines=lines)
