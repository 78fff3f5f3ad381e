"""What each reason code means, in full: for its page at `/reasons/<code>`, which every shown code leads to.

`words.py` says a reason in one line to three readers; here it is explained to whoever asks further: what happened, who
can mend it, what they do, and an example with numbers where numbers make it plain. The figures of the examples are
those of the product: `tests/web/test_reasons.py` works them out again.

The page is public and about the rule, never about a case: it names nobody, and no order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from connector.commerce.catalog import refusals, shoppable
from connector.insight.feeds import findings
from connector.web import words

Who = Literal["merchant", "creator", "support", "runner", "itself", "rule"]

WHO: dict[Who, str] = {
    "merchant": "The merchant",
    "creator": "The creator",
    "support": "Support",
    "runner": "Whoever runs the app",
    "itself": "Nobody has to: it settles by itself",
    "rule": "Nobody: this is how the rule is meant",
}
# In the order in which the list shows them: the way of an order, then what stands beside it.
GROUPS: dict[str, str] = {
    "credit": "Who is credited",
    "stop": "Why an order or a line pays nothing",
    "rate": "Which rate counts",
    "refund": "Refunds and changes of an order",
    "clearing": "When money clears",
    "payout": "Statements and payouts",
    "books": "Entries in the books",
    "check": "Standing checks",
    "carrier": "How a tap travels to the order",
    "delivery": "Messages from stores",
    "shop": "A shop and its permission",
    "proof": "The daily comparison with the store",
    "import": "Bringing data along",
    "privacy": "Privacy requests",
    "product": "Why a product is not in the list",
    "feed": "Product feeds",
    "other": "Everything else",
}


@dataclass(frozen=True, slots=True)
class Explained:
    """A reason in full. `todo` is what `who` does; "" where there is nothing to do."""

    group: str
    who: Who
    means: str
    todo: str = ""
    example: str = ""


def explain(code: str) -> Explained:
    """The explanation of a code. One that has none of its own yet is explained by what its three readers are told."""
    found = EXPLAINED.get(code)
    if found is not None:
        return found
    wording = words.REASONS.get(code)
    if wording is None:
        return _of_catalog(code)
    who: Who = "merchant" if wording.remedy else "support" if code in words.STAFF_DO else "rule"
    return Explained("other", who, f"{wording.support}.", wording.remedy or words.staff_do(code))


def _of_catalog(code: str) -> Explained:
    """The catalog and the feeds keep title and remedy beside the rule that gives the code."""
    if code in findings.WORDS and code not in shoppable.REASONS and code not in refusals.CAUSES:
        told = findings.WORDS[code]
        return Explained("feed", "merchant", f"{told.title.rstrip('.')}.", told.remedy)
    known = shoppable.REASONS.get(code) or refusals.CAUSES[code]
    return Explained("product", "merchant", known.title, known.remedy)


def known(code: str) -> bool:
    return code in words.REASONS or code in shoppable.REASONS or code in findings.WORDS or code in refusals.CAUSES


def every_code() -> list[str]:
    """All codes that have a page, in no order."""
    return list(dict.fromkeys([*words.REASONS, *shoppable.REASONS, *refusals.CAUSES, *findings.WORDS]))


def grouped() -> dict[str, list[str]]:
    """Group → codes, groups in the order of `GROUPS`, codes by name."""
    found: dict[str, list[str]] = {group: [] for group in GROUPS}
    for code in sorted(every_code()):
        found[explain(code).group].append(code)
    return {group: codes for group, codes in found.items() if codes}


_BY_RULE = "The rule is the same for every creator and every shop, so that nobody has to ask who decided."

EXPLAINED: dict[str, Explained] = {
    # Who is credited ----------------------------------------------------------------------------------------------
    "manual": Explained(
        "credit", "rule",
        "The merchant assigned this line to a creator by hand. The act is kept with who did it, when and why, and it "
        "stands before every tap and code.",
        "If it was assigned to the wrong one, the merchant assigns it anew: the difference is booked, nothing is edited.",
        "A line of €40.00 at 15.00 % is assigned to Mira after the sale: she earns €6.00, at the rate of the order's day.",
    ),
    "code": Explained(
        "credit", "rule",
        "The buyer used a creator's discount code, and it applied to this line. A code is a full touch by itself: no "
        "tap is needed before it, and it counts before taps. Its discount lowers the base first.",
        example="Tal's code takes 10 % off a line of €40.00: the base is €36.00. At Tal's 15.00 % that is €5.40. Mira, "
        "whose link was tapped before, earns nothing on this line.",
    ),
    "last_click_direct": Explained(
        "credit", "rule",
        "The latest tap on this very product, in whatever variant, that came before the order and inside its window. "
        "Its creator, and the video or live session behind it, earn the line.",
        example="A line of $40.00 with $3.20 tax on top and $5.00 shipping: the base is $40.00, since tax and shipping "
        "are no part of it. At 15.00 % that is $6.00.",
    ),
    "cart_carry": Explained(
        "credit", "rule",
        "The product went into the cart inside the window of a creator's tap, and the order came later, inside the days "
        "that the shop gives a cart. The days are counted from the moment it was put there.",
    ),
    "last_click_indirect": Explained(
        "credit", "rule",
        "The creator's tap was on another product of the same shop. Shops may pay for that, at a share of the bought "
        "product's own rate; it is off unless the shop turns it on.",
        example="The bought product pays 15.00 %, the shop's share for indirect sales is 50 %: 7.50 % of a base of "
        "€40.00 is €3.00.",
    ),
    "lifetime": Explained(
        "credit", "rule",
        "The buyer is bound to the creator who first brought them to this shop. It counts only where no code and no tap "
        "does, and only in shops that turned it on.",
    ),
    "outranked_by_code": Explained(
        "credit", "rule",
        "A tap of this creator was there and would have counted, but the buyer used another creator's code on the line. "
        "One line pays one creator; the code comes first.",
    ),
    "outranked_by_later_click": Explained(
        "credit", "rule",
        "A tap of this creator was there and would have counted, but a later tap on the same product came before the "
        "order. One line pays one creator: the latest.",
        example="A line of €16.67: X was tapped on Monday, Y on Wednesday, the order came on Friday. At Y's 20.00 % Y "
        "earns €3.33 and X nothing on this line.",
    ),
    "no_touch": Explained(
        "credit", "creator",
        "Nothing on the order leads to a creator: no tap of theirs that belongs to this buyer, and no code.",
        "Where you are sure that a buyer came through you, look whether your link was copied whole. Support sees which "
        "ways of carrying a tap survived on this order.",
    ),
    "window_expired": Explained(
        "credit", "rule",
        "There was a tap, and it was too old when the order came. The window is the one that was in force when the "
        "buyer tapped, 14 days unless the shop says otherwise; a change of it never reaches back.",
        example="A tap on 1 November at 12:00:00 counts for an order until 15 November at 12:00:00. At 12:00:01 it does "
        "not any more: €0.00 instead of €6.00.",
    ),
    "touch_invalid": Explained(
        "credit", "support",
        "A tap was there and can't count: its mark was forged or damaged, it came from a known robot, or too many came "
        "from one device in a minute.",
        "Support sees which of these it was. A damaged mark comes as a rule from a theme or an app that changes links.",
    ),
    "too_late": Explained(
        "credit", "runner",
        "We heard of the tap later than the shop's grace after the order, 24 hours unless it says otherwise. Until then "
        "a decision is open; afterwards it is final, so that nobody's pay changes weeks later.",
        "The app sends taps as they happen. If many come too late, something holds them back there.",
    ),
    "after_order": Explained("credit", "rule", "The tap came when the order had been placed already: it led to nothing."),
    "other_product": Explained(
        "credit", "merchant",
        "The creator's tap was on another product than the one that was bought, and the shop doesn't pay for that.",
        "A shop that wants to pay for it turns on indirect sales in its settings, for orders from then on.",
    ),
    "over_rate": Explained(
        "credit", "rule",
        "More taps came from one device in a minute than a person can make. They are kept and never credited.",
    ),
    "first_seen_at_checkout": Explained(
        "credit", "rule",
        "The tap first appeared when the buyer stood at the shop's own checkout, as coupon extensions make it, and an "
        "earlier creator's tap stands. The earlier one keeps the sale.",
    ),
    "at_checkout": Explained(
        "credit", "rule",
        "The tap came from the shop's own pages. It counts only where no earlier tap of another creator stands.",
    ),
    "code_leaked": Explained(
        "credit", "creator",
        "The code was found in public: used by many buyers without any tap before, or followed from a coupon site. From "
        "then on it counts no more; orders from before keep what they paid. The line falls to the latest tap.",
        "Ask the shop for a new code and keep it to your own audience. If you think that the flag is wrong, tell support.",
        "A line of €40.00 with 10 % off by Tal's code; Mira's tap stands at 10.00 %. With the code flagged before the "
        "order Mira earns €3.60 of the base of €36.00, Tal nothing.",
    ),
    "token_shared": Explained(
        "credit", "support",
        "One tap's mark came back on orders of more than three customers, so it was passed on. The order goes to review, "
        "and what else was tapped on that journey isn't used.",
        "Support looks whether the link was shared in good faith, a group chat for example, and decides.",
    ),
    "hasty_order": Explained(
        "credit", "rule", "The order came within 2 seconds of the tap. It is paid, and shown to people, since hands are slower."
    ),
    "not_evaluated": Explained(
        "credit", "itself", "We heard of the order and have not worked it out yet. A worker does, in seconds as a rule.",
    ),
    # Why it pays nothing ------------------------------------------------------------------------------------------
    "creator_ineligible": Explained(
        "stop", "creator",
        "The creator that the line would be credited to could not earn then: the account was suspended or closed when "
        "the order came, or a threshold was missed when the buyer tapped. The next one in line does not inherit it.",
        "Your status and its dates stand in the app. Orders from after it is mended earn again; earlier ones stay.",
    ),
    "self_purchase": Explained(
        "stop", "rule",
        "Buyer and creator are the same person, by a keyed hash of e-mail address, telephone or payment, which was "
        "compared once and never kept in the clear. " + _BY_RULE,
        example="Mira buys the throw of €49.80 through her own link: €0.00.",
    ),
    "frozen_review": Explained(
        "stop", "creator",
        "Something about the buyer looks like the creator, without proof. The money waits, nobody is accused, and a "
        "person decides. A freeze has a reason and a date until when you may explain; it ends by rule, not by silence.",
        "Say what you know of it before that date: a family member, a shared address.",
    ),
    "store_disconnected": Explained(
        "stop", "merchant",
        "The shop had left when the order was placed. What was earned before matures on the last facts that we had.",
        "Connect the shop again: orders from then on earn.",
    ),
    "test_order": Explained("stop", "rule", "The store marks it as a test: nobody bought anything."),
    "not_completed": Explained(
        "stop", "itself", "It is a draft, and no order until somebody completes it. Then it is worked out like any other."
    ),
    "sample_order": Explained("stop", "rule", "The shop sent the goods for free to be shown. A sample has no base."),
    "order_cancelled": Explained(
        "stop", "rule",
        "The order was cancelled at the store: nothing is due from that moment on, whatever is refunded later.",
        example="A cancelled order that had earned €6.00 stands at €0.00 at once; a refund that follows takes back nothing more.",
    ),
    "awaiting_payment": Explained(
        "stop", "itself",
        "The buyer has not paid yet. What is shown is an estimate; it becomes pending when the payment arrives.",
    ),
    "partially_paid": Explained(
        "stop", "itself", "A part is paid: the commission is pending, and clears only when all of it is paid."
    ),
    "not_collected": Explained(
        "stop", "rule", "The payment was voided or has expired: no money came, so none is due, also where it was paid before."
    ),
    "line_excluded": Explained(
        "stop", "rule",
        "Gift cards, tips, fees and shipping earn nothing, nor does a product that the shop took out. Buying a gift card "
        "pays nothing so that the same money isn't paid twice; paying with one changes nothing.",
        example="€50.00, of which 30.00 is paid with a gift card, at 10.00 %: €5.00. The gift card itself, when bought: €0.00.",
    ),
    "zero_base": Explained(
        "stop", "rule",
        "Discounts made the line free. It is recorded at zero, so that it doesn't look forgotten.",
        example="A line of €40.00 with a code for 100 %: base €0.00, commission €0.00.",
    ),
    "no_plan": Explained(
        "stop", "merchant",
        "The shop offered no commission on this product, neither when the buyer tapped nor when the order came: no "
        "agreement with the creator, no open rate, no default of the shop.",
        "Set a rate for the product or for the whole shop. It counts for taps and orders from then on, never backwards.",
    ),
    # Rates --------------------------------------------------------------------------------------------------------
    "rate_targeted": Explained(
        "rate", "rule",
        "The rate that this creator agreed on with the shop. It stands before the open rate even where it is lower: an "
        "agreement is an agreement. Of the rates at the tap and at the order the higher one counts.",
        example="The open rate is 15.00 %; Mira accepted 8.00 % before the tap. A base of €40.00 earns €3.20.",
    ),
    "rate_open": Explained(
        "rate", "rule",
        "The rate that the shop offers to every creator. Of the rates at the tap and at the order the higher one counts. "
        "After a cut, whoever promoted the product before keeps the old rate for 30 days.",
        example="15.00 % is cut to 12.00 %. On a base of €40.00 a creator who promoted before earns €6.00 on day 20 and "
        "€4.80 on day 31; a new creator earns €4.80 at once.",
    ),
    "rate_store": Explained(
        "rate", "rule",
        "The shop's default rate: there was neither an agreement with the creator nor an open rate for the product.",
    ),
    "rate_ads": Explained(
        "rate", "rule",
        "The tap came through an ad of the shop, and its terms have a rate for that. It takes the place of the standard "
        "rate within the terms that count; it has no protection after a cut.",
    ),
    # Refunds and edits --------------------------------------------------------------------------------------------
    "refunded": Explained(
        "refund", "rule",
        "The buyer got money back for the line. Commission goes back in the same proportion, at the rate that it was "
        "earned at; a full refund ends at exactly zero.",
        example="3 × €19.99 at 12.00 %: €7.20. One unit back takes €2.40, the second another €2.40, the third the last €2.40.",
    ),
    "refund_pending": Explained(
        "refund", "itself",
        "The store recorded a refund, and its payment has not gone through yet. Commission is taken back at once; if the "
        "payment fails it stands again.",
    ),
    "refund_failed": Explained(
        "refund", "itself", "The refund's payment failed: the buyer got nothing, so what was taken back stands again."
    ),
    "refund_undone": Explained("refund", "itself", "A refund failed after all: its reversal was booked back."),
    "refund_exceeds_base": Explained(
        "refund", "merchant",
        "More was given back than the line was worth, for instance goodwill first and the return afterwards. Commission "
        "goes to zero and never below.",
        "Look at the order in your store if it wasn't meant so. Nothing is held up by it.",
    ),
    "refund_amount_unknown": Explained(
        "refund", "support",
        "The store says that money went back, and not how much. The line waits until a person enters the amount.",
        "Support asks the merchant for the amount and enters it with a note where it comes from.",
        "€4.00 go back without an item, over a base of €30.00 at 10.00 % and another of €10.00 that is nobody's: 3.00 "
        "of it fall on the first line, which earns €2.70 instead of €3.00.",
    ),
    "removed_by_edit": Explained(
        "refund", "rule",
        "The merchant changed the order and took units out. They are reversed like returned ones; lines added instead "
        "are new earnings, with the taps from before the order.",
        example="Lines of €20.00 and €15.00 at 10.00 % earn €3.50. The second is taken out for one of €10.00 at 12.00 %: "
        "€2.00 and €1.20, together €3.20.",
    ),
    "line_vanished": Explained("refund", "rule", "The line isn't in the order any more: nothing is due on it."),
    "dispute": Explained(
        "refund", "itself",
        "The buyer disputes the payment with their bank. The money waits; won, it is released, lost, it counts as given back.",
        example="€6.00 pending: frozen while the dispute is open, released when it is won, reversed to €0.00 when it is lost.",
    ),
    "return": Explained(
        "clearing", "itself", "A return is open at the store. The line clears when it is closed, if something is left of it.",
        example="Delivered on 1 November with 15 days of hold; a return is opened on the 14th and closed on the 25th without "
        "a refund: it clears on 25 November, not on the 16th.",
    ),
    # Clearing -----------------------------------------------------------------------------------------------------
    "delivered": Explained(
        "clearing", "itself", "The store says that it was delivered: the hold, 15 days unless the shop says otherwise, runs from then.",
    ),
    "fulfilled": Explained(
        "clearing", "itself", "The store says that it was sent and not that it arrived: ten days count as the way, then the hold."
    ),
    "digital": Explained("clearing", "itself", "There is nothing to deliver: the hold runs from the payment."),
    "no_delivery_signal": Explained(
        "clearing", "merchant",
        "Nothing was heard of sending or delivery for 45 days after the payment, so it clears without. It is listed for "
        "a month, since somebody may want to ask.",
        "Mark orders as sent in your store: commission then clears by the real delivery.",
    ),
    "waits_for_delivery_signal": Explained(
        "clearing", "merchant",
        "The shop chose to wait for a sign of delivery, and there is none yet.",
        "Mark the order as sent in your store.",
    ),
    "hold_over": Explained("clearing", "rule", "The hold is over and nothing is open: the money is cleared and goes into the next statement."),
    "not_cleared_yet": Explained("clearing", "itself", "Its hold is over; the next round of clearing takes it, within minutes as a rule."),
    "store_busy": Explained(
        "clearing", "itself", "Before anything clears the order is read once more, and the store asks us to come later. We do."
    ),
    "store_away": Explained(
        "clearing", "itself", "Before anything clears the order is read once more, and the store doesn't answer. We ask again."
    ),
    "order_unreadable": Explained(
        "clearing", "support", "Before anything clears the order is read once more, and the answer can't be read.",
        "Support passes the place that stands with it to an engineer; nothing is lost meanwhile.",
    ),
    "not_shown": Explained(
        "clearing", "rule", "The store no longer shows the order, so the last facts that it gave us stand."
    ),
    "deep_look": Explained("clearing", "rule", "It was read again by a daily or weekly look, to see that nothing was missed."),
    # Payouts ------------------------------------------------------------------------------------------------------
    "period_closed": Explained("payout", "rule", "The period was closed: what had cleared by then is in a statement, and stays there."),
    "batch_prepared": Explained("payout", "itself", "The balance was put into a payout, which is on its way to the bank or the rail."),
    "batch_paid": Explained("payout", "rule", "The payout was confirmed as paid."),
    "below_minimum": Explained(
        "payout", "itself",
        "The sum over all shops is below the least amount that is paid out in this currency. It is carried forward.",
        example="€24.50 with a minimum of €25.00: nothing is paid, the missing €0.50 is shown, and the €24.50 stay yours.",
    ),
    "negative_balance": Explained(
        "payout", "itself",
        "More was taken back after a payout than was earned since. It is carried until new earnings cover it; shops are "
        "never set off against each other.",
        example="Paid €6.00, then refunded; the next sale earns €4.50: the balance is −€1.50, and nothing is paid until it is above zero.",
    ),
    "unfunded": Explained(
        "payout", "merchant",
        "The commission is earned and in a statement, and the merchant's invoice for it is not paid yet.",
        "Pay the invoice; whoever waits for it is paid with the next batch.",
    ),
    "creator_unknown": Explained(
        "payout", "support", "A balance stands for somebody we don't know: a person must look before anything is paid.",
        "Support finds out whose it is. It stays where it is meanwhile.",
    ),
    "ledger_refused": Explained(
        "books", "runner", "The books didn't take an entry, so everything that belonged to it was undone.",
        "An engineer looks at the log under the reference. No sum was changed.",
    ),
    "credit_moved": Explained("books", "rule", "Before its decision was final the line's winner changed: it was booked from one creator to the other."),
    "recomputed": Explained(
        "books", "rule",
        "Newer facts or the rounding of a group changed what is due by a little: the difference was booked.",
        example="c = 100 on a base of 999, refunded in three parts of 333: −33, −34 and −33 in minor units, together −100.",
    ),
    "opening_balance": Explained(
        "books", "rule", "What the shop still owed the creator from the programme it had before, brought along by the merchant.",
        "If a sum is wrong, bring a row with its own ref and the difference: what was booked is never changed.",
    ),
    # Standing checks ----------------------------------------------------------------------------------------------
    "decision_changed": Explained(
        "check", "support",
        "Worked out now, the line would be decided otherwise than when its decision became final, and no recorded act "
        "explains it. Nothing is booked: what was decided stays.",
        "Finance looks at the order. Only an act with a reason, a preview and a name changes it.",
    ),
    "not_considered": Explained(
        "check", "support", "A tap that fits an order was not looked at: it reached us after the decision, or its mark was not read.",
        "Support previews a replay of the order: it takes the tap up if it still may.",
    ),
    "token_bent": Explained(
        "check", "merchant", "A creator's mark came back from the store damaged: its capital letters or its end were lost on the way.",
        "Place a test click from the dashboard: it shows which part of your theme or which app changes it.",
    ),
    "link_unknown": Explained(
        "check", "creator", "Somebody followed a link that we never gave out, or that lost a letter on its way.",
        "Copy your link again where you posted it.",
    ),
    "code_like_a_creator": Explained(
        "check", "merchant", "A discount code on orders reads like a creator's handle and is no code of theirs here: it credits nobody.",
        "If it is meant for the creator, make it theirs: it counts for orders from then on.",
    ),
    "credited_twice": Explained(
        "check", "support", "Two creators hold money of one line at once, which should never be.",
        "Support previews a replay, then finance looks. Nothing is paid out of it meanwhile.",
    ),
    "posted_too_much": Explained(
        "check", "support", "The books hold more on a line than its newest working-out says is due.",
        "Support previews a replay of the order: it books the difference.",
    ),
    "posted_too_little": Explained(
        "check", "support", "The books hold less on a line than its newest working-out says is due.",
        "Support previews a replay of the order: it books the difference.",
    ),
    "cleared_twice": Explained(
        "check", "runner", "More was cleared on a line than was pending on it.",
        "The shop's next payout is stopped until an engineer has looked.",
    ),
    "shop_twice": Explained(
        "check", "support", "One store stands here as two shops, so each order would be heard, and paid, twice.",
        "Support disconnects the one that hears nothing; the store's old address leads to the other.",
    ),
    "order_twice": Explained(
        "check", "merchant", "Two orders of a shop have one number, and both pay. An import or a draft may have made the second.",
        "Look at both in your store, and tell support if one of them is none.",
    ),
    "paid_twice": Explained(
        "check", "support", "The books handed out, or confirmed, another sum than the payout says.",
        "Finance compares it with the bank before anything is sent again.",
    ),
    # Carriers -----------------------------------------------------------------------------------------------------
    "signature_wrong": Explained(
        "carrier", "support", "A mark on the order is not one of ours: made up, or cut short.",
        "Support checks whether a key was taken out too early; a forged one simply doesn't count.",
    ),
    "other_shop": Explained("carrier", "creator", "The tap belongs to another shop.", "Use each shop's own link."),
    "unknown": Explained(
        "carrier", "runner", "The mark is ours, and the tap behind it isn't kept here.",
        "See whether a backup was restored, or a tap was erased.",
    ),
    "token_mended": Explained(
        "carrier", "itself", "A mark lost or gained characters on its way and could still be read for certain."
    ),
    "trial_click": Explained("carrier", "rule", "It is the merchant's own test click: it shows that marks arrive, and earns nobody anything."),
    # Messages from stores -----------------------------------------------------------------------------------------
    "bad_signature": Explained(
        "delivery", "rule", "A message claimed to come from a store and its signature was wrong. It was refused and only counted.",
    ),
    "unknown_store": Explained(
        "delivery", "itself", "A rightly signed message from a store that isn't connected. It is kept for 7 days, in case it is about to connect."
    ),
    "unknown_store_gone": Explained("delivery", "rule", "Its store was not connected within 7 days, so the message is gone."),
    "duplicate_delivery": Explained("delivery", "rule", "The same message came again, as stores do. It counts once."),
    "stale_version": Explained("delivery", "rule", "An older state of the order came after a newer one. The newer one stands; refunds in the older one still count."),
    "parked_orphan": Explained(
        "delivery", "itself", "A refund or an edit came before its order. It waits and applies when the order arrives.",
        example="The refund of a sale of €6.00 commission comes first: it waits. With the order both are booked, +€6.00 and −€6.00.",
    ),
    "unrecognised": Explained(
        "delivery", "runner", "The store sent a kind of message that we neither read nor ignore on purpose.",
        "An engineer decides what to do with the kind. Nobody lost anything meanwhile.",
    ),
    "unreadable": Explained(
        "delivery", "support", "A part of the message has another shape than the store promises.",
        "Support passes on the place that stands with it, and replays the message after the fix.",
    ),
    "refused": Explained(
        "delivery", "merchant", "A part of it can't be taken, so none of it is: half a product would be sold wrongly.",
        "The detail names the field. Correct it in your store; the next sync takes it.",
    ),
    "translator_broke": Explained(
        "delivery", "runner", "A fault of ours while reading the message. It is tried again, then put aside for a person.",
        "An engineer looks; the message is kept and replayed.",
    ),
    "body_gone": Explained("delivery", "itself", "The message is older than we keep them. The store is read instead."),
    "body_erased": Explained("delivery", "rule", "The message was erased on a privacy request. Amounts stay, persons don't."),
    "cut_by_the_store": Explained("delivery", "itself", "The store sent only a part of the product, so it is read whole."),
    "stock_comes_with_product": Explained("delivery", "rule", "Stock comes with the product's own message: nothing to do."),
    "before_last_install": Explained("delivery", "rule", "It is from before the shop was connected again, and says nothing about today."),
    "privacy_request": Explained("delivery", "itself", "A request about a person's data. It has a page with its deadline and, in the end, the proof."),
    "other_shops_ids": Explained(
        "delivery", "support", "The message names an order, product or shop that is known under another shop.",
        "A person looks before anything of it is used.",
    ),
    "other_shops_body": Explained(
        "delivery", "support", "The message's content names another shop than its head does.",
        "A person looks before anything of it is used.",
    ),
    "discarded": Explained("delivery", "rule", "A person looked at it in quarantine and put it aside."),
    "topic_ignored": Explained("delivery", "rule", "A kind of message that we need nothing from."),
    "too_large": Explained("delivery", "runner", "The message was larger than we take.", "Raise the limit if stores have reason to send such."),
    "conflict": Explained("delivery", "itself", "Something moved at the same moment: it is tried again."),
    "platform_busy": Explained("delivery", "itself", "The store limits how often we may ask. We wait as long as it says."),
    "platform_down": Explained("delivery", "itself", "The store doesn't answer. We ask again, less and less often."),
    "platform_refused": Explained(
        "delivery", "runner", "The store says that what we asked is wrong or not permitted.", "An engineer looks at the call."
    ),
    "not_found": Explained("delivery", "rule", "What the message is about isn't there any more."),
    "line_too_long": Explained("delivery", "itself", "Too many messages waited to be written, so the store was asked to send again. It does."),
    "database_slow": Explained("delivery", "itself", "Our database was slow, so the store was asked to send again. It does."),
    "database_away": Explained("delivery", "runner", "Our database was away, so stores were asked to send again.", "Bring it back; nothing is lost."),
    "disk_full": Explained("delivery", "runner", "The disk was nearly full, so stores were asked to send again.", "Make room."),
    "inbox_full": Explained("delivery", "runner", "Too many messages waited for a worker.", "Start another worker; stores send again."),
    # Shops --------------------------------------------------------------------------------------------------------
    "grant_lost": Explained(
        "shop", "merchant", "The store withdrew our permission.", "Open the app in your store's admin: that connects it again, and what was missed is fetched."
    ),
    "scopes_missing": Explained(
        "shop", "merchant", "The store did not grant all that we asked for.", "Connect again and agree to all of it; the detail names what is missing."
    ),
    "currency_changed": Explained(
        "shop", "support", "The store's currency is not what it was. Orders stay in theirs; nothing is converted by itself.",
        "A person looks with the merchant, and accepts the new currency.",
    ),
    "disconnected": Explained("shop", "merchant", "The shop was disconnected here.", "Connect it again to earn from then on."),
    "erased": Explained("shop", "rule", "The shop's data was erased on its request. Its books stay: they hold no person."),
    "uninstalled": Explained("shop", "merchant", "The app was removed in the store.", "Install it again to earn from then on."),
    # Proof --------------------------------------------------------------------------------------------------------
    "missing_here": Explained("proof", "itself", "An order is at the store and not here. It is fetched at the next try."),
    "older_here": Explained("proof", "itself", "An order is newer at the store than here. It is fetched at the next try."),
    "not_listed": Explained("proof", "itself", "An order is here, and the store's list of the day doesn't show it yet. It is asked again."),
    "unreadable_here": Explained(
        "proof", "support", "An order could not be read anew.", "A person looks where the reason stays after the next tries."
    ),
    # Privacy ------------------------------------------------------------------------------------------------------
    "shop_came_back": Explained("privacy", "rule", "The shop connected again before its data was to be erased, so nothing was."),
    "older_than_last_leave": Explained("privacy", "rule", "A later leaving of the shop has a request of its own, which is answered instead."),
    "erased_since": Explained("privacy", "rule", "What it asked about was erased meanwhile."),
    "waits_for_pin": Explained("privacy", "itself", "Messages are erased. Hashes follow when the decisions of these orders are final, within a day."),
    "called_off": Explained("privacy", "rule", "A person called the request off and said why."),
    # Bringing data along ------------------------------------------------------------------------------------------
    "row_unreadable": Explained("import", "merchant", "The row's cells can't be told apart.", "Correct the row as its detail says and bring the file again."),
    "cell_empty": Explained("import", "merchant", "A cell that is needed is empty.", "Fill it in and bring the file again."),
    "handle_unreadable": Explained("import", "merchant", "The creator's cell is no handle.", "Write it as in the app, like @mira."),
    "creator_not_found": Explained(
        "import", "merchant", "No creator here has this handle. None is made: a slip of the pen would become a person.",
        "Correct the handle, or let the app register the creator first; then bring the file again.",
    ),
    "code_unreadable": Explained("import", "merchant", "A store's checkout would not take this as a code.", "Write it as buyers type it."),
    "code_of_another": Explained(
        "import", "merchant", "The code is, or was, another creator's here. A code never moves by a file.",
        "Take another code, or let support move this one, with a reason that stays beside it.",
    ),
    "tag_unreadable": Explained("import", "merchant", "No old address can be read in the cell.", "Give the whole link, or what stands behind its last slash."),
    "tag_of_another": Explained(
        "import", "merchant", "This old address leads somewhere else here already. An address is never used twice.",
        "Take the row out if what stands here is right; tell support if it is not.",
    ),
    "tag_is_a_code": Explained("import", "merchant", "One of our own links has this very code.", "Take the row out: the address is in use."),
    "product_not_found": Explained(
        "import", "merchant", "The catalog has no product with this id.", "Use the store's own id of the product, and sync the catalog first."
    ),
    "variant_not_found": Explained("import", "merchant", "The product has no variant with this id.", "Correct the id, or leave the cell empty."),
    "content_incomplete": Explained("import", "merchant", "A video is named by network and reference together.", "Fill in both, or leave both empty."),
    "content_is_another": Explained("import", "merchant", "The reference is known here as the other kind.", "Write video or live as it is known."),
    "currency_not_iso": Explained("import", "merchant", "It is no currency of ISO 4217.", "Write three letters like EUR."),
    "amount_unreadable": Explained(
        "import", "merchant", "It is no exact amount of its currency.", "Write digits like 12.34, with no more decimals than the currency has.",
        "1.005 USD is refused, for a dollar has two decimals; 1.005 KWD is taken, for a Kuwaiti dinar has three.",
    ),
    "amount_zero": Explained("import", "merchant", "Nothing is owed.", "Leave the row out."),
    "balance_differs": Explained(
        "import", "merchant", "This balance was taken before, with another sum or for somebody else. What is booked is never changed.",
        "If the new sum is right, bring the difference in a row with a ref of its own.",
    ),
    "twice_in_file": Explained("import", "rule", "An earlier row of the file says the same. It counts once."),
    "contradicts_row": Explained(
        "import", "merchant", "Two rows of the file say different things about one code, address or balance. We don't guess which is right: neither is taken.",
        "Take the wrong one out and bring the file again.",
    ),
}  # fmt: skip
