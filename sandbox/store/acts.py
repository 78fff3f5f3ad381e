"""What happens in a store, with its consequences: document and webhooks are written in one transaction.

Each act answers the changed order or product. Errors: KeyError (nothing there), orders.ActRefused, money.AmountRefused.
"""

from __future__ import annotations

from typing import Any

from sandbox.store import aftersales, orders, placing, products
from sandbox.store.clock import Clock, normal
from sandbox.store.face import Act, Face, PartKind
from sandbox.store.money import decimal_text, to_minor
from sandbox.store.state import Doc, State

COUNTRIES = {"USD": "US", "EUR": "DE", "GBP": "GB", "JPY": "JP", "KWD": "KW", "CAD": "CA", "AUD": "AU"}


class Acts:
    """The staff and the buyers of every shop."""

    def __init__(self, state: State, clock: Clock, faces: dict[str, Face]) -> None:
        self.state = state
        self.clock = clock
        self.faces = faces

    def face(self, shop: Doc) -> Face:
        return self.faces[shop["platform"]]

    # --- shops ---

    def create_shop(self, wanted: dict[str, Any]) -> Doc:
        """A shop from {shop, platform, currency, taxes_included, tax_rate, …}; see sandbox/README.md."""
        platform = str(wanted.get("platform", "shopify"))
        if platform not in self.faces:
            raise orders.ActRefused(f"platform is one of {', '.join(self.faces)}, not {platform!r}")
        name = self.faces[platform].name(str(wanted["shop"]).lower())
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
                "platform": platform,
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
                "platform_version": wanted.get("platform_version"),
                "created_at": now,
                "updated_at": now,
            }
            shop["title"] = str(shop["title"])
            self.state.put_shop(shop)
        return shop

    def change_shop(self, name: str, changes: dict[str, Any]) -> Doc:
        """Change settings of a shop. `discount_codes` are merged by code."""
        allowed = {
            "title", "currency", "taxes_included", "tax_rate", "tax_title", "tax_shipping", "shipping_price",
            "timezone", "country", "plan", "sales_move_stock", "orders_updated_on_create", "permalink_adds",
            "platform_version",
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
            self.face(shop).shop_changed(shop)
        return shop

    # --- products ---

    def create_product(self, name: str, wanted: dict[str, Any]) -> Doc:
        with self.state.writing():
            shop = self.state.shop(name)
            product = products.create(
                self.state, shop, wanted, self.clock.stamp(), one_number=self.face(shop).one_number()
            )
            self.face(shop).product_changed(shop, product, "created")
        return product

    def edit_product(self, name: str, product_id: int, changes: dict[str, Any]) -> Doc:
        with self.state.writing():
            shop = self.state.shop(name)
            product = products.edit(self.state, shop, product_id, changes, self.clock.stamp())
            self.face(shop).product_changed(shop, product, "updated")
        return product

    def delete_product(self, name: str, product_id: int) -> None:
        with self.state.writing():
            shop = self.state.shop(name)
            self.state.delete_product(name, product_id)
            self.face(shop).product_deleted(shop, product_id)

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
            self.face(shop).stock_moved(shop, variant)
        for product in changed.values():
            self.face(shop).product_changed(shop, product, "updated")

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

    def _keep(self, order: Doc) -> None:
        self.state.put_order(order, orders.financial_status(order))

    def _moved(self, shop: Doc, order: Doc, act: Act, parts: list[tuple[PartKind, Doc]]) -> None:
        """Keep the order and tell of it."""
        self._keep(order)
        self.face(shop).order_moved(shop, order, act, parts)

    def place_order(self, name: str, draft: dict[str, Any]) -> Doc:
        """Place an order from a draft; see sandbox/README.md."""
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
            order["name"] = self.face(shop).order_name(order["number"], order["id"])
            self.state.put_shop(shop)  # its order number
            self._moved(shop, order, "placed", _moves(order["transactions"]))
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
            self._moved(shop, order, "paid", _moves([row]))
        return order

    def void(self, name: str, order_id: int, *, expired: bool = False) -> Doc:
        with self.state.writing():
            shop, order = self._open(name, order_id)
            aftersales.void(order, self.clock.stamp(), self.state.next_id, expired=expired)
            self._moved(shop, order, "voided", [])
        return order

    def fulfil(self, name: str, order_id: int, lines: list[dict[str, Any]] | None = None) -> Doc:
        with self.state.writing():
            shop, order = self._open(name, order_id)
            made = aftersales.fulfil(order, lines, self.clock.stamp(), self.state.next_id)
            self._moved(shop, order, "fulfilled", [("fulfilment_made", made)])
        return order

    def deliver(self, name: str, order_id: int, fulfillment_id: int | None = None, at: str | None = None) -> Doc:
        with self.state.writing():
            shop, order = self._open(name, order_id)
            now = self.clock.stamp()
            done = aftersales.deliver(order, fulfillment_id, normal(at) if at else now, now)
            self._moved(shop, order, "delivered", [("fulfilment_moved", row) for row in done])
        return order

    def refund(self, name: str, order_id: int, wanted: dict[str, Any]) -> Doc:
        with self.state.writing():
            shop, order = self._open(name, order_id)
            if wanted.get("created_at"):
                wanted = {**wanted, "created_at": normal(str(wanted["created_at"]))}
            made = aftersales.refund(order, wanted, self.clock.stamp(), self.state.next_id)
            self._moved(shop, order, "refunded", _given(order, made))
        return order

    def settle_refund(self, name: str, order_id: int, refund_id: int, status: str) -> Doc:
        with self.state.writing():
            shop, order = self._open(name, order_id)
            changed = aftersales.settle_refund(order, refund_id, status, self.clock.stamp())
            self._moved(shop, order, "settled", _moves(changed))
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
            parts: list[tuple[PartKind, Doc]] = []
            if wanted.get("collect") and orders.outstanding(order):
                parts += _moves([aftersales.mark_paid(order, now, self.state.next_id)])
            too_much = aftersales.overpaid(order)
            if wanted.get("refund_difference") and too_much:
                amount = decimal_text(too_much, order["currency"])
                refund = aftersales.refund(
                    order, {"amount": amount, "note": "difference after an edit"}, now, self.state.next_id
                )
                parts += _given(order, refund)
            self._moved(shop, order, "edited", [*parts, ("edit", made)])
        return order

    def exchange(self, name: str, order_id: int, wanted: dict[str, Any]) -> Doc:
        """`back` comes back and pays for `add`; the difference is collected, or goes back without an item."""
        with self.state.writing():
            shop, order = self._open(name, order_id)
            now = self.clock.stamp()
            added = [self.price_line(shop, row) for row in wanted.get("add", [])]
            made, edited = aftersales.exchange(shop, order, wanted.get("back", []), added, now, self.state.next_id)
            parts: list[tuple[PartKind, Doc]] = []
            if orders.outstanding(order):
                parts += _moves([aftersales.mark_paid(order, now, self.state.next_id)])
            too_much = aftersales.overpaid(order)
            if too_much:
                amount = decimal_text(too_much, order["currency"])
                rest = aftersales.refund(
                    order, {"amount": amount, "note": "difference of an exchange"}, now, self.state.next_id
                )
                parts += _given(order, rest)
            self._moved(shop, order, "exchanged", [*parts, ("refund", made), ("edit", edited)])
        return order

    def dispute(self, name: str, order_id: int, wanted: dict[str, Any]) -> Doc:
        """A chargeback or an inquiry begins; the order itself doesn't change."""
        with self.state.writing():
            shop, order = self._open(name, order_id)
            made = aftersales.dispute(order, wanted, self.clock.stamp(), self.state.next_id)
            self._moved(shop, order, "disputed", [("dispute_made", made)])
        return order

    def move_dispute(self, name: str, order_id: int, dispute_id: int, status: str) -> Doc:
        with self.state.writing():
            shop, order = self._open(name, order_id)
            moved = aftersales.move_dispute(order, dispute_id, status, self.clock.stamp())
            self._moved(shop, order, "disputed", [("dispute_moved", moved)])
        return order

    def cancel(self, name: str, order_id: int, *, refund: bool, reason: str = "customer", restock: bool = False) -> Doc:
        """`restock`: the units go back to stock."""
        with self.state.writing():
            shop, order = self._open(name, order_id)
            before = len(order["transactions"])
            made = aftersales.cancel(order, reason, refund, self.clock.stamp(), self.state.next_id)
            parts = _moves(order["transactions"][before:])
            self._moved(shop, order, "cancelled", parts if made is None else [("refund", made), *parts])
            if restock:
                self._move_stock(shop, order, +1)
        return order

    def delete_order(self, name: str, order_id: int) -> None:
        """The order is gone from the API; the journal keeps it."""
        with self.state.writing():
            shop, order = self._open(name, order_id)
            order["deleted_at"] = self.clock.stamp()
            self._keep(order)
            self.face(shop).order_deleted(shop, order)


def _moves(rows: list[Doc]) -> list[tuple[PartKind, Doc]]:
    return [("transaction", row) for row in rows]


def _given(order: Doc, refund: Doc) -> list[tuple[PartKind, Doc]]:
    """A refund and the money that it moved."""
    moved = [row for row in order["transactions"] if row["id"] in refund["transaction_ids"]]
    return [("refund", refund), *_moves(moved)]
