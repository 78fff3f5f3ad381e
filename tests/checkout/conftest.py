from __future__ import annotations

import pytest
from flask import Flask

from connector import clock
from connector.db import Database
from tests.attribution.world import PLACED, World, app_settings, put_on_roster
from tests.conftest import wired


@pytest.fixture
def world(database: Database, monkeypatch: pytest.MonkeyPatch) -> World:
    put_on_roster(monkeypatch)
    monkeypatch.setattr(clock, "now", lambda: PLACED)
    return World(database).begin()


@pytest.fixture
def app(world: World) -> Flask:
    return wired(app_settings(touches_per_minute=3))
