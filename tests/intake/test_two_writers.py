"""Two workers hear of one order at once: it is paid once, whoever comes first."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope
from connector.earnings.intake import take_in as intake
from connector.earnings.ledger import checks, queries
from connector.events import OrderSeen, OrderSnapshot
from tests.money.books import decide, shop
from tests.money.builders import at, changed, line, snapshot

TEST = Scope.system("test")
ORDER = snapshot(line("8", 4000, product_ref="p10"))


@pytest.fixture(autouse=True)
def _decisions_fixed_by_product(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake.credit, "credit_lines", decide)


def together(database: Database, shop_id: str, *orders: OrderSnapshot) -> list[str]:
    """Each order is taken in by its own thread; the first commits only once the others have had time to wait for it."""
    started, outcomes = threading.Event(), []

    def hear(order: OrderSnapshot, after: Callable[[], object]) -> None:
        with database.write(TEST) as session:
            of = session.get_one(Shop, shop_id)
            done = intake.take_in(
                session, of, OrderSeen(order), triggered_at=order.changed_at, source="read:test", as_of=at(100)
            )
            outcomes.append(done.outcome)
            after()

    def first() -> None:
        started.set()
        threading.Event().wait(0.3)

    threads = [threading.Thread(target=hear, args=(orders[0], first))]
    threads[0].start()
    assert started.wait(10)
    threads += [threading.Thread(target=hear, args=(order, lambda: None)) for order in orders[1:]]
    for thread in threads[1:]:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    return outcomes


@pytest.mark.parametrize("known", [False, True])
def test_one_order_heard_twice_at_once(database: Database, known: bool) -> None:
    with database.write(TEST) as session:
        of = shop(session).id
        if known:
            before = changed(ORDER, changed_at=at(-1))
            intake.take_in(
                session,
                session.get_one(Shop, of),
                OrderSeen(before),
                triggered_at=at(-1),
                source="read:1",
                as_of=at(100),
            )
    newer = changed(ORDER, total=1)
    outcomes = together(database, of, ORDER, ORDER, newer)
    assert outcomes[0] == "applied"
    assert len(outcomes) == 3
    with database.read(TEST) as session:
        order = session.scalars(sa.select(Order)).one()
        assert order.changed_at == newer.changed_at
        assert [(b.creator_id, b.pending) for b in queries.balances(session)] == [("crt_x", 400)]
        assert checks.examine(session) == []
