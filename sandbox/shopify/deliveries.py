"""Webhook subscriptions and Shopify's deliveries: topics, headers, signature, repeats.

Shopify's rule: 5 seconds for an answer, any 2xx counts, 8 tries over 4 hours, then the subscription is deleted.
Source: shopify.dev/changelog/updates-to-webhook-retry-mechanism and /docs/apps/build/webhooks, read 2026-11.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from datetime import timedelta
from urllib.parse import urlsplit

from sandbox.shopify.bodies import shop_body
from sandbox.shopify.fields import API_VERSION, Call
from sandbox.store import wire
from sandbox.store.clock import Clock
from sandbox.store.sending import Sending
from sandbox.store.state import Doc, State

TRIES = 8
RETRY_SPAN = 4 * 3600.0  # seconds from the first try to the eighth
FIRST_GAP = RETRY_SPAN / (2 ** (TRIES - 1) - 1)  # gaps double: 1 + 2 + … + 64 = 127 parts
GAPS = tuple(FIRST_GAP * 2**n for n in range(TRIES - 1))
ANSWER_TIME = 5.0

# resources whose events may have more than one word: app/scopes_update, orders/partially_fulfilled
WHOLE_RESOURCES = ("APP", "ORDERS", "CUSTOMERS", "RETURNS", "PRODUCTS")

# a topic's beginning -> the scope that a subscription to it needs
TOPIC_SCOPES = {
    "ORDERS_": "read_orders",
    "REFUNDS_": "read_orders",
    "ORDER_TRANSACTIONS_": "read_orders",
    "FULFILLMENTS_": "read_fulfillments",
    "PRODUCTS_": "read_products",
    "INVENTORY_": "read_inventory",
    "DISPUTES_": "read_shopify_payments_disputes",
}


def topic_name(enum: str) -> str:
    """ORDERS_CREATE -> orders/create, ORDER_TRANSACTIONS_CREATE -> order_transactions/create."""
    for resource in WHOLE_RESOURCES:
        if enum.startswith(f"{resource}_"):
            return f"{resource}/{enum[len(resource) + 1 :]}".lower()
    left, _, right = enum.rpartition("_")
    return f"{left.lower()}/{right.lower()}"


def signature(secret: str, body: bytes) -> str:
    """X-Shopify-Hmac-Sha256: base64 of HMAC-SHA256 over the raw body."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


class Subscriptions:
    """webhookSubscriptionCreate, Update, Delete and the list, per shop."""

    def __init__(self, state: State, clock: Clock) -> None:
        self.state = state
        self.clock = clock

    def of_shop(self, shop: str) -> list[Doc]:
        return self.state.documents("subscription", shop)

    def find(self, shop: str, number: int | None) -> Doc | None:
        found = None if number is None else self.state.document("subscription", str(number))
        return found if found is not None and found["shop"] == shop else None

    def create(self, call: Call, topic: str, wanted: Doc) -> tuple[Doc | None, list[Doc]]:
        errors = self._errors(call, topic, wanted)
        uri = wanted.get("uri") or wanted.get("callbackUrl") or ""
        if any(s["topic"] == topic and s["uri"] == uri for s in self.of_shop(call.shop["name"])):
            errors.append(
                {
                    "field": ["webhookSubscription", "callbackUrl"],
                    "message": "Address for this topic has already been taken",
                }
            )
        if errors:
            return None, errors
        now = self.clock.stamp()
        with self.state.writing():
            number = self.state.next_id("subscription")
            made = {
                "id": number,
                "shop": call.shop["name"],
                "topic": topic,
                "uri": uri,
                "name": wanted.get("name"),
                "format": wanted.get("format") or "JSON",
                "filter": None,
                "include_fields": wanted.get("includeFields") or [],
                "metafield_namespaces": wanted.get("metafieldNamespaces") or [],
                "created_at": now,
                "updated_at": now,
            }
            self.state.put_document("subscription", str(number), call.shop["name"], made)
        return made, []

    def _errors(self, call: Call, topic: str, wanted: Doc) -> list[Doc]:
        where = ["webhookSubscription"]
        errors: list[Doc] = []
        uri = urlsplit(wanted.get("uri") or wanted.get("callbackUrl") or "")
        if uri.scheme not in ("http", "https") or not uri.hostname:
            errors.append({"field": [*where, "uri"], "message": "Address is invalid"})
        elif uri.scheme == "http" and uri.hostname not in ("127.0.0.1", "localhost", "::1"):
            errors.append({"field": [*where, "uri"], "message": "Address protocol http:// is not supported"})
        if wanted.get("filter"):
            errors.append({"field": [*where, "filter"], "message": "Filters are not supported by the sandbox"})
        needed = next((scope for start, scope in TOPIC_SCOPES.items() if topic.startswith(start)), None)
        if needed is not None and not call.has(needed):
            errors.append(
                {"field": ["topic"], "message": "You cannot create a webhook subscription with the specified topic"}
            )
        if len(wanted.get("name") or "") > 50:
            errors.append({"field": [*where, "name"], "message": "Name is too long (maximum is 50 characters)"})
        return errors

    def update(self, call: Call, number: int | None, wanted: Doc) -> tuple[Doc | None, list[Doc]]:
        found = self.find(call.shop["name"], number)
        if found is None:
            return None, [{"field": ["id"], "message": "Webhook subscription does not exist"}]
        uri = wanted.get("uri") or wanted.get("callbackUrl") or found["uri"]
        errors = self._errors(call, found["topic"], {**wanted, "uri": uri})
        if errors:
            return None, errors
        found["uri"] = uri
        if "includeFields" in wanted:
            found["include_fields"] = wanted["includeFields"] or []
        if "name" in wanted:
            found["name"] = wanted["name"]
        found["updated_at"] = self.clock.stamp()
        self.state.put_document("subscription", str(found["id"]), found["shop"], found)
        return found, []

    def delete(self, shop: str, number: int) -> bool:
        return self.find(shop, number) is not None and self.state.drop_document("subscription", str(number))


def trimmed(body: Doc, include: list[str]) -> Doc:
    """A body cut to include_fields; 'variants.id' keeps that key of each row."""
    if not include:
        return body
    wanted: dict[str, list[str]] = {}
    for path in include:
        head, _, tail = path.partition(".")
        wanted.setdefault(head, [])
        if tail:
            wanted[head].append(tail)
    made: Doc = {}
    for head, rest in wanted.items():
        if head not in body:
            continue
        value = body[head]
        if rest and isinstance(value, list):
            made[head] = [trimmed(row, rest) for row in value]
        elif rest and isinstance(value, dict):
            made[head] = trimmed(value, rest)
        else:
            made[head] = value
    return made


class Deliveries:
    """What Shopify tells its app, written to the store's outbox."""

    def __init__(self, sending: Sending, *, compliance_uri: str | None = None) -> None:
        self.sending = sending
        self.state = sending.state
        self.clock = sending.clock
        self.compliance_uri = compliance_uri

    def emit(self, shop: Doc, events: list[tuple[str, Doc]], subject: str | None = None) -> None:
        """Write one delivery per topic and subscription; all share one event id. Call inside `state.writing()`."""
        event_id = str(uuid.uuid4())
        for topic, body in events:
            for subscription in self.state.documents("subscription", shop["name"]):
                if topic_name(subscription["topic"]) == topic:
                    self._add(
                        shop, topic, trimmed(body, subscription["include_fields"]), subscription, subject, event_id
                    )

    def emit_compliance(self, shop: Doc, topic: str, body: Doc, *, after: float = 0.0) -> int | None:
        """A compliance topic goes to the address in the app's configuration, subscribed or not; `after` seconds."""
        if self.compliance_uri is None:
            return None
        with self.state.writing():
            pseudo = {"id": "app-configuration", "uri": self.compliance_uri, "name": None}
            return self._add(shop, topic, body, pseudo, None, str(uuid.uuid4()), after=after)

    def _add(
        self, shop: Doc, topic: str, body: Doc, subscription: Doc, subject: str | None, event_id: str,
        *, after: float = 0.0,
    ) -> int:  # fmt: skip
        name = shop["name"]
        now = self.clock.now() + timedelta(seconds=after)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Shopify-Captain-Hook",
            "X-Shopify-Topic": topic,
            "X-Shopify-Shop-Domain": name,
            "X-Shopify-API-Version": API_VERSION,
            "X-Shopify-Webhook-Id": str(uuid.uuid4()),
            "X-Shopify-Event-Id": event_id,
            "X-Shopify-Triggered-At": now.strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z",
        }
        if subscription["name"]:
            headers["X-Shopify-Name"] = subscription["name"]
        return self.sending.add(
            shop, topic, subscription["uri"], headers, wire.dumps(body), subscription=str(subscription["id"]),
            triggered_at=headers["X-Shopify-Triggered-At"], subject=subject, after=after / self.sending.compression,
        )  # fmt: skip

    def uninstalled(self, shop: Doc) -> None:
        """app/uninstalled goes out first, then the subscriptions of the shop are gone."""
        self.emit(shop, [("app/uninstalled", shop_body(shop))])
        for subscription in self.state.documents("subscription", shop["name"]):
            self.state.drop_document("subscription", str(subscription["id"]))
