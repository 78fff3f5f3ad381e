"""The commands print a way in, once."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask

from connector import db
from connector.app import create_app
from connector.cli import connector
from connector.commerce.shops import connect
from connector.config import Settings
from connector.db import Database, Scope
from connector.events import ShopProfile
from connector.platforms.contract import Grant
from tests.conftest import KEY


@pytest.fixture
def app(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Flask:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "ENV": "dev", "PUBLIC_URL": "http://127.0.0.1:8080", "SEALING_KEYS": KEY, "SESSION_KEY": "s" * 40,
        "HASH_KEY": "a hash key that is used by tests only, 32+",
        "DATABASE_URL": sqlite_database.url.render_as_string(hide_password=False),
    }.items():  # fmt: skip
        monkeypatch.setenv(f"CONNECTOR_{name}", value)
    return create_app(Settings())  # type: ignore[call-arg]


def _run(*args: str) -> str:
    result = CliRunner().invoke(connector, list(args))
    assert result.exit_code == 0, result.output
    return result.output.strip()


def test_a_staff_link_shows_a_button_and_works_once(app: Flask) -> None:
    url = _run("staff", "link", "Kim", "--role", "finance")
    assert url.startswith("http://127.0.0.1:8080/console/sign-in/link/")
    path, client = url.removeprefix("http://127.0.0.1:8080"), app.test_client()
    # a chat preview opens it, and opens it again: nothing is spent
    for _ in range(2):
        seen = app.test_client().get(path)
        assert seen.status_code == 200
        assert "Sign in as <bdi>Kim</bdi>" in seen.text
    token = client.get(path).text.split('name="csrf_token" value="')[1].split('"')[0]
    assert client.post(path, data={"csrf_token": token}).location == "/console"
    assert "Kim" in client.get("/console").text
    assert "used already" in client.get(path).text
    late = app.test_client()
    form = late.get("/console/sign-in").text.split('name="csrf_token" value="')[1].split('"')[0]
    assert late.post(path, data={"csrf_token": form}).status_code == 401


def test_a_link_leads_back_to_where_one_was_going(app: Flask) -> None:
    client = app.test_client()
    gone = client.get("/console/inbox?status=parked")
    client.get(gone.location)
    path = _run("staff", "link", "Kim").removeprefix("http://127.0.0.1:8080")
    token = client.get(path).text.split('name="csrf_token" value="')[1].split('"')[0]
    assert client.post(path, data={"csrf_token": token}).location == "/console/inbox?status=parked"


def test_no_way_back_to_elsewhere(app: Flask) -> None:
    client = app.test_client()
    client.get("/console/sign-in?next=https://evil.example/console")
    path = _run("staff", "link", "Kim").removeprefix("http://127.0.0.1:8080")
    token = client.get(path).text.split('name="csrf_token" value="')[1].split('"')[0]
    assert client.post(path, data={"csrf_token": token}).location == "/console"


def test_a_merchant_link_by_address_or_id(app: Flask) -> None:
    with db.write(Scope.system("test")) as session:
        profile = ShopProfile("1", "one.myshopify.com", "One", "EUR", "UTC")
        shop_id = connect.connect(session, "shopify", profile, Grant("t")).id
    for name in ("one.myshopify.com", shop_id):
        assert _run("merchant", "link", name).startswith("http://127.0.0.1:8080/dashboard/sign-in/link/")
    assert CliRunner().invoke(connector, ["merchant", "link", "none.myshopify.com"]).exit_code == 1


def test_a_token_is_printed_once(app: Flask) -> None:
    secret = _run("token", "new", "shop app", "--scope", "listings:read", "--scope", "touches:write")
    assert secret.startswith("ctk_")
    assert app.test_client().get("/metrics", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    assert _run("token", "revoke", "shop app") == "Revoked 1."
    assert "touches:write" in _run("token", "scopes")
