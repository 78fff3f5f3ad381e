"""Samples in words: each state has a sentence, what a shop may do fits the moves, a score says its formula. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from connector.operations.sampling import stuck
from connector.programme.samples import moves
from connector.programme.samples.moves import MoveRefused
from connector.programme.samples.policy import Numbers
from connector.programme.samples.score import score
from connector.programme.samples.tables import Sample
from connector.web import sample_words
from connector.web.words import statuses

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NUMBERS = Numbers()


def row(**given: Any) -> Sample:
    plain: dict[str, Any] = {
        "kind": "free", "state": "requested", "due_at": NOW + timedelta(days=7), "placing": "", "ending": "",
        "extended": False, "appealed": False, "by_hand": False, "confirmed": False, "confirm_by": None,
        "order_ref": None, "order_number": "", "words": "", "agreed_amount": None, "currency": "EUR",
        "place_at": None, "moved_at": NOW,
        "shipped_at": None, "asked_at": NOW, "approved_at": None,
    }  # fmt: skip
    return cast("Sample", SimpleNamespace(**{**plain, **given}))


def test_every_state_has_a_sentence_a_badge_and_a_group() -> None:
    grouped = [state for _, states in sample_words.GROUPS.values() for state in states]
    assert sorted(grouped) == sorted(moves.STATES)
    for kind in ("free", "refundable"):
        for state in moves.STATES:
            said = sample_words.sentence(row(state=state, kind=kind), "Mira")
            assert said.endswith(".")
            assert "{" not in said
            assert said != "It is over."
            assert state in statuses("sample")
    assert "At most €61.00 comes back" in sample_words.sentence(
        row(state="approved", kind="refundable", agreed_amount=6100), "Mira"
    )
    assert "being called off" in sample_words.sentence(row(state="ordered", ending="cancelled"), "Mira")


# What an act of the page asks of the moves.
_MOVES = {
    "approve": lambda at: moves.approve(at, NOW, NUMBERS, placed_by_us=True),
    "decline": lambda at: moves.decline(at, NOW), "cancel": lambda at: moves.cancel(at, NOW),
    "shipped": lambda at: moves.ship(at, NUMBERS, NOW), "delivered": lambda at: moves.deliver(at, NUMBERS, NOW),
    "by-hand": moves.by_hand, "place-again": moves.place_again,
}  # fmt: skip


def test_no_page_offers_what_the_moves_refuse() -> None:
    for kind in ("free", "refundable"):
        for state in moves.STATES:
            for placing in ("", "waiting", "unknown", "placed", "refused"):
                for ending in ("", "cancelled"):
                    one = row(kind=kind, state=state, placing=placing, ending=ending)
                    stands = moves.Standing(kind, state, one.due_at, placing, ending)
                    offered = sample_words.acts(one)
                    for act in offered:
                        if act not in ("confirm", "doubt"):
                            _MOVES[act](stands)
                    if stands.over:
                        unsure = state == "fulfilled" and kind == "refundable" and not ending
                        assert offered == (("confirm", "doubt") if unsure else ()), state
    # and what may be done is offered: the two answers, and the parcel of what is sent by hand
    assert sample_words.acts(row()) == ("approve", "decline")
    assert "shipped" in sample_words.acts(row(state="approved"))
    assert sample_words.acts(row(state="ordered", kind="refundable"))[0] == "confirm"
    # What the creator bought isn't called off by the shop, but by support.
    bought = row(state="ordered", kind="refundable")
    assert "cancel" not in sample_words.acts(bought)
    assert "cancel" in sample_words.acts(bought, support=True)
    with pytest.raises(MoveRefused):
        moves.decline(moves.Standing("free", "shipped"), NOW)


def test_a_score_says_its_formula_and_none_says_why() -> None:
    assert sample_words.score(score(8, 2, NUMBERS)) == (
        "80\u00a0%: content came of 8 of 10 samples that ended in the last 365 days"
    )
    assert sample_words.score(score(1, 1, NUMBERS)) == "None yet: 2 of the 3 samples that it takes have ended"
    assert sample_words.short_score(score(2, 1, NUMBERS)) == "66\u00a0%"
    assert sample_words.short_score(score(0, 0, NUMBERS)) == "none yet, 0 ended"


def test_what_a_request_was_judged_by_is_read_as_it_was_kept() -> None:
    facts = {
        "level": "middle", "sales": {"EUR": 612_345, "USD": 0}, "most_open": 20, "open": 3, "followers": 48_200,
        "score": 80, "fulfilled": 8, "missed": 2, "policy_version": 4,
    }  # fmt: skip
    assert dict(sample_words.standing(facts, NUMBERS)) == {
        "Followers then": "48,200", "Sold in the app before": "EUR\u00a06,123.45",
        "Level": "middle: 20 may be open, 3 were", "Score then": "80\u00a0%, of 10 samples", "Policy": "version 4",
    }  # fmt: skip
    assert sample_words.standing({}, NUMBERS) == []


def test_what_is_stuck_is_told_from_what_only_waits() -> None:
    old, fresh = NOW - timedelta(days=22), NOW - timedelta(minutes=5)
    asked = {"state": "approved", "placing": "unknown", "place_at": NOW}
    assert stuck.why(row(**asked, moved_at=old), NOW) == "unknown"
    assert stuck.why(row(**asked, moved_at=fresh), NOW) is None
    assert stuck.why(row(state="approved", placing="refused"), NOW) == "refused"
    assert stuck.why(row(state="shipped", shipped_at=old), NOW) == "long"
    assert stuck.why(row(state="shipped", shipped_at=fresh), NOW) is None
    assert stuck.why(row(state="ordered", moved_at=old), NOW) == "long"
    assert stuck.why(row(state="ordered", moved_at=fresh), NOW) is None
    assert set(sample_words.STUCK) == set(stuck.WHYS)
    # A shop is told that it is late once half of its time is over.
    assert not sample_words.late(row(), NOW)
    assert sample_words.late(row(), NOW + timedelta(days=4))
