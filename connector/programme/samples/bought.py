"""What a creator paid for a refundable sample, as their order says it now. Pure.

One unit of the sample's item: its price less its own and its share of discounts, with its tax, as the buyer paid it. No
shipping, no tip. Refunds are taken off as the store booked them (one that failed isn't; an amount without an item is
shared by the lines in proportion). Never less than nothing, never more than was agreed. Where a store gives tax rates
and no amounts, for prices without tax, it is the price without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from connector import money
from connector.events import Line, OrderSnapshot, Refund

PAID = frozenset({"paid", "partially_refunded", "refunded"})


def line_of(snapshot: OrderSnapshot, product_ref: str, variant_ref: str) -> Line | None:
    """The line that has the item: that very variant, or another one of the product."""
    of_product = [line for line in snapshot.lines if line.product_ref == product_ref and line.quantity > 0]
    exact = [line for line in of_product if line.variant_ref == variant_ref]
    return next(iter(exact or of_product), None)


def paid(snapshot: OrderSnapshot, refunds: Sequence[Refund], product_ref: str, variant_ref: str) -> int | None:
    """Minor units of the order's currency for one unit, net of refunds; 0 without such a line, or while unpaid.

    None: it isn't known yet, since the store gave money back and didn't say how much.
    """
    line = line_of(snapshot, product_ref, variant_ref)
    if line is None or snapshot.payment_status not in PAID or snapshot.cancelled_at is not None:
        return 0
    booked = [each for each in refunds if not _failed(each)]
    if any(each.amount_unknown for each in booked):
        return None
    wholes = [_whole(each, snapshot) for each in snapshot.lines]
    whole = _whole(line, snapshot)
    back: int = 0
    for refund in booked:
        for one in refund.lines:
            if one.line_ref == line.line_ref:
                back += one.subtotal + (0 if snapshot.taxes_included else one.tax)
        loose = sum(-each.amount for each in refund.adjustments if each.kind == "discrepancy")
        if loose > 0 and any(wholes):
            back += money.split(loose, wholes)[snapshot.lines.index(line)]
    return min(max(whole - back, 0), money.divided(whole, line.quantity))


def _whole(line: Line, snapshot: OrderSnapshot) -> int:
    amount = line.unit_price * line.quantity - sum(each.amount for each in line.allocations)
    return max(0, amount + (0 if snapshot.taxes_included else line.tax or 0))


def _failed(refund: Refund) -> bool:
    return bool(refund.transactions) and all(each.status in ("failure", "error") for each in refund.transactions)


def comes_back(agreed: int, paid_amount: int, earned: int) -> int:
    """What is owed: what was paid without what the creator earns by that purchase, and never more than was agreed."""
    return max(0, min(agreed, paid_amount - earned))


def why_not(
    snapshot: OrderSnapshot, *, product_ref: str, variant_ref: str, currency: str, approved_at: datetime
) -> str:
    """Why an order can't be the purchase of this sample; "" where it can. A code of `asking.REFUSALS`."""
    if snapshot.test or not snapshot.completed or snapshot.sample:
        return "order_is_none"
    if snapshot.cancelled_at is not None:
        return "order_called_off"
    if snapshot.created_at < approved_at:
        return "order_before_approval"
    if line_of(snapshot, product_ref, variant_ref) is None:
        return "order_without_item"
    if snapshot.currency != currency:
        return "order_in_other_currency"
    return ""
