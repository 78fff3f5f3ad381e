"""A real server over a seeded database, and Chromium to look at it with."""

from __future__ import annotations

import re
import shutil
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route
from werkzeug.serving import make_server

from connector import db, vault
from connector.app import create_app
from connector.config import Settings
from connector.db import Database
from tests.browser import world as worlds
from tests.browser.world import World
from tests.conftest import KEY

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
PICTURES = "https://cdn.store.example/"  # where the stores of these tests keep their products' pictures
HASH_KEY = "a hash key that is used by tests only, 32+"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser" in str(item.path):
            item.add_marker(pytest.mark.browser)


@dataclass
class Site:
    """A running application over one database."""

    url: str
    world: World | None = None
    settings: Settings | None = None
    merchants: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    signed_in: dict[tuple[str, str], list[Any]] = field(default_factory=dict)  # (face, who) → cookies


def settings(url: str = "http://127.0.0.1:1") -> Settings:
    return Settings(
        env="dev", public_url=url, sealing_keys=KEY, hash_key=HASH_KEY, _env_file=None,
        session_key="a session key for tests only, 32+ long",
    )  # type: ignore[call-arg]  # fmt: skip


def serve(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(5)


def _database(template: Path, folder: Path) -> Database:
    path = folder / "connector.db"
    shutil.copy(template, path)
    vault.use(vault.Vault([KEY], HASH_KEY))
    return db.use(Database(f"sqlite:///{path}"))


@pytest.fixture(scope="session")
def _seeded(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    database = _database(_sqlite_template, tmp_path_factory.mktemp("seeded"))
    yield worlds.build(database)
    database.close()


@pytest.fixture(scope="session")
def _server(_seeded: World) -> Iterator[str]:
    yield from serve(create_app(settings()))


@pytest.fixture(scope="session")
def _signed_in() -> dict[tuple[str, str], list[Any]]:
    """Who has signed in to the seeded world in this process."""
    return {}


@pytest.fixture
def site(_server: str, _seeded: World, _signed_in: dict[tuple[str, str], list[Any]]) -> Site:
    db.use(_seeded.database)
    worlds.beat(_seeded)
    return Site(_server, _seeded, signed_in=_signed_in)


@pytest.fixture
def empty_site(_sqlite_template: Path, tmp_path: Path) -> Iterator[Site]:
    """The same program over a database in which nothing ever happened."""
    database = _database(_sqlite_template, tmp_path)
    world = World(database, worlds.clock.now())
    with database.write(db.Scope.system("test")) as session:
        world.staff["Sam"] = worlds.staff.ensure(session, "Sam", "admin", by="command").id
    for url in serve(create_app(settings())):
        yield Site(url, world)
    database.close()


@dataclass
class Visitor:
    """A browser context that remembers what a page must never do."""

    context: BrowserContext
    page: Page
    site: Site
    foreign: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)

    def go(self, path: str) -> Page:
        self.page.goto(self.site.url + path, wait_until="load")
        return self.page

    def as_staff(self, name: str = "Sam") -> Visitor:
        assert self.site.world is not None
        return self._signed_in("console", name, self.site.world.staff_link, "Sign in")

    def as_merchant(self, shop: str = "harbour") -> Visitor:
        assert self.site.world is not None
        return self._signed_in("dashboard", shop, self.site.world.merchant_link, "Open my shop")

    def _signed_in(self, face: str, name: str, link: Callable[[str], str], button: str) -> Visitor:
        """By a link and its button the first time; who comes again, from another browser, brings the same cookies."""
        inside = re.compile(rf"/{face}(?!/sign-in)")
        if known := self.site.signed_in.get((face, name)):
            self.context.add_cookies(known)  # type: ignore[arg-type]
            if inside.search(self.go(f"/{face}").url):
                return self
        self.go(f"/{face}/sign-in/link/{link(name)}")
        self.page.get_by_role("button", name=button).click()
        self.page.wait_for_url(inside)
        self.site.signed_in[face, name] = list(self.context.cookies())
        return self


def visit(browser: Browser, site: Site, **options: object) -> Visitor:
    context = browser.new_context(reduced_motion="reduce", **{"viewport": {"width": 1280, "height": 900}, **options})  # type: ignore[arg-type]
    context.add_init_script(AXE_SCRIPT)  # so it is compiled once for all pages of a site, not anew in each
    page = context.new_page()
    visitor = Visitor(context, page, site)

    def seen(request: Request) -> None:
        if not request.url.startswith((site.url, "data:", "about:", "blob:")):
            visitor.foreign.append(request.url)

    page.on("request", seen)
    page.on(
        "console",
        lambda message: visitor.console.append(message.text) if message.type in ("error", "warning") else None,
    )
    page.on("pageerror", lambda error: visitor.console.append(str(error)))
    return visitor


@pytest.fixture
def visitor(chromium: Browser, site: Site) -> Iterator[Callable[..., Visitor]]:
    made: list[Visitor] = []

    def make(**options: object) -> Visitor:
        made.append(visit(chromium, site, **options))
        return made[-1]

    yield make
    for each in made:
        each.context.close()
        assert each.foreign == [], f"requests to another host: {each.foreign}"


def _png(red: int, green: int, blue: int) -> bytes:
    """A picture of one colour, 8 by 8."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes((red, green, blue)) * 8 for _ in range(8))
    head = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.fixture
def guest(chromium: object, site: Site) -> Iterator[Callable[..., Visitor]]:
    """A visitor to whom the stores' pictures are served here; requests for anything else elsewhere fail the test."""
    made: list[Visitor] = []

    def serve(route: Route) -> None:
        shade = zlib.crc32(route.request.url.encode())
        route.fulfill(body=_png(120 + shade % 100, 120 + shade // 100 % 100, 140), content_type="image/png")

    def make(**options: object) -> Visitor:
        made.append(visit(chromium, site, **options))  # type: ignore[arg-type]
        made[-1].context.route(f"{PICTURES}**", serve)
        return made[-1]

    yield make
    for each in made:
        each.context.close()
        assert [url for url in each.foreign if not url.startswith(PICTURES)] == []
