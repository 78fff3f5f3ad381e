"""What an order owes beside its lines and what holds them: fee, forfeit, freeze, dispute, return, loss, bonus."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.orders import queries as orders
from connector.commerce.orders.facts import OrderFacts
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop, ShopSetting
from connector.db import Database, Scope, new_id
from connector.earnings.attribution.tables import Act, DecisionRow
from connector.earnings.commission import accrual, bonuses, clearance, freezes, frozen
from connector.earnings.commission.freezes import Ask
from connector.earnings.commission.tables import Clearance, EventBonus, EventClose, Freeze
from connector.earnings.intake import take_in as intake
from connector.earnings.intake.take_in import TakenIn
from connector.earnings.ledger import checks, queries
from connector.earnings.settlement import clear
from connector.errors import Conflict, InputRefused, NotFound
from connector.events import Dispute, FulfilledLine, Fulfilment, OrderSeen, OrderSnapshot, OrderStub, Return
from connector.programme.collaborations import events
from connector.programme.creators import register
from tests.money.books import shop
from tests.money.builders import PLACED, Credit, at, back, changed, line, refund, snapshot

TEST = Scope.system("test")
DAY_2 = at(2)
PARCEL = Fulfilment("f", at(0), at(1), (FulfilledLine("1", 1),))
E1 = snapshot(line("1", 4000, tax=320), shipping=500, fulfilments=(PARCEL,))


class World:
    """One shop in one session; each line is the creator's, at the rate and by the terms that the test says."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.shop = shop(session)
        self.mira = register.register(session, "mira", "Mira", 5000, at(-100)).id
        self.terms_id, self.rate_bp, self.count = "trm_1", 1500, 0

    def decide(self, session: Session, of: Shop, order: Order, facts: OrderFacts, as_of: datetime, **more: bool) -> Any:
        found = {}
        for item in facts.snapshot.lines:
            made = Credit(self.mira, self.rate_bp, terms_id=self.terms_id)
            held = sa.select(DecisionRow).where(DecisionRow.order_id == order.id, DecisionRow.line_ref == item.line_ref)
            if (row := session.scalars(held).one_or_none()) is not None:
                made = Credit(self.mira, row.rate_bp, terms_id=row.terms_id)
            else:
                session.add(
                    DecisionRow(
                        id=new_id("dec"), order_id=order.id, shop_id=of.id, line_ref=item.line_ref,
                        credit_reason=made.credit_reason, rate_reason="rate_open", creator_id=self.mira,
                        rate_bp=made.rate_bp, terms_id=made.terms_id, evidence={}, decided_at=as_of, pinned_at=as_of,
                    )
                )  # fmt: skip
            found[item.line_ref] = made
        session.flush()
        return found

    def set(self, name: str, value: str) -> None:
        """As it stood long before the first order."""
        self.session.add(
            ShopSetting(id=new_id("set"), shop_id=self.shop.id, name=name, value=value, starts_at=at(-300),
                        recorded_at=at(-300), recorded_by="staff:jo")
        )  # fmt: skip
        self.session.flush()
        self.session.info.clear()

    def take(self, order: OrderSnapshot, as_of: datetime = DAY_2, **more: Any) -> TakenIn:
        self.count += 1
        return intake.take_in(
            self.session, self.shop, OrderSeen(order, **more), triggered_at=order.changed_at,
            source=f"delivery:{self.count}", as_of=as_of,
        )  # fmt: skip

    def stub(self, as_of: datetime, **more: Any) -> TakenIn | None:
        self.count += 1
        return intake.take_in_stub(
            self.session, self.shop, OrderStub("7001", **more), source=f"delivery:{self.count}", as_of=as_of
        )

    @property
    def order(self) -> Order:
        return self.session.scalars(sa.select(Order).where(Order.order_ref == "7001")).one()

    def row(self) -> Clearance:
        return self.session.get_one(Clearance, (self.order.id, "1"), populate_existing=True)

    def entries(self) -> list[tuple[str, str, int]]:
        """(kind, reason, what the merchant owes more by it)."""
        told = queries.entries(self.session, self.order.id)
        return [(e.kind, e.reason, sum(n for account, n in e.sides if account == "merchant_receivable")) for e in told]

    def accounts(self) -> dict[str, int]:
        """Account → sum, with the ledger's own signs, no zeros."""
        found = queries.accounts(self.session, shop_id=self.shop.id)
        return {account: amount for (_, _, account), amount in found.items() if amount}

    def act(self, kind: str, line_ref: str, when: datetime) -> None:
        """An act that is effective, whoever asked for it."""
        self.session.add(
            Act(
                id=new_id("act"), shop_id=self.shop.id, kind=kind, state="effective", order_id=self.order.id,
                line_ref=line_ref, creator_id=None, content_id=None, code_id=None, since=None, actor="staff:jo",
                reason="Family", token="t", proposed_at=when, needs_second=False, approved_by=None, approved_at=None,
                effective_at=when, refused_by=None, refused_at=None, refused_why="",
            )
        )  # fmt: skip
        self.session.flush()

    def clear(self, as_of: datetime) -> int:
        return clear.clear_due(self.session, self.shop.id, as_of)


@pytest.fixture
def world(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with database.write(TEST) as session:
        world = World(session)
        monkeypatch.setattr(intake.credit, "credit_lines", world.decide)
        yield world
        assert checks.examine(session) == []


def test_freeze_appeal_forfeit_and_then_a_refund(world: World) -> None:
    """F5's test: what was forfeited stays away when a refund is delivered, and the fee goes with it."""
    world.set("fee_bp", "300")
    world.take(E1)
    assert world.entries() == [("accrual", "last_click_direct", 600), ("fee", "app_fee", 120)]

    ask = Ask("order", "Orders of the creator's own family", order_id=world.order.id)
    with pytest.raises(InputRefused, match="reason"):
        freezes.preview(world.session, Ask("order", " ", order_id=world.order.id), at(3))
    with pytest.raises(InputRefused, match="appeal_days"):
        freezes.preview(world.session, Ask("order", "x", order_id=world.order.id, appeal_days=29), at(3))
    with pytest.raises(NotFound):
        freezes.preview(world.session, Ask("line", "x", order_id=world.order.id, line_ref="9"), at(3))
    shown = freezes.preview(world.session, ask, at(3))
    assert (shown.lines, shown.creators, [(m.currency, m.pending) for m in shown.money]) == (
        1, (world.mira,), [("USD", 600)],
    )  # fmt: skip
    with pytest.raises(Conflict, match="look again"):
        freezes.freeze(world.session, ask, by="staff:jo", token="old", as_of=at(3))
    held = freezes.freeze(world.session, ask, by="staff:jo", token=shown.token, as_of=at(3))
    assert (held.appeal_until, held.ends_at) == (at(33), at(47))
    assert (world.row().blocked, frozen.lines(world.session, world.shop.id)) == ("freeze", {(world.order.id, "1")})
    with pytest.raises(Conflict, match="already"):
        freezes.preview(world.session, ask, at(4))
    assert world.clear(at(40)) == 0
    assert not freezes.may_forfeit(held, at(32))
    for words, who in (("They are no relatives of mine.", world.mira), ("She rang up.", None)):
        freezes.appeal(world.session, held.id, by="staff:jo", words=words, as_of=at(20), creator_id=who)
    assert [row.id for row in freezes.of_creator(world.session, world.mira)] == [held.id]
    for who, wanted in ((None, 2), (world.mira, 1)):
        assert len(freezes.appeals(world.session, [held.id], who)[held.id]) == wanted
    with pytest.raises(Conflict, match="time for an appeal"):
        freezes.appeal(world.session, held.id, by="creator:mira", words="Too late", as_of=at(34))
    assert freezes.may_forfeit(held, at(33))

    world.act("forfeit", "1", at(34))
    intake.reevaluate(world.session, world.order.id, cause="act:1", as_of=at(34))
    assert world.entries()[2:] == [("reversal", "forfeited", -600), ("fee", "refunded", -120)]
    half = changed(E1, refunds=(refund("1", money_only=2000, days=35),), changed_at=at(36))
    assert world.take(half, as_of=at(36)).entries == 0
    assert world.accounts() == {}

    assert freezes.end_due(world.session, at(47)) == 1
    assert (held.ended_why, held.ended_at, world.row().blocked) == ("forfeited", at(47), "")
    past = clearance.history(world.session, world.order.id)["1"]
    assert [(row.number, row.blocked, row.until) for row in past] == [(1, "", at(3)), (2, "freeze", at(47))]


def test_who_is_assigned_after_a_forfeit_earns(world: World) -> None:
    world.take(snapshot(line("1", 4000), line("2", 1000)))
    facts = orders.facts(world.order)

    def taken(then: tuple[str, str] | None = None) -> frozenset[str]:
        return accrual.forfeited(world.session, world.order.id, facts, then=then)

    assert (taken(), taken(("forfeit", "")), taken(("review_passed", ""))) == (set(), {"1", "2"}, set())
    world.act("forfeit", "", at(34))
    assert (taken(), taken(("manual", "2"))) == ({"1", "2"}, {"1"})
    world.act("manual", "2", at(35))
    assert taken() == {"1"}
    intake.reevaluate(world.session, world.order.id, cause="act:1", as_of=at(35))
    assert world.accounts() == {"merchant_receivable": 150, "creator_pending": -150}
    world.act("forfeit", "2", at(36))
    assert taken() == {"1", "2"}


def test_a_creators_freeze_holds_what_comes_later_and_ends_by_itself(world: World) -> None:
    world.take(E1)
    ask = Ask("creator", "Too many orders from one address", creator_id=world.mira)
    shown = freezes.preview(world.session, ask, at(3))
    held = freezes.freeze(world.session, ask, by="staff:jo", token=shown.token, as_of=at(3))
    later = snapshot(line("1", 1000), order_ref="7002", created_at=at(4), changed_at=at(4))
    world.take(later, as_of=at(4))
    assert [row.blocked for row in world.session.scalars(sa.select(Clearance))] == ["freeze", "freeze"]
    assert frozen.is_frozen(world.session, world.mira, "shp_any")
    # A line that crossed the freeze while it was made says nothing of it yet: the job mends that.
    world.session.execute(sa.update(Clearance).values(blocked=""))
    assert freezes.end_due(world.session, at(46)) == 0
    assert [row.blocked for row in world.session.scalars(sa.select(Clearance))] == ["freeze", "freeze"]
    assert world.clear(at(46)) == 0
    assert freezes.end_due(world.session, at(48)) == 1
    assert (held.ended_why, frozen.is_frozen(world.session, world.mira, world.shop.id)) == ("end_date", False)
    assert world.clear(at(49)) == 2
    with pytest.raises(Conflict, match="ended already"):
        freezes.lift(world.session, held.id, by="staff:jo", why="too late", as_of=at(50))
    assert world.session.scalar(sa.select(sa.func.count()).select_from(Freeze)) == 1


def test_e24_and_e27_open_returns_and_disputes_are_frozen_and_released(world: World) -> None:
    """Delivered on day 1, fifteen days. A return is open from the 14th to the 25th, a dispute from the 20th to the 30th
    and won: due on the 30th. A second dispute is lost: the money goes back at its end."""
    world.take(E1)
    asked = Return("r1", "open", said_at=at(14), lines=("1",))
    world.stub(at(14), returns=(asked,))
    assert (world.row().blocked, world.clear(at(17))) == ("return", 0)
    world.stub(at(20), disputes=(Dispute("d1", "open", at(20), 4820, at(20)),))
    assert world.row().blocked == "dispute return"
    world.stub(at(25), returns=(Return("r1", "closed", said_at=at(25)),))
    world.stub(at(26), returns=(asked,))  # the first word once more, late: the newest stands
    assert (world.row().blocked, world.clear(at(26))) == ("dispute", 0)
    world.stub(at(30), disputes=(Dispute("d1", "won", at(30), 4820, at(20), at(30)),))
    assert (world.row().blocked, world.row().clears_at, world.row().updated_at) == ("", at(16), at(30))
    assert world.clear(at(31)) == 1
    booked = queries.entries(world.session, world.order.id)
    assert [entry.occurred_at for entry in booked if entry.kind == "clearance"] == [at(30)]
    world.stub(at(60), disputes=(Dispute("d2", "lost", at(60), 4820, at(50), at(60)),))
    assert world.entries()[-1] == ("reversal", "refunded", -600)
    assert world.accounts() == {}


@pytest.mark.parametrize("absorb", [True, False])
def test_absorb_compares_the_stores_time_with_the_payouts(world: World, absorb: bool) -> None:
    """Paid on day 30. A quarter went back on day 20 and is heard of late: taken off. Another on day 40: the app bears
    it where the shop says so, and nothing of it once the refund fails."""
    if absorb:
        world.set("after_payout", "absorb")
    world.take(E1)
    assert world.clear(at(17)) == 1
    world.row().paid_at = at(30)  # what payouts write (`payouts.reached`)
    world.session.flush()
    early, late = refund("1", money_only=1000, days=20), refund("2", money_only=1000, days=40)
    first = changed(E1, refunds=(early, late), changed_at=at(41))
    world.take(first, as_of=at(41))
    owed = {"merchant_receivable": 300, "creator_cleared": -450 if absorb else -300}
    assert world.accounts() == owed | ({"loss_absorbed": 150} if absorb else {})
    assert world.take(first, as_of=at(42)).entries == 0
    assert intake.reevaluate(world.session, world.order.id, cause="replay", as_of=at(43)).entries == 0
    failed = refund("2", money_only=1000, days=40, status="failure")
    world.take(changed(E1, refunds=(early, failed), changed_at=at(44)), as_of=at(44))
    assert world.accounts() == {"merchant_receivable": 450, "creator_cleared": -450}


def test_f8_an_events_bonus_is_counted_at_its_close_and_anew_for_what_was_before_it(world: World) -> None:
    """Four orders of 10.00 at 10 %, 20 % after the first two: 2.00 of bonus. The third went back before the close and
    was heard of later: 1.00. What goes back after the close leaves the bonus."""
    event = events.announce(
        world.session, world.shop.id, "Harvest", 1000, starts_at=at(-1), ends_at=at(10), tiers=[(2, 2000)],
        by="staff:jo", now=at(-2),
    )  # fmt: skip
    world.terms_id, world.rate_bp = event.id, 1000

    def order(number: int, *refunds: Any, days: int = 0) -> OrderSnapshot:
        placed = PLACED + timedelta(hours=number)
        return snapshot(
            line("1", 1000), order_ref=f"80{number}", created_at=placed, changed_at=placed + timedelta(days=days),
            paid_at=placed, refunds=refunds,
        )  # fmt: skip

    for number in (4, 2, 1, 3):
        world.take(order(number), as_of=at(1))
    assert bonuses.due(world.session, world.shop.id, at(10)) == []
    due = bonuses.due(world.session, world.shop.id, at(12))
    assert [found.name for found in due] == ["Harvest"]

    def count(as_of: datetime) -> int:
        return bonuses.book(world.session, bonuses.count(world.session, due[0], as_of))

    def pending() -> int:
        return sum(b.pending for b in queries.balances(world.session, creator_id=world.mira))

    assert (count(at(12)), pending()) == (1, 400 + 200)
    assert count(at(12)) == 0
    close = world.session.get_one(EventClose, due[0].id)
    assert (close.closed_at, close.orders, close.creators) == (at(10), 4, 1)
    assert bonuses.due(world.session, world.shop.id, at(13)) == []
    world.take(order(3, refund("1", back("1", 1, 1000), days=9), days=20), as_of=at(20))
    world.take(order(4, refund("2", money_only=500, days=11), days=20), as_of=at(20))
    assert [found.id for found in bonuses.due(world.session, world.shop.id, at(21))] == [due[0].id]
    assert (count(at(21)), pending()) == (1, 100 + 100 + 0 + 50 + 100)
    kept = world.session.scalars(sa.select(EventBonus)).one()
    assert (kept.orders, kept.base, kept.bonus, kept.tier_bp) == (3, 3000, 100, 2000)
