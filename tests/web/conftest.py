from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from connector.app import create_app
from connector.config import Settings
from connector.db import Database
from tests.conftest import KEY, wired


def settings(**changes: Any) -> Settings:
    given = {
        "env": "dev",
        "public_url": "http://127.0.0.1:8080",
        "sealing_keys": KEY,
        "hash_key": "a hash key that is used by tests only, 32+",
        "session_key": "a session key for tests only, 32+ long",
        "_env_file": None,
    }
    return Settings(**(given | changes))  # type: ignore[arg-type]


@pytest.fixture
def make_app() -> Callable[..., Flask]:
    """For who adds routes or changes its configuration; the others take `app`."""
    return lambda **changes: create_app(settings(**changes))


@pytest.fixture
def app(sqlite_database: Database) -> Flask:
    """The whole application over an empty database."""
    return wired(settings())
