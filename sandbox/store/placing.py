"""Placing an order: discounts allocated to lines, tax per line, the first payment. Makes the order document."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sandbox.store import orders
from sandbox.store.money import half_up, spread, to_minor
from sandbox.store.orders import ActRefused, NewId
from sandbox.store.state import Doc


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
    lines = [new_line(row, new_id) for row in draft["lines"]]
    shipping_lines = _shipping(draft, shop, new_id)
    applications = _discount(draft.get("discounts", []), lines, shipping_lines, currency)
    for line in [*lines, *shipping_lines]:
        line["tax_lines"] = line_taxes(line, shop, draft, included)
    number = new_order_number(shop)
    order_id = new_id("order")
    token = hashlib.md5(f"{shop['name']}/{order_id}".encode(), usedforsecurity=False).hexdigest()
    placed_at = draft.get("created_at") or now
    landing = draft.get("landing_site")
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
        "landing_site_ref": draft.get("ref") or _query_value(landing, "ref"),
        "referring_site": draft.get("referring_site"),
        "currency": currency,
        "presentment": draft.get("presentment") or {"currency": currency, "rate": "1"},
        "taxes_included": included,
        "duties_included": bool(draft.get("duties_included", False)),
        "cash_rounding": to_minor(draft.get("cash_rounding") or 0, currency),
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
        "disputes": [],
        "buyer": draft.get("buyer"),
    }
    order["placed"] = _sums(order)
    _first_payment(order, draft, placed_at, new_id)
    return order


def _sums(order: Doc) -> Doc:
    """What the order came to when it was placed, in minor units."""
    lines, shipping_lines = order["lines"], order["shipping_lines"]
    subtotal = sum(orders.net(line) for line in lines)
    taxes = sum(orders.tax(line) for line in [*lines, *shipping_lines])
    return {
        "line_items": sum(line["price"] * line["quantity"] for line in lines),
        "discounts": sum(a["amount"] for line in [*lines, *shipping_lines] for a in line["allocations"]),
        "subtotal": subtotal,
        "shipping": orders.shipping_net(order),
        "tax": taxes,
        "total": subtotal
        + orders.shipping_net(order)
        + order["tip"]
        + (0 if order["taxes_included"] else taxes)
        + orders.duties_on_top(order),
    }


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


def new_line(row: Doc, new_id: NewId, *, added_by_edit: bool = False) -> Doc:
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
        "duty": int(row.get("duty", 0)),
        "properties": as_pairs(row.get("properties", [])),
        "allocations": [],
        "tax_lines": [],
        "added_by_edit": added_by_edit,
    }


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
                and not orders.is_tip(line)
                and (not only or line["product_id"] in only)
                and (not only_lines or position in only_lines)
            ]
        )
        weights = [orders.net(line) for line in targets]
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


def line_taxes(line: Doc, shop: Doc, draft: dict[str, Any], included: bool) -> list[Doc]:
    rate_text = str(line["tax_rate"] if line["tax_rate"] is not None else draft.get("tax_rate", shop["tax_rate"]))
    rate = Fraction(rate_text)
    if not line["taxable"] or rate == 0:
        return []
    amount = half_up(orders.net(line) * rate / (1 + rate)) if included else half_up(orders.net(line) * rate)
    return [{"title": shop["tax_title"], "rate": rate_text, "price": amount}]


def _first_payment(order: Doc, draft: dict[str, Any], when: str, new_id: NewId) -> None:
    payment = str(draft.get("payment", "paid"))
    total = order["placed"]["total"] + order["cash_rounding"]  # what a till takes in cash
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
            amount = min(to_minor(row["amount"], order["currency"]), total - orders.captured(order))
            add_transaction(order, "sale", amount, when, new_id, gateway=str(row["gateway"]))
        rest = total - orders.captured(order)
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
    parent = next((t["id"] for t in order["transactions"] if t["kind"] in ("sale", "capture", "authorization")), None)
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
