"""The control API under /control, for demos and tests, not part of any platform. Documented in sandbox/README.md.

What is one platform's own is in its `control.py`.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from sandbox.store import journal, products, wire
from sandbox.store.misbehaviour import WrongSwitch
from sandbox.store.money import AmountRefused
from sandbox.store.orders import ActRefused
from sandbox.store.store import here as store
from sandbox.store.store import json_answer


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


def missing(error: KeyError) -> Response:
    return json_answer({"error": str(error.args[0]) if error.args else "missing"}, 404)


def refused(error: Exception) -> Response:
    return json_answer({"error": str(error)}, 422)


def answers_for(blueprint: Blueprint) -> None:
    """What isn't there is a 404, what the store refuses a 422; for every platform's own control room too."""
    blueprint.register_error_handler(KeyError, missing)
    for kind in (ActRefused, AmountRefused, WrongSwitch, ValueError, TypeError):
        blueprint.register_error_handler(kind, refused)


answers_for(room)

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
    quiet = store.sending.quiesce(float(body().get("timeout", 30)))
    return json_answer({"quiet": quiet, "counts": store.sending.counts()}, 200 if quiet else 504)


@room.get("/deliveries")
def deliveries() -> Response:
    shop = request.args.get("shop")
    rows = store.sending.rows(shop, bodies="bodies" in request.args)
    if topic := request.args.get("topic"):
        rows = [row for row in rows if row["topic"] == topic]
    return json_answer({"deliveries": rows, "counts": store.sending.counts(shop)})


@room.get("/deliveries/counts")
def counts() -> Response:
    return json_answer(store.sending.counts(request.args.get("shop")))


@room.put("/deliveries/settings")
def delivery_settings() -> Response:
    wanted = body()
    if "retry_compression" in wanted:
        store.sending.compression = float(wanted["retry_compression"])
    return json_answer({"retry_compression": store.sending.compression})


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
    own = store.state.shop(shop)
    face = store.face(own)
    return json_answer(
        {**own, "installed": face.installed(own), "origin": store.origin(own), "domain": face.domain(own)}
    )


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
        one_number=store.face(own).one_number(),
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
