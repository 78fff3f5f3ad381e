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
    # Content handed in for a flat fee
    "fee_none": Wording(
        "There is no flat fee in what you agreed on",
        "There is no flat fee in what you agreed on",
        "The newest version of the agreement has no flat fee",
        remedy="Agree on one first.",
    ),
    "fee_taken": Wording(
        "Content was handed in for this flat fee already",
        "You handed content in for this flat fee already",
        "Content stands for the fee of this agreement",
        remedy="Wait for the answer to it, or withdraw it first.",
    ),
    "fee_too_late": Wording(
        "The agreement was over when the content was handed in",
        "The agreement is over: its content had to be handed in before",
        "Content was handed in after the end of the agreement",
        remedy="Agree anew.",
    ),
    "fee_content_used": Wording(
        "The content was handed in for another agreement already",
        "You handed this content in for another agreement with the shop",
        "The content stands for another agreement of the same shop",
        remedy="Hand in other content.",
    ),
    "fee_product_missing": Wording(
        "No product of the agreement is in the content",
        "No product of the agreement is in this content",
        "No anchor of a product of the agreement stands in the content",
        remedy="Put a product of the agreement into the content, then hand it in.",
    ),
    "fee_shop_left": Wording(
        "Your shop has left the app",
        "The shop has left the app",
        "Content was handed in after the shop had left",
        remedy="Nothing new can be handed in; what was handed in before is approved by its time.",
    ),
    "fee_answered": Wording(
        "The content was answered already",
        "Your content was answered already",
        "An answer came after the content had been answered",
        remedy="See what was answered.",
    ),
    "fee_approved_by_time": Wording(
        "The time for an answer is over: the content is approved",
        "The time for an answer is over: your content is approved",
        "An answer came after the content's time",
        remedy="The shop can ask support.",
    ),
    "fee_no_appeal": Wording(
        "There is nothing to ask support about",
        "There is nothing to ask support about",
        "An appeal came about an answer that allows none, or too late",
        remedy="Support is asked within 30 days after an answer.",
    ),
    "fee_decided": Wording(
        "Support has decided this already",
        "Support has decided this already",
        "An appeal was decided before",
        remedy="Support decides once.",
    ),
    "fee_second_person": Wording(
        "A second person of the team takes the fee back",
        "A second person of the team decides it",
        "A closed statement has the fee, and the same person would take it back",
        remedy="Ask somebody else of the team to look at it.",
    ),
    # A change of an agreement with a flat fee
    "fee_stands": Wording(
        "Content stands for the flat fee that was agreed on",
        "Your content stands for the flat fee that was agreed on",
        "An offer would change a flat fee for which content stands",
        remedy="Keep the fee as it is, or begin a new negotiation.",
    ),
    "fee_currency_changed": Wording(
        "Your shop's currency isn't that of the flat fee any more",
        "The shop's currency isn't that of the flat fee any more",
        "The shop's currency changed between offer and acceptance",
        remedy="Make a new offer.",
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
    "fee_unreadable": Wording(
        "The flat fee can't be read",
        "A flat fee could not be read",
        "The row's fee is no amount of the shop's currency",
        remedy="Write the amount alone in your shop's currency, with a point before its decimals, like 90.00.",
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
