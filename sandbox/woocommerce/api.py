"""`/wp-json/` and of `wc/v3` what an app asks: products, variations, orders, refunds, webhooks, settings, the status.

Answers to authentication, pages and errors are those of a real WooCommerce 9.5.1 (fact sheet, sections 2 to 6, seen
2026-11-21). A key goes along by Basic or in the query; OAuth 1.0a is not played.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import requests
from flask import Blueprint, Response, request

from sandbox.store import wire
from sandbox.store.clock import utc_text
from sandbox.store.quota import Quotas
from sandbox.store.state import Doc
from sandbox.store.store import Store
from sandbox.store.storefront import owner
from sandbox.woocommerce.bodies import gmt
from sandbox.woocommerce.face import VERSION, WooCommerce, php

READ, WRITE = ("read", "read_write"), ("write", "read_write")
MOST = 100
PING_SECONDS = 5.0


class Refused(Exception):
    """An error as WordPress answers it."""

    def __init__(self, status: int, code: str, message: str = "Sorry, you cannot do that.") -> None:
        self.status, self.code, self.message = status, code, message


def answer(value: Any, status: int = 200, **headers: str) -> Response:
    made = Response(php(value), status, content_type="application/json; charset=UTF-8")
    for name, text in headers.items():
        made.headers[name.replace("_", "-")] = text
    return made


def blueprint(store: Store, face: WooCommerce, quotas: Quotas) -> Blueprint:
    room = Blueprint("woocommerce_api", __name__, url_prefix="/woocommerce/<shop>/wp-json")

    @room.errorhandler(Refused)
    def refused(error: Refused) -> Response:
        body = {"code": error.code, "message": error.message, "data": {"status": error.status}}
        return answer(body, error.status)

    @room.before_request
    def counted() -> Response | None:
        """Whether the host lets the call through: its limit stands in front of WordPress, so that it is no JSON."""
        own = owner(request.view_args["shop"]) if request.view_args else {}
        name = own.get("name", "")
        if store.misbehaviour.picks("api_fail", name):
            return Response("<h1>Fault</h1>", int(store.misbehaviour.switches(name)["api_fail_status"]))
        quota = quotas.of(name)
        if quota.take():
            return None
        seconds = str(max(1, math.ceil(quota.resets_in())))
        return Response("<h1>Too many requests</h1>", 429, headers={"Retry-After": seconds}, content_type="text/html")

    @room.get("/")
    def index(shop: str) -> Response:
        own = owner(shop)
        home = store.origin(own)
        found = {
            "name": own["title"], "description": "", "url": home, "home": home, "gmt_offset": "0",
            "timezone_string": own["timezone"], "namespaces": ["oembed/1.0", "wc/v3", "wp/v2"],
        }  # fmt: skip
        return answer(_cut(found))

    _catalog(room, store, face)
    _orders(room, store, face)
    _settings(room, store, face)
    _webhooks(room, store, face)
    return room


def _cut(row: Doc) -> Doc:
    fields = request.args.get("_fields")
    return row if fields is None else {name: value for name, value in row.items() if name in fields.split(",")}


def _entered(store: Store, shop: str) -> Doc:
    """The shop, once the key may do this. Raises Refused, as a real store does: its codes are odd."""
    own = owner(shop)
    key, secret = request.args.get("consumer_key", ""), request.args.get("consumer_secret", "")
    given = request.headers.get("Authorization", "")
    if not key and given.startswith("Basic "):
        key, _, secret = base64.b64decode(given[6:]).decode().partition(":")
    known = store.state.document("woo_key", key)
    if known is None or known["shop"] != own["name"]:
        raise Refused(401, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")
    if known["secret"] != secret:
        raise Refused(401, "woocommerce_rest_authentication_error", "Consumer secret is invalid.")
    if known["permissions"] not in (READ if request.method == "GET" else WRITE):
        raise Refused(401, "woocommerce_rest_authentication_error", "The API key does not have that permission.")
    return own


def _page(total: int, rows: Callable[[int, int], Iterable[Doc]]) -> Response:
    """A page of a list by `per_page`, and `offset` or `page`."""
    size = request.args.get("per_page", 10, type=int)
    if not 1 <= size <= MOST:
        raise Refused(400, "rest_invalid_param", "Invalid parameter(s): per_page")
    start = request.args.get("offset", type=int)
    if start is None:
        start = (request.args.get("page", 1, type=int) - 1) * size
    found = [_cut(row) for row in rows(size, start)]
    return answer(found, X_WP_Total=str(total), X_WP_TotalPages=str(-(-total // size)))


def _moment(name: str) -> str | None:
    """A time of a filter as the state keeps it. Naive UTC goes with dates_are_gmt; otherwise it is the store's own."""
    text = request.args.get(name)
    if text is None:
        return None
    if request.args.get("dates_are_gmt") != "true" or len(text) != 19:
        raise Refused(400, "rest_invalid_param", f"The sandbox reads {name} as naive UTC with dates_are_gmt=true only.")
    return f"{text}Z"


def _where(shop: str, columns: dict[str, str]) -> tuple[str, list[Any]]:
    """SQL of the filters: {parameter: "column >"}."""
    sql, values = "shop = ?", [shop]
    for name, column in columns.items():
        moment = _moment(name)
        if moment is not None:
            sql += f" AND {column} ?"
            values.append(moment)
    if "include" in request.args:
        numbers = [int(each) for each in request.args["include"].split(",") if each.isdigit()]
        sql += f" AND id IN ({','.join('?' * len(numbers))})"
        values += [str(each) for each in numbers]
    return sql, values


def _sorted() -> str:
    column = {"id": "id", "modified": "updated_at", "date": "created_at"}[request.args.get("orderby", "date")]
    direction = "ASC" if request.args.get("order") == "asc" else "DESC"
    return f"{column} {direction}, id {direction}"


def _catalog(room: Blueprint, store: Store, face: WooCommerce) -> None:
    state = store.state

    @room.get("/wc/v3/products")
    def products(shop: str) -> Response:
        own = _entered(store, shop)
        sql, values = _where(own["name"], {"modified_after": "updated_at >"})
        bodies = face.bodies(own)

        def rows(size: int, start: int) -> Iterable[Doc]:
            with state.lock:
                found = state.con.execute(
                    f"SELECT doc FROM products WHERE {sql} ORDER BY {_sorted()} LIMIT ? OFFSET ?",
                    [*values, size, start],
                ).fetchall()
            for (text,) in found:
                product = wire.loads(text)
                yield bodies.product(product, state.variants(product["id"]))

        with state.lock:
            total = state.con.execute(f"SELECT count(*) FROM products WHERE {sql}", values).fetchone()[0]
        return _page(total, rows)

    @room.get("/wc/v3/products/<int:number>")
    def one_product(shop: str, number: int) -> Response:
        own = _entered(store, shop)
        bodies = face.bodies(own)
        try:
            found = bodies.product(state.product(own["name"], number), state.variants(number))
        except KeyError:
            try:  # a variation's number is one of a product too
                variant = state.variant(own["name"], number)
                found = bodies.variation(state.product(own["name"], variant["product_id"]), variant)
            except KeyError:
                raise Refused(404, "woocommerce_rest_product_invalid_id", "Invalid ID.") from None
        return answer(_cut(found))

    @room.get("/wc/v3/products/<int:number>/variations")
    def variations(shop: str, number: int) -> Response:
        own = _entered(store, shop)
        bodies = face.bodies(own)
        try:
            product = state.product(own["name"], number)
        except KeyError:
            raise Refused(404, "woocommerce_rest_product_invalid_id", "Invalid ID.") from None
        found = sorted((v for v in state.variants(number) if v["id"] != number), key=lambda v: int(v["id"]))
        return _page(
            len(found), lambda size, start: (bodies.variation(product, v) for v in found[start : start + size])
        )


def _orders(room: Blueprint, store: Store, face: WooCommerce) -> None:
    state = store.state

    def order_of(own: Doc, number: int) -> Doc:
        """A trashed one too: it can be read by its number and says so."""
        try:
            return state.order(own["name"], number)
        except KeyError:
            raise Refused(404, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.") from None

    @room.get("/wc/v3/orders")
    def orders(shop: str) -> Response:
        own = _entered(store, shop)
        filters = {"modified_after": "updated_at >", "after": "created_at >", "before": "created_at <"}
        sql, values = _where(own["name"], filters)
        sql += " AND deleted = 0"
        bodies = face.bodies(own)

        def rows(size: int, start: int) -> Iterable[Doc]:
            with state.lock:
                found = state.con.execute(
                    f"SELECT doc FROM orders WHERE {sql} ORDER BY {_sorted()} LIMIT ? OFFSET ?", [*values, size, start]
                ).fetchall()
            return [bodies.order(wire.loads(text)) for (text,) in found]

        with state.lock:
            total = state.con.execute(f"SELECT count(*) FROM orders WHERE {sql}", values).fetchone()[0]
        return _page(total, rows)

    @room.get("/wc/v3/orders/<int:number>")
    def one_order(shop: str, number: int) -> Response:
        own = _entered(store, shop)
        return answer(_cut(face.bodies(own).order(order_of(own, number))))

    @room.post("/wc/v3/orders")
    def place(shop: str) -> Response:
        """As a real one: prices as they are given, stock moves below zero, an e-mail address must look like one."""
        own = _entered(store, shop)
        given = wire.loads(request.get_data() or b"{}")
        billing = given.get("billing") or {}
        if "email" in billing and "@" not in billing["email"]:
            raise Refused(400, "rest_invalid_param", "Invalid parameter(s): billing")
        to = given.get("shipping") or billing
        lines = [
            {"variant_id": row.get("variation_id") or row["product_id"], "quantity": row.get("quantity", 1),
             **({"price": str(Decimal(row["total"]) / int(row.get("quantity", 1)))} if "total" in row else {})}
            for row in given.get("line_items") or []
        ]  # fmt: skip
        placed = store.acts.place_order(own["name"], {
            "lines": lines, "source_name": "rest-api", "note": given.get("customer_note"), "shipping": "0",
            "note_attributes": [{"name": each["key"], "value": each["value"]} for each in given.get("meta_data") or []],
            "customer": {"email": billing["email"], "first_name": to.get("first_name"),
                         "last_name": to.get("last_name"), "phone": to.get("phone")} if billing.get("email") else None,
            "address": {"address1": to.get("address_1"), "city": to.get("city"), "zip": to.get("postcode"),
                        "country_code": to.get("country")},
            "payment": "paid" if given.get("set_paid") else "pending",
        })  # fmt: skip
        return answer(_cut(face.bodies(own).order(placed)), 201)

    @room.put("/wc/v3/orders/<int:number>")
    def change_order(shop: str, number: int) -> Response:
        own = _entered(store, shop)
        order = order_of(own, number)
        wanted = wire.loads(request.get_data() or b"{}").get("status")
        if wanted != "cancelled":
            raise Refused(400, "rest_invalid_param", "The sandbox's API moves an order to cancelled alone.")
        if order["cancelled_at"] is None:
            order = store.acts.cancel(own["name"], number, refund=False, restock=True)
        return answer(_cut(face.bodies(own).order(order)))

    @room.get("/wc/v3/orders/<int:number>/refunds")
    def refunds(shop: str, number: int) -> Response:
        own = _entered(store, shop)
        found = sorted(face.bodies(own).refunds(order_of(own, number)), key=lambda each: int(each["id"]))
        return _page(len(found), lambda size, start: found[start : start + size])


COUNTRIES = {"US": "United States (US)", "GB": "United Kingdom (UK)", "DE": "Germany", "JP": "Japan", "KW": "Kuwait",
             "CA": "Canada", "AU": "Australia", "FR": "France"}  # fmt: skip


def _settings(room: Blueprint, store: Store, face: WooCommerce) -> None:
    @room.get("/wc/v3/settings/<group>")
    def settings(shop: str, group: str) -> Response:
        own = _entered(store, shop)
        values = {
            "general": {"woocommerce_currency": own["currency"], "woocommerce_default_country": own["country"]},
            "tax": {"woocommerce_prices_include_tax": "yes" if own["taxes_included"] else "no"},
        }.get(group)
        if values is None:
            raise Refused(404, "rest_setting_setting_group_invalid", "Invalid setting group.")
        return answer([_cut({"id": name, "value": value, "type": "text"}) for name, value in values.items()])

    @room.get("/wc/v3/data/countries/<code>")
    def country(shop: str, code: str) -> Response:
        _entered(store, shop)
        name = COUNTRIES.get(code.upper())
        if name is None:
            raise Refused(404, "woocommerce_rest_data_invalid_location", "There are no locations matching these.")
        return answer(_cut({"code": code.upper(), "name": name, "states": []}))

    @room.get("/wc/v3/system_status")
    def status(shop: str) -> Response:
        own = _entered(store, shop)
        environment = {"version": own.get("platform_version") or VERSION, "wp_version": "6.7.1"}
        return answer(_cut({"environment": environment, "settings": {"currency": own["currency"]}}))

    @room.get("/wc/v3/coupons")
    def coupons(shop: str) -> Response:
        own = _entered(store, shop)
        kinds = {"percentage": "percent", "fixed_amount": "fixed_cart"}
        found = [
            {"id": n, "code": code.lower(), "amount": str(terms.get("value", "0")), "status": "publish",
             "discount_type": kinds.get(str(terms.get("type")), "percent")}
            for n, (code, terms) in enumerate(own["discount_codes"].items(), 1)
        ]  # fmt: skip
        return _page(len(found), lambda size, start: found[start : start + size])


def _webhooks(room: Blueprint, store: Store, face: WooCommerce) -> None:
    def shown(hook: Doc) -> Doc:
        """Neither the secret nor the owner is ever told."""
        return _cut({name: value for name, value in hook.items() if name not in ("secret", "failures", "shop")})

    def found_hook(own: Doc, number: int) -> Doc:
        hook = face.hook(own["name"], number)
        if hook is None:
            raise Refused(404, "woocommerce_rest_shop_webhook_invalid_id", "Invalid ID.")
        return hook

    @room.get("/wc/v3/webhooks")
    def hooks(shop: str) -> Response:
        own = _entered(store, shop)
        found = sorted(face.hooks(own["name"]), key=lambda hook: int(hook["id"]))
        return _page(len(found), lambda size, start: [shown(hook) for hook in found[start : start + size]])

    @room.post("/wc/v3/webhooks")
    def make(shop: str) -> Response:
        own = _entered(store, shop)
        wanted = wire.loads(request.get_data() or b"{}")
        if wanted.get("topic", "").partition(".")[0] not in ("order", "product", "coupon", "customer", "action"):
            raise Refused(400, "woocommerce_rest_shop_webhook_invalid_topic", "Webhook topic is required and valid.")
        now = gmt(utc_text(store.clock.now()))
        with store.state.writing():
            hook = {
                "id": store.state.next_id("subscription"), "shop": own["name"], "name": wanted.get("name") or "Webhook",
                "status": wanted.get("status", "active"), "topic": wanted["topic"],
                "delivery_url": wanted["delivery_url"], "secret": wanted.get("secret", ""), "failures": 0,
                "date_created_gmt": now, "date_modified_gmt": now,
            }  # fmt: skip
            face.keep_hook(hook)
        _ping(hook)
        return answer(shown(hook), 201)

    @room.post("/wc/v3/webhooks/batch")
    def batch(shop: str) -> Response:
        own = _entered(store, shop)
        wanted = wire.loads(request.get_data() or b"{}")
        gone = []
        for number in wanted.get("delete", []):
            hook = face.hook(own["name"], int(number))
            if hook is not None and store.state.drop_document("woo_hook", str(number)):
                gone.append(shown(hook))
        return answer({"delete": gone} if gone else {})

    @room.route("/wc/v3/webhooks/<int:number>", methods=["POST", "PUT"])
    def change(shop: str, number: int) -> Response:
        own = _entered(store, shop)
        hook = found_hook(own, number)
        wanted = wire.loads(request.get_data() or b"{}")
        hook |= {name: value for name, value in wanted.items() if name in ("name", "status", "secret", "delivery_url")}
        if hook["status"] == "active":
            hook["failures"] = 0
        face.keep_hook(hook)
        return answer(shown(hook))

    @room.delete("/wc/v3/webhooks/<int:number>")
    def delete(shop: str, number: int) -> Response:
        own = _entered(store, shop)
        hook = found_hook(own, number)
        if request.args.get("force") != "true":
            raise Refused(501, "woocommerce_rest_trash_not_supported", "Webhooks do not support trashing.")
        store.state.drop_document("woo_hook", str(number))
        return answer(shown(hook))


def _ping(hook: Doc) -> None:
    """A form with the webhook's number, unsigned, before the answer; how it ends is nobody's matter."""
    try:
        requests.post(
            hook["delivery_url"], data={"webhook_id": hook["id"]}, timeout=PING_SECONDS, allow_redirects=False
        )
    except requests.RequestException:
        return
