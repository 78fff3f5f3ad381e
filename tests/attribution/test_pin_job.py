"""The pin job ends: whatever became of an order, it is not waited for twice."""

from __future__ import annotations

from datetime import datetime

import pytest
import sqlalchemy as sa

from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.attribution.tables import DueForPin
from connector.earnings.intake import take_in
from connector.events import Line, OrderSeen, OrderSnapshot
from tests.attribution.world import DAY, PLACED, World


def _hear(world: World, **changes: object) -> None:
    plain: dict[str, object] = {
        "order_ref": "7001", "number": "#7001", "created_at": PLACED, "changed_at": PLACED, "currency": "EUR",
        "payment_status": "paid", "taxes_included": False, "lines": (Line("1", 1, 1, 2000, product_ref="A"),),
    }  # fmt: skip
    snapshot = OrderSnapshot(**{**plain, **changes})  # type: ignore[arg-type]
    with world.database.write(Scope.shop(world.shop_id)) as session:
        shop = session.get_one(Shop, world.shop_id)
        moment = snapshot.changed_at
        take_in.take_in(session, shop, OrderSeen(snapshot), triggered_at=moment, source="read:test", as_of=moment)


def _pin(world: World, as_of: datetime = PLACED + DAY) -> int:
    with world.database.write(Scope.shop(world.shop_id)) as session:
        return take_in.pin_due(session, world.shop_id, as_of)


@pytest.mark.parametrize(
    "became",
    [{}, {"sample": True}, {"test": True}, {"completed": False}, {"payment_status": "voided"},
     {"cancelled_at": PLACED}],
)  # fmt: skip
def test_the_pin_job_ends_whatever_became_of_the_order(world: World, became: dict[str, object]) -> None:
    _hear(world)
    with world.database.read(Scope.shop(world.shop_id)) as session:
        assert len(session.scalars(sa.select(DueForPin)).all()) == 1
    assert _pin(world, PLACED + DAY / 2) == 0
    _hear(world, changed_at=PLACED + DAY / 4, **became)
    assert _pin(world) <= 1
    assert _pin(world) == 0
