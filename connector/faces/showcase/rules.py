"""What may be promoted, and the terms of use, for whoever wants to read them before they join."""

from __future__ import annotations

from flask import Response, url_for

from connector import clock, db
from connector.db import Scope
from connector.faces.showcase.face import blueprint, public_url, shown
from connector.programme.policies import rules as policy
from connector.programme.policies import screening, use_terms
from connector.web.guards import public

_WHY = "the rules and the terms of use are no secret: whoever thinks of joining may read them"


@blueprint.get("/rules")
@public(_WHY)
def rules() -> Response:
    now = clock.now()
    with db.read(Scope.app()) as session:
        versions = screening.versions(session)
        texts = [use_terms.in_force(session, audience, now) for audience in ("creator", "merchant")]
    held = policy.at(versions, now)
    groups = [
        ("Not promoted at all", [rule for rule in held.rules if rule.verdict == "prohibited"]),
        (
            "Promoted once support has seen what is needed",
            [rule for rule in held.rules if rule.verdict == "restricted"],
        ),
        ("What creators and merchants do", [rule for rule in policy.breakable(held) if rule.verdict == "conduct"]),
    ]
    return shown(
        "showcase/rules.html", held=held, groups=groups, texts=texts, now=now, versions=versions[::-1],
        canonical=public_url(url_for(".rules")),
    )  # fmt: skip
