"""What to price, and what to change for it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import msgspec

from connector.commerce.shops import settings
from connector.errors import InputRefused
from connector.programme.collaborations import terms
from connector.programme.collaborations.offer import Offers, Version

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
# The id of terms that are only asked about.
SUPPOSED = "supposed"
KINDS = ("all", "open", "targeted", "store")
# Settings whose other value can be worked out from what is kept, as far as it is kept.
SETTINGS = (
    "touch_window_days", "ad_window_days", "live_window_days", "live_window_minutes", "touch_grace_hours",
    "cart_carry_days", "indirect", "indirect_share_bp", "code_policy", "inherit_when_ineligible", "customer_match",
    "gift_card_payments", "platform_discounts", "fee_bp",
)  # fmt: skip
_WINDOWS = frozenset({"touch_window_days", "ad_window_days", "live_window_days", "live_window_minutes"})
_STRETCH = re.compile(r"(?P<year>20\d\d)(?:-(?:Q(?P<quarter>[1-4])|(?P<month>0[1-9]|1[0-2])))?")


class SupposedRate(msgspec.Struct, frozen=True, kw_only=True):
    """A rate in the place of the terms of its kind. Basis points.

    `kind`: all (whatever was agreed, with whomever), open (events still lift it), targeted (one creator's), store.
    `product_ref` "": every product, those with terms of their own too. `starts_at` None: as if it had always been so;
    else from then on, with all that a real change brings along: whoever promoted keeps the older rate for 30 days.
    """

    rate_bp: int
    kind: str = "all"
    product_ref: str = ""
    creator_id: str | None = None
    ads_bp: int | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What is different. Every part is held against the rules as they are."""

    rates: tuple[SupposedRate, ...] = ()
    without: tuple[str, ...] = ()  # ids of terms that never were
    settings: dict[str, int | str] = {}

    @property
    def moves_windows(self) -> bool:
        return not _WINDOWS.isdisjoint(self.settings)


def checked(change: Change) -> Change:
    """Errors: InputRefused, naming field and remedy, for what can't be, or what can't be answered."""
    if not (change.rates or change.without or change.settings):
        raise InputRefused("change", "is empty.", "Name a rate, terms to leave out, or a setting.")
    for rate in change.rates:
        terms.checked_bp("rate_bp", rate.rate_bp)
        if rate.ads_bp is not None:
            terms.checked_bp("ads_bp", rate.ads_bp)
        if rate.kind not in KINDS:
            raise InputRefused("kind", f"{rate.kind[:20]!r} is no kind of terms.", f"Use {', '.join(KINDS)}.")
        if (rate.kind == "targeted") != (rate.creator_id is not None):
            raise InputRefused("creator_id", "belongs to targeted terms, and only there.")
        if rate.kind in ("all", "store") and rate.product_ref:
            raise InputRefused("product_ref", "narrows open or targeted terms only.", "Use kind open for one product.")
        if rate.ends_at is not None and rate.ends_at <= (rate.starts_at or ALWAYS):
            raise InputRefused("ends_at", "isn't after the start.")
    for name, value in change.settings.items():
        if name in settings.DEFAULTS and name not in SETTINGS:
            raise InputRefused(
                "settings", f"{name} decides by facts that aren't kept, or when money moves, not how much.",
                f"There are {', '.join(SETTINGS)}.",
            )  # fmt: skip
        settings.checked(name, value)
    return change


def bent(change: Change) -> Callable[[Offers], Offers]:
    """Offers as they would be."""

    def other(offers: Offers) -> Offers:
        versions = [version for version in offers.versions if version.terms_id not in change.without]
        for rate in change.rates:
            versions = _with(versions, rate)
        return Offers(versions, offers.promotions)

    return other


def _with(versions: list[Version], rate: SupposedRate) -> list[Version]:
    """Each chain that the rate is about gets it: dropped before where it was always so, else as its newest version."""
    kind = "open" if rate.kind == "all" else rate.kind
    about = [version for version in versions if _about(version, rate)]
    scopes = {(version.kind, version.creator_id, version.product_ref) for version in about if version.kind == kind}
    scopes.add((kind, rate.creator_id, rate.product_ref))
    newest = max((version.version for version in versions), default=0) + 1
    made = [
        Version(
            SUPPOSED, product_ref, rate.rate_bp, newest, rate.starts_at or ALWAYS, rate.ends_at, kind, creator_id,
            rate.ads_bp,
        )
        for kind, creator_id, product_ref in sorted(scopes, key=lambda scope: (scope[0], scope[1] or "", scope[2]))
    ]  # fmt: skip
    if rate.starts_at is None and rate.ends_at is None:
        return [version for version in versions if version not in about] + made
    if rate.kind != "all":
        return versions + made
    # Everybody's rate alone counts from then on: what is better or nearer is withdrawn, and stands again at its end.
    others = {(v.kind, v.creator_id, v.product_ref) for v in about if v.kind != "open"}
    ended = [
        Version(SUPPOSED, ref, None, newest, rate.starts_at or ALWAYS, rate.ends_at, other, creator_id)
        for other, creator_id, ref in sorted(others, key=lambda scope: (scope[0], scope[1] or "", scope[2]))
    ]
    return versions + made + ended


def _about(version: Version, rate: SupposedRate) -> bool:
    """Does the supposed rate take this version's place?"""
    if rate.kind == "all":
        return True
    if version.kind != rate.kind or (rate.product_ref and version.product_ref != rate.product_ref):
        return False
    return rate.kind != "targeted" or version.creator_id == rate.creator_id


def stretch(text: str, zone: str, field: str = "period") -> tuple[datetime, datetime]:
    """(start, end) of `2026`, `2026-11` or `2026-Q4` in a shop's time zone, half open. Errors: InputRefused(field)."""
    found = _STRETCH.fullmatch(text.strip())
    if found is None:
        raise InputRefused(field, f"{text[:20]!r} is no period.", "Write 2026, 2026-11 or 2026-Q4.")
    year = int(found["year"])
    first, months = 1, 12
    if found["quarter"]:
        first, months = 3 * int(found["quarter"]) - 2, 3
    elif found["month"]:
        first, months = int(found["month"]), 1
    return _first_of(year, first, zone), _first_of(
        year + (first + months - 1) // 12, (first + months - 1) % 12 + 1, zone
    )


def _first_of(year: int, month: int, zone: str) -> datetime:
    return datetime.combine(date(year, month, 1), time.min, ZoneInfo(zone)).astimezone(UTC)


def read_settings(given: Mapping[str, str]) -> dict[str, int | str]:
    """Settings as somebody wrote them: numbers become numbers."""
    return {name: int(value) if value.isascii() and value.isdigit() else value for name, value in given.items()}
