"""What shops offer their creators: terms of every kind, events, and which creator promotes what.

Nothing here needs an Idempotency-Key: terms that stand already, asked for again, make no new version, and a promotion
that was told twice is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy.orm import Session

from connector import clock, db
from connector.commerce.catalog import queries as listings
from connector.commerce.shops import queries as shops
from connector.db import Scope
from connector.earnings.attribution import taking_up
from connector.errors import InputRefused, NotFound
from connector.faces.api.face import blueprint, key_after, page, paged
from connector.faces.api.shapes import Asked, Given, Ident, LongPage, Moment, PagedList, Text, example
from connector.programme import collaborations
from connector.programme.collaborations import calendar, events, preview, promotions, rates, terms
from connector.programme.collaborations.offer import Rate
from connector.programme.collaborations.tables import PromotionRow, Terms
from connector.programme.collaborations.terms import Conditions, Wanted
from connector.programme.creators import queries as creators
from connector.web.guards import actor, app_scope

ProductRef = Annotated[Text, Field(max_length=200)]
# Bounds only keep absurd numbers out; what a rate may be is said by the terms themselves.
Bp = Annotated[int, Field(ge=-(10**9), le=10**9)]
# As with taps: what is told later would change what was decided.
LATEST_REPORT = timedelta(hours=24)
Code = Annotated[Text, Field(min_length=1, max_length=64)]


class TermsAsked(Asked):
    model_config = example(shop_id="shp_01j8…", product_ref="8127", rate_bp=1500, new_buyer_bp=2000)

    shop_id: Ident
    kind: Literal["open", "targeted", "store"] = Field(
        "open",
        description="open: everybody; targeted: one creator, until `ends_at`; store: where nothing else counts.",
    )
    product_ref: ProductRef = Field("", description="Empty: the whole shop.")
    creator_id: Ident | None = Field(None, description="Of targeted terms.")
    rate_bp: Bp = Field(description="Basis points, 100 to 8000.")
    ads_bp: Bp | None = Field(None, description="Instead of the rate, for a tap on a seller's ad.")
    new_buyer_bp: Bp | None = Field(None, description="Instead of the rate, for a buyer's first order in the shop.")
    code_rates: dict[Code, Bp] = Field(
        {},
        description="Code → instead of the rate, for an order with that code; `*`: any code.",
        max_length=50,
    )
    starts_at: Moment | None = Field(None, description="From now on; never in the past. Default: now.")
    ends_at: Moment | None = Field(None, description="Of targeted terms: the first moment after them.")
    accepted_by: Annotated[Text, Field(max_length=200)] = Field(
        "", description="Of targeted terms: who says that the creator agreed. Needed where they are the lower ones."
    )
    replaces: Ident | None = Field(None, description="Of targeted terms: those whose place they take.")


class EventAsked(Asked):
    model_config = example(
        shop_id="shp_01j8…",
        name="Winter weeks",
        rate_bp=2000,
        starts_at="2026-12-01T00:00:00Z",
        ends_at="2026-12-15T00:00:00Z",
        tiers=[{"orders": 50, "rate_bp": 2500}],
    )

    shop_id: Ident
    name: Annotated[Text, Field(min_length=1, max_length=120)] = Field(description="Creators read it.")
    product_ref: ProductRef = Field("", description="Empty: the whole shop.")
    rate_bp: Bp = Field(description="Basis points, not below the open rate.")
    ads_bp: Bp | None = None
    new_buyer_bp: Bp | None = None
    code_rates: dict[Code, Bp] = Field({}, max_length=50)
    starts_at: Moment
    ends_at: Moment = Field(description="The first moment after it.")
    tiers: list[Tier] = Field([], description="After so many net orders of a creator, by a bonus at its close.")


class Tier(Asked):
    orders: Annotated[int, Field(ge=1, le=10**9)]
    rate_bp: Bp


class RaiseAsked(Asked):
    model_config = example(rate_bp=2200)

    rate_bp: Bp = Field(description="Not below the event's rate as it stands.")
    tiers: list[Tier] | None = Field(None, description="Default: as they stand. They may only rise, too.")
    starts_at: Moment | None = None


class WithdrawalAsked(Asked):
    model_config = example(shop_id="shp_01j8…", product_ref="8127")

    shop_id: Ident
    kind: Literal["open", "targeted", "store"] = "open"
    product_ref: ProductRef = ""
    creator_id: Ident | None = None
    starts_at: Moment | None = None


class TermsShown(Given):
    id: str
    shop_id: str
    kind: str = Field(description="open, targeted, event or store.")
    creator_id: str | None
    product_ref: str
    rate_bp: int | None = Field(description="null: withdrawn, nothing is offered for this scope from then on.")
    ads_bp: int | None
    new_buyer_bp: int | None
    code_rates: dict[str, int]
    version: int
    starts_at: datetime
    ends_at: datetime | None
    notice_at: datetime | None = Field(description="A cut: when those who keep the old rate are told at the latest.")
    calls_off: str | None = Field(description="The terms that had not begun and that this row calls off.")
    event_id: str | None
    name: str
    tiers: list[Tier]
    accepted_by: str
    accepted_at: datetime | None
    recorded_at: datetime


class TermsList(PagedList):
    items: list[TermsShown]


class TermsListAsked(LongPage):
    shop_id: Ident
    creator_id: Ident | None = Field(None, description="What is everybody's, and this creator's own.")


class RateThen(Given):
    rate_bp: int
    terms_id: str
    kind: str = Field(description="targeted, open or store.")
    basis: str = Field(description="standard, event: which of the version's rates.")
    kept_until: datetime | None = Field(description="An older rate, kept until then since the product was promoted.")


class SpanShown(Given):
    starts_at: datetime
    ends_at: datetime | None = Field(description="null: as far as anybody knows.")
    rate: RateThen | None = Field(description="null: nothing is offered then.")
    ads_bp: int | None
    why: str = Field(description="kept: an older rate; targeted, event, or empty.")


class KeepersShown(Given):
    before: list[SpanShown] = Field(description="What they earn from the change's start on without it.")
    after: list[SpanShown] = Field(description="The same with it: who keeps what until when.")
    creators: int
    products: int
    named: list[str] = Field(description="Ids of the first few.")


class PreviewShown(Given):
    """What a change would do. Nothing was written."""

    starts_at: datetime
    before: list[SpanShown] = Field(description="For whoever begins with the product then, without the change.")
    after: list[SpanShown]
    groups: list[KeepersShown] = Field(description="Those who promote the product now.")
    left_out: int = Field(description="Pairs of creator and product beyond those that were worked out.")
    notice_at: datetime | None


class CalendarShown(Given):
    """What the creator will earn, by all that is known now."""

    items: list[SpanShown]


class CalendarAsked(Asked):
    shop_id: Ident
    product_ref: ProductRef = ""


class PromotionAsked(Asked):
    model_config = example(listing_id="lst_01j8…", at="2026-11-20T08:00:00Z")

    listing_id: Ident
    at: Moment | None = Field(None, description="When it was taken into the list or into content. Default: now.")


class PromotionShown(Given):
    creator_id: str
    shop_id: str
    product_ref: str
    starts_at: datetime


class PromotionList(PagedList):
    items: list[PromotionShown]


EventAsked.model_rebuild()


@blueprint.post("/collaborations")
@app_scope("collaborations:write")
@blueprint.input(TermsAsked)
@blueprint.output(TermsShown, status_code=201)
def open_collaboration(json_data: TermsAsked) -> TermsShown:
    """Offer a rate: to everybody, to one creator, or as the shop's own

    A change is a new version; what stands already, asked for again, makes none. Who promoted a product before its rate
    was cut keeps the old one for 30 x 24 hours.
    """
    with db.write(Scope.app()) as session:
        return _terms(terms.record(session, _wanted(json_data), by=actor()))


@blueprint.post("/collaborations/preview")
@app_scope("collaborations:read")
@blueprint.input(TermsAsked)
@blueprint.output(PreviewShown)
def preview_collaboration(json_data: TermsAsked) -> PreviewShown:
    """What a change of terms would do, before it is made

    The same rules refuse it. Who keeps which rate until when, in groups.
    """
    with db.read(Scope.app()) as session:
        row = terms.draft(session, _wanted(json_data), by=actor())
        shown = preview.of(session, row)
        return PreviewShown(
            starts_at=shown.starts_at, before=_spans(shown.before), after=_spans(shown.after),
            groups=[
                KeepersShown(
                    before=_spans(group.before), after=_spans(group.after), creators=group.creators,
                    products=group.products, named=list(group.named),
                )
                for group in shown.groups
            ],
            left_out=shown.left_out, notice_at=row.notice_at,
        )  # fmt: skip


@blueprint.post("/collaborations/withdrawal")
@app_scope("collaborations:write")
@blueprint.input(WithdrawalAsked)
@blueprint.output(TermsShown, status_code=201)
def withdraw_collaboration(json_data: WithdrawalAsked) -> TermsShown:
    """Offer nothing for a scope from a moment on

    Clicks made before keep their rate inside their window. Where a creator's own terms are withdrawn, the open ones
    count again.
    """
    with db.write(Scope.app()) as session:
        row = terms.withdraw(
            session, json_data.shop_id, kind=json_data.kind, product_ref=json_data.product_ref,
            creator_id=json_data.creator_id, starts_at=json_data.starts_at, by=actor(),
        )  # fmt: skip
        return _terms(row)


@blueprint.post("/collaborations/<terms_id>/call-off")
@app_scope("collaborations:write")
@blueprint.output(TermsShown, status_code=201)
def call_off_collaboration(terms_id: str) -> TermsShown:
    """Undo terms that have not begun

    What stood before goes on. The answer is the version that says so.
    """
    with db.write(Scope.app()) as session:
        return _terms(terms.call_off(session, terms_id, by=actor()))


@blueprint.get("/collaborations")
@app_scope("collaborations:read")
@blueprint.input(TermsListAsked, location="query")
@blueprint.output(TermsList)
def list_collaborations(query_data: TermsListAsked) -> TermsList:
    """Every version of a shop's terms, those that ended too"""
    with db.read(Scope.app()) as session:
        shops.get(session, query_data.shop_id)
        after = key_after("list_collaborations", query_data.cursor, str, str, str, int, str)
        rows = rates.history_behind(session, query_data.shop_id, query_data.creator_id, after, query_data.limit + 1)
        shown, more = page("list_collaborations", rows, query_data.limit, rates.place)
        return TermsList(items=[_terms(row) for row in shown], next=more)


@blueprint.post("/events")
@app_scope("collaborations:write")
@blueprint.input(EventAsked)
@blueprint.output(TermsShown, status_code=201)
def announce_event(json_data: EventAsked) -> TermsShown:
    """Announce an event: a rate for everybody from a start to an end

    Once it is live it may only rise.
    """
    with db.write(Scope.app()) as session:
        row = events.announce(
            session, json_data.shop_id, json_data.name, json_data.rate_bp, starts_at=json_data.starts_at,
            ends_at=json_data.ends_at, product_ref=json_data.product_ref, tiers=_tiers(json_data.tiers),
            ads_bp=json_data.ads_bp, new_buyer_bp=json_data.new_buyer_bp, code_rates=json_data.code_rates, by=actor(),
        )  # fmt: skip
        return _terms(row)


@blueprint.post("/events/<event_id>/raise")
@app_scope("collaborations:write")
@blueprint.input(RaiseAsked)
@blueprint.output(TermsShown, status_code=201)
def raise_event(event_id: str, json_data: RaiseAsked) -> TermsShown:
    """Raise an event's rate or tiers, up to its end"""
    with db.write(Scope.app()) as session:
        row = events.raise_event(
            session, event_id, json_data.rate_bp, starts_at=json_data.starts_at, by=actor(),
            tiers=None if json_data.tiers is None else _tiers(json_data.tiers),
        )  # fmt: skip
        return _terms(row)


@blueprint.get("/creators/<creator_id>/calendar")
@app_scope("collaborations:read")
@blueprint.input(CalendarAsked, location="query")
@blueprint.output(CalendarShown)
def read_calendar(creator_id: str, query_data: CalendarAsked) -> CalendarShown:
    """What a creator will earn on a product, stretch by stretch

    "15 % for you until 12 March, then 12 %".
    """
    with db.read(Scope.app()) as session:
        creators.get(session, creator_id)
        shops.get(session, query_data.shop_id)
        offers = rates.offers(session, query_data.shop_id, [query_data.product_ref], [creator_id])
        found = calendar.spans(offers, creator_id=creator_id, product_ref=query_data.product_ref, since=clock.now())
        return CalendarShown(items=_spans(found))


@blueprint.post("/creators/<creator_id>/promotions")
@app_scope("creators:write")
@blueprint.input(PromotionAsked)
@blueprint.output(PromotionList, status_code=201)
def promote_product(creator_id: str, json_data: PromotionAsked) -> PromotionList:
    """Say that a creator has a product in the list or in content

    Making a share link says so by itself. From then on a cut of the product's rate reaches the creator 30 days later.
    409 for a creator who may add nothing now, or beyond a pilot period's limits.
    """
    with db.write(Scope.app()) as session:
        creators.get(session, creator_id)
        shop_id, product_ref = _product(session, json_data.listing_id)
        now = clock.now()
        if json_data.at is not None and not now - LATEST_REPORT <= json_data.at <= now:
            remedy = "Report it within a day, or leave the time out for now."
            raise InputRefused("at", "is in the future, or more than 24 hours back.", remedy)
        taking_up.may_promote(session, creator_id, [(shop_id, product_ref)], now)
        collaborations.promote(session, creator_id, shop_id, product_ref, json_data.at or now)
        return _promotions(promotions.of_creator(session, creator_id))


@blueprint.post("/creators/<creator_id>/promotions/removal")
@app_scope("creators:write")
@blueprint.input(PromotionAsked)
@blueprint.output(PromotionList, status_code=201)
def remove_product(creator_id: str, json_data: PromotionAsked) -> PromotionList:
    """Say that a creator removed a product from list and content

    An older rate that was kept is lost with it.
    """
    with db.write(Scope.app()) as session:
        creators.get(session, creator_id)
        shop_id, product_ref = _product(session, json_data.listing_id)
        collaborations.withdraw_promotion(session, creator_id, shop_id, product_ref, json_data.at)
        return _promotions(promotions.of_creator(session, creator_id))


@blueprint.get("/creators/<creator_id>/promotions")
@app_scope("creators:read")
@blueprint.output(PromotionList)
@paged("list_promotions")
def list_promotions(creator_id: str) -> PromotionList:
    """Which products a creator promotes, and since when"""
    with db.read(Scope.app()) as session:
        creators.get(session, creator_id)
        return _promotions(promotions.of_creator(session, creator_id))


def _wanted(asked: TermsAsked) -> Wanted:
    if asked.kind != "targeted":
        for field in ("creator_id", "ends_at", "replaces", "accepted_by"):
            if getattr(asked, field):
                raise InputRefused(field, f"is no part of {asked.kind} terms.", "Leave it out, or send kind: targeted.")
    elif asked.creator_id is None:
        raise InputRefused("creator_id", "is missing.", "Targeted terms are one creator's.")
    return Wanted(
        shop_id=asked.shop_id, kind=asked.kind, product_ref=asked.product_ref, creator_id=asked.creator_id,
        conditions=Conditions(asked.rate_bp, asked.ads_bp, asked.new_buyer_bp, asked.code_rates),
        starts_at=asked.starts_at, ends_at=asked.ends_at, replaces=asked.replaces, accepted_by=asked.accepted_by,
    )  # fmt: skip


def _tiers(asked: Sequence[Tier]) -> list[tuple[int, int]]:
    return [(tier.orders, tier.rate_bp) for tier in asked]


def _terms(row: Terms) -> TermsShown:
    return TermsShown(
        **{name: getattr(row, name) for name in TermsShown.model_fields if name != "tiers"},
        tiers=[Tier(orders=orders, rate_bp=rate_bp) for orders, rate_bp in row.tiers],
    )


def _spans(found: Sequence[calendar.Span]) -> list[SpanShown]:
    return [
        SpanShown(
            starts_at=span.starts_at, ends_at=span.ends_at, rate=_rate(span.rate), ads_bp=span.ads_bp, why=span.why
        )
        for span in found
    ]


def _rate(rate: Rate | None) -> RateThen | None:
    return None if rate is None else RateThen.model_validate(rate)


def _product(session: Session, listing_id: str) -> tuple[str, str]:
    listing = listings.listing(session, listing_id)
    if listing is None:
        raise NotFound(f"no listing has the id {listing_id[:40]!r}")
    return listing.shop_id, listing.product_ref


def _promotions(rows: Sequence[PromotionRow]) -> PromotionList:
    return PromotionList(items=[PromotionShown.model_validate(row) for row in rows])
