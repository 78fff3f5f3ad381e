"""An order's life as plain arithmetic on one document: placed, paid, fulfilled, delivered, refunded, edited, cancelled.

Nothing here stores or sends; `acts.py` does. Amounts are minor units of the shop's currency, times UTC text to the
second. Every derived amount (what Shopify calls current_*) is computed from the document, never kept, so the API and
the webhook bodies cannot disagree.

The document, in the order in which it is filled:
    lines          quantity is the ordered one for ever; `removed` by edits, `refunded` by refund records
    allocations    [{amount, index}] per line and shipping line, index into discount_applications
    placed         the totals as placed, which later acts never change
    transactions   authorization, sale, capture, refund, void; amount is positive
    refunds        lines, shipping, adjustments (negative amount = given back without an item), transaction ids
    fulfillments, edits
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from fractions import Fraction
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sandbox.shopify.money import decimal_text, half_up, share, spread, to_minor
from sandbox.shopify.state import Doc

NewId = Callable[[str], int]


class ActRefused(ValueError):
    """The store would not let staff do this; the message says why."""


# --- reading a document -------------------------------------------------------------------------------------------


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


def captured(order: Doc) -> int:
    return sum(
        t["amount"] for t in order["transactions"] if t["kind"] in ("sale", "capture") and t["status"] == "success"
    )


def given_back(order: Doc) -> int:
    """Money that really went back: refund transactions that succeeded."""
    return sum(t["amount"] for t in order["transactions"] if t["kind"] == "refund" and t["status"] == "success")


def _promised(order: Doc) -> int:
    """Money given back or on its way: refund transactions that did not fail."""
    return sum(
        t["amount"]
        for t in order["transactions"]
        if t["kind"] == "refund" and t["status"] in ("success", "pending")
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
    total = subtotal + shipping + order["tip"] + (0 if order["taxes_included"] else taxes)
    return {"subtotal": subtotal, "discounts": discounts, "tax": taxes, "shipping": shipping, "total": total}


def discrepancy(order: Doc) -> int:
    """Money given back beyond (positive) or short of (negative) what the refund records' items are worth."""
    return -sum(
        a["amount"] for refund in order["refunds"] for a in refund["adjustments"] if a["kind"] == "refund_discrepancy"
    )


def outstanding(order: Doc) -> int:
    if order["cancelled_at"] is not None:
        return 0
    still_to_pay = current(order)["total"] - (captured(order) - _promised(order)) - discrepancy(order)
    return max(0, still_to_pay)


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


# --- placing ------------------------------------------------------------------------------------------------------


def place(shop: Doc, draft: dict[str, Any], now: str, new_id: NewId) -> Doc:
    """Make the order document from a draft whose lines are already priced.

    Shape:  draft["lines"] = [{product_id, variant_id, title, variant_title, vendor, sku, price (minor), quantity,
            gift_card, taxable, requires_shipping, grams, properties [{name, value}]}]; the other keys as documented
            in sandbox/README.md, their amounts decimal strings in the shop's currency.
    Errors: ActRefused, AmountRefused.
    """
    currency: str = shop["currency"]
    included = bool(draft.get("taxes_included", shop["taxes_included"]))
    if not draft["lines"]:
        raise ActRefused("an order needs a line")
    lines = [_line(row, new_id) for row in draft["lines"]]
    shipping_lines = _shipping(draft, shop, new_id)
    applications = _discount(draft.get("discounts", []), lines, shipping_lines, currency)
    for line in [*lines, *shipping_lines]:
        line["tax_lines"] = _taxes(line, shop, draft, included)
    number = new_order_number(shop)
    order_id = new_id("order")
    token = hashlib.md5(f"{shop['name']}/{order_id}".encode(), usedforsecurity=False).hexdigest()
    placed_at = draft.get("created_at") or now
    landing = draft.get("landing_site")
    reference = draft.get("ref") or _query_value(landing, "ref")
    order: Doc = {
        "id": order_id,
        "shop": shop["name"],
        "number": number,
        "name": f"#{1000 + number}",
        "confirmation_number": token[:9].upper(),
        "token": token,
        "cart_token": draft.get("cart_token"),
        "checkout_id": new_id("checkout"),
        "checkout_token": draft.get("checkout_token"),
        "created_at": placed_at,
        "processed_at": placed_at,
        "updated_at": max(now, placed_at),
        "closed_at": None,
        "cancelled_at": None,
        "cancel_reason": None,
        "expired_at": None,
        "deleted_at": None,
        "test": bool(draft.get("test", False)),
        "tags": list(draft.get("tags", [])),
        "note": draft.get("note"),
        "note_attributes": as_pairs(draft.get("note_attributes", [])),
        "source_name": draft.get("source_name", "web"),
        "source_identifier": draft.get("source_identifier"),
        "app_id": {"web": 580111, "shopify_draft_order": 1354745, "pos": 129785}.get(draft.get("source_name", "web")),
        "landing_site": landing,
        "landing_site_ref": reference,
        "referring_site": draft.get("referring_site"),
        "currency": currency,
        "presentment": draft.get("presentment") or {"currency": currency, "rate": "1"},
        "taxes_included": included,
        "customer": draft.get("customer"),
        "address": draft.get("address"),
        "lines": lines,
        "shipping_lines": shipping_lines,
        "discount_applications": applications,
        "discount_codes": [a["code"] for a in applications if a["type"] == "discount_code"],
        "tip": to_minor(draft.get("tip") or 0, currency),
        "transactions": [],
        "refunds": [],
        "fulfillments": [],
        "edits": [],
        "buyer": draft.get("buyer"),
    }
    subtotal = sum(net(line) for line in lines)
    taxes = sum(tax(line) for line in [*lines, *shipping_lines])
    order["placed"] = {
        "line_items": sum(line["price"] * line["quantity"] for line in lines),
        "discounts": sum(a["amount"] for line in [*lines, *shipping_lines] for a in line["allocations"]),
        "subtotal": subtotal,
        "shipping": shipping_net(order),
        "tax": taxes,
        "total": subtotal + shipping_net(order) + order["tip"] + (0 if included else taxes),
    }
    _first_payment(order, draft, placed_at, new_id)
    return order


def new_order_number(shop: Doc) -> int:
    """Take the shop's next order number; the caller stores the shop."""
    shop["last_order_number"] = int(shop.get("last_order_number", 0)) + 1
    return int(shop["last_order_number"])


def as_pairs(value: Any) -> list[Doc]:
    """{'a': 'b'} or [{'name': 'a', 'value': 'b'}] as the list form."""
    if isinstance(value, dict):
        return [{"name": str(name), "value": item} for name, item in value.items()]
    return [{"name": str(row["name"]), "value": row["value"]} for row in value]


def _query_value(url: str | None, key: str) -> str | None:
    values = parse_qs(urlsplit(url or "").query).get(key)
    return values[0] if values else None


def _line(row: Doc, new_id: NewId, *, added_by_edit: bool = False) -> Doc:
    if int(row["quantity"]) < 1:
        raise ActRefused("a line needs at least one unit")
    return {
        "id": new_id("line_item"),
        "product_id": row.get("product_id"),
        "variant_id": row.get("variant_id"),
        "title": row["title"],
        "variant_title": row.get("variant_title"),
        "vendor": row.get("vendor"),
        "sku": row.get("sku"),
        "price": row["price"],
        "quantity": int(row["quantity"]),
        "removed": 0,
        "refunded": 0,
        "gift_card": bool(row.get("gift_card", False)),
        "taxable": bool(row.get("taxable", True)),
        "tax_rate": row.get("tax_rate"),
        "requires_shipping": bool(row.get("requires_shipping", True)),
        "grams": int(row.get("grams", 200)),
        "properties": as_pairs(row.get("properties", [])),
        "allocations": [],
        "tax_lines": [],
        "added_by_edit": added_by_edit,
    }


def is_tip(line: Doc) -> bool:
    """How a tip that is a line looks: no product and the title 'Tip'."""
    return line["product_id"] is None and line["title"] == "Tip"


def _shipping(draft: dict[str, Any], shop: Doc, new_id: NewId) -> list[Doc]:
    asked = draft.get("shipping")
    if asked is None:
        return []
    return [
        {
            "id": new_id("shipping_line"),
            "title": "Standard",
            "price": to_minor(asked, shop["currency"]),
            "quantity": 1,
            "taxable": bool(shop["tax_shipping"]),
            "tax_rate": None,
            "allocations": [],
            "tax_lines": [],
        }
    ]


def _discount(asked: list[dict[str, Any]], lines: list[Doc], shipping: list[Doc], currency: str) -> list[Doc]:
    """Apply discounts in their order, each on what the earlier ones left; returns the discount applications.

    Gift cards and tips are never entitled. An amount is spread over the entitled lines by largest remainder.
    """
    applications: list[Doc] = []
    for index, wanted in enumerate(asked):
        kind = str(wanted.get("type", "percentage"))
        on_shipping = kind == "shipping" or wanted.get("target") == "shipping_line"
        only = {int(product_id) for product_id in wanted.get("product_ids", [])}
        only_lines = {int(position) for position in wanted.get("line_positions", [])}
        targets = (
            shipping
            if on_shipping
            else [
                line
                for position, line in enumerate(lines)
                if not line["gift_card"]
                and not is_tip(line)
                and (not only or line["product_id"] in only)
                and (not only_lines or position in only_lines)
            ]
        )
        weights = [net(line) for line in targets]
        if kind == "fixed_amount":
            amount = min(to_minor(wanted["value"], currency), sum(weights))
            value_type = "fixed_amount"
        else:
            percentage = Fraction(str(wanted.get("value", "100")))
            amount = half_up(sum(weights) * percentage / 100)
            value_type = "percentage"
        for line, part in zip(targets, spread(amount, weights), strict=True):
            if part:
                line["allocations"].append({"amount": part, "index": index})
        source = str(wanted.get("kind") or ("discount_code" if wanted.get("code") else "automatic"))
        applications.append(
            {
                "type": source,
                "code": str(wanted.get("code") or wanted.get("title") or "Discount"),
                "value": str(wanted.get("value", "100")),
                "value_type": value_type,
                "target_type": "shipping_line" if on_shipping else "line_item",
                "target_selection": "explicit" if only_lines else ("entitled" if only else "all"),
                "allocation_method": "each" if only_lines else "across",
                "amount": amount,
            }
        )
    return applications


def _taxes(line: Doc, shop: Doc, draft: dict[str, Any], included: bool) -> list[Doc]:
    rate_text = str(line["tax_rate"] if line["tax_rate"] is not None else draft.get("tax_rate", shop["tax_rate"]))
    rate = Fraction(rate_text)
    if not line["taxable"] or rate == 0:
        return []
    amount = half_up(net(line) * rate / (1 + rate)) if included else half_up(net(line) * rate)
    return [{"title": shop["tax_title"], "rate": rate_text, "price": amount}]


def _first_payment(order: Doc, draft: dict[str, Any], when: str, new_id: NewId) -> None:
    payment = str(draft.get("payment", "paid"))
    total = order["placed"]["total"]
    if payment not in ("paid", "pending", "authorized", "partially_paid"):
        raise ActRefused(f"payment is paid, pending, authorized or partially_paid, not {payment!r}")
    if total == 0:
        return
    if payment == "authorized":
        add_transaction(order, "authorization", total, when, new_id)
    elif payment == "partially_paid":
        part = draft.get("paid_amount")
        amount = to_minor(part, order["currency"]) if part is not None else total // 2
        add_transaction(order, "sale", amount, when, new_id)
    elif payment == "paid":
        rows = draft.get("payments") or []
        for row in rows:
            amount = min(to_minor(row["amount"], order["currency"]), total - captured(order))
            add_transaction(order, "sale", amount, when, new_id, gateway=str(row["gateway"]))
        rest = total - captured(order)
        if rest:
            add_transaction(order, "sale", rest, when, new_id)


def add_transaction(
    order: Doc,
    kind: str,
    amount: int,
    when: str,
    new_id: NewId,
    *,
    status: str = "success",
    gateway: str | None = None,
) -> Doc:
    parent = next(
        (t["id"] for t in order["transactions"] if t["kind"] in ("sale", "capture", "authorization")), None
    )
    if kind in ("sale", "authorization"):
        parent = None
    transaction: Doc = {
        "id": new_id("transaction"),
        "kind": kind,
        "status": status,
        "amount": amount,
        "gateway": gateway or ("bogus" if order["test"] else "shopify_payments"),
        "created_at": when,
        "processed_at": when,
        "parent_id": parent,
        "payment_id": f"{order['name']}.{len(order['transactions']) + 1}",
    }
    order["transactions"].append(transaction)
    return transaction


# --- later acts ---------------------------------------------------------------------------------------------------


def touch(order: Doc, now: str) -> None:
    """Move updated_at on; it never goes back, also when the clock's offset is taken away."""
    order["updated_at"] = max(now, order["updated_at"])


def line_of(order: Doc, line_item_id: int) -> Doc:
    for line in order["lines"]:
        if line["id"] == line_item_id:
            found: Doc = line
            return found
    raise ActRefused(f"order {order['name']} has no line {line_item_id}")


def _open(order: Doc) -> None:
    if order["cancelled_at"] is not None:
        raise ActRefused(f"order {order['name']} is cancelled")


def mark_paid(order: Doc, now: str, new_id: NewId, amount: int | None = None) -> Doc:
    """Take the money that is outstanding (or `amount`): a capture if it was authorised, else a sale."""
    _open(order)
    due = outstanding(order)
    if due == 0:
        raise ActRefused(f"order {order['name']} has nothing outstanding")
    kind = "capture" if authorized(order) and not captured(order) else "sale"
    transaction = add_transaction(order, kind, min(amount or due, due), now, new_id)
    touch(order, now)
    return transaction


def void(order: Doc, now: str, new_id: NewId, *, expired: bool = False) -> None:
    """Give up an unpaid order's payment: financial_status becomes voided (or expired)."""
    if captured(order):
        raise ActRefused(f"order {order['name']} is paid: refund it instead")
    if expired:
        order["expired_at"] = now
    else:
        add_transaction(order, "void", authorized(order), now, new_id)
    touch(order, now)


def fulfil(order: Doc, wanted: list[dict[str, Any]] | None, now: str, new_id: NewId) -> Doc:
    """Ship units: `wanted` = [{line_item_id, quantity}], none = everything that is still open."""
    _open(order)
    if wanted is None:
        rows = [(line, current_quantity(line) - fulfilled_units(order, line)) for line in order["lines"]]
    else:
        rows = [(line_of(order, int(row["line_item_id"])), int(row["quantity"])) for row in wanted]
    rows = [(line, units) for line, units in rows if units > 0 and not is_tip(line)]
    for line, units in rows:
        if units > current_quantity(line) - fulfilled_units(order, line):
            raise ActRefused(f"line {line['id']} has not {units} units left to fulfil")
    if not rows:
        raise ActRefused(f"order {order['name']} has nothing to fulfil")
    fulfillment: Doc = {
        "id": new_id("fulfillment"),
        "name": f"{order['name']}-F{len(order['fulfillments']) + 1}",
        "status": "success",
        "shipment_status": None,
        "created_at": now,
        "updated_at": now,
        "in_transit_at": None,
        "delivered_at": None,
        "tracking_number": f"SBX{order['id'] % 100000:05d}{len(order['fulfillments']) + 1}",
        "lines": [
            {"id": new_id("fulfillment_line"), "line_item_id": line["id"], "quantity": units} for line, units in rows
        ],
    }
    order["fulfillments"].append(fulfillment)
    touch(order, now)
    return fulfillment


def deliver(order: Doc, fulfillment_id: int | None, when: str, now: str) -> list[Doc]:
    """Say that one fulfilment, or all, arrived at `when`. A body has no delivered_at: there it is updated_at beside
    shipment_status "delivered", so both carry the same second."""
    done: list[Doc] = []
    for fulfillment in order["fulfillments"]:
        if fulfillment_id not in (None, fulfillment["id"]) or fulfillment["delivered_at"] is not None:
            continue
        fulfillment["shipment_status"] = "delivered"
        fulfillment["in_transit_at"] = fulfillment["in_transit_at"] or fulfillment["created_at"]
        fulfillment["delivered_at"] = when
        fulfillment["updated_at"] = when
        done.append(fulfillment)
    if not done:
        raise ActRefused(f"order {order['name']} has no fulfilment on its way")
    touch(order, now)
    return done


def refund(order: Doc, wanted: dict[str, Any], now: str, new_id: NewId) -> Doc:
    """Add a refund record.

    Shape:  wanted = {lines: [{line_item_id, quantity}] | "all", shipping: amount | "full", amount: total given back,
            status: success | pending | failure, restock_type, note, created_at, adjustments: [{kind, amount}]}.
            `amount` beside items makes a discrepancy of the difference; alone it is an amount-only refund.
    Units:  amounts are decimal strings in the shop's currency.
    Errors: ActRefused when more units or money are asked than are left.
    """
    currency: str = order["currency"]
    when = wanted.get("created_at") or now
    rows: list[Doc] = []
    asked = wanted.get("lines") or []
    if asked == "all":
        asked = [
            {"line_item_id": line["id"], "quantity": current_quantity(line)}
            for line in order["lines"]
            if current_quantity(line)
        ]
    for row in asked:
        rows.append(_refund_line(order, row, str(wanted.get("restock_type", "no_restock")), new_id))
    shipping = _refund_shipping(order, wanted.get("shipping"), new_id)
    worth = sum(row["subtotal"] for row in [*rows, *shipping])
    if not order["taxes_included"]:
        worth += sum(row["tax"] for row in [*rows, *shipping])
    paid = captured(order) - _promised(order)
    amount = to_minor(wanted["amount"], currency) if wanted.get("amount") is not None else min(worth, max(paid, 0))
    if amount > paid:
        raise ActRefused(f"order {order['name']} has only {paid} minor units left to give back, not {amount}")
    if not rows and not shipping and amount == 0:
        raise ActRefused("a refund needs lines, shipping or an amount")
    adjustments: list[Doc] = []
    if captured(order) and wanted.get("amount") is not None and amount != worth:
        adjustments.append(
            {"id": new_id("adjustment"), "kind": "refund_discrepancy", "amount": worth - amount, "tax": 0}
        )
    for extra in wanted.get("adjustments", []):
        adjustments.append(
            {
                "id": new_id("adjustment"),
                "kind": str(extra["kind"]),
                "amount": to_minor(extra["amount"], currency),
                "tax": to_minor(extra.get("tax_amount", 0), currency),
            }
        )
    transactions = []
    status = str(wanted.get("status", "success"))
    if status not in ("success", "pending", "failure"):
        raise ActRefused(f"a refund's status is success, pending or failure, not {status!r}")
    if amount:
        transactions.append(add_transaction(order, "refund", amount, when, new_id, status=status)["id"])
    record: Doc = {
        "id": new_id("refund"),
        "created_at": when,
        "processed_at": when,
        "note": wanted.get("note"),
        "restock": wanted.get("restock_type") in ("return", "cancel"),
        "lines": rows,
        "shipping": shipping,
        "adjustments": adjustments,
        "transaction_ids": transactions,
    }
    order["refunds"].append(record)
    touch(order, now)
    return record


def _refund_line(order: Doc, row: dict[str, Any], restock: str, new_id: NewId) -> Doc:
    line = line_of(order, int(row["line_item_id"]))
    units = int(row["quantity"])
    if not 0 < units <= current_quantity(line):
        raise ActRefused(f"line {line['id']} has {current_quantity(line)} units left, not {units}")
    before = taken(line)
    total, line_tax, quantity = net(line), tax(line), line["quantity"]
    line["refunded"] += units
    return {
        "id": new_id("refund_line"),
        "line_item_id": line["id"],
        "quantity": units,
        "restock_type": restock,
        # cumulative rounding: the refunds of all units of a line add up to the line
        "subtotal": share(total, before + units, quantity) - share(total, before, quantity),
        "tax": share(line_tax, before + units, quantity) - share(line_tax, before, quantity),
    }


def _refund_shipping(order: Doc, asked: Any, new_id: NewId) -> list[Doc]:
    if not asked or not order["shipping_lines"]:
        return []
    line = order["shipping_lines"][0]
    back, tax_back = shipping_refunded(order)
    rest, tax_rest = net(line) - back, tax(line) - tax_back
    subtotal = rest if asked == "full" else to_minor(asked, order["currency"])
    if subtotal > rest:
        raise ActRefused(f"shipping of {order['name']} has {rest} minor units left, not {subtotal}")
    if subtotal == 0:
        return []
    part = tax_rest if subtotal == rest else share(tax(line), subtotal, net(line))
    return [{"id": new_id("refund_shipping"), "shipping_line_id": line["id"], "subtotal": subtotal, "tax": part}]


def settle_refund(order: Doc, refund_id: int, status: str, now: str) -> list[Doc]:
    """A pending refund transaction ends: success or failure. Returns the transactions that changed."""
    if status not in ("success", "failure"):
        raise ActRefused("a refund settles as success or failure")
    record = next((r for r in order["refunds"] if r["id"] == refund_id), None)
    if record is None:
        raise ActRefused(f"order {order['name']} has no refund {refund_id}")
    changed: list[Doc] = []
    for transaction in order["transactions"]:
        if transaction["id"] in record["transaction_ids"] and transaction["status"] == "pending":
            transaction["status"] = status
            transaction["processed_at"] = now
            changed.append(transaction)
    if not changed:
        raise ActRefused(f"refund {refund_id} has no pending transaction")
    touch(order, now)
    return changed


def edit(
    shop: Doc, order: Doc, remove: list[dict[str, Any]], add: list[Doc], now: str, new_id: NewId, note: str | None
) -> Doc:
    """Take units off and add lines (already priced). Returns the edit, which is what orders/edited tells of."""
    _open(order)
    removals: list[Doc] = []
    for row in remove:
        line = line_of(order, int(row["line_item_id"]))
        units = int(row.get("quantity", current_quantity(line)))
        if not 0 < units <= current_quantity(line):
            raise ActRefused(f"line {line['id']} has {current_quantity(line)} units left, not {units}")
        line["removed"] += units
        removals.append({"id": line["id"], "delta": units})
    additions: list[Doc] = []
    for row in add:
        line = _line(row, new_id, added_by_edit=True)
        line["tax_lines"] = _taxes(line, shop, {}, order["taxes_included"])
        order["lines"].append(line)
        additions.append({"id": line["id"], "delta": line["quantity"]})
    if not removals and not additions:
        raise ActRefused("an edit needs something to remove or to add")
    record: Doc = {
        "id": new_id("edit"),
        "created_at": now,
        "note": note,
        "additions": additions,
        "removals": removals,
    }
    order["edits"].append(record)
    touch(order, now)
    return record


def overpaid(order: Doc) -> int:
    """Money that the buyer has paid beyond what the order is worth now (after an edit took units off)."""
    return max(0, captured(order) - _promised(order) + discrepancy(order) - current(order)["total"])


def cancel(order: Doc, reason: str, give_back: bool, now: str, new_id: NewId) -> Doc | None:
    """Cancel. Paid and `give_back`: a refund record of everything left, which is returned. Not paid: voided.

    Paid and not given back: the store keeps the money, the units are gone and nothing is recorded as refunded.
    """
    _open(order)
    record = None
    if captured(order) == 0:
        if order["placed"]["total"]:
            add_transaction(order, "void", authorized(order), now, new_id)
    elif give_back:
        rest = captured(order) - _promised(order)
        record = refund(
            order,
            {
                "lines": "all",
                "shipping": "full",
                "restock_type": "cancel",
                "amount": None if rest == 0 else decimal_text(rest, order["currency"]),
            },
            now,
            new_id,
        )
    for line in order["lines"]:
        line["removed"] += current_quantity(line)
    order["cancelled_at"] = now
    order["closed_at"] = now
    order["cancel_reason"] = reason
    touch(order, now)
    return record
