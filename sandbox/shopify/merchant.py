"""Pages on which a person plays the merchant: products, and orders with all that can happen to one of them.

Every act goes the way that the control API goes (`acts`), so its webhooks are told the same. Addresses are Shopify's
own (`/admin/products/<id>`, `/admin/orders/<id>`), so that links of the app into the store's admin lead here.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from sandbox.shopify.store import Store
from sandbox.store import aftersales, orders
from sandbox.store.money import AmountRefused, decimal_text
from sandbox.store.orders import ActRefused
from sandbox.store.state import Doc

PER_PAGE = 50
STATUSES = ("ACTIVE", "DRAFT", "ARCHIVED", "UNLISTED")
COOKIE = "sandbox_merchant"
Form = dict[str, str]


def blueprint(store: Store) -> Blueprint:
    room = Blueprint("merchant", __name__, url_prefix="/shops/<shop>/admin")
    guard = _Guard()
    _products(room, store, guard)
    _orders(room, store, guard)
    return room


class _Guard:
    """A form is taken only from a page of this browser: a token made of its cookie."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def page(self, name: str, template: str, status: int = 200, **values: Any) -> Response:
        session = request.cookies.get(COOKIE) or secrets.token_hex(16)
        html = render_template(template, token=self._token(session, name), money=decimal_text, **values)
        answer = make_response(html, status)
        answer.set_cookie(COOKIE, session, httponly=True, samesite="Lax", path=f"/shops/{name}/admin")
        return answer

    def form(self, shop: str) -> Form:
        """The posted fields. Answers 403 for a post that doesn't come from our page."""
        given = request.form.to_dict()
        session = request.cookies.get(COOKIE, "")
        if not session or not hmac.compare_digest(given.pop("token", ""), self._token(session, shop)):
            abort(403)
        return given

    def _token(self, session: str, shop: str) -> str:
        return hmac.new(self._key, f"{session}/{shop}".encode(), hashlib.sha256).hexdigest()


def _found(read: Callable[[], Doc]) -> Doc:
    try:
        return read()
    except KeyError:
        abort(404)


# ------------------------------------------------------------------ products


def _products(room: Blueprint, store: Store, guard: _Guard) -> None:
    state, acts = store.state, store.acts

    def shown(shop: str, number: int, wrong: str = "", status: int = 200) -> Response:
        own = _found(lambda: state.shop(shop))
        product = _found(lambda: state.product(shop, number))
        return guard.page(
            shop, "merchant_product.html", status, shop=own, product=product, variants=state.variants(number),
            statuses=STATUSES, wrong=wrong,
        )  # fmt: skip

    @room.get("/products")
    def products(shop: str) -> Response:
        own = _found(lambda: state.shop(shop))
        text, after = request.args.get("q", "").strip(), request.args.get("after", "0")
        rows = _product_rows(store, shop, text, int(after) if after.isdigit() else 0)
        return guard.page(
            shop, "merchant_products.html", shop=own, rows=rows[:PER_PAGE], text=text,
            after=rows[PER_PAGE - 1][0]["id"] if len(rows) > PER_PAGE else None, wrong=request.args.get("wrong", ""),
        )  # fmt: skip

    @room.post("/products")
    def add_product(shop: str) -> BaseResponse:
        _found(lambda: state.shop(shop))
        given = guard.form(shop)
        try:
            made = acts.create_product(
                shop, {"title": given.get("title") or "New product", "price": given.get("price") or "10",
                       "inventory_quantity": int(given.get("stock") or 100)},
            )  # fmt: skip
        except (AmountRefused, ActRefused, ValueError) as refused:
            return redirect(f"/shops/{shop}/admin/products?wrong={_plain(refused)}", 303)
        return redirect(f"/shops/{shop}/admin/products/{made['id']}", 303)

    @room.get("/products/<int:number>")
    def product(shop: str, number: int) -> Response:
        return shown(shop, number)

    @room.post("/products/<int:number>")
    def change_product(shop: str, number: int) -> BaseResponse:
        _found(lambda: state.product(shop, number))
        given = guard.form(shop)
        if given.get("act") == "delete":
            acts.delete_product(shop, number)
            return redirect(f"/shops/{shop}/admin/products", 303)
        try:
            acts.edit_product(shop, number, _changes(given, state.variants(number)))
        except (AmountRefused, ActRefused, ValueError) as refused:
            return shown(shop, number, str(refused), 422)
        return redirect(f"/shops/{shop}/admin/products/{number}", 303)


def _product_rows(store: Store, shop: str, text: str, after: int) -> list[tuple[Doc, int, int]]:
    """(product, its lowest price, its stock), the newest first below `after`; one more than a page."""
    asked = "SELECT id FROM products WHERE shop = ? AND (? = 0 OR id < ?) AND title LIKE ? ORDER BY id DESC LIMIT ?"
    with store.state.lock:
        found = store.state.con.execute(asked, (shop, after, after, f"%{text}%", PER_PAGE + 1)).fetchall()
    rows = []
    for (number,) in found:
        variants = store.state.variants(number)
        prices = [variant["price"] for variant in variants] or [0]
        stock = sum(variant["inventory_quantity"] for variant in variants)
        rows.append((store.state.product(shop, number), min(prices), stock))
    return rows


def _changes(given: Form, variants: list[Doc]) -> dict[str, Any]:
    """What of the form is a change: `price-<id>` and `stock-<id>` of each variant beside the product's own fields."""
    rows: list[dict[str, Any]] = []
    for variant in variants:
        row: dict[str, Any] = {"id": variant["id"]}
        if (price := given.get(f"price-{variant['id']}")) is not None:
            row["price"] = price.strip()
        if (stock := given.get(f"stock-{variant['id']}")) is not None:
            row["inventory_quantity"] = int(stock)
        rows.append(row)
    changes: dict[str, Any] = {"variants": rows}
    if given.get("title", "").strip():
        changes["title"] = given["title"].strip()
    if given.get("status") in STATUSES:
        changes["status"] = given["status"]
    return changes


# ------------------------------------------------------------------ orders


def _orders(room: Blueprint, store: Store, guard: _Guard) -> None:
    state = store.state

    def shown(shop: str, number: int, wrong: str = "", status: int = 200) -> Response:
        own = _found(lambda: state.shop(shop))
        order = _found(lambda: state.order(shop, number))
        return guard.page(shop, "merchant_order.html", status, shop=own, wrong=wrong, **_told(store, order))

    @room.get("/orders")
    def list_orders(shop: str) -> Response:
        own = _found(lambda: state.shop(shop))
        text = request.args.get("q", "").strip().lstrip("#")
        every = [order for order in reversed(state.orders(shop)) if text in order["name"]]
        rows = [
            (order, orders.financial_status(order), orders.fulfillment_status(order), orders.current(order)["total"])
            for order in every[:PER_PAGE]
        ]
        return guard.page(shop, "merchant_orders.html", shop=own, rows=rows, text=text, number=len(every))

    @room.get("/orders/<int:number>")
    def order(shop: str, number: int) -> Response:
        return shown(shop, number)

    @room.post("/orders/<int:number>")
    def change_order(shop: str, number: int) -> BaseResponse:
        _found(lambda: state.order(shop, number))
        given = guard.form(shop)
        act = _ACTS.get(given.pop("act", ""))
        if act is None:
            abort(404)
        try:
            act(store, shop, number, given)
        except KeyError as missing:
            return shown(shop, number, f"There is no {missing.args[0] if missing.args else 'such thing'}.", 422)
        except (AmountRefused, ActRefused, ValueError) as refused:
            return shown(shop, number, str(refused), 422)
        return redirect(f"/shops/{shop}/admin/orders/{number}", 303)


def _told(store: Store, order: Doc) -> dict[str, Any]:
    """What the page shows of an order, and what can still happen to it."""
    lines = [
        (line, orders.current_quantity(line), orders.fulfilled_units(order, line), orders.net(line))
        for line in order["lines"]
    ]
    open_order = order["cancelled_at"] is None and order["deleted_at"] is None
    on_its_way = [row for row in order["fulfillments"] if row["delivered_at"] is None]
    return {
        "order": order, "lines": lines, "paid": orders.financial_status(order),
        "sent": orders.fulfillment_status(order), "now": orders.current(order), "open_order": open_order,
        "outstanding": orders.outstanding(order) if open_order else 0, "on_its_way": on_its_way,
        "may_send": open_order and any(left > done for _, left, done, _ in lines),
        "refunds": [(refund, orders.refund_status(order, refund)) for refund in order["refunds"]],
        "captured": orders.captured(order), "ends": aftersales.DISPUTE_ENDS,
        "offered": _offered(store, order["shop"]) if open_order else [],
    }  # fmt: skip


def _offered(store: Store, shop: str) -> list[tuple[int, str]]:
    """(variant, title) of the newest products: what an edit may add."""
    found = []
    for product, _, _ in _product_rows(store, shop, "", 0)[:30]:
        for variant in store.state.variants(product["id"])[:1]:
            found.append((variant["id"], product["title"]))
    return found


def _units(given: Form, name: str) -> list[dict[str, Any]]:
    """`<name>-<line id>` fields with a number above 0, as [{line_item_id, quantity}]."""
    found = []
    for field, value in given.items():
        kind, _, line = field.rpartition("-")
        if kind == name and value.strip() and int(value) > 0:
            found.append({"line_item_id": int(line), "quantity": int(value)})
    return found


def _pay(store: Store, shop: str, number: int, given: Form) -> None:
    store.acts.mark_paid(shop, number, given.get("amount", "").strip() or None)


def _fulfil(store: Store, shop: str, number: int, given: Form) -> None:
    store.acts.fulfil(shop, number, _units(given, "send") or None)


def _deliver(store: Store, shop: str, number: int, given: Form) -> None:
    store.acts.deliver(shop, number)


def _refund(store: Store, shop: str, number: int, given: Form) -> None:
    wanted: dict[str, Any] = {"status": given.get("status") or "success", "restock_type": "return"}
    if rows := _units(given, "back"):
        wanted["lines"] = rows
    if amount := given.get("amount", "").strip():
        wanted["amount"] = amount
    if given.get("shipping"):
        wanted["shipping"] = "full"
    store.acts.refund(shop, number, wanted)


def _settle(store: Store, shop: str, number: int, given: Form) -> None:
    store.acts.settle_refund(shop, number, int(given.get("refund", "0")), given.get("status", "success"))


def _edit(store: Store, shop: str, number: int, given: Form) -> None:
    wanted: dict[str, Any] = {"remove": _units(given, "remove"), "refund_difference": bool(given.get("give_back"))}
    if given.get("add"):
        wanted["add"] = [{"variant_id": int(given["add"]), "quantity": int(given.get("add_quantity") or 1)}]
        wanted["collect"] = True
    store.acts.edit(shop, number, wanted)


def _cancel(store: Store, shop: str, number: int, given: Form) -> None:
    store.acts.cancel(shop, number, refund=bool(given.get("refund")), reason=given.get("reason") or "customer")


def _dispute(store: Store, shop: str, number: int, given: Form) -> None:
    wanted: dict[str, Any] = {"type": given.get("type") or "chargeback"}
    if amount := given.get("amount", "").strip():
        wanted["amount"] = amount
    store.acts.dispute(shop, number, wanted)


def _move_dispute(store: Store, shop: str, number: int, given: Form) -> None:
    store.acts.move_dispute(shop, number, int(given.get("dispute", "0")), given.get("status", ""))


_ACTS: dict[str, Callable[[Store, str, int, Form], None]] = {
    "pay": _pay, "fulfil": _fulfil, "deliver": _deliver, "refund": _refund, "settle": _settle, "edit": _edit,
    "cancel": _cancel, "dispute": _dispute, "move_dispute": _move_dispute,
}  # fmt: skip


def _plain(refused: Exception) -> str:
    """An act's refusal as one word of an address."""
    return quote(str(refused)[:200])
