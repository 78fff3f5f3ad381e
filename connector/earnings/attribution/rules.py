"""Who is credited for one order line, and at what rate: the decision table of COMMISSION.md, section 2. Pure.

`decide` reads from top to bottom, first match wins. Nothing here reads "now": every fact is given as it stood at the
touch or at the order (F1), so equal facts give equal decisions in whatever order they were heard.

    D1   the shop had left when the order was placed     store_disconnected
    D9   manual assignment                               (issue 3)
    D10  creator code                                    (issue 3)
    D11  latest direct touch inside its window           last_click_direct
    D12  cart carry                                      (issue 3)
    D13  indirect touch                                  switched off: gives no_touch
    D14  lifetime binding                                (issue 3)
    D15  nobody                                          no_touch, or why the highest candidate failed:
                                                         window_expired, touch_invalid, too_late
    D16  the winner is not eligible                      creator_ineligible; the next one does not inherit
    D17  buyer is the winner                             (issue 3)
    D18  the higher of the rates at click and at order   rate_open, or no_plan
    D19  ads rate                                        (issue 3)
    D20  every other candidate, with why it lost         outranked_by_later_click, or its own failing
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from connector.programme.collaborations.offer import Rate

ENGINE = "1"
# Below it a click can hardly have become an order by hand: shown to people, and paid.
HASTY = timedelta(seconds=2)
# Candidates written into the evidence of one line; the number left out stands beside them.
SHOWN = 50
_PRECEDENCE = {"targeted": 2, "open": 1, "store": 0}


class Candidate(msgspec.Struct, frozen=True):
    """One touch that may have led to the order, as it stood then."""

    touch_id: str  # made at the tap: of two at one moment the greater is the later
    creator_id: str
    content_id: str | None
    product_ref: str
    kind: str  # link | video | live | ad | cart
    at: datetime
    received_at: datetime  # when we heard of it (F3)
    window: timedelta  # in force at the tap
    via: tuple[str, ...] = ()  # names of the order's carriers that brought its token, and `journey`
    invalid: str = ""  # over_rate …: recorded, and never credited
    at_checkout: bool = False  # it came from the store itself, when the buyer had decided
    threshold_missed: str = ""  # what the creator lacked at the tap (D16)
    creator_status: str = "active"  # at the order's time (D16)
    rate: Rate | None = None  # of its product, at the click (D18)


class BadToken(msgspec.Struct, frozen=True):
    """A value in one of our carriers that is no token of this shop's: forged, foreign or unknown."""

    token: str  # its first characters
    problem: str  # signature_wrong | unknown | other_shop
    via: tuple[str, ...] = ()
    nearest: str = ""  # the touch whose token begins alike: what it may have been


class OrderAsked(msgspec.Struct, frozen=True):
    """What of the order its lines share."""

    placed_at: datetime
    grace: timedelta  # how late a touch may reach us, as set when the order was placed
    disconnected: bool = False  # the shop had left by then (D1)
    flags: tuple[str, ...] = ()  # token_shared
    bad_tokens: tuple[BadToken, ...] = ()


class LineAsked(msgspec.Struct, frozen=True):
    line_ref: str
    product_ref: str | None  # None: a line without a product can't be reached by a touch
    rate: Rate | None = None  # of its product, at the order (D18)


class Decision(msgspec.Struct, frozen=True):
    """Who earns on a line, at what rate, and why. `evidence` is JSON-able and is what the trace shows."""

    line_ref: str
    credit_reason: str  # D9-D17, as printed
    rate_reason: str  # D18-D19; "" where an earlier step stopped
    creator_id: str | None  # None: nobody is credited
    content_id: str | None
    touch_id: str | None  # the deciding touch, also when its creator gets nothing (D16)
    rate_bp: int  # 0 when nothing is earned
    terms_id: str | None
    pinned: bool
    evidence: dict[str, Any]


def decide(order: OrderAsked, line: LineAsked, candidates: Sequence[Candidate]) -> Decision:
    """One line's decision, not pinned yet. `candidates` are all touches of the order, in any order, each once."""
    ranked = sorted(candidates, key=lambda c: (c.at, c.touch_id), reverse=True)
    failing = {c.touch_id: failed(order, line, c) for c in ranked}
    failing |= dict.fromkeys(_pushed_in(ranked, failing), "first_seen_at_checkout")
    standing = [c for c in ranked if not failing[c.touch_id]]

    if order.disconnected:  # D1
        outcomes = {touch_id: why or "store_disconnected" for touch_id, why in failing.items()}
        return _nobody(order, line, "store_disconnected", ranked, outcomes)
    if not standing:  # D15
        return _nobody(order, line, _best_failing(order, ranked, failing), ranked, failing)
    winner = standing[0]  # D11
    lost = {c.touch_id: "outranked_by_later_click" for c in standing[1:]}  # D20
    outcomes = {**failing, **lost, winner.touch_id: "won"}
    if _ineligible(winner):  # D16
        outcomes[winner.touch_id] = "creator_ineligible"
        return _nobody(order, line, "creator_ineligible", ranked, outcomes, winner=winner)
    rate = higher(winner.rate, line.rate)  # D18
    return Decision(
        line_ref=line.line_ref,
        credit_reason="last_click_direct",
        rate_reason="no_plan" if rate is None else f"rate_{rate.kind}",
        creator_id=winner.creator_id,
        content_id=winner.content_id,
        touch_id=winner.touch_id,
        rate_bp=0 if rate is None else rate.rate_bp,
        terms_id=None if rate is None else rate.terms_id,
        pinned=False,
        evidence=_evidence(order, line, ranked, outcomes, winner),
    )


def failed(order: OrderAsked, line: LineAsked, touch: Candidate) -> str:
    """Why this touch can't be credited on this line; "" when it can. First match wins."""
    if touch.at >= order.placed_at + _known_to(order.placed_at):
        return "after_order"  # a touch after the order is none
    if line.product_ref is None or touch.product_ref != line.product_ref:
        return "other_product"  # D13: indirect touches are switched off
    if touch.received_at > order.placed_at + order.grace:
        return "too_late"
    if touch.invalid:
        return "touch_invalid"
    if order.placed_at - touch.at > touch.window:
        return "window_expired"
    return ""


def _pushed_in(ranked: Sequence[Candidate], failing: dict[str, str]) -> list[str]:
    """Touches that first appeared at the checkout, where an earlier one stands: a coupon extension's, as a rule.

    Without an earlier one such a touch counts: somebody may well leave the checkout and come back by a video.
    """
    standing = [c for c in ranked if not failing[c.touch_id]]
    earliest = min(((c.at, c.touch_id) for c in standing if not c.at_checkout), default=None)
    return [c.touch_id for c in standing if c.at_checkout and earliest is not None and earliest < (c.at, c.touch_id)]


def _known_to(placed_at: datetime) -> timedelta:
    """How exactly a store's time is known: most give whole seconds, cut off. What comes within it isn't after."""
    return timedelta(seconds=1) if placed_at.microsecond == 0 else timedelta(microseconds=1)


def higher(click: Rate | None, order: Rate | None) -> Rate | None:
    """D18: the higher of the two; equal: targeted, then open, then store; equal in that too: the one at the click."""
    both = [rate for rate in (click, order) if rate is not None]
    return max(both, key=lambda rate: (rate.rate_bp, _PRECEDENCE[rate.kind]), default=None)


# Failings that name no candidate of D15: such a touch was none for this line.
_NO_CANDIDATE = ("after_order", "other_product")


def _best_failing(order: OrderAsked, ranked: Sequence[Candidate], failing: dict[str, str]) -> str:
    """D15: the failing of the latest direct touch; without one, of a forged or foreign token; else `no_touch`."""
    for touch in ranked:
        if failing[touch.touch_id] not in _NO_CANDIDATE:
            return failing[touch.touch_id]
    return "touch_invalid" if order.bad_tokens else "no_touch"


def _ineligible(winner: Candidate) -> str:
    """What D16 holds against the winner: the status at the order, or a threshold missed at the touch."""
    if winner.creator_status != "active":
        return f"status_{winner.creator_status}"
    return winner.threshold_missed


def _nobody(
    order: OrderAsked,
    line: LineAsked,
    reason: str,
    ranked: Sequence[Candidate],
    outcomes: dict[str, str],
    winner: Candidate | None = None,
) -> Decision:
    return Decision(
        line_ref=line.line_ref,
        credit_reason=reason,
        rate_reason="",
        creator_id=None,
        content_id=None,
        touch_id=None if winner is None else winner.touch_id,
        rate_bp=0,
        terms_id=None,
        pinned=False,
        evidence=_evidence(order, line, ranked, outcomes, winner),
    )


def _evidence(
    order: OrderAsked,
    line: LineAsked,
    ranked: Sequence[Candidate],
    outcomes: dict[str, str],
    winner: Candidate | None,
) -> dict[str, Any]:
    """What the decision rests on. Latest touch first; `outcome` says why each lost (D20).

    Shape: candidates [{touch_id, creator_id, …, via, outcome}], left_out, bad_tokens [{token, problem, via, nearest?}],
    carriers [names that brought anything], rates {click, order: {rate_bp, terms_id, kind} | None}, flags, engine.
    """
    flags = set(order.flags)
    if winner is not None and order.placed_at - winner.at < HASTY:
        flags.add("hasty_order")
    # What bears on the line comes first, so that a cut list never hides the winner.
    shown = sorted(ranked, key=lambda c: outcomes[c.touch_id] in _NO_CANDIDATE)[:SHOWN]
    carriers = {name for c in ranked for name in c.via} | {name for bad in order.bad_tokens for name in bad.via}
    evidence: dict[str, Any] = {
        "engine": ENGINE,
        "placed_at": order.placed_at.isoformat(),
        "product_ref": line.product_ref,
        "candidates": [_shown(c, outcomes[c.touch_id]) for c in shown],
        "left_out": len(ranked) - len(shown),
        "bad_tokens": [
            {"token": bad.token, "problem": bad.problem, "via": sorted(bad.via)}
            | ({"nearest": bad.nearest} if bad.nearest else {})
            for bad in order.bad_tokens
        ],
        "carriers": sorted(carriers),
        "flags": sorted(flags),
    }
    if winner is not None:
        evidence["rates"] = {
            "click": None if winner.rate is None else msgspec.to_builtins(winner.rate),
            "order": None if line.rate is None else msgspec.to_builtins(line.rate),
        }
    return evidence


def _shown(touch: Candidate, outcome: str) -> dict[str, Any]:
    return {
        "touch_id": touch.touch_id,
        "creator_id": touch.creator_id,
        "content_id": touch.content_id,
        "product_ref": touch.product_ref,
        "kind": touch.kind,
        "at": touch.at.isoformat(),
        "received_at": touch.received_at.isoformat(),
        "window_seconds": int(touch.window.total_seconds()),
        "via": sorted(touch.via),
        "outcome": outcome,
        "why": touch.invalid if outcome == "touch_invalid" else _ineligible(touch) if "ineligible" in outcome else "",
    }
