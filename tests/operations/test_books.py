"""Every check of the books passes over a whole life, and each one finds what it is there to find."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.orders.tables import Order
from connector.db import new_id
from connector.earnings.attribution.tables import DecisionRow
from connector.earnings.commission.tables import Clearance, Evaluation
from connector.earnings.ledger.tables import Entry, Posting
from connector.earnings.payouts.tables import Payout, PayoutBatch
from connector.earnings.settlement.tables import Closing, Statement, StatementLine
from connector.operations import books
from tests.attribution.world import PLACED, World
from tests.operations.days import CLOSING, DELIVERED, SYSTEM, hear, parcel, pay, settle


def live(world: World) -> World:
    touch = world.tap("x", "A")
    hear(world, [touch.token])
    hear(world, [touch.token], at=DELIVERED, fulfilments=(parcel(DELIVERED),))
    settle(world, CLOSING, "2026-12")
    pay(world, CLOSING)
    return world


def wrong(world: World) -> dict[str, list[str]]:
    with world.database.read(SYSTEM) as session:
        return {name: [one.detail for one in found] for name, _, found in books.examine(session) if found}


def entry(
    session: Session, world: World, *sides: tuple[str, int], kind: str, subject: str = "odd", **more: str
) -> None:
    """Put an entry straight into the tables: what no code of ours would do."""
    entry_id = new_id("ent")
    session.add(
        Entry(id=entry_id, reference=entry_id, subject=subject, sequence=1, kind=kind, shop_id=world.shop_id,
              currency="EUR", reason="bent", occurred_at=PLACED, booked_at=PLACED, **more)
    )  # fmt: skip
    session.flush()
    for number, (account, amount) in enumerate(sides, 1):
        creator = world.creators["x"] if account.startswith(("creator", "payout", "bank", "reserve")) else None
        session.add(
            Posting(entry_id=entry_id, number=number, shop_id=world.shop_id, currency="EUR", account=account,
                    creator_id=creator, amount=amount)
        )  # fmt: skip


def a_cent_off(session: Session, world: World) -> None:
    entry(session, world, ("merchant_receivable", 101), ("creator_pending", -100), kind="accrual")


def posted_twice(session: Session, world: World) -> None:
    order = session.query(Order).one()
    entry(
        session, world, ("merchant_receivable", 400), ("creator_pending", -400), kind="accrual",
        order_id=order.id, line_ref="1", creator_id=world.creators["x"],
    )  # fmt: skip


def a_version_not_evaluated(session: Session, world: World) -> None:
    session.execute(sa.update(Order).values(content_hash="newer"))


def a_decision_that_drifts(session: Session, world: World) -> None:
    session.execute(sa.update(DecisionRow).values(drift="decision_changed: rate_bp 1000 would be 2000"))


def cleared_too_early(session: Session, world: World) -> None:
    session.execute(sa.update(Clearance).values(state="open"))


def a_statement_that_says_more(session: Session, world: World) -> None:
    session.execute(sa.update(Statement).values(total=401))
    session.execute(sa.update(StatementLine).values(amount=401))
    session.execute(sa.update(Closing).values(total=401))


def a_closing_that_says_less(session: Session, world: World) -> None:
    session.execute(sa.update(Closing).values(total=399))


def a_payout_nobody_booked(session: Session, world: World) -> None:
    batch_id = session.query(PayoutBatch.id).scalar()
    session.add(
        Payout(id="pay_odd", batch_id=batch_id, shop_id=world.shop_id, creator_id="crt_odd", currency="EUR", sequence=1,
               amount=5, status="sent", created_at=PLACED)
    )  # fmt: skip
    session.execute(sa.update(PayoutBatch).values(total=405))


def a_payout_that_isnt_there(session: Session, world: World) -> None:
    entry(
        session, world, ("creator_settled", 7), ("payout_in_transit", -7), kind="payout", subject="payout:pay_none"
    )  # fmt: skip


def a_fee_nobody_owes(session: Session, world: World) -> None:
    order = session.query(Order).one()
    entry(session, world, ("merchant_receivable", 5), ("app_fee", -5), kind="fee", order_id=order.id)


def an_evaluation_that_miscounts(session: Session, world: World) -> None:
    row = session.scalars(sa.select(Evaluation).order_by(Evaluation.sequence.desc())).first()
    assert row is not None
    row.lines = [{**row.lines[0], "commission": 401}, *row.lines[1:]]


def a_decision_that_moved(session: Session, world: World) -> None:
    session.execute(sa.update(DecisionRow).values(rate_bp=2000))


def a_reserve_let_go_twice(session: Session, world: World) -> None:
    entry(
        session, world, ("reserve", 50), ("creator_settled", -50), kind="reserve_release", subject="reserve:stm_none"
    )  # fmt: skip


def a_payout_that_came_back_unbooked(session: Session, world: World) -> None:
    session.execute(sa.update(Payout).values(status="returned"))


# An entry that was put in by hand is no link of the chain, and in no running balance.
BY_HAND = {"every_entry_is_chained", "running_balances_are_sums"}


def test_a_whole_life_leaves_nothing_wrong_and_a_bent_one_does(world: World) -> None:
    live(world)
    assert wrong(world) == {}
    with world.database.write(SYSTEM) as session:
        for bend in (a_cent_off, a_version_not_evaluated, cleared_too_early, a_statement_that_says_more):
            bend(session, world)
    assert set(wrong(world)) == {
        "entries_sum_to_zero", "ledger_sums_to_zero", "orders_are_evaluated", "only_cleared_lines_have_cleared_money",
        "statements_are_the_ledgers", "invoices_are_their_lines", *BY_HAND,
    }  # fmt: skip


BENDS: list[tuple[Callable[[Session, World], None], set[str]]] = [
    (a_cent_off, {"entries_sum_to_zero", "ledger_sums_to_zero", *BY_HAND}),
    (posted_twice, {"posted_is_due", "only_cleared_lines_have_cleared_money", *BY_HAND}),
    (a_version_not_evaluated, {"orders_are_evaluated"}),
    (a_decision_that_drifts, {"decisions_stand"}),
    (cleared_too_early, {"only_cleared_lines_have_cleared_money"}),
    (a_statement_that_says_more, {"statements_are_the_ledgers", "invoices_are_their_lines"}),
    (a_closing_that_says_less, {"statements_are_the_ledgers", "invoices_are_their_lines"}),
    (a_payout_nobody_booked, {"payouts_are_the_ledgers"}),
    (a_payout_that_isnt_there, {"payouts_are_the_ledgers", *BY_HAND}),
    (a_payout_that_came_back_unbooked, {"payouts_are_the_ledgers"}),
    (a_fee_nobody_owes, {"fees_are_due", *BY_HAND}),
    (an_evaluation_that_miscounts, {"lines_sum_to_their_order"}),
    (a_decision_that_moved, {"evaluations_follow_decisions"}),
    (a_reserve_let_go_twice, {"reserve_is_never_negative", "reserves_are_the_ledgers", *BY_HAND}),
]


def test_each_check_finds_its_fault(sqlite_world: World) -> None:
    """One life, bent in one way after the other; each is undone before the next."""
    lived = live(sqlite_world)
    for bend, names in BENDS:
        with contextlib.suppress(Undone), lived.database.write(SYSTEM) as session:
            bend(session, lived)
            session.flush()
            found = {name for name, _, wrong in books.examine(session) if wrong}
            assert found == names, bend.__name__
            raise Undone


class Undone(Exception):
    pass


def test_every_check_has_a_promise() -> None:
    assert all(check.__doc__ for check in books.CHECKS)
    assert len({check.__name__ for check in books.CHECKS}) == len(books.CHECKS)
