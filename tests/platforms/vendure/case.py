"""Vendure's case for the conformance suite. Bodies and answers: payloads/PROVENANCE.md."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connector.conformance import Case, Read, Vector
from connector.platforms.vendure import PLATFORM
from tests.platforms.vendure.store import DOMAIN, Reply, Shop, make_settings

FOLDER = Path(__file__).parent / "payloads"
SECRET = "5e" * 32
HEADER = "x-vendure-signature"


def sign(topic: str, body: bytes, secret: str) -> Mapping[str, str]:
    head = {"id": "dbc14a1c-59a2-4f4c-8d72-3b7f5c0e6a11", "topic": topic, "timestamp": "1795785796"}
    signed = "".join(f"{value}\n" for value in head.values()).encode() + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return {**{f"X-Vendure-{name}": value for name, value in head.items()}, "X-Vendure-Signature": f"sha256={digest}"}


def recorded(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


class Answers:
    """A way out that answers by the document's name, with what a real store answered."""

    def __init__(self, **other: bytes) -> None:
        self.other = other

    def send(self, method: str, url: str, *, body: bytes | None = None, **given: Any) -> Reply:
        operation = json.loads(body or b"")["query"].split()[1].partition("(")[0].lower()
        return Reply(content=self.other.get(operation) or recorded(f"api/{operation}.json"))


# The plug-in's own signature over a recorded body (payloads/PROVENANCE.md).
V1 = json.loads(recorded("api/signed_by_the_plugin.json"))
VECTORS = [
    Vector("V1", V1["headers"], V1["body"].encode(), True),
    Vector("V1 of another order", V1["headers"], V1["body"].encode().replace(b'"order":"', b'"order":"1'), False),
    Vector("V1 as another topic", {**V1["headers"], "x-vendure-topic": "product.deleted"}, V1["body"].encode(), False),
    Vector("V1 as another delivery", {**V1["headers"], "x-vendure-id": "1"}, V1["body"].encode(), False),
    Vector("V1 at another time", {**V1["headers"], "x-vendure-timestamp": "1795785797"}, V1["body"].encode(), False),
    Vector("V1 at another try", {**V1["headers"], "x-vendure-attempt": "7"}, V1["body"].encode(), True),
]

CASE = Case(
    platform=PLATFORM,
    folder=FOLDER,
    topics={
        "order_placed": "order.placed",
        "order_changed": "order.changed",
        "payment_changed": "payment.changed",
        "refund_changed": "refund.changed",
        "fulfilment_changed": "fulfilment.changed",
        "product_changed": "product.changed",
        "product_deleted": "product.deleted",
        "stock_changed": "stock.changed",
    },
    domain=DOMAIN,
    currency="USD",
    sign=sign,
    signature_header=HEADER,
    secret=SECRET,
    settings=lambda current, previous: make_settings(),
    vectors=VECTORS,
    reads=[Read("refund_changed.real.json", "2", Answers)],
    hosts={
        "Shop.Example.com/channel-1": DOMAIN,
        "shop.example.com:8443/channel-1": "shop.example.com:8443/channel-1",
        "shop.example.com/eu/channel-7f1c": "shop.example.com/eu/channel-7f1c",
    },
    not_hosts=[
        "shop.example.com", "shop.example.com/", "shop.example.com/channel-", "shop.example.com/admin-api",
        "https://shop.example.com/channel-1", "shop.example.com//channel-1", "shop.example.com/../channel-1",
        "shop.example.com/channel-1/", "shop.example.com/channel-1 ", "shop.example.com:0/channel-1",
        "127.0.0.1/channel-1", "localhost/channel-1", "10.0.0.1/channel-1", "shop/channel-1",
        "shop.example.com/%2e%2e/channel-1", "shop.example.com/a.b/channel-1", "a" * 300 + ".com/channel-1",
    ],
    stand_in=Shop,
    personal=["ana@example.com"],
    path="/webhooks/vendure/kEy123",
)  # fmt: skip
