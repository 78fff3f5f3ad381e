"""Rates and their calendar in words, and rates as people type them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from connector.errors import InputRefused
from connector.programme.collaborations.calendar import Span
from connector.web import moments

_TYPED = re.compile(r"(\d{1,3})(?:[.,](\d{1,2}))?\s*%?", re.ASCII)
# Kinds of terms as their reader calls them.
KINDS = {
    "open": "For everybody",
    "targeted": "For one creator",
    "event": "Event",
    "store": "Where nothing else counts",
}


def short(basis_points: int | None) -> str:
    """`15 %`, `12.5 %`: in a sentence, where a column would have `15.00 %`. None: `nothing`."""
    if basis_points is None:
        return "nothing"
    return f"{Decimal(basis_points).scaleb(-2).normalize():f}\u00a0%"


def typed(text: str, field: str) -> int:
    """Basis points of `12`, `12.5` or `12,5 %`. Errors: InputRefused(field)."""
    found = _TYPED.fullmatch(text.strip())
    if found is None:
        raise InputRefused(field, f"{text[:20]!r} is no rate.", "Write per cent, with up to two decimals, like 12.5.")
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


def as_typed(basis_points: int | None) -> str:
    """What stands in a form: `12.5`."""
    return "" if basis_points is None else f"{Decimal(basis_points).scaleb(-2).normalize():f}"


def calendar(found: Sequence[Span], *, yours: bool = True) -> str:
    """`15 % for you until 12 Mar 2027, then 12 %`. `yours`: said to the creator whom it is about."""
    parts: list[str] = []
    before = None
    for span in found:
        rate = span.rate.rate_bp if span.rate else None
        said = "the same" if rate is not None and rate == before else short(rate)
        before = rate
        if span.why in ("kept", "targeted") and yours:
            said += " for you"
        elif span.why == "kept":
            said += " kept"
        elif span.why == "event":
            said += " in an event"
        if span.ends_at is not None:
            said += f" until {moments.day(span.ends_at)}"
        parts.append(said)
    said = ", then ".join(parts)
    return said[:1].upper() + said[1:]


def why(span: Span) -> str:
    """Why a stretch has its rate, for the creator."""
    if span.rate is None:
        return "The shop offers no commission then"
    if span.why == "kept":
        return "The rate was lowered; you had the product before, so you keep the old one for 30 days"
    if span.why == "targeted":
        return "Agreed with you alone"
    if span.why == "event":
        return "An event of the shop"
    return "The shop's rate where nothing else counts" if span.rate.kind == "store" else "The shop's rate for everybody"
