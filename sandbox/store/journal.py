"""The store's whole truth in one JSON document, for whoever checks the connector against it.

Shape:  see sandbox/README.md, "Journal". Amounts are decimal strings in the shop's currency, times UTC.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.store import orders, products, wire
from sandbox.store.money import decimal_text
from sandbox.store.state import Doc
from sandbox.store.store import Store

PARTS = ("products", "orders", "deliveries")


def order_entry(order: Doc) -> Doc:
    """One order as it stands, every amount stated."""
    currency = order["currency"]

    def text(amount: int) -> str:
        return decimal_text(amount, currency)

    now = orders.current(order)
    return {
        "id": order["id"],
        "name": order["name"],
        "created_at": order["created_at"],
        "updated_at": order["updated_at"],
        "cancelled_at": order["cancelled_at"],
        "cancel_reason": order["cancel_reason"],
        "deleted_at": order["deleted_at"],
        "test": order["test"],
        "tags": order["tags"],
        "source_name": order["source_name"],
        "financial_status": orders.financial_status(order),
        "fulfillment_status": orders.fulfillment_status(order),
        "currency": currency,
        "presentment": order["presentment"],
        "taxes_included": order["taxes_included"],
        "duties_included": bool(order.get("duties_included")),
        "cash_rounding": text(order.get("cash_rounding", 0)),
        "buyer": order["buyer"],
        "email": (order["customer"] or {}).get("email"),
        "note_attributes": order["note_attributes"],
        "landing_site": order["landing_site"],
        "landing_site_ref": order["landing_site_ref"],
        "referring_site": order["referring_site"],
        "discount_codes": order["discount_codes"],
        "subtotal": text(order["placed"]["subtotal"]),
        "discounts": text(order["placed"]["discounts"]),
        "shipping": text(order["placed"]["shipping"]),
        "tax": text(order["placed"]["tax"]),
        "tip": text(order["tip"]),
        "total": text(order["placed"]["total"]),
        "current_total": text(now["total"]),
        "paid": text(orders.captured(order)),
        "given_back": text(orders.given_back(order)),
        "lines": [_line_entry(order, line, text) for line in order["lines"]],
        "refunds": [_refund_entry(order, record, text) for record in order["refunds"]],
        "edits": order["edits"],
        "disputes": [
            {
                "id": row["id"],
                "type": row["type"],
                "status": row["status"],
                "amount": text(row["amount"]),
                "initiated_at": row["initiated_at"],
                "finalized_on": row["finalized_on"],
            }
            for row in order.get("disputes", [])
        ],
        "fulfillments": [
            {
                "id": f["id"],
                "created_at": f["created_at"],
                "delivered_at": f["delivered_at"],
                "status": f["status"],
                "lines": [{"line_item_id": r["line_item_id"], "quantity": r["quantity"]} for r in f["lines"]],
            }
            for f in order["fulfillments"]
        ],
        "transactions": [
            {
                "id": t["id"],
                "kind": t["kind"],
                "status": t["status"],
                "amount": text(t["amount"]),
                "gateway": t["gateway"],
                "created_at": t["created_at"],
            }
            for t in order["transactions"]
        ],
    }


def _line_entry(order: Doc, line: Doc, text: Callable[[int], str]) -> Doc:
    known = order["discount_applications"]
    return {
        "id": line["id"],
        "product_id": line["product_id"],
        "variant_id": line["variant_id"],
        "title": line["title"],
        "sku": line["sku"],
        "gift_card": line["gift_card"],
        "tip": orders.is_tip(line),
        "quantity": line["quantity"],
        "removed": line["removed"],
        "refunded": line["refunded"],
        "current_quantity": orders.current_quantity(line),
        "price": text(line["price"]),
        "gross": text(line["price"] * line["quantity"]),
        "discount": text(sum(a["amount"] for a in line["allocations"])),
        "discounts": [
            {"code": known[a["index"]]["code"], "type": known[a["index"]]["type"], "amount": text(a["amount"])}
            for a in line["allocations"]
        ],
        "tax": text(orders.tax(line)),
        "duty": text(line.get("duty", 0)),
        "added_by_edit": line["added_by_edit"],
        "properties": line["properties"],
    }


def _refund_entry(order: Doc, record: Doc, text: Callable[[int], str]) -> Doc:
    return {
        "id": record["id"],
        "created_at": record["created_at"],
        "status": orders.refund_status(order, record),
        "note": record["note"],
        "lines": [
            {
                "id": row["id"],
                "line_item_id": row["line_item_id"],
                "quantity": row["quantity"],
                "subtotal": text(row["subtotal"]),
                "tax": text(row["tax"]),
            }
            for row in record["lines"]
        ],
        "shipping": [{"subtotal": text(r["subtotal"]), "tax": text(r["tax"])} for r in record["shipping"]],
        "adjustments": [
            {"kind": a["kind"], "amount": text(a["amount"]), "tax": text(a["tax"])} for a in record["adjustments"]
        ],
        "amount": text(sum(t["amount"] for t in order["transactions"] if t["id"] in record["transaction_ids"])),
    }


def variant_entry(variant: Doc, currency: str) -> Doc:
    compare = variant["compare_at_price"]
    return {
        "id": variant["id"],
        "title": variant["title"],
        "options": variant["options"],
        "sku": variant["sku"],
        "position": variant["position"],
        "price": products.price_text(variant, currency),
        "compare_at_price": None if compare is None else decimal_text(compare, currency),
        "available": products.available(variant),
        "inventory_quantity": variant["inventory_quantity"],
        "updated_at": variant["updated_at"],
    }


def product_entry(product: Doc, variants: list[Doc], currency: str) -> Doc:
    return {
        "id": product["id"],
        "title": product["title"],
        "handle": product["handle"],
        "vendor": product["vendor"],
        "status": product["status"],
        "is_gift_card": product["is_gift_card"],
        "options": [{"name": o["name"], "values": o["values"]} for o in product["options"]],
        "images": len(product["media"]),
        "published_at": product["published_at"],
        "updated_at": product["updated_at"],
        "variants": [variant_entry(v, currency) for v in variants],
    }


def shop_products(store: Store, shop: Doc) -> list[Doc]:
    """Every product of a shop with its variants, by one merge over both tables."""
    made: list[Doc] = []
    with store.state.reader() as reader:
        by_product: dict[int, list[Doc]] = {}
        for number, text in reader.execute(
            "SELECT product_id, doc FROM variants WHERE shop = ? ORDER BY product_id, position", (shop["name"],)
        ):
            by_product.setdefault(number, []).append(wire.loads(text))
        for number, text in reader.execute("SELECT id, doc FROM products WHERE shop = ? ORDER BY id", (shop["name"],)):
            made.append(product_entry(wire.loads(text), by_product.get(number, []), shop["currency"]))
    return made


def journal(store: Store, shop: str | None, parts: tuple[str, ...]) -> dict[str, Any]:
    chosen = [store.state.shop(shop)] if shop else store.state.shops()
    made: list[Doc] = []
    for own in chosen:
        entry: Doc = {
            "shop": own["name"],
            "id": own["id"],
            "currency": own["currency"],
            "taxes_included": own["taxes_included"],
            "timezone": own["timezone"],
            "platform": own["platform"],
            "domain": store.face(own).domain(own),
            "installed": store.face(own).installed(own),
            "counts": store.sending.counts(own["name"]),
        }
        if "products" in parts:
            entry["products"] = shop_products(store, own)
        if "orders" in parts:
            entry["orders"] = [order_entry(order) for order in store.state.orders(own["name"])]
        if "deliveries" in parts:
            entry["deliveries"] = store.sending.rows(own["name"])
        made.append(entry)
    return {
        "now": store.clock.stamp(),
        "clock_offset": store.clock.offset(),
        "counts": store.sending.counts(),
        "shops": made,
        "notes": notes(store),
    }


def notes(store: Store) -> list[Doc]:
    with store.state.lock:
        rows = store.state.con.execute("SELECT id, doc FROM notes ORDER BY id").fetchall()
    return [{"id": number, **wire.loads(text)} for number, text in rows]


def add_note(store: Store, note: Doc) -> Doc:
    """Keep what somebody saw a buyer do. `at` is business time now unless the note brings its own."""
    with store.state.writing() as con:
        number = store.state.next_id("note")
        kept = {"at": store.clock.stamp(), **{key: value for key, value in note.items() if key != "id"}}
        con.execute("INSERT INTO notes VALUES (?, ?)", (number, wire.dumps(kept)))
    return {"id": number, **kept}
