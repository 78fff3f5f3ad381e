"""Every route says who may call it, belongs to the guard of its place, and lets nobody in who isn't that."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.routing import AnyConverter, Rule

from connector import app as application
from connector.db import Database
from connector.web.guards import Guard, guard_of
from tests.attribution.world import app_settings

# Routes that nobody needs to be known for. Their guard says why; one that isn't on this list is refused.
PUBLIC = (
    "/console/sign-in", "/console/sign-out", "/dashboard/sign-in", "/dashboard/sign-out", "/dashboard/connect",
    "/install", "/studio/sign-in", "/studio/sign-out",
    "/connect/", "/oauth/", "/<slug>/launch", "/go/", "/view", "/docs", "/feeds/", "/openapi.json", "/healthz",
    "/readyz", "/assets/", "/bootstrap/static/", "/products", "/shops/", "/creators/", "/robots.txt", "/sitemap",
    "/reasons",
)  # fmt: skip
# Under a public place, and yet the caller's bytes have to prove themselves.
SIGNED = ("/oauth/<slug>/handover/",)
PLACES = {
    "/console": "staff",
    "/dashboard": "merchant",
    "/studio": "creator",
    "/api/v1": "app_scope",
    "/metrics": "app_scope",
    "/webhooks/": "signed",
    "/hooks/": "signed",
}
# Where a route sends who isn't known.
DOORS = ("/console/sign-in", "/dashboard/connect", "/studio/sign-in")


@pytest.fixture(scope="module")
def app() -> Flask:
    return application.create_app(app_settings(env="production", public_url="https://connector.example"))


def guards(app: Flask) -> Iterator[tuple[Rule, Guard | None]]:
    for rule in app.url_map.iter_rules():
        yield rule, guard_of(app.view_functions[rule.endpoint])


def test_every_room_with_routes_is_there(app: Flask) -> None:
    rules = [str(rule) for rule in app.url_map.iter_rules()]
    for place in (*PLACES, *PUBLIC):
        assert any(rule.startswith(place) for rule in rules), f"no route begins with {place}"


def test_every_route_says_who_may_call_it(app: Flask) -> None:
    assert [str(rule) for rule, guard in guards(app) if guard is None] == []


def test_every_guard_fits_its_place(app: Flask) -> None:
    wrong = []
    for rule, guard in guards(app):
        place = next((kind for prefix, kind in PLACES.items() if str(rule).startswith(prefix)), "public")
        kind = guard.kind if guard else "none"
        wanted = "signed" if str(rule).startswith(SIGNED) else "public" if str(rule).startswith(PUBLIC) else place
        if kind != wanted:
            wrong.append(f"{rule} has {guard}")
        if kind == "public" and guard and not guard.asks:
            wrong.append(f"{rule} is public without a reason")
    assert wrong == []


def test_nobody_gets_through_a_guard(app: Flask, sqlite_database: Database) -> None:
    """Called without a session, a token or a signature, a guarded route answers 401, 403 or leads to a door."""
    client = app.test_client()
    open_doors, tried = [], 0
    for rule, guard in guards(app):
        if guard is None or guard.kind == "public":
            continue
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            path = rule.build({name: _example(rule, name) for name in rule.arguments})[1]  # type: ignore[index]
            answer = client.open(path, method=method, data=b"{}", content_type="application/json")
            tried += 1
            let_in = answer.status_code not in (401, 403)
            leads_on = answer.status_code in (302, 303) and answer.headers.get("Location", "").startswith(DOORS)
            if let_in and not leads_on:
                open_doors.append(f"{method} {path}: {answer.status_code} {answer.headers.get('Location', '')}")
    assert open_doors == []
    assert tried > 50


def _example(rule: Rule, name: str) -> object:
    if isinstance(rule._converters[name], AnyConverter):
        return sorted(rule._converters[name].items)[0]  # one of those that the route names itself
    return 1 if "int" in type(rule._converters[name]).__name__.lower() else "shopify" if name in ("slug", "to") else "x"
