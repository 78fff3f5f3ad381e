"""Samples in their creator's words: how one stands and what comes next by when, what may be done, limits and score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from connector.operations.sampling.sales import Allowance
from connector.programme.samples import limits, moves, steps
from connector.programme.samples.policy import Numbers
from connector.programme.samples.score import Score
from connector.programme.samples.tables import Sample, SampleStep
from connector.web import moments, sample_words, words
from connector.web.amounts import count, plain
from connector.web.words import Kind

# What a creator may do, as the form's button says it.
ACTS = {
    "received": "It has arrived", "content": "This content is for it", "extend": "Take more time", "appeal": "Send it",
    "withdraw": "Take the request back",
}  # fmt: skip
_SIDES = {
    "creator": "you", "merchant": "the shop", "staff": "support", "clock": "by its time", "store": "the shop's store",
    "rule": "the shop's rule", "worker": "by itself",
}  # fmt: skip
_STEPS = {
    **sample_words.STEPS, "name_order": "You bought it", "place_refused": "The store refused the order",
    "extend": "You took more time", "appeal": "You appealed", "withdraw": "You took it back", "deliver": "Arrived",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stands:
    """How one stands: what is so, whose turn it is and until when. `yours`: it waits for the creator."""

    kind: Kind
    said: str
    until: datetime | None
    yours: bool


def stands(row: Sample, numbers: Numbers, now: datetime) -> Stands:
    """Pure but for the page's zone. What is past its time is so already, whenever the clock's round comes by."""
    badge = words.status("sample", row.state)
    if row.state in moves.OPEN and row.due_at is not None and row.due_at <= now and not row.ending:
        said = f"Its time ended on {moments.day(row.due_at)}. What follows is worked out now."
        return Stands("info", said, None, False)
    if row.ending:
        said = "It is being called off at the shop's store. Where the parcel left meanwhile, it goes on."
        return Stands("info", said, None, False)
    said, yours = _said(row, numbers)
    return Stands("warn" if yours else badge.kind, said, row.due_at, yours)


def _said(row: Sample, numbers: Numbers) -> tuple[str, bool]:
    if steps.unproven(row) and row.state in ("ordered", "shipped", "delivered", "fulfilled"):
        if steps.unanswered(row):
            said = f"The shop didn't say whether order {row.order_number} is yours. Support does; you need do nothing."
            return said, False
        return f"The shop doubts that order {row.order_number} is yours. Name another one, or ask support.", True
    due = moments.day(row.due_at) if row.due_at is not None else "then"
    if row.state == "granted":
        return f"Your agreement promises one. Choose the product and say where it goes until {due}.", True
    if row.state == "approved":
        return _approved(row, due)
    if row.state == "ordered":
        return _ordered(row)
    if row.state == "missed" and row.due_at is not None:
        return f"No content came in time. You can say why until {due}, and support decides.", True
    if row.state == "delivered":
        more = "" if row.extended else f" You can take {numbers.extension_days} more days, once."
        return f"Show it in a video, a post or a live session until {due}.{more}", True
    return _PLAIN.get(row.state, "It is over.").format(due=due, ended=_ended(row)), False


_PLAIN = {
    "requested": "The shop answers until {due}; without an answer the request lapses, and you can ask again.",
    "shipped": "It is on its way. It counts as arrived on {due}, unless somebody says so before.",
    "appealed": "Support reads what you said and decides; you read it here.",
    "missed": "No content came in time, and it counts against your score.",
    "fulfilled": "Done: your content counts.{ended}",
    "excused": "No content came, and support excused it: it counts for nothing.",
    "declined": "The shop declined it.{ended}",
    "withdrawn": "You took it back.",
    "lapsed": "Its time passed, and it lapsed.{ended}",
    "cancelled": "It was cancelled.{ended}",
}


def _ended(row: Sample) -> str:
    if row.state == "fulfilled":
        return f" {plain(row.paid_back, row.currency)} comes back to you with your earnings." if row.paid_back else ""
    known = row.reason and row.reason not in ("shop_declined", "shop_cancelled")
    return f" {words.reason(row.reason, 'creator')}." if known else ""


def _approved(row: Sample, due: str) -> tuple[str, bool]:
    if row.kind == "refundable":
        most = f", up to {plain(row.agreed_amount, row.currency)}," if row.agreed_amount is not None else ""
        return f"Buy it until {due} and name the order here. What you pay{most} comes back once content counts.", True
    if row.placing == "refused" and row.problem_field.startswith("recipient."):
        field = row.problem_field.removeprefix("recipient.").replace("_", " ")
        return f"The shop's store could not take the address ({field}). Correct it below; nothing else is lost.", True
    if row.placing in ("waiting", "unknown"):
        return "The order is being placed at the shop's store.", False
    return f"The shop sends it until {due}, or it lapses.", False


def _ordered(row: Sample) -> tuple[str, bool]:
    number = f" {row.order_number}" if row.order_number else ""
    if row.kind == "free":
        return f"The order{number} is at the shop's store. You read here when it is sent.", False
    if not row.confirmed:
        until = f" until {moments.day(row.confirm_by)}; then support does" if row.confirm_by is not None else ""
        return f"You named order{number}. The shop confirms or doubts it{until}.", False
    return f"You bought it with order{number}. When it has arrived, the time for content begins.", False


def acts(row: Sample, now: datetime) -> tuple[str, ...]:
    """What the creator may do with it now: pure. The acts themselves judge anew."""
    late = row.due_at is not None and row.due_at <= now and row.state != "shipped"
    if steps.unproven(row) and not row.ending and row.state == "fulfilled":
        return ("name_order",)
    if row.ending or late or row.state in moves.ENDS:
        return ()
    found: list[str] = ["name_order"] if steps.unproven(row) else []
    if row.state == "granted":
        found.append("take_up")
    if row.state == "approved" and row.kind == "refundable":
        found.append("name_order")
    if row.state in ("ordered", "shipped"):
        found.append("received")
    if row.state in ("shipped", "delivered"):
        found.append("content")
    if row.state == "delivered" and not row.extended:
        found.append("extend")
    if row.state == "missed" and row.due_at is not None and not row.appealed:
        found.append("appeal")
    if row.kind == "free" and (
        row.state == "requested" or (row.state == "approved" and row.placing not in ("unknown", "placed"))
    ):
        found.append("address")
    if row.state in moves.UNSENT:
        found.append("withdraw")
    return tuple(found)


def story(steps: Sequence[SampleStep]) -> list[sample_words.Moment]:
    """Every step, the newest first, as `web/timeline.html` shows them."""
    kinds = {"fulfilled": "good", "missed": "bad", "declined": "idle", "cancelled": "idle", "lapsed": "idle"}
    return [
        sample_words.Moment(
            step.at, "warn" if step.act == "place_refused" else kinds.get(step.state, "info"),
            _STEPS.get(step.act, step.act.replace("_", " ").capitalize()), _SIDES.get(step.side, step.side),
        )
        for step in reversed(steps)
    ]  # fmt: skip


def allowance(found: Allowance, numbers: Numbers) -> str:
    """`3 of 5 may be open at once, because your net sales in the last 30 days were €79.60.` Of sales that lift nothing,
    since the policy names no sum for their currency, it says so."""
    sold = [plain(amount, currency) for currency, amount in sorted(found.sales.items()) if amount]
    earned = f"your net sales in the app in the last {numbers.sales_days} days were {' and '.join(sold)}"
    why = earned if sold else f"you had no sale in the app in the last {numbers.sales_days} days"
    unnamed = limits.unnamed(found.sales, numbers)
    but = f" Sales in {' and '.join(unnamed)} don't count for it yet: no sum is set for them." if unnamed else ""
    return f"{count(found.open)} of {count(found.most_open)} are open. So many may be, because {why}.{but}"


def levels(numbers: Numbers, currencies: Sequence[str]) -> str:
    """What lifts the limit, in a currency that the creator sells in, else the first that the policy names."""
    known = sorted(numbers.thresholds)
    if not known:
        return f"{count(numbers.open_low)} at once."
    currency = next((each for each in currencies if each in numbers.thresholds), known[0])
    lower, higher = (plain(amount, currency) for amount in numbers.thresholds[currency])
    return (
        f"With sales under {lower} in {numbers.sales_days} days, {count(numbers.open_low)} may be open at once; "
        f"from {lower} on, {count(numbers.open_middle)}; over {higher}, {count(numbers.open_high)}."
    )


def score(found: Score) -> str:
    return sample_words.score(found)


def goes_on(kind: str, numbers: Numbers) -> list[str]:
    """What follows a request, step by step, before one is made."""
    if kind == "refundable":
        return [
            f"The shop answers within {numbers.answer_days} days.",
            f"You buy it in the shop within {numbers.send_days} days and name the order here.",
            f"You show it within {numbers.refundable_days} days of its arrival, and what you paid comes back.",
        ]
    return [
        f"The shop answers within {numbers.answer_days} days.",
        f"It is sent within {numbers.send_days} days, at no cost to you.",
        f"You show it within {numbers.free_days} days of its arrival; once you can take {numbers.extension_days} more.",
    ]
