"""What a store does after a payout: carried, or borne by the app where the shop says so, for every way of taking back.

Worked by hand: a line of 40.00 at 15 % earned 600 and was paid on day 30. Each case names what the store said later,
what the line has due then, and what of the 600 was taken back since: that is carried (a negative cleared line) or
absorbed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.orders.tables import Order
from connector.db import Database
from connector.earnings.commission import rate
from connector.earnings.commission.tables import Clearance
from connector.earnings.intake import take_in as intake
from connector.earnings.ledger import checks
from connector.events import Dispute, Fulfilment, OrderSnapshot
from tests.intake.test_beside_the_line import TEST, World
from tests.money.builders import Credit, at, back, changed, facts, line, off, refund, snapshot, with_line

PAID = at(30)
PARCEL = Fulfilment("f", at(0), at(1))  # with everything in it
ORDER = snapshot(line("1", 4000), fulfilments=(PARCEL,))
TWO = snapshot(line("1", 2000, 2), fulfilments=(PARCEL,))


def later(order: OrderSnapshot, days: float = 40, **more: Any) -> OrderSnapshot:
    return changed(order, changed_at=at(days), **more)


# (name, the order as paid, what the store said later, due then, taken back since the payout)
CASES: list[tuple[str, OrderSnapshot, list[OrderSnapshot], int, int]] = [
    ("refund of the item", ORDER, [later(ORDER, refunds=(refund("1", back("1", 1, 4000), days=40),))], 0, 600),
    ("money without an item", ORDER, [later(ORDER, refunds=(refund("1", money_only=1000, days=40),))], 450, 150),
    ("refund made before", ORDER, [later(ORDER, refunds=(refund("1", money_only=1000, days=20),))], 450, 0),
    ("cancelled", ORDER, [later(ORDER, cancelled_at=at(40))], 0, 600),
    ("cancelled before, heard of later", ORDER, [later(ORDER, cancelled_at=at(20))], 0, 0),
    ("voided", ORDER, [later(ORDER, payment_status="voided")], 0, 600),
    ("voided before, heard of in that version", ORDER, [later(ORDER, 20, payment_status="voided")], 0, 0),
    ("one of two removed by an edit", TWO, [later(with_line(TWO, "1", current_quantity=1))], 300, 300),
    ("removed before, then a note", TWO, [
        later(with_line(TWO, "1", current_quantity=1), 20),
        later(with_line(TWO, "1", current_quantity=1), 40, number="#1001b"),
    ], 300, 0),
    ("one removed before, the other after", TWO, [
        later(with_line(TWO, "1", current_quantity=1), 20), later(with_line(TWO, "1", current_quantity=0), 40),
    ], 0, 300),
    ("rewritten in place to a lower price", ORDER, [later(with_line(ORDER, "1", unit_price=3000))], 450, 150),
    ("a discount put on it", ORDER, [
        later(with_line(ORDER, "1", allocations=off(1000)), total_discounts=1000),
    ], 450, 150),
    ("lost altogether by the store", snapshot(line("1", 4000), line("2", 1000), fulfilments=(PARCEL,)),
     [later(snapshot(line("2", 1000), fulfilments=(PARCEL,)))], 0, 600),
    ("exchanged: returned, and another line given", ORDER, [
        later(snapshot(line("1", 4000, current_quantity=0), line("2", 5000), fulfilments=(PARCEL,)),
              refunds=(refund("1", back("1", 1, 4000), days=40),)),
    ], 0, 600),
    ("a line added, nothing taken back", ORDER,
     [later(snapshot(line("1", 4000), line("2", 333), fulfilments=(PARCEL,)))], 600, 0),
    ("a refund that failed", ORDER,
     [later(ORDER, refunds=(refund("1", back("1", 1, 4000), days=40, status="failure"),))], 600, 0),
]  # fmt: skip
NAMES = [name for name, *_ in CASES]


@pytest.mark.parametrize(("name", "order", "said", "due", "since"), CASES, ids=NAMES)
def test_by_the_arithmetic(name: str, order: OrderSnapshot, said: list[OrderSnapshot], due: int, since: int) -> None:
    credits = {ref: Credit("crt_x", 1500) for ref in ("1", "2")}
    versions, newest = [order, *said], said[-1]
    now = rate.assess(facts(newest), credits)
    then = rate.assess(rate.as_stood(facts(newest), versions, PAID), credits, until=PAID)
    assert sum(line.due for line in now.lines if line.line_ref == "1") == due
    assert rate.taken_back(then, now, {"1"}) == ({("1", "crt_x", None): since} if since else {})


def test_a_line_that_only_moved_by_rounding_is_adjusted_not_absorbed() -> None:
    """Two lines share one rounded sum; a third that an edit adds moves a unit between them (R4)."""
    credits = {ref: Credit("crt_x", 333) for ref in ("1", "2", "3")}
    order = snapshot(line("1", 9), line("2", 37))
    newest = later(snapshot(line("1", 9), line("2", 37), line("3", 55)))
    now = rate.assess(facts(newest), credits)
    then = rate.assess(rate.as_stood(facts(newest), [order, newest], PAID), credits, until=PAID)
    before, after = ({line.line_ref: line.due for line in each.lines} for each in (then, now))
    assert any(after[ref] < before[ref] for ref in before)
    assert rate.taken_back(then, now, {"1", "2"}) == {}


@pytest.fixture
def world(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with database.write(TEST) as session:
        made = World(session)
        monkeypatch.setattr(intake.credit, "credit_lines", made.decide)
        yield made


def test_by_the_books(world: World) -> None:
    """Every case twice, at a shop that carries and at one that absorbs, on one set of books that stays right."""
    for absorb in (False, True):
        if absorb:
            world.set("after_payout", "absorb")
        for number, (name, order, said, due, since) in enumerate(CASES):
            ref, before = f"{7 + absorb}{number:03}", world.accounts()
            world.take(_called(order, ref))
            world.clear(at(17))
            row = _row(world.session, ref)
            assert row.state == "cleared", name
            row.paid_at = PAID  # what payouts write (`payouts.reached`)
            world.session.flush()
            for version in said:
                world.take(_called(version, ref), as_of=at(45))
            moved = _moved(before, world.accounts())
            added = sum((line.unit_price * 15 + 50) // 100 for line in said[-1].lines if line.line_ref == "2")
            assert moved.get("loss_absorbed", 0) == (since if absorb else 0), (name, absorb)
            assert moved["merchant_receivable"] == due + added, (name, absorb)
            # Nothing more comes of the same word twice, nor of the same facts once more.
            assert world.take(_called(said[-1], ref), as_of=at(46)).entries == 0, name
    assert checks.examine(world.session) == []


def test_a_lost_dispute_after_the_payout_is_absorbed_like_a_refund(world: World) -> None:
    world.set("after_payout", "absorb")
    world.take(ORDER)
    world.clear(at(17))
    world.row().paid_at = PAID
    world.session.flush()
    world.stub(at(40), disputes=(Dispute("9", "open", at(35), 4000, at(35)),))
    world.stub(at(50), disputes=(Dispute("9", "lost", at(35), 4000, at(48), closed_at=at(48)),))
    assert world.accounts() == {"loss_absorbed": 600, "creator_cleared": -600}


def _called(order: OrderSnapshot, ref: str) -> OrderSnapshot:
    return changed(order, order_ref=ref, changed_at=order.changed_at)


def _row(session: Session, ref: str) -> Clearance:
    order_id = session.scalars(sa.select(Order.id).where(Order.order_ref == ref)).one()
    return session.get_one(Clearance, (order_id, "1"), populate_existing=True)


def _moved(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {account: after.get(account, 0) - before.get(account, 0) for account in before.keys() | after.keys()} | {
        "merchant_receivable": after.get("merchant_receivable", 0) - before.get("merchant_receivable", 0)
    }
