"""WooCommerce's case for the conformance suite. Vectors: the fact sheet's; bodies: payloads/PROVENANCE.md."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from connector.conformance import Case, Read, Vector
from connector.platforms.contract import Http
from connector.platforms.woocommerce import PLATFORM
from connector.platforms.woocommerce.settings import WooCommerceSettings
from tests.platforms.woocommerce.kit import DOMAIN, PAYLOADS, SECRET, Sent, Shop, data, make_settings, recorded

HEADER = "x-wc-webhook-signature"


def settings(current: str, previous: str) -> WooCommerceSettings:
    """The secrets are the shop's, with the delivery: the settings have none."""
    return make_settings()


def sign(topic: str, body: bytes, secret: str) -> Mapping[str, str]:
    """As a delivery looks. Its topic's header is not what we go by: it isn't signed."""
    return {
        "Content-Type": "application/json",
        "User-Agent": "WooCommerce/9.5.1 Hookshot (WordPress/6.7.1)",
        "X-WC-Webhook-Source": f"https://{DOMAIN}/",
        "X-WC-Webhook-Topic": "order.updated",
        "X-WC-Webhook-Resource": "order",
        "X-WC-Webhook-Event": "updated",
        "X-WC-Webhook-ID": "12",
        "X-WC-Webhook-Delivery-ID": "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
        "X-WC-Webhook-Signature": base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode(),
    }


def vectors() -> list[Vector]:
    found = []
    for each in json.loads(recorded("api/signature_vectors.json"))["webhook"]:
        if each["secret"] == SECRET:  # one with another secret has a test of its own
            body = each["body"].encode()
            found.append(Vector(each["name"], {HEADER: each["x_wc_webhook_signature"]}, body, accepted=True))
    cafe = found[2]
    found += [
        Vector("the escapes resolved", cafe.headers, json.dumps(json.loads(cafe.body)).encode(), accepted=False),
        Vector("another body's", found[0].headers, cafe.body, accepted=False),
    ]
    return found


def read_of(name: str, refunds: str = "") -> Http:
    """The API's answers to reading the very version that a body tells."""
    body = json.loads(recorded(name))
    shop = Shop()
    shop.orders[body["id"]] = body
    shop.keys = ("access-secret-word", "")  # the suite's own

    def answer(request: Sent) -> Any:
        return data([json.loads(recorded(refunds))]) if refunds and request.path.endswith("/refunds") else None

    shop.before = answer
    return shop


CASE = Case(
    platform=PLATFORM,
    folder=PAYLOADS,
    topics={
        "order": "order",
        "order_deleted": "order.deleted",
        "order_refunded": "order.refunded",
        "product": "product",
        "product_deleted": "product.deleted",
        "product_variations": "product.variations",
    },
    domain=DOMAIN,
    currency="USD",
    sign=sign,
    signature_header=HEADER,
    secret=SECRET,
    settings=settings,
    vectors=vectors(),
    reads=[
        Read("order.created.json", "9120", lambda: read_of("order.created.json")),
        Read("order.story.json", "9200", lambda: read_of("order.story.json")),
        Read("order.tax_included.json", "9140", lambda: read_of("order.tax_included.json")),
    ],
    hosts={
        "LanternAndLoom.Example": DOMAIN,
        f"https://{DOMAIN}": DOMAIN,
        f"http://{DOMAIN}/": DOMAIN,
        f"https://{DOMAIN}:443/": DOMAIN,
        f"{DOMAIN}:8443": f"{DOMAIN}:8443",
        f"https://{DOMAIN}/Shop/": f"{DOMAIN}/Shop",
        f"https://www.{DOMAIN}/shop/wp-admin/admin.php?page=wc-settings&tab=advanced": f"www.{DOMAIN}/shop",
        f"https://{DOMAIN}/wp-json/wc/v3/orders": DOMAIN,
        f"{DOMAIN}/wp-login.php?redirect_to=x": DOMAIN,
        "shop.xn--caf-dma.example": "shop.xn--caf-dma.example",
    },
    not_hosts=[
        "shop", "shop.1", "10.0.0.1", "shop.example:0", "shop.example:65536", "shop.example:", "ftp://shop.example",
        "https://", "https:///shop", "shop.example//shop", "shop.example/./x", "shop.example/%2e%2e/",
        "caf\u00e9.example", "shop.example/sh op", "http://https://shop.example", "127.0.0.1:5000", "localhost:5000",
        "shop.example?x=/wp-admin/", "evil.example#shop.example/wp-admin/",
    ],
    path="/webhooks/woocommerce/k3y",
    tails={topic: f"/{topic.partition('.')[0]}" for topic in PLATFORM.webhooks.topics},
    any_host=True,
    stand_in=Shop,
    personal=["Mina", "Okafor", "18 Harbour Row", "mina@buyer.example", "503-555-0142", "203.0.113.9", "one broken",
              "wc_order_EXAMPLEKEY01"],
)  # fmt: skip
