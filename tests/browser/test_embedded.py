"""The dashboard inside the store's admin, in Chromium, against the stand-in: another site frames us, so no cookie of
ours ever arrives, and everything goes by session tokens.

The admin is at `localhost` and the app at `127.0.0.1`: two sites, as they are for a real merchant.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Frame, Page, Response, expect
from pydantic import SecretStr
from werkzeug.serving import BaseWSGIServer, make_server

from connector import clock, db, outbound, vault
from connector.app import create_app
from connector.commerce.shops import connect, queries
from connector.commerce.shops.tables import GrantRow, Shop, ShopAbsence
from connector.db import Database, Scope
from connector.platforms import roster
from connector.platforms.shopify.settings import ShopifySettings
from connector.sync import runs
from connector.sync.tables import SyncRun
from sandbox.__main__ import KeepAlive
from sandbox.shopify.app import create_app as create_store
from sandbox.shopify.oauth import App
from sandbox.shopify.store import Settings, Store
from tests.browser import looks
from tests.browser.conftest import HASH_KEY, KEY, settings
from tests.browser.world import World

SHOP, CLIENT_ID, SECRET = "harbour.myshopify.com", "0a1b2c3d4e5f60718293a4b5c6d7e8f9", "shpss_of_the_browser_tests_only"
WIDTHS = (320, 480, 751, 998)  # what Shopify gives an app, from a phone to the largest screen


@dataclass
class Admin:
    """The store's admin in one browser, and all that it must never do."""

    page: Page
    base: str
    app: str
    store: Store
    name: str = SHOP
    foreign: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    answers: list[tuple[str, int, str, bool]] = field(default_factory=list)  # path, status, policy, cookie set

    def open(self, path: str = "") -> Page:
        self.page.goto(f"{self.base}/shops/{self.name}/admin/apps/{CLIENT_ID}{path}", wait_until="load")
        return self.page

    def install(self) -> Page:
        self.open()
        self.page.get_by_role("button", name="Install").click()
        return self.page

    def frame(self) -> Frame:
        found = self.page.frame("app-iframe")
        assert found is not None
        return found

    def reaches(self, path: str) -> None:
        """The app in the frame is at `path`, and the admin's own address says so."""
        expect(self.page).to_have_url(re.compile(re.escape(f"/admin/apps/{CLIENT_ID}{path}") + "$"))

    def heading(self, words: str) -> None:
        expect(self.page.frame_locator("#app").get_by_role("heading", level=1)).to_have_text(words)

    def shop(self) -> Shop:
        with db.read(Scope.system("test")) as session:
            found = queries.find(session, "shopify", SHOP)
            assert found is not None
            session.expunge(found)
            return found


def _serving(server: BaseWSGIServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield
    server.shutdown()
    thread.join(5)
    server.server_close()


@pytest.fixture
def admin(
    chromium: Browser, sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Admin]:
    """A store with the app not installed yet, an app that knows no shop, and a browser that never was here."""
    yield from _opened(chromium, tmp_path, monkeypatch, SHOP)


@pytest.fixture
def busy(chromium: Browser, _seeded: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Admin]:
    """A store that has had the app for months: products, orders, sales, commission."""
    db.use(_seeded.database)
    for made in _opened(chromium, tmp_path, monkeypatch, "harbour-and-pine.myshopify.com"):
        made.store.oauth.install(made.name)
        yield made


def _opened(chromium: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[Admin]:
    vault.use(vault.Vault([KEY], HASH_KEY))
    store_server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True, request_handler=KeepAlive)
    app_server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
    base, app_url = f"http://localhost:{store_server.server_port}", f"http://127.0.0.1:{app_server.server_port}"
    shopify = ShopifySettings(
        CONNECTOR_ENV="dev", client_id=CLIENT_ID, client_secret=SecretStr(SECRET), _env_file=None,
        origin_template=base + "/shops/{shop}", optional_scopes="read_inventory,read_customers",
    )  # type: ignore[call-arg]  # fmt: skip
    monkeypatch.setattr(roster, "settings_of", lambda _slug: shopify)
    monkeypatch.setattr(outbound, "_current", outbound.Outbound(allow_private=True))
    at_shopify = App(CLIENT_ID, SECRET, f"{app_url}/shopify/launch", (f"{app_url}/oauth/shopify/callback",))
    store = Store(Settings(tmp_path / "store", base, at_shopify))
    store_server.app = create_store(store)
    app_server.app = create_app(settings(app_url))
    store.acts.create_shop({"shop": name, "title": "Harbour & Pine", "currency": "EUR"})
    store.start()
    context = chromium.new_context(reduced_motion="reduce", viewport={"width": 1280, "height": 900})
    made = Admin(context.new_page(), base, app_url, store, name)
    _watch(context, made)
    for _ in _both(store_server, app_server):
        yield made
    context.close()
    store.stop()
    assert made.foreign == [], "requests to another host"


def _both(*servers: BaseWSGIServer) -> Iterator[None]:
    running = [_serving(server) for server in servers]
    for each in running:
        next(each)
    yield
    for each in running:
        next(each, None)


def _watch(context: BrowserContext, made: Admin) -> None:
    def asked(request: Any) -> None:
        if not request.url.startswith((made.base, made.app, "data:", "blob:", "about:")):
            made.foreign.append(request.url)

    def answered(response: Response) -> None:
        headers = response.headers
        if response.url.startswith(made.app) and "text/html" in headers.get("content-type", ""):
            policy = headers.get("content-security-policy", "")
            path = response.url.removeprefix(made.app).partition("?")[0]
            made.answers.append((path, response.status, policy, "set-cookie" in headers))

    context.on("request", asked)
    context.on("response", answered)
    made.page.on("console", lambda said: made.console.append(said.text) if said.type in ("error", "warning") else None)
    made.page.on("pageerror", lambda error: made.console.append(str(error)))


def _sync(shop_id: str, **values: Any) -> None:
    """What a worker does, seen from the page: the run that the join asked for."""
    with db.write(Scope.shop(shop_id)) as session:
        run = runs.start(session, shop_id, "joined")
        for name, value in values.items():
            setattr(run, name, value)


def test_installing_leads_straight_to_the_progress_of_the_first_sync(admin: Admin) -> None:
    page = admin.install()
    admin.heading("Catalog sync")
    admin.reaches("/dashboard/sync")
    inside = page.frame_locator("#app")
    expect(inside.get_by_text("Reading your catalog starts in a moment")).to_be_visible()
    assert inside.locator("form input:not([type=hidden])").count() == 0, "no question before the progress"
    shop = admin.shop()
    assert (shop.status, shop.status_reason, shop.currency) == ("connected", "", "EUR")
    assert shop.visited_at is not None
    with db.read(Scope.shop(shop.id)) as session:
        grant = session.get_one(GrantRow, shop.id)
        assert set(grant.scopes.split()) == {"read_products", "read_orders", "read_fulfillments"}
        assert grant.refresh_sealed is not None
    # The page follows by itself once a worker has begun, and goes on when the run ends.
    _sync(shop.id, status="running", stage="load", expected=400, lines_read=100, heard_at=clock.now())
    expect(inside.get_by_text("100 of about 400 lines")).to_be_visible(timeout=8000)
    with db.write(Scope.shop(shop.id)) as session:
        run = session.scalars(SyncRun.__table__.select()).first()
        assert run is not None
        session.query(SyncRun).update({"status": "done", "finished_at": clock.now(), "started_at": clock.now()})
    expect(inside.get_by_text("Done").first).to_be_visible(timeout=8000)
    assert admin.console == []
    # Every HTML answer in the frame named exactly this store's admin, and left no cookie.
    assert {policy.rpartition("frame-ancestors ")[2] for _, _, policy, _ in admin.answers} == {admin.base}
    assert not any(cookie for path, _, _, cookie in admin.answers if path.startswith("/dashboard"))
    assert not any("id_token" in frame.url for frame in page.frames)


def test_links_forms_and_the_history_work_without_a_cookie(admin: Admin) -> None:
    page = admin.install()
    admin.heading("Catalog sync")
    inside = page.frame_locator("#app")
    loads = sum(path.startswith("/dashboard") for path, *_ in admin.answers)
    inside.get_by_role("link", name="Orders", exact=True).first.click()
    admin.heading("Orders")
    admin.reaches("/dashboard/orders")
    assert admin.frame().title() == "Orders · Harbour & Pine · connector"
    assert admin.frame().evaluate("document.activeElement.id") == "main", "the reader begins at what is new"
    assert "Orders" in admin.frame().evaluate("document.getElementById('voice').textContent")
    expect(inside.locator("nav [aria-current=page]").first).to_have_text("Orders")
    inside.get_by_role("link", name="Products", exact=True).first.click()
    admin.heading("Products")
    admin.frame().evaluate("history.back()")
    admin.heading("Orders")
    admin.reaches("/dashboard/orders")
    # A filter is a GET form; its values are in the address.
    inside.get_by_role("link", name="Products", exact=True).first.click()
    admin.heading("Products")
    search = inside.get_by_role("searchbox").or_(inside.locator("input[name=q]")).first
    search.fill("linen")
    search.press("Enter")
    expect(page).to_have_url(re.compile(r"/dashboard/products\?.*q=linen"))
    # A form that changes something: posted once, the answer says so, though no cookie carries the message.
    inside.get_by_role("link", name="Catalog sync").first.click()
    admin.heading("Catalog sync")
    _sync(admin.shop().id, status="done", started_at=clock.now(), finished_at=clock.now())
    inside.get_by_role("link", name="Catalog sync").first.click()
    inside.get_by_role("button", name="Read my catalog again").click()
    expect(inside.get_by_text("We read your catalog again.")).to_be_visible()
    with db.read(Scope.shop(admin.shop().id)) as session:
        assert sum(run.trigger == "merchant" for run in runs_of(session)) == 1
    documents = [path for path, status, *_ in admin.answers if path == "/oauth/shopify/bounce"]
    assert documents == [], "nothing went through the bounce page"
    assert loads
    assert admin.console == []
    # A reload of the admin comes back to the same page; a reload of the frame alone asks for a token first.
    page.reload()
    admin.heading("Catalog sync")
    with page.expect_response(lambda answer: "/oauth/shopify/bounce" in answer.url):
        admin.frame().evaluate("location.reload()")
    admin.heading("Catalog sync")
    assert admin.page.context.cookies(admin.app) == []


def runs_of(session: Any) -> list[SyncRun]:
    return list(session.query(SyncRun))


def test_a_token_that_ran_out_is_got_anew_and_a_wrong_secret_ends_with_words(
    admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = admin.install()
    admin.heading("Catalog sync")
    fresh = admin.store.oauth.session_token
    stale: list[int] = [1]

    def once_stale(shop: str, **bent: Any) -> str:
        return fresh(shop, **({"exp": 1, "nbf": 0} if stale and stale.pop() else bent))

    monkeypatch.setattr(admin.store.oauth, "session_token", once_stale)
    page.frame_locator("#app").get_by_role("link", name="Orders", exact=True).first.click()
    admin.heading("Orders")
    assert stale == []
    assert any("401" in said for said in admin.console), "it was refused once and asked for anew"
    # With a secret that isn't ours nobody goes round for ever: after two rounds the page says what is wrong.
    monkeypatch.setattr(admin.store.oauth, "session_token", lambda shop, **_: fresh(shop, secret="another"))
    admin.open("/dashboard")
    admin.heading("We could not tell who you are")
    assert sum(path == "/oauth/shopify/bounce" for path, *_ in admin.answers) <= 4


def test_an_answer_that_got_lost_is_said_and_nothing_is_sent_twice(admin: Admin) -> None:
    page = admin.install()
    admin.heading("Catalog sync")
    _sync(admin.shop().id, status="done", started_at=clock.now(), finished_at=clock.now())
    admin.open("/dashboard/sync")
    inside = page.frame_locator("#app")
    page.route("**/dashboard/orders", lambda route: route.abort())
    inside.get_by_role("link", name="Orders", exact=True).first.click()
    expect(inside.get_by_role("alert")).to_contain_text("We could not reach connector")
    page.unroute("**/dashboard/orders")
    inside.get_by_role("button", name="Try again").click()
    admin.heading("Orders")
    inside.get_by_role("link", name="Products", exact=True).first.click()
    inside.get_by_role("link", name="Catalog sync").first.click()
    admin.heading("Catalog sync")
    sent: list[str] = []

    def lose(route: Any) -> None:
        if route.request.method != "POST":
            route.continue_()
            return
        sent.append(route.request.url)
        route.fetch()  # it is done, and the answer gets lost
        route.abort()

    page.route("**/dashboard/sync", lose)
    inside.get_by_role("button", name="Read my catalog again").click()
    expect(inside.get_by_role("alert")).to_contain_text("We could not hear whether that was done")
    inside.get_by_role("button", name="Look again").click()
    expect(inside.get_by_text("Queued").first).to_be_visible()
    assert len(sent) == 1


def test_removing_and_coming_back_twice_keeps_the_history(admin: Admin) -> None:
    admin.install()
    admin.heading("Catalog sync")
    shop_id = admin.shop().id
    _sync(shop_id, status="done", started_at=clock.now(), finished_at=clock.now())
    for _ in range(2):
        admin.page.goto(f"{admin.base}/shops/{SHOP}/admin/apps")
        admin.page.get_by_role("button", name="Remove the app").click()
        _hear_of_leaving(admin)
        assert admin.shop().status == "left"
        admin.install()
        admin.heading("Catalog sync")
        shop = admin.shop()
        assert (shop.id, shop.status, shop.left_at) == (shop_id, "connected", None)
    expect(admin.page.frame_locator("#app").get_by_text("Done").first).to_be_visible()
    with db.read(Scope.shop(shop_id)) as session:
        absences = session.query(ShopAbsence).all()
    assert len(absences) == 2
    assert all(each.returned_at is not None for each in absences)


def _hear_of_leaving(admin: Admin) -> None:
    """app/uninstalled as the store sends it, drained as a worker would."""
    with db.write(Scope.system("test")) as session:
        shop = queries.find(session, "shopify", SHOP)
        assert shop is not None
        visited = shop.visited_at or clock.now()
        assert connect.leave(session, shop, max(clock.now(), visited + timedelta(milliseconds=1)))


def test_permissions_are_asked_for_in_the_admin(admin: Admin) -> None:
    page = admin.install()
    admin.heading("Catalog sync")
    admin.open("/dashboard/permissions")
    admin.heading("What your store allows us")
    inside = page.frame_locator("#app")
    expect(inside.get_by_text("Not allowed; you need not. Stock is as fresh")).to_be_visible()
    inside.get_by_role("button", name="Allow what is missing").click()
    page.get_by_role("button", name="Allow").click()
    expect(inside.get_by_text("Your store allows something else now.")).to_be_visible()
    expect(inside.get_by_text("Not allowed; you need not. Stock is as fresh")).to_have_count(0)
    with db.read(Scope.shop(admin.shop().id)) as session:
        assert "read_inventory" in session.get_one(GrantRow, admin.shop().id).scopes.split()
    assert admin.console == []


PAGES = (
    "/dashboard", "/dashboard/sync", "/dashboard/products", "/dashboard/orders", "/dashboard/sales", "/dashboard/money",
    "/dashboard/tracking", "/dashboard/privacy", "/dashboard/permissions",
)  # fmt: skip


def test_the_frame_holds_at_every_width_that_the_admin_gives(busy: Admin) -> None:
    page = busy.open()
    busy.heading("Harbour & Pine")
    wrong: list[str] = []
    for path in PAGES:
        busy.open(path)
        expect(page.frame_locator("#app").get_by_role("heading", level=1)).to_be_visible()
        busy.frame().evaluate(looks.AXE_SCRIPT)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            # The frame is another process: it hears of its new width a moment later.
            busy.frame().wait_for_function("width => innerWidth === width", arg=width)
            wrong += looks.check_frame(busy.frame(), f"{path} {width}", axe=width in (WIDTHS[0], WIDTHS[-1]))
    assert wrong == []
    assert busy.console == []


def test_pictures_and_downloads_come_with_the_token(busy: Admin) -> None:
    page = busy.open()
    busy.heading("Harbour & Pine")
    inside = page.frame_locator("#app")
    asked: list[str] = []
    page.context.on("response", lambda one: asked.append(f"{one.status} {one.url}") if "/sales/" in one.url else None)
    inside.get_by_role("link", name="Sales", exact=True).first.click()
    busy.heading("Sales")
    expect(inside.locator("img.chart, picture.chart img, .chart img").first).to_have_attribute(
        "src", re.compile("^blob:")
    )
    loaded = "(async () => { const i = document.querySelector('main img'); await i.decode(); return i.naturalWidth })()"
    assert busy.frame().evaluate(loaded) > 0
    assert len(asked) >= 1
    assert all(each.startswith("200 ") for each in asked), "no picture was asked for without the token"
    inside.get_by_role("link", name="Products", exact=True).first.click()
    inside.get_by_role("link", name="Catalog sync").first.click()
    busy.heading("Catalog sync")
    add = "document.querySelector('h1').insertAdjacentHTML('afterend', '<a href=/dashboard/sync/refused.csv>All</a>')"
    busy.frame().evaluate(add)
    with page.expect_download() as coming:
        inside.get_by_role("link", name="All", exact=True).click()
    assert coming.value.suggested_filename == "refused.csv"
    assert Path(coming.value.path()).read_text().startswith("product,title,reason")
    busy.heading("Catalog sync")
    assert busy.console == []


def test_nothing_of_a_merchant_is_shown_in_a_frame_that_is_not_the_stores(admin: Admin) -> None:
    """A page of another site that frames us gets an empty page at most; one that copied a token gets a refusal."""
    admin.install()
    admin.heading("Catalog sync")
    framed = {"Sec-Fetch-Dest": "iframe"}
    for path in ("/dashboard", "/dashboard/orders", "/nowhere", "/shopify/launch?embedded=1"):
        answer = requests.get(admin.app + path, headers=framed, allow_redirects=False, timeout=10)
        assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (303, "/oauth/shopify/bounce")
    empty = requests.get(f"{admin.app}/oauth/shopify/bounce?to=/dashboard&shop={SHOP}", headers=framed, timeout=10)
    assert "Harbour" not in empty.text
    assert empty.headers["Content-Security-Policy"].endswith(f"frame-ancestors {admin.base}")
    alone = requests.get(f"{admin.app}/dashboard/connect", timeout=10)
    assert alone.headers["Content-Security-Policy"].endswith("frame-ancestors 'none'")
