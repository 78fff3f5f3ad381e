"""Products in content: never more than 30 at a moment, each with its time, and states that follow from facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from connector.programme.content import places
from connector.programme.content.places import Span

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
hours = st.integers(-20, 20).map(lambda n: NOW + timedelta(hours=n))
spans = st.tuples(hours, st.none() | st.integers(1, 30)).map(
    lambda each: (each[0], None if each[1] is None else each[0] + timedelta(hours=each[1]))
)
STATUSES = ("shoppable", "not_shoppable", "gone", None)


def there(span: Span, moment: datetime) -> bool:
    return span[0] <= moment and (span[1] is None or moment < span[1])


@given(st.lists(spans, max_size=12), spans)
def test_the_most_at_once_is_what_counting_hour_by_hour_finds(standing: list[Span], wanted: Span) -> None:
    every = [NOW + timedelta(hours=n) for n in range(-20, 80)]
    counted = max(1 + sum(there(each, moment) for each in standing) for moment in every if there(wanted, moment))
    assert places.at_once(standing, wanted) == counted


@given(spans, spans)
def test_two_overlap_where_a_moment_is_in_both(one: Span, other: Span) -> None:
    every = [NOW + timedelta(hours=n) for n in range(-20, 80)]
    assert places.overlap(one, other) == any(there(one, moment) and there(other, moment) for moment in every)
    assert places.overlap(one, other) == places.overlap(other, one)


@given(spans, st.sampled_from(STATUSES), hours)
def test_it_can_be_tapped_only_in_its_time_and_while_it_is_sold(span: Span, status: str | None, now: datetime) -> None:
    state = places.state(span, status, now)
    assert (state == "active") == (there(span, now) and status == "shoppable")
    if span[1] is not None and span[1] <= now:
        assert state == "ended"
    elif status in ("gone", None):
        assert state == "product_gone"
