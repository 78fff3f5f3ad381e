"""Why an order line is a creator's, or nobody's: rules D1 to D19, candidates, tokens and carriers."""

from __future__ import annotations

from connector.web.words.wording import Wording

REASONS: dict[str, Wording] = {
    # Taking in (D1-D4)
    "bad_signature": Wording(
        "A message that was not from your store was refused",
        "A message that was not from the store was refused",
        "Signature wrong: refused with 401, only counted",
    ),
    "unknown_store": Wording(
        "The store is not connected yet",
        "The store was not connected yet",
        "Right signature, no such shop here: parked until it joins, body kept 7 days",
    ),
    "store_disconnected": Wording(
        "Your store was disconnected when this order came; connect it to earn again",
        "The store had left when this order was placed",
        "Shop had left: no new credit",
    ),
    "duplicate_delivery": Wording(
        "Heard twice, counted once", "Heard twice, counted once", "Same delivery or same order version: no effect"
    ),
    "stale_version": Wording(
        "An older state of the order; the newer one counts",
        "An older state of the order; the newer one counts",
        "Older than the version applied: kept for audit, its refunds still count",
    ),
    "parked_orphan": Wording(
        "A refund came before its order; it applies when the order arrives",
        "A refund came before its order",
        "Refund or edit of an order not heard of: applies by itself when the order arrives",
    ),
    "refund_in_other_money": Wording(
        "A refund was told in another currency than the order's; we ask your store for it in the order's own",
        "A refund is being looked up in the order's own currency",
        "Refund in another currency than the shop's: nothing is converted; the order is asked of the store, with its "
        "refunds. Settles itself; where the answer can't be read, the merchant or support looks",
        remedy="Nothing to do: it settles itself when your store answers. If your store's currency was changed, "
        "support accepts the new one.",
    ),
    "unrecognised": Wording(
        "Your store sent a kind of message we don't know",
        "A message of an unknown kind",
        "Topic is neither mapped nor ignored on purpose: parked, nobody lost anything",
    ),
    "unreadable": Wording(
        "It could not be read",
        "It could not be read",
        "Can't be read at the place that the detail names; replay it after a fix",
        remedy="Look at it in your store; tell us if nothing is wrong with it there.",
    ),
    "partially_paid": Wording(
        "Clears when all of it is paid", "Clears when all of it is paid", "Partially paid: pending until all is paid"
    ),
    # Order stops (D5-D8)
    "test_order": Wording("A test order", "A test order earns nothing", "Order carries the store's test mark"),
    "not_completed": Wording(
        "A draft that is not an order yet", "The order was not completed", "Draft not completed: due 0 until it is"
    ),
    "sample_order": Wording("A sample order", "Samples earn nothing", "Sample mark on the order: no commission"),
    "order_cancelled": Wording(
        "The order was cancelled",
        "The order was cancelled",
        "Cancelled at the store: due 0 at once, later refunds add nothing",
    ),
    "awaiting_payment": Wording(
        "Not paid yet: an estimate", "Counts when the buyer has paid", "Financial status pending; accrues when paid"
    ),
    "not_collected": Wording(
        "The payment was never collected",
        "The payment was never collected",
        "Voided or expired: due 0, also if paid before",
    ),
    "line_excluded": Wording(
        "Gift cards, tips, fees and shipping earn no commission",
        "Gift cards, tips and shipping earn nothing",
        "Line is a gift card, tip, fee or excluded product: base 0",
    ),
    "zero_base": Wording(
        "Discounts made this line free",
        "The line was free after discounts",
        "Base ≤ 0; parts listed; zero entry booked",
    ),
    # Credit (D9-D17)
    "manual": Wording("You assigned this sale", "The shop gave you this sale", "Assigned by a recorded act"),
    "code": Wording(
        "Bought with a creator's code",
        "Your code was used",
        "Code active, on the line, credit policy holds",
        merchant_exact="Bought with {creator}'s code",
    ),
    "last_click_direct": Wording(
        "A creator's content brought this sale",
        "Your content brought this sale",
        "Latest eligible direct touch, same product, in window",
        merchant_exact="{creator}'s {content} brought this sale",
        creator_exact="Your {content} brought this sale",
    ),
    "cart_carry": Wording(
        "Put in the cart after a creator's content, bought later",
        "Put in the cart after your content, bought later",
        "Cart add within the window, order within the carry days",
    ),
    "last_click_indirect": Wording(
        "A creator brought the buyer to your store",
        "You brought the buyer to the store",
        "Latest eligible indirect touch",
    ),
    "lifetime": Wording("A creator's customer", "A customer of yours", "Bound customer, lowest precedence"),
    "no_touch": Wording(
        "No creator led to this order",
        "No tap or code of yours on this order",
        "No candidate (or indirect ones, switched off); see which carriers survived",
    ),
    "window_expired": Wording(
        "The tap was older than your window",
        "The tap came too long before the order",
        "Best candidate failed on age; window as at the touch",
        merchant_exact="The tap was {age} old; your window was {window}",
        creator_exact="The tap came {age} before; {window} count",
        support_exact="The latest tap on it came {age} before, window {window}",
    ),
    "touch_invalid": Wording(
        "The tap did not count", "The tap did not count", "Best candidate is not valid; its flags say why"
    ),
    "too_late": Wording(
        "We heard of the tap too late to count it",
        "We heard of the tap too late to count it",
        "Touch received after placed time + grace",
    ),
    "after_order": Wording(
        "The tap came after the order", "The tap came after the order", "Touch later than the order: none"
    ),
    "other_product": Wording(
        "The tap was on another product", "The tap was on another product", "Indirect touch; the indirect switch is off"
    ),
    "code_leaked": Wording(
        "Code found on coupon sites before this order",
        "Your code was public before this order, so it did not count",
        "Flag older than the order; fell to D11, nothing there",
    ),
    "creator_ineligible": Wording(
        "The creator could not earn then",
        "Your account could not earn then",
        "D16 at touch or order; the next one inherits by the shop's switch alone",
        merchant_exact="{creator} could not earn on {day}: {test}",
        creator_exact="Your account could not earn on {day}: {test}",
        support_exact="D16: {test}; the next one inherits by the shop's switch alone",
    ),
    "self_purchase": Wording(
        "Buyer and creator are the same person",
        "Own purchases earn nothing",
        "Hard match to this touch's creator; pinned outcome",
    ),
    "frozen_review": Wording(
        "We are checking this order; you need do nothing",
        "Under review; you can explain",
        "Soft match; appeal date, decider, what ends it",
        creator_exact="Under review until {until}; you can explain",
        support_exact="Soft match or a shared token, until {until}; a recorded act ends it",
    ),
    "outranked_by_code": Wording(
        "A creator's code earned it; this tap came second",
        "A code was used; it counts before taps",
        "Lost at D10 to a code",
    ),
    "outranked_by_later_click": Wording(
        "A later tap earned it; this one came first",
        "A later tap by someone else came before the sale",
        "Lost at D11 to a later touch; both listed",
        merchant_exact="{winner}'s later tap earned it; {creator}'s came first",
        support_exact="Lost at D11 to touch {touch}; both listed",
    ),
    "outranked_by_manual": Wording(
        "You assigned this sale; this came second",
        "The shop gave this sale to somebody",
        "Lost at D9 to a recorded act",
    ),
    "code_inactive": Wording(
        "The code was nobody's then", "Your code had ended then", "The code had no owner when the order was placed"
    ),
    "code_not_involved": Wording(
        "The code's creator led nobody here: your policy asks for a tap too",
        "Your code counts in this shop only with a tap of yours",
        "The shop counts codes of creators who are involved: no eligible touch of the owner on the order",
    ),
    "code_not_winner": Wording(
        "Another creator's tap came last: your policy asks that the code's creator wins",
        "Your code counts in this shop only where your tap is the last one",
        "The shop counts codes of creators who would win without: the owner's touch would not win D11",
    ),
    "cart_add": Wording(
        "It was put into the cart; that is no tap by itself",
        "It was put into the cart; that is no tap by itself",
        "Proves an adding to the cart (D12), and is no candidate",
    ),
    "proves_cart": Wording(
        "It was put into the cart then",
        "It was put into the cart then",
        "The adding that D12 counts its days from",
    ),
    "self_match_soft": Wording(
        "The buyer may be the creator",
        "The order looks like one of your own",
        "Telephone or mailbox of the buyer is the creator's: may be one person, may be two",
    ),
    # Rate (D18-D19)
    "rate_targeted": Wording("Your agreed rate", "Your agreed rate", "Targeted terms; higher of touch and order"),
    "rate_open": Wording(
        "Your open rate", "The shop's open rate", "Open terms; higher of the rates at touch and order"
    ),
    "rate_store": Wording(
        "Your shop's default rate", "The shop's default rate", "Store terms; higher of touch and order"
    ),
    "rate_ads": Wording("Your rate for ads", "The shop's rate for ads", "Ads rate of the winning terms"),
    "no_plan": Wording(
        "This product had no commission at the tap or the order",
        "The shop offered no commission on this",
        "No targeted, open or store terms at both moments",
    ),
    # Candidates and tokens
    "signature_wrong": Wording(
        "A forged tap", "A tap that is not ours", "The token's signature is wrong: forged or cut short"
    ),
    "other_shop": Wording("A tap on another shop", "A tap on another shop", "The token belongs to another shop"),
    "unknown": Wording(
        "A tap that we don't know", "A tap that we don't know", "The token is signed and not known here"
    ),
    # Carriers
    "first_seen_at_checkout": Wording(
        "This tap came from the checkout itself, after another creator's; the earlier one counts",
        "Your tap came when the buyer stood at the checkout already; an earlier one counts",
        "Came from the store's own pages or its checkout, with an earlier touch standing: a coupon extension's way",
    ),
    "at_checkout": Wording(
        "Tapped from your own store or its checkout",
        "Tapped from the store itself",
        "Referrer is the store or its checkout: counts only where no earlier touch stands",
    ),
    "token_mended": Wording(
        "Our mark came back changed and could still be read",
        "Read from a mark that came back changed",
        "A carrier lost or gained characters; the token was read from what was left, and its signature holds",
    ),
    "trial_click": Wording(
        "Your own test click: it earns nobody anything",
        "A test of the shop's",
        "The token is a merchant's test click: it credits nobody",
    ),
    "line_vanished": Wording(
        "The line is no longer in the order",
        "The line is no longer in the order",
        "The line left the newest snapshot: due 0",
    ),
    "recomputed": Wording(
        "Worked out anew after a change", "Worked out anew after a change", "Newer facts or rounding: the difference"
    ),
    "refund_undone": Wording(
        "A refund failed; the commission stands again",
        "A refund failed",
        "All its transactions failed: reversal undone",
    ),
    "period_closed": Wording("Settled in a statement", "Settled in a statement", "The period was closed"),
    "batch_prepared": Wording("In a payout", "In a payout", "Put into a payout batch"),
    "batch_paid": Wording("Paid", "Paid", "The batch was confirmed as paid"),
    "hold_over": Wording("The hold is over", "Cleared", "Hold over and nothing open"),
    "not_evaluated": Wording("Not worked out yet", "Not worked out yet", "Heard and not evaluated yet"),
    "not_cleared_yet": Wording(
        "Its hold is over; it clears with the next round", "Clears with the next round", "Hold over, clearing is behind"
    ),
}
