"""Life of a placed order: paid, fulfilled, delivered, refunded, edited, cancelled. Changes only the document."""

from __future__ import annotations

from typing import Any

from sandbox.store import orders
from sandbox.store.money import decimal_text, share, to_minor
from sandbox.store.orders import ActRefused, NewId
from sandbox.store.placing import add_transaction, line_taxes, new_line
from sandbox.store.state import Doc


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
    due = orders.outstanding(order)
    if due == 0:
        raise ActRefused(f"order {order['name']} has nothing outstanding")
    kind = "capture" if orders.authorized(order) and not orders.captured(order) else "sale"
    transaction = add_transaction(order, kind, min(amount or due, due), now, new_id)
    touch(order, now)
    return transaction


def void(order: Doc, now: str, new_id: NewId, *, expired: bool = False) -> None:
    """Give up an unpaid order's payment: financial_status becomes voided (or expired)."""
    if orders.captured(order):
        raise ActRefused(f"order {order['name']} is paid: refund it instead")
    if expired:
        order["expired_at"] = now
    else:
        add_transaction(order, "void", orders.authorized(order), now, new_id)
    touch(order, now)


def fulfil(order: Doc, wanted: list[dict[str, Any]] | None, now: str, new_id: NewId) -> Doc:
    """Ship units: `wanted` = [{line_item_id, quantity}], none = everything that is still open."""
    _open(order)
    if wanted is None:
        rows = [(line, orders.current_quantity(line) - orders.fulfilled_units(order, line)) for line in order["lines"]]
    else:
        rows = [(line_of(order, int(row["line_item_id"])), int(row["quantity"])) for row in wanted]
    rows = [(line, units) for line, units in rows if units > 0 and not orders.is_tip(line)]
    for line, units in rows:
        if units > orders.current_quantity(line) - orders.fulfilled_units(order, line):
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
            `amount` beside items makes a discrepancy of the difference; alone it is an amount-only refund. With
            `exchange` the items pay for others, so that no money and no difference comes of them.
    Units:  amounts are decimal strings in the shop's currency.
    Errors: ActRefused when more units or money are asked than are left.
    """
    currency: str = order["currency"]
    when = wanted.get("created_at") or now
    rows: list[Doc] = []
    asked = wanted.get("lines") or []
    if asked == "all":
        asked = [
            {"line_item_id": line["id"], "quantity": orders.current_quantity(line)}
            for line in order["lines"]
            if orders.current_quantity(line)
        ]
    for row in asked:
        rows.append(_refund_line(order, row, str(wanted.get("restock_type", "no_restock")), new_id))
    shipping = _refund_shipping(order, wanted.get("shipping"), new_id)
    worth = sum(row["subtotal"] for row in [*rows, *shipping])
    if not order["taxes_included"]:
        worth += sum(row["tax"] for row in [*rows, *shipping])
    paid = orders.captured(order) - orders.promised(order)
    amount = to_minor(wanted["amount"], currency) if wanted.get("amount") is not None else min(worth, max(paid, 0))
    if amount > paid:
        raise ActRefused(f"order {order['name']} has only {paid} minor units left to give back, not {amount}")
    if not rows and not shipping and amount == 0:
        raise ActRefused("a refund needs lines, shipping or an amount")
    adjustments = _adjustments(order, wanted, worth - amount, new_id)
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


def _adjustments(order: Doc, wanted: dict[str, Any], discrepancy: int, new_id: NewId) -> list[Doc]:
    """`discrepancy`: what the items are worth less what is given back, in minor units."""
    adjustments: list[Doc] = []
    exchanged = bool(wanted.get("exchange"))
    if orders.captured(order) and wanted.get("amount") is not None and discrepancy and not exchanged:
        adjustments.append({"id": new_id("adjustment"), "kind": "refund_discrepancy", "amount": discrepancy, "tax": 0})
    for extra in wanted.get("adjustments", []):
        adjustments.append(
            {
                "id": new_id("adjustment"),
                "kind": str(extra["kind"]),
                "amount": to_minor(extra["amount"], order["currency"]),
                "tax": to_minor(extra.get("tax_amount", 0), order["currency"]),
            }
        )
    return adjustments


def _refund_line(order: Doc, row: dict[str, Any], restock: str, new_id: NewId) -> Doc:
    line = line_of(order, int(row["line_item_id"]))
    units = int(row["quantity"])
    if not 0 < units <= orders.current_quantity(line):
        raise ActRefused(f"line {line['id']} has {orders.current_quantity(line)} units left, not {units}")
    before = orders.taken(line)
    total, line_tax, quantity = orders.net(line), orders.tax(line), line["quantity"]
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
    back, tax_back = orders.shipping_refunded(order)
    rest, tax_rest = orders.net(line) - back, orders.tax(line) - tax_back
    subtotal = rest if asked == "full" else to_minor(asked, order["currency"])
    if subtotal > rest:
        raise ActRefused(f"shipping of {order['name']} has {rest} minor units left, not {subtotal}")
    if subtotal == 0:
        return []
    part = tax_rest if subtotal == rest else share(orders.tax(line), subtotal, orders.net(line))
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
        units = int(row.get("quantity", orders.current_quantity(line)))
        if not 0 < units <= orders.current_quantity(line):
            raise ActRefused(f"line {line['id']} has {orders.current_quantity(line)} units left, not {units}")
        line["removed"] += units
        removals.append({"id": line["id"], "delta": units})
    additions: list[Doc] = []
    for row in add:
        line = new_line(row, new_id, added_by_edit=True)
        line["tax_lines"] = line_taxes(line, shop, {}, order["taxes_included"])
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


def exchange(
    shop: Doc, order: Doc, back: list[dict[str, Any]], add: list[Doc], now: str, new_id: NewId
) -> tuple[Doc, Doc]:
    """Units come back and others go out for them: a refund record without money, and an edit. (refund, edit)"""
    if not back or not add:
        raise ActRefused("an exchange needs something back and something new")
    record = refund(order, {"lines": back, "amount": "0", "restock_type": "return", "exchange": True}, now, new_id)
    return record, edit(shop, order, [], add, now, new_id, "exchange")


DISPUTE_ENDS = ("won", "lost", "accepted", "charge_refunded", "prevented")


def dispute(order: Doc, wanted: dict[str, Any], now: str, new_id: NewId) -> Doc:
    """The buyer disputes the payment at the bank. The order's own change time doesn't move, as on Shopify.

    Shape: wanted = {amount: decimal string (all that was captured), type: chargeback | inquiry, reason}.
    """
    paid = orders.captured(order)
    amount = to_minor(wanted["amount"], order["currency"]) if wanted.get("amount") is not None else paid
    if not 0 < amount <= paid:
        raise ActRefused(f"order {order['name']} has {paid} minor units that can be disputed, not {amount}")
    kind = str(wanted.get("type", "chargeback"))
    if kind not in ("chargeback", "inquiry"):
        raise ActRefused(f"a dispute is a chargeback or an inquiry, not {kind!r}")
    record: Doc = {
        "id": new_id("dispute"), "type": kind, "amount": amount, "status": "needs_response",
        "reason": str(wanted.get("reason", "fraudulent")), "initiated_at": now, "finalized_on": None,
    }  # fmt: skip
    order.setdefault("disputes", []).append(record)
    return record


def move_dispute(order: Doc, dispute_id: int, status: str, now: str) -> Doc:
    """The merchant answers (under_review), or it ends."""
    found = next((row for row in order.get("disputes", []) if row["id"] == dispute_id), None)
    if found is None:
        raise ActRefused(f"order {order['name']} has no dispute {dispute_id}")
    if status not in ("under_review", *DISPUTE_ENDS):
        raise ActRefused(f"a dispute becomes under_review, {', '.join(DISPUTE_ENDS)}, not {status!r}")
    found["status"] = status
    found["finalized_on"] = now if status in DISPUTE_ENDS else None
    dispute_doc: Doc = found
    return dispute_doc


def overpaid(order: Doc) -> int:
    """Money that the buyer has paid beyond what the order is worth now (after an edit took units off)."""
    worth: int = orders.current(order)["total"]
    return max(0, orders.captured(order) - orders.promised(order) + orders.discrepancy(order) - worth)


def cancel(order: Doc, reason: str, give_back: bool, now: str, new_id: NewId) -> Doc | None:
    """Cancel. Paid and `give_back`: a refund record of everything left, which is returned. Not paid: voided.

    Paid and not given back: the store keeps the money, the units are gone and nothing is recorded as refunded.
    """
    _open(order)
    record = None
    if orders.captured(order) == 0:
        if order["placed"]["total"]:
            add_transaction(order, "void", orders.authorized(order), now, new_id)
    elif give_back:
        rest = orders.captured(order) - orders.promised(order)
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
        line["removed"] += orders.current_quantity(line)
    order["cancelled_at"] = now
    order["closed_at"] = now
    order["cancel_reason"] = reason
    touch(order, now)
    return record
