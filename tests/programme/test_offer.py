"""The rate at a moment: precedence by kind, the 30-day protection, ads, events, and the calendar a creator reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connector.programme.collaborations import calendar
from connector.programme.collaborations.offer import PROTECTION, Offers, Promotion, Rate, Version, in_effect, rate_at
from connector.web import rate_words

DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
CHANGE = datetime(2026, 11, 1, 9, tzinfo=UTC)  # day 0 of E17
LONG_AGO = CHANGE - 400 * DAY
_numbers = iter(range(1, 10**9))


def version(rate_bp: int | None, starts: datetime, **given: Any) -> Version:
    number = next(_numbers)
    facts: dict[str, Any] = {"product_ref": "", "version": number, "starts_at": starts, **given}
    return Version(terms_id=f"trm_{number}", rate_bp=rate_bp, **facts)


def promoting(creator: str = "old", since: datetime = LONG_AGO, until: datetime | None = None) -> Promotion:
    return Promotion(creator, "A", since, until)


def bp(offers: Offers, moment: datetime, creator: str | None = "old", **asked: Any) -> int | None:
    rate = rate_at(offers, creator_id=creator, product_ref="A", moment=moment, **asked)
    return None if rate is None else rate.rate_bp


def test_e17_a_cut_is_kept_off_for_thirty_days_and_a_raise_comes_at_once() -> None:
    cut = Offers([version(1500, LONG_AGO), version(1200, CHANGE)], [promoting()])
    assert [bp(cut, CHANGE + n * DAY) for n in (-1, 20, 31)] == [1500, 1500, 1200]
    assert bp(cut, CHANGE + 20 * DAY, "new") == 1200
    raised = Offers([version(1500, LONG_AGO), version(1200, CHANGE), version(1800, CHANGE + 5 * DAY)], [promoting()])
    assert [bp(raised, CHANGE + n * DAY) for n in (4, 5, 40)] == [1500, 1800, 1800]


def test_e20_a_target_wins_even_where_it_is_lower() -> None:
    target = version(800, CHANGE, kind="targeted", creator_id="old", ends_at=CHANGE + 60 * DAY)
    offers = Offers([version(1500, LONG_AGO), target], [promoting()])
    rate = rate_at(offers, creator_id="old", product_ref="A", moment=CHANGE + DAY)
    # Accepting it gives up the old open rate: protection works inside the winning kind only.
    assert rate == Rate(800, target.terms_id, "targeted")
    assert bp(offers, CHANGE + DAY, "new") == 1500
    # Afterwards the open rate counts again, and nothing of the target is kept: an end is no cut.
    assert [bp(offers, CHANGE + 60 * DAY - TICK), bp(offers, CHANGE + 60 * DAY)] == [800, 1500]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Pacific/Auckland"])
def test_protection_is_thirty_times_24_hours_to_the_microsecond_whatever_the_clocks_do(zone: str) -> None:
    """A cut at local midnight before the clocks go back, and one across a leap day."""
    for local in (datetime(2026, 10, 20), datetime(2027, 3, 1), datetime(2028, 2, 10)):
        change = local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        offers = Offers([version(1500, LONG_AGO), version(1200, change)], [promoting()])
        end = change + PROTECTION
        assert end - change == timedelta(hours=720)
        assert [bp(offers, moment) for moment in (end - TICK, end)] == [1500, 1200]
        spans = calendar.spans(offers, creator_id="old", product_ref="A", since=change)
        assert [(span.ends_at, span.rate.rate_bp if span.rate else None) for span in spans] == [
            (end, 1500),
            (None, 1200),
        ]


def test_already_promoted_means_before_the_change_and_not_removed_since() -> None:
    versions = [version(1500, LONG_AGO), version(1200, CHANGE)]
    then = CHANGE + 10 * DAY
    for promotion, kept in (
        (promoting(since=CHANGE - TICK), True),
        (promoting(since=CHANGE), False),
        (promoting(until=then + TICK), True),
        (promoting(until=then), False),  # removed: the lock is gone from then on
        (promoting(until=CHANGE + DAY), False),
        (promoting("another"), False),
        (Promotion("old", "B", LONG_AGO), False),
    ):
        assert bp(Offers(versions, [promotion]), then) == (1500 if kept else 1200), promotion
    taken_up_again = [promoting(until=CHANGE + DAY), promoting(since=CHANGE + 2 * DAY)]
    assert bp(Offers(versions, taken_up_again), then) == 1200


def test_of_several_cuts_the_highest_rate_that_is_still_kept_counts() -> None:
    offers = Offers([version(2000, LONG_AGO), version(1500, CHANGE), version(1200, CHANGE + 10 * DAY)], [promoting()])
    expected = {9: 2000, 29: 2000, 30: 1500, 39: 1500, 40: 1200}
    assert {n: bp(offers, CHANGE + n * DAY) for n in expected} == expected
    # Who began between the cuts keeps what stood when they began, not what stood before.
    late = Offers(offers.versions, [promoting(since=CHANGE + 5 * DAY)])
    assert [bp(late, CHANGE + n * DAY) for n in (6, 20, 40)] == [1500, 1500, 1200]


def test_what_ends_or_is_withdrawn_is_not_superseded() -> None:
    withdrawn = Offers([version(1500, LONG_AGO), version(None, CHANGE), version(1000, CHANGE + DAY)], [promoting()])
    assert [bp(withdrawn, CHANGE + n * DAY) for n in (0, 1)] == [None, 1000]
    # The product's own rate withdrawn: the shop's counts at once.
    own = Offers(
        [version(1000, LONG_AGO), version(1500, LONG_AGO, product_ref="A"), version(None, CHANGE, product_ref="A")],
        [promoting()],
    )
    assert [bp(own, CHANGE - TICK), bp(own, CHANGE)] == [1500, 1000]
    # A product's own rate in the place of the shop's is a cut like any other.
    narrower = Offers([version(1500, LONG_AGO), version(1200, CHANGE, product_ref="A")], [promoting()])
    assert [bp(narrower, CHANGE), bp(narrower, CHANGE, "new"), bp(narrower, CHANGE + PROTECTION)] == [1500, 1200, 1200]
    # Of two targets that follow one another the first has ended; one in the place of another is a cut.
    first, second = CHANGE - 10 * DAY, CHANGE
    following = Offers(
        [version(2000, first, kind="targeted", creator_id="old", ends_at=second),
         version(1000, second, kind="targeted", creator_id="old", ends_at=second + 60 * DAY)], [promoting()],
    )  # fmt: skip
    assert bp(following, second) == 1000
    replaced = Offers(
        [version(2000, first, kind="targeted", creator_id="old", ends_at=second + 60 * DAY),
         version(1000, second, kind="targeted", creator_id="old", ends_at=second + 60 * DAY)], [promoting()],
    )  # fmt: skip
    assert [bp(replaced, second + 29 * DAY), bp(replaced, second + 30 * DAY)] == [2000, 1000]


def test_the_shop_s_own_terms_count_where_nothing_else_does() -> None:
    store = version(500, LONG_AGO, kind="store")
    offers = Offers([store, version(1500, CHANGE, product_ref="A"), version(None, CHANGE + DAY, product_ref="A")])
    kinds = [rate_at(offers, creator_id="x", product_ref="A", moment=CHANGE + n * DAY) for n in (-1, 0, 1)]
    assert [(rate.kind, rate.rate_bp) for rate in kinds if rate] == [("store", 500), ("open", 1500), ("store", 500)]


def test_an_ads_rate_is_that_of_the_winning_plan_and_knows_no_protection() -> None:
    versions = [version(1500, LONG_AGO, ads_bp=900), version(1200, CHANGE, ads_bp=400), version(1000, CHANGE + 9 * DAY)]
    offers = Offers(versions, [promoting()])
    ads = rate_at(offers, creator_id="old", product_ref="A", moment=CHANGE, through_ad=True)
    assert ads == Rate(400, versions[1].terms_id, "open", ads=True, basis="ads")
    assert bp(offers, CHANGE) == 1500
    # Without an ads rate a tap on an ad earns what every tap does, kept rates too.
    assert bp(offers, CHANGE + 9 * DAY, through_ad=True) == 1500
    target = version(700, CHANGE, kind="targeted", creator_id="old", ends_at=CHANGE + DAY)
    assert bp(Offers([*versions, target], [promoting()]), CHANGE, through_ad=True) == 700


def test_an_event_lifts_the_open_rate_while_it_lives_and_leaves_nothing_behind() -> None:
    event = version(2500, CHANGE, kind="event", ends_at=CHANGE + 3 * DAY, ads_bp=600)
    offers = Offers([version(1500, LONG_AGO), event, version(3000, CHANGE + 2 * DAY)], [promoting()])
    assert [bp(offers, CHANGE + n * DAY) for n in (-1, 0, 1, 2, 3)] == [1500, 2500, 2500, 3000, 3000]
    rate = rate_at(offers, creator_id="new", product_ref="A", moment=CHANGE)
    assert rate == Rate(2500, event.terms_id, "open", basis="event")
    assert bp(offers, CHANGE, through_ad=True) == 600
    ended = Offers([version(1500, LONG_AGO), event], [promoting()])
    assert bp(ended, CHANGE + 3 * DAY) == 1500
    target = version(800, CHANGE, kind="targeted", creator_id="old", ends_at=CHANGE + DAY)
    assert bp(Offers([*ended.versions, target]), CHANGE) == 800


def test_rates_for_new_buyers_and_for_codes_stand_only_where_they_are_offered() -> None:
    special = version(1500, LONG_AGO, new_buyer_bp=2000, code_rates={"MIRA10": 800, "*": 1000})
    offers = Offers([special])
    assert bp(offers, CHANGE) == bp(offers, CHANGE, returning=True) == bp(offers, CHANGE, returning=None) == 1500
    assert bp(offers, CHANGE, returning=False) == 2000
    assert bp(offers, CHANGE, code=" mira10 ") == 800
    assert bp(offers, CHANGE, code="other", returning=False) == 1000
    plain = Offers([version(1500, LONG_AGO)])
    assert bp(plain, CHANGE, code="mira10", returning=False) == 1500
    # A cut of what a code earns is kept off like any other.
    cut = Offers([version(1500, LONG_AGO), version(1500, CHANGE, code_rates={"*": 800})], [promoting()])
    assert [bp(cut, CHANGE + n * DAY, code="mira10") for n in (1, 30)] == [1500, 800]
    assert bp(cut, CHANGE + DAY, "new", code="mira10") == 800


def test_what_was_called_off_never_was() -> None:
    planned = version(1000, CHANGE)
    offers = Offers(
        [version(1500, LONG_AGO), planned, version(None, CHANGE, calls_off=planned.terms_id)], [promoting()]
    )
    assert bp(offers, CHANGE + DAY) == bp(offers, CHANGE + DAY, "new") == 1500
    assert len(in_effect(offers.versions)) == 1
    assert rate_words.calendar(
        calendar.spans(offers, creator_id="old", product_ref="A", since=CHANGE - DAY)
    ) == "15\u00a0%"  # fmt: skip


def test_a_creator_reads_the_calendar() -> None:
    offers = Offers([version(1500, LONG_AGO), version(1200, CHANGE)], [promoting()])
    spans = calendar.spans(offers, creator_id="old", product_ref="A", since=CHANGE + 10 * DAY)
    assert rate_words.calendar(spans) == "15\u00a0% for you until 1 Dec 2026, then 12\u00a0%"
    event = version(2050, CHANGE + 20 * DAY, kind="event", ends_at=CHANGE + 22 * DAY)
    spans = calendar.spans(Offers([event]), creator_id="old", product_ref="A", since=CHANGE)
    assert rate_words.calendar(spans) == (
        "Nothing until 21 Nov 2026, then 20.5\u00a0% in an event until 23 Nov 2026, then nothing"
    )


# Properties over any history

_moments = st.integers(-60, 60).map(lambda n: CHANGE + n * timedelta(hours=18))
_rates = st.sampled_from([100, 800, 1200, 1500, 8000])


@st.composite
def histories(draw: st.DrawFn) -> Offers:
    found: list[Version] = []
    for kind, creator, product in draw(
        st.lists(
            st.sampled_from(
                [("open", None, ""), ("open", None, "A"), ("open", None, "B"), ("store", None, ""),
                 ("event", None, ""), ("event", None, "A"), ("targeted", "old", ""), ("targeted", "old", "A")]
            ), max_size=9,
        )
    ):  # fmt: skip
        starts = draw(_moments)
        ends = starts + draw(st.integers(1, 50)) * DAY if kind in ("targeted", "event") else None
        withdrawn = kind in ("open", "store") and draw(st.integers(0, 5)) == 0
        found.append(
            version(
                None if withdrawn else draw(_rates), starts, kind=kind, creator_id=creator, product_ref=product,
                ends_at=ends, ads_bp=None if withdrawn else draw(st.none() | _rates),
            )
        )  # fmt: skip
    promotions = draw(
        st.lists(st.tuples(_moments, st.integers(1, 80) | st.none()).map(
            lambda t: Promotion("old", "A", t[0], None if t[1] is None else t[0] + t[1] * DAY)), max_size=2)
    )  # fmt: skip
    return Offers(found, promotions)


@settings(max_examples=300)
@given(histories(), _moments)
@example(Offers([version(1500, CHANGE), version(1200, CHANGE + DAY)], [promoting()]), CHANGE + 2 * DAY)
def test_nobody_gets_less_than_the_rules_guarantee(offers: Offers, moment: datetime) -> None:
    """R5 in its own words, over any history: what stood in the winning kind within the last 30 days, while the creator
    had the product, counts unless it ended or was withdrawn; and never more than the highest of what was offered."""
    rate = rate_at(offers, creator_id="old", product_ref="A", moment=moment)
    stranger = rate_at(offers, creator_id=None, product_ref="A", moment=moment)
    if rate is None:
        assert stranger is None
        return
    offered = {v.rate_bp for v in offers.versions if v.rate_bp is not None}
    assert rate.rate_bp in offered
    if rate.kind != "targeted" and stranger is not None:
        assert rate.kind == stranger.kind
        assert rate.rate_bp >= stranger.rate_bp  # a promoter never earns less than who begins today
    if not any(p.starts_at < moment and (p.ends_at is None or p.ends_at > moment) for p in offers.promotions):
        assert rate.kept_until is None
    if rate.kept_until is not None:
        assert moment < rate.kept_until <= moment + PROTECTION
        before = rate_at(offers, creator_id="old", product_ref="A", moment=rate.kept_until - PROTECTION - TICK)
        assert before is not None  # it did stand, just before the cut
        assert before.rate_bp >= rate.rate_bp or before.kind != rate.kind


@given(histories(), _moments)
def test_the_calendar_says_what_will_be_paid(offers: Offers, since: datetime) -> None:
    """Every stretch holds at its start, in its middle and just before its end, and none is missing."""
    spans = calendar.spans(offers, creator_id="old", product_ref="A", since=since, most=99)
    assert spans[0].starts_at == since
    assert [span.ends_at for span in spans[:-1]] == [span.starts_at for span in spans[1:]]
    assert spans[-1].ends_at is None
    for span in spans:
        end = span.ends_at or span.starts_at + 500 * DAY
        for moment in (span.starts_at, span.starts_at + (end - span.starts_at) / 2, end - TICK):
            assert bp(offers, moment) == (span.rate.rate_bp if span.rate else None)


@given(histories(), _moments, st.booleans())
def test_the_order_in_which_versions_are_read_changes_nothing(offers: Offers, moment: datetime, ad: bool) -> None:
    asked: dict[str, Any] = {"creator_id": "old", "product_ref": "A", "moment": moment, "through_ad": ad}
    turned = Offers(offers.versions[::-1], offers.promotions[::-1])
    assert rate_at(offers, **asked) == rate_at(turned, **asked)
    known = Offers([v for v in offers.versions if v.starts_at <= moment], offers.promotions)
    assert rate_at(known, **asked) == rate_at(offers, **asked)  # F1: what starts later changes nothing
