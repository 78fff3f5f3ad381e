"""The creator's side of the rules: terms of use to accept, recorded breaches, an appeal against one."""

from __future__ import annotations

from flask import flash, g, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from connector import clock
from connector.errors import Conflict, InputRefused
from connector.faces.studio.face import blueprint, reading, writing
from connector.programme.policies import rules as policy
from connector.programme.policies import screening, use_terms, violations
from connector.web import guards
from connector.web.guards import creator
from connector.web.layout import page


@blueprint.get("/rules")
@creator
def rules() -> str:
    return _shown()


def _shown(wrong: str = "", words: str = "", problem: str = "") -> str:
    now = clock.now()
    with reading() as session:
        rows = violations.of(session, g.creator_id)
        versions = screening.versions(session)
        owed = use_terms.owed(session, "creator", g.creator_id)
        accepted = use_terms.accepted(session, "creator", g.creator_id)
    return page(
        "studio/rules.html", rows=rows, now=now,
        rules={rule.code: rule for each in versions for rule in policy.breakable(each)},
        disclosure=policy.at(versions, now).disclosure, owed=owed, accepted=accepted, wrong=wrong,
        words=words, problem=problem, counts=violations.counts, strikes=violations.strikes(rows, now),
    )  # fmt: skip


@blueprint.post("/rules/breaches/<violation_id>/appeal")
@creator
def appeal_breach(violation_id: str) -> str | AnyResponse:
    words = request.form.get("words", "")
    try:
        with writing() as session:
            violations.appeal(session, g.creator_id, violation_id, words, guards.actor())
    except InputRefused as refused:
        return _shown(violation_id, words, f"Your words {refused.problem}")
    except Conflict as late:
        return _shown(violation_id, words, f"{late.public[:1].upper()}{late.public[1:]}.")
    flash("We have your words. Support reads them and answers here.")
    return redirect(url_for(".rules"), code=303)


@blueprint.post("/rules/terms")
@creator
def accept_use_terms() -> AnyResponse:
    version = request.form.get("version", "")
    try:
        with writing() as session:
            use_terms.accept(
                session, "creator", g.creator_id, int(version) if version.isdecimal() else 0, guards.actor()
            )
    except Conflict as moved:
        flash(f"Not accepted: {moved.public}.")
    else:
        flash("Accepted. The version that you accepted stays on this page.")
    return redirect(url_for(".rules"), code=303)
