"""Back-pressure: "later", with Retry-After, while everything still works; and no shop's burst keeps another waiting."""

from __future__ import annotations

import os
import shutil
import time
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connector import db
from connector.app import create_app
from connector.config import Settings
from connector.db import Database, Scope
from connector.webhooks import drain, line, pressure
from connector.webhooks.tables import DeliveryRow
from tests.webhooks.conftest import DOMAIN, Store, join, order, rows

Run = Callable[[], int]
Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def _always_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pressure, "LOOK_EVERY", 0.0)
    monkeypatch.setattr(pressure, "COUNT_EVERY", 0.0)


def refused(answer: Any, cause: str) -> None:
    assert answer.status_code == 503, answer.data
    assert cause in answer.json["detail"]
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.content_type == "application/problem+json"


def test_a_full_inbox_says_later_and_takes_again_when_it_is_worked_off(
    shop_id: str, settings: Settings, run_drain: Run
) -> None:
    store = Store(create_app(settings.model_copy(update={"inbox_limit": 2})).test_client())
    for ref in range(3):
        assert store.post("orders/create", order(ref)).status_code == 200
    refused(store.post("orders/create", order(4)), "inbox_full")
    assert store.post("orders/create", order(4), signature="AAAA").status_code == 401, "a wrong signature is wrong"
    assert len(rows()) == 3
    run_drain()
    assert store.post("orders/create", order(4)).status_code == 200


def test_a_flood_of_one_shop_turns_no_other_away(shop_id: str, settings: Settings) -> None:
    store = Store(create_app(settings.model_copy(update={"inbox_limit": 4})).test_client())
    join("small.myshopify.com")
    for ref in range(5):
        assert store.post("orders/create", order(ref)).status_code == 200
    refused(store.post("orders/create", order(9)), "inbox_full")
    for ref in range(3):
        answer = store.post("orders/create", order(ref), domain="small.myshopify.com")
        assert answer.status_code == 200, "it waits with less than half of what may wait"
    refused(store.post("orders/create", order(3), domain="small.myshopify.com"), "inbox_full")
    assert len(rows()) == 8, "twice as many as may wait, and no more"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_disk_that_runs_full_says_later_before_sqlite_fails(
    store: Store, shop_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda _path: Usage(10**12, 10**12 - 10**8, 10**8))
        refused(store.post("orders/create", order(1)), "disk_full")
    assert store.post("orders/create", order(1)).status_code == 200


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_database_that_can_grow_no_more_answers_503_and_keeps_what_it_has(
    store: Store, shop_id: str, database: Database
) -> None:
    """SQLite itself says that it is full, as it does on a full disk."""
    store.post("orders/create", order(1))
    writer = line.of(database)._free[0]._connection
    pages = writer.execute("PRAGMA page_count").fetchone()[0]
    writer.execute(f"PRAGMA max_page_count={pages}")
    kept = 1
    while (answer := store.post("orders/create", order(kept + 1, note=os.urandom(40_000).hex()))).status_code == 200:
        kept += 1
        assert kept < 50
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert len(rows()) == kept, "what was answered with 200 is there"
    # A fresh connection knows no such limit.
    assert store.post("orders/create", order(99)).status_code == 200


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_database_file_that_is_gone_or_another_one(store: Store, shop_id: str, database: Database) -> None:
    """What is written into a file that was moved away would go with it."""
    store.post("orders/create", order(1))
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    path = Path(str(database.url.database))
    away = path.with_name("away.db")
    path.rename(away)
    line.of(database)._shops.clear()
    refused(store.post("orders/create", order(2)), "database_away")
    assert not path.exists(), "nobody made an empty one in its place"
    shutil.copy(away, path)  # put back from a copy: the same path, another file
    assert store.post("orders/create", order(3)).status_code == 200
    assert [row.order_ref for row in rows()] == ["1", "3"]


def test_a_slow_database_or_a_long_line_says_later_for_a_while(
    store: Store, shop_id: str, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    gauge, now = pressure.of(database), time.monotonic()

    def load(standing: int, seconds: float, ago: float) -> pressure.Refusal | None:
        monkeypatch.setattr(line.Line, "load", lambda _self: (standing, seconds, now - ago))
        return gauge.refusal(settings, lambda: ("shopify", DOMAIN), now)

    assert load(0, 0.2, 0.1) is None
    assert load(63, 0.5, 0.1) is None
    assert load(500, 0.5, 0.1) == pressure.Refusal("line_too_long")
    assert load(0, 3.4, 0.1) == pressure.Refusal("database_slow")
    assert load(0, 3.4, 6.0) is None, "one is let through to see whether it is better"
    monkeypatch.setattr(line.Line, "load", lambda _self: (0, 3.4, time.monotonic()))
    refused(store.post("orders/create", order(1)), "database_slow")
    assert rows() == []


def test_what_a_group_took_is_remembered_and_forgotten(store: Store, shop_id: str, database: Database) -> None:
    ours = line.of(database)
    ours._seconds = 3.2
    for ref in range(4):
        store.post("orders/create", order(ref))
    standing, seconds, at = ours.load()
    assert (standing, seconds < 0.5) == (0, True)
    assert at <= time.monotonic()


# --- fairness ---------------------------------------------------------------------------------------------------------


def test_a_burst_of_one_shop_lets_every_other_in_after_one_batch(
    store: Store, shop_id: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [f"small-{number}.myshopify.com" for number in range(3)]
    small = [join(domain) for domain in others]
    for ref in range(60):
        store.post("orders/create", order(ref))
    for number, domain in enumerate(others):
        store.post("orders/create", order(1000 + number), domain=domain)
    turns: list[tuple[str, int]] = []
    real = drain._handle

    def handle(held: Any, read: Any) -> int:
        done = real(held, read)
        turns.append((held.shop_id, done))
        return done

    monkeypatch.setattr(drain, "_handle", handle)
    monkeypatch.setattr(drain, "BATCH_SECONDS", {True: 60.0, False: 60.0})
    few = settings.model_copy(update={"drain_batch": 10})
    drain.drain_once("test", few)
    burst = [done for shop, done in turns if shop == shop_id]
    assert sorted(shop for shop, _ in turns if shop != shop_id) == sorted(small), "each had its turn in the round"
    # The shop that burst went first or in the middle: one batch, and on alone only once nobody else waited.
    before_the_last = [shop for shop, _ in turns][: max(n for n, (shop, _) in enumerate(turns) if shop != shop_id)]
    assert before_the_last.count(shop_id) <= 1, turns
    assert burst[0] == 10
    drain.drain_once("test", few)
    with db.read(Scope.system("test")) as session:
        assert session.scalar(sa.select(sa.func.count()).where(DeliveryRow.status == "waiting")) == 0
    assert DOMAIN not in others
