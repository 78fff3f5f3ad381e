"""One trace for three readers: the same reason, each in their words, and of the rest what is theirs to see. Pure.

    support    everything
    merchant   their own order: who brought it, what it costs, why; nothing of what a creator gave us in confidence
               (rails, currencies, why money is held) and nothing of the machinery
    creator    the lines that they are credited for or were a candidate of, and of those only what is about them: never
               another creator, never the buyer, never what else was in the cart

`told` adds the wording: `said` at the top, at each line, at each candidate and at each act.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, get_args

from connector.errors import InputRefused
from connector.web import explain
from connector.web.words import Audience

Found = dict[str, Any]
_ORDER_OF_CREATOR = (
    "id", "number", "placed_at", "currency", "payment_status", "paid_at", "cancelled_at", "test", "evaluated",
)  # fmt: skip
# What a line pays and how it was built: nobody's business but of who is credited for it.
_FIGURES = (
    "commission", "estimate", "due", "removed_units", "removed_base", "refunded_units", "refunded_base", "reversed",
)  # fmt: skip
# Outcomes of a candidate that say nothing against it: another reason decides the line.
_NEUTRAL = ("won", "proves_cart", "cart_add")


def audience(text: str) -> Audience:
    """Errors: InputRefused("audience")."""
    for known in get_args(Audience):
        if text == known:
            return known  # type: ignore[no-any-return]
    raise InputRefused("audience", f"{text[:40]!r} is none.", f"Use {', '.join(get_args(Audience))}.")


def told(found: Found, reader: Audience, creator_id: str | None = None) -> Found:
    """What this reader may see of a trace, with each reason in their words.

    Errors: InputRefused when the reader is a creator and nobody says which.
    """
    if reader == "creator" and not creator_id:
        raise InputRefused("creator_id", "is missing.", "Say which creator reads.")
    seen = seen_by(found, reader, creator_id)
    order = seen["order"]
    seen["said"] = explain.sentence(seen, reader)
    for line in seen["lines"]:
        line["said"] = explain.line_reason(line, order, reader)
        for candidate in (line["decision"] or {}).get("candidates", ()):
            candidate["said"] = explain.candidate_reason(candidate, line, order, reader)
    for act in seen["acts"]:
        act["said"] = explain.act_sentence(act, reader)
    return seen


def seen_by(found: Found, reader: Audience, creator_id: str | None = None) -> Found:
    """A copy without what isn't this reader's to see."""
    if reader == "support":
        return {**found, "lines": [_copied(line) for line in found["lines"]], "acts": [{**a} for a in found["acts"]]}
    if reader == "merchant":
        return _of_merchant(found)
    return _of_creator(found, creator_id or "")


def concerns(found: Found, creator_id: str) -> bool:
    """Is there anything of this creator on the order?"""
    return any(_involved(line, creator_id) for line in found["lines"])


# The merchant ----------------------------------------------------------------------------------------------------


def _of_merchant(found: Found) -> Found:
    return {
        **found,
        "heard": {
            "deliveries": [
                {name: each[name] for name in ("id", "topic", "received_at", "status", "reason")}
                for each in found["heard"]["deliveries"]
            ],
            "versions": found["heard"]["versions"],
            "loose": found["heard"]["loose"],
        },
        "carriers": {name: value for name, value in found["carriers"].items() if name != "bad"},
        "lines": [_line_of_merchant(line) for line in found["lines"]],
        "evaluations": [{"at": each["at"], "reason": each["reason"]} for each in found["evaluations"]],
        "acts": [{**act, "actor": _actor(act["actor"]), "approved_by": _second(act)} for act in found["acts"]],
        # A creator's bank, currency and what their rail answers are theirs.
        "payouts": [
            {name: each[name] for name in ("id", "creator", "amount", "status", "created_at", "paid_at")}
            for each in found["payouts"]
        ],
    }  # fmt: skip


def _line_of_merchant(line: Found) -> Found:
    line = _copied(line)
    if line["decision"]:
        line["decision"]["drift"] = ""
    if line["clearance"]:
        # Why a creator's money is held is said to the creator: the merchant learns that it waits, and until when.
        line["clearance"]["freezes"] = [
            {name: each[name] for name in ("id", "frozen_at", "ends_at", "ended_at", "ended_why")}
            for each in line["clearance"]["freezes"]
        ]
    return line


def _actor(actor: str) -> str:
    return "you" if actor.startswith("merchant:") else "support"


def _second(act: Found) -> str | None:
    return _actor(act["approved_by"]) if act["approved_by"] else None


# The creator ------------------------------------------------------------------------------------------------------


def _of_creator(found: Found, creator_id: str) -> Found:
    lines = _telling([_line_of_creator(line, creator_id) for line in found["lines"] if _involved(line, creator_id)])
    credited = [line for line in lines if line["decision"] and line["decision"]["creator"]]
    me = next((line["decision"]["creator"] for line in credited), None)
    refs = {line["line_ref"] for line in lines}
    return {
        "order": {
            **{name: found["order"][name] for name in _ORDER_OF_CREATOR},
            "shop": {"name": found["order"]["shop"]["name"]},
        },
        "answer": {
            "reason": found["answer"]["reason"], "lines": len(lines), "lines_credited": len(credited),
            "due": sum(line["due"] for line in credited),
            "creators": [{"creator": me, "due": sum(line["due"] for line in credited), "lines": len(credited)}]
            if me else [],
            "nobody": [{"line_ref": line["line_ref"], "reason": line["reason"]} for line in lines
                       if line not in credited],
        },
        "lines": lines,
        # That a line was refunded is seen at the line; which refund it was is between shop and buyer.
        "refunds": [],
        "acts": [_act_of_creator(act) for act in found["acts"] if _about(act, refs, creator_id)],
        "entries": [_entry_of_creator(entry) for entry in found["entries"] if _is(entry["creator"], creator_id)],
        "statements": _own(found["statements"], creator_id),
        "reserves": _own(found["reserves"], creator_id),
        "payouts": [
            {**each, "events": [{"outcome": e["outcome"], "at": e["at"]} for e in each["events"]], "rail_ref": ""}
            for each in _own(found["payouts"], creator_id)
        ],
    }  # fmt: skip


# Why a tap is none for a line at all: said once where it is all there is, and never beside a line that tells more.
WEAK = ("other_product", "after_order")


def _telling(lines: list[Found]) -> list[Found]:
    """Without lines of the cart that the creator's tap had nothing to do with."""
    strong = [line for line in lines if line["reason"] not in WEAK]
    return strong or lines[:1]


def _is(creator: Mapping[str, Any] | None, creator_id: str) -> bool:
    return creator is not None and creator["id"] == creator_id


def _own(rows: Iterable[Found], creator_id: str) -> list[Found]:
    return [row for row in rows if _is(row["creator"], creator_id)]


def _involved(line: Found, creator_id: str) -> bool:
    decision = line["decision"]
    if any(_is(balance["creator"], creator_id) for balance in line["balances"]):
        return True
    if not decision:
        return False
    return (
        _is(decision["creator"], creator_id)
        or bool(_own(decision["candidates"], creator_id))
        or bool(_own(decision["codes"], creator_id))
        or (decision["bound"] is not None and _is(decision["bound"]["creator"], creator_id))
    )


def _line_of_creator(line: Found, creator_id: str) -> Found:
    line = _copied(line)
    decision = line["decision"]
    line["balances"] = _own(line["balances"], creator_id)
    line["sku"] = ""
    if not decision:
        return _without_figures(line)
    mine = _is(decision["creator"], creator_id)
    decision["candidates"] = [
        {name: value for name, value in each.items() if name != "buyers"}
        for each in _own(decision["candidates"], creator_id)
    ]
    decision["codes"] = _own(decision["codes"], creator_id)
    # What stood before it did is between shop and support: others' taps decided it.
    decision.update(left_out=0, drift="", acts=[], exchange_of="", earlier=[])
    if decision["bound"] is not None and not _is(decision["bound"]["creator"], creator_id):
        decision["bound"] = None
    if mine:
        if line["clearance"]:
            line["clearance"]["freezes"] = [{**each, "frozen_by": ""} for each in line["clearance"]["freezes"]]
        return line
    own = own_reason(line)
    if not _deciding(line, creator_id):
        decision.update(touch_id=None)
    decision.update(
        credit_reason=own, rate_reason="", creator=None, content=None, rate_bp=0, terms=None, rates=None, credit=None,
        review=None, flags=[], pinned_at=None,
    )  # fmt: skip
    line["clearance"] = None
    line = _without_figures({**line, "reason": own})
    direct = any(each["product_ref"] == line["product_ref"] for each in decision["candidates"])
    if not direct and not decision["codes"] and not line["balances"]:
        # What else was in the cart is the buyer's.
        line.update(title="", product_ref=None, quantity=0, current_quantity=0)
    return line


def own_reason(line: Found) -> str:
    """Why this creator got nothing for the line: what held their own claim back, else what became of their best one.

    `line` has only their own candidates, codes and binding left in its decision.
    """
    decision = line["decision"]
    outcomes = [each["outcome"] for each in decision["codes"]]
    outcomes += [each["outcome"] for each in decision["candidates"]]
    if decision["bound"] is not None:
        outcomes.append(decision["bound"]["outcome"])
    if _stops_the_order(line):
        return str(line["reason"])
    if decision["credit_reason"] in outcomes:
        return str(decision["credit_reason"])  # it was their claim that was held back
    said = [outcome for outcome in outcomes if outcome not in _NEUTRAL]
    # What is about this very product says more than a tap on another one.
    said.sort(key=lambda outcome: outcome in WEAK)
    return said[0] if said else "credit_moved"


# Reasons of a whole order (D5, D6): they come before anybody's claim.
_OF_ORDER = frozenset(
    {"test_order", "not_completed", "sample_order", "order_cancelled", "awaiting_payment", "not_collected",
     "not_evaluated", "line_vanished"}
)  # fmt: skip


def _stops_the_order(line: Found) -> bool:
    return line["reason"] in _OF_ORDER


def _deciding(line: Found, creator_id: str) -> bool:
    touch_id = line["decision"]["touch_id"]
    return any(each["touch_id"] == touch_id for each in _own(line["decision"]["candidates"], creator_id))


def _without_figures(line: Found) -> Found:
    return {**line, **dict.fromkeys(_FIGURES, 0), "base": None, "flags": []}


def _about(act: Found, refs: set[str], creator_id: str) -> bool:
    """An act that took effect on one of their lines and names them, or nobody (an engine fix, a review of theirs)."""
    if act["state"] != "effective" or not (refs if act["line_ref"] == "" else act["line_ref"] in refs):
        return False
    return act["creator"] is None or _is(act["creator"], creator_id)


def _act_of_creator(act: Found) -> Found:
    """That it happened and when; who did it and in which words stays inside."""
    kept = ("id", "kind", "state", "line_ref", "proposed_at", "effective_at", "creator", "code", "since")
    return {**{name: act[name] for name in kept}, "actor": "", "reason": ""}


def _entry_of_creator(entry: Found) -> Found:
    sides = [side for side in entry["sides"] if side["account"].startswith("creator_") or side["account"] == "reserve"]
    return {**entry, "sides": sides, "evaluation_id": None}


def _copied(line: Found) -> Found:
    line = {**line}
    if line["decision"]:
        line["decision"] = {
            **line["decision"], "candidates": [{**each} for each in line["decision"]["candidates"]],
        }  # fmt: skip
    if line["clearance"]:
        line["clearance"] = {**line["clearance"]}
    return line
