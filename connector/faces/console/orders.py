"""Orders: find one, and its trace: who earns what, and why."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import db
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.attribution import queries as attribution
from connector.earnings.attribution.tables import DecisionRow, Link, Touch
from connector.earnings.commission.tables import Clearance
from connector.errors import NotFound
from connector.faces.console import saved_views
from connector.faces.console.face import WHY, blueprint
from connector.faces.console.runs import name_of, shops_by_id
from connector.operations import find, trace_audience, trace_text
from connector.operations import trace as tracing
from connector.programme.creators import queries as creators_of
from connector.web import explain, keyset, moments, outcomes
from connector.web.guards import staff
from connector.web.layout import page

_FLAGS = {"drift": "Would be decided otherwise now", "unknown_refund": "Refund of unknown amount"}
_FILTERS = ("q", "shop", "flag", "credit", "creator", "since", "until")
_CREDIT = {"some": "Credited to somebody", "nobody": "Credited to nobody"}
_WORDS = {
    "q": "Search", "shop": "Shop", "flag": "Only", "credit": "Credit", "creator": "Creator", "since": "From",
    "until": "To",
}  # fmt: skip


@blueprint.get("/orders")
@staff("support")
def orders() -> str | AnyResponse:
    asked: dict[str, Any] = {name: request.args.get(name, "").strip() for name in _FILTERS}
    with db.read(Scope.system(WHY)) as session:
        found = keyset.read(session, "orders", matching(session, asked), (Order.placed_at, Order.id))
        if asked["q"] and len(found.rows) == 1 and not request.args.get("older"):
            return redirect(url_for(".order", order_id=found.rows[0].id), code=303)
        came = outcomes.of(session, found.rows)
        shops = shops_by_id(session, {row.shop_id for row in found.rows} | {asked["shop"]})
        every = session.scalars(sa.select(Shop).order_by(Shop.name).limit(500)).all()
        who = creators_of.some(session, {asked["creator"]} - {""})
        bar = saved_views.bar(session, "orders")
    shown = {
        "shop": name_of(shops.get(asked["shop"])), "flag": _FLAGS.get(asked["flag"], asked["flag"]),
        "credit": _CREDIT.get(asked["credit"], asked["credit"]),
        "creator": who[asked["creator"]].name if asked["creator"] in who else asked["creator"],
    }  # fmt: skip
    chips = [
        (
            _WORDS[name],
            shown.get(name, value),
            url_for(".orders", **{k: v for k, v in asked.items() if v and k != name}),
        )
        for name, value in asked.items()
        if value
    ]
    return page(
        "console/orders.html", found=found, lines=[(row, came[row.id], shops.get(row.shop_id)) for row in found.rows],
        asked=asked, chips_shown=chips, every=every, filtered=any(asked.values()), bar=bar, credits=_CREDIT,
        flags=_FLAGS,
    )  # fmt: skip


def _without(asked: dict[str, Any], name: str) -> dict[str, Any]:
    return {other: value for other, value in asked.items() if value and other != name}


def matching(session: Session, asked: dict[str, Any]) -> sa.Select[Order]:
    query = sa.select(Order)
    if asked["shop"]:
        query = query.where(Order.shop_id == asked["shop"])
    if asked["q"]:
        read = find.read(asked["q"])
        named = sa.or_(Order.number.in_(find.numbers(read.text)), Order.order_ref == read.text, Order.id == read.text)
        touched = _touched(session, read.text)
        # By shop, since that is what orders are indexed by.
        query = query.where(Order.shop_id.in_(sa.select(Shop.id)))
        query = query.where(sa.or_(named, Order.id.in_(touched)) if touched is not None else named)
    if asked["flag"] == "drift":
        query = query.where(Order.id.in_(sa.select(DecisionRow.order_id).where(attribution.DRIFTED)))
    if asked["flag"] == "unknown_refund":
        blocked = sa.select(Clearance.order_id).where(
            Clearance.state == "open", Clearance.blocked.contains("refund_amount_unknown")
        )
        query = query.where(Order.id.in_(blocked))
    credited = sa.exists().where(DecisionRow.order_id == Order.id, DecisionRow.creator_id.is_not(None))
    if asked["credit"] in _CREDIT:
        query = query.where(credited if asked["credit"] == "some" else ~credited)
    if asked["creator"]:
        query = query.where(
            Order.id.in_(sa.select(DecisionRow.order_id).where(DecisionRow.creator_id == asked["creator"]))
        )
    return _placed(query, asked)


def _placed(query: sa.Select[Order], asked: dict[str, Any]) -> sa.Select[Order]:
    if asked["since"]:
        query = query.where(Order.placed_at >= moments.first_of(asked["since"], "since"))
    if asked["until"]:
        query = query.where(Order.placed_at < moments.first_of(asked["until"], "until") + timedelta(days=1))
    return query


def _touched(session: Session, text: str) -> sa.Select[str] | None:
    """Orders decided by a touch or a link that was typed: `tch_…`, `lnk_…`, or a link's code."""
    link_id = session.scalar(sa.select(Link.id).where(sa.or_(Link.id == text, Link.code == text)))
    if link_id is None and not text.startswith("tch_"):
        return None
    touches = sa.select(Touch.id).where(sa.or_(Touch.id == text, Touch.link_id == link_id))
    return sa.select(DecisionRow.order_id).where(DecisionRow.touch_id.in_(touches))


@blueprint.get("/orders/<order_id>")
@staff("support")
def order(order_id: str) -> str:
    with db.read(Scope.system(WHY)) as session:
        row = session.get(Order, order_id)
        if row is None:
            raise NotFound(f"no order has the id {order_id[:40]!r}")
        found = tracing.trace(session, row)
    return page(
        "console/order.html", trace=found, sentence=explain.sentence(found), explain=explain, readers=_readers(found)
    )


# Creators whose reading is shown beside the merchant's: beyond so many a page would be all copies.
_MOST_READERS = 6


def _readers(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(id, title, text) of what the merchant and each creator of the order reads: for support to paste."""
    merchant = trace_text.as_words(trace_audience.told(found, "merchant"), "merchant")
    told = [("for-merchant", "For the merchant", merchant)]
    people: dict[str, str] = {}
    for line in found["lines"]:
        decision = line["decision"] or {"creator": None, "candidates": [], "codes": []}
        for each in (decision, *decision["candidates"], *decision["codes"]):
            if each["creator"]:
                people.setdefault(each["creator"]["id"], each["creator"]["name"])
    for number, (creator_id, name) in enumerate(list(people.items())[:_MOST_READERS], 1):
        text = trace_text.as_words(trace_audience.told(found, "creator", creator_id), "creator")
        told.append((f"for-creator-{number}", f"For {name}, who sees only this", text))
    return told


saved_views.keep("orders", "console.orders", _FILTERS, matching)
