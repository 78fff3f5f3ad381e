"""Shopify's case for the conformance suite. Vectors: the fact sheet's section 10; bodies: payloads/PROVENANCE.md."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import SecretStr

from connector.conformance import Case, Read, Vector
from connector.platforms.contract import Envelope
from connector.platforms.shopify import PLATFORM
from connector.platforms.shopify.settings import ShopifySettings
from tests.platforms.shopify.shop import Shop

FOLDER = Path(__file__).parent / "payloads"
SECRET = "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"
DOMAIN = "sample-shop.myshopify.com"
HEADER = "x-shopify-hmac-sha256"


def settings(current: str, previous: str) -> ShopifySettings:
    return ShopifySettings(
        _env_file=None, env="production", client_id="0a1b2c3d4e5f60718293a4b5c6d7e8f9",
        client_secret=SecretStr(current), client_secret_previous=SecretStr(previous),
    )  # fmt: skip


def sign(topic: str, body: bytes, secret: str) -> Mapping[str, str]:
    return {
        "X-Shopify-Topic": topic,
        "X-Shopify-Shop-Domain": DOMAIN,
        "X-Shopify-API-Version": "2026-10",
        "X-Shopify-Webhook-Id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        "X-Shopify-Event-Id": "98880550-7158-44d4-b7cd-2c97c8a091b5",
        "X-Shopify-Triggered-At": "2026-11-20T15:15:33.123456789Z",
        "X-Shopify-Hmac-Sha256": base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode(),
    }


def recorded(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


CAFE = '{"title":"Café & tea"}'.encode()
W1 = b'{"id":8000000000001}'
VECTORS = [
    Vector("W1", {HEADER: "8MZM9Vk3aebWQiTKSDtNARTrnGWg2Ar6wwF9xYlqHf4="}, W1, True),
    Vector("W1 with another digit", {HEADER: "8MZM9Vk3aebWQiTKSDtNARTrnGWg2Ar6wwF9xYlqHf4="}, W1[:-2] + b"2}", False),
    Vector("W-utf8", {HEADER: "RmRd2oT4nuboBTX2bJpOGlbcjjLeYOKvSLgHbISmyIM="}, CAFE, True),
    Vector("W-utf8 written anew", {HEADER: "ngts/V+UQh9edmTENToTpcJywCyJH+jS/9t1ZlTarg8="}, CAFE, False),
    Vector("W-utf8 without X-", {"shopify-hmac-sha256": "RmRd2oT4nuboBTX2bJpOGlbcjjLeYOKvSLgHbISmyIM="}, CAFE, True),
    Vector("W1 in hex", {HEADER: "f0c64cf5593769e6d64224ca483b4d0114eb9c65a0d80afac3017dc5896a1dfe"}, W1, False),
    *(
        Vector(name, {HEADER: signature}, recorded(file), True)
        for name, file, signature in (
            ("W2", "orders_create.with_code.json", "J3Uts8eR1lBhxQB71tM8X21CKBrBbxM9R9+gD+hyneU="),
            ("W3", "refunds_create.one_unit.json", "v+aN8ZWN+HsmvVOP3zMqVRecIIfjWMjwMD1sfqUZ69o="),
            ("W4", "app_uninstalled.shop.json", "JYCW6B2m38qf3B5vx0eth5t09Hw21X38nEgopKZoT34="),
            ("W5", "customers_redact.one_order.json", "a0TMog/Zq5OBGrkwhMOL3/j1Sazn1JiMZHUU277CRS0="),
        )
    ),
]


@dataclass
class Recorded:
    """An answer of the API, as it was recorded."""

    content: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def lines(self) -> Iterator[bytes]:
        yield from self.content.splitlines()

    def close(self) -> None: ...


class Answers:
    """A way out that answers by the document's name."""

    def __init__(self, **by_operation: bytes) -> None:
        self.by_operation = by_operation
        self.asked: list[str] = []

    def send(self, method: str, url: str, *, body: bytes | None = None, **given: Any) -> Recorded:
        operation = json.loads(body or b"")["query"].split()[1].partition("(")[0]
        self.asked.append(operation)
        return Recorded(self.by_operation[operation])


def bag(amount: str) -> dict[str, Any]:
    return {"shopMoney": {"amount": amount, "currencyCode": "USD"}}


def order_answer() -> dict[str, Any]:
    """The recorded answer, and what our own document asks for beyond the sheet's: the values are the body's."""
    answer: dict[str, Any] = json.loads(recorded("api/graphql_order_for_settlement.json"))
    done = {"hasNextPage": False, "endCursor": None}
    answer["data"]["order"] |= {
        "shippingLines": {
            "pageInfo": done,
            "nodes": [{"isRemoved": False, "discountedPriceSet": bag("10.0"), "discountAllocations": []}],
        },
        "refunds": [{"id": "gid://shopify/Refund/910000000001"}],
        "fulfillments": [],
    }
    return answer


def aftermath_answer() -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(recorded("api/graphql_order_refunds.json"))
    answer["data"]["order"]["fulfillments"] = []
    return answer


def recorded_read() -> Answers:
    order, aftermath = order_answer(), aftermath_answer()
    whole = order["data"]["order"] | {"everyRefund": aftermath["data"]["order"]["refunds"], "parcels": []}
    return Answers(
        Order=json.dumps(order).encode(),
        Aftermath=json.dumps(aftermath).encode(),
        Orders=json.dumps({"data": {"nodes": [whole]}}).encode(),
    )


def bought(url: str) -> tuple[Envelope, bytes]:
    """What Shopify makes of a cart permalink that is followed and paid."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, strict_parsing=True))
    packed = query["properties"]
    properties = json.loads(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
    order = json.loads(recorded("orders_create.with_code.json"))
    cart = [line.split(":") for line in parts.path.removeprefix("/cart/").split(",")]
    template = order["line_items"][1]
    order["line_items"] = [
        {**template, "id": 1 + n, "variant_id": int(variant), "quantity": int(quantity), "properties": []}
        for n, (variant, quantity) in enumerate(cart)
    ]
    order["line_items"][0]["properties"] = [{"name": k, "value": v} for k, v in properties.items()]
    order["note_attributes"] = [
        {"name": key.removeprefix("attributes[").removesuffix("]"), "value": value}
        for key, value in query.items()
        if key.startswith("attributes[")
    ]
    order["landing_site"] = f"{parts.path}?{parts.query}"
    order["landing_site_ref"] = order["reference"] = order["source_identifier"] = query["ref"]
    return Envelope(domain=DOMAIN, topic="orders/create"), json.dumps(order).encode()


def session_token(host: str, now: datetime, secret: str) -> str:
    """A session token as App Bridge gives it: HS256 over the claims of the fact sheet's section 1.4."""

    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    at = int(now.timestamp())
    claims = {
        "iss": f"https://{host}/admin", "dest": f"https://{host}", "aud": settings("", "").client_id, "sub": "42",
        "exp": at + 55, "nbf": at - 5, "iat": at - 5, "jti": "j", "sid": "s",
    }  # fmt: skip
    head = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}"
    made = hmac.new(secret.encode(), head.encode(), hashlib.sha256).digest()
    return f"{head}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"


CASE = Case(
    stand_in=Shop,
    platform=PLATFORM,
    folder=FOLDER,
    topics={
        "app_scopes_update": "app/scopes_update",
        "app_uninstalled": "app/uninstalled",
        "bulk_operations_finish": "bulk_operations/finish",
        "customers_data_request": "customers/data_request",
        "customers_redact": "customers/redact",
        "disputes_create": "disputes/create",
        "disputes_update": "disputes/update",
        "fulfillments_create": "fulfillments/create",
        "fulfillments_update": "fulfillments/update",
        "inventory_levels_update": "inventory_levels/update",
        "order_transactions_create": "order_transactions/create",
        "orders_cancelled": "orders/cancelled",
        "orders_create": "orders/create",
        "orders_delete": "orders/delete",
        "orders_edited": "orders/edited",
        "orders_fulfilled": "orders/fulfilled",
        "orders_paid": "orders/paid",
        "orders_partially_fulfilled": "orders/partially_fulfilled",
        "orders_updated": "orders/updated",
        "products_create": "products/create",
        "products_delete": "products/delete",
        "products_update": "products/update",
        "refunds_create": "refunds/create",
        "shop_redact": "shop/redact",
        "shop_update": "shop/update",
    },
    domain=DOMAIN,
    currency="USD",
    sign=sign,
    signature_header=HEADER,
    secret=SECRET,
    settings=settings,
    vectors=VECTORS,
    reads=[Read("orders_updated.after_refund.json", "7100000000001", recorded_read)],
    hosts={
        "Sample-Shop.MyShopify.com": DOMAIN,
        "admin.shopify.com/store/sample-shop": DOMAIN,
        "https://admin.shopify.com/store/Sample-Shop": DOMAIN,
    },
    not_hosts=[
        "evil.com/x.myshopify.com",
        "a.myshopify.com.evil.com",
        "a.myshopify.com\n",
        "myshopify.com",
        ".myshopify.com",
        "a.b.myshopify.com",
        "sample_shop.myshopify.com",
        "sample-shop.shopify.com",
        "sample-shop.myshopify.io",
        "sample-shop.shop.dev",
        "https://sample-shop.myshopify.com",
        "sample-shop.myshopify.com/",
        "http://admin.shopify.com/store/x",
        "admin.shopify.com/store/",
        "admin.shopify.com/store/x/apps",
        "admin.shopify.com/store/x\n",
        "admin.shopify.com/store/x.evil.com/",
        "evil.admin.shopify.com/store/x",
        "admin.shopify.com.evil.com/store/x",
    ],
    bought=bought,
    session_token=session_token,
    personal=[
        "Ana",
        "Prueba",
        "Calle Uno 1",
        "ana@example.com",
        "203.0.113.7",
        "owner@example.com",
        "support@example.com",
        "Sam Sample",
        "+34600000000",
        "authenticate?key=def",
        "one arrived broken",
        "c0ffee00c0ffee00c0ffee00c0ffee00",
    ],
)
