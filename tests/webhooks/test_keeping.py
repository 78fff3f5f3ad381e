"""What people do with the inbox: replay, count, let bodies go; and the subscriptions that fill it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from connector import clock, db
from connector.audit import AuditRow
from connector.commerce.orders.tables import Order, OrderVersion
from connector.config import Settings
from connector.db import Scope
from connector.errors import Conflict, InputRefused, NotFound, PlatformBusy, PlatformDown
from connector.platforms.contract import Hook
from connector.platforms.shopify import PLATFORM
from connector.webhooks import inbox, replay, retention, subscribe
from connector.webhooks.tables import ShopSubscription
from tests.webhooks.conftest import Store, join, one, order, rows

Run = Callable[[], int]


def again(**named: Any) -> int:
    with db.write(Scope.system("test")) as session:
        return replay.replay(session, by="staff:ann", **named)


def test_replaying_what_is_done_changes_nothing(store: Store, shop_id: str, run_drain: Run) -> None:
    store.post("orders/create", order(1))
    run_drain()
    with db.read(Scope.system("test")) as session:
        before = session.execute(sa.select(Order.snapshot, Order.triggered_at)).one()
    assert again(delivery_id=one().id) == 1
    assert one().status == "waiting"
    run_drain()
    assert one().status == "done"
    with db.read(Scope.system("test")) as session:
        assert session.execute(sa.select(Order.snapshot, Order.triggered_at)).one() == before
        assert session.scalar(sa.select(sa.func.count()).select_from(OrderVersion)) == 1
        act = session.scalars(sa.select(AuditRow)).one()
        assert (act.actor, act.act, act.detail) == ("staff:ann", "delivery.replay", {"deliveries": 1})


def test_replay_by_status_reason_order_and_shop(store: Store, shop_id: str, run_drain: Run) -> None:
    store.post("orders/create", order(1))
    store.post("orders/paid", order(1))
    store.post("orders/create", b"{")
    store.post("moon/phase", b"{}")
    store.post("orders/create", order(2), domain="nobody.myshopify.com")
    run_drain()
    assert again(order_ref="1") == 2
    run_drain()
    assert again(status="parked", reason="unreadable") == 1
    assert again(status="parked") == 1, "the one whose shop is unknown can't go on"
    assert again(status="parked", shop_id="shp_other") == 0
    run_drain()
    with db.write(Scope.system("test")) as session:
        order_id = session.scalars(sa.select(Order.id)).one()
        named = (order_id, "1", "#1", "77")
        assert [replay.order_ref_of(session, name) for name in named] == ["1", "1", "1", "77"]


def test_what_cannot_be_replayed_says_why(store: Store, shop_id: str, run_drain: Run, settings: Settings) -> None:
    store.post("orders/create", order(1), domain="nobody.myshopify.com")
    store.post("orders/create", order(2))
    run_drain()
    unknown, done = rows()
    with pytest.raises(Conflict, match="No shop"):
        again(delivery_id=unknown.id)
    retention.drop_bodies(settings, clock.wall() + timedelta(days=31))
    with pytest.raises(Conflict, match="retention"):
        again(delivery_id=done.id)
    with pytest.raises(NotFound):
        again(delivery_id="dlv_0")
    with pytest.raises(InputRefused):
        again()
    with pytest.raises(InputRefused):
        again(status="broken")


def test_bodies_go_after_their_retention_and_the_rest_stays(
    store: Store, shop_id: str, run_drain: Run, settings: Settings
) -> None:
    store.post("orders/create", order(1))
    store.post("orders/create", order(2), domain="nobody.myshopify.com")
    run_drain()
    assert retention.drop_bodies(settings, clock.wall() + timedelta(days=6)) == 0
    assert retention.drop_bodies(settings, clock.wall() + timedelta(days=8)) == 1, "a store that never came"
    assert [row.body_sealed is None for row in rows()] == [False, True]
    assert retention.drop_bodies(settings, clock.wall() + timedelta(days=31)) == 1
    row = rows()[0]
    assert (row.body_sealed, row.status, row.order_ref) == (None, "done", "1")
    assert inbox.body_of(row) is None


def test_a_waiting_delivery_whose_body_is_gone_is_parked(
    store: Store, shop_id: str, run_drain: Run, settings: Settings
) -> None:
    store.post("orders/create", order(1))
    retention.drop_bodies(settings, clock.wall() + timedelta(days=31))
    run_drain()
    assert (one().status, one().reason) == ("parked", "body_gone")


def test_counts_name_every_status(store: Store, shop_id: str, run_drain: Run) -> None:
    store.post("orders/create", order(1))
    store.post("orders/create", b"{")
    run_drain()
    store.post("orders/create", order(3))
    with db.read(Scope.system("test")) as session:
        assert inbox.counts(session) == [
            ("waiting", "", 1), ("failed", "", 0), ("parked", "unreadable", 1), ("quarantined", "", 0),
            ("done", "", 1), ("ignored", "", 0),
        ]  # fmt: skip
        assert sum(number for _, _, number in inbox.counts(session, shop_id="shp_other")) == 0


def test_subscriptions_are_made_for_our_address(
    settings: Settings, shop_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, Hook]] = []

    def put(_self: Any, client: Any, hook: Hook) -> list[str]:
        asked.append((client.domain, hook))
        return ["orders/create"]

    monkeypatch.setattr(type(PLATFORM.webhooks), "subscribe", put)
    assert subscribe.ensure(shop_id, http=object(), public_url="https://connector.example") == ["orders/create"]  # type: ignore[arg-type]
    assert asked == [("sample-shop.myshopify.com", Hook("https://connector.example/webhooks/shopify"))]


def test_the_job_asks_a_store_that_is_down_again(shop_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Any] = [PlatformDown("no answer"), PlatformBusy("later", retry_after=7), ["orders/create"]]
    slept: list[float] = []

    def ensure(_shop_id: str) -> list[str]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    monkeypatch.setattr(subscribe, "ensure", ensure)
    monkeypatch.setattr(subscribe.jobs, "pause", slept.append)
    assert subscribe.subscribe(shop_id) == 1
    assert slept == [1.0, 7]


def test_what_had_to_be_put_back_stands_on_the_shops_timeline(
    settings: Settings, shop_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = ["orders/create", "orders/paid"]
    answers: list[Any] = [both, [], ["orders/paid"], PlatformDown("no answer"), ["orders/create"]]

    def put(_self: Any, _client: Any, _address: str) -> list[str]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    monkeypatch.setattr(type(PLATFORM.webhooks), "subscribe", put)
    http: Any = object()
    for _ in range(3):
        subscribe.ensure(shop_id, http=http, public_url="https://connector.example")
    with pytest.raises(PlatformDown):
        subscribe.ensure(shop_id, http=http, public_url="https://connector.example")
    with db.read(Scope.system("test")) as session:
        row = session.get_one(ShopSubscription, shop_id)
        assert (row.put, row.problem) == (["orders/paid"], "PlatformDown: no answer")
    subscribe.ensure(shop_id, http=http, public_url="https://new.example")
    with db.read(Scope.system("test")) as session:
        row = session.get_one(ShopSubscription, shop_id)
        assert (row.address, row.problem) == ("https://new.example/webhooks/shopify", "")
        acts = session.execute(sa.select(AuditRow.act, AuditRow.shop_id, AuditRow.detail).order_by(AuditRow.id)).all()
        assert [(act.act, act.detail["topics"]) for act in acts] == [
            ("webhooks.subscribed", both), ("webhooks.put_back", ["orders/paid"]),
            ("webhooks.moved", ["orders/create"]),
        ]  # fmt: skip
        assert {act.shop_id for act in acts} == {shop_id}


def test_a_store_that_never_connected_leaves_the_list_of_open_things(
    store: Store, settings: Settings, run_drain: Run
) -> None:
    store.post("orders/create", order(1), domain="nobody.myshopify.com")
    assert retention.drop_bodies(settings, clock.wall() + timedelta(days=8)) == 1
    row = one()
    assert (row.status, row.reason, row.body_gone) == ("ignored", "unknown_store_gone", "retention")
    join("nobody.myshopify.com")
    assert run_drain() == 0


def test_ids_of_one_process_are_in_the_order_of_their_making() -> None:
    """In one millisecond too: the greater of two touches is the later, and a page behind an id misses nothing."""
    made = [db.new_id("dlv") for _ in range(2000)]
    assert made == sorted(set(made))
