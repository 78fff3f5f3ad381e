"""The tax in the app's fee, as an invoice says it. Pure.

Commission is the creators' and is passed on: the app asks for no tax on it. The fee is the app's own service, and its
amount includes the tax on it, where the shop's setting says so; the ledger books what the merchant pays, whole. What
was asked before a rate changed keeps the rate of its invoice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connector import money


@dataclass(frozen=True, slots=True)
class FeeTax:
    """How the fee of one invoice is taxed. `rate_bp` is of the net amount, in basis points."""

    mode: str = "none"  # or "included", "reverse_charge"
    rate_bp: int = 0
    number: str = ""  # the app's own, for the tax office
    wording: str = ""  # of a reverse charge, in the operator's words

    @property
    def counted(self) -> bool:
        return self.mode == "included" and self.rate_bp > 0


def in_fees(fees: Sequence[int], rate_bp: int) -> list[int]:
    """The tax in each of these fees (minor units, tax included), in their order.

    What is asked and what is given back are each rounded once, half up, and shared out by largest remainder: no line is
    off by a unit or more, and the same fees in another order have the same sum.
    """
    found = [0] * len(fees)
    for sign in (1, -1):
        weights = [max(sign * fee, 0) for fee in fees]
        if whole := sum(weights):
            tax = money.divided(whole * rate_bp, 10_000 + rate_bp)
            for place, share in enumerate(money.split(tax, weights)):
                found[place] += sign * share
    return found
