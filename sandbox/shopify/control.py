"""What of the control API is Shopify's own: tokens, API points, subscriptions, compliance topics, any body sent."""

from __future__ import annotations

import uuid

import requests
from flask import Blueprint, Response

from sandbox.shopify.deliveries import signature, topic_name
from sandbox.shopify.face import Shopify
from sandbox.shopify.store import Store, json_answer
from sandbox.store import wire
from sandbox.store.control import answers_for, body
from sandbox.store.orders import ActRefused


def blueprint(store: Store) -> Blueprint:
    room = Blueprint("shopify_control", __name__, url_prefix="/control")
    answers_for(room)
    _install(room, store)
    _api(room, store)
    return room


def _install(room: Blueprint, store: Store) -> None:
    @room.post("/shops/<shop>/uninstall")
    def uninstall(shop: str) -> Response:
        store.state.shop(shop)
        store.uninstall(shop)
        redact = None
        if body().get("redact"):
            # As Shopify does, 48 hours later, compressed like the retries; it comes even after a reinstall.
            redact = store.compliance(shop, "shop/redact", {"after_hours": 48})
        return json_answer({"uninstalled": True, "redact": redact})

    @room.post("/shops/<shop>/compliance")
    def compliance(shop: str) -> Response:
        wanted = body()
        topic = str(wanted.get("topic", ""))
        if topic not in ("customers/data_request", "customers/redact", "shop/redact"):
            raise ActRefused("topic is customers/data_request, customers/redact or shop/redact")
        number = store.compliance(shop, topic, wanted)
        if number is None:
            raise ActRefused("the sandbox was started without --compliance-uri")
        return json_answer({"delivery": number}, 202)

    @room.post("/shops/<shop>/send")
    def send(shop: str) -> Response:
        """Send any body under any topic, signed right (unknown topics, malformed bodies); answers the status."""
        store.state.shop(shop)
        wanted = body()
        raw = str(wanted["raw"]).encode() if "raw" in wanted else wire.dumps(wanted.get("body", {}))
        uri = wanted.get("uri") or next((s["uri"] for s in store.subscriptions.of_shop(shop)), None)
        if uri is None:
            raise ActRefused("no subscription, so `uri` is needed")
        headers = {
            "Content-Type": "application/json",
            "X-Shopify-Topic": str(wanted.get("topic", "orders/updated")),
            "X-Shopify-Shop-Domain": shop,
            "X-Shopify-API-Version": "2026-10",
            "X-Shopify-Webhook-Id": str(uuid.uuid4()),
            "X-Shopify-Event-Id": str(uuid.uuid4()),
            "X-Shopify-Triggered-At": store.clock.now().isoformat(),
            "X-Shopify-Hmac-Sha256": signature(store.settings.app.client_secret, raw),
            **wanted.get("headers", {}),
        }
        answer = requests.post(uri, data=raw, headers=headers, timeout=5)
        return json_answer({"status": answer.status_code, "headers": headers})


def _api(room: Blueprint, store: Store) -> None:
    @room.post("/shops/<shop>/expire-tokens")
    def expire(shop: str) -> Response:
        store.state.shop(shop)
        return json_answer({"expired": store.oauth.expire(shop, refresh_too=bool(body().get("refresh", False)))})

    @room.get("/shops/<shop>/costs")
    def costs(shop: str) -> Response:
        """The newest calls as the bucket saw them: points asked for, points there before, throttled or not."""
        store.state.shop(shop)
        rows = [{"asked": asked, "there": there, "throttled": hit} for asked, there, hit in store.bucket(shop).log]
        return json_answer({"calls": rows})

    @room.put("/shops/<shop>/bucket")
    def bucket(shop: str) -> Response:
        """{maximum, restore_rate, drain}: the shop's API points."""
        store.state.shop(shop)
        wanted, found = body(), store.bucket(shop)
        found.maximum = float(wanted.get("maximum", found.maximum))
        found.restore_rate = float(wanted.get("restore_rate", found.restore_rate))
        if wanted.get("drain"):
            found.drain()
        return json_answer(found.status())

    @room.get("/shops/<shop>/subscriptions")
    def subscriptions(shop: str) -> Response:
        rows = [{**row, "topic": topic_name(row["topic"])} for row in store.subscriptions.of_shop(shop)]
        return json_answer({"subscriptions": rows})

    @room.delete("/shops/<shop>/subscriptions/<int:number>")
    def drop_subscription(shop: str, number: int) -> Response:
        """Drop one as Shopify does after eight failures."""
        if not store.subscriptions.delete(shop, number):
            raise KeyError(f"no subscription {number}")
        return json_answer({"deleted": number})

    @room.get("/shops/<shop>/orders/<int:number>/body")
    def order_body(shop: str, number: int) -> Response:
        """The body that orders/updated would carry now."""
        face = store.shared.faces[Shopify.platform]
        assert isinstance(face, Shopify)
        return json_answer(face.body(store.state.shop(shop), store.state.order(shop, number)).order_body())
