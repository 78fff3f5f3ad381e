"""What a platform can do and how a store joins it, in words: for the merchant who chooses, and for support."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from connector.errors import ConfigurationWrong
from connector.platforms import roster
from connector.platforms.contract import Capability, Platform, Readiness
from connector.web.words import Badge

# capability → (to the merchant; "" where it is no affair of theirs, to support)
CAPABILITIES: dict[Capability, tuple[str, str]] = {
    "joins_by_code": ("", "Joins by a code: begun here, agreed on the platform's page"),
    "joins_from_platform": ("", "Joins from the platform's own pages, without a state of ours"),
    "joins_by_handover": ("", "Joins by approval in the store, whose server posts us the keys"),
    "joins_by_credentials": ("", "Joins by keys that the merchant pastes"),
    "shop_secrets": ("", "Each shop's deliveries come to an address of its own, signed with its own secret"),
    "plugin": ("A small plug-in in your store tells us of orders", "The store posts through a plug-in of ours"),
    "embedded": ("You use us inside your store's admin", "Shown in the platform's frame, with session tokens"),
    "bulk_catalog": ("Large catalogs are read in one go", "A whole catalog as one streamed file"),
    "webhooks_by_api": (
        "New orders and changed products reach us at once",
        "Subscriptions are made per shop through the API",
    ),
    "stock": ("Stock is followed item by item", "Stock of single items is asked after news of it"),
    "market_prices": ("Buyers see the prices of their own country", "Prices by the buyer's country"),
    "fat_orders": ("", "A delivery holds the whole order"),
    "cart_links": ("A tap opens your cart with the product in it", "A link opens the store's cart with our carriers"),
    "global_ids": ("", "Ids are unique over all shops of the platform"),
    "storefront_carts": (
        "We make the buyer's cart in your store before sending them there",
        "A cart is made at the store, before the buyer is sent there",
    ),
    "landing_links": ("A tap opens the product's page in your store", "The token may ride in a page's address"),
    "sample_orders": (
        "Samples for creators become free orders in your store",
        "A sample is a free order, marked, that earns nothing",
    ),
}
# how it came → (to the merchant, to support)
WAYS: dict[str, tuple[str, str]] = {
    "code": ("You agreed on the platform's page", "By a code, begun here"),
    "platform": ("You installed the app on the platform", "Begun in the platform's pages"),
    "handover": ("You approved it in your store's admin", "Approved in the store, which posted the keys"),
    "credentials": ("You pasted keys of your store", "By pasted keys"),
    "frame": ("You opened the app in your store's admin", "Opened inside the platform"),
    "": ("Not known: it joined before this was kept", "Not known: it joined before this was kept"),
}
READINESS: dict[str, Badge] = {
    "proven": Badge("good", "Proven"),
    "unproven": Badge("warn", "Unproven"),
    "absent": Badge("idle", "Absent"),
}


@dataclass(frozen=True, slots=True)
class Promise:
    """A line of a platform's readiness list with its badge."""

    badge: Badge
    what: str
    how: str


def promises(platform: Platform, *states: str) -> list[Promise]:
    """The readiness list, what is weakest first; only those states where some are named."""
    order = ("unproven", "absent", "proven")
    found: Sequence[Readiness] = sorted(platform.readiness, key=lambda each: order.index(each.state))
    return [Promise(READINESS[each.state], each.what, each.how) for each in found if not states or each.state in states]


def abilities(platform: Platform, *, support: bool = False) -> list[str]:
    """What it can, a sentence each, in the order of the contract."""
    words = [CAPABILITIES[each][support] for each in get_args(Capability) if platform.can(each)]
    return [each for each in words if each]


def ways(platform: Platform) -> str:
    """How a store of it is connected, in one sentence."""
    said = []
    if platform.can("joins_by_code"):
        said.append("you agree on its own page")
    if platform.can("joins_from_platform"):
        said.append(f"you install the app in {platform.title}")
    if platform.can("embedded") and not platform.can("joins_by_code"):
        said.append("you open the app in your store's admin")
    if platform.can("joins_by_handover"):
        said.append("you approve it in your store's admin")
    if platform.can("joins_by_credentials"):
        said.append("you paste keys that you make in your store")
    if not said:
        return ""
    text = said[0] if len(said) == 1 else f"{', '.join(said[:-1])}, or {said[-1]}"
    return f"{text[0].upper()}{text[1:]}."


def comeback(slug: str) -> str:
    """What a merchant does whose permission is gone, told to support."""
    platform = roster.platforms().get(slug)
    if platform is not None and not (platform.can("embedded") or platform.can("joins_from_platform")):
        return f"The merchant connects the store again at /install/{slug}."
    return "The merchant opens the app in the store."


def not_set_up(platform: Platform) -> str:
    """Why no store of it can join here, for who runs the connector; "" when one can."""
    try:
        settings: Any = roster.settings_of(platform.slug)
    except ConfigurationWrong as wrong:
        return f"{wrong.setting} {wrong.problem}."
    ours = platform.can("joins_by_code") or platform.can("joins_from_platform") or platform.can("embedded")
    if ours and getattr(settings, "client_id", None) == "":
        return f"{str(settings.model_config.get('env_prefix', '')).upper()}CLIENT_ID is empty."
    return ""


def install_url(platform: Platform) -> str:
    """Our page in the platform's store of apps; "" where none is set."""
    try:
        return str(getattr(roster.settings_of(platform.slug), "install_url", ""))
    except ConfigurationWrong:
        return ""


__all__ = [
    "CAPABILITIES", "READINESS", "WAYS", "Promise", "abilities", "comeback", "install_url", "not_set_up", "promises",
    "ways",
]  # fmt: skip
