"""A rebuild agrees with books that nobody touched, writes nothing, and names whatever somebody bent."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from connector.commerce.orders.tables import Order, OrderVersion
from connector.commerce.shops import settings
from connector.db import Database
from connector.earnings.attribution.tables import DecisionRow, Touch
from connector.earnings.commission import bonuses
from connector.earnings.commission.tables import Clearance, Evaluation, EventBonus
from connector.earnings.ledger import running
from connector.earnings.ledger.tables import Entry, Posting
from connector.earnings.settlement import close
from connector.earnings.settlement.tables import StatementLine
from connector.events import Line, Refund, RefundLine, Transaction
from connector.operations import sealing
from connector.operations.rebuild.difference import Difference, Verified
from connector.operations.rebuild.verify import verify
from connector.programme.collaborations import events
from connector.programme.collaborations.tables import Terms
from tests.attribution.world import DAY, OPENED, PLACED, World
from tests.ledger.test_seal import past_the_triggers
from tests.operations.days import CLOSING, DELIVERED, SYSTEM, hear, parcel, pay, settle


def live(world: World) -> World:
    """A shop with a fee: one order paid out and then given back in part, one edited, one that credits nobody."""
    with world.database.write(SYSTEM) as session:
        settings.change(session, world.shop_id, "payout_when", "advance", by="test", starts_at=OPENED, now=OPENED)
        settings.change(session, world.shop_id, "fee_bp", "250", by="test", starts_at=OPENED, now=OPENED)
    one, two = world.tap("x", "A"), world.tap("y", "B")
    hear(world, [one.token])
    hear(world, [one.token], at=DELIVERED, fulfilments=(parcel(DELIVERED),))
    settle(world, CLOSING, "2026-12")
    pay(world, CLOSING)
    back = Refund(
        "r1", CLOSING + DAY, lines=(RefundLine("rl1", "1", 1, 2000),), transactions=(Transaction("t1", "success"),)
    )
    hear(world, [one.token], at=CLOSING + DAY, fulfilments=(parcel(DELIVERED),), refunds=(back,))
    hear(world, [one.token, two.token], ref="7002")
    edited = (Line("1", 2, 1, 2000, product_ref="A"), Line("2", 1, 1, 1500, product_ref="B"))
    hear(world, [one.token, two.token], ref="7002", at=DELIVERED, lines=edited)
    hear(world, [], ref="7003")
    sealing.seal_waiting()
    return world


def rebuilt(database: Database) -> tuple[Verified, list[Difference]]:
    found: list[Difference] = []
    with database.snapshot(SYSTEM) as session:
        return verify(session, found.append), found


def test_it_agrees_and_writes_nothing(world: World) -> None:
    live(world)
    done, found = rebuilt(world.database)
    assert found == []
    assert (done.orders, done.lines, done.left_out) == (3, 6, {})
    with world.database.read(SYSTEM) as session:
        accounts = {one.account: one.amount for one in running.running(session) if one.account != "creator_pending"}
        assert accounts["app_fee"] < 0
        assert done.balances == len({one.account + one.creator_id for one in running.running(session)})
    with pytest.raises(DBAPIError), world.database.snapshot(SYSTEM) as session:
        session.execute(sa.update(Order).values(number="x"))


def test_a_closing_under_way_is_no_difference(sqlite_world: World) -> None:
    """Its pieces are in the ledger before its statements are."""
    world = live(sqlite_world)
    close.begin(world.shop_id, "2027-01", CLOSING + 60 * DAY, "test")
    seen: list[tuple[list[Difference], list[str]]] = []

    def look(booked: int, whole: int) -> None:
        done, found = rebuilt(world.database)
        seen.append((found, [*done.left_out]))

    [closing] = close.carry_on(world.shop_id, look)
    assert closing.total < 0
    assert seen == [([], ["balances that a closing under way is moving"])] * 2
    done, found = rebuilt(world.database)
    assert (found, done.left_out) == ([], {})


def bend_a_posting(session: Session) -> None:
    entry_id = session.scalars(sa.select(Entry.id).where(Entry.kind == "accrual").order_by(Entry.id)).first()
    session.execute(sa.update(Posting).where(Posting.entry_id == entry_id).values(amount=Posting.amount * 2))


def bend_a_decision(session: Session) -> None:
    row = session.scalars(sa.select(DecisionRow).where(DecisionRow.pinned_at.is_not(None))).first()
    assert row is not None
    row.rate_bp = 2000


def bend_a_version(session: Session) -> None:
    row = session.scalars(sa.select(OrderVersion).order_by(OrderVersion.changed_at.desc())).first()
    assert row is not None
    row.snapshot = row.snapshot.replace('"unit_price":2000', '"unit_price":1000')


def bend_an_order(session: Session) -> None:
    session.execute(sa.update(Order).where(Order.order_ref == "7001").values(refunds="[]"))


def bend_an_evaluation(session: Session) -> None:
    row = session.scalars(sa.select(Evaluation).order_by(Evaluation.sequence.desc())).first()
    assert row is not None
    row.lines = [{**row.lines[0], "due": 1}, *row.lines[1:]]


def bend_a_statement(session: Session) -> None:
    session.execute(sa.update(StatementLine).values(amount=StatementLine.amount + 1))


def bend_a_touch(session: Session) -> None:
    session.execute(sa.update(Touch).values(at=Touch.at - timedelta(days=30)))


def bend_the_terms(session: Session) -> None:
    session.execute(sa.update(Terms).values(rate_bp=1500))


def bend_a_clearance(session: Session) -> None:
    """It could not have cleared so early: nothing had been delivered by then."""
    row = session.scalars(sa.select(Clearance).where(Clearance.state == "cleared")).first()
    assert row is not None
    row.clears_at = row.cleared_at = PLACED + DAY


def bend_an_open_clearance(session: Session) -> None:
    session.execute(sa.update(Clearance).where(Clearance.state == "open").values(clears_at=PLACED, blocked="return"))


def bend_whether_it_cleared(session: Session) -> None:
    session.execute(sa.update(Clearance).where(Clearance.state == "cleared").values(state="open", cleared_at=None))


def bend_a_threshold(session: Session) -> None:
    session.execute(sa.update(Touch).values(followers=5, followers_needed=10))


def bend_what_became_of_a_candidate(session: Session) -> None:
    row = session.scalars(sa.select(DecisionRow).where(DecisionRow.pinned_at.is_not(None))).first()
    assert row is not None
    shown = [{**each, "outcome": "window_expired"} for each in row.evidence["candidates"]]
    row.evidence = {**row.evidence, "candidates": shown}


BENDS: list[tuple[Callable[[Session], None], set[str]]] = [
    (bend_a_posting, {"ledger", "balance"}),
    (bend_a_decision, {"decision"}),
    (bend_a_version, {"version", "order", "evaluation", "ledger", "balance"}),
    (bend_an_order, {"order"}),
    (bend_an_evaluation, {"evaluation"}),
    (bend_a_statement, {"balance"}),
    (bend_the_terms, {"decision", "evaluation", "ledger", "balance"}),
    (bend_a_clearance, {"clearance"}),
    (bend_an_open_clearance, {"clearance"}),
    (bend_whether_it_cleared, {"clearance", "balance"}),
    (bend_a_threshold, {"touch", "decision", "evaluation", "ledger", "balance"}),
    (bend_what_became_of_a_candidate, {"decision"}),
]


def test_what_was_bent_is_named(sqlite_world: World) -> None:
    """One life, bent in one way after the other; each is undone before the next."""
    live(sqlite_world)
    for bend, kinds in BENDS:
        with contextlib.suppress(Undone), past_the_triggers(sqlite_world.database) as session:
            bend(session)
            session.flush()
            session.expunge_all()
            found: list[Difference] = []
            done = verify(session, found.append)
            assert {one.kind for one in found} == kinds, bend.__name__
            assert done.differences == len(found)
            raise Undone


class Undone(Exception):
    pass


def test_an_events_bonus_is_counted_anew_and_a_bent_one_is_named(world: World) -> None:
    """Two orders of one creator, 20 % after the first: a bonus of 10 % of the second. And a shop that absorbs, whose
    line was paid and then taken back by an edit: when the payout reached it is worked out too."""
    with world.database.write(SYSTEM) as session:
        for name, value in (("payout_when", "advance"), ("after_payout", "absorb")):
            settings.change(session, world.shop_id, name, value, by="test", starts_at=OPENED, now=OPENED)
        events.announce(
            session, world.shop_id, "Harvest", 1200, starts_at=PLACED - DAY, ends_at=PLACED + DAY, tiers=[(1, 2000)],
            by="test", now=OPENED,
        )  # fmt: skip
    tap = world.tap("x", "A", at=PLACED - DAY / 2)
    for ref in ("7001", "7002"):
        hear(world, [tap.token], ref=ref, fulfilments=(parcel(DELIVERED),), at=DELIVERED)
    with world.database.write(SYSTEM) as session:
        [event] = bonuses.due(session, world.shop_id, DELIVERED + DAY)
        assert bonuses.book(session, bonuses.count(session, event, DELIVERED + DAY)) == 1
    settle(world, CLOSING, "2026-12")
    pay(world, CLOSING)
    edited = (Line("1", 2, 1, 2000, product_ref="A", title="Linen throw"), Line("2", 1, 1, 1500, product_ref="B"))
    hear(world, [tap.token], at=CLOSING + DAY, fulfilments=(parcel(DELIVERED),), lines=edited)
    done, found = rebuilt(world.database)
    assert (found, done.left_out) == ([], {})
    with world.database.read(SYSTEM) as session:
        sums = {one.account: one.amount for one in running.running(session)}
        assert sums["loss_absorbed"] == 240
        assert session.scalars(sa.select(EventBonus.bonus)).all() == [320]

    def bent(change: Callable[[Session], object]) -> set[str]:
        with contextlib.suppress(Undone), past_the_triggers(world.database) as session:
            change(session)
            session.flush()
            session.expunge_all()
            found.clear()
            verify(session, found.append)
            raise Undone
        return {one.kind for one in found}

    assert bent(lambda s: s.execute(sa.update(EventBonus).values(bonus=321))) == {"bonus"}
    assert bent(lambda s: s.execute(sa.delete(EventBonus))) == {"bonus"}
    paid = sa.update(Clearance).where(Clearance.paid_at.is_not(None))
    assert bent(lambda s: s.execute(paid.values(paid_at=CLOSING + 5 * DAY))) == {"clearance"}


def test_on_both_databases_a_bent_posting_is_named_with_its_account(world: World) -> None:
    live(world)
    with past_the_triggers(world.database) as session:
        bend_a_posting(session)
        order = session.scalars(sa.select(Order).where(Order.order_ref == "7001")).one()
        about = f"{order.id} #7001 line 1 {world.creators['x']} -"
    _, found = rebuilt(world.database)
    assert [(one.about, one.derived, one.kept) for one in found if one.kind == "ledger"] == [(about, "200", "600")]
    assert {one.about.split()[2] for one in found if one.kind == "balance"} == {
        "creator_pending", "merchant_receivable",
    }  # fmt: skip
