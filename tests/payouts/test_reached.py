"""When payouts had covered a creator's statements, in their order; and what a shop absorbs of what went back after."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from connector.commerce.shops.tables import ShopSetting
from connector.db import new_id
from connector.earnings.commission.tables import Clearance
from connector.earnings.ledger import checks, queries
from connector.earnings.payouts.reached import Paid, Settled, covered
from connector.events import Refund, RefundLine
from tests.attribution.world import DAY, PLACED, World
from tests.money.builders import at
from tests.operations.days import CLOSING, DELIVERED, SYSTEM, hear, parcel, pay, settle


def reached(statements: list[int], payouts: list[tuple[int, int]]) -> list[datetime | None]:
    settled = [Settled(str(n), amount) for n, amount in enumerate(statements)]
    found = covered(settled, [Paid(amount, at(day)) for amount, day in payouts])
    return [found[str(n)] for n in range(len(statements))]


def test_a_payout_reaches_what_it_covers_and_all_before() -> None:
    assert reached([600, 400], [(1000, 30)]) == [at(30), at(30)]
    assert reached([600, 400], [(600, 30)]) == [at(30), None]
    assert reached([600, 400], [(600, 30), (400, 60)]) == [at(30), at(60)]
    assert reached([600, 400], [(700, 30)]) == [at(30), None]
    assert reached([600], []) == [None]


def test_a_statement_below_zero_asks_for_nothing_more() -> None:
    """600 paid, 150 taken back, 450 earned: the next payout is of 300 and reaches both."""
    assert reached([600, -150, 450], [(600, 30), (300, 60)]) == [at(30), at(30), at(60)]
    assert reached([-100, 300], [(200, 30)]) == [None, at(30)]


@given(st.lists(st.integers(-500, 900), min_size=1, max_size=8), st.lists(st.integers(1, 900), max_size=6))
def test_times_never_go_back_and_all_is_reached_once_all_is_paid(statements: list[int], payouts: list[int]) -> None:
    times = reached(statements, [(amount, day) for day, amount in enumerate(payouts)])
    known = [moment for moment in times if moment is not None]
    assert known == sorted(known)
    whole = sum(amount for amount in statements if amount > 0)
    if statements[0] > 0:  # before anything was owed nothing is reached
        assert None not in reached(statements, [(whole, 1)])


def test_what_went_back_after_the_payout_is_borne_whenever_it_is_heard_of(world: World) -> None:
    """Settled and paid. One of two units went back a minute before the payout, the other a day after it; both are heard
    of later: the first is taken off the next earnings, the second is the app's loss."""
    with world.database.write(SYSTEM) as session:
        session.add(
            ShopSetting(id=new_id("set"), shop_id=world.shop_id, name="after_payout", value="absorb",
                        starts_at=PLACED - DAY, recorded_at=PLACED - DAY, recorded_by="staff:jo")
        )  # fmt: skip
    touch = world.tap("x", "A")
    hear(world, [touch.token], at=DELIVERED, fulfilments=(parcel(DELIVERED),))
    settle(world, CLOSING, "2026-12")
    paid = CLOSING + DAY
    pay(world, paid)
    with world.database.read(SYSTEM) as session:
        assert [row.paid_at for row in session.scalars(sa.select(Clearance).where(Clearance.line_ref == "1"))] == [paid]
        before = queries.accounts(session, shop_id=world.shop_id)
    back = tuple(
        Refund(ref, at, (RefundLine(f"l{ref}", "1", 1, 2000),))
        for ref, at in (("1", paid - timedelta(minutes=1)), ("2", paid + DAY))
    )
    hear(world, [touch.token], at=paid + 2 * DAY, fulfilments=(parcel(DELIVERED),), refunds=back)
    with world.database.read(SYSTEM) as session:
        after = queries.accounts(session, shop_id=world.shop_id)
        assert checks.examine(session) == []
    moved = {key[2]: amount - before.get(key, 0) for key, amount in after.items() if amount != before.get(key, 0)}
    assert set(moved) == {"merchant_receivable", "creator_cleared", "loss_absorbed"}
    assert moved["loss_absorbed"] == moved["creator_cleared"] == -moved["merchant_receivable"] // 2 > 0
