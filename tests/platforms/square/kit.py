"""A small Square in memory, behind the `Http` port: what the calls of our folder need, by Square's own rules."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from connector.conformance.answers import Reply
from connector.platforms.contract import Client, Grant
from connector.platforms.rest import NoBudget
from connector.platforms.square.samples import SAMPLES
from connector.platforms.square.settings import SquareSettings

KEY = "demoSqSignatureKey+/0123456789ab"  # looks like base64, and is text
URL = "https://app.example/hooks/square/v1"
MERCHANT = "MLDEMO1"
API = Path(__file__).parent / "payloads" / "api"
USD = "USD"


def settings(current: str, previous: str) -> SquareSettings:
    return SquareSettings(
        _env_file=None, env="production", client_id="sq0idp-made-up", client_secret=SecretStr("sq0csp-made-up"),
        webhook_signature_key=SecretStr(current), webhook_signature_key_previous=SecretStr(previous),
        notification_url=URL,
    )  # fmt: skip


def sample(name: str) -> Any:
    return json.loads((API / f"{name}.json").read_text())


def money(amount: int, currency: str = USD) -> dict[str, Any]:
    return {"amount": amount, "currency": currency}


def reply(body: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(body).encode())


def refused(status: int, code: str) -> Reply:
    return reply({"errors": [{"category": "X", "code": code, "detail": "private words"}]}, status)


class Square:
    """Objects by id; pages of two, so that every walk turns a page."""

    PAGE = 2

    def __init__(self) -> None:
        self.locations = [
            {"id": "LDEMO1", "name": "Main", "status": "ACTIVE", "currency": USD, "country": "US",
             "timezone": "America/New_York", "website_url": "candles.example"},
        ]  # fmt: skip
        self.merchant = {
            "id": MERCHANT, "business_name": "Lantern", "country": "US", "currency": USD, "main_location_id": "LDEMO1",
        }  # fmt: skip
        self.objects: dict[str, dict[str, Any]] = {}
        self.orders: dict[str, dict[str, Any]] = {}
        self.payments: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.counts: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str, Any]] = []
        self.answers: list[Reply] = []  # given before anything is looked at
        self.token: dict[str, Any] = sample("token_reply")
        self.keys: dict[str, Reply] = {}
        self.settled: set[str] = set()  # orders of nothing that were paid by no payment
        self.now: Callable[[], str] = lambda: datetime.now(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"

    def send(self, method: str, url: str, *, body: bytes | None = None, headers: Any = None, **given: Any) -> Reply:
        path = urlsplit(url).path
        asked = json.loads(body) if body else {}
        self.asked.append((method, path, asked))
        assert (headers or {})["Square-Version"] == "2026-08-19"
        if self.answers:
            return self.answers.pop(0)
        match method, path.strip("/").split("/"):
            case "POST", ["oauth2", "token"]:
                return reply(self.token)
            case "POST", ["oauth2", "token", "status"]:
                return reply({"scopes": ["ORDERS_READ", "ITEMS_READ"], "merchant_id": MERCHANT})
            case "GET", ["v2", "merchants", "me"]:
                return reply({"merchant": self.merchant})
            case "GET", ["v2", "locations"]:
                return reply({"locations": self.locations})
            case "GET", ["v2", "locations", "main"]:
                return reply({"location": self.locations[0]})
            case "POST", ["v2", "catalog", "search"]:
                return self._search(asked)
            case "POST", ["v2", "catalog", "batch-retrieve"]:
                return self._batch(asked)
            case "POST", ["v2", "inventory", "counts", "batch-retrieve"]:
                wanted = asked["catalog_object_ids"]
                return reply({"counts": [each for each in self.counts if each["catalog_object_id"] in wanted]})
            case "POST", ["v2", "orders", "search"]:
                return self._orders(asked)
            case "POST", ["v2", "orders"]:
                return self._created(asked)
            case "POST", ["v2", "orders", ref, "pay"]:
                return self._once(asked, lambda: self._paid(ref, asked))
            case "PUT", ["v2", "orders", ref]:
                return self._once(asked, lambda: self._changed(ref, asked["order"]))
            case "POST", ["v2", "orders", "batch-retrieve"]:
                return reply({"orders": [self.orders[ref] for ref in asked["order_ids"] if ref in self.orders]})
            case "GET", ["v2", ("orders" | "payments" | "refunds") as kind, ref]:
                found = getattr(self, kind).get(ref)
                return reply({kind[:-1]: found}) if found else refused(404, "NOT_FOUND")
            case "POST", ["v2", "online-checkout", "payment-links"]:
                return reply({"payment_link": {"url": "https://square.link/u/abc", "order_id": "ORDNEW"}})
            case _:
                raise AssertionError(f"nobody answers {method} {path}")

    def _search(self, asked: dict[str, Any]) -> Reply:
        found = [each for each in self._flat() if each["type"] in asked["object_types"]]
        if not asked.get("include_deleted_objects"):
            found = [each for each in found if not each.get("is_deleted")]
        if since := asked.get("begin_time"):
            found = [each for each in found if each["updated_at"] > since]
        start = int(asked.get("cursor", 0))
        size = min(self.PAGE, asked["limit"])
        page = found[start : start + size]
        more = {"cursor": str(start + size)} if start + size < len(found) else {}
        return reply(
            {"objects": page, "related_objects": self._related(), "latest_time": "2025-11-21T20:00:00.000Z", **more}
        )

    def _batch(self, asked: dict[str, Any]) -> Reply:
        there = {each["id"]: each for each in self._flat()}
        found = [there[ref] for ref in asked["object_ids"] if ref in there]
        if not asked.get("include_deleted_objects"):
            found = [each for each in found if not each.get("is_deleted")]
        return reply({"objects": found, "related_objects": self._related()})

    def _flat(self) -> list[dict[str, Any]]:
        """Items, and their variations as objects of their own."""
        found = list(self.objects.values())
        for item in self.objects.values():
            found += item.get("item_data", {}).get("variations", [])
        return found

    def _related(self) -> list[dict[str, Any]]:
        return [each for each in self.objects.values() if each["type"] in ("IMAGE", "CATEGORY")]

    def _orders(self, asked: dict[str, Any]) -> Reply:
        ((by, window),) = asked["query"]["filter"]["date_time_filter"].items()
        assert asked["query"]["sort"]["sort_field"] == by.upper(), "the call fails otherwise"
        assert len(asked["location_ids"]) <= 10
        states = asked["query"]["filter"]["state_filter"]["states"]
        found = [
            each for each in self.orders.values()
            if each["location_id"] in asked["location_ids"] and each["state"] in states
            and window["start_at"] <= each[by] <= window.get("end_at", "9")
        ]  # fmt: skip
        found.sort(key=lambda each: str(each[by]), reverse=asked["query"]["sort"]["sort_order"] == "DESC")
        start = int(asked.get("cursor", 0))
        more = {"cursor": str(start + self.PAGE)} if start + self.PAGE < len(found) else {}
        return reply({"orders": found[start : start + self.PAGE], **more})

    # --- orders made through the API: as documented -------------------------------------------------------------------

    def _once(self, asked: dict[str, Any], act: Callable[[], Reply]) -> Reply:
        """A key that was seen is answered as it was the first time."""
        key = asked["idempotency_key"]
        if key not in self.keys:
            made = act()
            if made.status >= 300:
                return made
            self.keys[key] = made
        return self.keys[key]

    def _created(self, asked: dict[str, Any]) -> Reply:
        return self._once(asked, lambda: self._new_order(asked["order"], asked["idempotency_key"]))

    def _new_order(self, given: dict[str, Any], key: str) -> Reply:
        at, ref = self.now(), f"ORDER{key[-8:]}"
        there = {each["id"]: each for each in self._flat() if each["type"] == "ITEM_VARIATION"}
        currency = self.merchant["currency"]
        off = any(each.get("percentage") == "100" for each in given.get("discounts", ()))
        lines, total = [], 0
        for number, row in enumerate(given["line_items"]):
            variation = there.get(row["catalog_object_id"])
            if variation is None:
                return self._unfit("NOT_FOUND", f"order.line_items[{number}].catalog_object_id")
            gross = variation["item_variation_data"]["price_money"]["amount"] * int(row["quantity"])
            left = 0 if off else gross
            total += left
            lines.append(
                {"uid": f"u{number}", "quantity": row["quantity"], "name": "Thing", "item_type": "ITEM",
                 "catalog_object_id": variation["id"], "gross_sales_money": money(gross, currency),
                 "total_discount_money": money(gross - left, currency), "total_money": money(left, currency)}
            )  # fmt: skip
        for number, each in enumerate(given.get("fulfillments", ())):
            country = each["shipment_details"]["recipient"]["address"]["country"]
            if country not in ("US", "GB", "DE"):
                return self._unfit(
                    "INVALID_ENUM_VALUE", f"order.fulfillments[{number}].shipment_details.recipient.address.country"
                )
        assert len(given["reference_id"]) <= 40
        self.orders[ref] = {
            "id": ref, "location_id": given["location_id"], "created_at": at, "updated_at": at, "state": "OPEN",
            "version": 1, "line_items": lines, "metadata": given.get("metadata", {}), "tenders": [],
            "reference_id": given["reference_id"], "total_money": money(total, currency),
            "net_amount_due_money": money(total, currency),
            "fulfillments": [{"uid": f"f{n}", **each} for n, each in enumerate(given.get("fulfillments", ()))],
        }  # fmt: skip
        return reply({"order": self.orders[ref]})

    def _paid(self, ref: str, asked: dict[str, Any]) -> Reply:
        order = self.orders[ref]
        if asked["payment_ids"] or order["total_money"]["amount"]:
            return refused(400, "BAD_REQUEST")
        if asked["order_version"] != order["version"]:
            return refused(400, "VERSION_MISMATCH")
        self.settled.add(ref)
        return self._changed(ref, {"version": order["version"]})

    def _changed(self, ref: str, given: dict[str, Any]) -> Reply:
        order = self.orders[ref]
        if given["version"] != order["version"]:
            return refused(400, "VERSION_MISMATCH")
        if order["state"] != "OPEN":
            return refused(400, "BAD_REQUEST")
        parts = {each["uid"]: each for each in order["fulfillments"]}
        for each in given.get("fulfillments", ()):
            parts[each["uid"]]["state"] = each["state"]
        at = self.now()
        order |= {"version": order["version"] + 1, "updated_at": at, "state": given.get("state", order["state"])}
        order["metadata"] = {**order["metadata"], **given.get("metadata", {})}
        if order["state"] == "CANCELED":
            order["closed_at"] = at
        return reply({"order": json.loads(json.dumps(order))})

    def _unfit(self, code: str, field: str) -> Reply:
        told = {"category": "INVALID_REQUEST_ERROR", "code": code, "field": field, "detail": "private words"}
        return reply({"errors": [told]}, 400)


def client(square: Square, **given: Any) -> Client:
    grant = Grant(access_token="EAAAsecret", refresh_token="EQAAsecret", scopes=given.pop("scopes", ()))  # noqa: S106
    of: SquareSettings = given.pop("settings", None) or settings(KEY, "")
    return Client(MERCHANT, USD, grant, square, NoBudget(), of)  # type: ignore[arg-type]


def sold(square: Square, **changes: Any) -> dict[str, Any]:
    """The sheet's story: two candles at 40.00, ten per cent off, tax on top, paid."""
    order: dict[str, Any] = sample("order")["order"] | changes
    square.orders[order["id"]] = order
    for tender in order.get("tenders", []):
        square.payments[tender["payment_id"]] = {
            "id": tender["payment_id"], "status": "COMPLETED", "order_id": order["id"], "refund_ids": [],
            "created_at": "2025-11-21T19:59:58Z", "updated_at": "2025-11-21T20:00:01Z",
        }  # fmt: skip
    page = sample("catalog_search_page")
    for each in [*page["objects"], *page["related_objects"]]:
        square.objects[each["id"]] = each
    return order


def refund(square: Square, ref: str, amount: int, *, into: str = "", status: str = "COMPLETED", at: str = "") -> None:
    """Money back for PAYDEMO1; `into` is the order in which goods came back."""
    square.payments["PAYDEMO1"]["refund_ids"].append(ref)
    when = at or "2025-11-22T19:59:00Z"
    square.refunds[ref] = {
        "id": ref, "status": status, "amount_money": money(amount), "payment_id": "PAYDEMO1",
        "order_id": into or "ORDDEMO1", "created_at": when, "updated_at": when,
    }  # fmt: skip


def came_back(square: Square, ref: str = "RETORD1", units: int = 1) -> None:
    """The order in which `units` candles came back."""
    order = sample("return_order")["order"]
    line = order["returns"][0]["return_line_items"][0]
    line |= {
        "uid": f"{ref}-u1", "quantity": str(units), "total_money": money(3920 * units),
        "total_tax_money": money(320 * units), "total_discount_money": money(400 * units),
        "gross_return_money": money(4000 * units),
    }  # fmt: skip
    square.orders[ref] = order | {"id": ref}


class Shop:
    """`conformance.StandIn` over the Square above; its clock goes on by a second with each act."""

    def __init__(self, currency: str) -> None:
        self.square = Square()
        self.square.locations[0]["currency"] = self.square.merchant["currency"] = currency
        self.currency = currency
        self.square.now = self._text
        self.client = replace(client(self.square, scopes=SAMPLES), currency=currency)
        self._now = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
        self._made = 0

    def now(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now

    def product(self, title: str, prices: Sequence[int]) -> str:
        ref = self._ref("ITEM")
        variations = [self._variation(f"{ref}V{number}", ref, price) for number, price in enumerate(prices)]
        self.square.objects[ref] = {
            "type": "ITEM", "id": ref, "updated_at": self._text(), "present_at_all_locations": True,
            "item_data": {"name": title, "product_type": "REGULAR", "variations": variations},
        }  # fmt: skip
        return ref

    def reprice(self, product_ref: str, price: int) -> None:
        first = self._first(product_ref)
        first["updated_at"] = self._text()
        first["item_variation_data"]["price_money"] = money(price, self.currency)

    def delete(self, product_ref: str) -> None:
        self.square.objects[product_ref] = {
            "type": "ITEM", "id": product_ref, "updated_at": self._text(), "is_deleted": True,
        }  # fmt: skip

    def order(self, product_ref: str, quantity: int, token: str) -> str:
        first, ref, at = self._first(product_ref), self._ref("ORDER"), self._text()
        total = money(first["item_variation_data"]["price_money"]["amount"] * quantity, self.currency)
        payment = self._ref("PAY")
        self.square.orders[ref] = {
            "id": ref, "location_id": "LDEMO1", "created_at": at, "updated_at": at, "state": "OPEN", "version": 1,
            "line_items": [
                {"uid": "u1", "quantity": str(quantity), "name": "Thing", "catalog_object_id": first["id"],
                 "item_type": "ITEM", "gross_sales_money": total, "total_money": total},
            ],
            "metadata": {"connector_touch": token}, "reference_id": token[:40],
            "tenders": [
                {"id": payment, "payment_id": payment, "type": "CARD", "amount_money": total, "created_at": at},
            ],
            "total_money": total, "net_amount_due_money": money(0, self.currency),
        }  # fmt: skip
        self.square.payments[payment] = {
            "id": payment, "status": "COMPLETED", "order_id": ref, "refund_ids": [], "created_at": at, "updated_at": at,
        }  # fmt: skip
        return ref

    def refund(self, order_ref: str, units: int) -> None:
        """An itemised return: an order of its own, and the payment's refund that names it."""
        order = self.square.orders[order_ref]
        line = order["line_items"][0]
        amount = money(line["total_money"]["amount"] // int(line["quantity"]) * units, self.currency)
        back = self._ref("RETURN")
        at = self._text()
        self.square.orders[back] = {
            "id": back, "location_id": "LDEMO1", "created_at": at, "updated_at": at, "state": "COMPLETED",
            "total_money": money(0, self.currency),
            "returns": [{"source_order_id": order_ref, "return_line_items": [
                {"uid": f"{back}-1", "source_line_item_uid": "u1", "quantity": str(units),
                 "gross_return_money": amount, "total_money": amount}]}],
        }  # fmt: skip
        self._give(order, amount, back, at)

    def cancel(self, order_ref: str) -> None:
        order = self.square.orders[order_ref]
        order |= {"state": "CANCELED", "updated_at": self._text(), "closed_at": self._text()}
        self._give(order, order["total_money"], order_ref, self._text())

    def sell_out(self, product_ref: str) -> None:
        self._first(product_ref)["item_variation_data"] |= {"track_inventory": True}

    def send_off(self, order_ref: str) -> None:
        order, at = self.square.orders[order_ref], self._text()
        for each in order["fulfillments"]:
            each |= {"state": "COMPLETED", "shipment_details": {**each["shipment_details"], "shipped_at": at}}
        order |= {"updated_at": at, "state": "COMPLETED", "closed_at": at, "version": order["version"] + 1}

    def busy(self, answers: int) -> None:
        self.square.answers = [refused(429, "RATE_LIMITED")] * answers

    def _give(self, order: dict[str, Any], amount: dict[str, Any], into: str, at: str) -> None:
        ref = self._ref("REFUND")
        payment = self.square.payments[order["tenders"][0]["payment_id"]]
        payment["refund_ids"].append(ref)
        self.square.refunds[ref] = {
            "id": ref, "status": "COMPLETED", "amount_money": amount, "payment_id": payment["id"], "order_id": into,
            "created_at": at, "updated_at": at,
        }  # fmt: skip

    def _first(self, product_ref: str) -> dict[str, Any]:
        first: dict[str, Any] = self.square.objects[product_ref]["item_data"]["variations"][0]
        return first

    def _variation(self, ref: str, of: str, price: int) -> dict[str, Any]:
        return {
            "type": "ITEM_VARIATION", "id": ref, "updated_at": self._text(), "present_at_all_locations": True,
            "item_variation_data": {
                "item_id": of, "name": ref, "pricing_type": "FIXED_PRICING", "price_money": money(price, self.currency),
            },
        }  # fmt: skip

    def _ref(self, kind: str) -> str:
        self._made += 1
        return f"{kind}{self._made}"

    def _text(self) -> str:
        return self.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
