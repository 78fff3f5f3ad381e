"""A batch whose questions are read ahead decides and books as its orders do one by one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Session

from connector import db
from connector.commerce.orders.tables import Order
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope
from connector.earnings.attribution import candidates
from connector.earnings.attribution.tables import DecisionRow, TokenBuyer
from connector.earnings.intake import ahead
from connector.earnings.intake.take_in import take_in
from connector.earnings.ledger.tables import Posting
from connector.events import Buyer, Carrier, Line, OrderSeen, OrderSnapshot
from connector.programme.collaborations import terms
from connector.programme.creators import identities, register
from tests.attribution.world import DAY, KEY, OPENED, PLACED, World

HOUR = timedelta(hours=1)
HEARD = PLACED + 3 * DAY


def seen(ref: int, token: str, lines: str, customer: str, *, at: timedelta, email: str | None = None) -> OrderSeen:
    snapshot = OrderSnapshot(
        order_ref=str(ref), number=f"#{ref}", created_at=PLACED + at, changed_at=PLACED + at, currency="EUR",
        payment_status="paid", taxes_included=False,
        lines=tuple(Line(str(n + 1), 1, 1, 2000, product_ref=p) for n, p in enumerate(lines)),
        carriers=(Carrier("cart_attribute", token, KEY),),
    )  # fmt: skip
    return OrderSeen(snapshot, buyer=Buyer(customer, email))


def orders_of(world: World) -> list[OrderSeen]:
    """A token that five customers share, in mixed order; a journey over two products; a creator's own purchase; a token
    that is none; an order that is known already, with the shared token and another buyer than before."""
    shared = world.tap("x", "A", PLACED - DAY, buyer="b").token
    world.tap("y", "B", PLACED - DAY, buyer="b")
    way = world.tap("x", "A", PLACED - 2 * DAY, buyer="c").token
    for after in (timedelta(0), 2 * HOUR):
        world.tap("y", "B", PLACED - DAY + after, buyer="c")
    world.tap("y", "A", PLACED + 12 * HOUR, buyer="c")  # after the order
    own = world.tap("y", "B", PLACED - DAY).token
    with world.database.write(Scope.system("test")) as session:
        register.set_status(session, world.creators["x"], "suspended", starts_at=PLACED + 6 * HOUR, now=PLACED)
        identities.learn(session, world.creators["y"], email="y@example.com", now=OPENED)
        terms.open_terms(session, world.shop_id, 2000, product_ref="B", starts_at=PLACED, by="test", now=PLACED - DAY)
        known = seen(1, shared, "A", "c0", at=timedelta(0))
        shop = session.get_one(Shop, world.shop_id)
        take_in(session, shop, known, triggered_at=PLACED, source="read:test", as_of=HEARD)
    return [
        *(seen(10 + n, shared, "AB", f"c{n}", at=n * HOUR) for n in (3, 5, 1, 2, 4)),
        seen(20, way, "ABB", "d", at=HOUR),
        seen(21, own, "B", "e", at=HOUR, email="Y@example.com"),
        seen(22, "t1" + "0" * 32, "A", "f", at=HOUR),
        seen(1, shared, "AB", "c8", at=timedelta(seconds=1)),
        seen(23, shared, "AB", "c9", at=9 * HOUR),
    ]


def take(session: Session, shop: Shop, each: OrderSeen) -> None:
    source = f"delivery:{each.snapshot.order_ref}"
    take_in(session, shop, each, triggered_at=each.snapshot.changed_at, source=source, as_of=HEARD)


def books(session: Session) -> dict[str, Any]:
    """What was decided, noted and booked, without the ids that are made anew each time."""
    refs = {order.id: order.order_ref for order in session.scalars(sa.select(Order))}
    decisions = sorted(
        (refs[row.order_id], row.line_ref, row.credit_reason, row.creator_id, row.touch_id, row.rate_bp, row.evidence)
        for row in session.scalars(sa.select(DecisionRow))
    )
    noted = sorted((row.touch_id, refs[row.order_id], row.buyer_hash) for row in session.scalars(sa.select(TokenBuyer)))
    booked = sorted(session.execute(sa.select(Posting.account, Posting.creator_id, Posting.amount)).all(), key=str)
    return {"decisions": decisions, "noted": noted, "booked": [tuple(row) for row in booked]}


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        said.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


def test_a_batch_read_ahead_comes_out_as_one_by_one(world: World, database: Database) -> None:
    batch = orders_of(world)
    with database.write(Scope.system("test")) as session:
        undone = session.begin_nested()
        shop = session.get_one(Shop, world.shop_id)
        for each in batch:
            take(session, shop, each)
        session.flush()
        one_by_one = books(session)
        undone.rollback()
    with database.write(Scope.system("test")) as session:
        shop, waiting = session.get_one(Shop, world.shop_id), db.hold_back(session)
        with ahead.read(session, shop, batch):
            take(session, shop, batch[0])  # what a session reads once is read now
            with counted(database) as said:
                for each in batch[1:7]:
                    take(session, shop, each)
            assert said == [], "a new order whose questions were read ahead asks nothing and writes nothing"
            for each in batch[7:]:
                take(session, shop, each)
        waiting.write()
        session.flush()
        together = books(session)
    assert together == one_by_one
    flags = {(row[0], row[1]): row[6]["flags"] for row in together["decisions"]}
    shared = {ref for (ref, _), raised in flags.items() if "token_shared" in raised}
    assert shared == {"14", "23"}, "those for whom four had ordered by then, of what was noted in this batch too"
    reasons = {row[2] for row in together["decisions"]}
    assert {"last_click_direct", "self_purchase"} <= reasons


def test_nothing_that_was_read_ahead_outlives_its_batch(world: World, database: Database) -> None:
    batch = orders_of(world)[:2]
    with database.write(Scope.system("test")) as session:
        shop = session.get_one(Shop, world.shop_id)
        with ahead.read(session, shop, batch):
            assert db.known(session, candidates.Ahead) is not None
        assert db.known(session, candidates.Ahead) is None
        with pytest.raises(ZeroDivisionError):
            _broken(session, shop, batch)
        assert db.known(session, candidates.Ahead) is None


def _broken(session: Session, shop: Shop, batch: list[OrderSeen]) -> None:
    with ahead.read(session, shop, batch):
        raise ZeroDivisionError
