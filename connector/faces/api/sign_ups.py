"""Creators sign up, tell how many follow them, and take up products; who may is told by a dated policy.

Nothing here needs an Idempotency-Key, since each act is a repeat by its natural key: a sign-up by the app's account, a
count by being the same, a product in the list by creator, listing, variant and content.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from flask import current_app
from pydantic import ConfigDict, Field
from sqlalchemy.orm import Session

from connector import clock, db
from connector.db import Scope
from connector.earnings.attribution import taking_up
from connector.faces.api.face import blueprint, paged
from connector.faces.api.programme import know_buyer, link_shown
from connector.faces.api.shapes import Asked, CreatorCustomer, Given, Ident, LinkShown, Moment, PagedList, Text, example
from connector.programme.creators import countries, eligibility, networks, profiles, sign_up
from connector.programme.creators import queries as creators
from connector.programme.creators.tables import Creator, CreatorEligibility
from connector.programme.policies import eligibility as policies
from connector.programme.policies import screening
from connector.web import words
from connector.web.guards import actor, app_scope

Followers = Annotated[int, Field(ge=0, le=10**10)]
Share = Annotated[int, Field(ge=0, le=10_000)]
Name = Annotated[Text, Field(min_length=1, max_length=40)]


class NetworkAsked(Asked):
    network: Name = Field(description=f"One of {', '.join(networks.NETWORKS)}.")
    handle: Annotated[Text, Field(max_length=200)] = Field(
        description="With or without @. A handle never becomes another creator's."
    )
    followers: Followers | None = Field(None, description="There; kept with the time at which it was said.")


class AudienceAsked(Asked):
    countries: dict[Name, Share] = Field({}, description="Two letters of ISO 3166 → basis points.", max_length=60)
    ages: dict[Name, Share] = Field({}, description="under_18, 18-24, 25-34, 35-44, 45-54, 55-64, 65+.", max_length=7)
    genders: dict[Name, Share] = Field({}, description="female, male, other, unknown.", max_length=4)


class SignUpAsked(Asked):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "account_ref": "u-20481", "handle": "@mira.makes", "name": "Mira", "followers": 12400,
                    "born_on": "1998-04-30", "country": "DE", "about": "Linen, and what to do with it.",
                    "language": "de", "topics": ["sewing", "home"],
                    "networks": [{"network": "instagram", "handle": "mira.makes", "followers": 8100}],
                    "audience": {"countries": {"DE": 7000, "AT": 1500}, "ages": {"25-34": 5200}},
                }
            ]
        },
    )  # fmt: skip

    account_ref: Annotated[Text, Field(min_length=1, max_length=200)] = Field(
        description="Your own, lasting id of the account: handles may change, it doesn't."
    )
    handle: Annotated[Text, Field(max_length=200)] = Field(description="In the app. Mixed scripts are refused.")
    name: Annotated[Text, Field(max_length=200)] = ""
    followers: Followers | None = Field(
        None, description="All together. Left out: the sum over the networks; a number that you told before stays."
    )
    born_on: date | None = Field(None, description="The programme has a minimum age; shown to nobody.")
    country: Annotated[Text, Field(max_length=10)] | None = Field(None, description="Two letters of ISO 3166.")
    networks: list[NetworkAsked] = Field([], max_length=20)
    about: Annotated[Text, Field(max_length=500)] | None = Field(None, description="Merchants read it.")
    language: Annotated[Text, Field(max_length=12)] | None = Field(None, description="Like de, or pt-BR.")
    topics: list[Name] | None = Field(None, max_length=10, description="What the creator shows, in their words.")
    audience: AudienceAsked | None = None
    email: Annotated[Text, Field(max_length=320)] | None = Field(
        None, description="What the creator buys by: kept as a keyed hash only, to know an own purchase."
    )
    phone: Annotated[Text, Field(max_length=40)] | None = Field(None, description="As email, with its country code.")
    customers: list[CreatorCustomer] = Field([], max_length=50, description="The creator as customer of shops, hashed.")


class CountsAsked(Asked):
    model_config = example(followers=12900, networks={"instagram": 8300})

    followers: Followers | None = Field(None, description="All together. Left out: as in signing up.")
    networks: dict[Name, Followers] = Field({}, max_length=20, description="Network → followers there.")


class DecisionShown(Given):
    """Whether a creator may take part, and by which version of the policy."""

    outcome: Literal["accepted", "held", "refused"]
    reason: str = Field(description="A code; empty when accepted.")
    said: str = Field(description="The reason in the creator's words.")
    policy_id: str
    policy_version: int
    followers: int = Field(description="As they were said.")
    believed: int = Field(description="As they count: one that jumps counts as it was before until it has stood.")
    flags: list[str]
    pilot_until: datetime | None = Field(description="Until then the limits of the pilot period count.")
    occasion: str = Field(description="sign_up, facts, recheck.")
    decided_at: datetime


class DecisionList(PagedList):
    items: list[DecisionShown]


class NetworkShown(Given):
    network: str
    handle: str
    starts_at: datetime
    ends_at: datetime | None = Field(description="Given up then; it stays this creator's.")


class ProfileShown(Given):
    id: str
    account_ref: str | None = Field(description="null: registered before there was a sign-up.")
    handle: str
    name: str
    followers: int
    country: str | None
    status: str
    about: str
    language: str
    topics: list[str]
    networks: list[NetworkShown]
    audience: dict[str, dict[str, int]] = Field(description="As it was said last; basis points.")
    eligibility: DecisionShown | None = Field(description="null: nothing was ever decided.")
    created_at: datetime


class StatusShown(Given):
    status: str
    reason: str
    starts_at: datetime
    recorded_at: datetime


class StatusList(PagedList):
    items: list[StatusShown]


class NumbersShown(Given):
    least_followers: int
    least_age: int
    pilot_below: int = Field(description="Followers; 0: no pilot period.")
    pilot_days: int
    pilot_products: int = Field(description="In the list at once.")
    pilot_new_a_day: int
    recheck_days: int
    jump_factor: int
    jump_least: int
    jump_days: int


class PolicyShown(Given):
    id: str
    version: int
    starts_at: datetime
    numbers: NumbersShown
    why: str


class PolicyList(PagedList):
    items: list[PolicyShown]


class LookAsked(Asked):
    model_config = example(followers=1200, born_on="1998-04-30", at="2024-04-30T12:00:00Z")

    followers: Followers
    born_on: date
    at: Moment | None = Field(None, description="By the policy of that time. Default: now.")


class LookShown(Given):
    """What the policy says; nothing was written."""

    outcome: Literal["accepted", "held", "refused"]
    reason: str
    said: str
    policy_id: str
    policy_version: int
    pilot_until: datetime | None


class TakeUpAsked(Asked):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"listing_id": "lst_01h…"}]})

    listing_id: Ident
    variant_ref: Annotated[Text, Field(max_length=200)] | None = None
    content_id: Ident | None = Field(None, description="The video or live session that shows it.")


class TakenUpShown(Given):
    link: LinkShown
    title: str
    rate_bp: int = Field(description="What the creator earns by it now, in basis points.")
    kept_until: datetime | None = Field(description="An older rate, kept until then.")
    is_new: bool = Field(description="false: it was in the creator's list already.")
    qr_url: str = Field(description="The link as QR code, on the creator's own page.")


@blueprint.post("/creators/sign-ups")
@app_scope("creators:write")
@blueprint.input(SignUpAsked)
@blueprint.output(ProfileShown, status_code=201)
def sign_creator_up(json_data: SignUpAsked) -> ProfileShown:
    """Sign a creator up, or bring an account up to date

    You vouch for who it is and for the counts. Whom the policy refuses at the first try gets 422 naming the field, and
    nothing is kept; afterwards facts are kept and the answer's `eligibility` says what they mean.
    """
    with db.write(Scope.app()) as session:
        row, decision, _ = sign_up.sign_up(session, _sign_up(json_data), by=actor())
        know_buyer(session, row.id, json_data)
        return _profile(session, row, decision)


@blueprint.get("/creators/<creator_id>/profile")
@app_scope("creators:read")
@blueprint.output(ProfileShown)
def read_profile(creator_id: str) -> ProfileShown:
    """A creator's profile, networks, audience and the decision that stands"""
    with db.read(Scope.app()) as session:
        return _profile(session, creators.get(session, creator_id))


@blueprint.post("/creators/<creator_id>/followers")
@app_scope("creators:write")
@blueprint.input(CountsAsked)
@blueprint.output(ProfileShown, status_code=201)
def tell_followers(creator_id: str, json_data: CountsAsked) -> ProfileShown:
    """Tell how many follow a creator now

    Kept with its time; the creator is looked at again. A count that jumps is kept, flagged, and believed once it has
    stood for some days. A drop takes nothing back that was earned.
    """
    with db.write(Scope.app()) as session:
        row = creators.living(session, creator_id)
        sign_up.tell_counts(session, row, json_data.followers, json_data.networks, by=actor())
        return _profile(session, row)


@blueprint.get("/creators/<creator_id>/eligibility")
@app_scope("creators:read")
@blueprint.output(DecisionList)
@paged("list_decisions")
def list_decisions(creator_id: str) -> DecisionList:
    """Every decision about a creator, newest first, each with its policy version"""
    with db.read(Scope.app()) as session:
        creators.get(session, creator_id)
        return DecisionList(items=[_decision(row) for row in eligibility.history(session, creator_id)])


@blueprint.get("/creators/<creator_id>/statuses")
@app_scope("creators:read")
@blueprint.output(StatusList)
@paged("list_statuses")
def list_statuses(creator_id: str) -> StatusList:
    """Every status a creator had or will have, newest first"""
    with db.read(Scope.app()) as session:
        creators.get(session, creator_id)
        rows = creators.status_history(session, creator_id)
        return StatusList(items=[StatusShown.model_validate(row) for row in rows])


@blueprint.get("/eligibility")
@app_scope("creators:read")
@blueprint.output(PolicyList)
@paged("list_policies")
def list_policies() -> PolicyList:
    """Every version of the eligibility policy, newest first"""
    with db.read(Scope.app()) as session:
        found = reversed(policies.every(session))
        return PolicyList(items=[_policy(each) for each in found])


@blueprint.post("/eligibility/look")
@app_scope("creators:read")
@blueprint.input(LookAsked)
@blueprint.output(LookShown)
def look_at_eligibility(json_data: LookAsked) -> LookShown:
    """Would somebody be accepted, now or at another time?

    By the version that stood then. Nothing is written.
    """
    at = json_data.at or clock.now()
    with db.read(Scope.app()) as session:
        facts = policies.Facts(born_on=json_data.born_on, counts=[(at, json_data.followers)])
        judged = policies.judge(policies.at(session, at), facts, at)
    return LookShown(
        outcome=judged.outcome, reason=judged.reason, said=_said(judged.reason), policy_id=judged.policy.id,
        policy_version=judged.policy.version, pilot_until=judged.pilot_until,
    )  # fmt: skip


@blueprint.post("/creators/<creator_id>/products")
@app_scope("links:write")
@blueprint.input(TakeUpAsked)
@blueprint.output(TakenUpShown, status_code=201)
def take_up_product(creator_id: str, json_data: TakeUpAsked) -> TakenUpShown:
    """Add a product to a creator's list and get its link, in one call

    Any product that its shop has opened, without a click of the merchant. Sent again, it is the same link.
    """
    with db.write(Scope.app()) as session:
        taken = taking_up.take_up(
            session, creator_id, json_data.listing_id, variant_ref=json_data.variant_ref,
            content_id=json_data.content_id,
        )  # fmt: skip
        return TakenUpShown(
            link=link_shown(taken.link, screening.disclosure(session)), title=taken.listing.title,
            rate_bp=taken.rate.rate_bp,
            kept_until=taken.rate.kept_until, is_new=taken.is_new,
            qr_url=f"{current_app.config['CONNECTOR'].public_url}/studio/links/{taken.link.id}/qr.svg",
        )  # fmt: skip


def _sign_up(asked: SignUpAsked) -> sign_up.SignUp:
    audience: dict[str, Any] = asked.audience.model_dump() if asked.audience else {}
    return sign_up.SignUp(
        account_ref=asked.account_ref, handle=asked.handle, name=asked.name, followers=asked.followers,
        born_on=asked.born_on, country=asked.country, about=asked.about, language=asked.language, topics=asked.topics,
        accounts=[sign_up.Account(each.network, each.handle, each.followers) for each in asked.networks],
        audience=audience,
    )  # fmt: skip


def _profile(session: Session, row: Creator, decision: CreatorEligibility | None = None) -> ProfileShown:
    """`decision`: the newest, where it is at hand."""
    now = clock.now()
    decision, audience = decision or eligibility.newest(session, row.id), profiles.audience(session, row.id, now)
    return ProfileShown(
        id=row.id, account_ref=row.account_ref, handle=row.handle, name=row.name, followers=row.followers,
        country=countries.of(session, [row.id], now).get(row.id), status=creators.status_at(session, row.id, now),
        about=row.about, language=row.language, topics=[str(topic) for topic in row.topics],
        networks=_networks(session, row.id), audience=dict(audience.facts) if audience else {},
        eligibility=_decision(decision) if decision else None, created_at=row.created_at,
    )  # fmt: skip


def _networks(session: Session, creator_id: str) -> list[NetworkShown]:
    return [NetworkShown.model_validate(row) for row in profiles.handles(session, creator_id)]


def _decision(row: CreatorEligibility) -> DecisionShown:
    return DecisionShown(
        outcome=row.outcome, reason=row.reason, said=_said(row.reason),  # type: ignore[arg-type]
        policy_id=row.policy_id, policy_version=row.policy_version, followers=row.followers, believed=row.believed,
        flags=[str(flag) for flag in row.flags], pilot_until=row.pilot_until, occasion=row.occasion,
        decided_at=row.decided_at,
    )  # fmt: skip


def _said(reason: str) -> str:
    return words.reason(reason, "creator") if reason else ""


def _policy(each: policies.Policy) -> PolicyShown:
    numbers = NumbersShown.model_validate(each.numbers)
    return PolicyShown(id=each.id, version=each.version, starts_at=each.starts_at, numbers=numbers, why=each.why)
