"""The moves of a sample, in any order and at any moment; and the deadlines to the second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.programme.samples import moves
from connector.programme.samples.moves import ENDS, OPEN, MoveRefused, Standing
from connector.programme.samples.policy import Numbers

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
N = Numbers()

# name → the move at a moment; what comes at random.
MOVES: dict[str, Any] = {
    "take_up": lambda s, at: moves.take_up(s, at, N, placed_by_us=True),
    "approve": lambda s, at: moves.approve(s, at, N, placed_by_us=True),
    "approve_hand": lambda s, at: moves.approve(s, at, N, placed_by_us=False),
    "decline": moves.decline,
    "withdraw": moves.withdraw,
    "cancel": moves.cancel,
    "by_hand": lambda s, at: moves.by_hand(s),
    "place_again": lambda s, at: moves.place_again(s),
    "readdress": lambda s, at: moves.readdress(s, placed_by_us=True),
    "ask_store": lambda s, at: moves.asked_store(s),
    "ordered": lambda s, at: moves.ordered(s),
    "bought": moves.bought,
    "ship": lambda s, at: moves.ship(s, N, at),
    "deliver": lambda s, at: moves.deliver(s, N, at),
    "corrected": lambda s, at: moves.corrected(s, N, at),
    "lost": lambda s, at: moves.lost_at_store(s),
    "called_off": lambda s, at: moves.called_off(s),
    "extend": lambda s, at: moves.extend(s, at, N),
    "fulfil": lambda s, at: moves.fulfil(s),
    "appeal": moves.appeal,
    "decide_missed": lambda s, at: moves.decide(s, "missed"),
    "decide_excused": lambda s, at: moves.decide(s, "excused"),
    "tick": lambda s, at: moves.tick(s, at, N),
}
steps = st.lists(st.tuples(st.sampled_from(sorted(MOVES)), st.integers(0, 20)), max_size=30)


@given(st.sampled_from(["free", "refundable", "granted"]), steps)
def test_whatever_happens_in_whatever_order_a_sample_keeps_its_rules(begun: str, done: list[tuple[str, int]]) -> None:
    stands = moves.grant(NOW + 60 * DAY) if begun == "granted" else moves.ask(begun, NOW, N)  # type: ignore[arg-type]
    at, appeals, extensions, sent = NOW, 0, 0, False
    for name, days in done:
        at += days * DAY
        before = stands
        try:
            stands = MOVES[name](before, at)
        except MoveRefused:
            continue
        # What is over stays as it is, by whatever is tried.
        if before.state in ENDS:
            assert stands == before
        if stands.state in ENDS:
            assert stands.due_at is None
            assert stands.ending == ""
        # An order that may be at the store is never forgotten: it ends by the store's word alone.
        if before.placing == "unknown" and stands.placing != "unknown":
            assert name in ("ordered", "called_off")
        if stands.placing or stands.ending:
            assert stands.kind == "free"
        # An end is told at once or waits; a shipped one isn't called off.
        if name in ("withdraw", "cancel"):
            assert before.state in moves.UNSENT
            assert stands.ending or stands.state in ("withdrawn", "cancelled")
        sent = sent or stands.state in ("shipped", "delivered")
        if sent:
            assert stands.state in ("shipped", "delivered", "missed", "appealed", "fulfilled", "excused", "cancelled")
        appeals += name == "appeal"
        extensions += name == "extend"
        assert appeals <= 1
        assert extensions <= 1
        if name == "tick" and stands == before and before.state in OPEN and not before.ending:
            assert not moves.due(before, at)
    # The clock alone brings every sample that waits for nobody at the store to rest.
    for _ in range(6):
        at += 365 * DAY
        stands = moves.tick(stands, at, N)
    still = stands.state in ENDS or (stands.state == "missed" and stands.due_at is None)
    assert still or stands.state in ("ordered", "appealed") or stands.placing == "unknown" or stands.ending


@pytest.mark.parametrize(
    ("move", "begin", "days"),
    [
        ("approve", moves.ask("free", NOW, N), 7),
        ("decline", moves.ask("refundable", NOW, N), 7),
        ("take_up", moves.grant(NOW + 60 * DAY), 60),
        ("bought", moves.approve(moves.ask("refundable", NOW, N), NOW, N, placed_by_us=False), 14),
        ("extend", moves.deliver(Standing("free", "shipped"), N, NOW), 14),
        ("extend", moves.deliver(Standing("refundable", "shipped"), N, NOW), 90),
        ("appeal", moves.tick(moves.deliver(Standing("free", "shipped"), N, NOW - 14 * DAY), NOW, N), 14),
    ],
)
def test_at_the_deadline_it_is_too_late_and_a_second_before_it_is_not(move: str, begin: Standing, days: int) -> None:
    assert begin.due_at == NOW + days * DAY
    MOVES[move](begin, NOW + days * DAY - SECOND)
    assert moves.tick(begin, NOW + days * DAY - SECOND, N) == begin
    for late in (timedelta(0), SECOND):
        with pytest.raises(MoveRefused) as caught:
            MOVES[move](begin, NOW + days * DAY + late)
        assert caught.value.code.endswith("_late")
        assert moves.tick(begin, NOW + days * DAY + late, N) != begin


def test_a_shipped_one_is_taken_to_have_arrived_and_a_later_arrival_gives_more_time() -> None:
    stands = moves.ship(moves.approve(moves.ask("free", NOW, N), NOW, N, placed_by_us=False), N, NOW)
    arrived = moves.tick(stands, NOW + 30 * DAY, N)  # the worker was away: the deadline counts, not the look
    assert (arrived.state, arrived.due_at) == ("delivered", NOW + (10 + 14) * DAY)
    assert moves.corrected(arrived, N, NOW + 12 * DAY).due_at == NOW + 26 * DAY
    assert moves.corrected(arrived, N, NOW + 2 * DAY) == arrived  # earlier takes nothing away
    longer = moves.extend(arrived, NOW + 20 * DAY, N)
    assert longer.due_at == NOW + 31 * DAY
    assert moves.corrected(longer, N, NOW + 12 * DAY).due_at == NOW + 33 * DAY
    missed = moves.tick(longer, NOW + 31 * DAY, N)
    assert (missed.state, missed.due_at) == ("missed", NOW + 45 * DAY)
    appealed = moves.appeal(missed, NOW + 45 * DAY - SECOND)
    assert moves.decide(appealed, "fulfilled").state == "fulfilled"
    for_good = moves.decide(appealed, "missed")
    assert (for_good.state, for_good.due_at) == ("missed", None)
    with pytest.raises(MoveRefused, match="appealed_already"):
        moves.appeal(for_good, NOW + 40 * DAY)


def test_what_may_be_at_the_store_is_neither_sent_by_hand_nor_lapses_nor_ends_by_itself() -> None:
    stands = moves.asked_store(moves.approve(moves.ask("free", NOW, N), NOW, N, placed_by_us=True))
    for act in (moves.by_hand, lambda s: moves.ship(s, N, NOW), lambda s: moves.readdress(s, placed_by_us=True)):
        with pytest.raises(MoveRefused, match="being_placed"):
            act(stands)
    assert moves.tick(stands, NOW + 365 * DAY, N) == stands
    ending = moves.withdraw(stands, NOW)
    assert (ending.state, ending.ending) == ("approved", "withdrawn")
    with pytest.raises(MoveRefused, match="being_ended"):
        moves.cancel(ending, NOW)
    assert moves.called_off(ending).state == "withdrawn"
    # It was shipped meanwhile: it goes on.
    on_its_way = moves.not_called_off(moves.ordered(ending))
    assert (on_its_way.state, on_its_way.ending) == ("ordered", "")
    waiting = moves.not_placed(stands)
    assert moves.by_hand(waiting).placing == ""
    arrived = moves.deliver(moves.by_hand(waiting), N, NOW)  # nobody marked it as sent, and it came
    assert (arrived.state, arrived.due_at) == ("delivered", NOW + 14 * DAY)
    with pytest.raises(MoveRefused, match="being_placed"):
        moves.deliver(stands, N, NOW)
    assert msgspec.structs.replace(moves.tick(waiting, NOW + 14 * DAY, N)).state == "lapsed"
