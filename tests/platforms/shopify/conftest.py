"""Fixtures of Shopify's tests: settings of made-up values, and a running stand-in."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from connector.platforms.shopify.settings import ShopifySettings
from tests.platforms.shopify.kit import CALLBACK, CLIENT_ID, SECRET, StandIn, make_settings


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> ShopifySettings:
    monkeypatch.delenv("CONNECTOR_ENV", raising=False)
    return make_settings()


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    from werkzeug.serving import make_server

    from sandbox.shopify.app import create_app
    from sandbox.shopify.oauth import App
    from sandbox.shopify.store import Settings, Store

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = App(CLIENT_ID, SECRET, "https://connector.example/shopify/launch", (CALLBACK,))
    store = Store(
        Settings(
            state_dir=tmp_path_factory.mktemp("stand-in"),
            base_url=f"http://127.0.0.1:{port}",
            app=app,
            restore_rate=5000,
        )
    )
    server = make_server("127.0.0.1", port, create_app(store), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield StandIn(port)
    server.shutdown()
    thread.join(5)
