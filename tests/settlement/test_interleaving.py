"""Any interleaving of deliveries with clearing, closing and paying keeps the books: sums are zero, what is owed and
paid is what the store's history comes to, nothing is paid twice, and every record equals the ledger.
"""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.commerce.orders.facts import OrderFacts
from connector.commerce.orders.tables import Order
from connector.commerce.shops import settings
from connector.commerce.shops.tables import Shop
from connector.db import Database, new_id
from connector.earnings.attribution.tables import DecisionRow
from connector.earnings.commission.tables import Clearance
from connector.earnings.intake import take_in as intake
from connector.earnings.ledger import queries
from connector.earnings.payouts import batch
from connector.earnings.payouts.tables import Payout
from connector.earnings.settlement import clear, close, funding, receipts
from connector.earnings.settlement.receipts import Coming
from connector.operations import books as audit
from connector.operations import payout_calendar
from connector.programme.creators.tables import Creator
from tests.money.books import deliver_one, shop
from tests.money.builders import PLACED, Credit
from tests.money.histories import arrival, credit, expected
from tests.money.store import Store
from tests.payees.details import payable
from tests.settlement.books import SYSTEM, month_of

HISTORIES = 24
ZONES = ("UTC", "America/New_York", "Asia/Tokyo", "Pacific/Apia")


def decide(
    session: Session, shop: Shop, order: Order, facts: OrderFacts, as_of: datetime, **_more: object
) -> dict[str, Credit]:
    """In place of attribution: by the line's product, and pinned as soon as a line is seen."""
    held = set(session.scalars(sa.select(DecisionRow.line_ref).where(DecisionRow.order_id == order.id)))
    for line in facts.snapshot.lines:
        if line.line_ref not in held:
            whose = credit(line.product_ref)
            session.add(
                DecisionRow(id=new_id("dec"), order_id=order.id, shop_id=shop.id, line_ref=line.line_ref,
                            credit_reason=whose.credit_reason, rate_reason=whose.rate_reason,
                            creator_id=whose.creator_id, content_id=whose.content_id, rate_bp=whose.rate_bp,
                            evidence={}, decided_at=as_of, pinned_at=as_of)
            )  # fmt: skip
    session.flush()
    return {line.line_ref: credit(line.product_ref) for line in facts.snapshot.lines}


class Rounds:
    """One shop's life: deliveries, and what a worker and its people do between them, at a moment that only grows."""

    def __init__(self, session: Session, store: Store, chance: random.Random) -> None:
        self.session, self.store, self.chance = session, store, chance
        self.shop = shop(session, currency=store.currency, time_zone=chance.choice(ZONES))
        self.now = PLACED
        self.gated = chance.random() < 0.5  # are creators paid only from what the merchant paid in?
        self.received = 0
        self.waits_for: set[str] = set()  # what parts of a calendar waited for
        if not self.gated:
            settings.change(session, self.shop.id, "payout_when", "advance", by="test", starts_at=PLACED, now=PLACED)
        for name, value in (("reserve_bp", chance.choice((0, 0, 1000))), ("reserve_days", 30)):
            settings.change(session, self.shop.id, name, value, by="test", starts_at=PLACED, now=PLACED)
        self.closed = month_of(PLACED - timedelta(days=40), self.shop.time_zone)

    def live(self) -> None:
        orderly = self.chance.random() < 0.6
        deliveries = self.store.deliveries if orderly else arrival(self.store, self.chance)
        for number, delivery in enumerate(deliveries):
            self.now += timedelta(days=self.chance.choice((0, 9, 60, 90)), seconds=self.chance.randrange(90_000))
            deliver_one(self.session, self.shop, delivery, number, self.now)
            acts = (self.clear, self.close, self.receive, self.pay, self.confirm)
            if self.chance.random() < 0.5:
                acts = tuple(self.chance.sample(acts, self.chance.randrange(5)))
            for act in acts:
                act()
            if number % 3 == 0:
                self.look(("crt_x", "crt_y")[number % 2])

    def look(self, creator_id: str) -> None:
        """A creator's calendar is their balances, part by part, and what it says of the next round is what is paid."""
        found = payout_calendar.read(self.session, creator_id, self.now)
        sums: dict[tuple[str, str, str], int] = defaultdict(int)
        for part in found.parts:
            sums[part.shop_id, part.currency, part.state] += part.amount
            self.waits_for.add(part.waits_for)
            if part.waits_for == "hold":
                assert part.first_at is not None
                assert part.period is not None
                assert self.now < part.first_at < part.period.ends_at
            if part.waits_for == "next_statement":
                assert part.period is not None
                assert part.period.ends_at > max(self.closed.ends_at, self.now - timedelta(days=365))
        assert sums == {
            (one.shop_id, one.currency, state): getattr(one, state)
            for one in queries.balances(self.session, creator_id=creator_id)
            for state in payout_calendar.STATES if getattr(one, state)
        }  # fmt: skip
        now = sum(part.amount for part in found.parts if part.waits_for == "next_round")
        plans = [batch.preview(self.session, currency, self.now) for currency in found.currencies]
        assert now == sum(row.amount for plan in plans for row in plan.pay if row.creator_id == creator_id)

    def end(self) -> None:
        """Every hold is over, every month is closed, everything is paid."""
        self.now = max(self.now, PLACED + timedelta(days=300)) + timedelta(days=100)
        while self.clear():
            pass
        self.close()
        self.now += timedelta(days=70)  # whatever is in reserve is let go
        self.close()
        self.receive(all_of_it=True)
        self.pay()
        self.confirm()

    def clear(self) -> int:
        return clear.clear_due(self.session, self.shop.id, self.now, limit=1)

    def close(self) -> None:
        """The month that ended last: what cleared in months that nobody closed comes with it."""
        this = month_of(self.now, self.shop.time_zone)
        last = month_of(this.starts_at - timedelta(days=1), self.shop.time_zone)
        if last.name > self.closed.name:
            close.close_period(self.session, self.shop.id, last.name, self.now, "test")
            self.closed = last

    def receive(self, *, all_of_it: bool = False) -> None:
        """The merchant pays some of what is open, all of it, or too much."""
        open_now = funding.account(self.session, self.shop.id, self.store.currency, self.now.date()).open
        amount = open_now if all_of_it else self.chance.randint(0, open_now + open_now // 4)
        if amount > 0:
            coming = Coming(self.shop.id, self.store.currency, amount, new_id("bank"), self.now.date(), "hand")
            receipts.record(self.session, coming, "test", self.now)
            self.received += amount

    def pay(self) -> None:
        before = self._settled()
        made = batch.prepare(self.session, new_id("key"), self.store.currency, self.now, "test")
        paid = {row.creator_id: row.amount for row in self._payouts() if row.batch_id == made.id}
        if self.gated:
            assert all(0 < amount <= before[creator] for creator, amount in paid.items())
            # Nobody is paid from money that isn't there: refunds after a payout are the only thing that is carried.
            owed = sum(-amount for amount in self._settled().values() if amount < 0)
            assert sum(row.amount for row in self._payouts()) <= self.received + owed
            if self._all_paid():
                assert all(amount <= 0 for amount in self._settled().values())
        else:
            assert paid == {creator: amount for creator, amount in before.items() if amount > 0}
            assert all(amount <= 0 for amount in self._settled().values())
        if self.chance.random() < 0.3:
            again = batch.prepare(self.session, made.key, self.store.currency, self.now, "test")
            assert again.id == made.id

    def confirm(self) -> None:
        for batch_id in {row.batch_id for row in self._payouts() if row.status != "paid"}:
            batch.mark_sent(self.session, batch_id, self.now, "test")
            batch.mark_paid(self.session, batch_id, self.now, "test")

    def _all_paid(self) -> bool:
        return not funding.account(self.session, self.shop.id, self.store.currency, self.now.date()).open

    def _settled(self) -> dict[str, int]:
        return {
            found.creator_id: found.settled
            for found in queries.balances(self.session, shop_id=self.shop.id)
            if found.settled
        }

    def _payouts(self) -> list[Payout]:
        return list(self.session.scalars(sa.select(Payout).where(Payout.shop_id == self.shop.id)))


ACTS = ("give_back", "give_back", "money_only", "settle", "settle", "add", "add_units", "remove", "fulfil", "fulfil")


def lively(chance: random.Random) -> Store:
    """A history of a paid order that mostly earns something, and is refunded, edited and delivered over weeks."""
    store = Store(
        currency=chance.choice(("USD", "JPY", "KWD")),
        taxes_included=chance.random() < 0.5,
        status=chance.choice(("paid", "paid", "paid", "pending", "partially_paid")),
    )
    for _ in range(chance.randint(2, 5)):
        store.put(chance.randint(500, 9999), chance.randint(1, 4), chance.choice((0, 0, 300)))
    store.place()
    acts = [chance.choice(ACTS) for _ in range(chance.randint(1, 6))]
    if store.status != "paid":
        acts.insert(0, "pay")
    if chance.random() < 0.15:
        acts.append("cancel")
    for name in acts:
        store.act(name, chance.choice((0, 1, 60, 86400)), *(chance.randrange(400) for _ in range(3)))
    return store


def comes_to(store: Store) -> dict[str, int]:
    """By the plain calculation: what each creator should have in the end."""
    sums: dict[str, int] = defaultdict(int)
    for line_ref, due in expected(store).items():
        sums[str(credit(f"p{line_ref}").creator_id)] += due
    return {creator: amount for creator, amount in sums.items() if amount}


@pytest.fixture(autouse=True)
def _decisions_fixed_by_product(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake.credit, "credit_lines", decide)


def test_any_interleaving_keeps_the_books(database: Database) -> None:
    with database.write(SYSTEM) as session:
        for creator_id in ("crt_x", "crt_y", "crt_z"):
            session.add(Creator(id=creator_id, handle=creator_id, name=creator_id, followers=1, created_at=PLACED))
            session.flush()
            payable(session, creator_id)
    paid = carried = 0
    waits_for: set[str] = set()
    for seed in range(HISTORIES):
        balances, waited = one_life(database, seed)
        waits_for |= waited
        paid += any(one.paid for one in balances)
        carried += any(one.settled < 0 for one in balances)
    # The property is about something: most were paid, some were refunded after it, and parts waited for all sorts.
    assert waits_for >= {"hold", "next_statement", "next_round", "unfunded", "negative_balance", "reserve"}
    assert "being_closed" not in waits_for, "what no fact explains"
    assert paid > HISTORIES / 2
    assert carried > HISTORIES / 10
    with database.read(SYSTEM) as session:
        assert [wrong for _, _, found in audit.examine(session) for wrong in found] == []


def one_life(database: Database, seed: int) -> tuple[list[queries.Balance], set[str]]:
    """Live through the history of a seed; its creators' balances at the end, and what their money waited for."""
    chance = random.Random(seed)
    store = lively(chance)
    with database.write(SYSTEM) as session:
        rounds = Rounds(session, store, chance)
        rounds.live()
        rounds.end()
        balances = queries.balances(session, shop_id=rounds.shop.id)
        total = {one.creator_id: one.owed + one.in_transit + one.paid for one in balances}
        assert {name: amount for name, amount in total.items() if amount} == comes_to(store), f"seed {seed}"
        assert all(
            one.in_transit == 0 and one.settled <= 0 and one.cleared == 0 and one.reserve == 0 for one in balances
        ), f"seed {seed}"
        waiting = sa.select(Clearance.why).where(Clearance.shop_id == rounds.shop.id, Clearance.state == "open")
        if not session.scalars(waiting).all():
            assert all(one.pending == 0 for one in balances), f"seed {seed}"
    return balances, rounds.waits_for
