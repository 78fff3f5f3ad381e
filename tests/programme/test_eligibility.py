"""Who may take part: the policy's judgement as arithmetic, and its versions through time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.db import Database, Scope
from connector.errors import InputRefused
from connector.programme.creators.handles import canonical, unmixed
from connector.programme.policies import eligibility as policies
from connector.programme.policies.eligibility import BORN_WITH, Facts, Numbers, age, count, judge, standing

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
GROWN = date(1998, 4, 30)
NUMBERS = Numbers()


def facts(followers: int, **changes: Any) -> Facts:
    return Facts(**{"born_on": GROWN, "counts": [(NOW - 90 * DAY, followers)], **changes})


@pytest.mark.parametrize(("day", "least", "pilot"), [("2024-04-30", 5000, 0), ("2024-05-01", 1000, 5000)])
def test_the_threshold_was_another_one_until_may_2024(day: str, least: int, pilot: int) -> None:
    moment = datetime.fromisoformat(day).replace(tzinfo=UTC)
    policy = standing(BORN_WITH, moment)
    assert (policy.numbers.least_followers, policy.numbers.pilot_below) == (least, pilot)
    for followers, outcome in ((least - 1, "refused"), (least, "accepted")):
        judged = judge(policy, facts(followers, counts=[(moment, followers)]), moment)
        assert (judged.outcome, judged.policy.id) == (outcome, policy.id)


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (facts(5000), ""),
        (facts(999), "too_few_followers"),
        (facts(0, counts=[]), "too_few_followers"),
        (facts(5000, born_on=None), "age_unknown"),
        (facts(5000, born_on=date(2008, 11, 21)), "under_age"),
        (facts(5000, born_on=date(2008, 11, 20)), ""),
        (facts(5000, country_off=True), "country_closed"),
        (facts(900, counts=[(NOW - 30 * DAY, 900), (NOW - DAY, 9000)]), "followers_jumped"),
        (facts(900, counts=[(NOW - 30 * DAY, 900), (NOW - 7 * DAY, 9000)]), ""),
    ],
)
def test_the_reason_of_a_refusal(known: Facts, reason: str) -> None:
    judged = judge(BORN_WITH[-1], known, NOW)
    assert judged.reason == reason
    assert judged.outcome == ("accepted" if not reason else "held" if reason == "followers_jumped" else "refused")


@pytest.mark.parametrize(
    ("born", "day", "years"),
    [("2008-11-20", "2026-11-19", 17), ("2008-11-20", "2026-11-20", 18), ("2008-02-29", "2026-02-28", 17),
     ("2008-02-29", "2026-03-01", 18), ("2008-12-31", "2026-01-01", 17)],
)  # fmt: skip
def test_years_are_whole(born: str, day: str, years: int) -> None:
    assert age(date.fromisoformat(born), date.fromisoformat(day)) == years


def test_a_pilot_period_ends_with_its_days_or_with_followers_enough() -> None:
    policy = BORN_WITH[-1]
    assert judge(policy, facts(4999), NOW).pilot_until == NOW + 30 * DAY
    assert judge(policy, facts(4999, accepted_at=NOW - 29 * DAY), NOW).pilot_until == NOW + DAY
    assert judge(policy, facts(4999, accepted_at=NOW - 30 * DAY), NOW).pilot_until is None
    assert judge(policy, facts(5000), NOW).pilot_until is None


histories = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 10**6)), max_size=8).map(
    lambda rows: [(NOW - days * DAY, number) for days, number in sorted(rows, reverse=True)]
)


@given(histories)
def test_no_count_is_believed_beyond_what_was_said(counts: list[tuple[datetime, int]]) -> None:
    said, believed = count(counts, NUMBERS, NOW)
    assert believed <= said
    assert believed in {0, *(number for _, number in counts)}
    if believed < said:  # a jump: threefold what was said first, and by a thousand
        assert said >= 3 * counts[0][1]
        assert said - counts[0][1] >= 1000
    # What stands for a week is believed, whatever it was before.
    assert count(counts, NUMBERS, NOW + 7 * DAY) == (said, said)
    # What is said later changes nothing of before.
    assert count([*counts, (NOW + DAY, 5)], NUMBERS, NOW) == (said, believed)


@given(histories, st.integers(0, 10**6))
def test_a_fall_is_believed_at_once(counts: list[tuple[datetime, int]], to: int) -> None:
    _, believed = count(counts, NUMBERS, NOW - timedelta(seconds=1))
    to = min(to, believed)
    assert count([*counts, (NOW, to)], NUMBERS, NOW)[1] == to


@pytest.mark.parametrize("typed", ["mіra", "mира", "ℳира", "한글かな", "mira_привет", "مira"])
def test_mixed_scripts_are_refused(typed: str) -> None:
    with pytest.raises(InputRefused, match="scripts") as refused:
        unmixed(canonical(typed))
    assert refused.value.field == "handle"


@pytest.mark.parametrize("typed", ["mira", "мира", "みら_ラー漢mira", "한글abc", "मीरा", "2026", "a.b-c_9", "İpek"])
def test_one_script_or_what_a_language_writes_together_is_fine(typed: str) -> None:
    assert unmixed(canonical(typed)) == canonical(typed)


def test_a_policy_changes_from_a_moment_on_and_every_version_stays(database: Database) -> None:
    with database.write(Scope.system("test")) as session:
        third = policies.change(
            session, {"least_followers": 2000}, why="Fewer, closer.", by="staff:jo", starts_at=NOW + DAY, now=NOW
        )
        assert (third.version, third.numbers.pilot_below) == (3, 5000)
        assert policies.at(session, NOW).version == 2
        assert policies.at(session, NOW + DAY) == third
        assert [each.version for each in policies.every(session)] == [1, 2, 3]
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"least_followers": -1}, "least_followers"), ({"least_age": 17}, "least_age"),
            ({"least_followers": True}, "least_followers"), ({"colour": 3}, "colour"),
            ({"least_followers": 2000}, "numbers"),
        ]  # fmt: skip
        for numbers, field in wrong:
            with pytest.raises(InputRefused) as refused:
                policies.change(session, numbers, why="x", by="t", starts_at=NOW + 2 * DAY, now=NOW)
            assert refused.value.field == field
        for changes, field in (
            ({"why": " "}, "why"), ({"starts_at": NOW - DAY}, "starts_at"), ({"starts_at": NOW + DAY}, "starts_at")
        ):  # fmt: skip
            asked: dict[str, Any] = {"why": "x", "starts_at": NOW + 2 * DAY, **changes}
            with pytest.raises(InputRefused) as refused:
                policies.change(session, {"least_followers": 9}, by="t", now=NOW, **asked)
            assert refused.value.field == field


@given(histories, st.integers(0, 30), st.integers(0, 30))
def test_time_alone_never_makes_a_count_less_believed(counts: list[tuple[datetime, int]], days: int, more: int) -> None:
    """A dip of a day, just a week ago, must not turn a count that stood before it into a jump."""
    early = NOW + days * DAY
    assert count(counts, NUMBERS, early)[1] <= count(counts, NUMBERS, early + more * DAY)[1]
    dip = [(NOW - 10 * DAY, 1001), (NOW - 7 * DAY, 1), (NOW - 6 * DAY, 1001)]
    assert count(dip, NUMBERS, NOW) == (1001, 1001)
