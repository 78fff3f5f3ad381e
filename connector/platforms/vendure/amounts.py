"""A store's whole numbers as minor units of their currency.

The number of decimals is the store's (`moneyStrategyPrecision`, usually 2) and the same for every currency: under
precision 2 the number 1500 is 15.00 in any of them, 15 yen as well. So it is converted by exact arithmetic, and a
number that the currency can't hold (15.50 yen) is refused: nothing is ever rounded into a price.
"""

from __future__ import annotations

from dataclasses import dataclass

from connector import money
from connector.errors import MoneyRefused, PayloadUnreadable

USUAL_PRECISION = 2
MOST_PRECISION = 10


@dataclass(frozen=True, slots=True)
class Scale:
    """How the store's numbers of one currency become minor units: times `up`, or without remainder by `down`."""

    currency: str
    precision: int
    up: int
    down: int

    @classmethod
    def of(cls, currency: str, precision: int) -> Scale:
        """Errors: MoneyRefused for a currency in which nothing can be counted."""
        more = money.exponent(currency) - precision
        return cls(currency, precision, 10 ** max(0, more), 10 ** max(0, -more))

    def exact(self, value: int) -> int:
        """Errors: MoneyRefused, in words for the merchant."""
        if self.down > 1 and value % self.down:
            decimals = money.exponent(self.currency)
            raise MoneyRefused(
                "price",
                f"{value} has more decimals than {self.currency}: the store keeps {self.precision} decimals, the "
                f"currency has {decimals}.",
                "Round the price in the store, or join again with the number of decimals that prices really have.",
            )
        made = value * self.up // self.down
        if abs(made) > money.LARGEST:
            raise MoneyRefused("price", "the amount is larger than we book.")
        return made

    def at(self, value: int, path: str) -> int:
        """Errors: PayloadUnreadable at `path`, with money's own words."""
        if self.up == self.down and -money.LARGEST <= value <= money.LARGEST:
            return value
        try:
            return self.exact(value)
        except MoneyRefused as error:
            raise PayloadUnreadable(path, error.problem) from None


def scale(currency: str, precision: int, path: str) -> Scale:
    """Errors: PayloadUnreadable at `path` for a currency that isn't one."""
    try:
        return Scale.of(currency, precision)
    except MoneyRefused as error:
        raise PayloadUnreadable(path, error.problem) from None
