"""What is in a video, a post or a live session, how often it was seen, and what came of it.

Nothing here needs an Idempotency-Key, since each act is a repeat by its natural key: a product by content, listing and
time, a count of views by content and moment, an end by being there.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from sqlalchemy.orm import Session

from connector import clock, db
from connector.commerce.catalog import shoppable
from connector.db import Scope
from connector.earnings.attribution import taking_up
from connector.faces.api.face import blueprint, paged
from connector.faces.api.reports import SumShown, asked_of, sums
from connector.faces.api.shapes import Asked, ContentShown, Given, Ident, Moment, PagedList, example
from connector.insight.reports import asked as asking
from connector.insight.reports import table
from connector.programme import collaborations
from connector.programme.content import anchors, sightings, views
from connector.programme.content import queries as contents
from connector.programme.content.anchors import Placed, Wanted
from connector.programme.content.places import MOST
from connector.programme.content.views import MOST_AT_ONCE, MOST_VIEWS, Told
from connector.web.guards import actor, app_scope


class PlacedAsked(Asked):
    """A product that a content shows, and for how long."""

    listing_id: Ident
    starts_at: Moment | None = Field(None, description="Default: now; never in the past.")
    ends_at: Moment | None = Field(None, description="Default: until it is taken out.")


class ProductsAsked(Asked):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "products": [
                        {"listing_id": "lst_01j8…"},
                        {"listing_id": "lst_01j9…", "ends_at": "2026-12-24T18:00:00Z"},
                    ]
                }
            ]
        },
    )

    products: list[PlacedAsked] = Field(min_length=1, max_length=MOST)


class PlacedShown(Given):
    """A product in a content. Taps that it led to settle whatever becomes of it."""

    id: str
    listing_id: str
    shop_id: str
    product_ref: str
    title: str
    starts_at: datetime
    ends_at: datetime | None
    state: Literal["active", "not_yet", "ended", "product_gone", "not_shoppable"]
    reason: str | None = Field(description="Where it can't be bought now: why, as a listing says it.")
    why: str | None = Field(description="The same in words.")


class PlacedList(Given):
    items: list[PlacedShown]


class PlacedPage(PagedList):
    items: list[PlacedShown]


class EndAsked(Asked):
    model_config = example(ends_at="2026-12-24T18:00:00Z")

    ends_at: Moment | None = Field(None, description="Default: now; never in the past.")


class ViewsAsked(Asked):
    """How often a content had been seen at a moment: all views that it ever had, not those since the last count."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"content_id": "cnt_01j8…", "views": 48211, "at": "2026-11-20T08:00:00Z"}]},
    )

    content_id: Ident
    # Wider than a count may be: the wrong one is listed by its place, and stops no other.
    views: int = Field(ge=-(10**18), le=10**18, description=f"0 to {MOST_VIEWS}.")
    at: Moment | None = Field(None, description="Default: now.")


class ViewListAsked(Asked):
    model_config = example(items=[{"content_id": "cnt_01j8…", "views": 48211, "at": "2026-11-20T08:00:00Z"}])

    items: list[ViewsAsked] = Field(min_length=1, max_length=MOST_AT_ONCE)


class ViewsRefused(Given):
    place: int = Field(description="Which of the items, from 0 on.")
    field: str
    why: str


class ViewsTaken(Given):
    """A count that was sent before is neither new nor refused."""

    new: int
    refused: list[ViewsRefused]


class SightingAsked(Asked):
    """From a moment on people can see a content, or can't any more."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"visible": False, "at": "2026-11-20T08:00:00Z"}]}
    )

    visible: bool
    at: Moment | None = Field(None, description="Default: now.")
    live_seconds: Annotated[int, Field(ge=0, le=10**9)] | None = Field(
        None, description="Of a live session that has ended: how long it was."
    )


class SightingShown(Given):
    content_id: str
    at: datetime
    visible: bool
    live_seconds: int | None


class ResultAsked(Asked):
    since: date | None = Field(None, description="First day. Without it: from the beginning.", examples=["2026-11-01"])
    until: date | None = Field(None, description="Last day. Without it: today.", examples=["2026-11-30"])
    time_zone: Annotated[str, Field(max_length=64, examples=["Europe/Berlin"])] = "UTC"


class ContentResult(Given):
    """What came of a content in a time."""

    content_id: str
    views: int | None = Field(description="null: none were told.")
    taps: int
    orders: int
    orders_per_tap_bp: int | None = Field(description="Orders for each tap, in basis points; null: nothing was tapped.")
    money: list[SumShown] = Field(description="One a currency.")


@blueprint.get("/content/<content_id>")
@app_scope("creators:read")
@blueprint.output(ContentShown)
def read_content(content_id: str) -> ContentShown:
    """One video, post or live session"""
    with db.read(Scope.app()) as session:
        return ContentShown.model_validate(contents.get(session, content_id))


@blueprint.get("/content/<content_id>/products")
@app_scope("creators:read")
@blueprint.output(PlacedPage)
@paged("content_products")
def list_content_products(content_id: str) -> PlacedPage:
    """The products that are or were in a content, in the order in which they begin"""
    with db.read(Scope.app()) as session:
        contents.get(session, content_id)
        return PlacedPage(items=[_placed(each) for each in anchors.of_content(session, content_id)])


@blueprint.post("/content/<content_id>/products")
@app_scope("creators:write")
@blueprint.input(ProductsAsked)
@blueprint.output(PlacedList, status_code=201)
def put_content_products(content_id: str, json_data: ProductsAsked) -> PlacedList:
    """Put up to 30 products into a content, each for a time

    All of them or none. Sent again, nothing is added. The creator promotes each from then on: who may add nothing now,
    or has a pilot period's limits before them, puts in what they promote already.
    """
    wanted = [Wanted(each.listing_id, each.starts_at, each.ends_at) for each in json_data.products]
    now = clock.now()
    with db.write(Scope.app()) as session:
        content = contents.get(session, content_id)
        rows = anchors.put(session, content, wanted, by=actor(), now=now)
        new = [(row.shop_id, row.product_ref) for row in rows if row.recorded_at == now]
        taking_up.may_promote(session, content.creator_id, new, now)
        for row in rows:
            if row.starts_at <= now:
                collaborations.promote(session, content.creator_id, row.shop_id, row.product_ref, row.starts_at)
        return PlacedList(items=[_placed(each) for each in anchors.shown(session, rows, now)])


@blueprint.post("/content/<content_id>/products/<placed_id>/end")
@app_scope("creators:write")
@blueprint.input(EndAsked)
@blueprint.output(PlacedShown, status_code=201)
def end_content_product(content_id: str, placed_id: str, json_data: EndAsked) -> PlacedShown:
    """Take a product out of a content, now or at a moment to come

    Taps from before still earn. The creator promotes it on; withdraw the promotion to end that too.
    """
    with db.write(Scope.app()) as session:
        content = contents.get(session, content_id)
        row = anchors.take_out(session, content, placed_id, ends_at=json_data.ends_at)
        return _placed(anchors.shown(session, [row], clock.now())[0])


@blueprint.post("/content/views")
@app_scope("creators:write")
@blueprint.input(ViewListAsked)
@blueprint.output(ViewsTaken, status_code=201)
def tell_views(json_data: ViewListAsked) -> ViewsTaken:
    """Tell how often content was seen

    One wrong item stops no other: it is listed with its place and the reason. A lower count at a later moment takes
    views back.
    """
    now = clock.now()
    told = [Told(each.content_id, each.views, each.at or now) for each in json_data.items]
    with db.write(Scope.app()) as session:
        new, refused = views.tell(session, told, by=actor(), now=now)
    return ViewsTaken(new=new, refused=[ViewsRefused.model_validate(each) for each in refused])


@blueprint.post("/content/<content_id>/visibility")
@app_scope("creators:write")
@blueprint.input(SightingAsked)
@blueprint.output(SightingShown, status_code=201)
def tell_visibility(content_id: str, json_data: SightingAsked) -> SightingShown:
    """Tell that a content was taken down or put up again, or how long a live session was

    Content is taken to be visible from when it came to be known. A sample's content counts by this. Sent again, it
    changes nothing; the opposite of the same moment is 409.
    """
    with db.write(Scope.app()) as session:
        row = sightings.tell(
            session, content_id, visible=json_data.visible, at=json_data.at, live_seconds=json_data.live_seconds,
            by=actor(),
        )  # fmt: skip
        return SightingShown.model_validate(row)


@blueprint.get("/content/<content_id>/results")
@app_scope("earnings:read")
@blueprint.input(ResultAsked, location="query")
@blueprint.output(ContentResult)
def read_content_results(content_id: str, query_data: ResultAsked) -> ContentResult:
    """What came of a content: views, taps, orders, net sales, commission"""
    with db.read(Scope.app()) as session:
        content = contents.get(session, content_id)
        asked = asked_of(query_data.since, query_data.until, query_data.time_zone, content.created_at)
        return _result(session, content_id, asking.narrowed(session, asked, content=content_id))


def _result(session: Session, content_id: str, asked: asking.Asked) -> ContentResult:
    whole = table.read(session, asked, "content", with_buyers=True).whole
    seen = views.between(session, [content_id], asked.since, asked.until)
    return ContentResult(
        content_id=content_id, views=seen.get(content_id), taps=whole.taps, orders=whole.orders,
        orders_per_tap_bp=whole.rate_bp, money=sums(whole),
    )  # fmt: skip


def _placed(each: Placed) -> PlacedShown:
    row, said = each.anchor, shoppable.REASONS.get(each.reason)
    plain: dict[str, Any] = {
        name: getattr(row, name)
        for name in ("id", "listing_id", "shop_id", "product_ref", "starts_at", "ends_at")
    }  # fmt: skip
    return PlacedShown(
        **plain, title=each.title, state=each.state, reason=each.reason or None, why=said.title if said else None
    )
