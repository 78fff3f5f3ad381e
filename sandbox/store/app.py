"""The stand-in as one Flask application on one port: the shared rooms, and those of each platform's face."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, Flask, Response
from werkzeug.exceptions import HTTPException

from sandbox.store import control
from sandbox.store.store import Store, json_answer

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def create_app(store: Store, rooms: Sequence[Blueprint]) -> Flask:
    app = Flask(__name__)
    app.config["STORE"] = store
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.config["MAX_CONTENT_LENGTH"] = 16 * 1024 * 1024
    app.register_blueprint(control.room)
    for room in rooms:
        app.register_blueprint(room)

    @app.get("/")
    def start() -> Response:
        return json_answer(
            {
                "what": "Stand-in stores for development and tests. No platform's own.",
                "shops": {shop["name"]: f"{store.origin(shop)}/" for shop in store.state.shops()},
                "control": f"{store.base_url}/control/health",
            }
        )

    @app.after_request
    def guard(answer: Response) -> Response:
        answer.headers.setdefault("X-Content-Type-Options", "nosniff")
        answer.headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
        if answer.mimetype == "text/html":
            answer.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
        return answer

    @app.errorhandler(HTTPException)
    def not_there(error: HTTPException) -> Response:
        return json_answer({"errors": error.name}, error.code or 500)

    return app
