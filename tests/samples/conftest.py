from __future__ import annotations

import pytest

from connector.db import Database
from tests.samples.world import World


@pytest.fixture
def world(database: Database, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(database).open(monkeypatch)


@pytest.fixture
def plain_world(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> World:
    """On SQLite alone: for what rests on no lock and no query of its own."""
    return World(sqlite_database).open(monkeypatch)
