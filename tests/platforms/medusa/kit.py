"""What Medusa's tests share: settings, and a store in memory behind the `Http` port.

`Shop` answers as the running 2.21.2 did (NOTES.md): lists by limit and offset, filters and fields that it doesn't know
passed over in silence, an order whose time stays when money moves, totals that shrink. Its oddities are attributes.
"""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from connector import money
from connector.conformance.answers import Reply
from connector.platforms.contract import Client, Grant
from connector.platforms.medusa.settings import MedusaSettings
from connector.platforms.rest import NoBudget

PAYLOADS = Path(__file__).parent / "payloads"
DOMAIN = "api.candles.example"
KEY, PUBLIC = "sk_" + "0f" * 32, "pk_" + "0e" * 32
SECRET = "made-up-medusa-secret-of-32-letters-or-more"
TOKEN = "t1abcdefghij012345ABCDEFGHIJ-_6789"
DETAILS = {
    "store": "store_1", "storefront": "https://www.candles.example", "product_page": "/products/{handle}",
    "publishable_key": "", "channels": "sc_1", "region": "reg_1",
}  # fmt: skip
Doc = dict[str, Any]


def make_settings(**given: Any) -> MedusaSettings:
    """Settings of exactly these values: neither the environment's nor a file's."""
    return MedusaSettings(_env_file=None, **{"env": "production", **given})


def recorded(name: str) -> Any:
    return json.loads((PAYLOADS / "api" / f"{name}.json").read_text())


@dataclass
class Sent:
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.url).query, keep_blank_values=True)


def data(value: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(status, json.dumps(value).encode(), {"content-type": "application/json; charset=utf-8", **headers})


def page(text: str = "<!doctype html><p>Hello</p>", status: int = 200, **headers: str) -> Reply:
    return Reply(status, text.encode(), {"content-type": "text/html", **headers})


def refused(status: int = 401, message: str = "Unauthorized") -> Reply:
    return data({"message": message}, status)


def make_client(http: Any, **given: Any) -> Client:
    grant = Grant(given.pop("key", KEY), details={**DETAILS, **given.pop("details", {})})
    values: Doc = {"domain": DOMAIN, "currency": "USD", "grant": grant, "budget": NoBudget()}
    return Client(http=http, **(values | {"settings": make_settings(page=3)} | given))


def answering(*orders: str) -> Shop:
    """A store that has these recorded orders."""
    shop = Shop()
    for name in orders:
        for order in recorded(name)["orders"]:
            shop.orders[order["id"]] = order
    shop.exchanges = recorded("exchanges")["exchanges"] if "order.exchanged" in orders else []
    shop.keys = {KEY, "access-secret-word"}  # the suite's own
    return shop


class Shop:
    """One store.

    before      looks at each request first, and may answer it
    repeats     lists give their first page whatever offset or time is asked for
    plugin      how our plug-in stands; None: it isn't installed
    """

    def __init__(self, currency: str = "USD") -> None:
        self.currency = currency
        self.keys = {KEY}
        self.products: dict[str, Doc] = {}
        self.orders: dict[str, Doc] = {}
        self.drafts: dict[str, Doc] = {}
        self.exchanges: list[Doc] = []
        self.levels: dict[str, Doc] = {}
        self.calculated: dict[str, tuple[float, float]] = {}
        self.publishable: list[Doc] = [
            {"id": "apk_1", "token": PUBLIC, "revoked_at": None, "sales_channels": [{"id": "sc_1"}]}
        ]
        self.currencies = [{"currency_code": currency.lower(), "is_default": True}]
        self.plugin: Doc | None = None
        self.repeats = False
        self.before: Callable[[Sent], Reply | None] = lambda request: None
        self.sent: list[Sent] = []
        self._next, self._at, self._busy = 0, datetime(2026, 11, 20, 15, tzinfo=UTC), 0

    # --- as the suite drives it ---------------------------------------------------------------------------------------

    @property
    def client(self) -> Client:
        return make_client(self, currency=self.currency)

    def now(self) -> datetime:
        self._at += timedelta(seconds=1)
        return self._at

    def product(self, title: str, prices: Sequence[int], **given: Any) -> str:
        at, ref = self._stamp(), self._id("prod")
        variants = [self._variant(ref, number, price, at) for number, price in enumerate(prices)]
        self.products[ref] = {
            "id": ref, "title": title, "handle": title.lower().replace(" ", "-"), "status": "published",
            "description": "Made of wax", "thumbnail": None, "updated_at": at, "is_giftcard": False, "type": None,
            "collection": None, "categories": [], "tags": [], "images": [], "sales_channels": [{"id": "sc_1"}],
            "variants": variants, **given,
        }  # fmt: skip
        return ref

    def _variant(self, product: str, number: int, price: int, at: str) -> Doc:
        item = self._id("iitem")
        self.levels[item] = {"stocked_quantity": 10, "reserved_quantity": 0, "updated_at": at}
        return {
            "id": self._id("variant"), "title": f"No. {number}", "sku": f"S{number}", "barcode": None, "ean": None,
            "upc": None, "manage_inventory": True, "allow_backorder": False, "variant_rank": number, "thumbnail": None,
            "updated_at": at, "product_id": product,
            "prices": [
                {"amount": 1, "currency_code": "xxx", "min_quantity": None, "price_rules": []},
                {"amount": self._major(price), "currency_code": self.currency.lower(), "min_quantity": None,
                 "price_rules": []},
            ],
            "options": [{"value": f"No. {number}", "option": {"title": "Kind"}}],
            "inventory_items": [{"inventory_item_id": item, "required_quantity": 1, "inventory": {
                "id": item, "requires_shipping": True, "location_levels": [self.levels[item]]}}],
        }  # fmt: skip

    def reprice(self, product_ref: str, price: int) -> None:
        """Moves the variant's time, not the product's."""
        variant = self.products[product_ref]["variants"][0]
        variant["prices"][1]["amount"] = self._major(price)
        variant["updated_at"] = self._stamp()

    def restock(self, product_ref: str, count: int) -> None:
        """Moves neither's."""
        level = self.products[product_ref]["variants"][0]["inventory_items"][0]["inventory"]["location_levels"][0]
        level |= {"stocked_quantity": count, "updated_at": self._stamp()}

    def rename(self, product_ref: str, title: str) -> None:
        self.products[product_ref] |= {"title": title, "updated_at": self._stamp()}

    def delete(self, product_ref: str) -> None:
        del self.products[product_ref]

    def order(self, product_ref: str, quantity: int, token: str) -> str:
        at, ref = self._stamp(), self._id("order")
        variant = self.products[product_ref]["variants"][0]
        made = copy.deepcopy(recorded("order.plain")["orders"][0])
        amount = Decimal(str(variant["prices"][1]["amount"]))
        item = made["items"][0] | {
            "id": self._id("ordli"), "product_id": product_ref, "variant_id": variant["id"], "quantity": quantity,
            "unit_price": float(amount), "raw_unit_price": {"value": str(amount), "precision": 20}, "tax_lines": [],
            "adjustments": [], "metadata": {"connector_touch": token},
        }  # fmt: skip
        item["detail"] |= {"quantity": quantity}
        collection = made["payment_collections"][0] | {"updated_at": at}
        collection["payments"][0] |= {"captured_at": at, "refunds": [], "id": self._id("pay")}
        self.orders[ref] = made | {
            "id": ref, "display_id": len(self.orders) + 1, "currency_code": self.currency.lower(), "items": [item],
            "created_at": at, "updated_at": at, "metadata": {"connector_touch": token}, "shipping_methods": [],
            "payment_collections": [collection], "fulfillments": [], "returns": [], "credit_lines": [],
            "payment_status": "captured", "total": float(amount * quantity),
        }  # fmt: skip
        return ref

    def refund(self, order_ref: str, units: int) -> None:
        """A return is received and its worth refunded, to the last digit: the order's own time stays."""
        order = self.orders[order_ref]
        item, at = order["items"][0], self._stamp()
        order["returns"].append(
            {"id": self._id("return"), "status": "received", "created_at": at, "updated_at": at, "received_at": at,
             "canceled_at": None, "exchange_id": None, "claim_id": None,
             "items": [{"item_id": item["id"], "quantity": units, "received_quantity": units, "damaged_quantity": 0}]}
        )  # fmt: skip
        order["updated_at"] = at
        item["detail"]["return_received_quantity"] += units
        self.give_back(order_ref, Decimal(item["raw_unit_price"]["value"]) * units)

    def give_back(self, order_ref: str, amount: Decimal, *, credited: bool = False) -> None:
        order, at = self.orders[order_ref], self._stamp()
        collection = order["payment_collections"][0]
        collection["updated_at"] = at
        collection["payments"][0]["refunds"].append(
            {"id": self._id("ref"), "amount": float(amount), "raw_amount": {"value": str(amount), "precision": 20},
             "created_at": at}
        )  # fmt: skip
        if credited:
            order["credit_lines"].append(
                {"amount": float(amount), "raw_amount": {"value": str(amount)}, "reference": "payment_collection"}
            )
        given = sum(Decimal(r["raw_amount"]["value"]) for r in collection["payments"][0]["refunds"])
        whole = given >= Decimal(str(order["total"]))
        order["payment_status"] = "refunded" if whole else "partially_refunded"

    def cancel(self, order_ref: str) -> None:
        order = self.orders[order_ref]
        self.give_back(order_ref, Decimal(str(order["total"])), credited=True)
        at = self._stamp()
        order |= {"status": "canceled", "canceled_at": at, "updated_at": at}

    def busy(self, answers: int) -> None:
        self._busy = answers

    # --- as it answers ------------------------------------------------------------------------------------------------

    def send(self, method: str, url: str, **given: Any) -> Reply:
        request = Sent(method, url, given.get("headers") or {}, given.get("body"))
        self.sent.append(request)
        if self._busy:
            self._busy -= 1
            return Reply(429, b"slow down", {"retry-after": "0"})
        return self.before(request) or self._answer(request)

    def _answer(self, request: Sent) -> Reply:
        path = request.path
        if path.startswith("/store/"):
            if request.headers.get("x-publishable-api-key") != PUBLIC:
                return data({"type": "not_allowed", "message": "Publishable API key required"}, 400)
            return self._priced(request)
        if not path.startswith("/admin/"):
            return page("Not found", 404)
        header = request.headers.get("Authorization", "")
        key = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")[0] if "Basic " in header else ""
        if key not in self.keys:
            return refused()
        return self._admin(request, path.removeprefix("/admin/"))

    def _admin(self, request: Sent, name: str) -> Reply:
        match name:
            case "stores":
                store = {"id": "store_1", "name": "Candles", "default_sales_channel_id": "sc_1"}
                more = {"default_region_id": None, "supported_currencies": self.currencies}
                return data({"stores": [{**store, **more}]})
            case "products":
                return self._list(request, name, list(self.products.values()))
            case "product-variants":
                moved = {ref: {"updated_at": product["updated_at"]} for ref, product in self.products.items()}
                rows = [variant for product in self.products.values() for variant in product["variants"]]
                return self._list(request, "variants", [{**row, "product": moved[row["product_id"]]} for row in rows])
            case "inventory-items":
                return self._list(request, "inventory_items", self._items())
            case "orders" if "q" in dict(request.query):
                return self._found(request, "orders")
            case "orders":
                return self._list(request, name, list(self.orders.values()))
            case "payments":
                return self._list(request, name, self._payments())
            case "exchanges":
                return self._list(request, name, self.exchanges)
            case "price-preferences":
                return data(
                    {
                        "price_preferences": [
                            {"attribute": "currency_code", "value": self.currency.lower(), "is_tax_inclusive": False}
                        ]
                    }
                )
            case "api-keys":
                return data({"api_keys": self.publishable})
            case "regions":
                found = {"id": "reg_1", "currency_code": self.currency.lower(), "countries": [{"iso_2": "us"}]}
                return data({"regions": [found]})
            case "shipping-options":
                zone = {"geo_zones": [{"country_code": "us"}]}
                return data({"shipping_options": [{"id": "so_1", "service_zone": zone, "rules": []}]})
            case "draft-orders":
                return self._draft(request) if request.method == "POST" else self._found(request, "draft_orders")
            case _ if name.endswith("/convert-to-order"):
                return self._converted(name.split("/")[1])
            case _ if name.startswith("orders/"):
                return self._order_act(*name.split("/")[1:])
            case "returns":
                return data({"returns": []})
            case "connector" if self.plugin is not None:
                if request.method == "POST" and self.plugin.get("set_by") != "environment":
                    self.plugin |= {"address": json.loads(request.body or b"{}")["address"], "set_by": "connector"}
                if request.method == "DELETE":
                    self.plugin |= {"address": None, "set_by": None}
                return data({"connector": self.plugin})
        return data({"type": "not_found", "message": "none"}, 404)

    # --- sample orders: as the real one answered ----------------------------------------------------------------------

    def _found(self, request: Sent, name: str) -> Reply:
        """The store's own search, which knows of billing addresses and not of metadata."""
        rows = self.drafts if name == "draft_orders" else self.orders
        word = dict(request.query)["q"]
        kept = [row for row in rows.values() if word == (row.get("billing_address") or {}).get("company")]
        return data({name: kept, "count": len(kept)})

    def _draft(self, request: Sent) -> Reply:
        given, at, ref = json.loads(request.body or b"{}"), self._stamp(), self._id("order")
        (wanted,) = given["items"]
        rows = [v for product in self.products.values() for v in product["variants"]]
        variant = next((row for row in rows if row["id"] == wanted["variant_id"]), None)
        if variant is None:
            text = f"Variants {wanted['variant_id']} do not exist or belong to a product that is not published"
            return data({"type": "invalid_data", "message": text}, 400)
        level = self.levels[variant["inventory_items"][0]["inventory_item_id"]]
        if level["stocked_quantity"] - level["reserved_quantity"] < wanted["quantity"]:
            text = "Some variant does not have the required inventory"
            return data({"code": "insufficient_inventory", "type": "not_allowed", "message": text}, 400)
        if "@" not in given.get("email", "a@b"):
            return data({"type": "invalid_data", "message": "The email is not valid"}, 400)
        made = copy.deepcopy(recorded("order.plain")["orders"][0])
        item = made["items"][0] | {
            "id": self._id("ordli"), "product_id": variant["product_id"], "variant_id": variant["id"],
            "quantity": wanted["quantity"], "unit_price": wanted["unit_price"],
            "raw_unit_price": {"value": str(wanted["unit_price"]), "precision": 20}, "tax_lines": [],
            "adjustments": [], "metadata": {},
        }  # fmt: skip
        self.drafts[ref] = made | {
            "id": ref, "display_id": len(self.orders) + len(self.drafts) + 1, "currency_code": self.currency.lower(),
            "items": [item], "created_at": at, "updated_at": at, "metadata": given["metadata"], "status": "draft",
            "shipping_methods": [], "payment_collections": [], "fulfillments": [], "returns": [], "credit_lines": [],
            "payment_status": "not_paid", "total": 0, "billing_address": given["billing_address"],
            "email": given.get("email"), "level": level, "canceled_at": None,
        }  # fmt: skip
        return data({"draft_order": self.drafts[ref]})

    def _converted(self, ref: str) -> Reply:
        order = self.drafts.pop(ref, None)
        if order is None:
            return data({"type": "invalid_data", "message": f"Order {ref} is not a draft order"}, 400)
        order["level"]["reserved_quantity"] += 1
        self.orders[ref] = order | {"status": "pending", "updated_at": self._stamp()}
        return data({"order": self.orders[ref]})

    def _order_act(self, ref: str, act: str = "") -> Reply:
        order = self.orders.get(ref)
        if order is None:
            return data({"type": "not_found", "message": "none"}, 404)
        if act == "cancel":
            if order["fulfillments"]:
                text = "All fulfillments must be canceled before canceling an order"
                return data({"type": "not_allowed", "message": text}, 400)
            order["level"]["reserved_quantity"] -= 1
            at = self._stamp()
            order |= {"status": "canceled", "canceled_at": at, "updated_at": at}
        return data({"order": order})

    def sell_out(self, product_ref: str) -> None:
        self.restock(product_ref, 0)

    def send_off(self, order_ref: str) -> None:
        order, at = self.orders[order_ref], self._stamp()
        items = [{"quantity": item["quantity"], "line_item_id": item["id"]} for item in order["items"]]
        order["fulfillments"].append(
            {"id": self._id("ful"), "created_at": at, "updated_at": at, "delivered_at": None, "canceled_at": None,
             "items": items}
        )  # fmt: skip

    def _items(self) -> list[Doc]:
        return [
            {"id": item, "location_levels": [level], "variants": [
                {"id": v["id"], "product_id": v["product_id"], "updated_at": v["updated_at"],
                 "product": {"updated_at": p["updated_at"]}} for p in self.products.values() for v in p["variants"]
                if v["inventory_items"][0]["inventory_item_id"] == item]}
            for item, level in self.levels.items()
        ]  # fmt: skip

    def _payments(self) -> list[Doc]:
        return [
            {"id": payment["id"], "payment_collection": {"updated_at": collection["updated_at"], "order": {
                "id": order["id"], "display_id": order["display_id"], "created_at": order["created_at"]}}}
            for order in self.orders.values()
            for collection in order["payment_collections"]
            for payment in collection["payments"]
        ]  # fmt: skip

    def _list(self, request: Sent, name: str, rows: list[Doc]) -> Reply:
        given = dict(request.query)
        ids = [value for key, value in request.query if key == "id[]"]
        if ids:
            rows = [row for row in rows if row["id"] in ids]
        order = given.get("order", "id")
        rows = sorted(rows, key=lambda row: _value(row, order.lstrip("-")), reverse=order.startswith("-"))
        if not self.repeats:
            for key in ("updated_at", "created_at"):
                if f"{key}[$gte]" in given:
                    rows = [row for row in rows if row[key] >= given[f"{key}[$gte]"]]
                if f"{key}[$lt]" in given:
                    rows = [row for row in rows if row[key] < given[f"{key}[$lt]"]]
        start = 0 if self.repeats else int(given.get("offset", 0))
        limit = int(given.get("limit", 50))
        return data({name: rows[start : start + limit], "count": len(rows), "offset": start, "limit": limit})

    def _priced(self, request: Sent) -> Reply:
        ids = {value for key, value in request.query if key == "id[]"}
        rows = [
            {"id": ref, "variants": [
                {"id": v["id"], "calculated_price": {"calculated_amount": self.calculated[v["id"]][0],
                 "original_amount": self.calculated[v["id"]][1], "currency_code": self.currency.lower()}
                 if v["id"] in self.calculated else None} for v in product["variants"]]}
            for ref, product in self.products.items() if ref in ids and product["status"] == "published"
        ]  # fmt: skip
        return data({"products": rows})

    def _id(self, kind: str) -> str:
        self._next += 1
        return f"{kind}_{self._next:06}"

    def _stamp(self) -> str:
        return self.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _major(self, minor: int) -> float:
        return float(Decimal(money.text(minor, self.currency)))


def _value(row: Doc, path: str) -> Any:
    found: Any = row
    for step in path.split("."):
        found = found[0] if isinstance(found, list) else found
        found = found[step]
    return found
