"""A shop's dated settings in words: the name of each, its value with its unit, what it does, and how it is typed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from connector import money
from connector.commerce.shops import settings
from connector.commerce.shops.tables import ShopSetting
from connector.errors import InputRefused
from connector.web import amounts, rate_words

# name → (what it is called, how a value reads); shares are shown in per cent, whatever stands here
_WORDS: dict[str, tuple[str, str]] = {
    "touch_window_days": ("A tap counts for", "{} days"),
    "touch_grace_hours": ("Taps may reach us late by", "{} hours"),
    "ad_window_days": ("A tap on an ad counts for", "{} days"),
    "live_window_days": ("A tap in a live session counts for", "{} days"),
    "live_window_minutes": ("A tap in a live session counts for, in minutes", "{} minutes"),
    "cart_carry_days": ("An item in the cart still counts for", "{} days"),
    "indirect_share_bp": ("Share of the rate for other products", "{}"),
    "leak_share_bp": ("A code is leaked above this share of buyers without a tap", "{}"),
    "leak_least_orders": ("A code is judged from", "{} orders"),
    "fee_bp": ("The app's fee", "{}"),
    "fee_tax_bp": ("Tax on the app's fee", "{}"),
    "reserve_bp": ("Kept in reserve", "{}"),
    "reserve_days": ("A reserve is released after", "{} days"),
    "payment_days": ("Invoices are due after", "{} days"),
    "hold_days": ("Hold after delivery", "{} days"),
    "no_signal_days": ("Without sign of delivery, clears after", "{} days"),
    "minimum_payout": ("Least payout", "{}"),
    "most_flat_fee": ("The most flat fee of an offer", "{}"),
    "approval_days": ("Content for a flat fee is approved by itself after", "{} days"),
    "minimum_followers": ("Followers that a creator needs", "{}"),
}
_SWITCHES = {
    "indirect": ("Taps on other products of the shop", ("Do not count", "Count")),
    "lifetime": ("A buyer's first creator", ("Earns on that order", "Earns on later orders too")),
    "inherit_when_ineligible": ("When the winner may not earn", ("Nobody does", "The next one does")),
    "customer_match": ("Taps of a customer's earlier orders", ("Do not count", "Count")),
    "wait_for_signal": ("Lines without sign of delivery", ("Clear by that time", "Wait for one")),
    "reread_before_clearing": ("Before money clears", ("Trust what was heard", "Ask the store again")),
}
_CHOICES = {
    "code_policy": (
        "A creator's code",
        {
            "always": "Always credits its creator",
            "if_involved": "Credits its creator after a tap of theirs",
            "if_winner": "Credits its creator if their tap would win",
        },
    ),
    "gift_card_payments": ("Orders paid with a gift card", {"earn": "Earn", "refuse": "Earn nothing"}),
    "platform_discounts": ("Discounts that the app pays for", {"deduct": "Lower the base", "keep": "Leave the base"}),
    "after_payout": (
        "A refund after the payout",
        {"carry_negative": "Is taken off later earnings", "absorb": "Is borne by the app"},
    ),
    "fee_tax": (
        "How the app's fee is taxed",
        {"none": "No tax", "included": "Tax is in it", "reverse_charge": "Reverse charge"},
    ),
    "closing": ("Periods", {"monthly": "Months", "half_monthly": "Half months", "weekly": "Weeks"}),
    "payout_when": ("Creators are paid", {"advance": "Before the merchant paid", "funded": "Once the merchant paid"}),
}

_AMOUNTS = frozenset({"minimum_payout", "most_flat_fee"})
_SHARES = frozenset({"indirect_share_bp", "leak_share_bp", "fee_bp", "fee_tax_bp", "reserve_bp"})

# The groups of the page, each with its settings in the order in which one meets them.
GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Which taps count",
        (
            "touch_window_days", "ad_window_days", "live_window_days", "live_window_minutes", "touch_grace_hours",
            "cart_carry_days", "indirect", "indirect_share_bp", "customer_match", "lifetime",
        ),
    ),
    ("Codes", ("code_policy", "leak_share_bp", "leak_least_orders")),
    ("Who may earn, and on what", (
        "minimum_followers", "inherit_when_ineligible", "gift_card_payments", "platform_discounts",
    )),
    ("Flat fees", ("most_flat_fee", "approval_days")),
    ("When money clears", ("hold_days", "no_signal_days", "wait_for_signal", "reread_before_clearing")),
    ("Statements, invoices and payouts", (
        "closing", "payment_days", "payout_when", "minimum_payout", "reserve_bp", "reserve_days", "after_payout",
        "fee_bp", "fee_tax", "fee_tax_bp",
    )),
)  # fmt: skip
# What it does, in a sentence, where its name alone doesn't say it.
_DOES = {
    "touch_window_days": "An order so long after a tap is still the creator's. A tap keeps what stood when it came.",
    "ad_window_days": "The same for taps on your own ads that show a creator's video.",
    "live_window_days": "The same for taps in live sessions.",
    "live_window_minutes": "Stands instead of the days where it is above 0.",
    "touch_grace_hours": "Until then a decision is made anew; afterwards it is final.",
    "cart_carry_days": "Counts what was put into the cart in time and ordered later. 0: it doesn't count.",
    "indirect": "Whether a tap on one product earns on another one of yours that was bought.",
    "indirect_share_bp": "Of the rate of the bought product, where such taps count.",
    "customer_match": "Whether taps before a customer's earlier orders count for the next ones.",
    "lifetime": "The weakest claim: any tap or code goes before it.",
    "code_policy": "When a discount code of a creator brings the creator the commission.",
    "leak_share_bp": "Used by more buyers without any tap before than this, a code no longer credits its creator.",
    "leak_least_orders": "Fewer orders say nothing about a code.",
    "minimum_followers": "Counted at the tap.",
    "inherit_when_ineligible": "Whether the next creator in line earns in the place of one who may not.",
    "gift_card_payments": "Buying a gift card earns nothing in any case, so money is not paid twice.",
    "platform_discounts": "Your own discounts lower the base in any case.",
    "most_flat_fee": "What an offer may promise for content at most, whoever makes it. 0: no flat fees.",
    "approval_days": "Counted from the day on which a creator handed it in, where nobody answered.",
    "hold_days": "Counted from the delivery; set by your shop's standing.",
    "no_signal_days": "Counted from the payment, for orders of which nobody says that they arrived.",
    "reread_before_clearing": "So that nothing clears on what was heard wrongly.",
    "after_payout": "Who bears it when a buyer returns something after the creator was paid.",
    "reserve_bp": "Of what a statement adds up to, kept back in case of returns.",
    "fee_bp": "Of the base of the lines that creators brought.",
    "fee_tax": "Where you are and how you are registered decides it. Commission is passed on and never taxed here.",
    "fee_tax_bp": "Of the net fee, where tax is in it.",
    "payout_when": "Whether the app lends the money until your invoice is paid.",
}


def known(setting: str) -> bool:
    """Has it words of its own?"""
    return any(setting in words for words in (_WORDS, _SWITCHES, _CHOICES))


def name(setting: str) -> str:
    """What a setting is called. One without words here is shown as it stands, so that nothing is hidden."""
    for words in (_WORDS, _SWITCHES, _CHOICES):
        if setting in words:
            return str(words[setting][0])
    return setting.replace("_", " ").capitalize()


def value(setting: str, given: int | str, currency: str) -> str:
    """How its value reads. `currency`: of the shop, for settings that are amounts in minor units."""
    if setting in _AMOUNTS:
        return amounts.plain(int(given), currency, "code") if given else "None"
    if setting in _SHARES:
        shape = _WORDS[setting][1]
        return shape.format(amounts.rate(int(given))) if given else "None"
    if setting in _SWITCHES:
        return _SWITCHES[setting][1][int(given)]
    if setting in _CHOICES:
        return _CHOICES[setting][1].get(str(given), str(given))
    if setting == "minimum_followers" and not given:
        return "None"
    if setting in ("live_window_minutes", "cart_carry_days") and not given:
        return "Not used"
    shape = _WORDS.get(setting, ("", "{}"))[1]
    text = amounts.count(given) if isinstance(given, int) else str(given)
    return shape.removesuffix("s").format(text) if given == 1 else shape.format(text)


def does(setting: str) -> str:
    """What it does, in a sentence; "" where its name says it."""
    return _DOES.get(setting, "")


@dataclass(frozen=True, slots=True)
class Field:
    """How a setting is asked for. `choices`: (value, words); without them a number is typed, with its `unit`."""

    name: str
    choices: tuple[tuple[str, str], ...]
    unit: str
    typed: str  # what stands in the field


def field(setting: str, given: int | str, currency: str, *, typed: str | None = None) -> Field:
    """`typed`: what somebody entered and we refused: it is kept."""
    found = _field(setting, given, currency)
    return found if typed is None else replace(found, typed=typed)


def _field(setting: str, given: int | str, currency: str) -> Field:
    if setting in _SWITCHES:
        off, on = _SWITCHES[setting][1]
        return Field(setting, (("0", off), ("1", on)), "", str(given))
    if setting in _CHOICES:
        return Field(setting, tuple(_CHOICES[setting][1].items()), "", str(given))
    if setting in _SHARES:
        return Field(setting, (), "per cent", rate_words.as_typed(int(given)) or "0")
    if setting in _AMOUNTS:
        return Field(setting, (), currency, money.text(int(given), currency) if currency else str(given))
    shape = _WORDS.get(setting, ("", "{}"))[1]
    return Field(setting, (), shape.replace("{}", "").strip(), str(given))


def read(setting: str, text: str, currency: str) -> int | str:
    """The value that somebody typed or chose. Errors: InputRefused("value"), with the bounds as they are typed."""
    text = text.strip()
    if setting in _CHOICES or setting in _SWITCHES:
        return settings.checked(setting, text)
    if setting in _SHARES:
        given = rate_words.typed(text, "value")
        least, most = settings.BOUNDS[setting]
        if not least <= given <= most:
            remedy = f"It is between {rate_words.short(least)} and {rate_words.short(most)}."
            raise InputRefused("value", f"{text[:20]!r} is out of bounds.", remedy)
        return given
    if setting in _AMOUNTS and currency:
        return money.parse(text, currency, "value")
    least, most = settings.BOUNDS[setting]
    remedy = f"It is between {amounts.count(least)} and {amounts.count(most)}."
    if not text.isascii() or not text.isdigit():
        raise InputRefused("value", f"{text[:20]!r} isn't a whole number.", remedy)
    if not least <= int(text) <= most:
        raise InputRefused("value", f"{text[:20]} is out of bounds.", remedy)
    return int(text)


@dataclass(frozen=True, slots=True)
class Row:
    """One setting as a page shows it. `since` None: nobody ever set it."""

    setting: str
    title: str
    value: str
    since: datetime | None
    by: str
    coming: tuple[tuple[datetime, str], ...]
    staff_only: bool


def rows(session: Session, shop_id: str, currency: str, now: datetime) -> list[tuple[str, list[Row]]]:
    """Every setting of a shop, in the page's groups: what stands, since when, and what comes."""
    begun = settings.newest(session, shop_id, now)
    return [(title, [_row(session, shop_id, currency, now, each, begun) for each in names]) for title, names in GROUPS]


def _row(
    session: Session, shop_id: str, currency: str, now: datetime, setting: str, begun: dict[str, ShopSetting]
) -> Row:
    set_by = begun.get(setting)
    ahead = tuple(
        (start, value(setting, _typed(setting, text), currency))
        for start, text in settings.changes(session, shop_id, setting)
        if start > now
    )
    return Row(
        setting, name(setting), value(setting, settings.at(session, shop_id, setting, now), currency),
        set_by.starts_at if set_by else None, set_by.recorded_by if set_by else "", ahead,
        setting in settings.STAFF_ONLY,
    )  # fmt: skip


def history(session: Session, shop_id: str, setting: str, currency: str) -> list[tuple[datetime, str]]:
    """(start, value in words) of all that was ever set or is ahead, the latest start first."""
    found = settings.changes(session, shop_id, setting)
    return [(start, value(setting, _typed(setting, text), currency)) for start, text in reversed(found)]


def _typed(setting: str, text: str) -> int | str:
    return text if setting in _CHOICES else int(text)
