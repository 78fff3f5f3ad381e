"""Shops: their state, sync runs, reconciliations, deliveries, orders and traces."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector import db
from connector.commerce.catalog import queries as catalog
from connector.commerce.orders import queries as orders
from connector.commerce.orders.tables import Order
from connector.commerce.shops import queries as shops
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.errors import NotFound
from connector.faces.api import shapes
from connector.faces.api.face import blueprint, id_after, page, paged
from connector.operations import trace, trace_audience
from connector.programme.creators import queries as creators
from connector.sync import queries as sync
from connector.sync.tables import SyncRun
from connector.web.guards import app_scope
from connector.webhooks.tables import DeliveryRow

_RUNS = 20
_PASSES = 50


@blueprint.get("/shops")
@app_scope("shops:read")
@blueprint.input(shapes.LongPage, location="query")
@blueprint.output(shapes.ShopList)
def list_shops(query_data: shapes.LongPage) -> shapes.ShopList:
    """All shops, those that left too"""
    with db.read(Scope.app()) as session:
        rows = shops.every(session, after=id_after("list_shops", query_data.cursor), limit=query_data.limit + 1)
        shown, more = page("list_shops", rows, query_data.limit, lambda row: [row.id])
        return shapes.ShopList(items=[shapes.ShopShown.model_validate(shop) for shop in shown], next=more)


@blueprint.get("/shops/<shop_id>")
@app_scope("shops:read")
@blueprint.output(shapes.ShopWhole)
def read_shop(shop_id: str) -> shapes.ShopWhole:
    """One shop with its counts"""
    with db.read(Scope.app()) as session:
        shop = shops.get(session, shop_id)
        return shapes.ShopWhole(
            **_shop(shop),
            listings=catalog.counts(session, shop.id),
            not_shoppable=catalog.reasons(session, shop.id),
            orders=session.scalar(sa.select(sa.func.count()).where(Order.shop_id == shop.id)) or 0,
            deliveries=_counted(session, shop.id, DeliveryRow.status),
        )


@blueprint.get("/shops/<shop_id>/sync")
@app_scope("shops:read")
@blueprint.output(shapes.RunList)
@paged("list_sync_runs")
def list_sync_runs(shop_id: str) -> shapes.RunList:
    """A shop's latest sync runs, newest first, with what they refused"""
    with db.read(Scope.app()) as session:
        shop = shops.get(session, shop_id)
        return shapes.RunList(items=[_run(session, run) for run in sync.runs(session, shop_id=shop.id, limit=_RUNS)])


@blueprint.get("/shops/<shop_id>/reconciliations")
@app_scope("shops:read")
@blueprint.output(shapes.ReconciliationList)
@paged("list_reconciliations")
def list_reconciliations(shop_id: str) -> shapes.ReconciliationList:
    """A shop's latest passes: orders at the store = seen = evaluated, with the gaps by name"""
    with db.read(Scope.app()) as session:
        shop = shops.get(session, shop_id)
        rows = sync.reconciliations(session, shop.id, _PASSES)
        return shapes.ReconciliationList(items=[shapes.ReconciliationShown.model_validate(row) for row in rows])


@blueprint.get("/shops/<shop_id>/deliveries")
@app_scope("shops:read")
@blueprint.output(shapes.DeliveriesShown)
def count_deliveries(shop_id: str) -> shapes.DeliveriesShown:
    """What came from the store, counted by status, topic and reason"""
    with db.read(Scope.app()) as session:
        shop = shops.get(session, shop_id)
        received, repeats = session.execute(
            sa.select(sa.func.count(), sa.func.sum(DeliveryRow.repeats)).where(DeliveryRow.shop_id == shop.id)
        ).one()
        reasons = _counted(session, shop.id, DeliveryRow.reason)
        reasons.pop("", None)
        return shapes.DeliveriesShown(
            received=received,
            repeats=int(repeats or 0),
            by_status=_counted(session, shop.id, DeliveryRow.status),
            by_topic=_counted(session, shop.id, DeliveryRow.topic),
            by_reason=reasons,
        )


@blueprint.get("/shops/<shop_id>/orders")
@app_scope("orders:read")
@blueprint.input(shapes.Page, location="query")
@blueprint.output(shapes.OrderPage)
def list_orders(shop_id: str, query_data: shapes.Page) -> shapes.OrderPage:
    """A shop's orders as far as we heard of them, in the order in which we did"""
    with db.read(Scope.app()) as session:
        shop = shops.get(session, shop_id)
        asked = sa.select(Order).where(Order.shop_id == shop.id).order_by(Order.id).limit(query_data.limit + 1)
        after = id_after("orders", query_data.cursor)
        rows = session.scalars(asked if after is None else asked.where(Order.id > after)).all()
        shown, more = page("orders", rows, query_data.limit, lambda row: [row.id])
        return shapes.OrderPage(items=[_order(row) for row in shown], next=more)


@blueprint.get("/orders/<shop_id>/<path:order>/trace")
@app_scope("orders:read")
@blueprint.input(shapes.TraceAsked, location="query")
@blueprint.output(shapes.TraceShown)
def trace_order(shop_id: str, order: str, query_data: shapes.TraceAsked) -> dict[str, Any]:
    """Everything known of one order, found by its number

    The order by its number (with or without #), the store's own id, or ours. Otherwise as by its id.
    """
    with db.read(Scope.app()) as session:
        shop = shops.get(session, shop_id)
        return _told(session, trace.find(session, order, shop.id), query_data)


@blueprint.get("/orders/<order_id>/trace")
@app_scope("orders:read")
@blueprint.input(shapes.TraceAsked, location="query")
@blueprint.output(shapes.TraceShown)
def trace_by_id(order_id: str, query_data: shapes.TraceAsked) -> dict[str, Any]:
    """Everything known of one order

    What arrived when, every candidate and why each lost, how the base was built part by part, the rate at the tap and
    at the order, recorded acts, entries, clearance with its history, statement, invoice, payout with its outcome. Each
    reason stands as its code and, in `said`, in the reader's words. A creator sees only what is theirs, and 404 where
    nothing is.
    """
    with db.read(Scope.app()) as session:
        order = session.get(Order, order_id)
        if order is None:
            raise NotFound(f"no order has the id {order_id[:40]!r}")
        return _told(session, order, query_data)


def _told(session: Session, order: Order, asked: shapes.TraceAsked) -> dict[str, Any]:
    found = trace.trace(session, order)
    if asked.audience == "creator":
        creator_id = creators.get(session, asked.creator_id).id if asked.creator_id else ""
        if creator_id and not trace_audience.concerns(found, creator_id):
            raise NotFound("nothing of this creator's is on the order", public="Nothing of theirs is on this order.")
        return trace_audience.told(found, "creator", creator_id)
    return trace_audience.told(found, asked.audience)


def _shop(shop: Shop) -> dict[str, Any]:
    return shapes.ShopShown.model_validate(shop).model_dump()


def _run(session: Session, run: SyncRun) -> shapes.RunShown:
    plain = {name: getattr(run, name) for name in shapes.RunShown.model_fields if name != "refusals"}
    return shapes.RunShown(**plain, refusals=sync.refusal_reasons(session, run.id))


def _order(row: Order) -> shapes.OrderHead:
    return shapes.OrderHead(
        id=row.id,
        order_ref=row.order_ref,
        number=row.number,
        currency=row.currency,
        payment_status=orders.facts(row).snapshot.payment_status,
        placed_at=row.placed_at,
        changed_at=row.changed_at,
        first_seen_at=row.first_seen_at,
        evaluated=row.evaluated_hash == row.content_hash,
    )


def _counted(session: Session, shop_id: str, column: Any) -> dict[str, int]:
    rows = session.execute(
        sa.select(column, sa.func.count()).where(DeliveryRow.shop_id == shop_id).group_by(column).order_by(column)
    )
    return {row[0]: row[1] for row in rows}
