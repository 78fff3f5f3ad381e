"""An order's trace in sentences: the answer first, each line's reason, and the text that support copies for a merchant.

Reads only the value of `operations.trace.trace` (and parts of it), so that console, dashboard and whoever comes next
say the same of one order. Every sentence is made of codes and facts; none is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from connector.web import moments, words
from connector.web.amounts import count, plain, rate
from connector.web.words import Audience, Badge

CONTENT = {"video": "video", "post": "post", "live": "live session"}
ACCOUNTS = {
    "merchant_receivable": "Merchant owes",
    "creator_pending": "Creator, pending",
    "creator_cleared": "Creator, cleared",
    "creator_settled": "Creator, settled",
    "reserve": "Reserve",
    "app_fee": "App fee",
    "payout_in_transit": "Payout under way",
    "bank": "Bank",
    "loss_absorbed": "Loss absorbed",
    "fx": "Conversion",
    "exchange_difference": "Exchange difference",
}
ENTRY_KINDS = {
    "accrual": "Commission accrued",
    "reversal": "Reversed",
    "adjustment": "Adjusted",
    "clearance": "Cleared",
    "settlement": "Settled in a statement",
    "payout": "Handed to a payout",
    "payout_paid": "Paid out",
    "payout_failed": "Payout failed or came back",
    "conversion": "Converted to the payout's currency",
    "exchange": "Exchanged at the app's bank",
    "absorption": "Borne by the app",
    "bonus": "Bonus of an event",
    "flat_fee": "Flat fee for content",
    "reimbursement": "Sample paid back",
    "fee": "App fee",
    "receipt": "Paid in by the merchant",
    "reserve": "Kept in reserve",
    "reserve_release": "Let go of the reserve",
    "opening": "Brought along from before",
}
# What a recorded act says of a line: to the merchant, to the creator, to support. Slots as `act_sentence` fills them.
ACTS: dict[str, dict[Audience, str]] = {
    "manual": {
        "merchant": "Assigned to {creator} by hand",
        "creator": "The shop gave you this line",
        "support": "Assigned to {creator} by hand",
    },
    "leak_backdated": {
        "merchant": "The code {code} counts as public since {since}",
        "creator": "Your code {code} counts as public since {since}",
        "support": "Leak of {code} dated back to {since}",
    },
    "forfeit": {
        "merchant": "Commission withdrawn after a freeze",
        "creator": "Withdrawn after the freeze that you were told of",
        "support": "Forfeited after appeal",
    },
    "binding_moved": {
        "merchant": "The buyer is {creator}'s customer now",
        "creator": "The buyer counts as your customer",
        "support": "Binding moved to {creator}",
    },
    "engine_fix": {
        "merchant": "Worked out anew after a fault of ours",
        "creator": "Worked out anew after a fault of ours",
        "support": "Decided anew after an engine fix",
    },
    "review_passed": {
        "merchant": "Checked and found right",
        "creator": "Checked and found right",
        "support": "Review passed",
    },
    "review_refused": {
        "merchant": "Checked and refused",
        "creator": "Checked and refused",
        "support": "Review refused",
    },
}
# What holds money back until somebody decides or says something; an open return is only waited for.
HELD = frozenset({"freeze", "review", "dispute", "refund_amount_unknown"})
MOMENTS = {"click": "At the tap", "order": "At the order"}
BASES = {
    "ads": "its rate for ads", "event": "an event's rate", "new_buyer": "its rate for new buyers",
    "code": "its rate for orders with a code",
}  # fmt: skip
CARRIERS = {
    "cart_attribute": "cart",
    "line_property": "line",
    "landing_page": "landing page",
    "referral": "referral",
    "order_metadata": "order metadata",
    "code": "discount code",
    "journey": "same journey",
    "store_journey": "store's own journey",
}


def when(text: str | None) -> datetime | None:
    """A time of the trace."""
    return datetime.fromisoformat(text) if text else None


def sentence(trace: Mapping[str, Any], audience: Audience = "support") -> str:
    """Who earns what for how many lines, and why the others pay nothing."""
    answer, order = trace["answer"], trace["order"]
    currency = order["currency"]
    if answer["reason"] == "not_evaluated":
        return "Not evaluated yet: a worker does it with the next message from the shop."
    if answer["reason"] == "awaiting_payment":
        estimate = sum(line["estimate"] for line in trace["lines"])
        names = _names([each["creator"]["name"] for each in answer["creators"]])
        if audience == "creator" and answer["creators"]:
            return f"An estimate of {plain(estimate, currency)} for you: it counts when the buyer has paid."
        if not answer["creators"]:
            return f"Nobody is credited. {words.reason('awaiting_payment', audience)}."
        return f"An estimate of {plain(estimate, currency)} for {names}: it counts when the buyer has paid."
    if answer["reason"]:
        nobody = "You earn nothing on this order." if audience == "creator" else "Nobody earns on this order."
        return f"{nobody} {words.reason(answer['reason'], audience)}.{_borne(trace, None, audience == 'creator')}"
    said = [_earns(each, answer["lines"], trace, audience) for each in answer["creators"]]
    said += _nobody(trace, audience)
    return " ".join(said) or "The order has no lines."


def _earns(credited: Mapping[str, Any], lines: int, trace: Mapping[str, Any], audience: Audience) -> str:
    you = audience == "creator"
    name, number = ("You" if you else credited["creator"]["name"]), credited["lines"]
    earns = f"{name} {'earn' if you else 'earns'}"
    due = plain(credited["due"], trace["order"]["currency"])
    if you:
        # How many lines the buyer's order has is no business of a creator's.
        share = "for one line" if number == 1 else f"for {_number(number)} lines"
    elif lines == 1:
        share = "for the only line"
    elif number == lines:
        share = "for both lines" if lines == 2 else f"for all {_number(lines)} lines"
    else:
        share = f"for {_number(number)} of {_number(lines)} lines"
    back = sum(line["reversed"] for line in trace["lines"] if _creator_id(line) == credited["creator"]["id"])
    borne = _borne(trace, credited["creator"]["id"], you)
    if back and credited["due"] == 0:
        taken = f"all of {plain(back, trace['order']['currency'])} was taken back with refunds"
        return f"{earns} {due} {share}: {taken}.{borne}"
    if back:
        taken = f"{plain(back, trace['order']['currency'])} was taken back with refunds"
        return f"{earns} {due} {share}, after {taken}.{borne}"
    return f"{earns} {due} {share}.{borne}"


def _borne(trace: Mapping[str, Any], creator_id: str | None, you: bool) -> str:
    """What the app bears of it, since a creator (None: whoever) had been paid before it came back; "" for nothing."""
    found = sum(
        -side["amount"]
        for entry in trace["entries"]
        if entry["kind"] == "absorption" and creator_id in (None, (entry["creator"] or {}).get("id"))
        for side in entry["sides"]
        if side["account"] == "creator_cleared"
    )
    if not found:
        return ""
    keeps = "you keep it" if you else "the creator keeps it"
    return f" The app bears {plain(found, trace['order']['currency'])}: it came back after the payout, and {keeps}."


def _nobody(trace: Mapping[str, Any], audience: Audience) -> list[str]:
    """One sentence a reason: lines that nobody is credited for."""
    by_words: dict[str, int] = {}
    for line in trace["lines"]:
        if _creator_id(line) is None:
            said = line_reason(line, trace["order"], audience)
            by_words[said] = by_words.get(said, 0) + 1
    others = bool(trace["answer"]["creators"])
    said_all = ["You earn nothing on this order."] if audience == "creator" and not others and len(by_words) > 1 else []
    for said, number in by_words.items():
        low = words.lowered(said)
        if not others and number == trace["answer"]["lines"]:
            nobody = "You earn nothing" if audience == "creator" else "Nobody earns"
            said_all.append(f"{nobody} on this order: {low}.")
        elif number == 1:
            said_all.append(
                f"The other line pays nothing: {low}." if len(by_words) == 1 else f"One line pays nothing: {low}."
            )
        else:
            said_all.append(f"{_number(number).capitalize()} lines pay nothing: {low}.")
    return said_all


def line_reason(line: Mapping[str, Any], order: Mapping[str, Any], audience: Audience = "support") -> str:
    """Why the line pays what it pays, in the reader's words, with names and ages where they are known."""
    return words.reason(line["reason"], audience, slots(line, order))


def slots(line: Mapping[str, Any], order: Mapping[str, Any]) -> dict[str, str]:
    """The facts that a wording may name."""
    decision = line.get("decision")
    if not decision:
        return {}
    found: dict[str, str] = {}
    if decision["creator"]:
        found["creator"] = decision["creator"]["name"]
        found["winner"] = decision["creator"]["name"]
    if decision["content"]:
        found["content"] = CONTENT.get(decision["content"]["kind"], "content")
    if review := decision.get("review"):
        found["until"] = moments.day(datetime.fromisoformat(review["until"]))
    shown = [each for each in decision["candidates"] if each["outcome"] == line["reason"]]
    if shown:
        found.update(candidate_slots(shown[0], order))
    return found


def candidate_slots(candidate: Mapping[str, Any], order: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    placed, at = when(order["placed_at"]), when(candidate["at"])
    if candidate.get("creator"):
        found["creator"] = candidate["creator"]["name"]
    if placed and at:
        found["age"] = moments.lasting(placed - at)
        found["day"] = moments.day(placed)
    if candidate.get("window_seconds"):
        found["window"] = moments.lasting(timedelta(seconds=candidate["window_seconds"]))
    if candidate.get("outcome") == "creator_ineligible" and candidate.get("why"):
        found["test"] = _test(candidate)
    return found


def _test(candidate: Mapping[str, Any]) -> str:
    """Which test of D16 a creator failed, with its values where it has any."""
    why: str = candidate["why"]
    if why == "country_off":
        return "the programme was off in that country"
    if why.startswith("status_"):
        return f"the account was {why.removeprefix('status_')}"
    needed = candidate.get("followers_needed")
    if needed is not None:
        return f"{count(candidate['followers'])} followers at the tap, {count(needed)} needed"
    return "too few followers at the tap"


def candidate_reason(
    candidate: Mapping[str, Any], line: Mapping[str, Any], order: Mapping[str, Any], audience: Audience = "support"
) -> str:
    """Why one candidate won or lost."""
    if candidate["outcome"] == "won":
        return "Won"
    known = {**candidate_slots(candidate, order), "winner": slots(line, order).get("winner", "")}
    decision = line.get("decision") or {}
    known["touch"] = decision.get("touch_id") or ""
    return words.reason(candidate["outcome"], audience, known)


def line_badge(line: Mapping[str, Any], trace: Mapping[str, Any] | None = None) -> Badge:
    """Where the line's money stands, as one status; with the whole trace also whether it waits for the merchant."""
    decision = line.get("decision")
    if not decision or decision["creator"] is None:
        return words.status("money", "none")
    if line["reason"] == "awaiting_payment":
        return words.status("money", "estimate")
    if line["due"] == 0 and line["reversed"]:
        return words.status("money", "reversed")
    clearance = line.get("clearance")
    if clearance and (set(clearance["blocked"]) & HELD or any(not f["ended_at"] for f in clearance.get("freezes", ()))):
        return words.status("money", "frozen")
    if clearance and clearance.get("paid_at") and not any(balance["cleared"] > 0 for balance in line["balances"]):
        return words.status("money", "paid")
    for place in ("settled", "cleared", "pending"):
        if any(balance[place] > 0 for balance in line["balances"]):
            return words.status("money", "unfunded" if place == "settled" and _waits(line, trace) else place)
    if clearance and clearance["state"] == "cleared" and line["due"]:
        return words.status("money", "paid")
    return words.status("money", "pending" if line["due"] else "none")


def _waits(line: Mapping[str, Any], trace: Mapping[str, Any] | None) -> bool:
    """Is the line in a statement of which something waits for the merchant's money?"""
    rows = trace["statements"] if trace is not None else ()
    return any(row["waits"] for row in rows if row["line_ref"] == line["line_ref"])


def base_parts(line: Mapping[str, Any], currency: str) -> list[tuple[str, str]]:
    """How the base came about and what follows from it: (part, amount) in the order of the sum."""
    parts = line.get("base")
    if not parts:
        return []
    unit = plain(parts["unit_price"], currency)
    rows = [(f"{parts['quantity']} × {unit}", plain(parts["gross"], currency))]
    if parts["own_discounts"]:
        rows.append(("Discounts that the store put on this line", plain(-parts["own_discounts"], currency)))
    if parts.get("kept"):
        said = f"Discount of {plain(parts['kept'], currency)} that the app pays for: it stays in the base"
        rows.append((said, plain(0, currency)))
    if parts["shared_discount"]:
        rows.append(("Share of discounts on the whole order", plain(-parts["shared_discount"], currency)))
    source = {"reported": "as the store reports it", "from_rates": "worked out from the rate"}.get(
        parts["tax_source"], ""
    )
    if parts["tax_contained"]:
        rows.append((f"Tax in the price, {source}" if source else "Tax in the price", plain(-parts["tax"], currency)))
    elif parts["tax"]:
        rows.append((f"Tax of {plain(parts['tax'], currency)} on top: no part of the base", plain(0, currency)))
    rows.append(("Base", plain(parts["base"], currency)))
    decision = line.get("decision")
    if decision and decision["rate_bp"]:
        rows.append((f"Commission at {rate(decision['rate_bp'])}", plain(line["commission"], currency)))
    if line["removed_units"]:
        back = plain(line["removed_base"], currency)
        rows.append((f"Removed by an edit: {line['removed_units']}, base {back}", "in the next line"))
    if line["reversed"] or line["refunded_base"]:
        back = plain(line["refunded_base"], currency)
        rows.append((f"Taken back with refunds, base {back}", plain(-line["reversed"], currency)))
    if decision and decision["rate_bp"]:
        rows.append(("Due", plain(line["due"], currency)))
    return rows


def rate_rows(line: Mapping[str, Any], audience: Audience = "support") -> list[tuple[str, str]]:
    """The rate that counts, and what stood at both moments: (label, text)."""
    decision = line.get("decision")
    if not decision or not decision["creator"]:
        return []
    counts = rate(decision["rate_bp"]) if decision["rate_bp"] else "None"
    if decision["rate_reason"]:
        counts += f": {words.lowered(words.reason(decision['rate_reason'], audience))}"
    rows = [("Rate", counts)]
    rates = decision.get("rates") or {}
    clicked = bool((decision.get("credit") or {"clicked_at": True})["clicked_at"])
    for moment, label in MOMENTS.items():
        if moment == "click" and not clicked:
            continue  # credit without a tap: the rate at the order alone
        rows.append((label, rate_sentence(rates.get(moment), audience)))
    return rows


def rate_sentence(stood: Mapping[str, Any] | None, audience: Audience = "support") -> str:
    """What stood at one moment: rate, whose terms, which version, and until when an older rate is kept."""
    if stood is None:
        return "Nothing was offered"
    said = [rate(stood["rate_bp"])]
    terms = stood.get("terms")
    if terms:
        scope = "one product" if terms["product_ref"] else "the whole shop"
        said.append(f"{terms['kind']} terms, version {terms['version']}, {scope}")
    if stood.get("basis") in BASES:
        said.append(BASES[stood["basis"]])
    if stood.get("kept_until"):
        until = moments.day(datetime.fromisoformat(stood["kept_until"]))
        whose = "you promoted" if audience == "creator" else "the creator promoted"
        said.append(f"kept until {until}, since {whose} it before the cut")
    return ", ".join(said)


def clearance_sentence(clearance: Mapping[str, Any], audience: Audience = "support") -> str:
    """When the line's money clears, why then, and what holds it."""
    why = words.reason(clearance["why"], audience) if clearance["why"] else ""
    if clearance["state"] == "cleared":
        first = f"Cleared {_day(clearance['cleared_at'])}"
    elif clearance["clears_at"]:
        first = f"Clears {_day(clearance['clears_at'])}"
    else:
        first = "No date yet"
    said = [f"{first}: {words.lowered(why)}" if why else first]
    if clearance["state"] != "cleared":
        said += [f"Held: {words.lowered(words.reason(code, audience))}" for code in clearance["blocked"]]
    for freeze in clearance.get("freezes", ()):
        if not freeze["ended_at"] and audience == "creator":
            said.append(
                f"Frozen because: {freeze['reason'].rstrip('.')}. You can explain until "
                f"{_day(freeze['appeal_until'])}; it ends by itself on {_day(freeze['ends_at'])}"
            )
        elif not freeze["ended_at"]:
            said.append(f"Frozen since {_day(freeze['frozen_at'])}, until {_day(freeze['ends_at'])} at the latest")
    return ". ".join(said) + "."


def clearance_past(clearance: Mapping[str, Any], audience: Audience = "support") -> list[tuple[str, str]]:
    """(until when it stood so, how): the clearance's history, the newest first."""
    rows = []
    for past in reversed(clearance.get("history", ())):
        why = words.lowered(words.reason(past["why"], audience)) if past["why"] else "nothing to count from"
        stood = f"was to clear {_day(past['clears_at'])}, {why}" if past["clears_at"] else f"had no date: {why}"
        held = "".join(f"; held: {words.lowered(words.reason(code, audience))}" for code in past["blocked"])
        rows.append((past["until"], f"Until then it {stood}{held}"))
    return rows


def act_sentence(act: Mapping[str, Any], audience: Audience = "support") -> str:
    """What a recorded act says, and where it stands."""
    wordings = ACTS.get(act["kind"])
    said = wordings[audience] if wordings else str(act["kind"]).replace("_", " ").capitalize()
    creator = act["creator"]["name"] if act["creator"] else "nobody"
    said = said.format(creator=creator, code=act["code"] or "", since=_day(act["since"]) if act["since"] else "")
    if act["state"] == "proposed":
        return f"{said}: proposed {_day(act['proposed_at'])}, and waits for a second person"
    if act["state"] == "refused":
        return f"{said}: proposed {_day(act['proposed_at'])}, and refused"
    return f"{said}, {_day(act['effective_at'] or act['proposed_at'])}"


def money_rows(trace: Mapping[str, Any], audience: Audience = "support") -> list[tuple[str, Badge, str]]:
    """The way of the order's money behind clearing: (what, how it stands, in words), in its order.

    Statements, what of them waits or is in reserve, the merchant's invoices, and payouts with their outcome. A creator
    reads of no invoice, and of no other creator: the trace that is theirs has none.
    """
    currency = trace["order"]["currency"]
    rows = [_statement_row(each, currency, audience) for each in trace["statements"]]
    for each in trace["reserves"]:
        let_go = bool(each["released_in"])
        state = "let go of since" if let_go else f"goes with the first closing from {_day(each['due_at'])} on"
        said = f"{plain(each['amount'], currency)} of the whole statement were kept back, {state}"
        rows.append(("Reserve", words.status("money", "settled" if let_go else "pending"), said))
    if audience != "creator":
        rows += [_invoice_row(each, currency) for each in trace["invoices"]]
    rows += [_payout_row(each, currency, audience) for each in trace["payouts"]]
    return rows


def _statement_row(each: Mapping[str, Any], currency: str, audience: Audience) -> tuple[str, Badge, str]:
    name = "" if audience == "creator" or not each["creator"] else f" for {each['creator']['name']}"
    said = f"{plain(each['amount'], currency)} of {plain(each['total'], currency)}{name}"
    said += f", closed {_day(each['closed_at'])}"
    if each["waits"]:
        said += f"; {plain(each['waits'], currency)} {words.lowered(words.reason('unfunded', audience))}"
    return f"Statement {each['period']}", words.status("money", "unfunded" if each["waits"] else "settled"), said


def _invoice_row(each: Mapping[str, Any], currency: str) -> tuple[str, Badge, str]:
    parts = [f"commission {plain(each['commission'], currency)}"]
    if each["fee"]:
        parts.append(f"app fee {plain(each['fee'], currency)}")
    if each["absorbed"]:
        parts.append(f"given back {plain(-each['absorbed'], currency)}")
    due = moments.date_words(date.fromisoformat(each["due_on"]))
    said = f"This order: {', '.join(parts)}. The whole: {plain(each['total'], currency)}, due {due}"
    if each["paid"] and each["state"] != "paid":
        said += f", {plain(each['paid'], currency)} of it paid"
    return f"Invoice {each['period']}", words.status("invoice", each["state"]), said


def _payout_row(each: Mapping[str, Any], currency: str, audience: Audience) -> tuple[str, Badge, str]:
    name = "" if audience == "creator" or not each["creator"] else f" to {each['creator']['name']}"
    day = _day(each["paid_at"] or each["created_at"])
    said = f"{plain(each['amount'], currency)}{name}, {day}: a balance, not one order"
    converted = each.get("converted")
    if converted:
        sum_paid = plain(converted["amount"], converted["currency"])
        said += f". Paid as {sum_paid}, at {converted['rate']} by {converted['source']}"
    badge = words.status("payout", each["status"])
    why = words.reason(each["reason"], audience) if each.get("reason") else ""
    if why and why != badge.word:  # else the badge beside it says so
        said += f". {why}"
    return "Payout", badge, said


def _day(text: str | None) -> str:
    moment = when(text)
    return moments.day(moment) if moment else "never"


def _creator_id(line: Mapping[str, Any]) -> str | None:
    decision = line.get("decision")
    return decision["creator"]["id"] if decision and decision["creator"] else None


def _names(names: list[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return ", ".join(names[:-1]) + " and " + names[-1]


def _number(number: int) -> str:
    return (
        ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")[number]
        if number < 10
        else str(number)
    )
