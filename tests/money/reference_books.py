"""When money clears and in which bucket it lies, worked out a second time, plainly, from COMMISSION.md alone.

An order's life in the books is a list of moments: facts were heard (what each line is due by then), a clearing was run,
a period was closed. `buckets` walks along it and says for each line what is pending, cleared and settled (F6, R9).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.money.reference import stopped

Plain = dict[str, Any]
HOLD, PARCEL, NO_SIGNAL = timedelta(days=15), timedelta(days=10), timedelta(days=45)


def clears_at(order: Plain, line: Plain, grace: timedelta) -> datetime | None:
    """R9, R9b: when the hold of a line is over; None while there is nothing to count from."""
    if stopped(order) or order["payment_status"] == "partially_paid":
        return None  # D6: clears only when paid
    paid_at = order.get("paid_at") or order["created_at"]
    if not line.get("requires_shipping", True):
        return max(order["created_at"] + grace, paid_at + HOLD)  # type: ignore[no-any-return]
    ends, units = [], 0
    for parcel in order.get("fulfilments", []):
        inside = parcel.get("lines", [])
        mine = sum(part["quantity"] for part in inside if part["line_ref"] == line["line_ref"])
        if not inside:
            mine = line["quantity"]
        if mine:
            units += mine
            ends.append((parcel.get("delivered_at") or parcel["created_at"] + PARCEL) + HOLD)
    if not ends or units < line["current_quantity"]:
        ends.append(paid_at + NO_SIGNAL)
    return max(order["created_at"] + grace, *ends)  # type: ignore[no-any-return]  # nothing clears before the pin


def buckets(life: list[Plain], grace: timedelta) -> dict[str, dict[str, int]]:
    """{line: {pending, cleared, settled}}. `life`: {what: heard, order, due, held}, {what: clear, at}, {what: close}.
    `held`: lines under review, which don't clear (D17).

    A decrease is taken from where the line's money is; after its statement closed it is a new negative cleared line. An
    increase after clearing is cleared at once; a line that an edit added has a hold of its own.
    """
    standing: dict[str, dict[str, int]] = {}
    cleared: set[str] = set()
    known: Plain = {}
    for moment in life:
        if moment["what"] == "heard":
            known = moment
            for ref, due in moment["due"].items():
                held = standing.setdefault(ref, {"pending": 0, "cleared": 0, "settled": 0})
                held["cleared" if ref in cleared else "pending"] += due - sum(held.values())
            for ref in standing:  # a line that vanished is due nothing
                if ref not in moment["due"]:
                    held = standing[ref]
                    held["cleared" if ref in cleared else "pending"] -= sum(held.values())
        elif moment["what"] == "clear":
            order = known["order"]
            for line in order["lines"]:
                ref = line["line_ref"]
                ends = clears_at(order, line, grace)
                open_now = any(dispute["status"] == "open" for dispute in order.get("disputes", []))
                if (
                    ref in standing
                    and ref not in cleared
                    and ref not in known["held"]
                    and ends is not None
                    and ends <= moment["at"]
                    and not open_now
                ):
                    cleared.add(ref)
                    standing[ref]["cleared"] += standing[ref]["pending"]
                    standing[ref]["pending"] = 0
        else:
            for held in standing.values():
                held["settled"] += held["cleared"]
                held["cleared"] = 0
    return standing


def fee_due(acts: list[Plain]) -> dict[str, int]:
    """Minor units owed of each agreement's flat fee, from what people did: {agreement: due}.

    Once for all versions of an agreement: what was handed in first stands until it is sent back, taken out or taken
    back by support; a fee that support was asked about stays as it was.
    """
    standing: dict[str, tuple[str, int]] = {}
    for act in acts:
        whose, what = act["agreement"], act["what"]
        state, fee = standing.get(whose, ("", 0))
        if what == "hand_in" and state in ("", "gone"):
            standing[whose] = ("waiting", act["fee"])
        elif what in ("approve", "time") and state == "waiting":
            standing[whose] = ("owed", fee)
        elif what in ("send_back", "take_out") and state == "waiting":
            standing[whose] = ("sent_back" if what == "send_back" else "gone", fee)
        elif what == "for_creator" and state == "sent_back":
            standing[whose] = ("owed", fee)
        elif what == "against_creator" and state in ("sent_back", "owed"):
            standing[whose] = ("gone", fee)
        elif what == "hand_in" and state == "sent_back":
            standing[whose] = ("waiting", act["fee"])
    return {whose: fee if state == "owed" else 0 for whose, (state, fee) in standing.items()}


def beside(life: list[Plain]) -> dict[str, dict[str, int]]:
    """{subject: {cleared, settled}} of money beside the orders. `life`: {what: due, due: {subject: amount}}, {what:
    close}. It is cleared at once; what is taken back after its statement is cleared below zero (F6)."""
    standing: dict[str, dict[str, int]] = {}
    for moment in life:
        if moment["what"] == "due":
            for subject, due in moment["due"].items():
                held = standing.setdefault(subject, {"cleared": 0, "settled": 0})
                held["cleared"] += due - sum(held.values())
        else:
            for held in standing.values():
                held["settled"] += held["cleared"]
                held["cleared"] = 0
    return standing
