"""What the sandbox's tests stand on: a running stand-in, somebody who receives its webhooks, and a client."""

from __future__ import annotations

import html
import re
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests
from graphql import parse, print_ast
from werkzeug.serving import make_server

from sandbox.__main__ import KeepAlive
from sandbox.app import create_app
from sandbox.shopify.oauth import App
from sandbox.shopify.store import Settings, Store

SAMPLES = Path(__file__).parent / "samples"
CLIENT_ID, SECRET = "0a1b2c3d4e5f60718293a4b5c6d7e8f9", "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"
SHOP = "alpha.myshopify.com"
SCOPES = "read_products,read_orders,read_fulfillments,read_inventory"
DEFINITIONS = {d.name.value: d for d in parse((SAMPLES / "admin_operations.graphql").read_text()).definitions}
BULK_QUERY = (SAMPLES / "bulk_catalog_query.graphql").read_text()


def operation(name: str) -> str:
    """One operation of the samples with the fragments that it spreads."""
    text = print_ast(DEFINITIONS[name])
    return text + "".join(print_ast(DEFINITIONS[f]) for f in ("M", "V") if f"...{f}" in text)


def gid(kind: str, number: int) -> str:
    return f"gid://shopify/{kind}/{number}"


class Receiver:
    """An endpoint that keeps what it is sent and answers as told."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.answer: Callable[[int], int] = lambda _count: 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(receiver.answer(len(receiver.received)))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/webhooks/shopify"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def topics(self) -> list[str]:
        return [headers["x-shopify-topic"] for headers, _ in self.received]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Stand:
    """A stand-in in this process with one shop, and the app installed in it."""

    def __init__(self, directory: Path, receiver: Receiver, *, clock_file: Path | None = None, **settings: Any) -> None:
        self.receiver = receiver
        self.server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True, request_handler=KeepAlive)
        port = self.server.server_port
        self.base = f"http://127.0.0.1:{port}"
        self.redirect_uri = "http://127.0.0.1:9/oauth/callback"
        app = App(CLIENT_ID, SECRET, "http://127.0.0.1:9/oauth/launch", (self.redirect_uri,))
        self.store = Store(
            Settings(
                directory,
                self.base,
                app,
                clock_file=clock_file,
                compliance_uri=receiver.url,
                **{"retry_compression": 100_000.0, **settings},
            )
        )
        self.server.app = create_app(self.store)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        self.store.start()
        self.token = ""
        self.origin = f"{self.base}/shops/{SHOP}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.store.stop()

    # --- the control API ---

    def control(self, method: str, path: str, body: Any = None, status: int | None = None) -> Any:
        answer = requests.request(method, f"{self.base}/control{path}", json=body, timeout=60)
        if status is not None:
            assert answer.status_code == status, answer.text
        else:
            assert answer.ok, answer.text
        return answer.json()

    def shop(self, method: str, path: str, body: Any = None, status: int | None = None) -> Any:
        return self.control(method, f"/shops/{SHOP}{path}", body, status)

    def create_shop(self, **wanted: Any) -> Any:
        return self.control("POST", "/shops", {"shop": SHOP, "currency": "USD", **wanted})

    def product(self, price: str = "10.00", **wanted: Any) -> Any:
        return self.shop("POST", "/products", {"title": "Linen throw", "price": price, **wanted})

    def order(self, *lines: dict[str, Any], **wanted: Any) -> Any:
        return self.shop("POST", "/orders", {"lines": list(lines), **wanted})

    def act(self, order_id: int, act: str, body: Any = None, status: int | None = None) -> Any:
        return self.shop("POST", f"/orders/{order_id}/{act}", body or {}, status)

    def body(self, order_id: int) -> Any:
        return self.shop("GET", f"/orders/{order_id}/body")

    def quiesce(self) -> dict[str, int]:
        counts: dict[str, int] = self.control("POST", "/quiesce", {"timeout": 20})["counts"]
        return counts

    # --- Shopify's own API ---

    def code(self, scopes: str = SCOPES, state: str = "abc") -> str:
        """Walk through the consent screen; the address that the browser is sent to."""
        session = requests.Session()
        asked = {"client_id": CLIENT_ID, "scope": scopes, "redirect_uri": self.redirect_uri, "state": state}
        page = session.get(f"{self.origin}/admin/oauth/authorize", params=asked, timeout=10)
        assert page.status_code == 200, page.text
        form = {k: html.unescape(v) for k, v in re.findall(r'name="(\w+)" value="([^"]*)"', page.text)}
        form["decision"] = "install"
        answer = session.post(f"{self.origin}/admin/oauth/authorize", data=form, allow_redirects=False, timeout=10)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def exchange(self, **form: str) -> requests.Response:
        sent = {"client_id": CLIENT_ID, "client_secret": SECRET, **form}
        return requests.post(f"{self.origin}/admin/oauth/access_token", data=sent, timeout=10)

    def install(self, scopes: str = SCOPES) -> dict[str, Any]:
        code = re.search(r"code=(\w+)", self.code(scopes))
        assert code is not None
        answer = self.exchange(code=code.group(1), expiring="1")
        assert answer.status_code == 200, answer.text
        grant: dict[str, Any] = answer.json()
        self.token = grant["access_token"]
        return grant

    def raw(self, query: str, variables: Any = None, token: str | None = None) -> requests.Response:
        return requests.post(
            f"{self.origin}/admin/api/2026-10/graphql.json",
            json={"query": query, "variables": variables or {}},
            headers={"X-Shopify-Access-Token": self.token if token is None else token},
            timeout=30,
        )

    def ask(self, query: str, variables: Any = None) -> Any:
        """The data of an answer; waits where the bucket is empty."""
        for _ in range(40):
            answer = self.raw(query, variables).json()
            errors = answer.get("errors") or []
            if errors and errors[0].get("extensions", {}).get("code") == "THROTTLED":
                time.sleep(0.2)
                continue
            assert not errors, errors
            return answer["data"]
        raise AssertionError("throttled for ever")

    def subscribe(self, *topics: str, **wanted: Any) -> list[str]:
        ids = []
        for topic in topics:
            variables = {"topic": topic, "sub": {"uri": self.receiver.url, **wanted}}
            made = self.ask(operation("HookCreate"), variables)["webhookSubscriptionCreate"]
            assert not made["userErrors"], made
            ids.append(made["webhookSubscription"]["id"])
        return ids

    def bulk(self, query: str) -> dict[str, Any]:
        """Run a bulk query to its end."""
        started = self.ask(operation("BulkStart"), {"q": query})["bulkOperationRunQuery"]
        assert not started["userErrors"], started
        return self.bulk_end(started["bulkOperation"]["id"])

    def bulk_end(self, operation_id: str) -> dict[str, Any]:
        for _ in range(400):
            found: dict[str, Any] = self.ask(operation("BulkById"), {"id": operation_id})["bulkOperation"]
            if found["status"] not in ("CREATED", "RUNNING", "CANCELING"):
                return found
            time.sleep(0.05)
        raise AssertionError("the bulk operation does not end")
