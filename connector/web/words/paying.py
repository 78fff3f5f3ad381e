"""Settlement and payouts: invoices, receipts, balances set aside, transfers."""

from __future__ import annotations

from connector.web.words.wording import Wording

REASONS: dict[str, Wording] = {
    # Settlement: entries beside a line's own, and rows of a bank's file
    "kept_in_reserve": Wording(
        "A share of the statement is kept back for a while",
        "A share of the statement is kept back for a while and comes with a later one",
        "Reserve: a share of the statement's positive total, released by a later closing",
    ),
    "reserve_is_over": Wording(
        "A reserve is let go", "Your reserve is let go", "Reserve whose days are over: released by this closing"
    ),
    "received": Wording("You paid", "The shop paid", "A receipt of the merchant's money"),
    "taken_back": Wording(
        "A payment was taken back", "A payment of the shop was taken back", "A receipt that bounced, or was none"
    ),
    "exchanged": Wording(
        "The app exchanged money at its bank",
        "The app exchanged money at its bank",
        "The app's bank gave one currency for another; it closes what converted payouts left open",
    ),
    "row_unreadable": Wording(
        "A row could not be read", "A row could not be read", "A field can't be read; the detail names it"
    ),
    "row_refused": Wording(
        "A row could not be recorded",
        "A row could not be recorded",
        "Refused while it was recorded; the detail says why",
    ),
    "not_incoming": Wording("Money that went out", "Money that went out", "The amount is not above zero: no receipt"),
    "reference_taken": Wording(
        "Recorded before with other facts",
        "Recorded before with other facts",
        "The reference stands for other money already",
    ),
    "reference_twice": Wording(
        "Twice in the file with other facts",
        "Twice in the file with other facts",
        "Two rows of the file share the reference and differ",
    ),
    "currency_differs": Wording(
        "Paid in another currency", "Paid in another currency", "The invoice is in another currency: never converted"
    ),
    "shop_unknown": Wording("No such shop", "No such shop", "The row names a shop that we don't have"),
    "shop_differs": Wording(
        "The invoice is another shop's",
        "The invoice is another shop's",
        "Shop and invoice of the row don't belong together",
    ),
    "no_invoice_named": Wording(
        "No invoice is named", "No invoice is named", "Neither invoice nor shop is named: never guessed by the sum"
    ),
    "several_invoices": Wording(
        "Several invoices are named",
        "Several invoices are named",
        "Invoices of several shops, or unknown ones, are named",
    ),
    "invoice_unknown": Wording("No such invoice", "No such invoice", "The number was never given out"),
    # Payouts: why a balance was set aside
    "below_minimum": Wording(
        "Below the least amount that is paid", "Below the least amount that is paid", "The sum is below the minimum"
    ),
    "negative_balance": Wording(
        "Carried forward until new earnings cover it",
        "Carried forward until new earnings cover it",
        "Negative: carried forward until new earnings cover it",
    ),
    "unfunded": Wording("Waits for your payment", "Waits for the shop's payment", "Paid out only what came in"),
    "creator_unknown": Wording("We are checking this", "We are checking this", "No such creator: a person must look"),
    "payee_missing": Wording(
        "The creator has yet to say where to pay",
        "Tell us where to pay you",
        "No payment details: the creator gives them",
    ),
    "payee_unconfirmed": Wording(
        "The creator has yet to confirm new payment details",
        "Confirm your new payment details",
        "New payment details wait for the creator to confirm them",
    ),
    "payee_held": Wording(
        "New payment details are held for three days",
        "Your new payment details are held for three days",
        "New payment details: held for 72 hours after they were confirmed",
    ),
    "payee_other_rail": Wording(
        "The creator is paid another way",
        "Your payment details are for another way of paying",
        "The details have nothing that this way pays to: choose another way, or ask the creator",
    ),
    "name_not_encodable": Wording(
        "The account holder's name has letters that banks don't take",
        "Give the account holder's name in Latin letters, as your bank writes it",
        "The holder's name isn't in Latin letters: the creator has to say how the bank writes it",
    ),
    "currency_not_served": Wording(
        "This way of paying doesn't serve the currency",
        "This way of paying doesn't serve your currency",
        "This way of paying doesn't serve the currency: choose another one",
    ),
    "rate_missing": Wording(
        "Waits for a conversion rate",
        "Waits for a conversion rate",
        "No rate for the creator's currency was entered: finance enters one",
    ),
    "rate_too_old": Wording(
        "Waits for a newer conversion rate",
        "Waits for a newer conversion rate",
        "The newest rate for the creator's currency is too old to pay by: finance enters a newer one",
    ),
    "amount_too_small": Wording(
        "Too small to convert", "Too small to convert yet", "Converted it comes to nothing: carried forward"
    ),
    "being_closed": Wording(
        "Your period is being closed; creators are paid when that is done",
        "The shop's period is being closed; you are paid when that is done",
        "The shop's closing is under way: it is paid with the next batch",
    ),
    # Payouts: what became of a transfer
    "handed_to_rail": Wording("On its way", "On its way to you", "Handed over"),
    "bank_confirmed": Wording("Paid", "Paid", "The bank's list says so"),
    "bank_refused": Wording(
        "The bank refused it; it is paid again later",
        "The bank refused it: check your payment details",
        "The bank's list says that it failed: settled again",
    ),
    "bank_returned": Wording(
        "The bank sent it back; it is paid again later",
        "The bank sent it back: check your payment details",
        "The bank's list says that it came back: settled again",
    ),
    "bank_did_not_say": Wording(
        "We are asking the bank", "We are asking the bank", "The bank's list says that it isn't known"
    ),
    "batch_refused": Wording("Called off before it left", "Called off before it left", "The batch was called off"),
    "rail_confirmed": Wording("Paid", "Paid", "The bank or service has the transfer"),
    "rail_did_not_answer": Wording(
        "We are asking what became of it",
        "We are asking what became of it",
        "No clear answer: it may have gone out. Ask the bank or service; nothing is sent again by itself",
    ),
    "rail_knows_nothing": Wording(
        "We are asking what became of it",
        "We are asking what became of it",
        "A call was begun and the service has no such transfer: look there, then say that it failed",
    ),
    "rail_out_of_money": Wording(
        "It is paid again later", "It is paid again later", "Our balance at the service was too low: settled again"
    ),
    "rail_refused": Wording("It is paid again later", "It is paid again later", "The bank refused it: settled again"),
    "account_refused": Wording(
        "The creator's account was refused",
        "Your account was refused: check your payment details",
        "The bank or service refuses the creator's account: settled again",
    ),
    "amount_refused": Wording(
        "It is paid again later", "It is paid again later", "The bank or service refuses such an amount: settled again"
    ),
    "reversed_in_part": Wording(
        "We are checking a payout; you need do nothing",
        "A part of this payout was taken back: we are finding out why",
        "Stripe took a part of the transfer back: nothing is booked until a person says what is owed",
    ),
    "transfer_reversed": Wording(
        "The transfer was taken back; it is paid again later",
        "The transfer was taken back",
        "The bank or service reversed the transfer: settled again",
    ),
    "person_looked": Wording("Looked up by us", "Looked up by us", "A person looked and said so"),
    "price_negative": Wording(
        "A price below zero",
        "Not for sale right now",
        "A variant's price is below zero",
        remedy="Correct the price in your store.",
    ),
}
