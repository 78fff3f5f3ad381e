"""Policies, error answers, health, body limits: what every answer carries."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask, g, request

from connector import db
from connector.db import Database
from connector.errors import InputRefused, LedgerRefused, NotFound, PlatformBusy
from connector.web.guards import public
from connector.web.layout import safe_path
from tests.conftest import wired
from tests.web.conftest import settings

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def test_every_page_has_the_policy(app: Flask) -> None:
    client = app.test_client()
    for path in ("/console/sign-in", "/dashboard/connect", "/nope", "/console/sign-in/link/none"):
        answer = client.get(path)
        assert answer.headers["Content-Security-Policy"] == POLICY, path
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Strict-Transport-Security" not in answer.headers
        assert " style=" not in answer.text
        assert "javascript:" not in answer.text


def test_https_only_outside_dev(make_app: Callable[..., Flask], sqlite_database: Database) -> None:
    app = make_app(env="production", public_url="https://connector.example")
    assert "max-age=31536000" in app.test_client().get("/healthz").headers["Strict-Transport-Security"]


def test_assets_may_be_kept_and_pages_not(app: Flask) -> None:
    client = app.test_client()
    assert "immutable" in client.get("/assets/icons.svg").headers["Cache-Control"]
    assert "no-store" not in client.get("/assets/app.css").headers["Cache-Control"]


@pytest.fixture
def failing(make_app: Callable[..., Flask], sqlite_database: Database) -> Flask:
    app = make_app()
    app.config["PROPAGATE_EXCEPTIONS"] = False

    def fail(name: str) -> Callable[[], str]:
        def view() -> str:
            errors: dict[str, Exception] = {
                "gone": NotFound("no shop shp_1 for mara@example.com", public="There is no such shop."),
                "field": InputRefused("rate", "is above 80 %.", "Give at most 8000."),
                "busy": PlatformBusy("the limit", retry_after=7.2),
                "broken": LedgerRefused("does not sum to zero"),
                "fault": KeyError("secret shpat_0123456789abcdef"),
                "away": sa.exc.OperationalError("SELECT 1", {}, OSError("connection refused")),
                "large": ValueError("never reached"),
            }
            if name == "large":
                return str(len(request.get_data()))
            raise errors[name]

        return public("test")(view)

    for name in ("gone", "field", "busy", "broken", "fault", "away", "large"):
        for prefix in ("/_t", "/api/_t"):
            app.add_url_rule(f"{prefix}/{name}", f"{prefix}{name}", fail(name), methods=["GET", "PUT"])
    app.config["WTF_CSRF_ENABLED"] = False
    app.extensions.pop("csrf")
    return app


@pytest.mark.parametrize(
    ("name", "status", "slug", "detail"),
    [
        ("gone", 404, "not-found", "There is no such shop."),
        ("field", 422, "input-refused", "rate: is above 80 %. Give at most 8000."),
        ("busy", 502, "platform-busy", "the limit"),
        ("broken", 500, "ledger-refused", "does not sum to zero"),
        ("fault", 500, "500", "A fault in our own program stopped it; nothing was changed. It is in our log under the "
         "reference below. Try again once. If it stops again, send us the reference."),
        ("away", 503, "503", "Nothing you did is lost: stores send their messages again, and we read what we missed. "
         "Try again in a minute."),
    ],
)  # fmt: skip
def test_programs_get_a_problem(failing: Flask, name: str, status: int, slug: str, detail: str) -> None:
    answer = failing.test_client().get(f"/api/_t/{name}")
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert answer.json["type"] == f"urn:connector:problem:{slug}"
    assert answer.json["detail"] == detail
    assert answer.json["status"] == status
    assert answer.json["instance"] == answer.headers["X-Request-Id"]
    if name == "field":
        assert (answer.json["field"], answer.json["remedy"]) == ("rate", "Give at most 8000.")
    if name == "busy":
        assert answer.headers["Retry-After"] == "7"
    if name == "away":
        assert answer.headers["Retry-After"] == "30"


def test_people_get_a_page_with_a_reference(failing: Flask, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = failing.test_client().get("/_t/fault")
    assert answer.status_code == 500
    assert answer.mimetype == "text/html"
    assert answer.headers["X-Request-Id"] in answer.text
    assert "Something went wrong" not in answer.text
    assert "shpat_" not in answer.text
    said = str(caplog.records[-1].msg)
    assert answer.headers["X-Request-Id"] in said
    assert "shpat_0123" not in said


def test_a_body_over_the_limit(failing: Flask) -> None:
    client = failing.test_client()
    assert client.put("/api/_t/large", data=b"x" * 1000).text == "1000"
    assert client.put("/api/_t/large", data=b"x" * 2_000_001).status_code == 413


def test_not_found_and_wrong_method(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/api/v1/nothing-here").json["title"] == "There is nothing at this address"
    wrong = client.post("/healthz")
    assert wrong.status_code == 405
    assert "GET" in wrong.headers["Allow"]


def test_the_callers_own_request_id_is_not_taken(app: Flask) -> None:
    answer = app.test_client().get("/healthz", headers={"X-Request-Id": "req_mine"})
    assert answer.headers["X-Request-Id"] != "req_mine"


def test_proxies_are_trusted_only_when_told(make_app: Callable[..., Flask], sqlite_database: Database) -> None:
    said: dict[int, str] = {}
    for count in (0, 1):
        app = make_app(trusted_proxies=count)

        @app.get("/_t/who")
        @public("test")
        def who() -> str:
            return f"{request.remote_addr} {request.scheme} {request.host}"

        headers = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}
        said[count] = app.test_client().get("/_t/who", headers=headers).text
    assert said == {0: "127.0.0.1 http localhost", 1: "203.0.113.9 https evil.example"}


def test_ready_says_why_not(database: Database) -> None:
    client = wired(settings()).test_client()
    assert client.get("/healthz").json == {"ok": True}
    assert client.get("/readyz").json == {"ready": True, "reasons": []}
    with database.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "run connector migrate" in answer.json["reasons"][0]


def test_database_away_is_503(app: Flask) -> None:
    db.use(Database("postgresql://nobody:wrong@127.0.0.1:1/none"))
    client = app.test_client()
    assert client.get("/readyz").json == {"ready": False, "reasons": ["the database can't be reached"]}
    with client.session_transaction() as kept:
        now = 1_900_000_000
        kept["staff"] = {"id": "stf_1", "epoch": 1, "began": now, "seen": now}
    assert client.get("/api/v1/listings", headers={"Authorization": "Bearer ctk_x"}).status_code == 503


def test_metrics_count_the_inbox(database: Database) -> None:
    client = wired(settings()).test_client()
    client.get("/healthz")
    text = client.get("/metrics").text
    assert "connector_oldest_waiting_seconds 0.0" in text
    assert 'connector_http_seconds_bucket{le="0.005",method="GET",route="/healthz",status="2xx"}' in text


def test_metrics_are_closed_outside_dev(make_app: Callable[..., Flask], sqlite_database: Database) -> None:
    app = make_app(env="production", public_url="https://connector.example")
    assert app.test_client().get("/metrics").status_code == 401


def test_no_way_back_to_another_host() -> None:
    assert safe_path("/console/inbox?status=parked") == "/console/inbox?status=parked"
    for path in ("//evil.example", "/\\evil.example", "https://evil.example", "console", "/a\nb", ""):
        assert safe_path(path) == ""


def test_the_view_is_kept_in_cookies(app: Flask) -> None:
    client = app.test_client()
    token = client.get("/console/sign-in").text.split('name="csrf_token" value="')[1].split('"')[0]
    form = {"csrf_token": token, "theme": "dark", "zone": "Asia/Tokyo", "back": "//evil.example"}
    answer = client.post("/view", data=form)
    assert (answer.status_code, answer.location) == (303, "/")
    assert 'data-bs-theme="dark"' in client.get("/console/sign-in").text
    client.post("/view", data={**form, "theme": "<script>", "zone": "../etc"})
    assert 'data-bs-theme="dark"' in client.get("/console/sign-in").text


def test_a_log_line_names_the_route_and_no_path(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        app.test_client().get("/console/sign-in/link/a-secret-token")
    lines = [
        record.msg for record in caplog.records if isinstance(record.msg, dict) and record.msg.get("event") == "request"
    ]
    assert lines[-1]["route"] == "/console/sign-in/link/<token>"
    assert lines[-1]["request_id"].startswith("req_")
    assert "a-secret-token" not in json.dumps(lines)


def test_request_ids_do_not_leak_into_the_next_request(
    make_app: Callable[..., Flask], sqlite_database: Database
) -> None:
    app, seen = make_app(), []

    @app.get("/_t/ids")
    @public("test")
    def ids() -> str:
        seen.append(g.request_id)
        return ""

    client = app.test_client()
    client.get("/_t/ids")
    client.get("/_t/ids")
    assert len(set(seen)) == 2
