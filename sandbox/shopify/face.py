"""What the store behind asks of Shopify's face: names, topics with their bodies, and how a delivery is signed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sandbox.shopify.bodies import product_body, shop_body, stock_body
from sandbox.shopify.deliveries import ANSWER_TIME, GAPS, Deliveries, signature
from sandbox.shopify.oauth import OAuth
from sandbox.shopify.order_bodies import OrderBody
from sandbox.store import orders
from sandbox.store.face import Act, Parts, Paths
from sandbox.store.state import Doc, State

SUFFIX = ".myshopify.com"


class Shopify:
    """The store's `Face` for Shopify."""

    platform = "shopify"
    paths = Paths()
    gaps: Sequence[float] = GAPS
    answer_seconds = ANSWER_TIME
    id_header = "X-Shopify-Webhook-Id"
    event_header = "X-Shopify-Event-Id"

    def __init__(self, state: State, oauth: OAuth, deliveries: Deliveries, base_url: str, secret: str) -> None:
        self.state = state
        self.oauth = oauth
        self.deliveries = deliveries
        self.base_url = base_url
        self.secret = secret

    def name(self, wanted: str) -> str:
        return wanted if wanted.endswith(SUFFIX) else wanted + SUFFIX

    def domain(self, shop: Doc) -> str:
        return str(shop["name"])

    def root(self, shop: Doc) -> str:
        return f"/shops/{shop['name']}"

    def order_name(self, number: int, order_id: int) -> str:
        return f"#{1000 + number}"

    def one_number(self) -> bool:
        return False

    def installed(self, shop: Doc) -> bool:
        return self.oauth.installed(shop["name"])

    # --- what happens ---

    def shop_changed(self, shop: Doc) -> None:
        self.deliveries.emit(shop, [("shop/update", shop_body(shop))])

    def product_changed(self, shop: Doc, product: Doc, act: Literal["created", "updated"]) -> None:
        files = f"{self.base_url}/shops/{shop['name']}/files"
        body = product_body(shop, product, self.state.variants(product["id"]), files)
        topic = "products/create" if act == "created" else "products/update"
        self.deliveries.emit(shop, [(topic, body)], f"product/{product['id']}")

    def product_deleted(self, shop: Doc, product_id: int) -> None:
        self.deliveries.emit(shop, [("products/delete", {"id": product_id})], f"product/{product_id}")

    def stock_moved(self, shop: Doc, variant: Doc) -> None:
        self.deliveries.emit(shop, [("inventory_levels/update", stock_body(shop, variant))])

    def order_moved(self, shop: Doc, order: Doc, act: Act, parts: Parts) -> None:
        """The parts' own topics first, then the order's, all of one event."""
        body = self.body(shop, order)
        extra = [told for kind, doc in parts if (told := _part(body, kind, doc)) is not None]
        whole = body.order_body()
        own = [(topic, whole) for topic in _topics(shop, order, act, parts)]
        self.deliveries.emit(shop, [*extra, *own], f"order/{order['id']}")

    def order_deleted(self, shop: Doc, order: Doc) -> None:
        self.deliveries.emit(shop, [("orders/delete", {"id": order["id"]})], f"order/{order['id']}")

    def body(self, shop: Doc, order: Doc) -> OrderBody:
        return OrderBody(shop, order, lambda table, number: self.state.exists(table, shop["name"], number))

    # --- deliveries ---

    def wrapped(self, shop: Doc, topic: str, subscription: str, headers: Doc, body: bytes) -> tuple[Doc, bytes]:
        return {**headers, "X-Shopify-Hmac-Sha256": signature(self.secret, body)}, body

    def good(self, status: int) -> bool:
        return 200 <= status < 300

    def heard(self, subscription: str, *, good: bool, last: bool) -> None:
        """Shopify deletes a subscription whose delivery failed to the last try."""
        if last and not good and subscription.isdigit():
            self.state.drop_document("subscription", subscription)


def _topics(shop: Doc, order: Doc, act: Act, parts: Parts) -> list[str]:
    paid = orders.financial_status(order) == "paid"
    match act:
        case "placed":
            told = ["orders/create", *(["orders/paid"] if paid else [])]
            return [*told, *(["orders/updated"] if shop["orders_updated_on_create"] else [])]
        case "paid":
            return [*(["orders/paid"] if paid else []), "orders/updated"]
        case "fulfilled":
            whole = orders.fulfillment_status(order) == "fulfilled"
            return ["orders/fulfilled" if whole else "orders/partially_fulfilled", "orders/updated"]
        case "edited":
            collected = any(kind == "transaction" and doc["kind"] in ("sale", "capture") for kind, doc in parts)
            return ["orders/updated", *(["orders/paid"] if collected and paid else [])]
        case "cancelled":
            return ["orders/cancelled", "orders/updated"]
        case "disputed":
            return []
        case _:
            return ["orders/updated"]


def _part(body: OrderBody, kind: str, doc: Doc) -> tuple[str, Doc] | None:
    match kind:
        case "transaction":  # fires for those that succeeded or failed, not for pending ones
            if doc["status"] not in ("success", "failure", "error"):
                return None
            return "order_transactions/create", body.transaction(doc)
        case "refund":
            return "refunds/create", body.refund(doc)
        case "edit":
            return "orders/edited", body.edit(doc)
        case "fulfilment_made":
            return "fulfillments/create", body.fulfillment(doc)
        case "fulfilment_moved":
            return "fulfillments/update", body.fulfillment(doc)
        case "dispute_made":
            return "disputes/create", body.dispute(doc)
        case _:
            return "disputes/update", body.dispute(doc)
