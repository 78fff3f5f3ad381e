"""A shop's dated settings in words: the name of each, and its value with its unit."""

from __future__ import annotations

from connector.web import amounts

# name → (what it is called, how a value reads)
_WORDS: dict[str, tuple[str, str]] = {
    "touch_window_days": ("A tap counts for", "{} days"),
    "touch_grace_hours": ("Taps may reach us late by", "{} hours"),
    "ad_window_days": ("A tap on an ad counts for", "{} days"),
    "live_window_days": ("A tap in a live session counts for", "{} days"),
    "live_window_minutes": ("A tap in a live session counts for, in minutes", "{} minutes"),
    "cart_carry_days": ("An item in the cart still counts for", "{} days"),
    "indirect_share_bp": ("Share of the rate for other products", "{} basis points"),
    "leak_share_bp": ("A code counts as leaked above", "{} basis points"),
    "leak_least_orders": ("A code is judged from", "{} orders"),
    "fee_bp": ("The app's fee", "{} basis points"),
    "reserve_bp": ("Kept in reserve", "{} basis points"),
    "reserve_days": ("A reserve is released after", "{} days"),
    "payment_days": ("Invoices are due after", "{} days"),
    "hold_days": ("Hold after delivery", "{} days"),
    "no_signal_days": ("Without sign of delivery, clears after", "{} days"),
    "minimum_payout": ("Least payout", "{}"),
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
    "closing": ("Periods", {"monthly": "Months", "half_monthly": "Half months", "weekly": "Weeks"}),
    "payout_when": ("Creators are paid", {"advance": "Before the merchant paid", "funded": "Once the merchant paid"}),
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
    if setting == "minimum_payout":
        return amounts.plain(int(given), currency, "code") if given else "None"
    if setting in _SWITCHES:
        return _SWITCHES[setting][1][int(given)]
    if setting in _CHOICES:
        return _CHOICES[setting][1].get(str(given), str(given))
    if setting == "minimum_followers" and not given:
        return "None"
    shape = _WORDS.get(setting, ("", "{}"))[1]
    text = amounts.count(given) if isinstance(given, int) else str(given)
    return shape.removesuffix("s").format(text) if given == 1 else shape.format(text)
