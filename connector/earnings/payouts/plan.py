"""What a batch would pay, and what it leaves out and why. Pure: balances, people, rates and a rail in; a plan out."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from connector.earnings.payouts.conversion import Rate, converted, is_good
from connector.earnings.payouts.rails.contract import Rail
from connector.programme.creators.payees import Details


@dataclass(frozen=True, slots=True)
class Owed:
    """A settled balance of one creator at one shop. `payable` is what the shop's rule lets go of it now."""

    shop_id: str
    creator_id: str
    amount: int
    payable: int
    minimum: int  # the shop's, in minor units


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a balance belongs to. `reason` says why they can't be paid; "" comes with the details."""

    reason: str = ""
    until: datetime | None = None
    payee_id: str | None = None
    details: Details | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A transfer to be: `amount` of the ledger's currency, which leaves as `pay_amount` of `pay_currency`."""

    shop_id: str
    creator_id: str
    amount: int
    payee_id: str
    pay_currency: str
    pay_amount: int
    rate: Rate | None = None


@dataclass(frozen=True, slots=True)
class Aside:
    """A balance, or a part of one, that stays where it is."""

    shop_id: str
    creator_id: str
    amount: int
    reason: str
    missing: int = 0
    until: datetime | None = None


@dataclass(slots=True)
class Plan:
    currency: str
    rail: str
    pay: list[Row] = field(default_factory=list)
    aside: list[Aside] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(row.amount for row in self.pay)

    def leaves(self) -> dict[str, int]:
        """Currency → what leaves in it."""
        sums: dict[str, int] = defaultdict(int)
        for row in self.pay:
            sums[row.pay_currency] += row.pay_amount
        return dict(sorted(sums.items()))

    def leave(self, reason: str, owed: Owed, amount: int, missing: int = 0, until: datetime | None = None) -> None:
        self.aside.append(Aside(owed.shop_id, owed.creator_id, amount, reason, missing, until))

    def digest(self) -> str:
        """16 hex digits that are the same only for the same transfers: what a person saw is what is booked."""
        rows = sorted((r.shop_id, r.creator_id, r.amount, r.payee_id, r.pay_currency, r.pay_amount) for r in self.pay)
        return hashlib.sha256(msgspec.json.encode((self.currency, self.rail, rows))).hexdigest()[:16]


def made(
    owed: Sequence[Owed],
    people: Mapping[str, Person],
    rail: Rail,
    currency: str,
    rates: Mapping[str, Rate],
    as_of: datetime,
    rates_good_for: timedelta,
) -> Plan:
    """The plan. One bad row is left out with its reason, and the rest goes on.

    A shop's balance below zero takes nothing off another shop's (R17); the minimum is held against the creator's sum
    over all shops, of what may be paid now.
    """
    plan = Plan(currency, rail.slug)
    sums: dict[str, int] = defaultdict(int)
    for each in owed:
        sums[each.creator_id] += max(each.payable, 0)
    for each in owed:
        if each.amount < 0:
            plan.leave("negative_balance", each, each.amount)
            continue
        payable = min(max(each.payable, 0), each.amount)
        if payable < each.amount:
            plan.leave("unfunded", each, each.amount - payable)
        if payable == 0:
            continue
        person = people.get(each.creator_id, Person("creator_unknown"))
        if person.reason or person.details is None or person.payee_id is None:
            plan.leave(person.reason or "payee_missing", each, payable, until=person.until)
        elif sums[each.creator_id] < each.minimum:
            plan.leave("below_minimum", each, payable, missing=each.minimum - sums[each.creator_id])
        else:
            _add(plan, each, payable, person.payee_id, person.details, rail, rates, as_of, rates_good_for)
    return plan


def _add(
    plan: Plan, owed: Owed, amount: int, payee_id: str, details: Details, rail: Rail, rates: Mapping[str, Rate],
    as_of: datetime, good_for: timedelta,
) -> None:  # fmt: skip
    wanted = details.currency or plan.currency
    refused = rail.refuses(details, wanted)
    if refused:
        plan.leave(refused, owed, amount)
        return
    if wanted == plan.currency:
        plan.pay.append(Row(owed.shop_id, owed.creator_id, amount, payee_id, wanted, amount))
        return
    rate = rates.get(wanted)
    if rate is None:
        plan.leave("rate_missing", owed, amount)
    elif not is_good(rate, as_of, good_for):
        plan.leave("rate_too_old", owed, amount)
    elif (leaves := converted(amount, rate)) == 0:
        plan.leave("amount_too_small", owed, amount)
    else:
        plan.pay.append(Row(owed.shop_id, owed.creator_id, amount, payee_id, wanted, leaves, rate))
