"""Shops and one shop: how it stands, since when, and what changed just before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from flask import request, url_for
from sqlalchemy.orm import Session

from connector import clock, db
from connector.commerce.catalog import queries as catalog
from connector.commerce.orders.tables import Order
from connector.commerce.shops import queries as shops_of
from connector.commerce.shops import settings as shop_settings
from connector.commerce.shops.tables import GrantRow, Shop, ShopSetting
from connector.db import Scope
from connector.faces.console import telling
from connector.faces.console.face import WHY, blueprint
from connector.faces.console.telling import ACTS, Item, act_words
from connector.operations import timeline as history
from connector.platforms import roster
from connector.sync import queries as sync_queries
from connector.sync import schedule
from connector.sync.tables import Reconciliation, SyncRun
from connector.web import moments, platform_words, progress, words
from connector.web import shop_settings as setting_words
from connector.web.guards import staff
from connector.web.layout import page
from connector.webhooks import heard
from connector.webhooks.tables import DeliveryRow

AT_MOST = 200

__all__ = ["ACTS", "Item", "act_words"]  # where other pages look for them


@dataclass(frozen=True, slots=True)
class ShopLine:
    shop: Shop
    listings: int
    last_order: datetime | None
    run: SyncRun | None


@blueprint.get("/shops")
@staff("support")
def shops() -> str:
    text, status = request.args.get("q", "").strip(), request.args.get("status", "")
    with db.read(Scope.system(WHY)) as session:
        asked = sa.select(Shop)
        if status:
            asked = asked.where(Shop.status == status)
        if text:
            like = f"%{text.lower()}%"
            asked = asked.where(sa.or_(sa.func.lower(Shop.name).like(like), Shop.domain.like(like), Shop.id == text))
        found = session.scalars(asked.order_by(sa.func.lower(Shop.name), Shop.id).limit(AT_MOST)).all()
        lines = _lines(session, found)
        rows = session.execute(sa.select(Shop.status, sa.func.count()).group_by(Shop.status))
        numbers: dict[str, int] = {row[0]: row[1] for row in rows}
    views = [("All", url_for(".shops"), sum(numbers.values()), not status)]
    views += [
        (badge.word, url_for(".shops", status=value), numbers.get(value, 0), status == value)
        for value, badge in words.statuses("shop").items()
        if numbers.get(value) or status == value
    ]
    chips = [("Search", text, url_for(".shops", status=status or None))] if text else []
    return page("console/shops.html", lines=lines, views=views, chips_shown=chips, text=text, status_asked=status)


def _lines(session: Session, found: Sequence[Shop]) -> list[ShopLine]:
    ids = [shop.id for shop in found]
    rows = session.execute(
        sa.select(Order.shop_id, sa.func.max(Order.first_seen_at)).where(Order.shop_id.in_(ids)).group_by(Order.shop_id)
    )
    heard: dict[str, datetime] = {row[0]: row[1] for row in rows}
    newest = (
        sa.select(sa.func.max(SyncRun.queued_at)).where(SyncRun.shop_id == Shop.id).correlate(Shop).scalar_subquery()
    )
    runs = session.scalars(
        sa.select(SyncRun).join(Shop, Shop.id == SyncRun.shop_id).where(Shop.id.in_(ids), SyncRun.queued_at == newest)
    )
    by_shop = {run.shop_id: run for run in runs}
    return [
        ShopLine(shop, catalog.counts(session, shop.id).get("shoppable", 0), heard.get(shop.id), by_shop.get(shop.id))
        for shop in found
    ]


@blueprint.get("/shops/<shop_id>")
@staff("support")
def shop(shop_id: str) -> str:
    now = clock.now()
    with db.read(Scope.system(WHY)) as session:
        found = shops_of.get(session, shop_id)
        grant = session.get(GrantRow, shop_id)
        runs = session.scalars(
            sa.select(SyncRun).where(SyncRun.shop_id == shop_id).order_by(SyncRun.queued_at.desc()).limit(8)
        ).all()
        passes = session.scalars(
            sa.select(Reconciliation)
            .where(Reconciliation.shop_id == shop_id)
            .order_by(Reconciliation.started_at.desc())
            .limit(8)
        ).all()
        last_order = session.scalars(
            sa.select(Order).where(Order.shop_id == shop_id).order_by(Order.first_seen_at.desc()).limit(1)
        ).first()
        orders = session.scalar(sa.select(sa.func.count()).select_from(Order).where(Order.shop_id == shop_id)) or 0
        last_delivery = session.scalar(
            sa.select(sa.func.max(DeliveryRow.received_at)).where(DeliveryRow.shop_id == shop_id)
        )
        in_force = {name: shop_settings.at(session, shop_id, name, now) for name in shop_settings.DEFAULTS}
        changed = _settings_since(session, shop_id)
        listings = catalog.counts(session, shop_id)
        reasons = sorted(catalog.reasons(session, shop_id).items(), key=lambda each: -each[1])
        state = sync_queries.state(session, shop_id)
        refused_now = sync_queries.dead_letter_count(session, shop_id)
        arrives = heard.of(session, shop_id)
        told = history.read(session, found, days=30, zone=moments.zone(), now=now)
        items = telling.items(found, told.happenings[:20])
    return page(
        "console/shop.html", shop=found, grant=grant, runs=[(run, progress.view(run)) for run in runs], passes=passes,
        last_order=last_order, last_delivery=last_delivery, orders=orders, in_force=in_force, changed=changed,
        listings=listings, reasons=reasons, items=items, sentence=_sentence(found, last_order), wall=clock.wall(),
        paused_at=state.paused_at if state else None, paused_by=state.paused_by if state else "",
        next_sync=schedule.next_due(state, found.platform), refused_now=refused_now,
        setting_words=setting_words, actor_words=telling.actor_words, heard=arrives,
        platform=roster.platforms().get(found.platform), comeback=platform_words.comeback(found.platform),
        way=platform_words.WAYS.get(found.joined_by, ("", found.joined_by))[1],
    )  # fmt: skip


def _sentence(found: Shop, last_order: Order | None) -> str:
    heard = f"Last order heard {moments.ago(last_order.first_seen_at)}." if last_order else "No order heard yet."
    if found.status == "needs_reconnect":
        why = found.status_detail or "Its permission is gone."
        return f"{why} {platform_words.comeback(found.platform)} No order is lost: we fetch them afterwards."
    if found.status == "left":
        when = moments.ago(found.left_at) if found.left_at else "some time ago"
        return f"Left {when}. No new credit; what was earned stays and is paid."
    if found.status_reason:
        return f"{found.status_detail} {heard}".strip()
    return f"Well. {heard}"


def _settings_since(session: Session, shop_id: str) -> dict[str, ShopSetting]:
    rows = session.scalars(sa.select(ShopSetting).where(ShopSetting.shop_id == shop_id).order_by(ShopSetting.starts_at))
    return {row.name: row for row in rows}
