"""What a guard refuses, and that forms follow from it. That every route has one: tests/architecture/test_routes.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, g

from connector import db
from connector.access import staff as people
from connector.access import tokens
from connector.db import Database, Scope
from connector.errors import ConfigurationWrong
from connector.web import guards, sessions
from connector.web.guards import app_scope, merchant, public, refuse_unguarded, signed, staff


def test_an_app_with_a_silent_route_does_not_start() -> None:
    app = Flask(__name__, static_folder=None)
    app.add_url_rule("/open", "open", lambda: "everything")
    with pytest.raises(ConfigurationWrong, match="no guard outermost on open"):
        refuse_unguarded(app)


def test_a_guard_below_another_decorator_does_not_count() -> None:
    from functools import wraps

    def reads_first(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def outer(*args: Any, **kwargs: Any) -> Any:
            return view(*args, **kwargs)

        return outer

    app = Flask(__name__, static_folder=None)
    app.add_url_rule("/x", "hidden", reads_first(public("why")(lambda: "x")))
    with pytest.raises(ConfigurationWrong):
        refuse_unguarded(app)


def test_an_unknown_scope_stops_the_start() -> None:
    with pytest.raises(ConfigurationWrong):
        app_scope("everything:write")


@pytest.fixture
def guarded(make_app: Callable[..., Flask], sqlite_database: Database) -> Flask:
    app = make_app(requests_per_minute=3)

    @app.get("/_t/finance")
    @staff("finance")
    def finance() -> str:
        return f"{g.staff.name} {guards.actor()}"

    @app.get("/_t/merchant")
    @merchant
    def mine() -> str:
        return str(g.shop.id)

    @app.get("/api/_t")
    @app_scope("listings:read")
    def api() -> str:
        return f"{g.app_token.name} {guards.actor()}"

    @app.post("/_t/signed")
    @signed("a test")
    def webhook() -> str:
        return "taken"

    @app.post("/_t/form")
    @public("a test")
    def form() -> str:
        return "posted"

    @app.post("/api/_t/write")
    @app_scope("listings:read")
    def api_write() -> str:
        return "written"

    @app.post("/_t/enter/<name>")
    @signed("a test signs in")
    def enter(name: str) -> str:
        with db.write(Scope.system("test")) as session:
            sessions.sign_in_staff(people.ensure(session, name, None, by="test"))
        return "in"

    return app


def _token(*scopes: str) -> str:
    with db.write(Scope.app()) as session:
        return tokens.issue(session, "shop app", scopes or ("listings:read",), by="test")[1]


def test_app_tokens(guarded: Flask) -> None:
    client = guarded.test_client()
    assert client.get("/api/_t").status_code == 401
    assert client.get("/api/_t").headers["WWW-Authenticate"] == "Bearer"
    assert client.get("/api/_t", headers={"Authorization": "Bearer ctk_wrong"}).status_code == 401
    narrow = client.get("/api/_t", headers={"Authorization": f"Bearer {_token('touches:write')}"})
    assert narrow.status_code == 403
    assert narrow.json["detail"] == "The token has no scope listings:read."
    answer = client.get("/api/_t", headers={"Authorization": f"Bearer {_token()}"})
    assert (answer.status_code, answer.text) == (200, "shop app app:shop app")


def test_an_app_token_that_runs_away_is_slowed(guarded: Flask) -> None:
    client, secret = guarded.test_client(), _token()
    codes = [client.get("/api/_t", headers={"Authorization": f"Bearer {secret}"}).status_code for _ in range(5)]
    assert codes == [200, 200, 200, 429, 429]
    late = client.get("/api/_t", headers={"Authorization": f"Bearer {secret}"})
    assert late.headers["Retry-After"] == "60"
    # another token is not slowed
    assert client.get("/api/_t", headers={"Authorization": f"Bearer {_token()}"}).status_code == 200


@pytest.mark.parametrize(("role", "code"), [("support", 403), ("finance", 200), ("admin", 200)])
def test_roles_cover_what_stands_below(guarded: Flask, role: str, code: int) -> None:
    with db.write(Scope.system("test")) as session:
        people.ensure(session, "Kim", role, by="test")
    client = guarded.test_client()
    client.post("/_t/enter/Kim")
    answer = client.get("/_t/finance")
    assert answer.status_code == code
    if code == 403:
        assert "needs the role finance" in answer.text
    else:
        assert answer.text == "Kim staff:Kim"


def test_nobody_is_sent_to_where_they_sign_in(guarded: Flask) -> None:
    client = guarded.test_client()
    answer = client.get("/console/inbox?status=parked")
    assert answer.status_code == 303
    assert answer.location == "/console/sign-in?next=%2Fconsole%2Finbox%3Fstatus%3Dparked"
    assert client.get("/dashboard/orders").location == "/dashboard/connect?next=%2Fdashboard%2Forders"
    assert client.get("/_t/merchant", headers={"Accept": "application/json"}).status_code == 401


def test_forms_need_the_token_of_their_page_where_a_cookie_counts(guarded: Flask) -> None:
    client = guarded.test_client()
    refused = client.post("/_t/form")
    assert refused.status_code == 400
    assert "This form is too old" in refused.text
    html = client.get("/console/sign-in").text
    token = html.split('name="csrf_token" value="')[1].split('"')[0]
    assert client.post("/_t/form", data={"csrf_token": token}).text == "posted"
    assert client.post("/_t/form", data={"csrf_token": token[:-2] + "xx"}).status_code == 400


def test_programs_need_no_form_token(guarded: Flask) -> None:
    client = guarded.test_client()
    assert client.post("/_t/signed").text == "taken"
    assert client.post("/api/_t/write", headers={"Authorization": f"Bearer {_token()}"}).text == "written"


def test_a_form_of_before_the_sign_in_is_refused(guarded: Flask) -> None:
    client = guarded.test_client()
    token = client.get("/console/sign-in").text.split('name="csrf_token" value="')[1].split('"')[0]
    client.post("/_t/enter/Kim")
    assert client.post("/_t/form", data={"csrf_token": token}).status_code == 400
