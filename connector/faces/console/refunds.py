"""The amount of a refund that the store doesn't give: ask, preview, book."""

from __future__ import annotations

from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from connector import db, money
from connector.commerce.orders import queries as orders
from connector.commerce.orders.tables import Order
from connector.commerce.shops import queries as shops_of
from connector.db import Scope
from connector.earnings.intake import amounts
from connector.errors import Conflict, InputRefused, MoneyRefused, NotFound
from connector.faces.console.face import WHY, blueprint
from connector.web import guards
from connector.web.guards import staff
from connector.web.layout import page


@blueprint.get("/orders/<order_id>/refunds/<refund_ref>/amount")
@staff("support")
def refund_amount(order_id: str, refund_ref: str) -> str:
    """Without an amount the question, with one what it would do."""
    return _shown(order_id, refund_ref, request.args.get("amount", "").strip(), request.args.get("why", "").strip())


def _shown(order_id: str, refund_ref: str, typed: str, why: str, moved: str = "") -> str:
    errors, preview = {}, None
    with db.read(Scope.system(WHY)) as session:
        order = session.get(Order, order_id)
        if order is None:
            raise NotFound(f"no order has the id {order_id[:40]!r}")
        shop = shops_of.get(session, order.shop_id)
        refund = next((each for each in orders.facts(order).refunds if each.refund_ref == refund_ref), None)
        if refund is None:
            raise NotFound(f"the order has no refund {refund_ref[:40]!r}")
        waits = refund in amounts.asked(session, order)
        if typed and waits:
            try:
                preview = amounts.preview(session, order_id, refund_ref, money.parse(typed, order.currency, "amount"))
            except (InputRefused, MoneyRefused) as refused:
                errors["amount"] = str(refused.public)
            if not why:
                errors["why"] = "Say where the amount comes from."
    return page(
        "console/refund_amount.html", order=order, shop=shop, refund=refund, waits=waits, typed=typed, why=why,
        errors=errors, preview=None if errors else preview, moved=moved,
    )  # fmt: skip


@blueprint.post("/orders/<order_id>/refunds/<refund_ref>/amount")
@staff("finance")
def book_refund_amount(order_id: str, refund_ref: str) -> str | AnyResponse:
    typed, why = request.form.get("amount", "").strip(), request.form.get("why", "").strip()
    try:
        with db.write(Scope.system(WHY)) as session:
            order = session.get(Order, order_id)
            if order is None:
                raise NotFound(f"no order has the id {order_id[:40]!r}")
            amounts.enter(
                session, order_id, refund_ref, money.parse(typed, order.currency, "amount"), by=guards.actor(),
                why=why, token=request.form.get("token", ""),
            )  # fmt: skip
    except Conflict as moved:
        return _shown(order_id, refund_ref, typed, why, moved=moved.public)
    flash("The amount is booked, and what it held goes on.")
    return redirect(url_for(".order", order_id=order_id) + "#t-refunds", code=303)
