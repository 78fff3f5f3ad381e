"""A WooCommerce store joined from /install by its own page of approval, in Chromium, against the stand-in."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from werkzeug.serving import BaseWSGIServer, make_server

from connector import outbound, vault
from connector.app import create_app
from connector.db import Database
from connector.platforms import roster
from connector.platforms.woocommerce.settings import WooCommerceSettings
from connector.web import pace
from sandbox.__main__ import KeepAlive
from sandbox.app import create_app as create_stores
from sandbox.shopify.oauth import App
from sandbox.shopify.store import Settings, Store
from tests.browser import looks
from tests.browser.conftest import HASH_KEY, KEY, Site, settings, visit


@contextmanager
def serving(server: BaseWSGIServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


def test_a_store_is_joined_by_its_page_of_approval(
    chromium: Browser, sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From /install over the store's own page to the first sync; who says no is told that nothing was done."""
    vault.use(vault.Vault([KEY], HASH_KEY))
    pace._rates.storage.reset()
    at_store = make_server("127.0.0.1", 0, lambda *_: [], threaded=True, request_handler=KeepAlive)
    at_us = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
    base, us = f"http://127.0.0.1:{at_store.server_port}", f"http://127.0.0.1:{at_us.server_port}"
    own = WooCommerceSettings(CONNECTOR_ENV="dev", _env_file=None)  # type: ignore[call-arg]
    ask = roster.settings_of
    monkeypatch.setattr(roster, "settings_of", lambda slug: own if slug == "woocommerce" else ask(slug))
    monkeypatch.setattr(outbound, "_current", outbound.Outbound(allow_private=True))
    store = Store(Settings(tmp_path / "store", base, App("id", "secret", f"{us}/shopify/launch", ())))
    at_store.app, at_us.app = create_stores(store), create_app(settings(us))
    store.shared.acts.create_shop({"shop": "lantern", "platform": "woocommerce", "title": "Lantern & Loom"})
    store.start()
    with serving(at_store), serving(at_us):
        seen = visit(chromium, Site(us))
        page = seen.go("/install/woocommerce")
        for decision in ("Deny", "Approve"):
            page.get_by_label("Your store's address").fill(f"{base}/woocommerce/lantern")
            page.get_by_role("button", name="Go to your store").click()
            expect(page.get_by_role("heading", level=1)).to_have_text("Connector would like to connect to your store")
            assert looks.check(page, f"approval {decision}", narrow=True) == []
            page.get_by_role("button", name=decision).click()
            if decision == "Deny":
                expect(page.get_by_text("You did not agree in your store")).to_be_visible()
                assert store.state.documents("woo_key") == []
                page = seen.go("/install/woocommerce")
        page.wait_for_url(re.compile("/dashboard/sync"))
        expect(page.get_by_text("Reading your catalog starts in a moment")).to_be_visible()
        [key] = store.state.documents("woo_key")
        assert key["permissions"] == "read_write"
        seen.context.close()
    store.stop()
