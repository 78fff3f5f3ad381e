"""The audit log: who did what to what, when, and how it stood before and after. Newest first, narrowed by links."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from flask import g, request, url_for
from sqlalchemy.orm import Session

from connector import db
from connector.audit import AuditRow
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.faces.console import saved_views, telling
from connector.faces.console.face import WHY, blueprint
from connector.faces.console.runs import name_of, shops_by_id
from connector.web import keyset, moments
from connector.web.guards import staff
from connector.web.layout import page

FILTERS = ("who", "actor", "act", "subject", "shop", "since", "until")
# Whom the log knows: prefix of the actor → word
WHO = {
    "staff": "Staff", "merchant": "Merchants", "app": "The app", "command": "Commands", "connector": "By itself",
}  # fmt: skip
_NAMES = {"who": "By", "actor": "By", "act": "Act", "subject": "About", "shop": "Shop", "since": "From", "until": "To"}


@blueprint.get("/audit")
@staff("support")
def audit_log() -> str:
    asked: dict[str, Any] = {name: request.args.get(name, "").strip() for name in FILTERS}
    with db.read(Scope.system(WHY)) as session:
        found = keyset.read(session, "audit", matching(session, asked), (AuditRow.at, AuditRow.id))
        shops = shops_by_id(session, {row.shop_id for row in found.rows if row.shop_id} | {asked["shop"]})
        every = session.scalars(sa.select(Shop).order_by(Shop.name).limit(500)).all()
        acts = session.scalars(sa.select(AuditRow.act).distinct().order_by(AuditRow.act)).all()
        bar = saved_views.bar(session, "audit")
    lines = [
        (
            row, telling.act_words(row.act), telling.actor_words(row.actor),
            name_of(shops.get(row.shop_id)) if row.shop_id else "", *telling.changes(row.detail), _about(row),
        )
        for row in found.rows
    ]  # fmt: skip
    return page(
        "console/audit.html", found=found, lines=lines, chips_shown=_chips(asked, shops), asked=asked, bar=bar,
        filtered=any(asked.values()), every=every, acts=[(act, telling.act_words(act)) for act in acts],
        views_shown=_whose(asked),
    )  # fmt: skip


def matching(session: Session, asked: dict[str, Any]) -> sa.Select[AuditRow]:
    query = sa.select(AuditRow)
    if asked["who"]:
        who = asked["who"]
        query = query.where(sa.or_(AuditRow.actor == who, AuditRow.actor.startswith(f"{who}:", autoescape=True)))
    for name, column in (
        ("actor", AuditRow.actor), ("act", AuditRow.act), ("subject", AuditRow.subject), ("shop", AuditRow.shop_id),
    ):  # fmt: skip
        if asked[name]:
            query = query.where(column == asked[name])
    if asked["since"]:
        query = query.where(AuditRow.at >= moments.first_of(asked["since"], "since"))
    if asked["until"]:
        query = query.where(AuditRow.at < moments.first_of(asked["until"], "until") + timedelta(days=1))
    return query


def _chips(asked: dict[str, Any], shops: dict[str, Shop]) -> list[tuple[str, str, str]]:
    shown = {
        "act": telling.act_words(asked["act"]), "actor": telling.actor_words(asked["actor"]),
        "shop": name_of(shops.get(asked["shop"])),
    }  # fmt: skip
    return [
        (_NAMES[name], shown.get(name, value), url_for(".audit_log", **_without(asked, name)))
        for name, value in asked.items()
        if value and name != "who"
    ]


def _without(asked: dict[str, Any], name: str) -> dict[str, Any]:
    return {other: value for other, value in asked.items() if value and other != name}


def _whose(asked: dict[str, Any]) -> list[tuple[str, str, None, bool]]:
    rest = _without(asked, "who")
    found: list[tuple[str, str, None, bool]] = [("Everybody", url_for(".audit_log", **rest), None, not asked["who"])]
    return found + [
        (word, url_for(".audit_log", **rest, who=prefix), None, asked["who"] == prefix) for prefix, word in WHO.items()
    ]


def _about(row: AuditRow) -> str:
    """Where the thing that was acted on is shown; "" where it has no page, or none that this reader may open."""
    known = {
        "run": (".run", "run_id"), "dlv": (".delivery", "delivery_id"), "shp": (".shop", "shop_id"),
        "crt": (".creator", "creator_id"), "bat": (".batch", "batch_id"), "cls": (".closing", "closing_id"),
        "pay": (".payout", "payout_id"),
        "frz": (".freeze", "freeze_id"), "cap": (".content_fee", "approval_id"), "evt": (".event", "event_id"),
    }  # fmt: skip
    prefix = row.subject.partition("_")[0]
    found = known.get(prefix)
    if found is None or (prefix in ("bat", "cls", "pay") and not g.staff.may("finance")):
        return ""
    named: dict[str, Any] = {found[1]: row.subject}
    return url_for(found[0], **named)


saved_views.keep("audit", "console.audit_log", FILTERS, matching)
