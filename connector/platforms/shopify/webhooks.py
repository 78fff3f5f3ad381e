"""Shopify's deliveries: which topic becomes which event, the signature, the translation, the subscriptions.

Source: shopify.dev/docs/api/webhooks/latest (topics, bodies, scopes), …/build/webhooks/verify-deliveries (signature),
API version 2026-10, read 2026-11 (fact sheet, section 5). Why products are stubs: NOTES.md.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from urllib.parse import urlsplit

import msgspec

from connector import clock
from connector.errors import BodyOfAnotherShop, PayloadUnreadable, PlatformRefused, SignatureRejected
from connector.events import (
    BulkFinished,
    Buyer,
    Event,
    FulfilledLine,
    Ignored,
    OrderGone,
    OrderSeen,
    OrderStub,
    PrivacyAsked,
    ProductGone,
    ProductStub,
    ScopesSeen,
    ShopLeft,
    ShopProfile,
    ShopSeen,
    StockSeen,
    Unrecognised,
)
from connector.platforms.contract import Client, Delivery, Envelope, Hook
from connector.platforms.reading import decode
from connector.platforms.shopify import documents
from connector.platforms.shopify.bodies import in_currency, to_buyer, to_dispute, to_hints, to_refund, to_snapshot
from connector.platforms.shopify.client import ask
from connector.platforms.shopify.ids import ref
from connector.platforms.shopify.payloads import (
    BulkFinishedBody,
    DisputeBody,
    FulfilmentBody,
    OrderBody,
    OrderEditedBody,
    OrderRefBody,
    PrivacyBody,
    PrivacyCustomer,
    ProductRefBody,
    RefundBody,
    ScopesBody,
    ShopBody,
    StockBody,
    SubjectBody,
    SubscriptionGoneAnswer,
    SubscriptionMadeAnswer,
    SubscriptionNode,
    SubscriptionsAnswer,
    TransactionBody,
)
from connector.platforms.shopify.settings import ShopifySettings

TOPICS: Mapping[str, str] = MappingProxyType(
    {
        "orders/create": "OrderSeen",
        "orders/paid": "OrderSeen",
        "orders/updated": "OrderSeen",
        "orders/cancelled": "OrderSeen",
        "orders/fulfilled": "OrderSeen",
        "orders/partially_fulfilled": "OrderSeen",
        "orders/edited": "OrderStub",  # names what was added, the rest must be read
        "orders/delete": "OrderGone",
        "refunds/create": "OrderStub",  # the refund rides along
        "fulfillments/create": "OrderStub",
        "fulfillments/update": "OrderStub",  # the only news of a delivery to the buyer
        "disputes/create": "OrderStub",  # the dispute rides along; Ignored for one that is about no order
        "disputes/update": "OrderStub",
        "order_transactions/create": "OrderStub",  # a refund's money; Ignored for money coming in
        "products/create": "ProductStub",
        "products/update": "ProductStub",
        "products/delete": "ProductGone",
        "inventory_levels/update": "StockSeen",
        "shop/update": "ShopSeen",
        "app/scopes_update": "ScopesSeen",
        "app/uninstalled": "ShopLeft",
        "bulk_operations/finish": "BulkFinished",
        "customers/data_request": "PrivacyAsked",
        "customers/redact": "PrivacyAsked",
        "shop/redact": "PrivacyAsked",
    }
)

IGNORED: Mapping[str, str] = MappingProxyType(
    {
        "app_subscriptions/update": "the app takes no money through Shopify's billing",
        "carts/create": "carts hold people's choices before they buy; the order has all we need",
        "carts/update": "as carts/create",
        "checkouts/create": "as carts/create",
        "checkouts/update": "as carts/create",
        "checkouts/delete": "as carts/create",
        "collections/create": "the shoppable list has no collections",
        "collections/update": "as collections/create",
        "collections/delete": "as collections/create",
        "customers/create": "we keep no customers",
        "customers/update": "we keep no customers",
        "customers/delete": "we keep no customers; customers/redact is the one that obliges us",
        "draft_orders/create": "a draft is no order; the order that it becomes is delivered by itself",
        "draft_orders/update": "as draft_orders/create",
        "draft_orders/delete": "as draft_orders/create",
        "fulfillment_events/create": "fulfillments/update follows with the shipment's state",
        "inventory_items/create": "variants carry their stock",
        "inventory_items/update": "variants carry their stock",
        "inventory_items/delete": "variants carry their stock",
        "inventory_levels/connect": "inventory_levels/update follows with the amount",
        "inventory_levels/disconnect": "products/update follows",
        "orders/risk_assessment_changed": "risk is the merchant's to judge; what follows is delivered by itself",
        "themes/publish": "nothing of ours is in a theme",
    }
)

_SCOPES = {  # what a topic needs before it can be subscribed to; the rest needs none
    "orders/": "read_orders",
    "refunds/": "read_orders",
    "order_transactions/": "read_orders",
    "fulfillments/": "read_fulfillments",
    "disputes/": "read_shopify_payments_disputes",
    "products/": "read_products",
    "inventory_levels/": "read_inventory",
}
# Compliance topics are set in the app's own configuration at Shopify and can't be subscribed to by the API.
_IN_APP_CONFIGURATION = frozenset({"customers/data_request", "customers/redact", "shop/redact"})
# Every order that is fulfilled comes by orders/updated too; these two would only repeat it.
_NOT_NEEDED = frozenset({"orders/fulfilled", "orders/partially_fulfilled"})
_PRIVACY = {
    "customers/data_request": "customer_data",
    "customers/redact": "customer_erase",
    "shop/redact": "shop_erase",
}
_DOMAIN = re.compile(r"[a-z0-9][a-z0-9-]{0,98}\.myshopify\.com")


class Webhooks:
    """The contract's `Webhooks` for Shopify."""

    topics = TOPICS
    ignored = IGNORED

    def verify(self, delivery: Delivery, settings: ShopifySettings) -> Envelope:
        """Base64 HMAC-SHA256 over the exact bytes. The domain is outside the signature: a claim."""
        given = (_header(delivery, "hmac-sha256") or "").encode("utf-8", "replace")
        matched = False
        for secret in settings.secrets():
            wanted = base64.b64encode(hmac.new(secret, delivery.body, hashlib.sha256).digest())
            matched |= hmac.compare_digest(wanted, given)
        if not matched:
            raise SignatureRejected("the delivery's signature is wrong")
        domain = (_header(delivery, "shop-domain") or "").lower()
        return Envelope(
            domain=domain if _DOMAIN.fullmatch(domain) else "",
            topic=(_header(delivery, "topic") or "")[:100],
            delivery_ref=_header(delivery, "webhook-id"),
            event_ref=_header(delivery, "event-id"),
            triggered_at=_time(_header(delivery, "triggered-at")),
            api_version=_header(delivery, "api-version") or "",
        )

    def subject(self, envelope: Envelope, body: bytes) -> tuple[str | None, str | None]:
        """Two numbers out of a body that nobody has checked yet; a body without them is about nothing."""
        room = envelope.topic.partition("/")[0]
        if room not in ("orders", "refunds", "fulfillments", "order_transactions", "disputes", "products"):
            return None, None
        try:
            found = msgspec.json.decode(body, type=SubjectBody)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None, None
        if room == "products":
            return None, _text(found.id)
        if room == "orders":
            return _text(found.order_edit.order_id if found.order_edit else found.id), None
        return _text(found.order_id), None

    def translate(self, envelope: Envelope, body: bytes, currency: str) -> list[Event]:
        """One delivery is one event. Bodies that name their shop must name the envelope's: that part is signed."""
        topic = envelope.topic
        if topic in IGNORED:
            return [Ignored(topic)]
        kind = TOPICS.get(topic)
        match kind:
            case None:
                return [Unrecognised(topic)]
            case "OrderSeen":
                order = decode(body, OrderBody)
                return [OrderSeen(to_snapshot(order), to_buyer(order), hints=to_hints(order))]
            case "OrderStub":
                return [_stub(envelope, body, currency)]
            case "OrderGone":
                return [OrderGone(str(decode(body, OrderRefBody).id))]
            case "ProductStub":
                return [ProductStub(str(decode(body, ProductRefBody).id))]
            case "ProductGone":
                return [ProductGone(str(decode(body, ProductRefBody).id))]
            case "StockSeen":
                stock = decode(body, StockBody)
                return [StockSeen(str(stock.inventory_item_id), stock.available)]
            case "BulkFinished":
                finished = decode(body, BulkFinishedBody).admin_graphql_api_id
                return [BulkFinished(ref(finished, "$.admin_graphql_api_id"))]
            case "ScopesSeen":
                return [ScopesSeen(tuple(sorted(decode(body, ScopesBody).current)))]
            case "PrivacyAsked":
                return [_privacy(envelope, body)]
            case _:
                return [_shop(envelope, kind, body)]

    def greeting(self, delivery: Delivery) -> bool:
        """Shopify tries no address."""
        return False

    def subscribe(self, client: Client, hook: Hook) -> list[str]:
        """Subscribe to each topic that the grant's scopes allow. Ours with a filter, cut fields or an old version is
        made anew: each of them would silently keep something from us. Those of an address that we have left go, once
        the new ones stand. Returns the topics that had to be put.

        Errors: PlatformRefused naming the topics that Shopify refused (the others stand).
        """
        address = hook.address
        standing: dict[str, list[SubscriptionNode]] = {}
        moved: list[SubscriptionNode] = []
        for node in _subscriptions(client):
            if node.uri == address:
                standing.setdefault(node.topic, []).append(node)
            elif _ours_elsewhere(node.uri, address):
                moved.append(node)
        put: list[str] = []
        refused: list[str] = []
        for topic in wanted_topics(client.grant.scopes):
            word = topic.upper().replace("/", "_")
            found = standing.get(word, [])
            if any(_as_wanted(node, client) for node in found):
                continue
            for node in found:
                ask(client, documents.UNSUBSCRIBE, {"id": node.id}, SubscriptionGoneAnswer, cost=10)
            variables = {"topic": word, "subscription": {"uri": address, "format": "JSON"}}
            made = ask(client, documents.SUBSCRIBE, variables, SubscriptionMadeAnswer, cost=10)
            errors = made.webhook_subscription_create.user_errors
            if errors and not all("taken" in error.message for error in errors):
                refused.append(f"{topic}: {errors[0].message[:200]}")
            elif not errors:
                put.append(topic)
        for node in moved:  # only now: until here the old address still heard
            ask(client, documents.UNSUBSCRIBE, {"id": node.id}, SubscriptionGoneAnswer, cost=10)
        if refused:
            raise PlatformRefused(f"{client.domain}: Shopify refused subscriptions: " + "; ".join(refused))
        return put


class Parting:
    """The contract's `Parting`: our subscriptions go. The app itself only the merchant can remove."""

    def part(self, client: Client, hook: Hook) -> None:
        for node in _subscriptions(client):
            if node.uri == hook.address or _ours_elsewhere(node.uri, hook.address):
                ask(client, documents.UNSUBSCRIBE, {"id": node.id}, SubscriptionGoneAnswer, cost=10)


def _ours_elsewhere(uri: str | None, address: str) -> bool:
    """Does it deliver to this path at another host: to where we were before the public URL changed?"""
    there, here = urlsplit(uri or ""), urlsplit(address)
    return there.path == here.path and there.netloc != here.netloc


def wanted_topics(scopes: tuple[str, ...]) -> list[str]:
    """Topics to subscribe to with these scopes; `write_x` implies `read_x`."""
    granted = set(scopes) | {scope.replace("write_", "read_", 1) for scope in scopes}

    def allowed(topic: str) -> bool:
        return all(scope in granted for prefix, scope in _SCOPES.items() if topic.startswith(prefix))

    return [t for t in TOPICS if t not in _IN_APP_CONFIGURATION and t not in _NOT_NEEDED and allowed(t)]


def _as_wanted(node: SubscriptionNode, client: Client) -> bool:
    version = node.api_version.handle if node.api_version else client.settings.api_version
    return (
        not node.filter
        and not node.include_fields
        and node.format in (None, "JSON")
        and version == client.settings.api_version
    )


def _subscriptions(client: Client) -> list[SubscriptionNode]:
    found: list[SubscriptionNode] = []
    after: str | None = None
    while True:
        variables = {"first": 100, "after": after}
        page = ask(client, documents.SUBSCRIPTIONS, variables, SubscriptionsAnswer, cost=202).webhook_subscriptions
        found.extend(page.nodes)
        after = page.cursor
        if after is None:
            return found


def _header(delivery: Delivery, name: str) -> str | None:
    """With the prefix of webhooks, or without it as Shopify's coming Events send them."""
    headers = delivery.headers
    value = headers.get(f"x-shopify-{name}")
    return headers.get(f"shopify-{name}") if value is None else value


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _time(text: str | None) -> datetime | None:
    """Micro- or nanoseconds; an unreadable time is no reason to lose a delivery."""
    try:
        return clock.parse(text) if text else None
    except ValueError:
        return None


def _stub(envelope: Envelope, body: bytes, currency: str) -> Event:
    topic = envelope.topic
    if topic == "orders/edited":
        edit = decode(body, OrderEditedBody).order_edit
        added = tuple(FulfilledLine(str(row.id), row.delta) for row in edit.line_items.additions if row.delta > 0)
        return OrderStub(str(edit.order_id), edit_added=added, edit_ref=str(edit.id))
    if topic == "refunds/create":
        refund = decode(body, RefundBody)
        if not in_currency(refund, currency):
            # The order is read, and its refund with it, in the order's own money.
            return OrderStub(str(refund.order_id), left_out="refund_in_other_money")
        return OrderStub(str(refund.order_id), refunds=(to_refund(refund, currency, "$"),))
    if topic.startswith("disputes/"):
        dispute = decode(body, DisputeBody)
        if dispute.order_id is None:
            return Ignored(topic)
        return OrderStub(str(dispute.order_id), disputes=(to_dispute(dispute, envelope.triggered_at),))
    if topic == "order_transactions/create":
        transaction = decode(body, TransactionBody)
        if transaction.order_id is None:
            raise PayloadUnreadable("$.order_id", "is null")
        if transaction.kind != "refund":
            return Ignored(topic)  # money coming in is in the order's own status; a burst must not be re-read
        return OrderStub(str(transaction.order_id))
    return OrderStub(str(decode(body, FulfilmentBody).order_id))


def _privacy(envelope: Envelope, body: bytes) -> Event:
    asked = decode(body, PrivacyBody)
    _same_shop(envelope, asked.shop_domain, "$.shop_domain")
    about = asked.customer or PrivacyCustomer()
    number = asked.data_request.id if asked.data_request else None
    return PrivacyAsked(
        kind=_PRIVACY[envelope.topic],  # type: ignore[arg-type]  # the table's words
        order_refs=tuple(str(r) for r in (*asked.orders_requested, *asked.orders_to_redact)),
        shop_ref=_text(asked.shop_id) or "",
        request_ref=_text(number) or "",
        about=Buyer(_text(about.id), about.email or None, about.phone or None),
    )


def _shop(envelope: Envelope, kind: str, body: bytes) -> Event:
    shop = decode(body, ShopBody)
    _same_shop(envelope, shop.myshopify_domain, "$.myshopify_domain")
    if kind == "ShopLeft":
        return ShopLeft()
    return ShopSeen(
        ShopProfile(
            shop_ref=str(shop.id),
            domain=envelope.domain,
            name=shop.name,
            currency=shop.currency,
            time_zone=shop.iana_timezone or "UTC",
            country=shop.country_code or "",
            storefront_url=f"https://{shop.domain}" if shop.domain else "",
            taxes_included=bool(shop.taxes_included),
        )
    )


def _same_shop(envelope: Envelope, named: str, path: str) -> None:
    if named.lower() != envelope.domain:
        raise BodyOfAnotherShop(path, "names another shop than the delivery's header")
