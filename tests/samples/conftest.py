from __future__ import annotations

import pytest

from connector.db import Database
from tests.samples.world import World


@pytest.fixture
def world(database: Database, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(database).open(monkeypatch)
