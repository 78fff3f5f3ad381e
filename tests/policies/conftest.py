from __future__ import annotations

import pytest

from connector import clock
from connector.db import Database
from tests.attribution.world import PLACED, World, put_on_roster


@pytest.fixture
def world(database: Database, monkeypatch: pytest.MonkeyPatch) -> World:
    put_on_roster(monkeypatch)
    monkeypatch.setattr(clock, "now", lambda: PLACED)
    return World(database).begin()
