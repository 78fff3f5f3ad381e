from __future__ import annotations

import pytest

from connector.db import Database
from tests.attribution.world import World, put_on_roster


@pytest.fixture
def world(database: Database, monkeypatch: pytest.MonkeyPatch) -> World:
    put_on_roster(monkeypatch)
    return World(database).begin()


@pytest.fixture
def sqlite_world(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> World:
    put_on_roster(monkeypatch)
    return World(sqlite_database).begin()
