"""Settled balances above zero are paid once; what can't be paid is set aside with a reason and the rest goes on."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from connector import money
from connector.audit import AuditRow
from connector.commerce.shops import settings
from connector.earnings.ledger import journal
from connector.earnings.ledger.entry import Draft, DraftPosting, owed
from connector.earnings.ledger.tables import Entry
from connector.earnings.payouts import batch
from connector.earnings.payouts.tables import Payout, PayoutBatch, SetAside
from connector.errors import Conflict, InputRefused, MoneyRefused, NotFound
from connector.programme.creators.tables import Creator, CreatorFollowers, CreatorStatus, Payee
from tests.settlement.books import SYSTEM, Books, utc

DAY = utc("2026-12-10")


@pytest.fixture
def shop(books: Books) -> str:
    return books.shop()


@pytest.fixture
def mira(books: Books) -> str:
    return books.creator("mira")


def settled(books: Books, shop_id: str, creator_id: str, amount: int, month: str = "2026-11") -> None:
    """A line that earned `amount` and is in a closed statement."""
    books.line(shop_id, creator_id, amount, clears_at=utc(f"{month}-16"))
    books.clear(shop_id, utc(f"{month}-20"))
    year, number = map(int, month.split("-"))
    books.close(shop_id, month, utc(f"{year + number // 12}-{number % 12 + 1:02d}-02"))


def aside(books: Books) -> list[tuple[str, str, int, int]]:
    return sorted((row.reason, row.creator_id, row.amount, row.missing) for row in books.rows(SetAside))


def test_a_settled_balance_is_paid_and_confirmed(books: Books, shop: str, mira: str) -> None:
    settled(books, shop, mira, 600)
    made = books.pay("2026-11 USD", DAY)
    assert (made.rows, made.total, made.status, made.prepared_at) == (1, 600, "prepared", DAY)
    balance = books.balance(mira)
    assert (balance.settled, balance.in_transit, balance.paid) == (0, 600, 0)
    done = books.paid(made.id, utc("2026-12-12"))
    assert (done.status, done.sent_at, done.paid_at) == ("paid", utc("2026-12-12"), utc("2026-12-12"))
    balance = books.balance(mira)
    assert (balance.owed, balance.in_transit, balance.paid) == (0, 0, 600)
    [row] = books.rows(Payout)
    assert (row.status, row.paid_at, row.sequence) == ("paid", utc("2026-12-12"), 1)
    assert [entry.kind for entry in books.rows(Entry) if entry.subject == f"payout:{row.id}"] == [
        "payout",
        "payout_paid",
    ]
    assert [entry.act for entry in books.rows(AuditRow) if entry.subject == made.id] == [
        "payout.prepare",
        "payout.sent",
        "payout.paid",
    ]


def test_the_same_key_gives_the_same_batch(books: Books, shop: str, mira: str) -> None:
    settled(books, shop, mira, 600)
    first = books.pay("one", DAY)
    settled(books, shop, mira, 50, "2026-12")
    assert books.pay("one", utc("2027-01-10")).id == first.id
    assert books.balance(mira).settled == 50
    second = books.pay("two", utc("2027-01-10"))
    assert (second.id != first.id, second.total) == (True, 50)
    assert sorted(row.sequence for row in books.rows(Payout)) == [1, 2]


def test_a_key_of_another_currency_is_refused(books: Books, shop: str, mira: str) -> None:
    books.pay("one", DAY)
    with pytest.raises(Conflict, match="in USD"):
        books.pay("one", DAY, currency="EUR")


def test_below_the_minimum_nothing_is_paid_and_the_rest_is_named(books: Books, shop: str, mira: str) -> None:
    """E28: 2,450 of a minimum of 2,500: no payout, carried, shown with the missing 50."""
    tal = books.creator("tal")
    settled(books, shop, mira, 2450)
    settled(books, shop, tal, 2500, "2026-12")
    made = books.pay("one", DAY, minimum=2500)
    assert (made.rows, made.total) == (1, 2500)
    assert aside(books) == [("below_minimum", mira, 2450, 50)]
    assert books.balance(mira).settled == 2450


def test_the_minimum_is_a_dated_setting_of_the_shop(books: Books, shop: str, mira: str) -> None:
    with books.database.write(SYSTEM) as session:
        settings.change(
            session, shop, "minimum_payout", 2500, by="staff:jo", starts_at=utc("2026-12-05"), now=utc("2026-11-01")
        )
    settled(books, shop, mira, 2450)
    books.pay("after", utc("2026-12-10"))
    assert aside(books) == [("below_minimum", mira, 2450, 50)]
    assert books.pay("before", utc("2026-12-04")).total == 2450


def test_the_minimum_applies_to_the_sum_over_shops(books: Books, shop: str, mira: str) -> None:
    other = books.shop()
    settled(books, shop, mira, 2000)
    settled(books, other, mira, 500)
    made = books.pay("one", DAY, minimum=2500)
    assert (made.rows, made.total) == (2, 2500)
    assert {(row.shop_id, row.amount) for row in books.rows(Payout)} == {(shop, 2000), (other, 500)}


def test_shops_never_net(books: Books, shop: str, mira: str) -> None:
    other = books.shop()
    line = books.line(other, mira, 600, clears_at=utc("2026-10-16"))
    books.clear(other, utc("2026-10-20"))
    books.close(other, "2026-10", utc("2026-11-01"))
    books.pay("october", utc("2026-11-02"))
    books.earn(line, -600, utc("2026-11-05"))
    books.close(other, "2026-11", utc("2026-12-01"))
    settled(books, shop, mira, 450)
    made = books.pay("november", DAY)
    assert made.total == 450  # all of it, although 600 are owed back at the other shop
    assert aside(books) == [("negative_balance", mira, -600, 0)]


def test_a_refund_after_the_payout_is_carried_forward(books: Books, shop: str, mira: str) -> None:
    """E25: paid 600, refunded, next earning 450: balance -150, nothing is paid, and it is carried."""
    line = books.line(shop, mira, 600, clears_at=utc("2026-10-16"))
    books.clear(shop, utc("2026-10-20"))
    books.close(shop, "2026-10", utc("2026-11-01"))
    books.paid(books.pay("october", utc("2026-11-02")).id, utc("2026-11-03"))
    books.earn(line, -600, utc("2026-11-05"))
    settled(books, shop, mira, 450)
    assert books.balance(mira).settled == -150
    made = books.pay("november", DAY)
    assert (made.rows, made.total) == (0, 0)
    assert aside(books) == [("negative_balance", mira, -150, 0)]
    settled(books, shop, mira, 200, "2026-12")
    assert books.pay("december", utc("2027-01-10")).total == 50


def test_what_isnt_settled_isnt_paid(books: Books, shop: str, mira: str) -> None:
    books.line(shop, mira, 600, clears_at=utc("2026-11-16"))
    books.line(shop, mira, 70, clears_at=utc("2026-12-30"))
    books.clear(shop, DAY)
    assert books.pay("one", DAY).total == 0
    balance = books.balance(mira)
    assert (balance.cleared, balance.pending) == (600, 70)


def test_a_shop_that_pays_when_funded_is_left_out(books: Books, shop: str, mira: str) -> None:
    settled(books, shop, mira, 600)
    with books.database.write(SYSTEM) as session:
        settings.change(session, shop, "payout_when", "funded", by="staff:jo", starts_at=DAY, now=utc("2026-11-01"))
    assert books.pay("one", DAY).rows == 0
    assert aside(books) == [("unfunded", mira, 600, 0)]


def test_a_bad_row_is_set_aside_and_the_batch_goes_on(books: Books, shop: str, mira: str) -> None:
    ghost, whale = books.creator("ghost"), books.creator("whale")
    for creator in (mira, ghost):
        books.line(shop, creator, 600, clears_at=utc("2026-11-16"))
    books.clear(shop, utc("2026-11-20"))
    books.close(shop, "2026-11", utc("2026-12-01"))
    with books.database.write(SYSTEM) as session:
        for half in ("a", "b"):  # more than one entry may hold
            postings = (
                DraftPosting("merchant_receivable", money.LARGEST),
                owed("creator_settled", money.LARGEST, whale),
            )
            journal.post(
                session,
                Draft(reference=half, subject=half, kind="accrual", shop_id=shop, currency="USD", reason="test",
                      occurred_at=DAY, postings=postings),
            )  # fmt: skip
        session.execute(sa.delete(Payee).where(Payee.creator_id == ghost))
        session.execute(sa.delete(CreatorFollowers).where(CreatorFollowers.creator_id == ghost))
        session.execute(sa.delete(CreatorStatus).where(CreatorStatus.creator_id == ghost))
        session.execute(sa.delete(Creator).where(Creator.id == ghost))
    made = books.pay("one", DAY)
    assert (made.rows, made.total) == (1, 600)
    assert aside(books) == sorted([("creator_unknown", ghost, 600, 0), ("ledger_refused", whale, 2 * money.LARGEST, 0)])


def test_only_what_was_sent_is_marked_as_paid_and_repeats_change_nothing(books: Books, shop: str, mira: str) -> None:
    settled(books, shop, mira, 600)
    made = books.pay("one", DAY)
    with pytest.raises(Conflict, match="mark it as sent first"), books.database.write(SYSTEM) as session:
        batch.mark_paid(session, made.id, DAY, "staff:jo")
    books.paid(made.id, DAY)
    again = books.paid(made.id, utc("2026-12-20"))
    assert again.paid_at == DAY
    assert books.balance(mira).paid == 600


@pytest.mark.parametrize(
    ("key", "currency", "minimum", "error"),
    [("", "USD", 0, InputRefused), ("one", "DOLLAR", 0, MoneyRefused), ("one", "USD", -1, InputRefused)],
)
def test_what_cant_be_prepared_is_refused(
    books: Books, key: str, currency: str, minimum: int, error: type[InputRefused]
) -> None:
    with pytest.raises(error):
        books.pay(key, DAY, currency=currency, minimum=minimum)
    assert books.rows(PayoutBatch) == []


def test_an_unknown_batch_is_refused(books: Books) -> None:
    with pytest.raises(NotFound):
        books.paid("bat_none", DAY)
