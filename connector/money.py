"""Integer money: minor units of a currency, exponents of ISO 4217, and the one way to split a sum.

Units: every amount is an integer of the currency's minor unit (cents, yen, fils).
Source: exponents from the `iso4217` package. Babel's follow CLDR and differ for 13 currencies (the Iraqi dinar by a
factor of 1000), so Babel only decides how money looks, never what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation, localcontext
from fractions import Fraction
from functools import lru_cache

from iso4217 import Currency

from connector.errors import MoneyRefused

# BIGINT on both databases, with room for sums of many lines.
LARGEST = 10**15
# Characters of which decimal's usual context loses none, and the most digits that are read at all.
_EXACT, _LONGEST = 28, 1000
_LARGEST_DIGITS = 15  # of 10**15; nothing with more before its point is booked in any currency


@lru_cache(maxsize=512)
def exponent(currency: str) -> int:
    """Digits after the point: 2 for USD, 0 for JPY, 3 for KWD.

    Errors: MoneyRefused for a code that isn't in ISO 4217, or that has no minor unit (gold, test codes).
    """
    try:
        digits = Currency(currency).exponent
    except ValueError:
        raise MoneyRefused("currency", f"{currency!r} isn't an ISO 4217 code.") from None
    if digits is None:
        raise MoneyRefused("currency", f"{currency} has no minor unit, so nothing can be priced in it.")
    return int(digits)


def parse(amount: str | int | Decimal, currency: str, field: str = "amount") -> int:
    """A decimal string (or exact Decimal) to minor units; `3980.0` yen is 3980, `1.005` USD is refused.

    Errors: MoneyRefused(field) for floats, exponents (`1e3`), more decimals than the currency has, or too many digits.
    """
    if isinstance(amount, bool) or not isinstance(amount, str | int | Decimal):
        raise MoneyRefused(field, f"{type(amount).__name__} isn't an exact amount.", "Send a decimal string.")
    if isinstance(amount, str) and not _plain(amount):
        raise MoneyRefused(field, f"{amount[:40]!r} isn't a plain decimal number.", "Send digits like 12.34.")
    try:
        value = Decimal(amount)
        digits = exponent(currency)
        # Looked at before anything is computed: as an integer, a million zeros (`1e999990`) take minutes.
        if value.is_finite() and value.adjusted() > _LARGEST_DIGITS and value:
            raise MoneyRefused(field, "the amount is larger than we book.")
        scaled = value.scaleb(digits) if len(str(amount)) <= _EXACT else _long(value, digits)
        whole = int(scaled)
    except (ArithmeticError, ValueError):  # decimal's own Overflow is no OverflowError
        raise MoneyRefused(field, f"{str(amount)[:40]!r} isn't an amount.", "Send digits like 12.34.") from None
    if scaled != whole:
        raise MoneyRefused(field, f"{amount} has more decimals than {currency} has ({exponent(currency)}).")
    if abs(whole) > LARGEST:
        raise MoneyRefused(field, "the amount is larger than we book.")
    return whole


def _long(value: Decimal, digits: int) -> Decimal:
    """Scaled without rounding: decimal's usual context keeps 28 digits, and would drop what stands behind them."""
    with localcontext(prec=_LONGEST):
        if len(value.as_tuple().digits) > _LONGEST:
            raise InvalidOperation
        return value.scaleb(digits)


def _plain(text: str) -> bool:
    digits = text[1:] if text[:1] == "-" else text
    head, point, tail = digits.partition(".")
    return head.isascii() and head.isdigit() and (not point or (tail.isascii() and tail.isdigit()))


def text(amount: int, currency: str) -> str:
    """Minor units as a plain decimal string with all the currency's decimals: `600` USD is `6.00`."""
    digits = exponent(currency)
    sign = "-" if amount < 0 else ""
    if digits == 0:
        return f"{sign}{abs(amount)}"
    whole, part = divmod(abs(amount), 10**digits)
    return f"{sign}{whole}.{part:0{digits}d}"


def round_half_up(value: Fraction) -> int:
    """To the nearest integer, halves away from zero (R4, R6): 333.5 is 334, -333.5 is -334."""
    return divided(value.numerator, value.denominator)


def divided(numerator: int, denominator: int) -> int:
    """`round_half_up` of a quotient of integers, without the fraction. The denominator is above zero."""
    if numerator < 0:
        return -divided(-numerator, denominator)
    return (2 * numerator + denominator) // (2 * denominator)


def split(total: int, weights: Sequence[int]) -> list[int]:
    """Split `total` in proportion to `weights` by largest remainder; ties go to the lower index; the sum is `total`.

    Shape:  as many shares as weights; a weight of 0 gets 0. All weights 0: all shares 0 only if total is 0.
    Errors: ValueError on a negative weight, or when there is nobody to give a non-zero total to.
    """
    if any(weight < 0 for weight in weights):
        raise ValueError("a weight is negative")
    whole = sum(weights)
    if whole == 0:
        if total:
            raise ValueError("nothing to spread a sum over")
        return [0] * len(weights)
    sign = -1 if total < 0 else 1
    shares = [abs(total) * weight // whole for weight in weights]
    left = abs(total) - sum(shares)
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(abs(total) * weights[i] % whole), i))
    for index in by_remainder[:left]:
        shares[index] += 1
    return [sign * share for share in shares]
