"""Samples in the words of a shop and of support: how one stands, what it may do with it, its steps, a creator's score.

Pure but for the page's zone; what is said of a moment is said in that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connector.programme.samples import limits, steps
from connector.programme.samples.policy import Numbers
from connector.programme.samples.score import Score
from connector.programme.samples.tables import Sample, SampleStep
from connector.web import moments
from connector.web.amounts import count, plain

# What a list is narrowed to: word, states.
GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "answer": ("To answer", ("requested",)),
    "send": ("Approved", ("approved",)),
    "way": ("On their way", ("ordered", "shipped")),
    "content": ("Content due", ("delivered",)),
    "promised": ("Promised", ("granted",)),
    "missed": ("Missed", ("missed", "appealed")),
    "over": ("Over", ("fulfilled", "excused", "declined", "withdrawn", "lapsed", "cancelled")),
    "all": ("All", ()),
}
KINDS = {"free": "Free", "refundable": "Bought, then paid back"}
LEVELS = {"low": "low", "middle": "middle", "high": "high"}

# What a step did, as the shop and support read it.
STEPS = {
    "ask": "Asked for", "grant": "Promised by an agreement", "take_up": "Taken up", "approve": "Approved",
    "decline": "Declined", "withdraw": "Withdrawn", "cancel": "Cancelled", "call_off": "To be called off at the store",
    "not_called_off": "Not called off: on its way already", "goes_on": "Goes on", "readdress": "Sent elsewhere",
    "by_hand": "Sent by hand", "place": "Order placed at the store", "place_again": "To be placed again",
    "place_refused": "Refused by the store", "not_sent": "Not taken by the store: tried again",
    "name_order": "Bought by the creator", "confirm": "Order confirmed",
    "doubt": "Order doubted", "ask_support": "Left to support", "ship": "Sent", "on_its_way": "Sent",
    "deliver": "Arrived", "name_content": "Content named", "extend": "More time taken", "miss": "No content in time",
    "appeal": "Appealed", "decide": "Appeal decided", "fulfil": "Fulfilled", "pay_back": "Paid back",
    "lapse": "Lapsed", "lapsed": "Lapsed", "store_cancel": "Cancelled at the store",
}  # fmt: skip
# Why support looks at one: what is wrong, and what is done about it (codes of `operations/sampling/stuck.py`).
STUCK: dict[str, tuple[str, str]] = {
    "unknown": (
        "The store's answer isn't known for an hour or more",
        "Look for the order in the store by the sample's id. It is asked for again before another one is placed.",
    ),
    "refused": (
        "The store refused the order",
        "The shop puts right what it names and asks again, or sends it by hand.",
    ),
    "long": (
        "Ordered and not sent, or on its way, for three weeks or more",
        "Ask the shop whether it left and for the tracking number; note the arrival once it is known, or call it off.",
    ),
    "unproven": (
        "The shop didn't say whether the named order is the creator's",
        "Ask the shop who bought it, and say whether it is theirs. Nothing comes back before.",
    ),
}
SIDES = {
    "creator": "the creator", "merchant": "the shop", "staff": "support", "clock": "by its time",
    "store": "the store", "rule": "the shop's rule", "worker": "by itself",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moment:
    """One step as a timeline shows it (`web/timeline.html`)."""

    at: datetime
    kind: str
    text: str
    who: str
    id: str = ""
    url: str = ""
    folded: int = 0
    gap: bool = False


def sentence(row: Sample, who: str) -> str:
    """How it stands and whose turn it is, to the shop. `who`: the creator's name."""
    if row.ending:
        return "It is being called off at your store. Where the parcel left meanwhile, it goes on."
    found = _BY_STATE.get(row.state)
    if found is not None:
        return found.format(who=who, due=_due(row))
    if row.state == "approved":
        return _approved(row, who)
    if row.state == "ordered":
        return _ordered(row, who)
    if row.state == "missed":
        may = f" {who} can appeal until {_due(row)}." if row.due_at is not None else ""
        return f"No content came in time.{may}"
    return "It is over."


_BY_STATE = {
    "requested": "{who} asks for a sample. Answer until {due}, or the request lapses.",
    "granted": "Your agreement promises {who} a sample: product and address are chosen until {due}.",
    "shipped": "It is on its way. It is taken to have arrived on {due} unless somebody says so before.",
    "delivered": "It has arrived. Content is due until {due}.",
    "appealed": "{who} says why no content came. Support decides, and you read it here.",
    "fulfilled": "{who} made content with it.",
    "excused": "No content came, and support excused it: it counts for nothing.",
    "declined": "You declined it.",
    "withdrawn": "{who} took the request back.",
    "lapsed": "Its time passed and nothing happened: it lapsed.",
    "cancelled": "It was cancelled.",
}


def _approved(row: Sample, who: str) -> str:
    if row.kind == "refundable":
        most = f" At most {plain(row.agreed_amount, row.currency)} comes back" if row.agreed_amount is not None else ""
        return f"{who} buys it until {_due(row)}.{most}{' once content counts.' if most else ''}"
    if row.placing == "waiting":
        return "We place the order at your store; you need do nothing."
    if row.placing == "unknown":
        return "Your store was asked, and its answer isn't known yet. We look for the order before we place another."
    if row.placing == "refused":
        return f"Your store refused the order. Put it right and try again, or send it by hand until {_due(row)}."
    return f"Send it until {_due(row)} and say so here, or it lapses."


def _ordered(row: Sample, who: str) -> str:
    number = f" {row.order_number}" if row.order_number else ""
    if row.kind == "free":
        return f"The order{number} is in your store. Send it as any other."
    if steps.unanswered(row):
        return f"{who} says that order{number} is theirs. Your days to answer are over: support asks you about it."
    if steps.doubted(row):
        return f"You doubt that order{number} is {who}'s. Nothing comes back by it unless you or support confirm it."
    if not row.confirmed and row.confirm_by is not None:
        until = moments.day(row.confirm_by)
        return f"{who} says that order{number} is theirs. Confirm or doubt it until {until}: then support does."
    return f"{who} bought it with order{number}. Once content counts it is paid back."


def _due(row: Sample) -> str:
    return moments.day(row.due_at) if row.due_at is not None else "a day that isn't set"


def acts(row: Sample, *, support: bool = False) -> tuple[str, ...]:
    """What a shop may do with it now, or support for it, what is wanted first: pure."""
    if row.ending:
        return ()
    if row.state == "requested":
        return ("approve", "decline")
    if row.state == "approved" and row.kind == "free":
        return {
            "": ("shipped", "place-again", "cancel") if row.by_hand else ("shipped", "cancel"),
            "refused": ("place-again", "shipped", "by-hand", "cancel"),
            "waiting": ("by-hand", "cancel"), "unknown": ("cancel",),
        }.get(row.placing, ("cancel",))  # fmt: skip
    unsure: tuple[str, ...] = ()
    if row.kind == "refundable" and not row.confirmed:
        unsure = ("confirm",) if steps.doubted(row) else ("confirm", "doubt")
    if row.state == "ordered":
        # What the creator bought ends with its order in the shop's store.
        return (*unsure, "shipped", "delivered", *(("cancel",) if support or row.kind == "free" else ()))
    if row.state == "shipped":
        return (*unsure, "delivered")
    if row.state in ("delivered", "fulfilled"):
        return unsure
    return ("cancel",) if row.state in ("granted", "approved") else ()


def late(row: Sample, now: datetime) -> bool:
    """Has what the shop has to do waited for more than half of its time?"""
    return (
        row.state in ("requested", "approved")
        and row.due_at is not None
        and row.due_at - now < ((row.due_at - (row.approved_at or row.asked_at)) / 2)
    )


def score(found: Score) -> str:
    """With its formula: `80 %: content came of 8 of 10 samples that ended in the last 365 days`."""
    ended = found.fulfilled + found.missed
    if found.percent is None:
        return f"None yet: {count(ended)} of the {count(found.least)} samples that it takes have ended"
    return (
        f"{found.percent}\u00a0%: content came of {count(found.fulfilled)} of {count(ended)} samples that ended in the "
        f"last {count(found.days)} days"
    )


def short_score(found: Score) -> str:
    """In a row of a list: `80 %`, or how many have ended."""
    ended = found.fulfilled + found.missed
    return f"{found.percent}\u00a0%" if found.percent is not None else f"none yet, {count(ended)} ended"


def standing(facts: Mapping[str, Any], numbers: Numbers) -> list[tuple[str, str]]:
    """What a creator stood at when they asked: (label, value) each, as it was kept with the request. `numbers`: of the
    policy that it was asked under."""
    if not facts:
        return []
    sums = [plain(amount, currency, "code") for currency, amount in sorted(facts.get("sales", {}).items()) if amount]
    ended = facts.get("fulfilled", 0) + facts.get("missed", 0)
    percent = facts.get("score")
    unnamed = limits.unnamed(facts.get("sales", {}), numbers)
    uncounted = f"Sales in {' and '.join(unnamed)}: no sum is set for that currency"
    return [
        ("Followers then", count(facts.get("followers", 0))),
        ("Sold in the app before", " and ".join(sums) or "Nothing"),
        ("Level", f"{LEVELS.get(facts.get('level', ''), 'Not known')}: {count(facts.get('most_open', 0))} may be open, "
                  f"{count(facts.get('open', 0))} were"),
        *([("Doesn't count for it", uncounted)] if unnamed else []),
        ("Score then", f"{percent}\u00a0%, of {count(ended)} samples" if percent is not None
         else f"None, of {count(ended)} samples"),
        ("Policy", f"version {facts.get('policy_version', '')}"),
    ]  # fmt: skip


def story(steps: Sequence[SampleStep], actor: Callable[[str], str] | None = None) -> list[Moment]:
    """The steps, the newest first. `actor`: how staff are called; None where nobody of them is named."""
    kinds = {"fulfilled": "good", "missed": "bad", "declined": "idle", "cancelled": "idle", "lapsed": "idle"}
    return [
        Moment(
            step.at, "warn" if step.act == "place_refused" else kinds.get(step.state, "info"),
            STEPS.get(step.act, step.act.replace("_", " ").capitalize()),
            actor(step.by) if actor is not None and step.side == "staff" else SIDES.get(step.side, step.side),
        )
        for step in reversed(steps)
    ]  # fmt: skip
