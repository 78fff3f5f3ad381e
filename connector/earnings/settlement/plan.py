"""What a closing will book, worked out and not written: a plan a currency, a part a creator."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connector.earnings.ledger.outstanding import Unsettled
from connector.earnings.settlement.invoices import Bill
from connector.earnings.settlement.periods import Period
from connector.earnings.settlement.reserves import Release


@dataclass(slots=True)
class Part:
    """What one creator's statement will say, in minor units."""

    creator_id: str
    lines: list[Unsettled] = field(default_factory=list)
    carried: int = 0
    opening: int = 0
    reserved: int = 0
    releases: list[Release] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(line.amount for line in self.lines)

    @property
    def corrections(self) -> int:
        return sum(line.amount for line in self.lines if line.again)

    @property
    def released(self) -> int:
        return sum(release.amount for release in self.releases)


@dataclass(slots=True)
class Plan:
    """What a closing will book in one currency."""

    shop_id: str
    currency: str
    period: Period
    as_of: datetime
    parts: list[Part]
    bonuses: list[Unsettled]  # still pending: they clear with the closing
    bill: Bill

    @property
    def total(self) -> int:
        return sum(part.total for part in self.parts)


def token_of(plans: Sequence[Plan]) -> str:
    """Names what a person saw: another amount anywhere is another token."""
    digest = hashlib.blake2b(digest_size=16)
    for plan in plans:
        digest.update(f"{plan.currency} {plan.period.name} {plan.as_of.isoformat()} {plan.bill}\n".encode())
        for part in plan.parts:
            digest.update(f"{part}\n".encode())
    return digest.hexdigest()
