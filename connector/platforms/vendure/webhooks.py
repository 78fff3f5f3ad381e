"""Deliveries of our own plug-in in the store (`plugin/`): what happened to which order or product, and nothing else.

Vendure itself posts nothing. The plug-in signs with the secret that was made for the shop: HMAC-SHA256 in hex over
delivery id, topic, timestamp and the exact body, each followed by a line feed but for the body. The bodies are thin, so
a delivery that is played again costs one read of the store and changes nothing; its time is therefore no reason to
refuse it (a merchant's clock may be wrong, and a delivery may have waited for a day).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

import msgspec

from connector.errors import BodyOfAnotherShop, PayloadUnreadable, PlatformRefused, SignatureRejected
from connector.events import Event, OrderStub, ProductGone, ProductStub, StockSeen, Unrecognised
from connector.platforms.contract import Client, Delivery, Envelope, Hook
from connector.platforms.reading import decode
from connector.platforms.vendure import documents
from connector.platforms.vendure.client import UnknownField, ask, refusal, send
from connector.platforms.vendure.payloads import (
    HookAnswer,
    HookSetAnswer,
    OrderBody,
    ProductBody,
    StockBody,
    SubjectBody,
)
from connector.platforms.vendure.settings import VendureSettings

TOPICS: Mapping[str, str] = MappingProxyType(
    {
        "order.placed": "OrderStub",
        "order.changed": "OrderStub",  # its state
        "payment.changed": "OrderStub",
        "refund.changed": "OrderStub",  # the only news of a refund: the order itself doesn't move
        "fulfilment.changed": "OrderStub",
        "product.changed": "ProductStub",  # or one of its variants, their prices, the channels that it is in
        "product.deleted": "ProductGone",
        "stock.changed": "StockSeen",
    }
)
# The plug-in is ours and sends nothing that nobody reads.
IGNORED: Mapping[str, str] = MappingProxyType({})
PREFIX = "x-vendure-"
LONGEST_REF = 64


class Webhooks:
    """The contract's `Webhooks` for Vendure."""

    topics = TOPICS
    ignored = IGNORED

    def verify(self, delivery: Delivery, settings: VendureSettings) -> Envelope:
        """Whose it is says the address; the secret proves it. Headers are under the signature, but for the try's
        number."""
        head = {name: delivery.headers.get(f"{PREFIX}{name}", "") for name in ("id", "topic", "timestamp")}
        given = delivery.headers.get(f"{PREFIX}signature", "").encode("utf-8", "replace")
        signed = "".join(f"{value}\n" for value in head.values()).encode("utf-8", "surrogateescape") + delivery.body
        matched = False
        for secret in delivery.secrets:
            if secret:
                wanted = b"sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode()
                matched |= hmac.compare_digest(wanted, given)
        if not matched or not head["id"]:
            raise SignatureRejected("the delivery's signature is wrong")
        return Envelope(
            domain=delivery.domain,
            topic=head["topic"][:100],
            delivery_ref=head["id"][:100],
            triggered_at=_time(head["timestamp"]),
        )

    def subject(self, envelope: Envelope, body: bytes) -> tuple[str | None, str | None]:
        kind = TOPICS.get(envelope.topic)
        try:
            found = msgspec.json.decode(body, type=SubjectBody)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None, None
        if kind == "OrderStub":
            return _short(found.order), None
        if kind in ("ProductStub", "ProductGone"):
            return None, _short(found.product)
        return None, None

    def translate(self, envelope: Envelope, body: bytes, currency: str) -> list[Event]:
        match TOPICS.get(envelope.topic):
            case None:
                return [Unrecognised(envelope.topic)]
            case "OrderStub":
                order = decode(body, OrderBody)
                _same_channel(envelope, order.channel)
                return [OrderStub(_ref(order.order, "$.order"))]
            case "StockSeen":
                stock = decode(body, StockBody)
                _same_channel(envelope, stock.channel)
                return [StockSeen(_ref(stock.variant, "$.variant"), None)]
            case kind:
                product = decode(body, ProductBody)
                _same_channel(envelope, product.channel)
                ref = _ref(product.product, "$.product")
                return [ProductGone(ref) if kind == "ProductGone" else ProductStub(ref)]

    def greeting(self, delivery: Delivery) -> bool:
        """The plug-in signs whatever it sends."""
        return False

    def subscribe(self, client: Client, hook: Hook) -> list[str]:
        """Tell the plug-in where to post, and with which secret: two custom fields of the channel.

        A store without the plug-in is polled: nothing to do. One whose key may not change the channel is told by the
        merchant. Errors: PlatformRefused for a plug-in that posts elsewhere and that we may not set.
        """
        found = _installed(client)
        if found is None:
            return []
        channel_id, address, secret = found
        if address == hook.address and secret in (hook.secret, None):
            return []
        _set_hook(client, channel_id, hook)
        return list(TOPICS)


class Parting:
    """The contract's `Parting` for Vendure."""

    def part(self, client: Client, hook: Hook) -> None:
        """The plug-in stops posting. The key is the merchant's to revoke: no key may remove itself."""
        found = _installed(client)
        if found is not None and found[1]:
            _set_hook(client, found[0], Hook("", ""))


def _installed(client: Client) -> tuple[str, str, str | None] | None:
    """(channel id, address, secret) as the plug-in has them; None where it isn't installed.

    The secret is None where the key may not see it (only one that may change the channel sees it).
    """
    try:
        reply, answered = send(client, documents.HOOK, {})
    except UnknownField:
        return None
    problems = [p for p in reply.errors or [] if not p.where.endswith("connectorSecret")]
    if problems:
        error = refusal(problems, answered.headers, client.domain)
        if isinstance(error, UnknownField):
            return None
        raise error
    channel = decode(reply.data, HookAnswer).active_channel
    fields = channel.custom_fields
    if fields is None:
        return None
    seen = fields.connector_secret or ""
    return channel.id, fields.connector_address or "", None if reply.errors else seen


def _set_hook(client: Client, channel_id: str, hook: Hook) -> None:
    fields = {"connectorAddress": hook.address or None, "connectorSecret": hook.secret or None}
    try:
        made = ask(
            client, documents.SET_HOOK, {"input": {"id": channel_id, "customFields": fields}}, HookSetAnswer
        ).update_channel
    except PlatformRefused as error:
        raise PlatformRefused(
            f"{client.domain}: our plug-in is installed and isn't told where to post: the key's role lacks "
            "UpdateChannel. Add it, or paste address and secret in Settings, Channels"
        ) from error
    if made.error_code:
        raise PlatformRefused(f"{client.domain}: the channel wasn't changed ({made.error_code[:60]})")


def _same_channel(envelope: Envelope, named: str | None) -> None:
    """The plug-in posts for each channel to that channel's own address."""
    own = envelope.domain.rpartition("/channel-")[2]
    if named is not None and named != own:
        raise BodyOfAnotherShop("$.channel", "names another channel than the address was made for")


def _ref(text: str, path: str) -> str:
    if not _short(text):
        raise PayloadUnreadable(path, "isn't an id")
    return text


def _short(text: str | None) -> str | None:
    fit = text is not None and 0 < len(text) <= LONGEST_REF and text.isascii() and text.isprintable()
    return text if fit else None


def _time(text: str) -> datetime | None:
    """Whole seconds; an unreadable time is no reason to lose a delivery."""
    try:
        return datetime.fromtimestamp(int(text), UTC) if text.isascii() and text.isdigit() and len(text) < 12 else None
    except (ValueError, OverflowError, OSError):
        return None
