"""A month is closed once, in the shop's zone; what it settles equals the ledger; negatives are carried."""

from __future__ import annotations

import pytest

from connector.audit import AuditRow
from connector.earnings.ledger.tables import Entry
from connector.earnings.settlement.tables import Closing, Statement, StatementLine
from connector.errors import Conflict, InputRefused, NotFound
from tests.settlement.books import Books, utc


@pytest.fixture
def shop(books: Books) -> str:
    return books.shop()


@pytest.fixture
def mira(books: Books) -> str:
    return books.creator("mira")


def totals(books: Books) -> list[tuple[int, int]]:
    return [(row.total, row.carried) for row in sorted(books.rows(Statement), key=lambda row: row.created_at)]


def test_a_closing_makes_a_statement_a_creator_with_its_lines(books: Books, shop: str, mira: str) -> None:
    tal = books.creator("tal")
    for creator, amount in ((mira, 600), (mira, 150), (tal, 333)):
        books.line(shop, creator, amount, clears_at=utc("2026-11-16"))
    books.clear(shop, utc("2026-11-30"))
    [closing] = books.close(shop, "2026-11", utc("2026-12-01T00:00"))
    assert (closing.starts_at, closing.ends_at) == (utc("2026-11-01"), utc("2026-12-01"))
    assert (closing.total, closing.currency, closing.closed_at) == (1083, "USD", utc("2026-12-01"))
    statements = {row.creator_id: row for row in books.rows(Statement)}
    assert {creator: row.total for creator, row in statements.items()} == {mira: 750, tal: 333}
    lines = books.rows(StatementLine)
    assert sorted(row.amount for row in lines if row.statement_id == statements[mira].id) == [150, 600]
    balance = books.balance(mira)
    assert (balance.pending, balance.cleared, balance.settled) == (0, 0, 750)
    assert {row.statement_id for row in books.rows(Entry) if row.kind == "settlement"} == {
        row.id for row in statements.values()
    }
    assert [(row.actor, row.act, row.subject) for row in books.rows(AuditRow)] == [
        ("staff:jo", "period.close", closing.id)
    ]


@pytest.mark.parametrize(
    ("zone", "last_of_november", "first_of_december"),
    [
        ("America/New_York", "2026-12-01T04:59:59", "2026-12-01T05:00:00"),
        ("Asia/Tokyo", "2026-11-30T14:59:59", "2026-11-30T15:00:00"),
        ("Pacific/Apia", "2026-11-30T10:59:59", "2026-11-30T11:00:00"),
    ],
)
def test_a_month_ends_at_midnight_of_the_shops_own_zone(
    books: Books, mira: str, zone: str, last_of_november: str, first_of_december: str
) -> None:
    shop = books.shop(time_zone=zone)
    books.line(shop, mira, 100, clears_at=utc(last_of_november))
    books.line(shop, mira, 7, clears_at=utc(first_of_december))
    books.clear(shop, utc("2026-12-04"))
    assert [closing.total for closing in books.close(shop, "2026-11", utc("2026-12-05"))] == [100]
    assert books.balance(mira).cleared == 7
    assert [closing.total for closing in books.close(shop, "2026-12", utc("2027-01-05"))] == [7]


def test_a_month_cant_be_closed_before_it_is_over(books: Books, shop: str) -> None:
    with pytest.raises(Conflict, match="isn't over yet"):
        books.close(shop, "2026-11", utc("2026-11-30T23:59:59"))
    assert books.rows(Closing) == []


def test_a_month_is_closed_once_and_in_order(books: Books, shop: str) -> None:
    books.close(shop, "2026-11", utc("2026-12-02"))
    with pytest.raises(Conflict, match="closed already"):
        books.close(shop, "2026-11", utc("2026-12-03"))
    with pytest.raises(Conflict, match="lies before it"):
        books.close(shop, "2026-10", utc("2026-12-03"))
    books.close(shop, "2026-12", utc("2027-01-02"))
    assert [row.period for row in books.rows(Closing)] == ["2026-11", "2026-12"]


def test_no_closing_lies_before_an_earlier_one(books: Books, shop: str) -> None:
    books.close(shop, "2026-11", utc("2027-02-10"))
    with pytest.raises(Conflict, match="may lie before that"):
        books.close(shop, "2026-12", utc("2027-01-02"))


@pytest.mark.parametrize("period", ["2026-13", "november", ""])
def test_what_isnt_a_month_is_refused(books: Books, shop: str, period: str) -> None:
    with pytest.raises(InputRefused):
        books.close(shop, period, utc("2027-01-01"))


def test_an_unknown_shop_is_refused(books: Books) -> None:
    with pytest.raises(NotFound):
        books.close("shp_none", "2026-11", utc("2027-01-01"))


def test_a_refund_before_the_closing_comes_off_and_one_after_it_is_a_new_line(
    books: Books, shop: str, mira: str
) -> None:
    first = books.line(shop, mira, 600, clears_at=utc("2026-11-16"))
    second = books.line(shop, mira, 400, clears_at=utc("2026-11-17"))
    books.clear(shop, utc("2026-11-20"))
    books.earn(first, -100, utc("2026-12-02"))  # after the month, before its closing
    books.close(shop, "2026-11", utc("2026-12-05"))
    assert totals(books) == [(900, 0)]
    books.earn(second, -250, utc("2026-12-09"))
    assert books.balance(mira).cleared == -250
    books.close(shop, "2026-12", utc("2027-01-02"))
    assert totals(books) == [(900, 0), (-250, 900)]
    assert books.balance(mira).settled == 650


def test_a_closings_instant_decides_what_it_knew(books: Books, shop: str, mira: str) -> None:
    line = books.line(shop, mira, 600, clears_at=utc("2026-11-16"))
    books.clear(shop, utc("2026-11-20"))
    books.earn(line, -600, utc("2026-12-03"))
    books.close(shop, "2026-11", utc("2026-12-01"))  # run on the 5th, say, and named for the 1st
    assert totals(books) == [(600, 0)]
    balance = books.balance(mira)
    assert (balance.cleared, balance.settled) == (-600, 600)
    books.close(shop, "2026-12", utc("2027-01-02"))
    assert books.balance(mira).owed == 0


def test_pending_money_stays_pending(books: Books, shop: str, mira: str) -> None:
    books.line(shop, mira, 600, clears_at=utc("2026-12-16"), placed_at=utc("2026-11-20"))
    assert [closing.total for closing in books.close(shop, "2026-11", utc("2026-12-01"))] == [0]
    assert books.rows(Statement) == []
    assert books.balance(mira).pending == 600


def test_currencies_are_never_added(books: Books, mira: str) -> None:
    shop = books.shop("EUR")
    books.line(shop, mira, 600, clears_at=utc("2026-11-16"), currency="EUR")
    books.line(shop, mira, 60, clears_at=utc("2026-11-16"), currency="JPY")
    books.clear(shop, utc("2026-11-20"))
    closings = books.close(shop, "2026-11", utc("2026-12-01"))
    assert [(closing.currency, closing.total) for closing in closings] == [("EUR", 600), ("JPY", 60)]
