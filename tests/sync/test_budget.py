"""The shop's API budget: several workers together never ask for more than the stand-in's bucket holds."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connector import clock, db
from connector.commerce.shops import budget
from connector.commerce.shops.tables import ApiBudget
from connector.db import Database, Scope
from connector.errors import PlatformDown
from connector.platforms.contract import Client
from connector.platforms.shopify import PLATFORM
from sandbox.shopify.app import create_app
from sandbox.shopify.oauth import App
from sandbox.shopify.store import Settings, Store
from tests.platforms.shopify.kit import CALLBACK, CLIENT_ID, SECRET, StandIn
from tests.sync.store import new_shop

WORKERS, CALLS = 6, 4


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StandIn, Client]]:
    from werkzeug.serving import make_server

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder: Path = tmp_path_factory.mktemp("budget")
    app = App(CLIENT_ID, SECRET, "https://connector.example/shopify/launch", (CALLBACK,))
    store = Store(Settings(state_dir=folder, base_url=f"http://127.0.0.1:{port}", app=app))
    server = make_server("127.0.0.1", port, create_app(store), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    running = StandIn(port)
    running.control("POST", "/shops", {"shop": "crowd.myshopify.com", "currency": "USD"})
    running.control("POST", "/shops/crowd.myshopify.com/products/generate", {"count": 40, "seed": 3})
    yield running, running.join("crowd.myshopify.com")
    server.shutdown()
    thread.join(5)


def test_workers_together_stay_within_the_bucket(database: Database, stand_in: tuple[StandIn, Client]) -> None:
    """By the stand-in's own log: no call came when its points were not there, and the calls did crowd each other."""
    running, client = stand_in
    shop = client.domain
    running.control("PUT", f"/shops/{shop}/bucket", {"maximum": 2000, "restore_rate": 8000})
    before = len(running.control("GET", f"/shops/{shop}/costs")["calls"])
    shop_id = new_shop()
    failed: list[BaseException] = []

    def work() -> None:
        own = replace(client, budget=budget.SharedBudget(shop_id))
        try:
            for _ in range(CALLS):
                assert PLATFORM.catalog.changed(own, None, None).products
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    calls = running.control("GET", f"/shops/{shop}/costs")["calls"][before:]
    assert [call for call in calls if call["throttled"]] == []
    assert len(calls) == WORKERS * CALLS
    assert sum(call["asked"] for call in calls) > 5 * 2000, "much more than the bucket holds at once"
    assert min(call["there"] - call["asked"] for call in calls) >= 0
    with db.read(Scope.system("tests")) as session:
        row = session.get_one(ApiBudget, shop_id)
        assert (row.maximum, row.restore_rate, row.flights) == (2000, 8000, [])


def test_an_answer_that_never_came_is_forgotten(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    shop_id = new_shop()
    one, two = budget.SharedBudget(shop_id), budget.SharedBudget(shop_id)
    one.wait(10)
    one.heard(2000, 2000, 100)
    one.wait(900)
    two.wait(900)
    two.heard(1100, 2000, 100)  # the platform has seen one of the two: which one isn't known
    with db.read(Scope.system("tests")) as session:
        row = session.get_one(ApiBudget, shop_id)
        assert (row.available, len(row.flights)) == (200, 1)
    now = clock.wall()
    monkeypatch.setattr(clock, "wall", lambda: now + timedelta(seconds=budget.FLIGHT + 1))
    two.wait(100)
    two.heard(1900, 2000, 100)
    with db.read(Scope.system("tests")) as session:
        row = session.get_one(ApiBudget, shop_id)
        assert (row.available, row.flights) == (1900, [])


def test_an_answer_that_was_overtaken_is_not_believed(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The slow call was answered before the quick one was even sent, and is heard behind it."""
    now = clock.wall()
    monkeypatch.setattr(clock, "wall", lambda: now)
    shop_id = new_shop()
    slow, quick = budget.SharedBudget(shop_id), budget.SharedBudget(shop_id)
    slow.wait(10)
    slow.heard(2000, 2000, 100)
    slow.wait(100)
    quick.wait(800)
    quick.heard(1100, 2000, 100)
    assert available(shop_id) == 1000
    slow.heard(1900, 2000, 100)
    assert available(shop_id) == 1100  # 1900 less the 800 that it may not hold
    slow.wait(10)
    slow.heard(1090, 2000, 100)  # alone: believed as it is
    assert available(shop_id) == 1090


def available(shop_id: str) -> float:
    with db.read(Scope.system("tests")) as session:
        return session.get_one(ApiBudget, shop_id).available


def test_a_platform_that_says_nothing_of_points_is_not_held_up(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(seconds: float) -> None:
        raise PlatformDown("waited")

    monkeypatch.setattr(budget.time, "sleep", never)
    shop_id = new_shop()
    for _ in range(3):
        own = budget.SharedBudget(shop_id)
        own.wait(500)
        own.landed()
    own.heard(100, 2000, 1)
    with pytest.raises(PlatformDown):
        own.wait(500)
