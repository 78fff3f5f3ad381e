"""Square's case for the conformance suite. Vectors: the fact sheet's; bodies: payloads/PROVENANCE.md."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path

from connector.conformance import Case, Vector
from connector.platforms.square import PLATFORM
from connector.platforms.square.webhooks import HEADER
from tests.platforms.square.kit import KEY, MERCHANT, URL, Shop, settings

FOLDER = Path(__file__).parent / "payloads"


def sign(topic: str, body: bytes, secret: str) -> Mapping[str, str]:
    made = hmac.new(secret.encode(), URL.encode() + body, hashlib.sha256).digest()
    return {HEADER: base64.b64encode(made).decode(), "square-retry-number": "1"}


_BODY = (FOLDER / "order_updated.open.json").read_bytes()


def _vector(name: str, signature: str, *, accepted: bool = False) -> Vector:
    return Vector(name, {HEADER: signature}, _BODY, accepted)


CASE = Case(
    platform=PLATFORM,
    folder=FOLDER,
    topics={
        "inventory_count_updated": "inventory.count.updated",
        "oauth_revoked": "oauth.authorization.revoked",
        "order_created": "order.created",
        "order_fulfillment_updated": "order.fulfillment.updated",
        "order_updated": "order.updated",
        "payment_created": "payment.created",
        "payment_updated": "payment.updated",
        "refund_created": "refund.created",
        "refund_updated": "refund.updated",
    },
    domain=MERCHANT,
    currency="USD",
    sign=sign,
    signature_header=HEADER,
    secret=KEY,
    settings=settings,
    vectors=[
        _vector("URL and body", "E577PK3sTcLJ3PjDRdGeNHgzEYYpahEic0m8PWIYeZ0=", accepted=True),
        _vector("a slash more at the URL's end", "MSws23v7MvrKfW5aLC2RyTrkgcxKDhRnvO7a5LXy7Is="),
        _vector("the URL with http", "/NoeBFhV6nEqRzaCGGQCQdK3CJy74Bre85g+QQQQqZs="),
        _vector("body before URL", "Oawz6GMw9ZekqwHAUdUwK1hUDWhv1+cVwMY4qdBpBog="),
        _vector("the body alone", "r8ZRCmvAcTK+VnwSYIeC9szk7ujkd3NyxLVMJ8YjVJI="),
        _vector("the key decoded as base64", "iQA2tzQorPvHVNeFzlMDusmGEbvYynO/fT85qbWX4K8="),
    ],
    hosts={MERCHANT: MERCHANT},
    not_hosts=["mldemo1", "MLDEMO1 ", "MLDEMO1\n", "squareup.com", "https://squareup.com/MLDEMO1", "", "ML", "ML/../1"],
    stand_in=Shop,
    personal=["ana@example.com", "one broken"],
)
