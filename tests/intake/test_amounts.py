"""The amount of a refund that the store doesn't give: previewed, entered with a reason, part of each evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from connector.audit import AuditRow
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope
from connector.earnings.attribution import credit
from connector.earnings.attribution.tables import DecisionRow
from connector.earnings.commission.tables import Clearance
from connector.earnings.intake import amounts
from connector.earnings.intake.take_in import reevaluate, take_in, take_in_stub
from connector.earnings.ledger import checks, queries
from connector.errors import Conflict, InputRefused, NotFound
from connector.events import OrderSeen, OrderStub, Refund
from tests.money.books import LATER, shop
from tests.money.builders import Credit, at, changed, line, refund, snapshot

TEST = Scope.system("tests")


class World:
    """An order of two lines, 30.00 credited at 10 % and 10.00 of nobody, with a refund of an amount nobody knows."""

    def __init__(self, session: Session) -> None:
        self.session, self.shop = session, shop(session)
        unknown = Refund("9", at(2), amount_unknown=True)
        self.order = snapshot(line("1", 3000), line("2", 1000), refunds=(unknown,))
        self.hear(self.order)
        self.id = session.scalars(sa.select(Order.id).where(Order.shop_id == self.shop.id)).one()

    def hear(self, order: Any, days: float = 3) -> None:
        seen = OrderSeen(order)
        take_in(self.session, self.shop, seen, triggered_at=at(days), source=f"delivery:{days}", as_of=LATER)

    def preview(self, amount: int, ref: str = "9") -> amounts.Preview:
        return amounts.preview(self.session, self.id, ref, amount)

    def enter(self, amount: int, **more: Any) -> Any:
        given: dict[str, Any] = {"by": "staff:fay", "why": "The merchant's bank statement", "as_of": LATER}
        token = more.pop("token", None) or self.preview(amount).token
        return amounts.enter(self.session, self.id, "9", amount, token=token, **given | more)

    def owed(self) -> int:
        return sum(balance.owed for balance in queries.balances(self.session, shop_id=self.shop.id))

    def held(self) -> list[str]:
        return list(self.session.scalars(sa.select(Clearance.blocked).where(Clearance.order_id == self.id)))


@pytest.fixture
def world(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    def decide(session: Session, of: Shop, order: Order, facts: Any, as_of: datetime, **more: bool) -> Any:
        if session.scalar(sa.select(DecisionRow.id).where(DecisionRow.order_id == order.id)) is None:
            for ref, creator_id in (("1", "crt_x"), ("2", None)):
                session.add(
                    DecisionRow(
                        id=f"dec_{order.id}{ref}", order_id=order.id, shop_id=of.id, line_ref=ref, rate_bp=1000,
                        credit_reason="last_click_direct" if creator_id else "no_touch", rate_reason="rate_open",
                        creator_id=creator_id, evidence={"candidates": []}, decided_at=as_of, pinned_at=as_of,
                    )
                )  # fmt: skip
            session.flush()
        return {"1": Credit("crt_x", 1000), "2": Credit(None, 0)}

    monkeypatch.setattr(credit, "credit_lines", decide)
    with database.write(TEST) as session:
        yield World(session)
        assert checks.examine(session) == []


def test_a_preview_says_what_it_would_do_and_writes_nothing(world: World) -> None:
    assert (world.owed(), world.held()) == (300, ["refund_amount_unknown"])
    shown = world.preview(400)
    assert [(c.line_ref, c.back_after, c.due_before, c.due_after, c.held_after) for c in shown.changes] == [
        ("1", 300, 300, 270, False), ("2", 100, 0, 0, False),
    ]  # fmt: skip
    assert shown.difference == -30
    assert (world.owed(), world.held()) == (300, ["refund_amount_unknown"])
    assert world.session.scalars(sa.select(AuditRow)).all() == []


def test_entering_it_books_the_difference_releases_the_line_and_is_audited(world: World) -> None:
    assert world.enter(400).entries == 1
    assert (world.owed(), world.held()) == (270, [""])
    (row,) = world.session.scalars(sa.select(AuditRow))
    assert (row.actor, row.act, row.subject) == ("staff:fay", "refund.amount", world.id)
    assert row.detail["amount"] == 400
    # It is a fact from now on: deliveries, replays and evaluations come to the same.
    world.hear(world.order, 4)
    world.hear(changed(world.order), 5)
    assert reevaluate(world.session, world.id, cause="replay", as_of=LATER).entries == 0
    assert (world.owed(), world.held()) == (270, [""])


def test_nothing_went_back(world: World) -> None:
    assert world.enter(0).entries == 0
    assert (world.owed(), world.held()) == (300, [""])


def test_a_second_entry_replaces_the_first_and_more_than_the_order_is_clamped(world: World) -> None:
    world.enter(400)
    assert world.preview(4400).difference == -270
    world.enter(4400, as_of=LATER + timedelta(hours=1))
    assert world.owed() == 0
    world.enter(800, as_of=LATER + timedelta(hours=2))
    assert world.owed() == 240


def test_the_stores_own_word_counts_more(world: World) -> None:
    world.enter(400)
    told = refund("9", money_only=2000, days=2)
    stub = OrderStub(world.order.order_ref, (told,))
    world.hear(changed(world.order, refunds=(told,)), 6)
    assert world.owed() == 150
    take_in_stub(world.session, world.shop, stub, source="delivery:7", as_of=LATER)
    assert world.owed() == 150


def test_what_moved_since_the_preview_is_looked_at_again(world: World) -> None:
    token = world.preview(400).token
    world.hear(changed(world.order, refunds=(*world.order.refunds, refund("10", money_only=100, days=3))), 4)
    with pytest.raises(Conflict, match="look again"):
        world.enter(400, token=token)
    assert world.held() == ["refund_amount_unknown"]


@pytest.mark.parametrize(("amount", "why", "error"), [(-1, "x", InputRefused), (400, "  ", InputRefused)])
def test_what_is_refused(world: World, amount: int, why: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        world.enter(amount, why=why, token="any")
    assert world.held() == ["refund_amount_unknown"]


def test_only_a_refund_that_waits_takes_an_amount(world: World) -> None:
    with pytest.raises(NotFound):
        world.preview(1, "77")
    with pytest.raises(NotFound):
        amounts.preview(world.session, "ord_none", "9", 1)
    world.hear(changed(world.order, refunds=(*world.order.refunds, refund("10", money_only=100, days=3))), 4)
    with pytest.raises(Conflict):
        world.preview(1, "10")
