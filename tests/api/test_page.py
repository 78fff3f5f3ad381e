"""The API page in a browser: it shows every operation under our policy, and asks no other host."""

from __future__ import annotations

import threading
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

from connector import app as application
from connector.db import Database
from tests.attribution.world import app_settings


@pytest.mark.browser
def test_the_page_shows_every_operation_and_asks_no_other_host(sqlite_database: Database, chromium: Browser) -> None:
    app = application.create_app(app_settings())
    document = app.test_client().get("/openapi.json").json
    assert document is not None
    # What may be asked, and what we post to the app by ourselves.
    every = [*document["paths"].values(), *document["webhooks"].values()]
    operations = sum(len([name for name in each if name != "parameters"]) for each in every)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    said: list[str] = []
    hosts: set[str] = set()
    try:
        with chromium.new_context() as context:
            page = context.new_page()
            page.on("console", lambda message: said.append(message.text))
            page.on("pageerror", lambda error: said.append(str(error)))
            page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
            page.goto(f"http://127.0.0.1:{server.port}/docs")
            page.wait_for_selector(".opblock", timeout=60_000)
            page.locator(".opblock-summary").first.click()
            page.wait_for_selector(".opblock-body")
            shown = _seen(page, operations)
    finally:
        server.shutdown()
    assert len(shown) == operations
    assert said == []
    assert {host for host in hosts if host} == {f"127.0.0.1:{server.port}"}


def _seen(page: Page, wanted: int) -> set[str]:
    """Ids of the operations that come by from top to bottom: of a long list the page holds only what is in sight."""
    found: set[str] = set()
    page.mouse.move(400, 400)
    for _ in range(400):
        found |= set(page.evaluate("[...document.querySelectorAll('.opblock')].map(each => each.id)"))
        if len(found) >= wanted:
            break
        page.mouse.wheel(0, 500)
        page.wait_for_timeout(30)
    return found
