"""How bytes, ids, times and amounts of Shopify become ours. Every failure names the field: PayloadUnreadable(path)."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import TypeVar

import msgspec

from connector import clock, money
from connector.errors import MoneyRefused, PayloadUnreadable

T = TypeVar("T")

_PATH = re.compile(r"^(?P<problem>.*) - at `(?P<path>\$[^`]*)`$", re.S)
_GID = re.compile(r"gid://shopify/[A-Za-z]+/(\d+)(?:\?.*)?", re.S)


def decode(body: bytes | msgspec.Raw, kind: type[T]) -> T:
    """JSON to one of payloads.py. Errors: PayloadUnreadable with the field that is absent or of another type."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        found = _PATH.match(str(error))
        path, problem = (found["path"], found["problem"]) if found else ("$", str(error))
        missing = re.search(r"missing required field `(\w+)`", problem)
        raise PayloadUnreadable(f"{path}.{missing[1]}" if missing else path, problem) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PayloadUnreadable("$", f"isn't JSON in UTF-8 ({type(error).__name__})") from None
    except RecursionError:
        raise PayloadUnreadable("$", "is nested too deep") from None


def ref(gid: str, path: str = "$.id") -> str:
    """`gid://shopify/Order/71` to `71`; query parts are dropped. Errors: PayloadUnreadable."""
    found = _GID.fullmatch(gid)
    if found is None:
        raise PayloadUnreadable(path, f"{gid[:60]!r} isn't a Shopify id")
    return found[1]


def gid(kind: str, number: str) -> str:
    """`71` to `gid://shopify/Order/71`. Errors: PayloadUnreadable for a reference that can't be Shopify's."""
    if not (number.isascii() and number.isdigit()):
        raise PayloadUnreadable("$.id", f"{number[:60]!r} isn't a Shopify id")
    return f"gid://shopify/{kind}/{number}"


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


@lru_cache(maxsize=65536)
def price(text: str, currency: str) -> int:
    """Minor units of a catalog price, remembered: catalogs repeat their prices. Errors: MoneyRefused."""
    return money.parse(text, currency)


def by_ref(reference: str) -> tuple[int, str]:
    """Sort key that orders decimal references by number."""
    return len(reference), reference
