"""What WooCommerce's tests share: settings, a budget that never waits, and a store in memory behind the `Http` port.

`Shop` answers by the rules of the fact sheet's sections 2 to 6 (seen on WooCommerce 9.5.1): authentication and its odd
401s, pages, `modified_after` in naive UTC, `_fields`, refunds, webhooks with their ping. Its oddities are named below.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from connector import money
from connector.conformance.answers import Reply
from connector.platforms.contract import Client, Grant
from connector.platforms.rest import NoBudget
from connector.platforms.woocommerce.oauth1 import signed
from connector.platforms.woocommerce.settings import WooCommerceSettings

PAYLOADS = Path(__file__).parent / "payloads"
DOMAIN = "lanternandloom.example"
KEY, SECRET_KEY = "ck_" + "0" * 40, "cs_" + "1" * 40
SECRET = "made-up-woo-secret-01"
TOKEN = "t1abcdefghij012345ABCDEFGHIJ-_6789"
HOOK = "https://connector.example/webhooks/woocommerce/k3y"


def make_settings(**given: Any) -> WooCommerceSettings:
    """Settings of exactly these values: neither the environment's nor a file's."""
    return WooCommerceSettings(_env_file=None, **{"env": "production", **given})


def recorded(name: str) -> bytes:
    return (PAYLOADS / name).read_bytes()


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
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))


def data(value: Any, status: int = 200, **headers: str) -> Reply:
    """As PHP writes JSON: slashes and all beyond ASCII are escaped."""
    text = json.dumps(value).replace("/", "\\/")
    return Reply(status, text.encode(), {"Content-Type": "application/json; charset=UTF-8", **headers})


def page(text: str = "<!doctype html><p>Hello</p>", status: int = 200, **headers: str) -> Reply:
    return Reply(status, text.encode(), {"Content-Type": "text/html", **headers})


def error(status: int, code: str) -> Reply:
    return data({"code": code, "message": "In the store's language.", "data": {"status": status}}, status)


class Script:
    """A way out that gives prepared answers in order, or what a function makes of the request."""

    def __init__(self, *replies: Any) -> None:
        self.replies = list(replies)
        self.sent: list[Sent] = []

    def send(self, method: str, url: str, **given: Any) -> Any:
        request = Sent(method, url, given.get("headers") or {}, given.get("body"))
        self.sent.append(request)
        reply = self.replies[0] if callable(self.replies[0]) else self.replies.pop(0)
        reply = reply(request) if callable(reply) else reply
        if isinstance(reply, Exception):
            raise reply
        return reply


def make_client(http: Any, **given: Any) -> Client:
    details = given.pop("details", {})
    grant = Grant(f"{KEY}:{SECRET_KEY}", scopes=given.pop("scopes", ("read", "write")), details=details)
    values: dict[str, Any] = {"domain": DOMAIN, "currency": "USD", "grant": grant, "budget": NoBudget()}
    return Client(http=http, **(values | {"settings": make_settings()} | given))


class Shop:
    """One store. Oddities are attributes, set by the test that wants them.

    strips      the host drops the Authorization header
    rights      what the key may do: "read", "write", "read_write"
    user        "ok", or "demoted": the key's user lacks every right
    unseen      a proxy in front ends TLS: the store takes each call for one by http, whatever its own address says
    slash       resources redirect to themselves with a slash
    front       put in front of the JSON of every answer (a byte-order mark, PHP's notices)
    """

    def __init__(self, currency: str = "USD", domain: str = DOMAIN) -> None:
        self.currency, self.domain, self.scheme = currency, domain, "https"
        self.digits = money.exponent(currency)
        self.version = "9.5.1"
        self.strips = self.unseen = self.slash = False
        self.rights, self.user, self.front = "read_write", "ok", b""
        self.keys = (KEY, SECRET_KEY)
        self.namespaces = ["oembed/1.0", "wc/v3", "wp/v2"]
        self.products: dict[int, dict[str, Any]] = {}
        self.variations: dict[int, list[dict[str, Any]]] = {}
        self.orders: dict[int, dict[str, Any]] = {}
        self.refunds: dict[int, list[dict[str, Any]]] = {}
        self.webhooks: dict[int, dict[str, Any]] = {}
        self.sent: list[Sent] = []
        self.pings: list[tuple[str, int]] = []
        self.before: Callable[[Sent], Reply | None] = lambda request: None
        self._nonces: set[str] = set()
        self._next, self._at, self._busy = 100, datetime(2026, 11, 20, 15, tzinfo=UTC), 0

    # --- as the suite drives it ---------------------------------------------------------------------------------------

    @property
    def client(self) -> Client:
        return make_client(self, domain=self.domain, currency=self.currency)

    def now(self) -> datetime:
        self._at += timedelta(seconds=1)
        return self._at

    def product(self, title: str, prices: Sequence[int], **given: Any) -> str:
        template = json.loads(recorded("product.simple.json"))
        number, at = self._id(), self._stamp()
        made = template | {
            "id": number, "name": title, "slug": title.lower(), "date_modified_gmt": at, "sku": "", "on_sale": False,
            "price": self._text(prices[0]), "regular_price": self._text(prices[0]), "sale_price": "",
            "manage_stock": False, "stock_quantity": None, "permalink": f"https://{self.domain}/product/{number}/",
        }  # fmt: skip
        if len(prices) > 1:
            made |= {"type": "variable", "regular_price": "", "attributes": [
                {"id": 0, "name": "Size", "slug": "Size", "position": 0, "visible": True, "variation": True,
                 "options": [str(i) for i in range(len(prices))]}
            ]}  # fmt: skip
            row = json.loads(recorded("api/variations.json"))[0]
            self.variations[number] = [
                row | {
                    "id": self._id(), "price": self._text(price), "regular_price": self._text(price), "menu_order": i,
                    "attributes": [{"id": 0, "name": "Size", "slug": "size", "option": str(i)}], "parent_id": number,
                }
                for i, price in enumerate(prices)
            ]  # fmt: skip
            made["variations"] = [each["id"] for each in self.variations[number]]
        self.products[number] = made | given
        return str(number)

    def reprice(self, product_ref: str, price: int) -> None:
        """Saving a variation saves its parent, which so has a new change time."""
        number = int(product_ref)
        row = self.variations[number][0] if number in self.variations else self.products[number]
        row["price"] = row["regular_price"] = self._text(price)
        self.products[number]["date_modified_gmt"] = self._stamp()

    def delete(self, product_ref: str) -> None:
        del self.products[int(product_ref)]

    def order(self, product_ref: str, quantity: int, token: str) -> str:
        template = json.loads(recorded("order.story.json"))
        product, number, at = self.products[int(product_ref)], self._id(), self._stamp()
        variation = self.variations.get(product["id"], [product])[0]
        each = money.parse(variation["price"], self.currency)
        line = template["line_items"][0] | {
            "id": self._id(), "product_id": product["id"], "quantity": quantity,
            "variation_id": variation["id"] if variation is not product else 0,
            "subtotal": self._text(each * quantity), "total": self._text(each * quantity), "subtotal_tax": "",
            "total_tax": "", "taxes": [],
        }  # fmt: skip
        attribution = "_wc_order_attribution_"
        self.orders[number] = template | {
            "id": number, "number": str(number), "currency": self.currency, "line_items": [line], "coupon_lines": [],
            "fee_lines": [], "shipping_lines": [], "refunds": [], "total": self._text(each * quantity),
            "shipping_total": "", "date_created_gmt": at, "date_modified_gmt": at, "date_paid_gmt": at,
            "meta_data": [
                {"id": 1, "key": f"{attribution}utm_content", "value": token},
                {"id": 2, "key": f"{attribution}session_entry",
                 "value": f"https://{self.domain}/product/x/?utm_source=connector&utm_content={token}"},
            ],
        }  # fmt: skip
        return str(number)

    def refund(self, order_ref: str, units: int) -> None:
        order = self.orders[int(order_ref)]
        line = order["line_items"][0]
        each = money.parse(line["total"], self.currency) // line["quantity"]
        self.give_back(
            order_ref, each * units,
            [{"id": self._id(), "quantity": -units, "total": self._text(-each * units), "total_tax": "",
              "meta_data": [{"id": 1, "key": "_refunded_item_id", "value": str(line["id"])}]}],
        )  # fmt: skip

    def give_back(self, order_ref: str, amount: int, lines: Sequence[dict[str, Any]] = ()) -> int:
        order, at, number = self.orders[int(order_ref)], self._stamp(), self._id()
        kept = self.refunds.setdefault(order["id"], [])
        kept.append(
            {"id": number, "date_created_gmt": at, "amount": self._text(amount), "line_items": list(lines),
             "shipping_lines": [], "fee_lines": []}
        )  # fmt: skip
        order["refunds"] = [{"id": number, "reason": "", "total": self._text(-amount)}, *order["refunds"]]
        order["date_modified_gmt"] = at
        given = sum(money.parse(each["amount"], self.currency) for each in kept)
        if given >= money.parse(order["total"], self.currency):
            order["status"] = "refunded"
        return number

    def delete_refund(self, order_ref: str, refund_id: int) -> None:
        """The order's change time stays, and nothing is posted."""
        order = self.orders[int(order_ref)]
        order["refunds"] = [each for each in order["refunds"] if each["id"] != refund_id]
        self.refunds[order["id"]] = [each for each in self.refunds[order["id"]] if each["id"] != refund_id]

    def cancel(self, order_ref: str) -> None:
        self.orders[int(order_ref)] |= {"status": "cancelled", "date_modified_gmt": self._stamp()}

    def sell_out(self, product_ref: str) -> None:
        number = int(product_ref)
        row = self.variations[number][0] if number in self.variations else self.products[number]
        row["stock_status"] = "outofstock"

    def send_off(self, order_ref: str) -> None:
        at = self._stamp()
        self.orders[int(order_ref)] |= {"status": "completed", "date_completed_gmt": at, "date_modified_gmt": at}

    def busy(self, answers: int) -> None:
        self._busy = answers

    # --- as it answers ------------------------------------------------------------------------------------------------

    def send(self, method: str, url: str, **given: Any) -> Reply:
        request = Sent(method, url, given.get("headers") or {}, given.get("body"))
        self.sent.append(request)
        if self._busy:
            self._busy -= 1
            return Reply(429, b"slow down", {"Retry-After": "0"})
        reply = self.before(request) or self._answer(request)
        if self.front and reply.content[:1] in (b"{", b"["):
            reply = Reply(reply.status, self.front + reply.content, {"Content-Type": "text/html"})
        return reply

    def _answer(self, request: Sent) -> Reply:
        path = request.path.partition("/wp-json")[2]
        if "/wp-json" not in request.path:
            return page()
        if path in ("", "/"):
            scheme = self.scheme
            return data({"name": "Lantern &amp; Loom", "url": f"{scheme}://{self.domain}",
                         "home": f"{scheme}://{self.domain}", "namespaces": self.namespaces,
                         "timezone_string": "America/New_York", "gmt_offset": "-5"})  # fmt: skip
        if "wc/v3" not in self.namespaces:
            return error(404, "rest_no_route")
        if self.slash and not path.endswith("/"):
            if request.method != "GET":
                return Reply(301, b"", {"Location": request.url.replace(path, path + "/")})
            request = Sent("GET", request.url, request.headers, None)  # followed, as the way out does
        refused = self._refused(request)
        return refused or self._resource(request, path.removeprefix("/wc/v3").strip("/"))

    def _refused(self, request: Sent) -> Reply | None:
        key, secret = "", ""
        query = request.query
        header = request.headers.get("Authorization", "")
        if self.unseen:
            if "oauth_consumer_key" not in query:
                return error(401, "woocommerce_rest_cannot_view")
            told = [(k, v) for k, v in parse_qsl(urlsplit(request.url).query) if not k.startswith("oauth_")]
            host = self.domain.partition("/")[0]
            right = signed(request.method, f"http://{host}{request.path}", told, *self.keys,
                           nonce=query["oauth_nonce"], at=int(query["oauth_timestamp"]))  # fmt: skip
            wrong = dict(right)["oauth_signature"] != query["oauth_signature"]
            if query["oauth_consumer_key"] != self.keys[0] or wrong or query["oauth_nonce"] in self._nonces:
                return error(401, "woocommerce_rest_authentication_error")
            self._nonces.add(query["oauth_nonce"])
            key, secret = self.keys
        elif "consumer_key" in query:
            key, secret = query["consumer_key"], query["consumer_secret"]
        elif header.startswith("Basic ") and not self.strips:
            key, _, secret = base64.b64decode(header[6:]).decode().partition(":")
        if key != self.keys[0]:
            return error(401, "woocommerce_rest_cannot_view")
        if secret != self.keys[1]:
            return error(401, "woocommerce_rest_authentication_error")
        if (self.rights == "read" and request.method != "GET") or (self.rights == "write" and request.method == "GET"):
            return error(401, "woocommerce_rest_authentication_error")
        return error(403, "woocommerce_rest_cannot_view") if self.user == "demoted" else None

    def _resource(self, request: Sent, path: str) -> Reply:
        parts = path.split("/")
        match parts:
            case ["products"]:
                return self._list(request, list(self.products.values()))
            case ["products", number, "variations"]:
                return self._list(request, self.variations.get(int(number), []))
            case ["products", number]:
                every = {each["id"]: each for rows in self.variations.values() for each in rows} | self.products
                return self._one(request, every.get(int(number)), "product")
            case ["data", "countries", code]:
                known = code in ("us", "de", "gb")
                return data({"code": code.upper()}) if known else error(404, "woocommerce_rest_data_invalid_location")
            case ["orders"] if request.method == "POST":
                return self._placed(request)
            case ["orders", number] if request.method == "PUT":
                self.orders[int(number)] |= json.loads(request.body or b"{}")
                self.orders[int(number)]["date_modified_gmt"] = self._stamp()
                return self._one(request, self.orders[int(number)], "shop_order")
            case ["orders"]:
                return self._list(request, [each for each in self.orders.values() if each["status"] != "trash"])
            case ["orders", number, "refunds"]:
                return self._list(request, self.refunds.get(int(number), []))
            case ["orders", number]:
                return self._one(request, self.orders.get(int(number)), "shop_order")
            case ["settings", "general"]:
                return data([
                    {"id": "woocommerce_currency", "value": self.currency},
                    {"id": "woocommerce_default_country", "value": "US:OR"},
                    {"id": "woocommerce_price_num_decimals", "value": str(self.digits)},
                ])  # fmt: skip
            case ["settings", "tax"]:
                return data([{"id": "woocommerce_prices_include_tax", "value": "no"}])
            case ["system_status"]:
                return data({"environment": {"version": self.version}})
            case ["webhooks", *rest]:
                return self._hooks(request, rest)
        return error(404, "rest_no_route")

    def _placed(self, request: Sent) -> Reply:
        """As a real one: prices as they are given; neither stock nor product is looked at, an e-mail address is."""
        given = json.loads(request.body or b"{}")
        if "@" not in given["billing"].get("email", "a@b"):
            return error(400, "rest_invalid_param")
        template, number, at = json.loads(recorded("order.story.json")), self._id(), self._stamp()
        lines = [
            template["line_items"][0] | {"id": self._id(), "variation_id": 0, "subtotal_tax": "0", "total_tax": "0",
                                         "taxes": [], **row}
            for row in given["line_items"]
        ]  # fmt: skip
        self.orders[number] = template | {
            "id": number, "number": str(number), "currency": self.currency, "line_items": lines, "coupon_lines": [],
            "fee_lines": [], "shipping_lines": [], "refunds": [], "total": "0", "shipping_total": "0",
            "date_created_gmt": at, "date_modified_gmt": at, "date_paid_gmt": at if given["set_paid"] else None,
            "date_completed_gmt": None, "status": "processing", "billing": given["billing"],
            "meta_data": [{"id": n, **row} for n, row in enumerate(given["meta_data"], 1)],
        }  # fmt: skip
        return data(self._cut(request, self.orders[number]), 201)

    def _one(self, request: Sent, found: dict[str, Any] | None, kind: str) -> Reply:
        if found is None:
            return error(404, f"woocommerce_rest_{kind}_invalid_id")
        return data(self._cut(request, found))

    def _list(self, request: Sent, rows: list[dict[str, Any]]) -> Reply:
        query = request.query
        size = int(query.get("per_page", 10))
        if size > 100:
            return error(400, "rest_invalid_param")
        if "include" in query:
            wanted = set(query["include"].split(","))
            rows = [each for each in rows if str(each["id"]) in wanted]
        for name, key, later in (
            ("modified_after", "date_modified_gmt", True), ("after", "date_created_gmt", True),
            ("before", "date_created_gmt", False),
        ):  # fmt: skip
            if name in query:
                text = query[name]
                assert query.get("dates_are_gmt") == "true", "read as the store's local time"
                assert len(text) == 19, "with a zone and the flag it is converted twice"
                rows = [each for each in rows if (each[key] > text if later else each[key] < text)]
        order = {"modified": "date_modified_gmt", "id": "id"}.get(query.get("orderby", "date"), "id")
        rows = sorted(rows, key=lambda each: (each[order], each["id"]), reverse=query.get("order", "desc") == "desc")
        start = int(query.get("offset", (int(query.get("page", 1)) - 1) * size))
        found = [self._cut(request, each) for each in rows[start : start + size]]
        return data(found, **{"X-WP-Total": str(len(rows)), "X-WP-TotalPages": str(-(-len(rows) // size))})

    def _cut(self, request: Sent, row: dict[str, Any]) -> dict[str, Any]:
        fields = request.query.get("_fields")
        if fields is None:
            return row
        return {name: value for name, value in row.items() if name in {*fields.split(","), "_links"}}

    def _hooks(self, request: Sent, rest: list[str]) -> Reply:
        body = json.loads(request.body or b"{}")
        match request.method, rest:
            case "GET", []:
                return self._list(request, list(self.webhooks.values()))
            case "POST", ["batch"]:
                for number in body.get("delete", []):
                    self.webhooks.pop(number, None)
                return data({})
            case "POST", []:
                number = self._id()
                made = {each: body[each] for each in ("name", "topic", "delivery_url", "status")}
                self.webhooks[number] = {"id": number, **made}
                self.pings.append((body["delivery_url"], number))
                return data(self.webhooks[number], 201)
            case "POST", [number]:
                self.webhooks[int(number)] |= {each: value for each, value in body.items() if each != "secret"}
                return data(self.webhooks[int(number)])
            case "DELETE", [number]:
                assert request.query["force"] == "true", "webhooks know no trash: 501 without force"
                self.webhooks.pop(int(number), None)
                return data({})
        return error(404, "rest_no_route")

    def _id(self) -> int:
        self._next += 1
        return self._next

    def _stamp(self) -> str:
        return self.now().strftime("%Y-%m-%dT%H:%M:%S")

    def _text(self, amount: int) -> str:
        return money.text(amount, self.currency)
