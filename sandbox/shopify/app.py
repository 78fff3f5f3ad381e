"""The stand-in Shopify as one Flask application on one port."""

from __future__ import annotations

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from sandbox.shopify import admin, control, frame, merchant, pages, storefront, storefront_api
from sandbox.shopify.store import Settings, Store, json_answer

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def create_app(store: Store) -> Flask:
    app = Flask(__name__)
    app.config["STORE"] = store
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.config["MAX_CONTENT_LENGTH"] = 16 * 1024 * 1024
    app.register_blueprint(admin.blueprint(store))
    app.register_blueprint(frame.blueprint(store))
    app.register_blueprint(merchant.blueprint(store))
    app.register_blueprint(pages.blueprint(store))
    app.register_blueprint(storefront.room)
    app.register_blueprint(storefront_api.blueprint(store))
    app.register_blueprint(control.room)

    @app.get("/")
    def start() -> Response:
        return json_answer(
            {
                "what": "A stand-in Shopify for development and tests. Not Shopify.",
                "shops": {s["name"]: f"{store.origin(s['name'])}/" for s in store.state.shops()},
                "control": f"{store.settings.base_url}/control/health",
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


__all__ = ["Settings", "Store", "create_app"]
