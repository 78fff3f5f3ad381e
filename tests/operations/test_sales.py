"""Sales are the bases of credited lines, a day of the shop and a currency each; they agree with the orders' pages."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from connector.commerce.orders.tables import Order
from connector.earnings.commission.tables import Evaluation
from connector.events import Line, Refund, RefundLine, Transaction
from connector.operations import sales
from connector.programme.creators.tables import Creator
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


def test_a_random_months_sums_are_those_of_the_kept_lines(world: World) -> None:
    """Both ways: by the sums that each evaluation keeps, and line by line as the evaluations stand. Rows from before
    the sums were kept give the same."""
    rnd = random.Random(20)
    x, y = world.tap("x", "A"), world.tap("y", "B")
    for number in range(12):
        ref, lines = f"{8000 + number}", [("A", rnd.randrange(1, 4)), (rnd.choice("ABC"), 1), ("B", 2)]
        told: dict[str, Any] = {
            "ref": ref, "payment_status": rnd.choice(["paid", "paid", "paid", "pending"]),
            "lines": tuple(
                Line(f"{place}", units, units, rnd.randrange(1, 9999), product_ref=product)
                for place, (product, units) in enumerate(lines[: rnd.randrange(1, 4)])
            ),
        }  # fmt: skip
        tokens = rnd.choice([[x.token], [y.token], [x.token, y.token], []])
        hear(world, tokens, **told)
        if rnd.random() < 0.6:
            line = rnd.choice(told["lines"])
            given = RefundLine("l", line.line_ref, 1, rnd.randrange(1, line.unit_price + 1))
            back = Refund(f"r{ref}", PLACED + DAY, (given,), transactions=(Transaction("t", "success"),))
            told["payment_status"] = "paid"
            hear(world, tokens, at=PLACED + DAY, refunds=(back,), **told)
    until = PLACED + 2 * DAY
    with world.database.write(SYSTEM) as session:
        kept = sales.read(session, world.shop_id, until=until, zone=ZONE)
        assert [_plain(each) for each in kept] == [_line_by_line(session)]
        session.execute(sa.update(Evaluation).where(Evaluation.id > session.scalar(_MIDDLE)).values(sold=None))
        assert sales.read(session, world.shop_id, until=until, zone=ZONE) == kept
    assert kept[0].total.taken_back > 0
    assert len(kept[0].creators) == 2


_MIDDLE = sa.select(Evaluation.id).order_by(Evaluation.id).offset(6).limit(1)


def _plain(found: sales.InCurrency) -> dict[str, tuple[int, ...]]:
    sums = {"": found.total} | {each.name: each.total for each in found.creators}
    return {who: (of.orders, of.sales, of.taken_back, of.due) for who, of in sums.items()}


def _line_by_line(session: Any) -> dict[str, tuple[int, ...]]:
    newest: dict[str, Evaluation] = {}
    for row in session.scalars(sa.select(Evaluation).order_by(Evaluation.sequence)):
        newest[row.order_id] = row
    names = dict(session.execute(sa.select(Creator.id, Creator.name)).all())
    lines = [
        (who, row.order_id, line)
        for row in newest.values() if not row.reason
        for line in row.lines if line["creator_id"] is not None
        for who in ("", names[line["creator_id"]])
    ]  # fmt: skip
    return {
        who: (
            len({order_id for whose, order_id, _ in lines if whose == who}),
            *(sum(line[name] for whose, _, line in lines if whose == who) for name in ("base", "refunded_base", "due")),
        )
        for who, _, _ in lines
    }
