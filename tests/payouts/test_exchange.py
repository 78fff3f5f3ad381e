"""The app's own exchanges: shared over shops to the last unit, booked in each currency, and `fx` comes to zero."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from connector import clock, db
from connector.access import staff
from connector.audit import AuditRow
from connector.cli import connector
from connector.db import Database
from connector.earnings.ledger import checks, outstanding, queries
from connector.earnings.payouts import conversion, exchange, outcomes, policy
from connector.earnings.payouts.conversion import Rate
from connector.earnings.payouts.exchange import Deal, Open, shared
from connector.earnings.payouts.outcomes import Heard
from connector.earnings.payouts.policy import Policy
from connector.earnings.payouts.rails import Told
from connector.earnings.payouts.tables import BankExchange, BankExchangePart, Payout
from connector.errors import Conflict, InputRefused, NotAllowed
from connector.operations.books import exchanges_are_the_ledgers, payouts_are_the_ledgers
from connector.operations.rebuild import settled
from connector.operations.rebuild.difference import Verified
from connector.operations.rebuild.tally import Tally
from tests.payees.details import MIRA, version
from tests.settlement.books import SYSTEM, Books, utc

DAY = utc("2026-12-10")
OPEN = st.builds(Open, st.integers(-50, 10**9), st.integers(0, 10**9))


def some(currency: str) -> int | None:
    """What one person may exchange alone."""
    return {"EUR": 1000}.get(currency)


@given(
    opened=st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), OPEN, min_size=1),
    steps=st.lists(st.tuples(st.integers(1, 100), st.integers(1, 10**9)), max_size=4),
)
def test_what_is_open_closes_to_the_last_unit_however_it_is_exchanged(
    opened: dict[str, Open], steps: list[tuple[int, int]]
) -> None:
    whole = sum(each.sold for each in opened.values() if each.sold > 0)
    with pytest.raises(InputRefused):
        shared(opened, whole + 1, 1)
    for per_cent, bought in [*steps, (100, 1)] if whole else ():
        sold = max(1, whole * per_cent // 100)
        parts = shared(opened, sold, bought)
        assert (sum(part.sold for part in parts), sum(part.bought for part in parts)) == (sold, bought)
        for part in parts:
            was = opened[part.shop_id]
            assert 0 <= part.sold <= max(was.sold, 0)
            assert 0 <= part.covers <= was.bought
            assert part.difference == part.covers - part.bought
            opened[part.shop_id] = Open(was.sold - part.sold, was.bought - part.covers)
            assert was.sold != part.sold or opened[part.shop_id].bought == 0, "what is closed is closed on both sides"
        whole -= sold
        if not whole:
            break
    assert all(each.sold <= 0 for each in opened.values())


def fx(books: Books) -> dict[tuple[str, str], int]:
    """(account, currency) → sum of what conversion touches; every check of the audit about it holds."""
    with books.database.read(SYSTEM) as session:
        assert checks.examine(session) == []
        assert payouts_are_the_ledgers(session) == []
        assert exchanges_are_the_ledgers(session) == []
        found: dict[tuple[str, str], int] = {}
        for (_, currency, account), amount in queries.accounts(session).items():
            if account in ("fx", "exchange_difference", "bank"):
                found[account, currency] = found.get((account, currency), 0) + amount
        tally = Tally()
        settled.add_up(session, tally, Verified(), None)
        rebuilt: dict[tuple[str, str], int] = {}
        for (_, currency, account, _), amount in tally.balances().items():
            if account in ("fx", "exchange_difference", "bank"):
                rebuilt[account, currency] = rebuilt.get((account, currency), 0) + amount
    found = {key: amount for key, amount in found.items() if amount}
    assert found == {key: amount for key, amount in rebuilt.items() if amount}
    return found


def converted(books: Books) -> tuple[str, str]:
    """Two shops whose creator is paid 500 and 250 EUR cents as 542 and 271 USD cents; the first shop."""
    shops, mira = (books.shop("EUR"), books.shop("EUR")), books.creator("mira")
    with books.database.write(SYSTEM) as session:
        session.add(version(mira, msgspec.structs.replace(MIRA, currency="USD"), number=2))
        conversion.enter(session, Rate("EUR", "USD", "1.0842", "ECB", DAY), "staff:jo", now=DAY)
    for shop, amount in zip(shops, (500, 250), strict=True):
        books.line(shop, mira, amount, clears_at=utc("2026-11-16"), currency="EUR")
        books.clear(shop, utc("2026-11-20"))
        books.close(shop, "2026-11", utc("2026-12-02"))
    books.paid(books.pay("first", DAY, "EUR").id, DAY)
    return shops


def deal(sold: int, bought: int, reference: str) -> Deal:
    return Deal(sold, "EUR", bought, "USD", reference, date(2026, 12, 9))


def test_an_exchange_closes_what_payouts_opened(books: Books) -> None:
    shop, other = converted(books)
    assert fx(books) == {("fx", "EUR"): -750, ("fx", "USD"): 813, ("bank", "USD"): -813}
    with books.database.write(SYSTEM) as session:
        for wrong, field in (
            (deal(751, 800, "x"), "sold"), (deal(0, 1, "x"), "sold"), (deal(1, 0, "x"), "bought"),
            (deal(1, 1, " "), "reference"), (Deal(1, "EUR", 1, "EUR", "x", date(2026, 12, 9)), "bought_currency"),
            (Deal(1, "EUR", 1, "USD", "x", date(2026, 12, 12)), "on"),
        ):  # fmt: skip
            with pytest.raises(InputRefused) as refused:
                exchange.record(session, wrong, "staff:ada", some, DAY)
            assert refused.value.field == field
        first = exchange.record(session, deal(300, 323, "bank 1"), "staff:ada", some, DAY)
        assert exchange.record(session, deal(300, 323, "bank 1"), "staff:jo", some, DAY).id == first.id
        with pytest.raises(Conflict, match="another exchange"):
            exchange.record(session, deal(301, 323, "bank 1"), "staff:jo", some, DAY)
        parts = {part.shop_id: (part.sold, part.bought, part.covers) for part in exchange.parts_of(session, first.id)}
        assert parts == {shop: (200, 215, 217), other: (100, 108, 108)}
    assert fx(books) == {
        ("fx", "EUR"): -450, ("fx", "USD"): 488, ("bank", "EUR"): -300, ("bank", "USD"): -490,
        ("exchange_difference", "USD"): 2,
    }  # fmt: skip
    with books.database.write(SYSTEM) as session:
        exchange.record(session, deal(450, 490, "bank 2"), "staff:ada", some, DAY)
    whole = {("bank", "EUR"): -750, ("bank", "USD"): 0, ("exchange_difference", "USD"): 0}
    assert fx(books) == {key: amount for key, amount in whole.items() if amount}, "323 + 490 are the 813 that left"
    with books.database.read(SYSTEM) as session:
        assert outstanding.currencies(session, shop) == ["EUR"], "nothing is to be closed in dollars"
        assert [row.paid for row in queries.balances(session, shop_id=shop)] == [500], "nobody's balance moves"
    # One was the other bank's: taken back, once, in the very same shares.
    with books.database.write(SYSTEM) as session:
        exchange.undo(session, first.id, "staff:ada", "typed twice", DAY)
        for twice in (first.id, exchange.newest(session)[0].id):
            with pytest.raises(Conflict, match="no exchange that stands"):
                exchange.undo(session, twice, "staff:ada", "again", DAY)
    assert fx(books)["fx", "EUR"] == -300
    # The bank's own reference is free again: for other figures, and for the same ones.
    for amount in (299, 300):
        with books.database.write(SYSTEM) as session:
            anew = exchange.record(session, deal(amount, 323, "bank 1"), "staff:ada", some, DAY)
            assert anew.id != first.id
        assert fx(books).get(("fx", "EUR"), 0) == amount - 300
        with books.database.write(SYSTEM) as session:
            exchange.undo(session, anew.id, "staff:ada", "typed wrongly", DAY)
    # Money comes back that was exchanged already, and leaves again at another rate: the next exchange closes all of it.
    with books.database.write(SYSTEM) as session:
        exchange.record(session, deal(300, 325, "bank 3"), "staff:ada", some, DAY)
        payout = session.scalars(sa.select(Payout.id).where(Payout.amount == 500)).one()
        outcomes.take(session, [Heard(payout, Told("returned", "bank_returned"))], DAY, "staff:jo")
        assert exchange.positions(session) == {("EUR", "USD"): {shop: Open(-500, -542)}}
        again = DAY + timedelta(days=1)
        conversion.enter(session, Rate("EUR", "USD", "1.1", "ECB", again), "staff:jo", now=again)
    books.paid(books.pay("again", again, "EUR").id, again)
    mira = books.rows(Payout)[0].creator_id
    books.line(other, mira, 100, clears_at=utc("2026-12-03"), currency="EUR")
    books.clear(other, utc("2026-12-05"))
    books.close(other, "2026-12", utc("2027-01-02"))
    with books.database.write(SYSTEM) as session:
        later = utc("2027-01-03")
        conversion.enter(session, Rate("EUR", "USD", "1.1", "ECB", later), "staff:jo", now=later)
    books.paid(books.pay("third", later, "EUR").id, later)
    with books.database.write(SYSTEM) as session:
        assert exchange.positions(session) == {("EUR", "USD"): {shop: Open(0, 8), other: Open(100, 110)}}
        exchange.record(session, deal(100, 120, "bank 4"), "staff:ada", some, later)
        assert exchange.positions(session) == {}
    assert {key for key in fx(books) if key[0] == "fx"} == set()
    # What the audit would say of rows that were tampered with.
    with books.database.write(SYSTEM) as session:
        session.query(BankExchangePart).filter(BankExchangePart.exchange_id == first.id).update({"covers": 0})
    with books.database.read(SYSTEM) as session:
        assert {wrong.about.split()[0] for wrong in exchanges_are_the_ledgers(session)} >= {first.id, shop}


def test_exchanges_of_a_day_ask_for_a_second_person_together(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By command, as finance does it: 7.00 alone, then 0.50 more passes the 7.00 that one person may exchange a day."""
    books = Books(sqlite_database)
    db.use(books.database)
    monkeypatch.setattr(clock, "now", lambda: DAY)
    monkeypatch.setattr("connector.operations.paying.exchanges.open_process", lambda: None)
    converted(books)
    monkeypatch.setattr(policy, "_current", Policy("7, USD 100", 4))
    with books.database.write(SYSTEM) as session:
        for name in ("Ada", "Fay"):
            staff.ensure(session, name, "finance", by="test")

    def say(*args: str) -> tuple[int, str]:
        done = CliRunner().invoke(connector, ["exchange", *args])
        return done.exit_code, done.output + str(getattr(done.exception, "public", ""))

    bank = ["--on", "2026-12-09", "--by", "Ada", "--book"]
    assert "EUR 7.50 for USD 8.13 are open" in say("list")[1]
    looked = say("record", "EUR 7.00", "USD 7.58", "--reference", "b 1")
    assert "EUR 4.67" in looked[1]
    assert "Nothing is booked" in looked[1]
    assert books.rows(BankExchange) == []
    assert "recorded" in say("record", "EUR 7.00", "USD 7.58", "--reference", "b 1", *bank)[1]
    nobody = say("record", "EUR 0.50", "USD 0.55", "--reference", "b 2", "--book")
    assert "--by" in nobody[1]
    assert nobody[0] == 1
    assert "waits" in say("record", "EUR 0.50", "USD 0.55", "--reference", "b 2", *bank)[1]
    assert len(books.rows(BankExchangePart)) == 2
    waits = next(row for row in books.rows(BankExchange) if row.state == "waits")
    with books.database.write(SYSTEM) as session:
        with pytest.raises(NotAllowed):
            exchange.decide(session, waits.id, yes=True, by="staff:Ada", as_of=DAY)
        exchange.decide(session, waits.id, yes=True, by="staff:Fay", as_of=DAY)
        with pytest.raises(Conflict):
            exchange.decide(session, waits.id, yes=False, by="staff:Fay", as_of=DAY)
    assert {key for key in fx(books) if key[0] == "fx"} == set()
    assert "Nothing is open" in say("list")[1]
    assert "taken back" in say("undo", waits.id, "--why", "another bank's", "--by", "Fay")[1]
    assert {row.act for row in books.rows(AuditRow)} >= {
        "exchange.record", "exchange.ask", "exchange.approve", "exchange.undo",
    }  # fmt: skip
