"""What the suite needs to know of Example."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path

from connector.conformance import Case, Vector
from connector.conformance.template.platform import PLATFORM
from connector.conformance.template.platform.settings import ExampleSettings
from connector.conformance.template.platform.webhooks import HEADER
from connector.conformance.template.tests.kit import DOMAIN, Shop

FOLDER = Path(__file__).parent / "payloads"
SECRET = "made-up-example-secret-00000000000001"  # noqa: S105 - made up


def settings(current: str, previous: str) -> ExampleSettings:
    """The secrets are the shop's own, so that none of the app's stands here."""
    return ExampleSettings.model_validate({"env": "production"})


def sign(topic: str, body: bytes, secret: str) -> Mapping[str, str]:
    return {HEADER: hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


_BODY = (FOLDER / "order_changed.paid.json").read_bytes()

CASE = Case(
    platform=PLATFORM,
    folder=FOLDER,
    topics={
        "key_revoked": "key.revoked",
        "order_changed": "order.changed",
        "product_changed": "product.changed",
        "product_deleted": "product.deleted",
    },
    domain=DOMAIN,
    currency="USD",
    sign=sign,
    signature_header=HEADER,
    secret=SECRET,
    settings=settings,
    # Replace these by vectors that the platform's documentation prints, or that were recorded from it.
    vectors=[
        Vector("the body as it is", sign("", _BODY, SECRET), _BODY, True),
        Vector("another body", sign("", _BODY, SECRET), _BODY.replace(b"o77", b"o78"), False),
    ],
    hosts={"Sample.Shops.Example": DOMAIN},
    not_hosts=["shops.example", "sample.shops.example.evil.example", "https://sample.shops.example"],
    personal=["buyer@example.com"],
    stand_in=Shop,
    path="/webhooks/example/a-key-of-the-shop",
)
