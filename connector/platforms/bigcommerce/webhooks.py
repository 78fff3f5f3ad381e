"""BigCommerce's deliveries: thin bodies, proven by a secret header of the shop's own and, where it comes, a signature.

    first layer     a header with a long random secret, which we gave when we subscribed: always, in constant time
    second layer    Standard Webhooks over `id.timestamp.body` with the client secret: where any of its three headers
                    is there, all of them must be, and hold

No window of time is kept: BigCommerce tries for two days, and nobody says whether a repeat is stamped anew. A replay is
met by the delivery's id, and costs one more look at the order at most. `hash` is a digest of the body without a key: it
tells a repeat, and proves nothing.
Source: integrations/webhooks/{overview,https-webhook-overview,events/index}.mdx and reference/webhooks.v3.yml of
bigcommerce/docs, 2026-04-01; standard-webhooks.com for the header's form (fact sheet, section 4).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from urllib.parse import urlsplit

import msgspec

from connector.errors import BodyOfAnotherShop, PayloadUnreadable, PlatformRefused, SignatureRejected
from connector.events import (
    Event,
    Ignored,
    OrderStub,
    ProductGone,
    ProductStub,
    ShopLeft,
    StockSeen,
    Unrecognised,
)
from connector.platforms.bigcommerce import ids
from connector.platforms.bigcommerce.client import Envelope as Answer
from connector.platforms.bigcommerce.client import all_data, rest
from connector.platforms.bigcommerce.payloads import HookBody, HookData, HookNode, HookScope
from connector.platforms.bigcommerce.settings import BigCommerceSettings
from connector.platforms.contract import Client, Delivery, Envelope, Hook
from connector.platforms.reading import decode
from connector.platforms.rest import Rest

SECRET_HEADER = "x-connector-secret"  # noqa: S105 - a header's name
SIGNED = ("webhook-id", "webhook-timestamp", "webhook-signature")
_SIGNATURE = re.compile(r"v1,[A-Za-z0-9+/]{43}=|v\d{1,2}[a-z]?,[A-Za-z0-9+/=_-]{1,200}", re.ASCII)
_STAMP = re.compile(r"\d{1,12}", re.ASCII)
_ID = re.compile(r"[\x21-\x7e]{1,200}", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{40}", re.ASCII)

TOPICS: Mapping[str, str] = MappingProxyType(
    {
        "store/order/created": "OrderStub",  # also fires for orders that were never paid: status 0
        "store/order/updated": "OrderStub",
        "store/order/statusUpdated": "OrderStub",
        "store/order/archived": "OrderStub",
        "store/order/refund/created": "OrderStub",
        "store/order/transaction/created": "OrderStub",  # Ignored for money coming in
        "store/order/transaction/updated": "OrderStub",  # the only news of a refund that the provider declined
        "store/cart/converted": "OrderStub",
        "store/product/created": "ProductStub",
        "store/product/updated": "ProductStub",
        "store/product/deleted": "ProductGone",
        "store/sku/created": "ProductStub",
        "store/sku/updated": "ProductStub",
        "store/sku/deleted": "ProductStub",
        "store/product/inventory/updated": "StockSeen",
        "store/product/inventory/order/updated": "StockSeen",
        "store/sku/inventory/updated": "StockSeen",
        "store/sku/inventory/order/updated": "StockSeen",
        "store/app/uninstalled": "ShopLeft",
    }
)

IGNORED: Mapping[str, str] = MappingProxyType(
    {
        "store/information/updated": "says nothing of what changed; every sync run asks the store for its facts first",
        "store/order/message/created": "messages are between the merchant and the buyer",
        "store/order/metafield/created": "our token rides on the cart, and is read with the order",
        "store/order/metafield/updated": "as store/order/metafield/created",
        "store/order/metafield/deleted": "as store/order/metafield/created",
        "store/shipment/created": "store/order/updated follows, and the shipments are read with the order",
        "store/shipment/updated": "as store/shipment/created",
        "store/shipment/deleted": "as store/shipment/created",
        "store/cart/created": "carts hold people's choices before they buy; the order has all we need",
        "store/cart/updated": "as store/cart/created",
        "store/cart/deleted": "as store/cart/created",
        "store/cart/abandoned": "as store/cart/created",
        "store/cart/couponApplied": "as store/cart/created",
        "store/customer/created": "we keep no customers",
        "store/customer/updated": "we keep no customers",
        "store/customer/deleted": "we keep no customers",
        "store/category/created": "the shoppable list has no categories of the store",
        "store/category/updated": "as store/category/created",
        "store/category/deleted": "as store/category/created",
    }
)

# store/order/updated comes for every change of a status too, so this one would only repeat it.
_NOT_NEEDED = frozenset({"store/order/statusUpdated"})


class Webhooks:
    """The contract's `Webhooks` for BigCommerce."""

    topics = TOPICS
    ignored = IGNORED

    def verify(self, delivery: Delivery, settings: BigCommerceSettings) -> Envelope:
        """The address says whose it is, the secret proves it; topic, time and hash are the proven body's."""
        given = delivery.headers.get(SECRET_HEADER, "").encode("utf-8", "replace")
        matched = False
        for secret in delivery.secrets:
            matched |= bool(secret) and hmac.compare_digest(secret.encode(), given)
        if not matched or not delivery.domain:
            raise SignatureRejected("the delivery's secret is wrong")
        if any(name in delivery.headers for name in SIGNED):
            _check_signature(delivery, settings.secrets())
        try:
            found = msgspec.json.decode(delivery.body, type=HookScope)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            found = HookScope()
        own = delivery.headers.get("webhook-id")
        repeat = f"hash:{found.hash}" if _HASH.fullmatch(found.hash) else None
        return Envelope(
            domain=delivery.domain,
            topic=found.scope[:100],
            delivery_ref=own[:200] if own else repeat,
            triggered_at=_moment(found.created_at),
        )

    def subject(self, envelope: Envelope, body: bytes) -> tuple[str | None, str | None]:
        """What a body is about that nobody has checked yet; a body that can't be read is about nothing."""
        kind = TOPICS.get(envelope.topic)
        try:
            found = msgspec.json.decode(body, type=HookBody)
            if kind == "OrderStub":
                return _order(envelope.topic, found.data), None
            if kind in ("ProductStub", "ProductGone", "StockSeen"):
                return None, _product(found.data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, PayloadUnreadable):
            pass
        return None, None

    def translate(self, envelope: Envelope, body: bytes, currency: str) -> list[Event]:
        """One delivery is one event. A body without a topic can't be read, or it would have one."""
        topic = envelope.topic
        if topic in IGNORED:
            return [Ignored(topic)]
        kind = TOPICS.get(topic)
        if kind is None and topic:
            return [Unrecognised(topic)]
        found = decode(body, HookBody)
        if ids.of_context(found.producer) != envelope.domain:
            raise BodyOfAnotherShop("$.producer", "names another store than the delivery's address")
        match kind:
            case None:
                raise PayloadUnreadable("$.scope", "is empty")
            case "ShopLeft":
                return [ShopLeft()]
            case "OrderStub":
                if "/transaction/" in topic and found.data.transaction_type != "refund":
                    return [Ignored(topic)]  # money coming in is in the order's own status
                return [OrderStub(_order(topic, found.data))]
            case "ProductGone":
                return [ProductGone(_product(found.data))]
            case "StockSeen":
                return [StockSeen(_product(found.data), None)]
            case _:
                return [ProductStub(_product(found.data))]

    def greeting(self, delivery: Delivery) -> bool:
        """BigCommerce tries no address."""
        return False

    def subscribe(self, client: Client, hook: Hook) -> list[str]:
        """Each topic to the shop's own address with the shop's secret; one that was switched off is switched on again,
        one with another secret is given ours. Those of ours to another address go once the new ones stand.

        Errors: PlatformRefused naming the topics that BigCommerce refused (the others stand).
        """
        _check_address(hook.address, client.settings)
        api = rest(client)
        headers = {SECRET_HEADER: hook.secret}
        standing, moved = _standing(api, hook.address)
        put: list[str] = []
        refused: dict[str, str] = {}
        for topic in TOPICS:
            if topic in _NOT_NEEDED:
                continue
            node = standing.get(topic)
            if node is not None and node.is_active and _secret_of(node) == hook.secret:
                continue
            entry = {"scope": topic, "destination": hook.address, "is_active": True, "headers": headers}
            try:
                if node is None:
                    api.post("/v3/hooks", entry).read(Answer[HookNode])
                else:
                    api.post(f"/v3/hooks/{node.id}", entry, method="PUT")
            except PlatformRefused as error:
                refused[topic] = str(error)
                continue
            put.append(topic)
        for node in moved:  # only now: until here the old address still heard
            api.delete(f"/v3/hooks/{node.id}")
        if refused:  # but for those that somebody else made meanwhile: one scope and address can be had once
            made, _ = _standing(api, hook.address)
            left = [f"{topic}: {why}" for topic, why in refused.items() if topic not in made]
            if left:
                raise PlatformRefused(f"{client.domain}: BigCommerce refused subscriptions: " + "; ".join(left)[:1000])
        return put


class Parting:
    """The contract's `Parting`. The token itself can't be given back: it ends when the app is removed."""

    def part(self, client: Client, hook: Hook) -> None:
        api = rest(client)
        standing, moved = _standing(api, hook.address)
        for node in (*standing.values(), *moved):
            api.delete(f"/v3/hooks/{node.id}")


def _standing(api: Rest, address: str) -> tuple[dict[str, HookNode], list[HookNode]]:
    """Topic → our subscription to the address; and those of ours to another one, or a second time to the same."""
    standing: dict[str, HookNode] = {}
    moved: list[HookNode] = []
    for node in all_data(api, "/v3/hooks", {}, HookNode):
        if node.destination == address and node.scope not in standing:
            standing[node.scope] = node
        elif node.destination == address or _ours_elsewhere(node.destination, address):
            moved.append(node)
    return standing, moved


def _ours_elsewhere(destination: str, address: str) -> bool:
    """Does it deliver to a path of this platform's on any host: to where we were before the public URL changed?"""
    path = urlsplit(address).path.rpartition("/")[0]
    return bool(path) and urlsplit(destination).path.rpartition("/")[0] == path


def _check_address(address: str, settings: BigCommerceSettings) -> None:
    """BigCommerce delivers to https on port 443 only, and says so to nobody. Errors: PlatformRefused."""
    parts = urlsplit(address)
    if not settings.dev and (parts.scheme != "https" or parts.port not in (None, 443)):
        raise PlatformRefused(
            "BigCommerce delivers only to https on port 443: set CONNECTOR_PUBLIC_URL to such an address"
        )


def _secret_of(node: HookNode) -> str | None:
    """Header names may come back in another case than they were given."""
    return next((value for name, value in (node.headers or {}).items() if name.lower() == SECRET_HEADER), None)


def _check_signature(delivery: Delivery, secrets: Sequence[bytes]) -> None:
    """Standard Webhooks, strictly: one space between signatures, and nothing else in the header."""
    message_id, stamp, given = (delivery.headers.get(name, "") for name in SIGNED)
    listed = given.split(" ") if len(given) < 4096 else []
    if not _ID.fullmatch(message_id) or not _STAMP.fullmatch(stamp) or not all(map(_SIGNATURE.fullmatch, listed)):
        raise SignatureRejected("the delivery's signature has no form that we know")
    message = b".".join((message_id.encode(), stamp.encode(), delivery.body))
    matched = False
    for secret in secrets:
        wanted = b"v1," + base64.b64encode(hmac.new(secret, message, hashlib.sha256).digest())
        for each in listed:
            matched |= hmac.compare_digest(wanted, each.encode())
    if not matched:
        raise SignatureRejected("the delivery's signature is wrong")


def _order(topic: str, data: HookData) -> str:
    if topic == "store/cart/converted":
        return _id(data.cart_order, "$.data.orderId")
    if "/transaction/" in topic:
        return _id(data.order_id, "$.data.order_id")
    return _id(data.id, "$.data.id")


def _product(data: HookData) -> str:
    """A message about a SKU names its product beside it; `id` is the SKU's own then."""
    inside = data.sku or data.inventory
    return _id(inside.product_id, "$.data.product_id") if inside is not None else _id(data.id, "$.data.id")


def _id(value: int | str | None, path: str) -> str:
    """Errors: PayloadUnreadable for what is no id: absent, a word, below one, longer than any."""
    text = str(value) if value is not None else ""
    if not (text.isascii() and text.isdigit() and 0 < len(text) <= 18) or text.startswith("0"):
        raise PayloadUnreadable(path, "isn't an id")
    return text


def _moment(seconds: int | None) -> datetime | None:
    """A time that can't be read is no reason to lose a delivery."""
    if seconds is None or not 0 < seconds < 10**11:
        return None
    return datetime.fromtimestamp(seconds, UTC)
