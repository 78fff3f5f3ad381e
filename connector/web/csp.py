"""What a browser may do with our answers: one strict policy on every HTML page, and the headers around it.

Everything comes from this host. There is no inline script and no inline style anywhere, so the policy needs neither
nonce nor hash. A stand-alone page can't be framed. Every HTML answer to a request with a good session token (an error
too) names exactly that shop's admin, and lets in the platform's own script: the one exception to "this host alone".
Pictures and downloads that need the token are fetched by our script, hence `blob:` there. The showcase shows pictures
of the stores.
"""

from __future__ import annotations

from collections.abc import Sequence

from flask import Flask, Response, current_app, g, request

from connector.config import Settings
from connector.web import embedded

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'{script}; img-src 'self' data:{img}; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}"
)


def may_show_images_of_stores() -> None:
    """Public pages show products by the pictures that stores serve themselves, from whatever host that is."""
    g.images_from = " https:" + (" http://127.0.0.1:*" if current_app.config["CONNECTOR"].dev else "")


def may_be_framed_by(origins: Sequence[str]) -> None:
    """This answer may stand in a frame of these pages: it shows what the platform itself just proved, and no form."""
    g.framed_by = " ".join(origins)


def policy() -> str:
    frame = embedded.frame()
    if frame is None:
        return _POLICY.format(script="", img=g.get("images_from", ""), ancestors=g.get("framed_by", "") or "'none'")
    return _POLICY.format(script=f" {frame.script_source}", img=" blob:", ancestors=" ".join(frame.ancestors))


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
