from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from connector import db, vault
from connector.db import Database
from tests.browser import world as worlds
from tests.browser.world import World
from tests.clean import Reused
from tests.conftest import KEY, lay, wired
from tests.web.conftest import settings

# The world takes seconds to make: it is made once a database, and each test gets a copy.


def _made(database: Database) -> World:
    vault.use(vault.Vault([KEY], "a hash key that is used by tests only, 32+"))
    world = worlds.build(db.use(database))
    if database.is_sqlite:
        with database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return world


@pytest.fixture(scope="session")
def _sqlite_world(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, World]:
    path = tmp_path_factory.mktemp("world") / "connector.db"
    shutil.copy(_sqlite_template, path)
    return path, _made(Database(f"sqlite:///{path}"))


def _at(server: str, name: str) -> str:
    return sa.make_url(server).set(database=name).render_as_string(hide_password=False)


def _create(server: str, template: str) -> Iterator[str]:
    name = f"faces_{secrets.token_hex(6)}"
    url = sa.make_url(server).set(drivername="postgresql+psycopg")
    admin = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield name
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()


@pytest.fixture(scope="session")
def _postgresql_world(postgresql_server: str, _postgresql_template: str) -> Iterator[tuple[str, World]]:
    for name in _create(postgresql_server, _postgresql_template):
        yield name, _made(Database(_at(postgresql_server, name)))


@pytest.fixture(scope="session")
def _reused_world(postgresql_server: str, _postgresql_world: tuple[str, World]) -> Iterator[tuple[Reused, World]]:
    template, made = _postgresql_world
    url = sa.make_url(postgresql_server).set(drivername="postgresql+psycopg")
    admin = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    reused = Reused(admin, template, world=True)
    yield reused, made
    reused.drop()
    admin.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "sqlite":
        template, made = request.getfixturevalue("_sqlite_world")
        database = lay(request.getfixturevalue("sqlite_standing"), template)
        yield replace(made, database=database)
        database.close()
        return
    reused, made = request.getfixturevalue("_reused_world")
    yield replace(made, database=db.use(reused.lend()))
    reused.take_back()


@pytest.fixture
def app(world: World) -> Flask:
    return wired(settings())


def form_token(client: FlaskClient, path: str) -> str:
    return client.get(path).text.split('name="csrf_token" value="')[1].split('"')[0]


@pytest.fixture
def enter(app: Flask, world: World) -> Callable[[str], FlaskClient]:
    """A browser that is signed in: by a staff name, or by a shop's name as merchant."""

    def go(who: str) -> FlaskClient:
        client = app.test_client()
        if who in world.staff:
            path = f"/console/sign-in/link/{world.staff_link(who)}"
        else:
            path = f"/dashboard/sign-in/link/{world.merchant_link(who)}"
        assert client.post(path, data={"csrf_token": form_token(client, path)}).status_code == 303
        return client

    return go


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "world" in getattr(item, "fixturenames", ()) and "tests/faces" in str(item.path):
            item.add_marker(pytest.mark.database)
