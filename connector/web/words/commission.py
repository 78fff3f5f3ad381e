"""What a commission waits for, what stops it, and why the ledger moved."""

from __future__ import annotations

from connector.web.words.wording import Wording

REASONS: dict[str, Wording] = {
    # Refunds and flags
    "refund_pending": Wording(
        "A refund is on its way and not confirmed yet",
        "A refund is not confirmed yet",
        "Refund record without a successful transaction: reversed, undone if all fail",
    ),
    "refund_failed": Wording(
        "A refund did not go through; the commission stands again",
        "A refund did not go through",
        "All transactions of the refund failed: its reversal is undone",
    ),
    "refund_exceeds_base": Wording(
        "More was given back than the line was worth",
        "More was given back than the line was worth",
        "Clamped to the remaining base; also an honest return after a goodwill refund",
    ),
    "refund_amount_unknown": Wording(
        "Your store did not say how much was refunded; we ask",
        "A refund's amount is not known yet",
        "Amount unknown: the line is held until a person enters it",
    ),
    "token_shared": Wording(
        "One link brought more customers than one person has; we are checking",
        "Your link's token was passed on; we are checking",
        "One token on orders of more than three customers: journey not used, to review",
    ),
    "hasty_order": Wording(
        "Ordered within 2 seconds of the tap",
        "Ordered within 2 seconds of the tap",
        "Under 2 s after the touch: flagged, paid",
    ),
    "over_rate": Wording(
        "Too many taps from one device",
        "Too many taps from one device",
        "Over the touches a device may make in a minute",
    ),
    "decision_changed": Wording(
        "We are checking this order; you need do nothing",
        "We are checking this order",
        "An evaluation now differs from its pin without a recorded act: nothing was posted",
    ),
    "removed_by_edit": Wording(
        "Removed from the order", "Removed from the order", "Units removed by an edit: reversed first"
    ),
    "refunded": Wording("Refunded", "Refunded", "Refund records reverse it in proportion"),
    # Clearing: what it waits for
    "dispute": Wording(
        "The buyer disputes the payment; it waits until the bank has decided",
        "The buyer disputes the payment: it waits for the bank",
        "A dispute is open: a won one releases, a lost one counts as money back",
    ),
    "return": Wording("A return is open", "A return is open", "A return is open: clears when it is closed"),
    "order_unreadable": Wording(
        "An order could not be read from your store again; we are looking at it",
        "The order could not be read again; we are looking at it",
        "Clears after the order was read once more; the answer can't be read, the problem names the place",
    ),
    # Clearing (R9, R9b)
    "delivered": Wording(
        "Delivered: the hold runs from then", "Delivered: clears after the hold", "Hold from delivery"
    ),
    "fulfilled": Wording(
        "Sent: we count ten days until delivery",
        "Sent: clears after ten days and the hold",
        "Fulfilment + 10 days, then the hold",
    ),
    "digital": Wording(
        "Nothing to deliver: the hold runs from payment",
        "Clears after the hold",
        "Needs no delivery: hold from payment",
    ),
    "no_delivery_signal": Wording(
        "No sign of delivery from your store: it clears 45 days after payment",
        "No sign of delivery: it clears 45 days after payment",
        "Nothing about delivery 45 days after payment: clears by R9b",
    ),
    "waits_for_delivery_signal": Wording(
        "Waits for your store to say that it was sent",
        "Waits until the shop sends it",
        "Shop's setting says wait for a delivery signal",
    ),
    # Entries: why the ledger moved
    "credit_moved": Wording(
        "Credited to somebody else now", "Credited to somebody else now", "The line's winner changed before its pin"
    ),
    # Commission: what stops or holds it, and entries beside a line's own
    "gift_card_payment": Wording(
        "Paid with a gift card; your shop's rule is that such orders earn nothing",
        "Paid with a gift card: the shop pays no commission on such orders",
        "A gift card is among the payments and the shop's setting at the order's time says refuse: due 0",
        remedy="Change it in the shop's settings; it counts for orders placed from then on.",
    ),
    "forfeited": Wording(
        "The commission was taken back after a check; you owe nothing for it",
        "Taken away after a check; its reason and the time for an appeal were shown to you",
        "Taken away by a recorded act: due 0 whatever is delivered later",
    ),
    "freeze": Wording(
        "We are checking it; you need do nothing",
        "Frozen: its reason, until when you may appeal and when it ends are shown",
        "Frozen by staff: clears, closes and is paid out only when the freeze has ended",
    ),
    "review": Wording(
        "We are checking this order; you need do nothing",
        "Under review; you can explain",
        "The decision waits for a person: it passes or is refused by a recorded act",
    ),
    "end_date": Wording("The check is over", "It ended on its date", "Its end date came and nobody had forfeited it"),
    "lifted": Wording("The check is over", "It was lifted", "Lifted by staff before its end date"),
    "app_fee": Wording("The app's fee", "The app's fee", "Fee on the base of credited lines, rounded once an order"),
    "after_payout": Wording(
        "Refunded after the creator was paid: the app bears it",
        "Refunded after you were paid: you keep it",
        "The store gave it back after the payout, and the shop's setting says absorb",
    ),
    "event_bonus": Wording(
        "Bonus of an event",
        "Bonus of an event",
        "Commission at the event's tiers less commission, counted at its close",
    ),
    "flat_fee": Wording(
        "Flat fee for approved content",
        "Flat fee for your approved content",
        "The fee of an agreement, owed once its content was approved",
    ),
    "flat_fee_withdrawn": Wording(
        "Flat fee taken back by support, after you asked",
        "Flat fee taken back by support, after the shop had asked",
        "Support decided an appeal: the content doesn't fulfil the agreement",
    ),
    "sample_paid_back": Wording(
        "A refundable sample is paid back: its content was posted",
        "Your sample is paid back: you posted its content",
        "What a refundable sample's order gives back as it stands, less what was booked",
    ),
    "event_counted_anew": Wording(
        "Bonus of an event, counted anew",
        "Bonus of an event, counted anew",
        "Something from before the event's close was heard of later: the difference",
    ),
}
