"""What a platform's tests put in the place of a store, so that the suite can run a shop there.

A sandbox, a real store on this machine, or a hundred lines that keep products and orders in memory behind the `Http`
port and answer by the platform's own rules (pages, limits, shapes of money). The suite drives it as a merchant and
buyers would, and reads it through the platform under test alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from connector.platforms.contract import Client


class StandIn(Protocol):
    """One empty store with one currency. Prices and amounts are minor units; nothing is taxed and nothing shipped."""

    @property
    def client(self) -> Client:
        """What a call of the platform needs: domain, currency, a grant that is good, the way out."""
        ...

    def now(self) -> datetime:
        """The store's clock. It never stands still between two acts."""
        ...

    def product(self, title: str, prices: Sequence[int]) -> str:
        """Put a published product with a variant a price; its ref."""
        ...

    def reprice(self, product_ref: str, price: int) -> None:
        """Another price for the first variant, and nothing else."""
        ...

    def delete(self, product_ref: str) -> None: ...

    def order(self, product_ref: str, quantity: int, token: str) -> str:
        """A paid order of the first variant, with `token` in the best carrier that the platform has; its ref."""
        ...

    def refund(self, order_ref: str, units: int) -> None:
        """Units come back, and their money is given back."""
        ...

    def cancel(self, order_ref: str) -> None:
        """Before anything was sent; the money is given back."""
        ...

    def sell_out(self, product_ref: str) -> None:
        """Nothing is left of the first variant. (Here and below: for platforms that can `sample_orders`.)"""
        ...

    def send_off(self, order_ref: str) -> None:
        """The whole order is on its way to the buyer."""
        ...

    def busy(self, answers: int) -> None:
        """The next answers say that too much is asked, by the platform's own way to say it."""
        ...
