"""Where merchants begin, in Chromium: every platform's own way in, and what a person reads when it fails."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from connector import clock
from connector.access import staff
from connector.app import create_app
from connector.db import Database, Scope
from connector.errors import HostRefused, PlatformDown
from connector.web import pace
from tests.browser import looks
from tests.browser.conftest import Site, Visitor, _database, serve, settings, visit
from tests.browser.world import World
from tests.oauth import fakes
from tests.oauth.fakes import Reply, Stores

Visit = Callable[..., Visitor]


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch) -> Stores:
    pace._rates.storage.reset()
    stores = fakes.open_stores(monkeypatch)
    stores.keys = {"one.example": {"rw-1", "read-1"}, "two.example": {"rw-9"}}
    return stores


@pytest.fixture
def place(_sqlite_template: Path, tmp_path: Path, stores: Stores) -> Iterator[tuple[Site, Database]]:
    database = _database(_sqlite_template, tmp_path)
    for url in serve(create_app(settings())):
        yield Site(url, World(database, clock.now())), database
    database.close()


def test_every_way_in_holds_and_says_what_is_wrong(
    place: tuple[Site, Database], stores: Stores, chromium: Browser
) -> None:
    site, _ = place
    seen = visit(chromium, site)
    page = seen.go("/dashboard/products")
    expect(page).to_have_title("Connect your store · connector")
    wrong = looks.check(page, "platforms")
    expect(page.get_by_role("heading", level=2)).to_have_text(["Bazaar", "Stall", "Till", "Connected already?"])
    page.get_by_role("link", name="Connect a Stall store").click()
    wrong += looks.check(page, "stall")
    page.get_by_text("Read them all").click()
    expect(page.get_by_text("Unproven: Gift cards")).to_be_visible()
    page.get_by_label("Your store's address").fill("nobody.example")
    page.get_by_role("button", name="Go to your store").click()
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page).to_have_title("Error: Connect a Stall store · connector")
    expect(page.get_by_role("alert")).to_contain_text("nobody.example: can't be reached")
    wrong += looks.check(page, "stall refused", narrow=True)
    page.get_by_text("Paste keys instead").click()
    for problem, words in (
        (None, "doesn't open the store. Copy it again from the store, whole."),
        (Reply(401, b"", {"WWW-Authenticate": "Basic"}), "doesn't open the store"),
        (Reply(200, b"<html>", {"Content-Type": "text/html"}), "a web page instead of data (a firewall"),
        (Reply(301, b"", {"Location": "https://else.example/"}), "the address leads elsewhere (301)"),
        (HostRefused("the host's address isn't public"), "the host's address isn't public. Give the public address"),
        (PlatformDown("one.example: the certificate isn't right"), "the certificate isn't right. See whether"),
    ):
        stores.wrong = {"one.example": problem} if problem else {}
        page.get_by_label("Store address").fill("one.example")
        page.get_by_label("Secret key").fill("rw-mistyped")
        page.get_by_role("button", name="Try the keys and connect").click()
        expect(page.get_by_role("alert")).to_contain_text(re.compile(re.escape(words), re.IGNORECASE))
        expect(page.get_by_label("Store address")).to_have_value("one.example")
        expect(page.get_by_label("Secret key")).to_have_value("")
        assert "rw-mistyped" not in page.content()
    wrong += looks.check(page, "keys refused")
    stores.wrong = {}
    page.get_by_label("Secret key").fill("rw-1")
    page.get_by_role("button", name="Try the keys and connect").click()
    expect(page).to_have_url(site.url + "/dashboard/products")
    wrong += looks.check(seen.go("/dashboard/store"), "connection")
    page.get_by_role("button", name="Show the secret").click()
    expect(page.get_by_text("It is shown on this page only")).to_be_visible()
    wrong += looks.check(page, "secret", narrow=True)
    wrong += looks.check(seen.go("/dashboard/store/disconnect"), "disconnect", narrow=True)
    wrong += [line for line in seen.console if "422" not in line]
    assert wrong == []


def test_approval_ends_on_the_first_sync(place: tuple[Site, Database], stores: Stores, chromium: Browser) -> None:
    site, _ = place
    seen = visit(chromium, site, java_script_enabled=False)
    page = seen.page
    page.route("https://one.example/**", lambda route: route.fulfill(body="<h1>Do you agree?</h1>"))
    seen.go("/install/stall")
    page.get_by_label("Your store's address").fill("https://one.example/")
    page.get_by_role("button", name="Go to your store").click()
    page.wait_for_url(re.compile("https://one.example/approve"))
    given = re.search(r"return%2F([\w-]+)", page.url)
    assert given is not None
    page = seen.go(f"/oauth/stall/return/{given[1]}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Waiting for your store")
    answer = seen.context.request.post(f"{site.url}/oauth/stall/handover/{given[1]}", data='{"key":"rw-1"}')
    assert answer.status == 200
    page.wait_for_url(re.compile("/dashboard/sync"))
    expect(page.get_by_text("Reading your catalog starts in a moment")).to_be_visible()


def test_nothing_is_set_up(
    place: tuple[Site, Database], stores: Stores, chromium: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fakes.roster, "platforms", dict)
    page = visit(chromium, place[0]).go("/install")
    expect(page.get_by_text("No platform is set up here yet.")).to_be_visible()
    assert looks.check(page, "nothing", narrow=True) == []


def test_support_sees_what_each_platform_s_promises_rest_on(place: tuple[Site, Database], chromium: Browser) -> None:
    site, database = place
    assert site.world is not None
    with database.write(Scope.system("test")) as session:
        site.world.staff["Sam"] = staff.ensure(session, "Sam", "admin", by="command").id
    seen = visit(chromium, site).as_staff("Sam")
    page = seen.go("/console/platforms")
    expect(page.get_by_role("row", name="Stall You approve")).to_contain_text("Set up")
    wrong = looks.check(page, "platforms", narrow=True)
    page.get_by_role("link", name="Stall").click()
    expect(page.locator(".lead-answer")).to_have_text(
        "1 promise rests on documentation alone: nobody has seen it work."
    )
    expect(page.get_by_text("Proven: Orders and refunds")).to_be_visible()
    page.get_by_text("What it can't").click()
    wrong += looks.check(page, "platform", narrow=True)
    assert wrong == []
    assert seen.console == []
