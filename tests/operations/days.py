"""An order's whole life through the real path: touches, order, fulfilment, refund, statement, payout."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.db import Scope
from connector.earnings.intake.take_in import TakenIn, pin_due, take_in
from connector.earnings.payouts import batch
from connector.earnings.settlement import clear, close
from connector.events import Buyer, Carrier, Fulfilment, Line, OrderSeen, OrderSnapshot
from connector.operations.trace import find, trace
from tests.attribution.world import DAY, KEY, PLACED, World
from tests.payees.details import all_payable
from tests.settlement.paid_in import pay_all

SYSTEM = Scope.system("tests")


def hear(world: World, tokens: list[str], *, at: datetime = PLACED, ref: str = "7001", **changes: Any) -> TakenIn:
    """One version of an order of A (two of them) and B, heard at once."""
    lines = changes.pop(
        "lines",
        (Line("1", 2, 2, 2000, product_ref="A", title="Linen throw"), Line("2", 1, 1, 1500, product_ref="B")),
    )
    buyer = Buyer(changes.pop("customer", None))
    carriers = (*(Carrier("cart_attribute", token, KEY) for token in tokens), Carrier("cart_attribute", "hi", "note"))
    whole = OrderSnapshot(
        order_ref=ref, number=changes.pop("number", f"#{ref}"), created_at=PLACED, changed_at=at, currency="EUR",
        payment_status=changes.pop("payment_status", "paid"), taxes_included=False, lines=lines,
        carriers=changes.pop("carriers", carriers),
        paid_at=PLACED, **changes,
    )  # fmt: skip
    with world.database.write(Scope.shop(world.shop_id)) as session:
        shop = session.get_one(Shop, world.shop_id)
        source = f"delivery:dlv_{ref}_{at:%d%H}"
        return take_in(session, shop, OrderSeen(whole, buyer), triggered_at=at, source=source, as_of=at)


def parcel(at: datetime) -> Fulfilment:
    return Fulfilment("f1", at, delivered_at=at)


def settle(world: World, until: datetime, month: str) -> None:
    with world.database.write(SYSTEM) as session:
        pin_due(session, world.shop_id, until)
        clear.clear_due(session, world.shop_id, until)
        close.close_period(session, world.shop_id, month, until, "test")


def pay(world: World, at: datetime) -> str:
    with world.database.write(SYSTEM) as session:
        all_payable(session)
        pay_all(session, world.shop_id, at)
        made = batch.prepare(session, f"key {at}", "EUR", at, "test")
        batch.mark_sent(session, made.id, at, "test")
        return batch.mark_paid(session, made.id, at, "test").id


def told(world: World, name: str = "7001") -> dict[str, Any]:
    with world.database.read(SYSTEM) as session:
        return trace(session, find(session, name))


def order_id(world: World) -> str:
    with world.database.read(SYSTEM) as session:
        return session.query(Order.id).scalar()


DELIVERED = PLACED + 3 * DAY
CLOSING = PLACED + timedelta(days=43)  # 2 January: December is over
