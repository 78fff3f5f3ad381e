"""POST /webhooks/<platform>: size, signature, durable row, 200. Nothing else happens while the platform waits.

    over the limit            413, before it is read (or as soon as it is over, where no length was announced)
    signature wrong           401, counted, nothing kept
    the platform only tries   200, nothing kept
    address of no shop        404, counted, nothing kept
    the same again            200, no new row
    shop not known            200, parked until the shop is connected
    database away, disk full,
    line or queue too long    503 with Retry-After, before anything breaks (`pressure`): the platform sends it again

A receipt that failed never answers 2xx.

A live burst is thousands of these, so they are answered in front of Flask (`install`): sessions, page policies and a
log line a request cost more than the rest together. The route below is the same act behind Flask, and says its guard.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any

import msgspec
from flask import Blueprint, Flask, Response, current_app, request
from prometheus_client import Histogram
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.wsgi import get_input_stream

from connector import db, telemetry
from connector.config import Settings
from connector.errors import NotFound, SignatureRejected
from connector.platforms import roster
from connector.platforms.contract import Delivery, Platform
from connector.web.guards import signed
from connector.web.problems import DATABASE_AWAY
from connector.webhooks import hooks, inbox, pressure
from connector.webhooks.line import Receipt

blueprint = Blueprint("webhooks", __name__)
_log = telemetry.logger(__name__)
_PREFIX = "/webhooks/"
RETRY_AFTER = "30"
Environ = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """Status line, body, and its headers."""

    status: int
    words: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/plain"),)


_KEPT = Answer(200, "OK", b"kept")
_KEPT_NOTHING = Answer(200, "OK", b"heard")
_REPEAT = Answer(200, "OK", b"repeat")


@blueprint.post("/webhooks/<path:to>")
@signed("platform webhook")
def receive(to: str) -> Response:
    answer = accept(to, request.environ, current_app.config["CONNECTOR"])
    return Response(answer.body, status=answer.status, headers=list(answer.headers))


def accept(to: str, environ: Environ, settings: Settings) -> Answer:
    """Keep one delivery, or say why not. `to`: the platform's slug, and what of the address stands behind it."""
    slug, _, behind = to.partition("/")
    try:
        platform = roster.platform(slug)
    except NotFound:
        return _problem(404, "Not Found", "No platform has this name.")
    try:
        body = _body(environ, settings.body_limit)
    except RequestEntityTooLarge:
        inbox.reject(slug, "too_large")
        return _problem(413, "Content Too Large", f"We take {settings.body_limit} bytes.")
    except ClientDisconnected:
        return _problem(400, "Bad Request", "The body ended before its announced length.")
    path = _PREFIX + to
    delivery = Delivery(_headers(environ), body, path, settings.public_url + path)

    def whose() -> tuple[str, str]:
        return slug, platform.webhooks.verify(delivery, roster.settings_of(slug)).domain

    try:
        if platform.can("shop_secrets"):
            found = hooks.addressee(db.current(), slug, behind.partition("/")[0])
            if found is None:
                inbox.reject(slug, "unknown_address")
                return _problem(404, "Not Found", "This address was made for no store.")
            delivery = replace(delivery, domain=found.domain, secrets=found.secrets)
        if (refusal := pressure.of(db.current()).refusal(settings, whose)) is not None:
            detail = f"We can't keep this now ({refusal.cause}): send it again."
            return _problem(503, "Service Unavailable", detail, ("Retry-After", str(refusal.retry_after)))
        receipt = _received(platform, delivery, behind.partition("/")[0])
    except SignatureRejected:
        if platform.webhooks.greeting(delivery):
            return _KEPT_NOTHING
        inbox.reject(slug, "bad_signature")
        return _problem(401, "Unauthorized", "The signature isn't one over these bytes.")
    except DATABASE_AWAY as error:
        _log.error("delivery.not_kept", platform=slug, error=str(error).splitlines()[0])
        return _problem(
            503, "Service Unavailable", "We can't keep this now: send it again.", ("Retry-After", RETRY_AFTER)
        )
    return _REPEAT if receipt.repeat else _KEPT


def _received(platform: Platform, delivery: Delivery, key: str) -> Receipt:
    """As `inbox.receive`; where another process has just changed the shop's secret, once more with what stands now."""
    try:
        return inbox.receive(platform, delivery)
    except SignatureRejected:
        if not platform.can("shop_secrets"):
            raise
        found = hooks.addressee(db.current(), platform.slug, key, within=hooks.FRESH)
        if found is None or found.secrets == delivery.secrets:
            raise
        return inbox.receive(platform, replace(delivery, secrets=found.secrets))


def install(app: Flask) -> None:
    """Answer deliveries in front of Flask; everything else goes on as it was."""
    behind: Callable[..., Iterable[bytes]] = app.wsgi_app
    settings: Settings = app.config["CONNECTOR"]

    def in_front(environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        path: str = environ.get("PATH_INFO", "")
        if environ["REQUEST_METHOD"] != "POST" or not path.startswith(_PREFIX):
            return behind(environ, start)
        began = time.perf_counter()
        try:
            answer = accept(path[len(_PREFIX) :], environ, settings)
        except Exception as error:
            telemetry.FAILURES.labels(route="/webhooks/<slug>").inc()
            _log.error("delivery.broke", exc_info=error)
            answer = _problem(500, "Internal Server Error", "A fault of ours: send it again.")
        seconds = time.perf_counter() - began
        _seconds(answer.status // 100).observe(seconds)
        if answer.status != 200:
            _log.info("request", method="POST", route="/webhooks/<slug>", status=answer.status)
        start(f"{answer.status} {answer.words}", [("Content-Length", str(len(answer.body))), *answer.headers])
        return [answer.body]

    app.wsgi_app = in_front  # type: ignore[method-assign, assignment]


@cache
def _seconds(hundreds: int) -> Histogram:
    """The histogram of the answers of one class; finding it by its labels took as long as keeping the figure."""
    return telemetry.HTTP_SECONDS.labels("POST", "/webhooks/<slug>", f"{hundreds}xx")


def _body(environ: Environ, limit: int) -> bytes:
    """Errors: RequestEntityTooLarge before anything is read, or, where no length was announced, one byte too late."""
    length: str = environ.get("CONTENT_LENGTH") or ""
    if length.isascii() and length.isdigit() and int(length) <= limit:
        # As nearly all come. The library's stream would do the same in ten steps.
        body = environ["wsgi.input"].read(int(length))
        if len(body) < int(length):
            raise ClientDisconnected
        return bytes(body)
    # The library cuts a body of no announced length at its limit without a word, so it gets one byte more than ours.
    body = get_input_stream(environ, max_content_length=limit + 1).read()
    if len(body) > limit:
        raise RequestEntityTooLarge
    return body


def _headers(environ: Environ) -> dict[str, str]:
    """Header names in lower case, as the contract has them."""
    found = {_header(name): value for name, value in environ.items() if name.startswith("HTTP_")}
    found["content-type"] = environ.get("CONTENT_TYPE", "")
    return found


@lru_cache(1024)
def _header(name: str) -> str:
    return name[5:].replace("_", "-").lower()


def _problem(status: int, words: str, detail: str, *headers: tuple[str, str]) -> Answer:
    body = {"type": "about:blank", "title": words, "status": status, "detail": detail}
    kind = ("Content-Type", "application/problem+json")
    return Answer(status, words, msgspec.json.encode(body), (kind, *headers))
