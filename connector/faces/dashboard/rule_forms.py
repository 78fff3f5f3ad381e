"""A rule by which offers are accepted, as a form types it: the same fields wherever a merchant makes one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.errors import Conflict, InputRefused
from connector.web import moments, offer_forms, rate_words

FIELDS = ("most", "followers", "days", "sample", "fee", "last_day")
_NAMES = {
    "most_bp": "most", "least_followers": "followers", "most_days": "days", "most_fee": "fee", "ends_at": "last_day",
}  # fmt: skip


def typed(form: Mapping[str, str]) -> dict[str, str]:
    return {name: form.get(name, "").strip()[:20] for name in FIELDS}


def rule(given: Mapping[str, str], currency: str) -> dict[str, Any]:
    """What `acceptance.add` takes. A fee is in the shop's `currency`. Errors: InputRefused by field."""
    most_bp, least, days, fee, ends_at = offer_forms.together(
        lambda: rate_words.typed(given["most"], "most"),
        lambda: _whole(given["followers"], "followers"),
        lambda: _whole(given["days"], "days"),
        lambda: offer_forms.fee_typed(given["fee"], currency),
        lambda: moments.first_of(given["last_day"], "last_day") if given["last_day"] else None,
    )
    return {
        "most_bp": most_bp, "least_followers": least, "most_days": days, "sample": bool(given["sample"]),
        "most_fee": fee, "ends_at": ends_at,
    }  # fmt: skip


def wrong(refused: InputRefused | Conflict) -> dict[str, str]:
    """Id of the field → what is said beside it."""
    if isinstance(refused, Conflict):
        return {"form": refused.public}
    found = {}
    for each in refused.every if isinstance(refused, offer_forms.SeveralRefused) else (refused,):
        name = _NAMES.get(each.field, each.field)
        found[name] = "Write a rate from 1 to 80 per cent." if name == "most" else offer_forms.said(each)
    return found


def _whole(text: str, field: str) -> int:
    plain = text.replace(",", "").replace(" ", "")
    if not (plain.isascii() and plain.isdigit() and len(plain) < 12):
        raise InputRefused(field, "is no whole number.", "Write digits alone.")
    return int(plain)
