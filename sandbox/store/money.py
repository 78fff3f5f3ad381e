"""Money of the stand-in store: integers of the minor unit inside, decimal strings outside.

Written apart from connector.money on purpose: the sandbox is the second witness of every amount.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

ZERO_DECIMALS = frozenset(
    [
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ]
)
THREE_DECIMALS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])


class AmountRefused(ValueError):
    """A decimal string that this currency cannot hold; the message names both."""


def exponent(currency: str) -> int:
    """Digits after the point by ISO 4217 (Shopify's own list agrees for the currencies used here)."""
    if currency in ZERO_DECIMALS:
        return 0
    return 3 if currency in THREE_DECIMALS else 2


def to_minor(text: str | int | float | Decimal, currency: str) -> int:
    """'12.34' USD -> 1234; '3980' JPY -> 3980. Raises AmountRefused for digits beyond the exponent."""
    try:
        scaled = Decimal(str(text)).scaleb(exponent(currency))
    except ArithmeticError as error:
        raise AmountRefused(f"{text!r} is no amount") from error
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        raise AmountRefused(f"{text!r} does not fit {currency}")
    return int(scaled)


def decimal_text(minor: int, currency: str) -> str:
    """1234 USD -> '12.34'; 3980 JPY -> '3980'; 1500 KWD -> '1.500': the form of webhook bodies and scalar Money."""
    digits = exponent(currency)
    if digits == 0:
        return str(minor)
    sign, whole = ("-", -minor) if minor < 0 else ("", minor)
    return f"{sign}{whole // 10**digits}.{whole % 10**digits:0{digits}d}"


def graph_amount(minor: int, currency: str) -> str:
    """As MoneyV2.amount of an order prints it: like decimal_text, but yen as '3980.0'."""
    text = decimal_text(minor, currency)
    return text if "." in text else f"{text}.0"


def short_amount(minor: int, currency: str) -> str:
    """As MoneyV2.amount of priceRangeV2 prints it: '40.0' for 40.00, '40.5', '40.25'."""
    text = graph_amount(minor, currency).rstrip("0")
    return f"{text}0" if text.endswith(".") else text


def half_up(value: Fraction) -> int:
    """Round to the nearest integer, halves away from zero."""
    sign = -1 if value < 0 else 1
    magnitude = abs(value)
    return sign * ((2 * magnitude.numerator + magnitude.denominator) // (2 * magnitude.denominator))


def share(total: int, part: int, whole: int) -> int:
    """`part` of `whole` units' share of a total, rounded half up; cumulative use makes the parts add up."""
    return half_up(Fraction(total * part, whole)) if whole else 0


def spread(total: int, weights: Sequence[int]) -> list[int]:
    """Split a total in proportion to weights by largest remainder; ties go to the lower index. Sums to total."""
    whole = sum(weights)
    if whole <= 0:
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    remainders = [total * weight % whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda index: (-remainders[index], index))
    for index in order[: total - sum(parts)]:
        parts[index] += 1
    return parts
