"""What an event's tiers come to for one creator (F8). Pure.

Orders count in the order of their own times (ties by the store's id), whoever heard of them first: after so many net
orders, those that follow earn the tier's rate. What they earned already stays an entry of its own, so the bonus is the
rounded commission at the tier's rate less the rounded commission at the line's own, an order at a time, on the base
that the buyer had not got back when the event closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from connector.commerce.orders.facts import by_ref
from connector.earnings.commission.rate import BP
from connector.money import divided


class Tiered(Protocol):
    """A tier of an event (`collaborations.events.Tier`)."""

    @property
    def orders(self) -> int: ...
    @property
    def rate_bp(self) -> int: ...


class EventLine(msgspec.Struct, frozen=True):
    """One line credited by the event's terms. Minor units."""

    base: int
    net: int  # base less what came back up to the close
    rate_bp: int


class EventOrder(msgspec.Struct, frozen=True):
    """One order of the event, as far as one creator is credited for it."""

    order_ref: str
    placed_at: datetime
    lines: tuple[EventLine, ...]
    stopped: bool = False  # cancelled, voided, expired, unpaid, or no order at all

    @property
    def counts(self) -> bool:
        """Only a full refund removes an order from the count; what never was one isn't in it either."""
        whole = sum(line.base for line in self.lines)
        return not self.stopped and bool(self.lines) and (whole == 0 or any(line.net for line in self.lines))


class Reckoned(msgspec.Struct, frozen=True):
    """What came out, in minor units."""

    orders: int = 0
    base: int = 0
    commission: int = 0
    tier_commission: int = 0
    tier_bp: int = 0  # of the highest tier that was reached

    @property
    def bonus(self) -> int:
        return self.tier_commission - self.commission


def reckon(orders: Iterable[EventOrder], tiers: Sequence[Tiered]) -> Reckoned:
    """The bonus of one creator in one currency; a line whose own rate is higher than the tier's gains nothing."""
    counted = sorted((one for one in orders if one.counts), key=lambda one: (one.placed_at, by_ref(one.order_ref)))
    base = commission = tier_commission = highest = 0
    for number, order in enumerate(counted, 1):
        tier = max((tier.rate_bp for tier in tiers if number > tier.orders), default=0)
        highest = max(highest, tier)
        base += sum(line.net for line in order.lines)
        commission += _rounded((line.net, line.rate_bp) for line in order.lines)
        tier_commission += _rounded((line.net, max(line.rate_bp, tier)) for line in order.lines)
    return Reckoned(len(counted), base, commission, tier_commission, highest)


def _rounded(parts: Iterable[tuple[int, int]]) -> int:
    return divided(sum(base * rate_bp for base, rate_bp in parts), BP)
