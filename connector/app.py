"""The web application: `create_app(settings)` is the only place that wires blueprints.

A web process holds no state: sessions are signed cookies, everything else is in the database. Proxies are not trusted
unless `CONNECTOR_TRUSTED_PROXIES` says how many stand in front; links to ourselves come from `CONNECTOR_PUBLIC_URL`,
never from a Host header.
"""

from __future__ import annotations

import signal
import time
from functools import cache
from importlib.metadata import version
from importlib.resources import files

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from apiflask import APIFlask
from flask import Flask, Response, g, jsonify, redirect, request, url_for
from flask_wtf.csrf import CSRFProtect
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import CollectorRegistry
from werkzeug.middleware.proxy_fix import ProxyFix

from connector import db, heap, telemetry
from connector.checkout import routes as checkout
from connector.config import Settings
from connector.faces.api import routes as api
from connector.faces.console import routes as console
from connector.faces.console.measures import StateCollector
from connector.faces.dashboard import routes as dashboard
from connector.faces.install import routes as install
from connector.faces.showcase import routes as showcase
from connector.faces.studio import routes as studio
from connector.oauth import routes as oauth
from connector.operations.starting import open_process
from connector.web import csp, guards, layout, problems, sessions
from connector.web.guards import app_scope, public
from connector.webhooks import routes as webhooks

_log = telemetry.logger(__name__)

# Rooms that bring routes, in the order in which they stand in front of each other.
_ROOMS = (webhooks, oauth, checkout, api, console, dashboard, install, showcase, studio)


def from_environment() -> Flask:
    """The application of a process of its own: opens database, vault, clock and logs, then wires."""
    # Ctrl-C reaches every process of a terminal. The server's first one hears it and asks this one to stop; asked
    # twice, granian's worker would only end when its time has run out.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    settings = open_process()
    telemetry.configure(settings.log_level, settings.log_format)
    app = create_app(settings)
    # The collector needn't go through modules and mapped classes again and again: a great report took a quarter longer.
    heap.keep_what_stands()
    return app


def create_app(settings: Settings) -> Flask:
    """Wire everything. Needs `db.use` and `vault.use` before the first request, not before this call.

    Errors: ConfigurationWrong when a route has no guard.
    """
    app = APIFlask(
        "connector", title="connector", version=version("connector"), spec_path=None, docs_path=None, json_errors=False,
        static_folder=None, static_url_path="/static",  # type: ignore[arg-type]
    )  # fmt: skip
    app.config.update(
        CONNECTOR=settings,
        MAX_CONTENT_LENGTH=settings.body_limit,
        MAX_FORM_MEMORY_SIZE=500_000,
        # Every guard that goes by a cookie checks forms itself.
        WTF_CSRF_CHECK_DEFAULT=False,
        PREFERRED_URL_SCHEME="http" if settings.dev else "https",
        CACHED_ENDPOINTS=frozenset({"bootstrap.static", "web.static", "web.icons"}),
    )
    if settings.trusted_proxies:
        count = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]
    sessions.install(app, settings)
    CSRFProtect(app)
    csp.install(app, settings)
    layout.install(app, settings)
    problems.install(app)
    _follow_requests(app)
    _operations(app)
    for room in _ROOMS:
        app.register_blueprint(room.blueprint)
        if hasattr(room, "install"):
            room.install(app)
    guards.refuse_unguarded(app)
    return app


def _follow_requests(app: Flask) -> None:
    """A reference for each request, its line in the log, its time in the histogram."""

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()
        telemetry.unbind()
        telemetry.bind(request_id=problems.reference())

    @app.after_request
    def end(response: Response) -> Response:
        route = str(request.url_rule or "none")
        seconds = time.perf_counter() - g.get("began", time.perf_counter())
        telemetry.HTTP_SECONDS.labels(request.method, route, f"{response.status_code // 100}xx").observe(seconds)
        response.headers["X-Request-Id"] = problems.reference()
        if request.endpoint not in app.config["CACHED_ENDPOINTS"]:
            # The route and not the path: paths hold sign-in links and order numbers.
            _log.info(
                "request", method=request.method, route=route, status=response.status_code, ms=round(seconds * 1000, 1)
            )
        return response

    @app.teardown_request
    def done(_error: BaseException | None) -> None:
        telemetry.unbind()


def _operations(app: Flask) -> None:
    """What load balancers and Prometheus ask."""

    @app.get("/")
    @public("leads to the merchant's first page, which asks who comes")
    def root() -> Response:
        return redirect(url_for("dashboard.home"))  # type: ignore[return-value]

    @app.get("/healthz")
    @public("a load balancer asks whether the process answers; says nothing else")
    def healthz() -> Response:
        return jsonify(ok=True)

    @app.get("/readyz")
    @public("a load balancer asks whether to send requests here; names no secrets")
    def readyz() -> tuple[Response, int]:
        reasons = _why_not_ready()
        return jsonify(ready=not reasons, reasons=reasons), 503 if reasons else 200

    @app.get("/metrics")
    @app_scope("metrics:read", loopback_in_dev=True)
    def metrics() -> Response:
        state = CollectorRegistry()
        state.register(StateCollector())
        text = generate_latest(telemetry.REGISTRY) + generate_latest(state)
        return Response(text, content_type=CONTENT_TYPE_LATEST)


def _why_not_ready() -> list[str]:
    try:
        with db.current().engine.connect() as connection:
            stands_at = MigrationContext.configure(connection).get_current_revision()
    except problems.DATABASE_AWAY as error:
        _log.error("database.away", error=str(error).splitlines()[0])
        return ["the database can't be reached"]
    if stands_at != _newest_revision():
        return [
            f"the database is at {stands_at or 'nothing'}, this program needs {_newest_revision()}: "
            "run connector migrate"
        ]
    return []


@cache
def _newest_revision() -> str:
    # Read by path: this module and `migrations` stand side by side and don't import each other.
    config = Config()
    config.set_main_option("script_location", str(files("connector") / "migrations"))
    return ScriptDirectory.from_config(config).get_current_head() or ""
