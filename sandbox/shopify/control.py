"""The control API under /control: for demos and tests, not part of Shopify. Documented in sandbox/README.md."""

from __future__ import annotations

import uuid
from typing import Any

import requests
from flask import Blueprint, Response, request

from sandbox.shopify import journal, products, wire
from sandbox.shopify.deliveries import signature, topic_name
from sandbox.shopify.misbehaviour import WrongSwitch
from sandbox.shopify.money import AmountRefused
from sandbox.shopify.orders import ActRefused
from sandbox.shopify.store import here as store
from sandbox.shopify.store import json_answer


def body() -> dict[str, Any]:
    """The request's JSON object; an empty one when there is no body. Raises ActRefused for anything else."""
    if not request.get_data():
        return {}
    try:
        value = wire.loads(request.get_data())
    except ValueError as error:
        raise ActRefused(f"the body is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise ActRefused("the body must be a JSON object")
    return value


room = Blueprint("control", __name__, url_prefix="/control")


@room.errorhandler(KeyError)
def missing(error: KeyError) -> Response:
    return json_answer({"error": str(error.args[0]) if error.args else "missing"}, 404)


@room.errorhandler(ActRefused)
@room.errorhandler(AmountRefused)
@room.errorhandler(WrongSwitch)
@room.errorhandler(ValueError)
@room.errorhandler(TypeError)
def refused(error: Exception) -> Response:
    return json_answer({"error": str(error)}, 422)


# --- the stand-in itself ---


@room.get("/health")
def health() -> Response:
    return json_answer({"ok": True, "now": store.clock.stamp(), "shops": [s["name"] for s in store.state.shops()]})


@room.route("/misbehaviour", methods=["GET", "PUT", "PATCH", "DELETE"])
def misbehaviour() -> Response:
    shop = request.args.get("shop")
    if request.method == "DELETE":
        store.misbehaviour.reset()
    elif request.method != "GET":
        return json_answer(store.misbehaviour.change(body(), shop))
    return json_answer(store.misbehaviour.switches(shop))


@room.post("/quiesce")
@room.post("/flush")
def quiesce() -> Response:
    quiet = store.deliveries.quiesce(float(body().get("timeout", 30)))
    return json_answer({"quiet": quiet, "counts": store.deliveries.counts()}, 200 if quiet else 504)


@room.get("/deliveries")
def deliveries() -> Response:
    shop = request.args.get("shop")
    rows = store.deliveries.rows(shop, bodies="bodies" in request.args)
    if topic := request.args.get("topic"):
        rows = [row for row in rows if row["topic"] == topic]
    return json_answer({"deliveries": rows, "counts": store.deliveries.counts(shop)})


@room.get("/deliveries/counts")
def counts() -> Response:
    return json_answer(store.deliveries.counts(request.args.get("shop")))


@room.put("/deliveries/settings")
def delivery_settings() -> Response:
    wanted = body()
    if "retry_compression" in wanted:
        store.deliveries.compression = float(wanted["retry_compression"])
    return json_answer({"retry_compression": store.deliveries.compression})


@room.get("/journal")
def read_journal() -> Response:
    parts = tuple(request.args["parts"].split(",")) if "parts" in request.args else journal.PARTS
    return json_answer(journal.journal(store, request.args.get("shop"), parts))


@room.route("/journal/notes", methods=["GET", "POST"])
def notes() -> Response:
    if request.method == "GET":
        return json_answer({"notes": journal.notes(store)})
    return json_answer(journal.add_note(store, body()), 201)


# --- shops ---


@room.route("/shops", methods=["GET", "POST"])
def shops() -> Response:
    if request.method == "GET":
        return json_answer({"shops": store.state.shops()})
    wanted = body()
    if "shop" not in wanted:
        raise ActRefused("a shop needs `shop`, its name")
    made = store.acts.create_shop(wanted)
    if wanted.get("products"):
        generate(made["name"], wanted["products"])
    return json_answer(made, 201)


@room.route("/shops/<shop>", methods=["GET", "PATCH"])
def one_shop(shop: str) -> Response:
    if request.method == "PATCH":
        return json_answer(store.acts.change_shop(shop, body()))
    return json_answer(
        {**store.state.shop(shop), "installed": store.oauth.installed(shop), "origin": store.origin(shop)}
    )


@room.post("/shops/<shop>/uninstall")
def uninstall(shop: str) -> Response:
    store.state.shop(shop)
    store.uninstall(shop)
    redact = None
    if body().get("redact"):
        # As Shopify does, 48 hours later, compressed like the retries; it comes even after a reinstall.
        redact = store.acts.compliance(shop, "shop/redact", {"after_hours": 48})
    return json_answer({"uninstalled": True, "redact": redact})


@room.post("/shops/<shop>/compliance")
def compliance(shop: str) -> Response:
    wanted = body()
    topic = str(wanted.get("topic", ""))
    if topic not in ("customers/data_request", "customers/redact", "shop/redact"):
        raise ActRefused("topic is customers/data_request, customers/redact or shop/redact")
    number = store.acts.compliance(shop, topic, wanted)
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


# --- products ---


def generate(shop: str, wanted: dict[str, Any]) -> int:
    own = store.state.shop(shop)
    rows = products.generate(
        store.state,
        own,
        int(wanted.get("count", 500)),
        seed=int(wanted.get("seed", 1)),
        now=store.clock.stamp(),
        variants_each=wanted.get("variants_each"),
        large=int(wanted.get("large", 0)),
        largest=bool(wanted.get("largest", False)),
        bad=wanted.get("bad"),
    )
    return store.state.put_products(shop, rows)


@room.post("/shops/<shop>/products/generate")
def generate_products(shop: str) -> Response:
    return json_answer({"products": generate(shop, body())}, 201)


@room.route("/shops/<shop>/products", methods=["GET", "POST"])
def shop_products(shop: str) -> Response:
    own = store.state.shop(shop)
    if request.method == "POST":
        made = store.acts.create_product(shop, body())
        return json_answer(journal.product_entry(made, store.state.variants(made["id"]), own["currency"]), 201)
    limit, after = int(request.args.get("limit", 50)), int(request.args.get("after", 0))
    with store.state.lock:
        rows = store.state.con.execute(
            "SELECT id FROM products WHERE shop = ? AND id > ? ORDER BY id LIMIT ?", (shop, after, limit)
        ).fetchall()
    found = [
        journal.product_entry(store.state.product(shop, number), store.state.variants(number), own["currency"])
        for (number,) in rows
    ]
    return json_answer({"products": found})


@room.route("/shops/<shop>/products/<int:number>", methods=["GET", "PATCH", "DELETE"])
def one_product(shop: str, number: int) -> Response:
    own = store.state.shop(shop)
    if request.method == "DELETE":
        store.acts.delete_product(shop, number)
        return json_answer({"deleted": number})
    if request.method == "PATCH":
        store.acts.edit_product(shop, number, body())
    return json_answer(
        journal.product_entry(store.state.product(shop, number), store.state.variants(number), own["currency"])
    )


# --- orders ---


@room.route("/shops/<shop>/orders", methods=["GET", "POST"])
def shop_orders(shop: str) -> Response:
    if request.method == "POST":
        return json_answer(journal.order_entry(store.acts.place_order(shop, body())), 201)
    store.state.shop(shop)
    return json_answer({"orders": [journal.order_entry(order) for order in store.state.orders(shop)]})


@room.route("/shops/<shop>/orders/<int:number>", methods=["GET", "DELETE"])
def one_order(shop: str, number: int) -> Response:
    if request.method == "DELETE":
        store.acts.delete_order(shop, number)
    return json_answer(journal.order_entry(store.state.order(shop, number)))


@room.get("/shops/<shop>/orders/<int:number>/body")
def order_body(shop: str, number: int) -> Response:
    """The body that orders/updated would carry now."""
    return json_answer(store.acts.body(store.state.shop(shop), store.state.order(shop, number)).order_body())


@room.post("/shops/<shop>/orders/<int:number>/<act>")
def order_act(shop: str, number: int, act: str) -> Response:
    wanted = body()
    if act == "pay":
        order = store.acts.mark_paid(shop, number, wanted.get("amount"))
    elif act in ("void", "expire"):
        order = store.acts.void(shop, number, expired=act == "expire")
    elif act == "fulfil":
        order = store.acts.fulfil(shop, number, wanted.get("lines"))
    elif act == "deliver":
        order = store.acts.deliver(shop, number, wanted.get("fulfillment_id"), wanted.get("at"))
    elif act == "refund":
        order = store.acts.refund(shop, number, wanted)
    elif act == "edit":
        order = store.acts.edit(shop, number, wanted)
    elif act == "exchange":
        order = store.acts.exchange(shop, number, wanted)
    elif act == "dispute":
        order = store.acts.dispute(shop, number, wanted)
    elif act == "cancel":
        order = store.acts.cancel(
            shop, number, refund=bool(wanted.get("refund", True)), reason=str(wanted.get("reason", "customer"))
        )
    else:
        raise KeyError(f"no act {act}")
    return json_answer(journal.order_entry(order))


@room.post("/shops/<shop>/orders/<int:number>/disputes/<int:dispute>/settle")
def settle_dispute(shop: str, number: int, dispute: int) -> Response:
    status = str(body().get("status", "won"))
    return json_answer(journal.order_entry(store.acts.move_dispute(shop, number, dispute, status)))


@room.post("/shops/<shop>/orders/<int:number>/refunds/<int:refund>/settle")
def settle(shop: str, number: int, refund: int) -> Response:
    return json_answer(
        journal.order_entry(store.acts.settle_refund(shop, number, refund, str(body().get("status", "success"))))
    )
