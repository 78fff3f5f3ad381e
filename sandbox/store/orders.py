"""An order as plain arithmetic on one document: what it is worth, what is left of it, what it says of itself.

Amounts are minor units of the shop's currency, times UTC text to the second. Every derived amount (what Shopify calls
current_*) is computed from the document, never kept, so the API and the webhook bodies cannot disagree. `placing.py`
makes the document, `aftersales.py` changes it, `acts.py` stores it and tells of it.

The document, in the order in which it is filled:
    lines          quantity is the ordered one for ever; `removed` by edits, `refunded` by refund records
    allocations    [{amount, index}] per line and shipping line, index into discount_applications
    placed         the totals as placed, which later acts never change
    transactions   authorization, sale, capture, refund, void; amount is positive
    refunds        lines, shipping, adjustments (negative amount = given back without an item), transaction ids
    fulfillments, edits
"""

from __future__ import annotations

from collections.abc import Callable

from sandbox.store.money import share
from sandbox.store.state import Doc

NewId = Callable[[str], int]


class ActRefused(ValueError):
    """The store would not let this happen; the message says why."""


def net(line: Doc) -> int:
    """Line total after all discounts, all ordered units, tax still inside when prices include it."""
    return int(line["price"] * line["quantity"] - sum(a["amount"] for a in line["allocations"]))


def tax(line: Doc) -> int:
    return int(sum(t["price"] for t in line["tax_lines"]))


def taken(line: Doc) -> int:
    """Units that are gone: removed by an edit or a cancellation, or in a refund record."""
    return int(line["removed"] + line["refunded"])


def current_quantity(line: Doc) -> int:
    return int(line["quantity"] - taken(line))


def left(line: Doc, total: int) -> int:
    """What the remaining units keep of a line total."""
    return total - share(total, taken(line), line["quantity"])


def fulfilled_units(order: Doc, line: Doc) -> int:
    return sum(
        row["quantity"]
        for fulfillment in order["fulfillments"]
        if fulfillment["status"] == "success"
        for row in fulfillment["lines"]
        if row["line_item_id"] == line["id"]
    )


def duties_on_top(order: Doc) -> int:
    """Import duties of the units that are left, where prices don't contain them. Orders from before know none."""
    if order.get("duties_included"):
        return 0
    return sum(left(line, line.get("duty", 0)) for line in order["lines"])


def captured(order: Doc) -> int:
    return sum(
        t["amount"] for t in order["transactions"] if t["kind"] in ("sale", "capture") and t["status"] == "success"
    )


def given_back(order: Doc) -> int:
    """Money that really went back: refund transactions that succeeded."""
    return sum(t["amount"] for t in order["transactions"] if t["kind"] == "refund" and t["status"] == "success")


def promised(order: Doc) -> int:
    """Money given back or on its way: refund transactions that did not fail."""
    return sum(
        t["amount"] for t in order["transactions"] if t["kind"] == "refund" and t["status"] in ("success", "pending")
    )


def authorized(order: Doc) -> int:
    return sum(t["amount"] for t in order["transactions"] if t["kind"] == "authorization" and t["status"] == "success")


def shipping_refunded(order: Doc) -> tuple[int, int]:
    rows = [row for refund in order["refunds"] for row in refund["shipping"]]
    return sum(row["subtotal"] for row in rows), sum(row["tax"] for row in rows)


def shipping_net(order: Doc) -> int:
    return sum(net(line) for line in order["shipping_lines"])


def current(order: Doc) -> Doc:
    """The current_* amounts: {subtotal, discounts, tax, shipping, total}, minor units. All zero once cancelled."""
    if order["cancelled_at"] is not None:
        return {"subtotal": 0, "discounts": 0, "tax": 0, "shipping": 0, "total": 0}
    shipping_back, shipping_tax_back = shipping_refunded(order)
    subtotal = sum(left(line, net(line)) for line in order["lines"])
    discounts = sum(left(line, sum(a["amount"] for a in line["allocations"])) for line in order["lines"])
    discounts += sum(a["amount"] for line in order["shipping_lines"] for a in line["allocations"])
    taxes = sum(left(line, tax(line)) for line in order["lines"])
    taxes += sum(tax(line) for line in order["shipping_lines"]) - shipping_tax_back
    shipping = shipping_net(order) - shipping_back
    total = subtotal + shipping + order["tip"] + (0 if order["taxes_included"] else taxes) + duties_on_top(order)
    return {"subtotal": subtotal, "discounts": discounts, "tax": taxes, "shipping": shipping, "total": total}


def discrepancy(order: Doc) -> int:
    """Money given back beyond (positive) or short of (negative) what the refund records' items are worth."""
    rows = [a for refund in order["refunds"] for a in refund["adjustments"] if a["kind"] == "refund_discrepancy"]
    return -int(sum(a["amount"] for a in rows))


def outstanding(order: Doc) -> int:
    if order["cancelled_at"] is not None:
        return 0
    worth: int = current(order)["total"]
    rounding: int = order.get("cash_rounding", 0)
    return max(0, worth + rounding - (captured(order) - promised(order)) - discrepancy(order))


def financial_status(order: Doc) -> str:
    """Shopify's financial_status in lower case, from the transactions."""
    if order["expired_at"] is not None:
        return "expired"
    money_in, money_back = captured(order), given_back(order)
    if money_in == 0:
        if order["cancelled_at"] is not None or any(t["kind"] == "void" for t in order["transactions"]):
            return "voided"
        if order["placed"]["total"] == 0:
            return "paid"
        return "authorized" if authorized(order) else "pending"
    if money_back >= money_in:
        return "refunded"
    if money_back > 0:
        return "partially_refunded"
    return "partially_paid" if outstanding(order) > 0 else "paid"


def fulfillment_status(order: Doc) -> str | None:
    """None, 'partial' or 'fulfilled', as in webhook bodies."""
    done = sum(fulfilled_units(order, line) for line in order["lines"])
    if done == 0:
        return None
    open_units = sum(max(0, current_quantity(line) - fulfilled_units(order, line)) for line in order["lines"])
    return "partial" if open_units else "fulfilled"


def refund_status(order: Doc, refund: Doc) -> str:
    """'success', 'pending' or 'failure' of a refund record by its transactions; none at all counts as success."""
    states = [t["status"] for t in order["transactions"] if t["id"] in refund["transaction_ids"]]
    if not states or "success" in states:
        return "success"
    return "pending" if "pending" in states else "failure"


def is_tip(line: Doc) -> bool:
    """How a tip that is a line looks: no product and the title 'Tip'."""
    return line["product_id"] is None and line["title"] == "Tip"
