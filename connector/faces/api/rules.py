"""The rules as they hold, terms of use and who accepted them, breaches of a creator."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy.orm import Session

from connector import clock, db
from connector.db import Scope
from connector.faces.api import shapes
from connector.faces.api.face import blueprint, paged
from connector.programme.creators import queries as creators
from connector.programme.policies import rules as policy
from connector.programme.policies import screening, use_terms, violations
from connector.programme.policies.rules_tables import Violation
from connector.web.guards import actor, app_scope


class RuleShown(shapes.Given):
    code: str
    title: str
    verdict: Literal["prohibited", "restricted", "conduct"] = Field(
        description="`conduct` is of what creators and merchants do, and looks at no product."
    )
    why: str
    remedy: str = Field(description="What the merchant does; of a rule of conduct, whoever broke it.")
    categories: list[str]
    claims: list[str]
    countries: list[str] = Field(description="ISO 3166: only shops there. Empty: everywhere.")


class RulesShown(shapes.Given):
    version: int
    starts_at: datetime
    disclosure: dict[str, str] = Field(
        description="By language, what a creator says beside each link.",
        examples=[{"en": "Ad. I earn a commission if you buy through this link."}],
    )
    rules: list[RuleShown]


class UseTermsShown(shapes.Given):
    """The terms of use in force for a creator, and the version that they accepted last."""

    version: int
    starts_at: datetime
    text: str
    accepted_version: int | None
    accepted_at: datetime | None
    to_accept: bool = Field(description="The version in force isn't accepted yet: show `text` and ask.")
    due_at: datetime | None = Field(
        description="By when it has to be accepted: from then on the creator takes up nothing new, and what they would "
        "do is answered by 409 with the field `use_terms`. None: it stops nobody."
    )


class UseTermsAccepting(shapes.Asked):
    version: int = Field(ge=1, le=1_000_000, description="The one that was shown.", examples=[1])


class BreachShown(shapes.Given):
    id: str
    rule: str
    version: int
    strikes: int = Field(description="0: a warning.")
    why: str
    at: datetime
    appeal_until: datetime
    ends_at: datetime
    counts: bool
    appealed_at: datetime | None
    decision: str = Field(description="Empty, `lifted` or `upheld`.")
    note: str = Field(description="The decision's reason.")


class BreachList(shapes.PagedList):
    strikes: int = Field(description="That count now.")
    items: list[BreachShown]


class BreachAppealAsked(shapes.Asked):
    words: Annotated[shapes.Text, Field(min_length=10, max_length=2000)] = Field(examples=["I quoted a critic of it."])


@blueprint.get("/rules")
@app_scope("listings:read")
@blueprint.output(RulesShown)
def read_rules() -> RulesShown:
    """What may be promoted, and what a creator says beside a link"""
    with db.read(Scope.app()) as session:
        held = screening.now_in_force(session, clock.now())
    return RulesShown(
        version=held.version, starts_at=held.starts_at, disclosure=held.disclosure,
        rules=[
            RuleShown(
                code=rule.code, title=rule.title, verdict=rule.verdict, why=rule.why, remedy=rule.remedy,
                categories=list(rule.categories), claims=list(rule.claims), countries=list(rule.countries),
            )
            for rule in policy.breakable(held)
        ],
    )  # fmt: skip


@blueprint.get("/creators/<creator_id>/use-terms")
@app_scope("creators:read")
@blueprint.output(UseTermsShown)
def read_use_terms(creator_id: str) -> UseTermsShown:
    """The terms of use in force, and whether a creator accepted them"""
    with db.read(Scope.app()) as session:
        creators.get(session, creator_id)
        return _terms(session, creator_id)


@blueprint.put("/creators/<creator_id>/use-terms")
@app_scope("creators:write")
@blueprint.input(UseTermsAccepting)
@blueprint.output(UseTermsShown)
def accept_use_terms(creator_id: str, json_data: UseTermsAccepting) -> UseTermsShown:
    """Record that a creator accepted the terms of use

    The same version once more changes nothing; another one than the one in force is refused.
    """
    with db.write(Scope.app()) as session:
        creators.living(session, creator_id)
        use_terms.accept(session, "creator", creator_id, json_data.version, actor())
        return _terms(session, creator_id)


@blueprint.get("/creators/<creator_id>/breaches")
@app_scope("creators:read")
@blueprint.output(BreachList)
@paged("list_breaches")
def list_breaches(creator_id: str) -> BreachList:
    """Breaches of the rules that were recorded for a creator, the newest first"""
    now = clock.now()
    with db.read(Scope.app()) as session:
        creators.get(session, creator_id)
        rows = violations.of(session, creator_id)
    return BreachList(strikes=violations.strikes(rows, now), items=[_breach(row, now) for row in rows])


@blueprint.post("/creators/<creator_id>/breaches/<breach_id>/appeal")
@app_scope("creators:write")
@blueprint.input(BreachAppealAsked)
@blueprint.output(BreachShown)
def appeal_breach(creator_id: str, breach_id: str, json_data: BreachAppealAsked) -> BreachShown:
    """Say what speaks against a breach

    Once, within its time; a repeat is refused and changes nothing.
    """
    with db.write(Scope.app()) as session:
        row = violations.appeal(session, creator_id, breach_id, json_data.words, actor())
        return _breach(row, clock.now())


def _terms(session: Session, creator_id: str) -> UseTermsShown:
    text = use_terms.in_force(session, "creator", clock.now())
    found = use_terms.accepted(session, "creator", creator_id)
    return UseTermsShown(
        version=text.version, starts_at=text.starts_at, text=text.text,
        accepted_version=found.version if found else None, accepted_at=found.at if found else None,
        to_accept=found is None or found.version < text.version, due_at=text.due_at,
    )  # fmt: skip


def _breach(row: Violation, now: datetime) -> BreachShown:
    return BreachShown(
        id=row.id, rule=row.rule, version=row.version, strikes=row.strikes, why=row.why, at=row.at,
        appeal_until=row.appeal_until, ends_at=row.ends_at, counts=violations.counts(row, now),
        appealed_at=row.appealed_at, decision=row.decision, note=row.note,
    )  # fmt: skip
