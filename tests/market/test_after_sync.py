"""What full syncs bring, change and remove is in the index, each listing queued no more often than it changed."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
import sqlalchemy as sa

from connector import clock, db, jobs, worker
from connector.commerce.catalog.tables import ListingChange
from connector.db import Database
from connector.insight.market import index
from connector.insight.market.search import Asked, search
from connector.sync import first
from connector.sync.tables import SyncRun
from tests.market.conftest import SYSTEM, Market
from tests.sync import store as stores
from tests.sync.store import product


@pytest.fixture
def store(database: Database, monkeypatch: pytest.MonkeyPatch) -> stores.Store:
    monkeypatch.setattr(jobs, "pause", lambda seconds: jobs.check())
    return stores.open_store(monkeypatch)


def sync(shop_id: str) -> int:
    """One full sync; how many products it queued."""
    with db.write(SYSTEM) as session:
        run_id = first.start(session, shop_id, "command").id
    first.first(run_id)
    with db.read(SYSTEM) as session:
        return len(set(session.scalars(sa.select(ListingChange.product_ref))))


def find(text: str) -> list[str]:
    with db.read(SYSTEM) as session:
        return [row.product_ref for row in search(session, Asked(text)).listings]


def titled(ref: int, title: str, *prices: int) -> stores.Product:
    return msgspec.structs.replace(product(ref, *(prices or (1_000,))), title=title)


def test_syncs_are_followed(store: stores.Store) -> None:
    shop_id = stores.new_shop()
    store.put(*(titled(n, f"Oak shelf {n}") for n in range(1, 31)))
    assert sync(shop_id) == 30
    assert index.follow(wait_for_syncs=False) == 30
    assert len(find("oak shelf")) == 30
    assert sync(shop_id) == 0
    store.products.pop("30", None)
    store.put(titled(1, "Elm shelf"), titled(2, "Oak shelf 2", 9_900))
    assert sync(shop_id) == 3
    assert find("oak shelf")[:1] != ["30"]
    assert "30" not in find("oak shelf")
    index.follow(wait_for_syncs=False)
    assert find("elm") == ["1"]
    assert "1" not in find("oak shelf")
    assert index.check() == 0


def test_a_run_under_way_is_seen(database: Database) -> None:
    Market(database).shop("one")
    assert not worker.syncing()
    now = clock.now()
    with db.write(SYSTEM) as session:
        session.add(
            SyncRun(
                id="run_x", shop_id="one", kind="full", trigger="test", status="running", queued_at=now, heard_at=now
            )
        )  # fmt: skip
    assert worker.syncing()
    with db.write(SYSTEM) as session:
        session.get_one(SyncRun, "run_x").heard_at = now - timedelta(minutes=1)
    assert not worker.syncing()
