"""A platform's signature proves the platform: bodies that name another shop's ids wait for a person's word."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from connector import db
from connector.audit import AuditRow
from connector.commerce.catalog import take as catalog
from connector.commerce.orders.tables import Order
from connector.commerce.shops import queries
from connector.db import Scope
from connector.errors import Conflict, InputRefused, NotFound
from connector.events import Product, Variant
from connector.webhooks import quarantine, replay
from tests.webhooks.conftest import DOMAIN, Store, join, order, rows, sample
from tests.webhooks.test_drain import job_names, wishes

Run = Callable[[], int]
OTHER = "other.myshopify.com"
SYSTEM = Scope.system("test")


def owners() -> list[str]:
    with db.read(SYSTEM) as session:
        return list(session.scalars(sa.select(Order.shop_id).where(Order.order_ref == "1")))


def test_an_order_that_is_known_under_another_shop_waits_for_a_person(
    store: Store, shop_id: str, run_drain: Run
) -> None:
    other = join(OTHER)
    store.post("orders/create", order(1))
    run_drain()
    store.post("orders/updated", order(1), domain=OTHER)
    store.post("refunds/create", json.dumps({**json.loads(sample("refunds_create.one_unit")), "order_id": 1}).encode(),
               domain=OTHER)  # fmt: skip
    store.post("orders/create", order(2), domain=OTHER)
    run_drain()
    _, update, refund, own = rows()
    assert [(row.status, row.reason) for row in (update, refund)] == [("quarantined", "other_shops_ids")] * 2
    assert "order 1" in update.detail
    assert own.status == "done"
    assert owners() == [shop_id]
    assert wishes() == [], "nothing is asked of a store about another's order"

    with db.write(SYSTEM) as session:
        assert replay.replay(session, by="staff:ann", status="quarantined") == 0, "a replay is no way out"
        quarantine.release(session, update.id, by="staff:ann", why="the shop moved to a new address")
        quarantine.discard(session, refund.id, by="staff:ann", why="somebody else's")
    run_drain()
    _, update, refund, _ = rows()
    assert (update.status, update.passed_by) == ("done", "staff:ann")
    assert (refund.status, refund.reason) == ("ignored", "discarded")
    assert sorted(owners()) == sorted([shop_id, other])
    with db.read(SYSTEM) as session:
        acts = session.execute(sa.select(AuditRow.act, AuditRow.detail).order_by(AuditRow.id)).all()
        assert [(row.act, row.detail["why"]) for row in acts if row.act != "delivery.replay"] == [
            ("delivery.release", "the shop moved to a new address"), ("delivery.discard", "somebody else's"),
        ]  # fmt: skip


def test_products_shops_and_privacy_too(store: Store, shop_id: str, run_drain: Run) -> None:
    join(OTHER)
    with db.write(SYSTEM) as session:
        mine = queries.get(session, shop_id)
        mine.shop_ref = "77"
        catalog.apply_products(session, mine, [Product("7", "Mug", "active", "USD", (Variant("8", 1999),))])
    shop = json.loads(sample("shop_update.renamed"))
    for topic, body in (
        ("products/update", {"id": 7}),
        ("products/delete", {"id": 7}),
        ("shop/update", {**shop, "id": 77, "myshopify_domain": OTHER}),
        ("shop/redact", {"shop_id": 77, "shop_domain": OTHER}),
    ):
        store.post(topic, json.dumps(body).encode(), domain=OTHER)
    store.post("products/update", b'{"id": 7}', domain=DOMAIN)
    run_drain()
    *foreign, own = rows()
    assert [(row.status, row.reason) for row in foreign] == [("quarantined", "other_shops_ids")] * 4
    assert own.status == "done"
    assert job_names() == ["webhooks.read_wanted"], "nobody's data is looked for on a stranger's word"


def test_a_store_that_took_another_host_is_no_stranger_to_itself(store: Store, shop_id: str, run_drain: Run) -> None:
    """Joined again under its new name it is another row here, and the same ids are its own."""
    store.post("orders/create", order(1))
    run_drain()
    moved = join(OTHER)
    with db.write(SYSTEM) as session:
        old, new = queries.get(session, shop_id), queries.get(session, moved)
        old.shop_ref = new.shop_ref = "77"
        catalog.apply_products(session, old, [Product("7", "Mug", "active", "USD", (Variant("8", 1999),))])
    store.post("orders/updated", order(1), domain=OTHER)
    store.post("products/update", b'{"id": 7}', domain=OTHER)
    run_drain()
    assert [row.status for row in rows()] == ["done"] * 3


def test_a_decision_needs_a_reason_and_is_made_once(store: Store, shop_id: str, run_drain: Run) -> None:
    body = json.loads(sample("app_uninstalled.shop"))
    store.post("app/uninstalled", json.dumps({**body, "myshopify_domain": OTHER}).encode())
    run_drain()
    (row,) = rows()
    assert (row.status, row.reason) == ("quarantined", "other_shops_body")
    for why in ("", "  ", "x" * 501):
        with db.write(SYSTEM) as session, pytest.raises(InputRefused):
            quarantine.discard(session, row.id, by="staff:ann", why=why)
    with db.write(SYSTEM) as session, pytest.raises(NotFound):
        quarantine.release(session, "dlv_0", by="staff:ann", why="why")
    with db.write(SYSTEM) as session:
        quarantine.discard(session, row.id, by="staff:ann", why="not ours")
    with db.write(SYSTEM) as session, pytest.raises(Conflict):
        quarantine.release(session, row.id, by="staff:bob", why="it is")
    assert rows()[0].status == "ignored"
