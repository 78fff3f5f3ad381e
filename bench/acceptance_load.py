"""Load for `bench.acceptance`, a process of its own: a fixed number of signed 8 kB orders over a fixed number of
connections, each waiting for its answer before it sends the next. Prints one JSON line."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import selectors
import socket
import sys
import time
from dataclasses import dataclass, field

BODY_BYTES = 8000


def order(number: int) -> bytes:
    """A made-up order of about 8 kB with four lines, as the platform words them; no two alike."""
    lines = [
        {
            "id": number * 10 + k, "admin_graphql_api_id": f"gid://shopify/LineItem/{number * 10 + k}", "quantity": 1,
            "current_quantity": 1, "fulfillable_quantity": 1, "fulfillment_service": "manual", "grams": 350 + k,
            "fulfillment_status": None, "gift_card": False, "name": f"Stoneware mug {k} - blue", "vendor": "Pottery",
            "price": "19.99", "price_set": _money("19.99"), "product_exists": True, "product_id": 7100 + k,
            "properties": [{"name": "_connector_touch", "value": secrets.token_urlsafe(24)}], "sku": f"MUG-{k}",
            "requires_shipping": True, "taxable": True, "title": f"Stoneware mug {k}", "total_discount": "0.00",
            "total_discount_set": _money("0.00"), "variant_id": 8100 + k, "variant_title": "blue",
            "tax_lines": [{"price": "1.60", "price_set": _money("1.60"), "rate": 0.08, "title": "Tax"}],
            "duties": [], "discount_allocations": [],
        }
        for k in range(4)
    ]  # fmt: skip
    street = {
        "first_name": secrets.token_hex(4), "last_name": secrets.token_hex(5), "address1": f"{number} Main Street",
        "phone": None, "city": "Springfield", "zip": f"{number % 99999:05}", "province": "Oregon", "country": "US",
    }  # fmt: skip
    sums = ("subtotal", "total_tax", "total_shipping", "total_discounts", "total", "current_total", "current_tax")
    body = {
        "id": 10**12 + number, "admin_graphql_api_id": f"gid://shopify/Order/{10**12 + number}", "name": f"#{number}",
        "currency": "USD", "created_at": "2026-11-20T12:00:00-05:00", "updated_at": "2026-11-20T12:00:01-05:00",
        "financial_status": "paid", "taxes_included": False, "browser_ip": "192.0.2.7", "token": secrets.token_hex(16),
        "checkout_token": secrets.token_hex(16), "cart_token": secrets.token_hex(16), "landing_site": "/products/mug",
        "note_attributes": [{"name": "connector_touch", "value": secrets.token_urlsafe(24)}], "refunds": [],
        "billing_address": street, "shipping_address": street, "fulfillments": [], "discount_codes": [],
        "customer": {"id": number, "email": f"{secrets.token_hex(6)}@example.com", "default_address": street},
        "total_discounts": "0.00", "total_price": "86.36", "line_items": lines, "shipping_lines": [],
        **{f"{name}_set": _money(f"{number % 300}.36") for name in sums},
    }  # fmt: skip
    text = json.dumps(body)
    return json.dumps({**body, "note": "Please leave it at the door. " * ((BODY_BYTES - len(text)) // 29)}).encode()


def _money(amount: str) -> dict[str, dict[str, str]]:
    money = {"amount": amount, "currency_code": "USD"}
    return {"shop_money": money, "presentment_money": money}


def request(port: int, shop: str, secret: bytes, number: int) -> bytes:
    body = order(number)
    tag = base64.b64encode(hmac.new(secret, body, hashlib.sha256).digest()).decode()
    head = (
        f"POST /webhooks/shopify HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nX-Shopify-Topic: orders/create\r\nX-Shopify-Hmac-Sha256: {tag}\r\n"
        f"X-Shopify-Shop-Domain: {shop}\r\nX-Shopify-API-Version: 2026-10\r\n"
        f"X-Shopify-Webhook-Id: {secrets.token_hex(16)}\r\nX-Shopify-Event-Id: {secrets.token_hex(16)}\r\n"
        f"X-Shopify-Triggered-At: 2026-11-20T12:00:0{number % 10}.123456Z\r\nUser-Agent: Shopify-Captain-Hook\r\n\r\n"
    )
    return head.encode() + body


@dataclass(slots=True)
class _Lane:
    """One connection."""

    sock: socket.socket
    sent_at: float = 0.0
    answer: bytearray = field(default_factory=bytearray)


def run(port: int, connections: int, requests: list[bytes]) -> dict[str, float]:
    """Send all of them; requests a second and latencies in milliseconds. Errors: RuntimeError for a non-200."""
    chooser = selectors.DefaultSelector()
    waiting, times = iter(requests), []

    def send(lane: _Lane) -> bool:
        data = next(waiting, None)
        if data is None:
            chooser.unregister(lane.sock)
            lane.sock.close()
            return False
        lane.answer.clear()
        lane.sent_at = time.perf_counter()
        lane.sock.sendall(data)
        return True

    open_lanes, began = 0, time.perf_counter()
    for _ in range(connections):
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lane = _Lane(sock)
        chooser.register(sock, selectors.EVENT_READ, lane)
        open_lanes += send(lane)
    while open_lanes:
        for key, _ in chooser.select(timeout=30):
            lane = key.data
            part = lane.sock.recv(65536)
            lane.answer += part
            if not part:
                raise RuntimeError(f"the server closed a connection: {bytes(lane.answer)[:300]!r}")
            if not _whole(lane.answer):
                continue
            if not lane.answer.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"not 200: {bytes(lane.answer)[:300]!r}")
            times.append(time.perf_counter() - lane.sent_at)
            open_lanes -= not send(lane)
    seconds = time.perf_counter() - began
    times.sort()
    return {
        "rate": len(times) / seconds,
        "p50": times[len(times) // 2] * 1000,
        "p99": times[int(len(times) * 0.99)] * 1000,
        "worst": times[-1] * 1000,
    }


def _whole(answer: bytearray) -> bool:
    head, found, rest = bytes(answer).partition(b"\r\n\r\n")
    if not found:
        return False
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return len(rest) >= int(value)
    return rest.endswith(b"0\r\n\r\n")


def main() -> None:
    port, connections, number, warm, shop, secret = sys.argv[1:7]
    made = [request(int(port), shop, secret.encode(), k + int(warm)) for k in range(int(number) + int(warm))]
    run(int(port), int(connections), made[: int(warm)])
    print(json.dumps(run(int(port), int(connections), made[int(warm) :])), flush=True)


if __name__ == "__main__":
    main()
