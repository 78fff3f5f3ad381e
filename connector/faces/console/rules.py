"""The rules as they hold, what waits for an answer, and breaches of one creator or shop."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from connector import clock, db
from connector.commerce.shops import queries as shops_of
from connector.db import Scope
from connector.errors import Conflict, InputRefused, NotFound
from connector.faces.console.face import WHY, blueprint
from connector.faces.console.runs import shops_by_id
from connector.programme.creators import queries as creators_of
from connector.programme.policies import rules as policy
from connector.programme.policies import screening, violations
from connector.programme.policies.rules_tables import ListingRefusal, Violation
from connector.web import guards
from connector.web.guards import staff
from connector.web.layout import page


@blueprint.get("/rules")
@staff("support")
def rules() -> str:
    return _page()


def _page(wrong: str = "", note: str = "", problem: str = "") -> str:
    now = clock.now()
    with db.read(Scope.system(WHY)) as session:
        versions = screening.versions(session)
        products, breaches = screening.appeals(session), violations.appeals(session)
        out = session.execute(
            sa.select(ListingRefusal.rule, sa.func.count())
            .where(ListingRefusal.ended_at.is_(None))
            .group_by(ListingRefusal.rule)
        )
        kept_out = {code: int(number) for code, number in out}
        shops = shops_by_id(session, {row.shop_id for row in products} | _ids(breaches, "shop"))
        people = creators_of.some(session, _ids(breaches, "creator"))
    by_code = {rule.code: rule for each in versions for rule in policy.breakable(each)}
    return page(
        "console/rules.html", held=policy.at(versions, now), versions=versions[::-1], products=products,
        breaches=breaches, kept_out=kept_out, shops=shops, people=people, rules=by_code, now=now, wrong=wrong,
        note=note, problem=problem,
    )  # fmt: skip


def _ids(breaches: Sequence[Violation], subject: str) -> set[str]:
    return {row.subject_id for row in breaches if row.subject == subject}


@blueprint.post("/rules/products/<refusal_id>")
@staff("support")
def decide_refusal(refusal_id: str) -> str | AnyResponse:
    note, decision = request.form.get("note", ""), request.form.get("decision", "")
    try:
        _known(decision, ("permit", "uphold"))
        with db.write(Scope.system(WHY)) as session:
            screening.decide(session, refusal_id, permit=decision == "permit", note=note, by=guards.actor())
    except (InputRefused, Conflict) as refused:
        return _page(refusal_id, note, _said(refused))
    flash("Let in; it is screened anew at once." if decision == "permit" else "Upheld. The merchant reads why.")
    return redirect(url_for(".rules"), code=303)


@blueprint.post("/rules/breaches/<violation_id>")
@staff("support")
def decide_breach(violation_id: str) -> str | AnyResponse:
    note, decision = request.form.get("note", ""), request.form.get("decision", "")
    try:
        _known(decision, ("lift", "uphold"))
        with db.write(Scope.system(WHY)) as session:
            row = violations.decide(session, violation_id, lift=decision == "lift", note=note, by=guards.actor())
    except (InputRefused, Conflict) as refused:
        return _page(violation_id, note, _said(refused))
    flash("Lifted: it counts no more." if decision == "lift" else "Upheld. They read why.")
    return redirect(url_for(".breaches", subject=row.subject, subject_id=row.subject_id), code=303)


@blueprint.get("/breaches/<subject>/<subject_id>")
@staff("support")
def breaches(subject: str, subject_id: str) -> str:
    return _breaches(subject, subject_id, {})


def _breaches(subject: str, subject_id: str, errors: dict[str, str]) -> str:
    now = clock.now()
    with db.read(Scope.system(WHY)) as session:
        if subject == "creator":
            name, back = creators_of.get(session, subject_id).name, url_for(".creator", creator_id=subject_id)
        elif subject == "shop":
            shop = shops_of.get(session, subject_id)
            name, back = shop.name or shop.domain, url_for(".shop", shop_id=subject_id)
        else:
            raise NotFound("breaches are of a creator or a shop")
        rows = violations.of(session, subject_id)
        held = screening.now_in_force(session, now)
        by_code = {rule.code: rule for each in screening.versions(session) for rule in policy.breakable(each)}
    choices = [
        (word, [each for each in policy.breakable(held) if (each.verdict == "conduct") == of_people])
        for word, of_people in (("Of what people do", True), ("Of products", False))
    ]
    return page(
        "console/breaches.html", subject=subject, subject_id=subject_id, name=name, back=back, rows=rows,
        choices=choices,
        rules=by_code, now=now, errors=errors, typed=request.form, strikes=violations.strikes(rows, now),
        due=violations.due(rows, now), counts=violations.counts,
    )  # fmt: skip


@blueprint.post("/breaches/<subject>/<subject_id>")
@staff("support")
def record_breach(subject: str, subject_id: str) -> str | AnyResponse:
    form, strikes = request.form, request.form.get("strikes", "")
    missing = {} if form.get("rule") else {"rule": "Choose the rule that was broken."}
    if not strikes.isdecimal():
        missing["strikes"] = "Choose a warning, or how many strikes."
    if not form.get("why", "").strip():
        missing["why"] = "Say what happened: they read it."
    if missing:
        return _breaches(subject, subject_id, missing)
    try:
        with db.write(Scope.system(WHY)) as session:
            if subject == "creator":
                creators_of.get(session, subject_id)
            else:
                shops_of.get(session, subject_id)
            violations.record(
                session, subject, subject_id, form.get("rule", ""), strikes=int(strikes) if strikes.isdecimal() else -1,
                why=form.get("why", ""), by=guards.actor(),
            )  # fmt: skip
    except InputRefused as refused:
        return _breaches(subject, subject_id, {refused.field: _said(refused)})
    flash("Recorded. They are told, with the reason and until when they can appeal.")
    return redirect(url_for(".breaches", subject=subject, subject_id=subject_id), code=303)


def _known(decision: str, choices: tuple[str, str]) -> None:
    if decision not in choices:
        raise InputRefused("decision", f"is neither {choices[0]} nor {choices[1]}.")


def _said(refused: InputRefused | Conflict) -> str:
    if isinstance(refused, InputRefused):
        return f"It {refused.problem} {refused.remedy}".strip()
    return f"{refused.public[:1].upper()}{refused.public[1:]}."
