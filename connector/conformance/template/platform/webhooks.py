"""Example's deliveries: what changed, by its id; orders and products are read afterwards."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from connector.conformance.template.platform.client import api
from connector.conformance.template.platform.payloads import Notice
from connector.conformance.template.platform.settings import ExampleSettings
from connector.errors import PayloadUnreadable, SignatureRejected
from connector.events import Event, Ignored, OrderStub, ProductGone, ProductStub, ShopLeft, Unrecognised
from connector.platforms.contract import Client, Delivery, Envelope, Hook
from connector.platforms.reading import decode, moment

HEADER = "x-example-signature"
UNREADABLE = "unreadable"

TOPICS: Mapping[str, str] = MappingProxyType(
    {
        "order.changed": "OrderStub",
        "product.changed": "ProductStub",
        "product.deleted": "ProductGone",
        "key.revoked": "ShopLeft",
    }
)
IGNORED: Mapping[str, str] = MappingProxyType({"customer.changed": "we keep no customers"})


class Webhooks:
    """The contract's `Webhooks` for Example."""

    topics = TOPICS
    ignored = IGNORED

    def verify(self, delivery: Delivery, settings: ExampleSettings) -> Envelope:
        """Hex HMAC-SHA256 over the exact bytes, with a secret that we made for this store alone."""
        given = delivery.headers.get(HEADER, "").encode("utf-8", "replace")
        matched = False
        for secret in delivery.secrets:
            wanted = hmac.new(secret.encode(), delivery.body, hashlib.sha256).hexdigest().encode()
            matched |= hmac.compare_digest(wanted, given)
        if not matched:
            raise SignatureRejected("the delivery's signature is wrong")
        try:
            notice = msgspec.json.decode(delivery.body, type=Notice)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return Envelope(delivery.domain, UNREADABLE)  # kept and parked: somebody signed it
        try:
            at = moment(notice.at, "$.at") if notice.at else None
        except PayloadUnreadable:
            at = None
        return Envelope(delivery.domain, notice.event[:100], notice.id, triggered_at=at)

    def subject(self, envelope: Envelope, body: bytes) -> tuple[str | None, str | None]:
        try:
            notice = msgspec.json.decode(body, type=Notice)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None, None
        return notice.order or None, notice.product or None

    def translate(self, envelope: Envelope, body: bytes, currency: str) -> list[Event]:
        topic = envelope.topic
        if topic in IGNORED:
            return [Ignored(topic)]
        if topic == UNREADABLE:
            raise PayloadUnreadable("$", "isn't a notice")
        kind = TOPICS.get(topic)
        if kind is None:
            return [Unrecognised(topic)]
        notice = decode(body, Notice)
        if kind == "ShopLeft":
            return [ShopLeft()]
        ref = notice.order if kind == "OrderStub" else notice.product
        if not ref:
            raise PayloadUnreadable("$.order" if kind == "OrderStub" else "$.product", "is missing")
        match kind:
            case "OrderStub":
                return [OrderStub(ref)]
            case "ProductGone":
                return [ProductGone(ref)]
            case _:
                return [ProductStub(ref)]

    def greeting(self, delivery: Delivery) -> bool:
        """Example tries no address."""
        return False

    def subscribe(self, client: Client, hook: Hook) -> list[str]:
        """One hook takes all events; putting it again changes nothing."""
        rest = api(client)
        if rest.get("/hook").read(dict[str, str]).get("address") == hook.address:
            return []
        rest.post("/hook", {"address": hook.address, "secret": hook.secret}, method="PUT")
        return sorted(TOPICS)
