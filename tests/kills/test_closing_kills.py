"""kill -9 at every stop inside a closing: done again it settles once, and ends as a closing that nobody disturbed.

Also what a closing lets through: between its pieces a delivery is accepted and a refund is booked, the audit is right
and nobody sees a statement; and two closings with two payouts at once settle and pay once.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from connector import clock, db
from connector.db import Database
from connector.earnings.ledger import checks as ledger_checks
from connector.earnings.ledger.tables import Entry
from connector.earnings.payouts.tables import Payout
from connector.earnings.settlement import checks as settlement_checks
from connector.earnings.settlement import close, pieces
from connector.earnings.settlement.tables import (
    Closing,
    ClosingPiece,
    ClosingRun,
    Invoice,
    InvoiceLine,
    Reserve,
    Statement,
    StatementLine,
)  # fmt: skip
from connector.errors import Conflict, LedgerRefused
from connector.operations import books as audit
from connector.operations import rounds
from tests.kills.dying import die, run
from tests.settlement.books import SYSTEM, Books, utc

pytestmark = pytest.mark.kill

AS_OF = utc("2026-12-01T06:00")
# Inside of the transaction that the call stands in, or between two: `ready` is called when nothing is open.
STOPS = (
    ("begin", "after", 1),
    ("ready", "before", 1),
    ("book", "after", 1),
    ("ready", "before", 3),
    ("book", "after", 4),
    ("finish", "before", 1),
    ("finish", "after", 1),
)


@pytest.fixture
def books(database: Database, monkeypatch: pytest.MonkeyPatch) -> Books:
    monkeypatch.setattr(pieces, "ROWS", 2)
    db.use(database)
    return Books(database)


def full(books: Books) -> str:
    """A shop with three creators, five lines, a correction to come and a reserve."""
    from connector.commerce.shops import settings

    shop = books.shop()
    with books.database.write(SYSTEM) as session:
        early = utc("2026-01-02")
        settings.change(session, shop, "reserve_bp", 1000, by="test", starts_at=early, now=early)
    for handle, amounts in (("mira", (600, 150)), ("tal", (333,)), ("uma", (70, 9))):
        creator = books.creator(f"{handle}_{shop[-6:]}")
        for amount in amounts:
            books.line(shop, creator, amount, clears_at=utc("2026-11-16"))
    books.clear(shop, utc("2026-11-30"))
    return shop


def said(books: Books, shop: str) -> dict[str, Any]:
    """All that a closing leaves, without ids."""
    with books.database.read(SYSTEM) as session:

        def of(query: sa.Select[Any]) -> list[Any]:
            return sorted(tuple(row) for row in session.execute(query))

        statements = sa.select(Statement.id).where(Statement.shop_id == shop)
        invoices = sa.select(Invoice.id).where(Invoice.shop_id == shop)
        return {
            "closings": of(sa.select(Closing.period, Closing.total, Closing.closed_at).where(Closing.shop_id == shop)),
            "statements": of(
                sa.select(Statement.total, Statement.carried, Statement.reserved).where(Statement.shop_id == shop)
            ),
            "lines": of(sa.select(StatementLine.amount).where(StatementLine.statement_id.in_(statements))),
            "invoice": of(sa.select(Invoice.total, Invoice.orders).where(Invoice.shop_id == shop)),
            "asked": of(sa.select(InvoiceLine.commission).where(InvoiceLine.invoice_id.in_(invoices))),
            "reserves": of(sa.select(Reserve.amount).where(Reserve.shop_id == shop)),
            "entries": of(sa.select(Entry.kind, sa.func.count()).where(Entry.shop_id == shop).group_by(Entry.kind)),
            "left": of(sa.select(ClosingRun.id).where(ClosingRun.shop_id == shop)),
        }


def all_well(books: Books) -> None:
    """The checks that are about settlement and the ledger: these shops' orders never came as deliveries."""
    with books.database.read(SYSTEM) as session:
        assert [wrong for check in settlement_checks.CHECKS for wrong in check(session)] == []
        assert ledger_checks.examine(session) == []
        assert audit.statements_are_the_ledgers(session) == []


def test_a_closing_killed_at_every_stop_settles_once(books: Books) -> None:
    """One shop, killed at each stop in its turn; the next process goes on where the one before was killed."""
    calm, shop = full(books), full(books)
    close.in_pieces(calm, "2026-11", AS_OF, "command")
    expected = said(books, calm)
    assert expected["closings"] == [("2026-11", 1162, AS_OF)]
    assert (len(expected["statements"]), len(expected["lines"]), expected["reserves"]) == (3, 5, [(8,), (33,), (75,)])
    for name, when, number in STOPS:
        books.database.engine.dispose()  # nothing of this process's connections goes into the child

        def closing(name: str = name, when: str = when, number: int = number) -> None:
            die(pieces, name, when, number)
            db.use(Database(books.database.url.render_as_string(hide_password=False)))
            close.in_pieces(shop, "2026-11", AS_OF, "command")

        assert run(closing) == -signal.SIGKILL, (name, when, number)
        seen = said(books, shop)
        assert seen["closings"] == seen["statements"] == seen["invoice"] == [], (name, when)
        all_well(books)
    [closing] = close.in_pieces(shop, "2026-11", AS_OF, "command")
    assert closing.total == 1162
    assert said(books, shop) == expected
    assert sorted(row.number for row in books.rows(Invoice)) == [1, 2]
    with pytest.raises(Conflict, match="closed already"):
        close.in_pieces(shop, "2026-11", AS_OF, "command")


def test_between_two_pieces_all_else_goes_on(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second writer books a refund of a line that isn't settled yet, and of one that is: both are next month's."""
    shop = full(books)
    mira = books.creator("mira")
    lines = [books.line(shop, mira, amount, clears_at=utc("2026-11-17")) for amount in (400, 500)]
    books.clear(shop, utc("2026-11-30"))
    stops = 0

    def look(booked: int, whole: int) -> None:
        nonlocal stops
        stops += 1
        assert whole == 8, "four pieces of lines, four of the invoice"
        if booked in (2, 6):
            # Where one transaction held the writer, this would wait for the closing's end.
            books.earn(lines[stops > 2], -100, utc("2026-11-20"))
            assert said(books, shop)["statements"] == []
            made = books.pay(f"meanwhile {booked}", AS_OF)
            assert [row for row in books.rows(Payout) if row.batch_id == made.id] == []
            with pytest.raises(Conflict, match="being closed"):
                close.begin(shop, "2026-12", utc("2027-01-02"), "test")
            all_well(books)

    begun = close.begin(shop, "2026-11", AS_OF, "test")
    [closing] = close.carry_on(shop, look)
    assert (closing.id, closing.total, stops) == (begun[0], 2062, 8)
    [after] = close.in_pieces(shop, "2026-12", utc("2027-01-02"), "test")
    assert after.total == -200
    all_well(books)


def test_a_closing_that_fails_holds_no_other_shop_up(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    bent, good = sorted((full(books), full(books)))
    for shop in (bent, good):
        close.begin(shop, "2026-11", AS_OF, "test")
    real = close.carry_on

    def carry_on(shop_id: str) -> list[Closing]:
        if shop_id == bent:
            raise LedgerRefused("an entry that doesn't sum to zero")
        return real(shop_id)

    with monkeypatch.context() as patched:
        patched.setattr(close, "carry_on", carry_on)
        assert rounds.carry_on_closings(clock.wall() + timedelta(minutes=1)) == 1
    assert [row.shop_id for row in books.rows(Closing)] == [good]
    assert rounds.carry_on_closings(clock.wall() + timedelta(minutes=1)) == 1
    all_well(books)


def test_settled_and_paid_twice_at_once_is_once(books: Books) -> None:
    shop = full(books)
    results: list[Any] = []

    def doing(act: Any) -> Iterator[None]:
        try:
            results.append(act())
        except Conflict as conflict:
            results.append(conflict)
        yield

    def at_once(*acts: Any) -> None:
        ready = threading.Barrier(len(acts))

        def run(act: Any) -> None:
            ready.wait(10)
            list(doing(act))

        threads = [threading.Thread(target=run, args=(act,)) for act in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

    at_once(*[partial(close.in_pieces, shop, "2026-11", AS_OF, "command")] * 3)
    assert len(results) == 3
    assert any(isinstance(result, list) and result for result in results), results
    expected = said(books, shop)
    assert (len(expected["closings"]), len(expected["statements"]), expected["left"]) == (1, 3, [])
    day: datetime = utc("2026-12-10")
    at_once(*[partial(books.pay, "one", day)] * 2, partial(books.pay, "two", day))
    assert sorted(row.amount for row in books.rows(Payout)) == [71, 300, 675]
    assert books.rows(ClosingPiece) == []
