"""What our plug-in in the store posts: ids, signed with the shop's own secret. Medusa itself posts nothing.

A delivery's signature is of its id, topic, time and body, so none of them can be changed; the time is that of the try,
and an old one is refused. Nothing in a body is believed but whose news it is: the order or product is read.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

import msgspec

from connector import clock
from connector.errors import PayloadUnreadable, PlatformRefused, SignatureRejected
from connector.events import Event, Ignored, OrderStub, ProductGone, ProductStub, StockSeen, Unrecognised
from connector.platforms.contract import Client, Delivery, Envelope, Hook
from connector.platforms.medusa.calls import admin, read
from connector.platforms.medusa.payloads import NewsBody, PluginAnswer
from connector.platforms.medusa.settings import MedusaSettings
from connector.platforms.reading import decode

# Medusa's own words for its events (@medusajs/utils, core-flows/events), and what each becomes.
TOPICS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "order.placed", "order.updated", "order.canceled", "order.completed", "order.archived",
                "order.fulfillment_created", "order.fulfillment_canceled", "order.return_requested",
                "order.return_received", "order.claim_created", "order.exchange_created", "order-edit.confirmed",
                "payment.captured", "payment.refunded", "shipment.created", "delivery.created",
            ),
            "OrderStub",
        ),
        **dict.fromkeys(
            (
                "product.created", "product.updated", "product-variant.created", "product-variant.updated",
                "product-variant.deleted",
            ),
            "ProductStub",
        ),
        "product.deleted": "ProductGone",
        **dict.fromkeys(
            (
                "inventory.inventory-level.created", "inventory.inventory-level.updated",
                "inventory.inventory-level.deleted",
            ),
            "StockSeen",
        ),
    }
)  # fmt: skip
IGNORED: Mapping[str, str] = MappingProxyType(
    {
        "order.transfer_requested": "an order changes its customer's account: nothing that earns changes",
        "order-edit.requested": "an edit that isn't confirmed may be dropped; order-edit.confirmed follows",
        "order-edit.canceled": "an edit that was never made",
    }
)
_REF = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SIGNATURE = re.compile(r"sha256=([0-9a-f]{64})")
_PLUGIN = "/admin/connector"


class Webhooks:
    """The contract's `Webhooks` for Medusa."""

    topics: Mapping[str, str] = TOPICS
    ignored: Mapping[str, str] = IGNORED

    def verify(self, delivery: Delivery, settings: MedusaSettings) -> Envelope:
        headers = delivery.headers
        identity, topic = headers.get("x-medusa-id", ""), headers.get("x-medusa-topic", "")
        stamp = headers.get("x-medusa-timestamp", "")
        given = _SIGNATURE.fullmatch(headers.get("x-medusa-signature", ""))
        if given is None:
            raise SignatureRejected("the signature is absent or isn't one")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
            raise SignatureRejected("the delivery's time isn't a number of seconds")
        try:
            signed = f"{identity}\n{topic}\n{stamp}\n".encode("ascii") + delivery.body
        except UnicodeEncodeError:
            raise SignatureRejected("a signed header isn't ASCII") from None
        if not any(_same(secret, signed, given[1]) for secret in delivery.secrets if secret):
            raise SignatureRejected("the signature is wrong")
        age = clock.wall().timestamp() - int(stamp)
        if abs(age) > settings.clock_skew_seconds:
            raise SignatureRejected(f"the delivery says that it is {age:.0f} seconds old: the store's clock is wrong")
        return Envelope(
            domain=delivery.domain, topic=topic, delivery_ref=identity or None,
            triggered_at=datetime.fromtimestamp(int(stamp), UTC),
        )  # fmt: skip

    def subject(self, envelope: Envelope, body: bytes) -> tuple[str | None, str | None]:
        try:
            data = msgspec.json.decode(body, type=NewsBody).data
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None, None
        return data.order, data.product

    def translate(self, envelope: Envelope, body: bytes, currency: str) -> list[Event]:
        topic = envelope.topic
        if topic in self.ignored:
            return [Ignored(topic)]
        kind = self.topics.get(topic)
        if kind is None:
            return [Unrecognised(topic)]
        news = decode(body, NewsBody)
        if news.topic != topic:
            raise PayloadUnreadable("$.topic", f"is {news.topic[:40]!r} and the header says {topic}")
        if kind == "OrderStub":
            return [OrderStub(_ref(news.data.order, "$.data.order"))]
        if kind == "StockSeen":
            return [StockSeen(_ref(news.data.item, "$.data.item"), None)]
        product = _ref(news.data.product, "$.data.product")
        return [ProductGone(product) if kind == "ProductGone" else ProductStub(product)]

    def greeting(self, delivery: Delivery) -> bool:
        return False

    def subscribe(self, client: Client, hook: Hook) -> list[str]:
        """Tell our plug-in where to post and what to sign with. Without the plug-in nothing is put: orders are polled.

        Errors: PlatformRefused where the server's own environment sends our news elsewhere.
        """
        found = admin(client).find(_PLUGIN)
        if found is None:
            return []
        state = read(found, PluginAnswer).connector
        wanted = {"address": hook.address, "secret": hook.secret}
        if state.set_by == "environment":
            if state.address != hook.address:
                raise PlatformRefused(
                    f"{client.domain}: CONNECTOR_ADDRESS in the server's environment is another address than ours"
                )
            return []
        told = read(admin(client).post(_PLUGIN, wanted), PluginAnswer).connector
        if told.address != hook.address:
            raise PlatformRefused(f"{client.domain}: the plug-in did not take our address")
        return [] if state.address == hook.address else sorted(self.topics)

    def part(self, client: Client, hook: Hook) -> None:
        """The contract's `Parting`: the plug-in stays, and sends nothing more."""
        admin(client).delete(_PLUGIN)


def _same(secret: str, signed: bytes, given: str) -> bool:
    return hmac.compare_digest(hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest(), given)


def _ref(text: str | None, path: str) -> str:
    if text is None or _REF.fullmatch(text) is None:
        raise PayloadUnreadable(path, "is absent" if text is None else "isn't an id of Medusa's")
    return text
