"""A Vendure in memory behind the `Http` port, and `conformance.StandIn` over it.

It answers our own questions by the rules that the real one showed (tests/stores/test_vendure.py holds it to them):
limits of lists, filters by time and id, soft deletion, variants whose change doesn't move their product, refunds that
move nothing, FORBIDDEN for whatever is wrong with a key, the default channel for an unknown token.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.conformance.answers import Reply
from connector.platforms.contract import Client, Grant
from connector.platforms.rest import NoBudget
from connector.platforms.vendure.settings import SAMPLES, WANTED, VendureSettings

KEY = "1f0c2d3e4f5a6b7c8d9e0f1a:9a41b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a0"
API = "https://shop.example.com/admin-api"
DOMAIN = "shop.example.com/channel-1"
TOKEN = "8ck1lmv2hkzzwmnyd3ds"
COUNTRIES = ("US", "GB", "DE")
FORBIDDEN = "You are not currently authorized to perform this action"


def make_settings(**given: Any) -> VendureSettings:
    return VendureSettings(_env_file=None, **given)


def problem(code: str, path: str = "", message: str = "") -> dict[str, Any]:
    return {"message": message or FORBIDDEN, "path": [path] if path else None, "extensions": {"code": code}}


class Refused(Exception):
    """Ends a question with one error."""

    def __init__(self, status: int, error: dict[str, Any], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error)
        self.status, self.error, self.headers = status, error, dict(headers or {})


class Vendure:
    """One server with one channel, or more."""

    def __init__(self, currency: str = "USD", precision: int = 2, *, limit: int = 1000, tax: float = 0.0) -> None:
        self.currency, self.precision, self.limit, self.tax = currency, precision, limit, tax
        self.clock = datetime(2026, 11, 20, 12, tzinfo=UTC)
        self.channels = {TOKEN: {"id": "1", "code": "__default_channel__", "token": TOKEN}}
        self.keys = {KEY: {"products", "orders", "productVariants", "updateChannel"}}
        self.products: dict[str, dict[str, Any]] = {}
        self.variants: dict[str, dict[str, Any]] = {}
        self.orders: dict[str, dict[str, Any]] = {}
        self.fields = {
            "Order": ["attributionToken"],
            "OrderLine": ["attributionToken"],
            "Channel": ["connectorAddress"],
        }
        self.hook: dict[str, Any] = {"connectorAddress": None, "connectorSecret": None}
        self.prices_include_tax = False
        self.busy = 0
        self.methods = [{"id": "1", "price": 500}, {"id": "2", "price": 1000}]
        self.promotions: dict[str, dict[str, Any]] = {}
        self.accounts: set[str] = set()  # e-mail addresses of customers who have a password
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.before: Callable[[str, dict[str, Any]], None] = lambda operation, variables: None
        self.repeats = False  # a store that gives the first page whatever is asked
        self._ids = 0

    # --- what a merchant and a buyer do -------------------------------------------------------------------------------

    def tick(self) -> str:
        self.clock += timedelta(milliseconds=250)
        return self.at()

    def at(self) -> str:
        return self.clock.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

    def id(self) -> str:
        self._ids += 1
        return str(self._ids)

    def product(self, name: str, prices: Sequence[int], **given: Any) -> str:
        """Prices are numbers of the store's own precision."""
        ref, now = self.id(), self.tick()
        self.products[ref] = {
            "id": ref, "createdAt": now, "updatedAt": now, "enabled": True, "name": name,
            "slug": name.lower().replace(" ", "-"), "description": f"<p>About {name}</p>", "featuredAsset": None,
            "assets": [], "facetValues": [], **given,
        }  # fmt: skip
        for number, price in enumerate(prices):
            self.variant(ref, price, name=f"{name} {number}")
        return ref

    def variant(self, product_ref: str, price: int, **given: Any) -> str:
        ref, now = self.id(), self.tick()
        self.variants[ref] = {
            "id": ref, "productId": product_ref, "createdAt": now, "updatedAt": now, "enabled": True,
            "sku": f"SKU-{ref}",
            "name": "", "price": price, "priceWithTax": self.with_tax(price), "currencyCode": self.currency,
            "trackInventory": "INHERIT", "outOfStockThreshold": 0, "useGlobalOutOfStockThreshold": True,
            "stockLevels": [{"stockOnHand": 10, "stockAllocated": 0}], "prices": [], "options": [],
            "featuredAsset": None, **given,
        }  # fmt: skip
        return ref

    def with_tax(self, net: float) -> int:
        return int(net * (1 + self.tax) + 0.5)

    def change(self, variant_ref: str, **given: Any) -> None:
        """As the real one: the product's own time stays."""
        self.variants[variant_ref] |= {**given, "updatedAt": self.tick()}

    def first(self, product_ref: str) -> str:
        return next(ref for ref, node in self.variants.items() if node["productId"] == product_ref)

    def delete(self, product_ref: str) -> None:
        self.tick()
        del self.products[product_ref]
        for ref in [ref for ref, node in self.variants.items() if node["productId"] == product_ref]:
            del self.variants[ref]

    def order(self, bought: Sequence[tuple[str, int, str]], *, token: str = "", off: float = 0.0, code: str = "",
              shipping: int = 0, paid: str = "Settled") -> str:  # fmt: skip
        """(variant, units, the line's token); `off`: a part of all lines that a coupon takes."""
        ref, now = self.id(), self.tick()
        lines = []
        for variant_ref, units, line_token in bought:
            net = self.variants[variant_ref]["price"]
            lines.append(
                {
                    "id": self.id(), "updatedAt": now, "orderPlacedQuantity": units, "quantity": units, "list": net,
                    "adjustment": -int(net * units * off + 0.5),
                    "customFields": {"attributionToken": line_token or None},
                    "productVariant": {
                        "id": variant_ref, "sku": f"SKU-{variant_ref}", "name": "A thing",
                        "product": {"id": self.variants[variant_ref]["productId"]},
                    },
                }
            )  # fmt: skip
        order = {
            "id": ref, "code": f"CODE{ref}", "state": "PaymentSettled" if paid == "Settled" else "PaymentAuthorized",
            "active": False, "type": "Regular", "createdAt": now, "updatedAt": now, "orderPlacedAt": now,
            "currencyCode": self.currency, "shippingWithTax": shipping, "couponCodes": [code] if code else [],
            "promotions": [{"id": "7", "couponCode": code}] if code else [], "lines": lines, "surcharges": [],
            "modifications": [], "fulfillments": [], "customFields": {"attributionToken": token or None},
            "customer": {"id": "9", "emailAddress": "ana@example.com", "phoneNumber": None},
            "history": [{"createdAt": now, "data": {"from": "PaymentAuthorized", "to": "PaymentSettled"}}],
        }  # fmt: skip
        self.orders[ref] = order
        order["payments"] = [
            {"id": self.id(), "createdAt": now, "updatedAt": now, "state": paid,
             "amount": self.total(order), "refunds": []}
        ]  # fmt: skip
        return ref

    def refund(
        self, order_ref: str, units: Mapping[str, int], amount: int | None = None, state: str = "Settled"
    ) -> str:
        """Moves nothing on the order."""
        order, now, ref = self.orders[order_ref], self.tick(), self.id()
        items = sum(self.told(line)["proratedUnitPriceWithTax"] * units.get(line["id"], 0) for line in order["lines"])
        order["payments"][0]["refunds"].append(
            {"id": ref, "createdAt": now, "updatedAt": now, "state": state,
             "total": items if amount is None else amount, "shipping": 0,
             "lines": [{"orderLineId": line, "quantity": many} for line, many in units.items()]}
        )  # fmt: skip
        return ref

    def cancel(self, order_ref: str, units: Mapping[str, int] | None = None) -> None:
        order, now = self.orders[order_ref], self.tick()
        for line in order["lines"]:
            line["quantity"] -= line["quantity"] if units is None else units.get(line["id"], 0)
        order["updatedAt"] = now
        if not any(line["quantity"] for line in order["lines"]):
            order["state"] = "Cancelled"
            order["history"].append({"createdAt": now, "data": {"from": "PaymentSettled", "to": "Cancelled"}})

    # --- as the store tells it ----------------------------------------------------------------------------------------

    def told(self, line: Mapping[str, Any]) -> dict[str, Any]:
        """Vendure's own arithmetic: discounts over the placed units, the line rounded as a whole, none of no units."""
        net, units = line["list"], line["quantity"]
        each = line["adjustment"] / max(line["orderPlacedQuantity"], units) if units else 0
        one = net + each
        rows = [{"adjustmentSource": "PROMOTION:7", "amountWithTax": self._tax(each * units)}]
        return {
            **{key: value for key, value in line.items() if key not in ("list", "adjustment")},
            "unitPriceWithTax": self._tax(net), "proratedUnitPrice": _round(one),
            "proratedUnitPriceWithTax": self._tax(one), "proratedLinePrice": _round(one * units),
            "proratedLinePriceWithTax": self._tax(one * units), "discounts": rows if line["adjustment"] else [],
        }  # fmt: skip

    def _tax(self, net: float) -> int:
        return _round(net * (1 + self.tax))

    def total(self, order: Mapping[str, Any]) -> int:
        lines = sum(self.told(line)["proratedLinePriceWithTax"] for line in order["lines"])
        return int(lines + order["shippingWithTax"] + sum(each["priceWithTax"] for each in order["surcharges"]))

    def as_told(self, order: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **order, "totalWithTax": self.total(order), "lines": [self.told(line) for line in order["lines"]],
            "history": {"items": list(reversed(order["history"]))},
        }  # fmt: skip

    # --- its API ------------------------------------------------------------------------------------------------------

    def send(self, method: str, url: str, *, headers: Any = None, body: bytes | None = None, **given: Any) -> Reply:
        assert (method, url.partition("?")[0]) == ("POST", API)
        asked = json.loads(body or b"")
        operation = asked["query"].split()[1].partition("(")[0]
        self.asked.append((operation, asked["variables"]))
        if self.busy:
            self.busy -= 1
            return Reply(429, b"slow down", {"Retry-After": "0"})
        self.before(operation, asked["variables"])
        given_headers = {name.lower(): value for name, value in (headers or {}).items()}
        try:
            data = self._answer(operation, asked["query"], asked["variables"], given_headers)
        except Refused as refused:
            content = json.dumps({"errors": [refused.error], "data": None}).encode()
            return Reply(refused.status, content, {"Content-Type": "application/json", **refused.headers})
        return Reply(content=json.dumps(data).encode())

    def _answer(self, operation: str, query: str, asked: dict[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
        asked_for = headers.get("vendure-token", "")
        if asked_for and asked_for not in self.channels and len(self.channels) > 1:
            raise Refused(
                200, problem("CHANNEL_NOT_FOUND", "activeChannel", f'No Channel with the token "{asked_for}"')
            )
        may = self.keys.get(headers.get("vendure-api-key", ""))
        if may is None:
            named = {"vendure-auth-token": ""} if "vendure-api-key" in headers else {}
            raise Refused(200, problem("FORBIDDEN", "activeChannel"), named)
        channel = self.channels.get(asked_for, self.channels[TOKEN])
        here = {
            **channel, "defaultCurrencyCode": self.currency, "defaultLanguageCode": "en",
            "pricesIncludeTax": self.prices_include_tax, "seller": {"name": "Default Seller"},
            "customFields": self.hook,
        }  # fmt: skip
        entities = [
            {"entityName": name, "customFields": [{"name": one} for one in names]}
            for name, names in self.fields.items()
        ]
        settings = {
            "trackInventory": True, "outOfStockThreshold": 0,
            "serverConfig": {"moneyStrategyPrecision": self.precision, "entityCustomFields": entities},
        }  # fmt: skip
        data: dict[str, Any] = {"activeChannel": here, "globalSettings": settings}
        options = asked.get("options") or {}
        match operation:
            case "Channel":
                pass
            case "Hook" if not self.fields.get("Channel"):
                text = 'Cannot query field "connectorAddress" on type "ChannelCustomFields".'
                raise Refused(400, problem("GRAPHQL_VALIDATION_FAILED", "", text))
            case "Hook" if "updateChannel" not in may:
                seen = {**here, "customFields": {**self.hook, "connectorSecret": None}}
                error = problem("FORBIDDEN")
                error["path"] = ["activeChannel", "customFields", "connectorSecret"]
                return {"data": {"activeChannel": seen}, "errors": [error]}
            case "Hook":
                pass
            case "SetHook":
                self._may(may, "updateChannel")
                self.hook = asked["input"]["customFields"]
                data["updateChannel"] = {"__typename": "Channel"}
            case "Reach":
                errors = [problem("FORBIDDEN", name) for name in ("products", "orders") if name not in may]
                totals = {n: None if n not in may else {"totalItems": 0} for n in ("products", "orders")}
                return {"data": totals, **({"errors": errors} if errors else {})}
            case "NewestChange":
                for name, rows in (("products", self.products), ("productVariants", self.variants)):
                    newest = sorted(rows.values(), key=lambda row: row["updatedAt"])[-1:]
                    data[name] = {"totalItems": len(rows), "items": newest}
            case "Sample" | "Variants" | "VariantsChanged":
                options = options or {"take": 1}
                self._may(may, "productVariants" if "productVariants" in may else "products")
                found = self._list(list(self.variants.values()), options)
                data["productVariants"] = data["changed"] = found
            case "Products" | "ProductsChanged":
                self._may(may, "products")
                data["products"] = data["changed"] = self._list(list(self.products.values()), options)
            case "Heads" | "Orders":
                self._may(may, "orders")
                if "customFields" in query and not self.fields.get("Order"):
                    text = 'Cannot query field "attributionToken" on type "JSON".'
                    raise Refused(400, problem("GRAPHQL_VALIDATION_FAILED", "", text))
                told = [self.as_told(order) for order in self.orders.values()]
                if "customFields" not in query:
                    for node in (*told, *(line for order in told for line in order["lines"])):
                        del node["customFields"]
                data["orders"] = self._list(told, options)
            case _ if "Sample" in operation:
                return self._sample(operation, asked, may, here)
            case _:
                raise AssertionError(operation)
        return {"data": data}

    # --- sample orders: as the real one answered ----------------------------------------------------------------------

    def _sample(self, operation: str, asked: dict[str, Any], may: set[str], here: Mapping[str, Any]) -> dict[str, Any]:
        if operation in ("SampleFind", "SampleState"):
            self._may(may, "orders")
        elif "samples" not in may:
            raise Refused(200, problem("FORBIDDEN", "asked" if operation.startswith("May") else "draft"))
        if operation.startswith("May"):
            raise Refused(200, problem("ENTITY_NOT_FOUND", "asked", 'No Order with the id "0" could be found'))
        data: dict[str, Any] = {"activeChannel": here}
        match operation:
            case "SampleFind":
                found = [o for o in self.orders.values() if asked["reference"] in self._transactions(o)]
                data["orders"] = {"items": found}
            case "SampleState":
                data["order"] = self.orders.get(asked["order"])
            case "SampleDraft":
                data["draft"] = self._draft()
            case "SampleFill":
                data |= self._fill(asked)
            case "SampleCustomer":
                data["customer"] = self._customer(asked["order"], asked["customer"])
            case "SampleShipping":
                data["methods"] = self.methods
            case "SampleFree":
                data |= self._free(asked)
            case "SamplePay":
                data |= self._pay(asked)
            case "SampleEnd":
                self.promotions.pop(asked["promotion"])
                data["ended"] = {"result": "DELETED"}
            case "SampleDrop":
                order = self.orders[asked["order"]]
                if any(line["quantity"] for line in order["lines"]) or order["state"] == "Cancelled":
                    return {"data": {"dropped": {"__typename": "X", "errorCode": "ORDER_STATE_TRANSITION_ERROR"}}}
                order["state"] = "Cancelled"
                data["dropped"] = {"__typename": "Order"}
            case "SampleCancel":
                data["cancelled"] = self._cancelled(asked["input"]["orderId"])
            case _:
                raise AssertionError(operation)
        return {"data": data}

    def _transactions(self, order: Mapping[str, Any]) -> list[str]:
        return [each.get("transactionId", "") for each in order["payments"]]

    def _draft(self) -> dict[str, Any]:
        ref, now = self.id(), self.tick()
        self.orders[ref] = {
            "id": ref, "code": f"CODE{ref}", "state": "Draft", "active": False, "type": "Regular", "createdAt": now,
            "updatedAt": now, "orderPlacedAt": None, "currencyCode": self.currency, "shippingWithTax": 0,
            "couponCodes": [], "promotions": [], "lines": [], "surcharges": [], "modifications": [],
            "fulfillments": [], "customFields": {"attributionToken": None}, "customer": None, "history": [],
            "payments": [],
        }  # fmt: skip
        return self.orders[ref]

    def _fill(self, asked: dict[str, Any]) -> dict[str, Any]:
        order, wanted = self.orders[asked["order"]], asked["item"]["productVariantId"]
        node = self.variants.get(wanted)
        if node is None:
            text = f'No ProductVariant with the id "{wanted}" could be found'
            raise Refused(200, problem("ENTITY_NOT_FOUND", "item", text))
        item: dict[str, Any] = {"__typename": "Order"}
        if sum(each["stockOnHand"] - each["stockAllocated"] for each in node["stockLevels"]) < 1:
            item = {"__typename": "InsufficientStockError", "errorCode": "INSUFFICIENT_STOCK_ERROR"}
        else:
            order["lines"].append(
                {"id": self.id(), "updatedAt": self.tick(), "orderPlacedQuantity": 1, "quantity": 1,
                 "list": node["price"], "adjustment": 0, "customFields": {"attributionToken": None},
                 "productVariant": {"id": wanted, "sku": node["sku"], "name": node["name"],
                                    "product": {"id": node["productId"]}}}
            )  # fmt: skip
        if asked["address"]["countryCode"] not in COUNTRIES:
            raise Refused(200, problem("USER_INPUT_ERROR", "address", "The countryCode was not recognized"))
        order["shippingAddress"] = asked["address"]
        return {"item": item, "address": order, "customer": self._customer(asked["order"], asked["customer"])}

    def _customer(self, order: str, given: Mapping[str, str]) -> dict[str, Any]:
        if given["emailAddress"] in self.accounts:
            return {"__typename": "EmailAddressConflictError", "errorCode": "EMAIL_ADDRESS_CONFLICT_ERROR"}
        self.orders[order]["customer"] = {"id": "9", "emailAddress": given["emailAddress"], "phoneNumber": None}
        return {"__typename": "Order"}

    def _free(self, asked: dict[str, Any]) -> dict[str, Any]:
        order, ref, given = self.orders[asked["order"]], self.id(), asked["promotion"]
        self.promotions[ref] = given
        order["shippingWithTax"] = next(each["price"] for each in self.methods if each["id"] == asked["method"])
        order |= {"couponCodes": [asked["code"]], "promotions": [{"id": "7", "couponCode": asked["code"]}]}
        for action in given["actions"]:
            if action["code"] == "free_shipping":
                order["shippingWithTax"] = 0
            else:
                for line in order["lines"]:
                    line["adjustment"] = -line["list"] * line["quantity"] * int(action["arguments"][0]["value"]) // 100
        total = self.total(order)
        return {
            "shipping": {"__typename": "Order"}, "promotion": {"__typename": "Promotion", "id": ref},
            "free": {"__typename": "Order", "totalWithTax": total},
        }  # fmt: skip

    def _pay(self, asked: dict[str, Any]) -> dict[str, Any]:
        order, now = self.orders[asked["order"]], self.tick()
        payment = {
            "id": self.id(), "createdAt": now, "updatedAt": now, "state": "Settled", "amount": self.total(order),
            "refunds": [], "transactionId": asked["payment"]["transactionId"],
        }  # fmt: skip
        order |= {"state": "PaymentSettled", "orderPlacedAt": now, "updatedAt": now, "payments": [payment]}
        order["notes"] = [asked["note"]["note"]]
        for line in order["lines"]:
            self.variants[line["productVariant"]["id"]]["stockLevels"][0]["stockAllocated"] += line["quantity"]
        order["history"].append({"createdAt": now, "data": {"from": "ArrangingPayment", "to": "PaymentSettled"}})
        paid = {"__typename": "Order", "id": order["id"], "code": order["code"], "state": order["state"]}
        return {"ready": {"__typename": "Order"}, "note": {"id": order["id"]}, "paid": paid}

    def _cancelled(self, ref: str) -> dict[str, Any]:
        order = self.orders[ref]
        if not any(line["quantity"] for line in order["lines"]):
            return {"__typename": "EmptyOrderLineSelectionError", "errorCode": "EMPTY_ORDER_LINE_SELECTION_ERROR"}
        if order["orderPlacedAt"]:
            for line in order["lines"]:
                self.variants[line["productVariant"]["id"]]["stockLevels"][0]["stockAllocated"] -= line["quantity"]
        self.cancel(ref)
        return {"__typename": "Order", "state": "Cancelled"}

    def _may(self, may: set[str], name: str) -> None:
        if name not in may:
            raise Refused(200, problem("FORBIDDEN", name))

    def _list(self, rows: list[dict[str, Any]], options: Mapping[str, Any]) -> dict[str, Any]:
        take, skip = options.get("take", self.limit), options.get("skip", 0)
        if take > self.limit:
            text = f"Cannot take more than {self.limit} results from a list query"
            raise Refused(200, problem("USER_INPUT_ERROR", "products", text))
        kept = [row for row in rows if _fits(row, options.get("filter") or {})]
        for name, way in (options.get("sort") or {}).items():
            kept.sort(key=lambda row: (len(row[name]), row[name]) if name == "id" else row[name], reverse=way == "DESC")  # noqa: B023
        skip = 0 if self.repeats else skip
        return {"totalItems": 10**6 if self.repeats else len(kept), "items": kept[skip : skip + take]}


def _round(value: float) -> int:
    return int(value + 0.5) if value >= 0 else -int(-value + 0.5)


def _fits(row: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    for name, tests in wanted.items():
        value = row.get(name)
        for test, other in tests.items():
            right = (value is not None or test in ("eq", "isNull")) and {
                "eq": lambda a, b: a == b, "in": lambda a, b: a in b, "after": lambda a, b: a > b,
                "before": lambda a, b: a < b, "isNull": lambda a, b: (a is None) == b,
            }[test](value, other)  # fmt: skip
            if not right:
                return False
    return True


def client_of(store: Vendure, settings: VendureSettings | None = None, **details: str) -> Client:
    kept = {
        "api": API, "channel_id": "1", "channel_token": TOKEN, "channel_code": "__default_channel__",
        "precision": str(store.precision), "precision_said": str(store.precision), "language": "en",
        "storefront": "https://www.example.com", "product_page": "https://www.example.com/products/{slug}", **details,
    }  # fmt: skip
    grant = Grant(access_token=KEY, details=kept, scopes=(*WANTED, *SAMPLES))
    return Client(DOMAIN, store.currency, grant, store, NoBudget(), settings or make_settings())


# What a store keeps of a price: two decimals of yen, and three where a currency has three.
PRECISIONS = {"KWD": 3}


class Shop:
    """`conformance.StandIn`: the store above, driven in minor units."""

    def __init__(self, currency: str) -> None:
        self.store = Vendure(currency, PRECISIONS.get(currency, 2))
        self._up = 100 if currency == "JPY" else 1
        self.store.keys[KEY].add("samples")
        self.client = client_of(self.store)

    def now(self) -> datetime:
        self.store.tick()
        return self.store.clock

    def product(self, title: str, prices: Sequence[int]) -> str:
        return self.store.product(title, [price * self._up for price in prices])

    def reprice(self, product_ref: str, price: int) -> None:
        self.store.change(self.store.first(product_ref), price=price * self._up, priceWithTax=price * self._up)

    def delete(self, product_ref: str) -> None:
        self.store.delete(product_ref)

    def order(self, product_ref: str, quantity: int, token: str) -> str:
        return self.store.order([(self.store.first(product_ref), quantity, token)], token=token)

    def refund(self, order_ref: str, units: int) -> None:
        line = self.store.orders[order_ref]["lines"][0]
        self.store.refund(order_ref, {line["id"]: units})

    def cancel(self, order_ref: str) -> None:
        self.store.cancel(order_ref)

    def sell_out(self, product_ref: str) -> None:
        self.store.change(self.store.first(product_ref), stockLevels=[{"stockOnHand": 0, "stockAllocated": 0}])

    def send_off(self, order_ref: str) -> None:
        order, now = self.store.orders[order_ref], self.store.tick()
        lines = [{"orderLineId": line["id"], "quantity": line["quantity"]} for line in order["lines"]]
        order["fulfillments"].append(
            {"id": self.store.id(), "createdAt": now, "updatedAt": now, "state": "Shipped", "lines": lines}
        )

    def busy(self, answers: int) -> None:
        self.store.busy = answers
