"""The questions of the pages "what would it pay" as a form has them, and the answer in the order of its page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from connector.commerce.shops import settings
from connector.errors import InputRefused
from connector.operations.whatif.asked import Change, SupposedRate, checked
from connector.operations.whatif.price import Answer, Sums
from connector.web import rate_words, shop_settings

# Settings that the pages ask about, beside the rate.
ASKED = ("touch_window_days", "code_policy", "indirect", "cart_carry_days", "fee_bp")
SECONDS = 5  # a page waits that long; the command goes on as long as it is told
WHO = (("open", "For everybody; creators' own terms stay"), ("all", "Whatever was agreed, for all alike"))
_SHOWN = 50


@dataclass(slots=True)
class Question:
    """What the form says, as it was typed; `errors` by the id of the field."""

    rate: str = ""
    who: str = "open"
    product: str = ""
    starts: str = ""
    period: str = ""
    order: str = ""
    shop: str = ""
    creator: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        return not (self.rate or any(self.settings.values()))


def read(form: Mapping[str, str]) -> Question:
    asked = Question(settings={name: form.get(name, "").strip() for name in ASKED})
    for name in ("rate", "product", "starts", "period", "order", "shop", "creator"):
        setattr(asked, name, form.get(name, "").strip()[:200])
    asked.who = form.get("who", "open") if form.get("who") in dict(WHO) else "open"
    return asked


def change(asked: Question, zone: str, currency: str) -> Change | None:
    """The change, or None with the reasons in `asked.errors`."""
    supposed: tuple[SupposedRate, ...] = ()
    given: dict[str, int | str] = {}
    try:
        if asked.rate:
            starts = _day(asked.starts, zone) if asked.starts else None
            kind = "open" if asked.product else asked.who
            bp = rate_words.typed(asked.rate, "rate")
            supposed = (SupposedRate(rate_bp=bp, kind=kind, product_ref=asked.product, starts_at=starts),)
            checked(Change(rates=supposed))
    except InputRefused as refused:
        name = {"rate_bp": "rate"}.get(refused.field, refused.field)
        said = "Write a rate from 1 to 80 per cent." if refused.field == "rate_bp" else refused.remedy
        asked.errors[name] = f"That {refused.problem} {said}" if name != "rate" else said
    for name, text in asked.settings.items():
        try:
            if text:
                given[name] = shop_settings.read(name, text, currency)
        except InputRefused as refused:
            asked.errors[name] = f"{shop_settings.name(name)}: {refused.problem} {refused.remedy}".strip()
    if asked.errors or asked.empty:
        return None
    return Change(rates=supposed, settings=given)


def _day(text: str, zone: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time.min, ZoneInfo(zone)).astimezone(UTC)
    except ValueError:
        raise InputRefused("starts", "is no day.", "Write it as 2026-11-20.") from None


def periods(now: datetime, zone: str) -> list[tuple[str, str]]:
    """(period, words) to choose from: this and the last five months, this and the last three quarters."""
    day = now.astimezone(ZoneInfo(zone)).date().replace(day=1)
    months = [day]
    while len(months) < 12:
        months.append((months[-1] - timedelta(days=1)).replace(day=1))
    found = [(f"{each:%Y-%m}", f"{each:%B %Y}") for each in months[:6]]
    quarters = dict.fromkeys((each.year, (each.month + 2) // 3) for each in months)
    return found + [(f"{year}-Q{number}", f"Quarter {number} of {year}") for year, number in list(quarters)[:4]]


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer as a page shows it."""

    answer: Answer
    sentences: list[tuple[str, Sums]]  # (currency, sums)
    creators: list[tuple[str, str, Sums]]  # (creator, currency, sums), the greatest difference first
    more_creators: int
    reasons: list[tuple[str, str, str, Sums]]


def shown(answer: Answer) -> Shown:
    creators = sorted(
        ((creator, currency, sums) for (creator, currency), sums in answer.creators.items()),
        key=lambda each: (-abs(each[2].difference), each[0], each[1]),
    )
    reasons = sorted(
        ((currency, old, new, sums) for (currency, old, new), sums in answer.reasons.items()),
        key=lambda each: (-each[3].lines, each[:3]),
    )
    return Shown(answer, sorted(answer.currencies.items()), creators[:_SHOWN], max(0, len(creators) - _SHOWN), reasons)


def stands(session: Session, shop_id: str, currency: str, now: datetime) -> dict[str, str]:
    """What each setting that may be asked about is today, in words."""
    return {name: shop_settings.value(name, settings.at(session, shop_id, name, now), currency) for name in ASKED}


def fields(currency: str) -> list[shop_settings.Field]:
    """The settings' fields, empty: as it is."""
    return [shop_settings.field(name, settings.default(name), currency, typed="") for name in ASKED]
