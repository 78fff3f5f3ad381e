"""A small BigCommerce in memory, behind the `Http` port: what the calls of our folder need, by its documented rules.

It is strict: a call that the documentation doesn't have, or a parameter that it doesn't name, fails the test.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import SecretStr

from connector import money
from connector.conformance.answers import Reply
from connector.platforms.bigcommerce.samples import SAMPLES
from connector.platforms.bigcommerce.settings import BigCommerceSettings
from connector.platforms.contract import Client, Grant

API = Path(__file__).parent / "payloads" / "api"
VECTORS: dict[str, Any] = json.loads((API / "vectors.json").read_text())
SECRET: str = VECTORS["standard_webhook"]["client_secret"]
CLIENT_ID: str = VECTORS["callback_jwt"]["client_id"]
HASH = "demo1hash"
DOMAIN = f"store-{HASH}.mybigcommerce.com"
SCOPES = (
    "store_cart", "store_checkouts", "store_v2_information_read_only", "store_v2_orders_read_only",
    "store_v2_products_read_only", "store_v2_transactions_read_only",
)  # fmt: skip
USD = "USD"
STORE = f"/stores/{HASH}"
CART = "d30016e2-23c0-4a90-884f-2e92ac135476"


def settings(current: str = SECRET, previous: str = "", **given: Any) -> BigCommerceSettings:
    return BigCommerceSettings(
        _env_file=None, **{"env": "production", "client_id": CLIENT_ID, **given}, client_secret=SecretStr(current),
        client_secret_previous=SecretStr(previous),
    )  # fmt: skip


def sample(name: str) -> Any:
    return json.loads((API / f"{name}.json").read_text())


def reply(body: Any, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/json", **named})


def quota(left: int, of: int = 150, reset: int = 20_000) -> dict[str, str]:
    return {
        "X-Rate-Limit-Requests-Left": str(left), "X-Rate-Limit-Requests-Quota": str(of),
        "X-Rate-Limit-Time-Window-Ms": "30000", "X-Rate-Limit-Time-Reset-Ms": str(reset),
    }  # fmt: skip


class Budget:
    """Remembers what it was told; never waits."""

    def __init__(self) -> None:
        self.told: list[tuple[float, float, float]] = []
        self.asked = 0
        self.silent = 0

    def wait(self, cost: float) -> None:
        self.asked += 1

    def heard(self, available: float, maximum: float, restore_rate: float) -> None:
        self.told.append((available, maximum, restore_rate))

    def landed(self) -> None:
        self.silent += 1

    def served(self, version: str) -> None: ...


@dataclass
class Asked:
    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: Mapping[str, str]


_PAGED = {"limit", "page"}
_PRODUCTS = _PAGED | {"include", "include_fields", "sort", "direction", "id:in", "id:greater", "date_modified:min"}
_ORDERS = _PAGED | {"sort", "min_date_modified", "min_date_created", "max_date_created"}


class BigCommerce:
    """Products, orders, hooks and carts by id; pages of two, so that every walk turns a page."""

    PAGE = 2

    def __init__(self) -> None:
        self.info: dict[str, Any] = {
            "id": HASH, "name": "Lantern", "domain": "candles.example", "secure_url": "https://candles.example",
            "control_panel_base_url": f"https://{DOMAIN}", "country_code": "US", "currency": USD,
            "timezone": {"name": "America/Chicago"}, "is_price_entered_with_tax": False, "default_channel_id": 1,
            "store_id": 1009001, "admin_email": "ana@example.com",
        }  # fmt: skip
        self.products: dict[int, dict[str, Any]] = {}
        self.brands: dict[int, str] = {}
        self.orders: dict[int, dict[str, Any]] = {}
        self.lines: dict[int, list[dict[str, Any]]] = {}
        self.coupons: dict[int, list[dict[str, Any]]] = {}
        self.shipments: dict[int, list[dict[str, Any]]] = {}
        self.refunds: list[dict[str, Any]] = []
        self.metafields: dict[str, list[dict[str, Any]]] = {}
        self.hooks: dict[int, dict[str, Any]] = {}
        self.applied: list[tuple[str, str]] = []
        self.carts = 0
        self.included = 250  # variants that a product shows; the rest is on its own list
        self.token: dict[str, Any] = sample("token_reply")
        self.asked: list[Asked] = []
        self.answers: list[Any] = []  # given before anything is looked at; an exception is raised, None is passed over
        self.said: dict[str, str] = {}  # headers of every answer
        self.refused_scopes: set[str] = set()
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def send(self, method: str, url: str, *, body: bytes | None = None, headers: Any = None, **given: Any) -> Reply:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        asked = Asked(method, parts.path, query, json.loads(body) if body else None, headers or {})
        self.asked.append(asked)
        if self.answers and (first := self.answers.pop(0)) is not None:
            if isinstance(first, Exception):
                raise first
            return first
        if parts.netloc == "login.bigcommerce.com":
            assert (method, parts.path) == ("POST", "/oauth2/token")
            return reply(self.token)
        assert parts.netloc == "api.bigcommerce.com", url
        assert asked.headers["X-Auth-Token"]
        assert asked.headers["Accept"] == "application/json"
        assert parts.path.startswith(f"{STORE}/"), parts.path
        answer = self._answer(asked, parts.path.removeprefix(f"{STORE}/").split("/"))
        return replace(answer, headers={**answer.headers, **self.said})

    def _answer(self, asked: Asked, path: list[str]) -> Reply:
        match asked.method, path:
            case "GET", ["v2", "store"]:
                return reply(self.info)
            case "GET", ["v3", "catalog", "products"]:
                return self._products(asked.query)
            case "GET", ["v3", "catalog", "products", number, "variants"]:
                return self._page(self._variants(int(number)), asked.query, size=100)
            case "GET", ["v3", "catalog", "variants"]:
                assert set(asked.query) <= _PAGED | {"id", "include_fields"}
                every = [
                    {"id": each["id"], "product_id": number}
                    for number in self.products
                    for each in self._variants(number)
                ]
                return self._page([each for each in every if str(each["id"]) == asked.query["id"]], asked.query)
            case "GET", ["v3", "catalog", "brands"]:
                wanted = [int(each) for each in asked.query["id:in"].split(",")]
                return self._page(
                    [{"id": n, "name": name} for n, name in self.brands.items() if n in wanted], asked.query, size=250
                )
            case _, ["v3", "hooks", *more]:
                return self._hooks(asked, more)
            case _, ["v3", ("carts" | "checkouts") as kind, *more]:
                return self._carts(asked, kind, more)
            case "POST", ["v2", "orders"]:
                return self._placed(asked.body)
            case "PUT", ["v2", "orders", number]:
                assert set(asked.body) == {"status_id"}
                self.orders[int(number)] |= asked.body
                return reply(self.orders[int(number)])
            case "GET", ["v2", "orders"] if "external_order_id" in asked.query:
                assert asked.query["sort"] == "id:desc"
                wanted = asked.query["external_order_id"]
                rows = [each for each in self.orders.values() if each.get("external_order_id") == wanted]
                return self._rows(rows[::-1], asked.query, size=250)
            case "GET", ["v2", "orders"]:
                return self._orders(asked.query)
            case "GET", ["v2", "orders", number]:
                found = self.orders.get(int(number))
                return reply(found) if found else reply([{"status": 404, "message": "private words"}], 404)
            case "GET", ["v2", "orders", number, ("products" | "coupons" | "shipments") as kind]:
                assert set(asked.query) == _PAGED
                every = {"products": self.lines, "coupons": self.coupons, "shipments": self.shipments}[kind]
                return self._rows(every.get(int(number), []), asked.query, size=250)
            case "GET", ["v3", "orders", "payment_actions", "refunds"]:
                return self._refunds(asked.query)
            case _:
                raise AssertionError(f"nobody answers {asked.method} {asked.path}")

    def _placed(self, given: dict[str, Any]) -> Reply:
        """As documented: prices as they are given, an address by its fields; stock isn't looked at."""
        address = given["billing_address"]
        if address["country_iso2"] not in ("US", "GB", "DE"):
            text = "The field 'country_iso2' is invalid."
            return reply([{"status": 400, "message": text, "details": {"conflict_reason": "private words"}}], 400)
        number = max(self.orders, default=2000) + 1
        at = format_datetime(self.clock())
        self.orders[number] = {
            "id": number, "status_id": given["status_id"], "payment_status": "", "date_created": at,
            "date_modified": at, "default_currency_code": self.info["currency"], "customer_id": 0,
            "subtotal_ex_tax": "0.0000", "subtotal_inc_tax": "0.0000", "total_inc_tax": "0.0000",
            "total_tax": "0.0000", "discount_amount": "0.0000", "coupon_discount": "0.0000", "items_shipped": 0,
            "cart_id": None, **{name: given[name] for name in
            ("payment_method", "external_order_id", "staff_notes", "billing_address")},
        }  # fmt: skip
        self.lines[number] = [
            {"id": number * 10 + n, "name": "Thing", "type": "physical", "total_ex_tax": "0.0000",
             "total_inc_tax": "0.0000", "total_tax": "0.0000", "quantity_refunded": 0, "applied_discounts": [],
             **row, "price_ex_tax": f"{row['price_ex_tax']:.4f}", "price_inc_tax": f"{row['price_inc_tax']:.4f}"}
            for n, row in enumerate(given["products"])
        ]  # fmt: skip
        return reply(self.orders[number], 201)

    def _rows(self, every: Sequence[Any], query: Mapping[str, str], size: int) -> Reply:
        """A v2 list: a page behind the last, and an empty list, are 204 without a body."""
        size = min(size, int(query["limit"]))
        start = (int(query["page"]) - 1) * size
        page = every[start : start + size]
        return reply(list(page)) if page else Reply(204, b"", {})

    def _page(self, every: Sequence[Any], query: Mapping[str, str], size: int | None = None) -> Reply:
        size = min(size or self.PAGE, int(query["limit"]))
        number = int(query.get("page", 1))
        page = list(every)[(number - 1) * size : number * size]
        pages = -(-len(every) // size)
        numbers = {
            "total": len(every), "count": len(page), "per_page": size, "current_page": number, "total_pages": pages,
        }  # fmt: skip
        return reply({"data": page, "meta": {"pagination": numbers}})

    def _products(self, query: dict[str, str]) -> Reply:
        assert set(query) <= _PRODUCTS, query
        assert query.get("include") in (None, "variants,images")
        found = list(self.products.values())
        if "id:in" in query:
            wanted = [int(each) for each in query["id:in"].split(",")]
            return self._page([self._shown(each) for each in found if each["id"] in wanted], query, size=250)
        if (since := query.get("date_modified:min")) is not None:
            assert len(since) == len("2025-11-01T12:30:05Z"), "to a bare date the time of the request is added"
            found = [each for each in found if _iso(each["date_modified"]) >= _iso(since)]
        found = [each for each in found if each["id"] > int(query.get("id:greater", 0))]
        found.sort(key=lambda each: (each[query["sort"]], each["id"]), reverse=query["direction"] == "desc")
        return self._page([self._shown(each) for each in found], query)

    def _shown(self, product: dict[str, Any]) -> dict[str, Any]:
        return {**product, "variants": product["variants"] and product["variants"][: self.included]}

    def _variants(self, number: int) -> list[dict[str, Any]]:
        variants: list[dict[str, Any]] = self.products[number]["variants"]
        return variants

    def _orders(self, query: dict[str, str]) -> Reply:
        assert set(query) <= _ORDERS, query
        by, _, direction = query["sort"].partition(":")
        assert direction == "asc"
        found = sorted(self.orders.values(), key=lambda each: (parsedate_to_datetime(each[by]), each["id"]))
        for name, value in query.items():
            if name.startswith("min_"):
                found = [e for e in found if parsedate_to_datetime(e[name.removeprefix("min_")]) >= _iso(value)]
            if name.startswith("max_"):
                found = [e for e in found if parsedate_to_datetime(e[name.removeprefix("max_")]) <= _iso(value)]
        return self._rows(found, query, size=250)

    def _refunds(self, query: dict[str, str]) -> Reply:
        assert set(query) <= _PAGED | {"order_id:in", "created:min"}, query
        found = self.refunds
        if "order_id:in" in query:
            wanted = [int(each) for each in query["order_id:in"].split(",")]
            found = [each for each in found if each["order_id"] in wanted]
        if "created:min" in query:
            found = [each for each in found if _iso(each["created"]) >= _iso(query["created:min"])]
        return self._page(sorted(found, key=lambda each: each["id"]), query, size=250)

    def _hooks(self, asked: Asked, more: list[str]) -> Reply:
        if asked.method == "GET":
            return self._page(list(self.hooks.values()), asked.query)
        if asked.body and asked.body.get("scope") in self.refused_scopes:
            return reply({"status": 403, "title": "private words"}, 403)
        if asked.method == "POST":
            same = [h for h in self.hooks.values() if (h["scope"], h["destination"]) == _hook_key(asked.body)]
            if same:
                return reply({"status": 422, "title": "taken"}, 422)
            number = len(self.hooks) + 1001
            self.hooks[number] = {"id": number, "client_id": CLIENT_ID, "store_hash": HASH, **asked.body}
            return reply({"data": self.hooks[number], "meta": {}})
        hook = self.hooks[int(more[0])]
        if asked.method == "PUT":
            hook |= asked.body
        else:
            assert asked.method == "DELETE"
            del self.hooks[int(more[0])]
        return reply({"data": hook})

    def _carts(self, asked: Asked, kind: str, more: list[str]) -> Reply:
        match asked.method, kind, more:
            case "POST", "carts", []:
                assert asked.query == {"include": "redirect_urls"}
                self.carts += 1
                cart = f"{self.carts:08d}{CART[8:]}"
                self.metafields[cart] = []
                urls = {
                    "cart_url": f"https://candles.example/cart.php?action=load&id={cart}",
                    "checkout_url": f"https://candles.example/cart.php?action=loadInCheckout&id={cart}&token=once",
                }
                return reply({"data": {"id": cart, "redirect_urls": urls}, "meta": {}}, 201)
            case "POST", "carts", [cart, "metafields"]:
                self.metafields[cart].append(asked.body)
                return reply({"data": asked.body, "meta": {}})
            case "GET", "carts", [cart, "metafields"]:
                assert set(asked.query) == _PAGED | {"namespace"}
                found = [f for f in self.metafields.get(cart, []) if f["namespace"] == asked.query["namespace"]]
                return self._page(found, asked.query)
            case "POST", "checkouts", [cart, "coupons"]:
                self.applied.append((cart, asked.body["coupon_code"]))
                return reply({"data": {"id": cart}, "meta": {}})
            case _:
                raise AssertionError(f"nobody answers {asked.method} {asked.path}")


def _hook_key(body: dict[str, Any]) -> tuple[str, str]:
    return body["scope"], body["destination"]


def _iso(text: str) -> datetime:
    return datetime.fromisoformat(text)


def client(store: Any, **given: Any) -> Client:
    grant = Grant(access_token="tok-secret", scopes=given.pop("scopes", SCOPES), details={"channel": "1"})  # noqa: S106
    values: dict[str, Any] = {"domain": DOMAIN, "currency": USD, "grant": grant, "budget": Budget()}
    return Client(http=store, **(values | {"settings": settings()} | given))


def sold(store: BigCommerce, token: str = "", **changes: Any) -> int:
    """The sheets' story: two candles at 40.00, a coupon of ten per cent, tax on top, paid."""
    order = {**sample("order"), **changes}
    store.orders[order["id"]] = order
    store.lines[order["id"]] = sample("order_products")
    store.coupons[order["id"]] = [
        {"id": 3, "coupon_id": 1, "order_id": 250, "code": "MAYA10", "amount": 10, "type": 1, "discount": 8}
    ]
    if token:
        store.metafields[CART] = [touch(token)]
    return int(order["id"])


def touch(token: str, namespace: str = "connector", key: str = "touch") -> dict[str, Any]:
    return {"permission_set": "app_only", "namespace": namespace, "key": key, "value": token}


def candle(store: BigCommerce) -> dict[str, Any]:
    product: dict[str, Any] = sample("products_page")["data"][0]
    store.products[product["id"]] = product
    return product


def item(kind: str, number: int, amount: Any = None, quantity: int | None = None) -> dict[str, Any]:
    return {"item_type": kind, "item_id": number, "requested_amount": amount, "quantity": quantity, "reason": ""}


def refunded(
    store: BigCommerce, number: int, *items: dict[str, Any], total: Any = 0, tax: Any = 0, of: int = 250,
    created: str = "2025-11-22T20:00:00+00:00", declined: Sequence[bool] = (False,),
) -> None:  # fmt: skip
    payments = [
        {"id": number * 10 + n, "provider_id": "braintree", "amount": total, "offline": False, "is_declined": bad}
        for n, bad in enumerate(declined)
    ]
    store.refunds.append(
        {"id": number, "order_id": of, "created": created, "total_amount": total, "total_tax": tax,
         "items": list(items), "payments": payments}
    )  # fmt: skip


class Shop:
    """`conformance.StandIn` over the BigCommerce above; its clock goes on by a second with each act."""

    def __init__(self, currency: str) -> None:
        self.store = BigCommerce()
        self.store.info["currency"] = currency
        self.currency = currency
        self.store.clock = self.now
        self.client = client(self.store, currency=currency, scopes=(*SCOPES, *SAMPLES))
        self._now = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
        self._made = 1000

    def now(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now

    def product(self, title: str, prices: Sequence[int]) -> str:
        number = self._number()
        self.store.products[number] = {
            "id": number, "name": title, "type": "physical", "price": self._price(prices[0]), "is_visible": True,
            "availability": "available", "inventory_tracking": "none", "date_modified": self._text(),
            "custom_url": {"url": f"/{number}/"}, "images": [], "variants": [
                {"id": self._number(), "sku": f"S{n}", "price": self._price(price), "option_values": [],
                 "calculated_price": self._price(price)}
                for n, price in enumerate(prices)
            ],
        }  # fmt: skip
        return str(number)

    def reprice(self, product_ref: str, price: int) -> None:
        product = self.store.products[int(product_ref)]
        product["date_modified"] = self._text()
        product["variants"][0] |= {"price": self._price(price), "calculated_price": self._price(price)}

    def delete(self, product_ref: str) -> None:
        self.now()
        del self.store.products[int(product_ref)]

    def order(self, product_ref: str, quantity: int, token: str) -> str:
        product = self.store.products[int(product_ref)]
        variant, number, at = product["variants"][0], self._number(), format_datetime(self.now())
        cart = f"{number:08d}{CART[8:]}"
        each = f"{variant['price']:.4f}"
        total = f"{variant['price'] * quantity:.4f}"
        self.store.orders[number] = {
            "id": number, "status_id": 11, "payment_status": "captured", "payment_method": "Credit Card",
            "date_created": at, "date_modified": at, "default_currency_code": self.currency, "customer_id": 0,
            "subtotal_ex_tax": total, "subtotal_inc_tax": total, "total_inc_tax": total, "total_tax": "0.0000",
            "discount_amount": "0.0000", "coupon_discount": "0.0000", "items_shipped": 0, "cart_id": cart,
        }  # fmt: skip
        self.store.lines[number] = [
            {"id": self._number(), "product_id": product["id"], "variant_id": variant["id"], "name": product["name"],
             "type": "physical", "quantity": quantity, "price_ex_tax": each, "price_inc_tax": each,
             "total_ex_tax": total, "total_inc_tax": total, "total_tax": "0.0000", "quantity_refunded": 0,
             "applied_discounts": []},
        ]  # fmt: skip
        self.store.metafields[cart] = [touch(token)]
        return str(number)

    def refund(self, order_ref: str, units: int) -> None:
        order, line = self.store.orders[int(order_ref)], self.store.lines[int(order_ref)][0]
        amount = float(line["price_ex_tax"]) * units
        line["quantity_refunded"] += units
        refunded(
            self.store, self._number(), item("PRODUCT", line["id"], amount, units), total=amount, of=order["id"],
            created=self._text(),
        )  # fmt: skip
        order |= {
            "status_id": 4 if line["quantity_refunded"] >= line["quantity"] else 14,
            "date_modified": format_datetime(self.now()),
        }

    def cancel(self, order_ref: str) -> None:
        order = self.store.orders[int(order_ref)]
        order |= {"status_id": 5, "date_modified": format_datetime(self.now())}

    def sell_out(self, product_ref: str) -> None:
        product = self.store.products[int(product_ref)]
        product |= {"inventory_tracking": "variant", "date_modified": self._text()}
        product["variants"][0]["inventory_level"] = 0

    def send_off(self, order_ref: str) -> None:
        line, at = self.store.lines[int(order_ref)][0], format_datetime(self.now())
        self.store.orders[int(order_ref)] |= {"status_id": 2, "items_shipped": 1, "date_modified": at}
        self.store.shipments[int(order_ref)] = [
            {"id": self._number(), "date_created": at, "items": [{"order_product_id": line["id"], "quantity": 1}]}
        ]

    def busy(self, answers: int) -> None:
        self.store.answers = [Reply(429, b"{}", quota(0, reset=10)) for _ in range(answers)]

    def _price(self, minor: int) -> int | float:
        """A JSON number, as the catalog has it."""
        digits = money.exponent(self.currency)
        return minor if digits == 0 else round(minor / 10**digits, digits)

    def _number(self) -> int:
        self._made += 1
        return self._made

    def _text(self) -> str:
        return self.now().isoformat()
