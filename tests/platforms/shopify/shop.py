"""`conformance.StandIn` over the sandbox's Shopify, which runs in this process on a port of its own."""

from __future__ import annotations

import atexit
import secrets
import socket
import tempfile
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from werkzeug.serving import make_server

from connector import money
from connector.platforms.contract import Client, Hook
from connector.platforms.shopify import PLATFORM
from sandbox.shopify.app import create_app
from sandbox.shopify.oauth import App
from sandbox.shopify.store import Settings, Store
from tests.platforms.shopify.kit import CALLBACK, CLIENT_ID, SECRET, Reply, StandIn, make_settings


@cache
def server() -> StandIn:
    """The sandbox, started once a process and stopped with it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tempfile.TemporaryDirectory()
    store = Store(
        Settings(
            state_dir=Path(folder.name), base_url=f"http://127.0.0.1:{port}", restore_rate=5000,
            app=App(CLIENT_ID, SECRET, "https://connector.example/shopify/launch", (CALLBACK,)),
        )
    )  # fmt: skip
    made = make_server("127.0.0.1", port, create_app(store), threaded=True)
    thread = threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True)
    thread.start()

    def stop() -> None:
        made.shutdown()
        thread.join(5)
        folder.cleanup()

    atexit.register(stop)
    return StandIn(port)


class Shop:
    """One empty shop there."""

    def __init__(self, currency: str) -> None:
        self._server = server()
        self._currency = currency
        name = f"conforms-{secrets.token_hex(6)}"
        self._server.control("POST", "/shops", {"shop": name, "currency": currency, "tax_rate": "0"})
        settings = make_settings(
            env="dev", origin_template=f"{self._server.base}/shops/{{shop}}",
            scopes="read_products,read_orders,read_fulfillments,write_orders,write_draft_orders",
        )  # fmt: skip
        joined = self._server.join(f"{name}.myshopify.com", settings)
        self._way = _Busy(joined.http)
        self.client = Client(joined.domain, currency, joined.grant, self._way, joined.budget, settings)
        PLATFORM.webhooks.subscribe(self.client, Hook("http://127.0.0.1:9/webhooks/shopify"))
        self._path = f"/shops/{joined.domain}"

    def now(self) -> datetime:
        return datetime.now(UTC)

    def product(self, title: str, prices: Sequence[int]) -> str:
        variants = [{"title": f"V{number}", "price": self._text(price)} for number, price in enumerate(prices)]
        made = self._server.control("POST", f"{self._path}/products", {"title": title, "variants": variants})
        return str(made["id"])

    def reprice(self, product_ref: str, price: int) -> None:
        first = {"id": self._first(product_ref), "price": self._text(price)}
        self._server.control("PATCH", f"{self._path}/products/{product_ref}", {"variants": [first]})

    def delete(self, product_ref: str) -> None:
        self._server.control("DELETE", f"{self._path}/products/{product_ref}")

    def order(self, product_ref: str, quantity: int, token: str) -> str:
        attribute = self.client.settings.cart_attribute
        placed = self._server.control("POST", f"{self._path}/orders", {
            "lines": [{"variant_id": self._first(product_ref), "quantity": quantity}], "buyer": "ana",
            "note_attributes": [{"name": attribute, "value": token}],
        })  # fmt: skip
        return str(placed["id"])

    def refund(self, order_ref: str, units: int) -> None:
        order = self._server.control("GET", f"{self._path}/orders/{order_ref}")
        line = {"line_item_id": order["lines"][0]["id"], "quantity": units}
        self._server.control("POST", f"{self._path}/orders/{order_ref}/refund", {"lines": [line]})

    def cancel(self, order_ref: str) -> None:
        self._server.control("POST", f"{self._path}/orders/{order_ref}/cancel", {"refund": True})

    def sell_out(self, product_ref: str) -> None:
        first = {"id": self._first(product_ref), "inventory_quantity": 0}
        self._server.control("PATCH", f"{self._path}/products/{product_ref}", {"variants": [first]})

    def send_off(self, order_ref: str) -> None:
        self._server.control("POST", f"{self._path}/orders/{order_ref}/fulfil", {})

    def busy(self, answers: int) -> None:
        self._way.answers = answers

    def _first(self, product_ref: str) -> int:
        product = self._server.control("GET", f"{self._path}/products/{product_ref}")
        first: int = product["variants"][0]["id"]
        return first

    def _text(self, price: int) -> str:
        return money.text(price, self._currency)


class _Busy:
    """A way out on which the next answers say THROTTLED, as Shopify does it: status 200 and an error."""

    def __init__(self, way: Any) -> None:
        self._way = way
        self.answers = 0

    def send(self, method: str, url: str, **given: Any) -> Any:
        if self.answers == 0:
            return self._way.send(method, url, **given)
        self.answers -= 1
        status = {"maximumAvailable": 2000.0, "currentlyAvailable": 1990.0, "restoreRate": 5000.0}
        said = {
            "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
            "extensions": {"cost": {"requestedQueryCost": 10, "actualQueryCost": None, "throttleStatus": status}},
        }
        return Reply(content=msgspec.json.encode(said))
