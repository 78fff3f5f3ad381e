"""How the demo's merchants join: each at their platform's own entry, with a browser."""

from __future__ import annotations

import html.parser
import time
from urllib.parse import urljoin

import requests

from sandbox.demo.stores import Refused, answered
from sandbox.demo.trade import Shop

WAIT = 30.0  # seconds for keys that were handed over to be tried and kept


def join(public_url: str, store_url: str, shop: Shop) -> None:
    """Errors: Refused, with what the last page said."""
    browser = requests.Session()
    match shop.platform:
        case "shopify":
            _by_consent(browser, public_url, shop)
        case "woocommerce":
            _by_approval(browser, public_url, shop)
        case "bigcommerce":
            _from_the_panel(browser, shop)


def _by_consent(browser: requests.Session, public_url: str, shop: Shop) -> None:
    page = browser.get(f"{public_url}/connect/shopify", params={"shop": shop.domain}, timeout=30)
    form = {**hidden_fields(page.text), "decision": "install"}
    if "state" not in form:
        raise Refused(f"no consent page for {shop.name}: {page.status_code} {page.url} {page.text[:300]}")
    done = browser.post(page.url, data=form, timeout=60)
    answered(done, 200)
    _ended(shop, done, "/dashboard")


def _by_approval(browser: requests.Session, public_url: str, shop: Shop) -> None:
    """The store's page of approval; its server posts the keys, and the browser waits at our page for them."""
    page = browser.get(f"{public_url}/connect/woocommerce", params={"shop": shop.domain}, timeout=30)
    form = {**hidden_fields(page.text), "decision": "approve"}
    if "callback_url" not in form:
        raise Refused(f"no page of approval for {shop.name}: {page.status_code} {page.url} {page.text[:300]}")
    done = browser.post(urljoin(page.url, "access_granted"), data=form, timeout=60)
    end = time.monotonic() + WAIT
    while done.ok and "/oauth/woocommerce/return/" in done.url and time.monotonic() < end:
        time.sleep(0.2)
        done = browser.get(done.url, timeout=30)
    answered(done, 200)
    _ended(shop, done, "/dashboard")


def _from_the_panel(browser: requests.Session, shop: Shop) -> None:
    """The control panel's button, BigCommerce's page of consent, and our page that names the store."""
    panel = browser.get(f"{shop.origin}/manage/apps", timeout=30)
    link = panel.text.partition('href="/bigcommerce-login/')[2].partition('"')[0]
    page = browser.get(urljoin(panel.url, f"/bigcommerce-login/{link}"), timeout=30)
    done = browser.post(page.url, data={"shop": shop.name}, timeout=60)
    answered(done, 200)
    _ended(shop, done, "/oauth/bigcommerce/callback")


def _ended(shop: Shop, done: requests.Response, where: str) -> None:
    if where not in done.url:
        raise Refused(f"{shop.name} ended at {done.url}: {done.text[:300]}")


class _Hidden(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "input" and given.get("type") == "hidden" and given.get("name"):
            self.fields[str(given["name"])] = given.get("value") or ""


def hidden_fields(page: str) -> dict[str, str]:
    parser = _Hidden()
    parser.feed(page)
    return parser.fields
