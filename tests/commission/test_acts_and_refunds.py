"""F5: what an act took away or gave stays so, whatever is delivered before it, after it, or in between.

Random lives of an order: refunds that succeed, wait and fail, forfeits, assignments, clearings, repeats of what was
said. After every step each line has in the ledger what the plain calculation gives; a repeat posts nothing; and the
same deliveries and acts in another order (of deliveries among acts) end with the same sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from connector.commerce.orders.tables import Order
from connector.db import Database, new_id
from connector.earnings.attribution.tables import Act
from connector.earnings.intake import take_in as intake
from connector.earnings.ledger import checks, queries
from connector.events import OrderSnapshot, Refund
from tests.intake.test_beside_the_line import PARCEL, TEST, World
from tests.money import reference
from tests.money.builders import at, back, changed, line, refund, snapshot

LINES = st.sampled_from(("1", "2", ""))
STEP = st.one_of(
    st.tuples(st.just("money"), st.integers(1, 5000), st.sampled_from(("success", "pending", "failure"))),
    st.tuples(st.just("item"), st.sampled_from(("1", "2")), st.sampled_from(("success", "pending", "failure"))),
    st.tuples(st.just("settle"), st.integers(0, 3), st.sampled_from(("success", "failure"))),
    st.tuples(st.just("forfeit"), LINES, st.just("")),
    st.tuples(st.just("manual"), LINES, st.just("")),
    st.tuples(st.just("clear"), st.just(""), st.just("")),
    st.tuples(st.just("again"), st.just(""), st.just("")),
)
PRICES = {"1": 4000, "2": 999}


class Life:
    """One order of a world, and what is true of it."""

    count = 0

    def __init__(self, world: World) -> None:
        Life.count += 1
        self.world, self.ref, self.day, self.refunds = world, f"l{Life.count}", 1, dict[str, Refund]()
        self.taken: set[str] = set()
        self.acts: list[tuple[str, str]] = []
        self.versions = [self.version()]
        world.take(self.versions[0], as_of=at(2))

    def version(self) -> OrderSnapshot:
        lines = [line(ref, price) for ref, price in PRICES.items()]
        plain = snapshot(*lines, order_ref=self.ref, fulfilments=(PARCEL,), refunds=tuple(self.refunds.values()))
        return changed(plain, changed_at=at(self.day))

    @property
    def order_id(self) -> str:
        return self.world.session.scalars(sa.select(Order.id).where(Order.order_ref == self.ref)).one()

    def step(self, kind: str, what: Any, status: str) -> None:
        self.day += 1
        now = at(20 + self.day)
        if kind in ("forfeit", "manual"):
            self.act(kind, what, now)
        elif kind == "clear":
            self.world.clear(now)
        elif kind == "again":
            repeat = changed(self.versions[-1], changed_at=self.versions[-1].changed_at)
            assert self.world.take(repeat, as_of=now).entries == 0
            assert intake.reevaluate(self.world.session, self.order_id, cause="replay", as_of=now).entries == 0
        else:
            self.say(kind, what, status, now)

    def say(self, kind: str, what: Any, status: str, now: datetime) -> None:
        number = str(100 + len(self.refunds))
        if kind == "money":
            self.refunds[number] = refund(number, money_only=what, days=self.day, status=status)
        elif kind == "item" and not any(part.line_ref == what for r in self.refunds.values() for part in r.lines):
            part = back(what, 1, PRICES[what])
            self.refunds[number] = refund(number, part, days=self.day, status=status)
        else:
            waiting = [ref for ref, each in self.refunds.items() if each.transactions[0].status == "pending"]
            if not waiting:
                return
            ref = waiting[(what if isinstance(what, int) else 0) % len(waiting)]
            moved = msgspec.structs.replace(self.refunds[ref].transactions[0], status=status)
            self.refunds[ref] = msgspec.structs.replace(self.refunds[ref], transactions=(moved,))
        self.versions.append(self.version())
        self.world.take(self.versions[-1], as_of=now)

    def act(self, kind: str, line_ref: str, now: datetime) -> None:
        self.acts.append((kind, line_ref))
        about = {line_ref} if line_ref else set(PRICES)
        self.taken = self.taken | about if kind == "forfeit" else self.taken - about
        self.world.session.add(
            Act(
                id=new_id("act"), shop_id=self.world.shop.id, kind=kind, state="effective", order_id=self.order_id,
                line_ref=line_ref, creator_id=None, content_id=None, code_id=None, since=None, actor="staff:jo",
                reason="why", token="t", proposed_at=now, needs_second=False, approved_by=None, approved_at=None,
                effective_at=now, refused_by=None, refused_at=None, refused_why="",
            )
        )  # fmt: skip
        self.world.session.flush()
        intake.reevaluate(self.world.session, self.order_id, cause="act", as_of=now)

    def due(self) -> dict[str, int]:
        """By the plain calculation."""
        order = msgspec.to_builtins(self.version(), builtin_types=(datetime, Decimal))
        credits = dict.fromkeys(PRICES, (self.world.mira, 1500))
        return reference.pays(order, order.get("refunds", []), credits, {}, forfeited=tuple(self.taken))

    def booked(self) -> dict[str, int]:
        return {key[0]: amount for key, amount in queries.standing(self.world.session, self.order_id).earned.items()}


@pytest.fixture
def world(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with database.write(TEST) as session:
        made = World(session)
        monkeypatch.setattr(intake.credit, "credit_lines", made.decide)
        yield made
        assert checks.examine(session) == []


def test_what_an_act_took_stays_taken_whatever_is_delivered(world: World) -> None:
    @settings(
        max_examples=8, deadline=None, database=None, phases=(Phase.explicit, Phase.generate),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )  # fmt: skip
    @given(st.lists(STEP, min_size=2, max_size=7))
    @example([("forfeit", "1", ""), ("item", "1", "success"), ("again", "", "")])
    @example([("item", "1", "success"), ("forfeit", "1", ""), ("again", "", "")])
    @example([("forfeit", "", ""), ("manual", "1", ""), ("item", "1", "pending"), ("settle", 0, "failure")])
    @example([("clear", "", ""), ("money", 700, "success"), ("forfeit", "2", ""), ("again", "", "")])
    def any_life(steps: list[tuple[str, Any, str]]) -> None:
        life = Life(world)
        for step in steps:
            life.step(*step)
            assert life.booked() == life.due(), step
        # The same words, all of them before the acts, or all behind: the same sums (F7).
        for acts_first in (True, False):
            other = Life(world)
            said = [changed(each, order_ref=other.ref, changed_at=each.changed_at) for each in life.versions[1:]]
            for kind, line_ref in life.acts if acts_first else ():
                other.act(kind, line_ref, at(50 + len(other.acts)))
            for version in said if acts_first else reversed(said):
                world.take(version, as_of=at(60))
            for kind, line_ref in () if acts_first else life.acts:
                other.act(kind, line_ref, at(70 + len(other.acts)))
            assert other.booked() == life.booked()

    any_life()


def test_the_property_sees_a_forfeit_that_a_delivery_undoes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    life = Life(world)
    life.step("forfeit", "1", "")
    monkeypatch.setattr(intake.accrual, "forfeited", lambda *given, **more: frozenset[str]())
    life.step("money", 700, "success")
    assert life.booked() != life.due()
