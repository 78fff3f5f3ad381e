"""Inside their retention the raw bodies are read again: what today's translator makes of them is what was taken in."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from connector import db
from connector.commerce.orders.tables import LooseFact
from connector.db import Database, Scope
from connector.events import OrderSeen
from connector.operations.rebuild.difference import Difference, Verified
from connector.operations.rebuild.verify import verify
from connector.platforms.shopify import PLATFORM
from connector.webhooks.tables import DeliveryRow
from tests.privacy.world import World, credited
from tests.webhooks.conftest import Store, rows, run_drain, sample, settings, shop_id, store

SYSTEM = Scope.system("test")
__all__ = ["run_drain", "settings", "shop_id", "store"]


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    return sqlite_database


@pytest.fixture
def sold(store: Store, shop_id: str, run_drain: Callable[[], int]) -> World:
    world = credited(shop_id)
    store.post("orders/create", world.order(1))
    store.post("orders/updated", world.order(1, updated_at="2026-11-21T12:00:00Z"))
    run_drain()
    assert {row.status for row in rows()} == {"done"}
    return world


def rebuilt() -> tuple[Verified, list[Difference]]:
    found: list[Difference] = []
    with db.snapshot(SYSTEM) as session:
        return verify(session, found.append), found


def test_bodies_read_as_they_did(sold: World) -> None:
    done, found = rebuilt()
    assert found == []
    assert (done.orders, done.bodies) == (1, 2)
    with db.write(SYSTEM) as session:  # retention
        session.execute(sa.update(DeliveryRow).values(body_sealed=None, body_gone="retention"))
    assert rebuilt()[0].bodies == 0


def test_a_translator_that_reads_otherwise_is_named(sold: World, monkeypatch: pytest.MonkeyPatch) -> None:
    translate = PLATFORM.webhooks.translate

    def newer(*args: Any) -> Any:
        for event in translate(*args):
            if isinstance(event, OrderSeen):
                event = msgspec.structs.replace(
                    event, snapshot=msgspec.structs.replace(event.snapshot, total_discounts=1)
                )
            yield event

    monkeypatch.setattr(PLATFORM.webhooks, "translate", newer)
    _, found = rebuilt()
    assert [(one.kind, one.kept) for one in found] == [("delivery", "no such version")] * 2


def test_a_loose_fact_that_is_gone_is_named(sold: World, store: Store, run_drain: Callable[[], int]) -> None:
    refund = json.loads(sample("refunds_create.amount_only"))
    store.post("refunds/create", json.dumps({**refund, "order_id": 1}).encode())
    run_drain()
    assert rebuilt()[1] == []
    with db.write(SYSTEM) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(LooseFact)) == 1
        session.execute(sa.delete(LooseFact))
    assert "delivery" in {one.kind for one in rebuilt()[1]}
