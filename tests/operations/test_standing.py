"""The standing checks find what went astray, say what a rule explains, and are silent over a good day."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from connector import clock
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.db import new_id
from connector.earnings.attribution import gaps, tokens
from connector.earnings.attribution.tables import DecisionRow
from connector.earnings.commission import freezes
from connector.earnings.intake.take_in import pin_due
from connector.earnings.ledger.tables import Entry, Posting
from connector.earnings.payouts import batch
from connector.earnings.payouts.tables import Payout
from connector.earnings.settlement import clear, close
from connector.events import Carrier, Line, Refund, RefundLine, Transaction
from connector.operations import stalled_money, standing
from connector.programme.creators import register
from connector.web import words
from tests.attribution.world import DAY, PLACED, World, add_shop
from tests.operations.days import CLOSING, DELIVERED, SYSTEM, hear, parcel, pay, settle
from tests.payees.details import all_payable
from tests.settlement.paid_in import pay_all

SINCE = PLACED - 5 * DAY


def found(world: World, check: standing.Check, shop_id: str | None = None) -> dict[str, bool]:
    """reason → explained."""
    with world.database.read(SYSTEM) as session:
        done = standing.check(session, check, since=SINCE, shop_id=shop_id)
        assert sum(done.counts.values()) == len(done.findings)
        assert done.open == sum(not one.explained for one in done.findings)
        return {one.reason: one.explained for one in done.findings}


def test_a_whole_life_leaves_nothing_to_look_at(world: World) -> None:
    touch = world.tap("x", "A")
    hear(world, [touch.token])
    hear(world, [touch.token], at=DELIVERED, fulfilments=(parcel(DELIVERED),))
    settle(world, CLOSING, "2026-12")
    pay(world, CLOSING)
    hear(world, [], ref="7002")
    assert [found(world, check) for check in standing.CHECKS] == [{}, {}, {}, {}]


def test_missed_credit_tells_a_rule_from_a_loss(world: World) -> None:
    old = world.tap("x", "A", PLACED - 20 * DAY)
    hear(world, [old.token], ref="7001")
    other = world.tap("x", "C")
    hear(world, [other.token], ref="7002")
    hear(world, [tokens.make()], ref="7003")
    assert found(world, "missed") == {"window_expired": True, "other_product": True, "unknown": False}
    hear(world, ["t1" + "0" * 16 + "x" * 16], ref="7004")
    assert found(world, "missed")["signature_wrong"] is False
    # A tap that reached us after its order was decided is taken up by the next evaluation: until then it is open.
    late = world.tap("y", "A", PLACED - timedelta(hours=2), heard=PLACED + timedelta(hours=3))
    with world.database.write(SYSTEM) as session:
        order = session.query(Order).filter_by(order_ref="7003").one()
        token = order.carriers
        order.carriers = token.replace(token[token.index("t1") : token.index("t1") + 34], late.token)
    assert found(world, "missed")["not_considered"] is False
    with world.database.write(SYSTEM) as session:
        session.execute(sa.update(Order).where(Order.order_ref == "7002").values(content_hash="newer"))
    assert found(world, "missed")["not_evaluated"] is False
    with world.database.write(SYSTEM) as session:
        session.execute(sa.update(DecisionRow).values(drift=""))
    assert found(world, "missed", "shp_other") == {}


def test_what_is_held_twice_is_found(world: World) -> None:
    touch = world.tap("x", "A")
    hear(world, [touch.token])
    assert found(world, "duplicates") == {}
    with world.database.write(SYSTEM) as session:
        order = session.query(Order).one()
        _book(session, world, order.id, "x", 100)
    assert found(world, "duplicates") == {"posted_too_much": False}
    with world.database.write(SYSTEM) as session:
        _book(session, world, order.id, "y", 50)
    assert "credited_twice" in found(world, "duplicates")
    with world.database.write(SYSTEM) as session:
        ref = session.get_one(Shop, world.shop_id)
        ref.shop_ref = add_shop(session, "again.plain.example").shop_ref = "71001"
    assert found(world, "duplicates")["shop_twice"] is False
    hear(world, [world.tap("x", "A").token], ref="7009", number="#7001")
    assert found(world, "duplicates")["order_twice"] is False


def test_money_that_cleared_or_left_twice_is_found(world: World) -> None:
    """A line clears weeks after its order was placed, a payout leaves weeks later still: both are found by when they
    happened, each alone, and a refund between them is no fault."""
    touch = world.tap("x", "A")
    hear(world, [touch.token])
    hear(world, [touch.token], at=DELIVERED, fulfilments=(parcel(DELIVERED),))
    settle(world, CLOSING, "2026-12")
    pay(world, CLOSING)
    back = Refund("r1", CLOSING + DAY, (RefundLine("rl1", "1", 1, 2000),), transactions=(Transaction("t1", "success"),))
    hear(world, [touch.token], at=CLOSING + DAY, fulfilments=(parcel(DELIVERED),), refunds=(back,))
    since = clock.now() - DAY
    assert _twice(world, since) == []
    with world.database.write(SYSTEM) as session:
        order, payout = session.query(Order).one(), session.query(Payout).one()
        earned = payout.amount
        again = ("creator_pending", "creator_cleared")
        _book(session, world, order.id, "x", earned, kind="clearance", sides=again)
    assert _twice(world, since) == [("cleared_twice", 2 * earned, earned)]
    assert _twice(world, since, "shp_other") == []
    with world.database.write(SYSTEM) as session:
        subject = f"payout:{payout.id}"
        _book(
            session, world, None, "x", earned, kind="payout_paid", subject=subject, sides=("payout_in_transit", "bank")
        )
    assert _twice(world, since)[1:] == [("paid_twice", 2 * earned, earned)]
    with world.database.write(SYSTEM) as session:
        _book(session, world, None, "x", 1, kind="payout", subject=subject,
              sides=("creator_settled", "payout_in_transit"))  # fmt: skip
    assert _twice(world, since)[1:] == [("paid_twice", earned + 1, earned), ("paid_twice", 2 * earned, earned)]


def _twice(world: World, since: datetime, shop_id: str | None = None) -> list[tuple[str, int | None, int | None]]:
    """(reason, booked, due) of what the twice-paid check has open."""
    with world.database.read(SYSTEM) as session:
        done = standing.check(session, "duplicates", since=since, shop_id=shop_id)
        return sorted((one.reason, one.amount, one.expected) for one in done.findings if not one.explained)


def _book(
    session: sa.orm.Session, world: World, order_id: str | None, handle: str, amount: int, *, kind: str = "accrual",
    subject: str = "", sides: tuple[str, str] = ("merchant_receivable", "creator_pending"),
) -> None:  # fmt: skip
    """An entry that no code of ours would make."""
    entry_id = new_id("ent")
    creator = world.creators[handle]
    session.add(
        Entry(id=entry_id, reference=entry_id, subject=subject or entry_id, sequence=90 + amount, kind=kind,
              shop_id=world.shop_id, currency="EUR", order_id=order_id, line_ref="1" if order_id else None,
              creator_id=creator, reason="bent", occurred_at=PLACED, booked_at=clock.now())
    )  # fmt: skip
    session.flush()
    for number, (account, value) in enumerate(zip(sides, (amount, -amount), strict=True), 1):
        session.add(
            Posting(entry_id=entry_id, number=number, shop_id=world.shop_id, currency="EUR", account=account,
                    creator_id=creator, amount=value)
        )  # fmt: skip


def test_codes_that_nobody_knows_stand_with_what_comes_nearest(world: World) -> None:
    touch = world.tap("x", "A")
    hear(world, [touch.token[:25]], ref="7001")
    hear(world, [], ref="7002", lines=_lines(), carriers=(Carrier("code", "MIRA10"),))
    with world.database.write(SYSTEM) as session:
        mira = register.register(session, "mira.makes", "Mira", 10, PLACED - 9 * DAY).id
        for n in range(3):
            gaps.note(session, "abcdef12", "abcdef1234", PLACED + n * DAY)
        gaps.note(session, "abc", "", PLACED)
    with world.database.read(SYSTEM) as session:
        by_reason = {one.reason: one for one in standing.check(session, "gaps", since=SINCE).findings}
    assert set(by_reason) == {"token_bent", "code_like_a_creator", "link_unknown"}
    assert by_reason["token_bent"].nearest == f"{touch.id} (@x)"
    assert (by_reason["code_like_a_creator"].creator_id, by_reason["code_like_a_creator"].nearest) == (
        mira,
        "@mira.makes",
    )
    assert (by_reason["link_unknown"].times, by_reason["link_unknown"].nearest) == (3, "abcdef1234")


def _lines() -> tuple[Line, ...]:
    return (Line("1", 1, 1, 2000, product_ref="A", title="Linen throw"),)


def test_unknown_codes_are_bounded_and_forgotten(sqlite_world: World) -> None:
    with sqlite_world.database.write(SYSTEM) as session:
        kept = sum(gaps.note(session, f"code{n:06d}", "", PLACED) for n in range(gaps.MOST_A_DAY + 5))
        assert kept == gaps.MOST_A_DAY
        assert gaps.note(session, "code000001", "near", PLACED)  # one that is there is counted on
        assert gaps.forget(session, PLACED + gaps.KEPT - DAY) == 0
        assert gaps.forget(session, PLACED + gaps.KEPT + DAY) == gaps.MOST_A_DAY


def test_the_list_is_cut_and_says_so(sqlite_world: World) -> None:
    with sqlite_world.database.write(SYSTEM) as session:
        for n in range(standing.MOST + 3):
            if n % gaps.MOST_A_DAY == 0:
                at = PLACED + (n // gaps.MOST_A_DAY) * 2 * DAY
            gaps.note(session, f"code{n:06d}", "", at)
        done = standing.check(session, "gaps", since=SINCE)
    assert len(done.findings) == standing.MOST


def test_money_that_stands_still_is_named_at_every_stage(world: World) -> None:
    """One order's money is left lying at each stage of its way, and each time it is said whose turn it is."""
    touch = world.tap("x", "A")
    hear(world, [touch.token])
    hear(world, [touch.token], at=DELIVERED, fulfilments=(parcel(DELIVERED),))
    due = DELIVERED + 15 * DAY

    def still(at: datetime) -> list[tuple[str, bool, int | None]]:
        with world.database.read(SYSTEM) as session:
            return [(one.reason, one.explained, one.amount) for one in stalled_money.stuck(session, at, None)]

    assert still(due + 2 * DAY) == []
    assert still(due + 4 * DAY) == [("pending_past_its_time", False, None)]
    with world.database.write(SYSTEM) as session:
        ask = freezes.Ask("creator", "a look at who bought", creator_id=world.creators["x"])
        token = freezes.preview(session, ask, due).token
        frozen = freezes.freeze(session, ask, by="fay", token=token, as_of=due)
    assert still(due + 4 * DAY) == [("pending_past_its_time", True, None)]  # a freeze holds it, for a while
    assert still(due + 61 * DAY) == [("pending_past_its_time", False, None), ("freeze_past_its_end", False, None)]
    with world.database.write(SYSTEM) as session:
        freezes.lift(session, frozen.id, by="fay", why="nothing there", as_of=due)
        pin_due(session, world.shop_id, due)
        clear.clear_due(session, world.shop_id, due)
    january = CLOSING - DAY
    assert still(january + 8 * DAY) == []
    assert still(january + 11 * DAY) == [("period_not_closed", False, 400)]
    with world.database.write(SYSTEM) as session:
        close.close_period(session, world.shop_id, "2026-11", CLOSING, "test")
        close.close_period(session, world.shop_id, "2026-12", CLOSING, "test")
    assert still(CLOSING + 2 * DAY) == []
    assert still(CLOSING + 40 * DAY)[-1] == ("invoice_overdue", False, 400)
    with world.database.write(SYSTEM) as session:
        all_payable(session)
        pay_all(session, world.shop_id, CLOSING)
        made = batch.prepare(session, "key", "EUR", CLOSING, "test")
        batch.prepare(session, "another", "EUR", CLOSING, "test")  # found nothing to pay: nobody has to send it
    assert still(CLOSING + 2 * DAY) == []
    assert still(CLOSING + 4 * DAY) == [("batch_not_sent", False, 400)]
    with world.database.write(SYSTEM) as session:
        batch.mark_sent(session, made.id, CLOSING, "test")
    assert still(CLOSING + 4 * DAY) == []
    assert still(CLOSING + 6 * DAY) == [("payout_not_confirmed", False, 400)]
    with world.database.write(SYSTEM) as session:
        batch.mark_paid(session, made.id, CLOSING + 6 * DAY, "test")
    assert still(CLOSING + 7 * DAY) == []
    assert all(words.staff_do(reason) and reason in words.REASONS for reason in _REASONS)


_REASONS = (
    "pending_past_its_time", "period_not_closed", "closing_stands", "invoice_overdue", "batch_awaits_second",
    "batch_not_sent",
    "payout_not_confirmed", "payout_unknown", "freeze_past_its_end", "appeal_unanswered",
)  # fmt: skip
