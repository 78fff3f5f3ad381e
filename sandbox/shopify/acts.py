"""What happens in a store, with its consequences: document and webhooks are written in one transaction.

Each act answers the changed order or product. Errors: KeyError (nothing there), orders.ActRefused, money.AmountRefused.
"""

from __future__ import annotations

from typing import Any

from sandbox.shopify import aftersales, orders, placing, products
from sandbox.shopify.bodies import compliance_body, product_body, shop_body, stock_body
from sandbox.shopify.clock import Clock, normal
from sandbox.shopify.deliveries import Deliveries
from sandbox.shopify.money import decimal_text, to_minor
from sandbox.shopify.order_bodies import OrderBody
from sandbox.shopify.state import Doc, State

COUNTRIES = {"USD": "US", "EUR": "DE", "GBP": "GB", "JPY": "JP", "KWD": "KW", "CAD": "CA", "AUD": "AU"}


class Acts:
    """The staff and the buyers of every shop."""

    def __init__(self, state: State, clock: Clock, deliveries: Deliveries, base_url: str) -> None:
        self.state = state
        self.clock = clock
        self.deliveries = deliveries
        self.base_url = base_url

    # --- shops ---

    def create_shop(self, wanted: dict[str, Any]) -> Doc:
        """A shop from {name, title, currency, taxes_included, tax_rate, timezone, …}; see sandbox/README.md."""
        name = str(wanted["shop"]).lower()
        if not name.endswith(".myshopify.com"):
            name += ".myshopify.com"
        currency = str(wanted.get("currency", "USD")).upper()
        now = self.clock.stamp()
        with self.state.writing():
            try:
                self.state.shop(name)
            except KeyError:
                pass
            else:
                raise orders.ActRefused(f"there is a shop {name} already")
            shop: Doc = {
                "id": self.state.next_id("shop"),
                "name": name,
                "title": str(wanted.get("title") or name.split(".")[0].replace("-", " ").title()),
                "email": f"owner@{name.split('.')[0]}.example",
                "currency": currency,
                "taxes_included": bool(wanted.get("taxes_included", False)),
                "tax_rate": str(wanted.get("tax_rate", "0")),
                "tax_title": str(wanted.get("tax_title", "Tax")),
                "tax_shipping": bool(wanted.get("tax_shipping", True)),
                "shipping_price": str(wanted.get("shipping_price", "0")),
                "timezone": str(wanted.get("timezone", "America/New_York")),
                "country": str(wanted.get("country", COUNTRIES.get(currency, "US"))),
                "plan": str(wanted.get("plan", "Basic")),
                "discount_codes": {},
                "sales_move_stock": bool(wanted.get("sales_move_stock", True)),
                "orders_updated_on_create": bool(wanted.get("orders_updated_on_create", True)),
                "permalink_adds": bool(wanted.get("permalink_adds", True)),
                "last_order_number": 0,
                "created_at": now,
                "updated_at": now,
            }
            shop["title"] = str(shop["title"])
            self.state.put_shop(shop)
        return shop

    def change_shop(self, name: str, changes: dict[str, Any]) -> Doc:
        """Change settings of a shop; tells shop/update. `discount_codes` are merged by code."""
        allowed = {
            "title", "currency", "taxes_included", "tax_rate", "tax_title", "tax_shipping", "shipping_price",
            "timezone", "country", "plan", "sales_move_stock", "orders_updated_on_create", "permalink_adds",
        }  # fmt: skip
        with self.state.writing():
            shop = self.state.shop(name)
            unknown = set(changes) - allowed - {"discount_codes"}
            if unknown:
                raise orders.ActRefused(f"a shop has no setting {', '.join(sorted(unknown))}")
            shop.update({key: value for key, value in changes.items() if key in allowed})
            for code, terms in (changes.get("discount_codes") or {}).items():
                shop["discount_codes"][code.upper()] = {**terms, "code": code}
            shop["updated_at"] = max(self.clock.stamp(), shop["updated_at"])
            self.state.put_shop(shop)
            self.deliveries.emit(shop, [("shop/update", shop_body(shop))])
        return shop

    def compliance(self, name: str, topic: str, wanted: dict[str, Any]) -> int | None:
        shop = self.state.shop(name)
        after = float(wanted.get("after_hours", 0)) * 3600
        return self.deliveries.emit_compliance(shop, topic, compliance_body(topic, shop, wanted), after=after)

    # --- products ---

    def files(self, shop: str) -> str:
        return f"{self.base_url}/shops/{shop}/files"

    def _tell_product(self, shop: Doc, product: Doc, topic: str) -> None:
        body = product_body(shop, product, self.state.variants(product["id"]), self.files(shop["name"]))
        self.deliveries.emit(shop, [(topic, body)], f"product/{product['id']}")

    def create_product(self, name: str, wanted: dict[str, Any]) -> Doc:
        with self.state.writing():
            shop = self.state.shop(name)
            product = products.create(self.state, shop, wanted, self.clock.stamp())
            self._tell_product(shop, product, "products/create")
        return product

    def edit_product(self, name: str, product_id: int, changes: dict[str, Any]) -> Doc:
        with self.state.writing():
            shop = self.state.shop(name)
            product = products.edit(self.state, shop, product_id, changes, self.clock.stamp())
            self._tell_product(shop, product, "products/update")
        return product

    def delete_product(self, name: str, product_id: int) -> None:
        with self.state.writing():
            shop = self.state.shop(name)
            self.state.delete_product(name, product_id)
            self.deliveries.emit(shop, [("products/delete", {"id": product_id})], f"product/{product_id}")

    def _move_stock(self, shop: Doc, order: Doc, sign: int) -> None:
        """Take sold units from stock (sign -1); each product that changed tells products/update."""
        if not shop["sales_move_stock"]:
            return
        now = self.clock.stamp()
        changed: dict[int, Doc] = {}
        for line in order["lines"]:
            try:
                variant = self.state.variant(shop["name"], line["variant_id"]) if line["variant_id"] else None
            except KeyError:
                variant = None
            if variant is None or not variant["tracked"]:
                continue
            variant["inventory_quantity"] += sign * line["quantity"]
            variant["updated_at"] = now
            product = changed.get(variant["product_id"]) or self.state.product(shop["name"], variant["product_id"])
            product["updated_at"] = max(now, product["updated_at"])
            changed[product["id"]] = product
            rows = [variant if v["id"] == variant["id"] else v for v in self.state.variants(product["id"])]
            self.state.put_products(shop["name"], [(product, rows)])
            self.deliveries.emit(shop, [("inventory_levels/update", stock_body(shop, variant))])
        for product in changed.values():
            self._tell_product(shop, product, "products/update")

    # --- orders ---

    def price_line(self, shop: Doc, row: dict[str, Any]) -> Doc:
        """A line of a draft with everything its variant knows. `price` overrides; without variant_id it is custom."""
        if row.get("variant_id") is None:
            return {
                **row,
                "title": str(row.get("title", "Tip" if row.get("tip") else "Custom item")),
                "price": to_minor(row.get("price", 0), shop["currency"]),
                "quantity": int(row.get("quantity", 1)),
                "taxable": bool(row.get("taxable", not row.get("tip"))),
                "requires_shipping": False,
                "duty": to_minor(row.get("duty") or 0, shop["currency"]),
            }
        variant = self.state.variant(shop["name"], int(row["variant_id"]))
        product = self.state.product(shop["name"], variant["product_id"])
        price = row.get("price")
        return {
            "product_id": product["id"],
            "variant_id": variant["id"],
            "title": product["title"],
            "variant_title": None if variant["title"] == "Default Title" else variant["title"],
            "vendor": product["vendor"],
            "sku": variant["sku"],
            "price": variant["price"] if price is None else to_minor(price, shop["currency"]),
            "quantity": int(row.get("quantity", 1)),
            "gift_card": product["is_gift_card"] or bool(row.get("gift_card", False)),
            "taxable": variant["taxable"] and bool(row.get("taxable", True)),
            "tax_rate": row.get("tax_rate"),
            "requires_shipping": variant["requires_shipping"],
            "grams": variant["grams"],
            "duty": to_minor(row.get("duty") or 0, shop["currency"]),
            "properties": row.get("properties", []),
        }

    def customer(self, shop: Doc, wanted: dict[str, Any] | None) -> Doc | None:
        """The shop's customer with this e-mail, made on first sight. None stays None (a guest nobody names)."""
        if not wanted or not wanted.get("email"):
            return None
        email = str(wanted["email"]).strip().lower()
        key = f"{shop['name']}/{email}"
        with self.state.writing():
            known = self.state.document("customer", key)
            if known is None:
                known = {
                    "id": self.state.next_id("customer"),
                    "email": email,
                    "first_name": wanted.get("first_name"),
                    "last_name": wanted.get("last_name"),
                    "phone": wanted.get("phone"),
                    "created_at": self.clock.stamp(),
                }
                self.state.put_document("customer", key, shop["name"], known)
        return known

    def body(self, shop: Doc, order: Doc) -> OrderBody:
        return OrderBody(shop, order, lambda table, number: self.state.exists(table, shop["name"], number))

    def _keep(self, order: Doc) -> None:
        self.state.put_order(order, orders.financial_status(order))

    def _tell_order(self, shop: Doc, order: Doc, topics: list[str], extra: list[tuple[str, Doc]]) -> None:
        body = self.body(shop, order).order_body()
        self.deliveries.emit(shop, [*extra, *((topic, body) for topic in topics)], f"order/{order['id']}")

    def place_order(self, name: str, draft: dict[str, Any]) -> Doc:
        """Place an order: orders/create, orders/paid when paid, orders/updated, order_transactions/create."""
        with self.state.writing():
            shop = self.state.shop(name)
            lines = [self.price_line(shop, row) for row in draft.get("lines", [])]
            if draft.get("tip_line"):
                lines.append(self.price_line(shop, {"tip": True, "price": draft["tip_line"]}))
            priced = {
                **draft,
                "lines": lines,
                "customer": self.customer(shop, draft.get("customer")),
                "discounts": [self._discount_terms(shop, row) for row in draft.get("discounts", [])],
            }
            if draft.get("created_at"):
                priced["created_at"] = normal(str(draft["created_at"]))
            order = placing.place(shop, priced, self.clock.stamp(), self.state.next_id)
            self.state.put_shop(shop)  # its order number
            self._keep(order)
            topics = ["orders/create"]
            if orders.financial_status(order) == "paid":
                topics.append("orders/paid")
            if shop["orders_updated_on_create"]:
                topics.append("orders/updated")
            self._tell_order(shop, order, topics, self._transactions(shop, order, order["transactions"]))
            self._move_stock(shop, order, -1)
        return order

    def _discount_terms(self, shop: Doc, row: dict[str, Any]) -> dict[str, Any]:
        """A code by name alone takes the terms the shop has for it."""
        if "value" in row or "type" in row or not row.get("code"):
            return row
        known = shop["discount_codes"].get(str(row["code"]).upper())
        if known is None:
            raise orders.ActRefused(f"the shop has no discount code {row['code']!r}")
        return {**known, **row}

    def _transactions(self, shop: Doc, order: Doc, rows: list[Doc]) -> list[tuple[str, Doc]]:
        """order_transactions/create fires for transactions that succeeded or failed, not for pending ones."""
        body = self.body(shop, order)
        return [
            ("order_transactions/create", body.transaction(row))
            for row in rows
            if row["status"] in ("success", "failure", "error")
        ]

    def _open(self, name: str, order_id: int) -> tuple[Doc, Doc]:
        shop = self.state.shop(name)
        order = self.state.order(name, order_id)
        if order["deleted_at"] is not None:
            raise KeyError(f"order {order_id} is deleted")
        return shop, order

    def mark_paid(self, name: str, order_id: int, amount: str | None = None) -> Doc:
        with self.state.writing():
            shop, order = self._open(name, order_id)
            minor = None if amount is None else to_minor(amount, order["currency"])
            row = aftersales.mark_paid(order, self.clock.stamp(), self.state.next_id, minor)
            self._keep(order)
            topics = ["orders/updated"]
            if orders.financial_status(order) == "paid":
                topics.insert(0, "orders/paid")
            self._tell_order(shop, order, topics, self._transactions(shop, order, [row]))
        return order

    def void(self, name: str, order_id: int, *, expired: bool = False) -> Doc:
        with self.state.writing():
            shop, order = self._open(name, order_id)
            aftersales.void(order, self.clock.stamp(), self.state.next_id, expired=expired)
            self._keep(order)
            self._tell_order(shop, order, ["orders/updated"], [])
        return order

    def fulfil(self, name: str, order_id: int, lines: list[dict[str, Any]] | None = None) -> Doc:
        with self.state.writing():
            shop, order = self._open(name, order_id)
            made = aftersales.fulfil(order, lines, self.clock.stamp(), self.state.next_id)
            self._keep(order)
            body = self.body(shop, order).fulfillment(made)
            whole = orders.fulfillment_status(order) == "fulfilled"
            topics = ["orders/fulfilled" if whole else "orders/partially_fulfilled", "orders/updated"]
            self._tell_order(shop, order, topics, [("fulfillments/create", body)])
        return order

    def deliver(self, name: str, order_id: int, fulfillment_id: int | None = None, at: str | None = None) -> Doc:
        with self.state.writing():
            shop, order = self._open(name, order_id)
            now = self.clock.stamp()
            done = aftersales.deliver(order, fulfillment_id, normal(at) if at else now, now)
            self._keep(order)
            body = self.body(shop, order)
            self._tell_order(
                shop, order, ["orders/updated"], [("fulfillments/update", body.fulfillment(row)) for row in done]
            )
        return order

    def refund(self, name: str, order_id: int, wanted: dict[str, Any]) -> Doc:
        with self.state.writing():
            shop, order = self._open(name, order_id)
            if wanted.get("created_at"):
                wanted = {**wanted, "created_at": normal(str(wanted["created_at"]))}
            made = aftersales.refund(order, wanted, self.clock.stamp(), self.state.next_id)
            self._keep(order)
            moved = [t for t in order["transactions"] if t["id"] in made["transaction_ids"]]
            extra = [("refunds/create", self.body(shop, order).refund(made)), *self._transactions(shop, order, moved)]
            self._tell_order(shop, order, ["orders/updated"], extra)
        return order

    def settle_refund(self, name: str, order_id: int, refund_id: int, status: str) -> Doc:
        with self.state.writing():
            shop, order = self._open(name, order_id)
            changed = aftersales.settle_refund(order, refund_id, status, self.clock.stamp())
            self._keep(order)
            self._tell_order(shop, order, ["orders/updated"], self._transactions(shop, order, changed))
        return order

    def edit(self, name: str, order_id: int, wanted: dict[str, Any]) -> Doc:
        """Remove units, add lines. `collect`: the buyer pays what is then due; `refund_difference`: what is then too
        much goes back without an item, as an amount-only refund."""
        with self.state.writing():
            shop, order = self._open(name, order_id)
            now = self.clock.stamp()
            added = [self.price_line(shop, row) for row in wanted.get("add", [])]
            made = aftersales.edit(
                shop, order, wanted.get("remove", []), added, now, self.state.next_id, wanted.get("note")
            )
            extra: list[tuple[str, Doc]] = []
            topics = ["orders/updated"]
            if wanted.get("collect") and orders.outstanding(order):
                row = aftersales.mark_paid(order, now, self.state.next_id)
                extra += self._transactions(shop, order, [row])
                if orders.financial_status(order) == "paid":
                    topics.append("orders/paid")
            too_much = aftersales.overpaid(order)
            if wanted.get("refund_difference") and too_much:
                amount = decimal_text(too_much, order["currency"])
                refund = aftersales.refund(
                    order, {"amount": amount, "note": "difference after an edit"}, now, self.state.next_id
                )
                moved = [t for t in order["transactions"] if t["id"] in refund["transaction_ids"]]
                extra.append(("refunds/create", self.body(shop, order).refund(refund)))
                extra += self._transactions(shop, order, moved)
            self._keep(order)
            body = self.body(shop, order)
            extra.append(("orders/edited", body.edit(made)))
            self._tell_order(shop, order, topics, extra)
        return order

    def exchange(self, name: str, order_id: int, wanted: dict[str, Any]) -> Doc:
        """`back` comes back and pays for `add`; the difference is collected, or goes back without an item."""
        with self.state.writing():
            shop, order = self._open(name, order_id)
            now = self.clock.stamp()
            added = [self.price_line(shop, row) for row in wanted.get("add", [])]
            made, edited = aftersales.exchange(shop, order, wanted.get("back", []), added, now, self.state.next_id)
            extra: list[tuple[str, Doc]] = []
            if orders.outstanding(order):
                row = aftersales.mark_paid(order, now, self.state.next_id)
                extra += self._transactions(shop, order, [row])
            too_much = aftersales.overpaid(order)
            if too_much:
                amount = decimal_text(too_much, order["currency"])
                rest = aftersales.refund(
                    order, {"amount": amount, "note": "difference of an exchange"}, now, self.state.next_id
                )
                moved = [t for t in order["transactions"] if t["id"] in rest["transaction_ids"]]
                extra += [("refunds/create", self.body(shop, order).refund(rest))]
                extra += self._transactions(shop, order, moved)
            self._keep(order)
            body = self.body(shop, order)
            extra += [("refunds/create", body.refund(made)), ("orders/edited", body.edit(edited))]
            self._tell_order(shop, order, ["orders/updated"], extra)
        return order

    def dispute(self, name: str, order_id: int, wanted: dict[str, Any]) -> Doc:
        """A chargeback or an inquiry begins: disputes/create alone, the order doesn't change."""
        with self.state.writing():
            shop, order = self._open(name, order_id)
            made = aftersales.dispute(order, wanted, self.clock.stamp(), self.state.next_id)
            self._keep(order)
            self._tell_order(shop, order, [], [("disputes/create", self.body(shop, order).dispute(made))])
        return order

    def move_dispute(self, name: str, order_id: int, dispute_id: int, status: str) -> Doc:
        with self.state.writing():
            shop, order = self._open(name, order_id)
            moved = aftersales.move_dispute(order, dispute_id, status, self.clock.stamp())
            self._keep(order)
            self._tell_order(shop, order, [], [("disputes/update", self.body(shop, order).dispute(moved))])
        return order

    def cancel(self, name: str, order_id: int, *, refund: bool, reason: str = "customer") -> Doc:
        with self.state.writing():
            shop, order = self._open(name, order_id)
            before = len(order["transactions"])
            made = aftersales.cancel(order, reason, refund, self.clock.stamp(), self.state.next_id)
            self._keep(order)
            extra = self._transactions(shop, order, order["transactions"][before:])
            if made is not None:
                extra.insert(0, ("refunds/create", self.body(shop, order).refund(made)))
            self._tell_order(shop, order, ["orders/cancelled", "orders/updated"], extra)
        return order

    def delete_order(self, name: str, order_id: int) -> None:
        """The order is gone from the API; the journal keeps it. Tells orders/delete."""
        with self.state.writing():
            shop, order = self._open(name, order_id)
            order["deleted_at"] = self.clock.stamp()
            self._keep(order)
            self.deliveries.emit(shop, [("orders/delete", {"id": order_id})], f"order/{order_id}")

    def uninstalled(self, name: str) -> None:
        """app/uninstalled goes out first, then the subscriptions of the shop are gone."""
        with self.state.writing():
            shop = self.state.shop(name)
            self.deliveries.emit(shop, [("app/uninstalled", shop_body(shop))])
            for subscription in self.state.documents("subscription", name):
                self.state.drop_document("subscription", str(subscription["id"]))
