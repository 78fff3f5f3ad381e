"""Cookies, lifetimes, and what ends a session before its time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from connector import clock, db
from connector.access import links, staff
from connector.commerce.shops import connect
from connector.commerce.shops.tables import Shop
from connector.db import Database, Scope
from connector.events import ShopProfile
from connector.platforms.contract import Grant
from connector.web import sessions
from tests.conftest import wired
from tests.web.conftest import settings


def _form(client: FlaskClient, path: str) -> str:
    html = client.get(path).text
    return html.split('name="csrf_token" value="')[1].split('"')[0]


def _staff_client(app: Flask, name: str = "Kim") -> FlaskClient:
    with db.write(Scope.system("test")) as session:
        token = links.issue(session, "staff", staff.ensure(session, name, None, by="test").id)
    client = app.test_client()
    path = f"/console/sign-in/link/{token}"
    assert client.post(path, data={"csrf_token": _form(client, path)}).status_code == 303
    return client


def _shop(name: str = "one") -> str:
    profile = ShopProfile("1", f"{name}.myshopify.com", name, "EUR", "Europe/Berlin")
    with db.write(Scope.system("test")) as session:
        return connect.connect(session, "shopify", profile, Grant("t")).id


def _merchant_client(app: Flask, shop_id: str) -> FlaskClient:
    with db.write(Scope.system("test")) as session:
        token = links.issue(session, "merchant", shop_id)
    client = app.test_client()
    path = f"/dashboard/sign-in/link/{token}"
    assert client.post(path, data={"csrf_token": _form(client, path)}).status_code == 303
    return client


def test_cookie_rules_outside_dev(make_app: Callable[..., Flask], sqlite_database: Database) -> None:
    app = make_app(env="production", public_url="https://connector.example")
    cookie = app.test_client().get("/console/sign-in").headers["Set-Cookie"]
    assert cookie.startswith("__Host-connector_session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= {part.strip() for part in cookie.split(";")}


def test_cookie_rules_in_dev(app: Flask) -> None:
    cookie = app.test_client().get("/console/sign-in").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


def test_a_bent_cookie_signs_nobody_in(app: Flask) -> None:
    client = _staff_client(app)
    assert client.get("/console").status_code == 200
    value = client.get_cookie("connector_session").value
    client.set_cookie("connector_session", value[:-3] + "abc")
    assert client.get("/console").status_code == 303


@pytest.mark.parametrize(
    ("later", "code"),
    [(timedelta(minutes=59), 200), (timedelta(minutes=61), 303), (timedelta(hours=13), 303)],
)
def test_idle_staff_are_signed_out(app: Flask, monkeypatch: pytest.MonkeyPatch, later: timedelta, code: int) -> None:
    client = _staff_client(app)
    moment = datetime.now(UTC) + later
    monkeypatch.setattr(clock, "wall", lambda: moment)
    assert client.get("/console").status_code == code


def test_a_busy_session_ends_after_twelve_hours(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    client, start, codes = _staff_client(app), datetime.now(UTC), []
    for minutes in range(0, 13 * 60, 30):
        moment = start + timedelta(minutes=minutes)
        monkeypatch.setattr(clock, "wall", lambda at=moment: at)
        codes.append(client.get("/console").status_code)
    assert codes[:24] == [200] * 24
    assert codes[25:] == [303]


def test_sessions_go_by_wall_time(app: Flask, tmp_path: Path) -> None:
    client = _staff_client(app)
    offset = tmp_path / "offset"
    offset.write_text(str(40 * 86400))
    clock.use_offset_file(offset)
    assert client.get("/console").status_code == 200


def test_a_raised_epoch_ends_every_session(app: Flask) -> None:
    client = _staff_client(app)
    with db.write(Scope.system("test")) as session:
        staff.ensure(session, "Kim", "finance", by="test")
    assert client.get("/console").status_code == 303


def test_someone_switched_off_is_out(app: Flask) -> None:
    client = _staff_client(app)
    with db.write(Scope.system("test")) as session:
        staff.switch_off(session, "Kim", by="test")
    assert client.get("/console").status_code == 303


def test_a_shop_that_left_signs_its_merchant_out_for_good(app: Flask) -> None:
    shop_id = _shop()
    client = _merchant_client(app, shop_id)
    assert client.get("/dashboard").status_code == 200
    with db.write(Scope.system("test")) as session:
        assert connect.leave(session, session.get_one(Shop, shop_id), clock.now() + timedelta(seconds=1))
    assert client.get("/dashboard").status_code == 303


def test_a_session_of_before_a_leave_does_not_come_back_with_the_shop(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = wired(settings())
    shop_id = _shop()
    client = _merchant_client(app, shop_id)
    later = clock.wall() + timedelta(seconds=2)
    monkeypatch.setattr(clock, "wall", lambda: later)
    with db.write(Scope.system("test")) as session:
        assert connect.leave(session, session.get_one(Shop, shop_id), clock.now())
    assert _shop() == shop_id, "somebody connected it again"
    assert client.get("/dashboard").status_code == 303
    assert _merchant_client(app, shop_id).get("/dashboard").status_code == 200


def test_agreeing_anew_without_leaving_ends_no_session(app: Flask) -> None:
    shop_id = _shop()
    client = _merchant_client(app, shop_id)
    assert _shop() == shop_id
    assert client.get("/dashboard").status_code == 200


def test_staff_and_merchant_are_two_slots(app: Flask) -> None:
    shop_id = _shop()
    client = _staff_client(app)
    assert client.get("/dashboard").status_code == 303
    with client.session_transaction() as kept:
        kept["merchant"] = {**kept["staff"], "id": shop_id, "epoch": 0}
    assert client.get("/dashboard").status_code == 200
    token = _form(client, "/dashboard")
    client.post("/dashboard/sign-out", data={"csrf_token": token})
    assert client.get("/dashboard").status_code == 303
    assert client.get("/console").status_code == 200


def test_a_browser_keeps_its_name(app: Flask) -> None:
    with app.test_request_context():
        name = sessions.browser_id()
        assert sessions.browser_id() == name
        assert len(name) >= 24
    with app.test_request_context():
        assert sessions.browser_id() != name
