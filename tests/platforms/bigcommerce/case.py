"""BigCommerce's case for the conformance suite. Vectors: the fact sheet's; bodies: payloads/PROVENANCE.md."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path

from connector.conformance import Case, Vector
from connector.platforms.bigcommerce import PLATFORM
from connector.platforms.bigcommerce.webhooks import SECRET_HEADER
from tests.platforms.bigcommerce.kit import DOMAIN, SECRET, VECTORS, Shop, settings

FOLDER = Path(__file__).parent / "payloads"


def sign(topic: str, body: bytes, secret: str, ref: str = "msg_demo_0002") -> Mapping[str, str]:
    """Both layers, with one word for the shop's secret and the app's."""
    message = b".".join((ref.encode(), b"1763755300", body))
    made = base64.b64encode(hmac.new(secret.encode(), message, hashlib.sha256).digest()).decode()
    return {
        "X-Connector-Secret": secret, "Webhook-Id": ref, "Webhook-Timestamp": "1763755300",
        "Webhook-Signature": f"v1,{made}",
    }  # fmt: skip


_SIGNED = VECTORS["standard_webhook"]
_BODY = (FOLDER / "order_created.one.json").read_bytes()
_OTHER = (FOLDER / "cart_converted.one.json").read_bytes()
_BY_APP: dict[str, str] = _SIGNED["headers"]
_BY_SHOP = {SECRET_HEADER: SECRET}
_BOTH = {**_BY_APP, **_BY_SHOP}


def _without(name: str) -> dict[str, str]:
    return {key: value for key, value in _BOTH.items() if key != name}


VECTORS_ = [
    Vector("both layers", _BOTH, _BODY, True),
    Vector("the shop's secret alone", _BY_SHOP, _BODY, True),
    Vector("two signatures", {**_BOTH, "webhook-signature": _SIGNED["two_signatures_header_also_valid"]}, _BODY, True),
    Vector("the signature alone", _BY_APP, _BODY, False),
    Vector("another time", {**_BOTH, "webhook-timestamp": _SIGNED["reject_wrong_timestamp"]}, _BODY, False),
    Vector("another id", {**_BOTH, "webhook-id": "msg_demo_0003"}, _BODY, False),
    Vector("another body", _BOTH, _OTHER, False),
    Vector("no id", _without("webhook-id"), _BODY, False),
    Vector("no time", _without("webhook-timestamp"), _BODY, False),
    Vector("no signature beside its id", _without("webhook-signature"), _BODY, False),
    Vector("an empty signature", {**_BOTH, "webhook-signature": ""}, _BODY, False),
    Vector("another shop's secret", {SECRET_HEADER: SECRET[:-1] + "2"}, _BODY, False),
    Vector("an empty secret", {SECRET_HEADER: ""}, _BODY, False),
    Vector("the secret as base64", {SECRET_HEADER: _SIGNED["library_secret_base64"]}, _BODY, False),
    Vector("nothing", {}, _BODY, False),
]

CASE = Case(
    platform=PLATFORM,
    folder=FOLDER,
    topics={
        "app_uninstalled": "store/app/uninstalled",
        "cart_converted": "store/cart/converted",
        "information_updated": "store/information/updated",
        "order_archived": "store/order/archived",
        "order_created": "store/order/created",
        "order_refund_created": "store/order/refund/created",
        "order_status_updated": "store/order/statusUpdated",
        "order_transaction_created": "store/order/transaction/created",
        "order_transaction_updated": "store/order/transaction/updated",
        "order_updated": "store/order/updated",
        "product_created": "store/product/created",
        "product_deleted": "store/product/deleted",
        "product_inventory_order_updated": "store/product/inventory/order/updated",
        "product_inventory_updated": "store/product/inventory/updated",
        "product_updated": "store/product/updated",
        "sku_created": "store/sku/created",
        "sku_deleted": "store/sku/deleted",
        "sku_inventory_order_updated": "store/sku/inventory/order/updated",
        "sku_inventory_updated": "store/sku/inventory/updated",
        "sku_updated": "store/sku/updated",
    },
    domain=DOMAIN,
    currency="USD",
    sign=sign,
    signature_header="webhook-signature",
    secret=SECRET,
    settings=settings,
    vectors=VECTORS_,
    path="/webhooks/bigcommerce/kEy0fTheShop",
    hosts={
        "stores/demo1hash": DOMAIN,
        "Store-Demo1Hash.MyBigCommerce.com": DOMAIN,
        f"https://{DOMAIN}": DOMAIN,
        f"https://{DOMAIN}/": DOMAIN,
        f"https://{DOMAIN}/manage": DOMAIN,
        f"https://{DOMAIN}/manage/settings/store-profile": DOMAIN,
    },
    not_hosts=[
        "demo1hash", "stores/", "stores/demo1hash/", "stores/demo1hash\n", "stores/Demo1hash", "stores/a/b",
        "stores/..%2f", "mybigcommerce.com", "store-.mybigcommerce.com", "store-demo_1.mybigcommerce.com",
        "demo1hash.mybigcommerce.com", "www.mybigcommerce.com", "store-demo1hash.mybigcommerce.com.evil.example",
        "store-demo1hash.mybigcommerce.io", f"http://{DOMAIN}", f"https://{DOMAIN}/manage/../x",
        f"https://{DOMAIN}/manage?x=1", f"https://{DOMAIN}/cart.php", f"https://x@{DOMAIN}", f"https://{DOMAIN}:443",
        "candles.example", "api.bigcommerce.com", "login.bigcommerce.com",
    ],
    stand_in=Shop,
    personal=["ana@example.com", "Ana Prueba"],
)  # fmt: skip
