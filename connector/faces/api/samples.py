"""Samples: asked for, given, sent, and what came of them; what shops give; how many a creator may have.

The app acts for creators and shops. Where a sample goes is taken in and never given out: the creator reads it on their
own page, the shop in its store's order. A refusal has `field` and `code` beside its words.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from flask import g
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from connector import clock, db
from connector.commerce.catalog.ids import listing_id
from connector.commerce.shops import queries as shops
from connector.db import Scope
from connector.earnings.attribution.touches import request_key
from connector.faces.api import shapes
from connector.faces.api.face import blueprint, id_after, page, paged
from connector.faces.api.shapes import Asked, Given, Ident, Moment, Money, Text, as_money, example
from connector.operations.sampling import acts, sales
from connector.programme.creators import queries as creators
from connector.programme.samples import offers, policy, queries
from connector.programme.samples.tables import Sample, SampleOffer
from connector.web import words
from connector.web.guards import actor, app_scope

Kind = Literal["free", "refundable"]
State = Literal[
    "requested", "granted", "approved", "ordered", "shipped", "delivered", "missed", "appealed", "fulfilled", "excused",
    "declined", "withdrawn", "lapsed", "cancelled",
]  # fmt: skip
Amount = Annotated[int, Field(ge=-(10**15), le=10**15)]
Whole = Annotated[int, Field(ge=-1, le=10**12)]
Ref = Annotated[Text, Field(max_length=200)]
LISTED = "samples"
_HOME: dict[str, Any] = {
    "name": "Mira Okafor", "address1": "Lindenweg 4", "city": "Köln", "postal_code": "50667", "country": "DE",
}  # fmt: skip


class Key(BaseModel):
    idempotency_key: Annotated[Text, Field(min_length=1, max_length=200)] | None = Field(
        None, description="A key of your own: a request repeated with it gives what the first one made."
    )


class RecipientAsked(Asked):
    """Where it goes. Kept sealed, dropped a month after it arrived, and never given out by the API."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_HOME]})

    name: Annotated[Text, Field(max_length=400)] = ""
    address1: Annotated[Text, Field(max_length=400)] = Field("", description="Street and house number.")
    address2: Annotated[Text, Field(max_length=400)] = ""
    city: Annotated[Text, Field(max_length=400)] = ""
    region: Annotated[Text, Field(max_length=400)] = Field("", description="State or province, where it needs one.")
    postal_code: Annotated[Text, Field(max_length=400)] = ""
    country: Annotated[Text, Field(max_length=400)] = Field("", description="ISO 3166-1, two letters.")
    phone: Annotated[Text, Field(max_length=400)] = ""
    email: Annotated[Text, Field(max_length=400)] = ""


class SampleAsked(Asked):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"creator_id": "crt_01j8…", "listing_id": "lst_01j8…", "kind": "free", "recipient": _HOME}]
        },
    )

    creator_id: Ident
    listing_id: Ident
    kind: Kind = Field(
        "free", description="free: the shop sends it. refundable: the creator buys it and gets the price back."
    )
    variant_ref: Ref = Field("", description="The store's id. Empty: the first that can be bought.")
    recipient: RecipientAsked | None = Field(None, description="Needed for a free one.")
    note: Annotated[Text, Field(max_length=2000)] = Field("", description="The creator's words to the shop.")


class SampleTakeUpAsked(Asked):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"listing_id": "lst_01j8…", "recipient": _HOME}]}
    )

    listing_id: Ident
    variant_ref: Ref = ""
    recipient: RecipientAsked


class SampleAddressAsked(Asked):
    model_config = example(recipient=_HOME)

    recipient: RecipientAsked


class BoughtAsked(Asked):
    order: Ref = Field(
        description="The order's number, the store's id of it, or the touch token that rode with it.",
        examples=["#1042"],
    )


class WhenAsked(Asked):
    model_config = example(at="2026-11-20T08:00:00Z")

    at: Moment | None = Field(None, description="Default: now.")


class ContentNamed(Asked):
    model_config = example(content_id="cnt_01j8…")

    content_id: Ident


class WordsAsked(Asked):
    words: Annotated[Text, Field(max_length=4000)] = Field(examples=["The parcel was empty when it came."])


class ReasonAsked(Asked):
    reason: Annotated[Text, Field(max_length=4000)] = Field(
        description="The creator reads it.", examples=["We are out of this colour until January."]
    )


class ApproveAsked(Asked):
    model_config = example(most=4500)

    most: Amount | None = Field(
        None, description="Refundable: minor units that come back at most, below the price that was asked for."
    )


class ShippedAsked(Asked):
    carrier: Annotated[Text, Field(max_length=400)] = Field("", examples=["DHL"])
    tracking: Annotated[Text, Field(max_length=400)] = Field(
        "", description="Of one sent by hand this or the order's number is needed.", examples=["JJD0100200300"]
    )
    order_number: Annotated[Text, Field(max_length=400)] = Field("", description="The shop's own.")


class ManyAsked(Asked):
    model_config = example(shop_id="shp_01j8…", act="approve", sample_ids=["smp_01j8…", "smp_01j9…"])

    shop_id: Ident
    act: Literal["approve", "decline", "cancel", "by_hand", "place_again", "delivered"]
    sample_ids: Annotated[list[Ident], Field(min_length=1, max_length=acts.MOST_AT_ONCE)]
    reason: Annotated[Text, Field(max_length=4000)] = Field("", description="Of decline and cancel.")


class SamplesAsked(shapes.Page):
    creator_id: Ident | None = None
    shop_id: Ident | None = None
    state: State | None = None


class SampleShown(Given):
    id: str
    shop_id: str
    creator_id: str
    kind: Kind
    state: State
    due_at: datetime | None = Field(description="Until when the next step has to be made; what it is, the state says.")
    listing_id: str | None = Field(description="null: promised by an agreement, and not chosen yet.")
    product_ref: str
    variant_ref: str
    agreement_id: str | None
    placing: str = Field(
        description="How the order at the store stands: waiting, unknown (its answer was lost: it is asked for again), "
        "placed, refused; empty: none is placed."
    )
    ending: str = Field(description="withdrawn or cancelled: it waits for the store to call its order off.")
    problem: str | None = Field(description="A code: why it isn't placed.")
    problem_field: str | None = Field(description="What of the request the store refused, as recipient.postal_code.")
    problem_words: str | None = Field(description="The store's own words.")
    reason: str | None = Field(description="A code: how it came to stand so.")
    why: str | None = Field(description="The same in words, as the creator reads it.")
    words: str | None = Field(description="What the shop wrote when it declined, cancelled or doubted the order.")
    note: str
    country: str | None = Field(description="Where it goes; null: no address is kept.")
    agreed: Money | None = Field(description="Refundable: what comes back at most.")
    paid_back: Money | None = Field(description="Refundable: what came back, by the order as it stands.")
    order_number: str | None
    order_confirmed: bool = Field(description="Refundable: it is known that the creator bought it.")
    confirm_by: datetime | None = Field(
        description="Until when the shop says whether the order is the creator's; null with an order that isn't "
        "confirmed: it doubts it (`words`), or said nothing and support does."
    )
    carrier: str | None
    tracking: str | None
    extended: bool
    appealed: bool
    asked_at: datetime
    approved_at: datetime | None
    shipped_at: datetime | None
    delivered_at: datetime | None
    delivered_how: str | None = Field(description="By whose word: store, merchant, creator, staff, or assumed.")
    ended_at: datetime | None
    content_id: str | None = Field(description="The content that fulfilled it.")


class StepShown(Given):
    number: int
    act: str
    state: State
    side: str
    at: datetime
    due_at: datetime | None
    reason: str


class SampleAppealShown(Given):
    words: str
    made_at: datetime
    verdict: str = Field(description="fulfilled, excused or missed; empty: not decided.")
    decided_at: datetime | None
    note: str


class SampleWhole(SampleShown):
    standing: dict[str, Any] = Field(
        description="By what it was judged when it was asked for: level, net sales by currency, how many were open, "
        "followers, score, and the version of the policy."
    )
    steps: list[StepShown] = Field(description="Oldest first.")
    contents: list[str] = Field(description="What the creator named for it.")
    appeal: SampleAppealShown | None


class SamplePage(Given):
    items: list[SampleShown]
    next: str | None


class DoneShown(Given):
    sample_id: str
    state: State | None = Field(description="null: refused.")
    code: str | None
    why: str | None


class ManyShown(Given):
    done: int
    refused: int
    items: list[DoneShown] = Field(description="In the order in which they were sent.")


class ScoreShown(Given):
    """fulfilled / (fulfilled + missed), per cent, rounded down, of samples that ended in the last `days`."""

    percent: int | None = Field(description="null: fewer than `least` samples say too little.")
    fulfilled: int
    missed: int
    least: int
    days: int


class AllowanceShown(Given):
    """How many samples a creator may have open now, and by what."""

    level: Literal["low", "middle", "high"]
    most_open: int
    open: int
    net_sales: list[Money] = Field(description="Of the policy's days up to now, one a currency; never added.")
    score: ScoreShown
    policy_version: int


class SamplePolicyShown(Given):
    version: int
    starts_at: datetime
    numbers: dict[str, Any]
    why: str


class SampleOfferAsked(Asked):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"shop_id": "shp_01j8…", "kind": "free", "per_month": 50, "auto_followers": 10000}]
        },
    )

    shop_id: Ident
    kind: Kind
    product_ref: Ref = Field("", description="The store's id. Empty: every product that is open.")
    per_month: Whole | None = Field(None, description="How many are approved in a calendar month. Default: all.")
    auto_followers: Whole | None = Field(None, description="Approved by itself for creators with so many followers,")
    auto_score: Whole | None = Field(None, description="and of at least this score, per cent. Neither: by a person.")
    starts_at: Moment | None = None
    ends_at: Moment | None = None


class SampleOfferShown(Given):
    id: str
    shop_id: str
    kind: Kind
    product_ref: str
    per_month: int | None
    left_this_month: int | None = Field(description="null: as many as come.")
    auto_followers: int | None
    auto_score: int | None
    starts_at: datetime
    ends_at: datetime | None


class SampleOfferList(shapes.PagedList):
    items: list[SampleOfferShown]


class SampleShopAsked(shapes.LongPage):
    shop_id: Ident


# ------------------------------------------------------------------ asking, and reading


@blueprint.post("/samples")
@app_scope("samples:write")
@blueprint.input(SampleAsked)
@blueprint.input(Key, location="headers")
@blueprint.output(SampleWhole, status_code=201)
def ask_for_sample(json_data: SampleAsked, headers_data: Key) -> SampleWhole:
    """Ask for a sample, for a creator

    The shop answers within the policy's days, or a rule of it at once. A refusal says in `code` what stands in the way:
    `limit_reached`, `have_one`, `retry_later`, `not_offered`, `product_sold_out` … Send an Idempotency-Key.
    """
    with db.write(Scope.app()) as session:
        row = acts.ask(
            session, json_data.creator_id, json_data.listing_id, kind=json_data.kind,
            variant_ref=json_data.variant_ref, recipient=_recipient(json_data.recipient), note=json_data.note,
            request_key=_key(headers_data), by=actor(),
        )  # fmt: skip
        return _whole(session, row)


@blueprint.get("/samples")
@app_scope("samples:read")
@blueprint.input(SamplesAsked, location="query")
@blueprint.output(SamplePage)
def list_samples(query_data: SamplesAsked) -> SamplePage:
    """Samples of a creator, of a shop, or all of them, the newest first"""
    with db.read(Scope.app()) as session:
        rows = queries.page(
            session, shop_id=query_data.shop_id, creator_id=query_data.creator_id,
            states=[query_data.state] if query_data.state else [], before=id_after(LISTED, query_data.cursor),
            limit=query_data.limit + 1,
        )  # fmt: skip
        shown, more = page(LISTED, rows, query_data.limit, lambda row: [row.id])
        return SamplePage(items=[SampleShown(**_facts(row)) for row in shown], next=more)


@blueprint.get("/samples/<sample_id>")
@app_scope("samples:read")
@blueprint.output(SampleWhole)
def read_sample(sample_id: str) -> SampleWhole:
    """A sample with every step of it"""
    with db.read(Scope.app()) as session:
        return _whole(session, queries.one(session, sample_id))


@blueprint.get("/creators/<creator_id>/samples-allowed")
@app_scope("samples:read")
@blueprint.output(AllowanceShown)
def read_allowance(creator_id: str) -> AllowanceShown:
    """How many samples a creator may have open, and the fulfilment score that shops see too"""
    with db.read(Scope.app()) as session:
        creators.get(session, creator_id)
        now = clock.now()
        found = sales.allowance(session, creator_id, policy.at(session, now), now)
        return AllowanceShown(
            level=found.level, most_open=found.most_open, open=found.open,
            net_sales=[as_money(amount, currency) for currency, amount in sorted(found.sales.items())],
            score=ScoreShown.model_validate(queries.score_of(session, creator_id, now)),
            policy_version=found.policy_version,
        )  # fmt: skip


@blueprint.get("/sample-policy")
@app_scope("samples:read")
@blueprint.output(SamplePolicyShown)
def read_sample_policy() -> SamplePolicyShown:
    """The numbers that samples go by now: deadlines, limits with their thresholds, what makes content count"""
    with db.read(Scope.app()) as session:
        found = policy.at(session, clock.now())
        return SamplePolicyShown(
            version=found.version, starts_at=found.starts_at, numbers=policy.as_plain(found.numbers), why=found.why
        )


# ------------------------------------------------------------------ the creator's acts


@blueprint.post("/samples/<sample_id>/take-up")
@app_scope("samples:write")
@blueprint.input(SampleTakeUpAsked)
@blueprint.output(SampleWhole)
def take_up_sample(sample_id: str, json_data: SampleTakeUpAsked) -> SampleWhole:
    """Choose the product of a sample that an agreement promised, and say where it goes"""
    address = json_data.recipient.model_dump()
    return _done(
        lambda s: acts.take_up(
            s, sample_id, json_data.listing_id, address, variant_ref=json_data.variant_ref, by=actor()
        )
    )


@blueprint.post("/samples/<sample_id>/address")
@app_scope("samples:write")
@blueprint.input(SampleAddressAsked)
@blueprint.output(SampleWhole)
def readdress_sample(sample_id: str, json_data: SampleAddressAsked) -> SampleWhole:
    """Send it to another address, until its order is placed

    What the store refused is placed again with it: `problem_field` says which part was wrong.
    """
    return _done(lambda s: acts.readdress(s, sample_id, json_data.recipient.model_dump(), by=actor()))


@blueprint.post("/samples/<sample_id>/withdraw")
@app_scope("samples:write")
@blueprint.output(SampleWhole)
def withdraw_sample(sample_id: str) -> SampleWhole:
    """Do without it, before it is shipped

    An order at the store is called off there first; until its answer `ending` says so.
    """
    return _done(lambda s: acts.withdraw(s, sample_id, by=actor()))


@blueprint.post("/samples/<sample_id>/order")
@app_scope("samples:write")
@blueprint.input(BoughtAsked)
@blueprint.output(SampleWhole)
def name_sample_order(sample_id: str, json_data: BoughtAsked) -> SampleWhole:
    """Name the order by which a refundable sample was bought

    By its token it is known to be the creator's; by its number the shop confirms it, where the buyer isn't one that is
    known as this creator.
    """
    return _done(lambda s: acts.name_order(s, sample_id, json_data.order, by=actor()))


@blueprint.post("/samples/<sample_id>/received")
@app_scope("samples:write")
@blueprint.input(WhenAsked)
@blueprint.output(SampleWhole)
def receive_sample(sample_id: str, json_data: WhenAsked) -> SampleWhole:
    """Say that it has arrived: content is due from then on"""
    return _done(lambda s: acts.received(s, sample_id, at=json_data.at, by=actor()))


@blueprint.post("/samples/<sample_id>/content")
@app_scope("samples:write")
@blueprint.input(ContentNamed)
@blueprint.output(SampleWhole)
def name_sample_content(sample_id: str, json_data: ContentNamed) -> SampleWhole:
    """Name content for it, so that the shop finds it

    Content with the product counts whether it is named or not, once it was visible for the policy's days, or a live
    session after its minutes: tell what becomes of content at /content/{id}/visibility.
    """
    return _done(lambda s: acts.name_content(s, sample_id, json_data.content_id, by=actor()))


@blueprint.post("/samples/<sample_id>/extend")
@app_scope("samples:write")
@blueprint.input(Key, location="headers")
@blueprint.output(SampleWhole)
def extend_sample(sample_id: str, headers_data: Key) -> SampleWhole:
    """Take the one extension of the time for content"""
    key = _key(headers_data)
    return _done(lambda s: acts.extend(s, sample_id, request_key=key, by=actor()))


@blueprint.post("/samples/<sample_id>/appeal")
@app_scope("samples:write")
@blueprint.input(WordsAsked)
@blueprint.output(SampleWhole)
def appeal_sample(sample_id: str, json_data: WordsAsked) -> SampleWhole:
    """Say why it should not count as missed: once, and support decides"""
    return _done(lambda s: acts.appeal(s, sample_id, json_data.words, by=actor()))


# ------------------------------------------------------------------ the shop's acts


@blueprint.post("/samples/<sample_id>/approve")
@app_scope("samples:write")
@blueprint.input(ApproveAsked)
@blueprint.output(SampleWhole)
def approve_sample(sample_id: str, json_data: ApproveAsked) -> SampleWhole:
    """Say yes, for the shop

    A free one is placed at its store as an order without a price, where that can be; else the shop sends it by hand.
    """
    return _done(lambda s: acts.approve(s, sample_id, most=json_data.most, by=actor()))


@blueprint.post("/samples/<sample_id>/decline")
@app_scope("samples:write")
@blueprint.input(ReasonAsked)
@blueprint.output(SampleWhole)
def decline_sample(sample_id: str, json_data: ReasonAsked) -> SampleWhole:
    """Say no, for the shop, with a reason"""
    return _done(lambda s: acts.decline(s, sample_id, json_data.reason, by=actor()))


@blueprint.post("/samples/<sample_id>/cancel")
@app_scope("samples:write")
@blueprint.input(ReasonAsked)
@blueprint.output(SampleWhole)
def cancel_sample(sample_id: str, json_data: ReasonAsked) -> SampleWhole:
    """Take back what the shop approved, before it is shipped, with a reason"""
    return _done(lambda s: acts.cancel(s, sample_id, json_data.reason, by=actor()))


@blueprint.post("/samples/<sample_id>/by-hand")
@app_scope("samples:write")
@blueprint.output(SampleWhole)
def send_sample_by_hand(sample_id: str) -> SampleWhole:
    """Have the shop send it itself: no order is placed"""
    return _done(lambda s: acts.by_hand(s, sample_id, by=actor()))


@blueprint.post("/samples/<sample_id>/place-again")
@app_scope("samples:write")
@blueprint.output(SampleWhole)
def place_sample_again(sample_id: str) -> SampleWhole:
    """Try the store's order once more, now"""
    return _done(lambda s: acts.place_again(s, sample_id, by=actor()))


@blueprint.post("/samples/<sample_id>/confirm-order")
@app_scope("samples:write")
@blueprint.output(SampleWhole)
def confirm_sample_order(sample_id: str) -> SampleWhole:
    """Say, for the shop, that the named order is the creator's"""
    return _done(lambda s: acts.confirm(s, sample_id, by=actor()))


@blueprint.post("/samples/<sample_id>/doubt-order")
@app_scope("samples:write")
@blueprint.input(ReasonAsked)
@blueprint.output(SampleWhole)
def doubt_sample_order(sample_id: str, json_data: ReasonAsked) -> SampleWhole:
    """Say, for the shop, that the named order isn't the creator's

    The creator reads why and may name another one. What the shop neither confirms nor doubts in its days to answer is
    left to support: nothing comes back by silence.
    """
    return _done(lambda s: acts.doubt(s, sample_id, json_data.reason, by=actor()))


@blueprint.post("/samples/<sample_id>/shipped")
@app_scope("samples:write")
@blueprint.input(ShippedAsked)
@blueprint.output(SampleWhole)
def ship_sample(sample_id: str, json_data: ShippedAsked) -> SampleWhole:
    """Say that it is on its way

    Of an order at the store this is read there by itself.
    """
    return _done(lambda s: acts.shipped(s, sample_id, **json_data.model_dump(), by=actor()))


@blueprint.post("/samples/<sample_id>/delivered")
@app_scope("samples:write")
@blueprint.input(WhenAsked)
@blueprint.output(SampleWhole)
def deliver_sample(sample_id: str, json_data: WhenAsked) -> SampleWhole:
    """Say, for the shop, that it has arrived"""
    return _done(lambda s: acts.delivered(s, sample_id, at=json_data.at, by=actor()))


@blueprint.post("/sample-acts")
@app_scope("samples:write")
@blueprint.input(ManyAsked)
@blueprint.output(ManyShown)
def do_many(json_data: ManyAsked) -> ManyShown:
    """Do one act of a shop on up to 200 samples

    What is refused is listed with its code and stops no other; each is audited by itself. Sent again it changes
    nothing.
    """
    shop_id, by = json_data.shop_id, actor()
    with db.write(Scope.app()) as session:
        shops.get(session, shop_id)
        done = acts.each(
            session, json_data.sample_ids, acts.of_shop(session, json_data.act, shop_id, json_data.reason, by=by)
        )
    items = [
        DoneShown.model_validate(
            {
                "sample_id": sample_id, "state": row.state if row else None, "code": code or None, "why": said or None,
            }
        )
        for sample_id, row, code, said in done
    ]  # fmt: skip
    refused = sum(item.state is None for item in items)
    return ManyShown(done=len(items) - refused, refused=refused, items=items)


# ------------------------------------------------------------------ what shops give


@blueprint.post("/sample-offers")
@app_scope("samples:write")
@blueprint.input(SampleOfferAsked)
@blueprint.output(SampleOfferShown, status_code=201)
def offer_samples(json_data: SampleOfferAsked) -> SampleOfferShown:
    """Give samples of a product, or of all that is open

    Takes the place of what stood for that product and kind. A product's own stands before the shop's.
    """
    with db.write(Scope.app()) as session:
        row = offers.add(
            session, json_data.shop_id, json_data.kind, product_ref=json_data.product_ref,
            per_month=json_data.per_month, auto_followers=json_data.auto_followers, auto_score=json_data.auto_score,
            starts_at=json_data.starts_at, ends_at=json_data.ends_at, by=actor(),
        )  # fmt: skip
        return _offer(session, row)


@blueprint.get("/sample-offers")
@app_scope("samples:read")
@blueprint.input(SampleShopAsked, location="query")
@blueprint.output(SampleOfferList)
@paged("list_sample_offers", asked=True)
def list_sample_offers(query_data: SampleShopAsked) -> SampleOfferList:
    """What a shop gives as samples, and gave, newest first"""
    with db.read(Scope.app()) as session:
        shops.get(session, query_data.shop_id)
        return SampleOfferList(items=[_offer(session, row) for row in offers.of_shop(session, query_data.shop_id)])


@blueprint.post("/sample-offers/<offer_id>/end")
@app_scope("samples:write")
@blueprint.output(SampleOfferShown)
def end_sample_offer(offer_id: str) -> SampleOfferShown:
    """Give none by it from now on; what was asked for goes on"""
    with db.write(Scope.app()) as session:
        return _offer(session, offers.end(session, offer_id, shop_id=None, by=actor()))


def _done(act: Callable[[Session], Sample]) -> SampleWhole:
    with db.write(Scope.app()) as session:
        return _whole(session, act(session))


def _recipient(asked: RecipientAsked | None) -> dict[str, str] | None:
    return None if asked is None else asked.model_dump()


def _key(headers: Key) -> str | None:
    return None if headers.idempotency_key is None else request_key(g.app_token.id, headers.idempotency_key)


def _whole(session: Session, row: Sample) -> SampleWhole:
    appeal = queries.appeal_of(session, row.id)
    return SampleWhole(
        **_facts(row), standing=row.standing,
        steps=[StepShown.model_validate(each) for each in queries.steps(session, row.id)],
        contents=queries.contents(session, [row.id])[row.id],
        appeal=SampleAppealShown.model_validate(appeal) if appeal is not None else None,
    )  # fmt: skip


def _facts(row: Sample) -> dict[str, Any]:
    plain = {name: getattr(row, name) for name in SampleShown.model_fields if name not in _MADE}
    for name in _OR_NULL:
        plain[name] = plain[name] or None
    money: dict[str, Any] = {"agreed": row.agreed_amount, "paid_back": row.paid_back}
    return plain | {
        "listing_id": listing_id(row.shop_id, row.product_ref) if row.product_ref else None,
        "why": words.reason(row.reason, "creator") if row.reason else None,
        "country": row.recipient_country if row.recipient_sealed else None,
        "order_confirmed": row.confirmed,
        **{name: None if amount is None else as_money(amount, row.currency) for name, amount in money.items()},
    }  # fmt: skip


_MADE = frozenset({"listing_id", "why", "country", "order_confirmed", "agreed", "paid_back"})
_OR_NULL = (
    "problem", "problem_field", "problem_words", "reason", "words", "order_number", "carrier", "tracking",
    "delivered_how",
)  # fmt: skip


def _offer(session: Session, row: SampleOffer) -> SampleOfferShown:
    facts: dict[str, Any] = {
        name: getattr(row, name) for name in SampleOfferShown.model_fields if name != "left_this_month"
    }  # fmt: skip
    return SampleOfferShown(**facts, left_this_month=offers.left_this_month(session, row, clock.now()))
