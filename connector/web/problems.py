"""Errors as answers: problem+json (RFC 9457) for programs, a clear page for people; both with a reference to quote.

A page says what happened, why, what to do and who can; never "something went wrong". What stands in the log under the
reference is the whole error; what is shown is its `public` words.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import sqlalchemy.exc
from apiflask import HTTPError
from flask import Flask, Response, g, json, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException

from connector import telemetry
from connector.errors import (
    ConnectorError,
    InputRefused,
    NotSignedIn,
    PlatformBusy,
    SignatureRejected,
    TermsOwed,
    TooOften,
)
from connector.web import embedded, guards

_log = telemetry.logger(__name__)

# What people read for the errors that come from HTTP itself: title, sentence, what to do.
_HTTP_WORDS: dict[int, tuple[str, str, str]] = {
    400: (
        "That request can't be read",
        "Part of it is missing or has another shape than we expect.",
        "Go back and try again.",
    ),
    404: (
        "There is nothing at this address",
        "The link may be old or cut short, or what it showed was removed.",
        "Check the address, or start from the first page.",
    ),
    405: (
        "That can't be done here",
        "The address exists, but not for this kind of request.",
        "Start from the first page.",
    ),
    413: ("That is too large", "We take less than was sent.", "Send a smaller body."),
    415: ("That kind of content isn't taken here", "The content type is not one we read.", "Send JSON."),
    429: ("Too many requests", "More was asked in a short time than one caller may.", "Wait a minute, then go on."),
    503: (
        "We can't reach our database right now",
        "Nothing you did is lost: stores send their messages again, and we read what we missed.",
        "Try again in a minute.",
    ),
}
# The same for a program, which goes back nowhere and has no first page.
_API_WORDS: dict[int, tuple[str, str, str]] = {
    400: (_HTTP_WORDS[400][0], "The body isn't well-formed JSON.", "Compare the request with its operation at /docs."),
    404: (_HTTP_WORDS[404][0], "No operation has this path.", "Look it up at /docs."),
    405: (_HTTP_WORDS[405][0], "This path takes other methods: those that Allow names.", "Look it up at /docs."),
}
_FORM_STALE = (
    "This form is too old",
    "The page was open for more than an hour, or you signed in or out since.",
    "Go back, reload the page and send it again. Nothing was changed.",
)
# Where each face asks who comes; merchants' door is for all the rest.
_DOORS = (("/console", "console.sign_in"), ("/studio", "studio.sign_in"))
_OF_A_TEXT = re.compile(r"Value should have at (most|least) (\d+) items? after validation, not (\d+)")
DATABASE_AWAY = (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError, sqlalchemy.exc.TimeoutError)


def wants_json() -> bool:
    """Does the caller speak JSON? By the path, or because it asks for JSON before HTML."""
    if request.path.startswith(("/api/", "/webhooks/", "/healthz", "/readyz", "/metrics", "/openapi.json")):
        return True
    best = request.accept_mimetypes.best_match(["text/html", "application/json", "application/problem+json"])
    return best is not None and best != "text/html"


def reference() -> str:
    """The id of this request: in the log, in `X-Request-Id`, and on an error page for people to quote."""
    if "request_id" not in g:
        g.request_id = "req_" + secrets.token_hex(8)
    return str(g.request_id)


def problem(
    status: int, title: str, detail: str, *, slug: str = "", headers: Mapping[str, str] | None = None, **extra: Any
) -> Response:
    """An `application/problem+json` answer. `slug` names the kind; `extra` are its own members, as `field`."""
    body = {
        "type": f"urn:connector:problem:{slug or status}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": reference(),
        **extra,
    }
    return Response(json.dumps(body), status=status, mimetype="application/problem+json", headers=dict(headers or {}))


def install(app: Flask) -> None:
    app.register_error_handler(ConnectorError, _ours)
    app.register_error_handler(guards.TooMany, _too_many)
    app.register_error_handler(HTTPError, _apiflask)
    app.register_error_handler(HTTPException, _http)
    for kind in DATABASE_AWAY:
        app.register_error_handler(kind, _database_away)
    app.register_error_handler(Exception, _unexpected)


def _ours(error: ConnectorError) -> Response:
    if error.status >= 500:
        _log.error("request.failed", reference=reference(), error=str(error), kind=type(error).__name__)
    else:
        _log.info("request.refused", reference=reference(), error=str(error), kind=type(error).__name__)
    slug = "".join("-" + c.lower() if c.isupper() else c for c in type(error).__name__).lstrip("-")
    if not wants_json() and (onward := _in_frame(error)):
        return onward
    headers: dict[str, str] = {**embedded.retry_headers(error)}
    if isinstance(error, PlatformBusy | TooOften):
        headers["Retry-After"] = str(max(1, int(error.retry_after)))
    if wants_json():
        if isinstance(error, NotSignedIn | SignatureRejected):
            headers["WWW-Authenticate"] = "Bearer"
        extra: dict[str, str] = {}
        if isinstance(error, InputRefused | TermsOwed):
            extra = {"field": error.field, "remedy": error.remedy}
        extra |= {name: said for name in ("code", "field") if (said := getattr(error, name))}
        return problem(error.status, error.title, error.public, slug=slug, headers=headers, **extra)
    plain = type(error) is NotSignedIn and error.public == str(error)
    if plain and request.method == "GET" and not embedded.by_fetch():
        return _to_sign_in()
    remedy = error.remedy if isinstance(error, InputRefused) and error.remedy not in error.public else ""
    return page(error.status, error.title, error.public, remedy, headers=headers)


def _in_frame(error: ConnectorError) -> Response | None:
    """Inside a platform's frame nobody is sent to a sign-in page: a document asks the platform for a token, and a shop
    that isn't connected is connected by opening us; None where there is nothing special."""
    if embedded.by_fetch():
        if isinstance(error, guards.NeedsJoin):
            return Response(status=204, headers={"X-Frame-Document": _launch()})
        return None
    if not embedded.in_frame() or request.method not in ("GET", "HEAD"):
        return None
    if isinstance(error, guards.NeedsJoin):
        return redirect(f"{_launch()}?{request.query_string.decode()}", code=303)  # type: ignore[return-value]
    if isinstance(error, guards.NeedsToken | embedded.TokenRefused):
        return redirect(embedded.bounce_url(embedded.own_address()), code=303)  # type: ignore[return-value]
    return None


def _launch() -> str:
    platform = embedded.embedding()
    found = embedded.peek()
    slug = found.platform.slug if found else platform.slug if platform else ""
    return url_for("oauth.launch", slug=slug)


def _to_sign_in() -> Response:
    """Where to sign in, by the face that was asked for; the way back rides along as a path of ours."""
    face = next((door for place, door in _DOORS if request.path.startswith(place)), "dashboard.connect")
    way_back = quote(request.full_path.rstrip("?"), safe="")
    return redirect(f"{url_for(face)}?next={way_back}", code=303)  # type: ignore[return-value]


def _apiflask(error: HTTPError) -> Response:
    """APIFlask's own 422 (and abort) shape, as a problem: every field with its messages, by where it stood."""
    fields = [
        {"in": place, "field": name, "problem": "; ".join(map(_plainly, said if isinstance(said, list) else [said]))}
        for place, names in _as_map(error.detail).items()
        for name, said in _as_map(names).items()
    ]
    title = "The request has a field that can't be taken" if error.status_code == 422 else str(error.message)
    detail = "; ".join(f"{each['field']}: {each['problem']}" for each in fields) or str(error.message)
    headers = {name: str(value) for name, value in dict(error.headers or {}).items()}
    if not fields:
        return problem(error.status_code, title, detail, headers=headers)
    return problem(
        error.status_code, title, detail, slug="input-refused", headers=headers, field=fields[0]["field"],
        fields=fields, remedy="Compare the request with its operation at /docs.",
    )  # fmt: skip


def _plainly(said: object) -> str:
    """Pydantic counts the characters of a text that is looked at further as items."""
    return _OF_A_TEXT.sub(r"Text should have at \1 \2 characters, not \3", str(said))


def _as_map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _http(error: HTTPException) -> Response:
    if error.response is not None or error.code is None or error.code < 400:
        return error.get_response()  # type: ignore[return-value]  # a redirect, or an answer made on purpose
    words = _HTTP_WORDS.get(error.code, (error.name, error.description or "", ""))
    if request.path.startswith("/api/"):
        words = _API_WORDS.get(error.code, words)
    if type(error).__name__ == "CSRFError":
        words = _FORM_STALE
    headers = {"Allow": ", ".join(error.valid_methods or ())} if hasattr(error, "valid_methods") else {}
    return _answer(error.code, words, headers)


def _too_many(_error: guards.TooMany) -> Response:
    return _answer(429, _HTTP_WORDS[429], {"Retry-After": "60"})


def _database_away(error: Exception) -> Response:
    # 503 and not 500: a platform whose delivery we could not store sends it again.
    _log.error("database.away", reference=reference(), error=str(error).splitlines()[0], exc_info=error)
    return _answer(503, _HTTP_WORDS[503], {"Retry-After": "30"})


def _unexpected(error: Exception) -> Response:
    if "cannot contain NUL" in str(error):
        return _nul()
    telemetry.FAILURES.labels(route=str(request.url_rule or "none")).inc()
    _log.error("request.broke", reference=reference(), exc_info=error)
    words = (
        "We could not finish this request",
        "A fault in our own program stopped it; nothing was changed. It is in our log under the reference below.",
        "Try again once. If it stops again, send us the reference.",
    )
    return _answer(500, words, {})


def _nul() -> Response:
    """PostgreSQL stores no such character, so that nothing we hold has one: asked for by who tries what breaks."""
    if "\0" in request.path:
        return _answer(404, _API_WORDS[404] if request.path.startswith("/api/") else _HTTP_WORDS[404], {})
    words = ("A character in it is no text", "It holds the character NUL.", "Take it out and send it again.")
    return _answer(422, words, {})


def _answer(status: int, words: tuple[str, str, str], headers: Mapping[str, str]) -> Response:
    title, sentence, remedy = words
    if wants_json():
        return problem(status, title, f"{sentence} {remedy}".strip(), headers=headers)
    return page(status, title, sentence, remedy, headers=headers)


def _sentence(text: str) -> str:
    """An error's message as a sentence: the log writes it small and without a full stop."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) or not text else ".")


def _way_back() -> tuple[str, str] | None:
    """(address, words) of the first page of the face that was asked for, for who is signed in there."""
    if request.method != "GET" and not embedded.in_frame():
        return None  # the browser's own way back keeps what was typed
    if g.get("staff"):
        return url_for("console.health"), "Back to Health"
    if g.get("shop"):
        return url_for("dashboard.home"), "Back to your shop"
    if g.get("creator"):
        return url_for("studio.home"), "Back to your studio"
    return None


def page(
    status: int, title: str, sentence: str, remedy: str = "", *, headers: Mapping[str, str] | None = None
) -> Response:
    """A clear page about an error: what, why, what to do, and the reference to quote.

    In a platform's frame nobody would see it before we know whose frame it is: then a token is asked for first.
    """
    if embedded.should_ask():
        return redirect(embedded.bounce_url(embedded.own_address()), code=303)  # type: ignore[return-value]
    html = render_template(
        "web/problem.html", title=title, sentence=_sentence(sentence), remedy=remedy, reference=reference(),
        status=status, back=_way_back(),
    )  # fmt: skip
    return Response(html, status=status, mimetype="text/html", headers=dict(headers or {}))
