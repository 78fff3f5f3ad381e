"""The decision table as a pure function: each row by its printed reason, each sentence of the fine print, the edges,
and independence of order."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.earnings.attribution.credit import in_turn
from connector.earnings.attribution.rules import (
    ActSeen,
    BadToken,
    Candidate,
    CreatorCode,
    Decision,
    LineAsked,
    OrderAsked,
    Personal,
    Policy,
    decide,
    failed,
    higher,
)
from connector.programme.collaborations.offer import Offers, Promotion, Rate, Version

PLACED = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAY, SECOND, TICK = timedelta(days=1), timedelta(seconds=1), timedelta(microseconds=1)
LONG_AGO = PLACED - 300 * DAY
ALL_ACTIVE = {"crt_x": "active", "crt_y": "active", "crt_z": "active"}


def plan(rate_bp: int | None, **changes: Any) -> Version:
    plain: dict[str, Any] = {
        "terms_id": f"trm_{rate_bp}", "product_ref": "", "rate_bp": rate_bp, "version": 1, "starts_at": LONG_AGO,
    }  # fmt: skip
    return Version(**{**plain, **changes})


def touch(name: str = "tch_1", ago: timedelta = DAY, **changes: Any) -> Candidate:
    at = PLACED - ago
    plain: dict[str, Any] = {
        "touch_id": name, "creator_id": "crt_x", "content_id": "cnt_x", "product_ref": "A", "kind": "video", "at": at,
        "received_at": at, "window": 14 * DAY,
    }  # fmt: skip
    return Candidate(**{**plain, **changes})


def order(*versions: Version, **changes: Any) -> OrderAsked:
    plain: dict[str, Any] = {
        "placed_at": PLACED, "grace": DAY, "statuses": ALL_ACTIVE,
        "offers": Offers(versions or (plan(1000),), changes.pop("promoted", ())),
    }  # fmt: skip
    return OrderAsked(**{**plain, **changes})


def policy(**changes: Any) -> Policy:
    return Policy(**changes)


def code(text: str = "mira10", creator: str | None = "crt_y", **changes: Any) -> dict[str, CreatorCode]:
    return {text: CreatorCode(f"cod_{text}", text, creator, **changes)}


ORDER = order()
LINE = LineAsked("1", "A")
CODED = LineAsked("1", "A", ("mira10",))


def outcomes(decision: Decision) -> dict[str, str]:
    return {c["touch_id"]: c["outcome"] for c in decision.evidence["candidates"]}


def said(decision: Decision) -> tuple[str, str, str | None, int]:
    return decision.credit_reason, decision.rate_reason, decision.creator_id, decision.rate_bp


# D1


def test_a_store_that_left_credits_nobody() -> None:
    acts = (ActSeen("act_1", "manual", creator_id="crt_z"),)
    decision = decide(order(disconnected=True, codes=code(), acts=acts), CODED, [touch()])
    assert said(decision) == ("store_disconnected", "", None, 0)
    assert outcomes(decision) == {"tch_1": "store_disconnected"}


# D9


def test_an_assignment_stands_before_codes_and_taps_and_earns_the_rate_at_the_order() -> None:
    acts = (ActSeen("act_1", "manual", "1", "crt_z", "cnt_z"),)
    cut = order(plan(1500), plan(1200, starts_at=PLACED - TICK, version=2), codes=code(), acts=acts)
    decision = decide(cut, CODED, [touch()])
    assert said(decision) == ("manual", "rate_open", "crt_z", 1200)
    assert (decision.content_id, decision.touch_id, decision.terms_id) == ("cnt_z", None, "trm_1200")
    assert outcomes(decision) == {"tch_1": "outranked_by_manual"}
    assert decision.evidence["codes"][0]["outcome"] == "outranked_by_manual"
    assert decision.evidence["acts"] == ["act_1"]
    other = decide(cut, LineAsked("2", "A"), [touch()])
    assert (other.creator_id, other.evidence["acts"]) == ("crt_x", [])


def test_the_newest_assignment_counts_whether_of_the_line_or_of_the_order() -> None:
    acts = (ActSeen("act_1", "manual", "1", "crt_z"), ActSeen("act_2", "manual", "", "crt_y"))
    assert decide(order(acts=acts), LINE, []).creator_id == "crt_y"
    assert decide(order(acts=acts[::-1]), LINE, []).creator_id == "crt_z"


def test_who_was_assigned_is_tested_like_everybody_else() -> None:
    acts = (ActSeen("act_1", "manual", creator_id="crt_z"),)
    suspended = order(acts=acts, statuses={**ALL_ACTIVE, "crt_z": "suspended"})
    assert said(decide(suspended, LINE, [touch()])) == ("creator_ineligible", "", None, 0)
    own = order(acts=acts, personal=Personal({"crt_z": "hard"}))
    assert decide(own, LINE, [touch()]).credit_reason == "self_purchase"


# D10


def test_a_code_beats_the_tap_and_the_tap_says_why_it_lost() -> None:
    """E19."""
    targeted = plan(1500, kind="targeted", creator_id="crt_y")
    decision = decide(order(plan(1000), targeted, codes=code()), CODED, [touch()])
    assert said(decision) == ("code", "rate_targeted", "crt_y", 1500)
    assert outcomes(decision) == {"tch_1": "outranked_by_code"}
    leaked = decide(order(plan(1000), targeted, codes=code(leaked=True)), CODED, [touch()])
    assert said(leaked) == ("last_click_direct", "rate_open", "crt_x", 1000)
    assert leaked.evidence["codes"] == [
        {"code_id": "cod_mira10", "text": "mira10", "creator_id": "crt_y", "outcome": "code_leaked"}
    ]


def test_a_code_on_another_line_only_or_of_nobody_is_neutral() -> None:
    asked = order(codes={**code(), **code("gone", None)})
    assert decide(asked, LINE, [touch()]).credit_reason == "last_click_direct"
    unknown = decide(asked, LineAsked("1", "A", ("summer", "gone")), [touch()])
    assert said(unknown) == ("last_click_direct", "rate_open", "crt_x", 1000)
    assert [c["outcome"] for c in unknown.evidence["codes"]] == ["code_inactive"]
    assert decide(asked, LineAsked("1", "A", ("summer", "gone")), []).credit_reason == "no_touch"


def test_of_several_codes_on_a_line_the_first_applied_counts() -> None:
    asked = order(codes={**code(), **code("zoe", "crt_z"), **code("old", "crt_x", leaked=True)})
    decision = decide(asked, LineAsked("1", "A", ("old", "zoe", "mira10")), [])
    assert decision.creator_id == "crt_z"
    assert [c["outcome"] for c in decision.evidence["codes"]] == ["code_leaked", "won", "outranked_by_code"]


@pytest.mark.parametrize(
    ("how", "touches", "reason"),
    [
        ("always", [], "code"),
        ("if_involved", [], "no_touch"),
        # Any eligible touch of the owner on the order, on another product too.
        ("if_involved", [touch(product_ref="B", creator_id="crt_y")], "code"),
        ("if_involved", [touch(product_ref="B", creator_id="crt_y", ago=14 * DAY)], "code"),
        ("if_involved", [touch(product_ref="B", creator_id="crt_y", ago=14 * DAY + SECOND)], "no_touch"),
        ("if_involved", [touch(product_ref="B", creator_id="crt_y", kind="cart")], "no_touch"),
        ("if_involved", [touch()], "last_click_direct"),
        ("if_winner", [touch(creator_id="crt_y")], "code"),
        ("if_winner", [touch(creator_id="crt_y", ago=2 * DAY), touch("tch_2")], "last_click_direct"),
        ("if_winner", [touch(product_ref="B", creator_id="crt_y")], "no_touch"),
    ],
)
def test_the_three_credit_policies(how: str, touches: list[Candidate], reason: str) -> None:
    decision = decide(order(codes=code(), policy=policy(code_policy=how)), CODED, touches)
    assert decision.credit_reason == reason
    assert decision.creator_id == {"code": "crt_y", "last_click_direct": "crt_x"}.get(reason)


def test_a_code_takes_its_owner_s_content_and_not_the_rate_at_the_tap() -> None:
    versions = (plan(1500), plan(1200, starts_at=PLACED - TICK, version=2))
    own = touch("tch_2", 2 * DAY, creator_id="crt_y", content_id="cnt_y", kind="ad")
    latest = touch("tch_3", DAY, creator_id="crt_x")
    decision = decide(order(*versions, codes=code()), CODED, [own, latest])
    assert said(decision) == ("code", "rate_open", "crt_y", 1200)
    assert (decision.content_id, decision.touch_id) == ("cnt_y", None)
    assert outcomes(decision) == {"tch_2": "outranked_by_code", "tch_3": "outranked_by_code"}
    # Content of a touch that couldn't be credited isn't content of the sale.
    late = decide(order(*versions, codes=code()), CODED, [msgspec.structs.replace(own, window=DAY)])
    assert (late.credit_reason, late.content_id) == ("code", None)


def test_a_rate_of_the_code_s_own() -> None:
    special = plan(1000, code_rates={"MIRA10": 2000})
    assert decide(order(special, codes=code()), CODED, []).rate_bp == 2000
    assert decide(order(special, codes=code()), LINE, [touch()]).rate_bp == 1000


def test_a_leak_dated_back_by_an_act() -> None:
    acts = (ActSeen("act_1", "leak_backdated", code_id="cod_mira10"),)
    decision = decide(order(codes=code(), acts=acts), CODED, [])
    assert (decision.credit_reason, decision.evidence["acts"]) == ("code_leaked", ["act_1"])
    other = decide(order(codes=code(), acts=acts), LINE, [])
    assert (other.credit_reason, other.evidence["acts"]) == ("no_touch", [])
    recorded = decide(order(codes=code(leaked=True, leak_act="act_1")), CODED, [])
    assert recorded.evidence["acts"] == ["act_1"]


# D11


def test_latest_direct_touch_wins_and_the_others_say_why_they_lost() -> None:
    earlier, later = touch("tch_1", 3 * DAY), touch("tch_2", DAY, creator_id="crt_y", content_id="cnt_y")
    decision = decide(ORDER, LINE, [earlier, later])
    assert said(decision) == ("last_click_direct", "rate_open", "crt_y", 1000)
    assert (decision.content_id, decision.touch_id) == ("cnt_y", "tch_2")
    assert (decision.terms_id, decision.pinned) == ("trm_1000", False)
    assert outcomes(decision) == {"tch_2": "won", "tch_1": "outranked_by_later_click"}


def test_two_creators_in_one_cart_are_credited_line_by_line() -> None:
    """E18: A by X; B by Y, though X was clicked for B earlier."""
    asked = order(plan(1000), plan(2000, product_ref="B"))
    candidates = [
        touch("tch_1", 2 * DAY), touch("tch_2", 2 * DAY, product_ref="B"),
        touch("tch_3", DAY, product_ref="B", creator_id="crt_y"),
    ]  # fmt: skip
    on_a, on_b = decide(asked, LINE, candidates), decide(asked, LineAsked("2", "B"), candidates)
    assert (on_a.creator_id, on_a.rate_bp) == ("crt_x", 1000)
    assert (on_b.creator_id, on_b.rate_bp) == ("crt_y", 2000)
    assert outcomes(on_b)["tch_2"] == "outranked_by_later_click"
    assert outcomes(on_a)["tch_3"] == "other_product"


def test_of_two_touches_at_one_moment_the_greater_id_is_the_later() -> None:
    decision = decide(ORDER, LINE, [touch("tch_b", creator_id="crt_y"), touch("tch_a", creator_id="crt_z")])
    assert decision.creator_id == "crt_y"


@pytest.mark.parametrize(
    ("beyond", "reason"), [(timedelta(0), "last_click_direct"), (TICK, "window_expired"), (SECOND, "window_expired")]
)
def test_window_edge(beyond: timedelta, reason: str) -> None:
    """E22: click + exactly 14 days counts; anything above doesn't."""
    decision = decide(ORDER, LINE, [touch(ago=14 * DAY + beyond)])
    assert decision.credit_reason == reason
    assert (decision.rate_bp > 0) == (reason == "last_click_direct")


def test_the_window_is_the_touch_s_own() -> None:
    assert decide(ORDER, LINE, [touch(ago=3 * DAY, window=2 * DAY)]).credit_reason == "window_expired"
    assert decide(ORDER, LINE, [touch(ago=80 * DAY, window=90 * DAY)]).credit_reason == "last_click_direct"


def test_a_window_counts_hours_and_no_calendar_days() -> None:
    """Fourteen days over the end of summer time, and over a leap day, are 336 hours."""
    for placed in (datetime(2026, 10, 30, 12, tzinfo=UTC), datetime(2028, 3, 5, tzinfo=UTC)):
        at = placed - timedelta(hours=336)
        tap = msgspec.structs.replace(touch(), at=at, received_at=at)
        assert decide(order(placed_at=placed), LINE, [tap]).credit_reason == "last_click_direct"
        assert decide(order(placed_at=placed + SECOND), LINE, [tap]).credit_reason == "window_expired"


def test_a_touch_after_the_order_is_none() -> None:
    exact = order(placed_at=PLACED + TICK)
    assert decide(exact, LINE, [touch(ago=-2 * TICK)]).credit_reason == "no_touch"
    assert decide(exact, LINE, [touch(ago=-TICK)]).credit_reason == "last_click_direct"
    assert decide(ORDER, LINE, [touch(ago=timedelta(0))]).credit_reason == "last_click_direct"


def test_a_touch_within_the_second_that_the_store_cut_off_is_before_the_order() -> None:
    hasty = decide(ORDER, LINE, [touch(ago=TICK - SECOND)])
    assert (hasty.credit_reason, hasty.evidence["flags"]) == ("last_click_direct", ["hasty_order"])
    assert decide(ORDER, LINE, [touch(ago=-SECOND)]).credit_reason == "no_touch"


@pytest.mark.parametrize(("heard", "reason"), [(DAY, "last_click_direct"), (DAY + TICK, "too_late")])
def test_grace_edge(heard: timedelta, reason: str) -> None:
    assert decide(ORDER, LINE, [touch(received_at=PLACED + heard)]).credit_reason == reason


def test_a_late_touch_leaves_the_credit_to_one_heard_in_time() -> None:
    late = touch("tch_2", DAY, creator_id="crt_y", received_at=PLACED + 2 * DAY)
    decision = decide(ORDER, LINE, [touch("tch_1", 2 * DAY), late])
    assert decision.creator_id == "crt_x"
    assert outcomes(decision)["tch_2"] == "too_late"


def test_over_rate_clicks_are_never_credited() -> None:
    decision = decide(ORDER, LINE, [touch(invalid="over_rate")])
    assert (decision.credit_reason, decision.creator_id) == ("touch_invalid", None)
    assert decision.evidence["candidates"][0]["why"] == "over_rate"


def test_an_order_right_after_the_click_is_flagged_and_paid() -> None:
    quick = decide(ORDER, LINE, [touch(ago=2 * SECOND - TICK)])
    assert (quick.evidence["flags"], quick.rate_bp) == (["hasty_order"], 1000)
    assert decide(ORDER, LINE, [touch(ago=2 * SECOND)]).evidence["flags"] == []


# D12

CARRY = policy(cart_carry=30 * DAY)


def added(ago: timedelta, **changes: Any) -> Candidate:
    return touch("tch_add", ago, kind="cart", **changes)


def test_put_into_the_cart_inside_the_window_and_bought_within_the_days() -> None:
    tap, add = touch(ago=40 * DAY), added(30 * DAY)
    decision = decide(order(policy=CARRY), LINE, [tap, add])
    assert said(decision) == ("cart_carry", "rate_open", "crt_x", 1000)
    assert (decision.touch_id, decision.content_id) == ("tch_1", "cnt_x")
    assert outcomes(decision) == {"tch_1": "won", "tch_add": "proves_cart"}
    assert decide(ORDER, LINE, [tap, add]).credit_reason == "window_expired"  # off by default


@pytest.mark.parametrize(
    ("tapped", "put", "reason"),
    [
        (
            timedelta(days=44),
            timedelta(days=30),
            "cart_carry",
        ),  # put in at the window's very end, 30 days to the second
        (timedelta(days=44, seconds=1), timedelta(days=30), "window_expired"),
        (timedelta(days=40), timedelta(days=30, seconds=1), "window_expired"),
        (timedelta(days=20), timedelta(days=25), "window_expired"),  # put in before the tap
    ],
)
def test_cart_edges(tapped: timedelta, put: timedelta, reason: str) -> None:
    assert decide(order(policy=CARRY), LINE, [touch(ago=tapped), added(put)]).credit_reason == reason


def test_a_cart_of_another_product_or_without_a_tap_proves_nothing() -> None:
    tap = touch(ago=40 * DAY)
    assert decide(order(policy=CARRY), LINE, [tap, added(30 * DAY, product_ref="B")]).credit_reason == "window_expired"
    alone = decide(order(policy=CARRY), LINE, [added(DAY)])
    assert (alone.credit_reason, outcomes(alone)) == ("no_touch", {"tch_add": "cart_add"})
    flagged = decide(order(policy=CARRY), LINE, [tap, added(30 * DAY, invalid="over_rate")])
    assert flagged.credit_reason == "window_expired"


def test_a_direct_tap_still_counts_before_the_cart() -> None:
    taps = [touch(ago=40 * DAY), added(30 * DAY), touch("tch_2", DAY, creator_id="crt_y")]
    decision = decide(order(policy=CARRY), LINE, taps)
    assert said(decision)[0::2] == ("last_click_direct", "crt_y")


# D13

INDIRECT = policy(indirect=True)


def test_an_indirect_tap_earns_its_share_rounded_down() -> None:
    elsewhere = touch(product_ref="B")
    asked = order(plan(1501), plan(4000, product_ref="B"), policy=INDIRECT)
    decision = decide(asked, LINE, [elsewhere])
    assert said(decision) == ("last_click_indirect", "rate_open", "crt_x", 750)  # of A's rate, not of B's
    off = decide(order(plan(1501)), LINE, [elsewhere])
    assert (off.credit_reason, outcomes(off)) == ("no_touch", {"tch_1": "other_product"})
    none = decide(order(plan(4000, product_ref="B"), policy=INDIRECT), LINE, [elsewhere])
    assert said(none) == ("last_click_indirect", "no_plan", "crt_x", 0)


def test_a_direct_tap_beats_a_later_indirect_one() -> None:
    taps = [touch(ago=5 * DAY), touch("tch_2", DAY, product_ref="B", creator_id="crt_y")]
    decision = decide(order(policy=INDIRECT), LINE, taps)
    assert decision.creator_id == "crt_x"
    assert outcomes(decision) == {"tch_1": "won", "tch_2": "outranked_by_later_click"}


def test_an_indirect_tap_has_its_window_too() -> None:
    assert decide(order(policy=INDIRECT), LINE, [touch(product_ref="B", ago=14 * DAY)]).creator_id == "crt_x"
    old = decide(order(policy=INDIRECT), LINE, [touch(product_ref="B", ago=14 * DAY + SECOND)])
    assert old.credit_reason == "window_expired"


# D14


def test_a_bound_buyer_is_the_lowest_candidate() -> None:
    bound = order(policy=policy(lifetime=True), personal=Personal(bound="crt_z"))
    assert said(decide(bound, LINE, [])) == ("lifetime", "rate_open", "crt_z", 1000)
    decision = decide(bound, LINE, [touch()])
    assert decision.creator_id == "crt_x"
    assert decision.evidence["bound"] == {"creator_id": "crt_z", "outcome": "outranked_by_later_click"}
    assert decide(order(personal=Personal(bound="crt_z")), LINE, []).credit_reason == "no_touch"


def test_a_moved_binding_decides_the_order_that_it_names() -> None:
    acts = (ActSeen("act_1", "binding_moved", creator_id="crt_y"),)
    bound = order(policy=policy(lifetime=True), personal=Personal(bound="crt_z"), acts=acts)
    assert said(decide(bound, LINE, []))[::2] == ("lifetime", "crt_y")


# D15


def test_nobody_names_the_candidate_that_stood_highest() -> None:
    expired = touch("tch_1", 20 * DAY)
    invalid = touch("tch_2", DAY, invalid="over_rate")
    other = touch("tch_3", timedelta(hours=1), product_ref="B")
    assert decide(ORDER, LINE, [expired, invalid, other]).credit_reason == "touch_invalid"
    assert decide(ORDER, LINE, [expired, other]).credit_reason == "window_expired"
    assert decide(ORDER, LINE, [other]).credit_reason == "no_touch"
    assert decide(ORDER, LINE, []).credit_reason == "no_touch"
    leaked = order(codes=code(leaked=True))
    assert decide(leaked, CODED, [expired, invalid]).credit_reason == "code_leaked"


def test_a_line_without_a_product_is_reached_by_codes_and_assignments_alone() -> None:
    bare = LineAsked("1", None, ("mira10",))
    assert decide(order(codes={}), bare, [touch()]).credit_reason == "no_touch"
    assert said(decide(order(codes=code()), bare, [])) == ("code", "no_plan", "crt_y", 0)


def test_a_forged_token_is_named_only_where_no_touch_stands_higher() -> None:
    forged = BadToken("t1abcdef", "signature_wrong", ("cart attribute",))
    asked = order(bad_tokens=(forged,))
    decision = decide(asked, LINE, [])
    assert decision.credit_reason == "touch_invalid"
    assert decision.evidence["bad_tokens"] == [
        {"token": "t1abcdef", "problem": "signature_wrong", "via": ["cart attribute"]}
    ]
    assert decide(asked, LINE, [touch(ago=20 * DAY)]).credit_reason == "window_expired"
    assert decide(asked, LINE, [touch()]).credit_reason == "last_click_direct"


# D16


@pytest.mark.parametrize(
    ("status", "missed", "why"),
    [("suspended", "", "status_suspended"), ("unknown", "", "status_unknown"), ("country_off", "", "country_off"),
     ("active", "followers_below_minimum", "followers_below_minimum")],
)  # fmt: skip
def test_an_ineligible_winner_ends_with_zero_unless_the_policy_lets_the_next_one_inherit(
    status: str, missed: str, why: str
) -> None:
    taps = [touch("tch_1", 2 * DAY, creator_id="crt_y"), touch("tch_2", DAY, threshold_missed=missed)]
    statuses = {**ALL_ACTIVE, "crt_x": status}
    decision = decide(order(statuses=statuses), LINE, taps)
    assert said(decision) == ("creator_ineligible", "", None, 0)
    assert decision.touch_id == "tch_2"
    assert outcomes(decision) == {"tch_2": "creator_ineligible", "tch_1": "outranked_by_later_click"}
    assert decision.evidence["candidates"][0]["why"] == why
    inherited = decide(order(statuses=statuses, policy=policy(inherit=True)), LINE, taps)
    assert said(inherited) == ("last_click_direct", "rate_open", "crt_y", 1000)
    assert outcomes(inherited) == {"tch_2": "creator_ineligible", "tch_1": "won"}
    alone = decide(order(statuses=statuses, policy=policy(inherit=True)), LINE, taps[1:])
    assert said(alone) == ("creator_ineligible", "", None, 0)


# D17


def test_an_own_purchase_earns_nothing() -> None:
    """E26."""
    own = order(personal=Personal({"crt_x": "hard"}))
    taps = [touch("tch_2", DAY), touch("tch_1", 2 * DAY, creator_id="crt_y")]
    decision = decide(own, LINE, taps)
    assert said(decision) == ("self_purchase", "", None, 0)
    assert outcomes(decision) == {"tch_2": "self_purchase", "tch_1": "outranked_by_later_click"}
    assert decide(own, LINE, taps[1:]).creator_id == "crt_y"  # another creator's own address doesn't matter
    inherit = msgspec.structs.replace(own, policy=policy(inherit=True))
    assert decide(inherit, LINE, taps).creator_id == "crt_y"


REVIEWS = [
    ({"personal": Personal({"crt_x": "soft"})}, ["self_match_soft"], "self_purchase"),
    ({"shared": True}, ["token_shared"], "touch_invalid"),
    ({"shared": True, "personal": Personal({"crt_x": "soft"})}, ["self_match_soft", "token_shared"], "self_purchase"),
]


@pytest.mark.parametrize(("facts", "why", "refused"), REVIEWS)
def test_what_only_looks_wrong_waits_for_a_person(facts: dict[str, Any], why: list[str], refused: str) -> None:
    decision = decide(order(**facts), LINE, [touch()])
    assert said(decision) == ("frozen_review", "rate_open", "crt_x", 1000)
    assert decision.evidence["review"] == {"why": why, "until": (PLACED + 30 * DAY).isoformat()}
    assert decision.evidence["credit"]["reason"] == "last_click_direct"
    passed = decide(order(**facts, acts=(ActSeen("act_1", "review_passed"),)), LINE, [touch()])
    assert said(passed) == ("last_click_direct", "rate_open", "crt_x", 1000)
    assert "review" not in passed.evidence
    verdict = decide(order(**facts, acts=(ActSeen("act_1", "review_refused", "1"),)), LINE, [touch()])
    assert said(verdict) == (refused, "", None, 0)
    elsewhere = decide(order(**facts, acts=(ActSeen("act_1", "review_refused", "9"),)), LINE, [touch()])
    assert elsewhere.credit_reason == "frozen_review"
    again = (ActSeen("act_1", "review_refused"), ActSeen("act_2", "review_passed"))
    assert decide(order(**facts, acts=again), LINE, [touch()]).credit_reason == "last_click_direct"


def test_an_assignment_needs_no_review_of_its_token() -> None:
    acts = (ActSeen("act_1", "manual", creator_id="crt_z"),)
    assert decide(order(shared=True, acts=acts), LINE, [touch()]).credit_reason == "manual"
    assert decide(order(shared=True), LINE, [touch()]).evidence["flags"] == ["token_shared"]


# D18 and D19

TARGET = plan(800, kind="targeted", creator_id="crt_x", terms_id="trm_target")


@pytest.mark.parametrize(
    ("versions", "reason", "rate_bp", "terms"),
    [
        ([plan(1500), TARGET], "rate_targeted", 800, "trm_target"),  # E20: the target wins even where it is lower
        ([plan(500, kind="store"), plan(1500)], "rate_open", 1500, "trm_1500"),
        ([plan(1500, kind="store"), plan(500)], "rate_open", 500, "trm_500"),
        ([plan(500, kind="store")], "rate_store", 500, "trm_500"),
        ([plan(1500, product_ref="B")], "no_plan", 0, None),
        # Of click and order the higher one: a raise, a cut, one that came, one that went.
        ([plan(1000), plan(2000, starts_at=PLACED - TICK, version=2)], "rate_open", 2000, "trm_2000"),
        ([plan(2000), plan(1000, starts_at=PLACED - TICK, version=2)], "rate_open", 2000, "trm_2000"),
        ([plan(1000, starts_at=PLACED - TICK)], "rate_open", 1000, "trm_1000"),
        ([plan(1000), plan(None, starts_at=PLACED - TICK, version=2)], "rate_open", 1000, "trm_1000"),
        # Equal: targeted, then open, then store, whichever moment it stood at.
        ([plan(1000), msgspec.structs.replace(TARGET, rate_bp=1000, starts_at=PLACED - TICK)],
         "rate_targeted", 1000, "trm_target"),
        # A target that ended between: at the click it stood, at the order the open terms do.
        ([plan(500), msgspec.structs.replace(TARGET, ends_at=PLACED - SECOND)], "rate_targeted", 800, "trm_target"),
    ],
)  # fmt: skip
def test_the_rate_is_the_higher_of_click_and_order_each_by_precedence(
    versions: list[Version], reason: str, rate_bp: int, terms: str | None
) -> None:
    decision = decide(order(*versions), LINE, [touch()])
    assert (decision.credit_reason, decision.creator_id) == ("last_click_direct", "crt_x")
    assert (decision.rate_reason, decision.rate_bp, decision.terms_id) == (reason, rate_bp, terms)


def test_ties_of_the_rate() -> None:
    ten, twenty = Rate(1000, "trm_ten"), Rate(2000, "trm_twenty")
    assert [higher(ten, twenty), higher(twenty, ten), higher(None, ten), higher(ten, None), higher(None, None)] == [
        twenty, twenty, ten, ten, None,
    ]  # fmt: skip
    store, older = Rate(1000, "trm_store", "store"), Rate(1000, "trm_older")
    assert (higher(store, ten), higher(older, ten)) == (ten, older)


@pytest.mark.parametrize(
    ("days", "old", "rate_bp"),
    [(20, True, 1500), (29, True, 1500), (30, True, 1200), (31, True, 1200), (20, False, 1200)],
)
def test_whoever_promoted_keeps_the_old_rate_for_thirty_days(days: int, old: bool, rate_bp: int) -> None:
    """E17, with click and order on the same day; at 30 x 24 h to the second the protection is over."""
    cut = PLACED - days * DAY
    promoted = [Promotion("crt_x", "A", cut - DAY)] if old else []
    asked = order(plan(1500), plan(1200, starts_at=cut, version=2), promoted=promoted)
    assert decide(asked, LINE, [touch(ago=timedelta(0))]).rate_bp == rate_bp


def test_an_ad_s_rate_is_for_direct_credit_through_an_ad() -> None:
    ads = plan(1000, ads_bp=1600)
    through = touch(kind="ad")
    assert said(decide(order(ads), LINE, [through])) == ("last_click_direct", "rate_ads", "crt_x", 1600)
    assert said(decide(order(ads), LINE, [touch()])) == ("last_click_direct", "rate_open", "crt_x", 1000)
    assert said(decide(order(plan(1000)), LINE, [through]))[1] == "rate_open"
    # A lower one as well: it replaces the standard rate inside the winning terms.
    assert decide(order(plan(1000, ads_bp=500)), LINE, [through]).rate_bp == 500
    indirect = decide(order(ads, policy=INDIRECT), LINE, [touch(kind="ad", product_ref="B")])
    assert said(indirect)[1::2] == ("rate_open", 500)
    coded = decide(order(ads, codes=code(creator="crt_x")), CODED, [through])
    assert said(coded) == ("code", "rate_open", "crt_x", 1000)


def test_ads_rates_of_both_moments_and_the_higher_counts() -> None:
    """At the click the target's, which has no ads rate; at the order the open terms' ads rate."""
    asked = order(plan(1000, ads_bp=1600), msgspec.structs.replace(TARGET, ends_at=PLACED - SECOND))
    assert said(decide(asked, LINE, [touch(kind="ad")])) == ("last_click_direct", "rate_ads", "crt_x", 1600)


def test_a_new_buyer_s_rate() -> None:
    new = plan(1000, new_buyer_bp=1800)
    for returning, rate_bp in ((False, 1800), (True, 1000), (None, 1000)):
        assert decide(order(new, personal=Personal(returning=returning)), LINE, [touch()]).rate_bp == rate_bp


# F4: acts


def test_a_forfeit_takes_the_money_and_decides_nobody_anew() -> None:
    """F4: a pinned line whose facts drifted isn't moved to another creator by it."""
    acts = (ActSeen("act_1", "forfeit"), ActSeen("act_2", "review_passed"), ActSeen("act_3", "forfeit", "1"))
    assert decide(order(acts=acts), LINE, [touch()]).evidence["acts"] == ["act_2"]


# R8: exchange


@pytest.mark.parametrize("listed", list(permutations("1234")))
def test_exchanges_that_follow_exchanges_are_decided_in_turn(listed: tuple[str, ...]) -> None:
    given_for = {"1": "", "2": "1", "3": "2", "4": "9"}
    turn = [line.line_ref for line in in_turn([LineAsked(ref, "A", exchange_of=given_for[ref]) for ref in listed])]
    assert turn.index("1") < turn.index("2") < turn.index("3")
    ring = [LineAsked("1", "A", exchange_of="2"), LineAsked("2", "A", exchange_of="1")]
    assert len(in_turn(ring)) == 2


def test_what_was_given_for_a_returned_line_is_its_creator_s() -> None:
    """E32: by the same click, at the new product's rate."""
    asked = order(
        plan(1000), plan(2000, product_ref="B"), plan(1200, product_ref="B", starts_at=PLACED - TICK, version=2)
    )
    taps = [touch(), touch("tch_2", timedelta(hours=1), product_ref="B", creator_id="crt_y")]
    returned = decide(asked, LINE, taps)
    given_for = LineAsked("2", "B", exchange_of="1")
    decision = decide(asked, given_for, taps, returned)
    assert said(decision) == ("last_click_direct", "rate_open", "crt_x", 2000)
    assert (decision.touch_id, decision.content_id, decision.evidence["exchange_of"]) == ("tch_1", "cnt_x", "1")
    assert decide(asked, LineAsked("2", "B"), taps).creator_id == "crt_y"  # an ordinary added line
    nobody = decide(asked, LINE, [])
    assert decide(asked, given_for, taps, nobody).creator_id == "crt_y"
    by_code = decide(order(codes=code("mira10", "crt_z")), CODED, [])
    assert said(decide(order(), given_for, taps, by_code)) == ("code", "rate_open", "crt_z", 1000)


# All of it, in any order


def facts() -> Any:
    names = ["crt_x", "crt_y", "crt_z"]
    texts = ["mira10", "zoe", "old"]
    return st.builds(
        order,
        st.just(plan(1000, ads_bp=1300)), st.just(plan(1500, product_ref="B")),
        st.just(plan(800, kind="targeted", creator_id="crt_y")),
        policy=st.builds(
            Policy, code_policy=st.sampled_from(["always", "if_involved", "if_winner"]), indirect=st.booleans(),
            cart_carry=st.sampled_from([timedelta(0), 30 * DAY]), lifetime=st.booleans(), inherit=st.booleans(),
        ),
        personal=st.builds(
            Personal, self_match=st.dictionaries(st.sampled_from(names), st.sampled_from(["hard", "soft"]), max_size=1),
            bound=st.sampled_from([None, *names]),
        ),
        shared=st.sampled_from([False, False, True]),
        codes=st.fixed_dictionaries({}, optional={
            text: st.builds(CreatorCode, code_id=st.just(f"cod_{text}"), text=st.just(text),
                            creator_id=st.sampled_from([None, *names]), leaked=st.booleans())
            for text in texts
        }),
        statuses=st.fixed_dictionaries({name: st.sampled_from(["active", "active", "suspended"]) for name in names}),
    )  # fmt: skip


candidates = st.lists(
    st.builds(
        touch,
        name=st.uuids().map(lambda u: f"tch_{u.hex}"),
        ago=st.one_of(st.sampled_from([14 * DAY, 14 * DAY + TICK, timedelta(0), -TICK]),
                      st.timedeltas(-DAY, 40 * DAY)),
        creator_id=st.sampled_from(["crt_x", "crt_y", "crt_z"]),
        product_ref=st.sampled_from(["A", "A", "B"]),
        kind=st.sampled_from(["video", "link", "ad", "cart"]),
        received_at=st.sampled_from([PLACED - 20 * DAY, PLACED + DAY, PLACED + DAY + TICK]),
        invalid=st.sampled_from(["", "", "over_rate"]),
        at_checkout=st.sampled_from([False, False, True]),
        threshold_missed=st.sampled_from(["", "", "followers_below_minimum"]),
    ),
    max_size=8,
)  # fmt: skip
lines = st.builds(
    LineAsked, st.just("1"), st.sampled_from(["A", "B", None]),
    st.lists(st.sampled_from(["mira10", "zoe", "old", "summer"]), unique=True, max_size=3).map(tuple),
)  # fmt: skip


@given(facts(), lines, candidates, st.randoms(use_true_random=False))
def test_a_decision_does_not_depend_on_the_order_of_candidates(
    asked: OrderAsked, line: LineAsked, found: list[Candidate], chance: random.Random
) -> None:
    shuffled, codes = found[:], list(asked.codes.items())
    chance.shuffle(shuffled)
    chance.shuffle(codes)
    again = msgspec.structs.replace(asked, codes=dict(codes))
    decision = decide(asked, line, found)
    assert decide(again, line, shuffled) == decision
    # What is stored as JSON compares equal to what is decided anew: no provisional row is rewritten for nothing.
    assert json.loads(json.dumps(decision.evidence)) == decision.evidence


@given(facts(), lines, candidates)
def test_what_is_true_of_every_decision(asked: OrderAsked, line: LineAsked, found: list[Candidate]) -> None:
    decision = decide(asked, line, found)
    assert (decision.creator_id is None) == (decision.rate_reason == "")
    assert decision.rate_bp == 0 or decision.terms_id is not None
    if decision.creator_id is not None:
        assert asked.statuses[decision.creator_id] == "active"
        assert asked.personal.self_match.get(decision.creator_id) != "hard"
        frozen = asked.shared or decision.creator_id in asked.personal.self_match
        assert (decision.credit_reason == "frozen_review") == frozen
    shown = decision.evidence["candidates"]
    assert len(shown) + decision.evidence["left_out"] == len(found)
    assert all(each["outcome"] for each in [*shown, *decision.evidence["codes"]])
    won = [each for each in [*shown, *decision.evidence["codes"]] if each["outcome"] == "won"]
    assert len(won) == (decision.creator_id is not None and decision.evidence["credit"]["reason"] != "lifetime")


@given(facts(), lines, candidates)
def test_candidates_that_fail_change_nothing_but_the_evidence(
    asked: OrderAsked, line: LineAsked, found: list[Candidate]
) -> None:
    decision = decide(asked, line, found)
    useful = [c for c in found if not failed(asked, line, c) or c.kind == "cart" or failed(asked, line, c) in (
        "window_expired", "other_product")]  # fmt: skip
    alone = decide(asked, line, useful)
    if alone.creator_id is not None:
        assert [getattr(decision, name) for name in Decision.__struct_fields__[:-1]] == [
            getattr(alone, name) for name in Decision.__struct_fields__[:-1]
        ]


def test_a_cut_list_of_candidates_never_hides_the_winner() -> None:
    others = [touch(f"tch_{n:03}", timedelta(seconds=n + 10), product_ref="B") for n in range(80)]
    decision = decide(ORDER, LINE, [*others, touch("tch_won", 2 * DAY)])
    assert outcomes(decision)["tch_won"] == "won"
    assert (len(decision.evidence["candidates"]), decision.evidence["left_out"]) == (50, 31)
