"""The inbox and one delivery: did it arrive, what became of it, does it need me? Replay with a look at it first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import flash, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from connector import clock, db
from connector.audit import AuditRow
from connector.commerce.orders import queries as orders_of
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.ledger import queries as ledger
from connector.errors import InputRefused, NotFound
from connector.faces.console.face import blueprint
from connector.faces.console.health import WHY
from connector.faces.console.runs import name_of, shops_by_id
from connector.faces.console.shops import Item, act_words
from connector.web import guards, keyset, masking, moments, words
from connector.web.guards import staff
from connector.web.layout import page
from connector.webhooks import inbox as inbox_of
from connector.webhooks import replay as replaying
from connector.webhooks.tables import DeliveryRow

_SPANS = {"1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
_SPAN_WORDS = {"1h": "Last hour", "24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days"}
_FILTERS = ("status", "shop", "topic", "order", "reason", "since")


@blueprint.get("/inbox")
@staff("support")
def inbox() -> str:
    asked = {name: request.args.get(name, "").strip() for name in _FILTERS}
    with db.read(Scope.system(WHY)) as session:
        found = keyset.read(session, "inbox", _matching(session, asked), (DeliveryRow.id,))
        shops = shops_by_id(session, {row.shop_id for row in found.rows if row.shop_id} | {asked["shop"]})
        numbers: dict[str, int] = {
            row[0]: row[1]
            for row in session.execute(sa.select(DeliveryRow.status, sa.func.count()).group_by(DeliveryRow.status))
        }
        topics = session.scalars(sa.select(DeliveryRow.topic).distinct().order_by(DeliveryRow.topic).limit(100)).all()
        every = session.scalars(sa.select(Shop).order_by(Shop.name).limit(500)).all()
    return page(
        "console/inbox.html", found=found, lines=[(row, shops.get(row.shop_id or "")) for row in found.rows],
        asked=asked, chips_shown=_chips(asked, shops), views_shown=_views(asked, numbers), topics=topics, every=every,
        spans=_SPAN_WORDS, replayable=_may_replay(asked), filtered=any(asked.values()),
    )  # fmt: skip


def _matching(session: Session, asked: dict[str, str]) -> sa.Select[DeliveryRow]:
    query = sa.select(DeliveryRow)
    for name, column in (
        ("status", DeliveryRow.status), ("shop", DeliveryRow.shop_id), ("topic", DeliveryRow.topic),
        ("reason", DeliveryRow.reason),
    ):  # fmt: skip
        if asked[name]:
            query = query.where(column == asked[name])
    if asked["order"]:
        query = query.where(DeliveryRow.order_ref.in_(_order_refs(session, asked["order"])))
    if asked["since"] in _SPANS:
        query = query.where(DeliveryRow.received_at >= clock.wall() - _SPANS[asked["since"]])
    return query


def _order_refs(session: Session, text: str) -> list[str]:
    """What a person types for an order: its number with or without #, the store's reference, or our id."""
    numbers = {text, "#" + text.lstrip("#"), text.lstrip("#")}
    known = session.scalars(
        sa.select(Order.order_ref).where(sa.or_(Order.number.in_(numbers), Order.id == text)).limit(50)
    ).all()
    return [*known, text]


def _chips(asked: dict[str, str], shops: dict[str, Shop]) -> list[tuple[str, str, str]]:
    shown = {
        "status": words.status("delivery", asked["status"]).word,
        "shop": name_of(shops.get(asked["shop"])),
        "reason": words.reason(asked["reason"], "support"),
        "since": _SPAN_WORDS.get(asked["since"], asked["since"]),
    }
    return [
        (name.capitalize(), shown.get(name, value), _address(asked, **{name: ""}))
        for name, value in asked.items()
        if value
    ]


def _views(asked: dict[str, str], numbers: dict[str, int]) -> list[tuple[str, str, int | None, bool]]:
    views: list[tuple[str, str, int | None, bool]] = [("All", _address(asked, status=""), None, not asked["status"])]
    for status in inbox_of.STATUSES:
        word = words.status("delivery", status).word
        url = _address(asked, status=status)
        views.append((word, url, numbers.get(status, 0), asked["status"] == status))
    return views


def _address(asked: dict[str, str], **changes: str) -> str:
    used: dict[str, Any] = {name: value for name, value in {**asked, **changes}.items() if value}
    return url_for(".inbox", **used)


def _may_replay(asked: dict[str, str]) -> bool:
    """A bulk replay works on a filter that the replay room can name: a status or an order, and not on a span."""
    return bool(asked["status"] or asked["order"]) and not asked["topic"] and not asked["since"]


@blueprint.get("/inbox/<delivery_id>")
@staff("support")
def delivery(delivery_id: str) -> str:
    with db.read(Scope.system(WHY)) as session:
        row = _row(session, delivery_id)
        shop = session.get(Shop, row.shop_id) if row.shop_id else None
        raw = inbox_of.body_of(row)
        order = orders_of.by_ref(session, row.shop_id, row.order_ref) if row.shop_id and row.order_ref else None
        items = _history(session, row)
    kind, body, cut = masking.body(raw, whole="whole" in request.args) if raw is not None else ("", None, False)
    return page(
        "console/delivery.html", row=row, shop=shop, order=order, kind=kind, body=body, cut=cut, items=items,
        headers=masking.mask(dict(row.headers)), sentence=_sentence(row, shop),
        effects=sorted((row.effects or {}).items()), can_replay=raw is not None and row.shop_id is not None,
    )  # fmt: skip


def _sentence(row: DeliveryRow, shop: Shop | None) -> str:
    why = words.reason(row.reason, "support") if row.reason else ""
    if row.status == "waiting":
        return "Waits for a worker; nothing to do."
    if row.status == "done":
        return f"Taken in. {why}".strip() + ("." if why else "")
    if row.status == "ignored":
        return f"Nothing to do with it. {why}".strip()
    if row.status == "failed":
        when = f" We try again {moments.ago(row.next_try_at, wall=True)}." if row.next_try_at else ""
        return f"Failed {row.tries} times. {why or row.detail}.{when}"
    if row.status == "parked" and shop is None:
        return "Parked: no shop of this address is connected. It goes on by itself when the shop is."
    return f"{words.status('delivery', row.status).word}. {why}".strip()


def _history(session: Session, row: DeliveryRow) -> list[Item]:
    """What happened to it, newest first."""
    items = [Item(row.received_at, "info", "Received; signature right", id=row.delivery_ref or "")]
    if row.repeats:
        times = "once" if row.repeats == 1 else f"{row.repeats} times"
        items.append(Item(row.received_at, "idle", f"Came again {times}: counted once"))
    acts = session.scalars(sa.select(AuditRow).where(AuditRow.subject == row.id).order_by(AuditRow.at))
    items += [Item(act.at, "idle", act_words(act.act), who=act.actor) for act in acts]
    if row.tries > 1 or row.status == "failed":
        items.append(Item(row.done_at or clock.wall(), "warn", f"Tried {row.tries} times. {row.detail}".strip()))
    if row.done_at is not None:
        state = words.status("delivery", row.status)
        items.append(Item(row.done_at, state.kind, state.word))
    return sorted(items, key=lambda item: item.at, reverse=True)


@blueprint.get("/inbox/<delivery_id>/replay")
@staff("support")
def replay_preview(delivery_id: str) -> str:
    """What a replay would do, before it is done."""
    with db.read(Scope.system(WHY)) as session:
        row = _row(session, delivery_id)
        shop = session.get(Shop, row.shop_id) if row.shop_id else None
        order = orders_of.by_ref(session, row.shop_id, row.order_ref) if row.shop_id and row.order_ref else None
        entries = len(ledger.entries(session, order.id)) if order else 0
    return page("console/replay.html", row=row, shop=shop, order=order, entries=entries)


@blueprint.post("/inbox/<delivery_id>/replay")
@staff("support")
def replay_one(delivery_id: str) -> AnyResponse:
    with db.write(Scope.system(WHY)) as session:
        replaying.replay(session, by=guards.actor(), delivery_id=delivery_id)
    flash("The delivery waits again; a worker takes it within seconds.")
    return redirect(url_for(".delivery", delivery_id=delivery_id), code=303)


@blueprint.get("/inbox/replay")
@staff("support")
def replay_estimate() -> str:
    """What a replay of a filter would touch: deliveries, shops, orders."""
    asked = {name: request.args.get(name, "").strip() for name in _FILTERS}
    _refuse_wide(asked)
    with db.read(Scope.system(WHY)) as session:
        matching = _matching(session, asked).where(
            DeliveryRow.body_sealed.is_not(None), DeliveryRow.shop_id.is_not(None), DeliveryRow.status != "waiting"
        )
        inner = matching.subquery()
        deliveries, shops, orders = session.execute(
            sa.select(
                sa.func.count(),
                sa.func.count(sa.distinct(inner.c.shop_id)),
                sa.func.count(sa.distinct(inner.c.order_ref)),
            )
        ).one()
        known = shops_by_id(session, {asked["shop"]})
    return page(
        "console/replay_many.html", asked=asked, deliveries=deliveries, shops=shops, orders=orders,
        chips_shown=_chips(asked, known), at_most=replaying.AT_MOST,
    )  # fmt: skip


@blueprint.post("/inbox/replay")
@staff("support")
def replay_many() -> AnyResponse:
    asked = {name: request.form.get(name, "").strip() for name in _FILTERS}
    _refuse_wide(asked)
    with db.write(Scope.system(WHY)) as session:
        number = 0
        for order_ref in _order_refs(session, asked["order"]) if asked["order"] else [None]:
            number += replaying.replay(
                session, by=guards.actor(), status=asked["status"] or None, reason=asked["reason"] or None,
                order_ref=order_ref, shop_id=asked["shop"] or None,
            )  # fmt: skip
    flash(f"{number:,} deliveries wait again." if number != 1 else "1 delivery waits again.")
    return redirect(_address(asked, status="waiting"), code=303)


def _refuse_wide(asked: dict[str, str]) -> None:
    if not _may_replay(asked):
        raise InputRefused("filter", "is too wide to replay.", "Filter by a status or by one order, and not by time.")


def _row(session: Session, delivery_id: str) -> DeliveryRow:
    row = session.get(DeliveryRow, delivery_id)
    if row is None:
        raise NotFound(f"no delivery has the id {delivery_id[:40]!r}")
    return row
