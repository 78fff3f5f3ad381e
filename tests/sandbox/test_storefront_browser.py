"""The storefront and the consent page in Chromium: bought from without script, no axe violation, no sideways scroll."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sandbox.stand import CLIENT_ID, SCOPES, Stand

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking",
    "--disable-component-update", "--no-first-run",
]  # fmt: skip

pytestmark = pytest.mark.browser


@pytest.fixture(scope="session")
def browser(chromium: Browser) -> Browser:
    return chromium


def check(page: Page, width: int) -> None:
    from axe_playwright_python.sync_playwright import Axe

    violations = Axe().run(page).response["violations"]
    assert [(v["id"], [n["target"] for n in v["nodes"]]) for v in violations] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [390, 1280])
def test_pages_are_accessible(stand: Stand, browser: Browser, width: int) -> None:
    stand.shop(
        "PATCH", "", {"shipping_price": "4.90", "discount_codes": {"TEN": {"type": "percentage", "value": "10"}}}
    )
    stand.shop(
        "POST", "/products/generate", {"count": 30, "seed": 2, "large": 1, "bad": {"html_title": 6, "sold_out": 1}}
    )
    long = stand.product("1234567.89", title="Donaudampfschiff" * 6)["handle"]
    context = browser.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce", bypass_csp=True)
    page = context.new_page()
    strangers: list[str] = []
    page.on("request", lambda asked: None if asked.url.startswith(stand.base) else strangers.append(asked.url))
    page.goto(f"{stand.origin}/")
    check(page, width)
    page.goto(f"{stand.origin}/products/{long}")
    check(page, width)
    page.get_by_role("button", name="Add to cart").click()
    check(page, width)
    page.get_by_role("button", name="Check out").click()
    check(page, width)
    page.get_by_role("button", name="Buy for").click()
    check(page, width)
    assert page.title().startswith("Error:")
    asked = f"client_id={CLIENT_ID}&scope={SCOPES}&redirect_uri={stand.redirect_uri}&state=s"
    for path in (f"admin/oauth/authorize?{asked}", "admin/oauth/authorize?client_id=x", "admin/apps", "products/none"):
        page.goto(f"{stand.origin}/{path}")
        check(page, width)
    assert strangers == []


def test_buying_without_script(stand: Stand, browser: Browser) -> None:
    stand.product(
        "12.00", title="Mug", variants=[{"title": "Blue", "price": "12.00"}, {"title": "Red", "price": "13.00"}]
    )
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{stand.origin}/")
    page.get_by_role("link", name="Mug").click()
    page.get_by_label("Choose a version").select_option(label="Red, $13.00")
    page.get_by_label("Quantity").fill("2")
    page.get_by_role("button", name="Add to cart").click()
    page.get_by_role("button", name="Check out").click()
    for label, text in {"E-mail": "a@example.com", "Last name": "Lee", "Street and number": "S 1", "City": "T"}.items():
        page.get_by_label(label).fill(text)
    page.get_by_role("button", name="Buy for").click()
    assert page.get_by_role("heading", name="Thank you").is_visible()
    order = stand.shop("GET", "/orders")["orders"][0]
    assert [(line["quantity"], line["price"]) for line in order["lines"]] == [(2, "13.00")]


def test_consent_by_click(stand: Stand, browser: Browser) -> None:
    page = browser.new_context().new_page()
    asked = f"client_id={CLIENT_ID}&scope={SCOPES}&redirect_uri={stand.redirect_uri}&state=s"
    page.goto(f"{stand.origin}/admin/oauth/authorize?{asked}")
    with page.expect_request(f"{stand.redirect_uri}**") as back:
        page.get_by_role("button", name="Install app").click(no_wait_after=True)  # nobody answers there
    assert "code=" in back.value.url
