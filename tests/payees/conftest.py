from __future__ import annotations

from collections.abc import Iterator

import pytest

from connector import clock
from connector.db import Database
from connector.web import guards
from tests.api.conftest import Api
from tests.attribution.world import PLACED, World, app_settings, put_on_roster
from tests.conftest import wired


@pytest.fixture
def sqlite_world(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> World:
    put_on_roster(monkeypatch)
    monkeypatch.setattr(clock, "now", lambda: PLACED)
    return World(sqlite_database).begin()


@pytest.fixture
def api(sqlite_world: World) -> Iterator[Api]:
    guards._rates.storage.reset()
    yield Api(wired(app_settings()), sqlite_world.database)
    guards._rates.storage.reset()
