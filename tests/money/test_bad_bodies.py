"""Bodies that say something impossible about money come signed through the inbox: each is parked with its place and a
reason that people can read, or put aside to be asked for, and the orders around it go on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from connector import db
from connector.commerce.orders.tables import LooseFact, Order
from connector.db import Database, Scope
from connector.earnings.commission.tables import Evaluation
from connector.earnings.ledger import checks, queries
from connector.web import words
from connector.webhooks.tables import WantedRead
from tests.privacy.world import World, credited
from tests.webhooks.conftest import Store, rows, run_drain, sample, settings, shop_id, store

SYSTEM = Scope.system("test")
__all__ = ["run_drain", "settings", "shop_id", "store"]


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    return sqlite_database


def _with_line(world: World, ref: int, **changed: Any) -> bytes:
    line = json.loads(world.order(ref))["line_items"][0]
    return world.order(ref, line_items=[{**line, **changed}])


def _refund(ref: int, **changed: Any) -> dict[str, Any]:
    """Half of the order's line back, in the shop's money."""
    body: dict[str, Any] = json.loads(sample("refunds_create.one_unit").replace(b"15000000000001", b"%d1" % ref))
    return {**body, "id": 9000 + ref, "order_id": ref, "created_at": "2026-11-21T09:00:00Z", **changed}


def _in_euros(refund: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(json.dumps(refund).replace('"USD"', '"EUR"'))
    return said


def test_each_is_parked_with_its_place_and_the_rest_goes_on(
    store: Store, shop_id: str, run_drain: Callable[[], int]
) -> None:
    world = credited(shop_id)
    bad = {
        "a quantity is negative": _with_line(world, 2, quantity=-2),
        "$.lines[0].quantity": _with_line(world, 3, current_quantity=-1),
        "the order has none": world.order(4, line_items=[]),
        "12.345 has more decimals than USD has (2)": _with_line(world, 5, price="12.345"),
        "'XYZ' isn't an ISO 4217 code": world.order(6, currency="XYZ"),
        "isn't USD, the currency of its order": world.order(7, refunds=[_in_euros(_refund(7))]),
    }
    store.post("orders/create", world.order(1))
    for body in bad.values():
        store.post("orders/create", body)
    store.post("orders/create", world.order(8))
    run_drain()
    first, *parked, last = rows()
    assert [(row.status, row.effects["entries"]) for row in (first, last)] == [("done", 1), ("done", 1)]
    for said, row in zip(bad, parked, strict=True):
        assert (row.status, row.reason) == ("parked", "unreadable")
        assert said in row.detail, f"{said!r} isn't in {row.detail!r}"
        assert row.detail.startswith("$.")  # and where it stands in the body
    # The console shows the detail; a merchant reads what it is and what to do.
    assert words.reason("unreadable", "merchant") == "It could not be read"
    assert "Look at it in your store" in words.REASONS["unreadable"].remedy
    with db.read(SYSTEM) as session:
        assert set(session.scalars(sa.select(Order.order_ref))) == {"1", "8"}
        assert checks.examine(session) == []


def test_a_refund_alone_in_other_money_is_asked_for_and_one_above_the_rest_is_flagged(
    store: Store, shop_id: str, run_drain: Callable[[], int]
) -> None:
    world = credited(shop_id)
    for ref in (1, 2):
        store.post("orders/create", world.order(ref))
    store.post("refunds/create", json.dumps(_in_euros(_refund(1))).encode())
    much = _refund(2)
    much["refund_line_items"][0] |= {"subtotal": 360.0, "quantity": 1}
    much["refund_line_items"][0]["subtotal_set"]["shop_money"]["amount"] = "360.00"
    store.post("refunds/create", json.dumps(much).encode())
    run_drain()
    assert {row.status for row in rows()} == {"done"}
    assert (rows()[2].reason, "order 1 is asked of the store" in rows()[2].detail) == ("refund_in_other_money", True)
    said = words.REASONS["refund_in_other_money"]
    assert "settles itself" in said.remedy, "and whose turn it is, where it doesn't"
    assert "the merchant or support looks" in said.support
    with db.read(SYSTEM) as session:
        one, two = session.scalars(sa.select(Order).order_by(Order.order_ref)).all()
        # Nothing is converted and nothing guessed: the store is asked what it gave back in its own money.
        assert "1" in session.scalars(sa.select(WantedRead.ref)).all()
        assert session.scalars(sa.select(LooseFact.order_ref)).all() == ["2"]
        assert {sum(amounts["creator_pending"] for amounts in queries.posted(session, one.id).values())} == {-1050}
        newest = session.scalars(
            sa.select(Evaluation).where(Evaluation.order_id == two.id).order_by(Evaluation.sequence.desc())
        ).first()
        assert newest is not None
        assert "refund_exceeds_base" in newest.lines[0]["flags"]
        assert newest.lines[0]["due"] == 0
