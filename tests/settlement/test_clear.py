"""Pending becomes cleared when the hold is over, nothing is open and the decision is final; never twice."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from connector.earnings.commission.tables import Clearance
from connector.earnings.ledger.tables import Entry
from tests.settlement.books import Books, utc

HOLD_OVER = utc("2026-11-16T10:00")


@pytest.fixture
def shop(books: Books) -> str:
    return books.shop()


@pytest.fixture
def mira(books: Books) -> str:
    return books.creator("mira")


def clearances(books: Books) -> list[Entry]:
    return [entry for entry in books.rows(Entry) if entry.kind == "clearance"]


def test_a_line_clears_at_the_second_its_hold_is_over(books: Books, shop: str, mira: str) -> None:
    books.line(shop, mira, 600, clears_at=HOLD_OVER)
    assert books.clear(shop, HOLD_OVER - timedelta(microseconds=1)) == 0
    assert books.balance(mira).pending == 600
    assert books.clear(shop, HOLD_OVER) == 1
    balance = books.balance(mira)
    assert (balance.pending, balance.cleared) == (0, 600)
    assert books.clear(shop, HOLD_OVER + timedelta(days=30)) == 0
    assert [entry.reason for entry in clearances(books)] == ["delivered"]


def test_an_open_return_stops_the_clock_until_it_is_closed(books: Books, shop: str, mira: str) -> None:
    """E24: delivered 1 November, 15 days; a return opened on the 14th and closed on the 25th without refund."""
    line = books.line(shop, mira, 600, clears_at=HOLD_OVER, blocked="return")
    assert books.clear(shop, utc("2026-11-16T12:00")) == 0
    assert books.clear(shop, utc("2026-11-24T23:59")) == 0
    books.follow(line, utc("2026-11-25T09:00"), blocked="")
    assert books.clear(shop, utc("2026-11-27T00:00")) == 1
    # it could clear from the 25th on, whenever the worker came by
    assert [entry.occurred_at for entry in clearances(books)] == [utc("2026-11-25T09:00")]


def test_nothing_clears_before_its_decision_is_final(books: Books, shop: str, mira: str) -> None:
    books.line(shop, mira, 600, clears_at=HOLD_OVER, pinned=False)
    assert books.clear(shop, HOLD_OVER + timedelta(days=1)) == 0
    assert books.balance(mira).pending == 600


def test_a_late_worker_doesnt_move_a_line_into_the_next_month(books: Books, shop: str, mira: str) -> None:
    books.line(shop, mira, 600, clears_at=utc("2026-11-30T23:59:59"))
    books.clear(shop, utc("2026-12-03T00:00"))
    assert [entry.occurred_at for entry in clearances(books)] == [utc("2026-11-30T23:59:59")]
    assert [row.cleared_at for row in books.rows(Clearance)] == [utc("2026-12-03T00:00")]


@pytest.mark.parametrize("clears_at", [None, HOLD_OVER + timedelta(days=1)])
def test_what_has_no_date_or_a_later_one_waits(books: Books, shop: str, mira: str, clears_at: datetime | None) -> None:
    books.line(shop, mira, 600, clears_at=clears_at, placed_at=utc("2026-10-20"))
    assert books.clear(shop, HOLD_OVER) == 0


def test_a_line_that_was_given_back_whole_clears_without_an_entry(books: Books, shop: str, mira: str) -> None:
    line = books.line(shop, mira, 600, clears_at=HOLD_OVER)
    books.earn(line, -600, utc("2026-11-10"))
    assert books.clear(shop, HOLD_OVER) == 1
    assert clearances(books) == []
    # what it gains later is booked as cleared (F6): here an adjustment
    books.earn(line, 5, utc("2026-11-20"))
    assert books.balance(mira).cleared == 5


def test_another_shops_lines_are_left_alone(books: Books, shop: str, mira: str) -> None:
    other = books.shop()
    books.line(other, mira, 600, clears_at=HOLD_OVER)
    assert books.clear(shop, HOLD_OVER) == 0
    assert books.clear(other, HOLD_OVER) == 1


def test_it_goes_on_batch_by_batch_to_the_end(books: Books, shop: str, mira: str) -> None:
    for amount in range(1, 6):
        books.line(shop, mira, amount, clears_at=HOLD_OVER)
    counts = []
    while done := books.clear(shop, HOLD_OVER, limit=2):
        counts.append(done)
    assert counts == [2, 2, 1]
    assert books.balance(mira).cleared == 15
