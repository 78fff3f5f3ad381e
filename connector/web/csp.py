"""What a browser may do with our answers: one strict policy on every HTML page, and the headers around it.

Everything comes from this host. There is no inline script and no inline style anywhere, so the policy needs neither
nonce nor hash. A stand-alone page can't be framed; the embedded dashboard names its one shop with `may_be_framed_by`.
"""

from __future__ import annotations

from flask import Flask, Response, g, request

from connector.config import Settings

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}"
)


def may_be_framed_by(*origins: str) -> None:
    """Let exactly these origins frame this answer. Only from a *verified* shop, never from a query."""
    g.frame_ancestors = origins


def policy() -> str:
    return _POLICY.format(ancestors=" ".join(g.get("frame_ancestors", ())) or "'none'")


def install(app: Flask, settings: Settings) -> None:
    @app.after_request
    def protect(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("X-Content-Type-Options", "nosniff")
        # same-origin: our own forms keep their referrer, no other site learns a path with an order in it.
        headers.setdefault("Referrer-Policy", "same-origin")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
        if not settings.dev:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
        if response.mimetype == "text/html":
            headers.setdefault("Content-Security-Policy", policy())
        if request.endpoint not in app.config["CACHED_ENDPOINTS"]:
            headers.setdefault("Cache-Control", "no-store")
        return response
