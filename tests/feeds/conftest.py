from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from connector.db import Database
from connector.insight.feeds import files
from tests.attribution.world import World, app_settings, put_on_roster
from tests.conftest import wired


@pytest.fixture
def world(database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    put_on_roster(monkeypatch)
    monkeypatch.setattr(files, "_folder", tmp_path / "feeds")
    return World(database).begin()


@pytest.fixture
def app(world: World) -> Flask:
    return wired(app_settings())
