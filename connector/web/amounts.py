"""How money, rates, counts and sizes look. What an amount *is* comes from `connector.money`; Babel only dresses it.

Babel takes the decimals of a currency from CLDR, which differ from ISO 4217 for 13 currencies, so the decimals are
given to it. Minus is the true sign, and an amount stands in an isolated left-to-right span: in a right-to-left page
−€5.20 would else read €5.20−.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from babel import Locale
from babel.numbers import format_currency, format_decimal, get_currency_symbol
from markupsafe import Markup

from connector import money

LOCALE = Locale("en")
MINUS = "−"
Style = Literal["symbol", "code", "bare"]


def plain(amount: int, currency: str, style: Style = "symbol") -> str:
    """`747` EUR is `€7.47`, `EUR 7.47` or `7.47`; always all the decimals that ISO 4217 gives the currency."""
    digits = money.exponent(currency)
    value = Decimal(abs(amount)).scaleb(-digits)
    minus = MINUS if amount < 0 else ""
    decimals = "#,##0." + "0" * digits if digits else "#,##0"
    if style == "symbol" and not get_currency_symbol(currency, locale=LOCALE).isalpha():
        # The locale's own pattern, with our number of decimals in it.
        pattern = LOCALE.currency_formats["standard"].pattern.replace("#,##0.00", decimals)
        return minus + format_currency(value, currency, format=pattern, locale=LOCALE, currency_digits=False)
    bare = minus + format_decimal(value, format=decimals, locale=LOCALE)
    return bare if style == "bare" else f"{currency}\u00a0{bare}"


def amount(value: int, currency: str, style: Style = "symbol") -> Markup:
    """`plain`, as a span that doesn't wrap and keeps its direction."""
    return Markup('<span class="amount" dir="ltr">{}</span>').format(plain(value, currency, style))


def rate(basis_points: int | None) -> str:
    """`1500` is `15.00 %`."""
    if basis_points is None:
        return "None"
    whole, part = divmod(basis_points, 100)
    return f"{whole}.{part:02d}\u00a0%"


def count(number: int | None) -> str:
    """Grouped by thousands; `Not known` for None."""
    return "Not known" if number is None else format_decimal(number, locale=LOCALE).replace("-", MINUS)


def size(octets: int) -> str:
    """`8 kB`, `1.4 MB`: what a person needs to know of a body's size."""
    if octets < 1000:
        return f"{octets}\u00a0B"
    if octets < 1_000_000:
        return f"{(octets + 500) // 1000}\u00a0kB"
    tenths = (octets + 50_000) // 100_000
    return f"{tenths // 10}.{tenths % 10}\u00a0MB"
