"""Square's deliveries: summaries of what changed, signed over our address and the bytes. Orders are read afterwards.

One subscription of the application serves all sellers; who it is about stands in the signed body. Nothing but ids is
read of a body, and a repeat is known by its event id.
Source: Square's webhooks (fact sheet, section 4).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from connector.errors import NotFound, PayloadUnreadable, SignatureRejected
from connector.events import Event, Ignored, OrderStub, ShopLeft, StockSeen, Unrecognised
from connector.platforms.contract import Client, Delivery, Envelope, Hook
from connector.platforms.reading import decode, moment
from connector.platforms.square.authorize import MERCHANT
from connector.platforms.square.payloads import Head, Notice
from connector.platforms.square.settings import SquareSettings

HEADER = "x-square-hmacsha256-signature"
UNREADABLE = "unreadable"  # the topic of a body whose signature is right and which is no JSON

TOPICS: Mapping[str, str] = MappingProxyType(
    {
        "order.created": "OrderStub",
        "order.updated": "OrderStub",
        "order.fulfillment.updated": "OrderStub",
        # For years orders of the counter told of themselves by their payments only.
        "payment.created": "OrderStub",
        "payment.updated": "OrderStub",
        "refund.created": "OrderStub",  # names the order in which goods came back; reading it leads to the sale
        "refund.updated": "OrderStub",
        "inventory.count.updated": "StockSeen",
        "oauth.authorization.revoked": "ShopLeft",
    }
)

IGNORED: Mapping[str, str] = MappingProxyType(
    {
        "catalog.version.updated": "it names no item; what changed is asked for every few minutes",
        "customer.created": "we keep no customers",
        "customer.updated": "we keep no customers",
        "customer.deleted": "we keep no customers",
        "location.created": "locations are read with each list of orders",
        "location.updated": "as location.created",
        "merchant.settings.updated": "the profile is read by the daily look",
        "online_checkout.merchant_settings.updated": "nothing of ours hangs on it",
    }
)


class Webhooks:
    """The contract's `Webhooks` for Square."""

    topics = TOPICS
    ignored = IGNORED

    def verify(self, delivery: Delivery, settings: SquareSettings) -> Envelope:
        """Base64 HMAC-SHA256 over the notification URL and the bytes; the key is text, whatever it looks like."""
        given = delivery.headers.get(HEADER, "").encode("utf-8", "replace")
        message = (settings.notification_url or delivery.url).encode() + delivery.body
        matched = False
        for key in settings.signing_keys():
            wanted = base64.b64encode(hmac.new(key, message, hashlib.sha256).digest())
            matched |= hmac.compare_digest(wanted, given)
        if not matched:
            raise SignatureRejected("the delivery's signature is wrong")
        try:
            head = msgspec.json.decode(delivery.body, type=Head)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return Envelope(domain="", topic=UNREADABLE)
        try:
            at = moment(head.created_at, "$.created_at") if head.created_at else None
        except PayloadUnreadable:
            at = None
        return Envelope(
            domain=head.merchant_id if MERCHANT.fullmatch(head.merchant_id) else "",
            topic=head.type[:100] or UNREADABLE,
            delivery_ref=head.event_id or None,
            event_ref=head.event_id or None,
            triggered_at=at,
        )

    def subject(self, envelope: Envelope, body: bytes) -> tuple[str | None, str | None]:
        if TOPICS.get(envelope.topic) != "OrderStub":
            return None, None
        try:
            notice = msgspec.json.decode(body, type=Notice)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None, None
        return _order_ref(notice), None

    def translate(self, envelope: Envelope, body: bytes, currency: str) -> list[Event]:
        topic = envelope.topic
        if topic in IGNORED:
            return [Ignored(topic)]
        if topic == UNREADABLE:
            raise PayloadUnreadable("$", "isn't JSON in UTF-8")
        kind = TOPICS.get(topic)
        if kind is None:
            return [Unrecognised(topic)]
        notice = decode(body, Notice)
        about = notice.data.object
        match kind:
            case "OrderStub":
                order_ref = _order_ref(notice)
                if order_ref:
                    return [OrderStub(order_ref)]
                if about.payment is None and about.refund is None:
                    raise PayloadUnreadable("$.data.object", "names no order")
                return [Ignored(topic)]  # money that was taken or given back without any order
            case "StockSeen":
                if about.inventory_counts is None:
                    raise PayloadUnreadable("$.data.object.inventory_counts", "is missing")
                # Of one place, perhaps not the one that we sell from: what there is, is asked.
                refs = dict.fromkeys(count.catalog_object_id for count in about.inventory_counts)
                return [StockSeen(ref, None) for ref in refs] or [Ignored(topic)]
            case "ShopLeft":
                if about.revocation is None:
                    raise PayloadUnreadable("$.data.object.revocation", "is missing")
                # Our own revocation ends tokens that we gave up ourselves.
                return [Ignored(topic) if about.revocation.revoker_type == "APPLICATION" else ShopLeft()]
            case _:
                raise PayloadUnreadable("$", "isn't a notice of Square's")

    def greeting(self, delivery: Delivery) -> bool:
        """Square's test deliveries are signed."""
        return False

    def subscribe(self, client: Client, hook: Hook) -> list[str]:
        """The application's one subscription is made in Square's console (NOTES.md): a seller's token can't."""
        raise NotFound("Square's subscription belongs to the application, not to a seller")


def _order_ref(notice: Notice) -> str | None:
    about = notice.data.object
    for order in (about.order_created, about.order_updated, about.order_fulfillment_updated):
        if order is not None:
            return order.order_id or None
    for money in (about.payment, about.refund):
        if money is not None:
            return money.order_id or None
    return None
