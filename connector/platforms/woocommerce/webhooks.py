"""A store's deliveries: what a body is, its signature, the translation, and the webhooks that we keep at the store.

Only the body is signed: neither the topic's header nor the address. So each resource has an address of its own
(`…/order`, `…/product`), and what a delivery is about is read from its body; the topics below are our own words for the
shapes that bodies have. A body is made when it is delivered, so it tells the present state whatever its topic was.

Two deliveries of one second have one `X-WC-Webhook-Delivery-ID`, so it names none. Source: the fact sheet, section 6,
[run] on WooCommerce 9.5.1.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import msgspec

from connector.errors import PayloadUnreadable, PlatformDown, PlatformRefused, SignatureRejected
from connector.events import Event, Ignored, OrderSeen, OrderStub, Product, ProductSeen, ProductStub, Unrecognised
from connector.platforms.contract import Client, Delivery, Envelope, Hook
from connector.platforms.reading import decode
from connector.platforms.woocommerce.bodies import FinerThanCurrency, to_buyer, to_hints, to_snapshot
from connector.platforms.woocommerce.catalog import SIMPLE, to_product
from connector.platforms.woocommerce.client import KeyRefused, Query, Store
from connector.platforms.woocommerce.payloads import HookBody, OrderBody, ProductBody, SubjectBody
from connector.platforms.woocommerce.settings import WooCommerceSettings

ORDER, PRODUCT = "order", "product"  # the tails of our address
TOPICS: Mapping[str, str] = MappingProxyType(
    {
        "order": "OrderSeen",
        "order.refunded": "OrderStub",  # it names its refunds without their lines: read again
        "order.deleted": "OrderStub",  # only its id, sent on trash: read again, since a trashed one can be read
        "product": "ProductSeen",
        "product.variations": "ProductStub",  # a variable product, a variation, or another type: read again whole
        "product.deleted": "ProductStub",  # only its id: the header that would say so isn't signed, so it is looked up
    }
)
# WooCommerce's own topics that we put no webhook for. Deliveries to our addresses never bear these words.
IGNORED: Mapping[str, str] = MappingProxyType(
    {
        "coupon.created": "a coupon that we hear of in an order is all we need",
        "coupon.updated": "as coupon.created",
        "coupon.deleted": "as coupon.created",
        "coupon.restored": "as coupon.created",
        "customer.created": "we keep no customers",
        "customer.updated": "we keep no customers",
        "customer.deleted": "we keep no customers",
        "action.woocommerce_order_refunded": "order.updated comes for every refund, with the whole order",
    }
)
# What we ask the store to post, and where to.
WANTED: Mapping[str, str] = MappingProxyType(
    {
        "order.created": ORDER,
        "order.updated": ORDER,
        "order.deleted": ORDER,
        "order.restored": ORDER,
        "product.created": PRODUCT,
        "product.updated": PRODUCT,
        "product.deleted": PRODUCT,
        "product.restored": PRODUCT,
    }
)
_PING = re.compile(rb"webhook_id=\d{1,20}", re.ASCII)


class Webhooks:
    """The contract's `Webhooks` for WooCommerce."""

    topics = TOPICS
    ignored = IGNORED

    def verify(self, delivery: Delivery, settings: WooCommerceSettings) -> Envelope:
        """Base64 HMAC-SHA256 over the exact bytes, with the secret that we made for this very address."""
        given = delivery.headers.get("x-wc-webhook-signature", "").encode("utf-8", "replace")
        matched = False
        for secret in delivery.secrets:
            wanted = base64.b64encode(hmac.new(secret.encode(), delivery.body, hashlib.sha256).digest())
            matched |= bool(secret) and hmac.compare_digest(wanted, given)
        if not matched:
            raise SignatureRejected("the delivery's signature is wrong")
        return Envelope(domain=delivery.domain, topic=_topic(delivery))

    def subject(self, envelope: Envelope, body: bytes) -> tuple[str | None, str | None]:
        room = envelope.topic.partition(".")[0]
        if room not in (ORDER, PRODUCT) or envelope.topic not in TOPICS:
            return None, None
        found = _subject(body)
        if found is None:
            return None, None
        if room == ORDER:
            return _id(found.id), None
        return None, (_id(found.parent_id) if found.type == "variation" else None) or _id(found.id)

    def translate(self, envelope: Envelope, body: bytes, currency: str) -> list[Event]:
        """One delivery is one event. Errors: PayloadUnreadable(path), also for a body that is the store's own error."""
        topic = envelope.topic
        if topic in IGNORED:
            return [Ignored(topic)]
        if topic not in TOPICS:
            return [Unrecognised(topic)]
        found = _subject(body)
        if found is not None and found.id is None and isinstance(found.code, str):
            raise PayloadUnreadable(
                "$.code",
                f"the store sends an error ({_word(found.code)}) in place of the {topic.partition('.')[0]}: whoever's "
                "key made this webhook lost its rights. Connecting the store again makes it anew",
            )
        match TOPICS[topic]:
            case "OrderSeen":
                return [_order(body)]
            case "OrderStub":
                return [OrderStub(_needed(found, body).order)]
            case "ProductSeen":
                return [_product(body, currency)]
            case _:
                return [ProductStub(_needed(found, body).product)]

    def greeting(self, delivery: Delivery) -> bool:
        """A new webhook's first call: a form with its number, and no signature."""
        return (
            "x-wc-webhook-signature" not in delivery.headers
            and delivery.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
            and _PING.fullmatch(delivery.body) is not None
        )

    def subscribe(self, client: Client, hook: Hook) -> list[str]:
        """One active webhook a topic, with our secret, made by the key that we hold now.

        The store never tells a webhook's secret, and delivers in the name of whoever made it. So the name of each says
        with which secret and key it was made; one with another name is made anew. What was switched off after failures
        is switched on; duplicates, and those to an address that we have left, go once the new ones stand.
        Errors: PlatformRefused naming what the store refused; those of the platform.
        """
        store = Store.of(client)
        name = _name(client, hook)
        standing: dict[str, HookBody] = {}
        surplus: list[HookBody] = []
        for each in _ours(store, hook):
            right = each.topic in WANTED and each.delivery_url == _address(hook, each.topic) and each.name == name
            if not right or each.topic in standing:
                surplus.append(each)
            else:
                standing[each.topic] = each
        put: list[str] = []
        refused: list[str] = []
        for topic in WANTED:
            try:
                if topic not in standing:
                    _make(store, hook, topic, name)
                elif standing[topic].status != "active":
                    _write(store, "POST", f"/webhooks/{standing[topic].id}", {"status": "active"})
                else:
                    continue
            except PlatformRefused as error:
                refused.append(f"{topic}: {str(error).partition(': ')[2]}")
            else:
                put.append(topic)
        if refused:  # what delivered so far goes on
            raise PlatformRefused(f"{client.domain}: the store refused webhooks: " + "; ".join(refused))
        for each in surplus:
            _remove(store, each)
        return put


class Parting:
    """The contract's `Parting`: our webhooks go. The key itself only the merchant can delete."""

    def part(self, client: Client, hook: Hook) -> None:
        store = Store.of(client)
        for each in _ours(store, hook):
            _remove(store, each)


# --- reading ----------------------------------------------------------------------------------------------------------


def _topic(delivery: Delivery) -> str:
    """Our word for the shape of a body that came to one of our addresses."""
    tail = delivery.path.rstrip("/").rpartition("/")[2]
    if tail not in (ORDER, PRODUCT):
        return delivery.headers.get("x-wc-webhook-topic", "")[:100]
    found = _subject(delivery.body)
    if found is None or found.id is None:
        return tail
    if found.status is None and found.name is None and found.type is None:
        return f"{tail}.deleted"
    if tail == ORDER:
        return "order.refunded" if found.refunds else ORDER
    return PRODUCT if found.type == SIMPLE else "product.variations"


def _subject(body: bytes) -> SubjectBody | None:
    try:
        return msgspec.json.decode(body, type=SubjectBody)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


class _Needed:
    """The ids of a body that has to have one. Errors: PayloadUnreadable."""

    def __init__(self, found: SubjectBody) -> None:
        self._found = found

    @property
    def order(self) -> str:
        return self._must(_id(self._found.id), "$.id")

    @property
    def product(self) -> str:
        if self._found.type == "variation":
            return self._must(_id(self._found.parent_id), "$.parent_id")
        return self._must(_id(self._found.id), "$.id")

    def _must(self, reference: str | None, path: str) -> str:
        if reference is None:
            raise PayloadUnreadable(path, "isn't an id")
        return reference


def _needed(found: SubjectBody | None, body: bytes) -> _Needed:
    return _Needed(found if found is not None else decode(body, SubjectBody))


def _id(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63:
        return str(value)
    return None


def _order(body: bytes) -> Event:
    order = decode(body, OrderBody)
    if order.refunds:
        return OrderStub(_must_id(order.id))
    try:
        return OrderSeen(to_snapshot(order), to_buyer(order), hints=to_hints(order))
    except FinerThanCurrency:
        return OrderStub(_must_id(order.id))  # the store is asked to round what it keeps too finely


def _product(body: bytes, currency: str) -> Event:
    product = decode(body, ProductBody)
    reference = _must_id(product.id)
    made = to_product(product, currency) if product.type == SIMPLE else None
    return ProductSeen(made) if isinstance(made, Product) else ProductStub(reference)


def _must_id(number: int) -> str:
    reference = _id(number)
    if reference is None:
        raise PayloadUnreadable("$.id", "isn't an id")
    return reference


def _word(code: str) -> str:
    return code if re.fullmatch(r"[a-z0-9_]{1,60}", code) else "without a code"


# --- the store's webhooks ---------------------------------------------------------------------------------------------


def _address(hook: Hook, topic: str) -> str:
    return f"{hook.address}/{WANTED[topic]}"


def _name(client: Client, hook: Hook) -> str:
    """What shows which secret and which key a webhook was made with, and tells nothing of either."""
    made = hashlib.sha256(f"{client.grant.access_token}\x00{hook.secret}".encode()).hexdigest()
    return f"{client.settings.app_name} {made[:12]}"


def _ours(store: Store, hook: Hook) -> list[HookBody]:
    """Webhooks to this shop's address, at whatever host we are or were."""
    found: list[HookBody] = []
    here = urlsplit(hook.address).path
    query: Query = [("orderby", "id"), ("order", "asc"), ("_fields", "id,name,status,topic,delivery_url")]
    for page in store.pages("/webhooks", query):
        for each in page.read(list[HookBody]):
            path = urlsplit(each.delivery_url).path
            if path == here or path.startswith(f"{here}/"):
                found.append(each)
    return found


def _make(store: Store, hook: Hook, topic: str, name: str) -> None:
    """The store calls our address before it answers, so the call is given the time that two of them take."""
    wanted = {"name": name, "topic": topic, "delivery_url": _address(hook, topic), "secret": hook.secret}
    _write(store, "POST", "/webhooks", wanted | {"status": "active"})


def _remove(store: Store, each: HookBody) -> None:
    """Some hosts let no DELETE through: a batch of one deletion is a POST."""
    try:
        _write(store, "DELETE", f"/webhooks/{each.id}", None, [("force", "true")])
    except (PlatformRefused, PlatformDown):
        _write(store, "POST", "/webhooks/batch", {"delete": [each.id]})


def _write(store: Store, method: str, path: str, body: Any, query: Query = ()) -> None:
    try:
        store.write(method, path, body, query)
    except KeyRefused as error:
        raise PlatformRefused(
            f"{store.domain}: the key may only read, and webhooks need one that may write: set its permissions to "
            "Read/Write in WooCommerce > Settings > Advanced > REST API"
        ) from error
