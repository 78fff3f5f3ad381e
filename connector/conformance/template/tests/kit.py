"""A store of Example in memory, behind the `Http` port, and the suite's stand-in over it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from connector import money
from connector.conformance.answers import Reply
from connector.conformance.template.platform.settings import ExampleSettings
from connector.platforms.contract import Client, Grant
from connector.platforms.rest import NoBudget

DOMAIN = "sample.shops.example"
PAGE = 2


class Store:
    """Answers as Example does: pages of two, decimal texts, 429 when it is busy."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.products: dict[str, dict[str, Any]] = {}
        self.orders: dict[str, dict[str, Any]] = {}
        self.busy = 0
        self.sold_out: set[str] = set()
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def send(self, method: str, url: str, **given: Any) -> Reply:
        if self.busy:
            self.busy -= 1
            return Reply(429, b"{}", {"retry-after": "0"})
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query))
        match parts.path:
            case "/api/shop":
                return _reply({"id": "1", "name": "Sample", "currency": self.currency})
            case "/api/products":
                return self._list("products", self.products, query)
            case "/api/orders" if method == "POST":
                return self._placed(json.loads(given["body"]))
            case "/api/orders" if "reference" in query:
                found = [o for o in self.orders.values() if o.get("reference") == query["reference"]]
                return _reply({"orders": found})
            case "/api/orders":
                return self._list("orders", self.orders, query)
            case path if path.endswith("/cancel"):
                order = self.orders[path.split("/")[3]]
                if not order.get("sent"):
                    order["status"] = "cancelled"
                return _reply(order)
            case _:
                return Reply(404, b"{}")

    def _placed(self, asked: dict[str, Any]) -> Reply:
        """One order a reference, whatever is asked the second time."""
        known = next((o for o in self.orders.values() if o.get("reference") == asked["reference"]), None)
        if known is not None:
            return _reply(known)
        wanted = asked["lines"][0]["variant"]
        of = {v["id"]: p["id"] for p in self.products.values() for v in p["variants"]}
        problem = "" if wanted in of else "variant"
        problem = "stock" if wanted in self.sold_out else problem
        problem = problem if asked["ship_to"]["country"] in ("US", "GB") else "ship_to.country"
        if problem:
            return Reply(422, json.dumps({"field": problem}).encode())
        ref, at = f"s{len(self.orders) + 1}", self.clock().isoformat()
        self.orders[ref] = {
            "id": ref, "number": f"#{ref}", "created_at": at, "changed_at": at, "currency": self.currency,
            "status": "paid", "refunds": [], "notes": asked["notes"], "reference": asked["reference"],
            "lines": [{"id": "1", "product": of[wanted], **asked["lines"][0]}],
        }  # fmt: skip
        return _reply(self.orders[ref])

    def _list(self, name: str, rows: dict[str, dict[str, Any]], query: dict[str, str]) -> Reply:
        if "ids" in query:
            return _reply({name: [rows[ref] for ref in query["ids"].split(",") if ref in rows]})
        if query["page"] == "newest":
            return _reply({name: sorted(rows.values(), key=lambda row: str(row["changed_at"]))[-1:]})
        found = [
            row
            for row in rows.values()
            if row["changed_at"] >= query.get("changed_after", "")
            and query.get("placed_after", "") <= row.get("created_at", "") < query.get("placed_before", "9")
        ]
        start = (int(query["page"]) - 1) * PAGE
        more = str(int(query["page"]) + 1) if start + PAGE < len(found) else None
        return _reply({name: found[start : start + PAGE], "next": more})


def _reply(body: Any) -> Reply:
    return Reply(200, json.dumps(body).encode())


class Shop:
    """`conformance.StandIn`: one empty store, driven as a merchant and buyers would."""

    def __init__(self, currency: str) -> None:
        self.store = Store(currency)
        settings = ExampleSettings.model_validate({"env": "production"})
        self.client = Client(DOMAIN, currency, Grant("ex_access-secret-word"), self.store, NoBudget(), settings)
        self.store.clock = self.now
        self._now = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
        self._made = 0

    def now(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now

    def product(self, title: str, prices: Sequence[int]) -> str:
        ref = self._ref("p")
        variants = [{"id": f"{ref}-{number}", "price": self._text(price)} for number, price in enumerate(prices)]
        self.store.products[ref] = {"id": ref, "title": title, "changed_at": self._at(), "variants": variants}
        return ref

    def reprice(self, product_ref: str, price: int) -> None:
        product = self.store.products[product_ref]
        product["variants"][0]["price"] = self._text(price)
        product["changed_at"] = self._at()

    def delete(self, product_ref: str) -> None:
        del self.store.products[product_ref]

    def order(self, product_ref: str, quantity: int, token: str) -> str:
        ref, at = self._ref("o"), self._at()
        variant = self.store.products[product_ref]["variants"][0]
        line = {"id": "1", "quantity": quantity, "price": variant["price"], "product": product_ref}
        self.store.orders[ref] = {
            "id": ref, "number": f"#{ref}", "created_at": at, "changed_at": at, "currency": self.store.currency,
            "status": "paid", "lines": [line | {"variant": variant["id"]}], "refunds": [],
            "notes": {"connector_touch": token},
        }  # fmt: skip
        return ref

    def refund(self, order_ref: str, units: int) -> None:
        order = self.store.orders[order_ref]
        line = order["lines"][0]
        price = money.parse(line["price"], self.store.currency)
        ref = self._ref("r")
        back = {"id": f"{ref}-1", "line": line["id"], "quantity": units, "amount": self._text(price * units)}
        order["refunds"].append({"id": ref, "created_at": self._at(), "lines": [back]})
        order["changed_at"] = self._at()
        if sum(each["lines"][0]["quantity"] for each in order["refunds"]) == line["quantity"]:
            order["status"] = "refunded"

    def cancel(self, order_ref: str) -> None:
        self.refund(order_ref, self.store.orders[order_ref]["lines"][0]["quantity"])
        self.store.orders[order_ref]["status"] = "cancelled"

    def sell_out(self, product_ref: str) -> None:
        self.store.sold_out.add(self.store.products[product_ref]["variants"][0]["id"])

    def send_off(self, order_ref: str) -> None:
        self.store.orders[order_ref] |= {"sent": True, "changed_at": self._at()}

    def busy(self, answers: int) -> None:
        self.store.busy = answers

    def _ref(self, kind: str) -> str:
        self._made += 1
        return f"{kind}{self._made}"

    def _at(self) -> str:
        return self.now().isoformat()

    def _text(self, price: int) -> str:
        return money.text(price, self.store.currency)
