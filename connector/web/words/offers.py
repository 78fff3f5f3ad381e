"""Offers between shops and creators: why one can't be made or answered, and why a row of a list was refused."""

from __future__ import annotations

from connector.web.words.wording import Wording

REASONS: dict[str, Wording] = {
    # An answer that comes to nothing
    "offer_replaced": Wording(
        "Another offer took the place of this one",
        "Another offer took the place of this one",
        "The answer named an offer that was replaced",
        remedy="Read the newest offer, then answer it.",
    ),
    "offer_unknown": Wording(
        "There is no such offer yet",
        "There is no such offer yet",
        "The answer named an offer that was never made",
        remedy="Read the newest offer, then answer it.",
    ),
    "offer_answered": Wording(
        "The offer was answered already",
        "The offer was answered already",
        "An answer came after the offer had been answered",
        remedy="See in the negotiation what was answered.",
    ),
    "offer_expired": Wording(
        "The offer has expired",
        "The offer has expired",
        "The answer came after the offer's time",
        remedy="Make a new offer.",
    ),
    "offer_own": Wording(
        "Your own offer waits for the creator's answer",
        "Your own offer waits for the shop's answer",
        "A side tried to answer its own offer",
        remedy="Wait for the answer, withdraw the offer, or make another one.",
    ),
    "offer_not_yours": Wording(
        "Only who made an offer can withdraw it",
        "Only who made an offer can withdraw it",
        "A side tried to withdraw the other side's offer",
        remedy="Decline it.",
    ),
    "negotiation_over": Wording(
        "The negotiation is over",
        "The negotiation is over",
        "An offer was made in a negotiation that had ended",
        remedy="Begin a new one.",
    ),
    # A first offer that can't be made
    "creator_not_active": Wording(
        "The creator's account is suspended or closed",
        "Your account is suspended or closed",
        "The creator is not active",
        remedy="Invite somebody else.",
    ),
    "own_terms_stand": Wording(
        "The creator has a rate of their own for these products in that time",
        "You have a rate of your own for these products in that time",
        "Targeted terms of the same scope stand in that time",
        remedy="Change what was agreed, or choose another time.",
    ),
    "offer_open": Wording(
        "An offer to or from this creator is open",
        "An offer to or from this shop is open",
        "The pair has an open negotiation",
        remedy="Answer it, or make another one in its place.",
    ),
    "declined_lately": Wording(
        "The creator declined less than 30 days ago",
        "The shop declined less than 30 days ago",
        "The other side declined within 30 days",
        remedy="Ask again later; the creator may make an offer at any time.",
    ),
    # Rows of a list
    "rate_unreadable": Wording(
        "The rate can't be read",
        "A rate could not be read",
        "The row's rate is no number",
        remedy="Write per cent, with up to two decimals, like 12.5.",
    ),
    "rate_out_of_range": Wording(
        "The rate is outside 1 to 80 per cent",
        "A rate is outside 1 to 80 per cent",
        "The row's rate is outside 100 to 8000 basis points",
        remedy="Write a rate from 1 to 80.",
    ),
    "twice_in_list": Wording(
        "The creator stands in the list already",
        "A creator stands in a list twice",
        "An earlier row has the same handle",
        remedy="Nothing to do: the first row counts.",
    ),
    "offer_not_made": Wording(
        "The terms can't be made",
        "The terms can't be made",
        "The rules of terms refused it; the detail says why",
        remedy="Read the detail, then make another offer.",
    ),
}
