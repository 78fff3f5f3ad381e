"""Orders at the store = seen = evaluated, with the gaps by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from connector import db, jobs
from connector.commerce.orders.tables import Order
from connector.commerce.shops import queries as shops
from connector.db import Database, Scope
from connector.earnings.commission.tables import Clearance
from connector.earnings.intake import take_in as intake
from connector.errors import NotFound, PayloadUnreadable, PlatformDown
from connector.events import Buyer, Line, OrderSeen, OrderSnapshot
from connector.platforms.contract import OrderHead, OrderRead
from connector.sync import queries, reconcile, reread
from connector.sync.tables import Reconciliation
from tests.sync.store import THEN, Store

SYSTEM = Scope.system("tests")
NOW = THEN + timedelta(days=1)


def order(number: int, changed: datetime = THEN, price: int = 1000) -> OrderRead:
    snapshot = OrderSnapshot(
        order_ref=str(number), number=f"#{number}", created_at=THEN, changed_at=changed, currency="USD",
        payment_status="paid", taxes_included=False, paid_at=THEN,
        lines=(Line(line_ref=f"{number}1", quantity=1, current_quantity=1, unit_price=price, product_ref="1"),),
    )  # fmt: skip
    return OrderRead(snapshot, Buyer(), changed + timedelta(seconds=5))


def at_store(store: Store, *reads: OrderRead) -> None:
    store.orders = list(reads)
    store.listed = [
        OrderHead(read.snapshot.order_ref, read.snapshot.number, read.snapshot.created_at, read.snapshot.changed_at)
        for read in reads
    ]


def hold(shop_id: str, *reads: OrderRead) -> None:
    for read in reads:
        with db.write(SYSTEM) as session:
            seen = OrderSeen(read.snapshot, read.buyer)
            shop = shops.get(session, shop_id)
            intake.take_in(session, shop, seen, triggered_at=read.read_at, source="test", as_of=NOW)


def figures(row: Reconciliation) -> tuple[str, int, int, int, int]:
    return (row.status, row.at_store, row.seen_before, row.fetched, row.evaluated)


def test_what_was_missed_or_is_older_is_fetched(store: Store, shop_id: str) -> None:
    newer = order(3, THEN + timedelta(minutes=5), price=2000)
    hold(shop_id, order(1), order(3), order(5))
    at_store(store, order(1), order(2), newer, order(4), order(5))
    row = reconcile.reconcile(shop_id, as_of=NOW)
    assert figures(row) == ("done", 5, 2, 3, 5)
    assert (row.missing, row.gaps, row.problem) == (["#2", "#3", "#4"], [], "")
    assert [asked for asked in store.asked if asked.startswith("orders")] == [
        "orders from 0",
        "orders from 2",
        "orders from 4",
    ]
    with db.read(SYSTEM) as session:
        held = session.scalars(sa.select(Order).where(Order.shop_id == shop_id)).all()
        assert sorted(row.order_ref for row in held) == ["1", "2", "3", "4", "5"]
        assert all(row.content_hash == row.evaluated_hash for row in held)
    # Again: it converged, nothing is fetched.
    store.asked.clear()
    assert figures(reconcile.reconcile(shop_id, since=THEN, as_of=NOW)) == ("done", 5, 5, 0, 5)
    assert not [asked for asked in store.asked if asked.startswith("order ")]


def test_it_looks_from_the_last_pass_without_gaps(store: Store, shop_id: str) -> None:
    assert reconcile.reconcile(shop_id, as_of=NOW).since == THEN - timedelta(minutes=10)  # the shop's joining
    # An hour later it would be ten minutes before the last one: the look goes two hours back at least.
    assert reconcile.reconcile(shop_id, as_of=NOW + timedelta(hours=1)).since == NOW - timedelta(hours=1)
    assert reconcile.reconcile(shop_id, as_of=NOW + timedelta(days=2)).since == NOW + timedelta(minutes=50)
    wanted = NOW - timedelta(days=9)
    assert reconcile.reconcile(shop_id, since=wanted, as_of=NOW).since == wanted


def test_gaps_are_named(store: Store, shop_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at_store(store, order(1), order(2), order(3))
    store.orders = [read for read in store.orders if read.snapshot.order_ref != "2"]
    take_in = intake.take_in

    def unreadable(session: object, shop: object, seen: OrderSeen, **more: object) -> object:
        if seen.snapshot.order_ref == "3":
            raise PayloadUnreadable("$.line_items[0].price", "is absent")
        return take_in(session, shop, seen, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(reread.intake, "take_in", unreadable)
    row = reconcile.reconcile(shop_id, as_of=NOW)
    assert figures(row) == ("gaps", 3, 0, 1, 1)
    assert row.gaps == [
        {"order": "#2", "why": "the store listed it and no longer has it"},
        {"order": "#3", "why": "PayloadUnreadable: $.line_items[0].price: is absent"},
    ]
    monkeypatch.setattr(reread.intake, "take_in", take_in)
    # The next pass looks at the same orders again, since this one was not good.
    at_store(store, order(1), order(2), order(3))
    again = reconcile.reconcile(shop_id, as_of=NOW + timedelta(hours=1))
    assert again.since == row.since
    assert figures(again) == ("done", 3, 1, 2, 3)


def test_a_store_that_is_away_fails_the_pass_and_keeps_what_came(store: Store, shop_id: str) -> None:
    at_store(store, order(1), order(2), order(3))
    store.broken = {"3": PlatformDown("no answer")}
    row = reconcile.reconcile(shop_id, as_of=NOW)
    assert figures(row) == ("failed", 3, 0, 2, 2)
    assert row.problem == "PlatformDown: no answer"
    assert store.asked.count("order 3") == reread.TRIES
    assert row.gaps == [{"order": "#3", "why": "not taken in"}]


def test_an_interrupted_pass_is_closed_by_the_next(store: Store, shop_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at_store(store, order(1))

    def stop() -> None:
        raise jobs.Stopping

    monkeypatch.setattr(jobs, "check", stop)
    with pytest.raises(jobs.Stopping):
        reconcile.reconcile(shop_id, as_of=NOW)
    monkeypatch.setattr(jobs, "check", lambda: None)
    assert figures(reconcile.reconcile(shop_id, as_of=NOW)) == ("done", 1, 0, 1, 1)
    with db.read(SYSTEM) as session:
        rows = queries.reconciliations(session, shop_id)
        assert sorted(row.status for row in rows) == ["done", "failed"]


def test_subscriptions_are_put_back_by_a_job(store: Store, shop_id: str, database: Database) -> None:
    row = reconcile.reconcile(shop_id, as_of=NOW)
    table = "workflow_status" if database.is_sqlite else "dbos.workflow_status"
    with database.engine.connect() as connection:
        found = connection.execute(sa.text(f"SELECT workflow_uuid, queue_partition_key FROM {table}")).all()
    assert [tuple(each) for each in found] == [(f"webhooks.subscribe:{shop_id}:{row.id}", shop_id)]


def test_an_unknown_shop(store: Store) -> None:
    with pytest.raises(NotFound):
        reconcile.reconcile("shp_unknown")


# --- the longer looks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("look", "back"), [("hour", 0.5), ("day", 3), ("week", 35)])
def test_a_look_goes_back_as_far_as_its_name_says(store: Store, shop_id: str, look: str, back: float) -> None:
    """Passes every hour for weeks would always begin where the last one did."""
    late = THEN + timedelta(days=60)
    reconcile.reconcile(shop_id, as_of=late - timedelta(hours=12))
    row = reconcile.reconcile(shop_id, as_of=late, look=look)
    begun = late - timedelta(hours=12, minutes=10)
    assert row.since == (begun if look == "hour" else late - timedelta(days=back))
    # … and never to before the shop joined
    assert reconcile.reconcile(shop_id, as_of=NOW, look="week").since == THEN - timedelta(minutes=10)


def test_a_deep_look_finds_what_the_stores_list_does_not_say(store: Store, shop_id: str) -> None:
    """The store changed a part of an order and left the order's own change time alone (fact sheet, 9, no. 13)."""
    silent = replace(order(1, price=2500), read_at=NOW)
    hold(shop_id, order(1), order(2), order(3))
    at_store(store, silent, order(2), order(3))
    for ref in ("1", "2"):  # money of theirs is open; nobody earns by the third
        open_money(shop_id, ref)
    assert figures(reconcile.reconcile(shop_id, as_of=NOW)) == ("done", 3, 3, 0, 3), "the list shows nothing"
    row = reconcile.reconcile(shop_id, as_of=NOW, look="day")
    assert (row.status, row.fetched, row.reread, row.unheard) == ("done", 0, 2, ["#1"])
    with db.read(SYSTEM) as session:
        assert '"unit_price":2500' in session.scalar(sa.select(Order.snapshot).where(Order.order_ref == "1"))
    # Asked a moment ago: the next deep look leaves them alone.
    store.asked.clear()
    assert reconcile.reconcile(shop_id, as_of=NOW + timedelta(hours=1), look="week").reread == 0
    assert reconcile.reconcile(shop_id, as_of=NOW + timedelta(hours=13), look="week").reread == 2


def test_an_order_with_a_dispute_or_a_return_is_asked_about_however_old_it_is(store: Store, shop_id: str) -> None:
    """A bank takes months; were the message of its word lost, the money would be frozen for ever. A return's end may
    have no message at all."""
    hold(shop_id, order(1), order(2), order(3))
    at_store(store, order(1), order(2), order(3))
    for ref, blocked in (("1", "dispute"), ("2", "return"), ("3", "freeze")):
        open_money(shop_id, ref, blocked)
    late = THEN + timedelta(days=90)
    assert reconcile.reconcile(shop_id, as_of=late, since=late - timedelta(days=35), look="week").reread == 2
    assert {ref for asked in store.asked for ref in asked} >= {"1", "2"}


def test_an_order_that_a_deep_look_cannot_read_is_a_gap(store: Store, shop_id: str) -> None:
    hold(shop_id, order(1), order(2))
    at_store(store, order(1), order(2))
    open_money(shop_id, "1")
    store.broken = {"1": PayloadUnreadable("$.order.taxLines", "is null")}
    row = reconcile.reconcile(shop_id, as_of=NOW, look="day")
    assert (row.status, row.gaps) == ("gaps", [{"order": "#1", "why": "PayloadUnreadable: $.order.taxLines: is null"}])


def open_money(shop_id: str, order_ref: str, blocked: str = "") -> None:
    with db.write(SYSTEM) as session:
        order_id = session.scalar(sa.select(Order.id).where(Order.shop_id == shop_id, Order.order_ref == order_ref))
        session.add(
            Clearance(order_id=order_id, line_ref=f"{order_ref}1", shop_id=shop_id, clears_at=NOW + timedelta(days=9),
                      why="delivered", updated_at=THEN, blocked=blocked)
        )  # fmt: skip


def test_how_a_shop_stands(store: Store, shop_id: str) -> None:
    def standing(now: datetime) -> queries.Standing:
        with db.read(SYSTEM) as session:
            return queries.standing(session, shops.get(session, shop_id), now)

    assert standing(THEN + timedelta(hours=2)).stuck is False
    assert standing(THEN + timedelta(hours=4)).stuck, "joined four hours ago and never compared"
    reconcile.reconcile(shop_id, as_of=NOW)
    assert standing(NOW + timedelta(hours=2)).stuck is False
    at_store(store, order(1, changed=NOW))
    store.broken = {"1": PlatformDown("no answer")}
    reconcile.reconcile(shop_id, as_of=NOW + timedelta(hours=1))
    now = standing(NOW + timedelta(hours=4))
    assert now.stuck
    assert now.last is not None
    assert (now.last.status, now.last.problem, now.good_at) == ("failed", "PlatformDown: no answer", NOW)
