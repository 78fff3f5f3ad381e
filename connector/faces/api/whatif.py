"""What would it pay: an order, a creator's month or a shop's quarter under other terms or settings."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from connector import db
from connector.commerce.shops import queries as shops
from connector.db import Scope as Sees
from connector.errors import InputRefused
from connector.faces.api import shapes
from connector.faces.api.face import blueprint
from connector.faces.api.shapes import Asked, Given, Ident, Moment, Money, Text, example
from connector.operations.whatif.asked import Change, SupposedRate, checked, stretch
from connector.operations.whatif.price import Answer, LineChange, Scope, Sums, price
from connector.programme.creators import queries as creators
from connector.web import cursors
from connector.web.guards import app_scope

_LIST = "whatif"


class RateAsked(Asked):
    rate_bp: Annotated[int, Field(ge=-(10**9), le=10**9)] = Field(description="Basis points, 100 to 8000.")
    kind: Literal["all", "open", "targeted", "store"] = Field(
        "all",
        description="all: whatever was agreed; open: everybody's; targeted: one creator's; store: the shop's.",
    )
    product_ref: Annotated[Text, Field(max_length=200)] = Field("", description="Of open or targeted terms.")
    creator_id: Ident | None = None
    ads_bp: Annotated[int, Field(ge=-(10**9), le=10**9)] | None = None
    starts_at: Moment | None = Field(None, description="Default: as if it had always been so.")
    ends_at: Moment | None = None


class WhatIfAsked(Asked):
    """An order; or a creator, in one shop or in all, or a shop: with a period, or with since and until."""

    model_config = example(
        creator_id="crt_01j8…", shop_id="shp_01j8…", period="2026-11", rates=[{"kind": "open", "rate_bp": 1200}]
    )

    order_id: Ident | None = None
    creator_id: Ident | None = None
    shop_id: Ident | None = None
    period: Annotated[Text, Field(max_length=10)] | None = Field(
        None, description="2026, 2026-Q4 or 2026-11, in the zone of the shop that is named, else in UTC."
    )
    since: Moment | None = None
    until: Moment | None = None
    rates: Annotated[list[RateAsked], Field(max_length=20)] = []
    without: Annotated[list[Ident], Field(max_length=50)] = Field([], description="Ids of terms that never were.")
    settings: dict[Annotated[Text, Field(max_length=60)], int | Annotated[Text, Field(max_length=60)]] = {}
    seconds: int = Field(10, ge=1, le=20, description="About how long to go on. At least a batch of orders is taken.")
    cursor: Annotated[Text, Field(max_length=2000)] | None = Field(None, description="`next` of the answer before.")


class LineShown(Given):
    order_id: str
    number: str
    line_ref: str
    title: str
    creator_before: str | None
    creator_after: str | None
    rate_before: int
    rate_after: int
    reason_before: str
    reason_after: str
    rate_reason_before: str
    rate_reason_after: str
    before: Money
    after: Money
    difference: Money


class SumsShown(Given):
    before: Money
    after: Money
    difference: Money
    fee_before: Money
    fee_after: Money
    lines: int = Field(description="Lines that differ.")


class CreatorSums(SumsShown):
    creator_id: str


class ReasonSums(SumsShown):
    reason_before: str
    reason_after: str


class WhatIfShown(Given):
    """What stands beside what would be. Nothing was written."""

    covered: int = Field(description="Orders that these sums are of.")
    orders: int = Field(description="Orders in all.")
    next: str | None = Field(description="Send it as `cursor` to go on; the sums of the answers add up.")
    currencies: list[SumsShown] = Field(description="One a currency; currencies are never added.")
    creators: list[CreatorSums]
    reasons: list[ReasonSums] = Field(description="Where the reason would be another.")
    lines: list[LineShown] = Field(description="Those that differ, the first 200; all lines of a single order.")
    left_out: int


@blueprint.post("/whatif")
@app_scope("orders:read")
@blueprint.input(WhatIfAsked)
@blueprint.output(WhatIfShown)
def what_if(json_data: WhatIfAsked) -> WhatIfShown:
    """What would it pay?

    The whole decision table and the arithmetic run again over what is kept, with other rates, terms or settings in the
    place of what they replace, beside what stands. Large inputs are answered a piece at a time.
    """
    change = checked(
        Change(
            rates=tuple(SupposedRate(**rate.model_dump()) for rate in json_data.rates),
            without=tuple(json_data.without), settings=json_data.settings,
        )
    )  # fmt: skip
    with db.read(Sees.app()) as session:
        zone = "UTC"
        if json_data.shop_id is not None:
            zone = shops.get(session, json_data.shop_id).time_zone
        if json_data.creator_id is not None:
            creators.get(session, json_data.creator_id)
        return _shown(price(session, _scope(json_data, zone), change, seconds=json_data.seconds))


def _scope(asked: WhatIfAsked, zone: str) -> Scope:
    after = None
    if asked.cursor is not None:
        key = cursors.unpack(_LIST, asked.cursor)
        if len(key) != 2:
            raise InputRefused("cursor", "isn't one that this list gave out.", "Start again without a cursor.")
        after = (cursors.moment(key[0]), str(key[1]))
    if asked.order_id is not None:
        if asked.creator_id or asked.shop_id or asked.period or asked.since or asked.until:
            raise InputRefused("order_id", "stands alone.", "Leave out creator, shop and time.")
        return Scope(order_id=asked.order_id)
    if asked.creator_id is None and asked.shop_id is None:
        raise InputRefused("shop_id", "is missing.", "Name an order, a creator or a shop.")
    since, until = asked.since, asked.until
    if asked.period is not None:
        if since is not None or until is not None:
            raise InputRefused("period", "stands instead of since and until.", "Send one of the two.")
        since, until = stretch(asked.period, zone)
    if since is None or until is None or since >= until:
        raise InputRefused("period", "is missing.", "Send a period, or since and a later until.")
    return Scope(creator_id=asked.creator_id, shop_id=asked.shop_id, since=since, until=until, after=after)


def _shown(answer: Answer) -> WhatIfShown:
    return WhatIfShown(
        covered=answer.covered,
        orders=answer.orders,
        next=None if answer.next is None else cursors.pack(_LIST, answer.next),
        currencies=[SumsShown(**_sums(sums, currency)) for currency, sums in sorted(answer.currencies.items())],
        creators=[
            CreatorSums(creator_id=creator, **_sums(sums, currency))
            for (creator, currency), sums in sorted(answer.creators.items())
        ],
        reasons=[
            ReasonSums(reason_before=before, reason_after=after, **_sums(sums, currency))
            for (currency, before, after), sums in sorted(answer.reasons.items())
        ],
        lines=[_line(line) for line in answer.lines],
        left_out=answer.left_out,
    )


def _sums(sums: Sums, currency: str) -> dict[str, Any]:
    names = ("before", "after", "difference", "fee_before", "fee_after")
    amounts: dict[str, Any] = {name: shapes.as_money(getattr(sums, name), currency) for name in names}
    return {**amounts, "lines": sums.lines}


def _line(line: LineChange) -> LineShown:
    same = (
        "order_id", "number", "line_ref", "title", "creator_before", "creator_after", "rate_before", "rate_after",
        "reason_before", "reason_after",
    )  # fmt: skip
    return LineShown(
        **{name: getattr(line, name) for name in same},
        rate_reason_before=line.why_rate_before,
        rate_reason_after=line.why_rate_after,
        before=shapes.as_money(line.before, line.currency),
        after=shapes.as_money(line.after, line.currency),
        difference=shapes.as_money(line.difference, line.currency),
    )
