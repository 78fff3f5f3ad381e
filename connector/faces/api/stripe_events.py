"""POST /hooks/stripe: what Stripe tells of payments and of our transfers. Closed without a secret; signed."""

from __future__ import annotations

import json

from flask import Blueprint, Response, current_app, request

from connector import clock, db
from connector.db import Scope
from connector.earnings.payouts import stripe_events as transfers
from connector.earnings.settlement import stripe_payments
from connector.errors import PayloadUnreadable, SignatureRejected
from connector.web.guards import signed

blueprint = Blueprint("stripe_events", __name__)


@blueprint.post("/hooks/stripe")
@signed("Stripe's signature")
def receive() -> Response:
    secret = current_app.config["CONNECTOR"].stripe_webhook_secret.get_secret_value()
    if not secret:
        raise SignatureRejected("no CONNECTOR_STRIPE_WEBHOOK_SECRET is set: no event can be told from a forged one")
    body = request.get_data()
    stripe_payments.verify(body, request.headers.get("Stripe-Signature", ""), secret)
    try:
        event = json.loads(body)
    except ValueError:
        raise PayloadUnreadable("$", "isn't JSON") from None
    if not isinstance(event, dict):
        raise PayloadUnreadable("$", "is no object")
    if (moved := transfers.of_event(event)) is not None:
        with db.write(Scope.system("a transfer names its payout, and so its shop")) as session:
            return Response(transfers.take(session, moved, clock.now()), mimetype="text/plain")
    told = stripe_payments.of_event(event)
    if told is None:
        return Response("ignored", mimetype="text/plain")
    with db.write(Scope.system("a payment names its invoice, and so its shop")) as session:
        done = stripe_payments.take(session, told, clock.now())
    # Answered 200 where a person has to look too: the same event again would say nothing else.
    word = "looked at by a person" if done is None else "recorded" if done[1] else "repeat"
    return Response(word, mimetype="text/plain")
