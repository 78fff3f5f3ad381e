"""A merchant tests their theme in Chromium: our page, the stand-in's checkout and webhooks, our drain."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.serving import make_server

from connector import app as application
from connector import clock, vault
from connector.access import links
from connector.commerce.catalog import take
from connector.commerce.shops import connect
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope
from connector.events import Product, ShopProfile, Variant
from connector.platforms import roster
from connector.platforms.contract import Grant
from connector.webhooks import drain
from tests.attribution.world import app_settings
from tests.browser import looks
from tests.platforms.shopify.kit import make_settings
from tests.sandbox.stand import SHOP, Stand

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = [pytest.mark.browser, pytest.mark.end_to_end]
ALL = Scope.system("test")


class Site:
    """The program over its own database, beside a stand-in with one shop that has it installed."""

    def __init__(self, database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.database = database
        server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
        self.url = f"http://127.0.0.1:{server.server_port}"
        self.stand = Stand(folder, SimpleNamespace(url=f"{self.url}/webhooks/shopify"))  # type: ignore[arg-type]
        settings = make_settings(env="dev", origin_template=f"{self.stand.base}/shops/{{shop}}")
        monkeypatch.setattr(roster, "settings_of", lambda _slug: settings)
        self.settings = app_settings(public_url=self.url)
        server.app = application.create_app(self.settings)
        self._server = server
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        self.stand.create_shop(currency="EUR")
        self.stand.install()
        self.stand.subscribe("ORDERS_CREATE", "ORDERS_PAID")
        self.shop_id = self._joined()

    def _joined(self) -> str:
        made = self.stand.product("24.00", title="Linen throw, sage")
        product = Product(
            product_ref=str(made["id"]), title=made["title"], status="active", currency="EUR",
            variants=(Variant(variant_ref=str(made["variants"][0]["id"]), price=2400, title="Default"),),
            url=f"{self.stand.origin}/products/{made['handle']}",
        )  # fmt: skip
        with self.database.write(ALL) as session:
            profile = ShopProfile("71001", SHOP, "Alpha", "EUR", "Europe/Berlin", "DE")
            grant = Grant("shpat_x", "shprt_x", ("read_orders",), clock.wall() + timedelta(hours=1), None)
            shop = connect.connect(session, "shopify", profile, grant, clock.now() - timedelta(days=1))
            take.apply_products(session, session.get_one(Shop, shop.id), [product], "run", clock.now())
            return shop.id

    def drained(self) -> None:
        """All that the store sent has arrived and was worked on."""
        self.stand.quiesce()
        while drain.drain_once("test", self.settings):
            pass

    def merchant(self, browser: Browser, **options: Any) -> Page:
        context: BrowserContext = browser.new_context(reduced_motion="reduce", **options)
        page = context.new_page()
        with self.database.write(ALL) as session:
            secret = links.issue(session, "merchant", self.shop_id)
        page.goto(f"{self.url}/dashboard/sign-in/link/{secret}")
        page.get_by_role("button", name="Open my shop").click()
        page.wait_for_url(re.compile(r"/dashboard(?!/sign-in)"))
        return page

    def close(self) -> None:
        self.stand.close()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def site(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _own_vault: None
) -> Iterator[Site]:
    assert vault.current()
    made = Site(sqlite_database, tmp_path / "stand", monkeypatch)
    yield made
    made.close()


def buy(store: Page) -> None:
    """As a merchant does who has opened their store: the test payment, and the order."""
    store.get_by_label("E-mail").fill("owner@example.com")
    store.get_by_label("Last name").fill("Lee")
    store.get_by_label("Street and number").fill("Street 1")
    store.get_by_label("City").fill("Town")
    store.get_by_label("Bogus gateway: a test order").check()
    store.get_by_role("button", name="Buy for").click()
    store.wait_for_url("**/thank-you")


def test_what_arrived_is_shown_live(site: Site, chromium: Browser) -> None:
    from playwright.sync_api import expect

    page = site.merchant(chromium, viewport={"width": 390, "height": 800})
    console: list[str] = []
    page.on("console", lambda said: console.append(said.text) if said.type in ("error", "warning") else None)
    page.goto(f"{site.url}/dashboard/tracking")
    wrong = looks.check(page, "tracking", narrow=True)
    page.get_by_role("button", name="Place a test click").click()
    expect(page.locator(".lead-answer")).to_contain_text("We wait for your test order")
    wrong += looks.check(page, "waiting", narrow=True)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Open your store with the test click").click()
    buy(opened.value)
    site.drained()
    expect(page.locator(".lead-answer")).to_contain_text("Tracking works", timeout=40_000)
    expect(page.get_by_role("row").filter(has_text="On the cart")).to_contain_text("Arrived")
    expect(page.get_by_role("row").filter(has_text="Your store's analytics")).to_contain_text("Not needed")
    page.get_by_role("link", name="See the order").click()
    expect(page.locator(".lead-answer")).to_contain_text("test order")
    assert wrong == []
    assert console == []


def test_without_script_a_refresh_shows_what_a_theme_lost_and_what_to_do(site: Site, chromium: Browser) -> None:
    from playwright.sync_api import expect

    site.stand.control("PATCH", "/misbehaviour", {"lose_carriers": ["properties"]})
    page = site.merchant(chromium, java_script_enabled=False)
    page.goto(f"{site.url}/dashboard/tracking")
    page.get_by_role("button", name="Place a test click").click()
    link = page.get_by_role("link", name="Open your store with the test click").get_attribute("href")
    assert link is not None
    store = page.context.new_page()
    store.goto(link)
    buy(store)
    site.drained()
    page.reload()
    expect(page.locator(".lead-answer")).to_contain_text("in 3 of 4 places")
    lost = page.get_by_role("row").filter(has_text="On the product's line")
    expect(lost).to_contain_text("Lost")
    expect(lost).to_contain_text("keep the line item's properties")

    site.stand.control("PATCH", "/misbehaviour", {"lose_carriers": ["attributes", "properties", "landing"]})
    page.get_by_role("link", name="Place another test click").click()
    page.get_by_role("button", name="Place a test click").click()
    store.goto(page.get_by_role("link", name="Open your store with the test click").get_attribute("href") or "")
    buy(store)
    site.drained()
    page.reload()
    expect(page.locator(".lead-answer")).to_contain_text("came without the test click")
