"""How bytes, times, amounts and names of a platform become ours. A failure names the field: PayloadUnreadable(path)."""

from __future__ import annotations

import html
import json
import re
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import TypeVar

import msgspec
import nh3

from connector import clock, money
from connector.errors import MoneyRefused, PayloadUnreadable

T = TypeVar("T")

_PATH = re.compile(r"^(?P<problem>.*) - at `(?P<path>\$[^`]*)`$", re.S)
LONGEST = 500  # characters of a title or another short text; platforms themselves keep 255
# What a Decimal field would read as something that is no number. Only then is what was read looked through.
_NO_NUMBER = re.compile(rb'"\s*[+-]?(?:s?nan[0-9]*|inf(?:inity)?)\s*"', re.I)
_GTIN_LENGTHS = frozenset({8, 12, 13, 14})
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_BREAKS = re.compile(r"<(?:br|/p|/div|/li|/h[1-6]|/tr)\b[^<>]*>", re.I)
_TAGS = re.compile(r"""</?[a-z](?:[^<>"']|"[^"]*"|'[^']*')*>""", re.I)
_RAW = re.compile(r"<(?:!|\?|script|style|template|textarea|title|iframe|noscript|xmp|svg|math|plaintext)", re.I)
SIMPLE_LENGTH = 8192  # bounds what a hostile text costs the pattern
_TURNING = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))


def decode(body: bytes | msgspec.Raw, kind: type[T]) -> T:
    """JSON to a struct of the platform's payloads.

    Errors: PayloadUnreadable with the field that is absent or of another type.
    """
    try:
        found: T = msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        place = _PATH.match(str(error))
        path, problem = (place["path"], place["problem"]) if place else ("$", str(error))
        missing = re.search(r"missing required field `(\w+)`", problem)
        raise PayloadUnreadable(f"{path}.{missing[1]}" if missing else path, problem) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        sound = mended(bytes(body))
        if sound is not None:
            return decode(sound, kind)
        raise PayloadUnreadable("$", f"isn't JSON in UTF-8 ({type(error).__name__})") from None
    except RecursionError:
        raise PayloadUnreadable("$", "is nested too deep") from None
    if _NO_NUMBER.search(memoryview(body)) is not None:
        _finite(found, "$")
    return found


def _finite(value: object, path: str) -> None:
    """Errors: PayloadUnreadable for a Decimal that is no number. `"sNaN"` as an amount is read as one, and then every
    comparison with it breaks, far from its place."""
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise PayloadUnreadable(path, f"{value} isn't a number")
    elif isinstance(value, msgspec.Struct):
        for name, key in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True):
            _finite(getattr(value, name), f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            _finite(each, f"{path}[{index}]")
    elif isinstance(value, dict):
        for key, each in value.items():
            _finite(each, f"{path}.{key}")


def mended(body: bytes) -> bytes | None:
    """The JSON with U+FFFD in place of half characters (`\\ud800` alone), which are no text; None: it has none.

    A store's title that was cut in the middle of an emoji must not take the whole page, or file, with it.
    """
    if _SURROGATE.search(body) is None:
        return None
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    text = json.dumps(found, ensure_ascii=False)
    sound = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
    return sound if sound != body and _SURROGATE.search(sound) is None else None


def clean(text: str, most: int = LONGEST) -> str:
    """A name as it may stand beside other text: cut at `most` characters, without marks that turn the text after them.

    Marks of direction that belong to a script (U+200E, U+200F, U+061C) stay; overrides and embeddings go.
    """
    if len(text) > most:
        text = text[: most - 1] + "…"
    return text if text.isascii() else text.translate(_TURNING)


@lru_cache(maxsize=4096)
def kept(text: str) -> str:
    """`clean` of what thousands of items share: vendors, categories, variant titles. One copy of each."""
    return clean(text)


def gtin(text: str) -> str:
    """The 8, 12, 13 or 14 digits of a trade item number whose check digit is right; "" for anything else.

    Source: GS1 General Specifications, 7.9: weights 3 and 1 from the right, the sum with the check digit ends in 0.
    """
    digits = text if text.isdecimal() else text.replace("-", "").replace(" ", "")
    if len(digits) not in _GTIN_LENGTHS or not (digits.isascii() and digits.isdecimal()):
        return ""
    codes = digits.encode()
    zeros = 48 * (3 * (len(codes) // 2) + (len(codes) + 1) // 2)
    total = 3 * sum(codes[-2::-2]) + sum(codes[-1::-2]) - zeros
    return "" if total % 10 or not total else digits


def moment(text: str, path: str) -> datetime:
    """RFC 3339 with an offset, as UTC. Errors: PayloadUnreadable."""
    try:
        return clock.parse(text)
    except (ValueError, OverflowError):
        raise PayloadUnreadable(path, f"{text[:40]!r} isn't a time with an offset") from None


def moment_or_none(text: str | None, path: str) -> datetime | None:
    return None if text is None else moment(text, path)


def amount(value: str | Decimal, currency: str, path: str) -> int:
    """Minor units. Errors: PayloadUnreadable at `path`, with money's own words."""
    try:
        return money.parse(value, currency)
    except MoneyRefused as error:
        raise PayloadUnreadable(path, error.problem) from None


def known(currency: str) -> bool:
    """Can amounts of this currency be counted at all?"""
    try:
        money.exponent(currency)
    except MoneyRefused:
        return False
    return True


@lru_cache(maxsize=65536)
def price(text: str, currency: str) -> int:
    """Minor units of a catalog price, remembered: catalogs repeat their prices. Errors: MoneyRefused."""
    return money.parse(text, currency)


def by_ref(reference: str) -> tuple[int, str]:
    """Sort key that orders decimal references by number."""
    return len(reference), reference


def plain_text(markup: str) -> str:
    """HTML as lines of text, without scripts and styles; entities become characters.

    Plain markup, which nearly all descriptions are, loses its tags to a pattern (ten times quicker); what holds raw
    text or is long goes through the real parser. The result is text: whoever shows it escapes it.
    """
    if "<" in markup:
        text = _BREAKS.sub("\n", markup)
        if len(text) > SIMPLE_LENGTH or _RAW.search(text):
            text = nh3.clean(text, tags=set())
        else:
            text = _TAGS.sub("", text)
    else:
        text = markup
    if "&" in text:
        text = html.unescape(text)
    return "\n".join(filter(None, (" ".join(line.split()) for line in text.splitlines())))
