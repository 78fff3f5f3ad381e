"""POST /webhooks/<platform>: size, signature, durable row, 200. Nothing else happens while the platform waits.

    over the limit            413, before it is read (or as soon as it is over, where no length was announced)
    signature wrong           401, counted, nothing kept
    the same again            200, no new row
    shop not known            200, parked until the shop is connected
    database away             503 with Retry-After: the platform sends it again

A receipt that failed never answers 2xx.
"""

from __future__ import annotations

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import RequestEntityTooLarge

from connector import telemetry
from connector.config import Settings
from connector.errors import SignatureRejected
from connector.platforms import roster
from connector.platforms.contract import Delivery
from connector.web.guards import signed
from connector.web.problems import DATABASE_AWAY, problem
from connector.webhooks import inbox

blueprint = Blueprint("webhooks", __name__)
_log = telemetry.logger(__name__)
RETRY_AFTER = "30"


@blueprint.post("/webhooks/<slug>")
@signed("platform webhook")
def receive(slug: str) -> Response:
    platform = roster.platform(slug)
    settings: Settings = current_app.config["CONNECTOR"]
    request.max_content_length = settings.body_limit
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        inbox.reject(slug, "too_large")
        return problem(413, "The body is too large", f"We take {settings.body_limit} bytes.", slug="too-large")
    delivery = Delivery({name.lower(): value for name, value in request.headers}, body, request.path)
    try:
        envelope = platform.webhooks.verify(delivery, roster.settings_of(slug))
    except SignatureRejected:
        inbox.reject(slug, "bad_signature")
        return problem(401, SignatureRejected.title, "Sign the exact bytes of the body.", slug="signature-rejected")
    try:
        receipt = inbox.record(platform, envelope, delivery)
    except DATABASE_AWAY as error:
        _log.error("delivery.not_kept", topic=envelope.topic, error=str(error).splitlines()[0])
        answer = problem(503, "We can't keep this now", "Send it again.", slug="database-away")
        answer.headers["Retry-After"] = RETRY_AFTER
        return answer
    return Response(b"repeat" if receipt.repeat else b"kept", status=200, mimetype="text/plain")
