"""One order, as its creator reads it: why did I get what I got? And finding it by its number."""

from __future__ import annotations

from flask import g, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from connector.commerce.orders.tables import Order
from connector.errors import NotFound
from connector.faces.studio.face import blueprint, reading
from connector.operations import earned, trace, trace_audience
from connector.programme.content import queries as contents
from connector.web import explain
from connector.web.guards import creator
from connector.web.layout import page

# The same for an order that doesn't exist and for one that is nobody's business here: neither is told apart.
NOTHING = (
    "Nothing of yours is on an order with this number: no tap and no code of yours. Check the number. An order that "
    "was placed minutes ago may not have reached us yet."
)


@blueprint.get("/orders")
@creator
def find_order() -> str | AnyResponse:
    typed = request.args.get("q", "").strip()[:60]
    with reading() as session:
        found = earned.by_number(session, typed, g.creator_id)
        videos = contents.newest(session, g.creator_id)
    if len(found) == 1:
        return redirect(url_for(".order", order_id=found[0][0]), code=303)
    return page("studio/find_order.html", typed=typed, found=found, nothing=NOTHING, videos=videos)


@blueprint.get("/orders/<order_id>")
@creator
def order(order_id: str) -> str:
    with reading() as session:
        row = session.get(Order, order_id)
        whole = trace.trace(session, row) if row is not None else None
    if whole is None or not trace_audience.concerns(whole, g.creator_id):
        raise NotFound("an order with nothing of this creator", public="Nothing of yours is on this order.")
    found = trace_audience.told(whole, "creator", g.creator_id)
    return page("studio/order.html", trace=found, explain=explain)
