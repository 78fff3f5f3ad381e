"""Standing checks, stalled money and the daily proof: what is off, and what staff do about it."""

from __future__ import annotations

from connector.web.words.wording import Wording

REASONS: dict[str, Wording] = {
    # The daily proof: what differs, and what happens about it
    "missing_here": Wording(
        "An order of your store that we have not got yet; we fetch it",
        "An order that is not here yet",
        "At the store and not here: fetched by itself at the next try",
    ),
    "older_here": Wording(
        "An order changed in your store; we fetch it",
        "An order changed at the shop",
        "Newer at the store than here: fetched by itself at the next try",
    ),
    "not_listed": Wording(
        "We have an order that your store does not list yet",
        "An order that the shop does not list yet",
        "Here, and not in the store's list of the day: its search may be behind, so it is asked again by itself",
    ),
    "unreadable_here": Wording(
        "An order of your store could not be read; we are looking at it",
        "An order could not be read",
        "Here, and could not be read anew: read again by itself, a person looks when the reason stays",
    ),
    # Standing checks: where credit, money or a code went another way than the people involved would expect
    "not_considered": Wording(
        "A tap was not looked at; we are checking",
        "A tap of yours was not looked at; we are checking",
        "A tap that fits was not looked at: it reached us after the decision, or its token was not read",
    ),
    "token_bent": Wording(
        "A creator's mark came back damaged",
        "Your mark came back damaged",
        "A token of ours came back bent: its capital letters or its end were lost on the way",
    ),
    "link_unknown": Wording(
        "Somebody followed a link that we don't know",
        "Somebody followed a link that we don't know",
        "A code was asked for at /go that we never gave out, or that lost something on its way",
    ),
    "code_like_a_creator": Wording(
        "A discount code reads like a creator's name",
        "A code that reads like your name was used",
        "A discount code reads like a creator's handle and is no code of theirs here: it credits nobody",
    ),
    "credited_twice": Wording(
        "We are checking a commission; you need do nothing",
        "We are checking a commission",
        "Two creators hold money of one line at the same time",
    ),
    "posted_too_much": Wording(
        "We are checking a commission; you need do nothing",
        "We are checking a commission",
        "More stands in the ledger than the newest evaluation says is due",
    ),
    "posted_too_little": Wording(
        "We are checking a commission; you need do nothing",
        "We are checking a commission",
        "Less stands in the ledger than the newest evaluation says is due",
    ),
    "cleared_twice": Wording(
        "We are checking a commission; you need do nothing",
        "We are checking a commission",
        "More was cleared on the line than was pending on it",
    ),
    "shop_twice": Wording(
        "Your store is connected twice; tell us",
        "The shop is connected twice",
        "One store stands here as two shops: each order would be heard, and paid, twice",
    ),
    "order_twice": Wording(
        "Two orders have one number; we are checking",
        "Two orders have one number",
        "Two orders of one shop have the same number, and both pay",
    ),
    "paid_twice": Wording(
        "We are checking a payout; you need do nothing",
        "We are checking a payout",
        "The ledger has handed out, or confirmed, another sum than the payout says",
    ),
    # Stalled money: what stands still longer than it should
    "pending_past_its_time": Wording(
        "We are looking into a commission; you need do nothing",
        "Its hold is over and it has not cleared: we are looking into it",
        "The hold is over for more than three days and the line has not cleared",
    ),
    "period_not_closed": Wording(
        "The period is over; its statement comes when it is closed",
        "The period is over; your statement comes when it is closed",
        "Cleared money waits: the period is over for more than ten days and isn't closed",
    ),
    "closing_stands": Wording(
        "Your period is being closed; its statements come when that is done",
        "The period is being closed; your statement comes when that is done",
        "The closing began more than ten minutes ago and isn't booked to its end",
    ),
    "invoice_overdue": Wording(
        "Your invoice is past its due day",
        "It is paid out as soon as the shop has paid its invoice",
        "The merchant's invoice is overdue: what it funds can't be paid out",
        remedy="Pay the invoice, or ask us if you have.",
    ),
    "batch_awaits_second": Wording(
        "A payout waits for our second check",
        "Your payout waits for our second check",
        "A payout batch waits for a second person for more than two days",
    ),
    "batch_not_sent": Wording(
        "A payout is prepared and not sent yet",
        "Your payout is prepared and not sent yet",
        "A payout batch is prepared for more than three days and was not sent",
    ),
    "payout_not_confirmed": Wording(
        "A payout is on its way, and the bank has not confirmed it yet",
        "Your payout is on its way, and the bank has not confirmed it yet",
        "Sent more than five days ago, and no outcome is known",
    ),
    "payout_unknown": Wording(
        "We are asking the bank about a payout",
        "We are asking the bank what became of your payout",
        "The service's answer was lost: nothing is sent again until somebody knows what became of it",
    ),
    "freeze_past_its_end": Wording(
        "A check has ended; we are closing it",
        "The check has ended: your money is let go shortly",
        "The freeze's end has come and it still stands: a worker should have ended it",
    ),
    "appeal_unanswered": Wording(
        "We are checking it; you need do nothing",
        "You explained it, and we have not answered yet",
        "The creator appealed more than three days ago, and nobody has decided",
    ),
    "content_past_its_time": Wording(
        "The time for your answer is over: the content is approved shortly",
        "The time for an answer is over: your content is approved shortly",
        "Content for a flat fee should have been approved by its time: a worker should have done it",
    ),
    "fee_undecided": Wording(
        "You or the creator asked us about content; we have not answered yet",
        "You or the shop asked us about content; we have not answered yet",
        "A side asked about content for a flat fee more than three days ago, and nobody has decided",
    ),
}


# What staff do about a finding of a standing check; who else must act is named. Empty: nothing, a rule decided it.
STAFF_DO: dict[str, str] = {
    "not_considered": "Open the order and preview its replay: an evaluation takes the tap up if it still may.",
    "not_evaluated": "It is worked out with the next message from the shop; if it stays, look at its deliveries.",
    "decision_changed": "Finance looks at the order: the pinned decision stays until a recorded act changes it.",
    "unknown": "The token is ours and its tap is not kept. See whether a backup was restored or a tap was erased.",
    "signature_wrong": "Somebody made it up, or a key was taken out too early: `connector doctor` checks the keys.",
    "other_shop": "The buyer carried a link of one shop into another: tell the creator which link is for which.",
    "token_bent": "A theme or an app of the shop changes it: ask the merchant to place a test click.",
    "link_unknown": "Compare it with the creator's own link, and ask them to copy it again.",
    "code_like_a_creator": "Ask the merchant what the code is for. If it is meant for the creator, make it theirs.",
    "credited_twice": "Nothing was paid yet if both are pending. Preview a replay of the order; then finance.",
    "posted_too_much": "Preview a replay of the order: it books the difference. If it stays, an engineer looks.",
    "posted_too_little": "Preview a replay of the order: it books the difference. If it stays, an engineer looks.",
    "cleared_twice": "Stop the next payout of this shop, then let an engineer look.",
    "shop_twice": "Disconnect the one that hears nothing; the store's old address leads to the other.",
    "order_twice": "Look at both at the store: an import or a draft may have made the second.",
    "paid_twice": "Don't send the batch again. Finance compares it with the bank.",
    "pending_past_its_time": "See what holds the line; one that nothing holds clears with `connector clear`.",
    "period_not_closed": "Finance closes the period, or says why not.",
    "closing_stands": "See whether a worker runs: it goes on with it. So does `connector close` with the period.",
    "invoice_overdue": "Finance reminds the merchant, or records the receipt if it came.",
    "batch_awaits_second": "A second person of finance approves or refuses the batch.",
    "batch_not_sent": "Finance sends the batch, or refuses it so that its money is settled again.",
    "payout_not_confirmed": "Finance reads the bank's list of outcomes in, or asks the bank.",
    "payout_unknown": "Finance asks the bank by the payout's id, then records the outcome. Don't send it again.",
    "reversed_in_part": "Finance finds out why, then has Stripe take back the rest, or corrects it by an act.",
    "freeze_past_its_end": "See whether a worker runs; it ends freezes by rule.",
    "content_past_its_time": "See whether a worker runs; it approves content by its time.",
    "fee_undecided": "Open the content and decide; both sides read your note.",
    "appeal_unanswered": "Whoever froze it reads the appeal, then lifts the freeze or forfeits the money.",
}
