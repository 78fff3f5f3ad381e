"""The merchant's pages in Chromium, and every list before anything happened."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, expect
from pydantic import SecretStr

from connector.db import Scope
from connector.platforms import roster
from connector.platforms.shopify.settings import ShopifySettings
from connector.sync.tables import SyncRun
from tests.browser import looks
from tests.browser.conftest import Site, Visitor, visit

Visit = Callable[..., Visitor]


def test_every_page_holds_at_every_width_in_both_themes(site: Site, visitor: Visit) -> None:
    assert site.world is not None
    seen, wrong = visitor().as_merchant(), []
    for name, path in {
        "home": "/dashboard", "products": "/dashboard/products", "cannot": "/dashboard/products?status=not_shoppable",
        "no hits": "/dashboard/products?q=zzz", "orders": "/dashboard/orders", "sync": "/dashboard/sync",
        "order": f"/dashboard/orders/{site.world.orders['10482']}",
        "refunded": f"/dashboard/orders/{site.world.orders['10483']}",
        "foreign order": f"/dashboard/orders/{site.world.orders['2001']}", "sales": "/dashboard/sales",
        "money": "/dashboard/money", "invoice": f"/dashboard/money/{site.world.invoice_id}",
        "feeds": "/dashboard/feeds", "reason": "/dashboard/products?reason=no_price",
    }.items():  # fmt: skip
        wrong += looks.check(seen.go(path), name)
    soon = f"{site.world.now + timedelta(days=5):%Y-%m-%d}"
    for name, path in {
        "creators": "/dashboard/creators", "creator": f"/dashboard/creators/{site.world.creators['mira.makes']}",
        "samples": "/dashboard/samples?show=all", "sample": f"/dashboard/samples/{site.world.programme['sample_id']}",
        "set up": "/dashboard/programme/set-up?look=1&what=shop&rate=12", "programme": "/dashboard/programme",
        "terms": "/dashboard/terms", "change": f"/dashboard/terms/change?kind=open&look=1&rate=10&starts={soon}",
        "wrong change": "/dashboard/terms/change?kind=targeted&look=1&rate=90&handle=@nobody",
        "rules": "/dashboard/settings", "rule": "/dashboard/settings/touch_window_days",
        "what if": f"/dashboard/whatif?rate=12&period={site.world.now:%Y-%m}&touch_window_days=30",
    }.items():  # fmt: skip
        wrong += looks.check(seen.go(path), name, narrow=True)
    seen.as_merchant("souq")
    wrong += looks.check(seen.go("/dashboard"), "arabic home")
    seen.as_merchant("acme")
    wrong += looks.check(seen.go("/dashboard"), "home in need")
    wrong += [said for said in seen.console if "404" not in said]
    assert wrong == []


def test_a_merchant_who_just_joined(site: Site, visitor: Visit) -> None:
    seen, wrong = visitor().as_merchant("fresh"), []
    page = seen.go("/dashboard")
    expect(page.locator(".lead-answer")).to_have_text(
        "Your shop is connected. Reading your catalog starts in a moment."
    )
    for name, path in {
        "home": "/dashboard", "products": "/dashboard/products", "orders": "/dashboard/orders",
        "sync": "/dashboard/sync", "sales": "/dashboard/sales", "feeds": "/dashboard/feeds",
    }.items():  # fmt: skip
        wrong += looks.check(seen.go(path), f"fresh {name}", narrow=True)
    assert wrong == []
    assert seen.console == []


def test_home_says_what_is_owed_and_why_nothing_is(site: Site, visitor: Visit) -> None:
    seen = visitor().as_merchant()
    page = seen.go("/dashboard")
    expect(page.locator(".lead-answer")).to_have_text("Your shop is live. 62 products can be sold.")
    expect(page.get_by_text("€39.75 more is on its way")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="#10484")
    expect(row).to_contain_text("€0.00")
    expect(row).to_contain_text("No creator led to this order")
    page.get_by_role("link", name="#10482").click()
    expect(page.locator(".lead-answer")).to_contain_text("your window was 14")
    seen.as_merchant("kita").go("/dashboard")
    expect(page.get_by_text("¥637").first).to_be_visible()
    expect(page.get_by_text("Harbour")).to_have_count(0)


def test_sales_are_drawn_for_the_width_and_the_theme(site: Site, visitor: Visit) -> None:
    phone = visitor(viewport={"width": 390, "height": 844}, color_scheme="dark").as_merchant()
    picture = phone.go("/dashboard/sales").locator(".chart img")
    assert picture.evaluate("each => each.decode().then(() => each.naturalWidth)") == 358
    assert "/narrow-dark.svg" in picture.evaluate("each => each.currentSrc")
    desk = visitor(color_scheme="light").as_merchant()
    page = desk.go("/dashboard/sales")
    picture = page.locator(".chart img")
    assert "/wide-light.svg" in picture.evaluate("each => each.decode().then(() => each.currentSrc)")
    expect(picture).to_have_attribute("alt", re.compile("^Creators sold for EUR\u00a0"))
    page.get_by_text("As a table").click()
    expect(page.get_by_role("table", name="Sales by day, EUR").locator("tbody tr")).to_have_count(30)
    page.get_by_role("link", name="Mira Okafor").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Orders of these sales")
    expect(page.get_by_label("Filters in use")).to_contain_text("Mira Okafor")
    page.get_by_role("link", name="#10482").click()
    expect(page.locator(".lead-answer")).to_be_visible()
    assert desk.console == phone.console == []


def test_the_catalog_sync_page_lists_what_was_refused(site: Site, visitor: Visit) -> None:
    seen = visitor().as_merchant("kita")
    page = seen.go("/dashboard/sync")
    expect(page.get_by_text("Read 12,600 = written 902 + same 11,676 + refused 22, 0 lost")).to_be_visible()
    expect(page.get_by_text("Give every variant a price in your store.")).to_be_visible()
    page.get_by_text("More than 2,048 variants").click()
    expect(page.get_by_text("Split it into several products.")).to_be_visible()


def test_the_connect_page_refuses_what_is_no_store(visitor: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    shopify = ShopifySettings(client_id="id", client_secret=SecretStr("secret"), _env_file=None)  # type: ignore[call-arg]
    monkeypatch.setattr(roster, "settings_of", lambda _slug: shopify)
    seen = visitor()
    page = seen.go("/dashboard/connect?platform=shopify")
    page.get_by_label("Your store's address").fill("evil.example.com")
    page.get_by_role("button", name="Go to Shopify").click()
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    expect(page).to_have_title("Error: Connect a Shopify store · connector")
    expect(page.get_by_label("Your store's address")).to_have_value("evil.example.com")
    assert looks.check(page, "connect refused") == []
    summary.get_by_role("link").click()
    expect(page.get_by_label("Your store's address")).to_be_focused()
    assert [line for line in seen.console if "422" not in line] == []


def test_first_use_of_every_list(empty_site: Site, chromium: Browser) -> None:
    seen, wrong = visit(chromium, empty_site).as_staff(), []
    for name in ("", "/shops", "/runs", "/inbox", "/orders", "/creators", "/money", "/audit"):
        wrong += looks.check(seen.go(f"/console{name}"), f"first use of {name or 'health'}", narrow=True)
    assert wrong == []
    assert seen.console == []
    assert seen.foreign == []
    seen.context.close()


def test_the_menu_opens_on_a_phone(site: Site, visitor: Visit) -> None:
    seen = visitor(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True).as_merchant()
    page = seen.go("/dashboard")
    page.locator(".menu > summary").tap()
    page.get_by_role("navigation", name="Your shop, menu").get_by_role("link", name="Orders").tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("Orders")
    small = page.evaluate(
        """() => [...document.querySelectorAll("a, button, select, input, summary")].filter((each) => {
          const box = each.getBoundingClientRect();
          return box.width && box.height && box.height < 24 && getComputedStyle(each).display !== "inline";
        }).map((each) => each.outerHTML.slice(0, 100))"""
    )
    assert small == []


def test_the_navigation_fits_a_row_and_opens_a_section(site: Site, visitor: Visit) -> None:
    seen = visitor(viewport={"width": 1280, "height": 800}).as_merchant()
    page = seen.go("/dashboard/settings")
    high = page.evaluate("document.querySelector('.bar-row').getBoundingClientRect().height")
    assert high < 70, "one row at 1280 px"
    section = page.get_by_role("navigation", name="Commission", exact=True)
    expect(section.locator("[aria-current=page]")).to_have_text("Rules")
    expect(page.get_by_role("navigation", name="Your shop").locator("[aria-current=true]")).to_have_text("Commission")
    section.get_by_role("link", name="What would it pay?").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What would it pay?")


def test_a_merchant_starts_a_sync(site: Site, visitor: Visit) -> None:
    seen = visitor().as_merchant("souq")
    page = seen.go("/dashboard/sync")
    expect(page.get_by_text("The store's export failed: it gave no reason. Nothing was removed.")).to_be_visible()
    page.get_by_role("button", name="Read my catalog again").click()
    expect(page.get_by_role("status").filter(has_text="We read your catalog again.")).to_be_visible()
    expect(page.get_by_text("Waits for a worker since")).to_be_visible()
    assert site.world is not None
    with site.world.database.write(Scope.system("test")) as session:
        for run in session.query(SyncRun).filter_by(trigger="merchant"):
            run.status = "stopped"
