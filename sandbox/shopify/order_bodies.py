"""Webhook bodies of orders, refunds, fulfilments, transactions and edits, in the REST shape of API version 2026-10.

Source: the field lists of the recorded bodies in tests/sandbox/samples (see PROVENANCE.md there). `subtotal` and
`total_tax` of a refund line are JSON numbers, as on Shopify; every other amount is a decimal string.
"""

from __future__ import annotations

from collections.abc import Callable

from sandbox.shopify.bodies import gid, money_set
from sandbox.store import orders
from sandbox.store.clock import local_text
from sandbox.store.money import decimal_text, exponent, to_minor
from sandbox.store.state import Doc

CLIENT = {
    "accept_language": "en",
    "browser_height": None,
    "browser_ip": "203.0.113.7",
    "browser_width": None,
    "session_hash": None,
    "user_agent": "ExampleAgent/1.0",
}


class OrderBody:
    """Builds the bodies of one order for one shop.

    `exists(table, id)` tells whether a line's product or variant is still sold: the API answers null for a deleted
    one, so the body must not name it either.
    """

    def __init__(self, shop: Doc, order: Doc, exists: Callable[[str, int | None], bool]) -> None:
        self.shop = shop
        self.order = order
        self.exists = exists

    def _time(self, stamp: str | None) -> str | None:
        return None if stamp is None else local_text(stamp, self.shop["timezone"])

    def _text(self, amount: int) -> str:
        return decimal_text(amount, self.order["currency"])

    def _set(self, amount: int) -> Doc:
        return money_set(amount, self.order)

    def _tax_line(self, tax: Doc) -> Doc:
        return {
            "channel_liable": False,
            "price": self._text(tax["price"]),
            "price_set": self._set(tax["price"]),
            "rate": float(tax["rate"]),
            "title": tax["title"],
        }

    def _allocation(self, allocation: Doc) -> Doc:
        return {
            "amount": self._text(allocation["amount"]),
            "amount_set": self._set(allocation["amount"]),
            "discount_application_index": allocation["index"],
        }

    def line(self, line: Doc) -> Doc:
        done = orders.fulfilled_units(self.order, line)
        open_units = max(0, orders.current_quantity(line) - done)
        status = None if done == 0 else ("partial" if open_units else "fulfilled")
        name = line["title"] if not line["variant_title"] else f"{line['title']} - {line['variant_title']}"
        return {
            "id": line["id"],
            "admin_graphql_api_id": gid("LineItem", line["id"]),
            "attributed_staffs": [],
            "current_quantity": orders.current_quantity(line),
            "fulfillable_quantity": open_units,
            "fulfillment_service": "manual",
            "fulfillment_status": status,
            "gift_card": line["gift_card"],
            "grams": line["grams"],
            "name": name,
            "price": self._text(line["price"]),
            "price_set": self._set(line["price"]),
            "product_exists": self.exists("products", line["product_id"]),
            "product_id": line["product_id"],
            "properties": line["properties"],
            "quantity": line["quantity"],
            "requires_shipping": line["requires_shipping"],
            "sales_line_item_group_id": None,
            "sku": line["sku"],
            "taxable": line["taxable"],
            "title": line["title"],
            "total_discount": self._text(0),
            "total_discount_set": self._set(0),
            "variant_id": line["variant_id"] if self.exists("variants", line["variant_id"]) else None,
            "variant_inventory_management": "shopify",
            "variant_title": line["variant_title"],
            "vendor": line["vendor"],
            "tax_lines": [self._tax_line(t) for t in line["tax_lines"]],
            "duties": self._duties(line),
            "discount_allocations": [self._allocation(a) for a in line["allocations"]],
        }

    def _duties(self, line: Doc) -> list[Doc]:
        if not line.get("duty"):
            return []
        return [
            {
                "id": str(line["id"]),
                "harmonized_system_code": "610910",
                "country_code_of_origin": "PT",
                **self._set(line["duty"]),
                "tax_lines": [],
                "admin_graphql_api_id": gid("Duty", line["id"]),
            }
        ]

    def _shipping_line(self, line: Doc) -> Doc:
        back, _ = orders.shipping_refunded(self.order)
        discounted = orders.net(line)
        return {
            "id": line["id"],
            "carrier_identifier": None,
            "code": line["title"],
            "current_discounted_price_set": self._set(discounted - back),
            "discounted_price": self._text(discounted),
            "discounted_price_set": self._set(discounted),
            "is_removed": False,
            "phone": None,
            "price": self._text(line["price"]),
            "price_set": self._set(line["price"]),
            "requested_fulfillment_service_id": None,
            "source": "shopify",
            "title": line["title"],
            "tax_lines": [self._tax_line(t) for t in line["tax_lines"]],
            "discount_allocations": [self._allocation(a) for a in line["allocations"]],
        }

    def _order_tax_lines(self) -> list[Doc]:
        sums: dict[tuple[str, str], int] = {}
        for line in [*self.order["lines"], *self.order["shipping_lines"]]:
            if line.get("added_by_edit"):
                continue
            for tax in line["tax_lines"]:
                key = (tax["title"], tax["rate"])
                sums[key] = sums.get(key, 0) + tax["price"]
        return [self._tax_line({"title": t, "rate": r, "price": amount}) for (t, r), amount in sums.items()]

    def transaction(self, row: Doc) -> Doc:
        return {
            "id": row["id"],
            "admin_graphql_api_id": gid("OrderTransaction", row["id"]),
            "amount": self._text(row["amount"]),
            "amount_rounding": None,
            "authorization": f"auth_{row['id'] % 1_000_000}",
            "created_at": self._time(row["created_at"]),
            "currency": self.order["currency"],
            "device_id": None,
            "error_code": "processing_error" if row["status"] == "failure" else None,
            "gateway": row["gateway"],
            "kind": row["kind"],
            "location_id": None,
            "message": {"success": "Transaction approved", "failure": "Transaction failed"}.get(
                row["status"], "Pending"
            ),
            "order_id": self.order["id"],
            "parent_id": row["parent_id"],
            "payment_id": row["payment_id"],
            "processed_at": self._time(row["processed_at"]),
            "receipt": {},
            "source_name": "1830279" if row["kind"] == "refund" else "580111",
            "status": row["status"],
            "test": self.order["test"],
            "total_unsettled_set": self._set(0),
            "user_id": None,
        }

    def refund(self, record: Doc) -> Doc:
        """refunds/create, and an entry of refunds[] in an order."""
        return {
            "id": record["id"],
            "admin_graphql_api_id": gid("Refund", record["id"]),
            "created_at": self._time(record["created_at"]),
            "note": record["note"],
            "order_id": self.order["id"],
            "processed_at": self._time(record["processed_at"]),
            "restock": record["restock"],
            "total_duties_set": self._set(0),
            "user_id": 99000000001,
            "order_adjustments": [self._adjustment(record, a) for a in record["adjustments"]],
            "transactions": [
                self.transaction(t) for t in self.order["transactions"] if t["id"] in record["transaction_ids"]
            ],
            "refund_line_items": [self._refund_line(row) for row in record["lines"]],
            "refund_shipping_lines": [
                {
                    "id": row["id"],
                    "shipping_line": {"id": row["shipping_line_id"], "title": "Standard"},
                    "subtotal_amount_set": self._set(row["subtotal"]),
                    "tax_amount_set": self._set(row["tax"]),
                }
                for row in record["shipping"]
            ],
            "return": None,
            "duties": [],
            "additional_fees": [],
            "total_additional_fees_set": self._set(0),
        }

    def _adjustment(self, record: Doc, a: Doc) -> Doc:
        return {
            "id": a["id"],
            "amount": self._text(a["amount"]),
            "amount_set": self._set(a["amount"]),
            "kind": a["kind"],
            "order_id": self.order["id"],
            "reason": a["kind"].replace("_", " ").capitalize(),
            "refund_id": record["id"],
            "tax_amount": self._text(a["tax"]),
            "tax_amount_set": self._set(a["tax"]),
        }

    def _refund_line(self, row: Doc) -> Doc:
        digits = exponent(self.order["currency"])
        line = next(line for line in self.order["lines"] if line["id"] == row["line_item_id"])

        def number(amount: int) -> float:
            return float(amount / 10**digits)

        return {
            "id": row["id"],
            "line_item_id": row["line_item_id"],
            "location_id": None,
            "quantity": row["quantity"],
            "restock_type": row["restock_type"],
            "subtotal": number(row["subtotal"]),
            "subtotal_set": self._set(row["subtotal"]),
            "total_tax": number(row["tax"]),
            "total_tax_set": self._set(row["tax"]),
            "line_item": self.line(line),
        }

    def fulfillment(self, record: Doc) -> Doc:
        """fulfillments/create and fulfillments/update, and an entry of fulfillments[] in an order."""
        by_id = {line["id"]: line for line in self.order["lines"]}
        return {
            "id": record["id"],
            "admin_graphql_api_id": gid("Fulfillment", record["id"]),
            "created_at": self._time(record["created_at"]),
            "location_id": 70000000001,
            "name": record["name"].replace("-F", "."),
            "order_id": self.order["id"],
            "origin_address": {},
            "receipt": {},
            "service": "manual",
            "shipment_status": record["shipment_status"],
            "status": record["status"],
            "tracking_company": "Sandbox Post",
            "tracking_number": record["tracking_number"],
            "tracking_numbers": [record["tracking_number"]],
            "tracking_url": None,
            "tracking_urls": [],
            "updated_at": self._time(record["updated_at"]),
            "line_items": [
                {**self.line(by_id[row["line_item_id"]]), "quantity": row["quantity"]} for row in record["lines"]
            ],
        }

    def edit(self, record: Doc) -> Doc:
        """orders/edited: the deltas only."""
        return {
            "order_edit": {
                "id": record["id"],
                "app_id": None,
                "created_at": self._time(record["created_at"]),
                "notify_customer": False,
                "order_id": self.order["id"],
                "staff_note": record["note"],
                "user_id": 99000000001,
                "line_items": {"additions": record["additions"], "removals": record["removals"]},
                "discounts": {"line_item": {"additions": [], "removals": []}},
                "shipping_lines": {"additions": [], "removals": []},
            }
        }

    def dispute(self, record: Doc) -> Doc:
        """disputes/create and disputes/update. The amount is in the buyer's currency, as the bank sees it."""
        seen = self._set(record["amount"])["presentment_money"]
        return {
            "id": record["id"],
            "order_id": self.order["id"],
            "type": record["type"],
            "amount": seen["amount"],
            "currency": seen["currency_code"],
            "reason": record["reason"],
            "network_reason_code": "4827",
            "status": record["status"],
            "evidence_due_by": None,
            "evidence_sent_on": None,
            "finalized_on": self._time(record["finalized_on"]),
            "initiated_at": self._time(record["initiated_at"]),
        }

    def _address(self) -> Doc | None:
        address, customer = self.order["address"], self.order["customer"] or {}
        if address is None:
            return None
        first, last = customer.get("first_name"), customer.get("last_name")
        return {
            "first_name": first,
            "address1": address.get("address1"),
            "phone": None,
            "city": address.get("city"),
            "zip": address.get("zip"),
            "province": None,
            "country": address.get("country"),
            "last_name": last,
            "address2": None,
            "company": None,
            "latitude": None,
            "longitude": None,
            "name": " ".join(part for part in (first, last) if part),
            "country_code": address.get("country_code"),
            "province_code": None,
        }

    def _customer(self) -> Doc | None:
        customer = self.order["customer"]
        if customer is None:
            return None
        return {
            "id": customer["id"],
            "created_at": self._time(customer["created_at"]),
            "updated_at": self._time(self.order["created_at"]),
            "first_name": customer["first_name"],
            "last_name": customer["last_name"],
            "state": "disabled",
            "note": None,
            "verified_email": True,
            "multipass_identifier": None,
            "tax_exempt": False,
            "email": customer["email"],
            "phone": customer.get("phone"),
            "currency": self.order["currency"],
            "tax_exemptions": [],
            "admin_graphql_api_id": gid("Customer", customer["id"]),
        }

    def order_body(self) -> Doc:
        """orders/create, paid, updated, cancelled: the whole order as it stands."""
        order = self.order
        email = (order["customer"] or {}).get("email")
        total_weight = sum(line["grams"] * line["quantity"] for line in order["lines"])
        return {
            "id": order["id"],
            "admin_graphql_api_id": gid("Order", order["id"]),
            "app_id": order["app_id"],
            "browser_ip": "203.0.113.7",
            "buyer_accepts_marketing": False,
            "cancel_reason": order["cancel_reason"],
            "cancelled_at": self._time(order["cancelled_at"]),
            "cart_token": order["cart_token"],
            "checkout_id": order["checkout_id"],
            "checkout_token": order["checkout_token"],
            "client_details": CLIENT,
            "closed_at": self._time(order["closed_at"]),
            "company": None,
            "confirmation_number": order["confirmation_number"],
            "confirmed": True,
            "contact_email": email,
            "created_at": self._time(order["created_at"]),
            "currency": order["currency"],
            "customer_locale": "en",
            "device_id": None,
            "duties_included": bool(order.get("duties_included")),
            "email": email or "",
            "estimated_taxes": False,
            "financial_status": orders.financial_status(order),
            "fulfillment_status": orders.fulfillment_status(order),
            "landing_site": order["landing_site"],
            "landing_site_ref": order["landing_site_ref"],
            "location_id": None,
            "merchant_business_entity_id": "MTAwMDAwMDAwMDE",
            "merchant_of_record_app_id": None,
            "name": order["name"],
            "note": order["note"],
            "note_attributes": order["note_attributes"],
            "number": order["number"],
            "order_number": 1000 + order["number"],
            "order_status_url": f"https://{order['shop']}/{self.shop['id']}/orders/{order['token']}/authenticate?key=k",
            "phone": None,
            "po_number": None,
            "presentment_currency": order["presentment"]["currency"],
            "processed_at": self._time(order["processed_at"]),
            "reference": order["landing_site_ref"],
            "referring_site": order["referring_site"],
            "source_identifier": order["source_identifier"] or order["landing_site_ref"],
            "source_name": order["source_name"],
            "source_url": None,
            "tags": ", ".join(order["tags"]),
            "tax_exempt": False,
            "tax_lines": self._order_tax_lines(),
            "taxes_included": order["taxes_included"],
            "test": order["test"],
            "token": order["token"],
            "total_weight": total_weight,
            "updated_at": self._time(order["updated_at"]),
            "user_id": None,
            **self._sums(),
            **self._parts(),
        }

    def _sums(self) -> Doc:
        """Every amount: as the order was placed (`total_…`), and as it stands (`current_…`)."""
        order, now, placed = self.order, orders.current(self.order), self.order["placed"]
        return {
            "current_shipping_price_set": self._set(now["shipping"]),
            "current_subtotal_price": self._text(now["subtotal"]),
            "current_subtotal_price_set": self._set(now["subtotal"]),
            "current_total_additional_fees_set": None,
            "current_total_discounts": self._text(now["discounts"]),
            "current_total_discounts_set": self._set(now["discounts"]),
            "current_total_duties_set": None,
            "current_total_price": self._text(now["total"]),
            "current_total_price_set": self._set(now["total"]),
            "current_total_tax": self._text(now["tax"]),
            "current_total_tax_set": self._set(now["tax"]),
            "original_total_additional_fees_set": None,
            "original_total_duties_set": None,
            "subtotal_price": self._text(placed["subtotal"]),
            "subtotal_price_set": self._set(placed["subtotal"]),
            "total_cash_rounding_payment_adjustment_set": self._set(order.get("cash_rounding", 0)),
            "total_cash_rounding_refund_adjustment_set": self._set(0),
            "total_discounts": self._text(placed["discounts"]),
            "total_discounts_set": self._set(placed["discounts"]),
            "total_line_items_price": self._text(placed["line_items"]),
            "total_line_items_price_set": self._set(placed["line_items"]),
            "total_outstanding": self._text(orders.outstanding(order)),
            "total_price": self._text(placed["total"]),
            "total_price_set": self._set(placed["total"]),
            "total_shipping_price_set": self._set(placed["shipping"]),
            "total_tax": self._text(placed["tax"]),
            "total_tax_set": self._set(placed["tax"]),
            "total_tip_received": self._text(order["tip"]),
        }

    def _parts(self) -> Doc:
        """What hangs on the order: people, lines, discounts, payments, refunds."""
        order = self.order
        return {
            "discount_codes": [
                {
                    "code": a["code"],
                    "amount": self._text(a["amount"]),
                    "type": "shipping" if a["target_type"] == "shipping_line" else a["value_type"],
                }
                for a in order["discount_applications"]
                if a["type"] == "discount_code"
            ],
            "payment_gateway_names": list(
                dict.fromkeys(t["gateway"] for t in order["transactions"] if t["kind"] in ("sale", "authorization"))
            ),
            "billing_address": self._address(),
            "customer": self._customer(),
            "discount_applications": [self._application(a) for a in order["discount_applications"]],
            "fulfillments": [self.fulfillment(f) for f in order["fulfillments"]],
            "line_items": [self.line(line) for line in order["lines"]],
            "payment_terms": None,
            "refunds": [self.refund(r) for r in order["refunds"]],
            "shipping_address": self._address(),
            "shipping_lines": [self._shipping_line(line) for line in order["shipping_lines"]],
            "returns": [],
            "line_item_groups": [],
        }

    def _application(self, row: Doc) -> Doc:
        fixed = row["value_type"] == "fixed_amount"
        value = self._text(to_minor(row["value"], self.order["currency"])) if fixed else str(float(row["value"]))
        made: Doc = {
            "target_type": row["target_type"],
            "type": row["type"],
            "value": value,
            "value_type": row["value_type"],
            "allocation_method": row["allocation_method"],
            "target_selection": row["target_selection"],
        }
        made["code" if row["type"] == "discount_code" else "title"] = row["code"]
        return made
