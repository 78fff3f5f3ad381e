"""The decision table as a pure function: each row by its printed reason, the edges, and independence of order."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.earnings.attribution.rules import (
    BadToken,
    Candidate,
    Decision,
    LineAsked,
    OrderAsked,
    decide,
    failed,
    higher,
)
from connector.programme.collaborations.offer import Rate

PLACED = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
TEN, TWENTY = Rate(1000, "trm_ten"), Rate(2000, "trm_twenty")
ORDER = OrderAsked(placed_at=PLACED, grace=DAY)
LINE = LineAsked("1", "A", TEN)


def touch(name: str = "tch_1", ago: timedelta = DAY, **changes: object) -> Candidate:
    at = PLACED - ago
    plain: dict[str, object] = {
        "touch_id": name, "creator_id": "crt_x", "content_id": "cnt_x", "product_ref": "A", "kind": "video", "at": at,
        "received_at": at, "window": 14 * DAY, "rate": TEN,
    }  # fmt: skip
    return Candidate(**{**plain, **changes})  # type: ignore[arg-type]


def outcomes(decision: Decision) -> dict[str, str]:
    return {c["touch_id"]: c["outcome"] for c in decision.evidence["candidates"]}


def test_latest_direct_touch_wins_and_the_others_say_why_they_lost() -> None:
    earlier, later = touch("tch_1", 3 * DAY), touch("tch_2", DAY, creator_id="crt_y", content_id="cnt_y")
    decision = decide(ORDER, LINE, [earlier, later])
    assert (decision.credit_reason, decision.rate_reason) == ("last_click_direct", "rate_open")
    assert (decision.creator_id, decision.content_id, decision.touch_id) == ("crt_y", "cnt_y", "tch_2")
    assert (decision.rate_bp, decision.terms_id, decision.pinned) == (1000, "trm_ten", False)
    assert outcomes(decision) == {"tch_2": "won", "tch_1": "outranked_by_later_click"}


def test_two_creators_in_one_cart_are_credited_line_by_line() -> None:
    """E18: A by X; B by Y, though X was clicked for B earlier."""
    x_on_a, x_on_b = touch("tch_1", 2 * DAY), touch("tch_2", 2 * DAY, product_ref="B")
    y_on_b = touch("tch_3", DAY, product_ref="B", creator_id="crt_y", rate=TWENTY)
    candidates = [x_on_a, x_on_b, y_on_b]
    on_a = decide(ORDER, LINE, candidates)
    on_b = decide(ORDER, LineAsked("2", "B", TWENTY), candidates)
    assert (on_a.creator_id, on_a.rate_bp) == ("crt_x", 1000)
    assert (on_b.creator_id, on_b.rate_bp) == ("crt_y", 2000)
    assert outcomes(on_b)["tch_2"] == "outranked_by_later_click"
    assert outcomes(on_a)["tch_3"] == "other_product"


def test_of_two_touches_at_one_moment_the_greater_id_is_the_later() -> None:
    decision = decide(ORDER, LINE, [touch("tch_b", creator_id="crt_b"), touch("tch_a", creator_id="crt_a")])
    assert decision.creator_id == "crt_b"


def test_another_variant_of_the_product_counts_and_another_product_does_not() -> None:
    # A touch names its product; which variant was bought never matters.
    assert decide(ORDER, LINE, [touch()]).credit_reason == "last_click_direct"
    indirect = decide(ORDER, LINE, [touch(product_ref="B")])
    assert (indirect.credit_reason, indirect.creator_id) == ("no_touch", None)
    without_product = decide(ORDER, LineAsked("1", None), [touch()])
    assert without_product.credit_reason == "no_touch"


@pytest.mark.parametrize(("beyond", "reason"), [(timedelta(0), "last_click_direct"), (TICK, "window_expired"),
                                                (timedelta(seconds=1), "window_expired")])  # fmt: skip
def test_window_edge(beyond: timedelta, reason: str) -> None:
    """E22: click + exactly 14 days counts; anything above doesn't."""
    decision = decide(ORDER, LINE, [touch(ago=14 * DAY + beyond)])
    assert decision.credit_reason == reason
    assert (decision.rate_bp > 0) == (reason == "last_click_direct")


def test_the_window_is_the_touch_s_own() -> None:
    assert decide(ORDER, LINE, [touch(ago=3 * DAY, window=2 * DAY)]).credit_reason == "window_expired"
    assert decide(ORDER, LINE, [touch(ago=80 * DAY, window=90 * DAY)]).credit_reason == "last_click_direct"


def test_a_touch_after_the_order_is_none() -> None:
    exact = msgspec.structs.replace(ORDER, placed_at=PLACED + TICK)
    assert decide(exact, LINE, [touch(ago=-2 * TICK)]).credit_reason == "no_touch"
    assert decide(exact, LINE, [touch(ago=-TICK)]).credit_reason == "last_click_direct"
    assert decide(ORDER, LINE, [touch(ago=timedelta(0))]).credit_reason == "last_click_direct"


def test_a_touch_within_the_second_that_the_store_cut_off_is_before_the_order() -> None:
    hasty = decide(ORDER, LINE, [touch(ago=TICK - timedelta(seconds=1))])
    assert (hasty.credit_reason, hasty.evidence["flags"]) == ("last_click_direct", ["hasty_order"])
    assert decide(ORDER, LINE, [touch(ago=-timedelta(seconds=1))]).credit_reason == "no_touch"


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


def test_nobody_names_the_latest_direct_touch_that_failed() -> None:
    expired = touch("tch_1", 20 * DAY)
    invalid = touch("tch_2", DAY, invalid="over_rate")
    other = touch("tch_3", timedelta(hours=1), product_ref="B")
    assert decide(ORDER, LINE, [expired, invalid, other]).credit_reason == "touch_invalid"
    assert decide(ORDER, LINE, [expired, other]).credit_reason == "window_expired"
    assert decide(ORDER, LINE, []).credit_reason == "no_touch"


def test_a_forged_token_is_named_only_where_no_touch_stands_higher() -> None:
    forged = BadToken("t1abcdef", "signature_wrong", ("cart attribute",))
    order = msgspec.structs.replace(ORDER, bad_tokens=(forged,))
    decision = decide(order, LINE, [])
    assert decision.credit_reason == "touch_invalid"
    assert decision.evidence["bad_tokens"] == [
        {"token": "t1abcdef", "problem": "signature_wrong", "via": ["cart attribute"]}
    ]
    # What is stored as JSON compares equal to what is decided anew: no provisional row is rewritten for nothing.
    assert json.loads(json.dumps(decision.evidence)) == decision.evidence
    assert decide(order, LINE, [touch(ago=20 * DAY)]).credit_reason == "window_expired"
    assert decide(order, LINE, [touch()]).credit_reason == "last_click_direct"


@pytest.mark.parametrize(("change", "why"), [({"creator_status": "suspended"}, "status_suspended"),
                                             ({"creator_status": "unknown"}, "status_unknown"),
                                             ({"threshold_missed": "followers_below_minimum"},
                                              "followers_below_minimum")])  # fmt: skip
def test_an_ineligible_winner_ends_with_zero_and_nobody_inherits(change: dict[str, str], why: str) -> None:
    """D16."""
    decision = decide(ORDER, LINE, [touch("tch_1", 2 * DAY, creator_id="crt_y"), touch("tch_2", DAY, **change)])
    assert (decision.credit_reason, decision.rate_reason, decision.rate_bp) == ("creator_ineligible", "", 0)
    assert (decision.creator_id, decision.touch_id) == (None, "tch_2")
    assert outcomes(decision) == {"tch_2": "creator_ineligible", "tch_1": "outranked_by_later_click"}
    assert decision.evidence["candidates"][0]["why"] == why


@pytest.mark.parametrize(
    ("click", "order", "rate"),
    [(TEN, TWENTY, TWENTY), (TWENTY, TEN, TWENTY), (None, TEN, TEN), (TEN, None, TEN), (None, None, None),
     (TEN, Rate(1000, "trm_targeted", "targeted"), Rate(1000, "trm_targeted", "targeted")),
     (Rate(1000, "trm_store", "store"), TEN, TEN), (Rate(1000, "trm_older"), TEN, Rate(1000, "trm_older"))],
)  # fmt: skip
def test_rate_is_the_higher_of_click_and_order(click: Rate | None, order: Rate | None, rate: Rate | None) -> None:
    """D18, and its ties."""
    assert higher(click, order) == rate
    decision = decide(ORDER, LineAsked("1", "A", order), [touch(rate=click)])
    assert decision.rate_bp == (rate.rate_bp if rate else 0)
    assert decision.rate_reason == (f"rate_{rate.kind}" if rate else "no_plan")
    assert decision.credit_reason == "last_click_direct"
    assert decision.evidence["rates"]["order"] == (msgspec.to_builtins(order) if order else None)


def test_a_store_that_left_credits_nobody() -> None:
    decision = decide(msgspec.structs.replace(ORDER, disconnected=True), LINE, [touch()])
    assert (decision.credit_reason, decision.creator_id, decision.rate_bp) == ("store_disconnected", None, 0)
    assert outcomes(decision) == {"tch_1": "store_disconnected"}


def test_an_order_right_after_the_click_is_flagged_and_paid() -> None:
    quick = decide(ORDER, LINE, [touch(ago=timedelta(seconds=2) - TICK)])
    assert quick.evidence["flags"] == ["hasty_order"]
    assert quick.rate_bp == 1000
    assert decide(ORDER, LINE, [touch(ago=timedelta(seconds=2))]).evidence["flags"] == []


def test_a_cut_list_of_candidates_never_hides_the_winner() -> None:
    others = [touch(f"tch_{n:03}", timedelta(seconds=n + 10), product_ref="B") for n in range(80)]
    decision = decide(ORDER, LINE, [*others, touch("tch_won", 2 * DAY)])
    assert outcomes(decision)["tch_won"] == "won"
    assert (len(decision.evidence["candidates"]), decision.evidence["left_out"]) == (50, 31)


candidates = st.lists(
    st.builds(
        touch,
        name=st.uuids().map(lambda u: f"tch_{u.hex}"),
        ago=st.one_of(st.sampled_from([14 * DAY, 14 * DAY + TICK, timedelta(0), -TICK]),
                      st.timedeltas(-DAY, 20 * DAY)),
        creator_id=st.sampled_from(["crt_x", "crt_y", "crt_z"]),
        product_ref=st.sampled_from(["A", "B"]),
        received_at=st.sampled_from([PLACED - 20 * DAY, PLACED + DAY, PLACED + DAY + TICK]),
        invalid=st.sampled_from(["", "", "over_rate"]),
        creator_status=st.sampled_from(["active", "active", "suspended"]),
        rate=st.sampled_from([None, TEN, TWENTY]),
    ),
    max_size=8,
)  # fmt: skip


@given(candidates, st.randoms(use_true_random=False))
def test_a_decision_does_not_depend_on_the_order_of_candidates(found: list[Candidate], chance: random.Random) -> None:
    shuffled = found[:]
    chance.shuffle(shuffled)
    assert decide(ORDER, LINE, shuffled) == decide(ORDER, LINE, found)


@given(candidates)
def test_the_winner_is_the_latest_that_did_not_fail(found: list[Candidate]) -> None:
    """The same said plainly: nobody who failed wins, and nobody who did not fail is later than the winner."""
    decision = decide(ORDER, LINE, found)
    fit = [c for c in found if not failed(ORDER, LINE, c)]
    if not fit:
        assert decision.touch_id is None
        assert decision.rate_bp == 0
        return
    latest = max(fit, key=lambda c: (c.at, c.touch_id))
    assert decision.touch_id == latest.touch_id
    assert decision.creator_id == (latest.creator_id if latest.creator_status == "active" else None)
    assert decision.rate_bp in (0, 1000, 2000)


@given(candidates)
def test_candidates_that_fail_change_nothing_but_the_evidence(found: list[Candidate]) -> None:
    decision = decide(ORDER, LINE, found)
    alone = decide(ORDER, LINE, [c for c in found if not failed(ORDER, LINE, c)])
    if alone.touch_id is not None:
        assert [getattr(decision, name) for name in Decision.__struct_fields__[:-1]] == [
            getattr(alone, name) for name in Decision.__struct_fields__[:-1]
        ]
    assert len(decision.evidence["candidates"]) + decision.evidence["left_out"] == len(found)
