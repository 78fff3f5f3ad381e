from __future__ import annotations

import pytest

from connector.db import Database
from tests.settlement.books import Books


@pytest.fixture
def books(database: Database) -> Books:
    return Books(database)
