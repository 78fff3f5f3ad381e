"""The words of the pages: statuses, and every reason code in three wordings.

One reason, three wordings: creator, merchant and support read the same code, each in their words. A wording may have
named slots; where the facts for a slot aren't known its second, plain form is used, so that a sentence is never glued
together and never has a hole. A creator's wording names no other creator and nothing of the buyer; a
merchant's names no other shop.

`tests/web/test_words.py` walks the code base and fails on a reason code that has no wording here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any, Literal

from connector.commerce.catalog import refusals, shoppable
from connector.insight.feeds import findings
from connector.web.icons import KINDS

Audience = Literal["merchant", "creator", "support"]
Kind = Literal["good", "info", "warn", "bad", "hold", "idle"]


@dataclass(frozen=True, slots=True)
class Badge:
    """A status as it is shown: icon, word, colour. Remove the colour and it still reads."""

    kind: Kind
    word: str

    @property
    def icon(self) -> str:
        return KINDS[self.kind]


_STATUSES: dict[str, dict[str, Badge]] = {
    "delivery": {
        "waiting": Badge("info", "Waiting"),
        "done": Badge("good", "Done"),
        "repeat": Badge("idle", "Repeat"),
        "parked": Badge("hold", "Parked"),
        "quarantined": Badge("bad", "Quarantined"),
        "ignored": Badge("idle", "Ignored"),
        "failed": Badge("bad", "Failed"),
        "refused": Badge("bad", "Refused"),
    },
    "run": {
        "queued": Badge("info", "Queued"),
        "running": Badge("info", "Running"),
        "waiting": Badge("info", "Waiting for the shop"),
        "asks": Badge("warn", "Asks you"),
        "stopping": Badge("info", "Stopping"),
        "stopped": Badge("idle", "Stopped"),
        "done": Badge("good", "Done"),
        "refusals": Badge("warn", "Done with refusals"),
        "failed": Badge("bad", "Failed"),
    },
    "shop": {
        "connected": Badge("good", "Connected"),
        "needs_reconnect": Badge("warn", "Needs you"),
        "paused": Badge("hold", "Paused"),
        "left": Badge("idle", "Left"),
    },
    "join": {
        "waiting": Badge("info", "Waiting"),
        "not_set_up": Badge("idle", "Not set up"),
    },
    "hook": {
        "arrives": Badge("good", "Arrives"),
        "never": Badge("warn", "Never heard"),
        "silent": Badge("warn", "Silent"),
        "new": Badge("info", "Not heard yet"),
    },
    "listing": {
        "shoppable": Badge("good", "Can be sold"),
        "not_shoppable": Badge("warn", "Cannot be sold"),
        "gone": Badge("idle", "Removed"),
    },
    "money": {
        "estimate": Badge("idle", "Estimate"),
        "pending": Badge("info", "Pending"),
        "cleared": Badge("good", "Cleared"),
        "settled": Badge("good", "Settled"),
        "paid": Badge("good", "Paid"),
        "frozen": Badge("hold", "Frozen"),
        "none": Badge("idle", "No commission"),
        "reversed": Badge("idle", "Reversed"),
        "unfunded": Badge("warn", "Unfunded"),
    },
    "payout": {
        "prepared": Badge("info", "Prepared"),
        "sent": Badge("info", "Sent"),
        "paid": Badge("good", "Paid"),
        "held": Badge("hold", "Held"),
        "set_aside": Badge("warn", "Set aside"),
        "awaiting": Badge("warn", "Needs a second person"),
        "failed": Badge("bad", "Failed"),
        "returned": Badge("bad", "Came back"),
        "unknown": Badge("warn", "Unknown"),
        "finished": Badge("warn", "Finished, not all paid"),
        "refused": Badge("idle", "Called off"),
    },
    "payee": {
        "in_force": Badge("good", "In force"),
        "payee_held": Badge("hold", "Held"),
        "payee_unconfirmed": Badge("warn", "Not confirmed"),
        "payee_missing": Badge("warn", "No details"),
        "refused": Badge("idle", "Refused"),
        "lapsed": Badge("idle", "Lapsed"),
        "replaced": Badge("idle", "Replaced"),
    },
    "invoice": {
        "due": Badge("warn", "Due"),
        "overdue": Badge("bad", "Overdue"),
        "partly_paid": Badge("warn", "Partly paid"),
        "paid": Badge("good", "Paid"),
        "credit": Badge("idle", "Credit note"),
    },
    "bank_row": {
        "new": Badge("info", "New"),
        "recorded": Badge("good", "Recorded"),
        "known": Badge("idle", "Known before"),
        "conflict": Badge("warn", "Left out"),
    },
    "proof": {
        "running": Badge("info", "Running"),
        "done": Badge("good", "Adds up"),
        "gaps": Badge("warn", "Gaps"),
        "failed": Badge("bad", "Failed"),
    },
    "day": {
        "proved": Badge("good", "Proved"),
        "gaps": Badge("warn", "Gaps"),
        "failed": Badge("bad", "Not compared"),
    },
    "carrier": {
        "brought": Badge("good", "Brought a tap"),
        "kept": Badge("idle", "There, with nothing of ours"),
        "lost": Badge("warn", "Lost"),
        "not_sent": Badge("idle", "Not used by this way"),
        "not_needed": Badge("idle", "Not needed"),
        "absent": Badge("idle", "Nothing came"),
        "arrived": Badge("good", "Arrived"),
        "mended": Badge("warn", "Arrived changed"),
        "waiting": Badge("info", "Waiting for the order"),
    },
    "privacy": {
        "waiting": Badge("info", "Waiting"),
        "running": Badge("info", "Being answered"),
        "ready": Badge("warn", "File ready"),
        "done": Badge("good", "Done"),
        "cancelled": Badge("idle", "Called off"),
        "failed": Badge("bad", "Failed"),
    },
    "code": {
        "active": Badge("good", "Active"),
        "leaked": Badge("warn", "Leaked"),
        "ended": Badge("idle", "Ended"),
    },
    "act": {
        "proposed": Badge("hold", "Waits"),
        "effective": Badge("good", "Done"),
        "refused": Badge("idle", "Refused"),
    },
    "import": {
        "looking": Badge("info", "Being read"),
        "looked": Badge("info", "Looked at"),
        "taking": Badge("info", "Being taken"),
        "taken": Badge("good", "Taken"),
    },
    "import_row": {
        "new": Badge("info", "Would be taken"),
        "taken": Badge("good", "Taken"),
        "same": Badge("idle", "Here already"),
        "conflict": Badge("warn", "Conflict"),
        "refused": Badge("bad", "Refused"),
    },
    "creator": {
        "active": Badge("good", "Active"),
        "suspended": Badge("hold", "Suspended"),
        "closed": Badge("idle", "Closed"),
    },
}


def status(domain: str, value: str) -> Badge:
    """How a stored status is shown. An unknown one is shown as it stands: a page doesn't break over a new word."""
    known = _STATUSES[domain].get(value)
    return known or Badge("idle", value.replace("_", " ").capitalize() or "Not known")


def statuses(domain: str) -> dict[str, Badge]:
    return dict(_STATUSES[domain])


@dataclass(frozen=True, slots=True)
class Wording:
    """One reason. Where `*_exact` is given it is used when all its slots are known."""

    merchant: str
    creator: str
    support: str
    merchant_exact: str = ""
    creator_exact: str = ""
    support_exact: str = ""
    remedy: str = ""  # what a person can do, for the merchant


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
        "D16 at touch or order; test and value; next not used",
        merchant_exact="{creator} could not earn on {day}",
        creator_exact="Your account could not earn on {day}",
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
    # Catalog: why a product isn't in the list, with the remedy
    "price_missing": Wording(
        "No price",
        "Not for sale right now",
        "A variant has no price in the shop's currency",
        remedy="Give every variant a price in your store.",
    ),
    "price_unreadable": Wording(
        "A price we can't read",
        "Not for sale right now",
        "A price is not a decimal of the shop's currency",
        remedy="Check the prices of this product in your store.",
    ),
    "too_many_variants": Wording(
        "More than 2,048 variants",
        "Not for sale right now",
        "Above the platform's 2,048 variants",
        remedy="Split it into several products.",
    ),
    "title_missing": Wording(
        "No title", "Not for sale right now", "Empty title", remedy="Give the product a title in your store."
    ),
    # Deliveries: why one waits for a person, or has nothing to do
    "body_gone": Wording(
        "The message is no longer kept",
        "The message is no longer kept",
        "Its body went with its retention: reconcile reads the store instead",
    ),
    "translator_broke": Wording(
        "A message could not be read; we are looking at it",
        "A message could not be read",
        "A fault of ours while reading it; tried again by itself, then parked",
    ),
    "refused": Wording(
        "A part of it could not be read",
        "A part of it could not be read",
        "A field of it can't be taken: the detail names it; after a fix sync again or replay",
    ),
    "cut_by_the_store": Wording(
        "Your store sent a part of it; we read the whole",
        "The store sent a part of it",
        "The body holds only some variants: the product is read whole by a job",
    ),
    "stock_comes_with_product": Wording("Nothing to do", "Nothing to do", "Stock comes with the product's own message"),
    "before_last_install": Wording(
        "From before you connected again", "From before the shop came back", "An uninstall from before the last install"
    ),
    "privacy_request": Wording(
        "A privacy request; we answer within 30 days",
        "A privacy request",
        "A privacy request: a job answers it; its page has the deadline and the proof",
    ),
    "other_shops_ids": Wording(
        "A message that names another store",
        "A message that we could not use",
        "It names an order, a product or a shop that is known under another shop: a person must look",
    ),
    "other_shops_body": Wording(
        "A message that names another store",
        "A message that we could not use",
        "Its body names another shop than its header: a person must look",
    ),
    "discarded": Wording("Put aside", "Put aside", "A person looked at it in quarantine and put it aside"),
    "body_erased": Wording(
        "Erased on a privacy request",
        "Erased on a privacy request",
        "Its body was erased on a privacy request; the store can be read instead",
    ),
    "unknown_store_gone": Wording(
        "From a store that never connected",
        "From a store that never connected",
        "Its store was not connected within 7 days; the body is gone",
    ),
    # Privacy requests: why one waits or was called off
    "shop_came_back": Wording(
        "Called off: your store is connected again",
        "Called off",
        "Called off by rule: the shop was connected again before it was answered",
    ),
    "older_than_last_leave": Wording(
        "Called off: a later one follows",
        "Called off",
        "Called off by rule: it is older than the shop's last leaving, whose own request follows",
    ),
    "erased_since": Wording(
        "Over: what it asked about was erased since",
        "Over: erased since",
        "Called off by rule: the person, or the whole shop, was erased meanwhile, and a file with them",
    ),
    "waits_for_pin": Wording(
        "Bodies are erased; the rest follows within a day",
        "Being erased",
        "Bodies are erased; hashes follow when the decisions of these orders are final",
    ),
    "called_off": Wording("Called off", "Called off", "Called off by a person, with a reason"),
    "topic_ignored": Wording("Nothing to do", "Nothing to do", "A topic that we need nothing from"),
    "too_large": Wording("A message was too large", "A message was too large", "Over the body limit: refused with 413"),
    "conflict": Wording(
        "It changed while we read it; we try again",
        "It changed meanwhile",
        "Something moved at the same moment; tried again",
    ),
    "ledger_refused": Wording(
        "We are checking this; you need do nothing",
        "We are checking this",
        "The ledger refused an entry: everything of it was undone, an engineer must look",
    ),
    "platform_busy": Wording(
        "Your store asks us to wait", "The store asks us to wait", "The platform's limit; tried again"
    ),
    "platform_down": Wording("Your store does not answer", "The store does not answer", "Time-out or 5xx; tried again"),
    "platform_refused": Wording("Your store refused", "The store refused", "The platform says the call is wrong"),
    "not_found": Wording("It is not there any more", "It is not there any more", "What it is about is not there"),
    # Shops: why one needs its merchant
    "grant_lost": Wording(
        "Your store withdrew our permission; open the app there to connect again",
        "The shop is not connected right now",
        "The platform no longer takes the grant: the merchant opens the app in the store",
        remedy="Open the app in your store's admin.",
    ),
    "scopes_missing": Wording(
        "Your store did not grant all that we asked for",
        "The shop is not fully connected",
        "Scopes were asked for and not given; the detail names them",
        remedy="Connect again and agree to all of it.",
    ),
    "currency_changed": Wording(
        "Your store's currency changed; tell us before anything is paid",
        "The shop's currency changed",
        "The shop's currency is not what it was: orders stay in theirs, a person must look",
    ),
    "disconnected": Wording("Disconnected here", "The shop left", "Disconnected on our side"),
    "erased": Wording(
        "Your store's data was erased on its request", "The shop left", "Erased on the shop's request; its books stay"
    ),
    "uninstalled": Wording("You removed the app in your store", "The shop left", "The merchant removed the app"),
    # Candidates and tokens
    "signature_wrong": Wording(
        "A forged tap", "A tap that is not ours", "The token's signature is wrong: forged or cut short"
    ),
    "other_shop": Wording("A tap on another shop", "A tap on another shop", "The token belongs to another shop"),
    "unknown": Wording(
        "A tap that we don't know", "A tap that we don't know", "The token is signed and not known here"
    ),
    # Entries: why the ledger moved
    "credit_moved": Wording(
        "Credited to somebody else now", "Credited to somebody else now", "The line's winner changed before its pin"
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
    # Asking the store once more, and why it could not be asked
    "deep_look": Wording(
        "We compared it with your store", "Compared with the shop", "Read again by a daily or weekly look"
    ),
    "store_busy": Wording(
        "Your store asks us to wait; it clears afterwards",
        "Waits for the shop's answer",
        "The store limits us: it is asked again before anything clears",
    ),
    "store_away": Wording(
        "Your store did not answer; it clears afterwards",
        "Waits for the shop's answer",
        "The store does not answer: it is asked again before anything clears",
    ),
    "not_shown": Wording(
        "Your store no longer shows this order",
        "The shop no longer shows this order",
        "The store no longer shows the order: its last known facts stand",
    ),
    # Receipts refused for a while, with 503 and Retry-After: the store sends again
    "line_too_long": Wording(
        "We asked your store to send again", "Sent again later", "The line of writes was too long"
    ),
    "database_slow": Wording("We asked your store to send again", "Sent again later", "The database was slow"),
    "database_away": Wording("We asked your store to send again", "Sent again later", "The database was away"),
    "disk_full": Wording("We asked your store to send again", "Sent again later", "The disk was nearly full"),
    "inbox_full": Wording("We asked your store to send again", "Sent again later", "Too many deliveries waited"),
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
    # Bringing data along: why a row of a file was not taken
    "cells_unclear": Wording(
        "The row can't be read",
        "A row of a file could not be read",
        "Its cells can't be told apart; the detail says why",
        remedy="Correct the row as its detail says and bring the file again.",
    ),
    "cell_empty": Wording(
        "A cell is empty",
        "A cell of a file is empty",
        "A column that is needed is empty in this row",
        remedy="Fill it in and bring the file again.",
    ),
    "handle_unreadable": Wording(
        "The creator's handle can't be read",
        "A handle could not be read",
        "The creator's cell is no handle",
        remedy="Write it as in the app, like @mira.",
    ),
    "creator_not_found": Wording(
        "No creator here has this handle",
        "A handle that isn't registered",
        "No creator has the handle; none is made by a file",
        remedy="Correct the handle, or register the creator first.",
    ),
    "code_unreadable": Wording(
        "This can't be a code",
        "This can't be a code",
        "A checkout would not take it as a code",
        remedy="Write it as buyers type it.",
    ),
    "code_of_another": Wording(
        "The code is another creator's",
        "The code is not yours",
        "The code is, or was, another creator's in this shop: it never moves by a file",
        remedy="Take another code, or have this one moved, with a reason.",
    ),
    "tag_unreadable": Wording(
        "No old address can be read here",
        "An old link could not be read",
        "Nothing usable behind the last slash",
        remedy="Give the whole link, or what stands behind its last slash.",
    ),
    "tag_of_another": Wording(
        "This old address leads somewhere else already",
        "An old link leads somewhere else",
        "The tag is taken by another link; tags are never reused",
        remedy="Take the row out if what stands here is right.",
    ),
    "tag_is_a_code": Wording(
        "One of our links has this very code",
        "An old link reads like one of ours",
        "Read as a code of ours it is one",
        remedy="Take the row out: the address is in use.",
    ),
    "product_not_found": Wording(
        "The catalog has no such product",
        "The product isn't in the list",
        "No listing of the shop has this product id",
        remedy="Use the store's own id of the product, and sync the catalog first.",
    ),
    "variant_not_found": Wording(
        "The product has no such variant",
        "The variant isn't in the list",
        "The variant isn't there, or is another product's",
        remedy="Correct the id, or leave the cell empty.",
    ),
    "content_incomplete": Wording(
        "A video needs network and reference",
        "A video was named by half",
        "Network and content go together; kind is video or live",
        remedy="Fill in both, or leave both empty.",
    ),
    "content_is_another": Wording(
        "It is known as the other kind",
        "A video and a live session were mixed up",
        "The content is known here as the other kind",
        remedy="Write video or live as it is known.",
    ),
    "currency_not_iso": Wording(
        "This is no currency",
        "A currency could not be read",
        "Not a code of ISO 4217, or one without a minor unit",
        remedy="Write three letters like EUR.",
    ),
    "amount_unreadable": Wording(
        "This is no exact amount",
        "An amount could not be read",
        "Not a plain decimal with at most the currency's decimals",
        remedy="Write digits like 12.34, with no more decimals than the currency has.",
    ),
    "amount_zero": Wording("Nothing is owed", "Nothing is owed", "The amount is zero", remedy="Leave the row out."),
    "balance_differs": Wording(
        "This balance was taken with another sum",
        "A balance from before differs",
        "Taken before under this key with another meaning: nothing is changed by a file",
        remedy="If the new sum is right, bring the difference in a row with a ref of its own.",
    ),
    "twice_in_file": Wording(
        "An earlier row says the same", "Said twice", "An earlier row of the file has the same key and meaning"
    ),
    "contradicts_row": Wording(
        "Two rows contradict each other",
        "Two rows of a file contradict each other",
        "Two rows with one key mean different things: neither is taken",
        remedy="Take the wrong one out and bring the file again.",
    ),
    "opening_balance": Wording(
        "Owed from the programme you had before",
        "Owed to you from before",
        "Opening entry of an import: its report names file and row",
    ),
    # Catalog: items that a run refused whole
    "status_unknown": Wording(
        "Its status in your store is one we don't know",
        "Not for sale right now",
        "The store gives a status that is not in its documentation",
        remedy="Set it to active, draft or archived in your store.",
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
    "event_counted_anew": Wording(
        "Bonus of an event, counted anew",
        "Bonus of an event, counted anew",
        "Something from before the event's close was heard of later: the difference",
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
    "invoice_overdue": "Finance reminds the merchant, or records the receipt if it came.",
    "batch_awaits_second": "A second person of finance approves or refuses the batch.",
    "batch_not_sent": "Finance sends the batch, or refuses it so that its money is settled again.",
    "payout_not_confirmed": "Finance reads the bank's list of outcomes in, or asks the bank.",
    "payout_unknown": "Finance asks the bank by the payout's id, then records the outcome. Don't send it again.",
    "freeze_past_its_end": "See whether a worker runs; it ends freezes by rule.",
    "appeal_unanswered": "Whoever froze it reads the appeal, then lifts the freeze or forfeits the money.",
}


def staff_do(code: str) -> str:
    """What staff do about a finding; empty when there is nothing to do."""
    return STAFF_DO.get(code, "")


def reason(code: str, audience: Audience, slots: Mapping[str, Any] | None = None) -> str:
    """The code in the reader's words. An unknown code is shown as it stands, so that nothing is hidden."""
    wording = REASONS.get(code)
    if wording is None:
        return _of_catalog(code, audience) or code.replace("_", " ").capitalize()
    exact: str = getattr(wording, f"{audience}_exact")
    known = {name: value for name, value in (slots or {}).items() if value not in (None, "")}
    if exact and all(name in known for _, name, _, _ in Formatter().parse(exact) if name):
        return exact.format_map(known)
    plain: str = getattr(wording, audience)
    return plain


def lowered(said: str) -> str:
    """A wording inside a sentence: its first letter small, unless it begins with a name of ours."""
    return said if said[:2] in ("D1", "I ") else said[:1].lower() + said[1:]


def remedy(code: str) -> str:
    """What the merchant can do about a refused or unsold product; empty when nothing."""
    if code in shoppable.REASONS:
        return shoppable.REASONS[code].remedy
    if code in findings.WORDS:
        return findings.WORDS[code].remedy
    if code in refusals.CAUSES and code not in REASONS:
        return refusals.CAUSES[code].remedy
    wording = REASONS.get(code)
    return wording.remedy if wording else ""


def _of_catalog(code: str, audience: Audience) -> str:
    """Why a product isn't in the list: the catalog keeps these words beside the rule that gives them."""
    known = shoppable.REASONS.get(code) or findings.WORDS.get(code) or refusals.CAUSES.get(code)
    if known is None:
        return ""
    return "Not for sale right now" if audience == "creator" else known.title.rstrip(".")


def paid_to(shown: Mapping[str, str], rail: str = "") -> str:
    """Where a creator's money goes, masked: all ways, or the one that a rail uses. "" when there is none."""
    ways = [
        (("csv", "sepa"), "iban", "account ending {}"),
        (("csv",), "account", "account ending {}"),
        (("mass",), "email", "{}"),
        (("stripe",), "stripe", "Stripe account ending {}"),
    ]
    found = [text.format(shown[way]) for rails, way, text in ways if shown.get(way) and (not rail or rail in rails)]
    return ", ".join(found)
