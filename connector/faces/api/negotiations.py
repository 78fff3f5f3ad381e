"""Offers between a shop and a creator: made, countered, answered, agreed; lists of invitations; rules of acceptance.

The app acts for the side that it names (`side`). An offer or answer names the offer that it is about by its number, so
one that is sent twice, or crosses another, changes nothing: no Idempotency-Key is needed but for what is begun on many.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from flask import g
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from connector import db
from connector.commerce.shops import queries as shops
from connector.db import Scope
from connector.earnings.attribution.touches import request_key
from connector.faces.api import shapes
from connector.faces.api.face import blueprint, id_after, page, paged
from connector.faces.api.shapes import Asked, Given, Ident, Moment, Text, example
from connector.programme.collaborations import acceptance, agreements, batches, invitations, messages, negotiation
from connector.programme.collaborations.batches import Choice
from connector.programme.collaborations.invitations import Invited
from connector.programme.collaborations.proposals import MOST_PRODUCTS, Proposal
from connector.programme.collaborations.tables import (
    AcceptanceRule,
    Agreement,
    Negotiation,
    Offer,
    OfferBatch,
)
from connector.web.guards import actor, app_scope

Side = Literal["merchant", "creator"]
State = Literal["open", "agreed", "declined", "expired", "withdrawn"]
Bp = Annotated[int, Field(ge=-(10**9), le=10**9)]
# What a number of ours may be in a request: beyond it no database takes it.
Number = Annotated[int, Field(ge=0, le=10**12)]
# Minor units; how much is taken is a setting of the shop.
Fee = Annotated[int, Field(ge=0, le=10**12)]
LISTED = "negotiations"


class Key(BaseModel):
    idempotency_key: Annotated[Text, Field(min_length=1, max_length=200)] | None = Field(
        None, description="A key of your own: a request repeated with it gives what the first one made."
    )


_OFFER: dict[str, Any] = {
    "rate_bp": 1500, "product_refs": ["8127"], "ends_at": "2027-03-01T00:00:00Z", "expires_at": "2026-12-08T00:00:00Z",
}  # fmt: skip


class ProposalAsked(Asked):
    rate_bp: Bp = Field(description="Basis points, 100 to 8000.", examples=[1500])
    product_refs: Annotated[list[Annotated[Text, Field(min_length=1, max_length=200)]], Field(max_length=500)] = Field(
        [], description=f"The products that it is about, at most {MOST_PRODUCTS}. Empty: the whole shop."
    )
    starts_at: Moment | None = Field(None, description="Default: from its acceptance on.")
    ends_at: Moment = Field(description="The first moment after the terms.", examples=["2027-03-01T00:00:00Z"])
    expires_at: Moment = Field(description="Until when it can be accepted.", examples=["2026-12-08T00:00:00Z"])
    sample: bool = Field(False, description="A sample is part of it: offered by the shop, or wished for.")
    flat_fee: Fee = Field(
        0,
        description="Minor units of the shop's currency, owed once beside the rate when the shop has approved content "
        "with a product of the offer. 0: none. A change of an agreement says it again.",
        examples=[9000],
    )
    note: Annotated[Text, Field(max_length=4000)] = Field("", description="Plain text; becomes part of the agreement.")


class FirstOfferAsked(ProposalAsked):
    model_config = example(**_OFFER, shop_id="shp_01j8…", creator_id="crt_01j8…", side="merchant")

    shop_id: Ident
    creator_id: Ident
    side: Side = Field("merchant", description="Who makes the offer.")


class OfferAsked(ProposalAsked):
    model_config = example(**_OFFER, side="creator", number=1)

    side: Side = Field(description="Who makes the offer.")
    number: Number = Field(description="The newest offer, in whose place this one comes.", examples=[1])
    agreed: Number = Field(
        0, description="The version of the agreement that it would change; 0 while nothing was agreed."
    )


class AnswerAsked(Asked):
    model_config = example(side="merchant", number=2, answer="accept")

    side: Side = Field(description="Who answers.")
    number: Number = Field(description="The offer that is answered: the newest one.", examples=[2])
    answer: Literal["accept", "decline", "withdraw"] = Field(description="withdraw: an offer of one's own.")


class OfferShown(Given):
    id: str
    number: int
    side: Side
    rate_bp: int
    product_refs: list[str]
    starts_at: datetime | None
    ends_at: datetime
    sample: bool
    flat_fee: int = Field(description="Minor units of `fee_currency`; 0: none.")
    fee_currency: str
    note: str
    expires_at: datetime
    made_at: datetime
    outcome: str = Field(description="accepted, declined, countered, withdrawn or expired; empty: it stands.")
    answered_at: datetime | None


class AgreementShown(Given):
    id: str
    version: int
    offer_id: str
    text: str
    text_hash: str = Field(description="SHA-256 of the text as both sides accepted it.")
    accepted_side: Side
    accepted_by: str = Field(description="The actor, or `rule:` and the rule by which it was accepted.")
    accepted_at: datetime
    starts_at: datetime
    ends_at: datetime
    terms_ids: list[str] = Field(description="The dated terms that it made.")
    flat_fee: int = Field(description="Minor units of `fee_currency`, owed once for all versions; 0: none.")
    fee_currency: str


class NegotiationShown(Given):
    id: str
    shop_id: str
    creator_id: str
    state: State
    number: int = Field(description="Of the newest offer.")
    turn: str = Field(description="Whose answer is awaited: merchant or creator; empty while no offer stands.")
    expires_at: datetime | None = Field(description="Of the offer that stands.")
    agreed: int = Field(description="The version of the agreement in force; 0: none.")
    messages: int
    unread_by_merchant: int
    unread_by_creator: int
    begun_at: datetime
    moved_at: datetime
    offers: list[OfferShown] = Field(description="Oldest first.")


class NegotiationWhole(NegotiationShown):
    agreements: list[AgreementShown] = Field(description="Newest first.")


class NegotiationPage(Given):
    items: list[NegotiationShown]
    next: str | None


class NegotiationsAsked(shapes.Page):
    shop_id: Ident | None = None
    creator_id: Ident | None = None
    state: State | None = None


class RowAsked(Asked):
    handle: Annotated[Text, Field(max_length=200)] = Field(examples=["@mira"])
    rate_bp: Bp | None = Field(None, description="Of this creator alone.")
    flat_fee: Fee | None = Field(None, description="Of this creator alone.")


class InvitationsAsked(ProposalAsked):
    model_config = example(
        **_OFFER, shop_id="shp_01j8…", rows=[{"handle": "@mira"}, {"handle": "@yuki", "rate_bp": 1800}]
    )

    shop_id: Ident
    rows: Annotated[list[RowAsked], Field(min_length=1, max_length=invitations.MOST)]


class AnswersAsked(Asked):
    model_config = example(shop_id="shp_01j8…", answer="accept", most_bp=1500, least_followers=50000)

    shop_id: Ident
    answer: Literal["accept", "decline"]
    most_bp: Bp | None = Field(None, description="Only offers of at most this.", examples=[1500])
    least_followers: Annotated[int, Field(ge=0, le=10**12)] | None = Field(
        None, description="Only of creators whom so many follow.", examples=[50000]
    )
    without_sample: bool = Field(False, description="Only those that wish for no sample.")
    most_fee: Fee | None = Field(None, description="Only offers with at most this flat fee; 0: with none.")


class OfferBatchShown(Given):
    id: str
    shop_id: str
    act: str = Field(description="invite, accept, decline or withdraw.")
    status: str = Field(description="working or done.")
    rows: int
    waiting: int
    taken: int
    refused: int
    began_at: datetime
    finished_at: datetime | None


class BatchRowShown(Given):
    number: int = Field(description="The line, from 1.")
    said: str
    rate_bp: int | None
    flat_fee: int | None = Field(description="Minor units of the shop's currency.")
    negotiation_id: str | None
    outcome: str = Field(description="waiting, taken or refused.")
    reason: str
    detail: str


class BatchRowPage(Given):
    items: list[BatchRowShown]
    next: str | None


class BatchRowsAsked(shapes.Page):
    outcome: Literal["waiting", "taken", "refused"] | None = None


class RuleAsked(Asked):
    model_config = example(shop_id="shp_01j8…", most_bp=1500, least_followers=50000, most_days=90)

    shop_id: Ident
    most_bp: Bp = Field(description="A creator's offer of at most this is accepted by itself.", examples=[1500])
    least_followers: Annotated[int, Field(ge=-1, le=10**12)] = Field(examples=[50000])
    most_days: Annotated[int, Field(ge=-1, le=10**6)] = Field(90, description="A longer one waits for a person.")
    sample: bool = Field(False, description="Also where a sample is wished for.")
    most_fee: Fee = Field(0, description="Also with a flat fee of at most this; 0: only without one.")
    starts_at: Moment | None = None
    ends_at: Moment | None = None


class AcceptanceRuleShown(Given):
    id: str
    shop_id: str
    most_bp: int
    least_followers: int
    most_days: int
    sample: bool
    most_fee: int = Field(description="Minor units of the shop's currency.")
    starts_at: datetime
    ends_at: datetime | None
    recorded_at: datetime


class RuleList(shapes.PagedList):
    items: list[AcceptanceRuleShown]


class ShopAsked(shapes.LongPage):
    shop_id: Ident


@blueprint.post("/negotiations")
@app_scope("collaborations:write")
@blueprint.input(FirstOfferAsked)
@blueprint.output(NegotiationWhole, status_code=201)
def begin_negotiation(json_data: FirstOfferAsked) -> NegotiationWhole:
    """Offer a creator terms of their own, or offer a shop to work at other ones

    The other side hears of it by the notice `offer.made`. Of one shop and creator one negotiation is open at a time. A
    creator's offer that a rule of the shop takes is agreed at once.
    """
    with db.write(Scope.app()) as session:
        row = negotiation.begin(
            session, json_data.shop_id, json_data.creator_id, json_data.side, _proposal(json_data), by=actor()
        )
        return _whole(session, row)


@blueprint.get("/negotiations")
@app_scope("collaborations:read")
@blueprint.input(NegotiationsAsked, location="query")
@blueprint.output(NegotiationPage)
def list_negotiations(query_data: NegotiationsAsked) -> NegotiationPage:
    """Negotiations of a shop, of a creator, or all of them, the newest first"""
    with db.read(Scope.app()) as session:
        rows = negotiation.page(
            session, shop_id=query_data.shop_id, creator_id=query_data.creator_id, state=query_data.state,
            before=id_after(LISTED, query_data.cursor), limit=query_data.limit + 1,
        )  # fmt: skip
        shown, more = page(LISTED, rows, query_data.limit, lambda row: [row.id])
        offers = negotiation.offers(session, [row.id for row in shown])
        return NegotiationPage(items=[NegotiationShown(**_facts(row, offers[row.id])) for row in shown], next=more)


@blueprint.get("/negotiations/<negotiation_id>")
@app_scope("collaborations:read")
@blueprint.output(NegotiationWhole)
def read_negotiation(negotiation_id: str) -> NegotiationWhole:
    """A negotiation with every offer and each version of its agreement"""
    with db.read(Scope.app()) as session:
        return _whole(session, negotiation.find(session, negotiation_id))


@blueprint.post("/negotiations/<negotiation_id>/offers")
@app_scope("collaborations:write")
@blueprint.input(OfferAsked)
@blueprint.output(NegotiationWhole, status_code=201)
def make_offer(negotiation_id: str, json_data: OfferAsked) -> NegotiationWhole:
    """Make another offer in the place of the newest one

    A counter-offer, a better one of one's own, or a change of what was agreed: the agreement stands until the other
    side accepts. Where `number` or `agreed` isn't what stands the answer is 409, and nothing changes.
    """
    with db.write(Scope.app()) as session:
        row = negotiation.offer(
            session, negotiation_id, json_data.side, json_data.number, _proposal(json_data), agreed=json_data.agreed,
            by=actor(),
        )  # fmt: skip
        return _whole(session, row)


@blueprint.post("/negotiations/<negotiation_id>/answers")
@app_scope("collaborations:write")
@blueprint.input(AnswerAsked)
@blueprint.output(NegotiationWhole)
def answer_offer(negotiation_id: str, json_data: AnswerAsked) -> NegotiationWhole:
    """Accept or decline the other side's offer, or withdraw one's own

    Accepting makes the next version of the agreement and the dated terms. Of two answers at once one counts, the other
    gets 409.
    """
    with db.write(Scope.app()) as session:
        row = negotiation.answer(
            session, negotiation_id, json_data.side, json_data.answer, json_data.number, by=actor()
        )  # fmt: skip
        return _whole(session, row)


@blueprint.post("/invitation-lists")
@app_scope("collaborations:write")
@blueprint.input(InvitationsAsked)
@blueprint.input(Key, location="headers")
@blueprint.output(OfferBatchShown, status_code=202)
def invite_creators(json_data: InvitationsAsked, headers_data: Key) -> OfferBatchShown:
    """Invite up to 10,000 creators at once

    Each gets an offer of its own; a worker makes them. What is refused is listed by line and stops no other row: read
    it at /offer-batches/{id}/rows. Send an Idempotency-Key.
    """
    rows = [
        Invited(number, row.handle, row.rate_bp, flat_fee=row.flat_fee) for number, row in enumerate(json_data.rows, 1)
    ]
    with db.write(Scope.app()) as session:
        made = batches.invite(
            session, json_data.shop_id, rows, _proposal(json_data), by=actor(), key=_key(headers_data)
        )  # fmt: skip
        return _started(session, made)


@blueprint.post("/offer-answers")
@app_scope("collaborations:write")
@blueprint.input(AnswersAsked)
@blueprint.input(Key, location="headers")
@blueprint.output(OfferBatchShown, status_code=202)
def answer_offers(json_data: AnswersAsked, headers_data: Key) -> OfferBatchShown:
    """Accept or decline every offer of creators that waits for a shop, within limits

    What is answered are the offers as they stand now; each is audited by itself. A worker does it.
    """
    chosen = Choice(json_data.most_bp, json_data.least_followers, json_data.without_sample, json_data.most_fee)
    with db.write(Scope.app()) as session:
        made = batches.answer(
            session, json_data.shop_id, json_data.answer, chosen, by=actor(), key=_key(headers_data)
        )  # fmt: skip
        return _started(session, made)


@blueprint.post("/offer-batches/<batch_id>/withdrawal")
@app_scope("collaborations:write")
@blueprint.input(Key, location="headers")
@blueprint.output(OfferBatchShown, status_code=202)
def withdraw_invitations(batch_id: str, headers_data: Key) -> OfferBatchShown:
    """Take back the invitations of a list that nobody has answered

    A worker does it, each is audited by itself. What was answered before its turn stays so, and is listed. 409 where
    none waits any more.
    """
    with db.write(Scope.app()) as session:
        return _started(session, batches.withdraw(session, batch_id, by=actor(), key=_key(headers_data)))


@blueprint.get("/offer-batches/<batch_id>")
@app_scope("collaborations:read")
@blueprint.output(OfferBatchShown)
def read_batch(batch_id: str) -> OfferBatchShown:
    """How far a list of invitations, or an answer to many, has come"""
    with db.read(Scope.app()) as session:
        return _batch(session, batches.get(session, batch_id))


@blueprint.get("/offer-batches/<batch_id>/rows")
@app_scope("collaborations:read")
@blueprint.input(BatchRowsAsked, location="query")
@blueprint.output(BatchRowPage)
def list_batch_rows(batch_id: str, query_data: BatchRowsAsked) -> BatchRowPage:
    """The rows of a batch by line, with what became of each"""
    listing = f"offer-batch:{batch_id}"
    with db.read(Scope.app()) as session:
        batches.get(session, batch_id)
        after = id_after(listing, query_data.cursor)
        rows = batches.rows_of(
            session, batch_id, outcome=query_data.outcome, after=int(after or 0), limit=query_data.limit + 1
        )
        shown, more = page(listing, rows, query_data.limit, lambda row: [str(row.number)])
        return BatchRowPage(items=[BatchRowShown.model_validate(row) for row in shown], next=more)


@blueprint.post("/acceptance-rules")
@app_scope("collaborations:write")
@blueprint.input(RuleAsked)
@blueprint.output(AcceptanceRuleShown, status_code=201)
def add_rule(json_data: RuleAsked) -> AcceptanceRuleShown:
    """Accept creators' offers by a rule: "up to 15 % for creators over 50,000 followers"

    It counts from its start to its end, for offers that are made in that time.
    """
    with db.write(Scope.app()) as session:
        shops.get(session, json_data.shop_id)
        made = acceptance.add(
            session, json_data.shop_id, json_data.most_bp, least_followers=json_data.least_followers,
            most_days=json_data.most_days, sample=json_data.sample, starts_at=json_data.starts_at,
            ends_at=json_data.ends_at, most_fee=json_data.most_fee, by=actor(),
        )  # fmt: skip
        return AcceptanceRuleShown.model_validate(made)


@blueprint.post("/acceptance-rules/<rule_id>/end")
@app_scope("collaborations:write")
@blueprint.output(AcceptanceRuleShown)
def end_rule(rule_id: str) -> AcceptanceRuleShown:
    """End a rule now: from then on a person answers"""
    with db.write(Scope.app()) as session:
        return AcceptanceRuleShown.model_validate(acceptance.end(session, rule_id, shop_id=None, by=actor()))


@blueprint.get("/acceptance-rules")
@app_scope("collaborations:read")
@blueprint.input(ShopAsked, location="query")
@blueprint.output(RuleList)
@paged("list_rules", asked=True)
def list_rules(query_data: ShopAsked) -> RuleList:
    """Every rule that a shop has or had, newest first"""
    with db.read(Scope.app()) as session:
        shops.get(session, query_data.shop_id)
        return RuleList(items=_rules(acceptance.of_shop(session, query_data.shop_id)))


def _proposal(asked: ProposalAsked) -> Proposal:
    return Proposal(
        rate_bp=asked.rate_bp, ends_at=asked.ends_at, expires_at=asked.expires_at,
        product_refs=tuple(sorted(set(asked.product_refs))), starts_at=asked.starts_at, sample=asked.sample,
        note=asked.note, flat_fee=asked.flat_fee,
    )  # fmt: skip


def _key(headers: Key) -> str | None:
    return None if headers.idempotency_key is None else request_key(g.app_token.id, headers.idempotency_key)


def _started(session: Session, made: OfferBatch) -> OfferBatchShown:
    if made.status != "done":
        batches.start(session, made)
    return _batch(session, made)


def _batch(session: Session, row: OfferBatch) -> OfferBatchShown:
    came = batches.outcomes(session, [row.id])[row.id]
    facts: dict[str, Any] = {name: came.get(name, 0) for name in _OUTCOMES}
    return OfferBatchShown(
        **{name: getattr(row, name) for name in OfferBatchShown.model_fields if name not in _OUTCOMES}, **facts
    )


_OUTCOMES = (batches.WAITING, batches.TAKEN, batches.REFUSED)


def _rules(rows: Sequence[AcceptanceRule]) -> list[AcceptanceRuleShown]:
    return [AcceptanceRuleShown.model_validate(row) for row in rows]


def _facts(row: Negotiation, offers: Sequence[Offer]) -> dict[str, Any]:
    derived = {"offers", "unread_by_merchant", "unread_by_creator"}
    return {name: getattr(row, name) for name in NegotiationShown.model_fields if name not in derived} | {
        "offers": [OfferShown.model_validate(each) for each in offers],
        "unread_by_merchant": messages.unread(row, "merchant"),
        "unread_by_creator": messages.unread(row, "creator"),
    }


def _whole(session: Session, row: Negotiation) -> NegotiationWhole:
    made: Sequence[Agreement] = agreements.versions(session, row.id)
    facts = _facts(row, negotiation.offers(session, [row.id])[row.id])
    return NegotiationWhole(**facts, agreements=[AgreementShown.model_validate(each) for each in made])
