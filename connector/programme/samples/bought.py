"""What a creator paid for a refundable sample, as their order says it now. Pure.

One unit of the sample's item: its price less its own and its share of discounts, with its tax, as the buyer paid it. No
shipping, no tip, and nothing that an edit took out of the order. Refunds are taken off as the store booked them (one
that failed isn't; an amount without an item is shared by the lines in proportion). Never less than nothing, never more
than was agreed. Where a store gives tax rates and no amounts, for prices without tax, it is the price without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from connector import money
from connector.events import Line, OrderSnapshot, Refund

PAID = frozenset({"paid", "partially_refunded", "refunded"})


def line_of(snapshot: OrderSnapshot, product_ref: str, variant_ref: str) -> Line | None:
    """The line that has the item: that very variant, or another one of the product. One that is there before one that
    was taken out."""
    of_product = [line for line in snapshot.lines if line.product_ref == product_ref and line.quantity > 0]
    return max(of_product, key=lambda line: (line.current_quantity > 0, line.variant_ref == variant_ref), default=None)


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
    index, wholes = snapshot.lines.index(line), _wholes(snapshot)
    whole, taken_out = wholes[index], _taken_out(snapshot, refunds, wholes)
    back = taken_out[index]
    # Money without an item is first that of units which an edit took out, less what edits added (COMMISSION.md, 3b).
    added = [one * min(each.edit_added, each.quantity) for one, each in zip(wholes, snapshot.lines, strict=True)]
    parts = zip(added, snapshot.lines, strict=True)
    pool = max(0, sum(taken_out) - sum(money.divided(one, each.quantity or 1) for one, each in parts))
    for refund in booked:
        for one in refund.lines:
            if one.line_ref == line.line_ref:
                back += one.subtotal + (0 if snapshot.taxes_included else one.tax)
        loose = max(0, sum(-each.amount for each in refund.adjustments if each.kind == "discrepancy"))
        settled = min(pool, loose)
        pool -= settled
        left = [one - out for one, out in zip(wholes, taken_out, strict=True)]
        if loose > settled and any(left):
            back += money.split(loose - settled, left)[index]
    return min(max(whole - back, 0), money.divided(whole, line.quantity))


def _wholes(snapshot: OrderSnapshot) -> list[int]:
    """What was paid for each line as ordered: less its discounts and its share of those that stand on no line (R2)."""
    nets = [
        max(0, line.unit_price * line.quantity - sum(each.amount for each in line.allocations))
        for line in snapshot.lines
    ]
    own = sum(each.amount for line in snapshot.lines for each in line.allocations)
    shared = min(max(0, snapshot.total_discounts - snapshot.shipping_discounts - own), sum(nets))
    shares = money.split(shared, nets) if shared else [0] * len(nets)
    return [
        net - share + (0 if snapshot.taxes_included else line.tax or 0)
        for line, net, share in zip(snapshot.lines, nets, shares, strict=True)
    ]


def _taken_out(snapshot: OrderSnapshot, refunds: Sequence[Refund], wholes: Sequence[int]) -> list[int]:
    """Of each line what units come to that an edit took out: neither there nor in a refund that the snapshot knows."""
    known = {each.refund_ref for each in snapshot.refunds}
    given_back: dict[str, int] = {}
    for refund in refunds:
        if refund.refund_ref in known or refund.created_at <= snapshot.changed_at:
            for one in refund.lines:
                given_back[one.line_ref] = given_back.get(one.line_ref, 0) + one.quantity
    return [
        money.divided(
            whole * max(0, line.quantity - line.current_quantity - given_back.get(line.line_ref, 0)), line.quantity or 1
        )
        for line, whole in zip(snapshot.lines, wholes, strict=True)
    ]  # fmt: skip


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
    line = line_of(snapshot, product_ref, variant_ref)
    if line is None or line.current_quantity <= 0:  # taken out of the order, or given back
        return "order_without_item"
    if snapshot.currency != currency:
        return "order_in_other_currency"
    return ""
