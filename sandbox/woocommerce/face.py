"""What the store behind asks of WooCommerce's face, with its webhooks.

A delivery goes into a queue, and its body is made when it goes out: it tells the state of that moment. One try, no
repeats; after the seventh failure in a row a webhook is switched off. Source: WooCommerce 9.5.1, seen 2026-11-21.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Sequence
from typing import Any, Literal

from sandbox.store import wire
from sandbox.store.face import Act, Parts, Paths
from sandbox.store.state import Doc, State
from sandbox.store.store import Store
from sandbox.woocommerce.bodies import Bodies

VERSION = "9.5.1"  # the one that was seen; a shop's `platform_version` says another
FAILURES = 5  # a webhook that has failed more often than this, and fails again, is switched off


def php(value: Any) -> bytes:
    """JSON as PHP writes it: slashes are escaped, and all beyond ASCII."""
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode()


def signature(secret: str, body: bytes) -> str:
    """X-WC-Webhook-Signature: base64 of HMAC-SHA256 over the raw body."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


class WooCommerce:
    """The store's `Face` for WooCommerce."""

    platform = "woocommerce"
    paths = Paths(product="/product/{handle}/", cart="/cart/", add=("get", "/cart/", "add-to-cart"))
    gaps: Sequence[float] = ()
    answer_seconds = 60.0
    id_header = "X-WC-Webhook-Delivery-ID"
    event_header = ""

    def __init__(self, store: Store, *, queue_seconds: float = 0.0) -> None:
        self.store = store
        self.state: State = store.state
        self.queue_seconds = queue_seconds
        store.faces[self.platform] = self

    def name(self, wanted: str) -> str:
        return wanted

    def root(self, shop: Doc) -> str:
        return f"/{self.platform}/{shop['name']}"

    def domain(self, shop: Doc) -> str:
        """A store is its address."""
        return f"{self.store.base_url.partition('://')[2]}{self.root(shop)}"

    def order_name(self, number: int, order_id: int) -> str:
        return str(order_id)

    def one_number(self) -> bool:
        return True

    def installed(self, shop: Doc) -> bool:
        return bool(self.state.documents("woo_key", shop["name"]))

    def bodies(self, shop: Doc) -> Bodies:
        return Bodies(self.state, shop, f"{self.store.base_url}{self.root(shop)}")

    # --- webhooks ---

    def hooks(self, name: str) -> list[Doc]:
        return self.state.documents("woo_hook", name)

    def hook(self, name: str, number: int) -> Doc | None:
        found = self.state.document("woo_hook", str(number))
        return found if found is not None and found["shop"] == name else None

    def keep_hook(self, hook: Doc) -> None:
        self.state.put_document("woo_hook", str(hook["id"]), hook["shop"], hook)

    def _tell(self, shop: Doc, topic: str, number: int) -> None:
        resource, _, event = topic.partition(".")
        for hook in self.hooks(shop["name"]):
            if hook["topic"] != topic or hook["status"] != "active":
                continue
            headers = {
                "Content-Type": "application/json",
                "User-Agent": f"WooCommerce/{shop.get('platform_version') or VERSION} Hookshot (WordPress/6.7.1)",
                "X-WC-Webhook-Source": f"{self.store.base_url}{self.root(shop)}/",
                "X-WC-Webhook-Topic": topic,
                "X-WC-Webhook-Resource": resource,
                "X-WC-Webhook-Event": event,
                "X-WC-Webhook-ID": str(hook["id"]),
                "X-WC-Webhook-Delivery-ID": uuid.uuid4().hex,
            }
            self.store.sending.add(
                shop, topic, hook["delivery_url"], headers, wire.dumps({"id": number}),
                subscription=f"woo:{hook['id']}", triggered_at=self.store.clock.stamp(),
                subject=f"{resource}/{number}", after=self.queue_seconds,
            )  # fmt: skip

    # --- what happens ---

    def shop_changed(self, shop: Doc) -> None:
        """No webhook tells of settings."""

    def product_changed(self, shop: Doc, product: Doc, act: Literal["created", "updated"]) -> None:
        self._tell(shop, f"product.{act}", product["id"])

    def product_deleted(self, shop: Doc, product_id: int) -> None:
        self._tell(shop, "product.deleted", product_id)

    def stock_moved(self, shop: Doc, variant: Doc) -> None:
        """The product's own webhook tells it."""

    def order_moved(self, shop: Doc, order: Doc, act: Act, parts: Parts) -> None:
        if act == "disputed":
            return
        if act == "placed":
            self._tell(shop, "order.created", order["id"])
        self._tell(shop, "order.updated", order["id"])

    def order_deleted(self, shop: Doc, order: Doc) -> None:
        self._tell(shop, "order.deleted", order["id"])

    # --- deliveries ---

    def wrapped(self, shop: Doc, topic: str, subscription: str, headers: Doc, body: bytes) -> tuple[Doc, bytes] | None:
        hook = self.hook(shop["name"], int(subscription.partition(":")[2]))
        if hook is None or hook["status"] != "active":
            return None
        content = php(self._now(shop, topic, int(wire.loads(body)["id"])))
        return {**headers, "X-WC-Webhook-Signature": signature(hook["secret"], content)}, content

    def _now(self, shop: Doc, topic: str, number: int) -> Doc:
        """The thing as it is when the delivery goes out; of one that is gone only its number."""
        try:
            if topic == "order.deleted" or topic == "product.deleted":
                return {"id": number}
            if topic.startswith("order."):
                return self.bodies(shop).order(self.state.order(shop["name"], number))
            product = self.state.product(shop["name"], number)
            return self.bodies(shop).product(product, self.state.variants(number))
        except KeyError:
            return {"id": number}

    def good(self, status: int) -> bool:
        return 200 <= status < 303

    def heard(self, subscription: str, *, good: bool, last: bool) -> None:
        number = subscription.partition(":")[2]
        with self.state.writing():
            hook = self.state.document("woo_hook", number)
            if hook is None or (good and not hook["failures"]):
                return
            if not good and hook["failures"] > FAILURES:
                hook["status"] = "disabled"
            hook["failures"] = 0 if good else hook["failures"] + 1
            self.keep_hook(hook)
