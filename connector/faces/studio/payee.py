"""Where the creator's money goes: what stands, what waits, and giving new details."""

from __future__ import annotations

from typing import Any

from flask import flash, g, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from connector import clock
from connector.earnings.payouts import outcomes, queries
from connector.errors import Conflict, InputRefused
from connector.faces.studio.face import blueprint, reading, writing
from connector.programme.creators import payees
from connector.programme.creators.payees import Details
from connector.web import guards
from connector.web.guards import creator
from connector.web.layout import page
from connector.web.words import paid_to

# What the form asks for, as its fields and its errors call it.
LABELS = {
    "name": "Name", "country": "Country", "iban": "IBAN", "bic": "BIC", "account": "Account number",
    "routing": "Routing number", "email": "E-mail address", "stripe_account": "Stripe account", "currency": "Currency",
}  # fmt: skip


@blueprint.get("/payments", endpoint="payee")
@creator
def payee_page() -> str:
    return _shown({}, {})


def _shown(typed: dict[str, str], errors: dict[str, str]) -> str:
    now = clock.now()
    with reading() as session:
        versions = payees.of(session, g.creator_id)
        stands = payees.standing_of(versions, now)
        before = None
        if stands.payee is not None and stands.reason:
            before = payees.standing_of([each for each in versions if each is not stands.payee], now)
        name = payees.opened(stands.payee).name if stands.payee is not None else ""
        paid = queries.of_creator(session, g.creator_id, limit=20)
    values: dict[str, Any] = {
        "typed": typed, "errors": errors, "stands": stands, "before": before, "name": name, "paid": paid,
        "paid_to": paid_to, "countries": sorted(payees.countries().items(), key=lambda each: each[1]),
        "leaves": outcomes.leaves,
    }  # fmt: skip
    return page("studio/payee.html", **values)


@blueprint.post("/payments")
@creator
def change_payee() -> str | AnyResponse:
    typed = {name: request.form.get(name, "").strip() for name in LABELS}
    try:
        with writing() as session:
            payees.propose(session, g.creator_id, Details(**typed), guards.actor())
    except InputRefused as refused:
        return _shown(typed, {refused.field: f"{LABELS.get(refused.field, refused.field)} {refused.problem}"})
    except Conflict as conflict:
        flash(f"{conflict.public[:1].upper()}{conflict.public[1:]}. Nothing was changed.", "warn")
        return _shown(typed, {})
    flash("Your new details are saved. Confirm them with the code that the app sends you.")
    return redirect(url_for(".payee"), code=303)


@blueprint.post("/payments/confirm")
@creator
def confirm_payee() -> str | AnyResponse:
    code = request.form.get("code", "")
    try:
        with writing() as session:
            right = payees.confirm(session, g.creator_id, code, guards.actor()) is not None
    except Conflict as conflict:
        return _shown({}, {"code": conflict.public[:1].upper() + conflict.public[1:] + "."})
    if not right:
        return _shown({}, {"code": "That isn't the code that the app sent you."})
    flash("Confirmed. Payouts go there in three days.")
    return redirect(url_for(".payee"), code=303)


@blueprint.post("/payments/refuse")
@creator
def refuse_payee() -> AnyResponse:
    try:
        with writing() as session:
            payees.refuse(session, g.creator_id, guards.actor())
    except Conflict as conflict:
        flash(f"{conflict.public[:1].upper()}{conflict.public[1:]}.", "warn")
        return redirect(url_for(".payee"), code=303)
    flash("The change is refused. Your details are as they were before.")
    return redirect(url_for(".payee"), code=303)
