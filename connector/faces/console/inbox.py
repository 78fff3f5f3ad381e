"""The inbox and one delivery: did it arrive, what became of it, does it need me? Quarantine, the way to replays."""

from __future__ import annotations

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
from connector.errors import InputRefused, NotFound
from connector.faces.console import saved_views
from connector.faces.console.face import WHY, blueprint
from connector.faces.console.runs import name_of, shops_by_id
from connector.faces.console.shops import Item, act_words
from connector.operations.privacy.tables import PrivacyRequest
from connector.web import guards, keyset, masking, moments, words
from connector.web.guards import staff
from connector.web.layout import page
from connector.webhooks import inbox as inbox_of
from connector.webhooks import quarantine
from connector.webhooks import replay as replaying
from connector.webhooks.replay import Filter
from connector.webhooks.tables import DeliveryRow

SPAN_WORDS = {"1h": "Last hour", "24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days"}
FILTERS = ("status", "shop", "topic", "order", "reason", "since")


@blueprint.get("/inbox")
@staff("support")
def inbox() -> str:
    asked = {name: request.args.get(name, "").strip() for name in FILTERS}
    with db.read(Scope.system(WHY)) as session:
        found = keyset.read(session, "inbox", matching(session, asked), (DeliveryRow.id,))
        shops = shops_by_id(session, {row.shop_id for row in found.rows if row.shop_id} | {asked["shop"]})
        numbers: dict[str, int] = {
            row[0]: row[1]
            for row in session.execute(sa.select(DeliveryRow.status, sa.func.count()).group_by(DeliveryRow.status))
        }
        topics = session.scalars(sa.select(DeliveryRow.topic).distinct().order_by(DeliveryRow.topic).limit(100)).all()
        every = session.scalars(sa.select(Shop).order_by(Shop.name).limit(500)).all()
        kept = saved_views.bar(session, "inbox")
    return page(
        "console/inbox.html", found=found, lines=[(row, shops.get(row.shop_id or "")) for row in found.rows],
        asked=asked, chips_shown=chips(asked, shops), views_shown=_views(asked, numbers), topics=topics, every=every,
        bar=kept, spans=SPAN_WORDS, replayable=_may_replay(asked), filtered=any(asked.values()),
    )  # fmt: skip


def matching(session: Session, asked: dict[str, Any]) -> sa.Select[DeliveryRow]:
    query = sa.select(DeliveryRow)
    for name, column in (
        ("status", DeliveryRow.status), ("shop", DeliveryRow.shop_id), ("topic", DeliveryRow.topic),
        ("reason", DeliveryRow.reason),
    ):  # fmt: skip
        if asked[name]:
            query = query.where(column == asked[name])
    if asked["order"]:
        query = query.where(DeliveryRow.order_ref.in_(order_refs(session, asked["order"])))
    if asked["since"] in replaying.SPANS:
        query = query.where(DeliveryRow.received_at >= clock.wall() - replaying.SPANS[asked["since"]])
    return query


def order_refs(session: Session, text: str) -> list[str]:
    """What a person types for an order: its number with or without #, the store's reference, or our id."""
    numbers = {text, "#" + text.lstrip("#"), text.lstrip("#")}
    known = session.scalars(
        sa.select(Order.order_ref).where(sa.or_(Order.number.in_(numbers), Order.id == text)).limit(50)
    ).all()
    return [*known, text]


def chips(asked: dict[str, str], shops: dict[str, Shop]) -> list[tuple[str, str, str]]:
    shown = {
        "status": words.status("delivery", asked["status"]).word,
        "shop": name_of(shops.get(asked["shop"])),
        "reason": words.reason(asked["reason"], "support"),
        "since": SPAN_WORDS.get(asked["since"], asked["since"]),
    }
    return [
        (name.capitalize(), shown.get(name, value), _address(asked, **{name: ""}))
        for name, value in asked.items()
        if value
    ]


def _views(asked: dict[str, str], numbers: dict[str, int]) -> list[tuple[str, str, int | None, bool]]:
    shown: list[tuple[str, str, int | None, bool]] = [("All", _address(asked, status=""), None, not asked["status"])]
    for status in inbox_of.STATUSES:
        word = words.status("delivery", status).word
        url = _address(asked, status=status)
        shown.append((word, url, numbers.get(status, 0), asked["status"] == status))
    return shown


def _address(asked: dict[str, str], **changes: str) -> str:
    used: dict[str, Any] = {name: value for name, value in {**asked, **changes}.items() if value}
    return url_for(".inbox", **used)


def filter_of(session: Session, asked: dict[str, str]) -> Filter:
    """What a replay of these chips is about. Errors: InputRefused for a chip that isn't one."""
    order_ref = None
    if asked["order"]:
        refs = order_refs(session, asked["order"])
        order_ref = refs[0]
        if len(refs) > 2:
            raise InputRefused("order", "is the number of several shops' orders.", "Filter by the shop as well.")
    if asked["since"] and asked["since"] not in replaying.SPANS:
        raise InputRefused("since", "isn't one of the list.", "Start again without filters.")
    return Filter(
        status=asked["status"] or None, reason=asked["reason"] or None, topic=asked["topic"] or None,
        order_ref=order_ref, shop_id=asked["shop"] or None,
        since=clock.wall() - replaying.SPANS[asked["since"]] if asked["since"] else None,
    )  # fmt: skip


def _may_replay(asked: dict[str, str]) -> bool:
    """A bulk replay works on a filter, never on a whole inbox; what waits or is in quarantine isn't replayed."""
    named = any(value for name, value in asked.items() if name != "reason")
    return named and asked["status"] not in ("waiting", "quarantined")


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
        effects=sorted((row.effects or {}).items()), asks=_privacy_of(row),
        can_replay=raw is not None and row.shop_id is not None and row.status not in ("waiting", "quarantined"),
    )  # fmt: skip


def _privacy_of(row: DeliveryRow) -> str:
    """The address of the request that this delivery made, "" for any other."""
    if row.reason != "privacy_request":
        return ""
    with db.read(Scope.system(WHY)) as session:
        found = session.scalar(sa.select(PrivacyRequest.id).where(PrivacyRequest.delivery_id == row.id))
    return url_for(".privacy_request", request_id=found) if found else url_for(".privacy")


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
    if row.status == "quarantined":
        return f"In quarantine: {why[:1].lower()}{why[1:]}. Nothing of it was done."
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


@blueprint.post("/inbox/<delivery_id>/release")
@staff("support")
def release_delivery(delivery_id: str) -> AnyResponse:
    """Let a quarantined delivery out: it is this shop's after all."""
    with db.write(Scope.system(WHY)) as session:
        quarantine.release(session, delivery_id, by=guards.actor(), why=request.form.get("why", ""))
    flash("Released: it waits, and a worker takes it within seconds.")
    return redirect(url_for(".delivery", delivery_id=delivery_id), code=303)


@blueprint.post("/inbox/<delivery_id>/discard")
@staff("support")
def discard_delivery(delivery_id: str) -> AnyResponse:
    """Put a quarantined delivery aside: it is none of this shop's."""
    with db.write(Scope.system(WHY)) as session:
        quarantine.discard(session, delivery_id, by=guards.actor(), why=request.form.get("why", ""))
    flash("Put aside: nothing of it is done.")
    return redirect(url_for(".delivery", delivery_id=delivery_id), code=303)


def _row(session: Session, delivery_id: str) -> DeliveryRow:
    row = session.get(DeliveryRow, delivery_id)
    if row is None:
        raise NotFound(f"no delivery has the id {delivery_id[:40]!r}")
    return row


saved_views.keep("inbox", "console.inbox", FILTERS, matching)
