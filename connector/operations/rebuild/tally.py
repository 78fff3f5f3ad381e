"""Balances as they follow from orders, statements, receipts and payouts: what each is worth to which account. Pure.

Signs as in the ledger: debit positive, what a creator is owed negative.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from connector.earnings.ledger.queries import Key

# shop, currency, account, creator ("" where it is nobody's own)
Account = tuple[str, str, str, str]


class Tally:
    """Adds up what every fact is worth, account by account."""

    def __init__(self) -> None:
        self._sums: Counter[Account] = Counter()

    def balances(self) -> dict[Account, int]:
        """Account → sum; no zeros."""
        return {account: amount for account, amount in self._sums.items() if amount}

    def move(
        self, shop_id: str, currency: str, source: tuple[str, str], target: tuple[str, str], amount: int
    ) -> None:  # fmt: skip
        """`amount` owed on `source` (account, creator) is owed on `target` from now on."""
        self._sums[shop_id, currency, *source] += amount
        self._sums[shop_id, currency, *target] -= amount

    def order(
        self, shop_id: str, currency: str, due: Mapping[Key, int], fee: int, borne: Mapping[Key, int],
        cleared: frozenset[str],
    ) -> None:  # fmt: skip
        """One order: what its lines have due, the app's fee, what the app bears. `cleared`: refs of cleared lines."""
        for (line_ref, creator_id, _content), amount in due.items():
            account = "creator_cleared" if line_ref in cleared else "creator_pending"
            self.move(shop_id, currency, ("merchant_receivable", ""), (account, creator_id or ""), amount)
        self.move(shop_id, currency, ("merchant_receivable", ""), ("app_fee", ""), fee)
        for (_line, creator_id, _content), amount in borne.items():
            self.move(shop_id, currency, ("loss_absorbed", ""), ("creator_cleared", creator_id or ""), amount)

    def bonus(self, shop_id: str, currency: str, creator_id: str, amount: int) -> None:
        """What an event's tiers came to."""
        self.move(shop_id, currency, ("merchant_receivable", ""), ("creator_pending", creator_id), amount)

    def bonus_cleared(self, shop_id: str, currency: str, creator_id: str, amount: int) -> None:
        """A bonus has no hold: it clears with the closing that settles it."""
        self.move(shop_id, currency, ("creator_pending", creator_id), ("creator_cleared", creator_id), amount)

    def beside(self, shop_id: str, currency: str, creator_id: str, amount: int) -> None:
        """A flat fee or a reimbursed sample: cleared at once."""
        self.move(shop_id, currency, ("merchant_receivable", ""), ("creator_cleared", creator_id), amount)

    def settled(self, shop_id: str, currency: str, creator_id: str, amount: int) -> None:
        """A line of a statement."""
        self.move(shop_id, currency, ("creator_cleared", creator_id), ("creator_settled", creator_id), amount)

    def reserved(self, shop_id: str, currency: str, creator_id: str, amount: int) -> None:
        """Kept back by a statement, and not let go yet."""
        self.move(shop_id, currency, ("creator_settled", creator_id), ("reserve", creator_id), amount)

    def received(self, shop_id: str, currency: str, amount: int) -> None:
        """A merchant paid in."""
        self.move(shop_id, currency, ("bank", ""), ("merchant_receivable", ""), amount)

    def opening(self, shop_id: str, currency: str, creator_id: str, amount: int) -> None:
        """A balance that was brought in from another system."""
        self.move(shop_id, currency, ("merchant_receivable", ""), ("creator_settled", creator_id), amount)

    def payout(self, shop_id: str, currency: str, creator_id: str, amount: int, status: str) -> None:
        """A payout, by what became of it: paid, under way, or settled again."""
        if status in ("failed", "returned", "refused"):
            return
        account = "bank" if status == "paid" else "payout_in_transit"
        self.move(shop_id, currency, ("creator_settled", creator_id), (account, creator_id), amount)

    def converted(self, shop_id: str, whose: str, amount: tuple[int, str], left: tuple[int, str]) -> None:
        """A payout that is paid and left in another currency: (minor units, currency) of both."""
        (taken, currency), (paid, paid_in) = amount, left
        self.move(shop_id, currency, ("creator_settled", whose), ("fx", whose), taken)
        self.move(shop_id, paid_in, ("fx", whose), ("bank", whose), paid)

    def exchanged(
        self, shop_id: str, sold: tuple[int, str], bought: tuple[int, str], covers: int
    ) -> None:  # fmt: skip
        """A shop's share of what the app's bank gave: (minor units, currency) of both; `covers`: what payouts took."""
        (away, currency), (got, came_in) = sold, bought
        self.move(shop_id, currency, ("fx", ""), ("bank", ""), away)
        self.move(shop_id, came_in, ("bank", ""), ("fx", ""), got)
        self.move(shop_id, came_in, ("exchange_difference", ""), ("fx", ""), covers - got)
