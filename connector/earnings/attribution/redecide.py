"""A pinned decision after an act: what the act is about changes, everything else stays as it was pinned (F4). Pure.

The act is read twice over the facts that the pin was made from, its candidates, its codes, its flags: once without it
and once with it. What differs between the two is what the act does, and only that is taken over. What has been heard of
since the pin, or what today's rules would say otherwise, is none of the act's business: it stays a note
(`decision_changed`) until somebody records an `engine_fix`, which is about just that.

    manual, leak_backdated,   whose the line is, and what follows from it: content, touch, rate, terms. Nothing where
    binding_moved             the line is the same creator's by the same ground with the act as without it
    review_passed             the line's own ground takes the place of `frozen_review`; creator and rate stay
    review_refused            nobody's
    engine_fix                all of it, by what is known today
    forfeit                   nothing: it takes the money, and is no fact of the table
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from connector.earnings.attribution.rules import (
    BadToken,
    Candidate,
    CreatorCode,
    Decision,
    LineAsked,
    OrderAsked,
    decide,
)

# Flags of an evidence that aren't facts of the order, but follow from others.
_FOLLOWING = frozenset({"token_shared", "hasty_order"})
_LEAKED = "code_leaked"


def redecided(
    pin: Decision, order: OrderAsked, line: LineAsked, touches: Sequence[Candidate], returned: Decision | None = None
) -> Decision:
    """The line's decision with the acts that the pin doesn't know yet.

    `order`, `line` and `touches` are what is known today; `touches` has every candidate of the pin, whatever else.
    """
    before, after = as_pinned(pin, order, line)
    names = candidates_of(pin.evidence)
    mine = touches if names is None else [touch for touch in touches if touch.touch_id in names]
    theirs = decide(after, _line(pin, line), mine, returned)
    known = set(pin.evidence.get("acts", ()))
    new = set(theirs.evidence["acts"]) - known
    if any(act.kind == "engine_fix" and act.act_id in new for act in order.acts):
        return replace(decide(order, line, touches, returned), pinned=pin.pinned)
    if not new:
        return pin
    base = decide(before, _line(pin, line), mine, returned)
    if _whose(base) != _whose(theirs):
        return replace(theirs, pinned=pin.pinned)
    evidence = {**pin.evidence, "acts": sorted(known | new)}
    if base.credit_reason == theirs.credit_reason:
        return replace(pin, evidence=evidence)
    evidence.pop("review", None)  # a person has looked: the line's own ground comes out
    reason = pin.evidence.get("credit", {}).get("reason", theirs.credit_reason)
    return replace(pin, credit_reason=reason, evidence=evidence)


def as_pinned(pin: Decision, order: OrderAsked, line: LineAsked) -> tuple[OrderAsked, OrderAsked]:
    """(the order as the pin knew it, the same with every act): what only today is known is left out of both."""
    evidence = pin.evidence
    known = set(evidence.get("acts", ()))
    flags = set(evidence.get("flags", ()))
    shown = {code["text"]: code["outcome"] for code in evidence.get("codes", ())}
    codes = {text: code for text, code in order.codes.items() if text in shown}
    after = replace(
        order,
        disconnected=pin.credit_reason == "store_disconnected",
        shared="token_shared" in flags,
        flags=tuple(sorted(flags - _FOLLOWING)),
        bad_tokens=tuple(
            BadToken(bad["token"], bad["problem"], tuple(bad.get("via", ())), bad.get("nearest", ""))
            for bad in evidence.get("bad_tokens", ())
        ),
        codes={text: _code(code, shown[text], code.leak_act) for text, code in codes.items()},
    )
    before = replace(
        after,
        acts=tuple(act for act in order.acts if act.act_id in known),
        codes={
            text: _code(code, shown[text], code.leak_act if code.leak_act in known else "")
            for text, code in codes.items()
        },
    )
    return before, after


def candidates_of(evidence: Mapping[str, Any]) -> frozenset[str] | None:
    """Ids of all touches that a decision was made from. None: kept before all of them were."""
    shown = [candidate["touch_id"] for candidate in evidence.get("candidates", ())]
    rest = [touch_id for ids in evidence.get("rest", {}).values() for touch_id in ids]
    unnamed = int(evidence.get("left_out", 0)) - len(rest)
    return None if unnamed else frozenset((*shown, *rest))


def _code(code: CreatorCode, outcome: str, leak_act: str) -> CreatorCode:
    return replace(code, leaked=outcome == _LEAKED or bool(leak_act), leak_act=leak_act)


def _line(pin: Decision, line: LineAsked) -> LineAsked:
    return replace(line, codes=tuple(code["text"] for code in pin.evidence.get("codes", ())))


def _whose(decision: Decision) -> tuple[Any, ...]:
    """Whose the line is, and by what: equal with an act and without it, the act has nothing to say of that."""
    ground = decision.evidence.get("credit", {}).get("reason", decision.credit_reason)
    return (
        ground, decision.creator_id, decision.content_id, decision.touch_id, decision.rate_bp, decision.terms_id,
    )  # fmt: skip
