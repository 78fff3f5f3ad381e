"""Of BigCommerce's v2 and v3 APIs what an app asks: the store, the catalog, orders, refunds, carts, hooks.

Every answer tells the store's quota: so many calls in thirty seconds, and what is left. Who goes beyond it is answered
429. Source: reference/*.yml and api-rate-limits.mdx of bigcommerce/docs, 2026-04-01.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from flask import Blueprint, Response, abort, g, request

from sandbox.bigcommerce.bodies import CANCELLED, brand_id
from sandbox.bigcommerce.face import BigCommerce
from sandbox.store import wire
from sandbox.store.clock import normal
from sandbox.store.quota import Quotas
from sandbox.store.state import Doc
from sandbox.store.store import Store, json_answer

MOST = 250
# The beginning of a path → the scope that a call below it needs; the one to modify holds the one to read.
SCOPES = {
    "v2/store": "store_v2_information", "v3/catalog": "store_v2_products", "v2/orders": "store_v2_orders",
    "v3/orders": "store_v2_transactions", "v3/carts": "store_cart", "v3/checkouts": "store_checkouts",
}  # fmt: skip
COUNTRIES = frozenset({"US", "GB", "DE", "JP", "KW", "CA", "AU", "FR"})
PLACED_AS_PAID = frozenset({2, 3, 8, 9, 10, 11, 12})  # statuses that say that nothing is due any more


def blueprint(store: Store, face: BigCommerce, quotas: Quotas) -> Blueprint:
    room = Blueprint("bigcommerce_api", __name__, url_prefix="/bigcommerce-api/stores/<shop>")

    @room.before_request
    def entered() -> Response | None:
        name = str((request.view_args or {}).get("shop", ""))
        try:
            g.own = store.state.shop(name)
        except KeyError:
            abort(404)
        known = face.oauth.find(name, request.headers.get("X-Auth-Token", ""))
        if known is None:
            return json_answer({"status": 401, "title": "Unauthorized", "type": "about:blank"}, 401)
        g.quota = quotas.of(name)
        if not g.quota.take():
            return json_answer({"status": 429, "title": "Too many requests", "type": "about:blank"}, 429)
        if store.misbehaviour.picks("api_fail", name):
            return Response(status=int(store.misbehaviour.switches(name)["api_fail_status"]))
        below = request.path.partition(f"/stores/{name}/")[2]
        needed = next((scope for start, scope in SCOPES.items() if below.startswith(start)), "")
        held = known["scopes"].split(" ")
        if needed and needed not in held and (request.method != "GET" or f"{needed}_read_only" not in held):
            return json_answer(
                {"status": 403, "title": "You don't have the required scope.", "type": "about:blank"}, 403
            )
        return None

    @room.after_request
    def told(answer: Response) -> Response:
        quota = g.get("quota")
        if quota is not None and quota.calls:
            answer.headers["X-Rate-Limit-Requests-Left"] = str(quota.left())
            answer.headers["X-Rate-Limit-Requests-Quota"] = str(quota.calls)
            answer.headers["X-Rate-Limit-Time-Window-Ms"] = str(int(quota.seconds * 1000))
            answer.headers["X-Rate-Limit-Time-Reset-Ms"] = str(int(quota.resets_in() * 1000))
        return answer

    @room.get("/v2/store")
    def info(shop: str) -> Response:
        own = g.own
        home = f"{store.base_url}{face.root(own)}"
        return json_answer({
            "id": own["name"], "store_id": own["id"], "name": own["title"], "currency": own["currency"],
            "domain": home.partition("://")[2], "secure_url": home, "control_panel_base_url": f"https://{face.domain(own)}",
            "country_code": own["country"], "timezone": {"name": own["timezone"]}, "default_channel_id": 1,
            "is_price_entered_with_tax": own["taxes_included"], "admin_email": own["email"],
        })  # fmt: skip

    _catalog(room, store, face)
    _orders(room, store, face)
    _carts(room, store, face)
    _hooks(room, store, face)
    return room


def _size() -> tuple[int, int]:
    """(rows of a page, rows before it)"""
    size = min(MOST, request.args.get("limit", 50, type=int))
    return size, (max(1, request.args.get("page", 1, type=int)) - 1) * size


def _page(total: int, rows: Iterable[Doc]) -> Response:
    """A page of a v3 list."""
    size, start = _size()
    found = list(rows)
    numbers = {"total": total, "count": len(found), "per_page": size, "current_page": start // size + 1,
               "total_pages": -(-total // size)}  # fmt: skip
    return json_answer({"data": found, "meta": {"pagination": numbers}})


def _part(rows: Sequence[Doc]) -> Response:
    size, start = _size()
    return _page(len(rows), rows[start : start + size])


def _bare(rows: Sequence[Doc]) -> Response:
    """A page of a v2 list: an empty one, and one behind the last, are 204 without a body."""
    size, start = _size()
    found = rows[start : start + size]
    return json_answer(found) if found else Response(status=204)


def _numbers(name: str) -> list[int]:
    return [int(each) for each in request.args.get(name, "").split(",") if each.isdigit()]


def _one(value: Any, status: int = 200) -> Response:
    return json_answer({"data": value, "meta": {}}, status)


def _not_there(title: str = "Not found") -> Response:
    return json_answer({"status": 404, "title": title, "type": "about:blank"}, 404)


def _catalog(room: Blueprint, store: Store, face: BigCommerce) -> None:
    state = store.state

    @room.get("/v3/catalog/products")
    def products(shop: str) -> Response:
        sql, values = "shop = ?", [shop]
        if "id:in" in request.args:
            numbers = _numbers("id:in")
            sql += f" AND id IN ({','.join('?' * len(numbers))})"
            values += [*map(str, numbers)]
        if "id:greater" in request.args:
            sql += " AND id > ?"
            values.append(str(int(request.args["id:greater"])))
        if "date_modified:min" in request.args:
            sql += " AND updated_at >= ?"
            values.append(normal(request.args["date_modified:min"]))
        column = {"id": "id", "date_modified": "updated_at"}[request.args.get("sort", "id")]
        direction = "DESC" if request.args.get("direction") == "desc" else "ASC"
        size, start = _size()
        with state.lock:
            total = state.con.execute(f"SELECT count(*) FROM products WHERE {sql}", values).fetchone()[0]
            rows = state.con.execute(
                f"SELECT doc FROM products WHERE {sql} ORDER BY {column} {direction}, id {direction} LIMIT ? OFFSET ?",
                [*values, size, start],
            ).fetchall()
        bodies = face.bodies(g.own)
        whole = {"variants", "images"} & set(request.args.get("include", "").split(","))
        left_out = {"variants", "images"} - whole
        made = []
        for (text,) in rows:
            product = wire.loads(text)
            body = bodies.product(product, state.variants(product["id"]))
            made.append({name: value for name, value in body.items() if name not in left_out})
        return _page(total, made)

    @room.get("/v3/catalog/products/<int:number>/variants")
    def variants(shop: str, number: int) -> Response:
        if not state.exists("products", shop, number):
            return _not_there()
        product, bodies = state.product(shop, number), face.bodies(g.own)
        return _part([bodies.variant(product, each) for each in state.variants(number)])

    @room.get("/v3/catalog/variants")
    def all_variants(shop: str) -> Response:
        number = request.args.get("id", type=int)
        if not state.exists("variants", shop, number):
            return _part([])
        variant = state.variant(shop, number or 0)
        return _part([{"id": variant["id"], "product_id": variant["product_id"], "sku": variant["sku"]}])

    @room.get("/v3/catalog/brands")
    def brands(shop: str) -> Response:
        with state.lock:
            rows = state.con.execute("SELECT DISTINCT vendor FROM products WHERE shop = ?", (shop,)).fetchall()
        wanted = set(_numbers("id:in"))
        return _part([{"id": brand_id(name), "name": name} for (name,) in rows if brand_id(name) in wanted])


def _orders(room: Blueprint, store: Store, face: BigCommerce) -> None:
    state = store.state

    def found_order(shop: str, number: int) -> Doc | None:
        """None for one that was archived."""
        try:
            order = state.order(shop, number)
        except KeyError:
            return None
        return order if order["deleted_at"] is None else None

    @room.get("/v2/orders")
    def orders(shop: str) -> Response:
        sql, values = "shop = ? AND deleted = 0", [shop]
        if "external_order_id" in request.args:
            sql += " AND json_extract(CAST(doc AS TEXT), '$.source_identifier') = ?"
            values.append(request.args["external_order_id"])
        for name, condition in (
            ("min_date_modified", "updated_at >= ?"), ("max_date_modified", "updated_at <= ?"),
            ("min_date_created", "created_at >= ?"), ("max_date_created", "created_at <= ?"),
        ):  # fmt: skip
            if name in request.args:
                sql += f" AND {condition}"
                values.append(normal(request.args[name]))
        by, _, direction = request.args.get("sort", "id:asc").partition(":")
        column = {"id": "id", "date_modified": "updated_at", "date_created": "created_at"}[by]
        way = "DESC" if direction == "desc" else "ASC"
        size, start = _size()
        with state.lock:
            rows = state.con.execute(
                f"SELECT doc FROM orders WHERE {sql} ORDER BY {column} {way}, id LIMIT ? OFFSET ?",
                [*values, size, start],
            ).fetchall()
        bodies = face.bodies(g.own)
        found = [bodies.order(wire.loads(text)) for (text,) in rows]
        return json_answer(found) if found else Response(status=204)

    @room.post("/v2/orders")
    def place(shop: str) -> Response:
        """Prices as they are given; an address by its fields; stock moves below zero."""
        given = wire.loads(request.get_data())
        address = given.get("billing_address") or {}
        problem = next((each for each in ("first_name", "last_name", "street_1", "city") if not address.get(each)), "")
        if address.get("country_iso2") not in COUNTRIES:
            problem = "country_iso2"
        lines = []
        for row in given.get("products") or []:
            if not state.exists("variants", shop, int(row.get("variant_id") or 0)):
                problem = "products"
                break
            price = row.get("price_inc_tax" if g.own["taxes_included"] else "price_ex_tax")
            priced = {} if price is None else {"price": str(price)}
            lines.append({"variant_id": int(row["variant_id"]), "quantity": int(row["quantity"]), **priced})
        if problem or not lines:
            text = f"The field '{problem or 'products'}' is invalid."
            return json_answer([{"status": 400, "message": text, "details": {"conflict_reason": text}}], 400)
        placed = store.acts.place_order(shop, {
            "lines": lines, "source_name": "api", "source_identifier": given.get("external_order_id"),
            "tags": [given["staff_notes"]] if given.get("staff_notes") else [], "shipping": "0",
            "note": given.get("customer_message"),
            "customer": {"email": address["email"], "first_name": address["first_name"],
                         "last_name": address["last_name"], "phone": address.get("phone")}
            if address.get("email") else None,
            "address": {"address1": address["street_1"], "city": address["city"], "zip": address.get("zip"),
                        "country_code": address["country_iso2"]},
            "payment": "paid" if given.get("status_id", 1) in PLACED_AS_PAID else "pending",
        })  # fmt: skip
        return json_answer(face.bodies(g.own).order(placed), 201)

    @room.put("/v2/orders/<int:number>")
    def change_order(shop: str, number: int) -> Response:
        order = found_order(shop, number)
        wanted = wire.loads(request.get_data())
        if order is None:
            return json_answer([{"status": 404, "message": "The requested resource was not found."}], 404)
        if set(wanted) != {"status_id"} or wanted["status_id"] != CANCELLED[0]:
            return json_answer([{"status": 400, "message": "The sandbox's API cancels an order alone."}], 400)
        if order["cancelled_at"] is None:
            order = store.acts.cancel(shop, number, refund=False, restock=True)
        return json_answer(face.bodies(g.own).order(order))

    @room.get("/v2/orders/<int:number>")
    def one(shop: str, number: int) -> Response:
        order = found_order(shop, number)
        if order is None:
            return json_answer([{"status": 404, "message": "The requested resource was not found."}], 404)
        return json_answer(face.bodies(g.own).order(order))

    @room.get("/v2/orders/<int:number>/<any(products, coupons, shipments):part>")
    def part(shop: str, number: int, part: str) -> Response:
        order = found_order(shop, number)
        if order is None:
            return json_answer([{"status": 404, "message": "The requested resource was not found."}], 404)
        bodies = face.bodies(g.own)
        return _bare({"products": bodies.lines, "coupons": bodies.coupons, "shipments": bodies.shipments}[part](order))

    @room.get("/v3/orders/payment_actions/refunds")
    def refunds(shop: str) -> Response:
        bodies, wanted = face.bodies(g.own), _numbers("order_id:in")
        if wanted:
            found = [order for number in wanted if (order := found_order(shop, number)) is not None]
        else:
            found = state.orders(shop)
        since = normal(request.args["created:min"]) if "created:min" in request.args else ""
        rows = [
            body
            for order in found
            for refund, body in zip(order["refunds"], bodies.refunds(order), strict=True)
            if refund["created_at"] >= since
        ]
        return _part(sorted(rows, key=lambda row: int(row["id"])))


def _carts(room: Blueprint, store: Store, face: BigCommerce) -> None:
    state = store.state

    def found_cart(shop: str, cart: str) -> Doc | None:
        known = state.document("bc_cart", cart)
        return known if known is not None and known["shop"] == shop else None

    @room.post("/v3/carts")
    def make_cart(shop: str) -> Response:
        wanted = wire.loads(request.get_data())
        lines = []
        for row in wanted.get("line_items", []):
            if not state.exists("variants", shop, int(row.get("variant_id") or 0)):
                return json_answer({"status": 422, "title": "A product was not found.", "type": "about:blank"}, 422)
            lines.append({"variant_id": int(row["variant_id"]), "quantity": int(row["quantity"])})
        number = str(uuid.uuid4())
        cart = {"id": number, "shop": shop, "lines": lines, "metafields": [], "coupons": [], "keys": []}
        made: Doc = {"id": number, "channel_id": wanted.get("channel_id", 1), "currency": {"code": g.own["currency"]}}
        if "redirect_urls" in request.args.get("include", ""):
            home, keys = f"{store.base_url}{face.root(g.own)}", [secrets.token_hex(16) for _ in range(2)]
            cart["keys"] = keys
            made["redirect_urls"] = {
                "cart_url": f"{home}/cart.php?action=load&id={number}&token={keys[0]}",
                "checkout_url": f"{home}/cart.php?action=loadInCheckout&id={number}&token={keys[1]}",
            }
        state.put_document("bc_cart", number, shop, cart)
        return _one(made, 201)

    @room.route("/v3/carts/<cart>/metafields", methods=["GET", "POST"])
    def metafields(shop: str, cart: str) -> Response:
        """They outlive the cart: an order's `cart_id` still leads here."""
        known = found_cart(shop, cart)
        if request.method == "GET":
            fields = known["metafields"] if known is not None else []
            return _part(
                [each for each in fields if each["namespace"] == request.args.get("namespace", each["namespace"])]
            )
        if known is None:
            return _not_there()
        field = {"id": len(known["metafields"]) + 1, **wire.loads(request.get_data())}
        known["metafields"].append(field)
        state.put_document("bc_cart", cart, shop, known)
        return _one(field)

    @room.post("/v3/checkouts/<cart>/coupons")
    def coupon(shop: str, cart: str) -> Response:
        known, code = found_cart(shop, cart), str(wire.loads(request.get_data()).get("coupon_code", ""))
        if known is None:
            return _not_there()
        if code.upper() not in g.own["discount_codes"]:
            return json_answer({"status": 422, "title": "The coupon code isn't valid.", "type": "about:blank"}, 422)
        known["coupons"].append(code)
        state.put_document("bc_cart", cart, shop, known)
        return _one({"id": cart, "coupons": [{"code": code}]})


def _hooks(room: Blueprint, store: Store, face: BigCommerce) -> None:
    def shown(hook: Doc) -> Doc:
        return {name: value for name, value in hook.items() if name != "shop"}

    @room.get("/v3/hooks")
    def hooks(shop: str) -> Response:
        return _part([shown(hook) for hook in sorted(face.hooks(shop), key=lambda hook: int(hook["id"]))])

    @room.post("/v3/hooks")
    def make_hook(shop: str) -> Response:
        wanted = wire.loads(request.get_data())
        key = (wanted.get("scope"), wanted.get("destination"))
        if not all(key):
            return json_answer({"status": 422, "title": "scope and destination are needed", "type": "about:blank"}, 422)
        with store.state.writing():
            if any((hook["scope"], hook["destination"]) == key for hook in face.hooks(shop)):
                return json_answer({"status": 422, "title": "This hook exists already.", "type": "about:blank"}, 422)
            hook = {
                "id": store.state.next_id("subscription"), "shop": shop, "client_id": face.oauth.app.client_id,
                "store_hash": shop, "scope": key[0], "destination": key[1], "headers": wanted.get("headers") or {},
                "is_active": bool(wanted.get("is_active", True)), "created_at": int(store.clock.now().timestamp()),
            }  # fmt: skip
            face.keep_hook(hook)
        return _one(shown(hook))

    @room.put("/v3/hooks/<int:number>")
    def change(shop: str, number: int) -> Response:
        hook = face.hook(shop, number)
        if hook is None:
            return _not_there()
        wanted = wire.loads(request.get_data())
        hook |= {name: wanted[name] for name in ("scope", "destination", "is_active", "headers") if name in wanted}
        face.keep_hook(hook)
        return _one(shown(hook))

    @room.delete("/v3/hooks/<int:number>")
    def delete(shop: str, number: int) -> Response:
        hook = face.hook(shop, number)
        if hook is None:
            return _not_there()
        store.state.drop_document("bc_hook", str(number))
        return _one(shown(hook))
