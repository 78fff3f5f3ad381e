"""`/openapi.json`, made from the code, and `/docs`, the page to read it. Nothing of it comes from another host."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from apiflask import APIFlask
from flask import Blueprint, Response, current_app, jsonify, render_template, send_from_directory

from connector.access import answers
from connector.config import Settings
from connector.faces.api import repeats, shapes
from connector.operations.telling import catalogue
from connector.web import guards
from connector.web.guards import public

docs = Blueprint("api_docs", __name__, template_folder="templates")

_DIST = Path(str(files("flask_swagger_ui"))) / "dist"
_OURS = Path(__file__).parent / "static"
_ASSETS = frozenset({"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"})
# What was answered in a demo, by the name of the shape (`sandbox/examples.py`).
_ANSWERED = Path(__file__).with_name("examples.json")
_PROBLEM = "#/components/schemas/Problem"
_ALWAYS = {
    "401": "No app token, or one that isn't known (any more)",
    "403": "The token has not the scope",
    "404": "What the address or the request names isn't there",
    "429": "This token asks too often; Retry-After says when to go on",
    "503": "The database can't be reached; try again",
}
# Under which heading an operation stands, by the module of its view; the headings in the order of a creator's way.
_GROUPS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Creators", "Sign-ups, profiles, counts, who may take part, their pages.", ("sign_ups", "programme", "studio")),
    ("Rules", "What may be promoted, terms of use, breaches and appeals.", ("rules",)),
    ("Listings", "The shoppable list, and feeds of it.", ("listings", "feeds")),
    ("Terms", "What shops offer: rates, openings, codes.", ("terms", "openings", "codes")),
    ("Offers", "Terms of a creator's own: offers, answers, lists, messages.", ("negotiations", "threads")),
    ("Content", "Videos, posts and live sessions: products, views, flat fees.", ("content", "content_fees")),
    ("Samples", "Asked for, given, sent, followed.", ("samples",)),
    ("Taps and carts", "From a tap in the app to the store's checkout.", ("taps", "carts")),
    ("Shops", "Their state, syncs, deliveries, orders and proofs.", ("stores", "proofs")),
    ("Reports", "What was sold, by whom and with what; what it would pay.", ("reports", "whatif")),
    (
        "Money",
        "Balances, statements, invoices, payouts, payment details.",
        ("books", "payout_calendar", "invoices", "payees"),
    ),
    ("Events", "What was told to you, and having it sent again.", ("events",)),
)
_GROUP_OF = {module: name for name, _, modules in _GROUPS for module in modules}
_BODY = {"400": "The body isn't JSON", "413": "The body is too large"}


@docs.get("/openapi.json")
@public("the shape of the API is no secret")
def openapi() -> Response:
    app: Any = current_app
    answer = jsonify(app.spec)
    answer.headers["Cache-Control"] = "no-cache"
    return answer


@docs.get("/docs")
@public("the shape of the API is no secret")
def page() -> str:
    return render_template("api/docs.html")


@docs.get("/docs/assets/<name>")
@public("style and script of the API page")
def asset(name: str) -> Response:
    # Only the three files that the page names: the package has more.
    return send_from_directory(_DIST, name if name in _ASSETS else "absent", max_age=86400)


@docs.get("/docs/start.js")
@public("script of the API page")
def start() -> Response:
    return send_from_directory(_OURS, "start.js", max_age=86400)


def describe(app: APIFlask) -> None:
    """Set the document's head and let `_finish` complete what APIFlask makes of the views."""
    settings: Settings = app.config["CONNECTOR"]
    app.config.update(
        OPENAPI_VERSION="3.1.0",
        AUTO_OPERATION_ID=True,
        AUTO_404_RESPONSE=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        SECURITY_SCHEMES={
            "appToken": {
                "type": "http",
                "scheme": "bearer",
                "description": "A token that `connector token issue` prints. Each operation names the scope it needs.",
            }
        },
    )
    app.servers = [{"url": settings.public_url}]
    app.description = (
        "What the app's back end asks of the connector. Money is integer minor units with currency and decimal string, "
        "times are RFC 3339 in UTC, errors are problem+json (RFC 9457)."
    )

    @app.spec_processor
    def finish(spec: Any) -> Any:
        return _finish(app, spec if isinstance(spec, dict) else spec.to_dict())


def _finish(app: APIFlask, spec: dict[str, Any]) -> dict[str, Any]:
    """Only the API's own paths; on each the scope it asks for and the problems it may answer with."""
    spec["paths"] = {path: found for path, found in spec["paths"].items() if path.startswith("/api/")}
    scopes, groups = _scopes(app), _groups(app)
    spec["tags"] = [{"name": name, "description": about} for name, about, _ in _GROUPS]
    for operations in spec["paths"].values():
        for method, operation in operations.items():
            if method == "parameters":
                continue
            guard = scopes[operation["operationId"]]
            operation["security"] = [{"appToken": [guard.asks]}]
            operation["tags"] = [groups[operation["operationId"]]]
            _add_key(method, operation)
            _add_problems(method, operation)
    schemas = spec["components"].setdefault("schemas", {})
    schemas.update(_problem_schemas())
    spec["webhooks"] = _webhooks()
    whole = _plain_names(spec)
    for name, answered in json.loads(_ANSWERED.read_text()).items():
        if name in whole["components"]["schemas"]:
            whole["components"]["schemas"][name]["examples"] = [answered]
    return whole


def _add_key(method: str, operation: dict[str, Any]) -> None:
    """Writes that don't look after the key by themselves are answered from what is kept."""
    given = operation.setdefault("parameters", [])
    if method == "get" or any(each.get("name", "").lower() == repeats.HEADER.lower() for each in given):
        return
    schema = {"type": "string", "minLength": 1, "maxLength": answers.LONGEST}
    given.append({"name": repeats.HEADER, "in": "header", "required": False, "description": repeats.ABOUT,
                  "schema": schema, "example": "7f0c1d"})  # fmt: skip


def _scopes(app: APIFlask) -> dict[str, guards.Guard]:
    found = ((name, guards.guard_of(view)) for name, view in _operations(app))
    return {name: guard for name, guard in found if guard is not None}


def _groups(app: APIFlask) -> dict[str, str]:
    """Operation → its heading. A module without one has its own name: a test finds it."""
    modules = {name: view.__module__.rpartition(".")[2] for name, view in _operations(app)}
    return {name: _GROUP_OF.get(module, module) for name, module in modules.items()}


def _operations(app: APIFlask) -> Iterator[tuple[str, Callable[..., Any]]]:
    """(operation id, view) of every route."""
    for rule in app.url_map.iter_rules():
        for method in rule.methods or ():
            yield f"{method.lower()}_{rule.endpoint.replace('.', '_')}", app.view_functions[rule.endpoint]


def _add_problems(method: str, operation: dict[str, Any]) -> None:
    answers = dict(_ALWAYS)
    if "requestBody" in operation:
        operation["requestBody"]["required"] = True
        answers |= _BODY
    if method != "get":  # what has no body may come too late as well
        answers["409"] = "It can't be done as things stand now, or was done otherwise before"
    answers["422"] = "A field can't be taken: it is named, with the remedy"
    for status, description in answers.items():
        operation["responses"][status] = {
            "description": description,
            "content": {"application/problem+json": {"schema": {"$ref": _PROBLEM}}},
        }


def _webhooks() -> dict[str, Any]:
    """What we send to the app's endpoints, by kind."""
    headers = (
        ("webhook-id", "The event's id: equal whenever it is sent again."),
        ("webhook-timestamp", "When it was signed, in seconds since 1970."),
        ("webhook-signature", "By a blank, one `v1,…` for each live secret: Standard Webhooks."),
    )
    parameters = [
        {"name": name, "in": "header", "required": True, "description": about, "schema": {"type": "string"}}
        for name, about in headers
    ]
    return {
        kind: {
            "post": {
                "operationId": f"told_{kind.replace('.', '_')}",
                "summary": about.when,
                "parameters": parameters,
                "requestBody": {
                    "required": True, "content": {"application/json": {"schema": catalogue.schema(kind)}},
                },
                "responses": {
                    "2XX": {"description": "Taken. Anything else, and it is sent again, for three days"},
                    "410": {"description": "The endpoint is gone: it is switched off"},
                },
            }
        }
        for kind, about in catalogue.KINDS.items()
    }  # fmt: skip


def _problem_schemas() -> dict[str, Any]:
    return {"Problem": shapes.Problem.model_json_schema(mode="serialization")}


def _plain_names(spec: dict[str, Any]) -> dict[str, Any]:
    """`ListingPage.Money` is `Money` wherever all of that name are equal: one component for one shape."""
    schemas = spec["components"]["schemas"]
    by_short: dict[str, list[str]] = {}
    for name in schemas:
        by_short.setdefault(name.rpartition(".")[2], []).append(name)
    renamed = {name: short for short, names in by_short.items() for name in names if name != short}

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: _reference(each, renamed) if key == "$ref" else walk(each) for key, each in value.items()}
        return [walk(each) for each in value] if isinstance(value, list) else value

    whole: dict[str, Any] = walk(spec)
    found = whole["components"]["schemas"]
    whole["components"]["schemas"] = {}
    for short, names in sorted(by_short.items()):
        if any(found[name] != found[names[0]] for name in names):
            raise AssertionError(f"two shapes of the API are called {short}: give one of the classes another name")
        whole["components"]["schemas"][short] = found[names[0]]
    return whole


def _reference(value: str, renamed: dict[str, str]) -> str:
    head, _, name = value.rpartition("/")
    return f"{head}/{renamed.get(name, name)}"
