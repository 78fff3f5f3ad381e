"""An order's trace in sentences: the answer first, each line's reason, and the text that support copies for a merchant.

Reads only the value of `operations.trace.trace` (and parts of it), so that console, dashboard and whoever comes next
say the same of one order. Every sentence is made of codes and facts; none is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from connector.web import moments, words
from connector.web.amounts import plain, rate
from connector.web.words import Audience, Badge

CONTENT = {"video": "video", "live": "live session"}
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
    "absorption": "Borne by the app",
    "bonus": "Bonus of an event",
    "fee": "App fee",
}
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
        if not answer["creators"]:
            return f"Nobody is credited. {words.reason('awaiting_payment', audience)}."
        return f"An estimate of {plain(estimate, currency)} for {names}: it counts when the buyer has paid."
    if answer["reason"]:
        return f"Nobody earns on this order. {words.reason(answer['reason'], audience)}."
    said = [_earns(each, answer["lines"], trace) for each in answer["creators"]]
    said += _nobody(trace, audience)
    return " ".join(said) or "The order has no lines."


def _earns(credited: Mapping[str, Any], lines: int, trace: Mapping[str, Any]) -> str:
    name, number = credited["creator"]["name"], credited["lines"]
    due = plain(credited["due"], trace["order"]["currency"])
    if lines == 1:
        share = "for the only line"
    elif number == lines:
        share = f"for all {_number(lines)} lines"
    else:
        share = f"for {_number(number)} of {_number(lines)} lines"
    back = sum(line["reversed"] for line in trace["lines"] if _creator_id(line) == credited["creator"]["id"])
    if back and credited["due"] == 0:
        return (
            f"{name} earns {due} {share}: all of {plain(back, trace['order']['currency'])} was taken back with refunds."
        )
    if back:
        return (
            f"{name} earns {due} {share}, after {plain(back, trace['order']['currency'])} was taken back with refunds."
        )
    return f"{name} earns {due} {share}."


def _nobody(trace: Mapping[str, Any], audience: Audience) -> list[str]:
    """One sentence a reason: lines that nobody is credited for."""
    by_words: dict[str, int] = {}
    for line in trace["lines"]:
        if _creator_id(line) is None:
            said = line_reason(line, trace["order"], audience)
            by_words[said] = by_words.get(said, 0) + 1
    others = bool(trace["answer"]["creators"])
    said_all = []
    for said, number in by_words.items():
        low = said[:1].lower() + said[1:] if not said.startswith(("D1", "I ")) else said
        if not others and number == trace["answer"]["lines"]:
            said_all.append(f"Nobody earns on this order: {low}.")
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
    return found


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


def line_badge(line: Mapping[str, Any]) -> Badge:
    """Where the line's money stands, as one status."""
    decision = line.get("decision")
    if not decision or decision["creator"] is None:
        return words.status("money", "none")
    if line["reason"] == "awaiting_payment":
        return words.status("money", "estimate")
    if line["due"] == 0 and line["reversed"]:
        return words.status("money", "reversed")
    clearance = line.get("clearance")
    if clearance and clearance["blocked"]:
        return words.status("money", "frozen")
    for place in ("settled", "cleared", "pending"):
        if any(balance[place] > 0 for balance in line["balances"]):
            return words.status("money", place)
    if clearance and clearance["state"] == "cleared" and line["due"]:
        return words.status("money", "paid")
    return words.status("money", "pending" if line["due"] else "none")


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


def for_merchant(trace: Mapping[str, Any]) -> str:
    """Plain text in the merchant's words, for support to paste into an answer."""
    order = trace["order"]
    lines = [f"Order {order['number']}", sentence(trace, "merchant"), ""]
    for line in trace["lines"]:
        due = plain(line["due"], order["currency"])
        lines.append(f"- {line['title'] or line['line_ref']}: {due}. {line_reason(line, order, 'merchant')}.")
    return "\n".join(lines)


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
