"""Products, orders and refunds as `wc/v3` gives them, and as a webhook posts them: one shape.

Source: a real WooCommerce 9.5.1, seen 2026-11-21 (fact sheet, sections 3, 4 and 6). Line totals are without tax whether
prices contain it or not; `…_gmt` times carry no zone; refunds' lines are negative.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sandbox.store import orders, products
from sandbox.store.clock import local_text
from sandbox.store.money import decimal_text, half_up
from sandbox.store.state import Doc, State

STATUSES = {"ACTIVE": "publish", "UNLISTED": "publish", "DRAFT": "draft", "ARCHIVED": "private"}
ATTRIBUTION = "_wc_order_attribution_"


def gmt(stamp: str | None) -> str | None:
    return None if stamp is None else stamp.removesuffix("Z")


class Bodies:
    """Of one shop. `home` is the store's own address, without a slash at its end."""

    def __init__(self, state: State, shop: Doc, home: str) -> None:
        self.state = state
        self.shop = shop
        self.home = home

    def _text(self, minor: int) -> str:
        return decimal_text(minor, self.shop["currency"])

    def _times(self, name: str, stamp: str | None) -> Doc:
        local = None if stamp is None else local_text(stamp, self.shop["timezone"])[:19]
        return {name: local, f"{name}_gmt": gmt(stamp)}

    # --- catalog ---

    def product(self, product: Doc, variants: list[Doc]) -> Doc:
        """A product without versions has one number with its only variant; another one is `variable`."""
        simple = len(variants) == 1 and variants[0]["id"] == product["id"]
        status = STATUSES[product["status"]]
        page = f"{self.home}/product/{product['handle']}/"
        cheapest = min((variant["price"] for variant in variants), default=0)
        made: Doc = {
            "id": product["id"], "name": product["title"], "slug": product["handle"],
            "permalink": page if status == "publish" else f"{self.home}/?post_type=product&p={product['id']}",
            **self._times("date_created", product["created_at"]), **self._times("date_modified", product["updated_at"]),
            "type": "simple" if simple else "variable", "status": status, "featured": False,
            "catalog_visibility": "hidden" if product["status"] == "UNLISTED" else "visible",
            "description": product["description_html"], "short_description": "", "sku": "",
            "price": self._text(cheapest), "regular_price": "", "sale_price": "", "on_sale": False,
            "purchasable": True, "virtual": False, "manage_stock": False, "stock_quantity": None,
            "stock_status": "instock" if any(products.available(each) for each in variants) else "outofstock",
            "parent_id": 0, "shipping_required": True, "post_password": "", "meta_data": [],
            "categories": [{"id": 15, "name": product["product_type"], "slug": product["product_type"].lower()}],
            "tags": [{"id": 20 + n, "name": tag, "slug": tag} for n, tag in enumerate(product["tags"])],
            "brands": [{"id": 30, "name": product["vendor"], "slug": "brand"}],
            "images": [{"id": each["id"], "src": self._image(each["id"]), "name": "", "alt": each["alt"]}
                       for each in product["media"]],
            "attributes": [], "variations": [],
        }  # fmt: skip
        if simple:
            return made | self._offer(variants[0])
        return made | {
            "attributes": [
                {"id": 0, "name": option["name"], "slug": option["name"], "position": n, "visible": True,
                 "variation": True, "options": option["values"]}
                for n, option in enumerate(product["options"])
            ],
            "variations": [variant["id"] for variant in variants],
        }  # fmt: skip

    def variation(self, product: Doc, variant: Doc) -> Doc:
        return {
            "id": variant["id"], "type": "variation", "parent_id": product["id"], "name": variant["title"],
            **self._times("date_created", variant["created_at"]), **self._times("date_modified", variant["updated_at"]),
            "description": "", "permalink": f"{self.home}/product/{product['handle']}/", "status": "publish",
            "purchasable": True, "virtual": False, "image": None, "menu_order": variant["position"] - 1,
            "attributes": [
                {"id": 0, "name": option["name"], "slug": option["name"].lower(), "option": value}
                for option, value in zip(product["options"], variant["options"], strict=False)
            ],
            "meta_data": [],
            **self._offer(variant),
        }  # fmt: skip

    def _offer(self, variant: Doc) -> Doc:
        """Price and stock."""
        regular, compare = variant["price"], variant["compare_at_price"]
        on_sale = compare is not None and compare > regular
        return {
            "sku": variant["sku"] or "", "global_unique_id": variant["barcode"] or "", "price": self._text(regular),
            "regular_price": self._text(compare if on_sale else regular),
            "sale_price": self._text(regular) if on_sale else "", "on_sale": on_sale,
            "manage_stock": variant["tracked"],
            "stock_quantity": variant["inventory_quantity"] if variant["tracked"] else None,
            "stock_status": "instock" if products.available(variant) else "outofstock",
            "backorders": "yes" if variant["inventory_policy"] == "CONTINUE" else "no",
        }  # fmt: skip

    def _image(self, media: int) -> str:
        return f"{self.home}/files/{media}.svg"

    # --- orders ---

    def order(self, order: Doc) -> Doc:
        included = order["taxes_included"]
        shipping_tax = sum(orders.tax(line) for line in order["shipping_lines"])
        shipping = orders.shipping_net(order) - (shipping_tax if included else 0)
        coupons = self._coupons(order)
        customer = order["customer"] or {}
        paid_at = next((t["created_at"] for t in order["transactions"]
                        if t["kind"] in ("sale", "capture") and t["status"] == "success"), None)  # fmt: skip
        if paid_at is None and order["placed"]["total"] == 0:  # nothing is due: paid as it stands
            paid_at = order["created_at"]
        shipped = orders.fulfillment_status(order) == "fulfilled"
        completed_at = order["fulfillments"][-1]["created_at"] if shipped and order["fulfillments"] else None
        return {
            "id": order["id"], "parent_id": 0, "number": order["name"], "status": self.status(order),
            "currency": order["currency"], "version": self.shop.get("platform_version") or "9.5.1",
            "prices_include_tax": included,
            **self._times("date_created", order["created_at"]), **self._times("date_modified", order["updated_at"]),
            "discount_total": self._text(order["placed"]["discounts"]),
            "shipping_total": self._text(shipping), "shipping_tax": self._text(shipping_tax),
            "total": self._text(order["placed"]["total"]), "total_tax": self._text(order["placed"]["tax"]),
            "customer_id": customer.get("id") or 0, "order_key": f"wc_order_{order['token'][:13]}",
            "billing": {"first_name": customer.get("first_name") or "", "last_name": customer.get("last_name") or "",
                        "email": customer.get("email") or "", "phone": customer.get("phone") or ""},
            "payment_method": "practice", "payment_method_title": "Practice card", "transaction_id": "",
            "customer_note": order["note"] or "",
            "created_via": {"web": "checkout", "rest-api": "rest-api"}.get(order["source_name"], "admin"),
            **self._times("date_completed", completed_at), **self._times("date_paid", paid_at),
            "line_items": [self._line(line) for line in order["lines"]],
            "shipping_lines": [{"id": line["id"], "method_title": "Flat rate", "total": self._text(shipping),
                                "total_tax": self._text(shipping_tax)} for line in order["shipping_lines"]],
            "fee_lines": [], "coupon_lines": coupons, "meta_data": self._attribution(order),
            "refunds": [{"id": each["id"], "reason": each["note"] or "", "total": f"-{self._text(_given(order, each))}"}
                        for each in reversed(_good(order))],
            "needs_processing": True, "needs_payment": paid_at is None,
        }  # fmt: skip

    def status(self, order: Doc) -> str:
        money = orders.financial_status(order)
        if order["deleted_at"] is not None:
            return "trash"
        if order["cancelled_at"] is not None:
            return "cancelled"
        if money in ("pending", "authorized"):
            return "on-hold"
        if money in ("voided", "expired"):
            return "failed"
        if money == "refunded":
            return "refunded"
        return "completed" if orders.fulfillment_status(order) == "fulfilled" else "processing"

    def _line(self, line: Doc) -> Doc:
        gross, net, tax = line["price"] * line["quantity"], orders.net(line), orders.tax(line)
        before = self._tax_of(line, gross)
        included = self.shop["taxes_included"]
        return {
            "id": line["id"], "name": line["title"], "product_id": line["product_id"] or 0,
            "variation_id": line["variant_id"] if line["variant_id"] not in (None, line["product_id"]) else 0,
            "quantity": line["quantity"], "sku": line["sku"] or "", "tax_class": "",
            "subtotal": self._text(gross - (before if included else 0)), "subtotal_tax": self._text(before),
            "total": self._text(net - (tax if included else 0)), "total_tax": self._text(tax),
            "meta_data": [{"id": n, "key": each["name"], "value": each["value"]}
                          for n, each in enumerate(line["properties"], 1)],
        }  # fmt: skip

    def _tax_of(self, line: Doc, amount: int) -> int:
        """The tax that an amount of this line would have."""
        rate = sum((Fraction(each["rate"]) for each in line["tax_lines"]), Fraction(0))
        return half_up(amount * rate / (1 + rate)) if self.shop["taxes_included"] else half_up(amount * rate)

    def _coupons(self, order: Doc) -> list[Doc]:
        """What each code took off the order, with its tax beside it where prices contain it."""
        made = []
        for index, each in enumerate(order["discount_applications"]):
            if each["type"] != "discount_code":
                continue
            taken = tax = 0
            for line in order["lines"]:
                part = sum(a["amount"] for a in line["allocations"] if a["index"] == index)
                taken += part
                tax += self._tax_of(line, part)
            net = taken - (tax if self.shop["taxes_included"] else 0)
            made.append({"id": index + 1, "code": each["code"].lower(), "discount": self._text(net),
                         "discount_tax": self._text(tax)})  # fmt: skip
        return made

    def _attribution(self, order: Doc) -> list[Doc]:
        """Order attribution: the first page of the last visit, and its `utm_…` words."""
        landing = order["landing_site"]
        told: dict[str, Any] = {"is_vat_exempt": "no"}
        if landing:
            words = {key: values[0] for key, values in parse_qs(urlsplit(landing).query).items() if key[:4] == "utm_"}
            told |= {f"{ATTRIBUTION}source_type": "utm" if words else "typein"}
            if order["referring_site"]:
                told[f"{ATTRIBUTION}referrer"] = order["referring_site"]
            told |= {f"{ATTRIBUTION}{key}": value for key, value in words.items()}
            told[f"{ATTRIBUTION}session_entry"] = f"{self.home}{landing}"
            told[f"{ATTRIBUTION}session_start_time"] = order["created_at"].replace("T", " ").removesuffix("Z")
            told[f"{ATTRIBUTION}session_pages"] = "3"
            told[f"{ATTRIBUTION}session_count"] = "1"
        told |= {each["name"]: each["value"] for each in order["note_attributes"]}
        return [{"id": n, "key": key, "value": value} for n, (key, value) in enumerate(told.items(), 1)]

    def refunds(self, order: Doc) -> list[Doc]:
        return [self._refund(order, each) for each in _good(order)]

    def _refund(self, order: Doc, refund: Doc) -> Doc:
        sold = {line["id"]: line for line in order["lines"]}
        return {
            "id": refund["id"], **self._times("date_created", refund["created_at"]),
            "amount": self._text(_given(order, refund)), "reason": refund["note"] or "", "refunded_by": 1,
            "refunded_payment": True, "fee_lines": [], "meta_data": [],
            "line_items": [
                {"id": row["id"], "name": sold[row["line_item_id"]]["title"], "quantity": -row["quantity"],
                 "product_id": sold[row["line_item_id"]]["product_id"] or 0, **self._minus(row),
                 "meta_data": [{"id": 1, "key": "_refunded_item_id", "value": str(row["line_item_id"])}]}
                for row in refund["lines"]
            ],
            "shipping_lines": [
                {"id": n, "method_title": "Flat rate", **self._minus(row)}
                for n, row in enumerate(refund["shipping"], 1)
            ],
        }  # fmt: skip

    def _minus(self, row: Doc) -> Doc:
        net = row["subtotal"] - (row["tax"] if self.shop["taxes_included"] else 0)
        return {"total": self._text(-net), "total_tax": self._text(-row["tax"])}


def _good(order: Doc) -> list[Doc]:
    """WooCommerce keeps no refund whose money didn't move."""
    return [each for each in order["refunds"] if orders.refund_status(order, each) != "failure"]


def _given(order: Doc, refund: Doc) -> int:
    return sum(t["amount"] for t in order["transactions"] if t["id"] in refund["transaction_ids"])
