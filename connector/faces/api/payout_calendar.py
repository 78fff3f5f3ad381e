"""When a creator's money that is in sight can be paid: the same facts as on their own page."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Literal

from pydantic import Field

from connector import clock, db
from connector.db import Scope
from connector.faces.api import shapes
from connector.faces.api.face import blueprint, paged
from connector.operations import payout_calendar
from connector.operations.payout_calendar import STATES, Calendar, Part, ShopSays, State
from connector.programme.creators import queries as creators
from connector.web.guards import app_scope


class PartShown(shapes.Given):
    """A part of a balance. A creator's parts of one currency and state sum to the ledger's balance in that state."""

    shop_id: str
    state: State
    waits_for: str = Field(
        description="in_transit: payout_prepared, payout_sent, rail_did_not_answer. settled: next_round (it can be "
        "paid now), unfunded (the shop's payment), below_minimum, negative_balance, payee_missing, payee_unconfirmed, "
        "payee_held, freeze, being_closed. reserve: reserve. cleared: next_statement, freeze. pending: hold, clearing "
        "(the hold is over, it is looked at once more), next_statement (of a bonus), freeze, frozen_review, dispute, "
        "return, refund_amount_unknown, and what a line waits for that has no day yet, like "
        "waits_for_delivery_signal. Codes may come to be.",
        examples=["hold"],
    )
    amount: shapes.Money = Field(description="Below zero: carried forward, or taken back in the next statement.")
    first_at: datetime | None = Field(
        description="When that ends: of a hold when it clears, of an unfunded part the day by which the shop is asked "
        "to pay. Of a payout under way: since when. null: no date is promised."
    )
    last_at: datetime | None = Field(description="The last such moment of what the part is made of.")
    period: str | None = Field(
        description="In whose statement it will stand, if nothing changes.", examples=["2026-11"]
    )
    period_ends_at: datetime | None = Field(description="When that period ends; it is closed some time after.")
    missing: shapes.Money | None = Field(description="below_minimum: what is missing of the least that is paid.")
    lines: int = Field(description="Of how many order lines it is made; 0: it is no order's line.")


class CalendarShop(shapes.Given):
    """What a shop's settings say of payouts."""

    shop_id: str
    name: str
    payout_when: Literal["funded", "advance"] = Field(
        description="funded: what is in a statement is paid once the shop has paid the app."
    )
    minimum_payout: int = Field(description="Minor units of each currency, held against the sum over all shops.")
    being_closed: bool = Field(description="A period is being closed now.")
    next_period: str | None = Field(description="The first period that isn't closed.", examples=["2026-11"])
    next_period_ends_at: datetime | None


class CalendarSums(shapes.Given):
    """The ledger's balances of a currency over all shops."""

    currency: str
    in_transit: shapes.Money
    settled: shapes.Money
    reserve: shapes.Money
    cleared: shapes.Money
    pending: shapes.Money


class PayeeStands(shapes.Given):
    reason: str | None = Field(
        description="Why nothing can be paid: payee_missing, payee_unconfirmed, payee_held; null: it can."
    )
    until: datetime | None = Field(description="payee_held: when it ends. payee_unconfirmed: when the change lapses.")


class PayoutCalendar(shapes.PagedList):
    as_of: datetime
    payee: PayeeStands
    sums: list[CalendarSums] = Field(description="One a currency: the sums of all items, not of this page.")
    shops: list[CalendarShop]
    items: list[PartShown] = Field(description="By shop and currency, in each the next to be paid first.")


@blueprint.get("/creators/<creator_id>/payout-calendar")
@app_scope("earnings:read")
@blueprint.output(PayoutCalendar)
@paged("payout_calendar")
def read_payout_calendar(creator_id: str) -> PayoutCalendar:
    """When a creator's money that is in sight can be paid, and what it waits for

    Dates are those that a fact or a setting promises: holds, ends of periods, reserves, freezes, held payment details,
    due days of invoices. When a period is closed and a batch is paid the operator decides: no date is made up for it.
    """
    now = clock.now()
    with db.snapshot(Scope.app()) as session:
        creators.get(session, creator_id)
        found = payout_calendar.read(session, creator_id, now)
    return PayoutCalendar(
        as_of=now,
        payee=PayeeStands(reason=found.payee.reason or None, until=found.payee.until),
        sums=_sums(found),
        shops=[_shop(each) for each in sorted(found.shops.values(), key=lambda each: (each.name, each.id))],
        items=[_part(each) for each in found.parts],
    )


def _sums(found: Calendar) -> list[CalendarSums]:
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for part in found.parts:
        sums[part.currency, part.state] += part.amount
    return [
        CalendarSums(currency=currency, **{state: shapes.as_money(sums[currency, state], currency) for state in STATES})
        for currency in found.currencies
    ]


def _shop(says: ShopSays) -> CalendarShop:
    return CalendarShop(
        shop_id=says.id, name=says.name, payout_when="funded" if says.gated else "advance",
        minimum_payout=says.minimum, being_closed=says.being_closed,
        next_period=says.next_period.name if says.next_period else None,
        next_period_ends_at=says.next_period.ends_at if says.next_period else None,
    )  # fmt: skip


def _part(part: Part) -> PartShown:
    return PartShown(
        shop_id=part.shop_id, state=part.state,
        waits_for=part.waits_for, amount=shapes.as_money(part.amount, part.currency), first_at=part.first_at,
        last_at=part.last_at, period=part.period.name if part.period else None,
        period_ends_at=part.period.ends_at if part.period else None,
        missing=shapes.as_money(part.missing, part.currency) if part.missing else None, lines=part.lines,
    )  # fmt: skip
