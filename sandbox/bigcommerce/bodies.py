"""Products, orders and refunds as BigCommerce's v2 and v3 APIs give them.

Source: reference/*.yml of bigcommerce/docs, 2026-04-01. v2 writes amounts as texts of four decimals and times by RFC
2822, v3 as numbers and by ISO 8601. Nothing of it was seen on a real store.
"""

from __future__ import annotations

import uuid
import zlib
from email.utils import format_datetime
from fractions import Fraction

import msgspec

from sandbox.store import orders
from sandbox.store.clock import parse
from sandbox.store.money import decimal_text, exponent, half_up
from sandbox.store.state import Doc, State

INCLUDED = 600  # variants that a product includes at most
CARTS = uuid.UUID("6f0c2a9e-0d4e-4d35-9a44-3c6f4b1d7e10")  # for carts of the storefront, which have no uuid here
CANCELLED, REFUNDED, PARTIALLY_REFUNDED, DISPUTED = (5, "Cancelled"), (4, "Refunded"), (14, "Partially Refunded"), (
    13, "Disputed",
)  # fmt: skip


def number(minor: int, currency: str) -> msgspec.Raw:
    """An amount as a JSON number with all its digits."""
    return msgspec.Raw(decimal_text(minor, currency).encode())


def iso(stamp: str) -> str:
    return stamp.removesuffix("Z") + "+00:00"


def rfc2822(stamp: str) -> str:
    return format_datetime(parse(stamp))


def brand_id(vendor: str) -> int:
    return zlib.crc32(vendor.encode()) % 1_000_000 + 1


class Bodies:
    """Of one shop. `home` is its storefront's address, without a slash at its end."""

    def __init__(self, state: State, shop: Doc, home: str) -> None:
        self.state = state
        self.shop = shop
        self.home = home

    # --- catalog, v3 ---

    def product(self, product: Doc, variants: list[Doc]) -> Doc:
        currency = self.shop["currency"]
        first = variants[0]
        tracked = any(each["tracked"] for each in variants)
        regular, sale, asked = self._prices(first)
        return {
            "id": product["id"], "name": product["title"], "type": "physical", "sku": first["sku"] or "",
            "description": product["description_html"], "weight": 1, "price": regular, "sale_price": sale or 0,
            "calculated_price": asked, "brand_id": brand_id(product["vendor"]) if product["vendor"] else 0,
            "is_visible": product["status"] == "ACTIVE", "availability": "available", "condition": "New",
            "inventory_tracking": "variant" if tracked else "none",
            "inventory_level": sum(each["inventory_quantity"] for each in variants),
            "custom_url": {"url": f"/{product['handle']}/", "is_customized": False},
            "date_created": iso(product["created_at"]), "date_modified": iso(product["updated_at"]),
            "upc": "", "gtin": "", "mpn": "",
            "variants": [self.variant(product, each) for each in variants[:INCLUDED]],
            "images": [{"id": each["id"], "is_thumbnail": n == 0, "sort_order": n,
                        "url_standard": f"{self.home}/files/{each['id']}.svg"}
                       for n, each in enumerate(product["media"])],
            "currency": currency,
        }  # fmt: skip

    def variant(self, product: Doc, variant: Doc) -> Doc:
        regular, sale, asked = self._prices(variant)
        whole = variant["title"] == "Default Title"
        return {
            "id": variant["id"], "product_id": product["id"], "sku": variant["sku"] or "", "price": regular,
            "sale_price": sale, "calculated_price": asked, "inventory_level": max(0, variant["inventory_quantity"]),
            "purchasing_disabled": False, "image_url": "", "gtin": variant["barcode"],
            "upc": None, "mpn": None,
            "option_values": [] if whole else [
                {"id": n, "label": value, "option_id": option["id"], "option_display_name": option["name"]}
                for n, (option, value) in enumerate(zip(product["options"], variant["options"], strict=False), 1)
            ],
        }  # fmt: skip

    def _prices(self, variant: Doc) -> tuple[msgspec.Raw, msgspec.Raw | None, msgspec.Raw]:
        """(regular, on sale, what the storefront asks)."""
        currency, price, compare = self.shop["currency"], variant["price"], variant["compare_at_price"]
        asked = number(price, currency)
        if compare is not None and compare > price:
            return number(compare, currency), asked, asked
        return asked, None, asked

    # --- orders, v2 ---

    def _text(self, amount: Fraction | int) -> str:
        """Minor units, perhaps with a part of one, as a text of four decimals."""
        scaled = half_up(Fraction(amount) * 10 ** (4 - exponent(self.shop["currency"])))
        sign, whole = ("-", -scaled) if scaled < 0 else ("", scaled)
        return f"{sign}{whole // 10_000}.{whole % 10_000:04d}"

    def order(self, order: Doc) -> Doc:
        status, label = self.status(order)
        lines, placed = order["lines"], order["placed"]
        included = order["taxes_included"]
        ex, inc = self._sums(order)
        shipping_tax = sum(orders.tax(line) for line in order["shipping_lines"])
        shipping = orders.shipping_net(order)
        codes, others = self._discounts(order)
        customer = order["customer"] or {}
        return {
            "id": order["id"], "customer_id": customer.get("id") or 0, "status_id": status, "status": label,
            "date_created": rfc2822(order["created_at"]), "date_modified": rfc2822(order["updated_at"]),
            "date_shipped": rfc2822(order["fulfillments"][-1]["created_at"]) if order["fulfillments"] else "",
            "currency_code": order["currency"], "default_currency_code": order["currency"],
            "is_tax_inclusive_pricing": included,
            "subtotal_ex_tax": self._text(ex), "subtotal_inc_tax": self._text(inc),
            "shipping_cost_ex_tax": self._text(shipping - (shipping_tax if included else 0)),
            "shipping_cost_inc_tax": self._text(shipping + (0 if included else shipping_tax)),
            "shipping_cost_tax": self._text(shipping_tax), "handling_cost_tax": "0.0000", "wrapping_cost_tax": "0.0000",
            "total_tax": self._text(placed["tax"]), "total_inc_tax": self._text(placed["total"]),
            "total_ex_tax": self._text(placed["total"] - placed["tax"]),
            "discount_amount": self._text(others), "coupon_discount": self._text(codes),
            "refunded_amount": "0.0000", "gift_certificate_amount": "0.0000",
            "payment_method": "Test Payment Gateway" if order["test"] else "Credit Card",
            "payment_status": self._payment(order),
            "items_total": sum(line["quantity"] for line in lines),
            "items_shipped": sum(orders.fulfilled_units(order, line) for line in lines),
            "cart_id": self._cart(order), "order_source": "www" if order["source_name"] == "web" else "manual",
            "external_order_id": order["source_identifier"], "staff_notes": " ".join(order["tags"]),
            "customer_message": order["note"] or "",
            "billing_address": {"first_name": customer.get("first_name") or "", "phone": customer.get("phone") or "",
                                "last_name": customer.get("last_name") or "", "email": customer.get("email") or ""},
        }  # fmt: skip

    def status(self, order: Doc) -> tuple[int, str]:
        money, back = orders.financial_status(order), orders.promised(order)
        if order["cancelled_at"] is not None:
            return CANCELLED
        if any(each["status"] in ("needs_response", "under_review") for each in order.get("disputes", [])):
            return DISPUTED
        if money == "pending":
            return 7, "Awaiting Payment"
        if money in ("voided", "expired"):
            return 6, "Declined"
        if back:
            return REFUNDED if back >= orders.captured(order) else PARTIALLY_REFUNDED
        if any(each["delivered_at"] for each in order["fulfillments"]):
            return 10, "Completed"
        shipped = orders.fulfillment_status(order)
        return {None: (11, "Awaiting Fulfillment"), "partial": (3, "Partially Shipped")}.get(shipped, (2, "Shipped"))

    def _payment(self, order: Doc) -> str:
        money = orders.financial_status(order)
        return {"paid": "captured", "pending": "", "partially_paid": "captured", "expired": "void", "voided": "void",
                "partially_refunded": "partially refunded"}.get(money, money)  # fmt: skip

    def _cart(self, order: Doc) -> str:
        own = str(order["cart_token"] or "")
        known = self.state.document("bc_cart", own) is not None
        return own if known else str(uuid.uuid5(CARTS, own or str(order["id"])))

    def _sums(self, order: Doc) -> tuple[Fraction, Fraction]:
        """Of all lines before discounts: without tax, with it."""
        gross = [(line, line["price"] * line["quantity"]) for line in order["lines"]]
        both = [self._both(line, amount) for line, amount in gross]
        return sum((ex for ex, _ in both), Fraction(0)), sum((inc for _, inc in both), Fraction(0))

    def _both(self, line: Doc, amount: int) -> tuple[Fraction, Fraction]:
        """An amount of the line (without tax, with it): the one that the shop doesn't enter is an estimate."""
        rate = sum((Fraction(each["rate"]) for each in line["tax_lines"]), Fraction(0))
        if self.shop["taxes_included"]:
            return amount / (1 + rate), Fraction(amount)
        return Fraction(amount), amount * (1 + rate)

    def _discounts(self, order: Doc) -> tuple[int, int]:
        """By codes, and otherwise."""
        known, codes, others = order["discount_applications"], 0, 0
        for line in [*order["lines"], *order["shipping_lines"]]:
            for each in line["allocations"]:
                if known[each["index"]]["type"] == "discount_code":
                    codes += each["amount"]
                else:
                    others += each["amount"]
        return codes, others

    def lines(self, order: Doc) -> list[Doc]:
        known = order["discount_applications"]
        back = {line["id"]: 0 for line in order["lines"]}
        for refund in order["refunds"]:
            for row in refund["lines"]:
                back[row["line_item_id"]] += row["quantity"]
        made = []
        for line in order["lines"]:
            each_ex, each_inc = self._both(line, line["price"])
            ex, inc = self._both(line, line["price"] * line["quantity"])
            made.append({
                "id": line["id"], "order_id": order["id"], "product_id": line["product_id"] or 0,
                "variant_id": line["variant_id"] or 0, "name": line["title"], "sku": line["sku"] or "",
                "type": "giftcertificate" if line["gift_card"] else "physical", "quantity": line["quantity"],
                "price_ex_tax": self._text(each_ex), "price_inc_tax": self._text(each_inc),
                "total_ex_tax": self._text(ex), "total_inc_tax": self._text(inc),
                "total_tax": self._text(orders.tax(line)), "refund_amount": "0.0000",
                "quantity_refunded": back[line["id"]], "parent_order_product_id": None, "gift_certificate_id": None,
                "applied_discounts": [
                    {"id": "coupon" if known[a["index"]]["type"] == "discount_code" else "total",
                     "amount": self._text(a["amount"]), "name": known[a["index"]]["code"], "target": "order",
                     "code": known[a["index"]]["code"] if known[a["index"]]["type"] == "discount_code" else None}
                    for a in line["allocations"]
                ],
            })  # fmt: skip
        return made

    def coupons(self, order: Doc) -> list[Doc]:
        rows = [each for each in order["discount_applications"] if each["type"] == "discount_code"]
        return [
            {"id": n, "coupon_id": n, "order_id": order["id"], "code": each["code"],
             "type": 3 if each["target_type"] == "shipping_line" else 1, "amount": each["value"],
             "discount": self._text(each["amount"])}
            for n, each in enumerate(rows, 1)
        ]  # fmt: skip

    def shipments(self, order: Doc) -> list[Doc]:
        return [
            {"id": each["id"], "order_id": order["id"], "date_created": rfc2822(each["created_at"]),
             "tracking_number": each["tracking_number"],
             "items": [{"order_product_id": row["line_item_id"], "quantity": row["quantity"]} for row in each["lines"]]}
            for each in order["fulfillments"]
        ]  # fmt: skip

    # --- refunds, v3 ---

    def refunds(self, order: Doc) -> list[Doc]:
        return [self._refund(order, each) for each in order["refunds"]]

    def _refund(self, order: Doc, refund: Doc) -> Doc:
        currency = order["currency"]
        moved = [t for t in order["transactions"] if t["id"] in refund["transaction_ids"]]
        items = [
            {"item_type": "PRODUCT", "item_id": row["line_item_id"], "quantity": row["quantity"], "reason": "",
             "requested_amount": number(row["subtotal"], currency)}
            for row in refund["lines"]
        ]  # fmt: skip
        for row in refund["shipping"]:
            items.append({"item_type": "SHIPPING", "item_id": order["shipping_lines"][0]["id"], "quantity": None,
                          "reason": "", "requested_amount": number(row["subtotal"], currency)})  # fmt: skip
        extra = -sum(a["amount"] for a in refund["adjustments"] if a["kind"] == "refund_discrepancy")
        if extra > 0:
            items.append({"item_type": "ORDER", "item_id": order["id"], "quantity": None, "reason": "",
                          "requested_amount": number(extra, currency)})  # fmt: skip
        tax = sum(row["tax"] for row in [*refund["lines"], *refund["shipping"]])
        return {
            "id": refund["id"], "order_id": order["id"], "user_id": 1, "created": iso(refund["created_at"]),
            "reason": refund["note"] or "", "total_amount": number(sum(t["amount"] for t in moved), currency),
            "total_tax": number(tax, currency), "items": items,
            "payments": [
                {"id": t["id"], "provider_id": "practice", "amount": number(t["amount"], currency), "offline": False,
                 "is_declined": t["status"] in ("failure", "error"), "declined_message": ""}
                for t in moved
            ],
        }  # fmt: skip
