"""How many samples a creator may have open, by what they sold in the app. Pure.

    net sales of the last 30 days      at once
    under 5,000                        5
    5,000 to 150,000                   20       from exactly 5,000.00 on, up to exactly 150,000.00
    over 150,000                       50

The thresholds are named per currency (`policy.Numbers.thresholds`). Nothing is converted: without a rate that somebody
answers for, a sum of two currencies is an invented figure. So each currency counts by itself and the highest level that
one of them reaches is the creator's; sales in a currency that the policy doesn't name lift nobody until it does. The
creator reads so, support sees it beside the request, and `connector doctor` names the shops' currencies that wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from connector.programme.samples.policy import Numbers

Level = Literal["low", "middle", "high"]
LEVELS: tuple[Level, ...] = ("low", "middle", "high")


def level(sales: Mapping[str, int], numbers: Numbers) -> Level:
    """`sales`: currency → net sales in minor units."""
    reached = 0
    for currency, amount in sales.items():
        if currency in numbers.thresholds:
            lower, higher = numbers.thresholds[currency]
            reached = max(reached, (amount >= lower) + (amount > higher))
    return LEVELS[reached]


def unnamed(sales: Mapping[str, int], numbers: Numbers) -> list[str]:
    """Currencies of sales that lift nobody, since the policy names no threshold for them."""
    return sorted(currency for currency, amount in sales.items() if amount and currency not in numbers.thresholds)


def most_open(reached: Level, numbers: Numbers) -> int:
    return {"low": numbers.open_low, "middle": numbers.open_middle, "high": numbers.open_high}[reached]
