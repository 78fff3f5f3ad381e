"""F4: an act on a pinned line changes what the act is about, and nothing that was heard of or thought of since the pin.

Random worlds are decided and pinned; then facts come late, today's rules say otherwise, and a random act is recorded.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from connector.earnings.attribution import redecide
from connector.earnings.attribution.redecide import redecided
from connector.earnings.attribution.rules import ActSeen, Candidate, Decision, LineAsked, OrderAsked, decide
from tests.money import given as handed
from tests.money.credit_worlds import CREATORS, random_world

KINDS = ("manual", "leak_backdated", "binding_moved", "review_passed", "review_refused", "engine_fix")
LINES = [
    {"ref": "8", "product": "p8", "codes": ["ANN10", "Ben"]}, {"ref": "9", "product": "p9", "codes": ["ben"]},
    {"ref": "10", "product": "p8", "codes": []},
]  # fmt: skip
WORLDS = 1500
MONEY = ("creator_id", "content_id", "touch_id", "rate_bp", "terms_id", "rate_reason")


class Case(msgspec.Struct):
    """A pinned line, what is known of its order today, and an act on it."""

    pin: Decision
    then: OrderAsked
    now: OrderAsked
    line: LineAsked
    touches: list[Candidate]  # of the pin
    late: list[Candidate]  # heard of since
    act: ActSeen

    def after(self, *, late: bool = True) -> Decision:
        """What stands after the act, with what is known today or with what was known at the pin."""
        order = self.now if late else replace(self.then, acts=self.now.acts, codes=self.now.codes)
        return redecided(self.pin, order, self.line, [*self.touches, *(self.late if late else [])])


def a_case(seed: int) -> Case:
    chance = random.Random(seed)
    world = random_world(seed, LINES)
    then = replace(handed.asked(world), shared=chance.random() < 0.1, disconnected=False)
    touches = [handed.candidate(touch) for touch in world["touches"]]
    line = handed.line_asked(chance.choice(LINES))
    pin = replace(decide(then, line, touches), pinned=True)
    if chance.random() < 0.4 and pin.creator_id is not None:  # an older engine, or somebody's bug
        other = chance.choice([who for who in CREATORS if who != pin.creator_id])
        pin = replace(pin, **chance.choice([{"rate_bp": pin.rate_bp + 1}, {"creator_id": other}, {"content_id": "c9"}]))
    kind = chance.choice(KINDS)
    code = chance.choice(list(then.codes.values())) if then.codes else None
    act = ActSeen(
        "act_new", kind, chance.choice(("", line.line_ref)),
        creator_id=chance.choice(CREATORS) if kind in ("manual", "binding_moved") else None,
        code_id=code.code_id if kind == "leak_backdated" and code else None,
    )  # fmt: skip
    return Case(pin, then, _today(chance, then, act), line, touches, _late(chance, then), act)


def _today(chance: random.Random, then: OrderAsked, act: ActSeen) -> OrderAsked:
    """What is known now: the act, and things that nobody asked the act about."""
    codes = {
        text: replace(code, leaked=True, leak_act="act_new")
        if act.kind == "leak_backdated" and code.code_id == act.code_id
        else code
        for text, code in then.codes.items()
    }
    acts = then.acts if act.kind == "leak_backdated" else (*then.acts, act)
    return replace(
        then, acts=acts, codes=codes, shared=chance.random() < 0.3, disconnected=chance.random() < 0.1,
        flags=("token_mended",) if chance.random() < 0.3 else then.flags,
    )  # fmt: skip


def _late(chance: random.Random, then: OrderAsked) -> list[Candidate]:
    """Taps that a later version's tokens brought: in time all the same, so that they would win today."""
    return [
        Candidate(
            f"tch_late{number}", chance.choice(CREATORS), f"cnt_late{number}", chance.choice(("p8", "p9")), "video",
            then.placed_at - timedelta(seconds=number + 3), then.placed_at, timedelta(days=7), via=("cart_attribute",),
        )
        for number in range(chance.choice((0, 1, 2)))
    ]  # fmt: skip


def test_an_act_changes_only_what_it_is_about() -> None:
    seen: Counter[str] = Counter()
    for seed in range(WORLDS):
        case = a_case(seed)
        try:
            seen.update(_holds(case))
        except AssertionError as wrong:
            raise AssertionError(f"a_case({seed}), {case.act.kind}: {wrong}") from wrong
    rare = [what for what in (*KINDS, "drifted", "moved", "kept", "late") if seen[what] < 30]
    assert not rare, f"hardly ever drawn: {rare} of {seen}"


def _holds(case: Case) -> list[str]:
    pin, after = case.pin, case.after()
    assert after.pinned
    known = set(pin.evidence["acts"])
    today = decide(case.now, case.line, [*case.touches, *case.late])
    found = [case.act.kind] + ["drifted"] * _differs(pin, today) + ["late"] * bool(case.late)
    if case.act.kind == "engine_fix":  # is about just that
        assert _plain(after) == _plain(today)
        return found
    # Not a word of what came since the pin.
    assert after == case.after(late=False)
    assert redecided(after, case.now, case.line, [*case.touches, *case.late]) == after
    if set(after.evidence["acts"]) == known:  # e.g. a leak of a code that isn't on the line
        assert after == pin
        return found
    changed = {name for name in MONEY if getattr(after, name) != getattr(pin, name)}
    if case.act.kind == "manual" and not case.now.disconnected:
        assert after.creator_id in (case.act.creator_id, None) or after.credit_reason != "manual"
    elif case.act.kind == "review_passed":
        assert not changed
        assert after.credit_reason == pin.credit_reason or pin.credit_reason == "frozen_review"
    elif case.act.kind == "review_refused":
        assert not changed or after.creator_id is None
    bare = decide(case.then, case.line, case.touches)
    if _plain(bare) == _plain(_by_table(case)):  # the table, asked without drift, has the same answer with the act
        assert not changed
        assert after.credit_reason == pin.credit_reason
        found.append("kept")
    if changed:
        found.append("moved")
    return found


def _by_table(case: Case) -> Decision:
    """The pin's own facts and the act, by the table alone."""
    return decide(replace(case.then, acts=case.now.acts, codes=case.now.codes), case.line, case.touches)


def _plain(decision: Decision) -> tuple[Any, ...]:
    return (decision.credit_reason, *(getattr(decision, name) for name in MONEY))


def _differs(pin: Decision, today: Decision) -> bool:
    return any(getattr(pin, name) != getattr(today, name) for name in MONEY)


def test_without_a_new_act_a_pin_is_what_it_was() -> None:
    for seed in range(300):
        case = a_case(seed)
        order = replace(case.now, acts=case.then.acts, codes=case.then.codes)
        assert redecided(case.pin, order, case.line, [*case.touches, *case.late]) is case.pin


def test_the_property_sees_an_act_that_adopts_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutant is what the product did before: any new act takes today's answer over."""
    monkeypatch.setattr(redecide, "candidates_of", lambda evidence: None)
    monkeypatch.setattr(redecide, "as_pinned", lambda pin, order, line: (order, order))
    with pytest.raises(AssertionError):
        test_an_act_changes_only_what_it_is_about()


def test_a_long_list_of_candidates_is_named_whole() -> None:
    """Beyond fifty they are named with what became of them, so that an act is decided on all of them."""
    case = a_case(1)
    taps = [
        Candidate(f"tch_{n:03}", "crt_x", None, "p8", "video", case.then.placed_at - timedelta(minutes=n),
                  case.then.placed_at, timedelta(days=7))
        for n in range(1, 71)
    ]  # fmt: skip
    made = decide(replace(case.then, acts=(), codes={}, disconnected=False), LineAsked("8", "p8"), taps)
    evidence = made.evidence
    assert (len(evidence["candidates"]), evidence["left_out"]) == (50, 20)
    assert redecide.candidates_of(evidence) == {tap.touch_id for tap in taps}
    assert redecide.candidates_of({"candidates": [], "left_out": 3}) is None
