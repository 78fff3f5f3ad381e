"""Sales are the bases of credited lines, a day of the shop and a currency each; they agree with the orders' pages."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from connector.commerce.orders.tables import Order
from connector.events import Line, Refund, RefundLine, Transaction
from connector.operations import sales
from tests.attribution.world import DAY, PLACED, World
from tests.operations.days import SYSTEM, hear, told

ZONE = ZoneInfo("Europe/Berlin")


def test_sums_by_day_and_creator_agree_with_the_orders(world: World) -> None:
    x, y = world.tap("x", "A"), world.tap("y", "B")
    refund = Refund("r1", PLACED + DAY, (RefundLine("rl", "1", 1, 2000),), transactions=(Transaction("t", "success"),))
    hear(world, [x.token, y.token], ref="7001")
    hear(world, [x.token, y.token], ref="7001", at=PLACED + DAY, refunds=(refund,),
         lines=(Line("1", 2, 1, 2000, product_ref="A"), Line("2", 1, 1, 1500, product_ref="B")))  # fmt: skip
    hear(world, [x.token], ref="7002", lines=(Line("1", 1, 1, 900, product_ref="A"),))
    hear(world, [], ref="7003")
    hear(world, [x.token], ref="7004", cancelled_at=PLACED)
    hear(world, [x.token], ref="7005", payment_status="pending", lines=(Line("1", 1, 1, 5, product_ref="A"),))
    with world.database.read(SYSTEM) as session:
        (euros,) = sales.read(session, world.shop_id, until=PLACED + 2 * DAY, zone=ZONE)
        orders = session.query(Order.id).count()
    assert orders == 5
    assert (euros.currency, euros.total.sales, euros.total.orders) == ("EUR", 4000 + 1500 + 900, 2)
    assert euros.total.taken_back == 2000
    assert euros.total.due == sum(told(world, ref)["answer"]["due"] for ref in ("7001", "7002"))
    assert [(each.name, each.total.sales, each.total.orders) for each in euros.creators] == [
        ("X", 4900, 2), ("Y", 1500, 1),
    ]  # fmt: skip
    assert len(euros.days) == 30
    assert sum(day.sales for day in euros.days.values()) == euros.total.sales
    assert [day for day, total in euros.days.items() if total.sales] == [PLACED.astimezone(ZONE).date()]


def test_what_lies_outside_the_span_is_left_out(sqlite_world: World) -> None:
    hear(sqlite_world, [sqlite_world.tap("x", "A").token])
    with sqlite_world.database.read(SYSTEM) as session:
        assert sales.read(session, sqlite_world.shop_id, until=PLACED - DAY, zone=ZONE) == []
        assert sales.read(session, sqlite_world.shop_id, until=PLACED + timedelta(days=31), zone=ZONE) == []
        assert sales.read(session, "shp_other", until=PLACED + DAY, zone=ZONE) == []
