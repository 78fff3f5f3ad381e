"""What the store behind asks of BigCommerce's face, with its hooks: thin bodies that name what changed.

A hook carries the headers that it was made with, and a signature by Standard Webhooks. Only 2xx is good; tries go on
for two days, then the hook is switched off. Source: integrations/webhooks of bigcommerce/docs, 2026-04-01; nobody has
seen the signature's headers on a real store.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from collections.abc import Sequence
from typing import Any, Literal

from sandbox.bigcommerce.bodies import Bodies
from sandbox.bigcommerce.oauth import OAuth, context
from sandbox.store import wire
from sandbox.store.clock import wall
from sandbox.store.face import Act, Parts, Paths
from sandbox.store.state import Doc
from sandbox.store.store import Store

SUFFIX = ".mybigcommerce.com"
# Seconds between tries, eleven of them in two days.
GAPS = (60.0, 180.0, 180.0, 300.0, 600.0, 900.0, 1200.0, 1800.0, 3600.0, 7200.0, 21_600.0, 50_400.0, 86_400.0)


def signature(secret: str, message_id: str, stamp: str, body: bytes) -> str:
    """webhook-signature: base64 of HMAC-SHA256 over `id.timestamp.body`."""
    message = b".".join((message_id.encode(), stamp.encode(), body))
    return "v1," + base64.b64encode(hmac.new(secret.encode(), message, hashlib.sha256).digest()).decode()


class BigCommerce:
    """The store's `Face` for BigCommerce. A shop's name is its hash."""

    platform = "bigcommerce"
    paths = Paths(product="/{handle}/", cart="/cart.php", add=("get", "/cart.php", "variant_id"))
    gaps: Sequence[float] = GAPS
    answer_seconds = 10.0
    id_header = "webhook-id"
    event_header = ""

    def __init__(self, store: Store, oauth: OAuth) -> None:
        self.store = store
        self.state = store.state
        self.oauth = oauth
        store.faces[self.platform] = self

    def name(self, wanted: str) -> str:
        return wanted.removeprefix("store-").removesuffix(SUFFIX)

    def domain(self, shop: Doc) -> str:
        return f"store-{shop['name']}{SUFFIX}"

    def root(self, shop: Doc) -> str:
        return f"/{self.platform}/{shop['name']}"

    def order_name(self, number: int, order_id: int) -> str:
        return f"#{order_id}"

    def one_number(self) -> bool:
        return False

    def installed(self, shop: Doc) -> bool:
        return self.oauth.installed(shop["name"])

    def bodies(self, shop: Doc) -> Bodies:
        return Bodies(self.state, shop, f"{self.store.base_url}{self.root(shop)}")

    # --- hooks ---

    def hooks(self, name: str) -> list[Doc]:
        return self.state.documents("bc_hook", name)

    def hook(self, name: str, number: int) -> Doc | None:
        found = self.state.document("bc_hook", str(number))
        return found if found is not None and found["shop"] == name else None

    def keep_hook(self, hook: Doc) -> None:
        self.state.put_document("bc_hook", str(hook["id"]), hook["shop"], hook)

    def tell(self, shop: Doc, scope: str, data: Doc, subject: str | None = None) -> None:
        """A delivery to each hook of the scope, or of one with a star above it."""
        now = int(self.store.clock.now().timestamp())
        body = {
            "scope": scope, "store_id": str(shop["id"]), "data": data, "created_at": now,
            "producer": context(shop["name"]),
            "hash": hashlib.sha1(f"{uuid.uuid4()}".encode(), usedforsecurity=False).hexdigest(),
        }  # fmt: skip
        for hook in self.hooks(shop["name"]):
            if not hook["is_active"] or not _covers(hook["scope"], scope):
                continue
            headers = {"Content-Type": "application/json", **(hook["headers"] or {}), "webhook-id": str(uuid.uuid4())}
            self.store.sending.add(
                shop, scope, hook["destination"], headers, wire.dumps(body), subscription=f"bc:{hook['id']}",
                triggered_at=self.store.clock.stamp(), subject=subject,
            )  # fmt: skip

    # --- what happens ---

    def shop_changed(self, shop: Doc) -> None:
        self.tell(shop, "store/information/updated", {"type": "store"})

    def product_changed(self, shop: Doc, product: Doc, act: Literal["created", "updated"]) -> None:
        data = {"type": "product", "id": product["id"]}
        self.tell(shop, f"store/product/{act}", data, f"product/{product['id']}")

    def product_deleted(self, shop: Doc, product_id: int) -> None:
        self.tell(shop, "store/product/deleted", {"type": "product", "id": product_id}, f"product/{product_id}")

    def stock_moved(self, shop: Doc, variant: Doc) -> None:
        """By an order, as all of it is here."""
        held = {"product_id": variant["product_id"], "variant_id": variant["id"], "method": "relative"}
        data = {"type": "sku", "id": variant["inventory_item_id"], "inventory": held}
        self.tell(shop, "store/sku/inventory/order/updated", data, f"product/{variant['product_id']}")

    def order_moved(self, shop: Doc, order: Doc, act: Act, parts: Parts) -> None:
        number, subject = order["id"], f"order/{order['id']}"

        def say(scope: str, **more: Any) -> None:
            self.tell(shop, scope, {"type": "order", "id": number, **more}, subject)

        if act == "placed":
            say("store/order/created")
            cart = str(order["cart_token"] or "")
            if self.state.document("bc_cart", cart) is not None:
                data = {"type": "cart", "id": cart, "orderId": number}
                self.tell(shop, "store/cart/converted", data, subject)
        for kind, doc in parts:
            if kind == "refund":
                say("store/order/refund/created", refund={"refund_id": doc["id"]})
            elif kind == "transaction":
                self._transaction(shop, order, doc, "updated" if act == "settled" else "created")
        say("store/order/updated")

    def _transaction(self, shop: Doc, order: Doc, doc: Doc, event: str) -> None:
        data = {
            "type": "transaction", "order_id": str(order["id"]), "transaction_id": str(doc["id"]),
            "transaction_status": {"success": "ok", "pending": "pending"}.get(doc["status"], "error"),
            "transaction_type": "refund" if doc["kind"] == "refund" else "capture",
        }  # fmt: skip
        self.tell(shop, f"store/order/transaction/{event}", data, f"order/{order['id']}")

    def order_deleted(self, shop: Doc, order: Doc) -> None:
        self.tell(shop, "store/order/archived", {"type": "order", "id": order["id"]}, f"order/{order['id']}")

    def uninstalled(self, shop: Doc) -> None:
        """The last delivery, then hooks and token are gone."""
        with self.state.writing():
            self.tell(shop, "store/app/uninstalled", {"type": "app"})
            for hook in self.hooks(shop["name"]):
                self.state.drop_document("bc_hook", str(hook["id"]))
            self.oauth.revoke(shop["name"])

    # --- deliveries ---

    def wrapped(self, shop: Doc, topic: str, subscription: str, headers: Doc, body: bytes) -> tuple[Doc, bytes] | None:
        stamp = str(int(wall()))
        secret, message_id = self.oauth.app.client_secret, str(headers["webhook-id"])
        made = {"webhook-timestamp": stamp, "webhook-signature": signature(secret, message_id, stamp, body)}
        return {**headers, **made}, body

    def good(self, status: int) -> bool:
        return 200 <= status < 300

    def heard(self, subscription: str, *, good: bool, last: bool) -> None:
        if good or not last:
            return
        hook = self.state.document("bc_hook", subscription.partition(":")[2])
        if hook is not None:
            self.keep_hook({**hook, "is_active": False})


def _covers(wanted: str, scope: str) -> bool:
    return wanted == scope or (wanted.endswith("/*") and scope.startswith(wanted[:-1]))
