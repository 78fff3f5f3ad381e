"""May this listing be sold right now? One table of reasons, and the pure decision that picks from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["shoppable", "not_shoppable", "gone"]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a listing isn't shoppable: what the merchant reads, and what they can do about it."""

    title: str
    remedy: str


# In the order in which they are tested: the first that holds is shown.
REASONS: dict[str, Reason] = {
    "deleted": Reason("It was deleted at the store, or is no longer in its catalog.", "Publish it again at the store."),
    "shop_left": Reason("The store is not connected.", "Connect the store again."),
    "refused": Reason(
        "A part of it could not be read, so nothing of it is sold.", "Open the sync run for the item and the cause."
    ),
    "syncing": Reason("It is being read for the first time.", "Wait until the sync run has ended."),
    "against_rules": Reason(
        "A rule of the programme keeps it out.",
        "The page of what is kept out names the rule and what to change; appeal there if it is wrong.",
    ),
    "draft": Reason("It is a draft at the store.", "Set it to active at the store."),
    "archived": Reason("It is archived at the store.", "Set it to active at the store."),
    "unlisted": Reason(
        "It is unlisted: for sale to those who have its address, and hidden from everybody else.",
        "Set it to active at the store if creators may show it.",
    ),
    "not_published": Reason("It is active but not published to the online store.", "Publish it to the online store."),
    "gift_card": Reason("Gift cards earn no commission, so they are not offered.", "Nothing to do."),
    "no_variants": Reason("It has no variant that could be bought.", "Add a variant at the store."),
    "no_price": Reason("All its variants are priced at zero.", "Give it a price at the store."),
    "sold_out": Reason(
        "None of its variants is in stock.", "Add stock, or let the store sell it on; it comes back by itself."
    ),
}


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the decision reads. Prices are minor units over live variants."""

    shop_connected: bool
    refused: bool
    store_status: str
    published: bool
    gift_card: bool
    variants: int
    price_to: int
    available: bool
    against_rules: bool = False


def decide(facts: Facts) -> tuple[Status, str]:
    """Status and reason code; ("shoppable", "") when nothing stands against it. Gone is not decided here."""
    reason = _against(facts)
    return ("not_shoppable", reason) if reason else ("shoppable", "")


def _against(facts: Facts) -> str:
    if not facts.shop_connected:
        return "shop_left"
    if facts.refused:
        return "refused"
    if facts.against_rules:
        return "against_rules"
    if facts.store_status in ("draft", "archived", "unlisted"):
        return facts.store_status
    if not facts.published:
        return "not_published"
    if facts.gift_card:
        return "gift_card"
    if facts.variants == 0:
        return "no_variants"
    if facts.price_to <= 0:
        return "no_price"
    return "" if facts.available else "sold_out"
