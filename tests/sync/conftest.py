from __future__ import annotations

import pytest

from connector import jobs
from connector.db import Database
from tests.sync import store as stores


@pytest.fixture
def store(database: Database, monkeypatch: pytest.MonkeyPatch) -> stores.Store:
    monkeypatch.setattr(jobs, "pause", lambda seconds: jobs.check())
    return stores.open_store(monkeypatch)


@pytest.fixture
def shop_id(store: stores.Store) -> str:
    return stores.new_shop()
